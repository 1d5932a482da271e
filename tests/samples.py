"""Small data sets that take every route of the solver: dense and sparse, many and few, full and deficient rank."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from linattn_core import Traces, features


def sequences(
    seed: int, shape: tuple[int, int, int], outputs: int = 2, share: float = 1.0, whole: bool = False
) -> Traces:
    """(N, T, d) sequences whose entries are non-zero with probability ``share``; integers if ``whole``."""
    rng = np.random.default_rng(seed)
    Z = rng.integers(-2, 3, size=shape).astype(float) if whole else rng.normal(size=shape)
    return Traces.from_sequences(Z * (rng.random(shape) < share), rng.normal(size=(*shape[:2], 2)))


def repeated(seed: int) -> Traces:
    """A few one-hot inputs, each many times with different answers."""
    rng = np.random.default_rng(seed)
    return Traces.from_examples([(np.eye(6)[:, [i % 3, i % 5]], rng.normal(size=1)) for i in range(40)])


def deficient(seed: int) -> Traces:
    """More examples than features, of rank 8: five tokens over and over."""
    rng = np.random.default_rng(seed)
    Z = np.tile(rng.normal(size=(1, 5, 4)), (20, 3, 1))
    return Traces.from_sequences(Z, rng.normal(size=(20, 15, 2)))


ROUTES = {
    "dense, primal": lambda: sequences(0, (20, 9, 4)),
    "dense, primal by Cholesky": lambda: sequences(1, (40, 20, 9)),
    "dense, dual": lambda: sequences(2, (3, 9, 5)),
    "dense, deficient": lambda: deficient(3),
    "sparse, primal": lambda: sequences(4, (60, 20, 7), share=0.3, whole=True),
    "sparse, primal by Cholesky": lambda: sequences(5, (60, 20, 10), share=0.3, whole=True),
    "sparse, dual": lambda: sequences(6, (30, 9, 7), share=0.2, whole=True),
    "sparse, blocks": lambda: sequences(7, (3, 5, 9), share=0.2),
    "sparse, repeated": lambda: repeated(8),
}


def feature_matrix(traces: Traces) -> np.ndarray:
    """Phi (N, p), one literal call an example."""
    return np.array([features(Z) for Z, _ in traces])


def least_squares(traces: Traces) -> tuple[np.ndarray, float]:
    """The oracle: numpy's minimum-norm solution P (m, p) and its mean squared error."""
    Phi = feature_matrix(traces)
    P = np.linalg.lstsq(Phi, traces.targets, rcond=1e-7)[0].T
    return P, float(np.mean(np.sum((Phi @ P.T - traces.targets) ** 2, axis=1)))


def one_hot(count: int, width: int, seed: int = 0) -> sparse.csr_array:
    """Random one-hot tokens (count, width)."""
    columns = np.random.default_rng(seed).integers(width, size=count)
    return sparse.csr_array((np.ones(count), columns, np.arange(count + 1)), shape=(count, width))


def peak(make: Callable[[], Any]) -> tuple[Any, int]:
    """What it returns, and the bytes it held at most."""
    tracemalloc.start()
    try:
        return make(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
