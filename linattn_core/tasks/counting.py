"""Certificates in integers: what the examples pin down, where a count or a membership settles it (ours)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linattn_core.certificate import Certificate, FamilyCertificate
from linattn_core.certificates.decision import Decision, Level
from linattn_core.certificates.exact.family import counted_family, exact_family
from linattn_core.family import Family
from linattn_core.traces import Traces


def met_by_counting(certificate: Certificate, dimension: int | None, source: str) -> FamilyCertificate | None:
    """Return what ``covers`` would, without laying out a row, where the rank meets the dimension of the family.

    For certificates learned from legal contexts alone: these span a subspace of the family's F, so range(Lambda) lies
    inside F, and as large as F it is F. The rank is the one in integers. None where it is smaller, where there are no
    integers, or where the ``dimension`` is not known exactly.
    """
    if certificate.rank != dimension or certificate.exact is None:
        return None
    return counted_family(certificate.exact, dimension, source)


def certified_family(certificate: Certificate, family: Family) -> FamilyCertificate:
    """Certify a family of integer contexts, learned from legal contexts alone: exactly wherever that can be done."""
    exact = certificate.exact
    found = exact_family(exact, family, legal=True) if exact is not None else None
    return found or certificate.covers_family(family)


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
