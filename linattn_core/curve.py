"""How many traces do I need? Rank, worst ambiguity and held-out accuracy against the number of traces of a lab."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linattn_core.certificate import certify
from linattn_core.certificates.decision import Decision
from linattn_core.errors import ShapeError
from linattn_core.lab import FRESH_SEED, AutomatonBuild, Lab, LearnerSpec
from linattn_core.learn import Run, learn
from linattn_core.numerics import Progress, no_progress
from linattn_core.tasks import RandomTeacher, StepAutomaton
from linattn_core.tasks.base import Task
from linattn_core.traces import Traces
from linattn_core.twin import next_traces

RELATIVE_ERROR = 1e-6
"""Real answers count as right within this fraction of the largest one; whole numbers if they round to the truth."""

SEEDS, POINTS, HELD_OUT = 20, 8, 300
MOST = 1_500
"""Examples a curve goes up to."""


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


NOTHING = CurvePoint(0, 0, 0.0, 1.0, 0.0, 0)
"""What no traces at all buy."""


def learning_curve(
    pool: Traces,
    held_out: Traces,
    counts: Sequence[int],
    *,
    chosen: bool = False,
    ridge: float = 0.0,
    progress: Progress = no_progress,
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
        points.append(_point(pool.subset(slice(0, count)), held_out, ridge))
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


def _point(traces: Traces, held_out: Traces, ridge: float) -> CurvePoint:
    run = learn(traces, heads=None, ridge=ridge, device="cpu")
    certified, right = run.certificate.certified(held_out), right_answers(run, held_out)
    return CurvePoint(
        len(traces),
        run.certificate.rank,
        float(certified.mean()),
        float(run.certificate.ambiguities(held_out).max()),
        float(right.mean()),
        int((certified & ~right).sum()),
    )


@dataclass(frozen=True)
class Spread:
    """A number over several seeds: its median, and the 10th and 90th percentile around it."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of some values; one that was not reached is infinite, and is no number between others."""
        low, median, high = (float(x) for x in np.percentile(values, [10, 50, 90], method="nearest"))
        return cls(low, median, high)


@dataclass(frozen=True)
class Band:
    """What ``episodes`` words, memories or sequences of a lab buy, over several seeds."""

    episodes: int
    examples: Spread
    rank: Spread
    certified: Spread
    accuracy: Spread
    certified_and_wrong: int


@dataclass(frozen=True)
class Curves:
    """How many traces a lab needs, over ``seeds`` seeds, and what the most informative examples of one seed buy.

    needed: the fewest episodes with which a seed's traces reach the legal ``dimension``, infinite for a seed whose
    traces do not within ``most`` episodes; examples_needed: the examples of these. chosen: curve over the examples of
    one seed in the order of greatest ambiguity; it ends where none of them raises the rank.
    """

    bands: tuple[Band, ...]
    needed: Spread
    examples_needed: Spread
    chosen: tuple[CurvePoint, ...]
    dimension: int
    seeds: int
    most: int

    @property
    def certified_and_wrong(self) -> int:
        """Held-out inputs that were certified and answered wrongly all the same, at all points together."""
        wrong = [band.certified_and_wrong for band in self.bands]
        return sum(wrong) + sum(point.certified_and_wrong for point in self.chosen)


def essential(lab: Lab) -> Lab:
    """Return the lab without what its curve does not depend on: the numbers of traces and seed, heads, device, places.

    Two labs with equal essentials have equal curves, so it is the key under which a curve is kept.
    """
    build = lab.build
    if isinstance(build, AutomatonBuild):
        build = build.without_positions().replace(history=False)
    traces = lab.traces.replace(count=1, seed=0)
    return lab.replace(build=build, traces=traces, learner=LearnerSpec(ridge=lab.learner.ridge))


def curves(lab: Lab, seeds: int = SEEDS, *, progress: Progress = no_progress) -> Curves:
    """Return the curve of a lab with other numbers of traces: of its length and noise, with what it leaves out or adds.

    Seeds 0 .. ``seeds`` - 1; scored on fresh legal inputs with their true answers. Cancellable through ``progress``.
    Raises ``ShapeError`` where the dimension of the legal inputs is not known.
    """
    lab = essential(lab)
    dimension = lab.task().family_dimension
    if dimension is None:
        raise ShapeError("curves: got a lab whose legal inputs have no known dimension; wanted an automaton or memory.")
    most = _most(lab, dimension)
    grid = sorted({round(x) for x in np.geomspace(1, most, POINTS)})
    held_out = lab.fresh_traces(HELD_OUT)
    held_out = held_out.subset(slice(0, HELD_OUT))
    points: list[list[CurvePoint]] = [[] for _ in grid]
    needed: list[tuple[float, float]] = []
    for seed in range(seeds):
        progress(0.8 * seed / seeds, f"learning with seed {seed}")
        for place, count in enumerate(grid):
            progress(0.8 * (seed + place / len(grid)) / seeds, f"learning with seed {seed}")
            traces = _traces(lab, count, seed)
            points[place].append(_point(traces, held_out, lab.learner.ridge) if traces else NOTHING)
        needed.append(_needed(lab, seed, dimension, grid, [column[seed].rank for column in points]))
    progress(0.8, "choosing the most informative examples")
    chosen = _chosen(
        _traces(lab, most, 0), held_out, lab.learner.ridge, lambda part, words: progress(0.85 + 0.15 * part, words)
    )
    bands = tuple(_band(count, column) for count, column in zip(grid, points, strict=True))
    words, examples = zip(*needed, strict=True)
    return Curves(bands, Spread.of(words), Spread.of(examples), tuple(chosen), dimension, seeds, most)


