"""The space that legal inputs excite: F = span of phi over all legal contexts of a task (ours)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import sparse

from linattn_core.errors import ShapeError
from linattn_core.features import feature_rows
from linattn_core.traces import Traces


class HasFamily(Protocol):
    """A task that can describe all its legal inputs."""

    def family(self) -> Family | None:
        """Return F, or None where it has no finite description."""


@dataclass(frozen=True, eq=False)
class Family:
    """F given by spanning features: rows of ``features`` (R, p) CSR span F, and ``words`` says each in the task's
    words. ``contexts``: legal inputs whose features the rows are, where they are; None for bare features.

    ``dimension`` is dim F; ``source`` says how F was obtained ("exact: ..." or "sampled: ..."). If F lies inside
    range(Lambda), every minimiser of the training loss gives the same answer on EVERY legal input, since the features
    of a legal input are a linear combination of the rows and a minimiser's answer is linear in the features.
    """

    features: sparse.csr_array
    words: tuple[str, ...]
    dimension: int
    source: str
    contexts: Traces | None = None

    @classmethod
    def of(cls, contexts: Traces, words: tuple[str, ...], dimension: int, source: str) -> Family:
        """Make the family spanned by the features of ``contexts`` (N examples, N words)."""
        if len(contexts) != len(words):
            raise ShapeError(
                f"Family: got {len(contexts)} contexts and {len(words)} words, wanted one phrase a context."
            )
        rows = sparse.csr_array(feature_rows(contexts))
        rows.eliminate_zeros()
        return cls(rows, tuple(words), int(dimension), source, contexts)

    @property
    def norms(self) -> np.ndarray:
        """The lengths (R,) of the rows."""
        return np.sqrt(np.asarray(self.features.multiply(self.features).sum(axis=1)).ravel())
