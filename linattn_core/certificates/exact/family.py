"""Every legal input at once, exactly: does the span F of the legal features lie inside the range of the examples?"""

from __future__ import annotations

import numpy as np

from linattn_core.certificates.decision import Level
from linattn_core.certificates.exact.range import ExactRange
from linattn_core.certificates.family import FamilyCertificate
from linattn_core.family import Family
from linattn_core.features import feature_count


def exact_family(exact: ExactRange, family: Family, *, legal: bool = False) -> FamilyCertificate | None:
    """Certify a family from its spanning inputs; None where it is given by features alone.

    ``legal``: all examples behind ``exact`` are legal inputs of this family by their making. Then their rank modulo a
    prime, which no rank over the rationals is below, proves by counting alone that they span F. Otherwise an example
    outside F may make up for a direction of F in the count, so that only the spanning inputs themselves decide.
    """
    if family.contexts is None:
        return None
    outside = np.flatnonzero(~exact.contains(family.contexts))
    lost = exact.missing_dimension(family.contexts.subset(outside))
    rank = min(family.dimension - lost, exact.rank)
    missing = list(dict.fromkeys(family.words[i] for i in outside))
    level, reason = _why(exact, family, len(outside), legal and exact.rank == rank == family.dimension)
    return _certificate(exact, family.dimension, rank, missing, family.source, level, reason)


def counted_family(exact: ExactRange, dimension: int | None, source: str) -> FamilyCertificate | None:
    """Return what ``exact_family`` would, from the numbers alone, where the rank meets the dimension of the family.

    Only for examples that are legal inputs by their making: these span a subspace of F, and one as large as F is F.
    None where the rank differs, or the ``dimension`` is not known exactly.
    """
    if exact.rank != dimension or not source.startswith("exact"):
        return None
    level, reason = _level(source), _counted(exact) + _doubt(source)
    return _certificate(exact, dimension, dimension, [], source, level, reason)


def _certificate(
    exact: ExactRange, dimension: int, rank: int, missing: list[str], source: str, level: Level, reason: str
) -> FamilyCertificate:
    structural = feature_count(exact.dim) - dimension
    holds = not missing and rank == dimension
    return FamilyCertificate(
        holds, dimension, rank, missing, structural, dimension - rank, source, 0.0, level=level, reason=reason
    )


def _why(exact: ExactRange, family: Family, outside: int, counted: bool) -> tuple[Level, str]:
    """Return the level and the reason in a sentence."""
    level, doubt = _level(family.source), _doubt(family.source)
    if outside:
        count = f"{outside:,} of {len(family.words):,} inputs that span the legal ones"
        return level, f"{count} lie outside the span of the examples, decided in integers {exact.words}{doubt}"
    if exact.rank < family.dimension:
        return "undecided", (
            f"the spanning inputs lie in a span of {exact.rank:,} dimensions where {family.dimension:,} were counted"
        )
    if counted and level == "theorem":
        return level, _counted(exact)
    return level, (
        f"all {len(family.words):,} inputs that span the legal ones lie in the span of the examples, decided in "
        f"integers {exact.words}{doubt}"
    )


def _counted(exact: ExactRange) -> str:
    return (
        f"the examples are legal inputs and their rank {exact.words}, {exact.rank:,}, is the dimension of all legal "
        "inputs"
    )


def _level(source: str) -> Level:
    """Return what can be said of a family known from ``source``: a theorem only where its dimension is one."""
    return "theorem" if source.startswith("exact") and "Karr's analysis modulo" not in source else "numerical"


def _doubt(source: str) -> str:
    if not source.startswith("exact"):
        return "; these are a sample of the legal inputs"
    return "; the dimension of the legal inputs is known modulo one prime only" if _level(source) != "theorem" else ""
