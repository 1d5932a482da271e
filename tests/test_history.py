"""The lab's history and the editor's: an undo here is an undo there, and what is chosen afresh is always a step."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.lab import AutomatonBuild, Lab, MemoryBuild
from linattn_core.machines import Machine, presets
from linattn_core.machines.sketch import Sketch
from pages.shared import build_automaton, state
from tests.test_pages import current, opened, settled

START = Lab.default()


class Memory(dict):
    """A session's memory without a session."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


def session(lab: Lab = START):
    """The history of a new session with this lab."""
    memory = Memory(current=lab, past=[], future=[], problem=None, notice=None)
    return patch.object(state, "st", SimpleNamespace(session_state=memory))


class Editor:
    """What editor.js keeps: an undo list of its own, which takes up changes from elsewhere (`remember`)."""

    def __init__(self, machine: Machine) -> None:
        self.model, self.past, self.future = machine, [], []

    def change(self, machine: Machine) -> None:
        self.past, self.future, self.model = [*self.past, self.model], [], machine
        build_automaton._drawn(machine, "edit")

    def step(self, action: str, times: int = 1) -> None:
        """Undo or redo; several quick ones arrive as the last of them."""
        source, target = (self.past, self.future) if action == "undo" else (self.future, self.past)
        times = min(times, len(source))
        for _ in range(times):
            target.append(self.model)
            self.model = source.pop()
        if times:
            build_automaton._drawn(self.model, action)

    def receive(self, machine: Machine) -> None:
        if machine == self.model:
            return
        if self.past and self.past[-1] == machine:
            self.future.append(self.model)
            self.past.pop()
        elif self.future and self.future[-1] == machine:
            self.past.append(self.model)
            self.future.pop()
        else:
            self.past, self.future = [*self.past, self.model], []
        self.model = machine


GESTURES = st.lists(
    st.sampled_from(["draw", "undo", "redo", "undo undo", "redo redo redo", "page undo", "page redo", "preset"]),
    max_size=25,
)


@given(GESTURES)
@settings(max_examples=150, deadline=None)
def test_the_editors_undo_list_and_the_labs_history_stay_one(gestures):
    with session():
        editor = Editor(START.machine)
        for number, gesture in enumerate(gestures):
            fresh = replace(START.machine, name=f"drawing {number}")
            if gesture == "draw":
                editor.change(fresh)
            elif gesture == "preset":
                build_automaton.set_machine("source", fresh)
            elif gesture.startswith("page"):
                (state.undo if gesture == "page undo" else state.redo)()
            else:
                editor.step(gesture.split()[0], len(gesture.split()))
            editor.receive(state.lab().machine)
            memory = state.st.session_state
            assert state.lab().machine == editor.model
            assert [lab.machine for lab in memory.past] == editor.past
            assert [lab.machine for lab in memory.future] == editor.future


def test_the_editors_undo_brings_the_withheld_pair_of_a_deleted_state_back():
    lab = START.replace(traces=START.traces.replace(withheld=(("q3", "b"),)))
    smaller = Sketch.of(presets()["parity: an even number of 1s"]).machine()
    with session(lab):
        build_automaton._drawn(smaller, "edit")
        assert state.lab().traces.withheld == ()
        build_automaton._drawn(lab.machine, "undo")
        assert state.lab() == lab
        build_automaton._drawn(smaller, "redo")
        assert (state.lab().machine, state.lab().traces.withheld) == (smaller, ())


def test_the_number_of_traces_in_the_prompt_comes_back_with_an_undo():
    lab = Lab(build=AutomatonBuild(machine=START.machine, encoding="universal"), traces=START.traces)
    smaller = presets()["parity: an even number of 1s"]
    with session(lab):
        build_automaton._drawn(smaller, "edit")
        assert state.lab().traces.count != lab.traces.count
        build_automaton._drawn(lab.machine, "undo")
        assert state.lab() == lab


def test_an_undo_in_the_editor_that_skips_other_changes_of_the_lab_is_a_step():
    drawn = replace(START.machine, name="drawn")
    with session():
        build_automaton._drawn(drawn, "edit")
        noisy = state.lab().replace(traces=START.traces.replace(noise=0.25))
        state.set_lab(noisy)
        build_automaton._drawn(START.machine, "undo")
        assert state.lab() == START.replace(traces=noisy.traces)
        state.undo()
        assert state.lab() == noisy


def test_two_drawings_that_arrived_as_one_are_still_walked_back_to_where_they_began():
    first, second = (replace(START.machine, name=name) for name in ("first", "second"))
    with session():
        build_automaton._drawn(second, "edit")  # the first was overtaken: the lab never held it
        build_automaton._drawn(first, "undo")
        build_automaton._drawn(START.machine, "undo")
        assert state.lab() == START
        assert state.st.session_state.past == []


def test_an_unfinished_drawing_taken_back_to_the_labs_machine_leaves_the_lab_alone():
    noisy = START.replace(traces=START.traces.replace(noise=0.25))
    with session():
        state.set_lab(noisy)  # the lab before has the same machine
        build_automaton._drawn(START.machine, "undo")
        assert state.lab() == noisy


def test_what_is_chosen_afresh_is_a_step_even_where_it_is_the_lab_before():
    mine = Lab(build=MemoryBuild(table=(("sky", "blue"),)))
    with session():
        state.set_lab(mine)
        state.set_lab(START)  # for example from the shelf, or by the switch of kinds
        memory = state.st.session_state
        assert (memory.past, memory.future) == ([START, mine], [])
        state.undo()
        assert state.lab() == mine


@pytest.mark.parametrize("back", [True, False])
def test_an_older_address_is_an_undo_and_a_newer_one_a_redo(back: bool):
    app = opened()
    settled(app.button(key="break").click().run())
    broken = current(app)
    app.session_state["changed_at"] = 0.0  # long after the change
    settled(app.text_input(key="lab").set_value("").run())
    assert current(app) == START
    assert (app.session_state["past"], app.session_state["future"]) == ([], [broken])
    if not back:
        app.session_state["changed_at"] = 0.0
        settled(app.text_input(key="lab").set_value(broken.to_token()).run())
        assert (current(app), app.session_state["past"], app.session_state["future"]) == (broken, [START], [])
