"""The panels of the story, used by several pages: true automaton, traces, heads, recovered automaton, certificate."""

from __future__ import annotations

import streamlit as st

from linattn_core import figures
from linattn_core.errors import TooLargeError
from linattn_core.experiment import Experiment
from linattn_core.figures import views
from linattn_core.machines import Machine
from linattn_core.recover import Recovery
from pages.shared import theme
from pages.shared.widgets import chart, diagram, literal

STRIP = 24  # tokens shown at a glance

LEGEND = (
    ":blue[**━━** determined, as the true one] &nbsp;·&nbsp; :red[**━━ ≠** determined, different] &nbsp;·&nbsp; "
    ":orange[**╌╌ ?** not determined by the traces]"
)


def true_automaton(machine: Machine, key: str) -> None:
    """The automaton that was built; its table where a drawing would be unreadable."""
    try:
        diagram(figures.machine_dot(machine, theme.colours()), figures.describe(machine), key)
    except TooLargeError as limit:
        st.caption(str(limit))
        st.dataframe(table_of(machine), alt="Transition table of the automaton")
    st.caption(f"{len(machine.states)} states, {len(machine.alphabet)} letters; a double ring accepts.")


def table_of(machine: Machine) -> dict[str, list[str]]:
    """The transition table as columns: state, then one per letter."""
    columns = {
        f"on {letter}": [machine.states[row[k]] for row in machine.transitions]
        for k, letter in enumerate(machine.alphabet)
    }
    return {"state": list(machine.states), **columns}


def recovered_automaton(recovery: Recovery, key: str) -> None:
    """What was read back out of the model, drawn where the true automaton stands, with what is known of each edge."""
    try:
        dot = figures.recovery_dot(recovery.truth, recovery.edges, theme.colours())
        diagram(dot, f"Recovered: {figures.describe(recovery.automaton)} {tally(recovery)}", key)
    except TooLargeError as limit:
        st.caption(str(limit))
        st.dataframe(
            {
                "state": [edge.state for edge in recovery.edges],
                "letter": [edge.letter for edge in recovery.edges],
                "learned": [edge.learned for edge in recovery.edges],
                "verdict": [edge.kind for edge in recovery.edges],
            },
            alt="Recovered transitions, one a row",
        )
    st.markdown(f":small[{LEGEND}]")


def tally(recovery: Recovery) -> str:
    """How many edges are right, different and undetermined, in words."""
    kinds = [edge.kind for edge in recovery.edges]
    idle = sum(edge.kind == "undetermined" and not edge.reachable for edge in recovery.edges)
    unreachable = f" ({idle} of them leave states that no word reaches)" if idle else ""
    return (
        f"{kinds.count('right')} determined as the true ones, {kinds.count('different')} determined and different, "
        f"{kinds.count('undetermined')} not determined{unreachable}."
    )


def token_strip(experiment: Experiment, key: str, count: int = STRIP) -> None:
    """The first tokens of the traces, one a column, in the coordinates of the embedding."""
    traces, task = experiment.traces, experiment.task
    shown = views.first_tokens(traces, count)
    names = views.axis_names(task.attributes)
    picture = figures.heat_map(shown, names, [str(k + 1) for k in range(shown.shape[1])], theme.colours(), ticks=8)
    picture.update_traces(texttemplate=None)
    chart(
        picture,
        f"The first {shown.shape[1]} tokens of the traces, one a column, over {len(names)} coordinates",
        f"first {shown.shape[1]} of {traces.tokens.shape[0]:,} tokens, array ({shown.shape[0]} × {shown.shape[1]})",
        key,
    )


def heads(experiment: Experiment, key: str, aspect: float = 2.0) -> None:
    """All heads at a glance: for each the key-query matrix Q with the value matrix V below it."""
    model = experiment.run.model
    names = [f"head {h + 1}" for h in range(model.heads)]
    chart(
        figures.mosaic(views.stacked_heads(model), names, theme.colours(), aspect=aspect),
        f"All {model.heads} learned heads as one mosaic, largest first",
        f"{model.heads} heads: Q ({model.dim} × {model.dim}) with V ({model.outputs} × {model.dim}) below; "
        "blue positive, orange negative",
        key,
    )


def missing_in_words(experiment: Experiment, limit: int = 6) -> str:
    """What the traces leave open, as a Markdown list of at most `limit` lines."""
    lines = [f"- {literal(words)}" for words in experiment.missing]
    more = f"\n- and {len(lines) - limit} more" if len(lines) > limit else ""
    return "\n".join(lines[:limit]) + more
