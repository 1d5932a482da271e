"""Machines run by hand, and the contexts of tasks written out by hand: nothing here comes from the library."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence

import numpy as np

Table = Sequence[Sequence[int]]
Rules = Sequence[Sequence[tuple[int, int, int] | None]]


def reachable(table: Table, start: int) -> set[int]:
    """Return the states that some word reaches."""
    found, wave = {start}, deque([start])
    while wave:
        for target in table[wave.popleft()]:
            if target not in found:
                found.add(target)
                wave.append(target)
    return found


def accepts(table: Table, start: int, accepting: Sequence[int], word: Sequence[int]) -> bool:
    state = start
    for letter in word:
        state = table[state][letter]
    return state in accepting


def differing(one: Table, other: Table, start: int, accepting: Sequence[int], letters: int) -> int | None:
    """Return the length of a shortest word that only one of two automata accepts, None where there is none."""
    seen, wave = {(start, start)}, deque([(start, start, 0)])
    while wave:
        a, b, n = wave.popleft()
        if (a in accepting) != (b in accepting):
            return n
        for letter in range(letters):
            pair = one[a][letter], other[b][letter]
            if pair not in seen:
                seen.add(pair)
                wave.append((*pair, n + 1))
    return None


def step_context(state: int, letter: int, states: int, letters: int) -> np.ndarray:
    """One token: state, letter, 1."""
    Z = np.zeros((states + letters + 1, 1))
    Z[[state, states + letter, -1], 0] = 1.0
    return Z


def lookup_context(table: Sequence[int], query: int, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """One token [key; value] a key, then [key of the query; 0]; keys and values are rows of vectors."""
    columns = [np.concatenate([keys[k], values[v]]) for k, v in enumerate(table)]
    columns.append(np.concatenate([keys[query], np.zeros(values.shape[1])]))
    return np.array(columns).T


def lookup_tables(keys: int, values: int, most: int = 300) -> list[tuple[int, ...]]:
    """Return all tables where they are few, else all that differ in at most one place from the first: these span."""
    if values**keys <= most:
        return list(itertools.product(range(values), repeat=keys))
    tables = [(0,) * keys]
    for key, value in itertools.product(range(keys), range(1, values)):
        tables.append(tuple(value if k == key else 0 for k in range(keys)))
    return tables


def turing_run(
    rules: Rules, tape: Sequence[int], head: int, state: int, cells: int, steps: int
) -> list[tuple[int | None, int, tuple[int, ...], bool]]:
    """Return (state, head, tape, halted) before the first step and after each; a circle of cells, move 0 halts.

    ``None`` as a rule changes nothing and halts.
    """
    now = [*tape, *[0] * (cells - len(tape))]
    found: list[tuple[int | None, int, tuple[int, ...], bool]] = [(state, head, tuple(now), False)]
    for _ in range(steps):
        state, now[head], move = rules[state][now[head]] or (state, now[head], 0)
        head = (head + move) % cells
        found.append((state, head, tuple(now), move == 0))
        if move == 0:
            break
    return found
