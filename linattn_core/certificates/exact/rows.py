"""A growing row space modulo a prime: how many rows are independent, and which vectors are orthogonal to all.

Rows are kept in echelon form, a panel at a time: panel i has the identity at its own pivots and is zero at those of
the panels before it. Later panels do not change earlier ones, which saves half the work of a reduced form.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from linattn_core.certificates.exact.field import TERMS, Field

SCALAR = 8
"""Rows eliminated one by one; more are halved, and the halves meet in products."""


@dataclass(eq=False)
class RowSpace:
    """A subspace of Z_p^width: ``panels`` of (pivots (k,), rows (k, width)), residues in float64."""

    field: Field
    width: int
    panels: list[tuple[np.ndarray, np.ndarray]] = dataclasses.field(default_factory=list)

    @property
    def rank(self) -> int:
        """The dimension."""
        return sum(len(pivots) for pivots, _ in self.panels)

    @property
    def bytes(self) -> int:
        """Bytes of the basis."""
        return sum(rows.nbytes for _, rows in self.panels)

    def copy(self) -> RowSpace:
        """Return an independent copy; panels are never changed, so they are shared."""
        return RowSpace(self.field, self.width, list(self.panels))

    def remainder(self, rows: np.ndarray) -> np.ndarray:
        """Return residue rows (k, width) minus a part in the subspace: zero exactly where a row lies in it."""
        rows = rows.copy()
        for pivots, panel in self.panels:
            self.field.subtract(rows, rows[:, pivots], panel)
        return rows

    def add(self, rows: np.ndarray) -> np.ndarray:
        """Add residue rows (k, width) in order; return the mask (k,) of those independent of all before them."""
        fresh = np.zeros(len(rows), dtype=bool)
        for i in range(0, len(rows), TERMS):
            part = self.remainder(rows[i : i + TERMS])
            # Columns that are zero throughout need no work; features of one-hot tokens are mostly such columns.
            columns = np.flatnonzero(part.any(axis=0))
            found, pivots, kept = _echelon(self.field, np.ascontiguousarray(part[:, columns]))
            fresh[i + kept] = True
            if len(kept):
                panel = np.zeros((len(kept), self.width))
                panel[:, columns] = found
                self.panels.append((columns[pivots], panel))
        return fresh

    def orthogonal(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return ``count`` random vectors (width, count) orthogonal to the subspace, uniform among all such."""
        vectors = self.field.residues(rng.integers(self.field.prime, size=(self.width, count)))
        for pivots, panel in reversed(self.panels):
            vectors[pivots] = 0.0
            vectors[pivots] = -self.field.product(panel, vectors)
        return vectors

    def widened(self, places: np.ndarray, width: int) -> RowSpace:
        """Return the same subspace among ``width`` columns, of which column i is now number ``places[i]``."""
        wide = RowSpace(self.field, width)
        for pivots, panel in self.panels:
            rows = np.zeros((len(panel), width))
            rows[:, places] = panel
            wide.panels.append((places[pivots], rows))
        return wide


def _echelon(field: Field, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (rows with the identity at their pivots, pivots, which rows were independent), of at most ``TERMS``."""
    if len(rows) <= SCALAR:
        return _one_by_one(field, rows)
    half = len(rows) // 2
    top, first, kept = _echelon(field, rows[:half])
    bottom = rows[half:]
    if len(kept):
        field.subtract(bottom, bottom[:, first], top)
    low, second, more = _echelon(field, bottom)
    if len(kept) and len(more):
        field.subtract(top, top[:, second], low)
    return np.concatenate([top, low]), np.concatenate([first, second]), np.concatenate([kept, half + more])


def _one_by_one(field: Field, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pivots, kept = list[int](), list[int]()
    for i, row in enumerate(rows):
        support = np.flatnonzero(row)
        if len(support) == 0:
            continue
        pivot = int(support[0])
        row[support] = field.times(row[support], np.array(field.inverse(row[pivot])))
        factors = rows[:, pivot].copy()
        factors[i] = 0.0
        hit = np.flatnonzero(factors)
        if len(hit):
            change = field.times(row[support][None], factors[hit][:, None])
            where = np.ix_(hit, support)
            rows[where] = field.reduce(rows[where] - change)
        pivots.append(pivot)
        kept.append(i)
    return rows[kept], np.array(pivots, dtype=np.int64), np.array(kept, dtype=np.int64)
