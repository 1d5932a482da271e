"""What comes after learning a universal Turing machine, in seconds and bytes, known before it is begun.

The learner's own ``Plan`` prices its features and factorisations; certifying finds the span of the examples in
integers, modulo one prime or two, and runs fresh machines. Work is counted in multiply-adds and timed at this machine's
measured matrix-multiply rate.
"""

from __future__ import annotations

from dataclasses import dataclass

from linattn_core.certificate import Certificate
from linattn_core.certificates.exact.range import CHECKED, ELIMINATE, PIVOT
from linattn_core.plan import Plan, multiply_rate
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_outcome import HELD_OUT, HELD_OUT_STEPS, PROBED, PROBED_STEPS
from linattn_core.tasks.turing_run import CACHE_BYTES
from linattn_core.tasks.turing_sample import MAX_BASIS_BYTES

EXECUTE = 4e4
"""Measured work of the fresh runs' answers, in multiply-adds a coefficient: each new last token gathers its map."""
LEGAL_SHARE = 0.5
"""The legal dimension relative to the features in use, where it is not known: 0.42 to 0.62 where it is."""
LAID_OUT = 2e3
"""Measured work of laying out a context's features as residues, in multiply-adds a number of a d x d matrix."""
SAMPLE_LEAST = 2e10
"""Measured work of a sample's runs and words, whatever its size."""


@dataclass(frozen=True)
class Cost:
    """Estimated ``seconds`` and peak ``bytes`` of a whole experiment.

    ``learning`` and ``certifying`` add up to ``seconds``; ``naming`` is what comes on top where directions stay open:
    all legal contexts are then laid out, so that those left open can be named.
    """

    learning: float
    certifying: float
    naming: float
    bytes: float

    @property
    def seconds(self) -> float:
        """Learning and certifying together."""
        return self.learning + self.certifying


def whole_cost(plan: Plan, task: UniversalTuringMachine, halting: float) -> Cost:
    """Return what learning by ``plan``, certifying and trying fresh machines will cost.

    Ranks are not known yet: each block's is taken to be as large as its examples, its features and its share of the
    legal dimension allow. ``halting`` says how long fresh machines run.
    """
    exact = task.family_dimension
    dimension = exact or LEGAL_SHARE * plan.features
    most = [min(block.examples, block.features) for block in plan.blocks]
    share = min(1.0, dimension / max(1, sum(most)))
    sizes = [(block, share * rank) for block, rank in zip(plan.blocks, most, strict=True)]
    examples = max(1, sum(block.examples for block in plan.blocks))
    mean = PROBED_STEPS if halting == 0 else (1 - (1 - halting) ** PROBED_STEPS) / halting
    probes = PROBED * mean * task.tokens_per_step
    span = sum(ELIMINATE * rank**2 * block.features + PIVOT * rank for block, rank in sizes)
    span *= 2 if span <= CHECKED else 1
    contexts = LAID_OUT * (examples + probes) * task.dim**2
    naming = 0.5 * span + LAID_OUT * exact * task.dim**2 if exact else 0.0
    execute = EXECUTE * task.outputs * plan.features
    rate = multiply_rate()
    tokens = 8.0 * HELD_OUT * HELD_OUT_STEPS * task.tokens_per_step * task.dim
    return Cost(
        plan.seconds,
        (span + contexts + execute) / rate,
        naming / rate,
        plan.bytes + 4 * tokens + min(CACHE_BYTES, 8.0 * task.dim**3 * HELD_OUT),
    )


def sample_cost(certificate: Certificate) -> tuple[float, float]:
    """Return (seconds, bytes) of sampling the legal space, judged by what the traces span and the features in use."""
    sizes = [(max(space.rank, LEGAL_SHARE * len(space.columns)), len(space.columns)) for space in certificate.spaces]
    held = min(MAX_BASIS_BYTES, sum(8.0 * rank * width for rank, width in sizes))
    work = SAMPLE_LEAST + ELIMINATE * sum(float(rank) ** 2 * width for rank, width in sizes)
    return work / multiply_rate(), 5 * held
