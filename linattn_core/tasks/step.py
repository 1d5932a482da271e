"""One automaton in the weights: the context is a single token, the current state and letter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from linattn_core.attention import LinearAttention
from linattn_core.family import Family
from linattn_core.machines import Machine
from linattn_core.tasks.base import (
    Attribute,
    Pair,
    blocks,
    check_count,
    check_noise,
    check_size,
    flip_labels,
    index_pairs,
    one_hot,
    one_hot_rows,
    random_stream,
)
from linattn_core.traces import Traces

MAX_LENGTH = 10_000


@dataclass(frozen=True)
class StepAutomaton:
    """Next state from the current state and letter; a word of any length is one step after another.

        state   q0 | 0 |        y = e_(next state)
                q1 | 1 |
        letter  a  | 1 |        C = z z^T, so C[q1, 1] * z[a] = 1 exactly for the pair (q1, a):
                b  | 0 |        one feature tells each pair from all others, every automaton is representable.
        1          | 1 |

    d = states + letters + 1, m = states. The legal contexts are the pairs (reachable state, letter). Ours.
    """

    machine: Machine

    @property
    def dim(self) -> int:
        """States + letters + 1."""
        return len(self.machine.states) + len(self.machine.alphabet) + 1

    @property
    def outputs(self) -> int:
        """The number of states."""
        return len(self.machine.states)

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """State, letter, constant."""
        return blocks(("state", self.machine.states), ("letter", self.machine.alphabet), ("constant", ("1",)))

    @property
    def output_attributes(self) -> tuple[Attribute, ...]:
        """Next state."""
        return blocks(("next state", self.machine.states))

    @cached_property
    def truth(self) -> LinearAttention:
        """One head a letter: V is the letter's transition matrix, Q lets the constant key match the letter.

        y = sum_a V_a C (e_1 e_a^T) z = V_a C[:, 1] for the letter a read, and C[state, 1] is the state's one-hot code.
        """
        Q, S = self.outputs, len(self.machine.alphabet)
        V, queries = np.zeros((S, Q, self.dim)), np.zeros((S, self.dim, self.dim))
        for state, row in enumerate(self.machine.transitions):
            for letter, target in enumerate(row):
                V[letter, target, state] = 1.0
                queries[letter, -1, Q + letter] = 1.0
        return LinearAttention(V, queries)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All (state, letter) pairs, state by state."""
        return tuple((state, letter) for state in self.machine.states for letter in self.machine.alphabet)

    @property
    def legal_pairs(self) -> tuple[Pair, ...]:
        """The pairs whose state some word reaches."""
        reachable = set(self.machine.reachable())
        return tuple(pair for pair in self.pairs if pair[0] in reachable)

    @property
    def family_dimension(self) -> int:
        """Reachable states x letters: each pair has a feature of its own."""
        return len(self.legal_pairs)

    def context(self, state: str, letter: str) -> np.ndarray:
        """Return Z (d, 1) for one pair; raises ``MachineError`` for an unknown name."""
        pairs = index_pairs([(state, letter)], self.machine.states, self.machine.alphabet)
        return self._tokens(np.array(pairs)).toarray().T

    def contexts(self, pairs: Iterable[Pair]) -> Traces:
        """Return the contexts of many pairs, without answers."""
        indices = index_pairs(pairs, self.machine.states, self.machine.alphabet)
        starts = np.arange(len(indices))
        return Traces.adopt(self._tokens(np.array(indices).reshape(-1, 2)), starts, starts + 1)

    def probes(self, machine: Machine | None = None) -> tuple[tuple[Pair, ...], Traces]:
        """Return all pairs of the task's machine and their contexts, in one batch; ``machine`` plays no part here."""
        return self.pairs, self.contexts(self.pairs)

    def family(self) -> Family:
        """Return the family, exactly: one context a legal pair."""
        words = tuple(f"state {state} on letter {letter}" for state, letter in self.legal_pairs)
        source = f"exact: all {len(words)} pairs of a reachable state and a letter"
        return Family.of(self.contexts(self.legal_pairs), words, len(words), source)

    def runs(self, count: int, seed: int = 0, length: int = 12) -> tuple[np.ndarray, np.ndarray]:
        """Draw the words behind ``traces``: letters (count, length), uniform, and states (count, length + 1), indices.

        Raises ``ShapeError`` for a count or length below one, ``TooLargeError`` where the traces would not fit.
        """
        check_size(length, "length", MAX_LENGTH)
        check_count(count, "words", length * (240.0 + 16.0 * self.outputs))
        rng = random_stream(seed, 0)  # a stream of its own: noise must not change the words
        letters = rng.integers(len(self.machine.alphabet), size=(count, length))
        table = np.array(self.machine.transitions)
        states = np.empty((count, length + 1), dtype=np.int64)
        states[:, 0] = self.machine.start
        for t in range(length):
            states[:, t + 1] = table[states[:, t], letters[:, t]]
        return letters, states

    def traces(
        self,
        count: int,
        seed: int = 0,
        noise: float = 0.0,
        *,
        length: int = 12,
        withheld: Iterable[Pair] = (),
        extra: Iterable[Pair] = (),
    ) -> Traces:
        """Return the steps of ``count`` random words from the start state, every step an example.

        noise: probability that an answer is replaced by a uniformly drawn state (the run itself goes on truly), so
        least squares returns conditional probabilities. withheld: pairs whose steps are left out. extra: pairs added
        at the end as one true example each, withheld or not. Raises ``MachineError`` for unknown names, ``ShapeError``
        where nothing is left.
        """
        check_noise(noise, probability=True)
        letters, states = self.runs(count, seed, length)
        seen = np.column_stack([states[:, :-1].ravel(), letters.ravel()])
        answers = flip_labels(states[:, 1:].ravel(), self.outputs, noise, random_stream(seed, 1))
        S = len(self.machine.alphabet)
        dropped = [q * S + a for q, a in index_pairs(withheld, self.machine.states, self.machine.alphabet)]
        keep = ~np.isin(seen[:, 0] * S + seen[:, 1], dropped)
        added = np.array(index_pairs(extra, self.machine.states, self.machine.alphabet), dtype=np.int64).reshape(-1, 2)
        pairs = np.concatenate([seen[keep], added])
        targets = np.concatenate([answers[keep], np.array(self.machine.transitions)[added[:, 0], added[:, 1]]])
        check_count(len(pairs), "examples after leaving out the withheld pairs")
        starts = np.arange(len(pairs))
        return Traces.adopt(self._tokens(pairs), starts, starts + 1, one_hot(targets, self.outputs))

    def decode(self, y: np.ndarray) -> str:
        """Return the state of the largest entry (the first of equal ones)."""
        return self.machine.states[int(np.argmax(y))]

    def _tokens(self, pairs: np.ndarray) -> sparse.csr_array:
        """Return the tokens (M, d) of index pairs (M, 2)."""
        constant = np.full(len(pairs), self.dim - 1)
        return one_hot_rows(np.column_stack([pairs[:, 0], self.outputs + pairs[:, 1], constant]), self.dim)
