"""The certificate as a traffic light, in words: what is known of every input, not only of those seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from linattn_core.experiment import Experiment
from pages.shared.panels import missing_in_words
from pages.shared.widgets import literal

Colour = Literal["green", "amber", "red"]


@dataclass(frozen=True)
class Light:
    """The light's colour with its two sentences: what holds, and why."""

    colour: Colour
    title: str
    words: str


def judge(experiment: Experiment) -> Light:
    """The light for an experiment; an automaton is judged by its edges, everything else by its family or globally."""
    family, recovery = experiment.family, experiment.recovery
    if family is None:
        return _globally(experiment)
    if not family.holds:
        count = family.data
        return Light(
            "amber",
            f"Amber: {count} direction{'s' if count != 1 else ''} not determined",
            f"The traces fix {family.rank} of {family.dimension} dimensions of the legal inputs. Transformers of equal "
            f"training loss disagree on what is missing:\n\n{missing_in_words(experiment)}",
        )
    if recovery is not None and not recovery.equivalent:
        word = literal(" ".join(recovery.counterexample or ()) or "the empty word")
        return Light(
            "red",
            "Red: determined, and different from the true automaton",
            f"Every transformer that fits these traces best computes the same automaton, and it is another one: they "
            f"disagree on the word **{word}**. The traces themselves say something else, for example through noise.",
        )
    exactly = "exactly" if experiment.run.training_mse < 1e-20 else "as well as possible"
    subject = "this automaton, on words of any length" if recovery is not None else "the same, on every legal input"
    return Light(
        "green",
        "Green: proved for every input, not just tested",
        f"The traces fix all {family.dimension} dimensions that legal inputs can excite. Every transformer of this "
        f"kind that fits them {exactly} computes {subject}.",
    )


def _globally(experiment: Experiment) -> Light:
    certificate = experiment.run.certificate
    rank, count = certificate.rank, certificate.feature_count
    if certificate.identified:
        return Light(
            "green",
            "Green: one function on all inputs",
            f"The second moment has full rank {rank:,} (smallest eigenvalue {certificate.lambda_min:.3g}), so every "
            "transformer that fits these traces best computes the same function everywhere.",
        )
    return Light(
        "amber",
        f"Amber: {count - rank:,} of {count:,} directions not determined",
        f"The second moment has rank {rank:,} of {count:,}: transformers of equal training loss differ on inputs that "
        "excite the rest.",
    )


def show(light: Light) -> None:
    """The light as a coloured box; colour, icon and the first word of its title all say the same."""
    box = {"green": st.success, "amber": st.warning, "red": st.error}[light.colour]
    icon = {"green": "check_circle", "amber": "help", "red": "cancel"}[light.colour]
    box(light.words, title=light.title, icon=f":material/{icon}:")
