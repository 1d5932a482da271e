"""The sparsest coefficients: least l1 norm subject to given answers, a linear programme (ours).

One-hot tokens leave freedom that neither the 2-norm nor the nuclear norm resolves the right way: the sum of a one-hot
block is constant, so every coefficient can be traded against others. The l1 norm picks the reading with the fewest and
plainest coefficients, exact zeros included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize, sparse

from linattn_core.attention import Predictor
from linattn_core.errors import LinattnError
from linattn_core.features import FeatureBatch, svec_scale
from linattn_core.heads.result import FIT_TOLERANCE
from linattn_core.numerics import check_memory
from linattn_core.solve.subspace import ExampleSpace, Subspace

COLUMN_RANK = 1e-10
"""Pivots of a QR factorisation below this fraction of the first are zero."""
NEGATIVE = 1.001
"""What a negative coefficient costs when a positive one costs 1: it breaks ties in favour of copying over negating."""
PURSUED = 12
"""Coefficients a greedy pursuit may use before the linear programme takes over."""
SUPPORT = 1e-7
"""Coefficients of the linear programme below this fraction of the largest are zero (HiGHS is feasible to 1e-7)."""


@dataclass(frozen=True, eq=False)
class System:
    """What one block of the data demands of coefficients c (k, m): ``rows`` @ c = ``answers``.

    ``columns`` (k,) are feature indices; coefficients multiply the plain products C_jk z_l, without svec's sqrt(2).
    ``rows`` (r, k) is dense or CSR and has rank r; None stands for the identity: the block has full rank, c = answers.
    """

    columns: np.ndarray
    rows: np.ndarray | sparse.csr_array | None
    answers: np.ndarray

    def part(self, chosen: np.ndarray) -> np.ndarray:
        """Return the dense rows (r, s) on the features ``chosen`` (a mask)."""
        index = np.flatnonzero(chosen)
        if self.rows is None:
            return np.eye(len(self.columns))[:, index]
        if isinstance(self.rows, np.ndarray):
            return self.rows[:, index]
        return np.asarray(self.rows[:, index].toarray())

    def basis(self, chosen: np.ndarray) -> np.ndarray:
        """Return an orthonormal basis (r, rank) of the answers that the features ``chosen`` can give."""
        part = self.part(chosen)
        if self.rows is None or not part.size:
            return part
        Q, R, _ = linalg.qr(part, mode="economic", pivoting=True)
        return Q[:, : _pivots(R)]

    def sparsest(self, chosen: np.ndarray, outputs: slice) -> np.ndarray:
        """Return the coefficients (s, m) of least l1 norm on the features ``chosen`` that give the answers."""
        answers = self.answers[:, outputs]
        if self.rows is None:
            return answers[chosen]
        return sparsest_solution(self.part(chosen), answers)


def systems(predictor: Predictor, spaces: Sequence[Subspace]) -> list[System]:
    """Return what range(Lambda) demands, block by block; blocks where every answer is zero are left out."""
    found = []
    scale = svec_scale(predictor.dim)
    for space in spaces:
        factors = scale[space.columns // predictor.dim]
        weights = predictor.at(space.columns)
        rows = _rows(space)
        answers = weights.T * factors[:, None] if rows is None else rows @ weights.T
        if not answers.any():
            continue
        plain = rows if rows is None else rows @ sparse.diags_array(1 / factors)
        found.append(System(space.columns, sparse.csr_array(plain) if sparse.issparse(plain) else plain, answers))
    return found


def _rows(space: Subspace) -> np.ndarray | sparse.csr_array | None:
    """Return rows (r, k) that span the range: independent examples where they are at hand, else a basis."""
    if space.rank == len(space.columns):
        return None
    if isinstance(space, ExampleSpace) and not isinstance(space.rows, FeatureBatch):
        return space.rows
    check_memory(16.0 * space.rank * len(space.columns), "The typed heads' equations", "use heads='svd'")
    return space.up(np.eye(space.rank))


def sparsest_solution(A: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return c (k, m) of least l1 norm with A c = answers (r, m), column by column; A (r, k), the system consistent.

    Equivalent to ``scipy.optimize.linprog`` on (c+, c-), whose support is then refitted to rounding; where a short
    greedy pursuit finds coefficients that the dual proves optimal, no programme is solved. Raises ``LinattnError``
    where the solver fails.
    """
    k = A.shape[1]
    _, R, order = linalg.qr(A.T, mode="economic", pivoting=True)
    rank = _pivots(R)
    if rank == k:
        return linalg.lstsq(A, answers)[0]
    independent = np.sort(order[:rank])
    reduced, right = A[independent], answers[independent]
    signed = sparse.csr_array(np.hstack([reduced, -reduced]))
    out = np.zeros((k, answers.shape[1]))
    lengths = np.linalg.norm(A, axis=0)
    for a in np.flatnonzero(np.any(answers != 0, axis=0)):
        pursued = _pursued(A, lengths, answers[:, a])
        if pursued is not None:
            out[:, a] = pursued
            continue
        cost = np.repeat([1.0, NEGATIVE], k)
        solved = optimize.linprog(cost, A_eq=signed, b_eq=right[:, a], bounds=(0, None), method="highs-ds")
        if solved.x is None:
            raise LinattnError(
                f"typed heads: the linear programme for the sparsest coefficients failed ({solved.message}); use "
                "heads='svd' or heads='minimal'."
            )
        out[:, a] = _refitted(A, answers[:, a], solved.x[:k] - solved.x[k:])
    return out


