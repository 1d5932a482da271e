"""A Turing machine's run by attention as data for an animation: tokens, what each adds to an answer, what it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linattn_core.attention import LinearAttention, Predictor
from linattn_core.errors import TooLargeError
from linattn_core.machines.names import letter_names, state_names
from linattn_core.machines.turing import Configuration, TuringMachine
from linattn_core.tasks.turing import TuringRun, UniversalTuringMachine
from linattn_core.tasks.turing_run import Answers

MAX_TOKENS = 1_200
"""Tokens a page can show; a run of 107 steps has 442."""

MAX_SAID = 120
"""Characters of an answer that is no token of the run."""

Sparse = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class TuringStory:
    """A run of T tokens, the first ``prompt`` of them given; sequences named after tokens have T entries.

    vectors: the distinct tokens, as (coordinate, value) pairs; token: which of them stands at each place; pull
    [query][token] in [0, 1]: the size of what a context token adds to the answer for that query, relative to the
    largest, among the distinct ones; () for tokens that never ask. kinds, says: what a token is, and what happens when
    it asks, in words. configurations: (state, head, halted) after the prompt and after every step. right: whether the
    plain simulator agrees, up to each of them.
    """

    machine: str
    states: tuple[str, ...]
    symbols: tuple[str, ...]
    attributes: tuple[tuple[str, int, tuple[str, ...]], ...]
    stages: tuple[str, ...]
    cells: int
    prompt: int
    vectors: tuple[Sparse, ...]
    token: tuple[int, ...]
    pull: tuple[tuple[float, ...], ...]
    kinds: tuple[str, ...]
    says: tuple[str, ...]
    configurations: tuple[tuple[str, int, bool], ...]
    right: tuple[bool, ...]
    ending: str


def turing_story(run: TuringRun, model: LinearAttention | Predictor, machine: TuringMachine) -> TuringStory:
    """Tell ``run``, which ``model`` made of ``machine``, in the machine's own names of states and symbols.

    Raises ``TooLargeError`` beyond ``MAX_TOKENS`` tokens.
    """
    task, count = run.task, len(run.tokens)
    if count > MAX_TOKENS:
        raise TooLargeError(
            f"The run has {count:,} tokens, more than the {MAX_TOKENS:,} that can be watched; run it shorter."
        )
    padded = machine.padded(task.states, task.letters)
    names = dict(zip(state_names(task.states), padded.states, strict=True))
    names |= dict(zip(letter_names(task.letters), padded.symbols, strict=True))
    distinct, token = np.unique(run.tokens, axis=0, return_inverse=True)
    token = token.ravel()
    asking = np.unique(token[task.prompt_length - 1 :])
    right, sound = _right(run), _sound(run, machine)
    return TuringStory(
        machine=machine.name,
        states=padded.states,
        symbols=padded.symbols,
        attributes=tuple(
            (a.name, a.start, tuple(_renamed(label, names) for label in a.labels)) for a in task.attributes
        ),
        stages=task.layout.stages,
        cells=task.cells,
        prompt=task.prompt_length,
        vectors=tuple(_sparse(row) for row in distinct),
        token=tuple(token.tolist()),
        pull=_pulls(model, distinct, set(asking.tolist())),
        kinds=tuple(task.stage(i) for i in range(count)),
        says=tuple(_says(run, padded, i, sound) for i in range(count)),
        configurations=tuple(
            ("" if c.state is None else padded.states[c.state], c.head, c.halted) for c in run.configurations
        ),
        right=right,
        ending=_ending(run),
    )


def _renamed(label: str, names: dict[str, str]) -> str:
    return ", ".join(names.get(part, part) for part in label.split(", "))


def _sparse(row: np.ndarray) -> Sparse:
    return tuple((int(i), round(float(row[i]), 3)) for i in np.flatnonzero(row))


def _pulls(model: LinearAttention | Predictor, distinct: np.ndarray, asking: set[int]) -> tuple[tuple[float, ...], ...]:
    """Return the sizes of M_z vec(x x^T) of every token x under each query z, relative to the largest of the query.

    The answer y = M_z vec(sum of x x^T over the context) is the sum of these vectors, whichever weights give it.
    """
    answers = Answers(model)
    found: list[tuple[float, ...]] = []
    for index, z in enumerate(distinct):
        if index not in asking:
            found.append(())
            continue
        M = answers.map(z)
        size = np.zeros(len(distinct))
        for i, x in enumerate(distinct):
            at = np.flatnonzero(x)
            pairs = (at[:, None] * len(x) + at[None]).ravel()
            size[i] = np.abs(M[:, pairs] @ np.outer(x[at], x[at]).ravel()).max(initial=0.0)
        largest = float(size.max(initial=0.0))
        found.append(tuple(np.round(size / largest if largest > 1e-9 else 0.0 * size, 2).tolist()))
    return tuple(found)


def _right(run: TuringRun) -> tuple[bool, ...]:
    """Whether the run is the simulator's up to each configuration; one that goes on after the halt is not."""
    right, found = True, []
    for i, mine in enumerate(run.configurations):
        wanted = run.expected.configurations[i] if i < len(run.expected.configurations) else None
        right = right and wanted is not None and _same(mine, wanted)
        found.append(right)
    return tuple(found)


