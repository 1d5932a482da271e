"""The factored range of a second moment: every way of factoring it, and the sums over pairs that form it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import linattn_core as la
from linattn_core.dense_second import DenseSecond
from linattn_core.factor import (
    EIGEN_LIMIT,
    BasisSpace,
    ExampleSpace,
    FullSpace,
    from_features,
    from_kernel,
    from_rows,
    from_second,
)
from linattn_core.features import feature_batch
from linattn_core.numerics import device
from tests.samples import feature_matrix, sequences


def with_spectrum(values: np.ndarray) -> np.ndarray:
    """A symmetric matrix with these eigenvalues and random eigenvectors."""
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(len(values), len(values))))[0]
    second = basis * values @ basis.T
    return (second + second.T) / 2


@pytest.mark.parametrize("ridge", [0.0, 0.5])
@pytest.mark.parametrize("smallest", [1e-3, 1e-6])
@pytest.mark.parametrize("size", [40, EIGEN_LIMIT + 50])
def test_a_well_conditioned_second_moment_decides_and_solves(size, smallest, ridge):
    values = np.geomspace(1.0, 1e-3, size)
    values[-20:] = smallest
    second = with_spectrum(values)
    space = from_second(np.arange(size), second, ridge, device("cpu"), alone=False)
    assert isinstance(space, FullSpace if size > EIGEN_LIMIT else BasisSpace)
    assert space.full
    assert space.sizes.resolved
    X = np.random.default_rng(1).normal(size=(3, size)) @ second
    np.testing.assert_allclose(space.solve(X) @ (second + ridge * np.eye(size)), X, atol=1e-8)


@pytest.mark.parametrize("smallest", [1e-11, 1e-15, 0.0])
@pytest.mark.parametrize("size", [40, EIGEN_LIMIT + 50])
def test_a_second_moment_alone_never_settles_a_rank_below_full(size, smallest):
    values = np.geomspace(1.0, 1e-3, size)
    values[-20:] = smallest
    second = with_spectrum(values)
    assert from_second(np.arange(size), second, 0.0, device("cpu"), alone=False) is None
    space = from_second(np.arange(size), second, 0.0, device("cpu"))
    assert not space.sizes.resolved
    X = np.random.default_rng(1).normal(size=(3, size))
    strict, loose = space.outside_between(X)
    assert abs(loose).max() < 1e-12  # nothing is open
    assert abs(strict).max() > 1e-3  # and not everything is certified


@pytest.mark.parametrize("apart", [1e-2, 1e-7, 1e-11])
def test_rows_decide_what_their_squares_have_lost(apart):
    rng = np.random.default_rng(0)
    first = rng.normal(size=(1, 6))
    rows = np.concatenate([first, first + apart * rng.normal(size=(1, 6)), 1e-6 * rng.normal(size=(1, 6))])
    space = from_rows(np.arange(6), rows, 0.0)
    assert space.rank == 3
    assert space.sizes.resolved
    np.testing.assert_allclose(space.outside(rows), 0, atol=1e-15)
    assert from_kernel(np.arange(6), rows[:2], 0.0).rank == (2 if apart > 1e-6 else 1)


@pytest.mark.parametrize("spread", [1.0, 1e-4, 1e-8])
def test_rows_of_unlike_size_keep_their_digits(spread):
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(9, 4)) * np.geomspace(1.0, spread, 9)[:, None]
    truth = rng.normal(size=(2, 4))
    space = from_features(np.arange(4), rows)
    found = space.fit(rows @ truth.T)
    np.testing.assert_allclose(found, truth, rtol=1e-9)
    np.testing.assert_allclose(
        space.core_solve(space.down(rows)) @ space.down(rows).T, rows @ np.linalg.pinv(rows), atol=1e-6
    )


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 12),
    k=st.integers(1, 12),
    rank=st.integers(1, 12),
    ridge=st.sampled_from([0.0, 0.3]),
    stored=st.sampled_from([np.asarray, np.asfortranarray, sparse.csr_array]),
)
@settings(max_examples=60, deadline=None)
def test_examples_span_the_range_and_solve_it_dense_or_sparse(seed, n, k, rank, ridge, stored):
    rng = np.random.default_rng(seed)
    rank = min(n, k, rank)
    Phi = rng.integers(-3, 4, size=(n, rank)) @ np.eye(rank, k)  # integers: ranks are beyond doubt
    rank = np.linalg.matrix_rank(Phi)
    if rank == 0:
        return
    space = from_rows(np.arange(k), stored(Phi), ridge, scale=np.ones(k))
    assert isinstance(space, ExampleSpace)
    assert space.rank == rank
    second, B = Phi.T @ Phi, rng.normal(size=(2, n)) @ Phi
    wanted = B @ np.linalg.pinv(second + ridge * np.eye(k), rcond=1e-10)
    np.testing.assert_allclose(space.solve(B), wanted, atol=1e-6 * (1 + abs(wanted).max()))
    np.testing.assert_allclose(space.outside(Phi), 0, atol=1e-8)
    core = space.core_root.T @ space.core_root
    G = space.up(np.eye(rank))
    np.testing.assert_allclose(G @ G.T, np.eye(rank), atol=1e-8)
    np.testing.assert_allclose(core, G @ second @ G.T + ridge * np.eye(rank), atol=1e-6 * (1 + abs(core).max()))


@pytest.mark.parametrize("place", ["cpu", "torch-cpu"])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_sums_over_pairs_are_the_second_moment_of_the_explicit_features(d, place):
    traces = sequences(d, (7, 6, d))
    Phi = feature_matrix(traces)
    second, twice = DenseSecond(d, device(place)), DenseSecond(d, device("cpu"))
    for part in (traces.subset(slice(0, 11)), traces.subset(slice(11, None))):
        second.add(feature_batch(part))
        twice.add(feature_batch(part))
    np.testing.assert_allclose(second.full(), Phi.T @ Phi, rtol=1e-12, atol=1e-9)
    second += twice
    np.testing.assert_allclose(second.full(), 2 * Phi.T @ Phi, rtol=1e-12, atol=1e-9)


def test_dense_and_sparse_examples_add_up_in_one_set_of_moments():
    dense, sparse_one = sequences(0, (10, 8, 4)), sequences(1, (10, 8, 4), share=0.2, whole=True)
    assert sparse_one.is_sparse
    assert not dense.is_sparse
    Phi = np.concatenate([feature_matrix(dense), feature_matrix(sparse_one)])
    for moments in (
        la.Moments.of(dense) + la.Moments.of(sparse_one),
        la.Moments.of(sparse_one) + la.Moments.of(dense),
        la.Moments.of([sparse_one, dense, sparse_one.subset(slice(0, 0))]),
    ):
        np.testing.assert_allclose(moments.second, Phi.T @ Phi, rtol=1e-12, atol=1e-9)
        targets = np.concatenate([dense.targets, sparse_one.targets])
        np.testing.assert_allclose(moments.cross, targets.T @ Phi, rtol=1e-12, atol=1e-9)


def test_what_remains_of_a_noisy_fit_is_known_without_reading_the_data_again():
    traces = sequences(3, (40, 20, 5))
    for ridge in (0.0, 0.2):
        run = la.learn(traces, ridge=ridge, heads=None)
        assert np.isclose(run.training_mse, run.loss(run.predictor), rtol=1e-9)
