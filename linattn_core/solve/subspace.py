"""The range of a block's second moment, factored: the one object behind both the solution and the certificate.

With G (r, k) an orthonormal basis of the block's row space (as rows), every factorisation offers the same things:
``down(X) = X G^T`` (coordinates), ``up(H) = H G``, ``core_solve`` (the inverse of G Lambda G^T + ridge, r x r) and
the rank. Then B Lambda^+ = up(core_solve(down(B))), and (I - Pi) phi = phi - up(down(phi)). The range is decided on
rows of unit length, since it does not depend on the length of a row; the core weighs rows as the loss does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import linalg, sparse
from scipy.linalg import lapack

from linattn_core.features import FeatureBatch
from linattn_core.numerics import product
from linattn_core.tolerances import WELL_CONDITIONED

DENSE_SHARE, DENSE_BYTES = 20, 256 * 2**20
"""Rows with at least one non-zero entry in 20, and of at most these bytes, are multiplied dense."""

MANY = 32
"""Rows at once for which it pays to make sparse rows dense before a product."""

Rows: TypeAlias = sparse.csr_array | np.ndarray | FeatureBatch


@dataclass(frozen=True)
class Sizes:
    """Singular values of a block's rows: the ``largest``, the least ``kept``, the largest ``dropped`` (0 if none is).

    ``resolved``: they leave no doubt of the rank.
    """

    largest: float
    kept: float
    dropped: float
    resolved: bool = True

    @property
    def condition(self) -> float:
        """The ratio of the extreme kept ones."""
        return self.largest / self.kept if self.kept > 0 else 1.0

    @property
    def gap(self) -> float:
        """The ratio of the least kept to the largest dropped one; infinite where none is dropped."""
        return self.kept / self.dropped if self.dropped > 0 else float("inf")


@dataclass(frozen=True, eq=False)
class Subspace(ABC):
    """The range of Lambda on the features ``columns`` (k,), of dimension ``rank``; ``sizes`` says how it was decided.

    ``second`` keeps Lambda (k, k) where the block has full rank, for the smallest eigenvalue.
    """

    columns: np.ndarray
    rank: int
    sizes: Sizes
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

    @abstractmethod
    def leverage(self, X: np.ndarray) -> np.ndarray:
        """Return an upper bound (R,) on x (sum of unit rows' outer products)^+ x^T for rows X (R, k) in the range.

        It says how far rounding of the rows may have turned the range at x.
        """

    @property
    def spectrum(self) -> np.ndarray | None:
        """The eigenvalues (r,) of the core, None where they are not cheap."""
        return None

    @property
    def full(self) -> bool:
        """Whether every row lies in the range."""
        return self.rank == len(self.columns)

    def solve(self, cross: np.ndarray) -> np.ndarray:
        """Return the minimum-norm minimiser B (Lambda + ridge)^+ (m, k) for B = ``cross`` (m, k)."""
        return self.up(self.core_solve(self.down(cross)))

    def outside(self, X: np.ndarray) -> np.ndarray:
        """Return (I - Pi) X, the part (R, k) of rows X (R, k) outside the range; projecting twice removes rounding."""
        if self.full:
            return np.zeros_like(X)
        left = X - self.up(self.down(X))
        return left - self.up(self.down(left))

    def outside_between(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the parts outside the directions surely kept, and outside those not surely dropped, (R, k) each."""
        left = self.outside(X)
        return left, left


@dataclass(frozen=True, eq=False)
class FullSpace(Subspace):
    """Full rank: G is the identity and the core is Lambda + ridge, Cholesky-factored."""

    triangle: np.ndarray

    def down(self, X: np.ndarray) -> np.ndarray:
        """Return X."""
        return X

    def up(self, H: np.ndarray) -> np.ndarray:
        """Return H."""
        return H

    def core_solve(self, H: np.ndarray) -> np.ndarray:
        """Return H (Lambda + ridge)^-1."""
        return linalg.cho_solve((self.triangle, True), H.T).T

    def leverage(self, X: np.ndarray) -> np.ndarray:
        """Zero: nothing lies outside."""
        return np.zeros(len(X))


@dataclass(frozen=True, eq=False)
class BasisSpace(Subspace):
    """An explicit orthonormal basis (k, r) of the range, and the core by its eigenvalues or by a triangle.

    ``basis`` holds the ``rank`` directions by falling size, then ``grey`` ones whose size leaves the rank in doubt;
    the last ``doubtful`` of the kept ones are in doubt as well. ``strength`` (r,) are the singular values of the unit
    rows. The core is diag(values), or triangle^T triangle with the columns in the order ``pivot``.
    """

    basis: np.ndarray
    strength: np.ndarray
    values: np.ndarray | None
    triangle: np.ndarray | None = None
    pivot: np.ndarray | None = None
    doubtful: int = 0

    def down(self, X: np.ndarray) -> np.ndarray:
        """Return X U."""
        return product(X, self.basis[:, : self.rank])

    def up(self, H: np.ndarray) -> np.ndarray:
        """Return H U^T."""
        return product(H, self.basis[:, : self.rank].T)

    def core_solve(self, H: np.ndarray) -> np.ndarray:
        """Divide by the eigenvalues, or solve with the triangle."""
        if self.values is not None:
            return H / self.values
        assert self.triangle is not None and self.pivot is not None  # noqa: PT018 - the other way to hold a core
        half = triangular(self.triangle, H[:, self.pivot].T, lower=False, transposed=True)
        out = np.empty_like(H)
        out[:, self.pivot] = triangular(self.triangle, half, lower=False).T
        return out

    def leverage(self, X: np.ndarray) -> np.ndarray:
        """Return sum ((x U)_i / strength_i)^2."""
        return np.asarray(np.sum((self.down(X) / self.strength) ** 2, axis=1))

    @property
    def spectrum(self) -> np.ndarray | None:
        """The eigenvalues of the core."""
        if self.values is not None:
            return self.values
        assert self.triangle is not None
        return np.linalg.svd(self.triangle, compute_uv=False) ** 2

    def outside_between(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both parts, by the directions surely kept, and by all but those surely dropped."""
        if self.sizes.resolved:
            return super().outside_between(X)
        found = []
        for basis in (self.basis[:, : self.rank - self.doubtful], self.basis):
            left = X - product(product(X, basis), basis.T)
            found.append(left - product(product(left, basis), basis.T))
        return found[0], found[1]


@dataclass(frozen=True, eq=False)
class RowSpace(BasisSpace):
    """A ``BasisSpace`` that keeps its rows factored, to solve for them without squaring anything.

    ``order`` (n,) sorts the rows by falling weighted length, ``weights`` (n,) are the roots of theirs, ``reflectors``
    (a, tau) LAPACK's QR of the sorted weighted rows in the basis, whose R is ``triangle``.
    """

    order: np.ndarray | None = None
    weights: np.ndarray | None = None
    reflectors: tuple[np.ndarray, np.ndarray] | None = None

    def fit(self, errors: np.ndarray) -> np.ndarray:
        """Return the X (m, k) in the range whose answers are nearest to ``errors`` (n, m), weighted.

        Householder QR of rows sorted by size is stable row by row (Cox and Higham 1998): small rows keep their digits.
        """
        assert self.order is not None and self.weights is not None and self.reflectors is not None  # noqa: PT018
        assert self.triangle is not None and self.pivot is not None  # noqa: PT018 - set together
        right = np.asfortranarray((errors * self.weights[:, None])[self.order])
        a, tau = self.reflectors
        work = int(lapack.dormqr("L", "T", a, tau, right, -1)[1][0])
        turned = lapack.dormqr("L", "T", a, tau, right, work)[0][: self.rank]
        out = np.empty((self.rank, errors.shape[1]))
        out[self.pivot] = triangular(self.triangle, turned, lower=False)
        return self.up(out.T)


@dataclass(frozen=True, eq=False)
class ExampleSpace(Subspace):
    """r independent examples J span the range: G = L^-1 Phi_J with L L^T = Phi_J Phi_J^T; the core is U^T diag U.

    ``rows`` are Phi_J (r, k), of unit length; ``packed`` (r, r) holds L in its lower triangle and the unit upper
    triangular U above it, ``diagonal`` is (r,): one square a block, since hundreds of blocks are kept.
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
        return triangular(self.packed, inner, lower=True).T

    def up(self, H: np.ndarray) -> np.ndarray:
        """Return H L^-1 Phi_J."""
        alpha, rows = self._weights(H), self._rows_for(len(H))
        if isinstance(rows, FeatureBatch):
            return rows.combine(alpha)
        return product(alpha, rows) if isinstance(rows, np.ndarray) else np.asarray(alpha @ rows)

    def leverage(self, X: np.ndarray) -> np.ndarray:
        """Return the squared length of the weights that make x of the examples J alone: others only lower it."""
        return np.asarray(np.sum(self._weights(self.down(X)) ** 2, axis=1))

    def _weights(self, H: np.ndarray) -> np.ndarray:
        return triangular(self.packed, H.T, lower=True, transposed=True).T

    def _rows_for(self, count: int) -> Rows:
        """Return ``rows``, dense for the time of a product with ``count`` rows where that is faster."""
        if isinstance(self.rows, sparse.csr_array) and count >= MANY and rather_dense(self.rows):
            return self.rows.toarray()
        return self.rows

    def core_solve(self, H: np.ndarray) -> np.ndarray:
        """Solve with the two triangles of G Lambda G^T + ridge."""
        half = triangular(self.packed, H.T, lower=False, transposed=True, unit=True) / self.diagonal[:, None]
        return triangular(self.packed, half, lower=False, unit=True).T

    @property
    def core_root(self) -> np.ndarray:
        """The upper triangle R (r, r) with core = R^T R."""
        return np.sqrt(self.diagonal)[:, None] * (np.triu(self.packed, 1) + np.eye(self.rank))

    @property
    def spectrum(self) -> np.ndarray | None:
        """The eigenvalues of the core."""
        return np.linalg.svd(self.core_root, compute_uv=False) ** 2


def rather_dense(rows: sparse.csr_array) -> bool:
    """Whether products with these rows are faster dense."""
    size = rows.shape[0] * rows.shape[1]
    return size <= DENSE_SHARE * rows.nnz and 8 * size <= DENSE_BYTES


def certain_cholesky(second: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Return (lower triangle, 1 / condition) of a second moment (k, k) of full rank beyond doubt, else None.

    The 1-norm condition number of a symmetric matrix is at least its ratio of extreme eigenvalues; LAPACK's estimate of
    it is short by a factor of 3 as a rule.
    """
    triangle, fault = lapack.dpotrf(second, lower=1, clean=0)
    if fault:
        return None
    inverse, _ = lapack.dpocon(triangle, float(np.abs(second).sum(axis=0).max()), uplo="L")
    return (triangle, float(inverse)) if inverse >= WELL_CONDITIONED else None


def triangular(
    A: np.ndarray, B: np.ndarray, *, lower: bool, transposed: bool = False, unit: bool = False
) -> np.ndarray:
    """Solve a triangular system with one triangle of A (r, r); LAPACK's dtrtrs, without scipy's checks a call."""
    if not len(A):
        return np.zeros_like(B)
    found, fault = lapack.dtrtrs(A, B, lower=lower, trans=transposed, unitdiag=unit)
    assert fault == 0, "a pivoted factor has no zero on its diagonal"
    return found
