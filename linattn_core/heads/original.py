"""The range of the data in the coordinates that have names: typed heads read the tokens as they came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import linalg, sparse

from linattn_core.certificate import Certificate
from linattn_core.features import feature_count, feature_rows
from linattn_core.numerics import check_memory
from linattn_core.solve.subspace import BasisSpace, Sizes, Subspace
from linattn_core.solve.whitening import transformed
from linattn_core.traces import Traces


def original_spaces(certificate: Certificate) -> Sequence[Subspace]:
    """Return the certificate's range as a subspace of the features of Z itself: spanned by K^-1 v', v' in that of T Z.

    Raises ``TooLargeError`` where its basis would not fit.
    """
    T, p, rank = certificate.whitening, feature_count(certificate.dim), certificate.rank
    if T is None:
        return certificate.spaces
    check_memory(24.0 * p * rank, "The range in original coordinates", "use heads='svd'")
    rows = np.zeros((rank, p))
    done = 0
    for space in certificate.spaces:
        rows[done : done + space.rank, space.columns] = space.up(np.eye(space.rank))
        done += space.rank
    rows = transformed(rows, T.inverse)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    columns, ones = np.arange(p), np.ones(rank)
    if rank < p and certificate.traces is not None:
        columns = _occurring(certificate.traces)
    basis = np.eye(p) if rank == p else linalg.qr(rows[:, columns].T, mode="economic")[0]
    return [BasisSpace(columns, rank, Sizes(1.0, 1.0, 0.0), None, basis, ones, ones)]


def _occurring(traces: Traces) -> np.ndarray:
    """Return the features (k,), sorted, that are not zero in every example."""
    seen = np.zeros(feature_count(traces.dim), dtype=bool)
    for chunk in traces.chunks(4096):
        rows = sparse.csr_array(feature_rows(chunk))
        seen[rows.indices[rows.data != 0]] = True
    return np.flatnonzero(seen)
