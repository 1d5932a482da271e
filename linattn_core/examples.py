"""Distinct examples and their blocks: which features interact at all.

Two features that are never non-zero in the same example do not interact, so the second moment is block diagonal over
the connected components of the co-activation graph (ours: Lambda[i, j] is a sum of products phi_i phi_j, each zero
across components). Features that are zero in every example drop out; identical inputs are merged into one weighted
example.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
        _, first, group = np.unique(self.rows @ directions, axis=0, return_index=True, return_inverse=True)
        group = group.ravel()
        order = np.argsort(first)  # keep the order of first appearance: results do not depend on the projections
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        group, first = rank[group], first[order]
        if len(first) == len(group):
            return self
        distinct = self.rows[first]
        if abs(self.rows - distinct[group]).max() != 0:
            return self
        weights = np.bincount(group, self.weights)
        member = sparse.csr_array((self.weights, (group, np.arange(len(group)))), shape=(len(first), len(group)))
        targets = (member @ self.targets) / weights[:, None]
        deviation = self.targets - targets[group]
        scatter = self.scatter + float(self.weights @ np.einsum("ia,ia->i", deviation, deviation))
        return Examples(distinct, weights, targets, scatter, self.count)


@dataclass(frozen=True, eq=False)
class Block:
    """One connected component: examples ``index`` (n_b,), features ``columns`` (k_b,) and their rows (n_b, k_b) CSR."""

    index: np.ndarray
    columns: np.ndarray
    rows: sparse.csr_array


def blocks(rows: sparse.csr_array) -> Iterator[Block]:
    """Yield the connected components of the bipartite graph of examples and features of ``rows`` (n, p).

    Examples whose features are all zero belong to no block: every predictor answers zero there.
    """
    active = np.unique(rows.indices)
    if len(active) == 0:
        return
    compact = sparse.csr_array(
        (rows.data, np.searchsorted(active, rows.indices), rows.indptr), (rows.shape[0], len(active))
    )
    n, k = compact.shape
    graph = sparse.csr_array((np.ones(compact.nnz), compact.indices + n, compact.indptr), (n, n + k))
    graph.resize((n + k, n + k))
    _, label = csgraph.connected_components(graph, directed=False)
    row_label, column_label = label[:n], label[n:]
    row_order, column_order = np.argsort(row_label, kind="stable"), np.argsort(column_label, kind="stable")
    place = np.empty(k, dtype=np.int64)
    place[column_order] = np.arange(k)
    ordered = compact[row_order]
    ordered.indices = place[ordered.indices]
    ordered.sort_indices()
    names, starts = np.unique(column_label[column_order], return_index=True)
    for name, low, high in zip(names, starts, np.append(starts[1:], k), strict=True):
        first, last = np.searchsorted(row_label[row_order], [name, name + 1])
        part = ordered[first:last]
        local = sparse.csr_array((part.data, part.indices - low, part.indptr), shape=(last - first, high - low))
        yield Block(row_order[first:last], active[column_order[low:high]], local)
