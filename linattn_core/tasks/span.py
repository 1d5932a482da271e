"""How many dimensions all pairings of given keys and values span, exactly and without listing them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from linattn_core.certificates.exact.field import PRIMES, Field
from linattn_core.certificates.exact.rows import RowSpace
from linattn_core.svec import svec_indices

CHECKED = 144
"""Pairs of a key and a value up to which a second prime is asked."""
SAME = 1e-9
"""Computed keys: coordinates among independent ones are read up to this."""


def lookup_span(keys: np.ndarray, values: np.ndarray, *, computed: bool = False) -> int:
    """Return the dimension of span {svec(C) (x) k_q} over all pairings of keys (K, dk) with values (L, dv), all q.

    Ours: for query q, C = C_0 + [k_q; 0][k_q; 0]^T + changes, one change a (key, value other than the first); the
    changes span a space D that no query alters. So the features span D (x) span(keys), rank(D) rank(keys) dimensions,
    and, beyond that, the K vectors svec(C_0 + [k_q; 0][k_q; 0]^T) (x) k_q modulo D (x) everything. With one-hot keys
    and values this is K (1 + K (L - 1)).

    Numbers are read as the decimals a person writes, so that 0.1 + 0.2 is 0.3, and ranks are decided modulo a prime,
    small ones modulo two: years and heights span what their differences do. ``computed``: the keys are results of
    floating point; since no invertible map of the keys changes the span, they are read as coordinates among as many
    independent ones.
    """
    if computed:
        keys = _coordinates(keys)
    primes = PRIMES if len(keys) * len(values) <= CHECKED else PRIMES[:1]
    return max(_span(Field(prime), decimals(keys, prime), decimals(values, prime)) for prime in primes)


def independent_keys(keys: np.ndarray, *, computed: bool = False) -> bool:
    """Whether keys (K, dk), read as ``lookup_span`` reads them, are linearly independent, in whatever units."""
    if computed:
        scaled = keys / (np.abs(keys).max(axis=0) + (np.abs(keys).max(axis=0) == 0))
        sizes = np.linalg.svd(scaled / np.linalg.norm(scaled, axis=1, keepdims=True), compute_uv=False)
        return len(keys) <= keys.shape[1] and bool(sizes[-1] > SAME * sizes[0])
    return max(_rank(Field(prime), decimals(keys, prime)) for prime in PRIMES) == len(keys)


def decimals(x: np.ndarray, prime: int) -> np.ndarray:
    """Return the residues of finite numbers read as the shortest decimals that name them, such as 1/10 for 0.1."""
    numbers, which = np.unique(x, return_inverse=True)
    fractions = [Fraction(repr(float(number))) for number in numbers]
    found = [f.numerator * pow(f.denominator, -1, prime) % prime for f in fractions]
    return Field(prime).residues(np.array(found, dtype=np.int64))[which].reshape(x.shape)


def _coordinates(keys: np.ndarray) -> np.ndarray:
    """Return computed keys (K, dk) as coordinates (K, r) among r of them, numbers next to short ones rounded."""
    left, sizes, _ = np.linalg.svd(keys, full_matrices=False)
    rank = int(np.sum(sizes > SAME * sizes[0]))
    places = left[:, :rank] * sizes[:rank]
    chosen: list[int] = []
    rest = places.copy()
    for _ in range(rank):  # the one farthest from the span of those chosen, by Gram and Schmidt
        best = int(np.argmax(np.linalg.norm(rest, axis=1)))
        chosen.append(best)
        way = rest[best] / np.linalg.norm(rest[best])
        rest -= np.outer(rest @ way, way)
    return np.round(np.linalg.solve(places[chosen].T, places.T).T, 9) + 0.0


def _span(field: Field, keys: np.ndarray, values: np.ndarray) -> int:
    K, dk = keys.shape
    tokens = np.concatenate(
        [np.broadcast_to(keys[:, None], (K, len(values), dk)), np.broadcast_to(values, (K, *values.shape))], axis=2
    )
    outer = _squares(field, tokens)
    changes = RowSpace(field, outer.shape[2])
    changes.add(field.reduce(outer[:, 1:] - outer[:, :1]).reshape(-1, outer.shape[2]))
    queries = np.concatenate([keys, np.zeros((K, values.shape[1]))], axis=1)
    base = field.reduce(outer[:, 0].sum(axis=0) + _squares(field, queries))
    beyond = changes.remainder(base)
    rest = field.times(beyond[:, :, None], keys[:, None, :]).reshape(K, -1)
    return changes.rank * _rank(field, keys) + _rank(field, rest)


def _rank(field: Field, rows: np.ndarray) -> int:
    space = RowSpace(field, rows.shape[1])
    space.add(rows)
    return space.rank


def _squares(field: Field, tokens: np.ndarray) -> np.ndarray:
    """Return the upper triangles of token token^T (..., d(d+1)/2) of tokens (..., d)."""
    j, k = svec_indices(tokens.shape[-1])
    return field.times(tokens[..., j], tokens[..., k])
