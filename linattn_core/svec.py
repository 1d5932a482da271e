"""svec: the d(d+1)/2 numbers of a symmetric (d, d) matrix, such that inner products stay those of the matrices.

Order: ``numpy.triu_indices(d)`` row by row, off-diagonal entries times sqrt(2).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import sparse

SQRT2 = float(np.sqrt(2.0))

LISTED = 2**20
"""Up to so many entries of svec their factors are looked up in a list."""


@lru_cache(maxsize=64)
def svec_indices(d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (j, k), each of shape (s,): the row and column of every entry of svec, j <= k."""
    j, k = np.triu_indices(d)
    return j, k


@lru_cache(maxsize=64)
def svec_scale(d: int) -> np.ndarray:
    """Return the factors (s,) of svec: 1 on the diagonal, sqrt(2) off it."""
    j, k = svec_indices(d)
    return np.where(j == k, 1.0, SQRT2)


def svec_scale_at(index: np.ndarray, d: int) -> np.ndarray:
    """Return the factors of the entries ``index`` of svec; of large d without listing those of all entries."""
    if d * (d + 1) // 2 <= LISTED:
        return svec_scale(d)[index]
    coordinate = np.arange(d)
    diagonal = svec_position(coordinate, coordinate, d)
    place = np.searchsorted(diagonal, index, side="right") - 1
    return np.where(diagonal[place] == index, 1.0, SQRT2)


def svec_position(j: np.ndarray, k: np.ndarray | int, d: int) -> np.ndarray:
    """Return the index in svec of entries (j, k), j <= k."""
    return j * (2 * d - j + 1) // 2 + (k - j)


def token_squares(tokens: sparse.csr_array) -> sparse.csr_array:
    """Return the CSR matrix (M, s) whose row i is the upper triangle of t_i t_i^T, without the sqrt(2).

    The factor is left out until the sum over tokens is complete: sums of small integers are then exact, so that
    entries that telescope to zero are exactly zero, and equal contexts are equal to the last bit in any token order.
    """
    d = tokens.shape[1]
    count = np.diff(tokens.indptr).astype(np.int64)
    indptr = np.concatenate([[0], np.cumsum(count * (count + 1) // 2)])
    indices, data = np.empty(indptr[-1], dtype=np.int64), np.empty(indptr[-1])
    row_begins = svec_position(np.arange(d), 0, d)
    # Tokens with equally many entries together: one small pattern of pairs for all.
    for c in np.flatnonzero(np.bincount(count)).tolist():
        rows = np.flatnonzero(count == c)
        entries = tokens.indptr[rows][:, None] + np.arange(c)
        at, value = tokens.indices[entries].astype(np.int64), tokens.data[entries]
        left, right = np.triu_indices(c)
        place = indptr[rows][:, None] + np.arange(len(left))
        indices[place] = row_begins[at][:, left] + at[:, right]
        data[place] = value[:, left] * value[:, right]
    return sparse.csr_array((data, indices, indptr), shape=(tokens.shape[0], d * (d + 1) // 2))
