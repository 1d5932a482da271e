"""Exact linear algebra modulo a prime, against Python's integers, sympy's rationals and known ranks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Matrix

from linattn_core import modular
from linattn_core.modular import PRIME, Echelon, LeftSolver, product, residues

SMALL = st.integers(0, 10**6)


def integers(seed, shape, low=-3, high=4):
    return np.random.default_rng(seed).integers(low, high, size=shape)


def test_products_are_exact_at_the_largest_residues():
    A = np.full((3, 200), PRIME - 1, dtype=np.int64)
    B = np.full((200, 2), PRIME - 1, dtype=np.int64)
    assert (product(A, B) == 200).all()  # (-1)(-1) summed 200 times
    A, B = integers(0, (4, 150), 0, PRIME), integers(1, (150, 5), 0, PRIME)
    wanted = [[sum(int(a) * int(b) for a, b in zip(row, column, strict=True)) % PRIME for column in B.T] for row in A]
    assert product(A, B).tolist() == wanted


def test_reducing_covers_the_whole_range():
    x = np.array([0, 1, PRIME - 1, PRIME, PRIME + 1, 2 * PRIME, 2**62, 2**63 - 1, (PRIME - 1) ** 2])
    assert modular.reduce(x).tolist() == [int(v) % PRIME for v in x.tolist()]
    assert residues(np.array([-1, -PRIME, -(2**40)])).tolist() == [PRIME - 1, 0, -(2**40) % PRIME]


@settings(max_examples=30, deadline=None)
@given(SMALL, st.integers(1, 7), st.integers(1, 7), st.integers(0, 7))
def test_the_rank_is_sympys(seed, rows, columns, inner):
    M = integers(seed, (rows, inner)) @ integers(seed + 1, (inner, columns))
    assert modular.rank(M) == Matrix(M.tolist()).rank()


def test_the_rank_of_a_large_product_and_where_floats_fail():
    assert modular.rank(integers(0, (300, 90)) @ integers(1, (90, 400))) == 90
    # A tiny but real direction: float64 loses 1 beside 2^60, integers do not.
    M = np.array([[2**60, 2**60 + 1], [2**60, 2**60]])
    assert np.linalg.matrix_rank(M.astype(float)) == 1
    assert modular.rank(M) == 2


@settings(max_examples=30, deadline=None)
@given(SMALL, st.integers(1, 150), st.integers(1, 30), st.integers(1, 20))
def test_echelon_bases_grow_by_exactly_the_independent_rows(seed, rows, columns, inner):
    M = integers(seed, (rows, inner)) @ integers(seed + 1, (inner, columns))
    space = Echelon(columns)
    fresh = space.add(M)
    assert fresh.sum() == space.rank == modular.rank(M[fresh]) == modular.rank(M)
    assert (space.basis[:, space.pivots] == np.eye(space.rank, dtype=int)).all()
    assert space.contains(M)
    assert not space.add(M[::-1]).any()
    probes = space.orthogonal(3, np.random.default_rng(seed))
    assert not product(residues(M), probes).any()
    if space.rank < columns:
        assert probes.any()


def test_equal_subspaces_have_equal_keys_whatever_the_order():
    M = integers(3, (10, 6)) @ integers(4, (6, 12))
    spaces = [modular.echelon(rows) for rows in (M, M[::-1], np.concatenate([M[5:] * 2, M[:5]]))]
    assert len({space.key() for space in spaces}) == 1
    assert modular.echelon(M[:3]).key() != spaces[0].key()


@settings(max_examples=30, deadline=None)
@given(SMALL, st.integers(1, 12), st.integers(1, 9), st.integers(1, 5))
def test_left_solver(seed, r, m, inner):
    A = residues(integers(seed, (r, inner)) @ integers(seed + 1, (inner, m)))
    solver = LeftSolver(A)
    wanted = product(residues(integers(seed + 2, (4, r))), A)
    X, solvable = solver.solve(wanted)
    assert solvable.all()
    assert np.array_equal(product(X, A), wanted)
    assert not product(solver.null, A).any()
    assert len(solver.null) == r - modular.rank(A)
    if modular.rank(A) < m:
        outside = next(row for row in np.eye(m, dtype=np.int64) if not modular.echelon(A).contains(row[None]))
        assert not solver.solve(outside[None])[1].any()


def test_small_fractions_come_back_and_others_do_not():
    third = pow(3, PRIME - 2, PRIME)
    rows = np.array([[third, PRIME - 2 * third % PRIME, 5], [1, 0, PRIME - 7]])
    numerators, denominators = modular.rational(rows)
    assert numerators.tolist() == [[1, -2, 15], [1, 0, -7]]
    assert denominators.tolist() == [3, 1]
    assert modular.rational(np.array([[123456789]])) is None


@pytest.mark.parametrize("bound", [10, 1000])
def test_reconstruction_inverts_reduction(bound):
    rng = np.random.default_rng(bound)
    over, under = rng.integers(-bound, bound + 1, 50), rng.integers(1, bound + 1, 50)
    inverse = np.array([pow(int(b), PRIME - 2, PRIME) for b in under])
    numerators, denominators = modular.rational(modular.reduce(residues(over) * inverse)[:, None], bound)
    assert (numerators[:, 0] * under == over * denominators).all()
