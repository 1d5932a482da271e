"""The Universal page's two parts, what each shows of the session's lab, and what other pages say of a Turing lab."""

from __future__ import annotations

from typing import Any

import streamlit as st

from linattn_core.lab import Lab
from pages.shared import state, turing_traces, universal_automata, universal_turing
from pages.shared.widgets import literal, problem

PARTS = {"automata": "Every automaton", "turing": "Every Turing machine"}
WITH_HEADS = ("Learn", "Inspect")  # pages that need the heads, which large Turing labs do not have


def show() -> None:
    """The switch, and the part that the lab belongs to."""
    lab = state.lab()
    st.session_state.universal_part = "turing" if lab.turing else "automata"
    st.segmented_control(
        "What one layer shall run",
        list(PARTS),
        format_func=PARTS.__getitem__,
        key="universal_part",
        required=True,
        on_change=_switch,
        label_visibility="collapsed",
    )
    problem("universal")
    if lab.turing:
        universal_turing.show(lab)
    else:
        universal_automata.show(lab)


def _switch() -> None:
    """To the other part: its last lab of this session, or its default; nothing is lost, undo goes back."""
    turing = st.session_state.universal_part == "turing"
    if turing == (state.lab().turing is not None):
        return
    earlier = [old for old in st.session_state.past if (old.turing is not None) == turing and (turing or old.machine)]
    fresh = Lab.default_turing if turing else Lab.default
    state.attempt("universal", lambda: earlier[-1] if earlier else fresh())


def instead(page: Any) -> bool:
    """Whether something else was shown instead of `page`: the traces of a Turing lab, or why it cannot be shown."""
    lab = state.lab()
    if lab.turing is not None and page.title == "Traces":
        turing_traces.show(lab)
        return True
    if lab.turing is None or page.title not in WITH_HEADS or lab.task().dim <= universal_turing.MAX_HEADS_DIM:
        return False
    st.title(page.title)
    st.info(
        f"Your lab builds Turing machines, {literal(lab.turing.machine.name)} among them. They are built, run, learned "
        "and certified on the page Universal.",
        icon=":material/info:",
    )
    st.page_link("universal.py", label="Go to Universal", icon=":material/all_inclusive:")
    st.button("Show the worked example", on_click=_example, key="example_again")
    return True


def _example() -> None:
    state.attempt("universal", Lab.default)


def summary(lab: Lab) -> str:
    """The sidebar's two lines on a Turing lab."""
    build = lab.turing
    assert build is not None, "asked for Turing labs only"
    sizes = f"{build.states} states, {build.letters} letters, {build.cells} cells"
    return (
        f"**{literal(build.machine.name)}**, among all Turing machines  \n{sizes} · {lab.traces.count:,} machines seen"
    )
