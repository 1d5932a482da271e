"""How far an input stands from the edge of the range, so that close calls of floating point are told from lies.

Numbers here decide no case: they say whether a disagreement with the exact answer is one that the tokens, as stored in
53 bits and brought to even units, could settle at all. Everything is formed exactly and then measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import mpmath
import numpy as np

from tests.benchmarks.trust.oracles import (
    PRECISION,
    LeastSquares,
    Range,
    integer_features,
    integers,
    solve_symmetric,
)

EPS = float(np.finfo(float).eps)
UNUSED = 1e-13  # relative singular value below which no token uses a direction
CERTIFIED_SINE, OPEN_SINE = 1e-12, 1e-8  # roots of the library's stated thresholds of ambiguity


@dataclass(frozen=True)
class Measure:
    """Distances in units in which the tokens of the data have even size in every direction they use."""

    contexts: Sequence[np.ndarray]
    known: Range

    @cached_property
    def _parts(self) -> tuple[np.ndarray, float]:
        tokens = np.hstack(list(self.contexts))
        largest = np.abs(tokens).max(axis=1)
        scale = 2.0 ** np.round(np.log2(np.where(largest > 0, largest, 1.0)))
        rms = np.sqrt(((tokens / scale[:, None]) ** 2).mean(axis=1))
        scale = scale * 2.0 ** np.round(np.log2(np.where(rms > 0, rms, 1.0)))
        R = np.linalg.qr((tokens / scale[:, None]).T, mode="r")
        U, S, _ = np.linalg.svd(np.vstack([R, np.zeros((len(tokens) - len(R), len(tokens)))]).T)
        used = UNUSED * S[0] < S
        gain = np.ones(len(U))
        gain[used] = np.sqrt(tokens.shape[1]) / S[used]
        return gain[:, None] * U.T / scale, float(S[0] / S[used].min()) if used.any() else 1.0

    @property
    def condition(self) -> float:
        """The ratio of the used singular values of the tokens, each coordinate brought to unit size first."""
        return self._parts[1]

    @property
    def noise(self) -> float:
        """What rounding alone changes of a token in even units, relatively."""
        return EPS * self.condition

    def rows(self, contexts: Sequence[np.ndarray]) -> np.ndarray:
        """Return the features in even units, each of length one, formed in integers and rounded once."""
        (W, *tokens), _ = integers([self._parts[0], *contexts])
        return np.array([_unit(integer_features(W @ Z)) for Z in tokens])

    @cached_property
    def spread(self) -> float:
        """The smallest singular value that the exact rank counts, relative to the largest: 1 is good, 1e-13 is lost."""
        if not self.known.rank:
            return 1.0
        S = np.linalg.svd(self.rows(self.contexts), compute_uv=False)
        return float(S[self.known.rank - 1] / S[0])

    @property
    def fragile(self) -> bool:
        """Whether the exact rank rests on directions that rounding could have made."""
        return self.spread < max(1e-11, 1e3 * self.noise)

    @property
    def rounding(self) -> float:
        """What floating point may add to a mean square that can be zero, relative to that of the answers."""
        return 100 * self.noise**2 + (30 * EPS / max(self.spread, EPS)) ** 2

    def sizes(self, squares: LeastSquares, contexts: Sequence[np.ndarray]) -> np.ndarray:
        """Return sum |P| |phi| (N, m) for the exact minimiser P of least norm in even units: eps of it is lost.

        Where examples of very unlike size ask for large coefficients no predictor in 64 bits is more exact than that.
        """
        (W, *tokens), _ = integers([self._parts[0], *squares.range.contexts, *contexts])
        d = len(W)
        j, k = np.triu_indices(d)
        twice = np.repeat(np.where(j == k, 1, 2), d)  # the square of svec's sqrt(2)
        with mpmath.workprec(PRECISION):
            chosen = [integer_features(W @ tokens[i]) for i in squares.rows]
            if not chosen:
                return np.zeros((len(contexts), squares.answers.shape[1]))
            rows = np.array(chosen, dtype=object)
            dual = solve_symmetric((rows * twice) @ rows.T, squares.fitted[squares.rows])
            P = np.abs(dual.T @ rows) * twice
            asked = [np.abs(integer_features(W @ Z)) for Z in tokens[len(squares.range.contexts) :]]
            return np.array([[float(v) for v in P @ row] for row in asked])

    def strain(self, squares: LeastSquares) -> float:
        """Return what that may add to the mean square of the data's errors."""
        sizes = self.sizes(squares, squares.range.contexts)
        return float(np.average(np.sum((32 * EPS * sizes) ** 2, axis=1), weights=squares.weights))

    def length(self, Z: np.ndarray) -> float:
        """Return the length of an input's feature in even units, relative to the mean of the data's."""
        W = self._parts[0]

        def size(X: np.ndarray) -> float:
            return float(np.sum((W @ X) ** 2) * np.linalg.norm(W @ X[:, -1]))

        return size(Z) / (float(np.mean([size(X) for X in self.contexts])) or 1.0)

    @cached_property
    def _basis(self) -> np.ndarray:
        """An orthonormal basis (r, p) of the range in even units, in long arithmetic."""
        (W, *tokens), _ = integers([self._parts[0], *(self.contexts[i] for i in self.known.span.chosen)])
        with mpmath.workprec(PRECISION):
            basis: list[np.ndarray] = []
            for Z in tokens:
                row = _long(integer_features(W @ Z))
                for other in basis:
                    row = row - other * (row @ other)  # the array first: numpy, not mpmath, multiplies
                basis.append(row / mpmath.sqrt(row @ row))
            return np.array(basis, dtype=object).reshape(len(tokens), feature_count(len(W)))

    def sine(self, Z: np.ndarray) -> float:
        """Return the distance of an input's unit feature from the range."""
        (W, tokens), _ = integers([self._parts[0], Z])
        with mpmath.workprec(PRECISION):
            row = _long(integer_features(W @ tokens))
            size = row @ row
            if not size:
                return 0.0
            for other in self._basis:
                row = row - other * (row @ other)  # the array first: numpy, not mpmath, multiplies
            return float(mpmath.sqrt(abs(row @ row) / size))

    def lever(self, Z: np.ndarray) -> float:
        """Return the least norm of coefficients that combine an input inside from the data, features of length one."""
        q = np.array(self._basis @ self.rows([Z])[0], dtype=float)
        return float(np.linalg.norm(np.linalg.lstsq(self._coordinates, q, rcond=None)[0]))

    @cached_property
    def _coordinates(self) -> np.ndarray:
        """The data's unit features in the basis (r, N)."""
        return np.array([[float(v) for v in row] for row in self._basis @ self.rows(self.contexts).T])

    def outside_by_a_hair(self, Z: np.ndarray) -> bool:
        """Whether an input that is exactly outside stands so near that rounding of the tokens could have moved it."""
        return self.sine(Z) <= max(CERTIFIED_SINE, 30 * self.noise)

    def inside_by_a_hair(self, Z: np.ndarray) -> bool:
        """Whether an input that is exactly inside is so only by directions or factors that rounding may have made."""
        return self.fragile or 30 * self.noise * self.lever(Z) >= OPEN_SINE


def feature_count(d: int) -> int:
    return d * d * (d + 1) // 2


def _unit(row: np.ndarray) -> np.ndarray:
    largest = max((abs(v) for v in row), default=0)
    found = np.array([v / largest for v in row], dtype=float) if largest else np.zeros(len(row))
    return found / (np.linalg.norm(found) or 1.0)


def _long(row: np.ndarray) -> np.ndarray:
    return np.array([mpmath.mpf(v) for v in row], dtype=object)
