"""Ragged examples over shared tokens."""

import numpy as np
import pytest
from scipy import sparse

import linattn_core as la
from tests.samples import ROUTES, sequences


def test_every_prefix_of_a_sequence_is_an_example():
    rng = np.random.default_rng(0)
    Z, Y = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 4, 1))
    traces = la.Traces.from_sequences(Z, Y)
    assert len(traces) == 12
    for i, (context, answer) in enumerate(traces):
        np.testing.assert_array_equal(context, Z[i // 4, : i % 4 + 1].T)
        np.testing.assert_array_equal(answer, Y[i // 4, i % 4])


def test_ragged_examples_come_back_as_they_went_in():
    rng = np.random.default_rng(1)
    pairs = [(rng.normal(size=(3, n)), rng.normal(size=2)) for n in (4, 1, 7)]
    for (Z, y), (context, answer) in zip(pairs, la.Traces.from_examples(pairs), strict=True):
        np.testing.assert_array_equal(Z, context)
        np.testing.assert_array_equal(y, answer)


@pytest.mark.parametrize("name", ROUTES)
def test_storage_never_changes_the_data(name):
    traces = ROUTES[name]()
    dense = traces.tokens.toarray() if traces.is_sparse else traces.tokens
    for tokens in (dense, sparse.csr_array(dense), sparse.coo_array(dense)):
        again = la.Traces.build(tokens, traces.start, traces.stop, traces.targets)
        assert again.is_sparse == traces.is_sparse
        assert all(np.array_equal(a[0], b[0]) for a, b in zip(again, traces, strict=True))


def test_concat_and_subset_keep_order():
    a, b = sequences(0, (2, 3, 4)), sequences(1, (5, 2, 4), share=0.2)
    both = la.Traces.concat([a, b])
    expected = [Z for Z, _ in a] + [Z for Z, _ in b]
    assert all(np.array_equal(Z, E) for (Z, _), E in zip(both, expected, strict=True))
    picked = both.subset(np.array([7, 0]))
    np.testing.assert_array_equal(picked[1][0], expected[0])
    assert both.bytes > 0


@pytest.mark.parametrize("size", [1, 4, 5, 100])
def test_chunks_cover_everything_once(size):
    traces = sequences(0, (4, 5, 3))
    chunks = list(traces.chunks(size))
    assert sum(map(len, chunks)) == len(traces)
    assert all(len(c) <= size for c in chunks)
    np.testing.assert_array_equal(np.concatenate([c.stop for c in chunks]), traces.stop)


BAD = {
    "zero examples": (lambda: la.Traces.from_examples([]), "zero examples"),
    "no columns": (lambda: la.Traces.from_examples([(np.empty((2, 0)), [1.0])]), "without columns"),
    "mixed d": (lambda: la.Traces.from_examples([(np.ones((2, 1)), [1.0]), (np.ones((3, 1)), [1.0])]), "d = 2"),
    "mixed m": (lambda: la.Traces.from_examples([(np.ones((2, 1)), [1.0]), (np.ones((2, 1)), [1.0, 2.0])]), "the same"),
    "nan context": (lambda: la.Traces.from_examples([(np.full((2, 1), np.nan), [1.0])]), "NaN"),
    "nan answer": (lambda: la.Traces.from_examples([(np.ones((2, 1)), [np.inf])]), "targets"),
    "nan sparse": (lambda: la.Traces.contexts(sparse.csr_array([[np.nan, 0, 0, 0]]), [0], [1]), "tokens"),
    "no tokens": (lambda: la.Traces.from_sequences(np.ones((0, 3, 2)), np.ones((0, 3, 1))), "at least one token"),
    "shapes": (lambda: la.Traces.from_sequences(np.ones((2, 3, 2)), np.ones((2, 4, 1))), "wanted"),
    "range": (lambda: la.Traces.contexts(np.ones((3, 2)), [1], [5]), "outside"),
    "empty range": (lambda: la.Traces.contexts(np.ones((3, 2)), [1], [1]), "without columns"),
    "lengths": (lambda: la.Traces.contexts(np.ones((3, 2)), [1, 2], [2]), "two arrays"),
    "rows": (lambda: la.Traces.build(np.ones((3, 2)), [0], [1], np.ones((2, 1))), "targets of shape"),
    "flat tokens": (lambda: la.Traces.contexts(np.ones(3), [0], [1]), "one token a row"),
    "nothing to join": (lambda: la.Traces.concat([]), "no traces"),
    "different d": (lambda: la.Traces.concat([sequences(0, (1, 1, 2)), sequences(0, (1, 1, 3))]), "d = 3"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_traces_get_their_own_sentence(name):
    make, sentence = BAD[name]
    with pytest.raises(la.LinattnError, match=sentence):
        make()
