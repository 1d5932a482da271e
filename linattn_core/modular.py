"""Exact linear algebra modulo the prime p = 2^31 - 1: rank, echelon bases, solutions, without rounding.

Features of one-hot tokens are integers, so their rank can be decided instead of estimated. The rank modulo a prime
never exceeds the rank over the rationals, and is smaller only if p divides all of its minors: for a matrix not made
against this p that is a matter of chance of about 1/p. Where that is not enough, see ``rational``.

Products go through float64 BLAS: one factor is split into halves of 16 and 15 bits, so that 64 products of at most
2^16 * 2^31 add up to at most 2^53 and stay exact. p is a Mersenne prime: reducing is a shift and an addition.
"""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction

import numpy as np

PRIME = 2**31 - 1
BLOCK = 64
"""Terms that may be added before reducing, and rows eliminated at a time."""
CACHED = 2**17
"""Numbers worked on at a time: with their temporaries a few MB."""


def reduce(x: np.ndarray) -> np.ndarray:
    """Return int64 ``x`` with 0 <= x < 2^63 modulo p."""
    high = x >> 31
    out = x & PRIME
    out += high
    np.right_shift(out, 31, out=high)
    out &= PRIME
    out += high
    out -= PRIME
    np.right_shift(out, 63, out=high)  # all ones where negative
    high &= PRIME
    out += high
    return out


def residues(x: np.ndarray) -> np.ndarray:
    """Return an integer array (of any sign) modulo p, as int64."""
    return np.mod(np.asarray(x, dtype=np.int64), PRIME)


