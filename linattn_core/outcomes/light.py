"""The light of a lab: one of five colours, by one table, for every kind of lab.

| light | when | shows |
|---|---|---|
| green "proved" | covered, the answers have an exact layer, and fit, rounding and fresh check agree | the level |
| blue "one best fit" | covered, but noise, a ridge, or no layer answers exactly | the margin |
| amber | a direction is open | a twin whose training error was computed |
| red | determined, and different from the true machine | the counterexample |
| grey "undecided" | none of these can be told at this precision | why, and what would decide it |

A colour is a claim, so what cannot be shown is grey: an open direction without a twin, a proof that the numbers do not
bear out. The words are plain text; labels of the user's own stand in them as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from linattn_core.certificates.decision import Decision
from linattn_core.outcomes import machines, wording
from linattn_core.outcomes.colour import COLOURS, Colour, Light
from linattn_core.outcomes.evidence import why_no_truth
from linattn_core.outcomes.twins import Twins, find_twins
from linattn_core.tasks.turing_outcome import SampledSpace

if TYPE_CHECKING:
    from linattn_core.experiment import Experiment

__all__ = ["COLOURS", "Colour", "Light", "judge"]

_BETTER = "traces that visit these inputs, or tokens of more even sizes, would decide it"


def judge(experiment: Experiment, sampled: SampledSpace | None = None) -> Light:
    """Return the light of an experiment.

    sampled: for Turing machines of sizes whose legal space is not known exactly, a sample of it; it adds to what grey
    and amber say and never makes anything green.
    """
    evidence, spec = experiment.evidence, experiment.lab
    twins = evidence.twins or _twins_in(experiment, sampled)
    if twins is not None:
        return _amber(experiment, twins, sampled)
    if evidence.covered is not Decision.CERTIFIED:
        return _undecided(experiment, sampled)
    why = _not_exact(experiment)
    if not why:
        doubt = _doubt(experiment)
        return _grey(experiment, *doubt) if doubt else _green(experiment)
    different = wording.difference(experiment) if why_no_truth(experiment.task) == "" else ""
    if different:
        return Light(
            "red",
            f"Red: determined, and different from {wording.truth_name(experiment.task)}",
            f"Every layer that fits these traces best computes the same, and it is something else: {different}. The "
            f"traces themselves say so: {why}.",
            evidence.level,
            different,
        )
    margin, lines = wording.margins(experiment)
    return Light(
        "blue",
        f"Blue: one best fit{wording.short_margin(experiment)}",
        f"{wording.pinned(experiment)}, so there is only one best fit. How well it fits is another matter: {why}. "
        f"{margin}",
        evidence.level,
        why,
        lines if spec.traces.noise else (),
    )


def _not_exact(experiment: Experiment) -> str:
    """Say why even the best layer does not answer as the traces do, as a clause; empty where it does."""
    traces, ridge = experiment.lab.traces, experiment.lab.learner.ridge
    said = []
    if no_truth := why_no_truth(experiment.task):
        said.append(f"no layer is known to answer exactly so, since {no_truth}")
    if traces.noise:
        said.append(f"the answers of the traces are noisy ({traces.noise:g})")
    if ridge:
        said.append(f"a ridge of {ridge:g} pulls it away from the smallest training error, how far depends on units")
    return ", and ".join(said)


def _doubt(experiment: Experiment) -> tuple[str, str] | None:
    """Return why a proof does not bear out in the numbers, and what would decide it; None where it does."""
    evidence, recovery, found = experiment.evidence, experiment.recovery, experiment.turing
    better = "tokens of more even sizes, or traces that reach every direction more strongly, would decide it"
    if not evidence.exact:
        return (
            f"a layer that answers the traces exactly exists, yet the largest residual of the fit is "
            f"{evidence.residual:.1e} of the largest answer, more than rounding",
            better,
        )
    if not evidence.sound:
        return f"rounding may have changed a legal answer by {evidence.rounding:.1e} of the largest one", better
    if not evidence.agrees:
        return "fresh legal inputs are not all certified and answered as they should be", better
    if recovery is not None and (recovery.undetermined or not recovery.equivalent):
        return "the automaton that was read back is not the true one, though the traces determine it", better
    if found is not None and machines.failed(found):
        return f"{machines.tests(found)}, though the traces determine every run", better
    return None


def _green(experiment: Experiment) -> Light:
    evidence = experiment.evidence
    scope = wording.scope(experiment.task)
    theorem = evidence.level == "theorem"
    title = f"Green: proved {scope}, {'a theorem' if theorem else 'numerically'}"
    exactly = (
        f"The weights themselves are such a layer up to rounding: the largest residual is {evidence.residual:.0e} and "
        f"rounding changes no legal answer by more than {evidence.rounding:.0e}, of the largest answer."
    )
    return Light(
        "green",
        title,
        f"{wording.pinned(experiment)}. Every layer of this kind that answers the traces exactly "
        f"{wording.subject(experiment)}. {exactly}",
        evidence.level,
        evidence.reason,
    )


def _twins_in(experiment: Experiment, sampled: SampledSpace | None) -> Twins | None:
    """Look for twins among the contexts of a sample that the traces leave open."""
    if sampled is None or not sampled.found.missing:
        return None
    return find_twins(experiment.lab, experiment.task, experiment.run, sampled.sample.family)[0]


def _amber(experiment: Experiment, twins: Twins, sampled: SampledSpace | None) -> Light:
    task = experiment.task
    title, words, details = wording.opened(experiment)
    if experiment.turing is not None:
        words = machines.beside(experiment, words, sampled)
        details = details or machines.missing(sampled)
    example = (
        f"For example, at {twins.words}: the learned layer (training error {twins.loss:.1e}) answers "
        f"{wording.answer(task, twins.learned)}, its twin (training error {twins.twin_loss:.1e}) answers "
        f"{wording.answer(task, twins.other)}."
    )
    reason = f"layers of equal training error disagree at {twins.words}"
    return Light("amber", title, f"{words} {example}", experiment.evidence.level, reason, details)


def _undecided(experiment: Experiment, sampled: SampledSpace | None) -> Light:
    """Grey where it is not known whether all legal inputs are pinned down."""
    evidence, family = experiment.evidence, experiment.family
    if experiment.turing is not None and family is None:
        return machines.unknown(experiment, sampled)
    if family is not None and family.undecided:
        count = len(family.undecided)
        why = f"of {count} legal input{'s' if count != 1 else ''} it cannot be told whether the traces pin them down"
        return _grey(experiment, why, _BETTER, tuple(family.undecided))
    if experiment.lab.learner.ridge:
        why = "the traces leave directions open, and what the layer does there is the work of the ridge alone"
        return _grey(experiment, why, "a ridge of 0 would show what the traces themselves leave open")
    why = f"{evidence.reason or 'not all directions are determined'}, and no twin can be shown: {evidence.no_twins}"
    return _grey(experiment, why.rstrip("."), "a smaller problem, or more varied traces, would decide it")


def _grey(experiment: Experiment, why: str, cure: str, details: tuple[str, ...] = ()) -> Light:
    return Light(
        "grey",
        "Grey: undecided at this precision",
        f"Neither that all layers agree nor that two differ can be shown: {why}; {cure}.",
        "undecided",
        why,
        details,
    )
