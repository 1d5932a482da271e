"""How many traces do I need? Rank, worst ambiguity and held-out accuracy against the number of traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linattn_core.certificate import certify
from linattn_core.errors import ShapeError
from linattn_core.learn import Run, learn
from linattn_core.numerics import AMBIGUITY_TOLERANCE, Progress, no_progress
from linattn_core.tasks.base import Task
from linattn_core.traces import Traces
from linattn_core.twin import next_traces

RELATIVE_ERROR = 1e-6
"""Real answers count as right within this fraction of the largest one; whole numbers if they round to the truth."""


@dataclass(frozen=True)
class CurvePoint:
    """What ``examples`` traces buy: the ``rank`` of Lambda, and on held-out legal inputs the share ``certified``, the
    ``worst_ambiguity`` in [0, 1], the share answered right (``accuracy``) and how many were certified and yet wrong."""

    examples: int
    rank: int
    certified: float
    worst_ambiguity: float
    accuracy: float
    certified_and_wrong: int


def learning_curve(
    pool: Traces, held_out: Traces, counts: Sequence[int], *, chosen: bool = False, progress: Progress = no_progress
) -> list[CurvePoint]:
    """Learn from the first ``counts`` examples of ``pool`` and score each on ``held_out`` traces with their true
    answers.

    With ``chosen`` the pool is first put in the order of greatest ambiguity (``next_traces``), so that every example
    raises the rank by one until none can. Raises ``ShapeError`` for counts outside 1..len(pool).
    """
    if not counts or min(counts) < 1 or max(counts) > len(pool):
        raise ShapeError(f"learning_curve: got counts {list(counts)}, wanted numbers from 1 to {len(pool)}, the pool.")
    if chosen:
        pool = chosen_first(pool, max(counts))
    points = []
    for done, count in enumerate(sorted({min(count, len(pool)) for count in counts})):
        progress(done / len(counts), f"learning from {count:,} traces")
        run = learn(pool.subset(slice(0, count)), heads=None, device="cpu")
        points.append(_score(run, count, held_out))
    return points


def chosen_first(pool: Traces, count: int) -> Traces:
    """Return up to ``count`` examples of ``pool``, each the most ambiguous once those before it are known."""
    first = np.array([0])
    rest = next_traces(certify(pool.subset(first)), pool, count - 1)
    return pool.subset(np.concatenate([first, np.array(rest, dtype=np.int64)]))


def right_answers(run: Run, held_out: Traces) -> np.ndarray:
    """Return (N,) booleans: whole numbers that round to the true ones, real ones within ``RELATIVE_ERROR``."""
    answers, truth = run.predictor.on(held_out), held_out.targets
    whole = bool((truth == np.round(truth)).all())
    margin = 0.5 if whole else RELATIVE_ERROR * max(float(abs(truth).max(initial=0.0)), 1e-300)
    return np.asarray((abs(answers - truth) < margin).all(axis=1))


def _score(run: Run, count: int, held_out: Traces) -> CurvePoint:
    ambiguity = run.certificate.ambiguities(held_out)
    certified, right = ambiguity <= AMBIGUITY_TOLERANCE, right_answers(run, held_out)
    return CurvePoint(
        count,
        run.certificate.rank,
        float(certified.mean()),
        float(ambiguity.max()),
        float(right.mean()),
        int((certified & ~right).sum()),
    )


@dataclass(frozen=True)
class Curves:
    """How many traces one needs, ``random`` or ``chosen``, and the family's ``dimension`` both climb to."""

    random: list[CurvePoint]
    chosen: list[CurvePoint]
    dimension: int | None


def curves(task: Task, examples: int, seed: int = 0, progress: Progress = no_progress) -> Curves:
    """Return both curves of a task over up to ``examples`` traces, scored on 300 fresh ones with another seed.

    Chosen traces come from the same pool; their curve ends where no trace of the pool is left to learn from.
    """
    pool, held_out = _some(task, examples, seed), _some(task, 300, seed + 1_000_003)
    grid = sorted({round(x) for x in np.geomspace(1, len(pool), 10)})
    random = learning_curve(pool, held_out, grid, progress=lambda part, words: progress(0.5 * part, words))
    ordered = chosen_first(pool, len(pool))
    grid = sorted({min(count, len(ordered)) for count in grid})
    chosen = learning_curve(ordered, held_out, grid, progress=lambda part, words: progress(0.5 + 0.5 * part, words))
    return Curves(random, chosen, task.family_dimension)


def _some(task: Task, examples: int, seed: int) -> Traces:
    """Return ``examples`` examples of as many episodes as they take."""
    episodes = max(1, min(examples, 4))
    each = len(task.traces(episodes, seed=seed)) / episodes
    traces = task.traces(max(1, int(np.ceil(1.25 * examples / each))), seed=seed)
    return traces.subset(slice(0, examples))


@dataclass(frozen=True)
class FreshCheck:
    """A claimed family certificate, tried on ``inputs`` fresh legal inputs: the largest ambiguity and error.

    ``largest_bound``: no two models of the run's training MSE differ by more there (``Certificate.error_bound``); None
    for a run with a ridge, whose training MSE is not the smallest.
    """

    inputs: int
    largest_ambiguity: float
    largest_error: float
    largest_bound: float | None

    @property
    def holds(self) -> bool:
        """Whether every fresh input was certified."""
        return self.largest_ambiguity <= AMBIGUITY_TOLERANCE


def fresh_check(run: Run, task: Task, count: int = 1_000, seed: int = 1_000_003) -> FreshCheck:
    """Check a certificate on fresh noiseless traces of ``task``: floating point may betray what algebra promises."""
    fresh = task.traces(count, seed=seed)
    errors = abs(run.predictor.on(fresh) - fresh.targets)
    bound = None
    if run.certificate.ridge == 0:
        leverage = float(run.certificate.leverages(fresh).max())
        bound = 2.0 * float(np.sqrt(run.training_mse * leverage)) if np.isfinite(leverage) else float("inf")
    return FreshCheck(len(fresh), float(run.certificate.ambiguities(fresh).max()), float(errors.max()), bound)
