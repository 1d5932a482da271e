"""The minimiser of least norm in the coordinates the tokens came in, for a problem solved in those of T z."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import linalg

from linattn_core.attention import Predictor
from linattn_core.features import svec_indices
from linattn_core.solve.subspace import Subspace
from linattn_core.solve.whitening import Whitening, transformed

BASIS_BYTES = 512 * 2**20
"""A basis of the range may take so much."""

STEEP = 1e13
"""Beyond this condition of K the least norm in original coordinates cannot be told from rounding."""


def least_norm(predictor: Predictor, spaces: Sequence[Subspace]) -> tuple[Predictor, bool]:
    """Return the minimiser of least ||P|| in original coordinates, and whether that could be had.

    ``predictor`` is a minimiser within the range of ``spaces``, in coordinates T z. Ours: the row space of Phi =
    Phi' K^-T is spanned by K^-1 v', v' in that of Phi'; P = P' K projected on it is the least. Taken back, it differs
    from P' on the range by rounding only, which is put right, so the result is a minimiser whatever K's condition.
    """
    T = predictor.whitening
    if T is None or not spaces or sum(space.rank for space in spaces) == _features(T.dim):
        return predictor, True
    if T.condition_cubed > STEEP or any(8.0 * s.rank * _features(T.dim) > BASIS_BYTES for s in spaces):
        return predictor, False
    if T.diagonal:
        return _scaled(predictor, spaces, T.even), True
    return _mixed(predictor, spaces, T.even), True


def _features(d: int) -> int:
    return d * (d * (d + 1) // 2)


def _scaled(predictor: Predictor, spaces: Sequence[Subspace], T: Whitening) -> Predictor:
    """Block by block: K is diagonal."""
    (j, k), d = svec_indices(T.dim), T.dim
    pair, last = np.divmod(predictor.columns, d)
    gain = 1.0 / (T.scale[j[pair]] * T.scale[k[pair]] * T.scale[last])
    weights = predictor.weights.copy()
    for space in spaces:
        place = np.searchsorted(predictor.columns, space.columns)
        moved = _projected(space, weights[:, place], lambda rows, g=gain[place]: rows / g)
        weights[:, place] += space.outside(moved / gain[place])
    return dataclasses.replace(predictor, weights=weights)


def _mixed(predictor: Predictor, spaces: Sequence[Subspace], T: Whitening) -> Predictor:
    """All features at once: K mixes them, also those that no example has."""
    p = _features(T.dim)
    basis, coordinates = [], []
    for space in spaces:
        rows = np.zeros((space.rank, p))
        rows[:, space.columns] = space.up(np.eye(space.rank))
        basis.append(rows)
        coordinates.append(space.down(predictor.at(space.columns)))
    rows, inside = np.concatenate(basis), np.concatenate(coordinates, axis=1)
    least = T.from_original(_least(transformed(rows, T.inverse), inside))
    weights = predictor.inner_coefficients()
    return Predictor(T.dim, np.arange(p), weights + least - (least @ rows.T) @ rows, predictor.whitening)


def _projected(space: Subspace, weights: np.ndarray, back: object) -> np.ndarray:
    """Return the least-norm coefficients (m, k) of one block, in original coordinates; ``back`` applies K^-1."""
    assert callable(back)
    return _least(back(space.up(np.eye(space.rank))), space.down(weights))


def _least(rows: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the rows X (m, p) in the span of ``rows`` (r, p), K^-1 v', with v'^T K X^T = ``inside`` (m, r)."""
    Q, R = linalg.qr(rows.T, mode="economic")
    return np.asarray(linalg.solve_triangular(R, inside.T, trans=1).T @ Q.T)
