"""The column of the project in one place: traces -> moments -> range -> predictor -> heads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from linattn_core.attention import LinearAttention, Predictor
from linattn_core.certificate import Certificate
from linattn_core.errors import LinattnError
from linattn_core.heads import HEADS, Described, HeadsResult, as_predictor, faithful_heads
from linattn_core.inputs import number
from linattn_core.moments import Moments
from linattn_core.numerics import Progress, no_progress
from linattn_core.plan import Plan
from linattn_core.problem import Problem, Solution, problem
from linattn_core.solve.minimum_norm import least_norm
from linattn_core.solve.subspace import Subspace
from linattn_core.tolerances import EPSILON, REALIZED, ROUNDED_LOSS, ROUNDING_EPSILONS
from linattn_core.traces import Traces

__all__ = ["HEADS", "Described", "Run", "as_predictor", "find_heads", "learn", "plan"]


@dataclass(frozen=True, eq=False)
class Run:
    """What was learned, with its reasons.

    ``predictor`` is the minimum-norm minimiser y = P phi(Z); ``model`` the same function as heads, and ``heads`` says
    how many and why no fewer; ``training_mse`` the mean over examples of ||y - P phi||^2, ``largest_residual`` the
    largest ||y - P phi|| of one, ``answer_scale`` the largest ||y|| (of moments, the root of the mean square); ``r2``
    is 1 - training_mse / mean ||y||^2; ``certificate`` what the data pin down; ``plan`` the route taken; ``seconds``
    per stage. ``least_norm``: whether the norm is least in the coordinates the tokens came in, as it is unless these
    are so uneven that it cannot be told from rounding; then it is in those of T z.
    """

    predictor: Predictor
    training_mse: float
    r2: float
    certificate: Certificate
    plan: Plan
    seconds: dict[str, float]
    problem: Problem = field(repr=False)
    heads: HeadsResult | None = None
    largest_residual: float = 0.0
    answer_scale: float = 1.0
    least_norm: bool = True

    @property
    def model(self) -> LinearAttention:
        """The heads. Raises ``LinattnError`` where ``learn`` was asked for none."""
        if self.heads is None:
            raise LinattnError("run.model: learned with heads=None; call learn(..., heads='svd') to get heads.")
        return self.heads.model

    @property
    def condition_raw(self) -> float:
        """The ratio of the extreme sizes of the tokens' directions, as they came; 1 where they were left alone."""
        return self.certificate.condition_raw

    @property
    def condition(self) -> float:
        """The largest ratio of kept singular values of unit features, in the coordinates they were learned in."""
        return self.certificate.condition

    @property
    def dropped(self) -> tuple[tuple[np.ndarray, float], ...]:
        """(direction (d,), relative size) of each direction of tokens that no example uses."""
        return self.certificate.dropped

    @property
    def rank_gap(self) -> float:
        """The smallest ratio of the least kept to the largest dropped singular value."""
        return self.certificate.rank_gap

    def loss(self, model: LinearAttention | Predictor) -> float:
        """Return the training MSE of any model on this run's data."""
        predictor, data = as_predictor(model), self.problem
        if predictor.whitening is not data.whitening:
            if data.source is not None:
                left = data.source.targets - predictor.on(data.source)
                return float(np.sum(left**2)) / data.count
            P = predictor.coefficients()
            P = P if data.whitening is None else data.whitening.from_original(P)
            predictor = Predictor(data.dim, np.arange(P.shape[1]), P, data.whitening)
        return data.errors(predictor).square / data.count

    def loss_rounding(self, predictor: Predictor) -> float:
        """Return how far rounding of its answers may have moved the training MSE of ``predictor`` as computed."""
        source = self.problem.source
        if source is None:
            return EPSILON * self.answer_scale**2
        size = ROUNDING_EPSILONS * EPSILON * predictor.rounding(source)
        share = float(np.mean(size**2)) * len(predictor.weights)
        return share + 2.0 * float(np.sqrt(share * self.training_mse))

    def rounding(self, contexts: Traces) -> np.ndarray:
        """Bound (N,) what rounding can have changed of the answer at each input, infinite where it is not certified.

        Ours: evaluating P phi errs by at most r = 16 epsilon sum_k |P_k| |phi_k|. The exact minimiser's P* has (P - P*)
        phi = g Lambda^+ phi, g the gradient at P, so ours is off by at most sqrt(l) ||g||, l = phi^T Lambda^+ phi and
        ||g||^2 = g Lambda^+ g; g itself is known up to the rounding of the training errors. Where the data are fitted
        to rounding, sqrt(l) times the length of all training errors bounds the same.
        """
        found = ROUNDING_EPSILONS * EPSILON * self.predictor.rounding(contexts)
        if self.certificate.ridge:
            return np.where(self.certificate.certified(contexts), found, np.inf)
        leverage = self.certificate.leverages(contexts) / self.problem.count
        inside = np.isfinite(leverage)
        found[inside] += np.sqrt(np.maximum(leverage[inside], 0.0)) * self._fit_rounding
        found[~inside] = np.inf
        return np.asarray(found)

    @cached_property
    def _fit_rounding(self) -> float:
        """How far, in the geometry of Lambda, this minimiser may be from the exact one."""
        errors = float(np.sqrt(self.training_mse * self.problem.count))
        source, unit = self.problem.source, ROUNDING_EPSILONS * EPSILON
        if source is None:
            return errors
        evaluated = unit * float(np.linalg.norm(self.predictor.rounding(source)))
        if self.largest_residual <= REALIZED * self.answer_scale:
            return errors + evaluated
        at, gradient = self.problem.errors(self.predictor), 0.0
        for space in self.certificate.spaces:
            down = space.down(at.cross[:, np.searchsorted(at.columns, space.columns)])
            gradient += float(np.einsum("ij,ij->", space.core_solve(down), down))
        known = float(np.sqrt(max(gradient, 0.0))) + evaluated + unit * float(np.sqrt(len(source))) * errors
        return min(errors + evaluated, known)


