"""What the data pin down: global, pointwise and family certificates, from the range of the second moment alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import LinearOperator, eigsh

from linattn_core.certificates.decision import Decision, Level
from linattn_core.errors import LinattnError, ShapeError
from linattn_core.examples import blocks
from linattn_core.factor import FullSpace, Subspace
from linattn_core.family import Family, HasFamily
from linattn_core.features import as_context, feature_count, feature_rows, svec_scale
from linattn_core.moments import Moments
from linattn_core.numerics import AMBIGUITY_TOLERANCE, RANK_TOLERANCE, Progress, no_progress
from linattn_core.problem import problem
from linattn_core.traces import Traces

PART_BYTES = 32 * 2**20
"""Dense residuals formed at a time."""

DIRECT_LIMIT = 2_500
"""Blocks up to this size get their smallest eigenvalue by a dense solver, larger ones by Lanczos on the inverse."""


@dataclass(frozen=True)
class FamilyCertificate:
    """Whether the data pin down the answer on EVERY legal input of a task.

    ``holds``: F lies inside range(Lambda). ``dimension`` is dim F, ``rank`` the dimension of F inside range(Lambda).
    ``missing``: in the task's words, the legal inputs that are not pinned down. The null space of Lambda splits into
    ``structural`` directions (orthogonal to F: no legal input excites them) and ``data`` directions (inside F: more
    data would cure them). ``source`` says how F was obtained; the whole holds up to floating point, at ``tolerance``.
    """

    holds: bool
    dimension: int
    rank: int
    missing: list[str]
    structural: int
    data: int
    source: str
    tolerance: float
    level: Level = "numerical"
    reason: str = ""
    undecided: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Certificate:
    """The range of Lambda = sum phi phi^T over ``count`` examples, and what follows from it (arXiv:2410.10101v4,
    Lemma 2.3).

    ``rank`` is decided at the relative ``tolerance`` of each block's largest eigenvalue. Statements hold up to floating
    point.
    """

    dim: int
    count: int
    spaces: Sequence[Subspace]
    tolerance: float = RANK_TOLERANCE
    ridge: float = 0.0

    @property
    def feature_count(self) -> int:
        """The number of features p."""
        return feature_count(self.dim)

    @property
    def rank(self) -> int:
        """The rank of Lambda."""
        return sum(space.rank for space in self.spaces)

    @property
    def identified(self) -> bool:
        """Whether Lambda is invertible, so that every minimiser computes one function on ALL inputs (Lemma 2.3)."""
        return self.rank == self.feature_count

    @property
    def level(self) -> Level:
        """How sure the rank is: "theorem", "numerical" or "undecided"."""
        return "numerical"

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        return "decided in floating point"

    def decide(self, contexts: Traces) -> np.ndarray:
        """Return the ``Decision`` (N,) at every input of ``contexts``."""
        certified = self.ambiguities(contexts) <= AMBIGUITY_TOLERANCE
        return np.where(certified, np.int8(Decision.CERTIFIED), np.int8(Decision.OPEN))

    @property
    def condition(self) -> float:
        """The largest ratio of kept eigenvalues (or Cholesky pivots) within a block."""
        return max((s.spread[0] / s.spread[1] for s in self.spaces if s.rank), default=1.0)

    @cached_property
    def lambda_min(self) -> float:
        """The smallest eigenvalue of (1/N) sum H(Z) H(Z)^T in the paper's convention, features without sqrt(2).

        Exactly 0 where a feature is zero in every example or a block is rank deficient at the tolerance.
        """
        if not self.identified:
            return 0.0
        return (
            min(_smallest(space, svec_scale(self.dim)[space.columns // self.dim]) for space in self.spaces) / self.count
        )

    def ambiguity(self, Z: np.ndarray) -> float:
        """Return ||(I - Pi) phi(Z)||^2 / ||phi(Z)||^2 in [0, 1]; all minimisers agree at Z (d, n) iff it is 0 (ours).

        A minimiser is P + D with D zero on range(Lambda) and free off it, so its answer at Z is free iff phi(Z) has a
        part outside. Raises ``ShapeError`` for a malformed Z.
        """
        Z = as_context(Z, self.dim)
        return float(self.ambiguities(Traces.contexts(Z.T, np.array([0]), np.array([Z.shape[1]])))[0])

    def ambiguities(self, contexts: Traces) -> np.ndarray:
        """Return the ambiguity (N,) at every input of ``contexts``."""
        if contexts.dim != self.dim:
            raise ShapeError(f"certificate: got inputs with d = {contexts.dim}, wanted d = {self.dim}.")
        size = 4096 if contexts.is_sparse else max(1, PART_BYTES // (8 * self.feature_count))
        parts = [self.of_rows(feature_rows(chunk)) for chunk in contexts.chunks(size)]
        return np.concatenate(parts) if parts else np.empty(0)

    def leverages(self, contexts: Traces) -> np.ndarray:
        """Return N phi^T Lambda^+ phi (N',) of every input: its squared length in the geometry of the data.

        Infinite where the input is not certified. Raises ``LinattnError`` for a certificate learned with a ridge.
        """
        if self.ridge:
            raise LinattnError("leverages: got a run with a ridge, wanted ridge = 0; use certify(traces) instead.")
        size = 4096 if contexts.is_sparse else max(1, PART_BYTES // (8 * self.feature_count))
        found = [np.empty(0)]
        for chunk in contexts.chunks(size):
            rows = sparse.csr_array(feature_rows(chunk)).tocsc()
            total = np.zeros(len(chunk))
            for space in self.spaces:
                part = sparse.csr_array(rows[:, space.columns])
                touched = np.flatnonzero(np.diff(part.indptr))
                if len(touched):
                    down = space.down(part[touched].toarray())
                    total[touched] += np.einsum("ij,ij->i", space.core_solve(down), down)
            found.append(np.where(self.certified(chunk), self.count * total, np.inf))
        return np.concatenate(found)

    def error_bound(self, Z: np.ndarray, mse: float) -> float:
        """Bound ||f(Z) - f'(Z)|| for any two models of training MSE at most ``mse``: 2 sqrt(mse N phi^T Lambda^+ phi).

        Ours: D = P - P' has (1/N) sum ||D phi_i||^2 <= (2 sqrt(mse))^2 by the triangle inequality, and ||D phi||^2 <=
        ||D Lambda^(1/2)||^2 phi^T Lambda^+ phi for phi in range(Lambda), by Cauchy-Schwarz. It is at most
        2 sqrt(mse / lambda_min) ||phi(Z)||, the global form (arXiv:2410.10101v4, Lemma 2.3, whose eq. 22 drops a square
        root), and stays finite on certified inputs where lambda_min = 0. Infinite where Z is not certified.
        """
        Z = as_context(Z, self.dim)
        if not (np.isfinite(mse) and mse >= 0):
            raise LinattnError(f"error_bound: got mse = {mse}, wanted a finite number of at least 0.")
        leverage = self.leverages(Traces.contexts(Z.T, np.array([0]), np.array([Z.shape[1]])))[0]
        return float(np.inf) if np.isinf(leverage) else 2.0 * float(np.sqrt(mse * leverage))

    def certified(self, contexts: Traces) -> np.ndarray:
        """Return (N,) booleans: the ambiguity is zero at ``AMBIGUITY_TOLERANCE``."""
        return self.ambiguities(contexts) <= AMBIGUITY_TOLERANCE

    def of_rows(self, rows: np.ndarray | sparse.csr_array) -> np.ndarray:
        """Return the ambiguity (R,) of feature rows (R, p); a zero row has none, every predictor answers 0 there."""
        rows = sparse.csr_array(rows)
        square = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
        left = np.zeros(rows.shape[0])
        for index, _, part in self._parts_outside(rows):
            left[index] += np.einsum("ij,ij->i", part, part)
        unseen = self._unseen_part(rows)
        left += np.asarray(unseen.multiply(unseen).sum(axis=1)).ravel()
        return np.clip(np.divide(left, square, out=np.zeros_like(left), where=square > 0), 0.0, 1.0)

    def outside(self, rows: sparse.csr_array) -> sparse.csr_array:
        """Return (I - Pi) rows, (R, p) CSR."""
        unseen = sparse.coo_array(self._unseen_part(rows))
        found = [(*unseen.coords, unseen.data)]
        for index, columns, part in self._parts_outside(rows):
            i, j = np.nonzero(part)
            found.append((index[i], columns[j], part[i, j]))
        i, j, values = (np.concatenate(column) for column in zip(*found, strict=True))
        return sparse.csr_array((values, (i, j)), shape=rows.shape)

    def _unseen_part(self, rows: sparse.csr_array) -> sparse.csr_array:
        """Return the part of ``rows`` (R, p) on features that were zero in every example: all of it lies outside."""
        unseen = np.ones(self.feature_count, dtype=bool)
        for space in self.spaces:
            unseen[space.columns] = False
        part = rows.copy()
        part.data *= unseen[part.indices]
        part.eliminate_zeros()
        return part

    def _parts_outside(self, rows: sparse.csr_array) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield (row numbers, columns, dense (I - Pi) rows there), block by block, a bounded number of rows a time."""
        by_column = rows.tocsc()
        for space in self.spaces:
            if space.rank == len(space.columns):
                continue
            part = sparse.csr_array(by_column[:, space.columns])
            touched = np.flatnonzero(np.diff(part.indptr))
            pieces = max(1, len(touched) * len(space.columns) * 8 // PART_BYTES)
            for index in np.array_split(touched, min(pieces, max(1, len(touched)))):
                yield index, space.columns, space.outside(part[index].toarray())

    def covers(self, task: HasFamily) -> FamilyCertificate:
        """Certify every legal input of ``task`` at once (ours): F inside range(Lambda).

        Every legal phi is a linear combination of the spanning rows, so if these are unambiguous all are. Raises
        ``ShapeError`` where the task has no finite description of its legal inputs, or another d.
        """
        family = task.family()
        if family is None:
            raise ShapeError("covers: got a task without a finite description of its inputs; use ambiguity(Z) instead.")
        if family.features.shape[1] != self.feature_count:
            raise ShapeError(f"covers: got a task with another embedding dimension, wanted d = {self.dim}.")
        return self.covers_family(family)

    def covers_family(self, family: Family) -> FamilyCertificate:
        """Certify a family given by its spanning rows."""
        ambiguity = self.of_rows(family.features)
        open_rows = np.flatnonzero(ambiguity > AMBIGUITY_TOLERANCE)
        left = self.outside(family.features[open_rows])
        # dim(F inside the range) = dim F - dim (I - Pi) F, the rank-nullity theorem for I - Pi on F.
        rank = family.dimension - _rank(left)
        missing = list(dict.fromkeys(family.words[i] for i in open_rows))
        structural = self.feature_count - family.dimension
        data = family.dimension - rank
        holds = len(open_rows) == 0
        return FamilyCertificate(
            holds, family.dimension, rank, missing, structural, data, family.source, self.tolerance
        )


def certify(traces: Traces | Moments, *, device: str = "cpu", progress: Progress = no_progress) -> Certificate:
    """Return what ``traces`` pin down, whatever their answers are: the certificate needs the inputs alone.

    Raises ``ShapeError`` on zero examples and ``TooLargeError`` where the problem would not fit.
    """
    data = problem(traces, device, progress)
    data.plan.check()
    data.gather(progress)
    return Certificate(data.dim, data.count, tuple(data.factor(0.0, progress)))


def _rank(rows: sparse.csr_array) -> int:
    """Return the rank of residual rows, component by component, at the ambiguity tolerance."""
    if rows.nnz == 0:
        return 0
    scale = float(np.sqrt(rows.multiply(rows).sum(axis=1)).max())
    rows = sparse.csr_array(rows)
    rows.data[np.abs(rows.data) < 1e-10 * scale] = 0
    rows.eliminate_zeros()
    smallest = scale * np.sqrt(AMBIGUITY_TOLERANCE)
    return sum(int(np.sum(linalg.svdvals(block.rows.toarray()) > smallest)) for block in blocks(rows))


def _smallest(space: Subspace, scale: np.ndarray) -> float:
    """Return the smallest eigenvalue of D^-1 Lambda D^-1, D = diag(scale): the paper's convention."""
    assert space.second is not None, "kept for every block of full rank"
    k = len(space.columns)
    if k <= DIRECT_LIMIT or not isinstance(space, FullSpace):
        return float(linalg.eigvalsh(space.second / scale[:, None] / scale, subset_by_index=[0, 0])[0])
    inverse = LinearOperator((k, k), matvec=lambda v: scale * space.core_solve((scale * v.ravel())[None])[0])
    return 1.0 / float(eigsh(inverse, k=1, which="LM", return_eigenvectors=False, tol=1e-8)[0])