def _most(lab: Lab, dimension: int) -> int:
    """Return the most episodes of a curve: about twice as many examples as dimensions, within ``MOST``."""
    examples = min(MOST, max(300, 2 * dimension))
    task = lab.task()
    each = lab.traces.length if isinstance(task, StepAutomaton | RandomTeacher) else 1
    return max(2, -(-examples // each))


def _traces(lab: Lab, count: int, seed: int) -> Traces | None:
    """Return the traces of so many episodes; None where all that these few show is left out."""
    try:
        return lab.replace(traces=lab.traces.replace(count=count, seed=seed)).make_traces()
    except ShapeError:
        return None


def _rank(traces: Traces | None) -> int:
    return certify(traces).rank if traces else 0


def _chosen(pool: Traces | None, held_out: Traces, ridge: float, progress: Progress) -> list[CurvePoint]:
    """Return the curve over the examples of one seed, the most informative first."""
    if not pool:
        return []
    pool = pool.subset(slice(0, MOST))
    ordered = chosen_first(pool, len(pool))
    counts = sorted({round(x) for x in np.geomspace(1, len(ordered), POINTS)})
    return learning_curve(ordered, held_out, counts, ridge=ridge, progress=progress)


def _needed(lab: Lab, seed: int, dimension: int, grid: Sequence[int], ranks: Sequence[int]) -> tuple[float, float]:
    """Return the fewest episodes of a seed whose traces have rank ``dimension``, by bisection, and their examples."""
    reached = [count for count, rank in zip(grid, ranks, strict=True) if rank >= dimension]
    if not reached:
        return float("inf"), float("inf")
    high = reached[0]
    low = max((count for count in grid if count < high), default=0)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _rank(_traces(lab, middle, seed)) >= dimension else (middle, high)
    return float(high), float(len(_traces(lab, high, seed) or ()))


def _band(episodes: int, points: Sequence[CurvePoint]) -> Band:
    return Band(
        episodes,
        Spread.of([point.examples for point in points]),
        Spread.of([point.rank for point in points]),
        Spread.of([point.certified for point in points]),
        Spread.of([point.accuracy for point in points]),
        sum(point.certified_and_wrong for point in points),
    )


@dataclass(frozen=True)
class FreshCheck:
    """A claimed family certificate, tried on ``inputs`` fresh legal inputs: the largest error.

    certified, undecided: of how many inputs the certificate says so. relative_error: the largest error as a fraction of
    the largest true answer. ``largest_bound``: no two models of the run's training MSE differ by more there
    (``Certificate.error_bound``); None for a run with a ridge, whose training MSE is not the smallest.
    """

    inputs: int
    certified: int
    undecided: int
    largest_error: float
    relative_error: float
    largest_bound: float | None

    @property
    def holds(self) -> bool:
        """Whether every fresh input was certified."""
        return self.certified == self.inputs


def fresh_check(run: Run, source: Traces | Lab | Task, count: int = 1_000, seed: int = FRESH_SEED) -> FreshCheck:
    """Check a certificate on fresh noiseless inputs: floating point may betray what algebra promises.

    ``source``: the inputs with their true answers, or the lab or task whose ``count`` fresh ones to take.
    """
    if isinstance(source, Traces):
        fresh = source
    else:
        fresh = source.fresh_traces(count, seed) if isinstance(source, Lab) else source.traces(count, seed=seed)
    decisions = run.certificate.decide(fresh)
    errors = np.linalg.norm(run.predictor.on(fresh) - fresh.targets, axis=1)
    scale = float(np.linalg.norm(fresh.targets, axis=1).max(initial=0.0)) or 1.0
    bound = None
    if run.certificate.ridge == 0:
        leverage = float(run.certificate.leverages(fresh).max())
        bound = 2.0 * float(np.sqrt(run.training_mse * leverage)) if np.isfinite(leverage) else float("inf")
    return FreshCheck(
        len(fresh),
        int((decisions == Decision.CERTIFIED).sum()),
        int((decisions == Decision.UNDECIDED).sum()),
        float(errors.max()),
        float(errors.max()) / scale,
        bound,
    )
