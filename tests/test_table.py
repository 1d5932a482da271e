"""The transition table as a sheet and back: what an edit means, what is refused, and where states stand meanwhile."""

from __future__ import annotations

import json
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.errors import LinattnError, MachineError
from linattn_core.machines import Machine, from_table, presets
from pages.shared import build_automaton, state, table
from tests.fixtures.strategies import machines
from tests.test_history import Memory
from tests.test_pages import change, current, opened, settled, texts

ABA = presets()["contains aba"]
PLACED = Machine(
    name="placed",
    states=("p", "q", "r"),
    alphabet=("a", "b"),
    transitions=((1, 0), (2, 0), (2, 2)),
    accepting=(2,),
    positions=((0.0, 0.0), (100.0, 50.0), (200.0, 0.0)),
)


def edited(base: Machine, **edits: object) -> Machine:
    """The machine after edits as the browser sends them."""
    sent = {"edited_rows": {}, "added_rows": [], "deleted_rows": []} | edits
    return table.machine_of(table.edited_rows(base, json.loads(json.dumps(sent))), base)


@given(machines())
@settings(max_examples=50, deadline=None)
def test_the_sheet_without_edits_is_the_machine(machine):
    assert edited(machine) == machine


@given(machines(), st.data())
@settings(max_examples=50, deadline=None)
def test_a_rename_changes_the_name_everywhere_and_nothing_else(machine, data):
    number = data.draw(st.integers(0, len(machine.states) - 1))
    fresh = "renamed" if "renamed" not in machine.states else "renamed again"
    after = edited(machine, edited_rows={str(number): {table.STATE: fresh}})
    assert after.states == (*machine.states[:number], fresh, *machine.states[number + 1 :])
    assert (after.transitions, after.start, after.accepting) == (machine.transitions, machine.start, machine.accepting)
    assert (after.alphabet, after.positions) == (machine.alphabet, machine.positions)


def test_two_states_may_swap_names():
    after = edited(ABA, edited_rows={"0": {"state": "q1"}, "1": {"state": "q0"}})
    assert after.states == ("q1", "q0", "q2", "q3")
    assert after.transitions == ABA.transitions


def test_states_that_stay_keep_their_places_and_a_new_one_stands_apart():
    smaller = edited(PLACED, deleted_rows=[1], edited_rows={"0": {"on a": "r"}})
    assert smaller.states == ("p", "r")
    assert smaller.positions == ((0.0, 0.0), (200.0, 0.0))
    new = {"state": "s", "on a": "s", "on b": "p", "start": False, "accepting": True, "place": [1e9, "x"]}
    larger = edited(PLACED, added_rows=[new, new | {"state": "t"}])
    assert larger.positions[:3] == PLACED.positions
    assert len(set(larger.positions)) == 5
    assert larger.accepting == (2, 3, 4)
    exchanged = edited(PLACED, added_rows=[new], deleted_rows=[1], edited_rows={"0": {"on a": "s"}})
    assert exchanged.positions[:2] == ((0.0, 0.0), (200.0, 0.0))


def test_ticking_another_start_moves_it():
    assert edited(ABA, edited_rows={"2": {"start": True}}).start == 2
    with pytest.raises(MachineError, match="No states are ticked as the start; tick exactly one"):
        edited(ABA, edited_rows={"0": {"start": False}})


