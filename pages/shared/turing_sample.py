"""Sizes whose legal dimension is not known: a sample of legal contexts, called a sample wherever it shows."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from linattn_core.experiment import Experiment
from linattn_core.numerics import readable_bytes
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_cost import sample_cost
from linattn_core.tasks.turing_outcome import SampledSpace, sampled_space
from linattn_core.tasks.turing_sample import Sample
from pages.shared import compute
from pages.shared.light import Light
from pages.shared.widgets import duration, literal

AT_ONCE = 4.0  # seconds of estimated work up to which the sample is taken without being asked for
LABEL = "Sampled: a lower bound on the legal dimension."


def obtain(result: Experiment, task: UniversalTuringMachine) -> SampledSpace | None:
    """The sample with what the traces fix of it; None while nobody asked for one that takes long."""
    key = ("legal sample", task)
    asked = st.session_state.get("turing_sampled") == task
    if not (asked or compute.pool().knows(key) or sample_cost(result.run.certificate)[0] <= AT_ONCE):
        return None
    sample: Sample = compute.obtain(key, task.sample, "Sampling the legal space")
    return compute.obtain(
        ("sampled", result.lab),
        lambda tick: sampled_space(result.run, task, sample, tick),
        "Certifying the sample",
    )


def known(task: UniversalTuringMachine) -> Sample | None:
    """The sample of these sizes, if it was taken already."""
    key = ("legal sample", task)
    return compute.obtain(key, task.sample, "Sampling the legal space") if compute.pool().knows(key) else None


def offer(result: Experiment, task: UniversalTuringMachine) -> None:
    """A button with the cost of the sample on it."""
    seconds, held = sample_cost(result.run.certificate)
    st.button(
        f"Sample the legal space: about {duration(seconds)} and {readable_bytes(held)}",
        icon=":material/casino:",
        on_click=st.session_state.__setitem__,
        args=("turing_sampled", task),
        key="turing_sample",
        help="Contexts of random machines, twice as many each time, until the second half adds no direction.",
    )


def judge(result: Experiment, tests: str, sampled: SampledSpace | None) -> Light:
    """The light where no exact dimension is known: never green, whatever the tests and the sample say."""
    found = result.turing
    assert found is not None
    share = f"{found.fresh.certified:,} of {found.fresh.contexts:,} contexts drawn from fresh machines are certified"
    where = "The exact dimension is known for slim at (2, 2, 4), (3, 2, 6) and (4, 3, 8), and for small layers."
    if sampled is None:
        return Light(
            "amber",
            f"Amber: {tests}",
            f"For these sizes the span of all legal contexts is not known: passed tests stay tests. {share}. {where}",
        )
    rank, legal = result.run.certificate.rank, sampled.found
    stalled = "" if sampled.sample.stalled else " The sample still grew when it ended, so much may be missing."
    beyond = (
        f" The traces hold {sampled.beyond:,} directions that the sample lacks, so the sample is not all there is."
        if sampled.beyond
        else ""
    )
    left = f" Open among the sampled contexts:\n\n{open_directions(legal.missing)}" if legal.missing else ""
    return Light(
        "amber",
        f"Amber: {'evidence, not a theorem' if legal.holds else 'not all determined, even of a sample'}",
        f"{tests}; {share}. Training rank **{rank:,}** of sampled dimension **{legal.dimension:,}**: the traces fix "
        f"{legal.rank:,} of the {legal.dimension:,} directions of a sample, a lower bound on the legal dimension. A "
        f"sample can miss directions, so this is evidence, not a theorem.{stalled}{beyond} {where}{left}",
    )


def open_directions(lines: Sequence[str], limit: int = 4) -> str:
    """Some of the phrases as a list, and how many more there are."""
    more = f"\n- and {len(lines) - limit:,} more" if len(lines) > limit else ""
    return "\n".join(f"- {literal(line)}" for line in lines[:limit]) + more
