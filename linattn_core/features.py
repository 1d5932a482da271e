"""The features in which linear attention is linear: phi(Z) = svec(Z Z^T) (x) z.

Axes: d embedding, n tokens of one input, N examples, s = d(d+1)/2 entries of svec, p = s*d features.
Order: svec runs over ``numpy.triu_indices(d)`` row by row, its off-diagonal entries times sqrt(2); feature (s, l) has
index s*d + l. With this scaling <phi(Z), phi(Z')> = ||Z^T Z'||_F^2 <z, z'> (ours; arXiv:2410.10101v4 writes the same
features without the sqrt(2) as H(Z)).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from linattn_core.errors import ShapeError
from linattn_core.numerics import product

if TYPE_CHECKING:
    from linattn_core.traces import Traces

SQRT2 = float(np.sqrt(2.0))

SPARSE_CHUNK = 4_000
"""Sparse examples whose features are formed at a time."""


def feature_count(d: int) -> int:
    """Return p(d) = d * d(d+1)/2, the number of features for embedding dimension d. Raises ``ShapeError`` if d < 1."""
    if d < 1:
        raise ShapeError(f"feature_count: got d = {d}, wanted an embedding dimension of at least 1.")
    return d * (d * (d + 1) // 2)


def as_context(Z: np.ndarray, d: int | None = None) -> np.ndarray:
    """Return Z as a float64 (d, n) array, or raise ``ShapeError`` saying what is wrong with it."""
    try:
        Z = np.asarray(Z, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"Z: got {type(Z).__name__} that is not numeric, wanted a (d, n) array of numbers.") from error
    if Z.ndim != 2 or Z.shape[0] < 1:
        raise ShapeError(f"Z: got an array of shape {Z.shape}, wanted (d, n) with tokens as columns.")
    if Z.shape[1] < 1:
        raise ShapeError(f"Z: got shape {Z.shape} without columns, wanted at least one token: the last is the query.")
    if d is not None and Z.shape[0] != d:
        raise ShapeError(f"Z: got tokens of dimension {Z.shape[0]}, wanted d = {d}, the dimension of the model.")
    if not np.isfinite(Z).all():
        raise ShapeError("Z: got NaN or infinity among its entries, wanted finite numbers; mend those tokens.")
    return Z


@lru_cache(maxsize=64)
def svec_indices(d: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (j, k), each of shape (s,): the row and column of every entry of svec, j <= k."""
    j, k = np.triu_indices(d)
    return j, k


@lru_cache(maxsize=64)
def svec_scale(d: int) -> np.ndarray:
    """Return the factors (s,) of svec: 1 on the diagonal, sqrt(2) off it."""
    j, k = svec_indices(d)
    return np.where(j == k, 1.0, SQRT2)


def svec_position(j: np.ndarray, k: np.ndarray, d: int) -> np.ndarray:
    """Return the index in svec of entries (j, k), j <= k."""
    return j * (2 * d - j + 1) // 2 + (k - j)


def features(Z: np.ndarray) -> np.ndarray:
    """Return phi(Z) = svec(Z Z^T) (x) z of shape (p,) for one input Z (d, n) with query z = Z[:, -1].

    Every linear-attention model is y = P phi(Z) (Lemma 2.1 of arXiv:2410.10101v4, our scaling).
    """
    Z = as_context(Z)
    d = Z.shape[0]
    svec = (Z @ Z.T)[svec_indices(d)] * svec_scale(d)
    return np.outer(svec, Z[:, -1]).ravel()


def kernel(Z: np.ndarray, Z2: np.ndarray) -> float:
    """Return <phi(Z), phi(Z2)> = ||Z^T Z2||_F^2 <z, z2> without forming the p features.

    Ours: <svec(A), svec(B)> = tr(AB) for symmetric A, B, and tr(Z Z^T Z2 Z2^T) = ||Z^T Z2||_F^2.
    """
    Z, Z2 = as_context(Z), as_context(Z2)
    if Z.shape[0] != Z2.shape[0]:
        raise ShapeError(f"kernel: got dimensions {Z.shape[0]} and {Z2.shape[0]}, wanted two inputs of the same d.")
    return float(np.sum((Z.T @ Z2) ** 2) * (Z[:, -1] @ Z2[:, -1]))


