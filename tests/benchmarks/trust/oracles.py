"""What is true, decided without the library: ranks and membership modulo primes, least squares in long arithmetic.

A float is a dyadic rational m 2^e, so the features of stored tokens have an exact rank. They are formed here modulo a
prime from the residues of the tokens, without the sqrt(2) off the diagonal of svec: a scaling of columns, which changes
no rank. A rank modulo p never exceeds the rank over the rationals and falls short of it with a chance of about rank / p
each time; two primes near 2^31 are taken and the larger answer counts. Contexts are arrays Z (d, n), tokens as columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property

import mpmath
import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

PRIMES = (2_147_483_647, 2_147_483_629)
DENSE_DIM = 5  # embeddings above this are those of tasks with one-hot tokens
PRECISION, MAX_PRECISION = 700, 6000  # bits of the long arithmetic; more where a pivot nearly vanishes


def residues(values: np.ndarray, prime: int) -> np.ndarray:
    """Return float64 ``values`` modulo ``prime``, exactly: m 2^e with m of 53 bits."""
    fraction, exponent = np.frexp(np.asarray(values, dtype=np.float64))
    mantissa = np.ldexp(fraction, 53).astype(np.int64) % prime
    e = exponent.astype(np.int64) - 53
    powers = {int(k): pow(2, int(k), prime) for k in np.unique(e)}
    scale = np.vectorize(powers.__getitem__, otypes=[np.int64])(e) if e.size else e
    return mantissa * scale % prime


def feature_residues(contexts: Sequence[np.ndarray], prime: int) -> np.ndarray:
    """Return the rows C[j, k] z[l], j <= k, of every context modulo ``prime``, (N, p) int64."""
    d = contexts[0].shape[0]
    j, k = np.triu_indices(d)
    rows = np.empty((len(contexts), len(j) * d), dtype=np.int64)
    for i, Z in enumerate(contexts):
        R = residues(Z, prime)
        C = np.zeros(len(j), dtype=np.int64)
        for t in range(0, R.shape[1], 4096):  # sums of residues stay below 2^63
            C = (C + (R[j, t : t + 4096] * R[k, t : t + 4096] % prime).sum(axis=1)) % prime
        rows[i] = (C[:, None] * R[:, -1] % prime).ravel()
    return rows


class Span:
    """The row space of integer rows modulo ``prime``, in reduced echelon form; ``pivots`` are its columns."""

    def __init__(self, rows: np.ndarray, prime: int) -> None:
        self.prime, self.pivots, self.chosen = prime, list[int](), list[int]()
        basis = rows % prime
        order = np.arange(len(basis))
        r = 0
        for column in range(basis.shape[1]):
            below = np.flatnonzero(basis[r:, column])
            if not len(below):
                continue
            at = r + int(below[0])
            basis[[r, at]], order[[r, at]] = basis[[at, r]], order[[at, r]]
            basis[r] = basis[r] * pow(int(basis[r, column]), -1, prime) % prime
            others = np.flatnonzero(basis[:, column])
            others = others[others != r]
            basis[others] = (basis[others] - basis[others, column][:, None] * basis[r] % prime) % prime
            self.pivots.append(column)
            self.chosen.append(int(order[r]))
            r += 1
            if r == len(basis):
                break
        self.basis = basis[:r]

    @property
    def rank(self) -> int:
        return len(self.basis)

    def holds(self, rows: np.ndarray) -> np.ndarray:
        """Return for every row whether it lies in the span modulo the prime."""
        rows = rows % self.prime
        for column, basis in zip(self.pivots, self.basis, strict=True):
            rows = (rows - rows[:, column][:, None] * basis % self.prime) % self.prime
        return np.asarray(~rows.any(axis=1))


class Blocks:
    """As ``Span``, for rows that fall apart into groups without a common column: one-hot tokens make many of them."""

    def __init__(self, rows: np.ndarray, prime: int) -> None:
        self.prime, self.width = prime, rows.shape[1]
        self.pivots, self.chosen, self.parts = list[int](), list[int](), list[tuple[np.ndarray, Span]]()
        label = _components(rows != 0)
        where = rows.argmax(axis=1)  # any column of the row will do: all are of one component
        where = np.where(rows[np.arange(len(rows)), where] > 0, where, -1)
        for component in range(label.max(initial=-1) + 1):
            columns = np.flatnonzero(label == component)
            mine = np.flatnonzero((where >= 0) & (label[where] == component))
            if len(mine):
                span = Span(rows[np.ix_(mine, columns)], prime)
                self.parts.append((columns, span))
                self.pivots += columns[span.pivots].tolist()
                self.chosen += mine[span.chosen].tolist()

    @property
    def rank(self) -> int:
        return len(self.pivots)

    def holds(self, rows: np.ndarray) -> np.ndarray:
        """Return for every row whether it lies in the span modulo the prime."""
        known = np.zeros(self.width, dtype=bool)
        inside = np.ones(len(rows), dtype=bool)
        for columns, span in self.parts:
            known[columns] = True
            touched = np.flatnonzero(rows[:, columns].any(axis=1))
            inside[touched] &= span.holds(rows[np.ix_(touched, columns)])
        return inside & ~rows[:, ~known].any(axis=1)


def _components(pattern: np.ndarray) -> np.ndarray:
    """Return the component (p,) of every column, those that share a row being together."""
    N, p = pattern.shape
    i, j = np.nonzero(pattern)
    graph = sparse.csr_array((np.ones(len(i)), (i, N + j)), shape=(N + p, N + p))
    return np.asarray(csgraph.connected_components(graph, directed=False)[1][N:])


class Range:
    """The exact range of the features of ``contexts``: its rank, and which other inputs lie in it."""

    def __init__(self, contexts: Sequence[np.ndarray], primes: Sequence[int] = PRIMES) -> None:
        self.contexts = list(contexts)
        kind = Span if len(self.contexts[0]) <= DENSE_DIM else Blocks
        spans = [kind(feature_residues(self.contexts, prime), prime) for prime in primes]
        self.span = max(spans, key=lambda span: span.rank)
        self.rank = self.span.rank

    def holds(self, contexts: Sequence[np.ndarray]) -> np.ndarray:
        """Return (N,) booleans: the features of each input are a combination of those of the data."""
        if not len(contexts):
            return np.zeros(0, dtype=bool)
        return self.span.holds(feature_residues(contexts, self.span.prime))


def integers(contexts: Sequence[np.ndarray]) -> tuple[list[np.ndarray], int]:
    """Return the tokens as arrays of Python integers and s: the stored numbers times 2^s, exactly."""
    every = np.concatenate([Z.ravel() for Z in contexts])
    _, exponent = np.frexp(every[every != 0])
    shift = 53 - int(exponent.min()) if len(exponent) else 0
    return [_shifted(Z, shift) for Z in contexts], shift


def _shifted(Z: np.ndarray, shift: int) -> np.ndarray:
    fraction, exponent = np.frexp(Z)
    mantissa = np.ldexp(fraction, 53).astype(np.int64)
    flat = [
        int(m) << (int(e) - 53 + shift) if m else 0 for m, e in zip(mantissa.ravel(), exponent.ravel(), strict=True)
    ]
    out = np.empty(len(flat), dtype=object)
    out[:] = flat
    return out.reshape(Z.shape)


def integer_features(Z: np.ndarray) -> np.ndarray:
    """Return C[j, k] z[l], j <= k, (p,) Python integers, of integer tokens Z (d, n)."""
    j, k = np.triu_indices(len(Z))
    C = Z @ Z.T
    return np.outer(C[j, k], Z[:, -1]).ravel()


class LeastSquares:
    """The least-squares problem of pairs (Z, y) with multiplicities, solved from the exact kernel and exact features.

    With X the features, A = X at pivot columns and R = X at pivot rows, both of full rank r = rank X: the fitted values
    are A w with (A^T W A) w = A^T W y, and the minimiser of least norm is P = c R with (R R^T) c the fitted values at
    the pivot rows; R R^T holds kernels ||Z^T Z'||^2 <z, z'>, which need no sqrt(2).
    """

    def __init__(
        self, contexts: Sequence[np.ndarray], answers: np.ndarray, weights: Sequence[int], known: Range
    ) -> None:
        self.range, self.answers, self.weights = known, answers, list(weights)
        self.tokens, self.shift = integers(contexts)
        self.columns, self.rows = known.span.pivots, known.span.chosen
        features = np.array([integer_features(Z) for Z in self.tokens], dtype=object)
        self.A = features[:, self.columns]
        y = np.vectorize(_mpf, otypes=[object])(answers) if answers.size else np.empty(answers.shape, dtype=object)
        with mpmath.workprec(PRECISION):
            W = np.array(self.weights, dtype=object)[:, None]
            rhs = (self.A * W).T @ y if self.columns else y[:0]
            self.w = solve_symmetric(self.A.T @ (self.A * W), rhs) if self.columns else rhs
            self.fitted = self.A @ self.w if self.columns else 0 * y
            left = self.fitted - y
            self.squared = sum((left * left * W).ravel(), mpmath.mpf(0))

    @property
    def count(self) -> int:
        return sum(self.weights)

    @property
    def mse(self) -> float:
        """The least possible mean of ||P phi - y||^2."""
        return float(self.squared / self.count)

    @cached_property
    def square(self) -> float:
        """The mean of ||y||^2."""
        return float((np.array(self.weights) @ (self.answers**2).sum(axis=1)) / self.count)

    @cached_property
    def dual(self) -> np.ndarray:
        """c (r, m): the minimiser of least norm is sum_i c_i phi_i over the pivot rows, tokens as integers."""
        with mpmath.workprec(PRECISION):
            if not self.rows:
                return np.empty((0, self.answers.shape[1]), dtype=object)
            gram = np.array(
                [[kernel(self.tokens[i], self.tokens[j]) for j in self.rows] for i in self.rows], dtype=object
            )
            return solve_symmetric(gram, self.fitted[self.rows])

    def answer(self, Z: np.ndarray) -> np.ndarray:
        """Return the answer (m,) of every minimiser at Z, which must lie in the range: of the one on A's columns."""
        with mpmath.workprec(PRECISION):
            if not self.columns:
                return np.zeros(self.answers.shape[1])
            tokens, shift = integers([Z])
            scale = mpmath.mpf(2) ** (3 * (self.shift - shift))
            return np.array([float(v * scale) for v in integer_features(tokens[0])[self.columns] @ self.w])

    def least_norm(self, Z: np.ndarray) -> np.ndarray:
        """Return the answer (m,) of the minimiser of least norm at any Z."""
        with mpmath.workprec(PRECISION):
            if not self.rows:
                return np.zeros(self.answers.shape[1])
            tokens, shift = integers([Z])
            scale = mpmath.mpf(2) ** (3 * (self.shift - shift))  # the kernel is of degree 3 in each of its two inputs
            row = np.array([kernel(self.tokens[i], tokens[0]) for i in self.rows], dtype=object)
            return np.array([float(value * scale) for value in row @ self.dual])


