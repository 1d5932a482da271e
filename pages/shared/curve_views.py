"""How many traces do I need? Random against the most informative ones; and the certificate tried on fresh inputs."""

from __future__ import annotations

import math

import streamlit as st

from linattn_core.curve import Curves, Spread, curves, essential
from linattn_core.experiment import Experiment
from linattn_core.figures.curves import climb
from linattn_core.lab import Lab
from linattn_core.tasks import RandomTeacher, StepAutomaton, UniversalAutomaton
from pages.shared import compute, theme
from pages.shared.widgets import chart

FEATURES = 40_000
"""Features of a task up to which the curve is drawn at all: beyond, one curve would take minutes."""
DIMENSIONS, DRAWN_AT_ONCE = 1_000, 100
"""Legal dimensions up to which the curve is drawn at all, and up to which it comes without a button."""


def how_many(result: Experiment) -> None:
    """The curve of this lab with other numbers of traces, over many seeds; on demand where it takes long."""
    dimension = result.task.family_dimension
    if dimension is None or dimension > DIMENSIONS or result.run.certificate.feature_count > FEATURES:
        st.caption(f"The curve is drawn for tasks whose legal inputs have a known dimension of at most {DIMENSIONS:,}.")
        return
    lab, memory = essential(result.lab), st.session_state
    known = compute.pool().knows(compute.essence((curves, lab)))
    if dimension > DRAWN_AT_ONCE and not known and memory.get("curve_asked") != lab:
        st.button(
            "Draw the curve: learn again from fewer and more traces, with 20 seeds",
            icon=":material/show_chart:",
            on_click=memory.__setitem__,
            args=("curve_asked", lab),
            key="curve_draw",
        )
        return
    found: Curves = compute.call("Drawing the curve", curves, lab)
    unit = _unit(result)
    chart(
        climb(found, unit, theme.colours()),
        f"The rank against the number of examples, random and chosen, up to {dimension:,}",
        f"Learned from {len(found.bands)} numbers of random {unit}, with {found.seeds} seeds each, and from "
        f"{len(found.chosen)} numbers of chosen examples; scored on fresh legal inputs. {_assumed(result.lab)}",
        "how_many",
    )
    st.markdown(f"{_random(found, unit)} {_chosen(found)} {_wrong(found, result.lab)}")
    _table(found, unit)


def _unit(result: Experiment) -> str:
    """What one episode of the lab's traces is called."""
    if isinstance(result.task, StepAutomaton):
        return "words"
    if isinstance(result.task, UniversalAutomaton):
        return "automata"
    return "sequences" if isinstance(result.task, RandomTeacher) else "memories"


def _assumed(lab: Lab) -> str:
    """What the curve takes over from the lab."""
    spec = lab.traces
    task = lab.task()
    said = [f"length {spec.length}"] if isinstance(task, StepAutomaton | RandomTeacher) else []
    said += ["one query each"] if isinstance(task, UniversalAutomaton) else []
    said += [f"noise {spec.noise:g}"] if spec.noise else []
    said += [f"ridge {lab.learner.ridge:g}"] if lab.learner.ridge else []
    said += [f"{len(spec.withheld)} transitions left out"] if spec.withheld else []
    said += [f"{len(spec.extra)} added"] if spec.extra else []
    return f"This lab's: {', '.join(said)}." if said else ""


def _random(found: Curves, unit: str) -> str:
    """With how many random traces the seeds reach the dimension, or how far they come."""
    most, reached = found.bands[-1], f"all **{found.dimension:,}** dimensions"
    if math.isinf(found.needed.median):
        some = "" if math.isinf(found.needed.low) else ", though some seeds do"
        return (
            f"Random traces do not reach {reached} with up to {found.most:,} {unit}{some}: "
            f"{most.rank.median:,.0f} is the median of {found.seeds} seeds."
        )
    return (
        f"Random traces reach {reached} with **{_spread(found.needed)}** {unit}, {_spread(found.examples_needed)} "
        f"examples (median of {found.seeds} seeds; in brackets the 10th and 90th percentile)."
    )


def _spread(numbers: Spread) -> str:
    low, median, high = (
        f"{n:,.0f}" if math.isfinite(n) else "more" for n in (numbers.low, numbers.median, numbers.high)
    )
    return median if low == high else f"{median} ({low} to {high})"


def _chosen(found: Curves) -> str:
    """With how many chosen examples the dimension is reached, or how far they come."""
    if not found.chosen:
        return ""
    last = found.chosen[-1]
    if last.rank >= found.dimension:
        return f"Chosen examples need **{last.examples:,}**."
    return f"Chosen examples stop at {last.rank:,} of {found.dimension:,}: none of the traces shows the rest."


def _wrong(found: Curves, lab: Lab) -> str:
    """How many inputs were certified and answered wrongly: none without noise, many with it, and that is no fault."""
    why = ", since the traces are noisy or a ridge is set" if lab.traces.noise or lab.learner.ridge else ""
    wrong = found.certified_and_wrong
    return f"Certified and yet wrong: **{wrong:,}**{why if wrong else ''}."


def _table(found: Curves, unit: str) -> None:
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        {
            unit: [band.episodes for band in found.bands],
            "examples": [band.examples.median for band in found.bands],
            "rank": [band.rank.median for band in found.bands],
            "rank, 10 %": [band.rank.low for band in found.bands],
            "rank, 90 %": [band.rank.high for band in found.bands],
            "right": [band.accuracy.median for band in found.bands],
            "certified": [band.certified.median for band in found.bands],
        },
        hide_index=True,
        column_config={"right": percent, "certified": percent},
        alt="Rank, share right and share certified for every number of traces, medians over the seeds",
    )


def tried(result: Experiment) -> None:
    """A claimed certificate, tried on fresh legal inputs."""
    found = result.evidence.fresh
    if found is None:
        return
    noisy = result.lab.traces.noise > 0 or result.lab.learner.ridge > 0
    against = "the noiseless truth, while the traces are noisy or a ridge is set" if noisy else "the truth"
    bound = ""
    if found.largest_bound is not None:
        bound = f" Any two models of this run's training error differ there by at most {found.largest_bound:.1e}."
    undecided = f", {found.undecided:,} undecided" if found.undecided else ""
    st.caption(
        f"Tried on {found.inputs:,} fresh legal inputs of this lab: {found.certified:,} certified{undecided}, largest "
        f"error against {against} {found.largest_error:.1e}.{bound}"
    )
