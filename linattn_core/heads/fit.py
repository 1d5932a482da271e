"""Heads at a given H: the bilinear least-squares problem in (V, Q), by alternating sweeps and Gauss-Newton.

Find V (H, m, d) and Q (H, d, d) whose sum of V_h (x) Q_h has the projection that a ``Target`` asks for. Alternating
least squares alone is linear in its last stretch; Levenberg-Marquardt from the same starts takes 5 to 10 steps to
rounding (ours; the normal equations come by blocks from the target, no Jacobian is formed).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from linattn_core.heads.result import FIT_TOLERANCE
from linattn_core.heads.target import Target
from linattn_core.numerics import Progress, no_progress

Heads = tuple[np.ndarray, np.ndarray]
"""(V (H, m, d), Q (H, d, d))."""

MAX_STEPS = 120
STALL_STEPS, STALL_RATIO = 10, 0.98
"""A fit that keeps more than ``STALL_RATIO`` of its loss over ``STALL_STEPS`` steps is in a local minimum."""
SWEEPS = 3
"""Alternating sweeps before Gauss-Newton takes over: they bring any start to the right scale."""
DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-2, 1e-10, 1e8


@dataclass(frozen=True, eq=False)
class Fit:
    """The best heads of a fit: V, Q, their relative residual, and how many starts were used."""

    V: np.ndarray
    Q: np.ndarray
    residual: float
    starts: int

    @property
    def reached(self) -> bool:
        """Whether the heads reproduce the target."""
        return self.residual <= FIT_TOLERANCE


def fit_heads(
    target: Target, heads: int, *, restarts: int, first: Sequence[Heads] = (), progress: Progress = no_progress
) -> Fit:
    """Fit ``heads`` heads from the SVD of the target, from ``first``, then from random starts, until one reaches it.

    Deterministic: the random starts are those of ``default_rng((heads, attempt))``.
    """
    best: Fit | None = None
    starts = [svd_start(target, heads), *first]
    for attempt in range(len(starts) + restarts):
        start = starts[attempt] if attempt < len(starts) else random_start(target, heads, attempt)
        V, Q = alternate(target, *start, sweeps=SWEEPS)
        V, Q = gauss_newton(target, V, Q)
        residual = target.residual(V, Q)
        if best is None or residual < best.residual:
            best = Fit(V, Q, residual, attempt + 1)
        progress((attempt + 1) / (len(starts) + restarts), f"{heads} heads, start {attempt + 1}")
        if best.reached:
            break
    assert best is not None
    return Fit(best.V, best.Q, best.residual, attempt + 1)


def svd_start(target: Target, heads: int) -> Heads:
    """Return the ``heads`` largest singular pairs of the target as an (m d) x (d d) matrix; missing ones are zero."""
    m, d = target.target.shape[:2]
    U, s, Vt = linalg.svd(target.target.reshape(m * d, d * d), full_matrices=False)
    V, Q = np.zeros((heads, m, d)), np.zeros((heads, d, d))
    count = min(heads, len(s))
    root = np.sqrt(s[:count, None])
    V[:count] = (U.T[:count] * root).reshape(count, m, d)
    Q[:count] = (Vt[:count] * root).reshape(count, d, d)
    return V, Q


def random_start(target: Target, heads: int, attempt: int) -> Heads:
    """Return Gaussian heads whose product has about the norm of the target."""
    m, d = target.target.shape[:2]
    rng = np.random.default_rng((heads, attempt))
    scale = np.sqrt(target.norm / np.sqrt(heads))
    V, Q = rng.normal(size=(heads, m, d)), rng.normal(size=(heads, d, d))
    return V * scale / np.sqrt(m * d), Q * scale / d


def alternate(target: Target, V: np.ndarray, Q: np.ndarray, sweeps: int) -> Heads:
    """Alternating least squares: V exactly for this Q, then Q exactly for this V, ``sweeps`` times."""
    for _ in range(sweeps):
        V = refit_values(target, Q, V.shape[1])
        V, Q = balanced(V, refit_queries(target, V))
    return V, Q


def refit_values(target: Target, Q: np.ndarray, outputs: int) -> np.ndarray:
    """Return the best V (H, m, d) for given Q."""
    H, d, _ = Q.shape
    right = np.einsum("ajkl,hkl->ahj", target.target, Q, optimize=True).reshape(outputs, H * d)
    return _solve(target.value_block(Q), right.T).T.reshape(outputs, H, d).transpose(1, 0, 2)


def refit_queries(target: Target, V: np.ndarray) -> np.ndarray:
    """Return the best Q (H, d, d) for given V."""
    H, _, d = V.shape
    right = np.einsum("ajkl,haj->hkl", target.target, V, optimize=True).reshape(-1)
    return _solve(target.query_block(V), right).reshape(H, d, d)


def gauss_newton(target: Target, V: np.ndarray, Q: np.ndarray) -> Heads:
    """Minimise the residual by Levenberg-Marquardt, to rounding or to a local minimum.

    The Jacobian has a null space of at least H^2 dimensions (mixing the heads), which the damping leaves alone.
    """
    size, floor = V.size, 1e-15 * target.norm
    error = target.error(V, Q)
    losses, damping = [float(np.linalg.norm(error))], DAMPING
    while losses[-1] > floor and len(losses) <= MAX_STEPS:
        V, Q = balanced(V, Q)
        normal = _normal_matrix(target, V, Q)
        gradient = np.concatenate([
            np.einsum("ajkl,hkl->haj", error, Q, optimize=True).ravel(),
            np.einsum("ajkl,haj->hkl", error, V, optimize=True).ravel(),
        ])  # fmt: skip
        unit = float(np.trace(normal)) / len(normal)
        while damping <= MOST_DAMPING:
            step = _solve(normal, -gradient, damping * unit)
            V2, Q2 = V + step[:size].reshape(V.shape), Q + step[size:].reshape(Q.shape)
            error2 = target.error(V2, Q2)
            loss = float(np.linalg.norm(error2))
            if loss < losses[-1]:
                break
            damping *= 4
        else:
            break
        V, Q, error, damping = V2, Q2, error2, max(damping / 5, LEAST_DAMPING)
        losses.append(loss)
        if len(losses) > STALL_STEPS and loss > STALL_RATIO * losses[-1 - STALL_STEPS]:
            break
    return balanced(V, Q)


def balanced(V: np.ndarray, Q: np.ndarray) -> Heads:
    """Return heads with the same sum, V and Q its singular vectors equally scaled: well conditioned and canonical."""
    H = len(V)
    left, L = linalg.qr(V.reshape(H, -1).T, mode="economic")
    right, R = linalg.qr(Q.reshape(H, -1).T, mode="economic")
    U, s, Wt = linalg.svd(L @ R.T, full_matrices=False)
    root, keep = np.sqrt(s), len(s)
    V2, Q2 = np.zeros((H, left.shape[0])), np.zeros((H, right.shape[0]))
    V2[:keep], Q2[:keep] = ((left @ U) * root).T, ((right @ Wt.T) * root).T
    return V2.reshape(V.shape), Q2.reshape(Q.shape)


def _normal_matrix(target: Target, V: np.ndarray, Q: np.ndarray) -> np.ndarray:
    """Return J^T J for the unknowns (V, Q), by blocks."""
    H, m, d = V.shape
    size = H * m * d
    normal = np.zeros((size + H * d * d,) * 2)
    values = target.value_block(Q).reshape(H, d, H, d)
    places = normal[:size, :size].reshape(H, m, d, H, m, d)
    for a in range(m):
        places[:, a, :, :, a, :] = values
    normal[size:, size:] = target.query_block(V)
    normal[size:, :size] = target.mixed_block(V, Q)
    normal[:size, size:] = normal[size:, :size].T
    return normal


def _solve(A: np.ndarray, b: np.ndarray, damping: float | None = None) -> np.ndarray:
    """Solve the semidefinite system (A + damping) x = b by Cholesky, with more damping where that fails."""
    unit = float(np.trace(A)) / len(A) or 1.0
    added = LEAST_DAMPING * unit if damping is None else damping
    while True:
        shifted = A.copy()
        shifted[np.diag_indices(len(A))] += added
        factor, failed = linalg.lapack.dpotrf(shifted, lower=1, overwrite_a=1)
        if not failed:
            return linalg.cho_solve((factor, True), b, check_finite=False)
        added = max(10 * added, 1e-14 * unit)