def _same(mine: Configuration, wanted: Configuration) -> bool:
    return (mine.head, mine.tape, mine.halted) == (wanted.head, wanted.tape, wanted.halted) and mine.state in (
        None,
        wanted.state,
    )


def _ending(run: TuringRun) -> str:
    steps = len(run.configurations) - 1
    if not run.halted:
        return f"Stopped at the limit of {steps} steps."
    return f"Halted after {steps} step{'' if steps == 1 else 's'}."


def _sound(run: TuringRun, machine: TuringMachine) -> int:
    """Return how many tokens from the first are what the compiled heads would have written."""
    if run.agrees:
        return len(run.tokens) + 1
    begin = run.expected.configurations[0]
    steps = max(1, run.expected.steps)
    wanted = run.task.run(run.task.truth, machine, begin.tape, steps, head=begin.head).tokens
    shared = min(len(wanted), len(run.tokens))
    wrong = np.flatnonzero((run.tokens[:shared] != wanted[:shared]).any(axis=1))
    return int(wrong[0]) if len(wrong) else shared


def _says(run: TuringRun, machine: TuringMachine, place: int, sound: int) -> str:
    """Say what happens when the token at ``place`` asks; the first ``sound`` tokens are right."""
    task, first = run.task, run.task.prompt_length - 1
    if place < first:
        return ""
    step, stage = divmod(place - first, task.tokens_per_step)
    if place + 1 < sound and step + 1 < len(run.expected.configurations):
        return _stage_words(task, machine, stage, run.expected.configurations[step : step + 2])
    if place == len(run.tokens) - 1:
        return _ending(run)
    answer = task.decode(run.tokens[place + 1])
    said = answer if len(answer) <= MAX_SAID else answer[:MAX_SAID] + "\u2026"
    return f"{'Here it goes wrong' if place + 1 == sound else 'No longer a run of this machine'}: the answer is {said}."


def _stage_words(
    task: UniversalTuringMachine, machine: TuringMachine, stage: int, around: Sequence[Configuration]
) -> str:
    before, after = around
    state, read = machine.states[before.state or 0], machine.symbols[before.tape[before.head]]
    written = machine.symbols[after.tape[before.head]]
    rule = machine.rules[before.state or 0][before.tape[before.head]]
    moves = {-1: "go left", 0: "halt", 1: "go right"}[0 if rule is None else rule[2]]
    goes = state if rule is None else machine.states[rule[0]]
    name, head = task.layout.stages[stage], before.head
    change = f"add {written} minus {read} at cell {head}" if written != read else f"change nothing at cell {head}"
    if name == "read":
        return f"All tokens with key cell {head} add up to {read}."
    if name == "join":
        return f"The state's changes add up to {state}; the next question is ({state}, {read})."
    if name == "look up the rule":
        return f"The rule for ({state}, {read}) answers: write {written}, become {goes}, {moves}. So {change}."
    if name == "write and move":
        return (
            "No direction: the answer is zero, the machine halts."
            if after.halted
            else f"The head goes to cell {after.head}."
        )
    return f"The rule for ({state}, {read}) answers: {change}, become {goes}, {moves}."
