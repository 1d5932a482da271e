"""Build: which kind of thing, and the builder of that kind."""

from __future__ import annotations

import streamlit as st

from linattn_core.lab import AutomatonBuild, Lab, MemoryBuild, SequencesBuild, TeacherBuild, TuringBuild
from linattn_core.tasks import UniversalTuringMachine
from pages.shared import (
    build_automaton,
    build_memory,
    build_sequences,
    build_teacher,
    memory_tables,
    state,
    turing_editor,
    universal_turing,
)
from pages.shared.widgets import literal, problem

KINDS = {
    "automaton": "Automaton",
    "memory": "Associative memory",
    "teacher": "Random teacher",
    "sequences": "My own sequences",
    "turing": "Turing machine",
}
NOTICES = {
    "automaton": "change one cell of the table and the automaton recovered from the weights follows, with its "
    "certificate.",
    "memory": "make the keys more alike and the plain memory mixes their values; where the traces allow it, the "
    "learned layer still tells them apart.",
    "teacher": "the teacher is a transformer of this kind, so the best one for its sequences is the teacher itself, "
    "if in other heads.",
    "sequences": "nobody promises that attention fits your data: what is found is the best layer of any number of "
    "heads, and the held-out share says how far it carries.",
    "turing": "every edit is followed at once by the run of what you built: a Turing machine's by attention alone.",
}


def choose() -> None:
    """The switch between the kinds, and below it the builder of what the lab builds."""
    build = state.lab().build
    st.session_state.build_kind = build.kind
    st.segmented_control(
        "What shall be learned",
        list(KINDS),
        format_func=KINDS.__getitem__,
        key="build_kind",
        required=True,
        on_change=_switch,
        label_visibility="collapsed",
    )
    problem("kind")
    if isinstance(build, AutomatonBuild):
        build_automaton.show(build.machine)
    elif isinstance(build, MemoryBuild):
        build_memory.show(build)
    elif isinstance(build, TeacherBuild):
        build_teacher.show(build)
    elif isinstance(build, SequencesBuild):
        build_sequences.show(build)
    elif isinstance(build, TuringBuild):
        _show_turing(build)


def _show_turing(build: TuringBuild) -> None:
    """The machine's table and tape, and its run by the compiled heads; learning one layer for all is on Universal."""
    turing_editor.show(build)
    task = state.lab().task()
    assert isinstance(task, UniversalTuringMachine)
    st.markdown(f"#### {literal(build.machine.name)}, run by attention alone")
    universal_turing.compiled(build, task)
    st.page_link("universal.py", label="Learn to run every machine of this size", icon=":material/all_inclusive:")


def _switch() -> None:
    """Build something of another kind: the last one of that kind in this session, or its default."""
    lab, kind = state.lab(), st.session_state.build_kind
    earlier = [old for old in st.session_state.past if old.build.kind == kind]
    fresh = {
        "automaton": Lab.default,
        "memory": lambda: memory_tables.memory_lab(MemoryBuild(), lab.learner),
        "teacher": lambda: build_teacher.teacher_lab(TeacherBuild(), lab.learner),
        "sequences": lambda: build_sequences.sequences_lab(build_sequences.example_build(), lab.learner),
        "turing": Lab.default_turing,
    }
    if kind in fresh and kind != lab.build.kind:
        state.attempt("kind", lambda: earlier[-1] if earlier else fresh[kind]())
