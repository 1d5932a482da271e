"""How a least-squares problem will be solved: its blocks, the route of each, and what that costs, known beforehand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from linattn_core.factor import EIGEN_LIMIT
from linattn_core.numerics import check_memory, readable_bytes

CHOLESKY, EIGEN = 1.0, 30.0
"""Measured work of a factorisation: n^3 times this many multiply-adds at the matrix-multiply rate."""


@dataclass(frozen=True)
class BlockPlan:
    """One block: ``examples`` distinct inputs, ``features`` active columns, its ``route``, flops and bytes."""

    examples: int
    features: int
    route: str
    flops: float
    bytes: float

    @classmethod
    def primal(cls, features: int, examples: int, *, dense: bool = False) -> BlockPlan:
        """Plan the second moment, k x k; dense rows take k^2 / 2 multiply-adds an example to form it."""
        n, k = float(examples), float(features)
        work = (EIGEN if k <= EIGEN_LIMIT else CHOLESKY) * k**3 + n * (k * k / 2 if dense else k)
        return cls(examples, features, "primal", work, 8 * 4 * k * k)

    @classmethod
    def dual(cls, examples: int, features: int) -> BlockPlan:
        """Plan the kernel matrix, n x n."""
        n, k = float(examples), float(features)
        return cls(examples, features, "dual", CHOLESKY * n**3 + n * k, 8 * 4 * n * n)

    @classmethod
    def choose(cls, examples: int, features: int) -> BlockPlan:
        """Take the cheaper of the two."""
        return min(cls.primal(features, examples), cls.dual(examples, features), key=lambda plan: plan.flops)


@dataclass(frozen=True)
class Plan:
    """What ``learn`` will do, or did.

    ``route``: "primal" (one p x p second moment), "dual" (one N x N kernel) or "blocks" (several components, each its
    own route); ``examples`` N and ``distinct`` inputs; ``dim`` d, ``outputs`` m, ``features`` the active ones among the
    ``feature_count`` p; ``bytes`` the estimated peak, ``flops`` the estimated work; ``device`` by name.
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
    flops: float
    device: str

    @classmethod
    def of(cls, sizes: tuple[int, int, int, int, int], blocks: Sequence[BlockPlan], held: float, device: str) -> Plan:
        """Make a plan from (N, distinct, d, m, p), its blocks and the bytes ``held`` by features and statistics."""
        examples, distinct, dim, outputs, count = sizes
        kept = sum(8.0 * min(b.examples, b.features) ** 2 for b in blocks)
        peak = held + kept + max((b.bytes for b in blocks), default=0.0)
        flops = sum(b.flops for b in blocks)
        route = blocks[0].route if len(blocks) == 1 else "blocks"
        features = sum(b.features for b in blocks)
        return cls(route, examples, distinct, dim, outputs, features, count, tuple(blocks), peak, flops, device)

    @property
    def seconds(self) -> float:
        """Estimated seconds for the factorisations, at this machine's measured matrix-multiply rate."""
        return self.flops / multiply_rate()

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
            f"features ever non-zero: {how}. About {readable_bytes(self.bytes)} and {self.seconds:.2g} s of linear "
            f"algebra on {self.device}."
        )


@lru_cache(maxsize=1)
def multiply_rate() -> float:
    """Return this machine's float64 matrix-multiply rate in multiply-adds a second (n = 512, best of three)."""
    A = np.random.default_rng(0).normal(size=(512, 512))
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        A @ A
        best = min(best, time.perf_counter() - begin)
    return 512**3 / best
