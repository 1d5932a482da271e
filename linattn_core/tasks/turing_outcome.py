"""What a learned universal Turing machine can do: tested, certified, run on a machine of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linattn_core.attention import distance
from linattn_core.certificate import FamilyCertificate
from linattn_core.certificates.decision import Level
from linattn_core.errors import ShapeError
from linattn_core.learn import Run, learn
from linattn_core.machines.turing import TuringMachine
from linattn_core.numerics import Progress, no_progress
from linattn_core.tasks.counting import certified_family, counted_or_listed, decided
from linattn_core.tasks.turing import TuringRun, UniversalTuringMachine
from linattn_core.tasks.turing_certificate import known_source
from linattn_core.tasks.turing_run import HALT_BELOW
from linattn_core.tasks.turing_sample import Sample
from linattn_core.traces import Traces

HELD_OUT_SEED = 1_000_003
"""Fresh machines come from a seed that nobody trains with by default."""
HELD_OUT, HELD_OUT_STEPS = 200, 60
PROBED, PROBED_STEPS = 100, 6
"""Fresh machines whose contexts the certificate is asked about, and the steps: contexts cost more than runs."""
MAX_DISTANCE_DIM = 64
"""Coefficients of larger models, d^4 / 2 numbers, are not laid side by side."""


@dataclass(frozen=True)
class FreshMachines:
    """Machines never trained on. ``exact`` of ``runs`` ran without a wrong token, for at most ``steps`` steps.

    ``certified`` of ``contexts`` of the first steps of these runs lie in the span of the examples; ``certified_wrong``
    of those got a wrong next token all the same, which must be 0. ``level`` and ``reason`` say how sure the former is.
    """

    runs: int
    exact: int
    steps: int
    contexts: int
    certified: int
    certified_wrong: int
    level: Level = "undecided"
    reason: str = ""


@dataclass(frozen=True, eq=False)
class TuringOutcome:
    """A learned universal Turing machine beside the compiled one.

    ``legal`` certifies all legal contexts, None where their span is not known: then there is the certified share of
    ``fresh`` contexts, and ``sampled_space``, both of them samples. ``learned`` and ``compiled`` are runs of the
    user's machine. ``distance`` is relative: ||P - P'|| / ||P'|| with P' the compiled coefficients, None where these
    are too many.
    """

    fresh: FreshMachines
    legal: FamilyCertificate | None
    learned: TuringRun
    compiled: TuringRun
    distance: float | None

    @property
    def proved(self) -> bool:
        """Whether every minimiser of the training loss runs every machine of the family, for any number of steps."""
        return self.legal is not None and self.legal.holds


def fresh_machines(
    run: Run, task: UniversalTuringMachine, *, halting: float, count: int = HELD_OUT, probed: int = PROBED
) -> FreshMachines:
    """Try a learned model on fresh machines: every token of the runs, and the certificate at their first steps."""
    episodes = task.episodes(count, HELD_OUT_SEED, halting=halting)
    exact = int(task.trial(run.predictor, episodes, HELD_OUT_STEPS).exact.sum())
    contexts = task.contexts(episodes.subset(slice(0, probed)), PROBED_STEPS)
    found = decided(run.certificate, contexts)
    wrong = np.abs(run.predictor.on(contexts) - contexts.targets).max(axis=1) > HALT_BELOW
    return FreshMachines(
        count,
        exact,
        HELD_OUT_STEPS,
        len(contexts),
        int(found.certified.sum()),
        int((found.certified & wrong).sum()),
        found.level,
        found.reason,
    )


def legal_certificate(run: Run, task: UniversalTuringMachine) -> FamilyCertificate | None:
    """Certify all legal contexts after learning from ``task.traces``; None where their span is not known exactly.

    Decided in integers. Where the dimensions are equal that is all; else the family's contexts are laid out, to name
    what is missing.
    """
    if task.family_dimension is None:
        return None
    return counted_or_listed(run.certificate, task.family_dimension, known_source(task.layout), task.family)


@dataclass(frozen=True, eq=False)
class SampledSpace:
    """What traces fix of a sample of the legal space: evidence where no exact dimension is known, never a theorem.

    ``found`` certifies the span of the ``sample``'s contexts: a part of the legal space, so that even ``found.holds``
    leaves open what the sample missed. ``beyond``: directions of the traces that the sample has not; each shows that
    the sample is not all there is.
    """

    sample: Sample
    found: FamilyCertificate
    beyond: int

    @property
    def known(self) -> int:
        """The best lower bound on the legal dimension: that of the sample and the traces together."""
        return self.sample.dimension + self.beyond


def sampled_space(
    run: Run, task: UniversalTuringMachine, sample: Sample | None = None, progress: Progress = no_progress
) -> SampledSpace:
    """Say what of a ``sample`` of the legal space, taken here if none is given, a learned model's traces fix."""
    if sample is None:
        sample = task.sample(lambda part, words: progress(0.8 * part, words))
    progress(0.8, "certifying the sampled contexts")
    found = certified_family(run.certificate, sample.family)
    return SampledSpace(sample, found, _rank(run) - found.rank)


