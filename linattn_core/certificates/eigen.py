"""The smallest eigenvalue of the second moment in the paper's convention and in the coordinates the tokens came in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import linalg
from scipy.sparse.linalg import LinearOperator, eigsh

from linattn_core.solve.subspace import Subspace
from linattn_core.solve.whitening import Whitening, transformed

DIRECT_LIMIT = 600
"""Blocks up to this size get their smallest eigenvalue by a dense solver, larger ones by Lanczos on the inverse."""


def smallest(space: Subspace, scale: np.ndarray) -> float:
    """Return the smallest eigenvalue of D^-1 Lambda D^-1, D = diag(scale): the paper's convention."""
    assert space.second is not None, "kept for every block of full rank"
    k = len(space.columns)
    if k <= DIRECT_LIMIT:
        return float(linalg.eigvalsh(space.second / scale[:, None] / scale, subset_by_index=[0, 0])[0])
    inverse = LinearOperator((k, k), matvec=lambda v: scale * space.core_solve((scale * v.ravel())[None])[0])
    return 1.0 / float(eigsh(inverse, k=1, which="LM", return_eigenvectors=False, tol=1e-8)[0])


def smallest_through(spaces: Sequence[Subspace], whitening: Whitening, scale: np.ndarray) -> float:
    """Return the smallest eigenvalue of D^-1 Lambda D^-1 in original coordinates from factors in those of T z.

    Lambda = K^-1 Lambda' K^-T, so the inverse is D K^T Lambda'^-1 K D, whose largest eigenvalue is well separated.
    """
    p, T = len(scale), whitening.matrix

    def inverse(v: np.ndarray) -> np.ndarray:
        moved = transformed((scale * v.ravel())[None], T)
        solved = np.zeros_like(moved)
        for space in spaces:
            solved[:, space.columns] = space.solve(moved[:, space.columns])
        return np.asarray(scale * transformed(solved, T.T)[0])

    if p <= 64:
        return 1.0 / float(np.linalg.eigvalsh(np.stack([inverse(e) for e in np.eye(p)]))[-1])
    operator = LinearOperator((p, p), matvec=inverse)
    return 1.0 / float(eigsh(operator, k=1, which="LM", return_eigenvectors=False, tol=1e-8)[0])
