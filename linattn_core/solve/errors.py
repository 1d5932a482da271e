"""What a predictor misses of the data, and the features of dense data written out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linattn_core.attention import Predictor
from linattn_core.features import feature_batch, feature_count
from linattn_core.traces import Traces

CHUNK_BYTES = 4 * 2**20
"""Dense svec(C) formed at a time when errors are summed."""

ROW_BYTES = 2**30
"""Explicit features that may be factored, never squared."""


@dataclass(frozen=True, eq=False)
class Errors:
    """At a predictor: ``square`` the sum of squared errors, ``largest`` the largest length of one, ``columns`` (k,),
    ``cross`` (m, k) the sum of error phi^T, the negative half gradient of the loss; ``left`` (n, m) the errors
    themselves, where they were asked for."""

    square: float
    largest: float
    columns: np.ndarray
    cross: np.ndarray
    left: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Solution:
    """The minimiser, its sum of squared errors, the largest length of an error, and ``square`` = sum ||y||^2."""

    predictor: Predictor
    squared_error: float
    largest: float
    square: float


def error_chunk(dim: int) -> int:
    """Return how many dense examples have their errors summed at a time."""
    return max(256, CHUNK_BYTES // (4 * dim * (dim + 1)))


def explicit_rows(traces: Traces) -> np.ndarray | None:
    """Return the explicit features (N, p) of dense traces; None where they would take more than ``ROW_BYTES``."""
    if 8.0 * len(traces) * feature_count(traces.dim) > ROW_BYTES:
        return None
    return np.concatenate([np.asarray(feature_batch(chunk).rows()) for chunk in traces.chunks(4096)])


def dense_errors(traces: Traces, predictor: Predictor | None, kept: bool = False) -> Errors:
    """Return the errors of dense traces at a predictor, chunk by chunk."""
    p = feature_count(traces.dim)
    P = np.zeros((traces.outputs, p)) if predictor is None else predictor.at(np.arange(p))
    loss, largest, cross, left = 0.0, 0.0, np.zeros((traces.outputs, p)), []
    for chunk in traces.chunks(error_chunk(traces.dim)):
        batch = feature_batch(chunk)
        error = chunk.targets - batch.inner(P)
        squares = np.sum(error**2, axis=1)
        loss += float(np.sum(squares))
        largest = max(largest, float(squares.max(initial=0.0)))
        cross += batch.combine(np.ascontiguousarray(error.T))
        left += [error] if kept else []
    return Errors(loss, float(np.sqrt(largest)), np.arange(p), cross, np.concatenate(left) if kept else None)
