"""Factor the range of a block's second moment, by the cheapest road that leaves no doubt of its rank.

    second moment, Cholesky          where it is well conditioned: full rank is then certain
    kernel of the unit rows          pivoted Cholesky, where its pivots show a wide gap
    rows of unit length, QR and SVD  where neither does: nothing is squared, half of the digits more

Equivalent to ``numpy.linalg.lstsq(Phi, Y)`` restricted to the block, in coordinates of like size.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse
from scipy.linalg import blas, lapack

from linattn_core import modular
from linattn_core.features import FeatureBatch
from linattn_core.numerics import Device, device, product
from linattn_core.solve.subspace import (
    BasisSpace,
    ExampleSpace,
    FullSpace,
    Rows,
    RowSpace,
    Sizes,
    Subspace,
    certain_cholesky,
    rather_dense,
)
from linattn_core.tolerances import (
    EVEN_ROWS,
    KEPT,
    PIVOT_DROPPED,
    PIVOT_KEPT,
    RANK_TOLERANCE,
    SURELY_DROPPED,
    SURELY_KEPT,
    WELL_CONDITIONED,
)

__all__ = ["BasisSpace", "ExampleSpace", "FullSpace", "RowSpace", "Subspace"]

EIGEN_LIMIT = 400
"""Blocks up to this size are decided by eigenvalues; larger ones by Cholesky, about ten times cheaper."""

KEPT_BYTES = 2**19
"""Independent examples of a block stay dense up to these bytes."""

ROW_BYTES = 2**30
"""Explicit rows that may be factored at once."""

PIVOTED = 100.0
"""Lengths of rows that differ by more than this factor need column pivots."""

INTEGER_WORK = 2e11
"""Multiply-adds an exact rank of one block may cost."""


def from_second(
    columns: np.ndarray, second: np.ndarray, ridge: float, where: Device, *, alone: bool = True
) -> Subspace | None:
    """Factor a block given by Lambda (k, k): the primal route. ``ridge`` is added to the unscaled Lambda.

    None where it is not of full rank beyond doubt; ``alone``: unless nothing else is known than Lambda, then the rank
    is decided at ``RANK_TOLERANCE`` and ``sizes.resolved`` is False.
    """
    k = len(columns)
    if not second.any():
        return None
    if k <= EIGEN_LIMIT or not where.is_numpy:
        return _by_eigenvalues(columns, second, ridge, where, alone)
    full = _well_conditioned(columns, second, ridge)
    return full if full is not None or not alone else _by_eigenvalues(columns, second, ridge, where, alone)


def _well_conditioned(columns: np.ndarray, second: np.ndarray, ridge: float) -> Subspace | None:
    """Factor a block without pivots where its condition number leaves no doubt of its rank."""
    found = certain_cholesky(second)
    if found is None:
        return None
    (triangle, inverse), k = found, len(columns)
    norm = float(np.abs(second).sum(axis=0).max())
    if ridge:
        triangle = linalg.cholesky(second + ridge * np.eye(k), lower=True)
    sizes = Sizes(float(np.sqrt(norm)), float(np.sqrt(norm * inverse)), 0.0)
    return FullSpace(columns, k, sizes, second, triangle)


def _by_eigenvalues(
    columns: np.ndarray, second: np.ndarray, ridge: float, where: Device, alone: bool
) -> Subspace | None:
    if where.is_numpy:
        values, vectors = linalg.eigh(second)
    else:
        values, vectors = (where.get(a) for a in where.xp.linalg.eigh(where.put(second)))
    values, vectors = values[::-1], np.ascontiguousarray(vectors[:, ::-1])
    if values[-1] > WELL_CONDITIONED * values[0] > 0:
        sizes = Sizes(float(np.sqrt(values[0])), float(np.sqrt(values[-1])), 0.0)
        return BasisSpace(columns, len(columns), sizes, second, vectors, np.sqrt(values), values + ridge)
    if not alone:
        return None
    rank = int(np.sum(values > RANK_TOLERANCE * values[0]))
    sure = int(np.sum(values > WELL_CONDITIONED * values[0]))
    last = float(max(values[rank], 0.0)) if rank < len(values) else 0.0
    sizes = Sizes(float(np.sqrt(values[0])), float(np.sqrt(values[rank - 1])), float(np.sqrt(last)), resolved=False)
    full = second if rank == len(columns) else None
    strength = np.sqrt(values[:rank])
    # Every other direction is in doubt: what a second moment has lost may hide anywhere below its rounding.
    return BasisSpace(columns, rank, sizes, full, vectors, strength, values[:rank] + ridge, doubtful=rank - sure)


def weighted_rows(rows: sparse.csr_array, weights: np.ndarray) -> sparse.csr_array | np.ndarray:
    """Return the rows (n, k) of a block times the roots of their ``weights`` (n,); dense where that is faster."""
    if (weights != 1).any():
        rows = sparse.csr_array(sparse.diags_array(np.sqrt(weights)) @ rows)
    return rows.toarray() if rather_dense(rows) else rows


def gram(rows: Rows) -> np.ndarray:
    """Return the inner products of all rows (n, k), a symmetric (n, n) array."""
    if isinstance(rows, FeatureBatch):
        return rows.gram(rows)
    if isinstance(rows, np.ndarray):
        by_columns = rows.flags.f_contiguous
        lower = blas.dsyrk(1.0, rows if by_columns else rows.T, trans=not by_columns, lower=1)
        return lower + np.tril(lower, -1).T
    return (rows @ rows.T).toarray()


def from_kernel(
    columns: np.ndarray,
    rows: Rows,
    ridge: float,
    weights: np.ndarray | None = None,
    *,
    whole: bool = False,
    alone: bool = True,
) -> Subspace | None:
    """Factor a block given by its examples' rows (n, k): the dual route, through the kernel of the unit rows.

    ``weights`` (n,): how much each counts in the loss. A dense ``FeatureBatch`` is never formed explicitly. None where
    the pivots leave the rank in doubt or rows of very unlike weight would lose digits; with ``alone`` the rank is then
    decided at ``RANK_TOLERANCE`` and ``sizes.resolved`` says so. A kernel squares: a pivot that vanishes in it proves
    nothing, unless features are ``whole`` numbers, whose pivots cannot be that small and not zero.
    """
    kernel = gram(rows)
    square = np.diag(kernel).copy()
    length = np.sqrt(np.where(square > 0, square, 1.0))
    worth = square * (np.ones(len(square)) if weights is None else weights)
    uneven = float(worth.max(initial=0.0)) > EVEN_ROWS * float(worth[worth > 0].min(initial=np.inf))
    if uneven and not alone:
        return None
    kernel /= length[:, None]
    kernel /= length
    triangle, pivot, rank = pivoted_cholesky(kernel)
    if rank == 0:
        return None
    rest = kernel.diagonal()[pivot[rank:]] - np.einsum("ij,ij->i", triangle[rank:], triangle[rank:])
    certain = whole or rank in (len(square), len(columns))
    sizes = _pivot_sizes(np.diag(triangle), float(rest.max(initial=0.0)), certain)
    if not sizes.resolved and not alone:
        return None
    chosen = pivot[:rank]
    weighted = np.sqrt(worth[pivot])[:, None] * triangle
    core = blas.dsyrk(1.0, weighted.T, lower=0)
    core[np.diag_indices(rank)] += ridge
    R, fault = lapack.dpotrf(core, lower=0, clean=0)
    if fault:
        return None
    scale = np.diag(R).copy()
    packed = np.asfortranarray(np.tril(triangle[:rank]) + np.triu(R / scale[:, None], 1))
    second = None
    if rank == len(columns) and not isinstance(rows, FeatureBatch):
        root = np.ones(len(length)) if weights is None else np.sqrt(weights)
        second = gram((rows if isinstance(rows, np.ndarray) else rows.toarray()).T * root)
    return ExampleSpace(columns, rank, sizes, second, _unit_rows(rows, chosen, length[chosen]), packed, scale**2)


def _pivot_sizes(diagonal: np.ndarray, rest: float, certain: bool) -> Sizes:
    """Return what the diagonal (r,) of a pivoted factor and the largest pivot left say of singular values."""
    kept, dropped = float(diagonal[-1] ** 2), max(rest, 0.0)
    resolved = certain and kept >= PIVOT_KEPT and dropped <= PIVOT_DROPPED
    return Sizes(float(diagonal[0]), float(diagonal[-1]), float(np.sqrt(dropped)), resolved)


def _unit_rows(rows: Rows, chosen: np.ndarray, length: np.ndarray) -> Rows:
    """Return the rows ``chosen`` (r,) over their ``length`` (r,)."""
    if isinstance(rows, FeatureBatch):
        return FeatureBatch(rows.svec[chosen] / length[:, None], rows.query[chosen])
    if isinstance(rows, np.ndarray):
        independent = rows[chosen] / length[:, None]
        return sparse.csr_array(independent) if independent.nbytes > KEPT_BYTES else independent
    return sparse.csr_array(sparse.diags_array(1 / length) @ rows[chosen])


def from_features(
    columns: np.ndarray,
    rows: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    rank: int | None = None,
    where: Device | None = None,
) -> BasisSpace | None:
    """Factor a block by its explicit rows (n, k), never squared: SVD of the unit rows, then QR of the weighted ones.

    ``rank``: known already, by exact arithmetic. None where all rows are zero.
    """
    length = np.linalg.norm(rows, axis=1)
    held = np.flatnonzero(length > 0)
    if not len(held):
        return None
    unit = rows[held] / length[held, None]
    size, directions = _singular(unit, where)
    found, doubtful, grey = _decided(size)
    sizes = Sizes(float(size[0]), 0.0, 0.0, doubtful == grey == 0)
    if rank is not None:
        found, doubtful, grey, sizes = rank, 0, 0, Sizes(float(size[0]), 0.0, 0.0)
    dropped = float(size[found]) if found < len(size) else 0.0
    sizes = Sizes(sizes.largest, float(size[found - 1]), dropped, sizes.resolved)
    del unit
    root = length * 0 + 1.0 if weights is None else np.sqrt(weights)
    basis = np.ascontiguousarray(directions[: found + grey].T)
    coordinates = product(rows, basis[:, :found]) * root[:, None]
    order = np.argsort(-np.linalg.norm(coordinates, axis=1), kind="stable")
    a, pivot, tau = _sorted_qr(np.asfortranarray(coordinates[order]))
    triangle = np.asfortranarray(np.triu(a[:found]))
    second = gram((rows * root[:, None]).T) if found == len(columns) else None
    return RowSpace(
        columns, found, sizes, second, basis, size[:found], None, triangle, pivot, doubtful, order, root, (a, tau)
    )


def _sorted_qr(A: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (reflectors and R, column order, tau) of rows A (n, r) sorted by falling length.

    Pivots keep rows of unlike length apart; where all are of like length they are not needed, and cost most of it.
    """
    size = np.linalg.norm(A, axis=1)
    size = size[size > 0]
    if len(size) and size.max() > PIVOTED * size.min():
        a, pivot, tau, _, fault = lapack.dgeqp3(A)
        assert fault == 0, "LAPACK's QR has no other fault than a wrong argument"
        return a, pivot - 1, tau
    (a, tau), _ = linalg.qr(A, mode="raw", overwrite_a=True)
    return a, np.arange(A.shape[1]), tau


