"""The drawing editor in a real browser, by mouse, and by touch on a phone."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from linattn_core.machines.jff import open_jff, write_jff
from linattn_core.machines.sketch import sketch_from_data
from tests.browser.drawing import Board, serving
from tests.cases import HOSTILE_LABELS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def editor(chromium: Browser) -> Iterator[str]:
    with serving("editor_app") as address:
        yield address


@pytest.fixture
def board(chromium: Browser, editor: str, request: pytest.FixtureRequest) -> Iterator[Board]:
    board = Board(chromium, editor, **getattr(request, "param", {"machine": "empty"}))
    yield board
    board.close()


def test_a_machine_is_drawn_from_nothing_with_the_mouse_alone(board: Board):
    expect(board.page.get_by_text("Double-click to add the first state")).to_be_visible()
    board.mouse.dblclick(*board.paper(300, 220))
    board.type("even")
    board.mouse.dblclick(*board.paper(600, 220))
    board.type('odd "<b>1</b>"')
    board.drag(board.rim("even, start"), board.centre('odd "<b>1</b>"'))
    board.type("1, 2")
    board.drag(board.rim('odd "<b>1</b>"'), board.centre("even, start"))
    board.type('1, "2"')
    board.drag(board.rim("even, start"), board.centre("even, start"))  # out over the rim and back: nothing yet
    board.mouse.move(*board.rim("even, start"))
    board.mouse.down()
    board.mouse.move(*board.paper(220, 120), steps=5)
    board.mouse.move(*board.centre("even, start"), steps=5)
    board.mouse.up()
    board.type("0")
    board.state('odd "<b>1</b>"').click()
    board.button("Accepting").click()
    truth = board.heard(8)
    assert truth["states"] == ["even", 'odd "<b>1</b>"']
    assert truth["alphabet"] == ["1", "2", "0"]
    assert truth["edges"] == [[0, 0, ["0"]], [0, 1, ["1", "2"]], [1, 0, ["1", "2"]]]
    assert (truth["start"], truth["accepting"]) == (0, [1])
    sketch = sketch_from_data(truth)
    assert sketch.faults() == ("State 'odd \"<b>1</b>\"' has no transition on '0'.",)
    assert open_jff(write_jff(sketch)).value == sketch


@pytest.mark.parametrize("board", [{"machine": "divisible by 3"}], indirect=True)
def test_dragging_moves_one_state_and_emits_once(board: Board):
    board.heard(0)
    before = board.centre("r1")
    board.drag(before, (before[0] + 90, before[1] + 70))
    truth = board.heard(1)
    assert len(truth["positions"]) == 3
    after = board.centre("r1")
    assert after == pytest.approx((before[0] + 90, before[1] + 70), abs=8)
    board.keys.press("Control+z")
    assert "positions" not in board.heard(2)
    expect(board.state("r1")).to_be_focused()
    board.button("Redo").click()
    assert board.heard(3)["positions"] == truth["positions"]


@pytest.mark.parametrize("board", [{"machine": "divisible by 3"}], indirect=True)
def test_names_and_letters_are_checked_where_they_are_typed(board: Board):
    board.state("r1").dblclick()
    field = board.page.locator(".typing input")
    field.fill("r2")
    board.keys.press("Enter")
    expect(board.page.get_by_text("There is already a state called r2.")).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("x" * 41)
    board.keys.press("Enter")
    expect(board.page.get_by_text("A name may have 40 characters at most.")).to_be_visible()
    field.fill("one")
    board.keys.press("Enter")
    assert board.heard(1)["states"] == ["r0", "one", "r2"]
    board.page.locator(".tag", has_text="0").first.dblclick()
    field = board.page.locator(".typing input")
    field.fill(' , ""')
    board.keys.press("Enter")
    expect(board.page.get_by_text("Name at least one letter")).to_be_visible()
    field.fill('"a,b", ε, "ε"')
    board.keys.press("Enter")
    letters = [letters for _, _, letters in board.heard(2)["edges"]]
    assert ["", "a,b", "ε"] in letters
    expect(board.page.locator(".tag", has_text="ε, a,b, ε")).to_be_visible()


@pytest.mark.parametrize("board", [{"machine": "divisible by 3"}], indirect=True)
def test_typing_is_dropped_by_escape_and_taken_by_leaving(board: Board):
    board.state("r1").dblclick()
    board.page.locator(".typing input").fill("gone")
    board.keys.press("Escape")
    expect(board.state("r1")).to_be_focused()
    board.state("r1").dblclick()
    board.page.locator(".typing input").fill("taken")
    board.mouse.click(*board.paper(30, 30))
    assert board.heard(1)["states"] == ["r0", "taken", "r2"]


@pytest.mark.parametrize("board", [{"machine": "divisible by 3"}], indirect=True)
def test_an_edge_to_empty_paper_makes_a_state_there(board: Board):
    board.drag(board.rim("r1"), board.paper(100, 60))
    board.type("0")
    truth = board.heard(2)
    assert truth["states"][-1] == "q0"
    assert [1, 3, ["0"]] in truth["edges"]


@pytest.mark.parametrize("board", [{"machine": "divisible by 3"}], indirect=True)
def test_delete_start_and_an_outside_change_and_back(board: Board):
    board.state("r2").click()
    board.button("Start").click()
    assert board.heard(1)["start"] == 2
    board.button("Delete").click()
    truth = board.heard(2)
    assert truth["states"] == ["r0", "r1"]
    assert "start" not in truth
    board.page.get_by_role("button", name="Turnstile").click()
    expect(board.state("locked, start")).to_be_visible()
    assert board.truth()["name"] == "turnstile"
    board.button("Undo").click()  # undo reaches across the change from outside
    assert board.heard(3)["states"] == ["r0", "r1"]
    board.button("Undo").click()
    board.button("Undo").click()
    assert board.heard(5)["states"] == ["r0", "r1", "r2"]
    assert board.button("Undo").is_disabled()
    for _ in range(3):
        board.button("Redo").click()
    assert board.heard(8)["name"] == "turnstile"


@pytest.mark.parametrize("board", [{"machine": "divisible by 3"}], indirect=True)
def test_quick_gestures_are_all_kept(board: Board):
    """Python is slower than the hand: its answers to earlier gestures must not undo later ones."""
    for name in ("r1", "r2"):
        board.state(name).click()
        for _ in range(5):
            board.button("Accepting").click(delay=0)
    truth = board.heard(10)
    assert truth["accepting"] == [0, 1, 2]
    expect(board.state("r1, accepting")).to_be_visible()
    expect(board.state("r2, accepting")).to_be_visible()


@pytest.mark.parametrize("board", [{"machine": "random30"}], indirect=True)
def test_tidy_zoom_and_fit_leave_the_machine_alone(board: Board):
    edges = board.truth()["edges"]
    board.button("Zoom in").click()
    board.button("Zoom in").click()
    board.button("Fit to the window").click()
    board.heard(0)  # looking is no change
    board.button("Tidy up").click()
    truth = board.heard(1)
    assert truth["edges"] == edges
    assert len({tuple(point) for point in truth["positions"]}) == 30


@pytest.mark.parametrize("board", [{"machine": "vending"}], indirect=True)
@pytest.mark.parametrize("kind", ["SVG", "PNG"])
def test_the_picture_is_saved_in_the_browser(board: Board, kind: str):
    with board.page.expect_download() as saving:
        board.button(kind).click()
    assert saving.value.suggested_filename == f"vending-machine.{kind.lower()}"
    content = saving.value.path().read_bytes()
    if kind == "PNG":
        assert content.startswith(b"\x89PNG")
    else:
        from defusedxml.ElementTree import fromstring

        texts = [element.text for element in fromstring(content).iter("{http://www.w3.org/2000/svg}text")]
        assert {"0 paid", "3 paid"} <= set(texts)
        assert b"var(" not in content


def test_an_unfinished_drawing_outlives_a_reload(board: Board):
    board.mouse.dblclick(*board.paper(300, 220))
    board.type("half done")
    board.heard(2)
    board.page.reload()
    expect(board.page.get_by_text("An unfinished drawing is kept from before the reload.")).to_be_visible()
    board.page.get_by_role("button", name="Restore it").click()
    assert board.heard(1)["states"] == ["half done"]


PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize("board", [{"machine": "empty", **PHONE}], indirect=True)
def test_a_machine_is_drawn_by_touch(board: Board):
    tap = board.page.touchscreen.tap
    touch = board.context.new_cdp_session(board.page)
    for name, place in (("on", board.paper(90, 150)), ("off", board.paper(280, 150))):
        double = {"x": place[0], "y": place[1], "tapCount": 2, "gestureSourceType": "touch"}
        touch.send("Input.synthesizeTapGesture", double)
        board.type(name)
    tap(*board.centre("on, start"))
    board.button("Connect").tap()
    tap(*board.centre("off"))
    board.type("press")
    tap(*board.centre("off"))
    board.button("Accepting").tap()
    truth = board.heard(6)
    assert (truth["states"], truth["edges"], truth["accepting"]) == (["on", "off"], [[0, 1, ["press"]]], [1])
    start = board.centre("off, accepting")
    for kind, point in (
        ("touchStart", start),
        ("touchMove", (start[0], start[1] + 40)),
        ("touchMove", (start[0], start[1] + 90)),
        ("touchEnd", None),
    ):
        points = [] if point is None else [{"x": point[0], "y": point[1]}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    moved = board.heard(7)
    assert moved["positions"][1][1] > truth["positions"][1][1] + 40
    assert json.dumps(moved["positions"][0]) == json.dumps(truth["positions"][0])


@pytest.mark.parametrize("board", [{"machine": "hostile&dot=1"}], indirect=True)
def test_names_are_text_wherever_they_are_drawn(board: Board):
    """Tags, quotes and emoji as names: in the editor, and in Graphviz's own drawing of the DOT export."""
    names = [element.get_attribute("aria-label") for element in board.page.locator(".editor .state").all()]
    assert {f"state {name}" for name in HOSTILE_LABELS[1:]} <= set(names)
    for name in HOSTILE_LABELS:
        assert board.page.locator(".editor .state").filter(has_text=name[:17]).count() >= 1, name
    graph = board.page.locator('[data-testid="stGraphVizChart"] svg')
    expect(graph).to_be_visible()
    texts = [text.replace("\xa0", " ") for text in graph.locator("text").all_text_contents()]
    assert set(HOSTILE_LABELS) <= set(texts)
    assert board.page.evaluate("document.querySelectorAll('main script, main img').length") == 0
