"""What heads have to reproduce, and the inner products a bilinear fit needs of it.

Find V (H, m, d) and Q (H, d, d) with Pi(sum_h V_h (x) Q_h) = target, where Pi is the orthogonal projector of tensors
W[a,j,k,l] onto what has to be reproduced: ``Everywhere`` keeps the part symmetric in (j, k), which is the function on
all inputs; ``OnRange`` keeps the component in range(Lambda), which is the function on the training inputs and all their
linear combinations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from linattn_core.attention import Predictor, unfolding
from linattn_core.features import feature_count, svec_indices, svec_scale
from linattn_core.numerics import check_memory
from linattn_core.solve.subspace import Subspace


class Target(ABC):
    """What the heads have to reproduce: ``target`` (m, d, d, d), symmetric in (j, k), in the range of the projector."""

    target: np.ndarray
    projection: float = 0.0
    """About how many operations ``project`` takes."""

    @abstractmethod
    def project(self, W: np.ndarray) -> np.ndarray:
        """Return Pi(W), (m, d, d, d)."""

    @abstractmethod
    def value_block(self, Q: np.ndarray) -> np.ndarray:
        """Return <Pi(E_aj (x) Q_h), Pi(E_ai (x) Q_g)> as (H d, H d), indices (h, j), (g, i); the same for every a."""

    @abstractmethod
    def query_block(self, V: np.ndarray) -> np.ndarray:
        """Return <Pi(V_h (x) E_kl), Pi(V_g (x) E_in)> as (H d d, H d d), indices (h, k, l), (g, i, n)."""

    @abstractmethod
    def mixed_block(self, V: np.ndarray, Q: np.ndarray) -> np.ndarray:
        """Return <Pi(V_h (x) E_kl), Pi(E_aj (x) Q_g)> as (H d d, H m d), indices (h, k, l), (g, a, j)."""

    @abstractmethod
    def work(self, heads: int) -> float:
        """Return about how many operations one Gauss-Newton step takes."""

    @property
    def norm(self) -> float:
        """||target||_F."""
        return float(np.linalg.norm(self.target))

    def error(self, V: np.ndarray, Q: np.ndarray) -> np.ndarray:
        """Return Pi(sum_h V_h (x) Q_h) - target."""
        H, m, d = V.shape
        W = (V.reshape(H, -1).T @ Q.reshape(H, -1)).reshape(m, d, d, d)
        return self.project(W) - self.target

    def residual(self, V: np.ndarray, Q: np.ndarray) -> float:
        """Return the relative residual of the heads."""
        return float(np.linalg.norm(self.error(V, Q))) / self.norm if self.norm else float(np.abs(V).max(initial=0.0))


class Everywhere(Target):
    """The function on all inputs: Pi is symmetrisation in (j, k), by Cor. A.4 of arXiv:2410.10101v4.

    All inner products are closed forms: 2 <Pi(A), Pi(B)> = <A, B> + <A, B with j and k exchanged>.
    """

    def __init__(self, W: np.ndarray) -> None:
        self.target = self.project(W)

    def project(self, W: np.ndarray) -> np.ndarray:
        """Return (W + W with j and k exchanged) / 2."""
        return (W + W.transpose(0, 2, 1, 3)) / 2

    def value_block(self, Q: np.ndarray) -> np.ndarray:
        """Half of delta_ji <Q_h, Q_g> + (Q_g Q_h^T)[j, i]."""
        H, d, _ = Q.shape
        straight = np.einsum("hkl,gkl,ji->hjgi", Q, Q, np.eye(d), optimize=True)
        return ((straight + np.einsum("hil,gjl->hjgi", Q, Q, optimize=True)) / 2).reshape(H * d, H * d)

    def query_block(self, V: np.ndarray) -> np.ndarray:
        """Half of delta_ln (delta_ki <V_h, V_g> + (V_g^T V_h)[k, i])."""
        H, _, d = V.shape
        straight = np.einsum("haj,gaj,ki->hkgi", V, V, np.eye(d), optimize=True)
        block = (straight + np.einsum("hai,gak->hkgi", V, V, optimize=True)) / 2
        return np.einsum("hkgi,ln->hklgin", block, np.eye(d)).reshape(H * d * d, H * d * d)

    def mixed_block(self, V: np.ndarray, Q: np.ndarray) -> np.ndarray:
        """Half of V_h[a,j] Q_g[k,l] + delta_kj (V_h Q_g)[a,l]."""
        H, m, d = V.shape
        block = np.einsum("haj,gkl->hklgaj", V, Q)
        product = np.einsum("hai,gil->hlga", V, Q, optimize=True)
        for j in range(d):
            block[:, j, :, :, :, j] += product
        return block.reshape(H * d * d, H * m * d) / 2

    def work(self, heads: int) -> float:
        """The solve of the normal equations."""
        m, d = self.target.shape[:2]
        return (heads * (m * d + d * d)) ** 3 / 3


class OnRange(Target):
    """The function on range(Lambda), spanned by ``rows`` (r, d, d, d): orthonormal tensors, index 0 the row, (j, k, l).

    The rows are symmetric in (j, k), with Frobenius product equal to that of the features they unfold.
    """

    def __init__(self, W: np.ndarray, rows: np.ndarray) -> None:
        self.rows = rows
        self.flat = rows.reshape(len(rows), int(np.prod(rows.shape[1:])))
        self.projection = 4.0 * len(rows) * W.size
        self.target = self.project(W)

    def project(self, W: np.ndarray) -> np.ndarray:
        """Return the component of every output's tensor in the span of the rows."""
        flat = W.reshape(len(W), int(np.prod(W.shape[1:])))
        return ((flat @ self.flat.T) @ self.flat).reshape(W.shape)

    def value_block(self, Q: np.ndarray) -> np.ndarray:
        """Gram matrix of the columns <row, E_j (x) Q_h>."""
        columns = self._value_columns(Q)
        return columns.T @ columns

    def query_block(self, V: np.ndarray) -> np.ndarray:
        """Gram matrix of the columns <row, V_h[a] (x) E_kl>, rows (row, a)."""
        columns = self._query_columns(V)
        return columns.T @ columns

    def mixed_block(self, V: np.ndarray, Q: np.ndarray) -> np.ndarray:
        """Product of the two kinds of columns."""
        (H, m, d), r = V.shape, len(self.rows)
        query, value = self._query_columns(V).reshape(r, m, H * d * d), self._value_columns(Q)
        block = np.einsum("rac,rv->cav", query, value, optimize=True)  # v = (g, j)
        return block.reshape(H * d * d, m, H, d).transpose(0, 2, 1, 3).reshape(H * d * d, H * m * d)

    def work(self, heads: int) -> float:
        """The Gram matrix of the query columns, and the solve."""
        m, d = self.target.shape[:2]
        return len(self.rows) * m * (heads * d * d) ** 2 + (heads * (m * d + d * d)) ** 3 / 3

    def _value_columns(self, Q: np.ndarray) -> np.ndarray:
        (H, d, _), r = Q.shape, len(self.rows)
        product = self.rows.reshape(r * d, d * d) @ Q.reshape(H, d * d).T
        return product.reshape(r, d, H).transpose(0, 2, 1).reshape(r, H * d)

    def _query_columns(self, V: np.ndarray) -> np.ndarray:
        (H, m, d), r = V.shape, len(self.rows)
        product = np.matmul(V.reshape(1, H * m, d), self.rows.reshape(r, d, d * d))  # (r, H m, d d)
        return product.reshape(r, H, m, d * d).transpose(0, 2, 1, 3).reshape(r * m, H * d * d)


