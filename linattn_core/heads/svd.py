"""Heads by singular value decomposition: Algorithm 1 of arXiv:2410.10101v4."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from linattn_core.attention import LinearAttention, Predictor, unfolding
from linattn_core.features import SQRT2, svec_indices
from linattn_core.heads.result import HeadsResult
from linattn_core.numerics import check_memory

HEAD_TOLERANCE = 1e-10
"""Singular values below this fraction of the largest are rounding, not heads."""


def svd_heads(predictor: Predictor, cut: float = HEAD_TOLERANCE) -> LinearAttention:
    """Return the heads of ``svd_result``."""
    return svd_result(predictor, cut).model


def svd_result(predictor: Predictor, cut: float = HEAD_TOLERANCE) -> HeadsResult:
    """Return the heads V_h = sqrt(s_h) u_h, Q_h = sqrt(s_h) v_h of W as an (m d) x (d d) matrix, largest first.

    W is the (j, k)-symmetric one, so a teacher with ONE head generally comes back with d^2 heads: these are not the
    teacher's heads, only the same function. Singular values below ``cut`` times the largest are left out. Heads of a
    predictor with coordinates T z read T z as well. Sign convention: the largest entry of every Q_h is positive. Raises
    ``TooLargeError`` where the matrix would not fit.
    """
    d, m = predictor.dim, len(predictor.weights)
    a, j, k, index, values = _entries(predictor)
    left, rows = np.unique(a * d + j, return_inverse=True)
    right, columns = np.unique(k * d + index, return_inverse=True)
    count = min(len(left), len(right))
    needed = 8.0 * (3 * len(left) * len(right) + count * d * (d + m))
    check_memory(needed, f"An SVD of {len(left):,} x {len(right):,} for up to {count:,} heads", "learn with heads=None")
    M = np.zeros((len(left), len(right)))
    M[rows, columns] = values
    if not M.any():
        zero = LinearAttention(np.zeros((1, m, d)), np.zeros((1, d, d)), predictor.whitening)
        return HeadsResult(zero, 0.0, 1, "1 head, and it is zero: every answer is zero.")
    U, s, Vt = linalg.svd(M, full_matrices=False, overwrite_a=True)
    H = int(np.sum(s > cut * s[0]))
    largest = Vt[np.arange(H), np.abs(Vt[:H]).argmax(axis=1)]
    root = np.sqrt(s[:H]) * np.where(largest < 0, -1.0, 1.0)
    V, Q = np.zeros((H, m * d)), np.zeros((H, d * d))
    V[:, left] = U.T[:H] * root[:, None]
    Q[:, right] = Vt[:H] * root[:, None]
    residual = float(np.linalg.norm(s[H:]) / np.linalg.norm(s))  # Eckart-Young
    reason = f"{H} head{'s' * (H > 1)}, the rank of the symmetric W of least squares; fewer may compute the same."
    model = LinearAttention(V.reshape(H, m, d), Q.reshape(H, d, d), predictor.whitening)
    return HeadsResult(model, residual, 1, reason)


def plain_heads(predictor: Predictor) -> LinearAttention:
    """Return one head for each pair (matched k, asking l) of coordinates in use: V_h = W[:, :, k, l], Q_h = e_k e_l^T.

    The coefficients as they are, nothing rounded: for functions whose singular values span more than float64 keeps.
    Raises ``TooLargeError`` where they would not fit.
    """
    d, m = predictor.dim, len(predictor.weights)
    check_memory(
        8.0 * d * d * (m * d + d * d) + 16.0 * m * d**3, f"{d * d:,} heads at d = {d}", "learn with heads=None"
    )
    W = unfolding(predictor)
    k, asking = np.nonzero(W.any(axis=(0, 1)))
    if not len(k):
        return LinearAttention(np.zeros((1, m, d)), np.zeros((1, d, d)), predictor.whitening)
    Q = np.zeros((len(k), d, d))
    Q[np.arange(len(k)), k, asking] = 1.0
    return LinearAttention(W[:, :, k, asking].transpose(2, 0, 1), Q, predictor.whitening)


def _entries(predictor: Predictor) -> tuple[np.ndarray, ...]:
    """Return (a, j, k, l, W[a,j,k,l]) of all possibly non-zero entries of the symmetric W."""
    d, m = predictor.dim, len(predictor.weights)
    j, k = (x[predictor.columns // d] for x in svec_indices(d))
    index, off = predictor.columns % d, j != k
    value = np.where(off, predictor.weights / SQRT2, predictor.weights)
    first, second, last = np.r_[j, k[off]], np.r_[k, j[off]], np.r_[index, index[off]]
    a = np.repeat(np.arange(m), len(first))
    values = np.concatenate([value, value[:, off]], axis=1).ravel()
    return a, np.tile(first, m), np.tile(second, m), np.tile(last, m), values
