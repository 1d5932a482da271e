"""A sparse W as heads that stay readable: one-hot columns or rows are taken as they are, the rest by SVD (ours).

Features that are zero in every example leave their entry of W free. Two uses of that keep heads together which the
sparsest coefficients tear apart: columns that agree wherever both are settled become one ("every cell", although some
pairs of cells never meet), and two relations asked by the same attribute share a head where neither copies what the
other matches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.sparse import csgraph

RANK = 1e-9
"""Singular values below this fraction of the largest, and differences of directions below it, are rounding."""

Head = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""(rows, V there, columns, Q there): the non-zero entries of a head in the (m d) x (d d) matrix V (x) Q."""


@dataclass(frozen=True, eq=False)
class Freedom:
    """Where W is free: ``settled`` (d, d, d) says which C_jk z_l occur in the data; ``asker`` (d,) is the attribute of
    every coordinate, for heads that may be joined."""

    settled: np.ndarray
    asker: np.ndarray

    @property
    def dim(self) -> int:
        """The embedding dimension d."""
        return len(self.asker)

    def known(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return which entries (R, K) of W are settled, rows = a d + j, columns = k d + l."""
        d = self.dim
        return np.asarray(self.settled[(rows % d)[:, None], columns // d, columns % d])


def readable_heads(W: sparse.csr_array, freedom: Freedom) -> list[Head]:
    """Return as many heads as the rank of W (m d, d d) after the free entries are used, in the order of their columns.

    Rank adds over the connected components of the non-zero pattern. Inside one, if the distinct directions of the
    columns are as many as its rank, these are the heads: V is the column, and Q says by which factor each column
    follows it, 1 for the largest. Otherwise the same with rows; otherwise some of the columns, if all the others are
    their sums and differences; otherwise singular vectors.
    """
    W = sparse.csr_array(W)
    W.eliminate_zeros()
    if W.nnz == 0:
        return []
    rows, columns = np.unique(W.nonzero()[0]), np.unique(W.indices)
    block = completed(W[rows][:, columns].toarray(), freedom.known(rows, columns))
    pattern = sparse.csr_array(block)
    graph = sparse.block_array([[None, pattern], [pattern.T, None]], format="csr")
    _, label = csgraph.connected_components(graph, directed=False)
    heads: list[Head] = []
    for name in np.unique(label):
        r, c = np.flatnonzero(label[: len(rows)] == name), np.flatnonzero(label[len(rows) :] == name)
        for left, right in factors(block[np.ix_(r, c)]):
            heads.append((rows[r][left != 0], left[left != 0], columns[c][right != 0], right[right != 0]))
    return _joined(sorted(heads, key=lambda head: int(head[2][0])), freedom)


def completed(block: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the matrix with its unknown entries filled so that columns which agree where both are known are equal.

    Columns join, largest first, the first group they share a non-zero entry with and contradict nowhere. Unchanged
    unless that lowers the rank.
    """
    if known.all():
        return block
    size = RANK * np.abs(block).max()
    groups: list[tuple[np.ndarray, np.ndarray, list[int]]] = []
    for c in np.argsort(-np.linalg.norm(block, axis=0), kind="stable"):
        column, seen = block[:, c], known[:, c]
        for values, settled, members in groups:
            both = settled & seen
            if (np.abs(values - column)[both] <= size).all() and (column[both] != 0).any():
                values[seen], settled[seen] = column[seen], True
                members.append(int(c))
                break
        else:
            groups.append((np.where(seen, column, 0.0), seen.copy(), [int(c)]))
    filled = np.empty_like(block)
    for values, _, members in groups:
        filled[:, members] = values[:, None]
    return filled if _rank(filled) < _rank(block) else block


def factors(block: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return rank-one factors (column, row) whose sum is the block, as many as its rank."""
    U, s, Vt = linalg.svd(block, full_matrices=False)
    rank = int(np.sum(s > RANK * s[0]))
    groups = _directions(block.T, rank)
    if groups is not None:
        return groups
    groups = _directions(block, rank)
    if groups is not None:
        return [(right, left) for left, right in groups]
    groups = _skeleton(block, rank)
    if groups is not None:
        return groups
    root = np.sqrt(s[:rank]) * np.where(Vt[np.arange(rank), np.abs(Vt[:rank]).argmax(axis=1)] < 0, -1.0, 1.0)
    U, Vt = (np.where(np.abs(part) > RANK, part, 0.0) for part in (U, Vt))
    return [(U[:, h] * root[h], Vt[h] * root[h]) for h in range(rank)]


def _rank(block: np.ndarray) -> int:
    s = linalg.svdvals(block)
    return int(np.sum(s > RANK * s[0]))


def _directions(vectors: np.ndarray, rank: int) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """Return (vector, factors) per direction if the rows of ``vectors`` (R, n) have ``rank`` directions, else None."""
    size = np.linalg.norm(vectors, axis=1)
    order = np.argsort(-size, kind="stable")
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for i in order:
        if size[i] <= RANK * size[order[0]]:
            break
        for vector, follow in found:
            factor = float(vectors[i] @ vector) / float(vector @ vector)
            if np.linalg.norm(vectors[i] - factor * vector) <= RANK * size[i]:
                follow[i] = factor
                break
        else:
            if len(found) == rank:
                return None
            found.append((vectors[i], np.zeros(len(vectors))))
            found[-1][1][i] = 1.0
    return found


def _skeleton(block: np.ndarray, rank: int) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """Return ``rank`` of the columns and by which factors all columns follow them, if these are all -1, 0 or 1."""
    order = linalg.qr(block, mode="r", pivoting=True)[1]
    chosen = np.sort(order[:rank])
    follow = linalg.lstsq(block[:, chosen], block)[0]
    whole = np.round(follow)
    if np.abs(whole).max() > 1 or np.abs(follow - whole).max() > RANK:
        return None
    return [(block[:, c], whole[h]) for h, c in enumerate(chosen)]


def _joined(heads: list[Head], freedom: Freedom) -> list[Head]:
    """Join heads of different relations, where the products that come with it never occur in the data."""
    done: list[Head] = []
    for head in heads:
        for i, other in enumerate(done):
            joined = _sum(other, head, freedom)
            if joined is not None:
                done[i] = joined
                break
        else:
            done.append(head)
    return done


def _sum(one: Head, two: Head, freedom: Freedom) -> Head | None:
    """Return (V_1 + V_2) (x) (Q_1 + Q_2) where V_1 (x) Q_2 and V_2 (x) Q_1 are free, else None.

    Only for heads asked by the same attributes that match different ones: inside a relation every head says one thing.
    """
    d = freedom.dim
    asked = [set(freedom.asker[columns % d].tolist()) for _, _, columns, _ in (one, two)]
    matched = [set(freedom.asker[columns // d].tolist()) for _, _, columns, _ in (one, two)]
    if asked[0] != asked[1] or matched[0] & matched[1]:
        return None
    if freedom.known(one[0], two[2]).any() or freedom.known(two[0], one[2]).any():
        return None
    rows, left = _merged(one[0], one[1], two[0], two[1])
    columns, right = _merged(one[2], one[3], two[2], two[3])
    return rows, left, columns, right


def _merged(at: np.ndarray, values: np.ndarray, at2: np.ndarray, values2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(np.concatenate([at, at2]), kind="stable")
    return np.concatenate([at, at2])[order], np.concatenate([values, values2])[order]