@dataclass(frozen=True)
class FeatureBatch:
    """phi of N examples in factored form: row i is svec[i] (x) query[i].

    ``svec`` (N, s) and ``query`` (N, d), both dense arrays or both CSR. The explicit rows cost p numbers an example,
    the factors only s + d, and inner products need the factors alone.
    """

    svec: np.ndarray | sparse.csr_array
    query: np.ndarray | sparse.csr_array

    @property
    def is_sparse(self) -> bool:
        """Whether the factors are stored as CSR."""
        return sparse.issparse(self.svec)

    def __len__(self) -> int:
        return int(self.svec.shape[0])

    def rows(self) -> np.ndarray | sparse.csr_array:
        """Return the explicit features (N, p), dense or CSR like the factors."""
        if self.is_sparse:
            return row_kronecker(self.svec, self.query)
        return (self.svec[:, :, None] * self.query[:, None, :]).reshape(len(self), -1)

    def gram(self, other: FeatureBatch) -> np.ndarray:
        """Return the kernel matrix (N, N') of inner products <phi_i, phi'_j>."""
        inner, query = self.svec @ other.svec.T, self.query @ other.query.T
        if self.is_sparse:
            return (sparse.csr_array(inner) * sparse.csr_array(query)).toarray()
        return np.asarray(inner * query)

    def inner(self, X: np.ndarray) -> np.ndarray:
        """Return the inner products (N, R) of these features with explicit rows X (R, p), of dense factors."""
        found = np.empty((len(self), len(X)))
        for r, row in enumerate(X.reshape(len(X), self.svec.shape[1], self.query.shape[1])):
            found[:, r] = np.einsum("nl,nl->n", product(self.svec, row), self.query)
        return found

    def combine(self, alpha: np.ndarray) -> np.ndarray:
        """Return the explicit rows alpha Phi (R, p) for alpha (R, N), of dense factors."""
        found = np.empty((len(alpha), self.svec.shape[1] * self.query.shape[1]))
        for r, a in enumerate(alpha):
            found[r] = product(self.svec.T, self.query * a[:, None]).ravel()
        return found


def row_kronecker(a: sparse.csr_array, b: sparse.csr_array) -> sparse.csr_array:
    """Return the CSR matrix whose row i is the Kronecker product of row i of ``a`` (N, s) and of ``b`` (N, d).

    The transposed Khatri-Rao product; ``scipy.linalg.khatri_rao`` has it for dense arrays only.
    """
    d = b.shape[1]
    count_a, count_b = np.diff(a.indptr).astype(np.int64), np.diff(b.indptr).astype(np.int64)
    indptr = np.concatenate([[0], np.cumsum(count_a * count_b)])
    row = np.repeat(np.arange(a.shape[0]), count_a * count_b)
    within = np.arange(indptr[-1]) - indptr[row]
    left = a.indptr[row] + within // count_b[row]
    right = b.indptr[row] + within % count_b[row]
    columns = a.indices[left].astype(np.int64) * d + b.indices[right]
    narrow = np.int32 if max(a.shape[1] * d, indptr[-1]) < 2**31 else np.int64
    parts = (a.data[left] * b.data[right], columns.astype(narrow), indptr.astype(narrow))
    return sparse.csr_array(parts, shape=(a.shape[0], a.shape[1] * d))


