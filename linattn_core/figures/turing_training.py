"""The training set of a universal Turing machine as tables: the machines seen, and one run as prompt and steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linattn_core.errors import ShapeError
from linattn_core.figures.turing_story import TuringStory, turing_story
from linattn_core.lab import Lab
from linattn_core.machines.names import letter_names, state_names
from linattn_core.machines.turing import TuringMachine
from linattn_core.tasks.turing import TuringRun, UniversalTuringMachine
from linattn_core.tasks.turing_traces import Episodes, make_traces, simulate_all

MOVES = {-1: "left", 0: "halt", 1: "right"}


@dataclass(frozen=True, eq=False)
class MachinesSeen:
    """The M machines a lab learns from: ``steps`` (M,) of each run, ``halted`` (M,), and the ``examples`` (M,) it
    gives.

    Those of machine i are numbers ``first[i]`` to ``first[i] + examples[i] - 1`` of the traces.
    """

    episodes: Episodes
    steps: np.ndarray
    halted: np.ndarray
    examples: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class TokenRow:
    """One token of a run: its ``place``, what ``kind`` of token it is and what it ``adds``, in words.

    ``example``: the number, among all traces, of the example that ends in it; None where no answer is asked for.
    ``answer``: what is demanded there, "" where nothing is.
    """

    place: int
    kind: str
    adds: str
    example: int | None
    answer: str


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """One machine of the training set: its ``run`` by the compiled heads, which is the trace, and its tokens in
    words."""

    machine: TuringMachine
    tape: tuple[int, ...]
    head: int
    run: TuringRun
    rows: tuple[TokenRow, ...]
    story: TuringStory


def machines_seen(lab: Lab) -> MachinesSeen:
    """Return the machines behind the traces of a Turing lab: a function of the lab alone."""
    task, build = _task(lab), lab.turing
    assert build is not None, "its task is the universal Turing machine"
    episodes = task.episodes(lab.traces.count, lab.traces.seed, halting=build.halting)
    history = simulate_all(episodes, lab.traces.length)
    examples = history.lengths * task.tokens_per_step + (history.halted & task.layout.writes_at_halt)
    return MachinesSeen(episodes, history.lengths, history.halted, examples, np.cumsum(examples) - examples)


def training_run(lab: Lab, seen: MachinesSeen, number: int) -> TrainingRun:
    """Return machine ``number`` (from 0) of the training set with every token of its run explained.

    Raises ``ShapeError`` where there is no such machine.
    """
    if not 0 <= number < len(seen):
        raise ShapeError(f"training run: got machine {number}, wanted one from 0 to {len(seen) - 1}.")
    task, one = _task(lab), seen.episodes.subset(slice(number, number + 1))
    machine, tape, head = _machine(task, one, number), tuple(one.tape[0].tolist()), int(one.head[0])
    run = task.run(task.truth, machine, tape, int(seen.steps[number]), head=head)
    traces = make_traces(task.layout, one, lab.traces.length, 0.0, 0)
    asked = {
        int(stop) - int(start) - 1: i for i, (start, stop) in enumerate(zip(traces.start, traces.stop, strict=True))
    }
    rows = tuple(
        TokenRow(
            place,
            task.stage(place),
            task.decode(token),
            int(seen.first[number]) + asked[place] if place in asked else None,
            task.decode(traces.targets[asked[place]]) if place in asked else "",
        )
        for place, token in enumerate(run.tokens)
    )
    return TrainingRun(machine, tape, head, run, rows, turing_story(run, task.truth, machine))


def rules_of(machine: TuringMachine) -> list[tuple[str, str, str, str, str]]:
    """Return the rules as rows (state, reads, writes, next state, then)."""
    return [
        (state, symbol, "", "", "stop")
        if rule is None
        else (state, symbol, machine.symbols[rule[1]], machine.states[rule[0]], MOVES[rule[2]])
        for state, row in zip(machine.states, machine.rules, strict=True)
        for symbol, rule in zip(machine.symbols, row, strict=True)
    ]


def _task(lab: Lab) -> UniversalTuringMachine:
    task = lab.task()
    if not isinstance(task, UniversalTuringMachine):
        raise ShapeError("training run: got a lab that builds no Turing machines, so there are none to show.")
    return task


def _machine(task: UniversalTuringMachine, one: Episodes, number: int) -> TuringMachine:
    rules = tuple(tuple((int(q), int(a), int(m)) for q, a, m in row) for row in one.table[0])
    name = f"machine {number + 1} of the traces"
    return TuringMachine(name, state_names(task.states), letter_names(task.letters), rules, int(one.state[0]))
