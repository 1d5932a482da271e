"""A memory of the user's own vectors, or of words with vectors: looked up in the context, though the keys overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from linattn_core.attention import LinearAttention
from linattn_core.errors import ShapeError, TooLargeError
from linattn_core.family import Family
from linattn_core.features import feature_count
from linattn_core.tasks.base import Attribute, blocks, check_count, check_noise, random_stream
from linattn_core.tasks.correlated import check_correlation, with_overlap
from linattn_core.tasks.lookup import changed_entry, spanning_tables
from linattn_core.tasks.span import independent_keys, lookup_span
from linattn_core.traces import Traces

Vector = tuple[float, ...]

MAX_KEYS = 32
MAX_ENTRIES = 32  # of a key, and of a value
MAX_FAMILY = 3_000  # dimensions: with about as many features, seconds
MAX_LISTED = 12_000_000  # numbers of the family's spanning rows, 100 MB
MAX_SIZE = 1e6  # of an entry: features are cubic, their second moments of degree six


@dataclass(frozen=True)
class VectorMemory:
    """Pairs of vectors, looked up in the context by keys that may overlap.

        keys    | k_1  k_2  k_3 | k_q |     learned from random pairings of these keys and values,
        values  | v_a  v_b  v_a |  0  |     y = v_(value paired with key q), WITHOUT the other keys' part

    The plain associative memory answers sum_j <k_q, k_j> v_j: right for orthonormal keys, mixed where keys overlap. A
    trained layer matches with k_i^T M k_j instead, and M = E^+ (E^+)^T (rows of E are the keys) makes that the identity
    if the keys are linearly independent: it undoes the interference exactly, however alike they are. With more keys
    than dimensions no M does, and least squares leaves an error. Ours.

    pairs: (key, value) vectors; keys distinct and not zero, values may repeat. names: how to call each pair's key and
    value. ``correlation`` moves the keys' overlaps towards 1 (``with_overlap``). d = entries of a key + of a value.
    """

    pairs: tuple[tuple[Vector, Vector], ...]
    names: tuple[tuple[str, str], ...] = ()
    correlation: float = 0.0

    def __post_init__(self) -> None:
        check_correlation(self.correlation)
        _check_pairs(self.pairs)
        if self.names and len(self.names) != len(self.pairs):
            raise ShapeError(f"memory: got {len(self.names)} names for {len(self.pairs)} pairs, wanted one each.")
        if self.family_dimension > MAX_FAMILY:
            raise TooLargeError(
                f"memory: got {len(self.pairs)} keys and {len(self.values)} values whose pairings span "
                f"{self.family_dimension:,} dimensions, wanted at most {MAX_FAMILY:,}; use fewer pairs or entries."
            )

    @cached_property
    def keys(self) -> np.ndarray:
        """The keys (K, dk), rows, with their overlaps as asked for."""
        return with_overlap(np.array([key for key, _ in self.pairs], dtype=np.float64), self.correlation)

    @cached_property
    def values(self) -> np.ndarray:
        """The distinct values (L, dv), rows, in the order of their first appearance."""
        return np.array(list(dict.fromkeys(value for _, value in self.pairs)), dtype=np.float64)

    @cached_property
    def own(self) -> np.ndarray:
        """The user's own pairing (K,): the number of the value that belongs to each key."""
        order = {value: number for number, value in enumerate(dict.fromkeys(value for _, value in self.pairs))}
        return np.array([order[value] for _, value in self.pairs])

    @property
    def key_names(self) -> tuple[str, ...]:
        """What the keys are called."""
        return tuple(key for key, _ in self.names) or tuple(f"key {i + 1}" for i in range(len(self.pairs)))

    @property
    def value_names(self) -> tuple[str, ...]:
        """What the distinct values are called."""
        first = {int(number): k for k, number in reversed(list(enumerate(self.own)))}
        if self.names:
            return tuple(self.names[first[number]][1] for number in range(len(self.values)))
        return tuple(f"value {number + 1}" for number in range(len(self.values)))

    @property
    def dim(self) -> int:
        """Entries of a key + entries of a value."""
        return self.keys.shape[1] + self.values.shape[1]

    @property
    def outputs(self) -> int:
        """Entries of a value."""
        return int(self.values.shape[1])

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """Key, value."""
        return blocks(("key", _numbered("k", self.keys.shape[1])), ("value", _numbered("v", self.outputs)))

    @property
    def output_attributes(self) -> tuple[Attribute, ...]:
        """Value."""
        return blocks(("value", _numbered("v", self.outputs)))

    @property
    def independent(self) -> bool:
        """Whether the keys are linearly independent, so that a layer can tell them apart exactly."""
        return independent_keys(self.keys, computed=self.correlation > 0)

    @cached_property
    def truth(self) -> LinearAttention | None:
        """One head with Q = E^+ (E^+)^T between keys, V = [0 I]; None where the keys are linearly dependent.

        E^+ is any right inverse of the keys: that of the keys with coordinates of like size, which rounds least.
        """
        if not self.independent:
            return None
        size, dk = np.abs(self.keys).max(axis=0), self.keys.shape[1]
        size = np.where(size > 0, size, 1.0)
        inverse = np.linalg.pinv(self.keys / size) / size[:, None]
        V, Q = np.zeros((1, self.outputs, self.dim)), np.zeros((1, self.dim, self.dim))
        V[0, :, dk:] = np.eye(self.outputs)
        Q[0, :dk, :dk] = inverse @ inverse.T
        return LinearAttention(V, Q)

    @cached_property
    def family_dimension(self) -> int:
        """The dimension that all pairings and queries span: see ``lookup_span``; at most K (1 + K (L - 1))."""
        return lookup_span(self.keys, self.values, computed=self.correlation > 0)

    def contexts(self) -> Traces:
        """Return the user's own pairing with each of its keys as query."""
        K = len(self.pairs)
        return self._contexts(np.tile(self.own, (K, 1)), np.arange(K))

    def family(self) -> Family | None:
        """Return the family, exactly: for each query one base pairing and every change of one value; None if too large.

        Every pairing's C is affine in the indicators of (key, value), so these span, as for ``TableMemory``.
        """
        K, L = len(self.pairs), len(self.values)
        tables = spanning_tables(K, L)
        if K * len(tables) * feature_count(self.dim) > MAX_LISTED:
            return None
        contexts = self._contexts(np.tile(tables, (K, 1)), np.repeat(np.arange(K), len(tables)))
        keys, values = self.key_names, self.value_names
        changes = ["", *(f" in pairings where {keys[k]} has {values[v]}" for k, v in map(changed_entry, tables[1:]))]
        words = tuple(f"query {key}{change}" for key in keys for change in changes)
        return Family.of(contexts, words, self.family_dimension, f"exact: {len(tables)} spanning pairings a query")

    def traces(self, count: int, seed: int = 0, noise: float = 0.0) -> Traces:
        """Return ``count`` uniformly random pairings and queries; noise: standard deviation added to the answers."""
        check_count(count, "pairings", 24.0 * (len(self.pairs) + 1) * self.dim)
        check_noise(noise, probability=False)
        rng = random_stream(seed)
        tables = rng.integers(len(self.values), size=(count, len(self.pairs)))
        queries = rng.integers(len(self.pairs), size=count)
        contexts = self._contexts(tables, queries)
        targets = self.values[tables[np.arange(count), queries]]
        if noise:
            targets = targets + noise * random_stream(seed, 1).normal(size=targets.shape)
        return contexts.answered(targets)

    def decode(self, y: np.ndarray) -> str:
        """Return the name of the value nearest to an answer (the first of equal ones)."""
        return self.value_names[int(np.argmin(np.linalg.norm(self.values - y, axis=1)))]

    def _contexts(self, tables: np.ndarray, queries: np.ndarray) -> Traces:
        """Return the contexts of N pairings (N, K), entries value numbers, with queries (N,), key numbers."""
        N, K = tables.shape
        dk = self.keys.shape[1]
        tokens = np.zeros((N, K + 1, self.dim))
        tokens[:, :K, :dk] = self.keys
        tokens[:, :K, dk:] = self.values[tables]
        tokens[:, K, :dk] = self.keys[queries]
        start = np.arange(N) * (K + 1)
        return Traces.adopt(tokens.reshape(-1, self.dim), start, start + K + 1)


