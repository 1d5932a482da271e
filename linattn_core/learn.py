"""The column of the project in one place: traces -> moments -> range -> predictor -> heads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from linattn_core.attention import LinearAttention, Predictor
from linattn_core.certificate import Certificate
from linattn_core.errors import LinattnError
from linattn_core.heads import HeadsResult, minimal_heads, svd_result, typed_heads
from linattn_core.heads.triples import Attribute
from linattn_core.moments import Moments
from linattn_core.numerics import Progress, no_progress
from linattn_core.plan import Plan
from linattn_core.problem import Problem, problem
from linattn_core.traces import Traces

HEADS = ("svd", "minimal", "typed")


class Described(Protocol):
    """A task that names the coordinates of its tokens and answers."""

    @property
    def attributes(self) -> Sequence[Attribute]:
        """The blocks of the embedding."""

    @property
    def output_attributes(self) -> Sequence[Attribute]:
        """The blocks of the answer."""


@dataclass(frozen=True, eq=False)
class Run:
    """What was learned, with its reasons.

    ``predictor`` is the minimum-norm minimiser y = P phi(Z); ``model`` the same function as heads, and ``heads`` says
    how many and why no fewer; ``training_mse`` the
    mean over examples of ||y - P phi||^2; ``r2`` is 1 - training_mse / mean ||y||^2; ``certificate`` what
    the data pin down; ``plan`` the route taken; ``seconds`` per stage.
    """

    predictor: Predictor
    training_mse: float
    r2: float
    certificate: Certificate
    plan: Plan
    seconds: dict[str, float]
    problem: Problem = field(repr=False)
    heads: HeadsResult | None = None

    @property
    def model(self) -> LinearAttention:
        """The heads. Raises ``LinattnError`` where ``learn`` was asked for none."""
        if self.heads is None:
            raise LinattnError("run.model: learned with heads=None; call learn(..., heads='svd') to get heads.")
        return self.heads.model

    def loss(self, model: LinearAttention | Predictor) -> float:
        """Return the training MSE of any model on this run's data."""
        predictor = as_predictor(model)
        return self.problem.errors(predictor)[0] / self.problem.count


def as_predictor(model: LinearAttention | Predictor) -> Predictor:
    """Return a model as the linear predictor it is."""
    if isinstance(model, Predictor):
        return model
    P = model.coefficients()
    columns = np.flatnonzero(np.any(P != 0, axis=0))
    return Predictor(model.dim, columns, P[:, columns])


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
    the minimum-norm solution where that is rank deficient. ``heads``: "svd" (Algorithm 1), "minimal" (the fewest that
    can be found), "typed" (one attribute read, one matched, one asking: needs ``task`` for their names), or None for
    the predictor alone.
    ``progress`` is called at chunks and blocks and may raise ``Cancelled``. Raises ``ShapeError`` on zero examples and
    ``TooLargeError`` before allocating what would not fit.
    """
    if not (np.isfinite(ridge) and ridge >= 0):
        raise LinattnError(f"learn: got ridge = {ridge}, wanted a finite number of at least 0.")
    if heads is not None and heads not in HEADS:
        raise LinattnError(f"learn: got heads = {heads!r}, wanted one of {', '.join(map(repr, HEADS))}, or None.")
    if heads == "typed" and task is None:
        raise LinattnError("learn: got heads = 'typed' without a task to name the coordinates; pass task=task.")
    report = progress or no_progress
    seconds: dict[str, float] = {}
    with _stage(seconds, "features", report, 0.0, 0.4) as step:
        data = problem(traces, device, step)
        data.plan.check()
        data.gather(step)
    with _stage(seconds, "factor", report, 0.4, 0.8) as step:
        spaces = data.factor(ridge * data.count, step)
    with _stage(seconds, "solve", report, 0.8, 0.9):
        predictor, squared_error, square = data.solve(spaces, ridge * data.count)
    certificate = Certificate(data.dim, data.count, tuple(spaces), ridge=ridge)
    with _stage(seconds, "heads", report, 0.9, 1.0) as step:
        found = find_heads(heads, predictor, certificate, task, step) if heads else None
    r2 = 1.0 - squared_error / square if square > 0 else 1.0
    return Run(predictor, squared_error / data.count, r2, certificate, data.plan, seconds, data, found)


def find_heads(
    mode: str,
    predictor: Predictor,
    certificate: Certificate,
    task: Described | None = None,
    progress: Progress | None = None,
) -> HeadsResult:
    """Return the heads of a learned predictor in one of the ``HEADS`` modes; "typed" needs ``task`` for its names.

    Raises ``LinattnError`` for an unknown mode or a missing task, ``TooLargeError`` where the search would not fit.
    """
    if mode not in HEADS:
        raise LinattnError(f"heads: got {mode!r}, wanted one of {', '.join(map(repr, HEADS))}.")
    report, spaces = progress or no_progress, certificate.spaces
    if mode == "minimal":
        return minimal_heads(predictor, spaces, progress=report)
    if mode == "svd":
        return svd_result(predictor)
    if task is None:
        raise LinattnError("learn: got heads = 'typed' without a task to name the coordinates; pass task=task.")
    return typed_heads(predictor, spaces, task.attributes, task.output_attributes, progress=report)


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
