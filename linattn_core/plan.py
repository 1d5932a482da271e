"""How a least-squares problem will be solved: its blocks, the route of each, and what that costs, known beforehand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from linattn_core.factor import EIGEN_LIMIT
from linattn_core.features import feature_rows
from linattn_core.numerics import check_memory, product, readable_bytes
from linattn_core.traces import Traces

EIGEN, CHOLESKY = 30.0, 1.0
"""Measured work of an eigendecomposition and of a Cholesky factor, between one of full rank and one with pivots: n^3
times this many multiply-adds at the matrix-multiply rate."""

PASSES = 2.0
"""Reading the features again for two least-squares steps, in times of forming them."""

BLOCK_SECONDS = 2e-4
"""What a block costs however small it is."""

START_SECONDS, START_BYTES = 3e-3, 2e5
"""What a fit costs however small it is."""

SPARSE_BYTES, FORMED_BYTES = 28.0, 60.0
"""Bytes a number of sparse features takes: kept, with its index, twice while chunks are joined, and an index again; and
while a chunk of it is formed."""

ELEMENT_STEPS = 6.0
"""Passes over memory, about, for each number of dense features."""

LOOP_SECONDS = 1.5e-5
"""What one small step of Python costs that is taken for each answer and chunk."""

COPIES = 14.0
"""Bytes an example's answer takes for each byte of it, about: targets, errors, and both by distinct input."""


@dataclass(frozen=True)
class Handling:
    """What is done to the data besides factoring: ``formed`` numbers of sparse features, of which ``entries`` are kept,
    ``elements`` of dense arrays touched, ``loops`` small steps of Python, and the ``bytes`` that this takes at once."""

    formed: float = 0.0
    entries: int = 0
    elements: float = 0.0
    loops: float = 0.0
    bytes: float = 0.0

    @classmethod
    def sparse(cls, examples: int, distinct: int, entries: int, outputs: int, chunk: int) -> Handling:
        """Describe sparse examples whose distinct inputs have ``entries`` numbers of features."""
        each = entries / max(distinct, 1)
        held = (
            SPARSE_BYTES * entries + FORMED_BYTES * each * min(examples, chunk) + examples * (COPIES * outputs + 48.0)
        )
        return cls(each * examples, entries, PASSES * entries * outputs, 0.0, held)

    @classmethod
    def moments(cls, examples: int, dim: int, outputs: int, chunk: int, small: int) -> Handling:
        """Describe dense examples summed ``chunk`` at a time, and their errors ``small`` at a time."""
        s = dim * (dim + 1) / 2
        pairs, each = s * (s + 1) / 2, 6.0 * dim * dim + 10.0 * s
        steps = (1 + PASSES) * outputs * max(1.0, examples / small)
        held = 8.0 * min(examples, chunk) * (pairs + 5 * s + 4 * dim) + examples * COPIES * outputs
        return cls(0.0, 0, examples * (pairs + each), steps, held)

    @classmethod
    def kernel(cls, examples: int, dim: int, outputs: int) -> Handling:
        """Describe a kernel matrix and a solution with all features."""
        s = dim * (dim + 1) / 2
        elements = examples * (6.0 * dim * dim + 10.0 * s) + 10.0 * examples**2 + 10.0 * outputs * s * dim
        held = 8.0 * (3.0 * examples * s + 9.0 * outputs * s * dim)
        return cls(0.0, 0, elements, (1 + PASSES) * outputs, held)


@dataclass(frozen=True)
class BlockPlan:
    """One block: ``examples`` distinct inputs, ``features`` active columns, its ``route``, multiply-adds and bytes."""

    examples: int
    features: int
    route: str
    work: float
    bytes: float

    @classmethod
    def primal(cls, features: int, examples: int) -> BlockPlan:
        """Plan the second moment, k x k, formed from n explicit rows."""
        n, k = float(examples), float(features)
        return cls(examples, features, "primal", n * k * k + _factor_work(k), 8 * 4 * k * k)

    @classmethod
    def shared(cls, dim: int, examples: int) -> BlockPlan:
        """Plan the second moment of dense examples in sums over pairs: s(s+1)/2 x d(d+1)/2 multiply-adds each."""
        s = dim * (dim + 1) / 2
        k = s * dim
        return cls(examples, int(k), "primal", examples * s * s * (s + 1) / 2 + _factor_work(k), 8 * 4 * k * k)

    @classmethod
    def dual(cls, examples: int, features: int) -> BlockPlan:
        """Plan the kernel matrix, n x n, its pivoted factor (n, r) and the core (r, r).

        The rank r is not known before; r = min(n, k) at one multiply-add for n r^2 is right within a factor of two.
        """
        n, k = float(examples), float(features)
        return cls(examples, features, "dual", n * n * k + n * min(n, k) ** 2, 8 * 4 * n * n)

    @classmethod
    def choose(cls, examples: int, features: int) -> BlockPlan:
        """Take the cheaper of the two."""
        return min(cls.primal(features, examples), cls.dual(examples, features), key=lambda plan: plan.work)


