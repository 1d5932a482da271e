"""Sizes whose legal dimension is not known: a sample of legal contexts, called a sample wherever it shows."""

from __future__ import annotations

import streamlit as st

from linattn_core.experiment import Experiment
from linattn_core.numerics import readable_bytes
from linattn_core.outcomes.light import Light, judge
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_cost import sample_cost
from linattn_core.tasks.turing_outcome import SampledSpace, sampled_space
from linattn_core.tasks.turing_sample import Sample
from pages.shared import compute
from pages.shared.widgets import duration

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


def light(result: Experiment, sampled: SampledSpace | None) -> Light:
    """The light of the lab, with what a sample adds to it."""
    if sampled is None:
        return result.light
    found: Light = compute.obtain(
        ("sampled light", result.lab), lambda _: judge(result, sampled), "Looking for twins in the sample"
    )
    return found
