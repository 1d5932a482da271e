"""One-layer multi-head linear attention, and the linear predictor it is.

y = sum_h V_h Z (Z^T Q_h z) = sum_h V_h C Q_h z with C = Z Z^T and z the last column of Z (arXiv:2410.10101v4, section
2). In coordinates y_a = sum_{jkl} W[a,j,k,l] C[j,k] z[l] with W[a,j,k,l] = sum_h V_h[a,j] Q_h[k,l]; only the part of
W that is symmetric in (j, k) matters, so the function is y = P phi(Z) with P = ``coefficients()``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import sparse

from linattn_core.errors import ShapeError
from linattn_core.features import (
    SQRT2,
    FeatureBatch,
    as_context,
    feature_batch,
    feature_count,
    on_columns,
    svec_indices,
    svec_scale,
)
from linattn_core.inputs import numbers
from linattn_core.traces import Traces

if TYPE_CHECKING:
    from linattn_core.solve.whitening import Whitening

CHUNK_BYTES = 64 * 2**20
"""Explicit features formed at a time while predicting."""


class HasCoefficients(Protocol):
    """A model that is linear in phi: a ``LinearAttention`` or a ``Predictor``."""

    def coefficients(self) -> np.ndarray:
        """Return P (m, p) with y = P phi(Z)."""


@dataclass(frozen=True, eq=False)
class Predictor:
    """The linear predictor y = P phi(Z), with P kept only at the features that ever were non-zero.

    ``dim`` is d, ``columns`` (k,) the sorted indices of these features among the p(d), ``weights`` (m, k) their
    coefficients; a feature outside ``columns`` has coefficient zero, as the minimum-norm solution has it.

    With ``whitening`` T, columns and weights are those of phi(T Z), and answers are computed there: in coordinates of
    like size, where rounding is small. ``coefficients`` are always those of phi(Z).
    """

    dim: int
    columns: np.ndarray
    weights: np.ndarray
    whitening: Whitening | None = None

    def __call__(self, Z: np.ndarray) -> np.ndarray:
        """Return y (m,) for one input Z (d, n)."""
        Z = as_context(Z, self.dim)
        return self.on(Traces.contexts(Z.T, np.array([0]), np.array([Z.shape[1]])))[0]

    def on(self, traces: Traces) -> np.ndarray:
        """Return the answers (N, m) on all inputs of ``traces``. Raises ``ShapeError`` on another d."""
        if traces.dim != self.dim:
            raise ShapeError(f"predictor: got traces with d = {traces.dim}, wanted d = {self.dim}.")
        if len(traces) == 0:
            return np.empty((0, len(self.weights)))
        if self.whitening is not None:
            traces = self.whitening.apply(traces)
        return np.concatenate([self.apply(feature_batch(chunk)) for chunk in traces.chunks(batch_size(traces))])

    def apply(self, batch: FeatureBatch) -> np.ndarray:
        """Return P phi (N, m) for features of T Z in factored form."""
        if not batch.is_sparse:
            return batch.inner(self.inner_coefficients())
        return np.asarray(on_columns(sparse.csr_array(batch.rows()), self.columns) @ self.weights.T)

    def at(self, columns: np.ndarray) -> np.ndarray:
        """Return the coefficients (m, k) of the sorted features ``columns`` (k,), zero where it has none."""
        if np.array_equal(columns, self.columns):
            return self.weights
        place = np.minimum(np.searchsorted(self.columns, columns), max(len(self.columns) - 1, 0))
        if len(self.columns) == 0:
            return np.zeros((len(self.weights), len(columns)))
        return self.weights[:, place] * (self.columns[place] == columns)

    def inner_coefficients(self) -> np.ndarray:
        """Return the coefficients (m, p) of phi(T Z), dense."""
        P = np.zeros((len(self.weights), feature_count(self.dim)))
        P[:, self.columns] = self.weights
        return P

    def coefficients(self) -> np.ndarray:
        """Return P (m, p) with y = P phi(Z), dense."""
        P = self.inner_coefficients()
        return P if self.whitening is None else self.whitening.to_original(P)

    def original(self) -> Predictor:
        """Return the same function by its coefficients of phi(Z), for reading; answers there may lose digits."""
        if self.whitening is None:
            return self
        return dense_predictor(self.dim, self.coefficients())

    def rounding(self, traces: Traces) -> np.ndarray:
        """Return sum_k |P_ak| |phi_k| (N,), the largest over answers a: rounding is a few epsilons of it."""
        inside = traces if self.whitening is None else self.whitening.apply(traces)
        found = [np.empty(0)]
        size = Predictor(self.dim, self.columns, np.abs(self.weights))
        for chunk in inside.chunks(batch_size(inside)):
            batch = feature_batch(chunk)
            sizes = size.apply(FeatureBatch(abs(batch.svec), abs(batch.query)))
            found.append(sizes.max(axis=1, initial=0.0))
        return np.concatenate(found)


def batch_size(traces: Traces) -> int:
    """Return how many examples to form explicit features of at a time."""
    size = max(1, CHUNK_BYTES // (8 * feature_count(traces.dim)))
    return max(size, 4096) if traces.is_sparse else size


def dense_predictor(dim: int, P: np.ndarray, whitening: Whitening | None = None) -> Predictor:
    """Return the predictor with coefficients P (m, p), kept where they are not zero."""
    columns = np.flatnonzero(np.any(P != 0, axis=0))
    return Predictor(dim, columns, P[:, columns], whitening)


@dataclass(frozen=True, eq=False)
class LinearAttention:
    """Multi-head linear attention with heads V (H, m, d) and Q (H, d, d); ``model(Z)`` is the answer at the last token.

    Q is the product of key and query maps. With ``whitening`` T the heads read T Z: for tokens of so unlike units that
    the same heads for Z, V T and T^T Q T, would lose digits. Raises ``ShapeError`` unless the shapes fit and all
    entries are finite.
    """

    V: np.ndarray
    Q: np.ndarray
    whitening: Whitening | None = None

    def __post_init__(self) -> None:
        V, Q = numbers(self.V, "LinearAttention: V"), numbers(self.Q, "LinearAttention: Q")
        if V.ndim != 3 or Q.ndim != 3 or len(V) != len(Q) or Q.shape[1] != Q.shape[2] or V.shape[2] != Q.shape[1]:
            raise ShapeError(f"LinearAttention: got V {V.shape} and Q {Q.shape}, wanted (H, m, d) and (H, d, d).")
        object.__setattr__(self, "V", V)
        object.__setattr__(self, "Q", Q)

    @property
    def heads(self) -> int:
        """The number of heads H."""
        return len(self.V)

    @property
    def dim(self) -> int:
        """The embedding dimension d."""
        return int(self.Q.shape[1])

    @property
    def outputs(self) -> int:
        """The answer dimension m."""
        return int(self.V.shape[1])

    def __call__(self, Z: np.ndarray) -> np.ndarray:
        """Return y (m,) = sum_h V_h Z (Z^T Q_h z) for one input Z (d, n): the literal attention formula, O(H n d)."""
        Z = as_context(Z, self.dim)
        if self.whitening is not None:
            Z = self.whitening.apply(Traces.contexts(Z.T, np.array([0]), np.array([Z.shape[1]])))[0][0]
        scores = Z.T @ (self.Q @ Z[:, -1]).T  # (n, H)
        return np.einsum("had,dh->a", self.V, Z @ scores)

    def on(self, traces: Traces) -> np.ndarray:
        """Return the answers (N, m) on all inputs of ``traces``: V C Q z, with C by running sums."""
        return self.predictor.on(traces)

    def coefficients(self) -> np.ndarray:
        """Return P (m, p) with y = P phi(Z): equal for two models iff they agree on all inputs (Cor. A.4)."""
        P = self._inner_coefficients()
        return P if self.whitening is None else self.whitening.to_original(P)

    def original(self) -> LinearAttention:
        """Return the same function by heads that read Z itself: V T and T^T Q T."""
        if self.whitening is None:
            return self
        T = self.whitening.matrix
        return LinearAttention(self.V @ T, T.T @ self.Q @ T)

    def _inner_coefficients(self) -> np.ndarray:
        d, m = self.dim, self.outputs
        j, k = svec_indices(d)
        P, Q = np.empty((m, len(j), d)), self.Q.reshape(self.heads, -1)
        for a in range(m):
            W = (self.V[:, a].T @ Q).reshape(d, d, d)
            P[a] = W[j, k] + W[k, j]
        # Off the diagonal svec carries sqrt(2): P sqrt(2) C_jk must equal (W_jk + W_kj) C_jk. On it W_jj was added
        # twice.
        return (P / np.where(j == k, 2.0, SQRT2)[:, None]).reshape(m, len(j) * d)

    @cached_property
    def predictor(self) -> Predictor:
        """The linear predictor that these heads are."""
        return dense_predictor(self.dim, self._inner_coefficients(), self.whitening)

    def largest(self, count: int) -> LinearAttention:
        """Return the model of the ``count`` largest heads, by ||V_h|| ||Q_h||; of none, the zero model.

        For singular-value heads this is the best approximation of W by that many heads (Eckart-Young).
        """
        size = np.linalg.norm(self.V, axis=(1, 2)) * np.linalg.norm(self.Q, axis=(1, 2))
        kept = np.sort(np.argsort(-size, kind="stable")[: max(count, 0)])
        if len(kept) == 0:
            return LinearAttention(np.zeros_like(self.V[:1]), np.zeros_like(self.Q[:1]), self.whitening)
        return LinearAttention(self.V[kept], self.Q[kept], self.whitening)

    def rollout(
        self, Z: np.ndarray, steps: int, rounding: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> np.ndarray:
        """Run the model on its own answers: append y as the next token, ``steps`` times. Needs m = d.

        ``Z`` (d, n) is the prompt, ``rounding`` is applied to each answer before it is appended. Returns (steps, d),
        the appended tokens. C is updated by one outer product a step, which equals the literal formula on the grown
        context.
        """
        if self.outputs != self.dim:
            raise ShapeError(f"rollout: got m = {self.outputs} answers for d = {self.dim}, wanted m = d.")
        if self.whitening is not None:
            return self.original().rollout(Z, steps, rounding)
        Z = as_context(Z, self.dim)
        C, z, out = Z @ Z.T, Z[:, -1], np.empty((steps, self.dim))
        for t in range(steps):
            y = np.einsum("haj,jk,hkl,l->a", self.V, C, self.Q, z, optimize=["einsum_path", (2, 3), (0, 1), (0, 1)])
            z = y if rounding is None else rounding(y)
            C = C + np.outer(z, z)
            out[t] = z
        return out


def distance(a: HasCoefficients, b: HasCoefficients) -> float:
    """Return ||P_a - P_b||_F: the data-free distance between the functions of two models or predictors.

    Zero iff they agree on every input (arXiv:2410.10101v4, Cor. A.4). Raises ``ShapeError`` if d or m differ.
    """
    P, R = a.coefficients(), b.coefficients()
    if P.shape != R.shape:
        raise ShapeError(f"distance: got coefficients {P.shape} and {R.shape}, wanted models of the same d and m.")
    return float(np.linalg.norm(P - R))


def relative_distance(a: HasCoefficients, b: HasCoefficients) -> float:
    """Return ||P_a - P_b||_F / ||P_b||_F; infinite where b is zero and a is not. Raises as ``distance`` does."""
    apart, scale = distance(a, b), float(np.linalg.norm(b.coefficients()))
    return apart / scale if scale else (0.0 if apart == 0 else float("inf"))


def unfolding(predictor: Predictor) -> np.ndarray:
    """Return the (j, k)-symmetric W (m, d, d, d) of the tokens that the coefficients are kept for:
    W[a,j,k,l] C[j,k] z[l] summed is the answer."""
    d, m = predictor.dim, len(predictor.weights)
    j, k = svec_indices(d)
    P = predictor.inner_coefficients().reshape(m, len(j), d) / svec_scale(d)[:, None]
    W = np.empty((m, d, d, d))
    W[:, j, k] = P
    W[:, k, j] = P
    return W
