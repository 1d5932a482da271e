"""Minimal heads: the fewest heads that compute a learned predictor, with the reason why no fewer (ours).

The minimum-norm predictor's own W has up to d^2 heads, but W may be changed by anything antisymmetric in (j, k) without
changing the function, and, where Lambda is rank deficient, by anything orthogonal to its range without changing the
training loss. ``minimal_heads`` searches the smallest H for which a bilinear fit reaches the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linattn_core.attention import LinearAttention, Predictor
from linattn_core.errors import TooLargeError
from linattn_core.heads.bounds import hilbert_bound, lower_bound
from linattn_core.heads.fit import Fit, Heads, fit_heads, svd_start
from linattn_core.heads.nuclear import NuclearHeads, nuclear_of
from linattn_core.heads.result import FIT_TOLERANCE, HeadsResult
from linattn_core.heads.target import Everywhere, Target, make_target
from linattn_core.numerics import Progress, no_progress
from linattn_core.solve.subspace import Subspace

RESTARTS = 8
"""Random starts after the deterministic ones; a step of the fit is so cheap that these cost milliseconds at d <= 8."""
INSIST = 40
"""Random starts for the last H that failed although no bound excludes it."""
WORK = 4e10
"""Operations the search may spend, some 10 seconds of one core; then it stops and says so."""
STEPS_EXPECTED = 20
TRIVIAL = (1, "a function that is not zero needs a head")


@dataclass(frozen=True, eq=False)
class MinimalHeads(HeadsResult):
    """The fewest heads found. ``tried``: (H, best relative residual, starts) of every fit, in the order of the search.

    ``everywhere``: whether the function is reproduced on all inputs, or on range(Lambda) only. ``nuclear``: the
    nuclear-norm heads beside them, None where not asked for.
    """

    everywhere: bool
    tried: tuple[tuple[int, float, int], ...]
    nuclear: NuclearHeads | None


def minimal_heads(
    predictor: Predictor,
    spaces: Sequence[Subspace] | None = None,
    *,
    nuclear: bool = True,
    restarts: int = RESTARTS,
    progress: Progress = no_progress,
) -> MinimalHeads:
    """Return the fewest heads that reproduce ``predictor``.

    ``spaces``: the factored range of Lambda (``certificate.spaces``). None, or an invertible Lambda: reproduce P, the
    function on all inputs. Otherwise agree with P on range(Lambda), so with the same training loss and the same answers
    wherever the data pin them down. Raises ``TooLargeError`` where a single fit would not fit in memory or time.
    """
    target = make_target(predictor, spaces)
    everywhere = isinstance(target, Everywhere)
    m, d = target.target.shape[:2]
    if target.norm == 0:
        zero = LinearAttention(np.zeros((1, m, d)), np.zeros((1, d, d)), predictor.whitening)
        return MinimalHeads(zero, 0.0, 1, "1 head, and it is zero: the function is zero.", everywhere, (), None)
    _check_work(target)
    companion = nuclear_of(target, lambda fraction, message: progress(0.4 * fraction, message)) if nuclear else None
    search = _Search(target, restarts, companion, progress)
    bound, why = lower_bound(target.target) if everywhere else TRIVIAL
    found = search.run(bound)
    if everywhere and len(found.V) > bound:
        bound, why = max((bound, why), hilbert_bound(target.target), key=lambda pair: pair[0])
        if bound < len(found.V) and not search.stopped:
            found = search.insist(found)
    reason = _reason(len(found.V), bound, why, search)
    model = LinearAttention(found.V, found.Q, predictor.whitening)
    return MinimalHeads(model, found.residual, bound, reason, everywhere, tuple(search.tried), companion)


def _check_work(target: Target) -> None:
    """Raise ``TooLargeError`` if even the few fits that settle one head would take longer than a whole search may."""
    work = 3 * target.work(1) * STEPS_EXPECTED
    if work > WORK:
        raise TooLargeError(
            f"minimal heads: the first fits at m = {target.target.shape[0]}, d = {target.target.shape[1]} would take "
            f"about {work:.0e} operations, and a search may take {WORK:.0e}; use heads='typed' or heads='svd'."
        )


class _Search:
    """The search over H: upwards from the bound, faster and faster, then by halving between failure and success."""

    def __init__(self, target: Target, restarts: int, companion: NuclearHeads | None, progress: Progress) -> None:
        self.target, self.restarts, self.companion, self.progress = target, restarts, companion, progress
        self.tried: list[tuple[int, float, int]] = []
        self.spent, self.stopped = 0.0, False

    def run(self, bound: int) -> Fit:
        """Return the fit with the fewest heads that reached the target."""
        most = min(self.target.target.shape[0], self.target.target.shape[1]) * self.target.target.shape[1]
        failed, heads, step = bound - 1, bound, 1
        found: Fit | None = None
        while found is None:
            fit = self._fit(heads, self.restarts) if heads < most else None
            if fit is None:
                found = self._whole()
            elif fit.reached:
                found = fit
            else:
                failed, heads, step = heads, heads + step, 2 * step
        while len(found.V) - failed > 1 and not self.stopped:
            middle = (len(found.V) + failed) // 2
            fit = self._fit(middle, self.restarts)
            if fit is not None and fit.reached:
                found = fit
            else:
                failed = middle
        return found

    def insist(self, found: Fit) -> Fit:
        """Try once more with one head fewer, from many more starts."""
        fit = self._fit(len(found.V) - 1, INSIST)
        return fit if fit is not None and fit.reached else found

    def _fit(self, heads: int, restarts: int) -> Fit | None:
        """Fit from as many starts as the work allowed leaves; None where it leaves none."""
        work = self.target.work(heads) * STEPS_EXPECTED
        starts = int((WORK - self.spent) / work)
        if starts < 1:
            self.stopped = True
            return None
        first = [_resized(self.companion.model, heads)] if self.companion is not None else []
        restarts = min(restarts, max(0, starts - 1 - len(first)))
        fit = fit_heads(self.target, heads, restarts=restarts, first=first, progress=self._report)
        self.spent += work * fit.starts
        self.tried.append((heads, fit.residual, fit.starts))
        return fit

    def _whole(self) -> Fit:
        """Return heads that need no search: the companion's where they reach the target, otherwise the SVD's."""
        if self.companion is not None and self.companion.residual <= FIT_TOLERANCE:
            return Fit(self.companion.model.V, self.companion.model.Q, self.companion.residual, 1)
        m, d = self.target.target.shape[:2]
        V, Q = svd_start(self.target, min(m * d, d * d))
        return Fit(V, Q, self.target.residual(V, Q), 1)

    def _report(self, fraction: float, message: str) -> None:
        self.progress(0.4 + 0.6 * min(1.0, self.spent / WORK), message)


def _resized(model: LinearAttention, heads: int) -> Heads:
    """Return the first ``heads`` heads of a model, padded with zeros; nuclear heads come largest first."""
    V, Q = np.zeros((heads, *model.V.shape[1:])), np.zeros((heads, *model.Q.shape[1:]))
    kept = min(heads, model.heads)
    V[:kept], Q[:kept] = model.V[:kept], model.Q[:kept]
    return V, Q


def _reason(heads: int, bound: int, why: str, search: _Search) -> str:
    """Say how many heads and why no fewer."""
    count = f"{heads} head{'s' if heads > 1 else ''}"
    if heads == bound:
        return f"{count}, and no fewer can do: {why}."
    proved = f"; it is proved that {bound} {'are' if bound > 1 else 'is'} needed: {why}."
    failed = [(h, residual) for h, residual, _ in search.tried if h < heads]
    if search.stopped or not failed:
        return f"{count}, but the search stopped at its limit of work and fewer may do{proved}"
    most, residual = max(failed, key=lambda pair: (pair[0], -pair[1]))
    return f"{count}: the best fit with {most} missed the predictor by {residual:.1e} of its norm{proved}"
