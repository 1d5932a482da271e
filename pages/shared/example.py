"""The story of the Start page: words, timings, break it, the twin, cure it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from linattn_core import figures
from linattn_core.experiment import Experiment
from linattn_core.lab import Lab
from linattn_core.outcomes import wording
from linattn_core.outcomes.twins import Twins
from linattn_core.recover import AutomatonTask, Edge, Recovery
from linattn_core.tasks import StepAutomaton, UniversalAutomaton
from pages.shared import compute, panels, state, theme
from pages.shared.widgets import diagram, duration, literal
from pages.shared.widgets import figures as figures_row

SENTENCES = {
    "green": "the recovered automaton (4) is the true one (1), and the light is green: that speaks for all words, no "
    "test score does. Now break it.",
    "blue": "the traces pin down one best fit (4), however it is found. But noise or a ridge stands between it and the "
    "true automaton (1): what counts are the margins.",
    "amber": "the fit is as good as any can be, yet something is left open: the two transformers below fit the traces "
    "equally well and disagree.",
    "red": "the traces decide everything, and they say something else than the true automaton (1).",
    "grey": "at this precision it cannot be told whether the traces decide everything; the certificate (5) says why, "
    "and what would decide it.",
}

CODE = """
from linattn_core.experiment import experiment
from linattn_core.lab import Lab

result = experiment(Lab.from_token("{token}"))
print(result.run.plan.describe())
print(result.run.training_mse, result.run.model.heads)
print(result.light.colour, result.light.level, result.light.reason)
print(result.recovery.equivalent, result.missing)
"""


def words(result: Experiment) -> None:
    """The first words of the traces with the states they visit."""
    lab, task = result.lab, result.task
    if not isinstance(task, StepAutomaton):
        st.caption(f"{len(result.traces):,} examples: a random automaton in the prompt, one query each.")
        return
    letters, _ = task.runs(lab.traces.count, lab.traces.seed, lab.traces.length)
    joint = "" if all(len(letter) == 1 for letter in task.machine.alphabet) else " "
    first = [joint.join(task.machine.alphabet[k] for k in word) for word in letters[:3]]
    st.markdown(
        f"{len(result.traces):,} steps of {lab.traces.count:,} random words, such as "
        + ", ".join(f"*{literal(word if len(word) <= 26 else word[:25] + '…')}*" for word in first)
    )


def learned_in(result: Experiment) -> None:
    """What learning took, in one line."""
    run = result.run
    st.caption(
        f"Solved in {duration(result.seconds['learn'])}, without gradient descent; "
        f"training error {run.training_mse:.1e}."
    )


def in_figures(result: Experiment) -> None:
    """The certificate in three numbers."""
    family, recovery = result.family, result.recovery
    if family is None or recovery is None:
        return
    right = sum(edge.kind == "right" for edge in recovery.edges)
    figures_row(
        {
            "Dimensions": f"{family.rank:,} of {family.dimension:,}",
            "As the true one": f"{right:,} of {len(recovery.edges):,}",
            "Training error": f"{result.run.training_mse:.1e}",
        },
        {"As the true one": "Transitions that the traces determine and that go where the true automaton's do."},
    )


def buttons(result: Experiment) -> None:
    """Break it while the light is green; cure it while it is not."""
    with st.container(horizontal=True):
        if result.open_pairs:
            pair = result.open_pairs[0]
            st.button(
                "Add the trace that cures it",
                on_click=_set,
                args=(result.cured(pair),),
                type="primary",
                icon=":material/healing:",
                key="cure",
            )
        elif result.recovery is not None and result.recovery.edges:
            edge = _fragile(result)
            st.button(
                "Break it",
                on_click=_set,
                args=(result.broken((edge.state, edge.letter)),),
                type="primary",
                icon=":material/heart_broken:",
                key="break",
                help=f"Leaves out every trace of {literal(edge.words)}.",
            )
        if result.lab != Lab.default():
            st.button(
                "Worked example", on_click=_set, args=(Lab.default(),), icon=":material/restart_alt:", key="reset"
            )


def _fragile(result: Experiment) -> Edge:
    """The transition to withhold: the last one between two different states, else the last one."""
    edges = [edge for edge in result.recovery.edges if edge.reachable] if result.recovery else []
    return next((edge for edge in reversed(edges) if edge.true != edge.state), edges[-1])


def _set(lab: Lab) -> None:
    state.attempt("start", lambda: lab)


def twin(result: Experiment) -> None:
    """Two transformers of equal training error side by side, while something is open."""
    twins, task = result.evidence.twins, result.task
    if twins is None:
        return
    automata = twins.pair is not None
    st.markdown(f"#### The twin: equal training error, {'different automaton' if automata else 'another answer'}")
    row = st.columns(2)
    boxes = [column.container(border=True, height="stretch", key=f"twin_box_{side}") for side, column in enumerate(row)]
    for box, title, mse, answer in (
        (boxes[0], "The learned transformer", twins.loss, twins.learned),
        (boxes[1], "Its twin", twins.twin_loss, twins.other),
    ):
        said = literal(wording.answer(task, answer))
        box.markdown(f"###### {title}\ntraining error **{mse:.1e}**; at {literal(twins.words)} it answers **{said}**")
    if twins.pair is not None and result.recovery is not None and isinstance(task, StepAutomaton | UniversalAutomaton):
        _automata(result, task, result.recovery, twins, boxes)
        truth = literal(result.recovery.truth.step(*twins.pair))
        st.caption(f"The true automaton goes to {truth} there. The traces cannot tell: no number of heads would.")
    else:
        st.caption(
            "Both training errors were computed. The traces cannot tell the two apart, however many heads are used."
        )


def _automata(
    result: Experiment, task: AutomatonTask, recovery: Recovery, twins: Twins, boxes: Sequence[DeltaGenerator]
) -> None:
    """The automata of the learned layer and of its twin, each in its box."""
    machine = recovery.truth
    other: Recovery = compute.obtain(
        ("twin", result.lab), lambda _: twins.recovery(result.run, task, machine), "Looking for the twin"
    )
    for box, title, which in ((boxes[0], "The learned transformer", recovery), (boxes[1], "Its twin", other)):
        with box:
            dot = figures.recovery_dot(machine, which.edges, theme.colours())
            diagram(dot, f"{title}: {panels.tally(which)}", f"twin_{title}")


def not_an_automaton() -> None:
    """The Start page of a lab that builds something else."""
    st.info(
        "Your lab builds no automaton, so there is nothing to draw here. Its traces, heads and certificate are on the "
        "pages Traces, Inspect and Certify.",
        icon=":material/info:",
    )
    st.button("Show the worked example", on_click=_set, args=(Lab.default(),), type="primary", key="reset")
