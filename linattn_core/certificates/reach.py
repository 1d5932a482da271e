"""How inputs lie to the range of the data, measured so that rounding cannot decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from linattn_core.certificates.decision import Decision
from linattn_core.examples import blocks
from linattn_core.tolerances import CERTIFIED, CERTIFIED_EPSILONS, EPSILON, OPEN


@dataclass(frozen=True, eq=False)
class Reach:
    """How inputs (R,) lie to the range: their ambiguity, measured against the directions surely kept (``strict``) and
    against all but those surely dropped (``loose``); ``unseen``: a feature that was zero in every example is not zero;
    ``leverage``: how far rounding may have turned the range there."""

    ambiguity: np.ndarray
    strict: np.ndarray
    loose: np.ndarray
    unseen: np.ndarray
    leverage: np.ndarray

    @property
    def decisions(self) -> np.ndarray:
        """The ``Decision`` (R,) on each."""
        rounding = CERTIFIED_EPSILONS * EPSILON**2 * (1.0 + self.leverage)
        found = np.full(len(self.ambiguity), np.int8(Decision.UNDECIDED))
        found[self.strict <= np.minimum(rounding, CERTIFIED)] = Decision.CERTIFIED
        found[(self.loose > np.maximum(rounding, OPEN)) | self.unseen] = Decision.OPEN
        return found


def residual_rank(rows: sparse.csr_array) -> int:
    """Return the rank of residual rows, component by component, where those of open inputs count as not zero."""
    if rows.nnz == 0:
        return 0
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    rows = sparse.csr_array(sparse.diags_array(1 / np.where(length > 0, length, 1.0)) @ rows)
    rows.data[np.abs(rows.data) < 1e-10] = 0
    rows.eliminate_zeros()
    return sum(int(np.sum(linalg.svdvals(block.rows.toarray()) > 1e-6)) for block in blocks(rows))
