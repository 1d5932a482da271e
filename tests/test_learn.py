"""The learner against numpy's least squares, on every route."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import linattn_core as la
from linattn_core.factor import pivoted_cholesky
from tests.samples import ROUTES, feature_matrix, least_squares, sequences

EXPECTED_ROUTE = {"dense, primal": "primal", "dense, dual": "dual", "sparse, repeated": "blocks"}


@pytest.mark.parametrize("device", ["cpu", "torch-cpu"])
@pytest.mark.parametrize("name", ROUTES)
def test_every_route_is_the_minimum_norm_least_squares_solution(name, device):
    traces = ROUTES[name]()
    P, mse = least_squares(traces)
    run = la.learn(traces, device=device)
    scale = abs(P).max()
    np.testing.assert_allclose(run.predictor.coefficients(), P, atol=1e-9 * scale)
    np.testing.assert_allclose(run.model.coefficients(), P, atol=1e-8 * scale)
    assert np.isclose(run.training_mse, mse, rtol=1e-9, atol=1e-20)
    assert np.isclose(run.loss(run.model), mse, rtol=1e-7, atol=1e-15)
    assert run.certificate.rank == np.linalg.matrix_rank(feature_matrix(traces), rtol=1e-6)
    assert run.plan.route == EXPECTED_ROUTE.get(name, run.plan.route)
    assert set(run.seconds) == {"features", "factor", "solve", "heads"}


@pytest.mark.parametrize("name", ROUTES)
def test_moments_add_in_any_order_and_learn_the_same(name):
    traces = ROUTES[name]()
    third = len(traces) // 3
    shards = [
        traces.subset(slice(0, third)),
        traces.subset(slice(third, 2 * third)),
        traces.subset(slice(2 * third, None)),
    ]
    P, mse = least_squares(traces)
    for order in itertools.permutations(shards):
        total = la.Moments.of(order[0]) + la.Moments.of(order[1]) + la.Moments.of(order[2])
        assert total.count == len(traces)
        run = la.learn(total)
        # Lambda alone carries the square of the condition number: what streaming costs is accuracy in the last digits.
        np.testing.assert_allclose(run.predictor.coefficients(), P, atol=1e-6 * abs(P).max())
        assert np.isclose(run.training_mse, mse, atol=1e-9)
        assert run.certificate.rank == la.certify(traces).rank
    streamed = la.Moments.of(iter(shards))
    np.testing.assert_allclose(streamed.second, la.Moments.of(traces).second, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("name", ["dense, primal", "sparse, dual"])
def test_moments_are_sums_over_examples(name):
    traces = ROUTES[name]()
    Phi, moments = feature_matrix(traces), la.Moments.of(traces)
    P = np.zeros_like(Phi[0])
    P[moments.columns] = 1
    np.testing.assert_allclose(moments.second, (Phi.T @ Phi)[np.ix_(moments.columns, moments.columns)], atol=1e-9)
    np.testing.assert_allclose(moments.cross, (traces.targets.T @ Phi)[:, moments.columns], atol=1e-9)
    assert abs(Phi[:, P == 0]).max(initial=0) == 0
    assert np.isclose(moments.square, np.sum(traces.targets**2))


@pytest.mark.parametrize("name", ROUTES)
def test_ridge_is_the_regularised_solution(name):
    traces, ridge = ROUTES[name](), 0.1
    Phi = feature_matrix(traces)
    A = Phi.T @ Phi / len(traces) + ridge * np.eye(Phi.shape[1])
    P = np.linalg.solve(A, Phi.T @ traces.targets / len(traces)).T
    np.testing.assert_allclose(la.learn(traces, ridge=ridge).predictor.coefficients(), P, atol=1e-9)


@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(1, 12), st.sampled_from([0.2, 0.6, 1.0]))
@settings(max_examples=40, deadline=None)
def test_no_other_predictor_has_a_smaller_loss(seed, d, count, share):
    traces = sequences(seed, (count, 3, d), share=share, whole=True)
    if not np.any(feature_matrix(traces)):
        return
    run = la.learn(traces)
    assert run.training_mse <= least_squares(traces)[1] + 1e-9
    # ... and it is the smallest of the minimisers: it lies in the row space of the features.
    outside = run.certificate.outside

    assert abs(outside(sparse.csr_array(run.predictor.coefficients()))).max() <= 1e-7 * (
        1 + abs(run.predictor.weights).max()
    )


def test_any_number_of_heads_is_no_better_than_the_optimum():
    traces, rng = sequences(0, (30, 6, 3)), np.random.default_rng(0)
    run = la.learn(traces)
    for heads in (1, 3, 9):
        other = la.LinearAttention(rng.normal(size=(heads, 2, 3)), rng.normal(size=(heads, 3, 3)))
        assert run.loss(other) > run.training_mse


def test_a_linear_teacher_is_recovered_to_rounding():
    rng = np.random.default_rng(0)
    teacher = la.LinearAttention(rng.normal(size=(1, 4, 4)), rng.normal(size=(1, 4, 4)))
    Z = rng.normal(size=(30, 5, 4))
    answers = teacher.on(la.Traces.from_sequences(Z, np.zeros((30, 5, 4)))).reshape(30, 5, 4)
    run = la.learn(la.Traces.from_sequences(Z, answers))
    assert la.distance(run.model, teacher) < 1e-9
    assert run.certificate.identified
    assert run.training_mse < 1e-20
    assert (
        run.model.heads == 16
    )  # the minimum-norm W of a ONE-head teacher has rank d^2: these are not the teacher's heads


def test_label_noise_returns_conditional_probabilities():
    machine = next(iter(la.machines.presets().values()))
    task = la.tasks.StepAutomaton(machine)
    traces = task.traces(400, seed=3, noise=0.3)
    run = la.learn(traces)
    inputs = {}
    for Z, y in traces:
        inputs.setdefault(tuple(Z.ravel()), (Z, []))[1].append(y)
    for Z, answers in inputs.values():
        np.testing.assert_allclose(run.predictor(Z), np.mean(answers, axis=0), atol=1e-9)


@pytest.mark.parametrize("mode", ["svd", "minimal", "typed"])
@pytest.mark.parametrize("name", ["memory", "every automaton", "one automaton"])
def test_every_way_of_finding_heads_computes_the_predictor_on_legal_inputs(name, mode):
    task = {
        "memory": la.tasks.AssociativeMemory(2),
        "every automaton": la.tasks.UniversalAutomaton(states=2, letters=2),
        "one automaton": la.tasks.StepAutomaton(la.machines.presets()["contains aba"]),
    }[name]
    run = la.learn(task.traces(400, seed=0), heads=mode, task=task)
    legal = task.traces(200, seed=1)
    np.testing.assert_allclose(run.model.on(legal), run.predictor.on(legal), atol=1e-9)
    assert run.model.heads == run.heads.heads >= run.heads.lower_bound >= 1
    assert run.heads.reason.startswith(f"{run.model.heads} head")
    assert abs(run.loss(run.model) - run.training_mse) < 1e-12


def test_all_zero_contexts_are_learned_as_zero():
    run = la.learn(la.Traces.from_examples([(np.zeros((3, 2)), [1.0]), (np.zeros((3, 1)), [0.0])]))
    assert run.certificate.rank == 0
    assert run.training_mse == pytest.approx(0.5)
    assert not run.predictor(np.ones((3, 1))).any()
    assert run.model.heads == 1


def test_progress_is_monotone_and_cancelling_stops_the_work():
    seen = []
    la.learn(ROUTES["sparse, blocks"](), progress=lambda fraction, message: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[-1] <= 1

    def stop(fraction, message):
        raise la.Cancelled("stopped")

    with pytest.raises(la.Cancelled):
        la.learn(ROUTES["dense, primal"](), progress=stop)


def test_the_plan_is_known_before_and_kept_after():
    traces = ROUTES["sparse, blocks"]()
    before = la.plan(traces)
    assert before == la.learn(traces).plan
    assert f"{len(traces):,} examples" in before.describe()
    assert before.features == sum(b.features for b in before.blocks)


def test_a_problem_that_does_not_fit_is_refused_before_it_is_built(monkeypatch):
    monkeypatch.setenv("LINATTN_MEMORY_BYTES", "10000")
    with pytest.raises(la.LinattnError, match=r"would need .* use"):
        la.learn(ROUTES["dense, primal by Cholesky"]())
    with pytest.raises(la.LinattnError, match=r"would need .* use"):
        la.learn(ROUTES["dense, dual"]().subset(slice(0, 20)), heads=None)
    with pytest.raises(la.LinattnError, match=r"would need .* use"):
        la.learn(ROUTES["sparse, primal by Cholesky"]())


def test_thirty_two_dimensions_are_refused_where_memory_is_short(monkeypatch):
    monkeypatch.setenv("LINATTN_MEMORY_BYTES", str(4 * 2**30))
    tokens = np.random.default_rng(0).normal(size=(17_000, 1, 32))
    with pytest.raises(la.LinattnError, match=r"d = 32 \(p = 16,896\) would need 6.4 GiB.* use a smaller d"):
        la.learn(la.Traces.from_sequences(tokens, np.ones((17_000, 1, 1))))


BAD = {
    "zero examples": (lambda: la.learn(ROUTES["dense, dual"]().subset(slice(0, 0))), "zero examples"),
    "zero moments": (lambda: la.learn(la.Moments(3, 1)), "zero examples"),
    "negative ridge": (lambda: la.learn(ROUTES["dense, dual"](), ridge=-1), "ridge"),
    "nan ridge": (lambda: la.learn(ROUTES["dense, dual"](), ridge=float("nan")), "ridge"),
    "unknown heads": (lambda: la.learn(ROUTES["dense, dual"](), heads="many"), "heads"),
    "typed without names": (lambda: la.learn(ROUTES["dense, dual"](), heads="typed"), "task=task"),
    "unknown device": (lambda: la.learn(ROUTES["dense, dual"](), device="tpu"), "device"),
    "no heads": (lambda: la.learn(ROUTES["dense, dual"](), heads=None).model, "heads=None"),
    "other d": (lambda: la.Moments.of(sequences(0, (1, 1, 2))).add(sequences(0, (1, 1, 3))), "d = 3"),
    "unlike moments": (lambda: la.Moments(2, 1) + la.Moments(3, 1), "d = 3"),
    "empty stream": (lambda: la.Moments.of(iter([])), "empty stream"),
    "predict other d": (lambda: la.learn(sequences(0, (2, 2, 2))).predictor.on(sequences(0, (1, 1, 3))), "d = 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_calls_get_their_own_sentence(name):
    call, sentence = BAD[name]
    with pytest.raises(la.LinattnError, match=sentence):
        call()


@pytest.mark.parametrize(("n", "rank"), [(5, 5), (30, 12), (80, 1)])
def test_pivoted_cholesky_finds_the_rank(n, rank):
    B = np.random.default_rng(0).normal(size=(n, rank))
    L, pivot, found = pivoted_cholesky(B @ B.T)
    assert found == rank
    np.testing.assert_allclose((L @ L.T), (B @ B.T)[np.ix_(pivot, pivot)], atol=1e-9)
