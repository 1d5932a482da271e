"""The sentences of the lights: what is claimed of each kind of task, in plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from linattn_core.lab import LabTask
from linattn_core.recover import Edge, Recovery
from linattn_core.tasks import (
    AssociativeMemory,
    OwnSequences,
    RandomTeacher,
    StepAutomaton,
    TableMemory,
    UniversalAutomaton,
    VectorMemory,
)
from linattn_core.tasks.turing import UniversalTuringMachine

if TYPE_CHECKING:
    from linattn_core.experiment import Experiment

LISTED = 4  # transitions named under a blue light, those of smallest margin first
SHOWN = 4  # numbers of an answer


def scope(task: LabTask) -> str:
    """Say for what a green light speaks, as in "proved for every input"."""
    if isinstance(task, UniversalAutomaton):
        return f"for all {many(task.states, task.keys)} automata"
    if isinstance(task, UniversalTuringMachine):
        return f"for all {in_digits(task.machine_count)} machines"
    return "for every input"


def many(base: int, power: int) -> str:
    """Write base^power in full while it is short, else as that power with its size."""
    return f"{base**power:,}" if base**power < 10**15 else f"{base}^{power} ≈ 10^{len(str(base**power)) - 1}"


def in_digits(total: int) -> str:
    """Write a number in full while it is short, else by its size."""
    return f"{total:,}" if total < 10**15 else f"about 10^{len(str(total)) - 1}"


def truth_name(task: LabTask) -> str:
    """Say what the learned layer is compared with."""
    if isinstance(task, StepAutomaton | UniversalAutomaton):
        return "the true automaton"
    return "the true machines" if isinstance(task, UniversalTuringMachine) else "the true memory"


def subject(experiment: Experiment) -> str:
    """Say what every exact layer does where the light is green."""
    task = experiment.task
    if isinstance(task, StepAutomaton):
        return "computes this automaton, on words of any length"
    if isinstance(task, UniversalAutomaton):
        return (
            "runs every automaton of this size that stands in its prompt, on words of any length that are run without "
            "history in the context"
        )
    if isinstance(task, UniversalTuringMachine):
        return (
            f"runs every machine with {task.states} states and {task.letters} letters on {task.cells} circular cells, "
            "on every tape, for any number of steps (in exact arithmetic; smaller machines are padded)"
        )
    if isinstance(task, RandomTeacher):
        return "gives the teacher's answers, on every input"
    if isinstance(task, AssociativeMemory):
        if task.answer == "sum":
            return "gives the sums that the traces show, the other keys' part included, on every memory"
        return "gives the value of the asked key, on every memory of orthonormal keys"
    return "gives the value of the asked key, on every pairing of these keys and values"


def pinned(experiment: Experiment) -> str:
    """Say what the traces pin down and how that was decided, as a sentence without its full stop."""
    family, evidence = experiment.family, experiment.evidence
    how = "in exact integers" if evidence.level == "theorem" else "in floating point"
    if family is not None:
        return f"The traces fix all {family.dimension:,} dimensions that legal inputs can excite, decided {how}"
    rank = experiment.run.certificate.rank
    return f"The second moment has full rank {rank:,}, decided {how}: the traces fix the answer to every input"


def opened(experiment: Experiment) -> tuple[str, str, tuple[str, ...]]:
    """Return the title of an amber light, what is open in a sentence, and what is missing, one line each."""
    family, certificate, recovery = experiment.family, experiment.run.certificate, experiment.recovery
    if family is None:
        rank, count = certificate.rank, certificate.feature_count
        return (
            f"Amber: {count - rank:,} of {count:,} directions not determined",
            f"The second moment has rank {rank:,} of {count:,}: layers of equal training error differ on inputs that "
            "excite the rest.",
            (),
        )
    words = f"The traces fix {family.rank:,} of {family.dimension:,} dimensions of the legal inputs."
    if isinstance(experiment.task, UniversalAutomaton) and recovery is not None and recovery.equivalent:
        words += " Yours is run as it should be all the same, but that is luck or a test."
    directions = f"{family.data:,} direction{'s' if family.data != 1 else ''}" if family.data else "some directions"
    return f"Amber: {directions} not determined", words, experiment.missing


def difference(experiment: Experiment) -> str:
    """Say where what was learned differs from the truth, as a clause; empty where it is not seen to."""
    recovery, found, asked = experiment.recovery, experiment.turing, experiment.retrieval
    if recovery is not None and not recovery.equivalent:
        word = " ".join(recovery.counterexample or ()) or "the empty word"
        return f"the two automata disagree on the word {word}"
    if found is not None and (found.fresh.exact < found.fresh.runs or not found.learned.agrees):
        name = experiment.lab.turing.machine.name if experiment.lab.turing else ""
        own = "" if found.learned.agrees else f", {name} among them"
        return f"{found.fresh.runs - found.fresh.exact} of {found.fresh.runs} fresh machines run otherwise{own}"
    if asked is not None and isinstance(experiment.task, TableMemory | VectorMemory):
        wrong = np.flatnonzero(~asked.learned_right)
        if len(wrong):
            key, answered = int(wrong[0]), int(asked.learned[wrong[0]].argmin())
            return (
                f"asked for {asked.keys[key]} it answers nearest to {asked.values[answered]}, where the memory has "
                f"{asked.values[asked.right[key]]}"
            )
    return ""


def short_margin(experiment: Experiment) -> str:
    """Return the smallest margin of an automaton for the title of a blue light."""
    recovery = experiment.recovery
    return f", smallest margin {recovery.narrowest.margin:.2f}" if recovery is not None else ""


def margins(experiment: Experiment) -> tuple[str, tuple[str, ...]]:
    """Say how clear the answers of the one best fit are, and name the transitions of smallest margin."""
    recovery, asked, run = experiment.recovery, experiment.retrieval, experiment.run
    if recovery is not None:
        edge = recovery.narrowest
        words = (
            "Read as an automaton it is the true one. The smallest margin, the score of the chosen state minus the "
            f"next best, is {edge.margin:.2f}, at {edge.words}."
        )
        if experiment.lab.traces.noise:
            words += " Under noise the scores estimate the probabilities of the next states."
        return words, _transitions(recovery)
    if asked is not None:
        own, keys = int(asked.learned_right.sum()), len(asked.keys)
        return (
            f"Asked for each of its {keys} keys it answers nearest to that key's own value for {own}; the smallest "
            f"margin is {asked.margins.min():.2g}, where two values are at most {asked.spread:.2g} apart.",
            (),
        )
    return f"It explains R² = {run.r2:.4f} of the answers; the largest residual is {run.largest_residual:.2g}.", ()


def _transitions(recovery: Recovery) -> tuple[str, ...]:
    """Name the transitions of smallest margin with the scores of their two best states."""
    edges = sorted((edge for edge in recovery.edges if edge.reachable), key=lambda edge: edge.margin)
    return tuple(_scored(edge, recovery.truth.states) for edge in edges[:LISTED])


def _scored(edge: Edge, states: tuple[str, ...]) -> str:
    order = np.argsort(-np.array(edge.scores))[:2]
    best = ", then ".join(f"{states[k]} with {edge.scores[k]:.2f}" for k in order)
    return f"{edge.words}: {best}; margin {edge.margin:.2f}"


def answer(task: LabTask, y: np.ndarray) -> str:
    """Write one answer in the words of the task, or as its first few numbers."""
    if not isinstance(task, RandomTeacher | OwnSequences | AssociativeMemory):
        return task.decode(y)
    numbers = y[task.key_dim :] if isinstance(task, AssociativeMemory) else y
    more = ", …" if len(numbers) > SHOWN else ""
    return "(" + ", ".join(f"{number:.3g}" for number in numbers[:SHOWN]) + more + ")"
