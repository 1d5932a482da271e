"""Read the automaton back out of a learned transformer, edge by edge, and say what the data vouch for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from linattn_core.errors import MachineError
from linattn_core.learn import Run
from linattn_core.machines import Machine, counterexample
from linattn_core.tasks.base import Pair
from linattn_core.tasks.step import StepAutomaton
from linattn_core.tasks.universal import UniversalAutomaton
from linattn_core.traces import Traces

AutomatonTask = StepAutomaton | UniversalAutomaton
Kind = Literal["right", "different", "undetermined"]


class Answers(Protocol):
    """Anything that answers contexts: a ``LinearAttention``, a ``Predictor``."""

    def on(self, traces: Traces) -> np.ndarray:
        """Return the answers (N, m)."""


@dataclass(frozen=True)
class Edge:
    """One transition, true and learned.

    scores: the model's answer, one number a state of the machine; learned is the state of the largest (the first of
    equal ones). certified: every minimiser of the training loss gives these scores. reachable: some word gets there.
    """

    state: str
    letter: str
    true: str
    learned: str
    certified: bool
    scores: tuple[float, ...]
    reachable: bool

    @property
    def kind(self) -> Kind:
        """Right or different where the data decide, undetermined where they do not, whatever was learned there."""
        if not self.certified:
            return "undetermined"
        return "right" if self.learned == self.true else "different"

    @property
    def margin(self) -> float:
        """The score of the learned state minus the next best one; infinite where there is no other."""
        first, *rest = sorted(self.scores, reverse=True)
        return first - rest[0] if rest else float("inf")

    @property
    def words(self) -> str:
        """State q2 on letter b."""
        return f"state {self.state} on letter {self.letter}"


@dataclass(frozen=True)
class Recovery:
    """A learned automaton beside the true one, over the same states (names, places and acceptance are taken over).

    edges: state by state, letter by letter. counterexample: a shortest word that only one of the two accepts, or None.
    """

    automaton: Machine
    truth: Machine
    edges: tuple[Edge, ...]
    counterexample: tuple[str, ...] | None

    @property
    def equivalent(self) -> bool:
        """Whether both accept the same words."""
        return self.counterexample is None

    @cached_property
    def certified(self) -> dict[Pair, bool]:
        """(state, letter) -> whether the data pin this transition down."""
        return {(edge.state, edge.letter): edge.certified for edge in self.edges}

    @property
    def narrowest(self) -> Edge:
        """The transition of smallest margin, of states that some word reaches."""
        return min((edge for edge in self.edges if edge.reachable), key=lambda edge: edge.margin)

    @property
    def undetermined(self) -> tuple[Pair, ...]:
        """The transitions that the data leave open, of states that some word reaches."""
        return tuple((edge.state, edge.letter) for edge in self.edges if edge.kind == "undetermined" and edge.reachable)

    @property
    def missing(self) -> tuple[str, ...]:
        """What is missing, in words: "no trace visits state q2 on letter b"."""
        return tuple(f"no trace visits state {state} on letter {letter}" for state, letter in self.undetermined)


def read_automaton(model: Answers, task: AutomatonTask, machine: Machine | None = None) -> Machine:
    """Return the automaton a model computes: for each state and letter the state of the largest answer.

    Names, places, start and accepting states are those of the true machine: ``machine``, or the task's own.
    """
    truth = _truth(task, machine)
    _, probes = task.probes(truth)
    return _automaton(truth, _scores(model, probes, truth))


def recover(run: Run, task: AutomatonTask, machine: Machine | None = None) -> Recovery:
    """Probe what was learned on every (state, letter) pair, in one batch, and compare with the truth.

    machine: for ``UniversalAutomaton``, the machine to put into the prompt; for ``StepAutomaton`` it is the task's own.
    Raises ``MachineError`` where it is missing, ``TooLargeError`` where it does not fit the task.
    """
    truth = _truth(task, machine)
    pairs, probes = task.probes(truth)
    scores = _scores(run.predictor, probes, truth)
    certified = run.certificate.certified(probes)
    learned = _automaton(truth, scores)
    reachable = set(truth.reachable())
    edges = tuple(
        Edge(
            state,
            letter,
            truth.step(state, letter),
            learned.step(state, letter),
            bool(known),
            tuple(map(float, row)),
            state in reachable,
        )
        for (state, letter), row, known in zip(pairs, scores, certified, strict=True)
    )
    return Recovery(learned, truth, edges, counterexample(truth, learned))


def _truth(task: AutomatonTask, machine: Machine | None) -> Machine:
    if isinstance(task, StepAutomaton):
        if machine is not None and machine != task.machine:
            raise MachineError(
                f"recover: got the machine {machine.name!r}, but the weights were taught {task.machine.name!r}; "
                "leave the machine out."
            )
        return task.machine
    if machine is None:
        raise MachineError("recover: got no machine, wanted one to put into the prompt of the universal automaton.")
    return machine


def _scores(model: Answers, probes: Traces, truth: Machine) -> np.ndarray:
    """Return the answers (pairs, states of the machine); a larger universal task has further outputs, left out."""
    return model.on(probes)[:, : len(truth.states)]


def _automaton(truth: Machine, scores: np.ndarray) -> Machine:
    table = scores.argmax(axis=1).reshape(len(truth.states), len(truth.alphabet))
    return replace(truth, transitions=tuple(tuple(map(int, row)) for row in table))
