"""Coordinates of tokens that do not depend on units: scaled by powers of two, then rotated and scaled to unit size.

Linear attention is closed under any invertible T: with Z' = T Z the features are phi(Z') = K phi(Z), K invertible, so
the same functions can be learned, ranks and certificates are the same, and rounding is that of well-scaled data (ours).

    T = | gain U^T / scale |   directions that some training token uses, of unit mean square
        |      U^T / scale |   directions that none uses: kept, so that an input that does is told
        |        1         |   coordinates that are 0 in every training token
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import linalg, sparse

from linattn_core.features import svec_indices, svec_scale
from linattn_core.tolerances import AS_THEY_ARE, STRAY, UNUSED
from linattn_core.traces import Traces

TAME = 8
"""Whole numbers up to this size are learned as they are: their features, and sums of them, are exact."""

ACCURATE = 30.0
"""Where T cancels more than this factor, T z is summed in twice the precision."""

TALL = 4096
"""Tokens factored at a time."""


@dataclass(frozen=True, eq=False)
class Whitening:
    """An invertible T (d, d) with its inverse.

    ``rotation`` (d, d) acts on tokens over ``scale`` (d,), powers of two. The first ``used`` coordinates of T z are
    used by training tokens, the last ``silent`` ones are coordinates that were always 0. ``condition``: the ratio of
    the extreme singular values of the scaled tokens on the directions in use; ``raw``: of the tokens as they came.
    ``unused``: (direction (d,), relative singular value) of each direction that no training token uses.
    """

    scale: np.ndarray
    rotation: np.ndarray
    used: int
    silent: int
    condition: float
    raw: float
    unused: tuple[tuple[np.ndarray, float], ...]

    @property
    def dim(self) -> int:
        """The embedding dimension d."""
        return len(self.scale)

    @property
    def diagonal(self) -> bool:
        """Whether T only scales: sparse tokens stay sparse, and nothing is rounded."""
        return bool(np.array_equal(self.rotation, np.eye(self.dim)))

    @cached_property
    def even(self) -> Whitening:
        """The same coordinates up to one factor, under which the largest entry of T^-1 is of size 1.

        Least norms do not depend on such a factor, while K, its cube, would leave float64 for very small tokens.
        """
        factor = float(powers_of_two(np.abs(self.inverse).max()[None])[0])
        return dataclasses.replace(self, scale=self.scale / factor)

    @property
    def extreme(self) -> bool:
        """Whether coefficients of the tokens as they came are too large or small to be multiplied with safety."""
        return not 1e-30 < float(np.abs(self.matrix).max()) < 1e30

    @property
    def condition_cubed(self) -> float:
        """About the condition number of K."""
        return float(np.linalg.cond(self.matrix) ** 3)

    @property
    def matrix(self) -> np.ndarray:
        """T (d, d)."""
        return self.rotation / self.scale

    @property
    def inverse(self) -> np.ndarray:
        """T^-1 (d, d)."""
        return self.scale[:, None] * linalg.inv(self.rotation)

    def apply(self, traces: Traces) -> Traces:
        """Return the same examples with tokens T z; what lies in unused directions and is rounding becomes 0."""
        traces = compact(traces)
        tokens: Any = traces.tokens
        if self.diagonal:
            scaled = sparse.csr_array(tokens / self.scale) if traces.is_sparse else tokens / self.scale
            return dataclasses.replace(traces, tokens=scaled)
        scaled = (tokens.toarray() if traces.is_sparse else tokens) / self.scale
        turned = accurate_product(scaled, self.rotation.T) if self.condition > ACCURATE else scaled @ self.rotation.T
        loud = self.dim - self.silent
        if self.used < loud:
            length = np.linalg.norm(turned[:, : self.used], axis=1)
            turned[:, self.used : loud][np.abs(turned[:, self.used : loud]) <= STRAY * length[:, None]] = 0.0
        return dataclasses.replace(traces, tokens=turned)

    def forward(self, rows: np.ndarray) -> np.ndarray:
        """Return K phi (R, p) for feature rows phi (R, p)."""
        return transformed(rows, self.matrix)

    def to_original(self, weights: np.ndarray) -> np.ndarray:
        """Return P = P' K (m, p), the coefficients in original coordinates of P' (m, p)."""
        return transformed(weights, self.matrix.T)

    def from_original(self, weights: np.ndarray) -> np.ndarray:
        """Return P' = P K^-1 (m, p)."""
        return transformed(weights, self.inverse.T)


