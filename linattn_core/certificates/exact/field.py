"""Arithmetic modulo a prime below 2^31, fast and without rounding: products through float64 BLAS.

Residues are kept in float64 and signed, |r| <= p / 2 < 2^30. One factor of a product is split into halves of at most
2^15, so that ``TERMS`` = 128 products of 2^15 * 2^30 add up to at most 2^52: every sum is an integer that float64
holds exactly, and reducing it costs four passes over the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from linattn_core.numerics import product

TERMS = 128
"""Products that may be added before reducing."""
STRIP = 4096
"""Columns worked on at a time: with their temporaries they stay in the cache."""
HALF = 2.0**16
"""One factor is split at this."""
LIMIT = 2**30
"""Residues are at most this in absolute value."""
GATHERED = 2**17
"""Entries of a sparse row that may meet in one sum of int64."""

PRIMES = (2**31 - 1, 2_113_000_081)
"""Where there is time for it ranks are decided modulo both: numbers such as 2^31 are special to the first alone."""


@dataclass(frozen=True)
class Field:
    """The integers modulo ``prime``, an odd prime below 2^31."""

    prime: int

    def reduce(self, x: np.ndarray) -> np.ndarray:
        """Reduce integers held in float64, |x| <= 2^52, in place to |x| <= p / 2 < 2^30, and return them.

        The quotient is at most 2^22 or so in absolute value, its product with p at most 2^53: exact.
        """
        quotient = x * (1.0 / self.prime)
        np.rint(quotient, out=quotient)
        quotient *= self.prime
        x -= quotient
        return x

    def residues(self, x: np.ndarray) -> np.ndarray:
        """Return int64 integers of any size and sign as signed residues, float64."""
        return self.reduce(self.remainders(x).astype(np.float64))

    def remainders(self, x: np.ndarray) -> np.ndarray:
        """Return int64 integers at most 2^30 in absolute value, equal to those given modulo p; small ones as given."""
        x = np.asarray(x, dtype=np.int64)
        if x.size and (x.max() > LIMIT or x.min() < -LIMIT):
            x = np.mod(x, self.prime)
            x = x - self.prime * (x > self.prime // 2)
        return x

    def of_floats(self, x: np.ndarray) -> np.ndarray:
        """Return finite floats x = m 2^e, each a fraction with a power of two below, as residues, exactly."""
        x = np.asarray(x, dtype=np.float64)
        if whole(x):
            return self.reduce(x.copy())
        fraction, exponent = np.frexp(x)
        mantissa = self.residues((fraction * 2.0**53).astype(np.int64))
        sizes, which = np.unique(exponent, return_inverse=True)
        powers = self.residues(np.array([pow(2, int(e) - 53, self.prime) for e in sizes], dtype=np.int64))
        return self.times(mantissa, powers[which].reshape(x.shape))

    def halves(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (low, high), at most 2^15 in absolute value, with x = low + 2^16 high for residues x."""
        high = np.rint(x * (1.0 / HALF))
        return x - HALF * high, high

    def times(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the residues x * y, entry by entry, of residues that numpy can broadcast."""
        low, high = self.halves(y)
        total = self.reduce(x * high)
        total *= HALF
        total += x * low
        return self.reduce(total)

    def sparse_product(self, rows: sparse.csr_array, V: np.ndarray) -> np.ndarray:
        """Return the residues rows V for int64 CSR ``rows`` (k, n), entries at most 2^30, and residues V (n, r)."""
        found = np.zeros((rows.shape[0], V.shape[1]))
        low, high = (half.astype(np.int64) for half in self.halves(V))
        for i in range(0, max(1, rows.shape[1]), GATHERED):
            part = rows if rows.shape[1] <= GATHERED else sparse.csr_array(rows[:, i : i + GATHERED])
            both = self.residues(part @ np.concatenate([low[i : i + GATHERED], high[i : i + GATHERED]], axis=1))
            found += both[:, : V.shape[1]] + self.reduce(HALF * both[:, V.shape[1] :])
            self.reduce(found)
        return found

    def inverse(self, x: float) -> float:
        """Return the residue y with x y = 1, for a residue x that is not 0."""
        found = pow(int(x) % self.prime, -1, self.prime)
        return float(found - self.prime if found > self.prime // 2 else found)

    def subtract(self, x: np.ndarray, A: np.ndarray, B: np.ndarray) -> None:
        """Replace residues x (k, n), in place, by x - A B, for A (k, r) and B (r, n)."""
        k = len(A)
        for i in range(0, A.shape[1], TERMS):
            both = np.concatenate(self.halves(A[:, i : i + TERMS]))
            for j in range(0, x.shape[1], STRIP):
                part = product(both, B[i : i + TERMS, j : j + STRIP])
                change = self.reduce(part[k:])
                change *= HALF
                change += part[:k]
                strip = x[:, j : j + STRIP]
                strip -= self.reduce(change)
                self.reduce(strip)

    def product(self, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        """Return the residues A B for A (k, r) and B (r, n)."""
        found = np.zeros((A.shape[0], B.shape[1]))
        self.subtract(found, A, B)
        return np.negative(found, out=found)


def whole(x: np.ndarray) -> bool:
    """Whether all entries are integers that float64 arithmetic reduces exactly."""
    return bool((np.abs(x) <= 2.0**52).all() and (x == np.rint(x)).all())
