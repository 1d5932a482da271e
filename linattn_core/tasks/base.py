"""What every task has: named blocks of its embedding, an exact truth where there is one, traces, a family."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import sparse

from linattn_core.attention import LinearAttention
from linattn_core.errors import MachineError, ShapeError
from linattn_core.family import Family
from linattn_core.features import feature_count, svec_indices
from linattn_core.numerics import check_memory, memory_limit
from linattn_core.traces import Traces

Pair = tuple[str, str]  # (state, letter), by name


@dataclass(frozen=True)
class Attribute:
    """A named block of an embedding: coordinates start .. start + size - 1, each with a label."""

    name: str
    start: int
    labels: tuple[str, ...]

    @property
    def size(self) -> int:
        """The number of coordinates."""
        return len(self.labels)

    @property
    def slice(self) -> slice:
        """The coordinates, as a slice."""
        return slice(self.start, self.start + self.size)


class Task(Protocol):
    """A computation to learn, encoded in contexts Z (d, n) with answers y (m,)."""

    @property
    def dim(self) -> int:
        """The embedding dimension d."""

    @property
    def outputs(self) -> int:
        """The answer dimension m."""

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """The named blocks of a token; together they are coordinates 0 .. d - 1."""

    @property
    def output_attributes(self) -> tuple[Attribute, ...]:
        """The named blocks of an answer; together they are coordinates 0 .. m - 1."""

    @property
    def truth(self) -> LinearAttention | None:
        """A transformer that computes the task exactly, None where there is none."""

    @property
    def family_dimension(self) -> int | None:
        """The dimension of the span of phi over all legal contexts, None where it is not known."""

    def traces(self, count: int, seed: int = 0, noise: float = 0.0) -> Traces:
        """Return the examples of ``count`` episodes, a function of the task and these arguments alone."""

    def family(self) -> Family | None:
        """Return features that span those of all legal contexts."""

    def decode(self, y: np.ndarray) -> str:
        """Read one answer y (m,) in the words of the task."""


def blocks(*named: tuple[str, Sequence[str]]) -> tuple[Attribute, ...]:
    """Lay named blocks side by side, the first at coordinate 0."""
    attributes, start = [], 0
    for name, labels in named:
        attributes.append(Attribute(name, start, tuple(labels)))
        start += len(labels)
    return tuple(attributes)


def check_count(count: int, what: str, bytes_each: float = 0.0) -> None:
    """Raise ``ShapeError`` unless at least one episode is asked for, ``TooLargeError`` unless so many would fit.

    ``bytes_each``: what drawing one of them takes at the peak, measured; known before anything is drawn.
    """
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
        raise ShapeError(f"traces: got {count!r} {what}, wanted at least one; raise the number of traces.")
    fitting = int(memory_limit() // max(bytes_each, 1.0))
    remedy = f"ask for at most {fitting:,}" if fitting else "make the task smaller"
    check_memory(bytes_each * int(count), f"traces: {count:,} {what}", remedy)


def check_noise(noise: float, *, probability: bool) -> None:
    """Raise ``ShapeError`` unless the noise is a probability, or a standard deviation."""
    if not (np.ndim(noise) == 0 and np.isfinite(noise)) or noise < 0 or (probability and noise > 1):
        wanted = "a probability between 0 and 1" if probability else "a standard deviation of at least 0"
        raise ShapeError(f"traces: got noise {noise}, wanted {wanted}.")


def check_size(value: int, what: str, limit: int) -> None:
    """Raise ``ShapeError`` unless 1 <= value <= limit."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 1 <= value <= limit:
        raise ShapeError(f"{what}: got {value!r}, wanted a whole number from 1 to {limit}.")


def index_pairs(pairs: Iterable[Pair], states: Sequence[str], letters: Sequence[str]) -> list[tuple[int, int]]:
    """Turn (state, letter) names into indices; raises ``MachineError`` for an unknown name."""
    found = []
    for state, letter in pairs:
        if state not in states:
            raise MachineError(f"The pair ({state!r}, {letter!r}) names the unknown state {state!r}; correct it.")
        if letter not in letters:
            raise MachineError(f"The pair ({state!r}, {letter!r}) names the unknown letter {letter!r}; correct it.")
        found.append((states.index(state), letters.index(letter)))
    return found


def one_hot_rows(columns: np.ndarray, width: int) -> sparse.csr_array:
    """Return the CSR matrix whose row i has ones at ``columns[i]`` (M, k), increasing in each row, zeros elsewhere."""
    rows, ones_each = columns.shape
    return ragged_ones(columns.ravel(), np.full(rows, ones_each), width)


def ragged_ones(columns: np.ndarray, ones_each: np.ndarray, width: int) -> sparse.csr_array:
    """Return the CSR matrix whose row i has ``ones_each[i]`` ones, at the next so many entries of ``columns``.

    Straight from the three arrays of the format: a loop over the 2.8 million tokens of the largest task took minutes.
    """
    indptr = np.concatenate([[0], np.cumsum(ones_each)])
    return sparse.csr_array((np.ones(len(columns)), columns, indptr), shape=(len(ones_each), width))


def one_hot(indices: np.ndarray, width: int) -> np.ndarray:
    """Return the dense rows e_index, (N, width)."""
    rows = np.zeros((len(indices), width))
    rows[np.arange(len(indices)), indices] = 1.0
    return rows


def flip_labels(labels: np.ndarray, classes: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Replace each label with probability ``noise`` by a uniformly drawn one, which may be the same again."""
    drawn = rng.integers(classes, size=labels.shape)
    return np.where(rng.random(labels.shape) < noise, drawn, labels)


def random_stream(seed: int, *stream: int) -> np.random.Generator:
    """Return the generator of a seed; further numbers choose independent streams. ``ShapeError`` unless seed >= 0."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ShapeError(f"seed: got {seed!r}, wanted a whole number of at least 0.")
    return np.random.default_rng([int(seed), *stream] if stream else int(seed))


def feature_family(attributes: Sequence[Attribute], active: np.ndarray, source: str) -> Family:
    """Return the family spanned by the single features ``active`` (indices into p(d)), named by coordinates."""
    labels = [label for attribute in attributes for label in attribute.labels]
    d = len(labels)
    j, k = svec_indices(d)
    pair, query = np.divmod(active, d)
    words = tuple(
        f"{labels[a]} with {labels[b]} at query {labels[c]}" for a, b, c in zip(j[pair], k[pair], query, strict=True)
    )
    rows = one_hot_rows(active[:, None], feature_count(d))
    return Family(rows, words, len(active), source)
