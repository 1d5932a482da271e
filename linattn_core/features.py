"""The features in which linear attention is linear: phi(Z) = svec(Z Z^T) (x) z.

Axes: d embedding, n tokens of one input, N examples, s = d(d+1)/2 entries of svec, p = s*d features.
Order: svec runs over ``numpy.triu_indices(d)`` row by row, its off-diagonal entries times sqrt(2); feature (s, l) has
index s*d + l. With this scaling <phi(Z), phi(Z')> = ||Z^T Z'||_F^2 <z, z'> (ours; arXiv:2410.10101v4 writes the same
features without the sqrt(2) as H(Z)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from linattn_core.errors import ShapeError, TooLargeError
from linattn_core.inputs import tokens_of
from linattn_core.numerics import check_memory, product
from linattn_core.prefix_sums import dense_sums, sparse_sums
from linattn_core.svec import SQRT2, svec_indices, svec_position, svec_scale, svec_scale_at, token_squares

if TYPE_CHECKING:
    from linattn_core.traces import Traces

__all__ = [
    "SPARSE_CHUNK",
    "SQRT2",
    "FeatureBatch",
    "as_context",
    "feature_batch",
    "feature_count",
    "feature_rows",
    "features",
    "kernel",
    "row_kronecker",
    "svec_indices",
    "svec_position",
    "svec_scale",
    "token_squares",
]

SPARSE_CHUNK = 4_000
"""Sparse examples whose features are formed at a time."""

NUMBER_BYTES = 80
"""Bytes that forming a number of sparse features takes, with all that says where it comes from and goes."""

REMEDY = "use fewer examples at a time, or a smaller embedding dimension"


def feature_count(d: int) -> int:
    """Return p(d) = d * d(d+1)/2, the number of features for embedding dimension d. Raises ``ShapeError`` if d < 1."""
    if isinstance(d, bool) or not isinstance(d, (int, np.integer)) or d < 1:
        raise ShapeError(f"feature_count: got d = {d!r}, wanted a whole embedding dimension of at least 1.")
    d = int(d)
    return d * (d * (d + 1) // 2)


def as_context(Z: Any, d: int | None = None) -> np.ndarray:
    """Return Z as a float64 (d, n) array, or raise ``ShapeError`` saying what is wrong with it."""
    Z = tokens_of(Z, "Z")
    if Z.ndim != 2 or Z.shape[0] < 1:
        raise ShapeError(f"Z: got an array of shape {Z.shape}, wanted (d, n) with tokens as columns.")
    if Z.shape[1] < 1:
        raise ShapeError(f"Z: got shape {Z.shape} without columns, wanted at least one token: the last is the query.")
    if d is not None and Z.shape[0] != d:
        raise ShapeError(f"Z: got tokens of dimension {Z.shape[0]}, wanted d = {d}, the dimension of the model.")
    return Z


def features(Z: np.ndarray) -> np.ndarray:
    """Return phi(Z) = svec(Z Z^T) (x) z of shape (p,) for one input Z (d, n) with query z = Z[:, -1].

    Every linear-attention model is y = P phi(Z) (Lemma 2.1 of arXiv:2410.10101v4, our scaling). Raises
    ``TooLargeError`` where p numbers would not fit.
    """
    Z = as_context(Z)
    d = Z.shape[0]
    check_memory(8.0 * feature_count(d) + 64.0 * d * d, f"The features at d = {d:,}", "use a smaller d")
    svec = (Z @ Z.T)[svec_indices(d)] * svec_scale(d)
    return np.outer(svec, Z[:, -1]).ravel()


def kernel(Z: np.ndarray, Z2: np.ndarray) -> float:
    """Return <phi(Z), phi(Z2)> = ||Z^T Z2||_F^2 <z, z2> without forming the p features.

    Ours: <svec(A), svec(B)> = tr(AB) for symmetric A, B, and tr(Z Z^T Z2 Z2^T) = ||Z^T Z2||_F^2. Raises ``ShapeError``
    where that product of six entries is outside of float64.
    """
    Z, Z2 = as_context(Z), as_context(Z2)
    (d, n), n2 = Z.shape, Z2.shape[1]
    if Z2.shape[0] != d:
        raise ShapeError(f"kernel: got dimensions {d} and {Z2.shape[0]}, wanted two inputs of the same d.")
    # Powers of two change no digit, and keep what is between within float64.
    (Z, power), (Z2, power2) = _near_one(Z), _near_one(Z2)
    check_memory(24.0 * min(n * n2, d * d), f"The kernel of {n:,} and {n2:,} tokens", "use fewer tokens")
    squares = np.sum((Z.T @ Z2) ** 2) if n * n2 <= max(d * d, 2**20) else np.sum((Z @ Z.T) * (Z2 @ Z2.T))
    found = float(squares * (Z[:, -1] @ Z2[:, -1]))
    try:
        scaled = math.ldexp(found, 3 * (power + power2))
    except OverflowError:
        scaled = math.inf
    if not math.isfinite(scaled) or (found and abs(scaled) < np.finfo(float).tiny):
        raise ShapeError("kernel: got tokens whose kernel is outside of float64; scale them towards 1.")
    return scaled


def _near_one(Z: np.ndarray) -> tuple[np.ndarray, int]:
    """Return Z / 2^power with its largest entry between 1/2 and 1, and the power."""
    power = math.frexp(float(abs(Z).max()))[1]
    return np.ldexp(Z, -power), power


def _finite(found: np.ndarray, what: str) -> np.ndarray:
    if not np.isfinite(found).all():
        raise ShapeError(f"{what}: got features so large that their products overflow float64; scale the tokens down.")
    return found


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
        """Return the explicit features (N, p), dense or CSR like the factors.

        Raises ``TooLargeError`` before allocating what would not fit.
        """
        if self.is_sparse:
            return row_kronecker(self.svec, self.query)
        d = self.query.shape[1]
        check_memory(8.0 * len(self) * feature_count(d), f"The features of {len(self):,} examples at d = {d:,}", REMEDY)
        return (self.svec[:, :, None] * self.query[:, None, :]).reshape(len(self), feature_count(d))

    def gram(self, other: FeatureBatch) -> np.ndarray:
        """Return the kernel matrix (N, N') of inner products <phi_i, phi'_j>.

        Raises ``TooLargeError`` before allocating what would not fit, ``ShapeError`` where products overflow.
        """
        bytes_each = 56.0 if self.is_sparse else 24.0
        check_memory(bytes_each * len(self) * len(other), f"A kernel of {len(self):,} x {len(other):,}", REMEDY)
        with np.errstate(over="ignore", invalid="ignore"):
            inner, query = self.svec @ other.svec.T, self.query @ other.query.T
            if self.is_sparse:
                return _finite((sparse.csr_array(inner) * sparse.csr_array(query)).toarray(), "kernel")
            return _finite(np.asarray(inner * query), "kernel")

    def inner(self, X: np.ndarray) -> np.ndarray:
        """Return the inner products (N, R) of these features with explicit rows X (R, p), of dense factors."""
        found = np.empty((len(self), len(X)))
        with np.errstate(over="ignore", invalid="ignore"):
            for r, row in enumerate(X.reshape(len(X), self.svec.shape[1], self.query.shape[1])):
                found[:, r] = np.einsum("nl,nl->n", product(self.svec, row), self.query)
        return _finite(found, "products with features")

    def combine(self, alpha: np.ndarray) -> np.ndarray:
        """Return the explicit rows alpha Phi (R, p) for alpha (R, N), of dense factors."""
        found = np.empty((len(alpha), self.svec.shape[1] * self.query.shape[1]))
        with np.errstate(over="ignore", invalid="ignore"):
            for r, a in enumerate(alpha):
                found[r] = product(self.svec.T, self.query * a[:, None]).ravel()
        return _finite(found, "sums of features")


def row_kronecker(a: sparse.csr_array, b: sparse.csr_array) -> sparse.csr_array:
    """Return the CSR matrix whose row i is the Kronecker product of row i of ``a`` (N, s) and of ``b`` (N, d).

    The transposed Khatri-Rao product; ``scipy.linalg.khatri_rao`` has it for dense arrays only. Raises
    ``TooLargeError`` before allocating what would not fit.
    """
    d, width = b.shape[1], int(a.shape[1]) * int(b.shape[1])
    if width >= 2**63:
        raise TooLargeError(f"features: got {width:.3g} of them at d = {d:,}, wanted at most 2^63; use a smaller d.")
    count_a, count_b = np.diff(a.indptr).astype(np.int64), np.diff(b.indptr).astype(np.int64)
    indptr = np.concatenate([[0], np.cumsum(count_a * count_b)])
    check_memory(NUMBER_BYTES * float(indptr[-1]), f"{indptr[-1]:,} features of {len(count_a):,} examples", REMEDY)
    row = np.repeat(np.arange(a.shape[0]), count_a * count_b)
    within = np.arange(indptr[-1]) - indptr[row]
    left = a.indptr[row] + within // count_b[row]
    right = b.indptr[row] + within % count_b[row]
    columns = a.indices[left].astype(np.int64) * d + b.indices[right]
    narrow = np.int32 if max(width, indptr[-1]) < 2**31 else np.int64
    parts = (a.data[left] * b.data[right], columns.astype(narrow), indptr.astype(narrow))
    return sparse.csr_array(parts, shape=(a.shape[0], width))


def on_columns(rows: sparse.csr_array, columns: np.ndarray) -> sparse.csr_array:
    """Return CSR rows (N, p) on the sorted ``columns`` (k,), (N, k); scipy's own indexing allocates p numbers."""
    if not len(columns):
        return sparse.csr_array((rows.shape[0], 0))
    place = np.minimum(np.searchsorted(columns, rows.indices), len(columns) - 1)
    kept = columns[place] == rows.indices
    ends = np.concatenate([[0], np.cumsum(kept)])[rows.indptr]
    return sparse.csr_array((rows.data[kept], place[kept], ends), shape=(rows.shape[0], len(columns)))


def feature_batch(traces: Traces) -> FeatureBatch:
    """Return the factored features of all examples of ``traces``; use ``traces.chunks`` first when they are many.

    Raises ``TooLargeError`` before allocating what would not fit.
    """
    d, query = traces.dim, traces.tokens[traces.stop - 1]
    if traces.is_sparse:
        svec = sparse_sums(traces.tokens, traces.start, traces.stop)
        svec.data *= svec_scale_at(svec.indices, d)
        return FeatureBatch(svec, sparse.csr_array(query))
    dense = dense_sums(traces.tokens, traces.start, traces.stop)
    dense *= svec_scale(d)
    return FeatureBatch(dense, query)


def feature_rows(traces: Traces) -> np.ndarray | sparse.csr_array:
    """Return the explicit features (N, p) of all examples, CSR where the tokens are stored sparse.

    Raises ``TooLargeError`` before allocating what would not fit.
    """
    if not traces.is_sparse or len(traces) <= SPARSE_CHUNK:
        return feature_batch(traces).rows()
    parts: list[sparse.csr_array] = []
    for chunk in traces.chunks(SPARSE_CHUNK):
        parts.append(sparse.csr_array(feature_batch(chunk).rows()))
        held = sum(part.nnz for part in parts)
        check_memory(32.0 * held, f"The features of {len(traces):,} sparse examples", REMEDY)
    return sparse.vstack(parts, format="csr")
