"""What the lights say of Turing machines: tests passed, what a sample adds, what is not known of a size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from linattn_core.outcomes.colour import Light
from linattn_core.tasks.turing_certificate import shipped
from linattn_core.tasks.turing_outcome import SampledSpace, TuringOutcome

if TYPE_CHECKING:
    from linattn_core.experiment import Experiment


def tests(found: TuringOutcome) -> str:
    """Say how fresh machines fared."""
    return f"{found.fresh.exact} of {found.fresh.runs} fresh machines ran without one wrong token"


def failed(found: TuringOutcome) -> bool:
    """Whether a run went wrong, or an input that should be is not certified."""
    fresh = found.fresh
    return fresh.exact < fresh.runs or fresh.certified_wrong > 0 or not found.learned.agrees


def known_sizes() -> str:
    """Say for which sizes the legal dimension is known exactly."""
    names = ", ".join(sorted(shipped()))
    return f"The exact dimension is known for {names}, and computed for small layers."


def beside(experiment: Experiment, words: str, sampled: SampledSpace | None) -> str:
    """Return the words of an amber light with the tests and the sample."""
    found = experiment.turing
    assert found is not None, "asked of Turing machines only"
    if experiment.family is not None:
        return f"{tests(found)}. {words}"
    return f"{tests(found)}; {_share(found)}. {_sample(experiment, sampled)}".rstrip()


def unknown(experiment: Experiment, sampled: SampledSpace | None) -> Light:
    """Return the grey light of a size whose legal space is not known, and where nothing was found to be open."""
    found = experiment.turing
    assert found is not None, "asked of Turing machines only"
    why = "the span of all legal contexts is not known for these sizes, so passed tests stay tests"
    return Light(
        "grey",
        f"Grey: undecided, {tests(found)}",
        f"No open context was found among those tried, and {why}. {_share(found)}. {_sample(experiment, sampled)}"
        f"{known_sizes()}",
        "undecided",
        why,
        missing(sampled),
    )


def missing(sampled: SampledSpace | None) -> tuple[str, ...]:
    """Return what is open among the contexts of a sample, one line each."""
    return tuple(f"open in the sample: {words}" for words in sampled.found.missing) if sampled else ()


def _share(found: TuringOutcome) -> str:
    return f"{found.fresh.certified:,} of {found.fresh.contexts:,} contexts drawn from fresh machines are certified"


def _sample(experiment: Experiment, sampled: SampledSpace | None) -> str:
    """Say what a sample of the legal space adds; a sample is never a proof."""
    if sampled is None:
        return ""
    rank, legal = experiment.run.certificate.rank, sampled.found
    stalled = "" if sampled.sample.stalled else " The sample still grew when it ended, so much may be missing."
    beyond = (
        f" The traces hold {sampled.beyond:,} directions that the sample lacks, so the sample is not all there is."
        if sampled.beyond
        else ""
    )
    return (
        f"Training rank {rank:,} of sampled dimension {legal.dimension:,}: the traces fix {legal.rank:,} of the "
        f"{legal.dimension:,} directions of a sample, a lower bound on the legal dimension. A sample can miss "
        f"directions, so this is evidence, not a theorem.{stalled}{beyond} "
    )
