"""Associative memory: key-value pairs in the context, the value of the queried key as the answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import comb
from typing import Literal

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
from linattn_core.tasks.correlated import check_correlation, correlated_gaussian, correlated_orthonormal
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

    Ours: ``correlation`` makes the keys of each memory alike (``tasks.correlated``). With ``answer`` = "value" the
    traces answer with the value of the asked key itself, y = [0; v_q], and nothing stands beside the query (zeta = 0):
    then a layer is asked to do without the interference of the other keys, which none can do exactly for fresh keys
    that overlap. Least squares finds the best one.
    """

    key_dim: int
    unitary: float
    correlation: float
    answer: Literal["sum", "value"]

    def __init__(
        self, dim: int = 4, unitary: float = 0.0, correlation: float = 0.0, answer: Literal["sum", "value"] = "sum"
    ) -> None:
        """Make a memory of ``dim`` keys of ``dim`` entries; the embedding has twice as many."""
        check_size(dim, "dim", MAX_DIM)
        if np.ndim(unitary) or not 0.0 <= unitary <= 1.0:
            raise ShapeError(f"unitary: got {unitary}, wanted a fraction between 0 and 1.")
        check_correlation(correlation)
        if answer not in ("sum", "value"):
            raise ShapeError(f"answer: got {answer!r}, wanted 'sum' or 'value'.")
        object.__setattr__(self, "key_dim", dim)
        object.__setattr__(self, "unitary", float(unitary))
        object.__setattr__(self, "correlation", float(correlation))
        object.__setattr__(self, "answer", answer)

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

    @property
    def sums(self) -> LinearAttention:
        """The plain associative memory, one head, V = [0 0; 0 I], Q = [I 0; 0 0]: match the keys, add up the values."""
        key = np.diag(np.repeat([1.0, 0.0], self.key_dim))
        return LinearAttention((np.eye(self.dim) - key)[None], key[None])

    @cached_property
    def truth(self) -> LinearAttention | None:
        """The plain memory where it answers as the traces do: sums always, values of orthonormal keys; else None."""
        orthonormal = self.unitary == 1.0 and (self.correlation == 0.0 or self.key_dim == 1)
        return self.sums if self.answer == "sum" or orthonormal else None

    @property
    def family_dimension(self) -> int:
        """All p(2d) features while Gaussian memories occur; for unitary ones alone 2 C(d+2,3) + d^2 (d+1) + 2 d^3.

        Ours: with K, V orthogonal, C_kk = I + q q^T, C_vv = I + zeta zeta^T, C_kv = R + q zeta^T, R = K V^T Haar and
        ||q|| = 1. The features are combinations of these independent functions: the cubic monomials of q and of zeta,
        C(d+2,3) each; (quadratic of q) x zeta and (quadratic of zeta) x q, d^2 (d+1)/2 each; R x q and R x zeta, d^3
        each (a constant is the quadratic ||q||^2). Nothing less spans: 248 of 288 at d = 4.

        Correlated unitary keys have C_kk = (1 - rho) I + rho s s^T / d + q q^T with a second direction s, the sum of
        the keys' own parts: C_kk x q is then no cubic of q alone, and its d^2 (d+1)/2 products take the place of the
        C(d+2,3). Without zeta (answer "value") only what is multiplied by q is left: a quarter of the Gaussian features
        do not occur, and of the unitary ones C_kk x q and R x q stay. Checked against sampled ranks for d <= 5.
        """
        d, cubic, mixed = self.key_dim, comb(self.key_dim + 2, 3), self.key_dim**2 * (self.key_dim + 1) // 2
        alone = self.answer == "value"
        if self.unitary < 1.0:
            return feature_count(self.dim) // 2 if alone else feature_count(self.dim)
        keys = mixed if self.correlation else cubic
        return keys + d**3 if alone else keys + cubic + 2 * mixed + 2 * d**3

    def family(self) -> Family | None:
        """Return the family: exactly all features, or, unitary, sampled; None where the sample would be too large."""
        if self.unitary < 1.0:
            active = np.arange(feature_count(self.dim))
            if self.answer == "sum":
                return feature_family(self.attributes, active, "exact: Gaussian memories excite every feature")
            source = "exact: Gaussian memories excite every feature with a key entry as query"
            return feature_family(self.attributes, active[active % self.dim < self.key_dim], source)
        if self.key_dim > MAX_SAMPLED_DIM:
            return None
        count = self.family_dimension + self.family_dimension // 4 + 32
        words = tuple(f"random unitary memory {i}" for i in range(1, count + 1))
        source = f"sampled: {count} random unitary memories"
        return Family.of(self._drawn(count, random_stream(0, 1))[0], words, self.family_dimension, source)

    def traces(self, count: int, seed: int = 0, noise: float = 0.0) -> Traces:
        """Return ``count`` memories with one query each; noise: standard deviation of what is added to the answers."""
        check_count(count, "memories", 8.0 * self.key_dim * (9 * self.key_dim + 26))
        check_noise(noise, probability=False)
        contexts, values = self._drawn(count, random_stream(seed))
        targets = self.sums.on(contexts) if self.answer == "sum" else values
        if noise:
            targets = targets + noise * random_stream(seed, 1).normal(size=targets.shape)
        return contexts.answered(targets)

    def decode(self, y: np.ndarray) -> str:
        """Return the value part of an answer, two decimals an entry."""
        return "(" + ", ".join(f"{entry:.2f}" for entry in y[self.key_dim :]) + ")"

    def _drawn(self, count: int, rng: np.random.Generator) -> tuple[Traces, np.ndarray]:
        """Return memories with a query each, and the answers [0; v_q] (count, 2d)."""
        d = self.key_dim
        keys, values = rng.normal(size=(2, count, d, d))
        is_unitary = (rng.random(count) < self.unitary)[:, None, None]
        unitary_keys, unitary_values = _orthogonal(keys), _orthogonal(values)
        asked, beside = rng.integers(d, size=count), rng.normal(size=(count, d))
        if self.correlation:  # drawn last: without it, nothing before it changes
            keys = correlated_gaussian(keys, rng.normal(size=(count, d)), self.correlation)
            unitary_keys = correlated_orthonormal(unitary_keys, self.correlation)
        keys, values = np.where(is_unitary, unitary_keys, keys), np.where(is_unitary, unitary_values, values)
        tokens = np.zeros((count, d + 1, 2 * d))
        tokens[:, :d, :d] = keys.transpose(0, 2, 1)
        tokens[:, :d, d:] = values.transpose(0, 2, 1)
        row = np.arange(count)
        tokens[:, d, :d] = tokens[row, asked, :d]
        tokens[:, d, d:] = beside if self.answer == "sum" else 0.0
        answers = np.zeros((count, 2 * d))
        answers[:, d:] = tokens[row, asked, d:]
        start = np.arange(count) * (d + 1)
        return Traces.adopt(tokens.reshape(-1, 2 * d), start, start + d + 1), answers


def _orthogonal(gaussian: np.ndarray) -> np.ndarray:
    """Turn Gaussian matrices (N, d, d) into Haar-distributed orthogonal ones: QR with a positive diagonal of R."""
    Q, R = np.linalg.qr(gaussian)
    return np.asarray(Q * np.sign(np.einsum("nii->ni", R))[:, None, :])
