"""The specification of a whole session: what is built, its traces, how it is learned. Everything on screen is a pure
function of it, so it is the cache key, the share link, the saved file and the argument of the command line at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from linattn_core.errors import SpecError, TooLargeError
from linattn_core.lab_builds import (
    AutomatonBuild,
    Build,
    Label,
    LabTask,
    MemoryBuild,
    Seed,
    SequencesBuild,
    Spec,
    TeacherBuild,
    TuringBuild,
)
from linattn_core.lab_versions import VERSION, modern
from linattn_core.machines import Machine, presets
from linattn_core.machines.turing_presets import turing_presets
from linattn_core.spec_text import dump_json, dump_token, dump_toml, load_json, load_token, load_toml
from linattn_core.tasks import (
    AssociativeMemory,
    OwnSequences,
    Pair,
    RandomTeacher,
    StepAutomaton,
    TableMemory,
    UniversalAutomaton,
)
from linattn_core.tasks.base import index_pairs
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_traces import MAX_EPISODES
from linattn_core.traces import Traces

__all__ = [
    "AutomatonBuild",
    "Lab",
    "LearnerSpec",
    "MemoryBuild",
    "OpenedLab",
    "SequencesBuild",
    "Spec",
    "TeacherBuild",
    "TraceSpec",
    "TuringBuild",
]

REFERENCE = "reference"  # the kind of a build that a link only names
MAX_DIMENSIONS = 40_000  # 8 states x 8 letters need 28,736
MAX_TOKENS = 4_000_000
"""Tokens of all traces together; more would take gigabytes before the learner could even plan. 43,104 examples of the
universal automaton with 8 states and 8 letters have 2.8 million."""

FRESH, FRESH_SEED = 1_000, 1_000_003
"""Fresh inputs that a certificate is tried on, of a seed that nobody trains with by default."""

MAX_TURING_NUMBERS = 60_000_000
"""Entries of all tokens of Turing machines' runs together; they are written out densely, 8 bytes each."""


