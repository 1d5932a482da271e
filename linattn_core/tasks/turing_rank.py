"""The rank of Turing machine contexts, decided modulo a prime: their features are integers up to a known scale."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from linattn_core.examples import blocks
from linattn_core.features import feature_rows, svec_scale
from linattn_core.modular import Echelon
from linattn_core.numerics import Progress, no_progress
from linattn_core.traces import Traces


def feature_integers(traces: Traces) -> sparse.csr_array:
    """Return the features (N, p) of integer tokens as integers: without the sqrt(2), which changes no rank."""
    rows = sparse.csr_array(feature_rows(traces))
    scale = svec_scale(traces.dim)[rows.indices // traces.dim]
    return sparse.csr_array((np.rint(rows.data / scale), rows.indices, rows.indptr), shape=rows.shape)


def independent(traces: Traces, order: np.ndarray | None = None, progress: Progress = no_progress) -> np.ndarray:
    """Return the mask (N,) of examples whose features are independent, modulo a prime, of all before them.

    Their number is the rank of the features modulo 2^31 - 1: never more than the rank, and equal but for chance.
    """
    order = np.arange(len(traces)) if order is None else order
    mask = np.zeros(len(traces), dtype=bool)
    parts = list(blocks(feature_integers(traces.subset(order))))
    for number, block in enumerate(parts):
        progress(number / len(parts), f"rank modulo a prime: block {number + 1} of {len(parts)}")
        found = Echelon(len(block.columns))
        mask[order[block.index]] = found.add(block.rows.toarray().astype(np.int64))
    return mask


def exact_rank(traces: Traces) -> int:
    """Return the rank of the features of integer tokens, decided modulo a prime instead of at a tolerance."""
    return int(independent(traces).sum())
