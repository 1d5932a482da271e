"""The whole path of a lab in one call: task -> traces -> learn -> certify -> recover."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from linattn_core.attention import LinearAttention
from linattn_core.certificate import FamilyCertificate
from linattn_core.devices import settled
from linattn_core.errors import LinattnError
from linattn_core.family import Family
from linattn_core.lab import AutomatonBuild, Lab, LabTask
from linattn_core.learn import Run, learn
from linattn_core.machines import Machine
from linattn_core.numerics import Progress, no_progress
from linattn_core.outcomes.evidence import Evidence, gather
from linattn_core.outcomes.light import Light, judge
from linattn_core.recover import Recovery, read_automaton, recover
from linattn_core.tasks import (
    AssociativeMemory,
    OwnSequences,
    Pair,
    StepAutomaton,
    TableMemory,
    UniversalAutomaton,
    VectorMemory,
)
from linattn_core.tasks.counting import met_by_counting
from linattn_core.tasks.own import Fit, fit
from linattn_core.tasks.retrieval import Retrieval, retrieval
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_outcome import TuringOutcome, turing_outcome
from linattn_core.traces import Traces
from linattn_core.twin import twin

MAX_HEADS_DIM = 32
"""Turing machines of larger embedding get no heads: an SVD of d^2 x d^2 numbers, which no page shows."""


@dataclass(frozen=True, eq=False)
class Experiment:
    """Everything a page shows of a lab, computed once.

    recovery: None where no automaton is built. family: the certificate over all legal inputs, None where the task has
    no finite description of them. open_pairs: (state, letter) pairs of an automaton task that the data do not pin down
    in all legal inputs (a universal task may leave a pair open and yet settle it for this lab's machine).
    seconds: per stage, the learner's own stages among them, as "learn: ...". turing: where Turing machines are built,
    how fresh machines and the user's own fare; ``family`` is then None unless the legal space is known exactly.
    retrieval: where a memory is built, what it answers for each key. fit: where the user's own sequences are learned,
    the errors on them and on the held-out ones. evidence: what ``light`` is judged by, a fresh check and twins with it.
    """

    lab: Lab
    task: LabTask
    traces: Traces
    run: Run
    recovery: Recovery | None
    family: FamilyCertificate | None
    open_pairs: tuple[Pair, ...]
    seconds: dict[str, float]
    evidence: Evidence
    turing: TuringOutcome | None = None
    retrieval: Retrieval | None = None
    fit: Fit | None = None

    @cached_property
    def light(self) -> Light:
        """One of five colours, with its level and reason: see ``judge``."""
        return judge(self)

    @property
    def missing(self) -> tuple[str, ...]:
        """What the data leave open, one sentence each; empty where every legal input is pinned down."""
        if self.family is None:
            return ()
        if isinstance(self.task, StepAutomaton):
            return tuple(f"no trace visits {words}" for words in self.family.missing)
        if isinstance(self.task, UniversalAutomaton):
            repeated = ("the traces leave open contexts that repeat the rules used so far",)
            return (() if self.family.holds or not _with_history(self.lab) else repeated) + tuple(
                f"the traces leave open state {state} on letter {letter} in some automata"
                for state, letter in self.open_pairs
            )
        return tuple(f"the traces leave open {words}" for words in self.family.missing)

    @property
    def cures(self) -> tuple[Pair, ...]:
        """The (state, letter) pairs to add as ``extra`` traces: one example each (step), one query's (universal)."""
        return self.open_pairs

    def cured(self, pair: Pair) -> Lab:
        """Return the lab with the traces of this pair added."""
        return self.lab.replace(traces=self.lab.traces.replace(extra=(*self.lab.traces.extra, pair)))

    def broken(self, pair: Pair) -> Lab:
        """Return the lab with the traces of this pair withheld."""
        traces = self.lab.traces
        extra = tuple(other for other in traces.extra if other != pair)
        return self.lab.replace(traces=traces.replace(withheld=(*traces.withheld, pair), extra=extra))

    def twin(self, pair: Pair, answer: str) -> LinearAttention:
        """Return a transformer of equal training loss that answers the state ``answer`` at an undetermined pair.

        Raises ``CertifiedError`` where the data pin the pair down, ``MachineError`` for unknown names.
        """
        task, machine = self._automaton()
        context = task.context(*pair) if isinstance(task, StepAutomaton) else task.context(machine, pair[0], pair[1])
        return twin(self.run, context, np.eye(task.outputs)[machine.state_index(answer)])

    def automaton_of(self, model: LinearAttention) -> Machine:
        """Return the automaton that a model computes, over the states of the true one."""
        task, machine = self._automaton()
        return read_automaton(model, task, machine)

    @property
    def bytes(self) -> int:
        """About how much memory it holds: the traces and what the learner planned."""
        return int(self.traces.bytes + self.run.plan.bytes)

    def _automaton(self) -> tuple[StepAutomaton | UniversalAutomaton, Machine]:
        if not isinstance(self.task, StepAutomaton | UniversalAutomaton) or self.lab.machine is None:
            raise LinattnError("experiment: got a lab that builds no automaton, so there is no transition to ask for.")
        return self.task, self.lab.machine


def experiment(lab: Lab, progress: Progress | None = None) -> Experiment:
    """Run a lab from its specification to the recovered automaton: a function of the lab alone.

    progress: called with the fraction done and what is being done; it may raise ``Cancelled``. Raises ``ShapeError``
    where no example is left, ``TooLargeError`` where the problem would not fit.
    """
    report = progress or no_progress
    seconds: dict[str, float] = {}
    with _stage(seconds, "traces", report, 0.0):
        task = lab.task()
        traces = lab.make_traces()
    with _stage(seconds, "learn", report, 0.1):
        spec = lab.learner
        run = learn(
            traces,
            ridge=spec.ridge,
            heads=None if isinstance(task, UniversalTuringMachine) and task.dim > MAX_HEADS_DIM else spec.heads,
            task=task,
            device=settled(spec.device)[0],
            progress=lambda fraction, message: report(0.1 + 0.7 * fraction, message),
        )
    if isinstance(task, UniversalTuringMachine):
        return _turing_experiment(lab, task, traces, run, seconds, report)
    with _stage(seconds, "certify", report, 0.8):
        family, certificate = _certified(lab, task, run)
        evidence = gather(lab, task, traces, run, family, certificate)
    with _stage(seconds, "recover", report, 0.95):
        recovery = recover(run, task, lab.machine) if isinstance(task, StepAutomaton | UniversalAutomaton) else None
        open_pairs = _open_pairs(lab, task, family, certificate)
        asked = _asked(task, traces, run)
        scored = _scored(lab, task, traces, run)
    report(1.0, "done")
    seconds |= _own(run)
    return Experiment(
        lab, task, traces, run, recovery, certificate, open_pairs, seconds, evidence, retrieval=asked, fit=scored
    )


def _certified(lab: Lab, task: LabTask, run: Run) -> tuple[Family | None, FamilyCertificate | None]:
    """Return the family and its certificate; no family where counting alone certifies all of it.

    A lab whose words are run with the history in the context is judged by the larger family that this makes legal.
    """
    if isinstance(task, UniversalAutomaton):
        if _with_history(lab):
            larger = task.family(history=True)
            return larger, run.certificate.covers_family(larger)
        met = met_by_counting(run.certificate, task.family_dimension, task.family_source)
        if met is not None:
            return None, met
    family = task.family()
    return family, run.certificate.covers_family(family) if family else None


def _turing_experiment(
    lab: Lab, task: UniversalTuringMachine, traces: Traces, run: Run, seconds: dict[str, float], report: Progress
) -> Experiment:
    """The end of the path for Turing machines: certify, and run fresh machines and the user's own."""
    build = lab.turing
    assert build is not None, "its task is the universal Turing machine"
    own = build.machine, build.tape, build.head, build.run
    with _stage(seconds, "certify", report, 0.8):
        outcome = turing_outcome(
            run, task, own, halting=build.halting, progress=lambda part, words: report(0.8 + 0.18 * part, words)
        )
        opened = outcome.legal is not None and not outcome.legal.holds
        report(0.98, "looking for twins")
        evidence = gather(lab, task, traces, run, task.family() if opened else None, outcome.legal)
    report(1.0, "done")
    return Experiment(lab, task, traces, run, None, outcome.legal, (), {**seconds, **_own(run)}, evidence, outcome)


def _asked(task: LabTask, traces: Traces, run: Run) -> Retrieval | None:
    """Ask a memory for each of its keys; None for everything else."""
    if not isinstance(task, AssociativeMemory | TableMemory | VectorMemory):
        return None
    return retrieval(task, traces, run.predictor)


def _scored(lab: Lab, task: LabTask, traces: Traces, run: Run) -> Fit | None:
    """Score what was learned from a user's own sequences on the held-out ones; None for everything else."""
    if not isinstance(task, OwnSequences):
        return None
    _, held_out = task.split(lab.traces.count, lab.traces.seed)
    return fit(run.predictor, run.certificate, traces, held_out)


@contextmanager
def _stage(seconds: dict[str, float], name: str, report: Progress, fraction: float) -> Iterator[None]:
    report(fraction, name)
    begin = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - begin


def _with_history(lab: Lab) -> bool:
    return isinstance(lab.build, AutomatonBuild) and lab.build.encoding == "universal" and lab.build.history


def _open_pairs(
    lab: Lab, task: LabTask, family: Family | None, certificate: FamilyCertificate | None
) -> tuple[Pair, ...]:
    """Return the pairs whose rows of the family are missing; the rows stand pair by pair, equally many for each.

    Rows with history, the last of each pair, do not count: no trace of the lab's kind would close them.
    """
    if family is None or certificate is None or not isinstance(task, StepAutomaton | UniversalAutomaton):
        return ()
    pairs = task.legal_pairs if isinstance(task, StepAutomaton) else task.pairs
    each = len(family.words) // len(pairs)
    plain = each - len(pairs) if _with_history(lab) else each
    missing = {*certificate.missing, *certificate.undecided}
    return tuple(
        pair
        for i, pair in enumerate(pairs)
        if any(words in missing for words in family.words[i * each : i * each + plain])
    )


def _own(run: Run) -> dict[str, float]:
    """Return the learner's stages, named so that a sum over the outer ones counts nothing twice."""
    return {f"learn: {name}": value for name, value in run.seconds.items()}
