"""One least-squares problem in the form its data suggest: sparse examples in blocks, dense moments, or a dense kernel.

All three offer the same to the learner and the certificate: a plan, the factored range of Lambda, B, and the gradient
of the loss at a predictor. So the column in ``learn`` reads the same whatever the data. Everything here is in the
coordinates of T z, T = ``whitening``; ``solution`` carries T, and its minimum norm is that of the original ones.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from linattn_core.attention import Predictor
from linattn_core.dense_second import DenseSecond
from linattn_core.errors import ShapeError
from linattn_core.examples import Block, Examples, components
from linattn_core.factor import (
    from_features,
    from_kernel,
    from_moment,
    from_rows,
    from_second,
    from_triangle,
    gram,
    weighted_rows,
)
from linattn_core.features import SPARSE_CHUNK, FeatureBatch, feature_batch, feature_count, svec_scale
from linattn_core.moments import Moments, interacting
from linattn_core.numerics import Device, Progress, check_memory, device, no_progress
from linattn_core.plan import BlockPlan, Handling, Plan
from linattn_core.solve.errors import CHUNK_BYTES, ROW_BYTES, Errors, Solution, dense_errors, error_chunk, explicit_rows
from linattn_core.solve.subspace import RowSpace, Subspace
from linattn_core.solve.whitening import Whitening, fit_whitening, tame
from linattn_core.traces import Traces

REMAINS = 1e-6
"""Share of sum ||y||^2 above which what remains of it may be known by a difference: rounding is 1e-10 of that."""

DENSE_FEATURES, DENSE_BYTES = 4_000, 256 * 2**20
"""Sparse tokens that are no small whole numbers are learned dense up to so many features and bytes of them."""


@dataclass(frozen=True, eq=False)
class Problem(ABC):
    """Least squares over the examples: d, m, N, the device its linear algebra runs on, and the coordinates T."""

    dim: int
    outputs: int
    count: int
    device: Device
    whitening: Whitening | None

    @property
    @abstractmethod
    def plan(self) -> Plan:
        """Sizes, route and cost, without factoring anything."""

    @property
    def source(self) -> Traces | None:
        """The examples as they came, in original coordinates; None where only moments are known."""
        return None

    def gather(self, progress: Progress) -> None:  # noqa: B027 - most problems have nothing left to read
        """Read the data, where that was put off until the plan was known to fit."""

    @abstractmethod
    def factor(self, ridge: float, progress: Progress) -> list[Subspace]:
        """Factor the range of Lambda, block by block; ``ridge`` is added to the unscaled Lambda."""

    @abstractmethod
    def errors(self, predictor: Predictor | None, *, kept: bool = False) -> Errors:
        """Return the errors at a predictor in these coordinates; ``None`` is the zero predictor, whose cross is B."""

    def rows_of(self, space: Subspace) -> np.ndarray | slice:
        """Return which of the errors' rows a block's rows are."""
        return slice(None)

    def solve(self, spaces: Sequence[Subspace], ridge: float) -> Solution:
        """Return a minimiser on the range.

        Two exact least-squares steps; the second, from the first one's answer, is iterative refinement: it removes the
        rounding that forming Lambda cost. After a step D from P with gradient g, ||error||^2 falls by <D, g> (ours:
        D (Lambda + ridge) = g - ridge P on the range), so where errors are left the data need not be read again.
        """
        kept = any(isinstance(space, RowSpace) for space in spaces)
        zero = self.errors(None, kept=kept)
        first = self._step(spaces, zero, None)
        here = self.errors(first, kept=kept)
        found, loss = self._refined(spaces, first, here, ridge)
        if not kept and not ridge and loss > REMAINS * zero.square:
            return Solution(found, loss, here.largest, zero.square)
        last = self.errors(found, kept=kept)
        if ridge:
            found, _ = self._refined(spaces, found, last, ridge)
            last = self.errors(found)
        if last.square > here.square and not ridge:
            found, last = first, here
        return Solution(found, last.square, last.largest, zero.square)

    def _refined(
        self, spaces: Sequence[Subspace], found: Predictor, at: Errors, ridge: float
    ) -> tuple[Predictor, float]:
        """Return the predictor after one more step from ``found``, and its loss by the difference the step makes."""
        change = self._step(spaces, at, ridge * found.weights)
        better = Predictor(self.dim, found.columns, found.weights + change.weights, self.whitening)
        gradient = at.cross[:, np.searchsorted(at.columns, found.columns)]
        return better, at.square - float(np.sum(change.weights * (gradient + ridge * better.weights)))

    def _step(self, spaces: Sequence[Subspace], errors: Errors, pull: np.ndarray | None) -> Predictor:
        """Return X with X (Lambda + ridge) = cross - ``pull`` on the range of Lambda, on the spaces' columns."""
        every = np.sort(np.concatenate([s.columns for s in spaces])) if spaces else np.empty(0, dtype=np.int64)
        weights = np.zeros((self.outputs, len(every)))
        for space in spaces:
            place = np.searchsorted(every, space.columns)
            if isinstance(space, RowSpace):
                assert errors.left is not None, "kept where a block solves for its rows"
                weights[:, place] = space.fit(errors.left[self.rows_of(space)])
                continue
            target = errors.cross[:, np.searchsorted(errors.columns, space.columns)]
            weights[:, place] = space.solve(target if pull is None else target - pull[:, place])
        return Predictor(self.dim, every, weights, self.whitening)


