"""The learned weights of a universal Turing machine, read back as a program."""

from __future__ import annotations

import streamlit as st

from linattn_core import figures
from linattn_core.attention import relative_distance
from linattn_core.errors import Cancelled, LinattnError
from linattn_core.experiment import MAX_HEADS_DIM, Experiment
from linattn_core.figures import views
from linattn_core.heads import HeadsResult, TypedHeads
from linattn_core.learn import find_heads
from linattn_core.numerics import Progress
from linattn_core.tasks.turing import UniversalTuringMachine
from pages.shared import compute, heads_views, theme
from pages.shared.widgets import chart, literal


def show(result: Experiment, task: UniversalTuringMachine) -> None:
    """The listing: one sentence a head, and how far this program is from the compiled machine."""
    if task.dim > MAX_HEADS_DIM:
        st.caption(f"The program is read for layers of at most {MAX_HEADS_DIM} numbers a token; this has {task.dim}.")
        return
    key, memory = ("program", result.lab), st.session_state
    proved = result.turing is not None and result.turing.proved
    if not proved and memory.get("turing_reads") != key and not compute.pool().knows(key):
        st.caption(
            "Not every legal context is known to be fixed by these traces, so there need not be one program behind "
            "them: the search may take long and find many heads."
        )
        st.button(
            "Read the weights all the same",
            icon=":material/manage_search:",
            on_click=memory.__setitem__,
            args=("turing_reads", key),
            key="turing_read",
        )
        return
    found: HeadsResult | str = compute.obtain(key, lambda tick: _read(result, task, tick), "Reading the weights")
    if not isinstance(found, TypedHeads):
        st.caption(literal(str(found)))
        return
    model = found.model
    apart = relative_distance(model, task.truth)
    same = "They **are** the compiled machine" if apart < SAME else "They are not the compiled machine"
    st.markdown(
        f"The same function, written with the fewest and sparsest typed relations: **{model.heads} heads** (compiled "
        f"by hand: {task.layout.head_count}), at relative distance **{apart:.2g}** from the compiled ones. {same}."
    )
    st.markdown("\n".join(f"{k + 1}. {heads_views.sentence(result, line)}" for k, line in enumerate(found.sentences)))
    chart(
        figures.mosaic(
            views.stacked_heads(model), [f"line {k + 1}" for k in range(model.heads)], theme.colours(), aspect=5.0
        ),
        "The matrices behind each line of the program",
        f"Q ({model.dim} × {model.dim}) over V ({model.outputs} × {model.dim}); blue positive, orange negative",
        "turing_program",
    )
    st.caption(
        "Preferring few, sparse, typed relations is a bias that suits machines built this way, not a certificate: what "
        "the data prove is what the light says. Its tie-breaks were chosen while looking at runs of (2,2,4)."
    )


SAME = 1e-9
"""Relative distance below which two sets of coefficients are called the same, up to floating point."""


def _read(result: Experiment, task: UniversalTuringMachine, tick: Progress) -> HeadsResult | str:
    """The program, or the sentence why there is none."""
    try:
        return find_heads("typed", result.run.predictor, result.run.certificate, task, tick)
    except Cancelled:
        raise
    except LinattnError as limit:
        return str(limit)
