"""The rank of Turing machine contexts, decided modulo a prime: their features are integers up to a known scale."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from linattn_core.certificates.exact.features import CHUNK
from linattn_core.certificates.exact.span import Span, exact_rank, independent
from linattn_core.features import feature_rows, svec_scale
from linattn_core.traces import Traces

__all__ = ["CHUNK", "Span", "exact_rank", "feature_integers", "independent"]


def feature_integers(traces: Traces) -> sparse.csr_array:
    """Return the features (N, p) of integer tokens as integers: without the sqrt(2), which changes no rank."""
    rows = sparse.csr_array(feature_rows(traces))
    scale = svec_scale(traces.dim)[rows.indices // traces.dim]
    return sparse.csr_array((np.rint(rows.data / scale), rows.indices, rows.indptr), shape=rows.shape)