def learn(
    traces: Traces | Moments,
    *,
    ridge: float = 0.0,
    heads: str | None = "svd",
    task: Described | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Run:
    """Learn the optimal linear attention layer in polynomial time: exact least squares on cubic features.

    Minimises (1/N) sum ||P phi(Z_i) - y_i||^2 + ridge ||P||^2 over ALL linear-attention models of any number of heads
    (arXiv:2410.10101v4, Theorem 2.2); the data need not come from one. Equivalent to ``numpy.linalg.lstsq(Phi, Y)``,
    the minimum-norm solution where that is rank deficient, in any linear units of the tokens: these are brought to like
    size first. ``heads``: "svd" (Algorithm 1), "minimal" (the fewest that can be found), "typed" (one attribute read,
    one matched, one asking: needs ``task`` for their names), or None for the predictor alone.
    ``progress`` is called at chunks and blocks and may raise ``Cancelled``. Raises ``ShapeError`` on zero examples and
    ``TooLargeError`` before allocating what would not fit.
    """
    if (ridge := number(ridge, "learn: ridge")) < 0:
        raise LinattnError(f"learn: got ridge = {ridge}, wanted a finite number of at least 0.")
    if heads is not None:
        _check_heads(heads, task, "learn")
    report = progress or no_progress
    seconds: dict[str, float] = {}
    with _stage(seconds, "features", report, 0.0, 0.4) as step:
        data = problem(traces, device, step)
        data.plan.check()
        data.gather(step)
    with _stage(seconds, "factor", report, 0.4, 0.8) as step:
        spaces = tuple(data.factor(0.0, step))
    with _stage(seconds, "solve", report, 0.8, 0.9) as step:
        found = _ridged(traces, data, ridge, step) if ridge else data.solve(spaces, 0.0)
        found, least = (found, True) if ridge else _least(data, found, spaces)
    certificate = Certificate(data.dim, data.count, spaces, ridge=ridge, whitening=data.whitening, traces=data.source)
    with _stage(seconds, "heads", report, 0.9, 1.0) as step:
        shown = find_heads(heads, found.predictor, certificate, task, step) if heads else None
    r2 = 1.0 - found.squared_error / found.square if found.square > 0 else 1.0
    mse, scale = found.squared_error / data.count, _answer_scale(data, found)
    return Run(found.predictor, mse, r2, certificate, data.plan, seconds, data, shown, found.largest, scale, least)


def _ridged(traces: Traces | Moments, data: Problem, ridge: float, progress: Progress) -> Solution:
    """Return the ridge solution, whose penalty is on the coefficients of the tokens as they came: it has units."""
    plain = data
    if data.whitening is not None:
        if isinstance(traces, Moments):
            raise LinattnError(
                "learn: got a ridge with moments whose coordinates were changed; learn from the traces, or ridge = 0."
            )
        plain = problem(traces, data.device.name, progress, whiten=False)
        plain.gather(progress)
    return plain.solve(plain.factor(ridge * data.count, progress), ridge * data.count)


def _least(data: Problem, found: Solution, spaces: Sequence[Subspace]) -> tuple[Solution, bool]:
    """Return the solution of least norm in original coordinates, its errors computed anew, and whether it could be had.

    Only directions that no example has change: where rounding makes that cost more than rounding, nothing is changed.
    """
    predictor, least = least_norm(found.predictor, spaces)
    if predictor is found.predictor:
        return found, least
    at = data.errors(predictor)
    if at.square > found.squared_error + ROUNDED_LOSS * found.square:
        return found, False
    return replace(found, predictor=predictor, squared_error=at.square, largest=at.largest), least


def _answer_scale(data: Problem, found: Solution) -> float:
    if data.source is None:
        return float(np.sqrt(found.square / data.count))
    return float(np.sqrt(np.sum(data.source.targets**2, axis=1).max(initial=0.0)))


def find_heads(
    mode: str,
    predictor: Predictor,
    certificate: Certificate,
    task: Described | None = None,
    progress: Progress | None = None,
) -> HeadsResult:
    """Return the heads of a learned predictor in one of the ``HEADS`` modes; "typed" needs ``task`` for its names.

    Heads are those of the mode where, as computed, they answer as the predictor does on the traces and on legal inputs;
    otherwise ``reason`` says what is shown instead, and ``deviation`` by how much they miss. Raises ``LinattnError``
    for an unknown mode or a missing task, ``TooLargeError`` where the search would not fit.
    """
    _check_heads(mode, task, "heads")
    return faithful_heads(mode, predictor, certificate, task, progress or no_progress)


def _check_heads(mode: str, task: Described | None, where: str) -> None:
    if not isinstance(mode, str) or mode not in HEADS:
        raise LinattnError(f"{where}: got heads = {mode!r}, wanted one of {', '.join(map(repr, HEADS))}, or None.")
    if mode == "typed" and task is None:
        raise LinattnError("learn: got heads = 'typed' without a task to name the coordinates; pass task=task.")


def plan(traces: Traces | Moments, *, device: str = "auto", progress: Progress | None = None) -> Plan:
    """Say how ``learn`` would solve this and what it would cost, without factoring anything."""
    return problem(traces, device, progress or no_progress).plan


@contextmanager
def _stage(seconds: dict[str, float], name: str, report: Progress, low: float, high: float) -> Iterator[Progress]:
    """Time a stage and map its own progress into [low, high] of the whole."""
    begin = time.perf_counter()
    report(low, name)
    yield lambda fraction, message: report(low + (high - low) * fraction, message)
    seconds[name] = time.perf_counter() - begin
