"""Build: which kind of thing, and the builder of that kind."""

from __future__ import annotations

import streamlit as st

from linattn_core.lab import AutomatonBuild, Lab, MemoryBuild, TeacherBuild
from pages.shared import build_automaton, build_other, state
from pages.shared.widgets import problem

KINDS = {"automaton": "Automaton", "memory": "Associative memory", "teacher": "Random teacher"}


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
        build_other.show_memory(build)
    elif isinstance(build, TeacherBuild):
        build_other.show_teacher(build)


def _switch() -> None:
    """Build something of another kind: the last one of that kind in this session, or its default."""
    lab, kind = state.lab(), st.session_state.build_kind
    earlier = [old for old in st.session_state.past if old.build.kind == kind]
    fresh = {
        "automaton": Lab.default,
        "memory": lambda: build_other.memory_lab(MemoryBuild(), lab.learner),
        "teacher": lambda: build_other.teacher_lab(TeacherBuild(), lab.learner),
    }
    if kind in fresh and kind != lab.build.kind:
        state.attempt("kind", lambda: earlier[-1] if earlier else fresh[kind]())
