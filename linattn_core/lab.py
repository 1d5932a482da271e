"""The specification of a whole session: what is built, its traces, how it is learned. Everything on screen is a pure
function of it, so it is the cache key, the share link, the saved file and the argument of the command line at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    field_validator,
    model_validator,
)

from linattn_core.errors import SpecError, TooLargeError
from linattn_core.machines import Machine, from_data, presets, to_data
from linattn_core.spec_errors import sentence
from linattn_core.spec_text import dump_json, dump_token, dump_toml, load_json, load_token, load_toml
from linattn_core.tasks import AssociativeMemory, Pair, RandomTeacher, StepAutomaton, TableMemory, UniversalAutomaton
from linattn_core.tasks.base import index_pairs
from linattn_core.traces import Traces

VERSION = 1
MAX_TOKENS = 4_000_000
"""Tokens of all traces together; more would take gigabytes before the learner could even plan. 43,104 examples of the
universal automaton with 8 states and 8 letters have 2.8 million."""

Whole = Annotated[int, Field(strict=True)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Label = Annotated[str, Field(strict=True, max_length=40)]
LabTask = StepAutomaton | UniversalAutomaton | AssociativeMemory | TableMemory | RandomTeacher


def _machine_in(value: Any) -> Machine:
    return value if isinstance(value, Machine) else from_data(value)


MachineField = Annotated[Machine, PlainValidator(_machine_in), PlainSerializer(to_data)]


class Spec(BaseModel):
    """A frozen, hashable part of a lab. A fault is one sentence: ``SpecError``, or the error of the part at fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as problem:
            raise sentence(problem) from problem

    def replace(self, **changes: Any) -> Any:
        """Return a copy with these fields changed, checked as a whole."""
        return type(self)(**{name: getattr(self, name) for name in type(self).model_fields} | changes)


class AutomatonBuild(Spec):
    """An automaton; encoding "step" puts it into the weights, "universal" into the prompt."""

    kind: Literal["automaton"] = "automaton"
    machine: MachineField
    encoding: Literal["step", "universal"] = "step"

    def task(self, length: int = 12) -> StepAutomaton | UniversalAutomaton:
        """Return the task; ``length`` plays no part, words are drawn with the traces."""
        return StepAutomaton(self.machine) if self.encoding == "step" else UniversalAutomaton.for_machine(self.machine)


class MemoryBuild(Spec):
    """An associative memory: random vectors of ``dim`` entries, or, with a ``table``, one's own (key, value) words."""

    kind: Literal["memory"] = "memory"
    dim: Whole = 4
    unitary: Number = 0.0
    table: tuple[tuple[Label, Label], ...] = ()

    def task(self, length: int = 12) -> AssociativeMemory | TableMemory:
        """Return the task; ``length`` plays no part."""
        return TableMemory(self.table) if self.table else AssociativeMemory(self.dim, self.unitary)


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


Build = AutomatonBuild | MemoryBuild | TeacherBuild


class TraceSpec(Spec):
    """How many episodes, and what is left out or added.

    count: words (step), automaton-query pairs (universal), memories, sequences (teacher). length: letters of a word,
    tokens of a sequence; no part elsewhere. noise: probability of a random answer (automata, word tables) or standard
    deviation. withheld, extra: (state, letter) pairs of an automaton, see the task's ``traces``.
    """

    count: Annotated[int, Field(strict=True, ge=1, le=200_000)] = 200
    length: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 12
    seed: Seed = 0
    noise: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)] = 0.0
    withheld: tuple[tuple[Label, Label], ...] = ()
    extra: tuple[tuple[Label, Label], ...] = ()

    @field_validator("withheld", "extra")
    @classmethod
    def _once(cls, pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
        return tuple(dict.fromkeys(pairs))


class LearnerSpec(Spec):
    """How to learn: see ``learn``."""

    ridge: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)] = 0.0
    heads: Literal["svd", "minimal", "typed"] = "svd"
    device: Literal["auto", "cpu", "cuda"] = "auto"


