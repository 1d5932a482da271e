"""Every Turing machine at once: rules and tape stand in the prompt, one attention layer executes them (ours)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from linattn_core.attention import LinearAttention, Predictor
from linattn_core.certificates.decision import Level
from linattn_core.errors import MachineError, TooLargeError
from linattn_core.family import Family
from linattn_core.machines.turing import Configuration, Simulation, TuringMachine, simulate
from linattn_core.numerics import Progress, no_progress, readable_bytes
from linattn_core.tasks.base import Attribute, check_noise
from linattn_core.tasks.counting import decided
from linattn_core.tasks.turing_certificate import known_dimension, turing_family
from linattn_core.tasks.turing_designs import DESIGNS
from linattn_core.tasks.turing_layout import Design
from linattn_core.tasks.turing_run import HALT_BELOW, Trial, execute, try_runs
from linattn_core.tasks.turing_sample import Sample, sample_family
from linattn_core.tasks.turing_traces import (
    Episodes,
    check_run_steps,
    draw_episodes,
    make_traces,
    one_episode,
)
from linattn_core.traces import Traces

if TYPE_CHECKING:
    from linattn_core.learn import Run

MAX_HEAD_BYTES = 512 * 2**20


@dataclass(frozen=True)
class UniversalTuringMachine:
    """Run any Turing machine with Q ``states``, S ``letters`` on n ``cells`` in a circle, step by step.

        prompt                          appended, one token an answer (slim: four a step)
        rule rule .. | cell cell .. | start T1 | T2 T2b T3 T1 | T2 T2b T3 T1 | ..     zero answer: halt

    d = m depends on the design, not on the length of the run: tokens that share a key add up, and every write adds the
    difference to what stood there. ``design``: "slim" (4 tokens a step, d = 2n + 2S + QS + Q + 2, S + 4 heads), "wide"
    (3 tokens, d = n + S + Qn + QS + 2Q, 3Q + 1 heads) or "duo" (2 tokens, d = n + S + Qn + QnS + QS + 2Q, Qn + n
    heads).

    "Any machine" means Q states, S letters and n cells exactly; smaller machines are padded (``context`` does it).
    Contexts that are no run of a machine carry no guarantee.
    """

    states: int = 2
    letters: int = 2
    cells: int = 4
    design: str = "slim"

    def __post_init__(self) -> None:
        if self.design not in DESIGNS:
            raise MachineError(f"design: got {self.design!r}, wanted one of {', '.join(map(repr, DESIGNS))}.")
        for what, value, low, high in (
            ("states", self.states, 1, 16),
            ("letters", self.letters, 1, 8),
            ("cells", self.cells, 2, 64),
        ):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
                raise MachineError(f"{what}: got {value!r}, wanted a whole number from {low} to {high}.")
        needed = 16 * self.layout.head_count * self.layout.dim**2
        if needed > MAX_HEAD_BYTES:
            raise TooLargeError(
                f"{self.design} at ({self.states}, {self.letters}, {self.cells}): got d = {self.dim} with "
                f"{self.layout.head_count} heads, {readable_bytes(needed)}, wanted at most "
                f"{readable_bytes(MAX_HEAD_BYTES)}; take fewer cells or the slim design."
            )

    @cached_property
    def layout(self) -> Design:
        """The design at these sizes: tokens, attributes, heads."""
        return DESIGNS[self.design](int(self.states), int(self.letters), int(self.cells))

    @property
    def dim(self) -> int:
        """The embedding dimension d."""
        return self.layout.dim

    @property
    def outputs(self) -> int:
        """The answer is the next token: m = d."""
        return self.layout.dim

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """The named blocks of a token, explained in ``layout.blocks``."""
        return self.layout.attributes

    @property
    def output_attributes(self) -> tuple[Attribute, ...]:
        """The same blocks."""
        return self.layout.attributes

    @cached_property
    def truth(self) -> LinearAttention:
        """The compiled heads, all entries in {-1, 0, 1}."""
        return LinearAttention(*self.layout.matrices())

    @property
    def head_names(self) -> tuple[str, ...]:
        """What each head of ``truth`` does."""
        return tuple(name for name, _, _ in self.layout.head_list())

    @property
    def tokens_per_step(self) -> int:
        """Answers the model gives for one step of the machine."""
        return len(self.layout.stages)

    @property
    def prompt_length(self) -> int:
        """Tokens of a prompt: QS rules, n cells, the start."""
        return self.layout.prompt_length

    @property
    def machine_count(self) -> int:
        """How many machines there are: each of QS rules has Q states, S letters and left, right or halt."""
        return (3 * self.states * self.letters) ** (self.states * self.letters)

    @property
    def family_dimension(self) -> int | None:
        """The dimension of the legal space: exact where shipped or quickly computed, None elsewhere."""
        return known_dimension(self.layout)

    def family(self) -> Family:
        """Return legal contexts that span the legal space; where its dimension is not known, a labelled sample."""
        return turing_family(self.layout)

    def sample(self, progress: Progress = no_progress) -> Sample:
        """Return the span of the contexts of many random machines: a lower bound on the legal space, at any size."""
        return sample_family(self.layout, progress=progress)

    def context(self, machine: TuringMachine, tape: Sequence[int] = (), *, head: int = 0) -> np.ndarray:
        """Return the prompt Z (d, L) of a machine on a tape of symbol indices, blanks to its right.

        Smaller machines are padded with states and letters that stop. Raises ``MachineError`` for a machine or tape
        that is too large.
        """
        episode = one_episode(self.layout, machine, tuple(tape), head)
        return self.layout.prompt(episode.table, episode.tape, episode.state, episode.head)[0].T

    def traces(
        self,
        count: int,
        seed: int = 0,
        noise: float = 0.0,
        *,
        steps: int = 10,
        halting: float = 0.3,
        blank: bool = False,
        origin: bool = False,
    ) -> Traces:
        """Return every autoregressive step of ``count`` random machines' runs as an example.

        A run has at most ``steps`` steps on a random tape from a random state and cell; a rule halts with probability
        ``halting``. ``blank`` restricts to blank tapes, ``origin`` to starts in state 0 at cell 0: what is never seen
        is not learned. ``noise`` is the standard deviation added to the answers. The first k machines do not depend on
        ``count``.
        """
        check_noise(noise, probability=False)
        episodes = draw_episodes(self.layout, count, seed, halting, blank=blank, origin=origin)
        return make_traces(self.layout, episodes, steps, noise, seed)

    def episodes(self, count: int, seed: int = 0, *, halting: float = 0.3) -> Episodes:
        """Return the machines and inputs behind ``traces`` with the same seed."""
        return draw_episodes(self.layout, count, seed, halting)

    def contexts(self, episodes: Episodes, steps: int = 10) -> Traces:
        """Return the contexts of given machines' runs, with the true answers."""
        return make_traces(self.layout, episodes, steps, 0.0, 0)

    def trial(
        self, model: LinearAttention | Predictor, episodes: Episodes, steps: int = 60, *, rounding: bool = True
    ) -> Trial:
        """Let the model execute many machines and compare every token with the plain simulator's run."""
        return try_runs(model, self.layout, episodes, steps, rounding=rounding)

    def held_out(
        self, learned: Run, count: int = 200, seed: int = 1_000_003, *, steps: int = 60, halting: float = 0.3
    ) -> HeldOut:
        """Try a learned model on ``count`` fresh machines, for at most ``steps`` steps, with rounding."""
        episodes = self.episodes(count, seed, halting=halting)
        trial = self.trial(learned.predictor, episodes, steps)
        contexts = self.contexts(episodes, steps)
        found = decided(learned.certificate, contexts)
        wrong = np.abs(learned.predictor.on(contexts) - contexts.targets).max(axis=1) > HALT_BELOW
        return HeldOut(
            count,
            int(trial.exact.sum()),
            len(contexts),
            int(found.certified.sum()),
            int((found.certified & wrong).sum()),
            found.level,
            found.reason,
        )

    def run(
        self,
        model: LinearAttention | Predictor,
        machine: TuringMachine,
        tape: Sequence[int] = (),
        steps: int = 100,
        *,
        head: int = 0,
        rounding: bool = True,
    ) -> TuringRun:
        """Execute a machine by attention alone, for at most ``steps`` steps, beside the plain simulator.

        ``rounding`` sets each answer to the nearest integers before it becomes a token. Raises ``MachineError`` for
        what does not fit.
        """
        check_run_steps(steps)
        Z = self.context(machine, tape, head=head)
        ran = execute(model, Z.T[None], steps * self.tokens_per_step, rounding=rounding)
        count = int(np.count_nonzero(ran.tokens[0].any(axis=1)))
        explicit = machine.padded(self.states, self.letters).explicit()
        wanted = simulate(explicit, tuple(tape), self.cells, steps, head=head)
        tokens = np.concatenate([Z.T, ran.tokens[0, :count]])
        halted = count < steps * self.tokens_per_step
        return TuringRun(self, tokens, self.read(tokens, halted), halted, float(ran.rounding_error[0]), wanted)

    def read(self, tokens: np.ndarray, halted: bool = False) -> tuple[Configuration, ...]:
        """Read the configurations off the tokens (T, d) of a run: one after the prompt, one after every step.

        The tape is what the tokens with a P add up to in A, letter by letter the largest sum.
        """
        layout, k = self.layout, self.tokens_per_step
        P, A = layout.span("P"), layout.span("A")
        C = tokens[: self.prompt_length].T @ tokens[: self.prompt_length]
        query, found = tokens[self.prompt_length - 1], []
        ends = [self.prompt_length, *range(self.prompt_length + k, len(tokens) + k, k)]
        for begin, end in zip([self.prompt_length, *ends[:-1]], ends, strict=True):
            new = tokens[begin:end]
            C = C + new.T @ new
            stops = halted and end == ends[-1] and len(ends) > 1
            if len(new) == k and not stops:
                query = new[-1]
            state, cell = layout.locate(C, query)
            known = None if stops and not layout.keeps_state_at_halt else state
            found.append(Configuration(known, cell, tuple(np.argmax(C[P, A], axis=1).tolist()), stops))
        return tuple(found)

    def decode(self, y: np.ndarray) -> str:
        """Read one answer y (d,) as the labels of its attributes, such as "P: + cell 1 - cell 0; Y: + cell 1"."""
        said = []
        for attribute in self.attributes:
            values = np.rint(np.asarray(y)[attribute.slice]).astype(int)
            labels = zip(attribute.labels, values.tolist(), strict=True)
            parts = [f"{'+' if v > 0 else '-'} {'' if abs(v) == 1 else abs(v)}{label}" for label, v in labels if v]
            if parts:
                said.append(f"{attribute.name}: {' '.join(parts)}")
        return "; ".join(said) if said else "halt"

    def stage(self, position: int) -> str:
        """Say what the token at a position of a run is: part of the prompt, or the query of a stage."""
        first = self.prompt_length - 1
        if position < first:
            rules = self.states * self.letters
            return "rule" if position < rules else "cell" if position < rules + self.cells else "start"
        return self.layout.stages[(position - first) % self.tokens_per_step]


