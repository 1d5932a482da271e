"""phi, the kernel, and linear attention as a linear predictor."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import linattn_core as la
from linattn_core.attention import relative_distance, unfolding
from linattn_core.features import feature_batch, feature_rows
from linattn_core.learn import as_predictor
from tests.samples import ROUTES, feature_matrix

REAL = st.floats(-3, 3, allow_nan=False).filter(lambda x: x == 0 or abs(x) >= 1e-50)  # the kernel has six factors


@st.composite
def inputs(draw, count=1):
    d = draw(st.integers(1, 5))
    return [draw(arrays(float, (d, draw(st.integers(1, 6))), elements=REAL)) for _ in range(count)]


def attention(seed, heads, outputs, d):
    rng = np.random.default_rng(seed)
    return la.LinearAttention(rng.normal(size=(heads, outputs, d)), rng.normal(size=(heads, d, d)))


@pytest.mark.parametrize(
    ("d", "p"), [(2, 6), (4, 40), (6, 126), (8, 288), (12, 936), (16, 2176), (20, 4200), (32, 16896)]
)
def test_feature_count_is_the_golden_number(d, p):
    assert la.feature_count(d) == p
    assert len(la.features(np.ones((d, 1)))) == p


def test_the_full_cubic_features_are_never_of_full_rank():
    rng = np.random.default_rng(0)
    full = []
    for Z in rng.normal(size=(300, 4, 6)):
        full.append(np.einsum("jk,l->jkl", Z @ Z.T, Z[:, -1]).ravel())
    assert np.linalg.matrix_rank(np.array(full)) == 40  # of 64


@given(inputs(count=2).filter(lambda pair: pair[0].shape[0] == pair[1].shape[0]))
@settings(max_examples=60)
def test_the_kernel_is_the_inner_product_of_features(pair):
    Z, Z2 = pair
    scale = 1 + np.linalg.norm(Z) ** 3 * np.linalg.norm(Z2) ** 3
    assert abs(la.kernel(Z, Z2) - la.features(Z) @ la.features(Z2)) <= 1e-12 * scale
    assert np.isclose(np.linalg.norm(la.features(Z)), np.linalg.norm(Z.T @ Z) * np.linalg.norm(Z[:, -1]))


@given(inputs(), st.integers(1, 3), st.integers(1, 3), st.integers(0, 100))
@settings(max_examples=60)
def test_attention_is_linear_in_the_features(drawn, heads, outputs, seed):
    (Z,) = drawn
    model = attention(seed, heads, outputs, Z.shape[0])
    C, z = Z @ Z.T, Z[:, -1]
    literal = sum(V @ C @ Q @ z for V, Q in zip(model.V, model.Q, strict=True))
    scale = 1 + np.linalg.norm(Z) ** 3
    np.testing.assert_allclose(model(Z), literal, atol=1e-11 * scale)
    np.testing.assert_allclose(model.coefficients() @ la.features(Z), literal, atol=1e-11 * scale)
    np.testing.assert_allclose(as_predictor(model)(Z), literal, atol=1e-11 * scale)
    np.testing.assert_allclose(
        np.einsum("ajkl,jk,l", unfolding(as_predictor(model)), C, z), literal, atol=1e-11 * scale
    )


@pytest.mark.parametrize("name", ROUTES)
def test_batched_features_equal_the_literal_ones(name):
    traces = ROUTES[name]()
    Phi = feature_matrix(traces)
    for size in (len(traces), 7, 1):
        rows = [feature_rows(chunk) for chunk in traces.chunks(size)]
        rows = np.vstack([r.toarray() if traces.is_sparse else r for r in rows])
        np.testing.assert_allclose(rows, Phi, atol=1e-12 * abs(Phi).max())
    batch = feature_batch(traces)
    np.testing.assert_allclose(batch.gram(batch), Phi @ Phi.T, atol=1e-10 * abs(Phi).max() ** 2)


@pytest.mark.parametrize("name", ROUTES)
def test_models_answer_in_batches_as_one_by_one(name):
    traces = ROUTES[name]()
    model = attention(1, 2, 3, traces.dim)
    one_by_one = np.array([model(Z) for Z, _ in traces])
    np.testing.assert_allclose(model.on(traces), one_by_one, atol=1e-11 * abs(one_by_one).max())


def test_distance_is_zero_iff_the_functions_agree():
    model = attention(0, 2, 2, 3)
    mixed = la.LinearAttention(model.V[::-1], model.Q[::-1])
    swapped = la.LinearAttention(model.V, model.Q + 1e-3)
    assert la.distance(model, mixed) < 1e-12
    assert la.distance(model, swapped) > 1e-4
    zero = la.LinearAttention(0 * model.V, model.Q)
    assert relative_distance(zero, model) == pytest.approx(1)
    assert relative_distance(zero, zero) == 0
    assert relative_distance(model, zero) == np.inf
    with pytest.raises(la.LinattnError, match="same d and m"):
        la.distance(model, attention(0, 1, 2, 4))


def test_rollout_appends_its_own_answers():
    model, Z = attention(2, 2, 3, 3), np.random.default_rng(3).normal(size=(3, 4))
    grown = Z
    for _ in range(4):
        grown = np.c_[grown, np.round(model(grown), 2)]
    np.testing.assert_allclose(model.rollout(Z, 4, lambda y: np.round(y, 2)), grown[:, 4:].T)
    with pytest.raises(la.LinattnError, match="m = d"):
        attention(2, 1, 2, 3).rollout(Z, 1)


def test_the_largest_heads_are_kept_in_order_and_none_is_zero():
    model = attention(5, 4, 2, 3)
    sizes = np.linalg.norm(model.V, axis=(1, 2)) * np.linalg.norm(model.Q, axis=(1, 2))
    scaled = la.LinearAttention(model.V * (np.array([1, 8, 2, 4]) / sizes)[:, None, None], model.Q)
    kept = scaled.largest(2)
    np.testing.assert_array_equal(kept.V, scaled.V[[1, 3]])
    Z = np.eye(3)
    np.testing.assert_allclose(scaled.largest(4)(Z), scaled(Z))
    assert not scaled.largest(0)(Z).any()


BAD = {
    "no columns": (np.empty((3, 0)), "without columns"),
    "wrong d": (np.ones((4, 2)), "d = 3"),
    "nan": (np.full((3, 2), np.nan), "NaN"),
    "one axis": (np.ones(3), r"wanted \(d, n\)"),
    "text": ([["a"]], "not numeric"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_input_gets_its_own_sentence(name):
    Z, sentence = BAD[name]
    with pytest.raises(la.LinattnError, match=sentence):
        attention(0, 1, 1, 3)(Z)


@pytest.mark.parametrize(
    ("V", "Q"), [(np.ones((1, 2, 3)), np.ones((1, 2, 2))), (np.ones((2, 1, 3)), np.ones((1, 3, 3))), (np.ones(3), 1)]
)
def test_heads_of_wrong_shape_are_refused(V, Q):
    with pytest.raises(la.LinattnError, match="wanted"):
        la.LinearAttention(V, Q)