def _numbered(letter: str, count: int) -> list[str]:
    return [f"{letter}{i}" for i in range(1, count + 1)]


def _check_pairs(pairs: Sequence[tuple[Vector, Vector]]) -> None:
    """Raise ``ShapeError`` or ``TooLargeError`` for pairs that make no memory, naming the first row at fault."""
    if not pairs:
        raise ShapeError("The table of vectors is empty; give at least one key and value.")
    if len(pairs) > MAX_KEYS:
        raise TooLargeError(
            f"The table has {len(pairs)} pairs of vectors; at most {MAX_KEYS} are supported, use fewer."
        )
    seen: dict[Vector, int] = {}
    for row, pair in enumerate(pairs, start=1):
        for what, vector, first in zip(("key", "value"), pair, pairs[0], strict=True):
            _check_vector(vector, f"The {what} of row {row}", len(first))
        key = pair[0]
        if not any(key):
            raise ShapeError(f"The key of row {row} is zero, so nothing can match it; change one of its numbers.")
        if key in seen:
            raise ShapeError(
                f"Rows {seen[key]} and {row} have the same key; a key has one value, so change one of them."
            )
        seen[key] = row


def _check_vector(vector: Vector, what: str, entries: int) -> None:
    if not 1 <= len(vector) <= MAX_ENTRIES:
        raise TooLargeError(f"{what} has {len(vector)} numbers; a vector has 1 to {MAX_ENTRIES}.")
    if len(vector) != entries:
        raise ShapeError(f"{what} has {len(vector)} numbers where the first row has {entries}; give all rows the same.")
    if not all(np.isfinite(vector)):
        raise ShapeError(f"{what} holds NaN or infinity; put finite numbers.")
    if max(map(abs, vector)) > MAX_SIZE:
        raise ShapeError(
            f"{what} holds {max(vector, key=abs):g}; numbers up to {MAX_SIZE:g} are supported, so scale it."
        )
