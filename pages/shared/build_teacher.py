"""Build a random teacher: a random transformer to imitate."""

from __future__ import annotations

import streamlit as st

from linattn_core.lab import Lab, LearnerSpec, TeacherBuild, TraceSpec
from pages.shared import state
from pages.shared.widgets import problem

SEQUENCES = 30  # traces that reach the full family at the default sizes


def teacher_lab(build: TeacherBuild, learner: LearnerSpec) -> Lab:
    """A lab for this teacher with a few long sequences."""
    return Lab(build=build, traces=TraceSpec(count=SEQUENCES, length=100), learner=learner)


def show(build: TeacherBuild) -> None:
    """A random transformer to imitate."""
    memory = st.session_state
    values = {"dim": build.dim, "heads": build.heads, "outputs": build.outputs, "seed": build.seed}
    limits = {"dim": 32, "heads": 64, "outputs": 32, "seed": 2**31}
    labels = {"dim": "Embedding dimension d", "heads": "Heads", "outputs": "Outputs", "seed": "Seed"}
    with st.container(horizontal=True):
        for name, value in values.items():
            memory[f"teacher_{name}"] = value
            low = 0 if name == "seed" else 1
            key = f"teacher_{name}"
            st.number_input(labels[name], low, limits[name], key=key, on_change=_teacher, width=180)
    problem("teacher")


def _teacher() -> None:
    dim, heads, outputs, seed = (
        int(st.session_state[f"teacher_{name}"]) for name in ("dim", "heads", "outputs", "seed")
    )

    def make() -> Lab:
        build = TeacherBuild(dim=dim, heads=heads, outputs=outputs, seed=seed)
        return teacher_lab(build, state.lab().learner)

    state.attempt("teacher", make)
