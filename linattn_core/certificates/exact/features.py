"""Features of contexts modulo a prime: phi without svec's sqrt(2), a scaling of columns that changes no rank.

Every finite float is an integer times a power of two, so it has a residue and the tokens AS STORED have exact features,
however large or long. Tokens are reduced first, then C and the products are formed in int64: a residue is at most 2^30,
so a product is at most 2^60 and a sum over 2^32 tokens fits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from linattn_core.certificates.exact.field import Field, whole
from linattn_core.features import row_kronecker
from linattn_core.traces import Traces

CHUNK = 16_384
"""Contexts whose features are laid out at a time, fewer where each has many."""
ENTRIES = 4_000_000
"""Numbers laid out at a time."""


def integer_tokens(traces: Traces) -> bool:
    """Whether every token that an example uses consists of whole numbers, at most 2^52 in absolute value."""
    tokens = traces.tokens[_used(traces)]
    return whole(tokens.data if sparse.issparse(tokens) else tokens)


def residue_chunks(traces: Traces, field: Field) -> Iterator[tuple[np.ndarray, sparse.csr_array]]:
    """Yield (example numbers (k,), their features (k, p) modulo the prime) a bounded number of examples at a time.

    The features are CSR, int64, at most 2^30 in absolute value. Examples come in order, except that chunks keep
    prefixes of one sequence together where these stand together.
    """
    size = max(1, min(CHUNK, int(ENTRIES / _entries(traces))))
    done = 0
    for chunk in traces.chunks(size):
        yield np.arange(done, done + len(chunk)), feature_residues(chunk, field)
        done += len(chunk)


def _entries(traces: Traces) -> float:
    """Bound how many entries of a row of features, or of the sums behind it, are not zero: on average, at least 1."""
    d, tokens = traces.dim, traces.tokens
    if isinstance(tokens, np.ndarray) or len(traces) == 0:
        return float(d * d * (d + 1) // 2)
    each = np.diff(tokens.indptr).astype(np.float64)
    held = max(1.0, float(each[traces.stop - 1].max()))
    squares = np.r_[0.0, np.cumsum(each * (each + 1) / 2)]
    shared = len(np.unique(traces.start)) < len(traces)  # prefixes are summed densely
    own = d * (d + 1) / 2 if shared else float((squares[traces.stop] - squares[traces.start]).mean())
    return max(1.0, held * min(own, d * (d + 1) / 2))


def feature_residues(traces: Traces, field: Field) -> sparse.csr_array:
    """Return the features (N, p) of all examples modulo the prime: CSR, int64, at most 2^30 in absolute value."""
    used = _used(traces)
    tokens = sparse.csr_array(traces.tokens[used])
    data = field.of_floats(tokens.data).astype(np.int64)
    tokens = sparse.csr_array((data, tokens.indices, tokens.indptr), shape=tokens.shape)
    tokens.eliminate_zeros()
    place = np.zeros(traces.tokens.shape[0] + 1, dtype=np.int64)
    place[1:] = np.cumsum(used)
    start, stop = place[traces.start], place[traces.stop]
    found = row_kronecker(_sums(_squares(tokens, field), start, stop, field), sparse.csr_array(tokens[stop - 1]))
    return _reduced(found, field)


def _used(traces: Traces) -> np.ndarray:
    """Return the mask (M,) of stored tokens that some example sums over."""
    change = np.zeros(traces.tokens.shape[0] + 1, dtype=np.int64)
    np.add.at(change, traces.start, 1)
    np.add.at(change, traces.stop, -1)
    return np.asarray(np.cumsum(change)[:-1] > 0)


def _squares(tokens: sparse.csr_array, field: Field) -> sparse.csr_array:
    """Return the upper triangles (M, s) of t t^T for int64 tokens (M, d)."""
    d = tokens.shape[1]
    pairs = row_kronecker(tokens, tokens)
    j, k = np.divmod(pairs.indices.astype(np.int64), d)
    pairs.data[j > k] = 0
    places = np.where(j <= k, j * (2 * d - j + 1) // 2 + k - j, 0)
    found = sparse.csr_array((pairs.data, places, pairs.indptr), shape=(len(pairs.indptr) - 1, d * (d + 1) // 2))
    return _reduced(found, field)


def _sums(squares: sparse.csr_array, start: np.ndarray, stop: np.ndarray, field: Field) -> sparse.csr_array:
    """Return the sums (N, s) of rows start..stop of ``squares``, by running sums over what prefixes share."""
    order = np.lexsort((stop, start))
    start, stop = start[order], stop[order]
    first = np.r_[True, np.diff(start) != 0]
    low = np.where(first, start, np.r_[0, stop[:-1]])
    indptr = np.r_[0, np.cumsum(stop - low)]
    columns = np.arange(indptr[-1]) + np.repeat(low - indptr[:-1], stop - low)
    ones = np.ones(len(columns), dtype=np.int64)
    gains = sparse.csr_array((ones, columns, indptr), shape=(len(start), squares.shape[0])) @ squares
    gains = _reduced(gains, field)
    if not first.all():
        used = np.unique(gains.indices)
        running = np.cumsum(gains[:, used].toarray(), axis=0)
        before = np.concatenate([np.zeros((1, len(used)), dtype=np.int64), running])[np.flatnonzero(first)]
        running -= before[np.cumsum(first) - 1]
        found = sparse.csr_array(running)
        gains = sparse.csr_array((found.data, used[found.indices], found.indptr), shape=gains.shape)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return _reduced(sparse.csr_array(gains[back]), field)


def _reduced(rows: sparse.csr_array, field: Field) -> sparse.csr_array:
    """Return the same entries modulo the prime, those that are 0 left out."""
    found = sparse.csr_array((field.remainders(rows.data), rows.indices, rows.indptr), shape=rows.shape)
    found.eliminate_zeros()
    return found
