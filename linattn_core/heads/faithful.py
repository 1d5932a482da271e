"""Heads that keep their promise: shown only where, as computed, they answer as the predictor does."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from linattn_core.attention import LinearAttention, Predictor
from linattn_core.certificate import Certificate
from linattn_core.errors import LinattnError
from linattn_core.heads.minimal import minimal_heads
from linattn_core.heads.original import original_spaces
from linattn_core.heads.result import HeadsResult
from linattn_core.heads.svd import plain_heads, svd_result
from linattn_core.heads.triples import Attribute
from linattn_core.heads.typed import typed_heads
from linattn_core.numerics import Progress
from linattn_core.tolerances import EPSILON, FIT_ROUNDING
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
    for candidate in _candidates(mode, predictor, certificate, task, progress):
        judged = _judged(candidate, predictor, inputs)
        if judged.deviation <= FIT_ROUNDING:
            return judged
    return _instead(mode, judged, predictor, inputs)


def _candidates(
    mode: str, predictor: Predictor, certificate: Certificate, task: Described | None, progress: Progress
) -> Iterator[HeadsResult]:
    """Yield the heads of a mode, the best to read first; each is asked for only where those before it miss."""
    extreme = predictor.whitening is not None and predictor.whitening.extreme
    if mode == "minimal":
        found = minimal_heads(predictor, certificate.spaces, progress=progress)
        if found.model.whitening is not None and not extreme:
            yield _original(found)
        yield found
    elif mode == "typed" and not extreme:
        if task is None:
            raise LinattnError("learn: got heads = 'typed' without a task to name the coordinates; pass task=task.")
        names = task.attributes, task.output_attributes
        yield typed_heads(predictor.original(), original_spaces(certificate), *names, progress=progress)
    else:
        if not extreme:
            yield svd_result(predictor.original())
        if predictor.whitening is not None:
            yield svd_result(predictor)
        yield svd_result(predictor, EPSILON)  # a small cut keeps what is rounding elsewhere
        yield _plain(predictor)


def _instead(mode: str, missed: HeadsResult, predictor: Predictor, inputs: Sequence[Traces]) -> HeadsResult:
    """Return plain heads for those that missed the answers, and say so; their own miss is said as well."""
    miss = f"{mode} heads would miss the answers by {missed.deviation:.0e} of the largest"
    plain = missed if mode == "svd" else _judged(_plain(predictor), predictor, inputs)
    if plain.deviation > FIT_ROUNDING or mode == "svd":
        return dataclasses.replace(plain, reason=f"{plain.reason} These miss the answers by {plain.deviation:.0e}.")
    return dataclasses.replace(plain, reason=f"{plain.reason} Taken since {miss}.")


def _plain(predictor: Predictor) -> HeadsResult:
    model = plain_heads(predictor)
    return HeadsResult(
        model,
        0.0,
        1,
        f"{model.heads} heads, a coordinate matched and one asking each: singular values lose digits here.",
    )


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
