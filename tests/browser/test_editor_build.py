"""The Build page as a whole: drawing, table and lab agree; files come in and go out; hostile ones change nothing."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from linattn_core.errors import LinattnError
from linattn_core.lab import Lab
from linattn_core.machines import Machine, presets, read_jff
from linattn_core.machines.export import from_json
from linattn_core.machines.jff import open_jff
from tests.browser.drawing import PATIENCE
from tests.browser.server import settle
from tests.fixtures import hostile

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)
JFF = Path(__file__).resolve().parents[1] / "fixtures" / "jff"


def machine_of(page: Page) -> Machine:
    """The machine of the lab in the address, which is empty for the worked example."""
    settle(page)
    token = re.search(r"lab=([\w-]+)", page.url)
    return (Lab.from_token(token[1]) if token else Lab.default()).machine


def until(page: Page, wanted) -> Machine:
    """The machine of the lab, once it is as wanted."""
    for _ in range(60):
        machine = machine_of(page)
        if wanted(machine):
            return machine
        page.wait_for_timeout(250)
    raise AssertionError(machine)


def opened(page: Page, name: str, data: bytes) -> None:
    button = page.get_by_role("button", name="Open a file")
    chooser = page.locator('[data-testid="stFileUploaderDropzoneInput"]')
    if not chooser.count():
        button.click()
    chooser.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": data})


def test_a_gesture_in_the_drawing_reaches_table_and_lab_and_undo_takes_it_back(build: Page):
    before = machine_of(build)
    build.get_by_role("button", name="state q1", exact=True).dblclick()
    build.locator(".typing input").fill("seen a")
    build.keyboard.press("Enter")
    machine = until(build, lambda m: "seen a" in m.states)
    assert machine.transitions == before.transitions
    build.get_by_role("button", name="state q2", exact=True).focus()
    build.keyboard.press("a")
    assert until(build, lambda m: m.accepting != before.accepting).accepting == (2, 3)
    sidebar = build.get_by_test_id("stSidebar")
    sidebar.get_by_role("button", name="Undo").click()
    assert until(build, lambda m: m.accepting == before.accepting).states != before.states
    sidebar.get_by_role("button", name="Undo").click()
    assert until(build, lambda m: m.states == before.states) == before
    expect(build.get_by_role("button", name="state q1", exact=True)).to_be_visible()


def test_a_preset_and_a_regular_expression_show_in_the_drawing(build: Page):
    field = build.get_by_role("textbox", name="Regular expression")
    field.fill("(ab)*")
    field.press("Enter")
    until(build, lambda m: len(m.states) == 3)
    expect(build.locator(".editor .state")).to_have_count(3)


def test_an_unfinished_drawing_keeps_the_labs_machine_and_is_completed_on_request(build: Page):
    before = machine_of(build)
    build.get_by_role("button", name="edge from q0 to itself on b", exact=True).focus()
    build.keyboard.press("Delete")
    expect(build.get_by_text("The drawing is not finished.")).to_be_visible()
    expect(build.get_by_text("State 'q0' has no transition on 'b'.")).to_be_visible()
    assert machine_of(build) == before
    build.get_by_role("button", name="Complete it with a trap state").click()
    machine = until(build, lambda m: "trap" in m.states)
    assert machine.step("q0", "b") == "trap"
    expect(build.get_by_role("button", name="state trap", exact=True)).to_be_visible()


def test_a_nondeterministic_file_is_shown_before_and_after_and_used(build: Page):
    opened(build, "nfa.jff", (JFF / "nfa-with-lambda.jff").read_bytes())
    expect(build.get_by_text("The drawing is nondeterministic.")).to_be_visible()
    expect(build.get_by_text(re.compile("Made deterministic: ."))).to_be_visible()
    expect(build.get_by_text(re.compile("Made minimal: ."))).to_be_visible()
    assert machine_of(build).name == "contains aba"
    build.keyboard.press("Escape")
    build.get_by_role("button", name="Use the minimal one").click()
    machine = until(build, lambda m: m.name == "nfa")
    assert [machine.accepts(word) for word in ("ab", "abab", "abb", "ba")] == [True, True, False, False]


def test_files_of_jflap_come_in_with_their_places_and_go_out_again(build: Page):
    opened(build, "even b.jff", (JFF / "dfa-with-note.jff").read_bytes())
    machine = until(build, lambda m: m.name == "even b")
    assert machine.positions == ((84.0, 121.0), (233.5, 120.0))
    expect(build.get_by_text("1 note of the .jff file is left out.")).to_be_visible()
    build.keyboard.press("Escape")
    build.get_by_role("button", name="Save or copy").click()
    with build.expect_download() as saving:
        build.get_by_role("button", name="Download even-b.jff").click()
    assert read_jff(saving.value.path().read_bytes()) == machine
    build.get_by_text("JSON", exact=True).click()
    with build.expect_download() as saving:
        build.get_by_role("button", name="Download even-b.json").click()
    assert from_json(saving.value.path().read_bytes()) == machine


@pytest.mark.slow
def test_hostile_files_are_answered_in_one_sentence_and_change_nothing(build: Page):
    before = machine_of(build)
    for name in ("entity bomb", "external entity", "cut off", "place NaN", "double id", "script as a letter"):
        with pytest.raises(LinattnError) as refusal:
            open_jff(hostile.JFF[name])
        opened(build, "evil.jff", hostile.JFF[name])
        expect(build.get_by_role("alert").filter(has_text=str(refusal.value))).to_be_visible()
        settle(build)
    opened(build, "evil.json", hostile.MACHINE_JSON["unknown key"])
    expect(build.get_by_role("alert").filter(has_text="__class__")).to_be_visible()
    assert machine_of(build) == before
    expect(build.get_by_role("button", name="state q0, start", exact=True)).to_be_visible()


def test_my_drawing_survives_another_page_and_a_reload(build: Page):
    build.get_by_role("button", name="state q1", exact=True).focus()
    build.keyboard.press("ArrowUp")
    moved = until(build, lambda m: m.positions is not None)
    build.get_by_role("link", name="Inspect").click()
    expect(build.locator(".runner")).to_be_visible()
    build.get_by_role("link", name="Build").click()
    expect(build.locator(".editor .canvas")).to_be_visible()
    assert machine_of(build) == moved
    build.locator(".editor").get_by_role("button", name="Undo").click()  # the editor's own list came back with it
    until(build, lambda m: m.positions is None)
    build.reload()
    expect(build.locator(".editor .canvas")).to_be_visible()
    assert machine_of(build) == presets()["contains aba"]
    assert json.dumps(machine_of(build).positions) == "null"
