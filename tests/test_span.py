"""The dimension of all pairings against their spanning rows in fractions, in units that floats cannot bear."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.certificates.exact.range import ExactRange
from linattn_core.tasks.lookup import lookup_dimension, spanning_tables
from linattn_core.tasks.span import lookup_span
from linattn_core.tasks.vectors import VectorMemory


def by_fractions(keys, values):
    """Rank of the features of all spanning pairings, decimals read as written, by elimination in fractions."""
    keys, values = ([[Fraction(repr(float(x))) for x in row] for row in rows] for rows in (keys, values))
    rows = []
    for table in spanning_tables(len(keys), len(values)):
        for query in keys:
            tokens = [k + values[v] for k, v in zip(keys, table, strict=True)]
            tokens.append(query + [Fraction(0)] * len(values[0]))
            d = len(tokens[0])
            c = [sum(t[i] * t[j] for t in tokens) for i in range(d) for j in range(i, d)]
            rows.append([entry * x for entry in c for x in query])
    rank = 0
    while rows:
        row = rows.pop()
        pivot = next((i for i, x in enumerate(row) if x), None)
        if pivot is not None:
            rank += 1
            rows = [[x - r[pivot] / row[pivot] * y for x, y in zip(r, row, strict=True)] for r in rows]
    return rank


@pytest.mark.parametrize("first", [0.0, 150.0, 1990.0, 1e5, 1e6 - 6, 0.001])
@pytest.mark.parametrize("step", [1.0, 0.5, 0.1, 1e-3])
def test_six_one_hot_keys_with_values_in_any_units_span_48(first, step):
    """The offset of the values is no matter: heights in cm, years, prices."""
    values = (first + step * np.arange(6)).round(6)[:, None]
    assert lookup_span(np.eye(6), values) == 48


def test_memories_of_heights_and_years_know_their_dimension():
    for first in (150.0, 1990.0):
        pairs = tuple((tuple(row), (first + i,)) for i, row in enumerate(np.eye(6).tolist()))
        task = VectorMemory(pairs)
        assert task.family_dimension == ExactRange.of(task.family().contexts).rank == 48


def test_decimals_keep_the_relations_a_person_sees():
    """0.1 + 0.2 = 0.3 in decimals, not in binary fractions."""
    keys, values = np.array([[0.1, 1.0], [0.2, 1.0], [0.3, 2.0]]), np.array([[1.0], [2.0]])
    assert lookup_span(keys, values) == by_fractions(keys, values)
    assert lookup_span(keys, values) == lookup_span(keys * 10, values) < lookup_span(np.eye(3), values)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 2), st.integers(1, 3), st.sampled_from([1, 10, 1000]))
def test_the_span_is_that_of_the_fractions(seed, K, dk, L, unit):
    rng = np.random.default_rng(seed)
    keys = (rng.integers(-3, 4, size=(K, dk)) / unit).round(4)
    values = 150 + (rng.integers(0, 4, size=(L, 1)) / unit).round(4)
    keys[~keys.any(axis=1)] = 1.0
    assert lookup_span(keys, values) == by_fractions(keys, values)


@pytest.mark.parametrize(("K", "dk"), [(3, 3), (4, 6), (5, 3)])
def test_computed_keys_span_what_a_map_of_them_does(K, dk):
    rng = np.random.default_rng(K)
    keys, values = rng.integers(-3, 4, size=(K, dk)) + np.eye(K, dk), np.arange(1990.0, 1994.0)[:, None]
    moved = keys @ rng.normal(size=(dk, dk))
    assert lookup_span(moved, values, computed=True) == lookup_span(keys, values)
    if dk >= K:
        assert lookup_span(moved, values, computed=True) == lookup_span(np.eye(K), values)


def test_generic_numbers_and_one_hot_words():
    rng = np.random.default_rng(0)
    assert lookup_span(rng.normal(size=(4, 4)), rng.normal(size=(3, 4))) <= lookup_dimension(4, 3)
    assert lookup_span(np.eye(5), np.eye(4)) == lookup_dimension(5, 4)
    assert lookup_span(np.eye(1), np.zeros((1, 1))) == 1
