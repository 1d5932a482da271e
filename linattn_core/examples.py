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

from linattn_core.features import SPARSE_CHUNK, feature_rows
from linattn_core.numerics import Progress, no_progress
from linattn_core.traces import Traces


@dataclass(frozen=True, eq=False)
class Examples:
    """n distinct inputs standing for N examples.

    ``rows`` (n, p) CSR features, ``weights`` (n,) how many examples each stands for, ``targets`` (n, m) their mean
    answer, ``scatter`` the sum of squared deviations from these means, which no predictor can reduce; ``count`` is N.
    """

    rows: sparse.csr_array
    weights: np.ndarray
    targets: np.ndarray
    scatter: float
    count: int

    @classmethod
    def of(cls, traces: Traces, progress: Progress = no_progress) -> Examples:
        """Form the sparse features of ``traces`` chunk by chunk, merging as it goes."""
        parts: list[Examples] = []
        done = 0
        for chunk in traces.chunks(SPARSE_CHUNK):
            rows = sparse.csr_array(feature_rows(chunk))
            parts.append(cls(rows, np.ones(len(chunk)), chunk.targets, 0.0, len(chunk)).merged())
            done += len(chunk)
            progress(done / len(traces), f"features of {done:,} of {len(traces):,} examples")
        return parts[0] if len(parts) == 1 else cls.joined(parts)

    @classmethod
    def joined(cls, parts: Sequence[Examples]) -> Examples:
        """Return the examples of all parts, merged."""
        return cls(
            sparse.csr_array(sparse.vstack([part.rows for part in parts], format="csr")),
            np.concatenate([part.weights for part in parts]),
            np.concatenate([part.targets for part in parts]),
            sum(part.scatter for part in parts),
            sum(part.count for part in parts),
        ).merged()

    def merged(self) -> Examples:
        """Return the same data with identical inputs merged.

        Rows are grouped by two random projections and the groups verified entry by entry, so a collision cannot merge
        different inputs: should one ever occur, nothing is merged.
        """
        directions = np.random.default_rng(0).normal(size=(self.rows.shape[1], 2))
        # As complex numbers, since numpy sorts those far faster than pairs.
        _, first, group = np.unique((self.rows @ directions).view(complex), return_index=True, return_inverse=True)
        group = group.ravel()
        if len(first) == len(group):
            return self
        order = np.argsort(first)  # keep the order of first appearance: results do not depend on the projections
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        group, first = rank[group], first[order]
        distinct = self.rows[first]
        again = np.setdiff1d(np.arange(len(group)), first, assume_unique=True)
        if abs(self.rows[again] - distinct[group[again]]).max() != 0:
            return self
        weights = np.bincount(group, self.weights)
        member = sparse.csr_array((self.weights, (group, np.arange(len(group)))), shape=(len(first), len(group)))
        targets = (member @ self.targets) / weights[:, None]
        deviation = self.targets - targets[group]
        scatter = self.scatter + float(self.weights @ np.einsum("ia,ia->i", deviation, deviation))
        return Examples(distinct, weights, targets, scatter, self.count)

    @cached_property
    def active(self) -> tuple[np.ndarray, sparse.csr_array]:
        """The features (k,) that are non-zero in some example, and the rows (n, k) on them."""
        return on_used_columns(self.rows)


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
