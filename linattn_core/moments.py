"""The sufficient statistics of least squares: a sum over examples, so shards, streams and machines just add."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import linalg, sparse
from scipy.sparse import csgraph

from linattn_core.dense_second import DenseSecond
from linattn_core.errors import ShapeError
from linattn_core.features import SPARSE_CHUNK, feature_batch, feature_count
from linattn_core.numerics import Device, Progress, check_memory, device, no_progress
from linattn_core.solve.subspace import certain_cholesky
from linattn_core.solve.whitening import Whitening, fit_whitening, transformed
from linattn_core.traces import Traces

REMEDY = "use fewer dimensions, or sparser tokens"

REVISED = 1e3
"""How far the coordinates of two sets of moments may be apart (the condition of the change) to be added: the triangle R
of the features loses digits by the cube of it."""

TRIANGLE_BYTES = 512 * 2**20
"""Bytes a triangle of the features may take."""


class Moments:
    """Lambda = sum phi phi^T, B = sum y phi^T, sum ||y||^2 and N of all examples added so far.

    ``columns`` (k,) are the features that were ever formed, ``second`` (k, k) is Lambda on them, ``cross`` (m, k) is B,
    ``square`` is sum ||y||^2, ``count`` is N. Memory is O(k^2), whatever N. Sums are unscaled; divide by ``count``.
    What dense and what sparse examples contribute to Lambda is kept apart, each in its own cheapest form.

    Features are those of T z, with T = ``whitening`` found from the first dense examples (None: the tokens as they
    are). Beside Lambda ``triangle`` R of the unit features is kept, R^T R = sum phi phi^T / |phi|^2, until Lambda alone
    shows full rank: a second moment has lost half of the digits that decide ranks, R has them. ``whole``: all features
    are whole numbers, up to svec's sqrt(2), so that Lambda is exact.
    """

    def __init__(self, dim: int, outputs: int, where: Device | None = None) -> None:
        self.dim, self.outputs, self.device = dim, outputs, where or device("cpu")
        self.columns = np.empty(0, dtype=np.int64)
        self.cross, self.square, self.count = np.empty((outputs, 0)), 0.0, 0
        self.whitening: Whitening | None = None
        self.triangle: np.ndarray | None = None
        self.whole = True
        self._chosen, self._full, self._next_look = False, False, 0.0
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

    @classmethod
    def whitened(cls, traces: Traces, where: Device, progress: Progress = no_progress) -> Moments:
        """Sum over ``traces`` whose tokens are in their final coordinates, without a triangle: they are at hand."""
        moments = cls(traces.dim, traces.outputs, where)
        moments._chosen = moments._full = True
        return moments.add(traces, progress)

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
        if len(traces) == 0:
            return self
        traces = self._in_coordinates(traces)
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

    def _in_coordinates(self, traces: Traces) -> Traces:
        """Return the examples in the coordinates of these moments, chosen by the first ones."""
        if not self._chosen:
            self.whitening, self._chosen = fit_whitening(traces), True
        return traces if self.whitening is None else self.whitening.apply(traces)

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both data sets together; neither operand changes.

        Unlike coordinates: those of the larger one are taken. Where the change mixes coordinates and its condition
        passes ``REVISED``, what is added has lost too many digits, and no rank is decided from the sum.
        """
        if (other.dim, other.outputs) != (self.dim, self.outputs):
            raise ShapeError(
                f"Moments: cannot add d = {other.dim}, m = {other.outputs} to d = {self.dim}, m = {self.outputs}."
            )
        total = Moments(self.dim, self.outputs, self.device)
        larger = self if self.count >= other.count else other
        total.whitening, total._chosen = larger.whitening, self._chosen or other._chosen
        total._full = self._full or other._full
        parts = [
            part if part.whitening is total.whitening else part._revised(total.whitening) for part in (self, other)
        ]
        for part in parts:
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
            total.whole = total.whole and part.whole
        if not total._full:
            total.triangle = _stacked(*(part.triangle for part in parts))
        return total

    def _revised(self, whitening: Whitening | None) -> Moments:
        """Return the same moments in other coordinates."""
        if self.count == 0:
            return self
        old = np.eye(self.dim) if self.whitening is None else self.whitening.inverse
        new = np.eye(self.dim) if whitening is None else whitening.matrix
        change = new @ old
        moved = Moments(self.dim, self.outputs, self.device)
        moved.whitening, moved._chosen, moved._full = whitening, True, self._full
        p = feature_count(self.dim)
        everything = np.arange(p)
        moved._grow(everything)
        cross = np.zeros((self.outputs, p))
        cross[:, self.columns] = self.cross
        second = np.zeros((p, p))
        second[np.ix_(self.columns, self.columns)] = self.second
        moved.cross = transformed(cross, change)
        once = transformed(second, change)
        index = moved._grow_sparse(everything)
        moved._sparse[np.ix_(index, index)] += self.device.put(transformed(np.ascontiguousarray(once.T), change))
        moved.square, moved.count, moved.whole = self.square, self.count, False
        if self.triangle is not None:
            rows = transformed(self.triangle, change)
            length = np.linalg.norm(rows, axis=1)
            moved.triangle = rows[length > 0]
        scaled = change / np.abs(change).max(axis=1, keepdims=True)
        if np.linalg.cond(scaled) > REVISED:
            moved._full, moved.triangle = False, None
        return moved

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
        self.whole = self.whole and _whole(chunk)
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
        self.whole = self.whole and _whole(chunk)
        if not self._full:
            self._add_triangle(np.asarray(batch.rows()))

    def _add_triangle(self, rows: np.ndarray) -> None:
        """Fold feature rows (n, p) of unit length into the triangle, until the second moment shows full rank."""
        p, seen = rows.shape[1], self.count + len(rows)
        if 16.0 * p * p > TRIANGLE_BYTES:
            self.triangle, self._full = None, False
            return
        if seen >= max(1.1 * p, self._next_look):
            self._next_look = 1.5 * seen
            assert self._dense is not None
            if certain_cholesky(self._dense.full()) is not None:
                self.triangle, self._full = None, True
                return
        length = np.linalg.norm(rows, axis=1)
        unit = rows[length > 0] / length[length > 0, None]
        self.triangle = _stacked(self.triangle, unit)


def _stacked(*parts: np.ndarray | None) -> np.ndarray | None:
    """Return rows (at most (2p, p)) with the range of all parts laid over one another; None where there are none."""
    rows = [part for part in parts if part is not None and len(part)]
    if not rows:
        return None
    together = np.concatenate(rows)
    p = together.shape[1]
    return linalg.qr(together, mode="r")[0][:p] if len(together) > 2 * p else together


def _whole(chunk: Traces) -> bool:
    tokens: Any = chunk.tokens
    values = tokens.data if chunk.is_sparse else tokens
    return bool(np.array_equal(values, np.rint(values)))


def interacting(second: np.ndarray) -> list[np.ndarray]:
    """Return the positions of the features in every connected component of Lambda's (k, k) non-zero pattern.

    Features with a zero second moment were zero in every example and belong to none.
    """
    active = np.flatnonzero(np.diag(second) > 0)
    if len(active) == len(second) and second[:1].all():  # all interact with the first one
        return [active]
    count, label = csgraph.connected_components(sparse.csr_array(second[np.ix_(active, active)] != 0), directed=False)
    return [active[label == c] for c in range(count)]
