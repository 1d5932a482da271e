"""Every automaton at once: the machine stands in the prompt, the weights run whatever machine they find there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from linattn_core.attention import LinearAttention
from linattn_core.errors import MachineError, TooLargeError
from linattn_core.family import Family
from linattn_core.machines import Machine
from linattn_core.machines.automaton import check_labels
from linattn_core.machines.names import letter_names, state_names
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
    random_stream,
)
from linattn_core.tasks.lookup import (
    changed_entry,
    check_lookup,
    history_dimension,
    lookup_contexts,
    lookup_dimension,
    lookup_truth,
    spanning_tables,
)
from linattn_core.traces import Traces

MAX_SIDE = 32
MAX_HISTORY = 100


@dataclass(frozen=True)
class UniversalAutomaton:
    """Next state of any automaton with Q states and S letters, its QS rules given as tokens.

                  rules of the automaton          query
        pair  q0,a | 1  0  0  0 | 0 |      y = e_(next state of the queried pair)
              q0,b | 0  1  0  0 | 0 |
              q1,a | 0  0  1  0 | 1 |      here (q1, a) -> q1
              q1,b | 0  0  0  1 | 0 |
        next    q0 | 1  0  0  1 | 0 |      history tokens, if any, stand before the query: copies of used rules
                q1 | 0  1  1  0 | 0 |

    d = QS + Q, m = Q; after arXiv:2410.10101v4, appendix G.4, in our encoding. The legal contexts (all Q^(QS) machines,
    all queries, no history) span QS (1 + QS (Q - 1)) dimensions, so that many well-chosen examples pin down all. With
    history they span QS (1 + QS Q): learned without it, nearly all contexts with it stay open.
    """

    states: int = 4
    letters: int = 4
    state_names: tuple[str, ...] = ()
    letter_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_size(self.states, "states", MAX_SIDE)
        check_size(self.letters, "letters", MAX_SIDE)
        check_lookup(self.states * self.letters, self.states, "universal automaton")
        names = check_labels(self.state_names or state_names(self.states), "state")
        letters = check_labels(self.letter_names or letter_names(self.letters), "letter")
        if (len(names), len(letters)) != (self.states, self.letters):
            raise MachineError(
                f"The universal automaton has {self.states} states and {self.letters} letters but {len(names)} and "
                f"{len(letters)} names; give one name each or none."
            )
        object.__setattr__(self, "state_names", names)
        object.__setattr__(self, "letter_names", letters)

    @classmethod
    def for_machine(cls, machine: Machine) -> UniversalAutomaton:
        """Make the task of all automata with the states and letters of ``machine``, named as there."""
        return cls(len(machine.states), len(machine.alphabet), machine.states, machine.alphabet)

    @property
    def keys(self) -> int:
        """QS, the number of state-letter pairs."""
        return self.states * self.letters

    @property
    def dim(self) -> int:
        """QS + Q."""
        return self.keys + self.states

    @property
    def outputs(self) -> int:
        """The number of states."""
        return self.states

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All (state, letter) pairs, state by state."""
        return tuple((state, letter) for state in self.state_names for letter in self.letter_names)

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """Pair, next state."""
        pairs = tuple(f"{state},{letter}" for state, letter in self.pairs)
        return blocks(("pair", pairs), ("next state", self.state_names))

    @property
    def output_attributes(self) -> tuple[Attribute, ...]:
        """Next state."""
        return blocks(("next state", self.state_names))

    @property
    def truth(self) -> LinearAttention:
        """One head: match the pair, copy the next state."""
        return lookup_truth(self.keys, self.states)

    @property
    def family_dimension(self) -> int:
        """QS (1 + QS (Q - 1)): 20 at (2, 2), 78 at (3, 2), 784 at (4, 4), 28,736 at (8, 8)."""
        return lookup_dimension(self.keys, self.states)

    @property
    def history_dimension(self) -> int:
        """QS (1 + QS Q), the same with history in the context: 36 at (2, 2), 114 at (3, 2), 78 at (2, 3)."""
        return history_dimension(self.keys, self.states)

    @property
    def family_source(self) -> str:
        """How the family is known."""
        spanning = 1 + self.keys * (self.states - 1)
        return f"exact: {spanning} spanning automata for each of {self.keys} queries"

    def table(self, machine: Machine) -> np.ndarray:
        """Return the machine's rules as next-state indices (QS,), matched by position.

        A smaller machine is padded: states and letters it lacks stay where they are. Raises ``TooLargeError`` for a
        larger one.
        """
        if len(machine.states) > self.states or len(machine.alphabet) > self.letters:
            raise TooLargeError(
                f"The machine {machine.name!r} has {len(machine.states)} states and {len(machine.alphabet)} letters, "
                f"more than the {self.states} and {self.letters} of this task; make the task larger."
            )
        rules = np.repeat(np.arange(self.states), self.letters).reshape(self.states, self.letters)
        rules[: len(machine.states), : len(machine.alphabet)] = machine.transitions
        return rules.ravel()

    def context(self, machine: Machine, state: str, letter: str, history: Sequence[Pair] = ()) -> np.ndarray:
        """Return Z (d, QS + h + 1) for one query to one machine, names as in the machine.

        history: the pairs a run has used so far; their rules are repeated, and the answer is scaled by 1 + the number
        of times the queried pair is among them. Raises ``MachineError`` for unknown names.
        """
        query = self._keys([(state, letter)], machine)
        used = self._keys(history, machine).reshape(1, -1) if history else None
        return lookup_contexts(self.table(machine)[None], query, self.states, used)[0][0]

    def probes(self, machine: Machine) -> tuple[tuple[Pair, ...], Traces]:
        """Return all pairs of ``machine`` and their contexts, in one batch."""
        pairs = tuple((state, letter) for state in machine.states for letter in machine.alphabet)
        tables = np.broadcast_to(self.table(machine), (len(pairs), self.keys))
        return pairs, lookup_contexts(tables, self._keys(pairs, machine), self.states)

    def family(self, *, history: bool = False) -> Family:
        """Return the family, exactly: for each query one base automaton and every change of one of its rules.

        history: with rules repeated in the context, as runs leave them: each rule of the base automaton, once. What
        more a run repeats adds no direction. Rows stand pair by pair, equally many for each.
        """
        tables = spanning_tables(self.keys, self.states)
        repeated = np.full(len(tables), -1)
        if history:
            tables = np.concatenate([tables, np.tile(tables[:1], (self.keys, 1))])
            repeated = np.concatenate([repeated, np.arange(self.keys)])
        contexts = lookup_contexts(
            np.tile(tables, (self.keys, 1)),
            np.repeat(np.arange(self.keys), len(tables)),
            self.states,
            np.tile(repeated, self.keys)[:, None],
        )
        words = tuple(
            f"state {state} on letter {letter}{change}"
            for state, letter in self.pairs
            for change in map(self._change, tables, repeated)
        )
        if not history:
            return Family.of(contexts, words, self.family_dimension, self.family_source)
        source = f"exact: {len(tables)} spanning contexts with and without history for each of {self.keys} queries"
        return Family.of(contexts, words, self.history_dimension, source)

    def _change(self, table: np.ndarray, repeated: int) -> str:
        """Say what is special about a spanning automaton: one rule, or one rule used before."""
        if repeated >= 0:
            return " after {} on {} was used".format(*self.pairs[repeated])
        if not table.any():
            return ""
        key, value = changed_entry(table)
        return " where {} on {} leads to {}".format(*self.pairs[key], self.state_names[value])

    def traces(
        self,
        count: int,
        seed: int = 0,
        noise: float = 0.0,
        *,
        machine: Machine | None = None,
        withheld: Iterable[Pair] = (),
        extra: Iterable[Pair] = (),
        history: int = 0,
    ) -> Traces:
        """Return ``count`` examples: a uniformly random automaton and a uniformly random query each.

        machine: take this one automaton every time instead. noise: probability that an answer is replaced by a
        uniformly drawn state. withheld: queries (state, letter) that are left out. extra: queries for which all
        spanning automata are added at the end, truly answered, withheld or not. history: the query ends a run of up to
        so many random letters, whose rules stand repeated in the context; the answer is scaled by 1 + the number of
        times the queried pair is among them. Raises ``MachineError`` for unknown names, ``TooLargeError`` before
        drawing what would not fit.
        """
        if history:
            check_size(history, "history", MAX_HISTORY)
        added, spanning = self._keys(extra), spanning_tables(self.keys, self.states)
        check_count(count, "automaton-query pairs", self._bytes_each(history))
        check_count(count + len(added) * len(spanning), "examples with spanning ones", self._bytes_each(history))
        check_noise(noise, probability=True)
        rng = random_stream(seed)
        tables = rng.integers(self.states, size=(count, self.keys), dtype=np.int8)
        if machine is not None:
            tables = np.broadcast_to(self.table(machine), tables.shape)
        queries = rng.integers(self.keys, size=count)
        queries, used = self._runs(tables, queries, history, seed)
        answers = np.take_along_axis(tables, queries[:, None], axis=1)[:, 0]
        answers = flip_labels(answers, self.states, noise, rng)
        keep = ~np.isin(queries, self._keys(withheld))
        tables = np.concatenate([tables[keep], np.tile(spanning, (len(added), 1))])
        queries = np.concatenate([queries[keep], np.repeat(added, len(spanning))])
        answers = np.concatenate([answers[keep], spanning[:, added].T.ravel()])
        check_count(len(queries), "examples after leaving out the withheld queries")
        used = np.concatenate([used[keep], np.full((len(added) * len(spanning), history), -1)])
        contexts = lookup_contexts(tables, queries, self.states, used)
        targets = one_hot(answers, self.states) * (1 + (used == queries[:, None]).sum(axis=1))[:, None]
        return contexts.answered(targets)

    def _bytes_each(self, history: int) -> float:
        """Return what drawing one example takes at the peak, measured."""
        return 120.0 * (self.keys + history) + 16.0 * self.states + 80.0

    def _runs(self, tables: np.ndarray, queries: np.ndarray, history: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (queries (N,), keys used before (N, history), -1 where a run is shorter) of random runs.

        A run starts in the state of its query, takes random letters and ends with the query's letter.
        """
        if not history:
            return queries, np.empty((len(queries), 0), dtype=np.int64)
        rng = random_stream(seed, 2)  # a stream of its own, so that history does not change the automata
        lengths = rng.integers(history + 1, size=len(queries))
        used = rng.integers(self.letters, size=(len(queries), history))
        states = queries // self.letters
        for step, runs in enumerate(np.arange(history)[:, None] < lengths):
            used[:, step] += states * self.letters
            reached = np.take_along_axis(tables, used[:, step : step + 1], axis=1)[:, 0]
            states = np.where(runs, reached, states)
            used[~runs, step] = -1
        return states * self.letters + queries % self.letters, used

    def decode(self, y: np.ndarray) -> str:
        """Return the state of the largest entry (the first of equal ones)."""
        return self.state_names[int(np.argmax(y))]

    def _keys(self, pairs: Iterable[Pair], machine: Machine | None = None) -> np.ndarray:
        """Return the key indices of named pairs; names are the machine's, or the task's own."""
        states, letters = (
            (self.state_names, self.letter_names) if machine is None else (machine.states, machine.alphabet)
        )
        indices = np.array(index_pairs(pairs, states, letters), dtype=np.int64).reshape(-1, 2)
        return indices[:, 0] * self.letters + indices[:, 1]
