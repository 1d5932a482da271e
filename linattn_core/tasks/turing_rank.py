"""The rank of Turing machine contexts, decided modulo a prime: their features are integers up to a known scale."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from linattn_core.features import feature_rows, svec_scale
from linattn_core.modular import PRIME, Echelon
from linattn_core.numerics import Progress, no_progress
from linattn_core.traces import Traces

CHUNK = 2048
"""Contexts whose features are laid out at a time."""
ADDED, PROBES = 256, 8
"""Contexts added between two tests of what is new; a new one passes for old with probability (2^31)^-8."""


def feature_integers(traces: Traces) -> sparse.csr_array:
    """Return the features (N, p) of integer tokens as integers: without the sqrt(2), which changes no rank."""
    rows = sparse.csr_array(feature_rows(traces))
    scale = svec_scale(traces.dim)[rows.indices // traces.dim]
    return sparse.csr_array((np.rint(rows.data / scale), rows.indices, rows.indptr), shape=rows.shape)


def independent(traces: Traces, order: np.ndarray | None = None, progress: Progress = no_progress) -> np.ndarray:
    """Return the mask (N,) of examples whose features are independent, modulo a prime, of all before them.

    Their number is the rank of the features modulo 2^31 - 1: never more than the rank, and equal but for chance.
    """
    order = np.arange(len(traces)) if order is None else order
    span, mask = Span(traces.dim), np.zeros(len(traces), dtype=bool)
    for low in range(0, len(order), CHUNK):
        progress(low / len(order), f"rank modulo a prime: {low:,} of {len(order):,} contexts")
        part = order[low : low + CHUNK]
        mask[part] = span.add(traces.subset(part))
    return mask


def exact_rank(traces: Traces) -> int:
    """Return the rank of the features of integer tokens, decided modulo a prime instead of at a tolerance."""
    return int(independent(traces).sum())


@dataclass(eq=False)
class _Part:
    """The features of last tokens that share coordinates ``axes``: ``columns`` (w,) that occur, and their span."""

    axes: np.ndarray
    columns: np.ndarray
    space: Echelon

    def widened(self, columns: np.ndarray) -> Echelon:
        """Return the same span on a superset of the columns."""
        at = np.searchsorted(columns, self.columns)
        wide = Echelon(len(columns))
        wide.basis = np.zeros((self.space.rank, len(columns)), dtype=np.int64)
        wide.basis[:, at] = self.space.basis
        wide.pivots = at[self.space.pivots]
        return wide


@dataclass(eq=False)
class Span:
    """A growing span of the integer features of contexts with d = ``dim``, modulo a prime.

    Two features meet in one context only if one last token holds the coordinates of both, so the span is kept in parts,
    one for each connected component of the coordinates of last tokens; parts join when a token connects them.
    """

    dim: int
    parts: list[_Part] = field(default_factory=list)
    _rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    @property
    def rank(self) -> int:
        """The dimension."""
        return sum(part.space.rank for part in self.parts)

    @property
    def bytes(self) -> int:
        """Bytes of the bases."""
        return sum(part.space.basis.nbytes for part in self.parts)

    def add(self, contexts: Traces) -> np.ndarray:
        """Add contexts; return the mask (N,) of those outside the span of all before them."""
        rows = feature_integers(contexts)
        rows.data = rows.data.astype(np.int64)
        last = contexts.tokens[contexts.stop - 1]
        held = sparse.csr_array(last) if not sparse.issparse(last) else last
        fresh = np.zeros(len(contexts), dtype=bool)
        for axes in self._components(held):
            touched = np.flatnonzero(np.asarray((held != 0).astype(np.int64)[:, axes].sum(axis=1)).ravel())
            if len(touched):
                fresh[touched] = self._grow(axes, rows[touched])
        return fresh

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
        wide = [part.widened(columns) for part in old]
        space = Echelon(len(columns))
        if wide:  # parts share no column, so their reduced bases side by side are one
            space.basis = np.concatenate([one.basis for one in wide])
            space.pivots = np.concatenate([one.pivots for one in wide])
        self.parts = [part for part in self.parts if part not in old] + [_Part(axes, columns, space)]
        local = sparse.csr_array(
            (rows.data, np.searchsorted(columns, rows.indices), rows.indptr), shape=(rows.shape[0], len(columns))
        )
        fresh, waiting = np.zeros(rows.shape[0], dtype=bool), np.arange(rows.shape[0])
        while len(waiting):
            seen = local[waiting] @ space.orthogonal(PROBES, self._rng)  # integers far below 2^63
            waiting = waiting[np.mod(seen, PRIME).any(axis=1)]
            some, waiting = waiting[:ADDED], waiting[ADDED:]
            if len(some):
                fresh[some] = space.add(local[some].toarray())
        return fresh
