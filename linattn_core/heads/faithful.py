"""Heads that keep their promise: shown only where, as computed, they answer as the predictor does."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from linattn_core.attention import LinearAttention, Predictor
from linattn_core.certificate import Certificate
from linattn_core.errors import LinattnError
from linattn_core.heads.minimal import minimal_heads
from linattn_core.heads.original import original_spaces
from linattn_core.heads.result import HeadsResult
from linattn_core.heads.svd import svd_result
from linattn_core.heads.triples import Attribute
from linattn_core.heads.typed import typed_heads
from linattn_core.numerics import Progress
from linattn_core.tolerances import FIT_ROUNDING
from linattn_core.traces import Traces

HEADS = ("svd", "minimal", "typed")
COMPARED, LEGAL, LEGAL_SEED = 2_000, 32, 24_101_010
"""Examples of the traces, and episodes of fresh legal inputs from a seed that nobody trains with, that are compared."""
LEGAL_DIM = 32


class Described(Protocol):
    """A task that names the coordinates of its tokens and answers."""

    @property
    def attributes(self) -> Sequence[Attribute]:
        """The blocks of the embedding."""

    @property
    def output_attributes(self) -> Sequence[Attribute]:
        """The blocks of the answer."""


@runtime_checkable
class Drawn(Protocol):
    """A task that draws traces."""

    def traces(self, count: int, seed: int = 0) -> Traces:
        """Return the examples of ``count`` episodes."""


def faithful_heads(
    mode: str, predictor: Predictor, certificate: Certificate, task: Described | None, progress: Progress
) -> HeadsResult:
    """Return the heads of ``mode`` with their ``deviation``, in original coordinates where these keep the digits.

    Heads that read T z are taken where V T and T^T Q T would lose digits; where the mode's own heads do not answer as
    the predictor does, singular-value heads are taken instead and ``reason`` says so.
    """
    inputs = _compared(certificate, task)
    if predictor.whitening is not None and predictor.whitening.extreme:
        spared = svd_result(predictor) if mode != "minimal" else minimal_heads(predictor, certificate.spaces)
        return _judged(spared, predictor, inputs)
    if mode == "typed":
        if task is None:
            raise LinattnError("learn: got heads = 'typed' without a task to name the coordinates; pass task=task.")
        spaces = original_spaces(certificate)
        names = task.attributes, task.output_attributes
        found: HeadsResult = typed_heads(predictor.original(), spaces, *names, progress=progress)
    elif mode == "minimal":
        found = minimal_heads(predictor, certificate.spaces, progress=progress)
    else:
        found = svd_result(predictor.original())
    candidates = [found] if found.model.whitening is None else [_original(found), found]
    if mode == "svd" and predictor.whitening is not None:
        candidates.append(svd_result(predictor))
    judged = [_judged(candidate, predictor, inputs) for candidate in candidates]
    if (kept := next((one for one in judged if one.deviation <= FIT_ROUNDING), None)) is not None:
        return kept
    return _instead(mode, judged[-1], predictor, inputs)


def _instead(mode: str, missed: HeadsResult, predictor: Predictor, inputs: Sequence[Traces]) -> HeadsResult:
    """Return singular-value heads for those that missed the answers, and say so; their own miss is said as well."""
    miss = f"{mode} heads would miss the answers by {missed.deviation:.0e} of the largest"
    plain = missed if mode == "svd" else _judged(svd_result(predictor), predictor, inputs)
    if plain.deviation > FIT_ROUNDING or mode == "svd":
        return dataclasses.replace(plain, reason=f"{plain.reason} These miss the answers by {plain.deviation:.0e}.")
    return dataclasses.replace(plain, reason=f"{plain.reason} Taken since {miss}.")


def _original(found: HeadsResult) -> HeadsResult:
    return dataclasses.replace(found, model=found.model.original())


def _compared(certificate: Certificate, task: Described | None) -> list[Traces]:
    """Return some of the traces, and fresh legal inputs that the data pin down: elsewhere heads may differ."""
    found, traces = [], certificate.traces
    if traces is not None:
        found.append(traces.subset(np.unique(np.linspace(0, len(traces) - 1, COMPARED).astype(int))))
    if isinstance(task, Drawn) and certificate.dim <= LEGAL_DIM and traces is not None:
        legal = task.traces(LEGAL, seed=LEGAL_SEED)
        found.append(legal.subset(np.flatnonzero(certificate.certified(legal))))
    return found


def _judged(found: HeadsResult, predictor: Predictor, inputs: Sequence[Traces]) -> HeadsResult:
    """Return the heads with the largest deviation from the predictor's answers, over the largest answer."""
    worst, size = 0.0, 0.0
    for traces in inputs:
        wanted = predictor.on(traces)
        worst = max(worst, float(np.abs(found.model.on(traces) - wanted).max(initial=0.0)))
        size = max(size, float(np.abs(wanted).max(initial=0.0)))
    return dataclasses.replace(found, deviation=worst / size if size else worst)


def as_predictor(model: LinearAttention | Predictor) -> Predictor:
    """Return a model as the linear predictor it is."""
    return model if isinstance(model, Predictor) else model.predictor
