"""Minimal heads and their bounds: planted teachers, closed-form inner products, the convex companion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.attention import LinearAttention, Predictor, distance, unfolding
from linattn_core.errors import TooLargeError
from linattn_core.heads import minimal_heads, nuclear_heads
from linattn_core.heads.bounds import hilbert_bound, inertia_bound, lower_bound, output_bound, response_bound
from linattn_core.heads.fit import balanced, fit_heads
from linattn_core.heads.target import Everywhere, OnRange, make_target
from linattn_core.learn import as_predictor, learn
from linattn_core.tasks import AssociativeMemory, RandomTeacher, StepAutomaton, UniversalAutomaton
from tests.benchmarks.heads import planted
from tests.cases import PRESETS

SEEDS = st.integers(0, 10_000)


def _random_heads(seed, heads, m, d):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(heads, m, d)), rng.normal(size=(heads, d, d))


def _targets(seed, m, d):
    """One target of each kind, the range a random one of half the features."""
    predictor = as_predictor(planted(d, 2, m, seed))
    everywhere = make_target(predictor, None)
    rng = np.random.default_rng(seed)
    rows = everywhere.project(rng.normal(size=(d * d, d, d, d)))
    basis = np.linalg.qr(rows.reshape(len(rows), -1).T)[0].T
    return everywhere, OnRange(unfolding(predictor), basis.reshape(-1, d, d, d))


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(1, 3), st.integers(1, 3), st.integers(2, 4))
def test_closed_forms_are_the_inner_products_of_projections(seed, heads, m, d):
    V, Q = _random_heads(seed, heads, m, d)
    for target in _targets(seed, m, d):
        values = np.zeros((heads, m, d, m * d**3))
        queries = np.zeros((heads, d, d, m * d**3))
        for h in range(heads):
            for j in range(d):
                for a in range(m):
                    W = np.zeros((m, d, d, d))
                    W[a, j] = Q[h]
                    values[h, a, j] = target.project(W).ravel()
                for k in range(d):
                    W = np.zeros((m, d, d, d))
                    W[:, :, j, k] = V[h]
                    queries[h, j, k] = target.project(W).ravel()
        flat_values = values[:, 0].reshape(heads * d, -1)
        flat_queries = queries.reshape(heads * d * d, -1)
        np.testing.assert_allclose(target.value_block(Q), flat_values @ flat_values.T, atol=1e-9)
        np.testing.assert_allclose(target.query_block(V), flat_queries @ flat_queries.T, atol=1e-9)
        mixed = flat_queries @ values.reshape(heads * m * d, -1).T
        np.testing.assert_allclose(target.mixed_block(V, Q), mixed, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.integers(1, 5), st.integers(1, 3), st.integers(2, 4))
def test_balancing_keeps_the_sum(seed, heads, m, d):
    V, Q = _random_heads(seed, heads, m, d)
    V2, Q2 = balanced(V, Q)
    before, after = (np.einsum("haj,hkl->ajkl", *pair) for pair in ((V, Q), (V2, Q2)))
    np.testing.assert_allclose(after, before, atol=1e-10)
    np.testing.assert_allclose(
        np.linalg.norm(V2.reshape(heads, -1), axis=1), np.linalg.norm(Q2.reshape(heads, -1), axis=1)
    )


@settings(max_examples=6, deadline=None)
@given(SEEDS, st.integers(3, 5), st.integers(1, 3), st.integers(1, 4))
def test_no_bound_exceeds_the_planted_heads(seed, d, heads, m):
    W = unfolding(as_predictor(planted(d, heads, m, seed)))
    for bound in (response_bound, inertia_bound, output_bound, hilbert_bound, lower_bound):
        assert bound(W)[0] <= heads


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.integers(3, 5), st.integers(1, 3))
def test_minimal_heads_find_and_prove_the_planted_number(seed, d, heads):
    teacher = planted(d, heads, d, seed)
    found = minimal_heads(as_predictor(teacher), nuclear=False)
    assert (found.heads, found.lower_bound, found.proven) == (heads, heads, True)
    assert distance(found.model, teacher) <= 1e-9 * np.linalg.norm(teacher.coefficients())
    assert "no fewer can do" in found.reason


def test_one_output_as_many_heads_as_dimensions_is_settled_by_the_hilbert_function():
    W = unfolding(as_predictor(planted(4, 4, 1, 0)))
    assert max(response_bound(W)[0], inertia_bound(W)[0], output_bound(W)[0]) == 3
    assert hilbert_bound(W)[0] == 4


def test_the_output_rank_counts_where_outputs_outnumber_dimensions():
    V, Q = np.zeros((2, 6, 3)), np.zeros((2, 3, 3))
    V[0, :3], V[1, 3:], Q[:, 0, 0] = np.eye(3), np.eye(3), 1.0
    Q[1, 1, 1] = 2.0
    assert output_bound(unfolding(as_predictor(LinearAttention(V, Q))))[0] == 2


def test_the_bounds_are_invariant_to_rounding_in_the_predictor():
    teacher = planted(6, 2, 6, 3)
    exact = as_predictor(teacher)
    noise = np.random.default_rng(0).normal(size=exact.weights.shape) * 1e-11
    assert lower_bound(unfolding(Predictor(6, exact.columns, exact.weights + noise)))[0] == 2


def test_the_svd_has_many_heads_where_one_suffices():
    predictor = as_predictor(planted(4, 1, 4, 0))
    assert np.linalg.matrix_rank(unfolding(predictor).reshape(16, 16)) == 16
    assert minimal_heads(predictor, nuclear=False).heads == 1


def test_nuclear_norm_finds_few_heads_and_not_too_many():
    few, many = (nuclear_heads(as_predictor(planted(4, heads, 4, 1))) for heads in (2, 4))
    assert (few.heads, few.converged) == (2, True)
    assert few.residual < 1e-9
    assert many.heads > 4
    assert many.residual < 1e-9


def test_nuclear_norm_is_not_above_that_of_the_minimal_or_the_symmetric_heads():
    predictor = as_predictor(planted(4, 2, 4, 5))
    found = nuclear_heads(predictor)
    for model in (found.model, minimal_heads(predictor, nuclear=False).model):
        W = np.einsum("haj,hkl->ajkl", model.V, model.Q).reshape(16, 16)
        assert found.norm <= np.linalg.norm(W, "nuc") * (1 + 1e-8)
    assert found.norm <= np.linalg.norm(unfolding(predictor).reshape(16, 16), "nuc")


def test_a_fit_with_too_few_heads_is_not_taken_for_one():
    fit = fit_heads(Everywhere(unfolding(as_predictor(planted(4, 3, 4, 2)))), 2, restarts=2)
    assert not fit.reached
    assert fit.starts == 3
    # No two heads can come closer than what the third direction of the answers at one context leaves.
    assert fit.residual > 1e-3


def test_a_learned_predictor_is_reproduced_on_all_inputs():
    task = RandomTeacher(4, heads=2, outputs=3)
    run = learn(task.traces(40), heads=None)
    found = minimal_heads(run.predictor, run.certificate.spaces)
    assert found.everywhere
    assert (found.heads, found.proven) == (2, True)
    fresh = task.traces(5, seed=9)
    np.testing.assert_allclose(found.model.on(fresh), run.predictor.on(fresh), atol=1e-9)


@pytest.mark.parametrize(("unitary", "everywhere"), [(0.0, True), (1.0, False)])
def test_associative_memory_is_one_head(unitary, everywhere):
    task = AssociativeMemory(3, unitary)
    run = learn(task.traces(600), heads=None)
    found = minimal_heads(run.predictor, run.certificate.spaces, nuclear=False)
    assert (found.heads, found.proven, found.everywhere) == (1, True, everywhere)
    fresh = task.traces(50, seed=9)
    np.testing.assert_allclose(found.model.on(fresh), fresh.targets, atol=1e-9)


def test_on_the_range_heads_need_only_agree_there():
    task = RandomTeacher(4, heads=3, outputs=2)
    traces = task.traces(1).subset(slice(0, 12))
    run = learn(traces, heads=None)
    found = minimal_heads(run.predictor, run.certificate.spaces, nuclear=False)
    assert not found.everywhere
    assert found.heads < minimal_heads(run.predictor, None, nuclear=False).heads
    assert run.loss(found.model) <= run.training_mse + 1e-18
    inside = run.certificate.ambiguities(traces)
    assert inside.max() < 1e-12


def test_universal_automaton_is_one_head_on_the_range():
    task = UniversalAutomaton(3, 2)
    run = learn(task.traces(300), heads=None)
    found = minimal_heads(run.predictor, run.certificate.spaces)
    assert (found.heads, found.proven) == (1, True)
    assert found.nuclear.heads == 2  # neither the 2-norm nor the nuclear norm resolves the freedom of one-hot relations
    fresh = task.traces(100, seed=5)
    np.testing.assert_allclose(found.model.on(fresh), fresh.targets, atol=1e-9)


def test_step_automata_need_fewer_heads_than_letters_when_nothing_has_to_be_readable():
    machine = next(case.machine for case in PRESETS if case.name == "vending machine")
    task = StepAutomaton(machine)
    run = learn(task.traces(80), heads=None)
    found = minimal_heads(run.predictor, run.certificate.spaces, nuclear=False)
    assert found.heads < len(machine.alphabet)
    fresh = task.traces(20, seed=3)
    np.testing.assert_allclose(found.model.on(fresh), fresh.targets, atol=1e-9)
    assert "proved" in found.reason


def test_zero_is_one_head():
    found = minimal_heads(Predictor(3, np.empty(0, dtype=np.int64), np.empty((2, 0))))
    assert (found.heads, found.residual, found.proven) == (1, 0.0, True)
    assert not found.model.V.any()
    assert nuclear_heads(Predictor(3, np.empty(0, dtype=np.int64), np.empty((2, 0)))).heads == 1


def test_results_do_not_depend_on_anything_but_the_predictor():
    predictor = as_predictor(planted(4, 4, 4, 4))
    first, second = minimal_heads(predictor, nuclear=False), minimal_heads(predictor, nuclear=False)
    np.testing.assert_array_equal(first.model.V, second.model.V)
    assert first.tried == second.tried


def test_a_search_beyond_reason_is_refused(monkeypatch):
    monkeypatch.setattr("linattn_core.heads.minimal.WORK", 10.0)
    with pytest.raises(TooLargeError, match="heads='typed'"):
        minimal_heads(as_predictor(planted(3, 1, 1, 0)))


def test_a_search_that_stops_says_so(monkeypatch):
    rng = np.random.default_rng(0)
    predictor = Predictor(4, np.arange(40), rng.normal(size=(4, 40)))  # no teacher: many heads
    monkeypatch.setattr("linattn_core.heads.minimal.WORK", make_target(predictor, None).work(4) * 20 * 3.0)
    found = minimal_heads(predictor, nuclear=False)
    assert found.residual < 1e-9
    assert not found.proven
    assert "limit of work" in found.reason


def test_progress_is_reported_and_may_stop_the_search():
    seen = []
    minimal_heads(as_predictor(planted(3, 2, 3, 0)), progress=lambda fraction, message: seen.append(fraction))
    assert seen
    assert all(0.0 <= fraction <= 1.0 for fraction in seen)

    def stop(fraction, message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        minimal_heads(as_predictor(planted(3, 2, 3, 0)), progress=stop)


@pytest.mark.slow
@pytest.mark.parametrize("d", [4, 6, 8])
@pytest.mark.parametrize("heads", [1, 2, 3, 4])
@pytest.mark.parametrize("outputs", [1, None])
def test_twenty_planted_teachers(d, heads, outputs):
    """At least 95 % exact in every cell, and proved so; the goal is all of them."""
    found = [minimal_heads(as_predictor(planted(d, heads, outputs or d, seed)), nuclear=False) for seed in range(20)]
    assert sum(f.heads == heads for f in found) >= 19
    assert all(f.residual <= 1e-9 for f in found)
    assert sum(f.proven for f in found) >= 19