def _singular(unit: np.ndarray, where: Device | None) -> tuple[np.ndarray, np.ndarray]:
    """Return (singular values, right singular vectors as rows) of unit rows (n, k), through R where n is larger."""
    n, k = unit.shape
    if where is not None and not where.is_numpy:
        R = where.xp.linalg.qr(where.put(unit))[1] if n > k else where.put(unit)
        _, size, directions = (where.get(part) for part in where.xp.linalg.svd(R, full_matrices=False))
        return size, directions
    R = linalg.qr(unit, mode="r", overwrite_a=True)[0][:k] if n > k else unit
    _, size, directions = linalg.svd(R, full_matrices=False)
    return size, directions


def _decided(size: np.ndarray) -> tuple[int, int, int]:
    """Return (rank, how many of the kept are in doubt, how many of the dropped are) for falling singular values."""
    rank = int(np.sum(size > KEPT * size[0]))
    sure = int(np.sum(size > SURELY_KEPT * size[0]))
    perhaps = int(np.sum(size > SURELY_DROPPED * size[0]))
    return rank, rank - sure, perhaps - rank


def from_triangle(columns: np.ndarray, triangle: np.ndarray, second: np.ndarray) -> BasisSpace | None:
    """Factor a block by rows ``triangle`` (n, k) with the range of its unit rows, and Lambda (k, k) for the fit."""
    if not triangle.any():
        return None
    size, directions = _singular(triangle, None)
    rank, doubtful, grey = _decided(size)
    basis = np.ascontiguousarray(directions[: rank + grey].T)
    dropped = float(size[rank]) if rank < len(size) else 0.0
    sizes = Sizes(float(size[0]), float(size[rank - 1]), dropped, doubtful == grey == 0)
    values, turn = linalg.eigh(product(basis[:, :rank].T, product(second, basis[:, :rank])))
    values = np.maximum(values, np.finfo(float).eps * values[-1])
    basis[:, :rank] = product(basis[:, :rank], turn)
    if not sizes.resolved:  # the kept directions are no longer sorted by size: all of them share the doubt
        doubtful = rank
    full = second if rank == len(columns) else None
    return BasisSpace(columns, rank, sizes, full, basis, np.full(rank, size[rank - 1]), values, doubtful=doubtful)