def token_squares(tokens: sparse.csr_array) -> sparse.csr_array:
    """Return the CSR matrix (M, s) whose row i is the upper triangle of t_i t_i^T, without the sqrt(2).

    The factor is left out until the sum over tokens is complete: sums of small integers are then exact, so that
    entries that telescope to zero are exactly zero, and equal contexts are equal to the last bit in any token order.
    """
    d = tokens.shape[1]
    count = np.diff(tokens.indptr)
    indptr = np.concatenate([[0], np.cumsum(count * (count + 1) // 2, dtype=np.int64)])
    indices, data = np.empty(indptr[-1], dtype=np.int64), np.empty(indptr[-1])
    for c in np.unique(count):  # tokens with equally many entries together: one small pattern of pairs for all
        rows = np.flatnonzero(count == c)
        entries = tokens.indptr[rows][:, None] + np.arange(c)
        at, value = tokens.indices[entries].astype(np.int64), tokens.data[entries]
        left, right = np.triu_indices(c)
        place = indptr[rows][:, None] + np.arange(len(left))
        indices[place] = svec_position(at[:, left], at[:, right], d)
        data[place] = value[:, left] * value[:, right]
    return sparse.csr_array((data, indices, indptr), shape=(tokens.shape[0], d * (d + 1) // 2))


def feature_batch(traces: Traces) -> FeatureBatch:
    """Return the factored features of all examples of ``traces``; use ``traces.chunks`` first when they are many."""
    query = traces.tokens[traces.stop - 1]
    if traces.is_sparse:
        used, where = _used_tokens(traces)
        svec = sparse.csr_array(where @ token_squares(traces.tokens[used]))
        svec.data *= svec_scale(traces.dim)[svec.indices]
        svec.eliminate_zeros()
        svec.sort_indices()
        return FeatureBatch(svec, sparse.csr_array(query))
    return FeatureBatch(_dense_svec(traces), query)


def feature_rows(traces: Traces) -> np.ndarray | sparse.csr_array:
    """Return the explicit features (N, p) of all examples, CSR where the tokens are stored sparse."""
    if not traces.is_sparse or len(traces) <= SPARSE_CHUNK:
        return feature_batch(traces).rows()
    parts = [feature_batch(chunk).rows() for chunk in traces.chunks(SPARSE_CHUNK)]
    return sparse.vstack(parts, format="csr")


def _used_tokens(traces: Traces) -> tuple[slice, sparse.csr_array]:
    """Return the span of tokens used and the 0/1 matrix (N, span) that says which tokens each example sums over."""
    if len(traces) == 0:
        return slice(0, 0), sparse.csr_array((0, 0))
    low, high = int(traces.start.min()), int(traces.stop.max())
    length = traces.stop - traces.start
    indptr = np.concatenate([[0], np.cumsum(length)])
    row = np.repeat(np.arange(len(traces)), length)
    columns = np.arange(indptr[-1]) - indptr[row] + traces.start[row] - low
    return slice(low, high), sparse.csr_array((np.ones(indptr[-1]), columns, indptr), shape=(len(traces), high - low))


def _dense_svec(traces: Traces) -> np.ndarray:
    """Return svec(C) (N, s) of dense tokens, by running sums inside every group of examples with a common start."""
    d, N = traces.dim, len(traces)
    j, k = svec_indices(d)
    if N == 0:
        return np.empty((0, len(j)))
    first = np.flatnonzero(np.r_[True, np.diff(traces.start) != 0])
    groups = np.append(first, N)
    lengths = np.maximum.reduceat(traces.stop, first) - traces.start[first]
    svec = np.empty((N, len(j)))
    # Groups of one shape (the same number of tokens and the same prefixes) are done together, the rest one by one.
    sizes = np.diff(groups)
    if len(set(lengths)) == 1 and len(set(sizes)) == 1:
        offsets = (traces.stop - traces.start).reshape(len(first), -1)
        if (offsets == offsets[0]).all():
            index = traces.start[first][:, None] + np.arange(lengths[0])
            running = _running_squares(traces.tokens[index], offsets[0])
            np.multiply(running.reshape(N, d, d)[:, j, k], svec_scale(d), out=svec)
            return svec
    for g, begin in enumerate(first):
        end = groups[g + 1]
        tokens = traces.tokens[traces.start[begin] : traces.start[begin] + lengths[g]]
        running = _running_squares(tokens[None], traces.stop[begin:end] - traces.start[begin])
        svec[begin:end] = running[0][:, j, k] * svec_scale(d)
    return svec


def _running_squares(tokens: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return (B, E, d, d): the sums of t t^T over the first ``offsets`` (E,) tokens of every sequence (B, T, d)."""
    if len(offsets) == 1:
        head = tokens[:, : offsets[0]]
        return np.asarray(head.transpose(0, 2, 1) @ head)[:, None]
    running = np.cumsum(tokens[:, :, :, None] * tokens[:, :, None, :], axis=1)
    return np.asarray(running[:, offsets - 1])
