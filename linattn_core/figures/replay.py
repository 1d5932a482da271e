"""A word run step by step, as data for an animation: states, tokens and the matrix C of every step, in one value.

At each step the learned transformer gets the context of its own state and the letter read; the true machine runs beside
it. Contexts repeat, so every distinct matrix is kept once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linattn_core.errors import TooLargeError
from linattn_core.figures.views import axis_names
from linattn_core.recover import AutomatonTask, Recovery
from linattn_core.tasks import StepAutomaton, UniversalAutomaton

MAX_WORD = 200
MAX_DIM = 72  # rows of a matrix that a page can show

Cell = tuple[int, int, float]


@dataclass(frozen=True)
class Replay:
    """A run of n letters; sequences named after states have n + 1 entries, those named after steps n.

    true, learned: state indices of the true machine and of the learned one. certified: whether the data pin down the
    learned machine's step. axes: a name for each of the d coordinates; () where d is above MAX_DIM and no matrix is
    kept. matrices: the non-zero cells (row, column, value) of each distinct C = Z Z^T, values rounded to 6 decimals.
    matrix, cell: which matrix a step sees, and the cell (row, column) in it that decides the answer. tokens: the strip;
    token: which of them the step uses. query: the step's last token in words.
    """

    word: tuple[str, ...]
    true: tuple[int, ...]
    learned: tuple[int, ...]
    certified: tuple[bool, ...]
    axes: tuple[str, ...]
    matrices: tuple[tuple[Cell, ...], ...]
    matrix: tuple[int, ...]
    cell: tuple[tuple[int, int], ...]
    tokens: tuple[str, ...]
    token: tuple[int, ...]
    query: tuple[str, ...]


def replay(task: AutomatonTask, recovery: Recovery, word: str | Sequence[str]) -> Replay:
    """Run a word through the true machine of `recovery` and through the learned one, each step as a context of `task`.

    Raises MachineError for a letter outside the alphabet, TooLargeError for more than MAX_WORD letters.
    """
    machine, learned = recovery.truth, recovery.automaton
    letters = machine.word(word)
    if len(letters) > MAX_WORD:
        raise TooLargeError(f"The word has {len(letters):,} letters; at most {MAX_WORD} can be watched.")
    path = learned.path(letters)
    steps = list(zip(path, letters, strict=False))
    distinct = list(dict.fromkeys(steps))
    small = task.dim <= MAX_DIM
    tokens, used = _strip(task, recovery, steps)
    return Replay(
        word=letters,
        true=tuple(map(machine.state_index, machine.path(letters))),
        learned=tuple(map(machine.state_index, path)),
        certified=tuple(recovery.certified[pair] for pair in steps),
        axes=tuple(axis_names(task.attributes)) if small else (),
        matrices=tuple(_cells(_context(task, recovery, *pair)) for pair in distinct) if small else (),
        matrix=tuple(distinct.index(pair) for pair in steps),
        cell=tuple(_deciding(task, recovery, *pair) for pair in steps),
        tokens=tokens,
        token=used,
        query=tuple(f"{state}, {letter}" for state, letter in steps),
    )


def _context(task: AutomatonTask, recovery: Recovery, state: str, letter: str) -> np.ndarray:
    if isinstance(task, StepAutomaton):
        return task.context(state, letter)
    return task.context(recovery.truth, state, letter)


def _cells(Z: np.ndarray) -> tuple[Cell, ...]:
    C = Z @ Z.T
    rows, columns = np.nonzero(C)
    return tuple((int(i), int(j), round(float(C[i, j]), 6)) for i, j in zip(rows, columns, strict=True))


def _deciding(task: AutomatonTask, recovery: Recovery, state: str, letter: str) -> tuple[int, int]:
    """Return the cell of C that tells this pair: (state, letter), or (next state, pair) where the rules are tokens."""
    machine = recovery.truth
    q, a = machine.state_index(state), machine.letter_index(letter)
    if isinstance(task, UniversalAutomaton):
        return task.keys + machine.transitions[q][a], q * task.letters + a
    return q, len(machine.states) + a


def _strip(
    task: AutomatonTask, recovery: Recovery, steps: Sequence[tuple[str, str]]
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the strip of tokens and, a step, the one it uses: the run's own tokens, or the rules in the prompt."""
    machine = recovery.truth
    if isinstance(task, StepAutomaton):
        return tuple(f"{state}, {letter}" for state, letter in steps), tuple(range(len(steps)))
    rules = [(state, letter) for state in machine.states for letter in machine.alphabet]
    texts = tuple(f"{state}, {letter} \u2192 {machine.step(state, letter)}" for state, letter in rules)
    return texts, tuple(rules.index(pair) for pair in steps)
