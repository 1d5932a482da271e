"""Linear regression in the context: a task that linear attention approximates but cannot compute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linattn_core.attention import LinearAttention
from linattn_core.family import Family
from linattn_core.features import svec_indices
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

MAX_DIM = 31
MAX_EXAMPLES = 10_000


@dataclass(frozen=True, init=False)
class InContextRegression:
    """Predict w.x from examples of the same unknown w (a new w in every context).

        x    | x_1    x_2   ...  x_n   | x |       y = w.x
        w.x  | w.x_1  w.x_2 ...  w.x_n | 0 |       x_i, x, w ~ N(0, I)

    Embedding dim + 1, m = 1, n = ``examples`` (default 2 dim). One head of linear attention is one step of gradient
    descent on the examples (von Oswald et al., arXiv:2212.07677); there is no exact truth, learning is agnostic here
    and finds the best preconditioned step.
    """

    inputs: int
    examples: int

    def __init__(self, dim: int, examples: int | None = None) -> None:
        """Make the task for inputs x of ``dim`` entries and ``examples`` examples a context."""
        check_size(dim, "dim", MAX_DIM)
        shown = 2 * dim if examples is None else examples
        check_size(shown, "examples", MAX_EXAMPLES)
        object.__setattr__(self, "inputs", dim)
        object.__setattr__(self, "examples", shown)

    @property
    def dim(self) -> int:
        """Inputs + 1."""
        return self.inputs + 1

    @property
    def outputs(self) -> int:
        """1."""
        return 1

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """Input, answer."""
        return blocks(("input", [f"x{i}" for i in range(1, self.dim)]), ("answer", ("w.x",)))

    @property
    def output_attributes(self) -> tuple[Attribute, ...]:
        """Prediction."""
        return blocks(("prediction", ("w.x",)))

    @property
    def truth(self) -> None:
        """None: no linear attention computes a regression exactly."""
        return None

    def gradient_step(self, rate: float) -> LinearAttention:
        """Return the one head that takes one gradient step from w = 0 at this rate on the mean squared error / 2.

        The step is w = rate/n sum_i (w.x_i) x_i, so the prediction is rate/n sum_i (w.x_i) <x_i, x>.
        """
        V, Q = np.zeros((1, 1, self.dim)), np.zeros((1, self.dim, self.dim))
        V[0, 0, -1] = rate / self.examples
        Q[0, : self.inputs, : self.inputs] = np.eye(self.inputs)
        return LinearAttention(V, Q)

    @property
    def family_dimension(self) -> int:
        """Dim x (dim+1)(dim+2)/2: every feature but those of the query's empty answer."""
        return self.inputs * self.dim * (self.dim + 1) // 2

    def family(self) -> Family:
        """Return the family, exactly: every feature whose query coordinate is an input."""
        count = len(svec_indices(self.dim)[0])
        active = (np.arange(count)[:, None] * self.dim + np.arange(self.inputs)).ravel()
        return feature_family(self.attributes, active, "exact: every feature with an input as query is excited")

    def traces(self, count: int, seed: int = 0, noise: float = 0.0) -> Traces:
        """Return ``count`` contexts; noise: standard deviation of what is added to the answers, not to the context."""
        check_count(count, "contexts", 24.0 * (self.examples + 1) * self.dim)
        check_noise(noise, probability=False)
        rng = random_stream(seed)
        n = self.examples
        tokens = np.empty((count, n + 1, self.dim))
        tokens[:, :, :-1] = rng.normal(size=(count, n + 1, self.inputs))
        weights = rng.normal(size=(count, self.inputs))
        tokens[:, :, -1] = np.einsum("nti,ni->nt", tokens[:, :, :-1], weights)
        targets = tokens[:, -1:, -1].copy()
        tokens[:, -1, -1] = 0.0
        if noise:
            targets += noise * random_stream(seed, 1).normal(size=targets.shape)
        start = np.arange(count) * (n + 1)
        return Traces.adopt(tokens.reshape(-1, self.dim), start, start + n + 1, targets)

    def decode(self, y: np.ndarray) -> str:
        """Return the prediction, two decimals."""
        return f"{float(y[0]):.2f}"
