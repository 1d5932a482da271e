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
from typing import TypeAlias

import numpy as np
from scipy import linalg, sparse
from scipy.linalg import blas, lapack

from linattn_core.features import FeatureBatch
from linattn_core.numerics import RANK_TOLERANCE, Device, product

EIGEN_LIMIT = 400
"""Blocks up to this size are decided by eigenvalues; larger ones by pivoted Cholesky, about ten times cheaper."""

DENSE_SHARE, DENSE_BYTES, KEPT_BYTES = 20, 256 * 2**20, 2**19
"""Blocks with at least one non-zero entry in 20, and of at most these bytes, are multiplied dense; what is kept of them
stays dense up to the third."""

MANY = 32
"""Rows at once for which it pays to make sparse rows dense before a product."""


@dataclass(frozen=True, eq=False)
class Subspace(ABC):
    """The range of Lambda on the features ``columns`` (k,), of dimension ``rank``.

    ``spread`` is (largest, smallest kept) eigenvalue, or pivot where the factorisation is Cholesky's, or LAPACK's
    estimate of the 1-norms of Lambda and its inverse where no pivots were needed. ``second`` keeps
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


Rows: TypeAlias = sparse.csr_array | np.ndarray | FeatureBatch


@dataclass(frozen=True, eq=False)
class ExampleSpace(Subspace):
    """r independent examples J span the range: G = L^-1 Phi_J with L L^T = Phi_J Phi_J^T; the core is U^T diag U.

    ``rows`` are Phi_J (r, k); ``packed`` (r, r) holds L in its lower triangle and the unit upper triangular U above it,
    ``diagonal`` is (r,): one square a block, since hundreds of blocks are kept.
    """

    rows: Rows
    packed: np.ndarray
    diagonal: np.ndarray

    def down(self, X: np.ndarray) -> np.ndarray:
        """Return X Phi_J^T L^-T."""
        rows = self._rows_for(len(X))
        if isinstance(rows, FeatureBatch):
            inner = rows.inner(X)
        else:
            inner = product(rows, X.T) if isinstance(rows, np.ndarray) else rows @ X.T
        return _triangular(self.packed, inner, lower=True).T

    def up(self, H: np.ndarray) -> np.ndarray:
        """Return H L^-1 Phi_J."""
        alpha, rows = _triangular(self.packed, H.T, lower=True, transposed=True).T, self._rows_for(len(H))
        if isinstance(rows, FeatureBatch):
            return rows.combine(alpha)
        return product(alpha, rows) if isinstance(rows, np.ndarray) else np.asarray(alpha @ rows)

    def _rows_for(self, count: int) -> Rows:
        """Return ``rows``, dense for the time of a product with ``count`` rows where that is faster."""
        if isinstance(self.rows, sparse.csr_array) and count >= MANY and _rather_dense(self.rows):
            return self.rows.toarray()
        return self.rows

    def core_solve(self, H: np.ndarray) -> np.ndarray:
        """Solve with the two triangles of G Lambda G^T + ridge."""
        half = _triangular(self.packed, H.T, lower=False, transposed=True, unit=True) / self.diagonal[:, None]
        return _triangular(self.packed, half, lower=False, unit=True).T

    @property
    def core_root(self) -> np.ndarray:
        """The upper triangle R (r, r) with core = R^T R."""
        return np.sqrt(self.diagonal)[:, None] * (np.triu(self.packed, 1) + np.eye(self.rank))


def _triangular(
    A: np.ndarray, B: np.ndarray, *, lower: bool, transposed: bool = False, unit: bool = False
) -> np.ndarray:
    """Solve a triangular system with one triangle of A (r, r); LAPACK's dtrtrs, without scipy's checks a call."""
    if not len(A):
        return np.zeros_like(B)
    found, fault = lapack.dtrtrs(A, B, lower=lower, trans=transposed, unitdiag=unit)
    assert fault == 0, "a pivoted factor has no zero on its diagonal"
    return found


def from_second(columns: np.ndarray, second: np.ndarray, ridge: float, where: Device) -> Subspace:
    """Factor a block given by Lambda (k, k): the primal route. ``ridge`` is added to the unscaled Lambda."""
    k = len(columns)
    if k <= EIGEN_LIMIT or not where.is_numpy:
        return _by_eigenvalues(columns, second, ridge, where)
    if (full := _well_conditioned(columns, second, ridge)) is not None:
        return full
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


def _well_conditioned(columns: np.ndarray, second: np.ndarray, ridge: float) -> Subspace | None:
    """Factor a block without pivots, which is ten times faster, where its condition number leaves no doubt of its rank.

    The 1-norm condition number of a symmetric matrix is at least its ratio of extreme eigenvalues; LAPACK's estimate of
    it is short by a factor of 3 as a rule, here allowed 1,000.
    """
    k, norm = len(columns), float(np.abs(second).sum(axis=0).max())
    triangle, fault = lapack.dpotrf(second, lower=1, clean=0)
    if fault:
        return None
    inverse, _ = lapack.dpocon(triangle, norm, uplo="L")
    if inverse < 1e3 * RANK_TOLERANCE:
        return None
    if ridge:
        triangle = linalg.cholesky(second + ridge * np.eye(k), lower=True)
    return FullSpace(columns, k, (norm, norm * float(inverse)), second, np.arange(k), triangle)


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


def weighted_rows(rows: sparse.csr_array, weights: np.ndarray) -> sparse.csr_array | np.ndarray:
    """Return the rows (n, k) of a block times the roots of their ``weights`` (n,); dense where that is faster."""
    if (weights != 1).any():
        rows = sparse.csr_array(sparse.diags_array(np.sqrt(weights)) @ rows)
    return rows.toarray() if _rather_dense(rows) else rows


def _rather_dense(rows: sparse.csr_array) -> bool:
    size = rows.shape[0] * rows.shape[1]
    return size <= DENSE_SHARE * rows.nnz and 8 * size <= DENSE_BYTES


def gram(rows: Rows) -> np.ndarray:
    """Return the inner products of all rows (n, k), a symmetric (n, n) array."""
    if isinstance(rows, FeatureBatch):
        return rows.gram(rows)
    if isinstance(rows, np.ndarray):
        by_columns = rows.flags.f_contiguous
        lower = blas.dsyrk(1.0, rows if by_columns else rows.T, trans=not by_columns, lower=1)
        return lower + np.tril(lower, -1).T
    return (rows @ rows.T).toarray()


def from_rows(columns: np.ndarray, rows: Rows, ridge: float) -> Subspace:
    """Factor a block given by the rows (n, k) of its weighted examples: the dual route, through the kernel matrix.

    A dense ``FeatureBatch`` is never formed explicitly.
    """
    triangle, pivot, rank = pivoted_cholesky(gram(rows))
    chosen, diagonal = pivot[:rank], np.diag(triangle)
    spread = float(diagonal[0] ** 2), float(diagonal[-1] ** 2)
    core = blas.dsyrk(1.0, triangle.T, lower=0)
    core[np.diag_indices(rank)] += ridge
    R, fault = lapack.dpotrf(core, lower=0, clean=0)
    assert fault == 0, "the core of independent examples is positive definite"
    scale = np.diag(R).copy()
    packed = np.asfortranarray(np.tril(triangle[:rank]) + np.triu(R / scale[:, None], 1))
    if isinstance(rows, FeatureBatch):
        independent: Rows = FeatureBatch(rows.svec[chosen], rows.query[chosen])
    else:
        independent = rows[chosen]
        if isinstance(independent, np.ndarray) and independent.nbytes > KEPT_BYTES:
            independent = sparse.csr_array(independent)
    second = gram(rows.T) if rank == len(columns) and not isinstance(rows, FeatureBatch) else None
    return ExampleSpace(columns, rank, spread, second, independent, packed, scale**2)


def pivoted_cholesky(A: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return (L (n, r), pivot (n,), rank r) with A[pivot][:, pivot] = L L^T up to ``RANK_TOLERANCE`` times A's
    diagonal.

    LAPACK's dpstrf; stops where the largest remaining pivot falls below the tolerance times the largest diagonal entry.
    """
    tolerance = RANK_TOLERANCE * float(np.diag(A).max(initial=0.0))
    factored, pivot, rank, _ = lapack.dpstrf(np.asfortranarray(A), tol=tolerance, lower=1)
    return np.tril(factored[:, :rank]), pivot - 1, int(rank)
