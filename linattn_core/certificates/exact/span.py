"""A growing span of the features of contexts, modulo a prime."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from linattn_core.certificates.exact.features import residue_chunks
from linattn_core.certificates.exact.field import PRIMES, Field
from linattn_core.certificates.exact.rows import RowSpace
from linattn_core.numerics import Progress, no_progress
from linattn_core.traces import Traces

FIRST = Field(PRIMES[0])
ADDED, PROBES = 256, 8
"""Contexts added between two tests of what is new; a new one passes for old with probability p^-8."""


@dataclass(eq=False)
class _Part:
    """The features of last tokens that share coordinates ``axes``: ``columns`` (w,) that occur, and their span."""

    axes: np.ndarray
    columns: np.ndarray
    space: RowSpace


@dataclass(eq=False)
class Span:
    """A growing span of the features of contexts with d = ``dim``, modulo a prime.

    Two features meet in one context only if one last token holds the coordinates of both, so the span is kept in parts,
    one for each connected component of the coordinates of last tokens; parts join when a token connects them.
    """

    dim: int
    field: Field = FIRST
    parts: list[_Part] = dataclasses.field(default_factory=list)
    _rng: np.random.Generator = dataclasses.field(default_factory=lambda: np.random.default_rng(0))
    _null: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def rank(self) -> int:
        """The dimension: never more than over the rationals, and equal but for a chance of about 1/p."""
        return sum(part.space.rank for part in self.parts)

    @property
    def bytes(self) -> int:
        """Bytes of the bases."""
        return sum(part.space.bytes for part in self.parts)

    def copy(self) -> Span:
        """Return an independent copy."""
        parts = [_Part(part.axes, part.columns, part.space.copy()) for part in self.parts]
        return Span(self.dim, self.field, parts)

    def add(self, contexts: Traces, progress: Progress = no_progress) -> np.ndarray:
        """Add contexts in order; return the mask (N,) of those outside the span of all before them."""
        fresh = np.zeros(len(contexts), dtype=bool)
        self._null = None
        for index, rows in residue_chunks(contexts, self.field):
            progress(index[0] / len(contexts), f"rank modulo a prime: {index[0]:,} of {len(contexts):,} contexts")
            last = sparse.csr_array(contexts.tokens[contexts.stop[index] - 1])
            for axes in self._components(last):
                touched = np.flatnonzero(np.asarray((last != 0).astype(np.int64)[:, axes].sum(axis=1)).ravel())
                if len(touched):
                    fresh[index[touched]] = self._grow(axes, sparse.csr_array(rows[touched]))
        return fresh

    def contains(self, contexts: Traces) -> np.ndarray:
        """Return the mask (N,) of contexts whose features lie in the span.

        A feature that lies outside passes with probability p^-8: it is then annihilated by all of ``PROBES`` random
        vectors that annihilate the span.
        """
        if self._null is None:
            self._null = self._annihilators()
        columns, vectors = self._null
        inside = np.zeros(len(contexts), dtype=bool)
        for index, rows in residue_chunks(contexts, self.field):
            known, local = _among(rows, columns)
            inside[index] = known & ~self.field.sparse_product(local, vectors).any(axis=1)
        return inside

    def _annihilators(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the columns (w,) that occur, in order, and random vectors (w, PROBES) orthogonal to the span."""
        if not self.parts:
            return np.empty(0, dtype=np.int64), np.empty((0, PROBES))
        columns = np.concatenate([part.columns for part in self.parts])
        vectors = np.concatenate([part.space.orthogonal(PROBES, self._rng) for part in self.parts])
        order = np.argsort(columns)
        return columns[order], vectors[order]

    def _components(self, last: sparse.csr_array) -> list[np.ndarray]:
        """Return the coordinates in groups that no last token, old or new, connects."""
        known = np.zeros((len(self.parts), self.dim))
        for row, part in zip(known, self.parts, strict=True):
            row[part.axes] = 1
        used = sparse.vstack([(last != 0).astype(np.float64), sparse.csr_array(known)])
        _, label = connected_components(used.T @ used, directed=False)
        return [np.flatnonzero(label == k) for k in range(label.max() + 1)]

    def _grow(self, axes: np.ndarray, rows: sparse.csr_array) -> np.ndarray:
        """Add rows (k, p) whose last tokens lie in ``axes``; return the mask (k,) of the new ones."""
        old = [part for part in self.parts if np.isin(part.axes, axes).any()]
        columns = np.unique(np.concatenate([rows.indices, *(part.columns for part in old)])).astype(np.int64)
        space = self._joined(old, columns)
        self.parts = [part for part in self.parts if part not in old] + [_Part(axes, columns, space)]
        _, local = _among(rows, columns)
        fresh, waiting = np.zeros(rows.shape[0], dtype=bool), np.arange(rows.shape[0])
        while len(waiting) and space.rank < space.width:
            seen = self.field.sparse_product(local[waiting], space.orthogonal(PROBES, self._rng))
            waiting = waiting[seen.any(axis=1)]
            some, waiting = waiting[:ADDED], waiting[ADDED:]
            if len(some):
                fresh[some] = space.add(local[some].toarray().astype(np.float64))
        return fresh

    def _joined(self, old: list[_Part], columns: np.ndarray) -> RowSpace:
        """Return the span of parts together, on a superset of their columns; parts share no column."""
        if len(old) == 1 and len(old[0].columns) == len(columns):
            return old[0].space
        space = RowSpace(self.field, len(columns))
        for part in old:
            space.panels += part.space.widened(np.searchsorted(columns, part.columns), len(columns)).panels
        return space


def _among(rows: sparse.csr_array, columns: np.ndarray) -> tuple[np.ndarray, sparse.csr_array]:
    """Return the mask (k,) of rows that are zero outside the sorted ``columns``, and the rows (k, w) on them."""
    places = np.searchsorted(columns, rows.indices)
    held = np.zeros(len(places), dtype=bool)
    inner = places < len(columns)
    held[inner] = columns[places[inner]] == rows.indices[inner]
    number = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    outside = np.bincount(number[~held], minlength=rows.shape[0]) > 0
    indptr = np.r_[0, np.cumsum(np.bincount(number[held], minlength=rows.shape[0]))]
    local = sparse.csr_array((rows.data[held], places[held], indptr), shape=(rows.shape[0], len(columns)))
    return ~outside, local


def independent(traces: Traces, order: np.ndarray | None = None, progress: Progress = no_progress) -> np.ndarray:
    """Return the mask (N,) of examples whose features are independent, modulo a prime, of all before them.

    ``order`` says which comes first. Their number is the rank of the features modulo the prime: never more than the
    rank, and equal but for chance.
    """
    order = np.arange(len(traces)) if order is None else order
    mask = np.zeros(len(traces), dtype=bool)
    mask[order] = Span(traces.dim).add(traces.subset(order), progress)
    return mask


def exact_rank(traces: Traces) -> int:
    """Return the rank of the features of the tokens as stored, decided modulo a prime instead of at a tolerance."""
    return int(independent(traces).sum())
