"""The Inspect page's parts: one head as labelled matrices, singular values, residuals, edges, a word step by step."""

from __future__ import annotations

import streamlit as st

from linattn_core import figures
from linattn_core.errors import LinattnError
from linattn_core.experiment import Experiment
from linattn_core.figures import views
from linattn_core.figures.replay import replay
from linattn_core.recover import Recovery
from linattn_core.tasks import StepAutomaton, UniversalAutomaton
from pages.components import word_runner
from pages.shared import panels, theme
from pages.shared.widgets import chart, literal

COMPARED = {
    "automaton": "the automaton they compute",
    "memory": "the values they retrieve",
    "teacher": "what they answer",
    "sequences": "what they answer",
    "turing": "the run they compute",
}
MAX_RESIDUALS = 200_000  # answers whose residuals are counted


@st.fragment
def one_head(result: Experiment) -> None:
    """The chosen head: which query matches which key (Q), and what is then copied (V)."""
    model, task, colours = result.run.model, result.task, theme.colours()
    sizes = views.head_sizes(model)
    chosen = 1
    if model.heads > 1:
        chosen = st.slider("Head", 1, model.heads, 1, key="head", help="Largest first.", width=420)
    h = min(max(int(chosen), 1), model.heads) - 1
    names, answers = views.axis_names(task.attributes), views.axis_names(task.output_attributes)
    st.caption(f"Head {h + 1} of {model.heads}; its size, a singular value of W, is {sizes[h]:.4g}.")
    left, right = st.columns(2)
    try:
        with left:
            st.markdown("###### Q: key (rows) matched with query (columns)")
            picture = figures.heat_map(model.Q[h], names, names, colours)
            chart(picture, f"Matrix Q of head {h + 1}", f"Q ({model.dim} × {model.dim})", "head_q")
        with right:
            st.markdown("###### V: what is copied (columns) to the answer (rows)")
            picture = figures.heat_map(model.V[h], answers, names, colours)
            chart(picture, f"Matrix V of head {h + 1}", f"V ({model.outputs} × {model.dim})", "head_v")
    except LinattnError as limit:
        st.caption(literal(str(limit)))


def singular_values(result: Experiment) -> None:
    """The sizes of the heads: how fast they fall says how many matter."""
    sizes, task = views.head_sizes(result.run.model), result.task
    chart(
        figures.spectrum(sizes, theme.colours(), what="size of head"),
        f"Sizes of {len(sizes)} heads, from {sizes.max():.3g} to {sizes.min():.3g}",
        f"singular values of W as a ({task.outputs}·{task.dim} × {task.dim}²) matrix, array ({len(sizes)},)",
        "singular_values",
    )


def residuals(result: Experiment) -> None:
    """What the traces' answers and the learned ones differ by."""
    count = max(1, MAX_RESIDUALS // result.traces.outputs)
    some = result.traces.subset(slice(0, count))
    left = some.targets - result.run.predictor.on(some)
    chart(
        figures.histogram(left, theme.colours(), what="residual"),
        f"Residuals of {len(some)} examples, the largest {abs(left).max():.2g}",
        f"y − P φ(Z) for {len(some):,} of {len(result.traces):,} examples, array ({left.shape[0]:,} × {left.shape[1]})",
        "residuals",
    )


def side_by_side(result: Experiment, recovery: Recovery) -> None:
    """True and recovered automaton at the same coordinates."""
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        st.markdown("###### True automaton")
        panels.true_automaton(recovery.truth, "inspect_true")
    with right.container(border=True, height="stretch"):
        st.markdown("###### Recovered from the weights")
        panels.recovered_automaton(recovery, "inspect_recovered")
    verdict = "accepts exactly the same words" if recovery.equivalent else "differs on the word " + _word(recovery)
    st.markdown(f"{panels.tally(recovery)} As it stands, the recovered automaton {verdict}.")


def _word(recovery: Recovery) -> str:
    word = " ".join(recovery.counterexample or ())
    return f"**{literal(word)}**" if word else "**of no letters**"


def edges(result: Experiment, recovery: Recovery) -> None:
    """Every transition with the model's own scores and their margin; under noise these estimate probabilities."""
    noise = result.lab.traces.noise
    score = "estimated probability of" if noise else "score of"
    st.dataframe(
        {
            "state": [edge.state for edge in recovery.edges],
            "letter": [edge.letter for edge in recovery.edges],
            "true": [edge.true for edge in recovery.edges],
            "learned": [edge.learned for edge in recovery.edges],
            "verdict": [
                {"right": "as the true one", "different": "different"}.get(edge.kind, "not determined")
                for edge in recovery.edges
            ],
            "margin": [edge.margin if len(edge.scores) > 1 else None for edge in recovery.edges],
            **{
                f"{score} {name}": [round(edge.scores[k], 6) + 0.0 for edge in recovery.edges]
                for k, name in enumerate(recovery.truth.states[:12])
            },
        },
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.3f")
            for name in ("margin", *(f"{score} {state}" for state in recovery.truth.states[:12]))
        },
        alt="Every transition: true and learned next state, verdict, margin, and the model's scores",
    )
    st.caption(
        "Margin: the score of the chosen state minus the next best."
        + (f" With noise {noise:g} the scores estimate how probable each next state is." if noise else "")
    )


@st.fragment
def run_a_word(result: Experiment, recovery: Recovery) -> None:
    """The user's own word through both automata: played in the browser, with the token and the matrix of each step."""
    task, machine = result.task, recovery.truth
    assert isinstance(task, StepAutomaton | UniversalAutomaton)  # nothing else is recovered
    spaced = any(len(letter) > 1 for letter in machine.alphabet)
    example = (" " if spaced else "").join(machine.alphabet[k % len(machine.alphabet)] for k in range(4))
    text = st.text_input(
        "A word" + (", letters separated by spaces" if spaced else ""),
        example,
        max_chars=200,
        key="word",
        persist_state="session",
        width=420,
    )
    try:
        run = replay(task, recovery, text)
    except LinattnError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    tokens = "Tokens of this run" if isinstance(task, StepAutomaton) else "Rules in the prompt"
    word_runner(machine, run, key="word_runner", strip_title=tokens)
    says = ["accepts" if m.accepts(run.word) else "rejects" for m in (machine, recovery.automaton)]
    st.markdown(f"The true automaton **{says[0]}** this word, the learned one **{says[1]}** it.")
