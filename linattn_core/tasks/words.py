"""A memory of the user's own words, looked up in the context."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linattn_core.attention import LinearAttention
from linattn_core.family import Family
from linattn_core.machines.automaton import check_labels
from linattn_core.tasks.base import (
    Attribute,
    blocks,
    check_count,
    check_noise,
    flip_labels,
    one_hot,
    random_stream,
)
from linattn_core.tasks.lookup import (
    changed_entry,
    check_lookup,
    lookup_contexts,
    lookup_dimension,
    lookup_truth,
    spanning_tables,
)
from linattn_core.traces import Traces


@dataclass(frozen=True)
class TableMemory:
    """A user's own table of words, looked up in the context.

        key    apple | 1 0 0 . 0 |        learned from random pairings of these keys and values,
               sky   | 0 1 0 . 1 |        right, once certified, on EVERY pairing: the user's own among them
               grass | 0 0 1 . 0 |
        value  red   | 1 0 0 . 0 |        y = e_(value of the queried key), here blue
               blue  | 0 1 0 . 0 |

    table: (key, value) pairs, keys distinct, values may repeat. d = keys + distinct values, m = distinct values. The
    legal contexts (every table, every query) span K (1 + K (L - 1)) dimensions. Ours.
    """

    table: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", tuple((key, value) for key, value in self.table))
        check_labels(self.keys, "key")
        check_labels(self.values, "value")
        check_lookup(len(self.keys), len(self.values), "memory")

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys, in the order of the table."""
        return tuple(key for key, _ in self.table)

    @property
    def values(self) -> tuple[str, ...]:
        """The distinct values, in the order of their first appearance."""
        return tuple(dict.fromkeys(value for _, value in self.table))

    @property
    def dim(self) -> int:
        """Keys + distinct values."""
        return len(self.keys) + len(self.values)

    @property
    def outputs(self) -> int:
        """The number of distinct values."""
        return len(self.values)

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """Key, value."""
        return blocks(("key", self.keys), ("value", self.values))

    @property
    def output_attributes(self) -> tuple[Attribute, ...]:
        """Value."""
        return blocks(("value", self.values))

    @property
    def truth(self) -> LinearAttention:
        """One head: match the key, copy the value."""
        return lookup_truth(len(self.keys), len(self.values))

    @property
    def family_dimension(self) -> int:
        """K (1 + K (L - 1)) for K keys and L values."""
        return lookup_dimension(len(self.keys), len(self.values))

    def contexts(self) -> Traces:
        """Return the user's own table with each of its keys as query."""
        own = np.array([self.values.index(value) for _, value in self.table])
        K = len(self.keys)
        return lookup_contexts(np.tile(own, (K, 1)), np.arange(K), len(self.values))

    def family(self) -> Family:
        """Return the family, exactly: for each query one base table and every change of one of its entries."""
        tables = spanning_tables(len(self.keys), len(self.values))
        queries = np.repeat(np.arange(len(self.keys)), len(tables))
        contexts = lookup_contexts(np.tile(tables, (len(self.keys), 1)), queries, len(self.values))
        changes = [""]
        for key, value in map(changed_entry, tables[1:]):
            changes.append(f" in tables where {self.keys[key]} has {self.values[value]}")
        words = tuple(f"query {key}{change}" for key in self.keys for change in changes)
        return Family.of(contexts, words, self.family_dimension, f"exact: {len(tables)} spanning tables for each query")

    def traces(self, count: int, seed: int = 0, noise: float = 0.0) -> Traces:
        """Return ``count`` uniformly random tables and queries; noise: probability of a uniformly drawn answer."""
        check_count(count, "tables", 120.0 * len(self.keys) + 16.0 * self.outputs + 80.0)
        check_noise(noise, probability=True)
        rng = random_stream(seed)
        tables = rng.integers(len(self.values), size=(count, len(self.keys)))
        queries = rng.integers(len(self.keys), size=count)
        answers = flip_labels(tables[np.arange(count), queries], len(self.values), noise, rng)
        contexts = lookup_contexts(tables, queries, len(self.values))
        return contexts.answered(one_hot(answers, len(self.values)))

    def decode(self, y: np.ndarray) -> str:
        """Return the value of the largest entry (the first of equal ones)."""
        return self.values[int(np.argmax(y))]
