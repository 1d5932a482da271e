"""A user's own sequences: files in and out, exact packing, prefixes as examples, the agnostic fit, held-out errors."""

from __future__ import annotations

import base64
import io
import json
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import linattn_core as la
from linattn_core.errors import LinattnError, ShapeError, SpecError, TooLargeError
from linattn_core.features import features
from linattn_core.inputs import MIN_TOKEN
from linattn_core.sequences import MAX_PACKED, Sequences
from linattn_core.tasks import OwnSequences
from linattn_core.tasks.own import fit
from linattn_core.uploads import (
    example_sequences,
    read_embedding,
    read_sequences,
    read_vectors,
    write_sequences_csv,
    write_sequences_npz,
)

NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6).map(float),
    st.integers(-(10**7), 10**7).map(lambda i: i / 1000),
    st.floats(-1e6, 1e6, width=32),
    st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) >= MIN_TOKEN),
)


@st.composite
def sequences(draw: Any) -> Sequences:
    dim, outputs = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    lengths = draw(st.lists(st.integers(2, 5), min_size=1, max_size=4))
    kind = draw(st.sampled_from([NUMBERS, st.integers(-9, 9).map(float)]))
    numbers = draw(hnp.arrays(np.float64, (sum(lengths), dim + outputs), elements=kind))
    return Sequences.build(numbers[:, :dim], numbers[:, dim:], lengths)


def npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


# ---- the value


@given(sequences())
@settings(max_examples=80, deadline=None)
def test_packing_files_and_digests_keep_every_bit(data):
    for again in (
        Sequences.unpack(data.packed),
        read_sequences(write_sequences_csv(data), "x.csv"),
        read_sequences(write_sequences_npz(data), "x.NPZ"),
    ):
        assert again == data
        assert hash(again) == hash(data)
        assert again.packed == data.packed
        for part, same in ((again.tokens, data.tokens), (again.targets, data.targets), (again.lengths, data.lengths)):
            assert np.array_equal(part, same)
    assert set(data.packed) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_other_numbers_have_another_digest_and_zero_has_one_sign():
    data = example_sequences()
    tokens = data.tokens.copy()
    tokens[-1, -1] = np.nextafter(tokens[-1, -1], 9)
    assert Sequences.build(tokens, data.targets, data.lengths) != data
    assert Sequences.build(data.tokens, data.targets, data.lengths[::-1]) != data
    plus, minus = (Sequences.build([[zero], [1.0]], np.empty((2, 0)), [2]) for zero in (0.0, -0.0))
    assert plus == minus
    assert data != "data"
    with pytest.raises(ValueError, match="read-only"):
        data.tokens[0, 0] = 1.0


def test_two_decimals_take_two_characters_and_a_half_a_number():
    rng = np.random.default_rng(0)
    data = Sequences.build(np.round(rng.normal(size=(2000, 3)), 2), np.empty((2000, 0)), [100] * 20)
    assert len(data.packed) < 2.5 * data.tokens.size
    noisy = Sequences.build(rng.normal(size=(2000, 3)), np.empty((2000, 0)), [100] * 20)
    assert len(noisy.packed) < 10.7 * noisy.tokens.size


@given(sequences())
@settings(max_examples=40, deadline=None)
def test_every_prefix_with_its_target_is_an_example(data):
    wanted = []
    for start, length in zip(np.cumsum(data.lengths) - data.lengths, data.lengths, strict=True):
        Z = data.tokens[start : start + length].T
        for t in range(length - data.next_token):
            wanted.append((Z[:, : t + 1], Z[:, t + 1] if data.next_token else data.targets[start + t]))
    examples = data.examples()
    assert len(examples) == len(wanted)
    for (Z, y), (Z2, y2) in zip(examples, wanted, strict=True):
        assert np.array_equal(Z, Z2)
        assert np.array_equal(y, y2)


# ---- the fit