def _pursued(A: np.ndarray, lengths: np.ndarray, answer: np.ndarray) -> np.ndarray | None:
    """Return c of least l1 norm by orthogonal matching pursuit, or None where it does not end or is not proved so.

    At a cost of 1 a unit for c > 0 and ``NEGATIVE`` for c < 0, c is optimal if some y has -NEGATIVE <= A^T y <= 1, with
    equality where c is not zero: every other solution c' costs at least y^T A c' = y^T answer, the cost of c. The y of
    least norm is tried.
    """
    left, support = answer, list[int]()
    unit = np.where(lengths > 0, lengths, 1.0)
    while np.linalg.norm(left) > FIT_TOLERANCE * np.linalg.norm(answer):
        if len(support) == PURSUED:
            return None
        score = A.T @ left / unit
        support.append(int(np.argmax(np.where(score > 0, score, -score / NEGATIVE))))
        part = A[:, support]
        values = linalg.lstsq(part, answer)[0]
        left = answer - part @ values
    if len(support) > np.linalg.matrix_rank(part) or np.abs(values).min() <= SUPPORT * np.abs(values).max():
        return None
    y = linalg.lstsq(part.T, np.where(values > 0, 1.0, -NEGATIVE))[0]
    slack = A.T @ y
    if slack.max() > 1.0 + FIT_TOLERANCE or slack.min() < -NEGATIVE - FIT_TOLERANCE:
        return None
    c = np.zeros(A.shape[1])
    c[support] = values
    return c


def _refitted(A: np.ndarray, answer: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return c with its support solved exactly; the support of a vertex has independent columns."""
    size = float(np.linalg.norm(answer))
    for threshold in (SUPPORT, 1e-9, 0.0):
        support = np.abs(c) > threshold * np.abs(c).max(initial=0.0)
        exact = np.zeros_like(c)
        exact[support] = linalg.lstsq(A[:, support], answer)[0]
        if np.linalg.norm(A @ exact - answer) <= FIT_TOLERANCE * size:
            return exact
    return c


def _pivots(R: np.ndarray) -> int:
    diagonal = np.abs(np.diag(R))
    return int(np.sum(diagonal > COLUMN_RANK * diagonal[0])) if len(diagonal) and diagonal[0] > 0 else 0
