"""Three ways to write one learned function as heads, its program listing, and what leaving heads out costs."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from linattn_core import figures
from linattn_core.errors import Cancelled, LinattnError
from linattn_core.experiment import Experiment
from linattn_core.figures import views
from linattn_core.heads import HeadsResult, Relation, TypedHeads
from linattn_core.learn import HEADS, find_heads
from linattn_core.numerics import Progress
from linattn_core.recover import read_automaton
from linattn_core.tasks import StepAutomaton, UniversalAutomaton
from linattn_core.tolerances import FIT_ROUNDING
from pages.shared import compute, theme
from pages.shared.widgets import chart, literal

TITLES = {"svd": "By singular values", "minimal": "The fewest", "typed": "The program"}
ABOUT = {
    "svd": "Algorithm 1 of the paper: always works, usually far more heads than needed.",
    "minimal": "The smallest number of heads whose alternating fit reaches the same function.",
    "typed": "Each head reads one attribute, matches one and is asked by one: it can be read as a sentence.",
}


def three_ways(result: Experiment) -> None:
    """The three kinds of heads side by side, each with its count and the reason why no fewer."""
    found = compute.obtain(("heads", result.lab), lambda tick: _all_ways(result, tick), "Finding heads")
    for column, (mode, heads) in zip(st.columns(3), found.items(), strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"###### {TITLES[mode]}")
            if isinstance(heads, str):
                st.caption(literal(heads))
                continue
            model = heads.model
            st.metric("heads", model.heads, help=ABOUT[mode])
            chart(
                figures.mosaic(views.stacked_heads(model), [str(h + 1) for h in range(model.heads)], theme.colours()),
                f"All {model.heads} heads found {TITLES[mode].lower()}",
                f"{model.heads} × Q ({model.dim} × {model.dim}) over V ({model.outputs} × {model.dim})",
                f"heads_{mode}",
            )
            st.caption(sentence(result, heads.reason))
            st.caption(_kept(result, heads))
    _listing(result, found["typed"])


def _kept(result: Experiment, heads: HeadsResult) -> str:
    """The training error of heads beside the solution's, and by how much their answers miss where not by rounding."""
    words = f"Training error {result.run.loss(heads.model):.2g}; the solution's is {result.run.training_mse:.2g}"
    if heads.deviation > FIT_ROUNDING:
        words += f". On traces and legal inputs these heads miss its answers by {heads.deviation:.0e} of the largest"
    return words + "."


def _all_ways(result: Experiment, tick: Progress) -> dict[str, HeadsResult | str]:
    """Heads in every mode, or the sentence why one cannot be had here."""
    found: dict[str, HeadsResult | str] = {}
    run = result.run
    for k, mode in enumerate(HEADS):

        def part(fraction: float, words: str, done: int = k) -> None:
            tick((done + fraction) / len(HEADS), words)

        try:
            found[mode] = find_heads(mode, run.predictor, run.certificate, result.task, part)
        except Cancelled:
            raise
        except LinattnError as limit:
            found[mode] = str(limit)
    return found


def _listing(result: Experiment, typed: HeadsResult | str) -> None:
    """The program in sentences, with equivalent programs to choose from, and the matrices behind a sentence."""
    if not isinstance(typed, TypedHeads):
        return
    st.markdown("#### The program listing")
    programs = typed.alternatives
    chosen = 0
    if len(programs) > 1:
        names = [f"{p.heads} heads: {_short(p.relations)}" for p in programs]
        st.caption(
            f"{len(programs)} programs of equally few relations compute the same answers wherever the data pin them "
            f"down; the fewest heads among them are {typed.fewest.heads}."
        )
        chosen = st.selectbox("Program", range(len(programs)), format_func=lambda k: names[k], key="program", width=520)
    program = programs[min(int(chosen), len(programs) - 1)]
    lines = [f"{k + 1}. {sentence(result, line)}" for k, line in enumerate(program.sentences)]
    st.markdown("\n".join(lines))
    model = program.model
    chart(
        figures.mosaic(
            views.stacked_heads(model), [f"line {k + 1}" for k in range(model.heads)], theme.colours(), aspect=5.0
        ),
        "The matrices behind each line of the program",
        f"the matrices behind each line: Q ({model.dim} × {model.dim}) over V ({model.outputs} × {model.dim}); "
        f"training error of this program {result.run.loss(model):.2g}",
        "program_heads",
    )


def sentence(result: Experiment, text: str) -> str:
    """A sentence about heads in Markdown: attribute names as code, labels of the user's own literal."""
    shown = literal(text)
    for attribute in (*result.task.attributes, *result.task.output_attributes):
        shown = shown.replace(literal(f"`{attribute.name}`"), f"`{attribute.name}`")
    return shown


def _short(relations: Sequence[Relation]) -> str:
    return "; ".join(f"{r.value} where {r.key} meets {r.query}" for r in relations[:2]) + ("; …" * (len(relations) > 2))


@st.fragment
def truncation(result: Experiment) -> None:
    """A slider over the number of heads kept, and the damage."""
    model, task, machine = result.run.model, result.task, result.lab.machine
    if model.heads < 2:
        return
    st.markdown("#### Leave heads out")
    kept = st.slider("Heads kept, largest first", 0, model.heads, model.heads, key="heads_kept", width=420)
    fewer = model.largest(int(kept))
    loss = result.run.loss(fewer)
    words = f"With {kept} of {model.heads} heads the training error is **{loss:.3g}**"
    if isinstance(task, StepAutomaton | UniversalAutomaton) and machine is not None:
        learned = read_automaton(fewer, task, machine)
        pairs = [(q, a) for q in range(len(machine.states)) for a in range(len(machine.alphabet))]
        right = sum(learned.transitions[q][a] == machine.transitions[q][a] for q, a in pairs)
        words += f", and **{right} of {len(pairs)}** transitions are read off right"
    st.markdown(words + ".")
