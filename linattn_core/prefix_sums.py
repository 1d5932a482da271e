"""svec(C) without sqrt(2), C = sum of t t^T over the tokens of a context: prefixes of one sequence share their sums.

Sums run over the tokens one by one in their order, so that sparse contexts of equal tokens have equal sums to the last
bit, whatever stands beside them; only dense ones may take what lies between two asked prefixes as one matrix product.
Memory is that of the result and of ``PIECE`` numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from linattn_core.numerics import check_memory
from linattn_core.svec import svec_indices, svec_position, token_squares

PIECE = 2**22
"""Numbers formed at a time on the way to a sum."""

BUFFER = 2**19
"""Running sums of sparse tokens formed at a time."""

CACHED = 2**18
"""Dense numbers that stay in the cache while they are worked on."""

WORTHWHILE = 2**18
"""Squares of sparse tokens from which on running sums are quicker than adding up each prefix by itself."""

REMEDY = "use fewer examples at a time, or smaller tokens"


def groups(start: np.ndarray) -> np.ndarray:
    """Return where each run of examples with a common start begins, and N at the end."""
    return np.flatnonzero(np.r_[True, np.diff(start) != 0, True])


def dense_sums(tokens: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Return the sums (N, s) of dense tokens (M, d). Raises ``TooLargeError`` before allocating what would not fit."""
    d, N = tokens.shape[1], len(start)
    s = d * (d + 1) // 2
    check_memory(16.0 * N * s + 32.0 * d * d, f"The sums of squares of {N:,} dense contexts at d = {d:,}", REMEDY)
    svec = np.empty((N, s))
    if N == 0:
        return svec
    ends = groups(start)
    first = ends[:-1]
    lengths = np.maximum.reduceat(stop, first) - start[first]
    # Groups of one shape (the same number of tokens and the same prefixes) are done together, the rest one by one.
    if (lengths == lengths[0]).all() and (np.diff(ends) == ends[1]).all():
        offsets = (stop - start).reshape(len(first), -1)
        if (offsets == offsets[0]).all():
            found, together = svec.reshape(len(first), -1, s), max(1, PIECE // int(lengths[0] * d))
            for low in range(0, len(first), together):
                index = start[first[low : low + together], None] + np.arange(lengths[0])
                _dense_prefixes(tokens[index], offsets[0], found[low : low + together])
            return svec
    for begin, end, length in zip(first, ends[1:], lengths, strict=True):
        some = tokens[start[begin] : start[begin] + length]
        _dense_prefixes(some[None], stop[begin:end] - start[begin], svec[None, begin:end])
    return svec


def _dense_prefixes(tokens: np.ndarray, offsets: np.ndarray, found: np.ndarray) -> None:
    """Put the sums over the first ``offsets`` (E,) tokens of every sequence (B, T, d) into ``found`` (B, E, s)."""
    ends, place = np.unique(offsets, return_inverse=True)
    if len(ends) < len(offsets) or (place[1:] < place[:-1]).any():
        distinct = np.empty((found.shape[0], len(ends), found.shape[2]))
        _dense_prefixes(tokens, ends, distinct)
        found[:] = distinct[:, place]
        return
    lengths = np.diff(ends, prepend=0)
    if (lengths[1:] == 1).all():
        alone = slice(int(lengths[0] > 1), None)
        _squares(tokens[:, ends[0] - 1 + alone.start : ends[-1]], found[:, alone])
    elif (lengths == 1).any():
        found[:, lengths == 1] = _squares(tokens[:, ends[lengths == 1] - 1])
    j, k = svec_indices(tokens.shape[2])
    for e in np.flatnonzero(lengths > 1):
        part = tokens[:, ends[e] - lengths[e] : ends[e]]
        found[:, e] = (part.transpose(0, 2, 1) @ part)[:, j, k]
    _cumulate(found)


def _squares(tokens: np.ndarray, found: np.ndarray | None = None) -> np.ndarray:
    """Return the upper triangles (B, E, s) of t t^T of single tokens (B, E, d)."""
    d = tokens.shape[2]
    if found is None:
        found = np.empty((*tokens.shape[:2], d * (d + 1) // 2))
    rows = max(1, CACHED // max(1, found[:, :1].size))
    for low in range(0, tokens.shape[1], rows):
        some, column = tokens[:, low : low + rows], 0
        for j in range(d):
            np.multiply(some[..., j : j + 1], some[..., j:], out=found[:, low : low + rows, column : column + d - j])
            column += d - j
    return found


def _cumulate(found: np.ndarray) -> None:
    """Replace (B, E, s) by its sums along E, one after another; numpy alone would read a column at a time."""
    rows = CACHED // (8 * found.shape[2])
    if rows < 64 or found.shape[1] == 1:
        for e in range(1, found.shape[1]):
            found[:, e] += found[:, e - 1]
        return
    for low in range(0, found.shape[1], rows):
        some = found[:, low : low + rows]
        if low:
            some[:, 0] += found[:, low - 1]
        np.cumsum(some, axis=1, out=some)


def sparse_sums(tokens: sparse.csr_array, start: np.ndarray, stop: np.ndarray) -> sparse.csr_array:
    """Return the sums (N, s), canonical CSR, of sparse tokens (M, d); ``TooLargeError`` before what would not fit."""
    d, parts = tokens.shape[1], []
    work = _work(tokens, start, stop)
    for low, high, shared in _pieces(work, start, stop, d):
        if shared:
            part = _running_sums(tokens, int(start[low]), stop[low:high])
        elif high - low == 1 and work[low] > PIECE:
            part = _row(*_whole_sum(tokens[start[low] : stop[low]]), d)
        else:
            part = _each_sum(tokens, start[low:high], stop[low:high])
        parts.append(part)
    if not parts:
        return sparse.csr_array((0, d * (d + 1) // 2))
    return parts[0] if len(parts) == 1 else sparse.csr_array(sparse.vstack(parts, format="csr"))


def _work(tokens: sparse.csr_array, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Return for each example (N,) over how many tokens and squares of their entries it sums."""
    if len(start) == 0:
        return np.empty(0, dtype=np.int64)
    low, high = int(start.min()), int(stop.max())
    count = np.diff(tokens.indptr[low : high + 1]).astype(np.int64)
    before = np.concatenate([[0], np.cumsum(1 + count * (count + 1) // 2)])
    return np.asarray(before[stop - low] - before[start - low])


def _pieces(work: np.ndarray, start: np.ndarray, stop: np.ndarray, d: int) -> Iterator[tuple[int, int, bool]]:
    """Cut the examples into (first, end, whether they share running sums): at most ``PIECE`` squares otherwise."""
    if len(start) == 0:
        return
    if int(work.sum()) <= WORTHWHILE:
        yield 0, len(start), False
        return
    ends = groups(start)
    first = ends[:-1]
    last, total = np.maximum.reduceat(stop, first), np.add.reduceat(work, first)
    # Running sums are formed at every feature, at most s, and at every token between the first and the last stop.
    most = np.maximum.reduceat(work, first)
    running = most + np.minimum(most, d * (d + 1) // 2) * (last - np.minimum.reduceat(stop, first))
    shared = (total > WORTHWHILE) & (4 * total > running)
    shared &= np.add.reduceat(stop - start, first) > 2 * (last - start[first])
    done = np.concatenate([[0], np.cumsum(work)])
    at = 0
    for g in [*np.flatnonzero(shared), len(first)]:
        until = int(ends[g])
        while at < until:
            end = min(max(int(np.searchsorted(done, done[at] + PIECE, side="right")) - 1, at + 1), until)
            yield at, end, False
            at = end
        if g < len(first):
            at = int(ends[g + 1])
            yield until, at, True


def _each_sum(tokens: sparse.csr_array, start: np.ndarray, stop: np.ndarray) -> sparse.csr_array:
    """Return the sums by the 0/1 matrix (N, tokens) that says over which tokens each example sums."""
    low, high, length = int(start.min()), int(stop.max()), stop - start
    indptr = np.concatenate([[0], np.cumsum(length)])
    columns = np.arange(indptr[-1]) + np.repeat(start - indptr[:-1], length)
    if high - low > indptr[-1]:  # far apart: taken out one context after another, not with all that lies between
        used, columns = tokens[columns], np.arange(indptr[-1])
    else:
        used, columns = tokens[low:high], columns - low
    which = sparse.csr_array((np.ones(indptr[-1]), columns, indptr), shape=(len(start), used.shape[0]))
    squares = token_squares(used)
    s = squares.shape[1]
    if s <= 16 * (squares.nnz + len(start)):
        rows, index = sparse.csr_array(which @ squares), None
    else:  # the product takes memory for every column there could be
        index, inside = np.unique(squares.indices, return_inverse=True)
        few = sparse.csr_array((squares.data, inside, squares.indptr), shape=(squares.shape[0], len(index)))
        rows = sparse.csr_array(which @ few)
    rows.eliminate_zeros()
    rows.sort_indices()
    return rows if index is None else sparse.csr_array((rows.data, index[rows.indices], rows.indptr), (len(start), s))


def _whole_sum(tokens: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Return the (sorted indices, values) of svec that are not 0 in the sum over all ``tokens`` (n, d), n > 0."""
    d = tokens.shape[1]
    found = sparse.coo_array(tokens.T @ tokens)
    upper = (found.row <= found.col) & (found.data != 0)
    index = svec_position(found.row[upper].astype(np.int64), found.col[upper].astype(np.int64), d)
    order = np.argsort(index)
    return index[order], found.data[upper][order]


def _row(index: np.ndarray, values: np.ndarray, d: int) -> sparse.csr_array:
    return sparse.csr_array((values, index, np.array([0, len(index)])), shape=(1, d * (d + 1) // 2))


def _running_sums(tokens: sparse.csr_array, start: int, stops: np.ndarray) -> sparse.csr_array:
    """Return the sums (E, s) over tokens start .. ``stops`` (E,), carried from one token to the next."""
    d = tokens.shape[1]
    s = d * (d + 1) // 2
    ends, place = np.unique(stops, return_inverse=True)
    columns, values = _whole_sum(tokens[start : ends[0]])
    parts, at, taken, held = [_row(columns, values, d)], int(ends[0]), 1, len(columns)
    while at < ends[-1]:
        until = min(at + _height(tokens, at, len(columns), s), int(ends[-1]))
        columns, values, sums = _carried(columns, values, token_squares(tokens[at:until]))
        upto = int(np.searchsorted(ends, until, side="right"))
        numbers = held + (len(ends) - taken) * np.count_nonzero(values)  # sums seldom return to 0
        check_memory(24.0 * numbers, f"The sums of squares of {len(ends):,} prefixes at d = {d:,}", REMEDY)
        part = _nonzero(sums[ends[taken:upto] - at - 1], columns, s)
        parts.append(part)
        held, taken, at = held + part.nnz, upto, until
        columns, values = columns[values != 0], values[values != 0]
    rows = sparse.csr_array(sparse.vstack(parts, format="csr")) if len(parts) > 1 else parts[0]
    return rows if len(place) == len(ends) and (place[1:] > place[:-1]).all() else rows[place]


def _height(tokens: sparse.csr_array, at: int, carried: int, s: int) -> int:
    """Return for how many tokens from ``at`` on the running sums fill one ``BUFFER``, at least one."""
    count = np.diff(tokens.indptr[at : at + BUFFER + 1]).astype(np.int64)
    widths = np.minimum(carried + np.cumsum(count * (count + 1) // 2), s)
    return max(1, int(np.searchsorted(np.arange(1, len(widths) + 1) * widths, BUFFER)))


def _carried(
    columns: np.ndarray, values: np.ndarray, squares: sparse.csr_array
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add ``squares`` (T, s) to the sum with ``values`` at ``columns``: (columns, last sums, all sums (T, k))."""
    used = np.union1d(columns, squares.indices)
    sums = np.zeros((squares.shape[0], len(used)))
    row = np.repeat(np.arange(squares.shape[0]), np.diff(squares.indptr))
    sums[row, np.searchsorted(used, squares.indices)] = squares.data
    sums[0, np.searchsorted(used, columns)] += values
    np.cumsum(sums, axis=0, out=sums)
    return used, sums[-1].copy(), sums


def _nonzero(dense: np.ndarray, columns: np.ndarray, width: int) -> sparse.csr_array:
    """Return the rows (n, width) that are ``dense`` (n, k) at ``columns`` and 0 elsewhere."""
    kept = dense != 0
    indptr = np.concatenate([[0], np.cumsum(np.count_nonzero(kept, axis=1))])
    indices = np.broadcast_to(columns, dense.shape)[kept]
    return sparse.csr_array((dense[kept], indices, indptr), shape=(len(dense), width))