def make_target(predictor: Predictor, spaces: Sequence[Subspace] | None) -> Target:
    """Return ``Everywhere`` where Lambda is invertible or ``spaces`` is None, otherwise ``OnRange`` of its range.

    Raises ``TooLargeError`` where the tensors would not fit.
    """
    d, m = predictor.dim, len(predictor.weights)
    hint = "use heads='typed' or heads='svd'"
    check_memory(8.0 * 4 * m * d**3, f"The coefficient tensor of {m} answers at d = {d}", hint)
    W = unfolding(predictor)
    rank = sum(space.rank for space in spaces) if spaces is not None else feature_count(d)
    if spaces is None or rank == feature_count(d):
        return Everywhere(W)
    check_memory(8.0 * 4 * rank * d**3, f"A range of {rank:,} dimensions at d = {d}", hint)
    return OnRange(W, _unfolded_range(spaces, d, rank))


def _unfolded_range(spaces: Sequence[Subspace], d: int, rank: int) -> np.ndarray:
    """Return an orthonormal basis of range(Lambda) as symmetric tensors (r, d, d, d)."""
    j, k = svec_indices(d)
    scale = np.where(j == k, 1.0, 0.5) * svec_scale(d)  # a feature sqrt(2) C_jk is C_jk / sqrt(2) at (j, k) and (k, j)
    rows, done = np.zeros((rank, d, d, d)), 0
    for space in spaces:
        basis = space.up(np.eye(space.rank))
        pair, last = np.divmod(space.columns, d)
        part = rows[done : done + space.rank]
        part[:, j[pair], k[pair], last] = basis * scale[pair]
        part[:, k[pair], j[pair], last] = basis * scale[pair]
        done += space.rank
    return rows
