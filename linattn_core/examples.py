"""Distinct examples and their blocks: which features interact at all.

Two features that are never non-zero in the same example do not interact, so the second moment is block diagonal over
the connected components of the co-activation graph (ours: Lambda[i, j] is a sum of products phi_i phi_j, each zero
across components). Features that are zero in every example drop out; identical inputs are merged into one weighted
example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from linattn_core.errors import ShapeError
from linattn_core.features import SPARSE_CHUNK, feature_rows
from linattn_core.numerics import Progress, no_progress
from linattn_core.traces import Traces


@dataclass(frozen=True, eq=False)
class Examples:
    """n distinct inputs standing for N examples.

    ``rows`` (n, p) canonical CSR features, ``weights`` (n,) how many examples each stands for, ``targets`` (n, m) their
    mean answer, ``scatter`` the sum of squared deviations from these means, which no predictor can reduce; ``count`` is
    N. Of every single example ``group`` (N,) says for which input it stands, and ``answers`` (N, m) what was asked of
    it. ``hashes`` (n,) are equal for equal rows.
    """

    rows: sparse.csr_array
    weights: np.ndarray
    targets: np.ndarray
    scatter: float
    count: int
    group: np.ndarray
    answers: np.ndarray
    hashes: np.ndarray

    @classmethod
    def of(cls, traces: Traces, progress: Progress = no_progress) -> Examples:
        """Form the sparse features of ``traces`` chunk by chunk, merging as it goes.

        Raises ``ShapeError`` on zero examples and ``TooLargeError`` before allocating what would not fit.
        """
        if len(traces) == 0:
            raise ShapeError("examples: got zero of them, wanted at least one; raise the number of traces.")
        parts: list[Examples] = []
        done = 0
        for chunk in traces.chunks(SPARSE_CHUNK):
            parts.append(cls.each(sparse.csr_array(feature_rows(chunk)), chunk.targets).merged())
            done += len(chunk)
            progress(done / len(traces), f"features of {done:,} of {len(traces):,} examples")
        return parts[0] if len(parts) == 1 else cls.joined(parts)

    @classmethod
    def each(cls, rows: sparse.csr_array, answers: np.ndarray) -> Examples:
        """Let every row (N, p) stand for itself, with the answers (N, m)."""
        rows, N = rows if rows.has_canonical_format else _canonical(rows), rows.shape[0]
        return cls(rows, np.ones(N), answers, 0.0, N, np.arange(N), answers, row_hashes(rows))

    @classmethod
    def joined(cls, parts: Sequence[Examples]) -> Examples:
        """Return the examples of all parts, merged."""
        before = np.cumsum([0] + [len(part.weights) for part in parts[:-1]])
        return cls(
            sparse.csr_array(sparse.vstack([part.rows for part in parts], format="csr")),
            np.concatenate([part.weights for part in parts]),
            np.concatenate([part.targets for part in parts]),
            sum(part.scatter for part in parts),
            sum(part.count for part in parts),
            np.concatenate([part.group + shift for part, shift in zip(parts, before, strict=True)]),
            np.concatenate([part.answers for part in parts]),
            np.concatenate([part.hashes for part in parts]),
        ).merged()

    def merged(self) -> Examples:
        """Return the same data with identical inputs merged, in the order of their first appearance.

        Rows are grouped by their hashes and the groups verified entry by entry, so a collision cannot merge different
        inputs: should one ever occur, the rows themselves are compared.
        """
        _, first, group = np.unique(self.hashes, return_index=True, return_inverse=True)
        if len(first) == len(group):
            return self
        if not _all_equal(self.rows, first[group]):
            first, group = _compared(self.rows)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        group, first = rank[group], first[order]
        weights = np.bincount(group, self.weights)
        member = sparse.csr_array((self.weights, (group, np.arange(len(group)))), shape=(len(first), len(group)))
        targets = (member @ self.targets) / weights[:, None]
        deviation = self.targets - targets[group]
        scatter = self.scatter + float(self.weights @ np.einsum("ia,ia->i", deviation, deviation))
        rows, hashes = self.rows[first], self.hashes[first]
        return Examples(rows, weights, targets, scatter, self.count, group[self.group], self.answers, hashes)

    def residuals(self, predictions: np.ndarray) -> np.ndarray:
        """Return ||y - prediction|| (N,) of every single example, given the predictions (n, m) at the inputs."""
        return np.asarray(np.linalg.norm(self.answers - predictions[self.group], axis=1))

    @cached_property
    def active(self) -> tuple[np.ndarray, sparse.csr_array]:
        """The features (k,) that are non-zero in some example, and the rows (n, k) on them."""
        return on_used_columns(self.rows)


def row_hashes(rows: sparse.csr_array) -> np.ndarray:
    """Return a 64-bit number (n,) for each row of ``rows`` (n, p): the sum over its entries of bits times column code.

    Modulo 2^64. The exponent's bits are folded onto the lowest ones, since round numbers end in zeros, and the codes
    are those of splitmix64, so that a row has the same number whatever stands beside it.
    """
    n, p = rows.shape
    used, inside = (np.arange(p), rows) if p <= rows.nnz else on_used_columns(rows)
    bits = rows.data.view(np.uint64)
    code = (used.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        code = (code ^ (code >> np.uint64(shift))) * np.uint64(factor)
    code ^= code >> np.uint64(31)
    folded = (bits ^ (bits >> np.uint64(52)), inside.indices, rows.indptr)
    return np.asarray(sparse.csr_array(folded, shape=(n, len(used))) @ code)


def _canonical(rows: sparse.csr_array) -> sparse.csr_array:
    rows = rows.copy()
    rows.sum_duplicates()
    return rows


def _all_equal(rows: sparse.csr_array, other: np.ndarray) -> bool:
    """Return whether each row i of ``rows`` equals row ``other[i]`` to the last bit."""
    again = np.flatnonzero(other != np.arange(len(other)))
    for low in range(0, len(again), SPARSE_CHUNK):
        here = again[low : low + SPARSE_CHUNK]
        a, b = rows[here], rows[other[here]]
        if not all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("indptr", "indices", "data")):
            return False
    return True


def _compared(rows: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Return (where each distinct row stands first, the number (n,) of each row's): by their bytes."""
    seen: dict[tuple[bytes, bytes], int] = {}
    ends = zip(rows.indptr[:-1], rows.indptr[1:], strict=True)
    keys = [(rows.indices[low:high].tobytes(), rows.data[low:high].tobytes()) for low, high in ends]
    group = np.array([seen.setdefault(key, len(seen)) for key in keys])
    return np.unique(group, return_index=True)[1], group