def kernel(Z: np.ndarray, other: np.ndarray) -> int:
    """Return ||Z^T Z'||_F^2 <z, z'> in integers."""
    products = Z.T @ other
    return int((products * products).sum() * (Z[:, -1] @ other[:, -1]))


def solve_symmetric(M: np.ndarray, rhs: np.ndarray) -> np.ndarray:
    """Solve M x = rhs for a positive definite integer M (r, r) in long arithmetic, by L D L^T; exact enough to print.

    The precision is raised until the smallest pivot stands well clear of rounding.
    """
    precision = mpmath.mp.prec
    while True:
        with mpmath.workprec(precision):
            found = _solve(M, rhs)
        if found is not None:
            return found
        precision *= 3
        if precision > MAX_PRECISION:
            raise ArithmeticError("a system that is singular to thousands of bits: its rank was overestimated")


def _solve(M: np.ndarray, rhs: np.ndarray) -> np.ndarray | None:
    r = len(M)
    L = np.vectorize(_mpf, otypes=[object])(M)
    x = np.vectorize(_mpf, otypes=[object])(rhs) if rhs.size else rhs.copy()
    before = [abs(L[i, i]) for i in range(r)]
    for k in range(r):
        if L[k, k] <= before[k] * mpmath.ldexp(1, 100 - mpmath.mp.prec):
            return None
        factor = L[k, k + 1 :] / L[k, k]
        for i, f in enumerate(factor, start=k + 1):
            L[i, i:] = L[i, i:] - L[k, i:] * f  # upper triangle alone; the array first, so that numpy multiplies
        if k + 1 < r and x.size:
            x[k + 1 :] = x[k + 1 :] - np.outer(factor, x[k])
    for k in reversed(range(r)):
        x[k] = (x[k] - (L[k, k + 1 :] @ x[k + 1 :] if k + 1 < r else 0)) / L[k, k]
    return x


def _mpf(value: object) -> mpmath.mpf:
    return mpmath.mpf(value) if not isinstance(value, Fraction) else mpmath.mpf(value.numerator) / value.denominator