def from_moment(columns: np.ndarray, second: np.ndarray, ridge: float, scale: np.ndarray | None) -> Subspace | None:
    """Factor a block of which nothing but Lambda (k, k) is known.

    Over ``scale`` (k,), svec's, the features are whole numbers: then Lambda is exact, and so is its rank. Otherwise a
    rank below k stays in doubt.
    """
    rank = None if scale is None else integer_rank(second / scale[:, None] / scale)
    if rank is None:
        return from_second(columns, second, ridge, device("cpu"))
    values, vectors = linalg.eigh(second)
    if not rank:
        return None
    kept = slice(len(values) - rank, None)
    last = float(max(values[-rank - 1], 0.0)) if rank < len(values) else 0.0
    sizes = Sizes(float(np.sqrt(values[-1])), float(np.sqrt(max(values[-rank], 0.0))), float(np.sqrt(last)))
    full = second if rank == len(columns) else None
    positive = np.maximum(values[kept], np.finfo(float).tiny)
    return BasisSpace(columns, rank, sizes, full, vectors[:, kept], np.sqrt(positive), positive + ridge)


def from_rows(
    columns: np.ndarray,
    rows: Rows,
    ridge: float,
    weights: np.ndarray | None = None,
    scale: np.ndarray | None = None,
) -> Subspace | None:
    """Factor a block by its rows (n, k): by their kernel where that leaves no doubt, else by the rows themselves.

    Rows over ``scale`` (k,), if these are whole numbers, have their rank decided exactly there. None where all rows are
    zero.
    """
    whole = scale is not None and _whole(rows, scale)
    space = from_kernel(columns, rows, ridge, weights, whole=whole, alone=False)
    if space is not None:
        return space
    n = len(rows) if isinstance(rows, FeatureBatch) else rows.shape[0]
    small = 8.0 * n * len(columns) <= ROW_BYTES
    if ridge or not small:
        return from_kernel(columns, rows, ridge, weights)
    if isinstance(rows, FeatureBatch):
        dense = np.asarray(rows.rows())[:, columns]
    else:
        dense = rows if isinstance(rows, np.ndarray) else rows.toarray()
    return from_features(
        columns, dense, weights, rank=integer_rank(dense / scale) if scale is not None and whole else None
    )