def turing_outcome(
    run: Run,
    task: UniversalTuringMachine,
    own: tuple[TuringMachine, Sequence[int], int, int],
    *,
    halting: float,
    progress: Progress = no_progress,
) -> TuringOutcome:
    """Test and certify what was learned, and run one's ``own`` (machine, tape, head, most steps) on it.

    Raises ``MachineError`` where these do not fit the task.
    """
    machine, tape, head, steps = own
    progress(0.0, "running your machine")
    compiled = task.run(task.truth, machine, tape, steps, head=head)
    learned = task.run(run.predictor, machine, tape, steps, head=head)
    progress(0.1, "finding the span of the examples in integers")
    _rank(run)  # what follows asks for it: seconds, half a minute at the largest shipped size
    progress(0.3, "running fresh machines")
    fresh = fresh_machines(run, task, halting=halting)
    progress(0.4, "certifying all legal contexts")
    legal = legal_certificate(run, task)
    apart = None
    if task.dim <= MAX_DISTANCE_DIM:
        apart = distance(run.predictor, task.truth) / float(np.linalg.norm(task.truth.coefficients()))
    return TuringOutcome(fresh, legal, learned, compiled, apart)


@dataclass(frozen=True)
class TuringPoint:
    """What ``machines`` training machines buy: their ``examples``, the ``rank``, and how fresh machines fare."""

    machines: int
    examples: int
    rank: int
    fresh: FreshMachines


def turing_curve(
    task: UniversalTuringMachine,
    counts: Sequence[int],
    *,
    seed: int = 0,
    steps: int = 10,
    halting: float = 0.35,
    noise: float = 0.0,
    ridge: float = 0.0,
    progress: Progress = no_progress,
) -> list[TuringPoint]:
    """Learn from the first k random machines for each k of ``counts``, and try each on the same fresh machines.

    steps, halting, noise and ridge: as in the traces and the learning of the lab whose curve it is. Raises
    ``ShapeError`` unless there is a count and all are at least 1.
    """
    if not counts or min(counts) < 1:
        raise ShapeError(f"turing_curve: got counts {list(counts)}, wanted numbers of machines of at least 1.")
    points, ordered = [], sorted(set(counts))
    for done, count in enumerate(ordered):
        progress(done / len(ordered), f"learning from {count:,} machines")
        traces: Traces = task.traces(count, seed, noise, steps=steps, halting=halting)
        run = learn(traces, heads=None, ridge=ridge, device="cpu")
        fresh = fresh_machines(run, task, halting=halting, count=HELD_OUT // 2, probed=PROBED // 2)
        points.append(TuringPoint(count, len(traces), _rank(run), fresh))
    return points


def _rank(run: Run) -> int:
    """Return the rank of the examples, in integers where there are."""
    return run.certificate.rank if run.certificate.exact is None else run.certificate.exact.rank
