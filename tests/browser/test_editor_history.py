"""The editor's undo is the lab's, figures follow a drag, and the program is sent once."""

import re

import pytest
from playwright.sync_api import Page, expect

from linattn_core.lab import Lab
from tests.browser.drawing import PATIENCE
from tests.browser.server import settle
from tests.browser.test_editor_build import until

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

LARGEST = 16 * 1024  # bytes of one message after a gesture; the editor's program alone has 60,000


def accept(page: Page, state: str) -> None:
    page.get_by_role("button", name=re.compile(rf"^state {state}\b")).focus()
    page.keyboard.press("a")


def sidebar(page: Page, name: str):
    return page.get_by_test_id("stSidebar").get_by_role("button", name=name)


def test_undo_in_the_editor_and_on_the_page_walk_one_history(build: Page):
    start = Lab.default().machine
    accept(build, "q1")
    first = until(build, lambda m: m.accepting == (1, 3))
    accept(build, "q2")
    second = until(build, lambda m: m.accepting == (1, 2, 3))
    canvas = build.locator(".editor .canvas")
    canvas.focus()
    build.keyboard.press("Control+z")
    assert until(build, lambda m: m != second) == first
    expect(sidebar(build, "Redo")).to_be_enabled()
    canvas.focus()
    build.keyboard.press("Control+z")
    assert until(build, lambda m: m != first) == start
    expect(sidebar(build, "Undo")).to_be_disabled()  # where the lab stood before anything was drawn
    sidebar(build, "Redo").click()
    assert until(build, lambda m: m != start) == first
    canvas.focus()
    build.keyboard.press("Control+y")  # the editor goes on where the page stopped
    assert until(build, lambda m: m != first) == second
    expect(sidebar(build, "Redo")).to_be_disabled()
    sidebar(build, "Undo").click()
    assert until(build, lambda m: m != second) == first
    sidebar(build, "Undo").click()
    assert until(build, lambda m: m != first) == start
    expect(build.locator(".editor").get_by_role("button", name="Undo")).to_be_disabled()


def test_a_drag_moves_the_recovered_automaton_too(build: Page):
    recovered = build.locator('[data-testid="stGraphVizChart"] g.node ellipse')
    before = recovered.evaluate_all("all => all.map((one) => one.getAttribute('cx') + ' ' + one.getAttribute('cy'))")
    state = build.get_by_role("button", name=re.compile(r"^state q2\b")).locator(".body").bounding_box()
    build.mouse.move(state["x"] + state["width"] / 2, state["y"] + state["height"] / 2)
    build.mouse.down()
    build.mouse.move(state["x"] + 60, state["y"] + 90, steps=5)
    build.mouse.up()
    until(build, lambda m: m.positions is not None)
    settle(build)
    after = recovered.evaluate_all("all => all.map((one) => one.getAttribute('cx') + ' ' + one.getAttribute('cy'))")
    assert after != before


def test_a_gesture_does_not_send_the_editors_program_again(page: Page, address: str):
    sizes: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sizes.append(len(frame))))
    page.goto(f"{address}/build")
    expect(page.locator(".editor .canvas")).to_be_visible()
    settle(page)
    assert max(sizes) > LARGEST  # it came once
    for state, accepting in (("q1", (1, 3)), ("q2", (1, 2, 3))):
        sizes.clear()
        accept(page, state)
        until(page, lambda m, wanted=accepting: m.accepting == wanted)
        assert sizes
        assert max(sizes) < LARGEST