def transformed(rows: np.ndarray, A: np.ndarray) -> np.ndarray:
    """Return the feature rows (R, p) of (A Z) where ``rows`` are those of Z; A (d, d).

    phi is the tensor C[j,k] z[l] up to svec's sqrt(2), which keeps its inner products, so A acts on each of the three
    axes; for coefficients P (rows as well), P -> P K is the same with A transposed.
    """
    d = len(A)
    j, k = svec_indices(d)
    out = np.empty(rows.shape)
    for i, row in enumerate(rows.reshape(len(rows), len(j), d)):
        plain = row / svec_scale(d)[:, None]
        cube = np.empty((d, d, d))
        cube[j, k] = cube[k, j] = plain @ A.T
        turned = np.einsum("ja,abl,kb->jkl", A, cube, A, optimize=True)
        out[i] = (turned[j, k] * svec_scale(d)[:, None]).ravel()
    return out


def accurate_product(X: np.ndarray, A: np.ndarray) -> np.ndarray:
    """Return X @ A (M, k) as if summed in twice the working precision, then rounded: cancellation costs nothing.

    Dot2 of Ogita, Rump and Oishi (2005), for all rows at once.
    """
    total = np.zeros((len(X), A.shape[1]))
    lost = np.zeros_like(total)
    for x, a in zip(X.T, A, strict=True):
        x = x[:, None]
        product = x * a
        error = _product_error(x, a, product)
        partial = total + product
        part = partial - total
        error += (total - (partial - part)) + (product - part)
        lost += error
        total = partial
    return total + lost


def _product_error(x: np.ndarray, a: np.ndarray, product: np.ndarray) -> np.ndarray:
    """Return x a - product exactly (Dekker's splitting into halves of 26 bits)."""
    (x1, x2), (a1, a2) = _split(x), _split(a)
    return np.asarray(x2 * a2 - (((product - x1 * a1) - x2 * a1) - x1 * a2))


def _split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    big = 134217729.0 * x  # 2^27 + 1
    high = big - (big - x)
    return high, x - high


def powers_of_two(sizes: np.ndarray) -> np.ndarray:
    """Return the powers of two nearest below or at each size, 1 where it is 0."""
    exponent = np.frexp(np.where(sizes > 0, sizes, 1.0))[1]
    return np.asarray(np.ldexp(1.0, exponent - 1))


def held(traces: Traces) -> np.ndarray:
    """Return the mask (M,) of stored tokens that stand in some example's context."""
    edges = np.zeros(traces.tokens.shape[0] + 1, dtype=np.int64)
    np.add.at(edges, traces.start, 1)
    np.add.at(edges, traces.stop, -1)
    return np.asarray(np.cumsum(edges[:-1]) > 0)


def held_tokens(traces: Traces) -> Any:
    """Return the tokens (M', d) that stand in some example's context, dense or CSR as stored."""
    tokens: Any = traces.tokens
    inside = held(traces)
    return tokens if inside.all() else tokens[inside]


def compact(traces: Traces) -> Traces:
    """Return the same examples over the tokens in use alone, where most of those stored are not."""
    if 4 * int((traces.stop - traces.start).sum()) > traces.tokens.shape[0]:
        return traces
    inside, tokens = held(traces), held_tokens(traces)
    place = np.concatenate([[0], np.cumsum(inside)])
    return dataclasses.replace(traces, tokens=tokens, start=place[traces.start], stop=place[traces.stop])


def tame(tokens: Any) -> bool:
    """Whether all tokens (M, d) are whole numbers of at most ``TAME``."""
    values = tokens.data if sparse.issparse(tokens) else tokens
    return bool((np.abs(values) <= TAME).all() and (values == np.rint(values)).all())