def product(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return A @ B modulo p for residues A (m, k) and B (k, n)."""
    low, high = (A & 0xFFFF).astype(np.float64), (A >> 16).astype(np.float64)
    total = np.zeros((A.shape[0], B.shape[1]), dtype=np.int64)
    for i in range(0, A.shape[1], BLOCK):
        right = B[i : i + BLOCK].astype(np.float64)
        for rows in _strips(total):
            part = reduce((high[rows, i : i + BLOCK] @ right).astype(np.int64))
            part <<= 16
            part += (low[rows, i : i + BLOCK] @ right).astype(np.int64)
            part += total[rows]
            total[rows] = reduce(part)
    return total


def _subtract(left: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
    """Replace residues ``left`` (m, n) by left - A @ B modulo p."""
    for rows in _strips(left):
        left[rows] = reduce(left[rows] + PRIME - product(A[rows], B))


def _strips(x: np.ndarray) -> list[slice]:
    """Return rows of ``x`` a few at a time, so that what is done to them stays in the cache."""
    step = max(16, CACHED // max(1, x.shape[1]))
    return [slice(i, i + step) for i in range(0, len(x), step)]


def _inverse(x: int) -> int:
    return pow(int(x), PRIME - 2, PRIME)


class Echelon:
    """A growing subspace of Z_p^n, kept as a reduced echelon basis.

    ``basis`` (rank, n) has the identity at columns ``pivots`` (rank,). ``add`` says which rows were new.
    """

    def __init__(self, width: int) -> None:
        self.basis = np.zeros((0, width), dtype=np.int64)
        self.pivots = np.zeros(0, dtype=np.int64)

    @property
    def rank(self) -> int:
        """The dimension of the subspace."""
        return len(self.pivots)

    def copy(self) -> Echelon:
        """Return an independent copy."""
        other = Echelon(self.basis.shape[1])
        other.basis, other.pivots = self.basis, self.pivots
        return other

    def remainder(self, rows: np.ndarray) -> np.ndarray:
        """Return the residue rows (k, n) minus their part in the subspace: zero exactly where a row lies in it."""
        if self.rank == 0 or len(rows) == 0:
            return rows
        return reduce(rows + PRIME - product(rows[:, self.pivots], self.basis))

    def add(self, rows: np.ndarray) -> np.ndarray:
        """Add integer rows (k, n) in order; return the mask (k,) of those that were independent of all before them."""
        rows = residues(rows)
        fresh = np.zeros(len(rows), dtype=bool)
        for i in range(0, len(rows), BLOCK):
            block = self.remainder(rows[i : i + BLOCK])
            new, pivots, mask = _reduce_block(block)
            fresh[i : i + BLOCK] = mask
            if len(pivots):
                old = self.basis.copy()  # a copy of this object may share it
                _subtract(old, old[:, pivots], new)
                self.basis = np.concatenate([old, new])
                self.pivots = np.concatenate([self.pivots, pivots])
        return fresh

    def orthogonal(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return ``count`` random vectors (n, count) orthogonal to the subspace, uniform among all such."""
        n = self.basis.shape[1]
        vectors = rng.integers(PRIME, size=(n, count))
        free = np.setdiff1d(np.arange(n), self.pivots)
        vectors[self.pivots] = reduce(PRIME - product(self.basis[:, free], vectors[free]))
        return vectors

    def contains(self, rows: np.ndarray) -> bool:
        """Whether all integer rows (k, n) lie in the subspace."""
        return not self.remainder(residues(rows)).any()

    def key(self) -> bytes:
        """Return a digest that is equal for equal subspaces."""
        order = np.argsort(self.pivots)
        return hashlib.sha256(self.basis[order].tobytes()).digest()


def _reduce_block(block: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the reduced echelon rows of a few residue rows, their pivots, and the mask of independent rows."""
    block, pivots, kept = block.copy(), [], []
    mask = np.zeros(len(block), dtype=bool)
    # Columns that are zero throughout need no work; blocks of one-hot features are mostly such columns.
    columns = np.flatnonzero(block.any(axis=0))
    work = block[:, columns]
    for i in range(len(work)):
        support = np.flatnonzero(work[i])
        if len(support) == 0:
            continue
        column = support[0]
        work[i] = reduce(work[i] * _inverse(work[i, column]))
        factors = work[:, column].copy()
        factors[i] = 0
        hit = np.flatnonzero(factors)
        if len(hit):
            work[hit] = reduce(work[hit] + reduce((PRIME - factors[hit])[:, None] * work[i][None]))
        mask[i] = True
        pivots.append(column)
        kept.append(i)
    found = np.zeros((len(kept), block.shape[1]), dtype=np.int64)
    found[:, columns] = work[kept]
    return found, columns[np.array(pivots, dtype=np.int64)], mask


def echelon(rows: np.ndarray) -> Echelon:
    """Return the span of integer rows (k, n) modulo p."""
    found = Echelon(rows.shape[1])
    found.add(rows)
    return found


def rank(rows: np.ndarray) -> int:
    """Return the rank of an integer matrix modulo p: at most that over the rationals, equal but for chance 1/p."""
    rows = np.asarray(rows)
    return echelon(rows if rows.shape[0] >= rows.shape[1] else rows.T).rank


class LeftSolver:
    """Solves X A = B modulo p for one residue matrix A (r, m). ``null`` (k, r) is a basis of all n with n A = 0."""

    def __init__(self, A: np.ndarray) -> None:
        r, m = A.shape
        # Rows [A | I]: eliminating leaves combinations of rows of A on the left, and those that vanish on the right.
        system = echelon(np.concatenate([A, np.eye(r, dtype=np.int64)], axis=1))
        left = system.pivots < m
        self._pivots = system.pivots[left]
        self._image, self._mix = system.basis[left, :m], system.basis[left, m:]
        self.null = system.basis[~left, m:]

    def solve(self, B: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (X (t, r), solvable (t,)) for residues B (t, m): a solution a row, void where there is none."""
        coordinates = B[:, self._pivots]
        solvable = ~reduce(B + PRIME - product(coordinates, self._image)).any(axis=1)
        return product(coordinates, self._mix), np.asarray(solvable)


def rational(rows: np.ndarray, bound: int = 10_000) -> tuple[np.ndarray, np.ndarray] | None:
    """Return integer numerators (k, n) and a denominator a row (k,) behind residues, None if none are small.

    Every entry must be a fraction whose numerator and denominator are at most ``bound`` (then it is unique). It lifts a
    result modulo p to a candidate over the rationals, which the caller proves by exact arithmetic.
    """
    values, inverse = np.unique(rows, return_inverse=True)
    fractions = [_fraction(int(v), bound) for v in values]
    if any(f is None for f in fractions):
        return None
    over = np.array([f.numerator for f in fractions if f is not None], dtype=np.int64)[inverse].reshape(rows.shape)
    under = np.array([f.denominator for f in fractions if f is not None], dtype=np.int64)[inverse].reshape(rows.shape)
    common = [math.lcm(*map(int, np.unique(row))) for row in under]
    if max(common, default=1) > 2**31:
        return None
    scale = np.array(common, dtype=np.int64)
    return over * (scale[:, None] // under), scale


def _fraction(value: int, bound: int) -> Fraction | None:
    """Rational reconstruction by the Euclidean algorithm."""
    r0, r1, t0, t1 = PRIME, value, 0, 1
    while r1 > bound:
        quotient = r0 // r1
        r0, r1, t0, t1 = r1, r0 - quotient * r1, t1, t0 - quotient * t1
    if t1 == 0 or abs(t1) > bound:
        return None
    return Fraction(r1, t1)