class TraceSpec(Spec):
    """How many episodes, and what is left out or added.

    count: words (step), automaton-query pairs (universal), memories, sequences (teacher; of own ones at most so many),
    machines (Turing). length: letters of a word, tokens of a sequence, most steps of a machine's run; no part
    elsewhere. noise: probability of a random answer (automata, one-hot words) or standard deviation. withheld, extra:
    (state, letter) pairs of an automaton, see the task's ``traces``.
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

    version: Literal[2] = VERSION
    build: Annotated[Build, Field(discriminator="kind")]
    traces: TraceSpec = TraceSpec()
    learner: LearnerSpec = LearnerSpec()

    @model_validator(mode="after")
    def _fits_together(self) -> Lab:
        task = self.task()
        if isinstance(self.build, TuringBuild):
            self.build.check()
            self._turing_fits(task.dim)
        if isinstance(task, StepAutomaton | UniversalAutomaton):
            states, letters = zip(*task.pairs, strict=True)
            index_pairs((*self.traces.withheld, *self.traces.extra), states, letters)
        elif self.traces.withheld or self.traces.extra:
            raise SpecError("The lab withholds or adds transitions, but builds no automaton; leave both lists empty.")
        # Asked of these alone: a Turing machine's dimension may take seconds to compute.
        if isinstance(task, UniversalAutomaton | TableMemory) and (task.family_dimension or 0) > MAX_DIMENSIONS:
            raise TooLargeError(
                f"The lab's legal inputs span {task.family_dimension:,} dimensions; at most {MAX_DIMENSIONS:,} are "
                "supported here, so use fewer states or letters, keys or values."
            )
        if self.tokens > MAX_TOKENS:
            raise TooLargeError(
                f"The traces would have {self.tokens:,} tokens; at most {MAX_TOKENS:,} are supported, so use fewer."
            )
        return self

    def _turing_fits(self, dim: int) -> None:
        if self.traces.count > MAX_EPISODES:
            raise TooLargeError(f"The lab asks for {self.traces.count:,} machines; at most {MAX_EPISODES:,} are run.")
        if self.tokens * dim > MAX_TURING_NUMBERS:
            raise TooLargeError(
                f"The runs may have {self.tokens:,} tokens of {dim} numbers each; at most {MAX_TURING_NUMBERS:,} "
                "numbers are supported, so use fewer machines or fewer steps."
            )

    @property
    def tokens(self) -> int:
        """Tokens of all traces together; for Turing machines the most there can be, since runs may halt early."""
        task, count = self.task(), self.traces.count
        if isinstance(task, UniversalTuringMachine):
            return count * (task.prompt_length + task.tokens_per_step * self.traces.length + 1)
        if isinstance(task, StepAutomaton | RandomTeacher):
            return count * self.traces.length
        if isinstance(task, UniversalAutomaton):
            return (count + len(self.traces.extra) * task.family_dimension // task.keys) * (task.keys + 1)
        if isinstance(task, OwnSequences):
            return len(task.data.tokens)
        return count * (1 + (task.key_dim if isinstance(task, AssociativeMemory) else len(task.keys)))

    @property
    def machine(self) -> Machine | None:
        """The automaton, None where something else is built."""
        return self.build.machine if isinstance(self.build, AutomatonBuild) else None

    @property
    def turing(self) -> TuringBuild | None:
        """The Turing machine that is built, None where something else is."""
        return self.build if isinstance(self.build, TuringBuild) else None

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
        if isinstance(self.build, TuringBuild) and isinstance(task, UniversalTuringMachine):
            return task.traces(spec.count, spec.seed, spec.noise, steps=spec.length, halting=self.build.halting)
        return task.traces(spec.count, spec.seed, spec.noise)

    def fresh_traces(self, examples: int = FRESH, seed: int = FRESH_SEED) -> Traces:
        """Return at least ``examples`` legal inputs that are not trained on, with their true answers.

        They are this lab's, of its length, without noise and with nothing left out or added; words of an automaton are
        at least as long as it has states, so that they can come everywhere. Raises ``SpecError`` for own sequences, of
        which there are no more.
        """
        task, spec = self.task(), self.traces
        if isinstance(task, OwnSequences):
            raise SpecError("Of own sequences there are no fresh ones; hold a share of them out instead.")
        length = max(spec.length, len(task.machine.states)) if isinstance(task, StepAutomaton) else spec.length
        each = length if isinstance(task, StepAutomaton | RandomTeacher) else 1
        fields = {"count": -(-examples // each), "length": length, "seed": seed}
        fresh = spec.replace(noise=0.0, withheld=(), extra=(), **fields)
        return self.replace(traces=fresh).make_traces()

    def with_machine(self, machine: Machine) -> Lab:
        """Return the lab with another automaton; withheld and extra pairs that it does not know are dropped."""
        old = self.build if isinstance(self.build, AutomatonBuild) else AutomatonBuild(machine=machine)
        kept = {
            name: tuple(p for p in pairs if p[0] in machine.states and p[1] in machine.alphabet)
            for name, pairs in (("withheld", self.traces.withheld), ("extra", self.traces.extra))
        }
        build = old.replace(
            machine=machine,
            states=old.states and max(old.states, len(machine.states)),
            letters=old.letters and max(old.letters, len(machine.alphabet)),
        )
        return self.replace(build=build, traces=self.traces.replace(**kept))

    def without_positions(self) -> Lab:
        """Return the lab without the places of an automaton's states: the key under which its numbers are kept.

        Labs that differ in the places alone have the same traces, weights and certificates, number by number, since
        ``task`` and ``make_traces`` read names and transitions only; places count in drawings.
        """
        build = self.build
        if not isinstance(build, AutomatonBuild) or build.machine.positions is None:
            return self
        return self.replace(build=build.without_positions())

    @classmethod
    def default(cls) -> Lab:
        """Return the worked example: "contains aba", learned from 40 words of 12 letters."""
        return cls(build=AutomatonBuild(machine=presets()["contains aba"]), traces=TraceSpec(count=40))

    @classmethod
    def default_turing(cls) -> Lab:
        """Return the classroom's Turing machines: two states, two letters, four cells; 100 machines of 10 steps."""
        preset = turing_presets()["busy beaver 2"]
        return cls(build=TuringBuild(machine=preset.machine), traces=TraceSpec(count=100, length=10))

    def to_data(self) -> dict[str, Any]:
        """Return the lab as plain tables, lists, texts and numbers, states and letters by name."""
        return self.model_dump(mode="json")

    @classmethod
    def from_data(cls, data: Any) -> Lab:
        """Return the lab of plain data. Raises ``SpecError``, or the error of the part at fault, in one sentence."""
        return cls.open_data(data).lab

    @classmethod
    def open_data(cls, data: Any) -> OpenedLab:
        """Return the lab of plain data of any version with remarks, see ``modern``; raises as ``from_data``."""
        if not isinstance(data, Mapping):
            raise SpecError(f"The lab is {data!r:.40}; it must be a table with an entry 'build'.")
        found, remarks = modern({str(key): value for key, value in data.items()})
        return OpenedLab(cls(**found), remarks)

    @classmethod
    def open_file(cls, name: str, data: bytes) -> OpenedLab:
        """Read a lab file whose ``name`` ends in .json or .toml; raises ``SpecError``, or the error of the part."""
        return cls.open_data(load_json(data) if name.lower().endswith(".json") else load_toml(data))

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
        """Return the lab as one URL-safe token, about 100 characters for small machines.

        Raises ``SpecError`` where it would be longer than a link may be: then ``to_reference`` and a file.
        """
        return dump_token(self.to_data(), self.turing.machine if self.turing else self.machine, VERSION)

    @property
    def digest(self) -> str:
        """What is built in 32 hexadecimal digits: the first half of the SHA-256 of its JSON."""
        return self.digests[0]

    @property
    def digests(self) -> tuple[str, ...]:
        """The ``digest``, and after it those by which links of earlier versions may name what is built."""
        now = self.build.model_dump(mode="json")
        had_scaled = isinstance(self.build, SequencesBuild)  # in version 1
        earlier = [now | {"scaled": scaled} for scaled in (False, True)] if had_scaled else []
        texts = (json.dumps(data, sort_keys=True, ensure_ascii=False) for data in (now, *earlier))
        return tuple(hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts)

    def to_reference(self) -> str:
        """Return a short token with everything but what is built, of which it carries the ``digest`` alone."""
        return dump_token(self.to_data() | {"build": {"kind": REFERENCE, "digest": self.digest}}, None, VERSION)

    @classmethod
    def from_token(cls, token: str, find: Callable[[str], Build | None] | None = None) -> Lab:
        """Read a share link's token; raises ``SpecError`` for one too long, later, cut off or altered.

        ``find`` is asked for what is built by the digest in a reference; where it knows nothing, ``SpecError`` says so.
        """
        return cls.open_token(token, find).lab

    @classmethod
    def open_token(cls, token: str, find: Callable[[str], Build | None] | None = None) -> OpenedLab:
        """Read a share link's token of any version, with the remarks on it; raises as ``from_token`` does."""
        data = load_token(token, VERSION)
        build = data.get("build") if isinstance(data, dict) else None
        if isinstance(build, dict) and build.get("kind") == REFERENCE:
            digest = build.get("digest")
            found = find(digest) if find and isinstance(digest, str) else None
            if found is None:
                raise SpecError(
                    "This link carries everything of its lab but the data, which are too large for a link and are not "
                    "kept here; open the saved lab file that goes with it."
                )
            data["build"] = found
        return cls.open_data(data)


@dataclass(frozen=True)
class OpenedLab:
    """A lab that was read, and ``remarks``: one sentence for each thing that it asked for and that is gone since."""

    lab: Lab
    remarks: tuple[str, ...] = ()
