"""Turing machines in a real browser: edit a machine, let it be learned, run it, scrub back, see the tape."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from linattn_core.lab import Lab, TuringBuild
from linattn_core.machines.turing import simulate
from linattn_core.machines.turing_presets import turing_presets
from tests.browser.server import PATIENCE, edit_cell, settle

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

SAME = "✓ as the plain simulator"


def open_lab(page: Page, address: str, lab: Lab) -> None:
    page.goto(f"{address}/universal?lab={lab.to_token()}")
    expect(page.get_by_role("group", name="Run of the Turing machine")).to_be_visible()
    settle(page)


def tape(page: Page) -> list[str]:
    return page.locator(".tp-letter").all_inner_texts()


def head(page: Page) -> int:
    names = [one.get_attribute("aria-label") or "" for one in page.locator(".tp-cell").all()]
    return next(number for number, name in enumerate(names) if "the head is here" in name)


def slider(page: Page):
    return page.get_by_label("Moment of the run")


def test_the_tape_is_the_simulators_at_every_moment(page: Page, address: str):
    lab = Lab.default_turing()
    open_lab(page, address, lab)
    wanted = simulate(lab.turing.machine, (), 4, 60).configurations
    first = int(slider(page).get_attribute("min"))
    for step in range(len(wanted) - 1):
        slider(page).fill(str(first + 4 * step))
        assert [int(letter) for letter in tape(page)] == list(wanted[step].tape)
        assert head(page) == wanted[step].head
        assert page.locator(".tp-badge").inner_text() == SAME
    page.get_by_role("button", name="To the end").click()
    assert tape(page) == ["1", "1", "1", "1"]
    expect(page.locator(".tp-says")).to_contain_text("halts")


def test_step_back_play_and_keys_need_no_server(page: Page, address: str):
    open_lab(page, address, Lab.default_turing())
    page.evaluate(
        """() => {
            window._sent = 0;
            const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (message) { window._sent += 1; return send.call(this, message); };
        }"""
    )
    player = page.get_by_role("group", name="Run of the Turing machine")
    player.focus()
    start = int(slider(page).input_value())
    page.keyboard.press("ArrowRight")
    assert int(slider(page).input_value()) == start + 1
    page.keyboard.press("Shift+ArrowRight")
    assert int(slider(page).input_value()) == start + 4
    page.keyboard.press("End")
    last = int(slider(page).get_attribute("max"))
    assert int(slider(page).input_value()) == last
    page.get_by_role("button", name="One step back").click()
    assert int(slider(page).input_value()) < last
    player.focus()
    page.keyboard.press("Home")
    page.get_by_label("Speed").select_option("8")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(slider(page)).to_have_value(str(last))
    assert page.evaluate("() => window._sent") == 0


def test_edit_a_machine_learn_run_scrub_back(page: Page, address: str):
    open_lab(page, address, Lab.default_turing())
    sheet = page.locator('[data-testid="stDataFrame"] canvas').first
    width = sheet.bounding_box()["width"]
    edit_cell(page, sheet, (width * 0.92, 52), (), "halt")  # where the first rule moves
    expect(page.locator(".tp-title")).to_contain_text("my busy beaver 2")
    expect(page.locator(".tp-title")).to_contain_text("of 1")
    settle(page)
    expect(page.get_by_text("Green: proved for all 20,736 machines")).to_be_visible()
    page.get_by_role("button", name="To the end").click()
    assert tape(page) == ["1", "0", "0", "0"]
    expect(page.locator(".tp-state").first).to_have_text("B halted")
    page.get_by_role("button", name="To the beginning").click()
    assert tape(page) == ["0", "0", "0", "0"]


def test_learned_and_compiled_runs_look_alike_and_a_cell_can_be_followed(page: Page, address: str):
    preset = turing_presets()["parity"]
    lab = Lab.default_turing()
    build = TuringBuild(machine=preset.machine, word=tuple(preset.word))
    open_lab(page, address, lab.replace(build=build))
    page.get_by_role("button", name="To the end").click()
    learned, moment = tape(page), slider(page).input_value()
    assert int(moment) > int(slider(page).get_attribute("min"))
    page.locator(".tp-cell").nth(1).click()
    page.get_by_role("radio", name="compiled heads").click()
    expect(page.get_by_role("radio", name="compiled heads")).to_be_checked()
    settle(page)  # other weights, the same run: the moment and the followed cell stay
    assert (tape(page), slider(page).input_value()) == (learned, moment)
    assert page.locator(".tp-what").all_inner_texts() == ["Cell 1", "State", "Head at cell"]
    assert page.locator(".tp-row strong").all_inner_texts() == ["1", "even", "2"]


def test_a_wrong_run_is_shown_as_wrong(page: Page, address: str):
    lab = Lab.default_turing()
    open_lab(page, address, lab.replace(traces=lab.traces.replace(count=10)))
    page.get_by_role("button", name="To the end").click()
    expect(page.locator(".tp-badge")).to_have_text("≠ not as the plain simulator")
    expect(page.get_by_text("Amber:")).to_be_visible()


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, address: str):
    page.set_viewport_size({"width": 390, "height": 800})
    preset = turing_presets()["busy beaver 4"]
    build = TuringBuild(machine=preset.machine, states=4, letters=2, cells=16, run=200)
    open_lab(page, address, Lab.default_turing().replace(build=build))
    page.get_by_role("button", name="To the end").click()
    assert page.locator(".tp").evaluate("(e) => e.scrollWidth <= e.clientWidth + 1")
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth + 1")
