"""Whether the data pin down the answer on EVERY legal input of a task."""

from __future__ import annotations

from dataclasses import dataclass

from linattn_core.certificates.decision import Level


@dataclass(frozen=True)
class FamilyCertificate:
    """Whether the data pin down the answer on EVERY legal input of a task.

    ``holds``: F lies inside range(Lambda). It speaks of the inputs alone: whether the answers there are the right ones
    is another question. ``dimension`` is dim F, ``rank`` the dimension of F inside range(Lambda). ``missing``: in the
    task's words, the legal inputs that are not pinned down; ``undecided``: those for which neither could be shown.
    The null space of Lambda splits into ``structural`` directions (orthogonal to F: no legal input excites them) and
    ``data`` directions (inside F: more data would cure them). ``source`` says how F was obtained, ``level`` and
    ``reason`` how sure the whole is; in floating point ranks are decided at ``tolerance``.
    """

    holds: bool
    dimension: int
    rank: int
    missing: list[str]
    structural: int
    data: int
    source: str
    tolerance: float
    level: Level = "numerical"
    reason: str = ""
    undecided: tuple[str, ...] = ()
