"""One server and one browser for all flows. Without a Chromium they are skipped, except in CI, where they must run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Browser, Page

from tests.browser import server as servers


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if servers.chromium() is None:
        if os.environ.get("CI"):
            pytest.fail("No Chromium found, and in CI the browser flows must run.")
        pytest.skip("no Chromium found on this machine")
    with servers.browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def address(chromium: Browser) -> Iterator[str]:
    with servers.server() as running:
        yield running


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(servers.PATIENCE)
    page = context.new_page()
    yield page
    context.close()
