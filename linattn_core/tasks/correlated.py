"""Keys that are alike: one number moves the overlaps of all keys from their own towards 1.

    rho = 0      k_1 |      own overlaps           rho -> 1     k_1 k_2
                     |____ k_2                                    | /  all keys point one way

What an associative memory adds to the asked value is the sum of <q, k_j> v_j over the other keys: the overlaps ARE the
interference.
"""

from __future__ import annotations

import numpy as np

from linattn_core.errors import ShapeError

MAX_CORRELATION = 0.99
"""At 1 all keys would be one key, and no memory of any kind could tell them apart."""


def check_correlation(rho: float) -> None:
    """Raise ``ShapeError`` unless 0 <= rho <= ``MAX_CORRELATION``."""
    if np.ndim(rho) or not 0.0 <= rho <= MAX_CORRELATION:
        raise ShapeError(f"correlation: got {rho}, wanted a number between 0 and {MAX_CORRELATION}.")


def correlated_gaussian(own: np.ndarray, common: np.ndarray, rho: float) -> np.ndarray:
    """Return sqrt(1 - rho) own + sqrt(rho) common for keys (N, d, K), columns, and one common part (N, d) a memory.

    Ours: with all entries N(0, 1) every entry of a key is N(0, 1) again and the same entry of two keys has correlation
    rho. The joint law keeps a density for rho < 1, so what it excites does not change.
    """
    return np.asarray(np.sqrt(1.0 - rho) * own + np.sqrt(rho) * common[:, :, None])


def correlated_orthonormal(own: np.ndarray, rho: float) -> np.ndarray:
    """Return unit keys with overlap exactly rho between any two, from orthonormal columns (N, d, K).

    Ours: k_i = sqrt(1 - rho) u_i + b s with s = sum_j u_j and b = (sqrt(1 + (K - 1) rho) - sqrt(1 - rho)) / K. Then
    <k_i, k_j> = (1 - rho) [i = j] + 2 sqrt(1 - rho) b + K b^2, and the last two add up to rho. The common part is
    smaller than sqrt(rho) since it has an overlap with every own part already.
    """
    K = own.shape[-1]
    b = (np.sqrt(1.0 + (K - 1) * rho) - np.sqrt(1.0 - rho)) / K
    return np.asarray(np.sqrt(1.0 - rho) * own + b * own.sum(axis=-1, keepdims=True))


def with_overlap(own: np.ndarray, rho: float) -> np.ndarray:
    """Move given keys (K, d), rows, towards each other: every cosine c becomes (1 - rho) c + rho, lengths stay.

    Ours: the wanted overlaps are G' = (1 - rho) G + rho n n^T, G = own own^T, n the lengths. The result is the factor
    of G' in d dimensions nearest to ``own``: with G' = U S U^T, its d largest terms U S^(1/2) turned by the rotation
    that brings them closest (orthogonal Procrustes). Exact while the keys are linearly independent, for orthonormal
    ones equal to ``correlated_orthonormal``; otherwise G' may have one dimension more than there is room for, and the
    nearest overlaps of rank d (Eckart and Young) are taken.
    """
    if rho == 0.0:
        return own
    lengths = np.linalg.norm(own, axis=1)
    wanted = (1.0 - rho) * own @ own.T + rho * np.outer(lengths, lengths)
    values, vectors = np.linalg.eigh(wanted)
    room = own.shape[1]
    factor = vectors[:, ::-1][:, :room] * np.sqrt(np.maximum(values[::-1][:room], 0.0))
    factor = np.pad(factor, ((0, 0), (0, room - factor.shape[1])))
    left, _, right = np.linalg.svd(factor.T @ own)
    return np.asarray(factor @ (left @ right))


def cosines(keys: np.ndarray) -> np.ndarray:
    """Return the overlaps <k_i, k_j> / (|k_i| |k_j|) of keys (K, d), rows: (K, K), ones on the diagonal."""
    lengths = np.linalg.norm(keys, axis=1)
    return np.asarray(keys @ keys.T / np.outer(lengths, lengths))
