"""The Traces page of a Turing lab in a real browser: choose a machine of the training set, watch its run."""

from __future__ import annotations

import contextlib

import pytest
from playwright.sync_api import Page, expect

from linattn_core.figures.turing_training import machines_seen, training_run
from linattn_core.lab import Lab
from tests.browser.server import PATIENCE, settle

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)


def choose_row(page: Page, number: int) -> None:
    """Tick a row of the first table. It is a canvas: a click that comes while the page still grows lands elsewhere."""
    table = page.locator('[data-testid="stDataFrame"] canvas').first
    for _ in range(6):
        settle(page)
        table.scroll_into_view_if_needed()
        before = table.bounding_box()
        page.wait_for_timeout(300)
        if before is None or table.bounding_box() != before:
            continue
        page.mouse.click(before["x"] + 15, before["y"] + 35 * number + 17)
        with contextlib.suppress(AssertionError):
            expect(page.locator(".tp-title")).to_contain_text(f"machine {number} of the traces", timeout=5_000)
            return
    raise AssertionError(f"row {number} was never chosen")


def test_a_machine_is_chosen_by_row_or_number_and_its_run_is_played(page: Page, address: str):
    lab = Lab.default_turing()
    seen = machines_seen(lab)
    page.goto(f"{address}/traces?lab={lab.to_token()}")
    expect(page.locator(".tp-title")).to_contain_text("machine 1 of the traces")
    settle(page)
    choose_row(page, 3)
    expect(page.get_by_role("spinbutton", name="Machine", exact=True)).to_have_value("3")
    settle(page)
    number = page.get_by_role("spinbutton", name="Machine", exact=True)
    number.fill("5")
    number.press("Enter")
    expect(page.locator(".tp-title")).to_contain_text("machine 5 of the traces")
    settle(page)
    run = training_run(lab, seen, 4)
    page.get_by_role("button", name="To the end").click()
    last = run.run.configurations[-1]
    assert page.locator(".tp-letter").all_inner_texts() == [run.machine.symbols[a] for a in last.tape]
    expect(page.locator(".tp-badge")).to_have_text("✓ as the plain simulator")
