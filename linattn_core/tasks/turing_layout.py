"""What all layouts of a universal Turing machine in one attention layer share: tokens, rules, prompts (ours).

Linear attention sums over all tokens whose key matches. So cell p is overwritten from letter a to a' by appending a
token with key e_p and value e_a' - e_a: the sum over the tokens with key e_p telescopes to the current letter. The
dimension does not grow with the run and all arithmetic is exact in {-1, 0, 1}. Rules stand in the context, one token
each, so one set of heads runs every machine with Q states, S letters and n cells in a circle.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from linattn_core.machines.names import letter_names, state_names
from linattn_core.tasks.base import Attribute, blocks


@dataclass(frozen=True)
class Steps:
    """E machine steps as index arrays (E,): in ``state`` at ``head`` reading ``letter``; the rule's answer."""

    state: np.ndarray
    head: np.ndarray
    letter: np.ndarray
    next_state: np.ndarray
    written: np.ndarray
    move: np.ndarray

    def __len__(self) -> int:
        return len(self.state)


@dataclass(frozen=True)
class Design(ABC):
    """A layout for Q ``states``, S ``letters``, n ``cells``. Tokens are rows; every array of tokens ends in axis d."""

    states: int
    letters: int
    cells: int

    name: ClassVar[str] = ""
    stages: ClassVar[tuple[str, ...]] = ()
    """What the model does at each token of a step, the first being the query that starts it (T1)."""
    start_length: ClassVar[int] = 1
    """Tokens of a prompt behind the rules and cells."""
    keeps_state_at_halt: ClassVar[bool] = False
    writes_at_halt: ClassVar[bool] = False
    """Whether the last token of a halting step still writes, so that the model has to answer nothing after it."""

    @abstractmethod
    def blocks(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return (name, labels) of every attribute in order."""

    @abstractmethod
    def rules(self, table: np.ndarray) -> np.ndarray:
        """Return the rule tokens (B, QS, d) of tables (B, Q, S, 3)."""

    @abstractmethod
    def start(self, state: np.ndarray, head: np.ndarray) -> np.ndarray:
        """Return the tokens (B, s, d) that end a prompt, the first T1 last: "as if the head had just moved right"."""

    @abstractmethod
    def step(self, steps: Steps) -> np.ndarray:
        """Return the tokens (E, k, d) a step appends, the next T1 last; that one is zero after a halt."""

    @property
    @abstractmethod
    def head_count(self) -> int:
        """The number of heads H."""

    @abstractmethod
    def locate(self, C: np.ndarray, query: np.ndarray) -> tuple[int, int]:
        """Read (state, cell of the head) off C (d, d) and the last T1 (d,): where the values are largest."""

    @abstractmethod
    def head_list(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Return (name, V (d, d), Q (d, d)) of every head."""

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """The named blocks of a token."""
        return blocks(*self.blocks())

    @cached_property
    def at(self) -> dict[str, int]:
        """Where each attribute starts."""
        return {a.name: a.start for a in self.attributes}

    @cached_property
    def dim(self) -> int:
        """The embedding dimension d."""
        return sum(len(labels) for _, labels in self.blocks())

    @property
    def prompt_length(self) -> int:
        """Tokens of a prompt."""
        return self.states * self.letters + self.cells + self.start_length

    def zeros(self, *shape: int) -> np.ndarray:
        """Return zero tokens of shape (*shape, d)."""
        return np.zeros((*shape, self.dim))

    def tape(self, tape: np.ndarray) -> np.ndarray:
        """Return the cell tokens (B, n, d) [P_i; A_letter] of tapes (B, n). All designs write the tape alike."""
        count, cells = tape.shape
        tokens = self.zeros(count, cells)
        b, i = np.indices(tape.shape)
        tokens[b, i, self.at["P"] + i] = 1
        tokens[b, i, self.at["A"] + tape] = 1
        return tokens

    def prompt(self, table: np.ndarray, tape: np.ndarray, state: np.ndarray, head: np.ndarray) -> np.ndarray:
        """Return the prompts (B, L, d): rules, cells, start."""
        return np.concatenate([self.rules(table), self.tape(tape), self.start(state, head)], axis=1)

    def put(self, tokens: np.ndarray, block: str, index: np.ndarray, value: float | np.ndarray = 1.0) -> None:
        """Add ``value`` at position ``index`` of an attribute, for each of the tokens (E, d)."""
        np.add.at(tokens, (np.arange(len(tokens)), self.at[block] + index), value)

    def pair(self, state: np.ndarray, letter: np.ndarray) -> np.ndarray:
        """Return the index of (state, letter) inside attribute J."""
        return state * self.letters + letter

    def rule_tokens(self, table: np.ndarray) -> tuple[np.ndarray, Steps]:
        """Return tokens (B*QS, d) holding J and the letter change, and the rules as ``Steps`` (head = 0)."""
        count = table.shape[0]
        q, a = (np.tile(x.ravel(), count) for x in np.indices((self.states, self.letters)))
        target, written, move = table.reshape(-1, 3).T
        tokens = self.zeros(len(q))
        self.put(tokens, "J", self.pair(q, a))
        self.put(tokens, "A", written)
        self.put(tokens, "A", a, -1.0)
        return tokens, Steps(q, np.zeros_like(q), a, target, written, move)

    def matrices(self) -> tuple[np.ndarray, np.ndarray]:
        """Return V (H, d, d) and Q (H, d, d)."""
        heads = self.head_list()
        return np.stack([V for _, V, _ in heads]), np.stack([Q for _, _, Q in heads])

    def square(self) -> np.ndarray:
        """Return a zero (d, d) matrix."""
        return np.zeros((self.dim, self.dim))

    def copy(self, *pairs: tuple[str, str]) -> np.ndarray:
        """Return the (d, d) matrix that maps each first attribute identically to the second of equal size."""
        matrix = self.square()
        for source, target in pairs:
            rows, columns = np.arange(self.dim)[self.span(target)], np.arange(self.dim)[self.span(source)]
            matrix[rows, columns] = 1
        return matrix

    def span(self, name: str) -> slice:
        """Return the positions of an attribute."""
        return next(a.slice for a in self.attributes if a.name == name)

    @property
    def letter_labels(self) -> tuple[str, ...]:
        """The names of the letters, the blank first."""
        return self._labels("letter")

    def _labels(self, what: str) -> tuple[str, ...]:
        if what == "state":
            return state_names(self.states)
        if what == "letter":
            return letter_names(self.letters)
        return tuple(f"cell {p}" for p in range(self.cells))

    def _pairs(self, *kinds: str) -> tuple[str, ...]:
        labels: tuple[str, ...] = ("",)
        for kind in kinds:
            labels = tuple(f"{left}, {right}" if left else right for left in labels for right in self._labels(kind))
        return labels


def all_steps(states: int, letters: int, cells: int) -> Steps:
    """Return every step some machine can take: E = (Q n S) (Q S 3)."""
    grid = np.indices((states, cells, letters, states, letters, 3)).reshape(6, -1)
    return Steps(grid[0], grid[1], grid[2], grid[3], grid[4], grid[5] - 1)
