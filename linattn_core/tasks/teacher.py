"""A random linear-attention teacher: the task that linear attention solves by definition."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from linattn_core.attention import LinearAttention
from linattn_core.errors import ShapeError
from linattn_core.family import Family
from linattn_core.features import feature_count
from linattn_core.tasks.base import (
    Attribute,
    blocks,
    check_count,
    check_noise,
    check_size,
    feature_family,
    random_stream,
)
from linattn_core.traces import Traces

MAX_DIM = 32
MAX_HEADS = 64
MAX_LENGTH = 10_000


@dataclass(frozen=True)
class RandomTeacher:
    """Imitate a random transformer on random sequences (arXiv:2410.10101v4, section 4.1).

        z_1 z_2 z_3 ... z_T          tokens in R^d, entries N(0, 1/T)
         |   |   |       |
        y_1 y_2 y_3 ... y_T          y_t = teacher(z_1 .. z_t): every prefix is an example

    V_h (outputs, d) and Q_h (d, d) have entries N(0, 1/d), drawn from ``seed``; T = ``length``.
    """

    dim: int
    heads: int = 1
    outputs: int = 1
    length: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        check_size(self.dim, "dim", MAX_DIM)
        check_size(self.heads, "heads", MAX_HEADS)
        check_size(self.outputs, "outputs", MAX_DIM)
        check_size(self.length, "length", MAX_LENGTH)
        if self.length < 2:
            raise ShapeError("length: got 1, wanted at least 2 tokens; one token alone excites few features.")
        random_stream(self.seed)

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """One block, the token."""
        return blocks(("token", [f"z{i}" for i in range(1, self.dim + 1)]))

    @property
    def output_attributes(self) -> tuple[Attribute, ...]:
        """One block, the answer."""
        return blocks(("answer", [f"y{i}" for i in range(1, self.outputs + 1)]))

    @cached_property
    def truth(self) -> LinearAttention:
        """The teacher itself."""
        rng = random_stream(self.seed, 1)
        V = rng.normal(size=(self.heads, self.outputs, self.dim)) / np.sqrt(self.dim)
        return LinearAttention(V, rng.normal(size=(self.heads, self.dim, self.dim)) / np.sqrt(self.dim))

    @property
    def family_dimension(self) -> int:
        """All p(d): C - z z^T is any sum of squares once a second token is there."""
        return feature_count(self.dim)

    def family(self) -> Family:
        """Return the family, exactly: every feature."""
        return feature_family(self.attributes, np.arange(self.family_dimension), "exact: every feature is excited")

    def traces(self, count: int, seed: int = 0, noise: float = 0.0) -> Traces:
        """Return ``count`` sequences, every prefix an example: count * length of them.

        noise: standard deviation of what is added to the answers.
        """
        check_count(count, "sequences", 48.0 * self.length * (self.dim + self.outputs + 1))
        check_noise(noise, probability=False)
        T = self.length
        tokens = random_stream(seed).normal(size=(count * T, self.dim)) / np.sqrt(T)
        start, stop = np.repeat(np.arange(count) * T, T), np.arange(count * T) + 1
        contexts = Traces.adopt(tokens, start, stop)
        targets = self.truth.on(contexts)
        if noise:
            targets = targets + noise * random_stream(seed, 1).normal(size=targets.shape)
        return contexts.answered(targets)

    def decode(self, y: np.ndarray) -> str:
        """Return the answer, two decimals an entry."""
        return "(" + ", ".join(f"{entry:.2f}" for entry in y) + ")"