@dataclass(frozen=True)
class HeldOut:
    """Machines never trained on: how many of ``runs`` were executed exactly, and what the certificate said beforehand.

    ``certified`` of the ``contexts`` of the true runs lie in the span of the examples; ``certified_wrong`` of these got
    a wrong next token all the same, which must be 0. ``level`` and ``reason`` say how sure the former is.
    """

    runs: int
    exact: int
    contexts: int
    certified: int
    certified_wrong: int
    level: Level = "undecided"
    reason: str = ""


@dataclass(frozen=True, eq=False)
class TuringRun:
    """One machine executed by a model, beside the plain simulator.

    ``tokens`` (T, d), prompt first; ``configurations`` read off them after every step; ``halted``: the model answered
    zero; ``rounding_error``: the largest |y - round(y)|; ``expected``: the simulator's run, in which "stop here" is a
    step that changes nothing, as it is for the layer; its ``wrapped`` says whether the circle was too small for the run
    to be that on an infinite tape.
    """

    task: UniversalTuringMachine
    tokens: np.ndarray
    configurations: tuple[Configuration, ...]
    halted: bool
    rounding_error: float
    expected: Simulation

    @property
    def agrees(self) -> bool:
        """Whether every configuration is the simulator's; a state not kept at a halt is not compared."""
        pairs = zip(self.configurations, self.expected.configurations, strict=False)
        return len(self.configurations) == len(self.expected.configurations) and all(
            (a.head, a.tape, a.halted) == (b.head, b.tape, b.halted) and a.state in (None, b.state) for a, b in pairs
        )
