"""What the data pin down: global, pointwise and family certificates, from the range of the second moment alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from linattn_core.certificates.decision import Decision, Level
from linattn_core.certificates.eigen import smallest, smallest_through
from linattn_core.certificates.exact.family import exact_family
from linattn_core.certificates.exact.range import ExactRange, integer_tokens, work
from linattn_core.certificates.family import FamilyCertificate
from linattn_core.certificates.reach import Reach, residual_rank
from linattn_core.errors import LinattnError, ShapeError
from linattn_core.family import Family, HasFamily
from linattn_core.features import as_context, feature_count, feature_rows, on_columns, svec_scale
from linattn_core.inputs import number
from linattn_core.moments import Moments
from linattn_core.numerics import Progress, check_memory, no_progress
from linattn_core.problem import problem
from linattn_core.solve.subspace import Subspace
from linattn_core.solve.whitening import Whitening
from linattn_core.tolerances import KEPT, OPEN_IN_DOUBT
from linattn_core.traces import Traces

__all__ = ["Certificate", "FamilyCertificate", "certify"]

PART_BYTES = 32 * 2**20
"""Dense residuals formed at a time."""

EXACT_AT_ONCE, EXACT_MOST = 5e10, 1e14
"""Estimated work up to which families are decided in integers at once, and up to which what floating point leaves
undecided is."""


@dataclass(frozen=True, eq=False)
class Certificate:
    """The range of Lambda = sum phi phi^T over ``count`` examples, and what follows from it (arXiv:2410.10101v4,
    Lemma 2.3).

    ``spaces`` are in the coordinates of T z, T = ``whitening``: ranks and what is certified do not depend on T, the
    value of an ambiguity does. Singular values of unit feature rows below the relative ``tolerance`` count as zero;
    where that leaves doubt, the level is "undecided". ``traces``: the examples, where they are at hand.
    """

    dim: int
    count: int
    spaces: Sequence[Subspace]
    tolerance: float = KEPT
    ridge: float = 0.0
    whitening: Whitening | None = None
    traces: Traces | None = None

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
        return self.rank == self.feature_count and self.level != "undecided"

    @property
    def level(self) -> Level:
        """How sure the rank is: "numerical" (a stated gap) or "undecided"; families may be theorems."""
        return "numerical" if all(space.sizes.resolved for space in self.spaces) else "undecided"

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        if self.level == "undecided":
            kept = min((s.sizes.kept / s.sizes.largest for s in self.spaces if not s.sizes.resolved), default=0.0)
            return (
                f"some directions of the data are so small ({kept:.0e} of the largest) that rounding may have made "
                "them; examples that differ more, or the traces in place of their moments, would decide"
            )
        gap = f"the smallest direction kept is {self.rank_gap:.0e} times the largest dropped"
        return f"decided in floating point: {gap if np.isfinite(self.rank_gap) else 'no direction is near zero'}"

    @property
    def condition(self) -> float:
        """The largest ratio of kept singular values of unit features within a block."""
        return max((s.sizes.condition for s in self.spaces), default=1.0)

    @property
    def condition_raw(self) -> float:
        """The ratio of the extreme sizes of the tokens' directions, as they came; 1 where they were left alone."""
        return 1.0 if self.whitening is None else self.whitening.raw

    @property
    def dropped(self) -> tuple[tuple[np.ndarray, float], ...]:
        """(direction (d,), relative size) of each direction of tokens that no example uses."""
        return () if self.whitening is None else self.whitening.unused

    @property
    def rank_gap(self) -> float:
        """The smallest ratio of the least kept to the largest dropped singular value within a block."""
        return min((s.sizes.gap for s in self.spaces), default=float("inf"))

    @cached_property
    def exact(self) -> ExactRange | None:
        """The range in integers, for whole-number tokens that are at hand; built when first asked for.

        None where the tokens are no whole numbers, or it would take hours.
        """
        return ExactRange.of(self.traces) if self.traces is not None and self._exact_work <= EXACT_MOST else None

    @cached_property
    def _exact_work(self) -> float:
        """The estimated work of ``exact``, infinite where there is none."""
        return work(self.traces) if self.traces is not None and integer_tokens(self.traces) else np.inf

    @cached_property
    def lambda_min(self) -> float:
        """The smallest eigenvalue of (1/N) sum H(Z) H(Z)^T in the paper's convention, features without sqrt(2), in
        original coordinates.

        Exactly 0 where a feature is zero in every example or a block is rank deficient.
        """
        if not self.identified:
            return 0.0
        scale = svec_scale(self.dim).repeat(self.dim)
        if self.whitening is not None:
            return smallest_through(self.spaces, self.whitening, scale) / self.count
        return min(smallest(space, scale[space.columns]) for space in self.spaces) / self.count

    def ambiguity(self, Z: np.ndarray) -> float:
        """Return ||(I - Pi) phi(Z)||^2 / ||phi(Z)||^2 in [0, 1]; all minimisers agree at Z (d, n) iff it is 0 (ours).

        A minimiser is P + D with D zero on range(Lambda) and free off it, so its answer at Z is free iff phi(Z) has a
        part outside. Raises ``ShapeError`` for a malformed Z.
        """
        Z = as_context(Z, self.dim)
        return float(self.ambiguities(Traces.contexts(Z.T, np.array([0]), np.array([Z.shape[1]])))[0])

    def ambiguities(self, contexts: Traces) -> np.ndarray:
        """Return the ambiguity (N,) at every input of ``contexts``."""
        found = [reach.ambiguity for _, _, reach in self._reaches(contexts)]
        return np.concatenate(found) if found else np.empty(0)

    def decide(self, contexts: Traces) -> np.ndarray:
        """Return the ``Decision`` (N,) at every input: all minimisers agree, they do not, or neither can be shown.

        What floating point leaves undecided is decided exactly where the tokens are whole numbers.
        """
        found = [reach.decisions for _, _, reach in self._reaches(contexts)]
        decisions = np.concatenate(found) if found else np.empty(0, dtype=np.int8)
        open_questions = np.flatnonzero(decisions == Decision.UNDECIDED)
        if len(open_questions) and self.exact is not None:
            asked = contexts.subset(open_questions)
            if integer_tokens(asked):
                decisions[open_questions] = np.where(self.exact.contains(asked), Decision.CERTIFIED, Decision.OPEN)
        return decisions

    def certified(self, contexts: Traces) -> np.ndarray:
        """Return (N,) booleans: every minimiser gives the same answer there, beyond doubt."""
        return self.decide(contexts) == Decision.CERTIFIED

    def leverages(self, contexts: Traces) -> np.ndarray:
        """Return N phi^T Lambda^+ phi (N',) of every input: its squared length in the geometry of the data.

        Infinite where the input is not certified. Raises ``LinattnError`` for a certificate learned with a ridge.
        """
        if self.ridge:
            raise LinattnError("leverages: got a run with a ridge, wanted ridge = 0; use certify(traces) instead.")
        found = [np.empty(0)]
        for _, rows, _ in self._reaches(contexts, measured=False):
            by_column, total = on_columns(rows, self._seen).tocsc(), np.zeros(rows.shape[0])
            for space, place in zip(self.spaces, self._places, strict=True):
                part = sparse.csr_array(by_column[:, place])
                touched = np.flatnonzero(np.diff(part.indptr))
                if len(touched):
                    down = space.down(part[touched].toarray())
                    total[touched] += np.einsum("ij,ij->i", space.core_solve(down), down)
            found.append(self.count * total)
        return np.where(self.certified(contexts), np.concatenate(found), np.inf)

    def error_bound(self, Z: np.ndarray, mse: float) -> float:
        """Bound ||f(Z) - f'(Z)|| for any two models of training MSE at most ``mse``: 2 sqrt(mse N phi^T Lambda^+ phi).

        Ours: D = P - P' has (1/N) sum ||D phi_i||^2 <= (2 sqrt(mse))^2 by the triangle inequality, and ||D phi||^2 <=
        ||D Lambda^(1/2)||^2 phi^T Lambda^+ phi for phi in range(Lambda), by Cauchy-Schwarz. It is at most
        2 sqrt(mse / lambda_min) ||phi(Z)||, the global form (arXiv:2410.10101v4, Lemma 2.3, whose eq. 22 drops a square
        root), and stays finite on certified inputs where lambda_min = 0. Infinite where Z is not certified.
        """
        Z = as_context(Z, self.dim)
        if (mse := number(mse, "error_bound: mse")) < 0:
            raise LinattnError(f"error_bound: got mse = {mse}, wanted a finite number of at least 0.")
        leverage = self.leverages(Traces.contexts(Z.T, np.array([0]), np.array([Z.shape[1]])))[0]
        return float(np.inf) if np.isinf(leverage) else 2.0 * float(np.sqrt(mse * leverage))

    def outside(self, rows: sparse.csr_array, *, surely: bool = False) -> sparse.csr_array:
        """Return (I - Pi) rows, (R, p) CSR, all in the coordinates of the spaces: features of T z.

        ``surely``: outside the directions in doubt as well.
        """
        unseen = sparse.coo_array(self._unseen_part(rows))
        found = [(*unseen.coords, unseen.data)]
        for space, index, part in self._parts(rows):
            left = space.outside_between(part)[1] if surely else space.outside(part)
            i, j = np.nonzero(left)
            found.append((index[i], space.columns[j], left[i, j]))
        i, j, values = (np.concatenate(column) for column in zip(*found, strict=True))
        return sparse.csr_array((values, (i, j)), shape=rows.shape)

    def free_direction(self, row: sparse.csr_array) -> np.ndarray:
        """Return a direction (p,) of coefficients that no example feels and the row (1, p) of T z does.

        Features that were zero in every example are free for certain: where the row has some, these alone.
        """
        unseen = self._unseen_part(row)
        return np.asarray((unseen if unseen.nnz else self.outside(row, surely=True)).toarray()[0])

    def reach(self, rows: sparse.csr_array) -> Reach:
        """Measure how feature rows (R, p) of T z lie to the range."""
        square = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
        unseen = self._unseen_part(rows)
        stray = np.asarray(unseen.multiply(unseen).sum(axis=1)).ravel()
        left, strict, loose, leverage = stray.copy(), stray.copy(), stray.copy(), np.zeros(rows.shape[0])
        for space, index, part in self._parts(rows):
            outside = space.outside(part)
            share = np.einsum("ij,ij->i", outside, outside)
            left[index] += share
            leverage[index] += space.leverage(part - outside)
            if space.sizes.resolved:
                strict[index] += share
                loose[index] += share
                continue
            near, far = (np.einsum("ij,ij->i", rest, rest) for rest in space.outside_between(part))
            strict[index] += near
            loose[index] += np.where(far > OPEN_IN_DOUBT * square[index], far, 0.0)
        ambiguity, strict, loose, leverage = (
            np.divide(x, square, out=np.zeros_like(x), where=square > 0) for x in (left, strict, loose, leverage)
        )
        return Reach(np.minimum(ambiguity, 1.0), strict, loose, np.diff(unseen.indptr) > 0, leverage)

    def rows_inside(self, contexts: Traces) -> sparse.csr_array:
        """Return the features (N, p) of T z, CSR."""
        inside = contexts if self.whitening is None else self.whitening.apply(contexts)
        return sparse.csr_array(feature_rows(inside))

    def _reaches(self, contexts: Traces, *, measured: bool = True) -> Iterator[tuple[Traces, sparse.csr_array, Any]]:
        """Yield (contexts, rows, how they lie), a bounded number at a time."""
        if contexts.dim != self.dim:
            raise ShapeError(f"certificate: got inputs with d = {contexts.dim}, wanted d = {self.dim}.")
        inside = contexts if self.whitening is None else self.whitening.apply(contexts)
        size = 4096 if inside.is_sparse else max(1, PART_BYTES // (8 * self.feature_count))
        for chunk in inside.chunks(size):
            rows = sparse.csr_array(feature_rows(chunk))
            rows.eliminate_zeros()
            yield chunk, rows, self.reach(rows) if measured else None

    def _inside(self, rows: sparse.csr_array) -> sparse.csr_array:
        """Return feature rows (R, p) of Z as those of T Z."""
        return rows if self.whitening is None else sparse.csr_array(self.whitening.forward(rows.toarray()))

    def _unseen_part(self, rows: sparse.csr_array) -> sparse.csr_array:
        """Return the part of ``rows`` (R, p) on features that were zero in every example: all of it lies outside."""
        seen = self._seen
        place = np.minimum(np.searchsorted(seen, rows.indices), max(len(seen) - 1, 0))
        part = rows.copy()
        part.data = part.data * (seen[place] != part.indices) if len(seen) else part.data
        part.eliminate_zeros()
        return part

    @cached_property
    def _seen(self) -> np.ndarray:
        """The features (k,) of all blocks, sorted."""
        return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *(space.columns for space in self.spaces)]))

    @cached_property
    def _places(self) -> list[np.ndarray]:
        """Where the features of each block stand among these."""
        return [np.searchsorted(self._seen, space.columns) for space in self.spaces]

    def _parts(self, rows: sparse.csr_array) -> Iterator[tuple[Subspace, np.ndarray, np.ndarray]]:
        """Yield (block, row numbers, dense rows on its columns), block by block, a bounded number of rows a time."""
        by_column = on_columns(rows, self._seen).tocsc()
        for space, place in zip(self.spaces, self._places, strict=True):
            if space.full and space.sizes.resolved:
                continue
            part = sparse.csr_array(by_column[:, place])
            touched = np.flatnonzero(np.diff(part.indptr))
            pieces = max(1, len(touched) * len(space.columns) * 8 // PART_BYTES)
            for index in np.array_split(touched, min(pieces, max(1, len(touched)))):
                yield space, index, part[index].toarray()

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
        """Certify a family given by its spanning rows: each must lie in the range, and the range be large enough.

        In integers where the tokens are whole numbers and that takes no longer than a moment, or where floating point
        leaves rows undecided.
        """
        if family.contexts is not None and self._exact_work <= EXACT_AT_ONCE and self.exact is not None:
            decided = exact_family(self.exact, family)
            if decided is not None:
                return decided
        if self.identified:
            return FamilyCertificate(
                True,
                family.dimension,
                family.dimension,
                [],
                self.feature_count - family.dimension,
                0,
                family.source,
                self.tolerance,
                self.level,
                f"all {self.rank:,} directions there are are fixed; {self.reason}",
            )
        rows = self._family_rows(family)
        decisions = self.reach(rows).decisions
        level: Level = "numerical"
        doubtful = np.flatnonzero(decisions == Decision.UNDECIDED)
        if len(doubtful) and family.contexts is not None and self.exact is not None:
            asked = family.contexts.subset(doubtful)
            decisions[doubtful] = np.where(self.exact.contains(asked), Decision.CERTIFIED, Decision.OPEN)
        open_rows = np.flatnonzero(decisions == Decision.OPEN)
        undecided = np.flatnonzero(decisions == Decision.UNDECIDED)
        # dim(F inside the range) = dim F - dim (I - Pi) F, the rank-nullity theorem for I - Pi on F.
        rank = min(family.dimension - residual_rank(self.outside(rows[open_rows])), self.rank)
        if len(open_rows) and rank == family.dimension:
            rank -= 1
        holds = len(open_rows) == len(undecided) == 0 and self.rank >= family.dimension
        if not holds and not len(open_rows):
            level = "undecided"
        return FamilyCertificate(
            holds,
            family.dimension,
            rank,
            list(dict.fromkeys(family.words[i] for i in open_rows)),
            self.feature_count - family.dimension,
            family.dimension - rank,
            family.source,
            self.tolerance,
            level,
            self._family_reason(holds, level, len(undecided)),
            tuple(dict.fromkeys(family.words[i] for i in undecided)),
        )

    def _family_reason(self, holds: bool, level: Level, undecided: int) -> str:
        if level == "undecided":
            return f"{undecided:,} of the legal inputs lie too near the edge of rounding; {self.reason}"
        return self.reason

    def _family_rows(self, family: Family) -> sparse.csr_array:
        """Return the spanning rows as features of T z: from contexts where there are some, which rounds less."""
        if self.whitening is None:
            return family.features
        needed = 24.0 * family.features.shape[0] * self.feature_count
        check_memory(needed, f"The {family.features.shape[0]:,} spanning inputs", "use fewer dimensions")
        return self.rows_inside(family.contexts) if family.contexts is not None else self._inside(family.features)


def certify(traces: Traces | Moments, *, device: str = "cpu", progress: Progress = no_progress) -> Certificate:
    """Return what ``traces`` pin down, whatever their answers are: the certificate needs the inputs alone.

    Raises ``ShapeError`` on zero examples and ``TooLargeError`` where the problem would not fit.
    """
    data = problem(traces, device, progress)
    data.plan.check()
    data.gather(progress)
    spaces = tuple(data.factor(0.0, progress))
    return Certificate(data.dim, data.count, spaces, whitening=data.whitening, traces=data.source)
