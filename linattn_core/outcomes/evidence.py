"""What the light of a lab is judged by, gathered once: what is covered, how exact the fit is, twins, a fresh check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linattn_core.certificate import FamilyCertificate
from linattn_core.certificates.decision import Decision, Level
from linattn_core.curve import FreshCheck, fresh_check
from linattn_core.family import Family
from linattn_core.lab import Lab, LabTask
from linattn_core.learn import Run
from linattn_core.outcomes.twins import Twins, find_twins
from linattn_core.tasks import AssociativeMemory, OwnSequences, VectorMemory
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tolerances import EPSILON, EXACT_FIT, ROUNDING_EPSILONS, SOUND_ANSWER
from linattn_core.traces import Traces


@dataclass(frozen=True, eq=False)
class Evidence:
    """Facts for ``judge``.

    covered: whether all minimisers of the training error agree on every legal input; level and reason: how sure that
    is, and why. residual, rounding: the largest residual of a training example, and the most by which rounding can have
    changed the answer at a legal or training input, both as fractions of the largest answer. fresh: the learned layer
    on legal inputs it never saw, None where no answer is known or nothing is covered. twins: two layers that disagree,
    where an input is open; ``no_twins`` says why there are none although not all is covered.
    """

    covered: Decision
    level: Level
    reason: str
    residual: float
    rounding: float
    fresh: FreshCheck | None = None
    twins: Twins | None = None
    no_twins: str = ""

    @property
    def exact(self) -> bool:
        """Whether every training example is fitted to rounding, not only their mean."""
        return self.residual <= EXACT_FIT

    @property
    def sound(self) -> bool:
        """Whether rounding is small at every legal and training input."""
        return self.rounding <= SOUND_ANSWER

    @property
    def agrees(self) -> bool:
        """Whether fresh inputs are all certified and answered as the truth does."""
        return self.fresh is None or (self.fresh.holds and self.fresh.relative_error <= SOUND_ANSWER)


def gather(
    lab: Lab, task: LabTask, traces: Traces, run: Run, spanned: Family | None, covers: FamilyCertificate | None
) -> Evidence:
    """Return the evidence of a learned lab.

    spanned: the family with its spanning inputs, None where counting alone certified it or there is none; covers: the
    certificate of the family, None where the legal inputs are not known exactly.
    """
    covered, level, reason = coverage(run, covers)
    residual = run.largest_residual / (run.answer_scale or 1.0)
    if covered is not Decision.CERTIFIED:
        twins, why = find_twins(lab, task, run, spanned)
        return Evidence(
            Decision.OPEN if twins else Decision.UNDECIDED, level, reason, residual, np.inf, None, twins, why
        )
    inputs = [spanned.contexts] if spanned is not None and spanned.contexts is not None else []
    fresh = None
    if has_truth(task) and not isinstance(task, UniversalTuringMachine):  # machines are tried whole, run by run
        unseen = lab.fresh_traces()
        fresh = fresh_check(run, unseen)
        inputs.append(unseen)
    bounds = [_rounding_seen(run, traces), *(float(run.rounding(some).max(initial=0.0)) for some in inputs)]
    rounding = max(bounds) / (run.answer_scale or 1.0)
    return Evidence(covered, level, reason, residual, rounding, fresh)


def _rounding_seen(run: Run, traces: Traces) -> float:
    """Bound what rounding can have changed of the answer at any training input, of which there may be a million.

    As ``Run.rounding``, whose l = phi^T Lambda^+ phi is at most 1 at an input that Lambda holds.
    """
    evaluated = ROUNDING_EPSILONS * EPSILON * float(run.predictor.rounding(traces).max(initial=0.0))
    fitted = run.largest_residual <= EXACT_FIT * run.answer_scale  # else there is no exact answer to be off from
    return evaluated + (float(np.sqrt(run.training_mse * len(traces))) if fitted else 0.0)


def coverage(run: Run, covers: FamilyCertificate | None) -> tuple[Decision, Level, str]:
    """Return whether every legal input is pinned down, or where these are not known, every input at all."""
    certificate = run.certificate
    if covers is None:
        if certificate.level == "undecided":
            return Decision.UNDECIDED, "undecided", certificate.reason
        return Decision.CERTIFIED if certificate.identified else Decision.OPEN, certificate.level, certificate.reason
    if covers.level == "undecided" or (not covers.holds and not covers.missing):
        return Decision.UNDECIDED, "undecided", covers.reason
    return Decision.CERTIFIED if covers.holds else Decision.OPEN, covers.level, covers.reason


def has_truth(task: LabTask) -> bool:
    """Whether a layer exists that answers exactly as the traces do, noise aside."""
    return task.truth is not None


def why_no_truth(task: LabTask) -> str:
    """Say why no layer answers exactly, as the end of a sentence; empty where one does."""
    if has_truth(task):
        return ""
    if isinstance(task, VectorMemory):
        return f"these {len(task.keys)} keys of {task.keys.shape[1]} numbers are linearly dependent"
    if isinstance(task, AssociativeMemory):
        return "the keys are new in every memory, so no one layer undoes their overlaps"
    assert isinstance(task, OwnSequences), "everything else has a truth"
    return "nobody says that a linear attention made these sequences"
