"""How many traces do I need? Random against the most informative ones; and the certificate tried on fresh inputs."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from linattn_core.curve import CurvePoint, Curves, FreshCheck, curves, fresh_check
from linattn_core.experiment import Experiment
from linattn_core.figures.turing import climb
from linattn_core.numerics import Progress
from pages.shared import compute, theme
from pages.shared.widgets import chart

MOST = 1_500
"""Examples the curve goes up to."""
FEATURES = 40_000
"""Features of a task up to which the curve is drawn at all: beyond, one curve would take minutes."""


def how_many(result: Experiment) -> None:
    """The curve of rank, with what was right and what was certified."""
    task = result.task
    if task.family_dimension is None or result.run.certificate.feature_count > FEATURES:
        st.caption("The curve is drawn for tasks whose legal inputs have a known, moderate dimension.")
        return
    examples = min(MOST, max(300, 2 * task.family_dimension))
    key = ("curves", result.lab.build, result.lab.traces.seed)
    found: Curves = compute.obtain(key, lambda tick: _drawn(result, examples, tick), "Drawing the curve")
    chart(
        climb({"random traces": found.random, "chosen traces": found.chosen}, task.family_dimension, theme.colours()),
        f"The rank against the number of examples, random and chosen, up to {task.family_dimension:,}",
        f"{len(found.random)} + {len(found.chosen)} learned models, each scored on 300 fresh legal inputs",
        "how_many",
    )
    wrong = sum(p.certified_and_wrong for p in [*found.random, *found.chosen])
    st.markdown(
        f"{_enough('Chosen', found.chosen, task.family_dimension)} "
        f"{_enough('Random', found.random, task.family_dimension)} Certified and yet wrong: **{wrong}**."
    )
    st.dataframe(
        {
            "choice": ["random"] * len(found.random) + ["chosen"] * len(found.chosen),
            "examples": [p.examples for p in (*found.random, *found.chosen)],
            "rank": [p.rank for p in (*found.random, *found.chosen)],
            "worst ambiguity": [p.worst_ambiguity for p in (*found.random, *found.chosen)],
            "right": [p.accuracy for p in (*found.random, *found.chosen)],
            "certified": [p.certified for p in (*found.random, *found.chosen)],
        },
        hide_index=True,
        column_config={
            "worst ambiguity": st.column_config.NumberColumn(format="scientific"),
            "right": st.column_config.NumberColumn(format="percent"),
            "certified": st.column_config.NumberColumn(format="percent"),
        },
        alt="Rank, worst ambiguity, share right and share certified for every number of examples",
    )


def _enough(name: str, points: Sequence[CurvePoint], dimension: int) -> str:
    """Say with how many examples a curve reached the dimension, or how far it came."""
    enough = next((p.examples for p in points if p.rank == dimension), None)
    if enough is None:
        most = points[-1]
        return f"{name} traces reach {most.rank:,} of {dimension:,} dimensions with {most.examples:,} examples."
    return f"{name} traces reach all **{dimension:,}** dimensions with **{enough:,}** examples."


def _drawn(result: Experiment, examples: int, tick: Progress) -> Curves:
    return curves(result.task, examples, result.lab.traces.seed, tick)


def tried(result: Experiment) -> None:
    """A claimed certificate, tried on fresh legal inputs."""
    if result.family is None or not result.family.holds:
        return
    key = ("fresh", result.lab)
    found: FreshCheck = compute.obtain(key, lambda tick: fresh_check(result.run, result.task), "Trying the certificate")
    noisy = result.lab.traces.noise > 0 or result.lab.learner.ridge > 0
    against = "the noiseless truth, while the traces are noisy or a ridge is set" if noisy else "the truth"
    bound = ""
    if found.largest_bound is not None:
        bound = f"Any two models of this run's training error differ there by at most {found.largest_bound:.1e}. "
    st.caption(
        f"Tried on {found.inputs:,} fresh legal inputs: largest ambiguity {found.largest_ambiguity:.1e}, largest error "
        f"against {against} {found.largest_error:.1e}. {bound}Certificates hold up to floating point; ranks "
        f"are decided at {result.run.certificate.tolerance:.0e} of the largest eigenvalue."
    )
