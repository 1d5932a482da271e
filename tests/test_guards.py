"""What comes in: refused in one sentence, owned once it is in, and never more memory than was estimated."""

import re
import warnings

import numpy as np
import pytest
import torch
from scipy import sparse

import linattn_core as la
from linattn_core.errors import LinattnError, TooLargeError
from linattn_core.examples import Examples
from linattn_core.features import as_context, feature_batch, feature_rows
from linattn_core.inputs import MAX_TARGET, MAX_TOKEN, MIN_TOKEN, numbers, positions
from linattn_core.sequences import Sequences
from linattn_core.tasks.words import TableMemory
from tests.samples import ROUTES, peak, sequences

# ---- what is no plain number is refused in one sentence

GRAD = torch.ones((2, 3), requires_grad=True)
NO_NUMBERS = {
    "complex": (np.ones((2, 3)) * 1j, "complex"),
    "complex list": ([[1, 2j, 0], [0, 0, 0]], "complex"),
    "masked": (np.ma.masked_greater(np.arange(6.0).reshape(2, 3), 4), "masked"),
    "masked rows": ([np.ma.masked_greater(np.arange(3.0), 1), np.ones(3)], "masked"),
    "one masked": ([[1.0, np.ma.masked, 2.0], [0.0, 0.0, 0.0]], "masked"),
    "NaN": (np.full((2, 3), np.nan), "NaN"),
    "infinite": (np.array([[np.inf, 0, 0], [0, 0, 0]]), "infinity"),
    "too wide": (np.full((2, 3), np.longdouble("1e4000")), "infinity"),
    "objects": (np.array([[1, None, 2], [0, 0, 0]], dtype=object), "objects"),
    "huge integers": ([[10**400, 0, 0], [0, 0, 0]], "objects"),
    "text": ([["1", "2", "3"], ["a", "b", "c"]], "text"),
    "bytes": (np.array([[b"1", b"2", b"3"]] * 2), "text"),
    "dates": (np.zeros((2, 3), dtype="M8[s]"), "not numeric"),
    "records": (np.zeros((2, 3), dtype=[("a", "f8")]), "not numeric"),
    "ragged": ([[1.0, 2.0, 3.0], [1.0]], "unequal length"),
    "grad": (GRAD, "grad"),
    "grad rows": ([GRAD[0], GRAD[1]], "grad"),
    "another device": (torch.ones((2, 3), device="meta"), "meta"),
    "half precision": (torch.ones((2, 3), dtype=torch.bfloat16), "not numeric"),
    "huge": (np.full((2, 3), 1.01 * MAX_TARGET), "scale"),
}
ONE = np.ones((2, 1))
MODEL = la.LinearAttention(np.ones((1, 1, 2)), np.ones((1, 2, 2)))
TAKES = {
    "as_context": as_context,
    "features": la.features,
    "kernel": lambda x: la.kernel(np.ones((2, 3)), x),
    "a model": MODEL,
    "tokens": lambda x: la.Traces.contexts(x, [0], [2]),
    "tokens to keep": lambda x: la.Traces.adopt(x, [0], [2]),
    "targets": lambda x: la.Traces.build(np.ones((2, 1)), [0, 1], [1, 2], x),
    "other targets": lambda x: la.Traces.contexts(np.ones((2, 1)), [0, 1], [1, 2]).answered(x),
    "an example": lambda x: la.Traces.from_examples([(x, [1.0])]),
    "sequences": lambda x: la.Traces.from_sequences([x], np.ones((1, 2, 1))),
    "answers of sequences": lambda x: la.Traces.from_sequences(np.ones((1, 2, 2)), [x]),
    "own tokens": lambda x: Sequences.build(x, np.ones((2, 1)), [2]),
    "own targets": lambda x: Sequences.build(np.ones((2, 1)), x, [2]),
}


