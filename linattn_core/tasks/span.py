"""How many dimensions all pairings of given keys and values span, without listing them."""

from __future__ import annotations

import numpy as np

from linattn_core.features import svec_indices

SPAN_TOLERANCE = 1e-10
"""Singular values below this fraction of the largest count as zero: the tables are a user's few digits."""


def lookup_span(keys: np.ndarray, values: np.ndarray) -> int:
    """Return the dimension of span {svec(C) (x) k_q} over all pairings of keys (K, dk) with values (L, dv), all q.

    Ours: for query q, C = C_0 + [k_q; 0][k_q; 0]^T + changes, one change a (key, value other than the first); the
    changes span a space D that no query alters. So the features span D (x) span(keys), rank(D) rank(keys) dimensions,
    and, beyond that, the K vectors svec(C_0 + [k_q; 0][k_q; 0]^T) (x) k_q modulo D (x) everything. With one-hot keys
    and values this is K (1 + K (L - 1)).
    """
    keys, values = keys / np.abs(keys).max(), values / (np.abs(values).max() or 1.0)
    K, dk = keys.shape
    tokens = np.concatenate(
        [np.broadcast_to(keys[:, None], (K, len(values), dk)), np.broadcast_to(values, (K, *values.shape))], axis=2
    )
    outer = _svec(tokens)
    changes = (outer[:, 1:] - outer[:, :1]).reshape(-1, outer.shape[2])
    basis = _row_space(changes)
    queries = np.concatenate([keys, np.zeros((K, values.shape[1]))], axis=1)
    base = outer[:, 0].sum(axis=0) + _svec(queries)
    beyond = base - base @ basis.T @ basis
    beyond[np.linalg.norm(beyond, axis=1) <= SPAN_TOLERANCE * np.linalg.norm(base, axis=1)] = 0.0
    rest = np.einsum("qf,qk->qfk", beyond, keys).reshape(K, -1)
    return len(basis) * len(_row_space(keys)) + len(_row_space(rest))


def _svec(tokens: np.ndarray) -> np.ndarray:
    """Return the upper triangles of token token^T (..., d(d+1)/2) of tokens (..., d)."""
    j, k = svec_indices(tokens.shape[-1])
    return np.asarray(tokens[..., j] * tokens[..., k])


def _row_space(rows: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis (r, n) of the span of rows (R, n)."""
    if not rows.any():
        return np.empty((0, rows.shape[1]))
    _, sizes, basis = np.linalg.svd(rows, full_matrices=False)
    return np.asarray(basis[sizes > SPAN_TOLERANCE * sizes[0]])
