"""Which attribute triples a predictor needs: the fewest whose features alone give all its answers (ours).

A triple ({A, B}, C) stands for all features C_jk z_l with j, k in the attributes A, B (either way round) and l in C. A
set of triples suffices for an output attribute iff the optimal answers on the distinct training inputs lie in the span
of its features, block by block, since blocks share no features. Blocks that need one triple each are settled exactly;
where a block needs more, pairs are tried exhaustively, then forward selection with backward elimination takes over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np

from linattn_core.errors import ShapeError
from linattn_core.features import svec_indices
from linattn_core.heads.result import FIT_TOLERANCE
from linattn_core.heads.sparsest import System

PAIRS = 32
"""Blocks touched by at most so many triples have all their pairs tried."""
SELECTED = 8
"""Triples a block may need; with more, all of its triples are taken."""
KEPT = 512
"""Sets of triples kept while joining blocks; alternatives beyond that are dropped."""


class Attribute(Protocol):
    """A named block of coordinates: ``linattn_core.tasks.Attribute``."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def start(self) -> int:
        """Its first coordinate."""

    @property
    def labels(self) -> tuple[str, ...]:
        """One label a coordinate."""

    @property
    def size(self) -> int:
        """The number of coordinates."""

    @property
    def slice(self) -> slice:
        """The coordinates."""


@dataclass(frozen=True, order=True)
class Triple:
    """Attributes by index: the unordered pair ``first`` <= ``second`` inside the context, and the ``query``."""

    first: int
    second: int
    query: int


Choice = frozenset[Triple]


def check_attributes(attributes: Sequence[Attribute], width: int, what: str) -> None:
    """Raise ``ShapeError`` unless the attributes lie side by side and fill 0 .. width - 1."""
    start = 0
    for attribute in attributes:
        if attribute.start != start or attribute.size < 1:
            raise ShapeError(
                f"{what}: got attribute {attribute.name!r} at {attribute.start} with {attribute.size} labels, wanted "
                f"it to start at {start} with at least one; list the attributes in order without gaps."
            )
        start += attribute.size
    if start != width:
        raise ShapeError(f"{what}: got attributes for {start} coordinates, wanted {width}; name every coordinate.")


def owners(attributes: Sequence[Attribute]) -> np.ndarray:
    """Return the index of the attribute of every coordinate, (d,)."""
    return np.repeat(np.arange(len(attributes)), [a.size for a in attributes])


def triple_code(triple: Triple, attributes: int) -> int:
    """Return the number of a triple among those of ``attributes`` attributes."""
    return (triple.first * attributes + triple.second) * attributes + triple.query


def triple_labels(owner: np.ndarray, columns: np.ndarray, attributes: int) -> np.ndarray:
    """Return the number of the triple of every feature in ``columns``; ``owner`` (d,) as from ``owners``."""
    pair, last = np.divmod(columns, len(owner))
    j, k = (owner[index[pair]] for index in svec_indices(len(owner)))
    return np.asarray((np.minimum(j, k) * attributes + np.maximum(j, k)) * attributes + owner[last])


def smallest_choices(
    blocks: Sequence[System], labels: Sequence[np.ndarray], outputs: Sequence[slice], attributes: int
) -> list[list[Choice]]:
    """Return, for each of the ``outputs``, all smallest sets of triples found that give all its answers.

    ``labels`` (k,) number the triple of every feature of a block. An output without answers needs no triple.
    """
    floor = FIT_TOLERANCE**2 * sum(float(np.sum(b.answers**2)) for b in blocks)
    families: list[dict[tuple[Choice, ...], None]] = [{} for _ in outputs]  # ordered sets
    for block, names in zip(blocks, labels, strict=True):
        demand: _Demand | None = None
        for family, output in zip(families, outputs, strict=True):
            if np.sum(block.answers[:, output] ** 2) > floor:
                demand = demand or _Demand(block, _masks(names, attributes), floor)
                family[demand.options(output)] = None
    return [_joined(list(family)) for family in families]


def _joined(families: Sequence[tuple[Choice, ...]]) -> list[Choice]:
    """Return the smallest unions of one set from every family, in the order of the triples."""
    unions: list[Choice] = [frozenset()]
    for options in families:
        joined = {union | option for union in unions for option in options}
        unions = sorted(joined, key=lambda choice: (len(choice), sorted(choice)))[:KEPT]
    return [union for union in unions if len(union) == len(unions[0])]


class _Demand:
    """What one block demands of the triples that occur in it."""

    def __init__(self, block: System, masks: dict[Triple, np.ndarray], floor: float) -> None:
        self.block, self.masks, self.floor = block, masks, floor
        self.triples = sorted(masks)
        self.bases = {t: block.basis(mask) for t, mask in masks.items()}

    def options(self, output: slice) -> tuple[Choice, ...]:
        """Return the sets of triples that settle the block: singles, else pairs, else one found by selection."""
        answers = self.block.answers[:, output]
        singles = tuple(frozenset([t]) for t in self.triples if self._left(answers, self.bases[t]) <= self.floor)
        if singles:
            return singles
        if len(self.triples) <= PAIRS:
            pairs = tuple(map(frozenset, combinations(self.triples, 2)))
            found = tuple(pair for pair in pairs if self._missing(answers, pair) <= self.floor)
            if found:
                return found
        return (self._selected(answers),)

    def _selected(self, answers: np.ndarray) -> Choice:
        """Add the triple that explains most of what is left, refit; at the end drop those that are not needed."""
        chosen: Choice = frozenset()
        left = answers
        while float(np.sum(left**2)) > self.floor:
            if len(chosen) >= SELECTED:
                return frozenset(self.triples)  # noise needs everything: no reading is better than another
            helps = {t: float(np.sum((self.bases[t].T @ left) ** 2)) for t in self.triples if t not in chosen}
            chosen |= {max(helps, key=lambda t: helps[t])}
            basis = self._basis(chosen)
            left = answers - basis @ (basis.T @ answers)
        for t in sorted(chosen):
            if self._missing(answers, chosen - {t}) <= self.floor:
                chosen -= {t}
        return chosen

    def _basis(self, choice: Choice) -> np.ndarray:
        return self.block.basis(np.any([self.masks[t] for t in choice], axis=0))

    def _missing(self, answers: np.ndarray, choice: Choice) -> float:
        return self._left(answers, self._basis(choice))

    @staticmethod
    def _left(answers: np.ndarray, basis: np.ndarray) -> float:
        return float(np.sum((answers - basis @ (basis.T @ answers)) ** 2))


def _masks(labels: np.ndarray, attributes: int) -> dict[Triple, np.ndarray]:
    """Return which features belong to each triple that occurs."""
    masks = {}
    for code in np.unique(labels):
        pair, query = divmod(int(code), attributes)
        masks[Triple(*divmod(pair, attributes), query)] = labels == code
    return masks