def refused(make, said="."):
    """The one sentence with which it is refused; no warning may stand in for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(LinattnError, match=said) as refusal:
            make()
    sentence = str(refusal.value)
    assert re.fullmatch(r"[^\n]+[^.\n]\.", sentence), sentence
    assert len(sentence) < 300
    return sentence


@pytest.mark.parametrize("taker", TAKES)
@pytest.mark.parametrize("name", NO_NUMBERS)
def test_what_is_no_plain_number_is_refused_in_one_sentence(name, taker):
    given, said = NO_NUMBERS[name]
    refused(lambda: TAKES[taker](given), "." if "sequences" in taker else said)


@pytest.mark.parametrize("kind", ["complex128", "complex64", "object"])
def test_sparse_tokens_of_other_kinds_are_refused(kind):
    tokens = sparse.csr_array(np.eye(3))
    tokens.data = tokens.data.astype(kind)
    refused(lambda: la.Traces.contexts(tokens, [0], [3]), "complex|objects")


@pytest.mark.parametrize("x", [1.01 * MAX_TOKEN, 0.99 * MIN_TOKEN, -2 * MAX_TOKEN, -MIN_TOKEN / 2, 5e-324])
def test_tokens_whose_cubes_leave_float64_are_to_be_scaled(x):
    for take in (
        lambda: la.features([[1.0, x]]),
        lambda: la.Traces.contexts([[1.0], [x]], [0], [2]),
        lambda: la.Traces.contexts(sparse.csr_array([[1.0, 0, 0], [0, 0, x]]), [0], [2]),
        lambda: la.Traces.from_sequences([[[1.0], [x]]], [[[1.0], [1.0]]]),
    ):
        assert "scale" in refused(take)


@pytest.mark.parametrize("size", [MAX_TOKEN, 1e52, 1.0, 1e-60, MIN_TOKEN])
def test_all_other_sizes_come_in_and_their_features_are_right_to_the_last_digit(size):
    rng = np.random.default_rng(0)
    Z, power = rng.integers(1, 4, size=(3, 4)), 2.0 ** np.floor(np.log2(size))
    for whole in (Z, Z * np.eye(3, 4, dtype=int)):  # dense, sparse
        traces = la.Traces.contexts(whole.T * power / (4 if size == MAX_TOKEN else 0.5), [0], [4])
        phi = feature_rows(traces)
        phi = phi.toarray()[0] if sparse.issparse(phi) else phi[0]
        assert np.isfinite(phi).all()
        np.testing.assert_array_equal(phi != 0, la.features(whole) != 0)
        np.testing.assert_array_equal(phi, la.features(traces[0][0]))


def test_products_of_features_that_leave_float64_are_told():
    big, small = 1e60 * np.ones((2, 3)), 1e-60 * np.ones((2, 3))
    assert la.kernel(big, small) == pytest.approx(la.kernel(np.ones((2, 3)), np.ones((2, 3))))
    refused(lambda: la.kernel(big, big), "scale")
    refused(lambda: la.kernel(small, small), "scale")
    for tokens in (big.T, 1e60 * np.eye(3)):  # dense, sparse
        batch = feature_batch(la.Traces.contexts(tokens, [0], [3]))
        refused(lambda batch=batch: batch.gram(batch), "scale")
    dense = feature_batch(la.Traces.contexts(big.T, [0], [3]))
    refused(lambda: dense.inner(np.full((1, 6), 1e200)), "scale")
    refused(lambda: dense.combine(np.full((1, 1), MAX_TARGET)), "scale")


@pytest.mark.parametrize(
    "bad",
    [[np.nan], [0.9], [-1], [np.inf], [True], ["0"], [1j], [None], [1e300], [2**63], [[0]], 0, [0.5], [10**30]],
    ids=str,
)
def test_starts_and_stops_are_whole_numbers_within_the_tokens(bad):
    refused(lambda: la.Traces.contexts(np.ones((3, 2)), bad, [2]))
    refused(lambda: la.Traces.contexts(np.ones((3, 2)), [0], bad))
    assert len(la.Traces.contexts(np.ones((3, 2)), [0.0], np.array([2], dtype=np.uint8))) == 1


def test_booleans_integers_and_narrow_floats_are_numbers_and_an_empty_mask_hides_nothing():
    Z = np.array([[True, False, True], [False, True, True]])
    for same in (Z, Z.astype(int), Z.astype(np.float16), Z.tolist(), torch.tensor(Z), np.ma.array(Z), [*Z]):
        np.testing.assert_array_equal(la.features(same), la.features(Z.astype(float)))
    assert numbers(3, "x") == 3
    assert positions([], "x").dtype == np.int64


BAD_CALLS = {
    "pairs": lambda: la.Traces.from_examples([np.ones(3)]),
    "one of three": lambda: la.Traces.from_examples([(ONE, ONE, ONE)]),
    "example beyond": lambda: sequences(0, (1, 2, 3))[2],
    "subset beyond": lambda: sequences(0, (1, 2, 3)).subset([5]),
    "subset of halves": lambda: sequences(0, (1, 2, 3)).subset([0.5]),
    "mask of another length": lambda: sequences(0, (1, 2, 3)).subset(np.array([True])),
    "no chunk": lambda: next(sequences(0, (1, 2, 3)).chunks(0)),
    "sparse without columns": lambda: la.Traces.contexts(sparse.csr_array((3, 0)), [0], [1]),
    "one axis": lambda: la.Traces.contexts(sparse.coo_array(np.ones(3)), [0], [1]),
    "sparse context": lambda: la.features(sparse.csr_array(np.eye(2))),
    "sequence beyond": lambda: Sequences.build(ONE, ONE, [2]).examples([1]),
    "no examples": lambda: Examples.of(sequences(0, (1, 2, 3)).subset([])),
    "a half": lambda: la.feature_count(2.5),
    "half a trace": lambda: la.tasks.RandomTeacher(2).traces(2.5),
    "NaN machines": lambda: la.tasks.UniversalTuringMachine(2, 2, 4).traces(np.nan),
    "True traces": lambda: la.tasks.AssociativeMemory(2).traces(True),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_no_call_raises_what_is_not_ours(name):
    refused(BAD_CALLS[name])


# ---- what is in is owned


def arrays(traces):
    tokens = traces.tokens
    held = (tokens.data, tokens.indices, tokens.indptr) if traces.is_sparse else (tokens,)
    return (*held, traces.start, traces.stop, traces.targets)


@pytest.mark.parametrize("form", [np.array, sparse.csr_array, sparse.coo_array, lambda x: x.tolist(), torch.tensor])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_traces_share_nothing_with_what_they_were_made_of(form, share):
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(6, 4)) * (rng.random((6, 4)) < share)
    given = [form(plain), np.array([0, 0, 3]), np.array([2, 3, 6]), rng.normal(size=(3, 2))]
    traces = la.Traces.build(*given)
    before = [array.copy() for array in arrays(traces)]
    for part in given:
        if isinstance(part, list):
            part[0][0] = 7
        elif sparse.issparse(part):
            part.data[:] = 7
            for index in part.coords if part.format == "coo" else (part.indices, part.indptr):
                index[:] = 0
        else:
            part[:] = 7
    for array, copy in zip(arrays(traces), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("name", ROUTES)
def test_what_traces_hold_is_read_only_and_still_of_use(name):
    traces = ROUTES[name]()
    pairs = [(Z, y) for Z, y in traces]
    makes = [
        traces,
        traces.subset([0, 1]),
        next(traces.chunks(2)),
        la.Traces.concat([traces, traces]),
        la.Traces.concat([traces]),
        la.Traces.from_examples(pairs),
        traces.answered(traces.targets),
    ]
    for made in makes:
        for array in arrays(made):
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 7
    assert makes[-1].tokens is traces.tokens
    assert la.learn(traces, heads=None).plan is not None


def test_building_changes_nothing_of_the_callers():
    tokens = sparse.csr_array(
        (np.array([2.0, 1.0, 0.0, 3.0]), np.array([2, 0, 1, 0]), np.array([0, 3, 4])), shape=(2, 9)
    )
    data, indices = tokens.data.copy(), tokens.indices.copy()
    la.Traces.contexts(tokens, [0], [2])
    np.testing.assert_array_equal(tokens.data, data)
    np.testing.assert_array_equal(tokens.indices, indices)
    lengths = np.array([2])
    Sequences.build(ONE, ONE, lengths)
    lengths[0] = 3


# ---- nothing is allocated before it was estimated

WORDS = TableMemory((("a", "b"), ("c", "d")))
VECTORS = la.tasks.VectorMemory((((1.0, 0.0), (1.0,)), ((0.0, 1.0), (2.0,))))
LARGE = {
    "features": lambda: la.features(np.ones((300, 1))),
    "kernel": lambda: la.kernel(np.ones((300, 300)), np.ones((300, 300))),
    "dense rows": lambda: feature_rows(sequences(0, (1, 200, 12))),
    "dense sums": lambda: feature_batch(sequences(0, (1, 2_000, 12))),
    "gram": lambda: feature_batch(sequences(0, (1, 300, 3))).gram(feature_batch(sequences(0, (1, 300, 3)))),
    "sparse rows": lambda: feature_rows(sequences(0, (1, 500, 20), share=0.3)),
    "sparse prefixes": lambda: feature_batch(sequences(0, (1, 5_000, 12), share=0.2)),
    "narrow numbers": lambda: la.features(np.zeros((1, 2**18), dtype=np.int8)),
    "words of an automaton": lambda: la.tasks.StepAutomaton(la.machines.presets()["turnstile"]).traces(2_000),
    "universal automata": lambda: la.tasks.UniversalAutomaton(3, 3).traces(2_000),
    "spanning automata": lambda: la.tasks.UniversalAutomaton(4, 4).traces(
        10, extra=la.tasks.UniversalAutomaton(4, 4).pairs
    ),
    "teacher": lambda: la.tasks.RandomTeacher(3).traces(200),
    "memory": lambda: la.tasks.AssociativeMemory(3).traces(2_000),
    "regression": lambda: la.tasks.InContextRegression(3).traces(3_000),
    "words": lambda: WORDS.traces(5_000),
    "vectors": lambda: VECTORS.traces(20_000),
    "Turing machines": lambda: la.tasks.UniversalTuringMachine(2, 2, 4).traces(5_000),
    "Turing steps": lambda: la.tasks.UniversalTuringMachine(2, 2, 4).traces(20, steps=10_000, halting=0.0),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_would_not_fit_is_told_before_it_is_tried(name, monkeypatch):
    monkeypatch.setenv("LINATTN_MEMORY_BYTES", str(2**20))

    def told():
        with pytest.raises(TooLargeError, match="would need"):
            LARGE[name]()

    assert peak(told)[1] < 12 * 2**20
