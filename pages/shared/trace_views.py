"""The Traces page's parts: what may be changed, the words, one context Z, C growing, visits per transition."""

from __future__ import annotations

import numpy as np
import streamlit as st

from linattn_core import figures
from linattn_core.errors import TooLargeError
from linattn_core.experiment import Experiment
from linattn_core.figures import views
from linattn_core.lab import Lab
from linattn_core.tasks import StepAutomaton, TableMemory, UniversalAutomaton
from pages.shared import state, theme
from pages.shared.widgets import chart, literal, problem

ROWS = 100  # words listed
UNITS = {"automaton": "Random words", "memory": "Memories", "teacher": "Sequences", "sequences": "Sequences, at most"}
NOTICES = {
    "automaton": "what no trace visits, no learner can know: a transition that occurs “none” times here is dashed on "
    "Inspect.",
    "memory": "a context holds a handful of pairs and one key that asks; what no context asks, no learner can know.",
    "teacher": "every prefix of a sequence is an example: its last token asks, all of it is the context.",
    "sequences": "every prefix of a sequence is an example; what is held out is never learned from.",
}


def controls(lab: Lab) -> None:
    """Count, length, seed, noise; and for an automaton which transitions are left out or added."""
    memory, spec = st.session_state, lab.traces
    memory.trace_count, memory.trace_length, memory.trace_seed = spec.count, spec.length, spec.seed
    memory.trace_noise = spec.noise
    step = isinstance(lab.task(), StepAutomaton)
    unit = UNITS[lab.build.kind] if lab.build.kind != "automaton" or step else "Automaton and query pairs"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(unit, 1, 200_000, key="trace_count", on_change=_change, width=200)
        if step or lab.build.kind == "teacher":
            st.number_input("Length of each", 1, 10_000, key="trace_length", on_change=_change, width=150)
        st.number_input("Seed", 0, 2**32 - 1, key="trace_seed", on_change=_change, width=150)
        chance = isinstance(lab.task(), StepAutomaton | UniversalAutomaton | TableMemory)
        what = "the probability of a random answer" if chance else "a standard deviation"
        st.number_input(
            "Noise", 0.0, step=0.05, key="trace_noise", on_change=_change, width=150, help=f"Noise is {what}."
        )
    if lab.machine is not None:
        _pairs(lab)
    problem("traces")


def _pairs(lab: Lab) -> None:
    machine, memory = lab.machine, st.session_state
    assert machine is not None, "asked for an automaton only"
    every = [(p, x) for p in machine.states for x in machine.alphabet]
    memory.trace_withheld, memory.trace_extra = list(lab.traces.withheld), list(lab.traces.extra)
    with st.container(horizontal=True):
        for key, title in (("trace_withheld", "Transitions left out"), ("trace_extra", "Transitions added once")):
            st.multiselect(
                title,
                every,
                format_func=lambda pair: f"{pair[0]} on {pair[1]}",
                key=key,
                on_change=_change,
                placeholder="none",
                width=360,
            )


def _change() -> None:
    memory, lab = st.session_state, state.lab()
    fields = {name: memory.get(f"trace_{name}") for name in ("count", "length", "seed", "noise", "withheld", "extra")}
    given = {name: value for name, value in fields.items() if value is not None}
    for name in ("withheld", "extra"):
        if name in given:
            given[name] = tuple(tuple(pair) for pair in given[name])
    if lab.machine is None:
        given = {name: value for name, value in given.items() if name not in ("withheld", "extra")}
    state.attempt("traces", lambda: lab.replace(traces=lab.traces.replace(**given)))


def has_words(result: Experiment) -> bool:
    """Whether the traces are words read by one automaton."""
    return isinstance(result.task, StepAutomaton)


def words(result: Experiment) -> None:
    """The random words with the states they pass; `ROWS` of them at most."""
    task, spec = result.task, result.lab.traces
    if not isinstance(task, StepAutomaton):
        return
    letters, states = task.runs(spec.count, spec.seed, spec.length)
    machine = task.machine
    shown = slice(0, ROWS)
    st.dataframe(
        {
            "word": [" ".join(machine.alphabet[k] for k in word) for word in letters[shown]],
            "accepted": [int(path[-1]) in machine.accepting for path in states[shown]],
            "states on the way": [" → ".join(machine.states[k] for k in path) for path in states[shown]],
        },
        height=240,
        alt="The random words, the states each passes, and whether it is accepted",
    )
    st.caption(f"{min(spec.count, ROWS)} of {spec.count:,} words of {spec.length} letters; every step is one example.")


def visits(result: Experiment) -> None:
    """How often each transition occurs: what is never seen cannot be known."""
    task = result.task
    if isinstance(task, StepAutomaton):
        table = views.visits(task, result.traces)
        machine = task.machine
        chart(
            figures.counts(table, machine.states, machine.alphabet, theme.colours()),
            f"Examples per transition; {int(np.sum(table == 0))} transitions have none",
            f"examples per transition, array ({table.shape[0]} × {table.shape[1]})",
            "visits",
        )


@st.fragment
def one_example(result: Experiment) -> None:
    """One context as a matrix with its answer, and C as its tokens are read."""
    count = len(result.traces)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.number_input("Example", 1, count, 1, key="example", width=160)
        st.caption(f"of {count:,}")
    Z, y = result.traces[min(max(int(chosen), 1), count) - 1]
    names = views.axis_names(result.task.attributes)
    answers = views.axis_names(result.task.output_attributes)
    left, right = st.columns(2)
    try:
        with left:
            st.markdown("###### The context Z, one token a column; the last is the query")
            picture = figures.heat_map(Z, names, _columns(Z.shape[1]), theme.colours(), ticks=12)
            chart(
                picture,
                f"Context Z of example {chosen}",
                f"Z ({Z.shape[0]} × {Z.shape[1]})",
                "one_z",
                _narrow(Z.shape[1]),
            )
            said = result.task.decode(y)
            st.markdown(f"Answer y, which reads **{literal(said)}**, array ({len(y)},):")
            st.dataframe({name: [float(v)] for name, v in zip(answers, y, strict=True)}, hide_index=True, alt="Answer")
        with right:
            st.markdown("###### C = Z Zᵀ, growing token by token")
            grown = figures.growing(Z, names, theme.colours(), moments=views.running_moments(Z))
            chart(grown, "The second moment C of the tokens read so far", f"C ({len(names)} × {len(names)})", "one_c")
    except TooLargeError as limit:
        st.caption(literal(str(limit)))


def _narrow(columns: int) -> int:
    """Pixels for a picture of few columns; 0 for the whole width."""
    return 160 + 60 * columns if columns < 6 else 0


def _columns(count: int) -> list[str]:
    return [*(str(k + 1) for k in range(count - 1)), "query"]