def _factor_work(k: float) -> float:
    """Return the multiply-adds of factoring a second moment (k, k)."""
    return (EIGEN if k <= EIGEN_LIMIT else CHOLESKY) * k**3


@dataclass(frozen=True)
class Plan:
    """What ``learn`` will do, or did.

    ``route``: "primal" (one p x p second moment), "dual" (one N x N kernel) or "blocks" (several components, each its
    own route); ``examples`` N and ``distinct`` inputs; ``dim`` d, ``outputs`` m, ``features`` the active ones among the
    ``feature_count`` p; ``bytes`` the estimated peak, ``work`` the multiply-adds of the factorisations, ``handling``
    what is done to the data besides; ``device`` by name. Data whose rank only their features can decide take up to
    five times as long.
    """

    route: str
    examples: int
    distinct: int
    dim: int
    outputs: int
    features: int
    feature_count: int
    blocks: tuple[BlockPlan, ...]
    bytes: float
    work: float
    handling: Handling
    device: str

    @classmethod
    def of(
        cls,
        sizes: tuple[int, int, int, int, int],
        blocks: Sequence[BlockPlan],
        held: float,
        handling: Handling,
        device: str,
    ) -> Plan:
        """Make a plan from (N, distinct, d, m, p), its blocks, the bytes ``held`` by statistics, and the handling."""
        examples, distinct, dim, outputs, count = sizes
        kept = sum(8.0 * min(b.examples, b.features) ** 2 for b in blocks)
        peak = START_BYTES + held + kept + handling.bytes + max((b.bytes for b in blocks), default=0.0)
        work = sum(b.work for b in blocks)
        route = blocks[0].route if len(blocks) == 1 else "blocks"
        features = sum(b.features for b in blocks)
        return cls(
            route, examples, distinct, dim, outputs, features, count, tuple(blocks), peak, work, handling, device
        )

    @property
    def seconds(self) -> float:
        """Estimated seconds of ``learn`` up to the predictor, at this machine's rates, measured once a process."""
        done = self.handling
        reading = (done.formed + PASSES * done.entries) * entry_seconds() + done.elements * element_seconds()
        small = START_SECONDS + BLOCK_SECONDS * len(self.blocks) + LOOP_SECONDS * done.loops
        return self.work / multiply_rate() + reading + small

    def check(self) -> None:
        """Raise ``TooLargeError`` before anything large is allocated."""
        largest = max((min(b.examples, b.features) for b in self.blocks), default=0)
        check_memory(
            self.bytes,
            f"Learning from {self.examples:,} examples with {self.features:,} features (largest block {largest:,})",
            "use a smaller embedding dimension or fewer examples",
        )

    def describe(self) -> str:
        """Say the plan in two sentences."""
        primal = sum(b.route == "primal" for b in self.blocks)
        how = {
            "primal": f"one second moment of {self.features:,} x {self.features:,}",
            "dual": f"one kernel matrix of {self.distinct:,} x {self.distinct:,}",
            "blocks": f"{len(self.blocks):,} independent blocks, {primal:,} by their second moment and "
            f"{len(self.blocks) - primal:,} by their kernel matrix",
        }[self.route]
        return (
            f"{self.examples:,} examples ({self.distinct:,} distinct), {self.features:,} of {self.feature_count:,} "
            f"features ever non-zero: {how}. About {readable_bytes(self.bytes)} and {self.seconds:.2g} s "
            f"on {self.device}."
        )


@lru_cache(maxsize=1)
def multiply_rate() -> float:
    """Return this machine's float64 matrix-multiply rate in multiply-adds a second (n = 512, best of twelve).

    Twelve, since what else runs on the machine may disturb most of them.
    """
    A = np.random.default_rng(0).normal(size=(512, 512))
    best = float("inf")
    for _ in range(12):
        begin = time.perf_counter()
        product(A, A)
        best = min(best, time.perf_counter() - begin)
    return 512**3 / best


@lru_cache(maxsize=1)
def element_seconds() -> float:
    """Return this machine's seconds for each number of a large dense array formed from two others (best of six)."""
    left, right = np.random.default_rng(0).normal(size=(2, 1_000, 600))
    out, best = np.empty((1_000, 600)), float("inf")
    for _ in range(6):
        begin = time.perf_counter()
        np.multiply(left, right, out=out)
        best = min(best, time.perf_counter() - begin)
    return ELEMENT_STEPS * best / out.size


@lru_cache(maxsize=1)
def entry_seconds() -> float:
    """Return this machine's seconds for each number of sparse features formed (best of six, about 40,000 numbers)."""
    rng = np.random.default_rng(0)
    tokens = np.zeros((400 * 32, 40))
    tokens[np.arange(len(tokens))[:, None], rng.integers(40, size=(len(tokens), 2))] = 1.0
    stop = np.arange(32, len(tokens) + 1, 32)
    traces = Traces.contexts(tokens, stop - 32, stop)
    best = float("inf")
    for _ in range(6):
        begin = time.perf_counter()
        rows = feature_rows(traces)
        best = min(best, time.perf_counter() - begin)
    return best / int(np.count_nonzero(rows.data))
