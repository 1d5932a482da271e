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


@pytest.fixture
def build(page: Page, address: str) -> Iterator[Page]:
    """The Build page, drawn; at the end it may have thrown nothing and asked no other server."""
    trouble: list[str] = []
    outside: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda r: r.url.startswith((address, "blob:", "data:")) or outside.append(r.url))
    page.goto(f"{address}/build")
    page.locator(".editor .canvas").wait_for()
    servers.settle(page)
    yield page
    assert trouble == []
    assert outside == []
