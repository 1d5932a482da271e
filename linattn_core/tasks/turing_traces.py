"""Runs of many Turing machines at once, and the training examples they give: every autoregressive step is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linattn_core.errors import MachineError, ShapeError
from linattn_core.machines.turing import HALT, TuringMachine, as_tape
from linattn_core.machines.turing_random import check_halting, rules_from_uniform
from linattn_core.numerics import check_memory
from linattn_core.tasks.base import random_stream
from linattn_core.tasks.turing_layout import Design, Steps
from linattn_core.traces import Traces

MAX_EPISODES, MAX_TRACE_STEPS = 100_000, 10_000

REMEDY = "ask for fewer machines or fewer steps"

STEP_BYTES = 200.0
"""What a step of a simulation takes, with its place in time and its run's."""

TOKEN_BYTES = 28.0
"""What an entry of a token takes at the peak: written, kept, and as an answer."""


@dataclass(frozen=True, eq=False)
class Episodes:
    """B machines with their inputs: ``table`` (B, Q, S, 3), ``tape`` (B, n), ``state`` and ``head`` (B,), integers."""

    table: np.ndarray
    tape: np.ndarray
    state: np.ndarray
    head: np.ndarray

    def __len__(self) -> int:
        return len(self.state)

    def subset(self, index: np.ndarray | slice) -> Episodes:
        """Return some of the episodes."""
        return Episodes(self.table[index], self.tape[index], self.state[index], self.head[index])


def draw_episodes(
    design: Design, count: int, seed: int = 0, halting: float = 0.3, *, blank: bool = False, origin: bool = False
) -> Episodes:
    """Draw ``count`` random machines, each with a random tape, start state and head position, all uniform.

    A rule halts with probability ``halting``. ``blank``: blank tapes only; ``origin``: start in state 0 at cell 0 only.
    Episode i is the same whatever the count. Raises ``ShapeError`` and ``TooLargeError`` before drawing anything.
    """
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or not 1 <= count <= MAX_EPISODES:
        raise ShapeError(
            f"traces: got {count!r} machines, wanted from 1 to {MAX_EPISODES:,}; change the number of runs."
        )
    check_halting(halting)
    Q, S, n = design.states, design.letters, design.cells
    prompt = TOKEN_BYTES * design.prompt_length * design.dim
    check_memory(count * (32.0 * (Q * S * 4 + n + 2) + prompt), f"traces: {count:,} machines", "ask for fewer")
    uniform = random_stream(seed).random((count, Q * S * 4 + n + 2))
    tape = (uniform[:, Q * S * 4 : -2] * S).astype(np.int64)
    state, head = (uniform[:, -2:] * (Q, n)).astype(np.int64).T
    return Episodes(
        rules_from_uniform(uniform[:, : Q * S * 4].reshape(count, Q, S, 4), S, halting),
        np.zeros_like(tape) if blank else tape,
        np.zeros_like(state) if origin else state,
        np.zeros_like(head) if origin else head,
    )


def one_episode(design: Design, machine: TuringMachine, tape: tuple[int, ...], head: int = 0) -> Episodes:
    """Return one machine and tape as ``Episodes``, padded to the design's sizes; ``MachineError`` if too large."""
    padded = machine.padded(design.states, design.letters)
    cells = as_tape(tape, design.cells, len(machine.symbols))
    if not 0 <= head < design.cells:
        raise MachineError(f"head: got cell {head}, wanted from 0 to {design.cells - 1}.")
    return Episodes(padded.table()[None], np.array([cells]), np.array([machine.start]), np.array([head]))


def check_run_steps(steps: int) -> None:
    """Raise ``MachineError`` unless 1 <= steps <= ``MAX_TRACE_STEPS``: a machine may never halt by itself."""
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or not 1 <= steps <= MAX_TRACE_STEPS:
        raise MachineError(f"steps: got {steps!r}, wanted a whole number from 1 to {MAX_TRACE_STEPS:,} a run.")


