"""Sums over prefixes: the same however they are formed, in the memory of their result."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import linattn_core as la
from linattn_core import prefix_sums
from linattn_core.features import feature_batch, feature_rows
from tests.samples import feature_matrix, one_hot, peak


@st.composite
def ragged(draw):
    """Contexts of all kinds over shared tokens: prefixes, windows, repeats, in any order."""
    seed, d, M = draw(st.integers(0, 10**6)), draw(st.integers(1, 6)), draw(st.integers(1, 60))
    whole, share = draw(st.booleans()), draw(st.sampled_from([0.0, 0.1, 0.4, 1.0]))
    rng = np.random.default_rng(seed)
    tokens = rng.integers(-3, 4, size=(M, d)) if whole else rng.normal(size=(M, d))
    tokens = tokens * (rng.random((M, d)) < share)
    start = np.sort(rng.integers(M, size=draw(st.integers(1, 40))) // draw(st.sampled_from([1, 30])))
    stop = start + 1 + rng.integers(M, size=len(start)) % (M - start)
    if draw(st.booleans()):
        order = np.lexsort((stop, start))
        start, stop = start[order], stop[order]
    return la.Traces.contexts(tokens, start, stop), whole


@given(ragged(), st.integers(1, 9), st.sampled_from([1, 50, 10**6]), st.sampled_from([1, 10**6]))
@settings(max_examples=150, deadline=None)
def test_sums_over_contexts_do_not_depend_on_how_they_are_formed(drawn, size, piece, worthwhile):
    traces, whole = drawn
    with pytest.MonkeyPatch.context() as patched:
        plain = feature_rows(traces)
        patched.setattr(prefix_sums, "PIECE", piece)
        patched.setattr(prefix_sums, "BUFFER", piece)
        patched.setattr(prefix_sums, "CACHED", piece)
        patched.setattr(prefix_sums, "WORTHWHILE", worthwhile)
        rows = [feature_rows(chunk) for chunk in traces.chunks(size)]
    if traces.is_sparse:
        rows, plain = sparse.vstack(rows, format="csr"), sparse.csr_array(plain)
        assert rows.has_canonical_format
        assert np.count_nonzero(rows.data) == rows.nnz
        rows, plain = rows.toarray(), plain.toarray()
        np.testing.assert_array_equal(rows, plain)  # whatever the numbers: token by token, in their order
    else:
        rows = np.concatenate(rows)
    Phi = feature_matrix(traces)
    if whole:  # sums of whole numbers are exact
        np.testing.assert_array_equal(rows, Phi)
    np.testing.assert_allclose(rows, Phi, atol=1e-13 * abs(Phi).max(initial=1.0) * traces.tokens.shape[0])
    np.testing.assert_allclose(plain, Phi, atol=1e-13 * abs(Phi).max(initial=1.0) * traces.tokens.shape[0])


def test_every_prefix_of_a_long_one_hot_sequence_takes_the_memory_of_the_result():
    T = 100_000
    traces = la.Traces.build(one_hot(T, 5), np.zeros(T, dtype=int), np.arange(T) + 1, np.ones((T, 1)))
    batch, held = peak(lambda: feature_batch(traces))
    assert held < 60e6
    np.testing.assert_array_equal(
        batch.svec[[T - 1]].toarray()[0], la.features(traces[T - 1][0])[traces.tokens[[T - 1]].indices[0] :: 5]
    )
    counts = np.cumsum(traces.tokens.toarray(), axis=0)  # C is diagonal: how often each letter came
    np.testing.assert_array_equal(batch.svec.toarray()[:, [0, 5, 9, 12, 14]], counts)
    held = peak(lambda: [feature_batch(chunk) for chunk in traces.chunks(4096)])[1]
    assert held < 60e6


def test_few_prefixes_of_a_long_dense_sequence_are_few_products():
    Z = np.random.default_rng(0).integers(-2, 3, size=(20_000, 30)).astype(float)
    traces = la.Traces.contexts(Z, [0, 0, 0, 0], [20_000, 7_000, 7_001, 7_000])
    batch, held = peak(lambda: feature_batch(traces))
    assert held < 5 * Z.nbytes
    for i, stop in enumerate(traces.stop):
        np.testing.assert_array_equal(batch.rows()[i], la.features(Z[:stop].T))


def test_contexts_far_apart_do_not_cost_what_lies_between():
    traces = la.Traces.contexts(one_hot(10**6, 4), [0, 10**6 - 3], [2, 10**6])
    rows, held = peak(lambda: feature_rows(traces))
    assert held < 40e6
    np.testing.assert_array_equal(rows.toarray(), feature_matrix(traces))


def test_a_hundred_thousand_words_take_the_memory_of_those_that_occur():
    traces = la.Traces.contexts(one_hot(400, 100_000), np.arange(0, 400, 20), np.arange(20, 401, 20))
    rows, held = peak(lambda: feature_rows(traces))
    assert held < 20e6
    assert rows.shape == (20, la.feature_count(100_000))
    Z = traces[3][0]
    used = np.flatnonzero(Z.any(axis=1))
    small = la.features(Z[used])
    np.testing.assert_array_equal(np.sort(rows[[3]].data), np.sort(small[small != 0]))
