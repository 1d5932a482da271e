"""Two layers of equal training error that disagree at one legal input: what an amber light shows, for every kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from linattn_core.attention import Predictor
from linattn_core.certificates.decision import Decision
from linattn_core.errors import LinattnError
from linattn_core.family import Family
from linattn_core.lab import Lab, LabTask
from linattn_core.learn import Run
from linattn_core.machines import Machine
from linattn_core.recover import AutomatonTask, Recovery, recover
from linattn_core.tasks import OwnSequences, Pair, StepAutomaton, TableMemory, UniversalAutomaton, VectorMemory
from linattn_core.tasks.base import random_stream
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.traces import Traces
from linattn_core.twin import twin_predictor

TRIED = 3
"""Open inputs of one kind at which a twin is looked for before the next kind of input is asked."""
FRESH = 300
"""Fresh legal inputs, or contexts of random tokens, among which an open one is looked for."""
OPPOSITE = 1e-3
"""Of the largest answer: a smaller one and its opposite would look alike."""
PROBED_MACHINES, PROBED_STEPS = 20, 6


@dataclass(frozen=True, eq=False)
class Twins:
    """A learned layer and its twin: equal training error, another answer at ``context`` (d, n).

    words: which input that is. pair: the transition it asks for, where it is one of the lab's own automaton. learned,
    other (m,): what the layer and its twin answer there. loss, twin_loss: the training error of each, both computed.
    """

    words: str
    pair: Pair | None
    context: np.ndarray
    learned: np.ndarray
    other: np.ndarray
    loss: float
    twin_loss: float
    predictor: Predictor

    def recovery(self, run: Run, task: AutomatonTask, machine: Machine) -> Recovery:
        """Return the automaton of the twin beside the true one."""
        other = replace(run, predictor=self.predictor, heads=None)
        return recover(other, task, None if isinstance(task, StepAutomaton) else machine)


@dataclass(frozen=True, eq=False)
class Inputs:
    """Candidates for an open input: contexts, with words and, for an automaton's own transitions, pairs.

    true: the number of the state that each pair leads to; states: how many states the automaton has, which are the
    first of the task's answers.
    """

    contexts: Traces
    words: tuple[str, ...]
    pairs: tuple[Pair, ...] = ()
    true: tuple[int, ...] = ()
    states: int = 0


def find_twins(lab: Lab, task: LabTask, run: Run, family: Family | None) -> tuple[Twins | None, str]:
    """Return twins at an open legal input, or None with the reason: no such input found, or no twin to be had there.

    Tried are the transitions of the lab's own automaton, the inputs that span the family, and fresh ones; where no
    legal inputs are known (own sequences), the held-out contexts and such of random tokens.
    """
    reason = "no open input was found among those tried"
    for inputs in _candidates(lab, task, family):
        decisions = run.certificate.decide(inputs.contexts)
        opened = np.flatnonzero(decisions == Decision.OPEN)
        if not len(opened):
            continue
        order = opened if inputs.pairs else opened[np.argsort(-run.certificate.ambiguities(inputs.contexts)[opened])]
        for index in order[:TRIED]:
            try:
                return _twins(task, run, inputs, int(index)), ""
            except LinattnError as refusal:
                reason = str(refusal)
    return None, reason


def _candidates(lab: Lab, task: LabTask, family: Family | None) -> Iterator[Inputs]:
    """Yield legal inputs, those first whose words say most."""
    machine = lab.machine
    if isinstance(task, StepAutomaton | UniversalAutomaton) and machine is not None:
        pairs, probes = task.probes(machine)
        reachable = set(machine.reachable())
        chosen = [i for i, (state, _) in enumerate(pairs) if state in reachable]
        named = tuple(pairs[i] for i in chosen)
        words = tuple(f"state {state} on letter {letter}" for state, letter in named)
        own, states = probes.subset(np.array(chosen)), len(machine.states)
        true = tuple(machine.state_index(machine.step(*pair)) for pair in named)
        yield Inputs(own, words, named, true, states) if states > 1 else Inputs(own, words)
    if family is not None and family.contexts is not None:
        yield Inputs(family.contexts, family.words)
    if isinstance(task, UniversalTuringMachine):
        halting = lab.turing.halting if lab.turing else 0.3
        contexts = task.contexts(task.episodes(PROBED_MACHINES, 2, halting=halting), PROBED_STEPS)
        yield Inputs(contexts, _numbered("a step of a fresh machine", contexts))
        return
    if not isinstance(task, OwnSequences):
        contexts = lab.fresh_traces(FRESH)
        yield Inputs(contexts, _numbered("a fresh legal input", contexts))
        return
    held_out = task.split(lab.traces.count, lab.traces.seed)[1]
    if len(held_out):
        yield Inputs(held_out, _numbered("a held-out context", held_out))
    contexts = _random_contexts(task)
    yield Inputs(contexts, _numbered("a context of random tokens", contexts))


def _numbered(what: str, contexts: Traces) -> tuple[str, ...]:
    return tuple(f"{what} of {n} token{'s' if n != 1 else ''}" for n in (contexts.stop - contexts.start).tolist())


def _random_contexts(task: OwnSequences) -> Traces:
    """Return contexts of two tokens, Gaussian with the root mean square of each of the data's entries."""
    tokens = task.data.tokens
    drawn = random_stream(0, 4).normal(size=(2 * FRESH, task.dim)) * np.sqrt((tokens**2).mean(axis=0))
    start = 2 * np.arange(FRESH)
    return Traces.contexts(drawn, start, start + 2)


def _twins(task: LabTask, run: Run, inputs: Inputs, index: int) -> Twins:
    """Return the twins at one open input. Raises ``LinattnError`` where there is no twin, or none of equal loss."""
    only = inputs.contexts.subset(np.array([index]))
    Z, _ = only[0]
    learned = run.predictor.on(only)[0]
    if inputs.pairs:
        states = set(range(inputs.states)) - {int(np.argmax(learned[: inputs.states]))}
        false = sorted(states - {inputs.true[index]}) or sorted(states)  # neither of the two is then the true one
        other = np.eye(len(learned))[false[0]]
    else:
        other = another_answer(task, run, learned)
    predictor = twin_predictor(run, Z, other)
    return Twins(
        inputs.words[index],
        inputs.pairs[index] if inputs.pairs else None,
        Z,
        learned,
        predictor.on(only)[0],
        run.training_mse,
        run.loss(predictor),
        predictor,
    )


def another_answer(task: LabTask, run: Run, learned: np.ndarray) -> np.ndarray:
    """Return an answer of the task that a layer's answer ``learned`` (m,) is not.

    Another state, another value, "halt" for a Turing machine that goes on; of plain numbers their opposite.
    """
    m, scale = len(learned), run.answer_scale or 1.0
    if isinstance(task, UniversalTuringMachine):
        return np.zeros(m) if np.rint(learned).any() else np.eye(m)[0]
    if isinstance(task, StepAutomaton | UniversalAutomaton | TableMemory) and m > 1:
        return np.eye(m)[(int(np.argmax(learned)) + 1) % m]
    if isinstance(task, VectorMemory) and len(task.values) > 1:
        nearest = int(np.argmin(np.linalg.norm(task.values - learned, axis=1)))
        return np.asarray(task.values[(nearest + 1) % len(task.values)], dtype=np.float64)
    return -learned if np.linalg.norm(learned) > OPPOSITE * scale else scale * np.eye(m)[-1]
