"""Traces of Turing machines: the machines seen, the run of one, and every token of it in words."""

from __future__ import annotations

import streamlit as st

from linattn_core import figures
from linattn_core.errors import TooLargeError
from linattn_core.figures import views
from linattn_core.figures.turing_story import MAX_TOKENS
from linattn_core.figures.turing_training import MachinesSeen, TrainingRun, machines_seen, rules_of, training_run
from linattn_core.lab import Lab
from linattn_core.tasks.turing import UniversalTuringMachine
from pages.components.tape_player import tape_player
from pages.shared import compute, theme, turing_views
from pages.shared.widgets import chart, code, literal, notice

LISTED = 2_000  # machines in the table; others are reached by number

CODE = """
from linattn_core.figures.turing_training import machines_seen, training_run
from linattn_core.lab import Lab

lab = Lab.from_token("{token}")
seen = machines_seen(lab)
print(len(seen), int(seen.halted.sum()), int(seen.examples.sum()))   # machines, how many halt, examples
for row in training_run(lab, seen, {number}).rows:
    print(row.place + 1, row.kind, "|", row.adds, "|", row.example, row.answer)
"""


def show(lab: Lab) -> None:
    """The whole page for a Turing lab; nothing is learned for it."""
    task = lab.task()
    assert isinstance(task, UniversalTuringMachine), "asked for Turing labs only"
    st.title("Traces")
    notice(
        "every answer becomes the next token, so a run of one machine gives many examples. No context of your own "
        "machine is among them."
    )
    turing_views.controls(lab, task)
    seen: MachinesSeen = compute.obtain(
        ("machines seen", lab.build, lab.traces), lambda _: machines_seen(lab), "Running the machines"
    )
    number = _table(lab, seen)
    steps = int(seen.steps[number])
    if task.prompt_length + steps * task.tokens_per_step + 1 > MAX_TOKENS:
        st.info(
            f"This run has more than the {MAX_TOKENS:,} tokens that can be shown; lower the steps.",
            icon=":material/info:",
        )
        return
    run: TrainingRun = compute.obtain(
        ("training run", lab.build, lab.traces, number), lambda _: training_run(lab, seen, number), "Running it"
    )
    st.markdown(f"#### Machine {number + 1:,} of {len(seen):,}")
    _machine(run, steps)
    tape_player(run.story, key="traces_player")
    st.markdown("#### Its tokens, and what is asked after each")
    _tokens(run, task)
    _strip(run, task)
    code(CODE.format(token=lab.to_token(), number=number))


def _table(lab: Lab, seen: MachinesSeen) -> int:
    """The machines seen, one of them chosen; the number of the chosen one, from 0."""
    halted = int(seen.halted.sum())
    st.markdown(
        f"**{len(seen):,}** random machines: {halted:,} halt, {len(seen) - halted:,} were cut off after "
        f"{lab.traces.length:,} step{'s' if lab.traces.length > 1 else ''}. "
        f"**{int(seen.examples.sum()):,}** examples. Choose a row, or a number below."
    )
    listed = min(len(seen), LISTED)
    st.dataframe(
        {
            "machine": [f"machine {k + 1}" for k in range(listed)],
            "steps": seen.steps[:listed],
            "ends": ["halts" if halts else "cut off" for halts in seen.halted[:listed]],
            "examples": seen.examples[:listed],
            "first example": seen.first[:listed] + 1,
        },
        hide_index=True,
        height=240,
        on_select=_chosen,
        selection_mode="single-row",
        key="traces_machine",
        alt="The machines of the training set: steps, whether each halts, and its examples",
    )
    if listed < len(seen):
        st.caption(f"The first {listed:,} of {len(seen):,} are listed.")
    memory = st.session_state
    memory.traces_number = min(max(int(memory.get("traces_number") or 1), 1), len(seen))
    return int(st.number_input("Machine", 1, len(seen), key="traces_number", width=160)) - 1


def _chosen() -> None:
    rows = st.session_state.traces_machine.selection.rows
    if rows:
        st.session_state.traces_number = int(rows[0]) + 1


def _machine(run: TrainingRun, steps: int) -> None:
    machine = run.machine
    ends = "halts" if run.run.halted else "is cut off"
    tape = " ".join(machine.symbols[a] for a in run.tape)
    st.markdown(
        f"It starts in **{literal(machine.states[machine.start])}** at cell **{run.head}** of the tape "
        f"**{literal(tape)}** (the blank is {literal(machine.symbols[0])}) and {ends} after **{steps}** "
        f"step{'s' if steps != 1 else ''}."
    )
    rows = rules_of(machine)
    with st.expander("Its rules", icon=":material/table_rows:"):
        st.dataframe(
            {
                name: [row[k] for row in rows]
                for k, name in enumerate(("state", "reads", "writes", "next state", "then"))
            },
            hide_index=True,
            alt="The rules of the chosen machine",
        )


def _tokens(run: TrainingRun, task: UniversalTuringMachine) -> None:
    st.dataframe(
        {
            "token": [row.place + 1 for row in run.rows],
            "what it is": [row.kind for row in run.rows],
            "what it adds": [row.adds for row in run.rows],
            "example": ["" if row.example is None else f"{row.example + 1:,}" for row in run.rows],
            "answer demanded": [row.answer for row in run.rows],
        },
        hide_index=True,
        height=420,
        alt="Every token of the run: what it is, what it adds, and the answer demanded after it",
    )
    asked = sum(row.example is not None for row in run.rows)
    st.caption(
        f"The first {task.prompt_length} tokens are the prompt: {task.states * task.letters} rules, {task.cells} cells "
        f"and the start. From its last token on every prefix is one of {asked} examples: its answer is the next token, "
        "and an answer of zeros means halt."
    )


def _strip(run: TrainingRun, task: UniversalTuringMachine) -> None:
    names, Z = views.axis_names(task.attributes), run.run.tokens.T
    try:
        picture = figures.heat_map(Z, names, [str(k + 1) for k in range(Z.shape[1])], theme.colours(), ticks=12)
    except TooLargeError as limit:
        st.caption(literal(str(limit)))
        return
    picture.update_traces(texttemplate=None)
    chart(
        picture,
        f"The {Z.shape[1]} tokens of the run, one a column, over {len(names)} coordinates",
        f"the run, array ({Z.shape[0]} × {Z.shape[1]}), one token a column; blue +1, orange −1",
        "traces_turing_strip",
    )
