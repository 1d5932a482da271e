"""Traces: what the learner sees. Ragged examples that share their tokens, so that prefixes cost nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from linattn_core.errors import ShapeError
from linattn_core.features import as_context

SPARSE_BELOW = 0.5
"""Tokens with a smaller share of non-zero entries are stored as CSR, which keeps exact zeros and blocks."""


@dataclass(frozen=True)
class Traces:
    """N examples (Z_i, y_i) over M stored tokens: Z_i = tokens[start_i:stop_i].T, its query the last of these tokens.

        tokens    t0 t1 t2 t3 | t4 t5 t6 ...            (M, d), rows, dense or CSR
        example 0 [-----------]                          start 0, stop 4
        example 1 [--------]                             start 0, stop 3: a prefix, stored once
        example 2              [-------]                 start 4, stop 7

    ``targets`` is (N, m). Make one with ``build``, ``from_examples`` or ``from_sequences``, which check their input.
    """

    tokens: np.ndarray | sparse.csr_array
    start: np.ndarray
    stop: np.ndarray
    targets: np.ndarray

    @classmethod
    def build(
        cls, tokens: np.ndarray | sparse.csr_array, start: np.ndarray, stop: np.ndarray, targets: np.ndarray
    ) -> Traces:
        """Check the parts, choose the storage. Raises ``ShapeError`` on wrong shapes, empty contexts, NaN, infinity."""
        tokens = _store(tokens)
        start, stop = np.asarray(start, dtype=np.int64), np.asarray(stop, dtype=np.int64)
        targets = np.asarray(targets, dtype=np.float64)
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
        if not np.isfinite(targets).all():
            raise ShapeError(
                "Traces: got NaN or infinity among the targets, wanted finite numbers; mend those examples."
            )
        return cls(tokens, start, stop, targets)

    @classmethod
    def contexts(cls, tokens: np.ndarray | sparse.csr_array, start: np.ndarray, stop: np.ndarray) -> Traces:
        """Inputs without answers (m = 0), for probing a model or a certificate."""
        return cls.build(tokens, start, stop, np.empty((len(start), 0)))

    @classmethod
    def from_examples(cls, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Traces:
        """Make traces from (Z (d, n_i), y (m,)) pairs of any lengths. Raises ``ShapeError`` on none or mixed d, m."""
        contexts: list[np.ndarray] = []
        targets: list[np.ndarray] = []
        d: int | None = None
        for Z, y in pairs:
            Z = as_context(Z, d)
            d = Z.shape[0]
            y = np.atleast_1d(np.asarray(y, dtype=np.float64))
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
        return cls.build(np.concatenate(contexts), stop - [len(c) for c in contexts], stop, np.stack(targets))

    @classmethod
    def from_sequences(cls, Z: np.ndarray, Y: np.ndarray) -> Traces:
        """Make N*T examples from sequences Z (N, T, d) with answers Y (N, T, m): every prefix is an example.

        The autoregressive reading y_t of arXiv:2410.10101v4, section 2.
        """
        Z, Y = np.asarray(Z, dtype=np.float64), np.asarray(Y, dtype=np.float64)
        if Z.ndim != 3 or Y.ndim != 3 or Z.shape[:2] != Y.shape[:2]:
            raise ShapeError(f"sequences: got Z {Z.shape} and Y {Y.shape}, wanted (N, T, d) and (N, T, m).")
        N, T, d = Z.shape
        if N * T == 0:
            raise ShapeError(f"sequences: got {N} sequences of {T} tokens, wanted at least one token; add sequences.")
        start = np.repeat(np.arange(N) * T, T)
        return cls.build(Z.reshape(N * T, d), start, np.arange(N * T) + 1, Y.reshape(N * T, -1))

    @staticmethod
    def concat(parts: Sequence[Traces]) -> Traces:
        """Return the examples of all parts, in order. Raises ``ShapeError`` on no parts or different d or m."""
        if not parts:
            raise ShapeError("Traces.concat: got no traces, wanted at least one.")
        if len({(t.dim, t.outputs) for t in parts}) > 1:
            shapes = ", ".join(f"d = {t.dim}, m = {t.outputs}" for t in parts)
            raise ShapeError(f"Traces.concat: got {shapes}, wanted traces of one embedding and one answer dimension.")
        shift = np.cumsum([0] + [t.tokens.shape[0] for t in parts[:-1]])
        tokens = [t.tokens for t in parts]
        joined = sparse.vstack(tokens, format="csr") if any(t.is_sparse for t in parts) else np.concatenate(tokens)
        return Traces.build(
            joined,
            np.concatenate([t.start + s for t, s in zip(parts, shift, strict=True)]),
            np.concatenate([t.stop + s for t, s in zip(parts, shift, strict=True)]),
            np.concatenate([t.targets for t in parts]),
        )

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        if not -len(self) <= i < len(self):
            raise IndexError(f"example {i} of {len(self)}")
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

    def subset(self, index: np.ndarray | slice) -> Traces:
        """Return the examples ``index`` (integers, a boolean mask or a slice); the tokens stay shared."""
        return Traces(self.tokens, self.start[index], self.stop[index], self.targets[index])

    def chunks(self, size: int) -> Iterator[Traces]:
        """Yield the examples in order, at most ``size`` at a time, whole sequences together where they fit."""
        boundary = np.flatnonzero(np.r_[True, np.diff(self.start) != 0, True])
        low = 0
        while low < len(self):
            whole = boundary[(boundary > low) & (boundary <= low + size)]
            high = int(whole[-1]) if len(whole) else min(low + size, len(self))
            yield self.subset(slice(low, high))
            low = high


def _store(tokens: np.ndarray | sparse.csr_array) -> np.ndarray | sparse.csr_array:
    """Return the tokens as float64, dense or canonical CSR by their share of non-zero entries."""
    if sparse.issparse(tokens):
        csr = sparse.csr_array(tokens, dtype=np.float64)
        csr.sum_duplicates()
        csr.eliminate_zeros()
        if not np.isfinite(csr.data).all():
            raise ShapeError(
                "Traces: got NaN or infinity among the tokens, wanted finite numbers; mend those examples."
            )
        return csr if csr.nnz <= SPARSE_BELOW * csr.shape[0] * csr.shape[1] else csr.toarray()
    dense = np.asarray(tokens, dtype=np.float64)
    if dense.ndim != 2 or dense.shape[1] < 1:
        raise ShapeError(f"Traces: got tokens of shape {dense.shape}, wanted (M, d), one token a row.")
    if not np.isfinite(dense).all():
        raise ShapeError("Traces: got NaN or infinity among the tokens, wanted finite numbers; mend those examples.")
    few = np.count_nonzero(dense) <= SPARSE_BELOW * dense.size
    return sparse.csr_array(dense) if few else np.ascontiguousarray(dense)
