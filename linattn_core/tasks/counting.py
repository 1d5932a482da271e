"""Certificates in integers: what the examples pin down, where a count or a membership settles it (ours)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from linattn_core.certificate import Certificate, FamilyCertificate
from linattn_core.certificates.decision import Decision, Level
from linattn_core.certificates.exact.family import counted_family, exact_family
from linattn_core.certificates.exact.range import integer_tokens, work
from linattn_core.family import Family
from linattn_core.traces import Traces

COUNTED = 1e11
"""Work of a rank in integers, in multiply-adds, up to which it is found to settle a count: some seconds."""


def met_by_counting(certificate: Certificate, dimension: int | None, source: str) -> FamilyCertificate | None:
    """Return what ``covers`` would, without laying out a row, where the rank meets the dimension of the family.

    For certificates learned from legal contexts alone: these span a subspace of the family's F, so range(Lambda) lies
    inside F, and as large as F it is F. The rank is the one in integers, or, where that would take long, the one in
    floating point with its gap. None where it is smaller or undecided, or the ``dimension`` is not known exactly.
    """
    if certificate.rank != dimension or certificate.level == "undecided" or not source.startswith("exact"):
        return None
    traces = certificate.traces
    if traces is not None and integer_tokens(traces) and work(traces) <= COUNTED and certificate.exact is not None:
        return counted_family(certificate.exact, dimension, source)
    reason = f"the examples are legal inputs and their rank is the dimension of all legal inputs; {certificate.reason}"
    structural = certificate.feature_count - dimension
    return FamilyCertificate(
        True, dimension, dimension, [], structural, 0, source, certificate.tolerance, reason=reason
    )


def certified_family(certificate: Certificate, family: Family) -> FamilyCertificate:
    """Certify a family of integer contexts, learned from legal contexts alone: exactly wherever that can be done."""
    exact = certificate.exact
    found = exact_family(exact, family, legal=True) if exact is not None else None
    return found or certificate.covers_family(family)


def counted_or_listed(
    certificate: Certificate, dimension: int, source: str, family: Callable[[], Family]
) -> FamilyCertificate:
    """Certify as ``certified_family`` does; the ``family`` is made only where the count leaves dimensions open."""
    exact = certificate.exact
    met = counted_family(exact, dimension, source) if exact is not None else None
    return met or certified_family(certificate, family())


@dataclass(frozen=True, eq=False)
class Decided:
    """Which inputs (N,) are pinned down beyond doubt, how sure that is, and why in a sentence."""

    certified: np.ndarray
    level: Level
    reason: str


def decided(certificate: Certificate, contexts: Traces) -> Decided:
    """Decide inputs of a task with integer tokens: by membership in the span of the examples, exactly.

    At the precision of floating point some inputs of Turing machines lie outside the range and seem to lie inside.
    """
    exact = certificate.exact
    if exact is None:
        decisions = certificate.decide(contexts)
        doubtful = bool((decisions == Decision.UNDECIDED).any())
        return Decided(
            decisions == Decision.CERTIFIED, "undecided" if doubtful else certificate.level, certificate.reason
        )
    reason = f"each input lies in the span of the examples or not, decided in integers {exact.words}"
    return Decided(exact.contains(contexts), "theorem", reason)