def fit_whitening(*traces: Traces) -> Whitening | None:
    """Return T for the tokens of all ``traces``, None where they are learned best as they are.

    Whole numbers of moderate size stay as they are, exactly; so do tokens whose directions are of like size. Sparse
    tokens are scaled only, unless some others are dense.
    """
    held = [held_tokens(part) for part in traces if len(part)]
    if not held:
        return None
    if all(sparse.issparse(part) for part in held):
        tokens: Any = held[0] if len(held) == 1 else sparse.vstack(held, format="csr")
    else:
        tokens = np.concatenate([part.toarray() if sparse.issparse(part) else part for part in held])
    if tokens.shape[0] == 0 or tame(tokens):
        return None
    return _scaling(tokens) if sparse.issparse(tokens) else _mixing(tokens)


def _scaling(tokens: Any) -> Whitening | None:
    """Return the diagonal T of sparse tokens: each coordinate over the root mean square of its non-zero entries."""
    count = np.maximum(np.diff(sparse.csc_array(tokens).indptr), 1)
    largest = abs(tokens).max(axis=0).toarray().ravel()
    unit = powers_of_two(largest)
    square = np.asarray((tokens / unit).power(2).sum(axis=0)).ravel()
    scale = powers_of_two(unit * np.sqrt(square / count))
    d = len(scale)
    sizes = scale[largest > 0]
    raw = float(sizes.max() / sizes.min()) if len(sizes) else 1.0
    if raw <= AS_THEY_ARE and _moderate(sizes):
        return None
    return Whitening(scale, np.eye(d), d, 0, 1.0, raw, ())


def _mixing(tokens: np.ndarray) -> Whitening | None:
    """Return T of dense tokens (M, d) by a QR and an SVD of the tokens themselves, never of their second moment."""
    M, d = tokens.shape
    largest = np.abs(tokens).max(axis=0)
    loud = np.flatnonzero(largest > 0)
    if not len(loud):
        return None
    unit = powers_of_two(largest)
    scale = powers_of_two(unit * np.sqrt(((tokens / unit) ** 2).mean(axis=0)))
    scale[largest == 0] = 1.0
    sizes, directions = _singular((tokens / scale)[:, loud])
    raw_sizes, _ = _singular(tokens[:, loud] / scale.max())
    used = int(np.sum(sizes > UNUSED * sizes[0]))
    kept_raw = raw_sizes[: max(1, int(np.sum(raw_sizes > 0)))][: max(used, 1)]
    raw = float(kept_raw[0] / kept_raw[-1])
    if used == len(loud) and raw <= AS_THEY_ARE and _moderate(scale[loud]):
        return None
    gain = np.ones(len(loud))
    gain[:used] = np.sqrt(M) / sizes[:used]
    rotation = np.zeros((d, d))
    rotation[: len(loud), loud] = gain[:, None] * directions
    rotation[np.arange(len(loud), d), np.flatnonzero(largest == 0)] = 1.0
    unused = tuple((rotation[i] / scale, float(sizes[i] / sizes[0]) if i < len(loud) else 0.0) for i in range(used, d))
    return Whitening(scale, rotation, used, d - len(loud), float(sizes[0] / sizes[used - 1]), raw, unused)


def _moderate(sizes: np.ndarray) -> bool:
    """Whether sixth powers of these sizes are far from the ends of float64."""
    return bool(len(sizes) == 0 or (sizes.min() >= 2.0**-10 and sizes.max() <= 2.0**10))


def _singular(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (singular values (d,), right singular vectors (d, d), rows) of tokens (M, d)."""
    _, sizes, directions = linalg.svd(token_triangle(tokens))
    return sizes, directions


def token_triangle(tokens: np.ndarray) -> np.ndarray:
    """Return the triangle R (d, d) of a QR of tokens (M, d), a bounded number at a time."""
    d = tokens.shape[1]
    R, step = np.zeros((d, d)), max(TALL, 2 * d)
    for low in range(0, len(tokens), step):
        R = linalg.qr(np.concatenate([R, tokens[low : low + step]]), mode="r")[0][:d]
    return R
