"""The user's own sequences: agnostic learning. No teacher is known, the best linear attention for them is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from linattn_core.attention import Predictor
from linattn_core.certificate import Certificate
from linattn_core.certificates.decision import Decision
from linattn_core.errors import ShapeError
from linattn_core.sequences import Sequences
from linattn_core.tasks.base import Attribute, blocks, check_count, check_noise, random_stream
from linattn_core.traces import Traces

MAX_HELD_OUT = 0.9


@dataclass(frozen=True)
class OwnSequences:
    """Learn from given sequences; ``held_out`` is the share of them that is kept for the end (0: none).

        z_1 z_2 z_3 ... z_T       tokens in R^d, the columns of Z
         |   |   |       |
        y_1 y_2 y_3 ... y_T       the user's targets, or, where there are none, y_t = z_(t+1)

    Empirical risk minimisation over all linear-attention layers (arXiv:2410.10101v4, Theorem 2.2): nothing is promised
    but the optimum, and nothing is known of inputs that were never seen. Whole sequences are held out, drawn by the
    traces' seed, since two prefixes of one sequence are not independent; of a single sequence its last positions are.
    """

    data: Sequences
    held_out: float = 0.2

    def __post_init__(self) -> None:
        if not 0.0 <= self.held_out <= MAX_HELD_OUT:
            raise ShapeError(f"held_out: got {self.held_out}, wanted a share between 0 and {MAX_HELD_OUT}.")

    @property
    def dim(self) -> int:
        """The entries of a token."""
        return self.data.dim

    @property
    def outputs(self) -> int:
        """The entries of a target."""
        return self.data.outputs

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """One block, the token."""
        return blocks(("token", [f"z{i}" for i in range(1, self.dim + 1)]))

    @cached_property
    def output_attributes(self) -> tuple[Attribute, ...]:
        """One block, the target: the user's y or the next z."""
        name, letter = ("next token", "z") if self.data.next_token else ("target", "y")
        return blocks((name, [f"{letter}{i}" for i in range(1, self.outputs + 1)]))

    @property
    def truth(self) -> None:
        """None: nobody says that a linear attention made these sequences."""
        return None

    @property
    def family_dimension(self) -> None:
        """None: which other sequences are legal is not known."""
        return None

    def family(self) -> None:
        """Return None: see ``family_dimension``."""
        return None

    def split(self, count: int, seed: int = 0) -> tuple[Traces, Traces]:
        """Return the examples to learn from, of at most ``count`` sequences, and the held-out ones."""
        check_count(count, "sequences")
        if len(self.data) == 1:
            every = self.data.examples()
            kept = min(round(self.held_out * len(every)), len(every) - 1)
            return every.subset(slice(0, len(every) - kept)), every.subset(slice(len(every) - kept, len(every)))
        order, kept = self._order(seed)
        return self.data.examples(np.sort(order[kept:][:count])), self.data.examples(np.sort(order[:kept]))

    def roles(self, count: int, seed: int = 0) -> tuple[str, ...]:
        """Say for each sequence whether it is "learned", "held out", or "left out" beyond ``count``."""
        if len(self.data) == 1:
            return ("learned, its end held out" if self.held_out else "learned",)
        order, kept = self._order(seed)
        said = {int(k): "held out" if place < kept else "learned" for place, k in enumerate(order[: kept + count])}
        return tuple(said.get(k, "left out") for k in range(len(self.data)))

    def _order(self, seed: int) -> tuple[np.ndarray, int]:
        """Return the order in which sequences are taken, and how many of the first are held out."""
        N = len(self.data)
        kept = min(max(round(self.held_out * N), 1), N - 1) if self.held_out else 0
        return random_stream(seed, 2).permutation(N), kept

    def traces(self, count: int, seed: int = 0, noise: float = 0.0) -> Traces:
        """Return the examples to learn from; noise: standard deviation of what is added to their targets."""
        check_noise(noise, probability=False)
        traces, _ = self.split(count, seed)
        if not noise:
            return traces
        targets = traces.targets + noise * random_stream(seed, 1).normal(size=traces.targets.shape)
        return Traces.build(traces.tokens, traces.start, traces.stop, targets)

    def decode(self, y: np.ndarray) -> str:
        """Return the answer, two decimals an entry."""
        return "(" + ", ".join(f"{entry:.2f}" for entry in y) + ")"


@dataclass(frozen=True, eq=False)
class Fit:
    """How well the best linear attention fits, beside the best constant; errors are means of ||y - answer||^2.

    variance: error of the training targets' mean on the training examples. held_out_variance: error of that same mean
    on the held-out ones. decisions (N',): for each held-out context whether every minimiser of the training error
    gives the same prediction there (``Decision``); ambiguities (N',): how far apart they may be. None and empty where
    nothing is held out.
    """

    examples: int
    training_mse: float
    variance: float
    held_out: int
    held_out_mse: float | None
    held_out_variance: float | None
    ambiguities: np.ndarray
    decisions: np.ndarray

    @property
    def certified(self) -> int:
        """How many held-out contexts the training data pin down."""
        return int((self.decisions == Decision.CERTIFIED).sum())

    @property
    def undecided(self) -> int:
        """Of how many it cannot be said at this precision."""
        return int((self.decisions == Decision.UNDECIDED).sum())

    @property
    def explained(self) -> float:
        """1 - training_mse / variance; 1 where there is nothing to explain."""
        return 1.0 - self.training_mse / self.variance if self.variance > 0 else 1.0

    @property
    def held_out_explained(self) -> float | None:
        """1 - held_out_mse / held_out_variance; below 0: worse than the constant."""
        if self.held_out_mse is None or not self.held_out_variance:
            return None
        return 1.0 - self.held_out_mse / self.held_out_variance


def fit(predictor: Predictor, certificate: Certificate, traces: Traces, held_out: Traces) -> Fit:
    """Score a learned predictor on the examples it was learned from and on held-out ones."""
    mean = traces.targets.mean(axis=0)
    seen = _square(predictor.on(traces) - traces.targets), _square(mean - traces.targets)
    if not len(held_out):
        return Fit(len(traces), *seen, 0, None, None, np.empty(0), np.empty(0, dtype=np.int8))
    unseen = _square(predictor.on(held_out) - held_out.targets), _square(mean - held_out.targets)
    decided = certificate.ambiguities(held_out), certificate.decide(held_out)
    return Fit(len(traces), *seen, len(held_out), *unseen, *decided)


def _square(difference: np.ndarray) -> float:
    return float((difference**2).sum(axis=1).mean())
