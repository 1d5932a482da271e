"""What decompiling returns: relations between named attributes, as heads and as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linattn_core.heads.result import FIT_TOLERANCE, HeadsResult


@dataclass(frozen=True, order=True)
class Relation:
    """One typed relation, attributes by name: ``output`` is read off ``value`` where ``key`` meets the ``query``."""

    output: str
    value: str
    key: str
    query: str


@dataclass(frozen=True, eq=False)
class Program(HeadsResult):
    """One way to read a predictor: its ``relations``, its heads, and one of the ``sentences`` a head."""

    relations: tuple[Relation, ...]
    sentences: tuple[str, ...]

    @property
    def listing(self) -> str:
        """The sentences, numbered, one a line."""
        return "\n".join(f"{i}. {sentence}" for i, sentence in enumerate(self.sentences, start=1))


@dataclass(frozen=True, eq=False)
class TypedHeads(Program):
    """The default program, and ``alternatives``: all programs found with as few triples, the default first.

    They are equivalent: the same answers on every input the data pin down. ``fewest`` is the one of fewest heads.
    """

    alternatives: tuple[Program, ...]

    @property
    def fewest(self) -> Program:
        """The program of fewest heads."""
        return min(self.alternatives, key=lambda p: p.heads)


def reason(heads: int, relations: Sequence[Relation], residual: float) -> str:
    """Say how many heads and where they come from."""
    if not relations:
        return "1 head, and it is zero: every answer is zero."
    triples = ", ".join(f"`{r.output}` from `{r.value}` where `{r.key}` meets query `{r.query}`" for r in relations)
    count = f"{heads} head{'s' if heads > 1 else ''} in {len(relations)} relation{'s' if len(relations) > 1 else ''}"
    text = f"{count}: {triples}; no smaller set of attribute triples was found that gives the same answers"
    if residual > FIT_TOLERANCE:
        text += f", and these miss them by {residual:.1e}"
    return text + "."
