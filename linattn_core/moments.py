"""The sufficient statistics of least squares: a sum over examples, so shards, streams and machines just add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import blas
from scipy.sparse import csgraph

from linattn_core.errors import ShapeError
from linattn_core.features import SPARSE_CHUNK, feature_batch, feature_count
from linattn_core.numerics import Device, Progress, check_memory, device, no_progress, product
from linattn_core.traces import Traces

CHUNK_BYTES = 4 * 2**20
"""Explicit dense features formed at a time: small enough to stay in the cache between forming and multiplying them."""


class Moments:
    """Lambda = sum phi phi^T, B = sum y phi^T, sum ||y||^2 and N of all examples added so far.

    ``columns`` (k,) are the features that were ever formed, ``second`` (k, k) is Lambda on them, ``cross`` (m, k) is B,
    ``square`` is sum ||y||^2, ``count`` is N. Memory is O(k^2), whatever N. Sums are unscaled; divide by ``count``.
    """

    def __init__(self, dim: int, outputs: int, where: Device | None = None) -> None:
        self.dim, self.outputs, self.device = dim, outputs, where or device("cpu")
        self.columns = np.empty(0, dtype=np.int64)
        self.cross, self.square, self.count = np.empty((outputs, 0)), 0.0, 0
        self._second: Any = np.empty((0, 0), order="F")

    @classmethod
    def of(
        cls, traces: Traces | Iterable[Traces], where: Device | None = None, progress: Progress = no_progress
    ) -> Moments:
        """Sum over traces, or over a stream of traces (any iterable) in constant memory.

        Raises ``ShapeError`` on an empty stream or parts of different d or m, ``TooLargeError`` if p^2 does not fit.
        """
        moments: Moments | None = None
        for part in [traces] if isinstance(traces, Traces) else traces:
            moments = moments or cls(part.dim, part.outputs, where)
            moments.add(part, progress)
        if moments is None:
            raise ShapeError("Moments: got an empty stream, wanted at least one Traces.")
        return moments

    @property
    def second(self) -> np.ndarray:
        """Lambda on ``columns``, (k, k), as a full symmetric numpy array."""
        full = self.device.get(self._second)
        lower = np.tril(full)  # only the lower triangle is kept up to date
        return lower + np.tril(lower, -1).T

    def add(self, traces: Traces, progress: Progress = no_progress) -> Moments:
        """Add the examples of ``traces`` in place, chunk by chunk, and return self; ``progress`` may cancel."""
        if (traces.dim, traces.outputs) != (self.dim, self.outputs):
            raise ShapeError(
                f"Moments.add: got d = {traces.dim}, m = {traces.outputs}, wanted d = {self.dim}, m = {self.outputs}."
            )
        size = max(256, CHUNK_BYTES // (8 * feature_count(self.dim))) if not traces.is_sparse else SPARSE_CHUNK
        done = 0
        for chunk in traces.chunks(size):
            if chunk.is_sparse:
                self._add_sparse(chunk)
            else:
                self._add_dense(chunk)
            self.square += float(np.sum(chunk.targets**2))
            self.count += len(chunk)
            done += len(chunk)
            progress(done / len(traces), f"second moments of {done:,} of {len(traces):,} examples")
        return self

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both data sets together; neither operand changes."""
        if (other.dim, other.outputs) != (self.dim, self.outputs):
            raise ShapeError(
                f"Moments: cannot add d = {other.dim}, m = {other.outputs} to d = {self.dim}, m = {self.outputs}."
            )
        total = Moments(self.dim, self.outputs, self.device)
        for part in (self, other):
            index = total._grow(part.columns)
            total._second[np.ix_(index, index)] += total.device.put(part.second)
            total.cross[:, index] += part.cross
            total.square += part.square
            total.count += part.count
        return total

    def _grow(self, columns: np.ndarray) -> np.ndarray:
        """Make room for ``columns`` and return their positions."""
        union = np.union1d(self.columns, columns)
        if len(union) > len(self.columns):
            k = len(union)
            check_memory(24 * k * k, f"The second moment of {k:,} features", "use fewer dimensions, or sparser tokens")
            kept = np.searchsorted(union, self.columns)
            second, cross = np.zeros((k, k), order="F"), np.zeros((self.outputs, k))
            if len(kept):
                second[np.ix_(kept, kept)] = self.device.get(self._second)
                cross[:, kept] = self.cross
            self.columns, self.cross = union, cross
            self._second = second if self.device.is_numpy else self.device.put(second)
        return np.searchsorted(self.columns, columns)

    def _add_sparse(self, chunk: Traces) -> None:
        rows = sparse.csr_array(feature_batch(chunk).rows())
        active = np.unique(rows.indices)
        index = self._grow(active)
        rows = rows[:, active]
        product = sparse.coo_array(rows.T @ rows)
        if self.device.is_numpy:
            self._second[index[product.row], index[product.col]] += product.data
        else:
            self._second[np.ix_(index, index)] += self.device.put(product.toarray())
        self.cross[:, index] += (rows.T @ chunk.targets).T

    def _add_dense(self, chunk: Traces) -> None:
        p = feature_count(self.dim)
        if len(self.columns) < p:
            self._grow(np.arange(p))
        batch = feature_batch(chunk)
        if self.device.is_numpy:
            rows = batch.rows()
            # A symmetric rank-k update does half the work of a matrix product; rows.T is in the order BLAS wants.
            self._second = blas.dsyrk(1.0, rows.T, beta=1.0, c=self._second, lower=1, overwrite_c=1)
            self.cross += product(np.ascontiguousarray(chunk.targets.T), rows)
        else:
            svec, query = self.device.put(batch.svec), self.device.put(batch.query)
            rows = (svec[:, :, None] * query[:, None, :]).reshape(len(chunk), p)
            self._second += rows.T @ rows
            self.cross += self.device.get(self.device.put(chunk.targets).T @ rows)

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield the positions (in ``columns``) of every connected component of Lambda's non-zero pattern.

        Features with a zero second moment were zero in every example and belong to none.
        """
        second = self.second
        active = np.flatnonzero(np.diag(second) > 0)
        if len(active) == 0:
            return
        pattern = second[np.ix_(active, active)] != 0
        if np.count_nonzero(pattern) > 0.5 * pattern.size and pattern[0].all():
            yield active
            return
        count, label = csgraph.connected_components(sparse.csr_array(pattern), directed=False)
        for c in range(count):
            yield active[label == c]
