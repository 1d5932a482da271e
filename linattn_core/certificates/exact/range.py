"""The range of the training features, exactly: which inputs the data pin down, decided without rounding.

All minimisers of the training loss agree at an input exactly if its features lie in the span of those of the training
examples. Features of tokens as stored are integers times powers of two, so this is linear algebra over the rationals,
done modulo a prime. Multiplicities and answers do not enter: rows are examples with weight 1.

    rank        modulo p it never exceeds the rank over the rationals; it is smaller only if p divides all of certain
                minors: chance of about 1/p for numbers not made against this p
    contains    "outside" is certain wherever the rank is not too small; "inside" is wrong with a chance of about 1/p
                an input; with both primes of ``PRIMES`` of about 1/p^2, less than 1e-18

Ours; the second prime is used wherever that costs little or the tokens are large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from linattn_core.certificates.exact.features import integer_tokens
from linattn_core.certificates.exact.field import PRIMES, Field
from linattn_core.certificates.exact.span import Span
from linattn_core.errors import ShapeError
from linattn_core.numerics import Progress, check_memory, no_progress
from linattn_core.traces import Traces

CHECKED = 2e10
"""Work up to which the range is found modulo a second prime as well."""
SMALL = 2.0**16
"""Tokens with whole entries below this are far from everything special to one prime."""
ELIMINATE = 8.0
"""Measured work of a row space of rank r and width w, in units of r^2 w multiply-adds."""
SEEN = 100_000
"""Tokens looked at for an estimate."""
PIVOT = 3e6
"""Measured work of a row of the basis besides, in multiply-adds."""
SPREAD = 60.0
"""Measured work of laying out and testing one entry of a feature, in multiply-adds."""

__all__ = ["ExactRange", "integer_tokens", "work"]


@dataclass(frozen=True, eq=False)
class ExactRange:
    """The span of the features of ``count`` examples with d = ``dim``, modulo each prime of ``spans``."""

    dim: int
    count: int
    spans: tuple[Span, ...]

    @classmethod
    def of(cls, traces: Traces, progress: Progress = no_progress) -> ExactRange:
        """Return the range of the features of ``traces``, whatever their answers are.

        Tokens may be any finite numbers and are taken as stored. Raises ``TooLargeError`` where the bases would not
        fit in memory; ``progress`` may raise ``Cancelled``.
        """
        effort, held = _effort(traces)
        check_memory(2 * held, f"An exact basis of the features of {len(traces):,} examples", "use fewer examples")
        primes = PRIMES if effort <= CHECKED or not _small(traces) else PRIMES[:1]
        found = []
        for number, prime in enumerate(primes):
            span = Span(traces.dim, Field(prime))

            def part(fraction: float, words: str, number: int = number) -> None:
                progress((number + fraction) / len(primes), words)

            span.add(traces, part)
            found.append(span)
        # A smaller rank modulo one prime than modulo another is too small: that prime divides too much.
        most = max(span.rank for span in found)
        return cls(traces.dim, len(traces), tuple(span for span in found if span.rank == most))

    @property
    def rank(self) -> int:
        """The rank of the features: at most that over the rationals, equal but for chance."""
        return self.spans[0].rank

    @property
    def prime(self) -> int:
        """The first prime by which it is decided."""
        return self.spans[0].field.prime

    @property
    def words(self) -> str:
        """How it was decided, such as "modulo 2147483647 and 2113000081"."""
        return "modulo " + " and ".join(str(span.field.prime) for span in self.spans)

    @property
    def bytes(self) -> int:
        """Bytes of the bases."""
        return sum(span.bytes for span in self.spans)

    def contains(self, contexts: Traces) -> np.ndarray:
        """Return the mask (N,) of inputs whose features lie in the range, so that all minimisers agree there.

        Raises ``ShapeError`` for inputs of another embedding dimension.
        """
        self._check(contexts)
        inside = np.ones(len(contexts), dtype=bool)
        for span in self.spans:
            left = np.flatnonzero(inside)
            inside[left] = span.contains(contexts.subset(left))
        return inside

    def missing_dimension(self, contexts: Traces) -> int:
        """Return how many dimensions the features of ``contexts`` add to the range.

        Raises ``ShapeError`` for inputs of another embedding dimension.
        """
        self._check(contexts)
        if len(contexts) == 0:
            return 0
        return max(int(span.copy().add(contexts).sum()) for span in self.spans)

    def _check(self, contexts: Traces) -> None:
        if contexts.dim != self.dim:
            raise ShapeError(f"exact range: got inputs with d = {contexts.dim}, wanted d = {self.dim}.")


def work(traces: Traces) -> float:
    """Estimate the multiply-adds of ``ExactRange.of``, both primes included where both are used."""
    effort, _ = _effort(traces)
    return effort * (2 if effort <= CHECKED or not _small(traces) else 1)


def _small(traces: Traces) -> bool:
    tokens = traces.tokens
    data = tokens.data if sparse.issparse(tokens) else tokens
    return integer_tokens(traces) and bool(np.abs(data).max(initial=0.0) < SMALL)


def _effort(traces: Traces) -> tuple[float, float]:
    """Estimate (multiply-adds modulo one prime, bytes of the bases) from which coordinates occur together.

    Last tokens that share coordinates make a part; its rank is at most its examples and its features.
    """
    every = max(1, traces.tokens.shape[0] // SEEN)
    last, tokens = _pattern(traces.tokens[traces.stop - 1]), _pattern(traces.tokens[::every])
    _, label = connected_components(last.T @ last, directed=False)
    entries = ((tokens.T @ tokens).nnz + traces.dim) / 2
    width = entries * np.bincount(label)
    filled = np.diff(last.indptr) > 0
    examples = np.bincount(label[last.indices[last.indptr[:-1][filled]]], minlength=len(width))
    rank = np.minimum(examples, width)
    spread = entries * last.nnz
    effort = ELIMINATE * (rank**2 * width).sum() + PIVOT * rank.sum() + SPREAD * spread
    return float(effort), float(8 * (rank * width).sum())


def _pattern(tokens: np.ndarray | sparse.csr_array) -> sparse.csr_array:
    """Return where tokens (M, d) are not zero, as a CSR matrix of ones."""
    rows = sparse.csr_array(tokens)
    return sparse.csr_array((np.ones(rows.nnz), rows.indices, rows.indptr), shape=rows.shape)