class Lab(Spec):
    """A whole session. Two equal labs give the same numbers, whoever opens them."""

    version: Literal[1] = 1
    build: Annotated[Build, Field(discriminator="kind")]
    traces: TraceSpec = TraceSpec()
    learner: LearnerSpec = LearnerSpec()

    @model_validator(mode="after")
    def _fits_together(self) -> Lab:
        task = self.task()
        if isinstance(task, StepAutomaton | UniversalAutomaton):
            states, letters = zip(*task.pairs, strict=True)
            index_pairs((*self.traces.withheld, *self.traces.extra), states, letters)
        elif self.traces.withheld or self.traces.extra:
            raise SpecError("The lab withholds or adds transitions, but builds no automaton; leave both lists empty.")
        if self.tokens > MAX_TOKENS:
            raise TooLargeError(
                f"The traces would have {self.tokens:,} tokens; at most {MAX_TOKENS:,} are supported, so use fewer."
            )
        return self

    @property
    def tokens(self) -> int:
        """Tokens of all traces together."""
        task, count = self.task(), self.traces.count
        if isinstance(task, StepAutomaton | RandomTeacher):
            return count * self.traces.length
        if isinstance(task, UniversalAutomaton):
            return (count + len(self.traces.extra) * task.family_dimension // task.keys) * (task.keys + 1)
        return count * (1 + (len(task.keys) if isinstance(task, TableMemory) else task.key_dim))

    @property
    def machine(self) -> Machine | None:
        """The automaton, None where something else is built."""
        return self.build.machine if isinstance(self.build, AutomatonBuild) else None

    def task(self) -> LabTask:
        """Return the task that is built."""
        return self.build.task(self.traces.length)

    def make_traces(self) -> Traces:
        """Return the traces: a function of this lab alone."""
        task, spec = self.task(), self.traces
        if isinstance(task, StepAutomaton):
            return task.traces(
                spec.count, spec.seed, spec.noise, length=spec.length, withheld=spec.withheld, extra=spec.extra
            )
        if isinstance(task, UniversalAutomaton):
            return task.traces(spec.count, spec.seed, spec.noise, withheld=spec.withheld, extra=spec.extra)
        return task.traces(spec.count, spec.seed, spec.noise)

    def with_machine(self, machine: Machine) -> Lab:
        """Return the lab with another automaton; withheld and extra pairs that it does not know are dropped."""
        encoding = self.build.encoding if isinstance(self.build, AutomatonBuild) else "step"
        kept = {
            name: tuple(p for p in pairs if p[0] in machine.states and p[1] in machine.alphabet)
            for name, pairs in (("withheld", self.traces.withheld), ("extra", self.traces.extra))
        }
        build = AutomatonBuild(machine=machine, encoding=encoding)
        return self.replace(build=build, traces=self.traces.replace(**kept))

    @classmethod
    def default(cls) -> Lab:
        """Return the worked example: "contains aba", learned from 40 words of 12 letters."""
        return cls(build=AutomatonBuild(machine=presets()["contains aba"]), traces=TraceSpec(count=40))

    def to_data(self) -> dict[str, Any]:
        """Return the lab as plain tables, lists, texts and numbers, states and letters by name."""
        return self.model_dump(mode="json")

    @classmethod
    def from_data(cls, data: Any) -> Lab:
        """Return the lab of plain data. Raises ``SpecError``, or the error of the part at fault, in one sentence."""
        if not isinstance(data, Mapping):
            raise SpecError(f"The lab is {data!r:.40}; it must be a table with an entry 'build'.")
        return cls(**{str(key): value for key, value in data.items()})

    def to_toml(self) -> str:
        """Return the lab as the text of a TOML file."""
        return dump_toml(self.to_data())

    @classmethod
    def from_toml(cls, text: str | bytes) -> Lab:
        """Read a TOML file; raises ``SpecError``, or the error of the part at fault, in one sentence."""
        return cls.from_data(load_toml(text))

    def to_json(self) -> str:
        """Return the lab as the text of a JSON file."""
        return dump_json(self.to_data())

    @classmethod
    def from_json(cls, text: str | bytes) -> Lab:
        """Read a JSON file; raises ``SpecError``, or the error of the part at fault, in one sentence."""
        return cls.from_data(load_json(text))

    def to_token(self) -> str:
        """Return the lab as one URL-safe token, about 100 characters for small machines."""
        return dump_token(self.to_data(), self.machine, VERSION)

    @classmethod
    def from_token(cls, token: str) -> Lab:
        """Read a share link's token; raises ``SpecError`` for one too long, later, cut off or altered."""
        return cls.from_data(load_token(token, VERSION))
