"""The sufficient statistics of least squares: a sum over examples, so shards, streams and machines just add."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import linalg, sparse
from scipy.sparse import csgraph

from linattn_core.dense_second import DenseSecond
from linattn_core.errors import ShapeError
from linattn_core.features import SPARSE_CHUNK, feature_batch, feature_count, on_columns
from linattn_core.numerics import Device, Progress, check_memory, device, no_progress
from linattn_core.solve.subspace import certain_cholesky
from linattn_core.solve.whitening import Whitening, fit_whitening, held_tokens, token_triangle, transformed
from linattn_core.tolerances import UNUSED
from linattn_core.traces import Traces

REMEDY = "use fewer dimensions, or sparser tokens"

REVISED = 1e3
"""How uneven tokens may be in the coordinates that the first ones chose, or how far the coordinates of two sets of
moments may be apart (the condition of the change, scaling aside): a triangle of features loses digits by its cube."""

TRIANGLE_BYTES = 512 * 2**20
"""Bytes a triangle of the features may take."""

WAITING, WAITING_BYTES = 1_024, 64 * 2**20
"""Examples, and bytes of them, that are collected before coordinates are chosen."""


class Moments:
    """Lambda = sum phi phi^T, B = sum y phi^T, sum ||y||^2 and N of all examples added so far.

    ``columns`` (k,) are the features that were ever formed, ``second`` (k, k) is Lambda on them, ``cross`` (m, k) is B,
    ``square`` is sum ||y||^2, ``count`` is N. Memory is O(k^2), whatever N. Sums are unscaled; divide by ``count``.
    What dense and what sparse examples contribute to Lambda is kept apart, each in its own cheapest form.

    Features are those of T z, with T = ``whitening`` found from the first examples (None: the tokens as they are).
    Beside Lambda ``triangle`` R of the unit features is kept, R^T R = sum phi phi^T / |phi|^2, until Lambda alone shows
    full rank: a second moment has lost half of the digits that decide ranks, R has them. ``whole``: all features are
    whole numbers, up to svec's sqrt(2), so that Lambda is exact. ``worn``: T does not suit later examples, so that even
    R has lost digits.
    """

    def __init__(self, dim: int, outputs: int, where: Device | None = None) -> None:
        self.dim, self.outputs, self.device = dim, outputs, where or device("cpu")
        self.square, self.count, self._seen = 0.0, 0, 0
        self._columns, self._cross = np.empty(0, dtype=np.int64), np.empty((outputs, 0))
        self._whitening: Whitening | None = None
        self._triangle: np.ndarray | None = None
        self._tokens = np.empty((0, dim))
        self._whole, self._worn, self._full, self._next_look = True, False, False, 0.0
        self._waiting: list[Traces] | None = []
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
        moments._waiting, moments._full = None, True
        return moments.add(traces, progress)

    @property
    def columns(self) -> np.ndarray:
        """The features (k,) that were ever formed."""
        return self._settle()._columns

    @property
    def cross(self) -> np.ndarray:
        """B (m, k)."""
        return self._settle()._cross

    @property
    def whitening(self) -> Whitening | None:
        """T, None where features are those of the tokens as they are."""
        return self._settle()._whitening

    @property
    def triangle(self) -> np.ndarray | None:
        """Rows (n, p) with the range of all features, None where Lambda shows full rank, the rows lost too much, or
        sparse examples are in Lambda alone."""
        return None if self._settle()._worn or len(self._active) else self._triangle

    @property
    def whole(self) -> bool:
        """Whether all features are whole numbers, up to svec's sqrt(2)."""
        return self._settle()._whole

    @property
    def second(self) -> np.ndarray:
        """Lambda on ``columns``, (k, k), as a numpy array; formed anew at every call.

        Raises ``TooLargeError`` if it would not fit.
        """
        k = len(self.columns)  # settles what waits
        check_memory(16.0 * k * k, f"The second moment of {k:,} features", REMEDY)
        found = np.zeros((k, k)) if self._dense is None else self._dense.full()
        if len(self._active):
            index = np.searchsorted(self._columns, self._active)
            found[np.ix_(index, index)] += self.device.get(self._sparse)
        return found

    def add(self, traces: Traces, progress: Progress = no_progress) -> Moments:
        """Add the examples of ``traces`` in place, chunk by chunk, and return self; ``progress`` may cancel."""
        if (traces.dim, traces.outputs) != (self.dim, self.outputs):
            raise ShapeError(
                f"Moments.add: got d = {traces.dim}, m = {traces.outputs}, wanted d = {self.dim}, m = {self.outputs}."
            )
        if self._waiting is None:
            self._ingest(traces, progress)
        else:
            self._waiting.append(traces)
        self.square += float(np.sum(traces.targets**2))
        self.count += len(traces)
        held = 0 if self._waiting is None else sum(part.bytes for part in self._waiting)
        if self._waiting is not None and (self.count >= WAITING or held >= WAITING_BYTES):
            self._settle(progress)
        return self

    def _settle(self, progress: Progress = no_progress) -> Moments:
        """Choose the coordinates by the examples collected so far, and sum over these."""
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._whitening = fit_whitening(*waiting)
            for part in sorted(waiting, key=lambda part: part.is_sparse):  # dense ones first: the others may join them
                self._ingest(part, progress)
        return self

    def _ingest(self, traces: Traces, progress: Progress) -> None:
        """Sum over examples in the coordinates that were chosen."""
        if len(traces) == 0:
            return
        traces = traces if self._whitening is None else self._whitening.apply(traces)
        if traces.is_sparse and self._dense is not None and 8.0 * np.prod(traces.tokens.shape) <= WAITING_BYTES:
            tokens: Any = traces.tokens
            traces = dataclasses.replace(traces, tokens=tokens.toarray())  # one form for all, so R has all
        if not traces.is_sparse and self._dense is None:
            self._dense = DenseSecond(self.dim, self.device)
        if not self._full:
            self._look_at_tokens(traces)
        size, done = SPARSE_CHUNK if traces.is_sparse or self._dense is None else self._dense.chunk, 0
        for chunk in traces.chunks(size):
            if self._dense is None or chunk.is_sparse:
                self._add_sparse(chunk)
            else:
                self._add_dense(chunk, self._dense)
            done += len(chunk)
            self._seen += len(chunk)
            progress(done / len(traces), f"second moments of {done:,} of {len(traces):,} examples")

    def _look_at_tokens(self, traces: Traces) -> None:
        """Notice when tokens have become too uneven for the coordinates; scaling alone loses nothing."""
        tokens = held_tokens(traces)
        if sparse.issparse(tokens):
            return
        self._tokens = token_triangle(np.concatenate([self._tokens, tokens]))
        size = np.linalg.norm(self._tokens, axis=0)
        strengths = np.linalg.svd(self._tokens[:, size > 0] / size[size > 0], compute_uv=False)
        used = strengths[strengths > UNUSED * strengths.max(initial=0.0)]
        self._worn = self._worn or bool(len(used) and used[0] > REVISED * used[-1])

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both data sets together; neither operand changes.

        Where coordinates differ those of the larger set are taken. Where that change mixes coordinates and its
        condition passes ``REVISED``, too many digits are lost for a rank to be decided from the sum.
        """
        if (other.dim, other.outputs) != (self.dim, self.outputs):
            raise ShapeError(
                f"Moments: cannot add d = {other.dim}, m = {other.outputs} to d = {self.dim}, m = {self.outputs}."
            )
        total = Moments(self.dim, self.outputs, self.device)
        settled = [part for part in (self, other) if part._waiting is None]
        waiting = [traces for part in (self, other) for traces in part._waiting or ()]
        if settled:
            larger = max(settled, key=lambda part: part.count)
            total._waiting, total._whitening = None, larger._whitening
            total._full = any(part._full for part in settled)
            for part in settled:
                total._include(part if part._whitening is total._whitening else part._revised(total._whitening))
        for traces in waiting:
            total.add(traces)
        return total

    def _include(self, part: Moments) -> None:
        """Add moments in the same coordinates, in place."""
        index = self._grow(part._columns)
        self._cross[:, index] += part._cross
        if len(part._active):
            index = self._grow_sparse(part._active)
            self._sparse[np.ix_(index, index)] += self.device.put(part.device.get(part._sparse))
        if part._dense is not None:
            self._dense = self._dense or DenseSecond(self.dim, self.device)
            self._dense += part._dense
        self.square += part.square
        self.count += part.count
        self._seen += part._seen
        self._whole, self._worn = self._whole and part._whole, self._worn or part._worn
        self._triangle = None if self._full else _stacked(self._triangle, part._triangle)

    def _revised(self, whitening: Whitening | None) -> Moments:
        """Return the same moments in other coordinates."""
        old = np.eye(self.dim) if self._whitening is None else self._whitening.inverse
        new = np.eye(self.dim) if whitening is None else whitening.matrix
        change, p = new @ old, feature_count(self.dim)
        everything = np.arange(p)
        moved = Moments(self.dim, self.outputs, self.device)
        moved._waiting, moved._whitening, moved._full = None, whitening, self._full
        moved._grow(everything)
        cross, second = np.zeros((self.outputs, p)), np.zeros((p, p))
        cross[:, self._columns] = self._cross
        second[np.ix_(self._columns, self._columns)] = self.second
        moved._cross = transformed(cross, change)
        index = moved._grow_sparse(everything)
        once = transformed(second, change)
        moved._sparse[np.ix_(index, index)] += self.device.put(transformed(np.ascontiguousarray(once.T), change))
        moved.square, moved.count, moved._seen, moved._whole = self.square, self.count, self._seen, False
        if self._triangle is not None:
            rows = transformed(self._triangle, change)
            length = np.linalg.norm(rows, axis=1)
            moved._triangle = rows[length > 0] / length[length > 0, None]
        even = change / np.linalg.norm(change, axis=1, keepdims=True)
        moved._worn = self._worn or bool(np.linalg.cond(even) > REVISED)
        return moved

    def _grow(self, columns: np.ndarray) -> np.ndarray:
        """Make room for ``columns`` in B and return their positions."""
        union = np.union1d(self._columns, columns)
        if len(union) > len(self._columns):
            cross = np.zeros((self.outputs, len(union)))
            cross[:, np.searchsorted(union, self._columns)] = self._cross
            self._columns, self._cross = union, cross
        return np.searchsorted(self._columns, columns)

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
        self._whole = self._whole and _whole(chunk)
        rows = on_columns(rows, active)
        product = sparse.coo_array(rows.T @ rows)
        if self.device.is_numpy:
            self._sparse[index[product.row], index[product.col]] += product.data
        else:
            self._sparse[np.ix_(index, index)] += self.device.put(product.toarray())
        place = self._grow(active)
        self._cross[:, place] += (rows.T @ chunk.targets).T

    def _add_dense(self, chunk: Traces, second: DenseSecond) -> None:
        batch = feature_batch(chunk)
        second.add(batch)
        self._grow(np.arange(feature_count(self.dim)))
        self._cross += batch.combine(np.ascontiguousarray(chunk.targets.T))
        self._whole = self._whole and _whole(chunk)
        if not self._full:
            self._add_triangle(np.asarray(batch.rows()))

    def _add_triangle(self, rows: np.ndarray) -> None:
        """Fold feature rows (n, p) of unit length into the triangle, until the second moment shows full rank."""
        p, seen = rows.shape[1], self._seen + len(rows)
        if 16.0 * p * p > TRIANGLE_BYTES:
            self._triangle, self._worn = None, True
            return
        if seen >= max(1.1 * p, self._next_look):
            self._next_look = 1.5 * seen
            assert self._dense is not None
            if certain_cholesky(self._dense.full()) is not None:
                self._triangle, self._full = None, True
                return
        length = np.linalg.norm(rows, axis=1)
        unit = rows[length > 0] / length[length > 0, None]
        self._triangle = _stacked(self._triangle, unit)


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