REFUSED = {
    "a name that is taken": ({"edited_rows": {"1": {"state": "q0"}}}, "twice"),
    "no name": ({"edited_rows": {"1": {"state": ""}}}, "empty"),
    "the start deleted": ({"deleted_rows": [0]}, "No states are ticked"),
    "a target deleted": ({"deleted_rows": [3]}, "q3"),
    "everything deleted": ({"deleted_rows": [0, 1, 2, 3]}, "No states are ticked"),
    "a new state without targets": ({"added_rows": [{"state": "q9"}]}, "no transition on letter"),
    "a new state of a name that is taken": ({"added_rows": [{"state": "q1", "on a": "q0", "on b": "q0"}]}, "twice"),
    "an unknown target": ({"edited_rows": {"0": {"on a": "nowhere"}}}, "nowhere"),
    "a target that is no text": ({"edited_rows": {"0": {"on a": ["q1"]}}}, "q1"),
    "two starts": ({"added_rows": [{"state": "q9", "on a": "q0", "on b": "q0", "start": True}]}, "2 states are ticked"),
    "a very long name": ({"edited_rows": {"0": {"state": "x" * 100_000}}}, "characters"),
    "a control character": ({"edited_rows": {"0": {"state": "a\u0000b"}}}, "control character"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_machine_is_refused_in_one_sentence(name: str):
    edits, said = REFUSED[name]
    with pytest.raises(LinattnError, match=said) as refusal:
        edited(ABA, **edits)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    "edits",
    [
        {"edited_rows": {"99": {"state": "x"}, "-1": {"state": "y"}, "x": 7}},
        {"edited_rows": 5},
        {"deleted_rows": ["0"]},
    ],
)
def test_edits_of_rows_that_are_not_there_change_nothing(edits):
    assert edited(ABA, **edits) == ABA


def page_memory(edits: dict[str, object]) -> Memory:
    """The memory of a session on the Build page just after this edit of the table."""
    lab = build_automaton.Lab.default()
    return Memory(
        current=lab, past=[], future=[], problem=None, notice=None, sheet_base=ABA, sheet_shows=ABA, sheet_1=edits
    )


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_edit_leaves_lab_and_history_alone_and_is_told_at_the_table(name: str):
    memory = page_memory(REFUSED[name][0])
    fake = SimpleNamespace(session_state=memory)
    with patch.object(state, "st", fake), patch.object(build_automaton, "st", fake):
        build_automaton._sheet_edited("sheet_1")
        assert REFUSED[name][1] in state.problem("sheet")
        assert state.problem("drawing") is state.problem("letters") is None
    assert (memory.current, memory.past) == (build_automaton.Lab.default(), [])


def test_an_edit_that_makes_a_machine_is_one_step_of_the_history():
    memory = page_memory({"added_rows": [{"state": "q9", "on a": "q9", "on b": "q0"}]})
    fake = SimpleNamespace(session_state=memory)
    with patch.object(state, "st", fake), patch.object(build_automaton, "st", fake):
        build_automaton._sheet_edited("sheet_1")
    assert memory.current.machine.states == (*ABA.states, "q9")
    assert memory.current.machine.step("q9", "a") == "q9"
    assert memory.past == [build_automaton.Lab.default()]


# ---- letters


@given(machines())
@settings(max_examples=30, deadline=None)
def test_the_same_letters_are_the_same_machine(machine):
    if all(letter.split() == [letter] and "," not in letter for letter in machine.alphabet):
        assert table.with_letters(machine, " ".join(machine.alphabet)) == machine


def test_letters_are_added_renamed_deleted_and_reordered():
    added = table.with_letters(PLACED, "a b c")
    assert added.alphabet == ("a", "b", "c")
    assert [row[2] for row in added.transitions] == [0, 1, 2]  # a new letter loops until the table says otherwise
    renamed = table.with_letters(PLACED, "a, x")
    assert (renamed.alphabet, renamed.transitions) == (("a", "x"), PLACED.transitions)
    deleted = table.with_letters(PLACED, "b")
    assert (deleted.alphabet, deleted.transitions) == (("b",), ((0,), (0,), (2,)))
    turned = table.with_letters(PLACED, "b a")
    assert turned.transitions == tuple(row[::-1] for row in PLACED.transitions)
    for machine in (added, renamed, deleted, turned):
        assert machine.positions == PLACED.positions


def test_letters_on_the_page_reach_the_lab_and_a_refused_one_is_told_once():
    app = change(opened(None, "build"), lambda app: app.text_input(key="letters").set_value("a b c"))
    assert current(app).machine.alphabet == ("a", "b", "c")
    app = change(app, lambda app: app.text_input(key="letters").set_value("a b x"))
    assert current(app).machine.alphabet == ("a", "b", "x")
    kept = current(app)
    app = change(app, lambda app: app.text_input(key="letters").set_value("a a"))
    assert current(app) == kept
    assert [error.value for error in app.error if "twice" in error.value]
    settled(app.button(key="undo").click().run())
    assert current(app).machine.alphabet == ("a", "b", "c")
    assert not app.error
    assert "contains aba" in texts(app)


def test_a_table_of_hostile_names_edits_like_any_other():
    names = ("<script>", '"', "![x](http://evil.example)")
    machine = from_table([(n, {'"': names[0], "&amp;": n}) for n in names], start=names[0])
    after = edited(machine, edited_rows={"1": {"state": "]]>"}, "2": {'on "': names[2]}})
    assert after.states == (names[0], "]]>", names[2])
    assert after.step(names[2], '"') == names[2]