@pytest.mark.parametrize("targets", [True, False])
def test_the_agnostic_fit_is_least_squares_on_explicit_features(targets):
    rng = np.random.default_rng(5)
    tokens = rng.normal(size=(60, 2))
    answers = rng.normal(size=(60, 3)) if targets else np.empty((60, 0))
    task = OwnSequences(Sequences.build(tokens, answers, [6] * 10), 0.3)
    traces, held_out = task.split(10, seed=4)
    run = la.learn(traces, task=task, heads="typed")
    Phi, Phi2 = (np.array([features(Z) for Z, _ in part]) for part in (traces, held_out))
    P = np.linalg.lstsq(Phi, traces.targets, rcond=None)[0]
    found = fit(run.predictor, run.certificate, traces, held_out)
    mean = traces.targets.mean(axis=0)
    assert found.training_mse == pytest.approx(((Phi @ P - traces.targets) ** 2).sum(axis=1).mean(), rel=1e-9)
    assert found.training_mse == pytest.approx(run.training_mse, rel=1e-9)
    assert found.held_out_mse == pytest.approx(((Phi2 @ P - held_out.targets) ** 2).sum(axis=1).mean(), rel=1e-9)
    assert found.variance == pytest.approx(traces.targets.var(axis=0).sum())
    assert found.held_out_variance == pytest.approx(((held_out.targets - mean) ** 2).sum(axis=1).mean())
    assert (found.examples, found.held_out) == (len(traces), len(held_out))
    assert found.certified == len(held_out)  # 6 features, all excited
    assert found.explained == pytest.approx(1 - found.training_mse / found.variance)


def test_few_sequences_leave_held_out_contexts_open():
    rng = np.random.default_rng(1)
    task = OwnSequences(Sequences.build(rng.normal(size=(40, 4)), np.empty((40, 0)), [4] * 10), 0.5)
    traces, held_out = task.split(2)
    assert len(traces) == 6
    run = la.learn(traces)
    found = fit(run.predictor, run.certificate, traces, held_out)
    explicit = np.array([features(Z) for Z, _ in traces])
    Q = np.linalg.qr(explicit.T)[0]
    for ambiguity, (Z, _) in zip(found.ambiguities, held_out, strict=True):
        phi = features(Z)
        assert ambiguity == pytest.approx(1 - np.sum((Q.T @ phi) ** 2) / (phi @ phi), abs=1e-9)
    assert found.certified == 0


def test_the_worked_example_is_learned_up_to_its_noise():
    data = example_sequences()
    task = OwnSequences(data)
    traces, held_out = task.split(len(data))
    run = la.learn(traces)
    found = fit(run.predictor, run.certificate, traces, held_out)
    assert 0.05**2 * 0.7 < found.training_mse < 0.05**2 * 1.4
    assert found.held_out_mse < 0.01
    assert found.explained > 0.99
    assert run.certificate.identified
    assert not data.next_token


