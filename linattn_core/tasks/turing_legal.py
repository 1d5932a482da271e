"""Legal contexts of a universal Turing machine as a token machine: the input of Karr's analysis (``turing_family``)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from linattn_core.machines.turing import HALT, LEFT, RIGHT
from linattn_core.tasks.turing_layout import Design, Steps
from linattn_core.turing_family import TokenMachine


def all_rules(states: int, letters: int) -> np.ndarray:
    """Return every possible rule (3QS, 3): next state, written letter, move."""
    grid = np.indices((states, letters, 3)).reshape(3, -1)
    return np.stack([grid[0], grid[1], np.array([LEFT, HALT, RIGHT])[grid[2]]], axis=1)


def all_steps(states: int, letters: int, cells: int) -> Steps:
    """Return every step some machine can take: E = (Q n S) (3QS)."""
    rules = all_rules(states, letters)
    q, p, a, r = np.indices((states, cells, letters, len(rules))).reshape(4, -1)
    return Steps(q, p, a, *rules[r].T)


def token_machine(design: Design) -> TokenMachine:
    """Return the tokens that can end a context, which may follow which, and the affine hulls of the prompts.

    An edge T1 -> T2 stands wherever some step enters a cell in a state in which another step reads some letter there:
    more than any one machine does, which is what a bound from above may be.
    """
    tokens: dict[bytes, int] = {}
    kept: list[np.ndarray] = []

    def index(token: np.ndarray) -> int:
        key = token.tobytes()
        if key not in tokens:
            tokens[key] = len(kept)
            kept.append(token)
        return tokens[key]

    q0, p0 = np.indices((design.states, design.cells)).reshape(2, -1)
    start = design.start(q0, p0).astype(np.int64)
    prompts = _prompts(design, start, [index(t[-1]) for t in start])
    steps = all_steps(design.states, design.letters, design.cells)
    chains = [[index(t) for t in chain if t.any()] for chain in design.step(steps).astype(np.int64)]
    entering: dict[tuple[int, int], set[int]] = {}
    for q, p, t in zip(q0, p0, start, strict=True):
        entering.setdefault((int(q), int(p)), set()).add(index(t[-1]))
    after = (steps.head + steps.move) % design.cells
    for chain, q, p, move in zip(chains, steps.next_state, after, steps.move, strict=True):
        if move != HALT:
            entering[int(q), int(p)].add(chain[-1])
    edges = {pair for chain in chains for pair in pairwise(chain)}
    for chain, q, p in zip(chains, steps.state, steps.head, strict=True):
        edges |= {(before, chain[0]) for before in entering[int(q), int(p)]}
    V, Q = design.matrices()
    return TokenMachine(np.stack(kept), np.array(sorted(edges)), prompts, V.astype(np.int64), Q.astype(np.int64))


def _prompts(design: Design, start: np.ndarray, last: list[int]) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Return for every token that ends a prompt one c and the differences that span the others.

    c is a sum over independent choices (one rule a pair, one letter a cell, one start), so the affine hull is the sum
    of the hulls: one c, and for every choice the difference to the first option.
    """
    upper = np.triu_indices(design.dim)

    def squares(tokens: np.ndarray) -> np.ndarray:
        return np.einsum("...i,...j->...ij", tokens, tokens)[..., upper[0], upper[1]].astype(np.int64)

    options = all_rules(design.states, design.letters)
    shape = (len(options), design.states, design.letters, 3)
    rules = squares(design.rules(np.broadcast_to(options[:, None, None], shape)))
    cells = squares(design.tape(np.tile(np.arange(design.letters)[:, None], (1, design.cells))))
    free = np.concatenate([(x[1:] - x[:1]).reshape(-1, len(upper[0])) for x in (rules, cells)])
    base = rules[0].sum(axis=0) + cells[0].sum(axis=0)
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for z, c in zip(last, base + squares(start).sum(axis=1), strict=True):
        if z in found:
            found[z] = found[z][0], np.concatenate([found[z][1], (c - found[z][0])[None]])
        else:
            found[z] = c, free
    return found