@dataclass(frozen=True, eq=False)
class Block:
    """One connected component of ``source`` (n, k): examples ``index`` (n_b,), features ``columns`` (k_b,).

    ``place`` (k,), shared by all blocks, says where a column of ``source`` stands within its own block.
    """

    index: np.ndarray
    columns: np.ndarray
    place: np.ndarray
    source: sparse.csr_array

    @property
    def rows(self) -> sparse.csr_array:
        """The rows (n_b, k_b), taken out of the source at every call."""
        part = self.source[self.index]
        local = (part.data, self.place[part.indices], part.indptr)
        return sparse.csr_array(local, shape=(len(self.index), len(self.columns)))


def on_used_columns(rows: sparse.csr_array) -> tuple[np.ndarray, sparse.csr_array]:
    """Return the columns (k,) that are ever stored, sorted, and ``rows`` (n, k) on these alone; the data are shared."""
    n, p = rows.shape
    if p <= 16 * rows.nnz:  # a table of all p columns is cheaper than sorting the indices
        seen = np.zeros(p, dtype=bool)
        seen[rows.indices] = True
        used = np.flatnonzero(seen)
        place = np.cumsum(seen, dtype=rows.indices.dtype) - 1
        inside = place[rows.indices]
    else:
        used, inside = np.unique(rows.indices, return_inverse=True)
    return used, sparse.csr_array((rows.data, inside, rows.indptr), shape=(n, len(used)))


def blocks(rows: sparse.csr_array) -> list[Block]:
    """Return the connected components of the bipartite graph of examples and features of ``rows`` (n, p).

    Examples whose features are all zero belong to no block: every predictor answers zero there.
    """
    return components(*on_used_columns(rows))


def components(used: np.ndarray, rows: sparse.csr_array) -> list[Block]:
    """Return the blocks of ``rows`` (n, k), whose columns stand for the features ``used`` (k,), all of them stored."""
    n, k = rows.shape
    if k == 0:
        return []
    ends = np.concatenate([rows.indptr, np.full(k, rows.indptr[-1], dtype=rows.indptr.dtype)])
    graph = sparse.csr_array((rows.data, rows.indices + n, ends), shape=(n + k, n + k))
    count, label = csgraph.connected_components(graph, directed=False)
    groups = [np.argsort(part, kind="stable") for part in (label[:n], label[n:])]
    ends_of = [np.cumsum(np.bincount(part, minlength=count)) for part in (label[:n], label[n:])]
    place, found = np.empty(k, dtype=rows.indices.dtype), []
    for c in np.unique(label[n:]):
        index, columns = (group[(end[c - 1] if c else 0) : end[c]] for group, end in zip(groups, ends_of, strict=True))
        place[columns] = np.arange(len(columns))
        found.append(Block(index, used[columns], place, rows))
    return found
