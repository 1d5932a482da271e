"""One least-squares problem in the form its data suggest: sparse examples in blocks, dense moments, or a dense kernel.

All three offer the same to the learner and the certificate: a plan, the factored range of Lambda, B, and the gradient
of the loss at a predictor. So the column in ``learn`` reads the same whatever the data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from linattn_core.attention import Predictor
from linattn_core.errors import ShapeError
from linattn_core.examples import Block, Examples, components
from linattn_core.factor import Subspace, from_rows, from_second, gram, weighted_rows
from linattn_core.features import FeatureBatch, feature_batch, feature_count
from linattn_core.moments import Moments, interacting
from linattn_core.numerics import Device, Progress, check_memory, device, no_progress
from linattn_core.plan import BlockPlan, Plan
from linattn_core.traces import Traces

CHUNK_BYTES = 4 * 2**20
"""Dense svec(C) formed at a time when errors are summed."""


HELD_BYTES = 28
"""Bytes a number of sparse features takes: with its index, twice while chunks are joined, and an index again."""

REMAINS = 1e-6
"""Share of sum ||y||^2 above which what remains of it may be known by a difference: rounding is 1e-10 of that."""


@dataclass(frozen=True, eq=False)
class Problem(ABC):
    """Least squares over the examples: d, m, N and the device its linear algebra runs on."""

    dim: int
    outputs: int
    count: int
    device: Device

    @property
    @abstractmethod
    def plan(self) -> Plan:
        """Sizes, route and cost, without factoring anything."""

    def gather(self, progress: Progress) -> None:  # noqa: B027 - most problems have nothing left to read
        """Read the data, where that was put off until the plan was known to fit."""

    @abstractmethod
    def factor(self, ridge: float, progress: Progress) -> list[Subspace]:
        """Factor the range of Lambda, block by block; ``ridge`` is added to the unscaled Lambda."""

    @abstractmethod
    def errors(self, predictor: Predictor | None) -> tuple[float, np.ndarray, np.ndarray]:
        """Return (sum of squared errors, columns (k,), sum over examples of error phi^T (m, k)) at a predictor.

        ``None`` is the zero predictor, whose last entry is B. The last entry is the negative half gradient of the loss.
        """

    def solve(self, spaces: Sequence[Subspace], ridge: float) -> tuple[Predictor, float, float]:
        """Return the minimum-norm minimiser, its sum of squared errors, and that of the zero predictor.

        Two exact least-squares steps; the second, from the first one's answer, is iterative refinement: it removes the
        rounding that forming Lambda cost. After a step D from P with gradient g, ||error||^2 falls by <D, g> (ours:
        D (Lambda + ridge) = g - ridge P on the range), so where errors are left the data need not be read again.
        """
        square, columns, cross = self.errors(None)
        first = self._step(spaces, columns, cross)
        loss, columns, gradient = self.errors(first)
        here, gradient = first.columns, gradient[:, np.searchsorted(columns, first.columns)]
        change = self._step(spaces, here, gradient - ridge * first.weights).weights
        found = Predictor(self.dim, here, first.weights + change)
        loss -= float(np.sum(change * (gradient + ridge * (first.weights + change))))
        return found, loss if loss > REMAINS * square else self.errors(found)[0], square

    def _step(self, spaces: Sequence[Subspace], columns: np.ndarray, cross: np.ndarray) -> Predictor:
        """Return X with X (Lambda + ridge) = ``cross`` (m, k), given on ``columns`` (k,), on the range of Lambda."""
        every = np.sort(np.concatenate([s.columns for s in spaces])) if spaces else np.empty(0, dtype=np.int64)
        weights = np.zeros((self.outputs, len(every)))
        for space in spaces:
            target = cross[:, np.searchsorted(columns, space.columns)]
            weights[:, np.searchsorted(every, space.columns)] = space.solve(target)
        return Predictor(self.dim, every, weights)


@dataclass(frozen=True, eq=False)
class SparseProblem(Problem):
    """Sparse tokens: distinct examples, split into connected components."""

    examples: Examples

    @cached_property
    def blocks(self) -> list[Block]:
        """The connected components."""
        return components(*self.examples.active)

    @cached_property
    def plan(self) -> Plan:
        """Each block by its own cheapest route."""
        parts = [BlockPlan.choose(len(b.index), len(b.columns)) for b in self.blocks]
        sizes = (self.count, len(self.examples.weights), self.dim, self.outputs, feature_count(self.dim))
        entries = int(self.examples.rows.nnz)
        return Plan.of(sizes, parts, HELD_BYTES * entries, entries, self.device.name)

    def factor(self, ridge: float, progress: Progress) -> list[Subspace]:
        """Factor block by block."""
        spaces, total, done = [], sum(b.work for b in self.plan.blocks), 0.0
        for block, part in zip(self.blocks, self.plan.blocks, strict=True):
            rows = weighted_rows(block.rows, self.examples.weights[block.index])
            if part.route == "primal":
                spaces.append(from_second(block.columns, gram(rows.T), ridge, self.device))
            else:
                spaces.append(from_rows(block.columns, rows, ridge))
            done += part.work
            progress(done / total, f"block {len(spaces):,} of {len(self.blocks):,}")
        return spaces

    def errors(self, predictor: Predictor | None) -> tuple[float, np.ndarray, np.ndarray]:
        """Sum over the distinct examples with their weights; what merging averaged away is added to the loss."""
        columns, rows = self.examples.active
        error = self.examples.targets
        if predictor is not None:
            error = error - rows @ predictor.at(columns).T
        weighted = error * self.examples.weights[:, None]
        return float(np.sum(weighted * error)) + self.examples.scatter, columns, (rows.T @ weighted).T


@dataclass(frozen=True, eq=False)
class MomentProblem(Problem):
    """Known by its moments, or by dense ``traces`` whose moments are formed once the plan is known to fit."""

    given: Moments | None
    traces: Traces | None

    def gather(self, progress: Progress) -> None:
        """Form the moments of dense traces."""
        if self.given is None and self.traces is not None:
            self.__dict__["moments"] = Moments.of(self.traces, self.device, progress)

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
            return Plan.of(sizes, [BlockPlan.shared(self.dim, self.count)], 16.0 * p * p, 0, self.device.name)
        parts = [BlockPlan.primal(len(b), 0) for b in self._blocks]
        return Plan.of(sizes, parts, 16.0 * len(self.given.columns) ** 2, 0, self.device.name)

    def factor(self, ridge: float, progress: Progress) -> list[Subspace]:
        """Factor each component of Lambda."""
        spaces = []
        for index in self._blocks:
            whole = len(index) == len(self._second)
            second = self._second if whole else self._second[np.ix_(index, index)]
            spaces.append(from_second(self.moments.columns[index], second, ridge, self.device))
            progress(len(spaces) / len(self._blocks), f"block {len(spaces):,} of {len(self._blocks):,}")
        return spaces

    def errors(self, predictor: Predictor | None) -> tuple[float, np.ndarray, np.ndarray]:
        """From the traces where they are at hand; from the moments otherwise, good to rounding of sum ||y||^2."""
        moments = self.moments
        if predictor is None:
            return moments.square, moments.columns, moments.cross
        if self.traces is not None:
            return _dense_errors(self.traces, predictor)
        P = predictor.at(moments.columns)
        explained = P @ self._second
        loss = moments.square - 2 * float(np.sum(P * moments.cross)) + float(np.sum(explained * P))
        return max(loss, 0.0), moments.columns, moments.cross - explained


@dataclass(frozen=True, eq=False)
class KernelProblem(Problem):
    """Fewer dense examples than features: the kernel matrix (N, N); works when d is in the hundreds."""

    traces: Traces
    batch: FeatureBatch

    @cached_property
    def plan(self) -> Plan:
        """One dual block."""
        p = feature_count(self.dim)
        part = BlockPlan.dual(self.count, p)
        held = 8.0 * self.count * self.batch.svec.shape[1] + 8.0 * self.outputs * p
        return Plan.of((self.count, self.count, self.dim, self.outputs, p), [part], held, 0, self.device.name)

    def factor(self, ridge: float, progress: Progress) -> list[Subspace]:
        """Factor the kernel matrix."""
        columns = np.arange(feature_count(self.dim))
        space = from_rows(columns, self.batch, ridge)
        progress(1.0, "kernel matrix factored")
        return [space]

    def errors(self, predictor: Predictor | None) -> tuple[float, np.ndarray, np.ndarray]:
        """Sum over the examples in factored form."""
        error = (
            self.traces.targets
            if predictor is None
            else self.traces.targets - self.batch.inner(predictor.at(np.arange(feature_count(self.dim))))
        )
        cross = self.batch.combine(error.T)
        return float(np.sum(error**2)), np.arange(feature_count(self.dim)), cross


def _dense_errors(traces: Traces, predictor: Predictor) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the errors of dense traces at a predictor, chunk by chunk."""
    p = feature_count(traces.dim)
    P = predictor.at(np.arange(p))
    loss, cross = 0.0, np.zeros((traces.outputs, p))
    for chunk in traces.chunks(max(256, CHUNK_BYTES // (8 * p // traces.dim))):
        batch = feature_batch(chunk)
        error = chunk.targets - batch.inner(P)
        loss += float(np.sum(error**2))
        cross += batch.combine(np.ascontiguousarray(error.T))
    return loss, np.arange(p), cross


def problem(traces: Traces | Moments, device_name: str = "cpu", progress: Progress = no_progress) -> Problem:
    """Read the data once and put the least-squares problem in its cheapest form.

    Raises ``ShapeError`` on zero examples and ``TooLargeError`` before allocating what would not fit.
    """
    where = device(device_name)
    if isinstance(traces, Moments):
        if traces.count == 0:
            raise ShapeError("learn: got moments of zero examples, wanted at least one; add traces first.")
        return MomentProblem(traces.dim, traces.outputs, traces.count, where, traces, None)
    if len(traces) == 0:
        raise ShapeError("learn: got zero examples, wanted at least one; raise the number of traces.")
    sizes = (traces.dim, traces.outputs, len(traces), where)
    if traces.is_sparse:
        return SparseProblem(*sizes, Examples.of(traces, progress))
    p = feature_count(traces.dim)
    if len(traces) < p:
        n = len(traces)
        needed = 8.0 * (n * p / traces.dim + 4 * n * n + 2 * traces.outputs * p)
        check_memory(needed, f"A dual problem of {n:,} examples at d = {traces.dim}", "use fewer examples or smaller d")
        return KernelProblem(*sizes, traces, feature_batch(traces))
    needed = 8.0 * (3 * p * p) + CHUNK_BYTES
    check_memory(
        needed, f"The second moment at d = {traces.dim} (p = {p:,})", "use a smaller d, or fewer examples than p"
    )
    return MomentProblem(*sizes, None, traces)
