"""From a prime to the rationals: the legal space found modulo a prime, lifted and checked in exact arithmetic (ours).

Everything found modulo p = 2^31 - 1 has entries that are small fractions. Read as such they are candidates, and these
checks, in integers, turn them into a proof that the legal space over the rationals has the dimension found modulo p:

    start   every prompt lies in the lifted A_z;
    step    the lifted directions K that keep the answer lie in A_z and keep it; there are as many as there can be,
    since
            a rank over the rationals is at least the rank modulo p; the lifted point with answer z' lies in A_z and has
            it; both, moved by z' z'^T, lie in A_z'. An answer that is impossible modulo p is impossible: ranks again;
    span    every generator of A_z (x) z lies in the lifted span of its block.

Start and step make the A_z an inductive invariant of all legal contexts; span bounds the dimension from above. From
below it is bounded by any legal features whose rank modulo p reaches it.
"""

from __future__ import annotations

import numpy as np

from linattn_core import modular
from linattn_core.modular import Echelon
from linattn_core.turing_family import AffineSpace, Analysis, Generators, LegalBlock, TokenMachine, token_blocks

EXACT = 2.0**53
"""Sums of integers below this are exact in float64."""

ROWS = 32
"""Directions multiplied out at a time."""


class NotProved(Exception):  # noqa: N818 - an outcome, caught by ``prove``
    """Some step has no small fractions, or fails over the rationals."""


class _Lift:
    """A subspace over the rationals: integer rows with a pivot entry each, zero at the others' pivots."""

    def __init__(self, space: Echelon) -> None:
        found = modular.rational(space.basis)
        _demand(found is not None, "a basis has no small fractions")
        assert found is not None
        self.rows, self.scale = found
        self.pivots = space.pivots
        self.common = int(np.lcm.reduce(self.scale)) if len(self.scale) else 1

    def demand(self, rows: np.ndarray, what: str) -> None:
        """Check that integer rows (k, n) lie in the subspace: common row = sum row[pivot] (common / scale) basis."""
        left = self.common * rows.astype(np.float64)
        weights = rows[:, self.pivots].astype(np.float64) * (self.common // self.scale)
        right = exact_product(weights, self.rows)
        _demand(float(np.abs(left).max(initial=0.0)) < EXACT and bool((left == right).all()), what)


def exact_product(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return A @ B for integers held in any type, through float64 where that is certain to be exact."""
    A, B = np.asarray(A, dtype=np.float64), np.asarray(B, dtype=np.float64)
    bound = np.abs(A).sum(axis=1).max(initial=0.0) * np.abs(B).max(initial=0.0)
    _demand(float(bound) < EXACT, "numbers grow beyond exact floating point")
    return A @ B


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise NotProved(what)


def prove(machine: TokenMachine, spaces: dict[int, AffineSpace], blocks: list[LegalBlock]) -> str:
    """Return "" if ``blocks`` bound the dimensions over the rationals from above, else what could not be shown."""
    try:
        proof = _Proof(machine, spaces)
        proof.start()
        for z in spaces:
            proof.step(z)
        for tokens, block in zip(token_blocks(machine, spaces), blocks, strict=True):
            proof.span(tokens, block)
    except NotProved as reason:
        return str(reason)
    return ""


class _Proof:
    def __init__(self, machine: TokenMachine, spaces: dict[int, AffineSpace]) -> None:
        self.machine, self.spaces = machine, spaces
        self.analysis = Analysis(machine)
        self.analysis.spaces = spaces
        self._lifts: dict[int, tuple[Echelon, _Lift]] = {}
        self._included: set[tuple[int, int]] = set()

    def lift(self, space: Echelon) -> _Lift:
        """Return the lifted directions, once for each."""
        if id(space) not in self._lifts:
            self._lifts[id(space)] = space, _Lift(space)
        return self._lifts[id(space)][1]

    def point(self, point: np.ndarray, directions: Echelon) -> tuple[np.ndarray, int]:
        """Return the point nearest to zero at the pivots, as integers over one denominator."""
        found = modular.rational(directions.remainder(point[None]))
        _demand(found is not None, "a point has no small fractions")
        assert found is not None
        return found[0][0], int(found[1][0])

    def in_space(self, z: int, numerators: np.ndarray, denominator: int) -> None:
        """Check that the point numerators / denominator lies in the lifted A_z."""
        space = self.spaces[z]
        base, under = self.point(space.point, space.directions)
        self.lift(space.directions).demand((numerators * under - base * denominator)[None], f"a point leaves A_{z}")

    def start(self) -> None:
        """Check the prompts."""
        for z, (point, differences) in self.machine.prompts.items():
            self.in_space(z, point, 1)
            self.lift(self.spaces[z].directions).demand(differences, f"a prompt leaves A_{z}")

    def step(self, z: int) -> None:
        """Check all edges from z."""
        space = self.spaces[z]
        images = self.analysis.successors(z)
        if not images:
            return
        M = self.machine.answer_map(z)
        directions = images[0][2]
        kept = self.lift(directions)
        _, rows = self.analysis.answer_rows(z)
        solver, _ = self.analysis.cut(space.directions, rows)
        _demand(len(kept.rows) == len(solver.null), "directions that keep the answer are missing")
        self.include(directions, space.directions)
        _demand(not exact_product(kept.rows, M.T).any(), "a direction changes the answer")
        for after, point, _ in images:
            square = self.machine.square(after)
            before = modular.reduce(point + modular.residues(-square))
            numerators, denominator = self.point(before, directions)
            self.in_space(z, numerators, denominator)
            answer = exact_product(numerators[None], M.T)[0]
            _demand(bool((answer == denominator * self.machine.tokens[after]).all()), "a point has another answer")
            self.in_space(after, numerators + denominator * square, denominator)
            self.include(directions, self.spaces[after].directions)

    def include(self, inner: Echelon, outer: Echelon) -> None:
        """Check that lifted directions lie in others, once a pair."""
        if inner is not outer and (id(inner), id(outer)) not in self._included:
            self.lift(outer).demand(self.lift(inner).rows, "directions leave a space")
            self._included.add((id(inner), id(outer)))

    def span(self, tokens: list[int], block: LegalBlock) -> None:
        """Check that the lifted span of a block holds all A_z (x) z."""
        generators = Generators.of(self.machine, {z: self.spaces[z] for z in tokens})
        lift = _Lift(block.space)
        for c, x in generators.factors:
            lifted = modular.rational(c), modular.rational(x)
            _demand(None not in lifted, "a generator has no small fractions")
            left, right = (pair[0] for pair in lifted if pair is not None)
            for i in range(0, len(left), ROWS):
                rows = np.einsum("as,bl->absl", left[i : i + ROWS], right).reshape(-1, *generators.active.shape)
                lift.demand(rows[:, generators.active], "a generator leaves the span")