def _whole(rows: Rows, scale: np.ndarray) -> bool:
    """Whether rows (n, k) over svec's ``scale`` (k,) are whole numbers."""
    if isinstance(rows, FeatureBatch):
        return False
    values = rows / scale if isinstance(rows, np.ndarray) else rows.data / scale[rows.indices]
    size = float(np.abs(values).max(initial=0.0))
    return size < 2**31 and float(np.abs(values - np.rint(values)).max(initial=0.0)) <= 1e-15 * size


def integer_rank(rows: np.ndarray) -> int | None:
    """Return the rank of whole-number rows (n, k), modulo a prime; None where they are not whole or it would take long.

    Never more than the rank over the rationals, and equal but for a chance of about 1 in 2^31. The rows may have come
    from a multiplication by sqrt(2) and back: below 2^31 the nearest whole number is the one meant.
    """
    work, whole = float(rows.size) * min(rows.shape), np.rint(rows)
    size = np.abs(rows).max(initial=0.0)
    if work > INTEGER_WORK or size > 2**31 or np.abs(rows - whole).max(initial=0.0) > 1e-15 * size:
        return None
    return modular.rank(whole.astype(np.int64))


def pivoted_cholesky(A: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return (L (n, r), pivot (n,), rank r) with A[pivot][:, pivot] = L L^T up to ``RANK_TOLERANCE`` times A's
    diagonal.

    LAPACK's dpstrf; stops where the largest remaining pivot falls below the tolerance times the largest diagonal entry.
    """
    tolerance = RANK_TOLERANCE * float(np.diag(A).max(initial=0.0))
    factored, pivot, rank, _ = lapack.dpstrf(np.asfortranarray(A), tol=tolerance, lower=1)
    return np.tril(factored[:, :rank]), pivot - 1, int(rank)
