"""The Learn page's parts: the learner's settings, the plan, what came out, seconds per stage."""

from __future__ import annotations

import math
from collections import Counter

import streamlit as st

from linattn_core.devices import choices, settled
from linattn_core.experiment import Experiment
from linattn_core.figures import charts
from linattn_core.lab import Lab
from linattn_core.learn import HEADS, Run
from linattn_core.learn import plan as plan_of
from linattn_core.numerics import device, devices, readable_bytes
from linattn_core.plan import Plan
from pages.shared import compute, sequence_views, state, theme
from pages.shared.widgets import chart, duration, figures, literal, problem

COMMON = 100.0  # ratio of the sizes of the tokens' directions from which it is said that they were evened out
AT_ONCE = 1.0  # seconds of estimated work above which the page waits for the button

ROUTES = {
    "primal": "primal",
    "dual": "kernel",
    "blocks": "blocks",
}


def controls(lab: Lab) -> None:
    """Ridge, kind of heads, device."""
    memory = st.session_state
    used, elsewhere = settled(lab.learner.device)
    memory.learn_ridge, memory.learn_heads, memory.learn_device = lab.learner.ridge, lab.learner.heads, used
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "Ridge",
            0.0,
            step=0.01,
            format="%.4f",
            key="learn_ridge",
            on_change=_change,
            width=160,
            help="Adds ridge · ‖P‖² to the mean squared error. 0 is the exact minimum-norm solution.",
        )
        st.segmented_control("Heads", list(HEADS), key="learn_heads", required=True, on_change=_change)
        st.segmented_control(
            "Device",
            choices(),
            key="learn_device",
            required=True,
            on_change=_change,
            help="auto takes a device with double precision where there is one, else the CPU.",
        )
    found = ", ".join(f"**{place.name}** ({literal(place.note)})" for place in devices())
    st.caption(
        f"Devices found: {found}; used here: **{device(used).name}**. A device without double precision, such as "
        "Apple's MPS, is never used."
    )
    if elsewhere:
        st.info(literal(elsewhere), icon=":material/info:")
    problem("learn")


def _change() -> None:
    memory, lab = st.session_state, state.lab()
    kept = settled(lab.learner.device)[0] == memory.learn_device  # a device that is not here stays the lab's wish
    chosen = lab.learner.device if kept else memory.learn_device
    fields = {"ridge": float(memory.learn_ridge), "heads": memory.learn_heads, "device": chosen}
    state.attempt("learn", lambda: lab.replace(learner=lab.learner.replace(**fields)))


def plan(lab: Lab) -> Plan:
    """How the learner will go about it and what it will cost, known before anything is factored."""
    key = ("plan", lab.build, lab.traces, lab.learner.device)
    made = compute.obtain(
        key, lambda tick: plan_of(lab.make_traces(), device=settled(lab.learner.device)[0], progress=tick), "Planning"
    )
    figures(
        {
            "Examples": f"{made.examples:,}",
            "Features in use": f"{made.features:,}",
            "Route": ROUTES.get(made.route, made.route),
            "Memory": readable_bytes(made.bytes),
            "Estimated work": duration(made.seconds),
        },
        {
            "Features in use": "svec(Z Zᵀ) ⊗ z has d · d(d+1)/2 entries; those always zero drop out.",
            "Route": "The cheapest exact one for these sizes: second moment (primal), kernel matrix, or blocks.",
            "Estimated work": "From the traces to the predictor, at this machine's measured speed.",
        },
    )
    st.caption(made.describe())
    if len(made.blocks) > 1:
        _blocks(made)
    return made


def _blocks(made: Plan) -> None:
    """The blocks by size: how many of each, and the route of each."""
    kinds = Counter((block.features, block.examples, block.route) for block in made.blocks)
    with st.expander(f"The {len(made.blocks):,} blocks", icon=":material/view_module:"):
        st.dataframe(
            {
                "blocks": list(kinds.values()),
                "features": [features for features, _, _ in kinds],
                "distinct examples": [examples for _, examples, _ in kinds],
                "route": [ROUTES.get(route, route) for _, _, route in kinds],
            },
            hide_index=True,
            alt="Blocks of the second moment by size, with the route of each",
        )
        st.caption("Features that are never non-zero in the same example do not interact: each block is solved alone.")


def wait_for_button(lab: Lab, made: Plan) -> None:
    """Stop the page before a long run until it is asked for; a known or quick result comes by itself."""
    if made.seconds > AT_ONCE and not compute.known(lab) and st.session_state.get("learn_asked") != lab:
        st.button("Learn", type="primary", icon=":material/bolt:", on_click=_ask, args=(lab,), key="learn_now")
        st.stop()


def _ask(lab: Lab) -> None:
    st.session_state.learn_asked = lab


def outcome(result: Experiment) -> None:
    """Training error, explained share, rank, heads, total seconds."""
    run = result.run
    figures(
        {
            "Training error": f"{run.training_mse:.2e}",
            "R²": f"{run.r2:.6f}",
            "Rank": f"{run.certificate.rank:,} of {run.certificate.feature_count:,}",
            "Heads": f"{run.model.heads:,}",
            "Learned in": duration(result.seconds["learn"]),
        },
        {
            "Training error": "Mean over examples of ‖y − P φ(Z)‖². No linear-attention layer of any number of heads "
            "has a smaller one.",
            "R²": "1 − training error / mean ‖y‖².",
            "Rank": "Of the second moment of the features.",
        },
    )
    st.caption(_precision(run))
    sequence_views.fit(result)


def _precision(run: Run) -> str:
    """How exact the fit is and how clear its rank, in one line."""
    scale = run.answer_scale or 1.0
    words = [f"Largest residual of an example: {run.largest_residual / scale:.1e} of the largest answer"]
    words.append(f"condition of the features {run.condition:.2g}")
    if run.condition_raw > COMMON:
        words.append(f"tokens of unlike sizes were brought to like ones first (condition {run.condition_raw:.2g})")
    if math.isfinite(run.rank_gap):
        words.append(f"the least kept direction is {run.rank_gap:.0e} times the largest dropped one")
    if run.dropped:
        plural = "s" if len(run.dropped) != 1 else ""
        words.append(f"{len(run.dropped)} direction{plural} of the tokens that no example uses")
    return "; ".join(words) + "."


def seconds(result: Experiment) -> None:
    """Seconds per stage, the learner's own stages instead of their sum."""
    stages = {name: value for name, value in result.seconds.items() if name != "learn"}
    chart(
        charts.durations(stages, theme.colours()),
        f"Milliseconds per stage, {1000 * sum(stages.values()):.0f} in all",
        key="stages",
    )
