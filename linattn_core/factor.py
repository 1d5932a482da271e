"""The range of a block's second moment, factored: the one object behind both the solution and the certificate.

With G (r, k) an orthonormal basis of the block's row space (as rows), every factorisation offers the same four things:
``down(X) = X G^T`` (coordinates), ``up(H) = H G``, ``core_solve`` (the inverse of G Lambda G^T + ridge, r x r) and
the rank. Then B Lambda^+ = up(core_solve(down(B))), and (I - Pi) phi = phi - up(down(phi)).

Equivalent to ``numpy.linalg.lstsq(Phi, Y)`` restricted to the block, with ``rcond`` the square root of
``RANK_TOLERANCE``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.linalg import lapack

from linattn_core.features import FeatureBatch
from linattn_core.numerics import RANK_TOLERANCE, Device, product

EIGEN_LIMIT = 400
"""Blocks up to this size are decided by eigenvalues; larger ones by pivoted Cholesky, about ten times cheaper."""


@dataclass(frozen=True, eq=False)
class Subspace(ABC):
    """The range of Lambda on the features ``columns`` (k,), of dimension ``rank``.

    ``spread`` is (largest, smallest kept) eigenvalue, or pivot where the factorisation is Cholesky's. ``second`` keeps
    Lambda (k, k) where the block has full rank, for the smallest eigenvalue.
    """

    columns: np.ndarray
    rank: int
    spread: tuple[float, float]
    second: np.ndarray | None

    @abstractmethod
    def down(self, X: np.ndarray) -> np.ndarray:
        """Return the coordinates X G^T (R, r) of rows X (R, k)."""

    @abstractmethod
    def up(self, H: np.ndarray) -> np.ndarray:
        """Return the rows H G (R, k) with coordinates H (R, r)."""

    @abstractmethod
    def core_solve(self, H: np.ndarray) -> np.ndarray:
        """Return H (G Lambda G^T + ridge)^-1, (R, r)."""

    def solve(self, cross: np.ndarray) -> np.ndarray:
        """Return the minimum-norm minimiser B (Lambda + ridge)^+ (m, k) for B = ``cross`` (m, k)."""
        return self.up(self.core_solve(self.down(cross)))

    def outside(self, X: np.ndarray) -> np.ndarray:
        """Return (I - Pi) X, the part (R, k) of rows X (R, k) outside the range.

        Projecting twice is enough against rounding, and needed only where little, but more than rounding, is left.
        """
        if self.rank == len(self.columns):
            return np.zeros_like(X)
        left = X - self.up(self.down(X))
        share = np.einsum("ij,ij->i", left, left) / np.maximum(np.einsum("ij,ij->i", X, X), np.finfo(float).tiny)
        unsure = (share > 1e-20) & (share < 1e-2)
        if unsure.any():
            left[unsure] -= self.up(self.down(left[unsure]))
        return left


@dataclass(frozen=True, eq=False)
class FullSpace(Subspace):
    """Full rank: G is the identity and the core is Lambda + ridge, Cholesky-factored in the order ``pivot`` (k,)."""

    pivot: np.ndarray
    triangle: np.ndarray

    def down(self, X: np.ndarray) -> np.ndarray:
        """Return X."""
        return X

    def up(self, H: np.ndarray) -> np.ndarray:
        """Return H."""
        return H

    def core_solve(self, H: np.ndarray) -> np.ndarray:
        """Return H (Lambda + ridge)^-1."""
        out = np.empty_like(H)
        out[:, self.pivot] = linalg.cho_solve((self.triangle, True), H[:, self.pivot].T).T
        return out


@dataclass(frozen=True, eq=False)
class BasisSpace(Subspace):
    """An explicit orthonormal basis (k, r) with core = diag(values) if ``factor`` is None, else by Cholesky."""

    basis: np.ndarray
    values: np.ndarray | None
    factor: tuple[np.ndarray, bool] | None

    def down(self, X: np.ndarray) -> np.ndarray:
        """Return X U."""
        return product(X, self.basis)

    def up(self, H: np.ndarray) -> np.ndarray:
        """Return H U^T."""
        return product(H, self.basis.T)

    def core_solve(self, H: np.ndarray) -> np.ndarray:
        """Divide by the eigenvalues, or solve with the Cholesky factor."""
        return H / self.values if self.values is not None else linalg.cho_solve(self.factor, H.T).T


@dataclass(frozen=True, eq=False)
class ExampleSpace(Subspace):
    """r independent examples J span the range: G = L^-1 Phi_J with L L^T = Phi_J Phi_J^T; the core by Cholesky."""

    rows: sparse.csr_array | FeatureBatch
    triangle: np.ndarray
    factor: tuple[np.ndarray, bool]

    def down(self, X: np.ndarray) -> np.ndarray:
        """Return X Phi_J^T L^-T."""
        inner = self.rows.inner(X) if isinstance(self.rows, FeatureBatch) else self.rows @ X.T
        return linalg.solve_triangular(self.triangle, inner, lower=True).T

    def up(self, H: np.ndarray) -> np.ndarray:
        """Return H L^-1 Phi_J."""
        alpha = linalg.solve_triangular(self.triangle, H.T, lower=True, trans="T").T
        return self.rows.combine(alpha) if isinstance(self.rows, FeatureBatch) else np.asarray(alpha @ self.rows)

    def core_solve(self, H: np.ndarray) -> np.ndarray:
        """Solve with the Cholesky factor of G Lambda G^T + ridge."""
        return linalg.cho_solve(self.factor, H.T).T


def from_second(columns: np.ndarray, second: np.ndarray, ridge: float, where: Device) -> Subspace:
    """Factor a block given by Lambda (k, k): the primal route. ``ridge`` is added to the unscaled Lambda."""
    k = len(columns)
    if k <= EIGEN_LIMIT or not where.is_numpy:
        return _by_eigenvalues(columns, second, ridge, where)
    triangle, pivot, rank = pivoted_cholesky(second)
    diagonal = np.diag(triangle)
    spread = float(diagonal[0] ** 2), float(diagonal[rank - 1] ** 2)
    if rank == k:
        if ridge:
            pivot, triangle = np.arange(k), linalg.cholesky(second + ridge * np.eye(k), lower=True)
        return FullSpace(columns, k, spread, second, pivot, triangle)
    tall = np.empty((k, rank))
    tall[pivot] = triangle
    basis, R = linalg.qr(tall, mode="economic", overwrite_a=True)
    core = product(R, R.T) + ridge * np.eye(rank)
    return BasisSpace(columns, rank, spread, None, basis, None, linalg.cho_factor(core, lower=True))


def _by_eigenvalues(columns: np.ndarray, second: np.ndarray, ridge: float, where: Device) -> Subspace:
    if where.is_numpy:
        values, vectors = linalg.eigh(second)
    else:
        values, vectors = (where.get(a) for a in where.xp.linalg.eigh(where.put(second)))
    keep = values > RANK_TOLERANCE * values[-1]
    rank = int(keep.sum())
    spread = float(values[-1]), float(values[keep][0]) if rank else 0.0
    full = second if rank == len(columns) else None
    return BasisSpace(columns, rank, spread, full, vectors[:, keep], values[keep] + ridge, None)


def from_rows(
    columns: np.ndarray, rows: sparse.csr_array | FeatureBatch, weights: np.ndarray, ridge: float
) -> Subspace:
    """Factor a block given by n weighted examples: the dual route, through the kernel matrix (n, n).

    ``rows`` are CSR features (n, k), or a dense ``FeatureBatch`` whose p features are never formed.
    """
    root = np.sqrt(weights)
    gram = rows.gram(rows) if isinstance(rows, FeatureBatch) else (rows @ rows.T).toarray()
    triangle, pivot, rank = pivoted_cholesky(gram * root[:, None] * root)
    chosen, diagonal = pivot[:rank], np.diag(triangle)
    spread = float(diagonal[0] ** 2), float(diagonal[-1] ** 2)
    core = product(triangle.T, triangle) + ridge * np.eye(rank)
    if isinstance(rows, FeatureBatch):
        independent = FeatureBatch(rows.svec[chosen] * root[chosen, None], rows.query[chosen])
    else:
        independent = sparse.csr_array(sparse.diags_array(root[chosen]) @ rows[chosen])
    factor = linalg.cho_factor(core, lower=True)
    return ExampleSpace(columns, rank, spread, None, independent, triangle[:rank].copy(), factor)


def pivoted_cholesky(A: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return (L (n, r), pivot (n,), rank r) with A[pivot][:, pivot] = L L^T up to ``RANK_TOLERANCE`` times A's
    diagonal.

    LAPACK's dpstrf; stops where the largest remaining pivot falls below the tolerance times the largest diagonal entry.
    """
    tolerance = RANK_TOLERANCE * float(np.diag(A).max(initial=0.0))
    factored, pivot, rank, _ = lapack.dpstrf(np.asfortranarray(A), tol=tolerance, lower=1)
    return np.tril(factored[:, :rank]), pivot - 1, int(rank)
