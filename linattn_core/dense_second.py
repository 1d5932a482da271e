"""The second moment of dense features with every different entry formed once."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import blas

from linattn_core.features import FeatureBatch, svec_indices, svec_position
from linattn_core.numerics import Device, check_memory

BUFFER_BYTES = 24 * 2**20
"""Products of svec entries formed at a time: enough examples for a fast matrix product, few enough for the cache."""

FEWEST = 256
"""Examples formed at a time at least, whatever the buffer: below that the matrix product is slow."""


class DenseSecond:
    """Lambda (p, p) of dense examples phi = s (x) z, as sums over pairs.

    Ours: Lambda[(a, l), (b, m)] = sum_i s_a s_b z_l z_m depends on the unordered pairs {a, b} and {l, m} only. So
    s(s+1)/2 x d(d+1)/2 sums, a quarter of p^2, hold all of it, and N times as many multiply-adds form it: half the
    work of a symmetric rank-k update on the explicit features, which are never needed.
    """

    def __init__(self, dim: int, where: Device) -> None:
        self.dim, self.device = dim, where
        self._size = dim * (dim + 1) // 2
        pairs, queries = self._size * (self._size + 1) // 2, self._size
        check_memory(8.0 * pairs * queries, f"The second moment at d = {dim}", "use fewer dimensions")
        self._sums: Any = np.zeros((queries, pairs), order="F")  # its transpose is (pairs, queries) in C order
        if not where.is_numpy:
            self._sums = where.put(self._sums)

    @property
    def chunk(self) -> int:
        """How many examples to hand to ``add`` at a time."""
        return self.chunk_of(self.dim)

    @staticmethod
    def chunk_of(dim: int) -> int:
        """Return the same for an embedding dimension."""
        size = dim * (dim + 1) // 2
        return max(FEWEST, BUFFER_BYTES // (4 * size * (size + 1)))

    def add(self, batch: FeatureBatch) -> None:
        """Add the examples of a dense ``batch``, in place."""
        svec, query = (self.device.put(np.ascontiguousarray(part.T)) for part in (batch.svec, batch.query))
        j, k = svec_indices(self.dim)
        queries = query[j, :] * query[k, :]
        pairs: Any = self.device.xp.empty(
            (self._sums.shape[1], len(batch)), dtype=svec.dtype, device=self.device.handle
        )
        low = 0
        for a in range(self._size):
            high = low + self._size - a
            pairs[low:high, :] = svec[a, :] * svec[a:, :]
            low = high
        if self.device.is_numpy:
            self._sums = blas.dgemm(1.0, queries.T, pairs.T, trans_a=1, beta=1.0, c=self._sums, overwrite_c=1)
        else:
            self._sums += queries @ pairs.T

    def __iadd__(self, other: DenseSecond) -> DenseSecond:
        """Add the sums of other examples."""
        self._sums = self._sums + self.device.put(self.device.get(other._sums))
        return self

    def full(self) -> np.ndarray:
        """Return Lambda (p, p) as a numpy array."""
        sums, s, d = self.device.get(self._sums), self._size, self.dim
        pair, query = _places(s), _places(d)
        found = np.empty((s, d, s, d))
        for a in range(s):
            found[a] = sums[:, pair[a]][query].transpose(0, 2, 1)
        return found.reshape(s * d, s * d)


def _places(count: int) -> np.ndarray:
    """Return (count, count) where the unordered pair {i, j} stands in ``numpy.triu_indices(count)``."""
    i, j = np.indices((count, count))
    return svec_position(np.minimum(i, j), np.maximum(i, j), count)
