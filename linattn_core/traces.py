"""Traces: what the learner sees. Ragged examples that share their tokens, so that prefixes cost nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from linattn_core.errors import ShapeError
from linattn_core.features import as_context
from linattn_core.inputs import MAX_TOKEN, MIN_TOKEN, check_kind, check_sizes, floats, positions, targets_of, tokens_of
from linattn_core.prefix_sums import groups

SPARSE_BELOW = 0.5
"""Tokens with a smaller share of non-zero entries are stored as CSR, which keeps exact zeros and blocks."""


class MissingExampleError(ShapeError, IndexError):
    """Examples were asked for that are not there."""


@dataclass(frozen=True)
class Traces:
    """N examples (Z_i, y_i) over M stored tokens: Z_i = tokens[start_i:stop_i].T, its query the last of these tokens.

        tokens    t0 t1 t2 t3 | t4 t5 t6 ...            (M, d), rows, dense or CSR
        example 0 [-----------]                          start 0, stop 4
        example 1 [--------]                             start 0, stop 3: a prefix, stored once
        example 2              [-------]                 start 4, stop 7

    ``targets`` is (N, m). Make one with ``build``, ``from_examples`` or ``from_sequences``, which check their input and
    copy it: the arrays are read-only and nobody else's.
    """

    tokens: np.ndarray | sparse.csr_array
    start: np.ndarray
    stop: np.ndarray
    targets: np.ndarray

    @classmethod
    def build(cls, tokens: Any, start: Any, stop: Any, targets: Any) -> Traces:
        """Check and copy the parts, choose the storage.

        Raises ``ShapeError`` on wrong shapes, empty contexts, and what is no plain finite number (``inputs.numbers``).
        """
        return cls._checked(_store(tokens, copy=True), start, stop, targets_of(targets, copy=True))

    @classmethod
    def adopt(cls, tokens: Any, start: Any, stop: Any, targets: Any = None) -> Traces:
        """Check the parts as ``build`` does, but keep arrays that nobody else holds, instead of copies of them.

        Without ``targets`` there are no answers (m = 0).
        """
        answers = np.empty((len(start), 0)) if targets is None else targets_of(targets)
        return cls._checked(_store(tokens, copy=False), start, stop, answers)

    @classmethod
    def _checked(cls, tokens: np.ndarray | sparse.csr_array, start: Any, stop: Any, targets: np.ndarray) -> Traces:
        start, stop = positions(start, "start"), positions(stop, "stop")
        if start.ndim != 1 or start.shape != stop.shape:
            raise ShapeError(f"Traces: got start {start.shape} and stop {stop.shape}, wanted two arrays of shape (N,).")
        if targets.ndim != 2 or len(targets) != len(start):
            raise ShapeError(
                f"Traces: got targets of shape {targets.shape}, wanted ({len(start)}, m), one row an example."
            )
        if len(start) and (start.min() < 0 or stop.max() > tokens.shape[0] or (stop <= start).any()):
            raise ShapeError(
                f"Traces: got a context outside the {tokens.shape[0]} stored tokens or without columns, wanted "
                "0 <= start < stop <= M for every example."
            )
        return cls(tokens, start, stop, targets)._sealed()

    def _sealed(self) -> Traces:
        """Make the arrays read-only."""
        tokens: Any = self.tokens
        kept = (tokens.data, tokens.indices, tokens.indptr) if self.is_sparse else (tokens,)
        for array in (*kept, self.start, self.stop, self.targets):
            array.flags.writeable = False
        return self

    @classmethod
    def contexts(cls, tokens: Any, start: Any, stop: Any) -> Traces:
        """Inputs without answers (m = 0), for probing a model or a certificate."""
        return cls._checked(_store(tokens, copy=True), start, stop, np.empty((np.size(start), 0)))

    def answered(self, targets: Any) -> Traces:
        """Return the same inputs with other answers (N, m); the tokens stay shared. Raises ``ShapeError``."""
        return self._checked(self.tokens, self.start, self.stop, targets_of(targets, copy=True))

    @classmethod
    def from_examples(cls, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Traces:
        """Make traces from (Z (d, n_i), y (m,)) pairs of any lengths. Raises ``ShapeError`` on none or mixed d, m."""
        contexts: list[np.ndarray] = []
        targets: list[np.ndarray] = []
        d: int | None = None
        for pair in pairs:
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise ShapeError(f"Traces: got {type(pair).__name__} as example {len(targets)}, wanted a pair (Z, y).")
            Z = as_context(pair[0], d)
            d = Z.shape[0]
            y = np.atleast_1d(targets_of(pair[1], "y, the targets"))
            if y.ndim != 1 or (targets and y.shape != targets[0].shape):
                raise ShapeError(
                    f"y: got shape {y.shape} in example {len(targets)}, wanted one dimension, "
                    "the same in every example."
                )
            contexts.append(Z.T)
            targets.append(y)
        if not contexts:
            raise ShapeError("Traces: got zero examples, wanted at least one; raise the number of traces.")
        stop = np.cumsum([len(c) for c in contexts])
        return cls.adopt(np.concatenate(contexts), stop - [len(c) for c in contexts], stop, np.stack(targets))

    @classmethod
    def from_sequences(cls, Z: Any, Y: Any) -> Traces:
        """Make N*T examples from sequences Z (N, T, d) with answers Y (N, T, m): every prefix is an example.

        The autoregressive reading y_t of arXiv:2410.10101v4, section 2.
        """
        Z, Y = tokens_of(Z, "sequences, Z", copy=True), targets_of(Y, "sequences, the targets Y", copy=True)
        if Z.ndim != 3 or Y.ndim != 3 or Z.shape[:2] != Y.shape[:2]:
            raise ShapeError(f"sequences: got Z {Z.shape} and Y {Y.shape}, wanted (N, T, d) and (N, T, m).")
        N, T, d = Z.shape
        if N * T == 0:
            raise ShapeError(f"sequences: got {N} sequences of {T} tokens, wanted at least one token; add sequences.")
        start = np.repeat(np.arange(N) * T, T)
        return cls.adopt(Z.reshape(N * T, d), start, np.arange(N * T) + 1, Y.reshape(N * T, Y.shape[2]))

    @staticmethod
    def concat(parts: Sequence[Traces]) -> Traces:
        """Return the examples of all parts, in order. Raises ``ShapeError`` on no parts or different d or m."""
        if not parts:
            raise ShapeError("Traces.concat: got no traces, wanted at least one.")
        if len({(t.dim, t.outputs) for t in parts}) > 1:
            shapes = ", ".join(f"d = {t.dim}, m = {t.outputs}" for t in parts)
            raise ShapeError(f"Traces.concat: got {shapes}, wanted traces of one embedding and one answer dimension.")
        if len(parts) == 1:
            return parts[0]
        shift = np.cumsum([0] + [t.tokens.shape[0] for t in parts[:-1]])
        tokens = [t.tokens for t in parts]
        joined = sparse.vstack(tokens, format="csr") if any(t.is_sparse for t in parts) else np.concatenate(tokens)
        return Traces.adopt(
            joined,
            np.concatenate([t.start + s for t, s in zip(parts, shift, strict=True)]),
            np.concatenate([t.stop + s for t, s in zip(parts, shift, strict=True)]),
            np.concatenate([t.targets for t in parts]),
        )

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        if not -len(self) <= i < len(self):
            raise MissingExampleError(f"Traces: got example {i}, wanted one of {len(self)}, counted from 0.")
        tokens: Any = self.tokens[self.start[i] : self.stop[i]]
        return (tokens.toarray() if self.is_sparse else tokens).T, self.targets[i]

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return (self[i] for i in range(len(self)))

    @property
    def dim(self) -> int:
        """The embedding dimension d."""
        return int(self.tokens.shape[1])

    @property
    def outputs(self) -> int:
        """The answer dimension m."""
        return int(self.targets.shape[1])

    @property
    def is_sparse(self) -> bool:
        """Whether the tokens are stored as CSR."""
        return sparse.issparse(self.tokens)

    @property
    def bytes(self) -> int:
        """Bytes held by the stored arrays."""
        tokens: Any = self.tokens
        arrays = (tokens.data, tokens.indices, tokens.indptr) if self.is_sparse else (tokens,)
        held = sum(array.nbytes for array in arrays)
        return int(held + self.start.nbytes + self.stop.nbytes + self.targets.nbytes)

    def subset(self, index: Any) -> Traces:
        """Return the examples ``index`` (integers, a boolean mask or a slice); the tokens stay shared.

        Raises ``MissingExampleError``, a ``ShapeError``, where there are none of these numbers.
        """
        if not isinstance(index, slice):
            index = np.asarray(index)
            index = index if index.dtype.kind == "b" else positions(index, "index")
            if index.ndim != 1:
                raise ShapeError(
                    f"Traces: got an index of shape {index.shape}, wanted a list of numbers, a mask or a slice; put a "
                    "single number into a list."
                )
        try:
            return Traces(self.tokens, self.start[index], self.stop[index], self.targets[index])._sealed()
        except IndexError as error:
            raise MissingExampleError(
                f"Traces: got numbers of examples beyond the {len(self)} there are, or a mask of another length."
            ) from error

    def chunks(self, size: int) -> Iterator[Traces]:
        """Yield the examples in order, at most ``size`` at a time, whole sequences together where they fit."""
        if not isinstance(size, (int, np.integer)) or size < 1:
            raise ShapeError(f"chunks: got size {size!r}, wanted a whole number of at least 1.")
        boundary, low = groups(self.start), 0
        while low < len(self):
            whole = int(boundary[np.searchsorted(boundary, low + size, side="right") - 1])
            high = whole if whole > low else min(low + size, len(self))
            yield self.subset(slice(low, high))
            low = high


def _store(tokens: Any, *, copy: bool) -> np.ndarray | sparse.csr_array:
    """Return the tokens as float64, dense or canonical CSR by their share of non-zero entries.

    With ``copy`` they share nothing with what was given.
    """
    if not sparse.issparse(tokens):
        tokens = floats(tokens, "tokens")
    shape = tokens.shape
    if len(shape) != 2 or shape[1] < 1:
        raise ShapeError(f"Traces: got tokens of shape {shape}, wanted (M, d), one token a row.")
    if sparse.issparse(tokens):
        check_kind(tokens.dtype, "tokens")
        csr = sparse.csr_array(tokens, dtype=np.float64, copy=copy)
        if not csr.has_canonical_format:
            csr.sum_duplicates()
        if np.count_nonzero(csr.data) < csr.nnz:
            csr.eliminate_zeros()
        stored = csr if csr.nnz <= SPARSE_BELOW * csr.shape[0] * csr.shape[1] else csr.toarray()
    elif np.count_nonzero(tokens) <= SPARSE_BELOW * tokens.size:
        stored = sparse.csr_array(tokens)
    else:
        stored = np.array(tokens, order="C", copy=True if copy else None)
    kept = stored.data if sparse.issparse(stored) else stored
    check_sizes(kept, "tokens", largest=MAX_TOKEN, smallest=MIN_TOKEN)
    return stored