@dataclass(frozen=True, eq=False)
class History:
    """What the machines did: ``steps`` run by run and in time order, ``lengths`` (B,), ``halted`` (B,)."""

    steps: Steps
    lengths: np.ndarray
    halted: np.ndarray


def simulate_all(episodes: Episodes, limit: int, step_bytes: float = STEP_BYTES) -> History:
    """Run all machines on their circular tapes for at most ``limit`` steps; a halting step counts.

    Raises ``TooLargeError`` as soon as the steps, of ``step_bytes`` each, will not fit: how many there are is not known
    before, since most machines halt.
    """
    check_run_steps(limit)
    tape, state, head = episodes.tape.copy(), episodes.state.copy(), episodes.head.copy()
    halted = np.zeros(len(episodes), dtype=bool)
    columns, who, taken, checked = [], [], 0, 0.0
    for _ in range(limit):
        b = np.flatnonzero(~halted)
        if len(b) == 0:
            break
        taken += len(b)
        if taken > checked:
            check_memory(step_bytes * taken, f"traces: {taken:,} steps of {len(episodes):,} machines", REMEDY)
            checked = 1.1 * taken
        q, p = state[b], head[b]
        a = tape[b, p]
        target, written, move = episodes.table[b, q, a].T
        columns.append(np.stack([q, p, a, target, written, move]))
        who.append(b)
        tape[b, p], state[b] = written, target
        head[b] = (p + move) % tape.shape[1]
        halted[b] = move == HALT
    runs = np.concatenate(who)
    order = np.argsort(runs, kind="stable")  # by run, and inside a run by time
    return History(Steps(*np.concatenate(columns, axis=1)[:, order]), np.bincount(runs, minlength=len(halted)), halted)


@dataclass(frozen=True, eq=False)
class Sequences:
    """Token sequences of B runs: run i is ``tokens[start[i]:stop[i]]``, prompt first, a zero token closing it.

    The answers the model should give stand at ``start + prompt .. answered`` (exclusive), one a context.
    """

    tokens: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    prompt: int
    answered: np.ndarray


def sequences(design: Design, episodes: Episodes, history: History) -> Sequences:
    """Return what the design writes down for these runs.

    A run that halts ends where the answer is zero; a run that was cut off ends with the T1 of the step not taken.
    """
    prompts, steps = design.prompt(*_inputs(episodes)), design.step(history.steps)
    L, k = prompts.shape[1], steps.shape[1]
    size = L + k * history.lengths + 1
    stop = np.cumsum(size)
    start = stop - size
    tokens = design.zeros(int(stop[-1]))
    tokens[start[:, None] + np.arange(L)] = prompts
    first = np.repeat(start + L - k * (np.cumsum(history.lengths) - history.lengths), history.lengths)
    tokens[(first + k * np.arange(len(history.steps)))[:, None] + np.arange(k)] = steps
    # In slim and wide the last token of a halting step is the zero answer; in duo it still writes, and zero follows.
    return Sequences(tokens, start, stop, L, stop - 1 + (history.halted & design.writes_at_halt))


def make_traces(design: Design, episodes: Episodes, steps: int, noise: float, seed: int) -> Traces:
    """Return every autoregressive step of the runs as an example: context up to a token, answer the next token."""
    token = TOKEN_BYTES * design.dim
    check_memory(token * len(episodes) * design.prompt_length, f"traces: {len(episodes):,} prompts", REMEDY)
    found = sequences(design, episodes, simulate_all(episodes, steps, STEP_BYTES + token * len(design.stages)))
    counts = found.answered - found.start - found.prompt
    run = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(run)) - np.repeat(np.cumsum(counts) - counts, counts)
    stop = found.start[run] + found.prompt + within
    targets = found.tokens[stop]
    if noise:
        # A stream of its own, so that noise does not change the machines.
        targets = targets + noise * random_stream(seed, 1).standard_normal(targets.shape)
    return Traces.adopt(found.tokens, found.start[run], stop, targets)


def _inputs(episodes: Episodes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return episodes.table, episodes.tape, episodes.state, episodes.head
