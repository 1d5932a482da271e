"""The space of features that legal contexts of a token machine excite, by Karr's analysis of affine relations (ours).

A token machine appends its answer to its context. With c the upper triangle of C = Z Z^T, a context ending in token z
has features c (x) z. For each last token z let A_z be an affine space that holds the c of every legal context ending in
z:

    start     c of every prompt ending in z lies in A_z;
    step      if c is in A_z and the answer M_z c is z', then c + z' z'^T is in A_z'.

The smallest such family of affine spaces is the fixpoint of joining (Karr, "Affine relationships among variables of a
program", Acta Informatica 6, 1976): it bounds every machine, tape and number of steps from above. The legal space is
the span of all A_z (x) z. Training features are legal, so their rank bounds it from below: where the two meet, the
training features span the features of EVERY legal context and each minimiser of the training loss gives the true next
token on all of them, hence runs every machine for any number of steps (in exact arithmetic).

Arithmetic is modulo a prime (``linattn_core.modular``); ``prove`` repeats the conclusion over the rationals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from linattn_core import modular
from linattn_core.modular import PRIME, Echelon, LeftSolver, product, reduce, residues

Progress = Callable[[float, str], None]
PROBES = 8
"""Random vectors that test membership in a subspace: an error has probability (2^31)^-8."""
ADDED = 256
"""Generators added to a span between two tests."""


@dataclass(frozen=True, eq=False)
class TokenMachine:
    """The tokens that can end a context and what may follow which, for one set of integer heads.

    tokens    (K, d)  every token that can be last (not the zero token: halting asks for no successor)
    edges     (E, 2)  pairs (z, z'): z' may be the answer after z
    prompts   for the tokens that end a prompt: (one c (s,), differences (r, s)) whose affine hull holds their c
    V, Q      (H, d, d), (H, d, d) integer heads that compute the answer
    """

    tokens: np.ndarray
    edges: np.ndarray
    prompts: dict[int, tuple[np.ndarray, np.ndarray]]
    V: np.ndarray
    Q: np.ndarray

    def answer_map(self, index: int) -> np.ndarray:
        """Return M_z (m, s) with the answer after ``tokens[index]`` equal to M_z c."""
        d = self.tokens.shape[1]
        j, k = np.triu_indices(d)
        scores = self.Q @ self.tokens[index]
        M = np.tensordot(self.V, scores, axes=(0, 0))
        upper = M[:, j, k] + M[:, k, j]
        return np.where(j == k, upper // 2, upper)

    def square(self, index: int) -> np.ndarray:
        """Return the upper triangle (s,) of z z^T."""
        z = self.tokens[index]
        return np.outer(z, z)[np.triu_indices(len(z))]


@dataclass(frozen=True, eq=False)
class AffineSpace:
    """A point (s,) and the directions, modulo the prime."""

    point: np.ndarray
    directions: Echelon

    @property
    def dimension(self) -> int:
        """The dimension of the linear span: directions, and the point where it is not one of them."""
        return self.directions.rank + bool(self.directions.remainder(self.point[None]).any())


def legal_spaces(machine: TokenMachine, progress: Progress | None = None) -> dict[int, AffineSpace]:
    """Return A_z for every token index that some legal context can end in, modulo the prime."""
    analysis = Analysis(machine)
    waiting, sweep = set(analysis.spaces), 0
    while waiting:
        sweep, now, waiting = sweep + 1, sorted(waiting), set()
        for done, z in enumerate(now):
            if progress:
                progress(done / len(now), f"sweep {sweep}: token {done} of {len(now)}")
            waiting |= analysis.propagate(z)
    return analysis.spaces


class Analysis:
    """The state of the iteration. Many tokens share directions and answer maps, so results on these are kept."""

    def __init__(self, machine: TokenMachine) -> None:
        self.machine = machine
        self.spaces = {
            z: AffineSpace(residues(point), modular.echelon(differences))
            for z, (point, differences) in machine.prompts.items()
        }
        self.targets: dict[int, list[int]] = defaultdict(list)
        for z, after in machine.edges:
            self.targets[int(z)].append(int(after))
        # Keys hold identities of directions; the values keep these objects alive, so no identity is used twice.
        self._cut: dict[tuple[int, bytes], tuple[Echelon, LeftSolver, Echelon]] = {}
        self._known: dict[bytes, Echelon] = {}
        self._hull: dict[tuple[int, int], tuple[Echelon, Echelon, Echelon]] = {}

    def propagate(self, z: int) -> set[int]:
        """Carry A_z along all edges from z; return the tokens whose space grew."""
        grown = set()
        for after, point, directions in self.successors(z):
            before = self.spaces.get(after)
            now = AffineSpace(point, directions) if before is None else self.join(before, point, directions)
            if now is not before:
                self.spaces[after] = now
                grown.add(after)
        return grown

    def successors(self, z: int) -> list[tuple[int, np.ndarray, Echelon]]:
        """Return (z', point, directions) of A_z cut by "the answer is z'" and moved by z' z'^T, where not empty.

        The directions, A_z's own on which the answer is constant, are the same for all z'.
        """
        targets, space = self.targets[z], self.spaces[z]
        if not targets:
            return []
        rows, M = self.answer_rows(z)
        solver, constant = self.cut(space.directions, M)
        wanted = residues(self.machine.tokens[targets])
        answer = product(space.point[None], M.T)[0]
        mix, solvable = solver.solve(reduce(wanted[:, rows] + PRIME - answer))
        solvable &= ~wanted[:, ~rows].any(axis=1)
        points = reduce(space.point + product(mix, space.directions.basis))
        return [
            (after, reduce(points[i] + residues(self.machine.square(after))), constant)
            for i, after in enumerate(targets)
            if solvable[i]
        ]

    def answer_rows(self, z: int) -> tuple[np.ndarray, np.ndarray]:
        """Return which answers (m,) can be non-zero after z, and these rows of M_z as residues."""
        M = self.machine.answer_map(z)
        rows = M.any(axis=1)
        return np.asarray(rows), residues(M[rows])

    def cut(self, directions: Echelon, M: np.ndarray) -> tuple[LeftSolver, Echelon]:
        """Return the solver for "a change x of directions changes the answer by b", and the directions that keep it."""
        key = id(directions), M.tobytes()
        if key not in self._cut:
            solver = LeftSolver(product(directions.basis, M.T))
            kept = modular.echelon(product(solver.null, directions.basis))
            self._cut[key] = directions, solver, self._known.setdefault(kept.key(), kept)
        return self._cut[key][1:]

    def join(self, space: AffineSpace, point: np.ndarray, directions: Echelon) -> AffineSpace:
        """Return the affine hull of both, ``space`` itself where nothing was added."""
        key = id(space.directions), id(directions)
        if key not in self._hull:
            wide = space.directions.copy()
            changed = wide.add(directions.basis).any()
            wide = self._known.setdefault(wide.key(), wide) if changed else space.directions
            self._hull[key] = space.directions, directions, wide
        hull = self._hull[key][2]
        gap = reduce(point + PRIME - space.point)[None]
        if hull.remainder(gap).any():
            hull = hull.copy()
            hull.add(gap)
            hull = self._known.setdefault(hull.key(), hull)
        return space if hull is space.directions else AffineSpace(space.point, hull)


@dataclass(frozen=True, eq=False)
class LegalBlock:
    """The legal features of last tokens that share coordinates: those of different blocks never meet in one example.

    ``tokens`` are token indices; ``columns`` (w,) feature indices s * d + l, s in the upper triangle without the
    sqrt(2), outside which all legal features are zero; ``space`` the span of the legal features on these columns.
    """

    tokens: tuple[int, ...]
    columns: np.ndarray
    space: Echelon

    @property
    def dimension(self) -> int:
        """The dimension of the block's legal features."""
        return self.space.rank


def legal_blocks(
    machine: TokenMachine, spaces: dict[int, AffineSpace], progress: Progress | None = None
) -> list[LegalBlock]:
    """Return the span of all A_z (x) z, block by block; its dimension is the sum of the blocks' dimensions."""
    found = []
    blocks = token_blocks(machine, spaces)
    for number, tokens in enumerate(blocks):
        if progress:
            progress(number / len(blocks), f"span of the legal features: block {number + 1} of {len(blocks)}")
        generators = Generators.of(machine, {z: spaces[z] for z in tokens})
        found.append(LegalBlock(tuple(tokens), generators.columns(machine.tokens.shape[1]), generators.span()))
    return found


def token_blocks(machine: TokenMachine, spaces: dict[int, AffineSpace]) -> list[list[int]]:
    """Return the last tokens in groups that share no coordinate with each other."""
    indices = np.array(sorted(spaces))
    used = sparse.csr_array(machine.tokens[indices] != 0, dtype=np.int64)
    _, label = connected_components(used @ used.T, directed=False)
    return [indices[label == g].tolist() for g in range(label.max() + 1)]


@dataclass(frozen=True, eq=False)
class Generators:
    """What spans the A_z (x) z of some tokens: products c_i (x) x_j of the rows of each pair in ``factors``.

    ``factors``: pairs of residues (a, s'), (b, l') on the coordinates ``entries`` (s',) of c and ``axes`` (l',) of z.
    Tokens with the same directions D share one pair, since the sum of D (x) z over them is D (x) (span of their z).
    ``active`` (s', l') marks the features that occur.
    """

    factors: list[tuple[np.ndarray, np.ndarray]]
    entries: np.ndarray
    axes: np.ndarray
    active: np.ndarray

    @classmethod
    def of(cls, machine: TokenMachine, spaces: dict[int, AffineSpace]) -> Generators:
        """Return the generators of A_z (x) z over the given tokens."""
        alike: dict[bytes, list[int]] = defaultdict(list)
        for z, space in spaces.items():
            alike[space.directions.key()].append(z)
        factors = [(spaces[z].point[None], residues(machine.tokens[z])[None]) for z in spaces]
        for members in alike.values():
            directions = spaces[members[0]].directions.basis
            factors.append((directions, modular.echelon(machine.tokens[members]).basis))
        entries = np.flatnonzero(np.any([c.any(axis=0) for c, _ in factors], axis=0))
        axes = np.flatnonzero(np.any([x.any(axis=0) for _, x in factors], axis=0))
        factors = [(c[:, entries], x[:, axes]) for c, x in factors]
        active = np.any([np.outer(c.any(axis=0), x.any(axis=0)) for c, x in factors], axis=0)
        return cls(factors, entries, axes, active)

    def columns(self, dim: int) -> np.ndarray:
        """Return the indices s * d + l of the active features."""
        return (self.entries[:, None] * dim + self.axes[None])[self.active]

    def span(self) -> Echelon:
        """Return their span on the active features.

        Only generators outside what is there already are added: those that a random vector orthogonal to it does not
        annihilate. One outside would be missed by all ``PROBES`` vectors with probability p^-PROBES.
        """
        space = Echelon(int(self.active.sum()))
        rng = np.random.default_rng(0)
        while True:
            outside = self.outside(space.orthogonal(PROBES, rng))
            if len(outside) == 0:
                return space
            some = outside[np.unique(np.linspace(0, len(outside) - 1, ADDED).astype(int))]
            space.add(np.stack([self.row(*g) for g in some]))

    def row(self, factor: int, i: int, j: int) -> np.ndarray:
        """Return one generator on the active features."""
        c, x = self.factors[factor]
        return reduce(c[i][:, None] * x[j][None])[self.active]

    def outside(self, probes: np.ndarray) -> np.ndarray:
        """Return (factor, i, j) of the generators that some of the vectors ``probes`` (w, k) does not annihilate."""
        k = probes.shape[1]
        full = np.zeros((*self.active.shape, k), dtype=np.int64)
        full[self.active] = probes
        by_entry = full.reshape(len(self.entries), -1)
        found = []
        for number, (c, x) in enumerate(self.factors):
            partial = product(c, by_entry).reshape(len(c), len(self.axes), k)
            values = product(partial.transpose(0, 2, 1).reshape(-1, len(self.axes)), x.T)
            i, j = np.nonzero(values.reshape(len(c), k, len(x)).any(axis=1))
            found.append(np.stack([np.full(len(i), number), i, j], axis=1))
        return np.concatenate(found)