@dataclass(frozen=True, eq=False)
class SparseProblem(Problem):
    """Sparse tokens: distinct examples, split into connected components."""

    examples: Examples
    traces: Traces

    @property
    def source(self) -> Traces:
        """The examples as they came."""
        return self.traces

    @cached_property
    def blocks(self) -> list[Block]:
        """The connected components."""
        return components(*self.examples.active)

    @cached_property
    def _place(self) -> dict[int, np.ndarray]:
        """The examples of each block, by its first feature."""
        return {int(block.columns[0]): block.index for block in self.blocks}

    def rows_of(self, space: Subspace) -> np.ndarray | slice:
        """The block's examples."""
        return self._place[int(space.columns[0])]

    @cached_property
    def plan(self) -> Plan:
        """Each block by its own cheapest route."""
        parts = [BlockPlan.choose(len(b.index), len(b.columns)) for b in self.blocks]
        sizes = (self.count, len(self.examples.weights), self.dim, self.outputs, feature_count(self.dim))
        handling = Handling.sparse(*sizes[:2], int(self.examples.rows.nnz), self.outputs, SPARSE_CHUNK)
        return Plan.of(sizes, parts, 0.0, handling, self.device.name)

    def factor(self, ridge: float, progress: Progress) -> list[Subspace]:
        """Factor block by block: by the second moment where that is cheaper and leaves no doubt, else by the rows."""
        spaces, total, done = list[Subspace](), sum(b.work for b in self.plan.blocks), 0.0
        scale = svec_scale(self.dim)
        for block, part in zip(self.blocks, self.plan.blocks, strict=True):
            weights, space = self.examples.weights[block.index], None
            if part.route == "primal":
                second = gram(weighted_rows(block.rows, weights).T)
                space = from_second(block.columns, second, ridge, self.device, alone=False)
            if space is None:
                rows = weighted_rows(block.rows, np.ones(len(weights)))
                space = from_rows(block.columns, rows, ridge, weights, scale[block.columns // self.dim])
            if space is not None:
                spaces.append(space)
            done += part.work
            progress(done / total, f"block {len(spaces):,} of {len(self.blocks):,}")
        return spaces

    def errors(self, predictor: Predictor | None, *, kept: bool = False) -> Errors:
        """Sum over the distinct examples with their weights; what merging averaged away is added to the loss."""
        columns, rows = self.examples.active
        predicted = np.zeros_like(self.examples.targets)
        if predictor is not None:
            predicted = np.asarray(rows @ predictor.at(columns).T)
        error = self.examples.targets - predicted
        weighted = error * self.examples.weights[:, None]
        square = float(np.sum(weighted * error)) + self.examples.scatter
        single = np.linalg.norm(error, axis=1) if not self.examples.scatter else self.examples.residuals(predicted)
        largest = float(single.max(initial=0.0))
        return Errors(square, largest, columns, (rows.T @ weighted).T, error if kept else None)


@dataclass(frozen=True, eq=False)
class MomentProblem(Problem):
    """Known by its moments, or by dense ``traces`` whose moments are formed once the plan is known to fit."""

    given: Moments | None
    traces: Traces | None
    original: Traces | None = None

    @property
    def source(self) -> Traces | None:
        """The examples as they came, where they are at hand."""
        return self.original

    def gather(self, progress: Progress) -> None:
        """Form the moments of dense traces."""
        if self.given is None and self.traces is not None:
            self.__dict__["moments"] = Moments.whitened(self.traces, self.device, progress)

    @cached_property
    def moments(self) -> Moments:
        """The moments, formed on first use."""
        if self.given is None:
            self.gather(no_progress)
            return self.__dict__["moments"]
        return self.given

    @cached_property
    def _second(self) -> np.ndarray:
        return self.moments.second

    @cached_property
    def _blocks(self) -> list[np.ndarray]:
        return interacting(self._second)

    @cached_property
    def plan(self) -> Plan:
        """One primal block; several where given moments fall apart."""
        p = feature_count(self.dim)
        sizes = (self.count, self.count, self.dim, self.outputs, p)
        if self.given is None:
            chunk = DenseSecond.chunk_of(self.dim)
            handling = Handling.moments(self.count, self.dim, self.outputs, chunk, error_chunk(self.dim))
            return Plan.of(sizes, [BlockPlan.shared(self.dim, self.count)], 16.0 * p * p, handling, self.device.name)
        parts = [BlockPlan.primal(len(b), 0) for b in self._blocks]
        return Plan.of(sizes, parts, 16.0 * len(self.given.columns) ** 2, Handling(), self.device.name)

    def factor(self, ridge: float, progress: Progress) -> list[Subspace]:
        """Factor each component of Lambda; where that leaves the rank in doubt, the features themselves."""
        if self.traces is not None and len(self._blocks) > 0 and not ridge:
            whole = self._whole(self._second, alone=False)
            rows = None if whole is not None else explicit_rows(self.traces)
            if whole is None and rows is not None:
                columns = np.flatnonzero(rows.any(axis=0))
                whole = from_features(columns, rows[:, columns], where=self.device)
            progress(1.0, "features factored")
            if whole is not None:
                return [whole]
        spaces = []
        for index in self._blocks:
            entire = len(index) == len(self._second)
            second = self._second if entire else self._second[np.ix_(index, index)]
            space = self._of_block(self.moments.columns[index], second, ridge)
            spaces += [space] if space is not None else []
            progress(len(spaces) / len(self._blocks), f"block {len(spaces):,} of {len(self._blocks):,}")
        return spaces

    def _whole(self, second: np.ndarray, *, alone: bool) -> Subspace | None:
        return from_second(self.moments.columns, second, 0.0, self.device, alone=alone)

    def _of_block(self, columns: np.ndarray, second: np.ndarray, ridge: float) -> Subspace | None:
        """Factor a block of given moments: by Lambda, by the triangle kept beside it, exactly where it is whole."""
        space = from_second(columns, second, ridge, self.device, alone=False)
        if space is not None:
            return space
        triangle = self.moments.triangle
        if triangle is not None and not ridge:
            return from_triangle(columns, triangle[:, columns], second)
        scale = svec_scale(self.dim)[columns // self.dim] if self.moments.whole else None
        return from_moment(columns, second, ridge, scale)

    def errors(self, predictor: Predictor | None, *, kept: bool = False) -> Errors:
        """From the traces where they are at hand; from the moments otherwise, good to rounding of sum ||y||^2."""
        if self.traces is not None and (predictor is not None or kept):
            return dense_errors(self.traces, predictor, kept)
        moments = self.moments
        largest = float(np.sqrt(moments.square))
        if predictor is None:
            return Errors(moments.square, largest, moments.columns, moments.cross)
        P = predictor.at(moments.columns)
        explained = P @ self._second
        loss = moments.square - 2 * float(np.sum(P * moments.cross)) + float(np.sum(explained * P))
        loss = max(loss, 0.0)
        return Errors(loss, float(np.sqrt(loss)), moments.columns, moments.cross - explained)


@dataclass(frozen=True, eq=False)
class KernelProblem(Problem):
    """Fewer dense examples than features: the kernel matrix (N, N); works when d is in the hundreds."""

    traces: Traces
    batch: FeatureBatch
    original: Traces

    @property
    def source(self) -> Traces:
        """The examples as they came."""
        return self.original

    @cached_property
    def plan(self) -> Plan:
        """One dual block."""
        p = feature_count(self.dim)
        part = BlockPlan.dual(self.count, p)
        handling = Handling.kernel(self.count, self.dim, self.outputs)
        return Plan.of((self.count, self.count, self.dim, self.outputs, p), [part], 0.0, handling, self.device.name)

    def factor(self, ridge: float, progress: Progress) -> list[Subspace]:
        """Factor the kernel matrix; where that leaves the rank in doubt, the features themselves."""
        p = feature_count(self.dim)
        space = from_kernel(np.arange(p), self.batch, ridge, alone=False)
        if space is None and not ridge and 8.0 * self.count * p <= ROW_BYTES:
            rows = np.asarray(self.batch.rows())
            columns = np.flatnonzero(rows.any(axis=0))
            space = from_features(columns, rows[:, columns], where=self.device)
        elif space is None:
            space = from_kernel(np.arange(p), self.batch, ridge)
        progress(1.0, "kernel matrix factored")
        return [] if space is None else [space]

    def errors(self, predictor: Predictor | None, *, kept: bool = False) -> Errors:
        """Sum over the examples in factored form."""
        every = np.arange(feature_count(self.dim))
        error = self.traces.targets
        if predictor is not None:
            error = error - self.batch.inner(predictor.at(every))
        largest = float(np.sqrt(np.sum(error**2, axis=1).max(initial=0.0)))
        cross = self.batch.combine(np.ascontiguousarray(error.T))
        return Errors(float(np.sum(error**2)), largest, every, cross, error if kept else None)


def problem(
    traces: Traces | Moments, device_name: str = "cpu", progress: Progress = no_progress, *, whiten: bool = True
) -> Problem:
    """Read the data once and put the least-squares problem in its cheapest form.

    ``whiten`` False: in the coordinates the tokens come in, whatever these are. Raises ``ShapeError`` on zero examples
    and ``TooLargeError`` before allocating what would not fit.
    """
    where = device(device_name)
    if isinstance(traces, Moments):
        if traces.count == 0:
            raise ShapeError("learn: got moments of zero examples, wanted at least one; add traces first.")
        return MomentProblem(traces.dim, traces.outputs, traces.count, where, traces.whitening, traces, None)
    if len(traces) == 0:
        raise ShapeError("learn: got zero examples, wanted at least one; raise the number of traces.")
    given = traces
    if traces.is_sparse and whiten and not tame(traces.tokens) and _rather_dense(traces):
        traces = dataclasses.replace(traces, tokens=traces.tokens.toarray())  # type: ignore[union-attr]
    whitening = fit_whitening(traces) if whiten else None
    inside = traces if whitening is None else whitening.apply(traces)
    sizes = (traces.dim, traces.outputs, len(traces), where, whitening)
    if traces.is_sparse:
        return SparseProblem(*sizes, Examples.of(inside, progress), given)
    p, n = feature_count(traces.dim), len(traces)
    if n < p:
        needed = 8.0 * (n * p / traces.dim + 4 * n * n + 2 * traces.outputs * p)
        check_memory(needed, f"A dual problem of {n:,} examples at d = {traces.dim}", "use fewer examples or smaller d")
        return KernelProblem(*sizes, inside, feature_batch(inside), given)
    needed = 8.0 * (3 * p * p) + CHUNK_BYTES
    check_memory(
        needed, f"The second moment at d = {traces.dim} (p = {p:,})", "use a smaller d, or fewer examples than p"
    )
    return MomentProblem(*sizes, None, inside, given)


def _rather_dense(traces: Traces) -> bool:
    p, held = feature_count(traces.dim), 8.0 * traces.tokens.shape[0] * traces.dim
    return p <= DENSE_FEATURES and max(8.0 * len(traces) * p, held) <= DENSE_BYTES
