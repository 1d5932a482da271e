"""The transition table edited by hand: the drawing and the lab follow, and what is refused is told at the table."""

import pytest
from playwright.sync_api import Locator, Page, expect

from linattn_core.lab import Lab
from tests.browser.drawing import PATIENCE
from tests.browser.server import edit_cell, settle
from tests.browser.test_editor_build import machine_of, until

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

ROW, HEAD = 35, 35  # pixels
MARK, STATE, ON_A, ON_B = 16, 60, 260, 450  # from the left


def sheet(page: Page) -> Locator:
    return page.locator('[data-testid="stDataFrame"] canvas').first


def row(number: int) -> float:
    return HEAD + ROW * (number + 0.5)


def cells(page: Page, number: int) -> Locator:
    """A row of the table, as screen readers are told of it."""
    return sheet(page).locator("tr").nth(number + 1)


def press(page: Page, x: float, y: float) -> None:
    settle(page)
    sheet(page).scroll_into_view_if_needed()
    box = sheet(page).bounding_box()
    page.mouse.click(box["x"] + x, box["y"] + y)


def delete(page: Page, number: int) -> None:
    press(page, MARK, row(number))
    page.get_by_role("button", name="Delete row(s)").click()


def drawn(page: Page, name: str) -> Locator:
    return page.locator(".editor").get_by_role("button", name=name, exact=True)


def refused(page: Page, sentence: str) -> None:
    """The sentence stands right below the table, and nowhere else."""
    alert = page.get_by_role("alert").filter(has_text=sentence)
    expect(alert).to_have_count(1)
    settle(page)
    gap = alert.bounding_box()["y"] - (sheet(page).bounding_box()["y"] + sheet(page).bounding_box()["height"])
    assert 0 < gap < 120


def test_a_state_is_renamed_in_its_first_cell(build: Page):
    edit_cell(build, sheet(build), (STATE, row(1)), (), "seen a")
    machine = until(build, lambda m: "seen a" in m.states)
    assert machine.states == ("q0", "seen a", "q2", "q3")
    assert machine.transitions == Lab.default().machine.transitions
    expect(drawn(build, "state seen a")).to_be_visible()
    expect(drawn(build, "state q1")).to_have_count(0)
    expect(cells(build, 0)).to_contain_text("seen a")
    edit_cell(build, sheet(build), (STATE, row(1)), (), "q0")
    refused(build, "'q0' is used twice")
    assert machine_of(build) == machine
    expect(drawn(build, "state seen a")).to_be_visible()


def test_a_state_is_added_in_the_last_row_and_deleted_again(build: Page):
    start = machine_of(build)
    press(build, STATE, row(4))
    for column, text in ((STATE, "q9"), (ON_A, "q1"), (ON_B, "q3")):
        edit_cell(build, sheet(build), (column, row(3)), ("ArrowDown",), text)
    machine = until(build, lambda m: len(m.states) == 5)
    assert machine.states[4] == "q9"
    assert (machine.step("q9", "a"), machine.step("q9", "b")) == ("q1", "q3")
    expect(drawn(build, "state q9")).to_be_visible()
    edit_cell(build, sheet(build), (ON_A, row(0)), (), "q9")
    machine = until(build, lambda m: m.step("q0", "a") == "q9")
    expect(drawn(build, "edge from q0 to q9 on a")).to_be_visible()
    delete(build, 4)
    refused(build, "q9")  # q0 still leads there
    assert machine_of(build) == machine
    build.get_by_test_id("stSidebar").get_by_role("button", name="Undo").click()
    until(build, lambda m: m.step("q0", "a") == "q1")
    delete(build, 4)
    assert until(build, lambda m: len(m.states) == 4) == start
    expect(drawn(build, "state q9")).to_have_count(0)
    expect(build.get_by_role("alert").filter(has_text="q9")).to_have_count(0)


def test_the_start_cannot_be_deleted_and_the_page_says_what_to_do(build: Page):
    start = machine_of(build)
    delete(build, 0)
    refused(build, "No states are ticked as the start; tick exactly one.")
    assert machine_of(build) == start
    expect(drawn(build, "state q0, start")).to_be_visible()


def test_letters_are_added_renamed_and_deleted_and_the_drawing_follows(build: Page):
    field = build.get_by_role("textbox", name="Letters, separated by spaces")
    for letters, edge in (
        (("a", "b", "c"), "edge from q0 to itself on b, c"),
        (("a", "b", "x"), "edge from q0 to itself on b, x"),
        (("a", "x"), "edge from q0 to itself on x"),
    ):
        field.fill(" ".join(letters))
        field.press("Enter")
        until(build, lambda m, wanted=letters: m.alphabet == wanted)
        expect(drawn(build, edge)).to_be_visible()
        for letter in letters:
            expect(cells(build, -1)).to_contain_text(f"on {letter}")
    field.fill("a a")
    field.press("Enter")
    alert = build.get_by_role("alert").filter(has_text="'a' is used twice")
    expect(alert).to_be_visible()
    assert alert.bounding_box()["y"] > field.bounding_box()["y"]
    assert alert.bounding_box()["y"] < sheet(build).bounding_box()["y"]
    assert machine_of(build).alphabet == ("a", "x")
