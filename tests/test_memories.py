"""Memories of vectors and words: alike keys, retrieval, spans, families; against explicit formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import linattn_core as la
from linattn_core.errors import LinattnError, ShapeError, SpecError, TooLargeError
from linattn_core.features import feature_rows, features
from linattn_core.figures import LIGHT
from linattn_core.figures import retrieval as pictures
from linattn_core.lab import Lab, MemoryBuild, TraceSpec
from linattn_core.tasks import AssociativeMemory, TableMemory, VectorMemory
from linattn_core.tasks.correlated import correlated_gaussian, correlated_orthonormal, cosines, with_overlap
from linattn_core.tasks.retrieval import retrieval

RHO = st.floats(0, 0.99)
WORDS = (("apple", "red"), ("sky", "blue"), ("grass", "green"), ("rose", "red"))


def vectors(K: int, dk: int, dv: int, seed: int) -> tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]:
    rng = np.random.default_rng(seed)
    return tuple((tuple(rng.normal(size=dk)), tuple(rng.normal(size=dv))) for _ in range(K))


def contexts(task: TableMemory | VectorMemory) -> list[list[list[float]]]:
    return [Z.tolist() for Z, _ in task.contexts()]


def rank(rows: np.ndarray) -> int:
    return int(np.linalg.matrix_rank(rows, tol=1e-10 * np.linalg.norm(rows, 2)))


# ---- keys that are alike


@given(st.integers(1, 6), st.integers(0, 3), RHO, st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_overlaps_of_independent_keys_move_linearly_to_one_and_lengths_stay(K, more, rho, seed):
    own = np.random.default_rng(seed).normal(size=(K, K + more))
    moved = with_overlap(own, rho)
    assert moved.shape == own.shape
    np.testing.assert_allclose(cosines(moved), (1 - rho) * cosines(own) + rho, atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), np.linalg.norm(own, axis=1), rtol=1e-7)


@given(st.integers(1, 6), RHO, st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_orthonormal_keys_get_exactly_this_overlap_and_both_rules_agree(K, rho, seed):
    U = np.linalg.qr(np.random.default_rng(seed).normal(size=(K, K)))[0]
    keys = correlated_orthonormal(U[None], rho)[0].T
    np.testing.assert_allclose(keys @ keys.T, (1 - rho) * np.eye(K) + rho, atol=1e-12)
    np.testing.assert_allclose(with_overlap(U.T, rho), keys, atol=1e-7)


def test_dependent_keys_get_the_nearest_overlaps_there_is_room_for():
    own = np.array([[1.0], [-1.0]])  # no room for a second direction: opposite keys stay on the line
    assert with_overlap(own, 0.0) is own
    np.testing.assert_allclose(with_overlap(own, 0.3), np.sqrt(0.7) * own, atol=1e-12)
    with_wide = with_overlap(np.random.default_rng(0).normal(size=(5, 3)), 0.9)
    assert rank(with_wide) == 3
    assert cosines(with_wide).min() > 0.5


def test_gaussian_keys_keep_their_law_and_correlate_as_asked():
    rng = np.random.default_rng(0)
    own, common = rng.normal(size=(40_000, 1, 2)), rng.normal(size=(40_000, 1))
    keys = correlated_gaussian(own, common, 0.6)[:, 0]
    np.testing.assert_allclose(np.cov(keys.T), [[1, 0.6], [0.6, 1]], atol=0.03)


# ---- random memories


@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize("unitary", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("answer", ["sum", "value"])
def test_the_family_dimension_is_the_rank_of_many_memories(d, unitary, rho, answer):
    task = AssociativeMemory(d, unitary, rho, answer)
    rows = np.asarray(feature_rows(task.traces(2 * task.family_dimension + 40, seed=1)))
    assert rank(rows) == task.family_dimension
    family = task.family()
    assert family.features.shape[0] >= family.dimension == task.family_dimension


def test_the_traces_answer_with_the_sum_or_with_the_asked_value():
    for Z, y in AssociativeMemory(3, 0.5, 0.7, "sum").traces(20, seed=3):
        np.testing.assert_allclose(y[3:], Z[3:] @ (Z[:3].T @ Z[:3, -1]), atol=1e-12)
    for Z, y in AssociativeMemory(3, 0.5, 0.7, "value").traces(20, seed=3):
        asked = next(j for j in range(3) if np.array_equal(Z[:3, j], Z[:3, -1]))
        assert np.array_equal(y, [0, 0, 0, *Z[3:, asked]])
        assert not Z[3:, -1].any()


def test_without_overlap_nothing_changes_and_orthonormal_keys_need_no_other_layer():
    assert np.array_equal(AssociativeMemory(3).traces(9).tokens, AssociativeMemory(3, 0.0, 0.0, "sum").traces(9).tokens)
    task = AssociativeMemory(3, 1.0, 0.0, "value")
    traces = task.traces(400)
    np.testing.assert_allclose(task.truth.on(traces), traces.targets, atol=1e-12)
    assert AssociativeMemory(3, 1.0, 0.2, "value").truth is None
    assert AssociativeMemory(3, 0.9, 0.0, "value").truth is None


def test_the_learned_value_is_the_least_squares_fit_on_explicit_features():
    traces = AssociativeMemory(2, 0.0, 0.5, "value").traces(200, seed=2)
    Phi = np.array([features(Z) for Z, _ in traces])
    P = np.linalg.lstsq(Phi, traces.targets, rcond=None)[0]
    run = la.learn(traces)
    np.testing.assert_allclose(run.predictor.on(traces), Phi @ P, atol=1e-9)
    assert run.training_mse == pytest.approx(((Phi @ P - traces.targets) ** 2).sum(axis=1).mean())
    assert run.training_mse > 0.1


# ---- vectors


@pytest.mark.parametrize(
    ("K", "dk", "dv"), [(3, 3, 2), (4, 4, 4), (5, 3, 2), (6, 2, 1), (4, 6, 2), (1, 1, 1), (2, 1, 1)]
)
@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_the_span_of_all_pairings_is_the_rank_of_its_spanning_rows(K, dk, dv, rho):
    task = VectorMemory(vectors(K, dk, dv, seed=K), (), rho)
    assert rank(task.family().features.toarray()) == task.family_dimension
    random = np.asarray(feature_rows(task.traces(3 * task.family_dimension + 20)))
    assert rank(random) == task.family_dimension
    assert task.family_dimension <= K * (1 + K * (K - 1))


def test_one_hot_vectors_span_what_one_hot_words_span():
    table = TableMemory(WORDS)
    eye, values = np.eye(4), np.eye(3)
    pairs = tuple((tuple(eye[i]), tuple(values[table.values.index(v)])) for i, (_, v) in enumerate(WORDS))
    task = VectorMemory(pairs, WORDS)
    assert task.family_dimension == table.family_dimension
    assert (task.key_names, task.value_names) == (table.keys, table.values)
    assert contexts(task) == contexts(table)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 20), RHO)
@settings(max_examples=15, deadline=None)
def test_a_layer_tells_independent_keys_apart_however_alike(K, dv, seed, rho):
    task = VectorMemory(vectors(K, K, dv, seed), (), rho)
    traces = task.traces(2 * task.family_dimension + 20, seed=1)
    scale = abs(traces.targets).max()
    if np.linalg.cond(task.keys) < 1e4:
        np.testing.assert_allclose(task.truth.on(traces), traces.targets, atol=1e-6 * scale)
        run = la.learn(traces)
        found = retrieval(task, traces, run.predictor)
        assert found.learned_exact
        assert found.learned_right.all()


def test_dependent_keys_cannot_be_told_apart_and_the_fit_is_least_squares():
    task = VectorMemory(vectors(4, 2, 2, seed=3))
    traces = task.traces(300)
    Phi = np.array([features(Z) for Z, _ in traces])
    P = np.linalg.lstsq(Phi, traces.targets, rcond=1e-10)[0]
    run = la.learn(traces)
    assert task.truth is None
    assert run.training_mse == pytest.approx(((Phi @ P - traces.targets) ** 2).sum(axis=1).mean(), rel=1e-8)
    assert run.training_mse > 1e-3
    assert run.certificate.covers(task).holds


def test_retrieval_is_the_sum_over_keys_and_the_layers_own_answer():
    task = VectorMemory(vectors(4, 5, 3, seed=1), (), 0.6)
    traces = task.traces(400)
    run = la.learn(traces)
    found = retrieval(task, traces, run.predictor)
    K, V = task.keys, task.values[task.own]
    for i, q in enumerate(K):
        plain = sum((q @ k) * v for k, v in zip(K, V, strict=True)) / (q @ q)
        np.testing.assert_allclose(found.plain[i], [np.linalg.norm(plain - v) for v in task.values], atol=1e-12)
        Z, _ = task.contexts()[i]
        np.testing.assert_allclose(
            found.learned[i], [np.linalg.norm(run.predictor(Z) - v) for v in task.values], atol=1e-12
        )
    others = cosines(K)[~np.eye(4, dtype=bool)]
    assert found.mean_overlap == pytest.approx(others.mean())


def test_interference_grows_with_the_overlap_and_the_learned_layer_undoes_it():
    right, far = [], []
    for rho in (0.0, 0.5, 0.9, 0.99):
        task = MemoryBuild(table=WORDS, correlation=rho).task()
        traces = task.traces(300)
        found = retrieval(task, traces, la.learn(traces).predictor)
        assert found.learned_right.all()
        assert found.learned_exact
        assert found.plain_exact == (rho == 0.0)
        right.append(int(found.plain_right.sum()))
        far.append(found.plain[np.arange(4), found.right].mean())
    assert right[0] == 4
    assert right[-1] < 4
    assert far == sorted(far)


def test_answers_halfway_between_two_values_retrieve_neither():
    pairs = (((1.0, 0.0), (1.0,)), ((1.0, 1e-13), (-1.0,)))
    task = VectorMemory(pairs)
    found = retrieval(task, task.traces(30), la.learn(task.traces(30)).predictor)
    assert not found.plain_right.any()


def test_the_picture_marks_what_every_row_retrieves():
    task = MemoryBuild(table=WORDS, correlation=0.9).task()
    traces = task.traces(200)
    found = retrieval(task, traces, la.learn(traces).predictor)
    for learned, right in ((False, found.plain_right), (True, found.learned_right)):
        picture = pictures.answered(found, LIGHT, learned=learned)
        rows = picture.data[0].text
        assert [sum("✓" in cell for cell in row) for row in rows] == right.astype(int).tolist()
        assert [sum("✗" in cell for cell in row) for row in rows] == (~right).astype(int).tolist()
        assert picture.data[0].zmax == found.spread == pytest.approx(np.sqrt(2))
    assert np.array_equal(pictures.overlaps(found, LIGHT).data[0].z, found.overlaps)
    many = TableMemory(tuple((f"k{i}", f"v{i % 2}") for i in range(41)))
    traces = many.traces(50)
    with pytest.raises(TooLargeError, match="drawn up to 40"):
        pictures.overlaps(retrieval(many, traces, la.learn(traces, heads=None).predictor), LIGHT)


# ---- words with vectors


def test_words_are_embedded_as_asked():
    assert isinstance(MemoryBuild(table=WORDS).task(), TableMemory)
    gaussian = MemoryBuild(table=WORDS, embedding="gaussian", dim=6, seed=3).task()
    assert gaussian.keys.shape == (4, 6)
    assert gaussian.values.shape == (3, 6)
    unitary = MemoryBuild(table=WORDS, embedding="unitary", seed=3).task()
    np.testing.assert_allclose(unitary.keys @ unitary.keys.T, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(unitary.values @ unitary.values.T, np.eye(3), atol=1e-12)
    assert not np.array_equal(unitary.keys, MemoryBuild(table=WORDS, embedding="unitary", seed=4).task().keys)
    longer = MemoryBuild(table=(*WORDS, ("coal", "black")), embedding="gaussian", dim=6, seed=3).task()
    assert np.array_equal(longer.keys[:4], gaussian.keys)


def test_own_vectors_stay_with_their_words():
    build = MemoryBuild(table=WORDS, dim=3).with_own_vectors()
    assert {word for word, _ in build.words} == {word for pair in WORDS for word in pair}
    given = build.replace(words=(("apple", (1.0, 2.0, 3.0)), *build.words[1:]))
    wider = given.with_table((("apple", "red"), ("plum", "blue")))
    assert dict(wider.words)["apple"] == (1.0, 2.0, 3.0)
    assert set(dict(wider.words)) == {"apple", "red", "plum", "blue"}
    assert wider.task().keys[0].tolist() == [1.0, 2.0, 3.0]


ONE = ((1.0, 0.0), (1.0,))


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: MemoryBuild(vectors=(ONE, ((0.0, 0.0), (1.0,)))).task(), ShapeError, "key of row 2 is zero"),
        (lambda: MemoryBuild(vectors=(ONE, ((1.0, 0.0), (2.0,)))).task(), ShapeError, "Rows 1 and 2 have the same key"),
        (lambda: MemoryBuild(vectors=(ONE, ((1.0,), (1.0,)))).task(), ShapeError, "key of row 2 has 1 numbers where"),
        (lambda: MemoryBuild(vectors=(ONE, ((0.0, 1.0), (1.0, 2.0)))).task(), ShapeError, "value of row 2 has 2"),
        (lambda: MemoryBuild(vectors=(((), ()),)).task(), TooLargeError, "1 to 32"),
        (lambda: MemoryBuild(vectors=(ONE, ((0.0, 1e9), (1.0,)))).task(), ShapeError, "numbers up to 1e\\+06"),
        (lambda: VectorMemory(()), ShapeError, "table of vectors is empty"),
        (lambda: VectorMemory((((1.0, float("nan")), (1.0,)),)), ShapeError, "NaN"),
        (lambda: VectorMemory(tuple(((float(i + 1), 1.0), (1.0,)) for i in range(40))), TooLargeError, "at most 32"),
        (lambda: VectorMemory(vectors(20, 20, 20, 0)), TooLargeError, "at most 3,000"),
        (lambda: VectorMemory((ONE,), correlation=1.0), ShapeError, "between 0 and 0.99"),
        (lambda: VectorMemory((ONE,), (("a", "b"), ("c", "d"))), ShapeError, "2 names for 1 pairs"),
        (lambda: MemoryBuild(vectors=(ONE,), table=WORDS).task(), SpecError, "both words and vectors"),
        (lambda: MemoryBuild(vectors=(((float("inf"),), (1.0,)),)), SpecError, "vectors"),
        (lambda: MemoryBuild(vectors=((("a",), (1.0,)),)), SpecError, "vectors"),
        (lambda: MemoryBuild(vectors=(((1.0,) * 40, (1.0,)),)), SpecError, "at most 32"),
        (lambda: MemoryBuild(correlation=1.0), SpecError, "correlation"),
        (lambda: MemoryBuild(table=WORDS, embedding="own").task(), SpecError, "'apple' of the memory has no vector"),
        (
            lambda: MemoryBuild(
                table=(("a", "x"), ("b", "y")),
                embedding="own",
                words=tuple((w, (1.0, float(w == "a"))) for w in "abxy"),
            ).task(),
            SpecError,
            "'x' and 'y' have the same vector",
        ),
        (
            lambda: MemoryBuild(table=WORDS, embedding="own", words=(("a", (1.0,)), ("a", (2.0,)))).task(),
            SpecError,
            "two vectors",
        ),
        (lambda: MemoryBuild(table=WORDS, embedding="gaussian", dim=99).task(), ShapeError, "dim: got 99"),
        (lambda: AssociativeMemory(4, 0.0, 0.5, "both"), ShapeError, "answer: got 'both'"),
    ],
)
def test_what_makes_no_memory_is_told_in_one_sentence(make, error, said):
    with pytest.raises(error, match=said) as refusal:
        make()
    assert "\n" not in str(refusal.value)


def test_a_lab_of_vectors_counts_its_tokens_and_keeps_its_bounds():
    lab = Lab(build=MemoryBuild(vectors=vectors(4, 3, 2, 0)), traces=TraceSpec(count=9, noise=0.1))
    assert lab.make_traces().tokens.shape[0] == lab.tokens == 45
    quiet = lab.replace(traces=lab.traces.replace(noise=0.0))
    assert np.array_equal(lab.make_traces()[0][0], quiet.make_traces()[0][0])
    with pytest.raises(LinattnError, match="withholds"):
        lab.replace(traces=lab.traces.replace(withheld=(("a", "b"),)))
