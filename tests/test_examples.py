"""Distinct examples: equal inputs merged, every single one still known, and the smallest cases."""

import numpy as np
import pytest

import linattn_core as la
from linattn_core import examples
from linattn_core.examples import Examples
from linattn_core.features import feature_rows
from tests.samples import ROUTES, feature_matrix, one_hot, peak


def checked(made: Examples, traces: la.Traces) -> None:
    """Rows, order, weights, means and single examples against dictionaries of bytes."""
    Phi = feature_matrix(traces)
    seen: dict[bytes, list[int]] = {}
    for i, row in enumerate(Phi):
        seen.setdefault((row + 0.0).tobytes(), []).append(i)
    np.testing.assert_allclose(made.rows.toarray(), Phi[[who[0] for who in seen.values()]], rtol=1e-12)
    np.testing.assert_array_equal(made.weights, [len(who) for who in seen.values()])
    assert made.count == len(traces)
    for number, who in enumerate(seen.values()):
        assert (made.group[who] == number).all()
        np.testing.assert_allclose(made.targets[number], traces.targets[who].mean(axis=0), atol=1e-12)
    np.testing.assert_array_equal(made.answers, traces.targets)
    spread = made.residuals(made.targets)
    np.testing.assert_allclose(spread, np.linalg.norm(traces.targets - made.targets[made.group], axis=1))
    assert made.scatter == pytest.approx(float(spread @ spread), abs=1e-9)


@pytest.mark.parametrize("chunk", [1, 3, 4000])
@pytest.mark.parametrize("collide", [False, True])
def test_equal_inputs_are_merged_and_unequal_ones_never(chunk, collide, monkeypatch):
    monkeypatch.setattr(examples, "SPARSE_CHUNK", chunk)
    if collide:  # a hash that tells nothing apart: the rows themselves must be compared
        monkeypatch.setattr(examples, "row_hashes", lambda rows: np.zeros(rows.shape[0], dtype=np.uint64))
    for traces in (ROUTES["sparse, repeated"](), la.tasks.UniversalAutomaton(2, 2).traces(90, noise=0.3)):
        checked(Examples.of(traces), traces)


def test_sizes_that_swallow_each_other_are_told_apart():
    tokens = np.zeros((6, 4))
    tokens[:, 0], tokens[:, 1] = 1e30, [1.0, 2.0, 3.0, 1.0, 2.0, 1.0]
    traces = la.Traces.build(tokens, np.arange(6), np.arange(6) + 1, np.arange(6.0)[:, None])
    np.testing.assert_array_equal(Examples.of(traces).weights, [3, 2, 1])


def test_merging_does_not_pay_for_features_that_never_occur():
    d, N = 2_000, 3_000
    traces = la.Traces.build(one_hot(20 * N, d), np.arange(N) * 20, np.arange(N) * 20 + 20, np.ones((N, 1)))
    made, held = peak(lambda: Examples.of(traces))
    assert held < 60e6
    assert made.rows.shape == (N, la.feature_count(d))
    assert made.rows.indices.dtype == np.int64


@pytest.mark.parametrize("m", [0, 1])
@pytest.mark.parametrize(
    "tokens", [np.ones((1, 1)), np.zeros((1, 1)), np.zeros((3, 2)), np.eye(3), np.ones((2, 3))], ids=str
)
def test_the_smallest_cases_have_features_examples_and_blocks(tokens, m):
    n = len(tokens)
    for start, stop in (([0], [n]), ([0] * n, np.arange(n) + 1)):
        traces = la.Traces.build(tokens, start, stop, np.ones((len(start), m)))
        rows = feature_rows(traces)
        np.testing.assert_array_equal(rows.toarray() if traces.is_sparse else rows, feature_matrix(traces))
        made = Examples.of(traces)
        assert made.weights.sum() == len(traces)
        assert made.targets.shape == (len(made.weights), m)
        assert made.residuals(made.targets).shape == (len(traces),)
        found = examples.blocks(made.rows)
        assert (len(found) == 0) == (not tokens.any())
        assert sum(len(block.columns) for block in found) == len(made.active[0])
    none = la.Traces.contexts(tokens, [], [])
    assert feature_rows(none).shape == (0, la.feature_count(tokens.shape[1]))
