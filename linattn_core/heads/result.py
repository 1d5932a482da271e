"""What every way of finding heads returns: a model, how well it reproduces the predictor, and why so many heads."""

from __future__ import annotations

from dataclasses import dataclass, field

from linattn_core.attention import LinearAttention

FIT_TOLERANCE = 1e-9
"""Heads count as reproducing a predictor when they differ from it by this fraction of its norm, or less."""


@dataclass(frozen=True, eq=False)
class HeadsResult:
    """Heads that compute a predictor.

    ``residual`` is the distance ||Pi (P_heads - P)||_F / ||Pi P||_F, with Pi the projector onto what has to be
    reproduced: all inputs, or range(Lambda). ``deviation``: the largest difference of an answer of the heads from the
    predictor's on the traces and on legal inputs, over the largest answer, as computed. ``lower_bound``: no model with
    fewer heads reproduces it, up to floating
    point. ``reason`` says how many heads there are and why no fewer, or that only the search failed below.
    """

    model: LinearAttention
    residual: float
    lower_bound: int
    reason: str
    deviation: float = field(default=0.0, kw_only=True)

    @property
    def heads(self) -> int:
        """The number of heads H."""
        return self.model.heads

    @property
    def proven(self) -> bool:
        """Whether the lower bound shows that fewer heads cannot do."""
        return self.heads == self.lower_bound
