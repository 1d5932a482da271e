"""Associative memory: key-value pairs in the context, the value of the queried key as the answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np

from linattn_core.attention import LinearAttention
from linattn_core.errors import ShapeError
from linattn_core.family import Family
from linattn_core.features import feature_count
from linattn_core.tasks.base import (
    Attribute,
    blocks,
    check_count,
    check_noise,
    check_size,
    feature_family,
    random_stream,
)
from linattn_core.tasks.words import TableMemory
from linattn_core.traces import Traces

MAX_DIM = 16
MAX_SAMPLED_DIM = 8  # a sample of the unitary family at 16 would take 2 GB


@dataclass(frozen=True, init=False)
class AssociativeMemory:
    """d random key-value pairs, one of the keys as query (arXiv:2410.10101v4, section 4.2).

        keys    | k_1 k_2 ... k_d | q    |     q = one of the keys
        values  | v_1 v_2 ... v_d | zeta |     zeta ~ N(0, I), what stands beside the query

        y = [0; sum over all columns of <q, key> value] = [0; sum_j <q, k_j> v_j + ||q||^2 zeta]

    Embedding 2d, m = 2d. The sum runs over every column of Z, the query's own too, as linear attention's does.
    Keys and values have entries N(0, 1), or, with probability ``unitary``, are the columns of two fresh random
    orthogonal matrices. At unitary = 1 the features no longer span: the data do not pin the transformer down.
    """

    key_dim: int
    unitary: float

    def __init__(self, dim: int = 4, unitary: float = 0.0) -> None:
        """Make a memory of ``dim`` keys of ``dim`` entries; the embedding has twice as many."""
        check_size(dim, "dim", MAX_DIM)
        if not 0.0 <= unitary <= 1.0:
            raise ShapeError(f"unitary: got {unitary}, wanted a fraction between 0 and 1.")
        object.__setattr__(self, "key_dim", dim)
        object.__setattr__(self, "unitary", float(unitary))

    @classmethod
    def from_table(cls, table: Iterable[tuple[str, str]]) -> TableMemory:
        """Make the memory of a user's own (key, value) words: see ``TableMemory``."""
        return TableMemory(tuple((key, value) for key, value in table))

    @property
    def dim(self) -> int:
        """The embedding dimension, 2d."""
        return 2 * self.key_dim

    @property
    def outputs(self) -> int:
        """2d."""
        return 2 * self.key_dim

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """Key, value."""
        numbers = range(1, self.key_dim + 1)
        return blocks(("key", [f"k{i}" for i in numbers]), ("value", [f"v{i}" for i in numbers]))

    @property
    def output_attributes(self) -> tuple[Attribute, ...]:
        """Key (always 0), value."""
        return self.attributes

    @cached_property
    def truth(self) -> LinearAttention:
        """One head, V = [0 0; 0 I], Q = [I 0; 0 0]: match the keys, add up the values."""
        key = np.diag(np.repeat([1.0, 0.0], self.key_dim))
        return LinearAttention((np.eye(self.dim) - key)[None], key[None])

    @property
    def family_dimension(self) -> int:
        """All p(2d) features while Gaussian memories occur; for unitary ones alone 2 C(d+2,3) + d^2 (d+1) + 2 d^3.

        Ours: with K, V orthogonal, C_kk = I + q q^T, C_vv = I + zeta zeta^T, C_kv = R + q zeta^T, R = K V^T Haar and
        ||q|| = 1. The features are combinations of these independent functions: the cubic monomials of q and of zeta,
        C(d+2,3) each; (quadratic of q) x zeta and (quadratic of zeta) x q, d^2 (d+1)/2 each; R x q and R x zeta, d^3
        each (a constant is the quadratic ||q||^2). Nothing less spans: 248 of 288 at d = 4.
        """
        d = self.key_dim
        if self.unitary < 1.0:
            return feature_count(self.dim)
        return 2 * comb(d + 2, 3) + d * d * (d + 1) + 2 * d**3

    def family(self) -> Family | None:
        """Return the family: exactly all features, or, unitary, sampled; None where the sample would be too large."""
        if self.unitary < 1.0:
            source = "exact: Gaussian memories excite every feature"
            return feature_family(self.attributes, np.arange(feature_count(self.dim)), source)
        if self.key_dim > MAX_SAMPLED_DIM:
            return None
        count = self.family_dimension + self.family_dimension // 4 + 32
        words = tuple(f"random unitary memory {i}" for i in range(1, count + 1))
        source = f"sampled: {count} random unitary memories"
        return Family.of(self._contexts(count, random_stream(0, 1)), words, self.family_dimension, source)

    def traces(self, count: int, seed: int = 0, noise: float = 0.0) -> Traces:
        """Return ``count`` memories with one query each; noise: standard deviation of what is added to the answers."""
        check_count(count, "memories")
        check_noise(noise, probability=False)
        contexts = self._contexts(count, random_stream(seed))
        targets = self.truth.on(contexts)
        if noise:
            targets = targets + noise * random_stream(seed, 1).normal(size=targets.shape)
        return Traces.build(contexts.tokens, contexts.start, contexts.stop, targets)

    def decode(self, y: np.ndarray) -> str:
        """Return the value part of an answer, two decimals an entry."""
        return "(" + ", ".join(f"{entry:.2f}" for entry in y[self.key_dim :]) + ")"

    def _contexts(self, count: int, rng: np.random.Generator) -> Traces:
        d = self.key_dim
        keys, values = rng.normal(size=(2, count, d, d))
        is_unitary = (rng.random(count) < self.unitary)[:, None, None]
        keys, values = (np.where(is_unitary, _orthogonal(matrix), matrix) for matrix in (keys, values))
        tokens = np.empty((count, d + 1, 2 * d))
        tokens[:, :d, :d] = keys.transpose(0, 2, 1)
        tokens[:, :d, d:] = values.transpose(0, 2, 1)
        tokens[:, d, :d] = tokens[np.arange(count), rng.integers(d, size=count), :d]
        tokens[:, d, d:] = rng.normal(size=(count, d))
        start = np.arange(count) * (d + 1)
        return Traces.contexts(tokens.reshape(-1, 2 * d), start, start + d + 1)


def _orthogonal(gaussian: np.ndarray) -> np.ndarray:
    """Turn Gaussian matrices (N, d, d) into Haar-distributed orthogonal ones: QR with a positive diagonal of R."""
    Q, R = np.linalg.qr(gaussian)
    return np.asarray(Q * np.sign(np.einsum("nii->ni", R))[:, None, :])
