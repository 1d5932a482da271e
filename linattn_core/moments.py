"""The sufficient statistics of least squares: a sum over examples, so shards, streams and machines just add."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from linattn_core.dense_second import DenseSecond
from linattn_core.errors import ShapeError
from linattn_core.features import SPARSE_CHUNK, feature_batch, feature_count
from linattn_core.numerics import Device, Progress, check_memory, device, no_progress
from linattn_core.traces import Traces

REMEDY = "use fewer dimensions, or sparser tokens"


class Moments:
    """Lambda = sum phi phi^T, B = sum y phi^T, sum ||y||^2 and N of all examples added so far.

    ``columns`` (k,) are the features that were ever formed, ``second`` (k, k) is Lambda on them, ``cross`` (m, k) is B,
    ``square`` is sum ||y||^2, ``count`` is N. Memory is O(k^2), whatever N. Sums are unscaled; divide by ``count``.
    What dense and what sparse examples contribute to Lambda is kept apart, each in its own cheapest form.
    """

    def __init__(self, dim: int, outputs: int, where: Device | None = None) -> None:
        self.dim, self.outputs, self.device = dim, outputs, where or device("cpu")
        self.columns = np.empty(0, dtype=np.int64)
        self.cross, self.square, self.count = np.empty((outputs, 0)), 0.0, 0
        self._dense: DenseSecond | None = None
        self._active = np.empty(0, dtype=np.int64)
        self._sparse: Any = np.empty((0, 0))

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
        """Lambda on ``columns``, (k, k), as a numpy array; formed anew at every call.

        Raises ``TooLargeError`` if it would not fit.
        """
        k = len(self.columns)
        check_memory(16.0 * k * k, f"The second moment of {k:,} features", REMEDY)
        found = np.zeros((k, k)) if self._dense is None else self._dense.full()
        if len(self._active):
            index = np.searchsorted(self.columns, self._active)
            found[np.ix_(index, index)] += self.device.get(self._sparse)
        return found

    def add(self, traces: Traces, progress: Progress = no_progress) -> Moments:
        """Add the examples of ``traces`` in place, chunk by chunk, and return self; ``progress`` may cancel."""
        if (traces.dim, traces.outputs) != (self.dim, self.outputs):
            raise ShapeError(
                f"Moments.add: got d = {traces.dim}, m = {traces.outputs}, wanted d = {self.dim}, m = {self.outputs}."
            )
        if not traces.is_sparse and self._dense is None:
            self._dense = DenseSecond(self.dim, self.device)
        size = SPARSE_CHUNK if traces.is_sparse or self._dense is None else self._dense.chunk
        done = 0
        for chunk in traces.chunks(size):
            if self._dense is None or chunk.is_sparse:
                self._add_sparse(chunk)
            else:
                self._add_dense(chunk, self._dense)
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
            total.cross[:, index] += part.cross
            if len(part._active):
                index = total._grow_sparse(part._active)
                total._sparse[np.ix_(index, index)] += total.device.put(part.device.get(part._sparse))
            if part._dense is not None:
                total._dense = total._dense or DenseSecond(self.dim, self.device)
                total._dense += part._dense
            total.square += part.square
            total.count += part.count
        return total

    def _grow(self, columns: np.ndarray) -> np.ndarray:
        """Make room for ``columns`` in B and return their positions."""
        union = np.union1d(self.columns, columns)
        if len(union) > len(self.columns):
            cross = np.zeros((self.outputs, len(union)))
            cross[:, np.searchsorted(union, self.columns)] = self.cross
            self.columns, self.cross = union, cross
        return np.searchsorted(self.columns, columns)

    def _grow_sparse(self, columns: np.ndarray) -> np.ndarray:
        """Make room for ``columns`` in what sparse examples contribute and return their positions there."""
        union = np.union1d(self._active, columns)
        if len(union) > len(self._active):
            k = len(union)
            check_memory(24.0 * k * k, f"The second moment of {k:,} features", REMEDY)
            kept = np.searchsorted(union, self._active)
            second = np.zeros((k, k))
            if len(kept):
                second[np.ix_(kept, kept)] = self.device.get(self._sparse)
            self._active, self._sparse = union, second if self.device.is_numpy else self.device.put(second)
        return np.searchsorted(self._active, columns)

    def _add_sparse(self, chunk: Traces) -> None:
        rows = sparse.csr_array(feature_batch(chunk).rows())
        active = np.unique(rows.indices)
        index = self._grow_sparse(active)
        rows = rows[:, active]
        product = sparse.coo_array(rows.T @ rows)
        if self.device.is_numpy:
            self._sparse[index[product.row], index[product.col]] += product.data
        else:
            self._sparse[np.ix_(index, index)] += self.device.put(product.toarray())
        place = self._grow(active)
        self.cross[:, place] += (rows.T @ chunk.targets).T

    def _add_dense(self, chunk: Traces, second: DenseSecond) -> None:
        batch = feature_batch(chunk)
        second.add(batch)
        self._grow(np.arange(feature_count(self.dim)))
        self.cross += batch.combine(np.ascontiguousarray(chunk.targets.T))


def interacting(second: np.ndarray) -> list[np.ndarray]:
    """Return the positions of the features in every connected component of Lambda's (k, k) non-zero pattern.

    Features with a zero second moment were zero in every example and belong to none.
    """
    active = np.flatnonzero(np.diag(second) > 0)
    if len(active) == len(second) and second[:1].all():  # all interact with the first one
        return [active]
    count, label = csgraph.connected_components(sparse.csr_array(second[np.ix_(active, active)] != 0), directed=False)
    return [active[label == c] for c in range(count)]
