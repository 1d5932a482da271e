"""What a lab can build: automata, memories, teachers, own sequences, Turing machines; parts of its specification."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, SerializerFunctionWrapHandler, model_serializer

from linattn_core.errors import MachineError, TooLargeError
from linattn_core.lab_own import MemoryBuild, SequencesBuild
from linattn_core.lab_spec import Label, Number, Seed, Spec, Whole
from linattn_core.machines import Machine, from_data, to_data, turing_data
from linattn_core.machines.turing import TuringMachine, as_tape, fresh_names
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

__all__ = [
    "AutomatonBuild",
    "Build",
    "LabTask",
    "Label",
    "MemoryBuild",
    "Number",
    "Seed",
    "SequencesBuild",
    "Spec",
    "TeacherBuild",
    "TuringBuild",
    "Whole",
]

LabTask = (
    StepAutomaton
    | UniversalAutomaton
    | AssociativeMemory
    | TableMemory
    | VectorMemory
    | RandomTeacher
    | OwnSequences
    | UniversalTuringMachine
)


def _machine_in(value: Any) -> Machine:
    return value if isinstance(value, Machine) else from_data(value)


def _turing_in(value: Any) -> TuringMachine:
    return value if isinstance(value, TuringMachine) else turing_data.from_data(value)


MachineField = Annotated[Machine, PlainValidator(_machine_in), PlainSerializer(to_data)]
TuringField = Annotated[TuringMachine, PlainValidator(_turing_in), PlainSerializer(turing_data.to_data)]


class AutomatonBuild(Spec):
    """An automaton; encoding "step" puts it into the weights, "universal" into the prompt.

    In the prompt, ``states`` and ``letters`` may ask for a layer of all automata of larger size than this one, which is
    padded; ``history`` repeats the rules used so far in the context when a word is run.
    """

    kind: Literal["automaton"] = "automaton"
    machine: MachineField
    encoding: Literal["step", "universal"] = "step"
    states: Whole | None = None
    letters: Whole | None = None
    history: Annotated[bool, Field(strict=True)] = False

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what an automaton of its own size does not need: files and links stay as they were without it."""
        left_out = {"states": None, "letters": None, "history": False}
        return {name: value for name, value in handler(self).items() if left_out.get(name, self) != value}

    def task(self, length: int = 12) -> StepAutomaton | UniversalAutomaton:
        """Return the task; ``length`` plays no part, words are drawn with the traces."""
        machine = self.machine
        if self.encoding == "step":
            return StepAutomaton(machine)
        states, letters = self.sizes
        return UniversalAutomaton(
            states,
            letters,
            machine.states + fresh_names("q", states - len(machine.states), machine.states),
            machine.alphabet + fresh_names("x", letters - len(machine.alphabet), machine.alphabet),
        )

    def without_positions(self) -> AutomatonBuild:
        """Return the same automaton without the places of its states, which drawings need and learning does not."""
        if self.machine.positions is None:
            return self
        return self.replace(machine=replace(self.machine, positions=None))

    @property
    def sizes(self) -> tuple[int, int]:
        """The number of states and letters of the automata in the prompt. ``TooLargeError`` if this one is larger."""
        own = len(self.machine.states), len(self.machine.alphabet)
        asked = self.states or own[0], self.letters or own[1]
        if asked[0] < own[0] or asked[1] < own[1]:
            raise TooLargeError(
                f"The automaton {self.machine.name!r} has {own[0]} states and {own[1]} letters and does not fit among "
                f"those with {asked[0]} states and {asked[1]} letters; choose larger sizes or a smaller automaton."
            )
        return asked


class TeacherBuild(Spec):
    """A random linear-attention teacher; its sequences have the length of the traces."""

    kind: Literal["teacher"] = "teacher"
    dim: Whole = 4
    heads: Whole = 1
    outputs: Whole = 1
    seed: Seed = 0

    def task(self, length: int = 100) -> RandomTeacher:
        """Return the task for sequences of ``length`` tokens."""
        return RandomTeacher(self.dim, self.heads, self.outputs, length, self.seed)


class TuringBuild(Spec):
    """Every Turing machine with ``states``, ``letters`` and ``cells`` in one layer, and one machine to run on it.

    ``word``: symbols on the tape from cell 0 on, blanks after it; ``head`` the cell where the head starts; ``run`` the
    most steps of its run. ``halting``: probability that a rule of a random training machine halts. The number of
    training machines and their most steps are ``count`` and ``length`` of the traces.
    """

    kind: Literal["turing"] = "turing"
    machine: TuringField
    word: Annotated[tuple[Label, ...], Field(max_length=64)] = ()
    head: Annotated[int, Field(strict=True, ge=0)] = 0
    run: Annotated[int, Field(strict=True, ge=1, le=1000)] = 60
    states: Whole = 2
    letters: Whole = 2
    cells: Whole = 4
    design: Literal["slim", "wide", "duo"] = "slim"
    halting: Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)] = 0.35

    def task(self, length: int = 10) -> UniversalTuringMachine:
        """Return the task; ``length`` plays no part, runs are drawn with the traces."""
        return UniversalTuringMachine(self.states, self.letters, self.cells, self.design)

    @property
    def tape(self) -> tuple[int, ...]:
        """The word as symbol indices. Raises ``MachineError`` for a symbol that the machine does not know."""
        return self.machine.encode(self.word)

    def check(self) -> None:
        """Raise ``MachineError`` unless machine, tape and head fit the sizes."""
        self.machine.padded(self.states, self.letters)
        as_tape(self.tape, self.cells, len(self.machine.symbols))
        if self.head >= self.cells:
            raise MachineError(f"head: got cell {self.head}, wanted one from 0 to {self.cells - 1}.")


Build = AutomatonBuild | MemoryBuild | TeacherBuild | SequencesBuild | TuringBuild
