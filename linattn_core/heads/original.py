"""The range of the data in the coordinates that have names: typed heads read the tokens as they came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import linalg

from linattn_core.certificate import Certificate
from linattn_core.features import feature_count
from linattn_core.numerics import check_memory
from linattn_core.solve.subspace import BasisSpace, Sizes, Subspace
from linattn_core.solve.whitening import transformed


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
    columns = np.flatnonzero(np.any(np.abs(rows) > np.finfo(float).eps, axis=0))
    basis = np.eye(p) if rank == p else linalg.qr(rows[:, columns].T, mode="economic")[0]
    ones = np.ones(rank)
    return [BasisSpace(columns, rank, Sizes(1.0, 1.0, 0.0), None, basis, ones, ones)]
