"""A word through a universal automaton by attention alone: each learned next state becomes part of the next query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linattn_core.attention import LinearAttention, Predictor
from linattn_core.machines import Machine
from linattn_core.tasks.base import Pair
from linattn_core.tasks.universal import UniversalAutomaton


@dataclass(frozen=True, eq=False)
class WordStep:
    """One letter: the query (``state``, ``letter``), its context Z (d, n), the answer y (Q,), and what it says.

    ``multiplicity``: how often the rule asked for stands in the context, 1 without history; the answer of the exact
    head is scaled by it. ``learned`` is the state of the largest entry, ``true`` the automaton's own.
    """

    state: str
    letter: str
    context: np.ndarray
    answer: np.ndarray
    multiplicity: int
    learned: str
    true: str


def run_word(
    model: LinearAttention | Predictor,
    task: UniversalAutomaton,
    machine: Machine,
    word: Sequence[str],
    *,
    history: bool = False,
) -> tuple[WordStep, ...]:
    """Run ``word`` (letters by name) on a model that was shown ``machine`` in its prompt.

    history: the rules used so far are repeated in the context. Stops early where the model answers a state that the
    machine does not have. Raises ``MachineError`` for unknown letters, ``TooLargeError`` for too large a machine.
    """
    state, used, steps = machine.states[machine.start], list[Pair](), []
    for letter in word:
        Z = task.context(machine, state, letter, used if history else ())
        answer = model(Z)
        learned = int(np.argmax(answer))
        name = machine.states[learned] if learned < len(machine.states) else task.state_names[learned]
        times = 1 + (used.count((state, letter)) if history else 0)
        steps.append(WordStep(state, letter, Z, answer, times, name, machine.step(state, letter)))
        if learned >= len(machine.states):
            break
        used.append((state, letter))
        state = name
    return tuple(steps)