@given(st.integers(1, 12), st.floats(0, 0.9), st.integers(0, 50), st.integers(1, 15))
@settings(max_examples=60, deadline=None)
def test_held_out_sequences_are_whole_and_never_learned_from(N, share, seed, count):
    data = Sequences.build(np.arange(3.0 * N)[:, None], np.ones((3 * N, 1)), [3] * N)
    task = OwnSequences(data, share)
    traces, held_out = task.split(count, seed)
    again, _ = task.split(count, seed)
    assert np.array_equal(traces.start, again.start)
    seen = {(int(a), int(b)) for a, b in zip(traces.start, traces.stop, strict=True)}
    unseen = {(int(a), int(b)) for a, b in zip(held_out.start, held_out.stop, strict=True)}
    assert not seen & unseen
    assert len(traces) >= 1
    if N > 1:
        assert not {a for a, _ in seen} & {a for a, _ in unseen}
        assert (len(unseen) > 0) == (share > 0)
        assert len(seen) <= 3 * count
        assert len(task.traces(count, seed)) == len(traces)
    if share == 0:
        assert not unseen
    roles = task.roles(count, seed)
    if N > 1:
        assert {k for k, role in enumerate(roles) if role == "learned"} == {a // 3 for a, _ in seen}
        assert {k for k, role in enumerate(roles) if role == "held out"} == {a // 3 for a, _ in unseen}


def test_entries_of_unlike_size_give_the_same_function_as_even_ones():
    """What ``scaled`` was for: the learner itself does not depend on the units of the tokens' entries."""
    rng = np.random.default_rng(3)
    tokens = rng.normal(size=(120, 2)) * [1000.0, 1.0]
    answers = np.concatenate(
        [np.cumsum(part[:, :1] * part[:, 1:], axis=0) * part[:, 1:] for part in np.split(tokens, 20)]
    )
    tasks = [OwnSequences(Sequences.build(tokens / sizes, answers, [6] * 20)) for sizes in ([1000.0, 1.0], [1.0, 1.0])]
    even, uneven = (la.learn(task.traces(20)) for task in tasks)
    seen = [run.predictor.on(task.split(20)[1]) for run, task in zip((even, uneven), tasks, strict=True)]
    np.testing.assert_allclose(*seen, rtol=1e-6)
    assert even.certificate.identified
    assert uneven.certificate.identified


def test_noise_is_added_to_the_training_targets_alone():
    task = OwnSequences(example_sequences())
    noisy, quiet = task.traces(24, 1, 0.5), task.traces(24, 1)
    assert np.array_equal(noisy.start, quiet.start)
    assert 0.3 < (noisy.targets - quiet.targets).std() < 0.7


def test_a_task_of_own_sequences_claims_nothing_of_others():
    task = OwnSequences(example_sequences())
    assert (task.truth, task.family(), task.family_dimension) == (None, None, None)
    assert [a.name for a in (*task.attributes, *task.output_attributes)] == ["token", "target"]
    following = OwnSequences(Sequences.build([[1.0], [2.0]], np.empty((2, 0)), [2]))
    assert following.output_attributes[0].name == "next token"
    assert following.decode(np.array([1.5])) == "(1.50)"
    with pytest.raises(ShapeError, match=r"between 0 and 0\.9"):
        OwnSequences(example_sequences(), 1.0)


# ---- files


def test_npz_with_and_without_targets_and_with_lengths():
    Z, Y = np.arange(12.0).reshape(2, 3, 2), np.ones((2, 3, 1))
    assert read_sequences(npz(Z=Z, Y=Y), "a.npz") == Sequences.build(Z.reshape(6, 2), Y.reshape(6, 1), [3, 3])
    assert read_sequences(npz(Z=Z), "a.npz").next_token
    ragged = read_sequences(npz(Z=Z.reshape(6, 2), lengths=np.array([2, 4])), "a.npz")
    assert ragged.lengths.tolist() == [2, 4]


def test_csv_without_targets_predicts_the_next_token_and_columns_stand_in_any_order():
    data = read_sequences(b"z2,sequence,z1,y1\n2,a,1,9\n4,a,3,8\n", "a.csv")
    assert data.tokens.tolist() == [[1, 2], [3, 4]]
    assert data.targets.tolist() == [[9], [8]]
    assert read_sequences(b"sequence,z1\na,1\na,2\nb,3\nb,4\n", "a.csv").examples().targets.tolist() == [[2], [4]]


BAD = {
    "one token alone": ("a.csv", b"sequence,z1\na,1\nb,2\nb,3\n", ShapeError, "Sequence 1 has one token"),
    "a strange column": ("a.csv", b"sequence,z1,weight\na,1,2\n", SpecError, "column 'weight'"),
    "no sequence": ("a.csv", b"z1,y1\n1,2\n", SpecError, "'sequence'"),
    "text": ("a.csv", b"sequence,z1\na,one\na,2\n", SpecError, "'one' in column z1"),
    "an empty cell": ("a.csv", b"sequence,z1\na,\na,2\n", SpecError, "Row 2"),
    "ragged": ("a.csv", b"sequence,z1,z2\na,1\n", SpecError, "2 cells for 3 columns"),
    "not finite": ("a.csv", b"sequence,z1\na,inf\na,2\n", SpecError, "finite"),
    "too large a number": ("a.csv", b"sequence,z1\na,1e9\na,2\n", ShapeError, "scale"),
    "too wide": ("a.npz", npz(Z=np.zeros((2, 3, 40))), TooLargeError, "40 numbers each"),
    "too long": ("a.npz", npz(Z=np.zeros((1, 20_000, 1))), TooLargeError, "20,000 tokens in one sequence"),
    "too many": ("a.npz", npz(Z=np.zeros((20_000, 2, 1))), TooLargeError, "20,000 sequences"),
    "too much": ("a.npz", npz(Z=np.zeros((9_000, 7, 3))), TooLargeError, "189,000 numbers"),
    "wrong lengths": ("a.npz", npz(Z=np.zeros((5, 2)), lengths=np.array([2, 2])), ShapeError, "add up to 4"),
    "broken lengths": ("a.npz", npz(Z=np.zeros((5, 2)), lengths=np.array([2.5, 2.5])), ShapeError, "whole number"),
    "negative lengths": ("a.npz", npz(Z=np.zeros((5, 2)), lengths=np.array([7, -2])), ShapeError, "add up to 5"),
    "targets of other sequences": ("a.npz", npz(Z=np.zeros((2, 3, 1)), Y=np.zeros((3, 2, 1))), ShapeError, "holds Z"),
    "another ending": ("a.xlsx", b"PK", SpecError, "neither .npz nor .csv"),
    "cut off": ("a.npz", npz(Z=np.ones((2, 3, 1)))[:-30], SpecError, "broken"),
    "a pickle": ("a.npz", npz(Z=np.array([{}], dtype=object)), SpecError, "could run code"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_does_not_fit_is_told_in_one_sentence(name):
    file, data, error, said = BAD[name]
    with pytest.raises(error, match=said) as refusal:
        read_sequences(data, file)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).endswith(".")


GOOD = example_sequences().packed


@pytest.mark.parametrize(
    "packed",
    [
        "",
        "AAAA",
        "!!!!",
        "ü",
        5,
        example_sequences().packed[:-4],
        example_sequences().packed[:-1] + "A" * 9,
        "A" * (MAX_PACKED + 1),
    ],
    ids=["empty", "no zlib", "no base64", "no ascii", "a number", "cut off", "longer", "too long"],
)
def test_packed_sequences_that_were_altered_are_told(packed):
    with pytest.raises(LinattnError) as refusal:
        Sequences.unpack(packed)
    assert "\n" not in str(refusal.value)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_one_altered_character_is_read_or_refused_but_never_breaks(data):
    spot = data.draw(st.integers(0, len(GOOD) - 1))
    character = data.draw(st.sampled_from("Aa0-_"))
    try:
        read = Sequences.unpack(GOOD[:spot] + character + GOOD[spot + 1 :])
    except LinattnError:
        return
    assert read == example_sequences()  # DEFLATE's checksum lets nothing else through


def header(*fields: Any) -> str:
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(fields).encode() + b"\n" + b"\0" * 8)).decode().rstrip("=")


@pytest.mark.parametrize(
    "fields",
    [
        (1, 0, [[1, 8]], "O8", 0),
        (1, 0, [[1, 8]], "f8", 0),
        (1, 0, [[1, 8]], "i1", 99),
        (-1, 0, [[1, -8]], "i1", 0),
        (0, 0, [[1, 8]], "i1", 0),
        (1, 0, [[200_000, 200_000]], "i1", 0),
        (4, 4, [[20_000, 0], [1, 1]], "i1", 0),
        (1, 0, "all", "i1", 0),
    ],
)
def test_packed_headers_that_lie_are_told(fields):
    with pytest.raises(LinattnError) as refusal:
        Sequences.unpack(header(*fields))
    assert "\n" not in str(refusal.value)


# ---- vectors and words from files


def test_vectors_from_csv_and_npz():
    wanted = (((1.0, 2.0), (5.0,)), ((3.0, 4.0), (6.0,)))
    assert read_vectors(b"key1,key2,value1\n1,2,5\n3,4,6\n", "v.csv") == wanted
    assert read_vectors(b"v1;k 2;k_1;note\n5;2;1;x\n6;4;3;y\n", "v.csv") == wanted
    assert read_vectors(npz(keys=np.array([[1, 2], [3, 4]]), values=np.array([[5], [6]])), "v.npz") == wanted


def test_vectors_of_words():
    assert read_embedding(b"a,word,b\n1,sky,2\n3,sea,4\n") == (("sky", (1.0, 2.0)), ("sea", (3.0, 4.0)))
    assert read_embedding("Wort;x\nü;1\n".encode()) == (("ü", (1.0,)),)


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda: read_vectors(b"a,b\n1,2\n", "v.csv"), "needs key1"),
        (lambda: read_vectors(b"key1,value1\n1,x\n", "v.csv"), "'x' in column value1"),
        (lambda: read_vectors(b"key1,value1\n1\n", "v.csv"), "1 cells for 2 columns"),
        (lambda: read_vectors(npz(keys=np.ones((2, 2))), "v.npz"), "must hold keys"),
        (lambda: read_vectors(npz(keys=np.ones((2, 2)), values=np.ones((3, 2))), "v.npz"), "wanted \\(K, dk\\)"),
        (lambda: read_vectors(npz(keys=np.ones(2), values=np.ones(2)), "v.npz"), "wanted \\(K, dk\\)"),
        (lambda: read_vectors(b"", "v.txt"), "neither"),
        (lambda: read_embedding(b"word\nsky\n"), "one column"),
        (lambda: read_embedding(b"word,1\n,1\n"), "no word"),
        (lambda: read_embedding(b"word,1\nsky,1\nsky,2\n"), "repeats the word"),
        (lambda: read_embedding(b"word,1\nsky,nan\n"), "finite"),
    ],
)
def test_tables_of_numbers_that_do_not_fit_are_told(read, said):
    with pytest.raises(LinattnError, match=said) as refusal:
        read()
    assert "\n" not in str(refusal.value)
