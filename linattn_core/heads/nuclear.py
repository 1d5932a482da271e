"""The convex companion of minimal heads: the least nuclear norm among all W that compute the same function (ours).

The rank of W as an (m d) x (d d) matrix is the number of heads; the nuclear norm is its convex envelope. Minimised over
the affine set {W : Pi(W) = target} by Douglas-Rachford splitting: project, reflect, soft-threshold singular values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from linattn_core.attention import LinearAttention, Predictor
from linattn_core.heads.fit import gauss_newton
from linattn_core.heads.result import FIT_TOLERANCE, HeadsResult
from linattn_core.heads.target import Target, make_target
from linattn_core.numerics import Progress, no_progress
from linattn_core.solve.subspace import Subspace

STEP = 0.1
"""Threshold as a fraction of the largest singular value of the start: 0.03 to 0.3 converge alike."""
RANK = 1e-6
"""Singular values of the minimiser below this fraction of the largest are zero."""
CONVERGED = 1e-10
MAX_ITERATIONS = 3_000
POLISH_STEPS = 10
WORK = 1e10
"""Operations one call may spend, which bounds the iterations at large d: some 5 seconds of one core."""


@dataclass(frozen=True, eq=False)
class NuclearHeads(HeadsResult):
    """Heads from the nuclear-norm minimiser; ``converged`` unless the iterations ran out."""

    converged: bool
    iterations: int
    norm: float


def nuclear_heads(
    predictor: Predictor, spaces: Sequence[Subspace] | None = None, progress: Progress = no_progress
) -> NuclearHeads:
    """Return the heads of the W of least nuclear norm with the same function on range(Lambda).

    ``spaces``: the factored range of Lambda (``certificate.spaces``), None for all inputs. Raises ``TooLargeError``
    where the tensors would not fit.
    """
    return nuclear_of(make_target(predictor, spaces), progress)


def nuclear_of(target: Target, progress: Progress = no_progress) -> NuclearHeads:
    """Minimise the nuclear norm; the heads found are finished by Gauss-Newton so that they reproduce the target."""
    m, d = target.target.shape[:2]
    shape = (m * d, d * d)
    limit = int(min(MAX_ITERATIONS, max(50, WORK / (20 * shape[0] * shape[1] * min(shape) + target.projection))))
    size = target.norm
    if size == 0:
        return _result(target, np.zeros((1, m, d)), np.zeros((1, d, d)), 0, True, 0.0)
    X = target.target
    threshold = STEP * linalg.svdvals(X.reshape(shape))[0]
    moved, iteration = np.inf, 0
    while moved > CONVERGED * size and iteration < limit:
        Y = X - target.project(X) + target.target
        U, s, Vt = linalg.svd((2 * Y - X).reshape(shape), full_matrices=False)
        rank = int(np.sum(s > threshold))
        shrunk = s[:rank] - threshold
        step = ((U[:, :rank] * shrunk) @ Vt[:rank]).reshape(X.shape) - Y
        X = X + step
        moved = float(np.linalg.norm(step))
        iteration += 1
        if iteration % 50 == 0:
            progress(iteration / limit, f"nuclear norm, iteration {iteration:,}")
    converged = moved <= CONVERGED * size
    heads = max(1, int(np.sum(shrunk > RANK * shrunk[:1].sum())))
    V, Q = _pairs(U, shrunk, Vt, heads, m, d)
    if converged and POLISH_STEPS * target.work(heads) <= WORK:
        V, Q = gauss_newton(target, V, Q)
    elif not converged:  # the last point of the affine set reproduces the target whatever its rank
        U, s, Vt = linalg.svd(Y.reshape(shape), full_matrices=False)
        V, Q = _pairs(U, s, Vt, int(np.sum(s > FIT_TOLERANCE / 1e3 * s[0])), m, d)
    return _result(target, V, Q, iteration, converged, float(s.sum() if not converged else shrunk.sum()))


def _pairs(
    U: np.ndarray, s: np.ndarray, Vt: np.ndarray, heads: int, outputs: int, dim: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first ``heads`` singular pairs as V (H, m, d) and Q (H, d, d)."""
    root = np.sqrt(s[:heads, None])
    return (U.T[:heads] * root).reshape(heads, outputs, dim), (Vt[:heads] * root).reshape(heads, dim, dim)


def _result(
    target: Target, V: np.ndarray, Q: np.ndarray, iterations: int, converged: bool, norm: float
) -> NuclearHeads:
    residual = target.residual(V, Q)
    reason = f"{len(V)} heads: the rank of the least nuclear norm, {norm:.6g}, after {iterations:,} iterations."
    if not converged:
        reason += " The iterations ran out first, so the rank may be too high."
    if residual > FIT_TOLERANCE:
        reason += f" They miss the predictor by {residual:.1e} of its norm."
    return NuclearHeads(LinearAttention(V, Q), residual, 1, reason, converged, iterations, norm)
