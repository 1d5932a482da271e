"""A family certificate by counting: where the traces are legal contexts, equal dimensions settle it (ours)."""

from __future__ import annotations

from linattn_core.certificate import Certificate, FamilyCertificate


def met_by_counting(certificate: Certificate, dimension: int | None, source: str) -> FamilyCertificate | None:
    """Return what ``covers`` would, without projecting a row, where the rank meets the dimension of the family.

    For certificates learned from legal contexts alone: these span a subspace of the family's F, so range(Lambda) lies
    inside F, and as large as F it is F. None where the rank is smaller, or the ``dimension`` is not known exactly.
    """
    if certificate.rank != dimension:
        return None
    structural = certificate.feature_count - dimension
    return FamilyCertificate(True, dimension, dimension, [], structural, 0, source, certificate.tolerance)
