"""Typed heads: golden programs, equivalent readings, sparse coefficients, readable factors, sentences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from linattn_core.attention import LinearAttention, Predictor, distance
from linattn_core.errors import ShapeError
from linattn_core.heads import program_sentences, typed_heads
from linattn_core.heads.program import Relation
from linattn_core.heads.readable import Freedom, completed, factors, readable_heads
from linattn_core.heads.sentences import sentence
from linattn_core.heads.sparsest import sparsest_solution
from linattn_core.learn import as_predictor, learn
from linattn_core.machines import random_machine
from linattn_core.tasks import AssociativeMemory, Attribute, RandomTeacher, StepAutomaton, UniversalAutomaton
from linattn_core.tasks.base import blocks
from linattn_core.tasks.turing import UniversalTuringMachine
from tests.cases import CASES, HOSTILE_LABELS, PRESETS, case_id


def typed(task, traces):
    run = learn(traces, heads=None)
    found = typed_heads(run.predictor, run.certificate.spaces, task.attributes, task.output_attributes)
    return run, found


@pytest.mark.parametrize("unitary", [0.0, 1.0])
def test_associative_memory_is_one_head_with_identity_blocks(unitary):
    task = AssociativeMemory(3, unitary)
    _, found = typed(task, task.traces(700))
    assert found.heads == 1
    assert distance(found.model, task.truth) < 1e-9
    key = np.diag([1.0, 1, 1, 0, 0, 0])
    np.testing.assert_allclose(found.model.V[0], np.eye(6) - key, atol=1e-9)
    np.testing.assert_allclose(found.model.Q[0], key, atol=1e-9)
    assert found.sentences == ("query `key` matches key `key` and copies `value`",)
    assert found.relations == (Relation("value", "value", "key", "key"),)


@pytest.mark.parametrize(("states", "letters", "count"), [(2, 2, 100), (3, 2, 300), (4, 4, 1400)])
def test_universal_automaton_is_one_head_of_exact_identities(states, letters, count):
    task = UniversalAutomaton(states, letters)
    run, found = typed(task, task.traces(count))
    assert run.certificate.covers(task).holds
    assert found.heads == 1
    np.testing.assert_array_equal(found.model.V, task.truth.V)
    np.testing.assert_array_equal(found.model.Q, task.truth.Q)
    assert np.count_nonzero(found.model.V) + np.count_nonzero(found.model.Q) == states + states * letters
    assert found.sentences == ("query `pair` matches key `pair` and copies `next state`",)


@pytest.mark.parametrize("case", PRESETS, ids=case_id)
def test_step_automata_read_by_letters_and_by_states(case):
    task = StepAutomaton(case.machine)
    run, found = typed(task, task.traces(100, length=25))
    Q, S = len(case.machine.states), len(case.machine.alphabet)
    assert found.relations == (Relation("next state", "state", "constant", "letter"),)
    table = np.array(case.machine.transitions)
    for V, query in zip(found.model.V, found.model.Q, strict=True):
        for a in np.flatnonzero(query[-1, Q : Q + S]):
            matrix = np.eye(Q)[:, table[:, a]]
            np.testing.assert_array_equal(V[:, :Q], matrix)  # V_a is the letter's transition matrix
    assert {a for query in found.model.Q for a in np.flatnonzero(query[-1, Q : Q + S])} == set(range(S))
    assert found.heads == len({tuple(column) for column in table.T})
    by_states = [
        p for p in found.alternatives if p.relations[0] == Relation("next state", "letter", "constant", "state")
    ]
    assert len(by_states) == 1
    successors = np.zeros((Q, Q * S))
    successors[np.arange(Q)[:, None], table * S + np.arange(S)] = 1.0
    assert by_states[0].heads == np.linalg.matrix_rank(successors)
    memoryless = all(len(set(column)) == 1 for column in table.T)
    assert found.fewest.heads == (1 if memoryless else min(found.heads, by_states[0].heads))
    assert found.fewest.heads <= min(Q, S)
    _all_programs_agree(run, found, task)


def _all_programs_agree(run, found, task):
    legal = task.contexts(task.legal_pairs)
    expected = run.predictor.on(legal)
    for program in found.alternatives:
        np.testing.assert_allclose(program.model.on(legal), expected, atol=1e-9)
        assert program.residual < 1e-9
        assert len(program.sentences) == program.heads


def test_seven_triples_read_one_step_automaton():
    machine = random_machine(4, 3, seed=2)
    task = StepAutomaton(machine)
    _, found = typed(task, task.traces(200, length=25))
    context_and_query = {(frozenset((r.value, r.key)), r.query) for p in found.alternatives for r in p.relations}
    names = ("state", "letter", "constant")
    singles = {
        (frozenset(pair), query) for pair in (names[:2], names[::2], names[1:]) for query in set(names) - set(pair)
    }
    squares = {(frozenset(["state"]), "letter"), (frozenset(["letter"]), "state")}
    squares |= {(frozenset(names[:2]), "state"), (frozenset(names[:2]), "letter")}
    assert context_and_query == singles | squares
    assert len(context_and_query) == 7


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 1000))
def test_every_program_of_a_random_automaton_is_right_on_the_pairs_it_saw(states, letters, seed):
    task = StepAutomaton(random_machine(states, letters, seed=seed))
    traces = task.traces(3, seed=seed, length=4)
    run, found = typed(task, traces)
    for program in found.alternatives:
        np.testing.assert_allclose(program.model.on(traces), traces.targets, atol=1e-9)
        assert run.loss(program.model) <= run.training_mse + 1e-15


def test_a_probabilistic_automaton_keeps_its_probabilities():
    task = StepAutomaton(PRESETS[0].machine)
    run, found = typed(task, task.traces(300, noise=0.3))
    legal = task.contexts(task.legal_pairs)
    np.testing.assert_allclose(found.model.on(legal), run.predictor.on(legal), atol=1e-9)
    np.testing.assert_allclose(found.model.V[:, :, :2].sum(axis=1), 1.0, atol=1e-9)
    assert found.heads == 2


def test_the_learned_turing_machine_decompiles_to_the_compiled_one():
    task = UniversalTuringMachine(2, 2, 4)
    run, found = typed(task, task.traces(40))
    assert run.certificate.rank < task.family_dimension  # far from certified
    assert found.heads == task.truth.heads == 6
    assert distance(found.model, task.truth) == 0.0
    assert distance(run.predictor, task.truth) > 1.0
    assert found.sentences[:4] == (
        "query `Y` matches key `P` and copies `A` to `R`",
        "query `R` a matches every key `P` and maps `S` to `J`: q0 -> q0, a; q1 -> q1, a",
        "query `R` b matches every key `P` and maps `S` to `J`: q0 -> q0, b; q1 -> q1, b",
        "query `J` matches every key `Y` or query `J` matches key `J` and copies `P`, `A`, `S` and `M`",
    )
    assert found.sentences[4].startswith("query `M` left matches every key `Y` and maps `P`")
    assert found.listing.startswith("1. query `Y`")


def test_a_dense_teacher_without_types_is_still_reproduced():
    task = RandomTeacher(3, heads=2, outputs=2)
    for traces in (task.traces(20), task.traces(1).subset(slice(0, 7))):  # full rank, and fewer examples than features
        run, found = typed(task, traces)
        np.testing.assert_allclose(found.model.on(traces), run.predictor.on(traces), atol=1e-9)


def test_noise_takes_every_triple_and_keeps_the_answers():
    task = AssociativeMemory(2)
    run, found = typed(task, task.traces(300, noise=0.5))
    assert len({(r.output, frozenset((r.value, r.key)), r.query) for r in found.relations}) == 12
    fresh = task.traces(20, seed=4)
    np.testing.assert_allclose(found.model.on(fresh), run.predictor.on(fresh), atol=1e-9)


def test_zero_answers_need_no_relation():
    empty = Predictor(3, np.empty(0, dtype=np.int64), np.empty((2, 0)))
    found = typed_heads(empty, (), blocks(("a", "xy"), ("b", "z")), blocks(("out", "01")))
    assert (found.heads, found.relations, found.residual) == (1, (), 0.0)
    assert found.sentences == ("does nothing: its answers are zero",)


@pytest.mark.parametrize(
    ("attributes", "outputs"),
    [
        (blocks(("a", "xy")), blocks(("out", "01"))),
        (blocks(("a", "xyz")), blocks(("out", "012"))),
        ((Attribute("a", 0, ("x", "y")), Attribute("b", 1, ("z",))), blocks(("out", "01"))),
        ((Attribute("a", 0, ("x", "y", "z")), Attribute("b", 3, ())), blocks(("out", "01"))),
    ],
)
def test_attributes_have_to_fill_the_embedding(attributes, outputs):
    empty = Predictor(3, np.empty(0, dtype=np.int64), np.empty((2, 0)))
    with pytest.raises(ShapeError, match="typed heads"):
        typed_heads(empty, (), attributes, outputs)


# --- sparsest coefficients ---


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 12))
def test_the_sparsest_solution_solves_and_is_not_above_the_planted_one(seed, r, k):
    rng = np.random.default_rng(seed)
    A = rng.integers(-1, 2, size=(r, k)).astype(float)
    planted = np.where(rng.random((k, 2)) < 0.3, rng.integers(-2, 3, size=(k, 2)), 0).astype(float)
    answers = A @ planted
    found = sparsest_solution(A, answers)
    np.testing.assert_allclose(A @ found, answers, atol=1e-8)
    assert (np.abs(found).sum(axis=0) <= 1.001 * np.abs(planted).sum(axis=0) + 1e-7).all()
    assert (np.count_nonzero(np.abs(found) > 1e-9, axis=0) <= np.linalg.matrix_rank(A)).all()


# --- readable factors ---


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 6), st.integers(1, 3))
def test_factors_sum_to_the_block_and_are_as_many_as_its_rank(seed, n, k, rank):
    rng = np.random.default_rng(seed)
    block = rng.integers(-1, 2, size=(n, rank)).astype(float) @ rng.integers(0, 2, size=(rank, k))
    block[0, 0] += 1.0
    if not block.any():
        return
    pairs = factors(block)
    np.testing.assert_allclose(sum(np.outer(*pair) for pair in pairs), block, atol=1e-9)
    assert len(pairs) == np.linalg.matrix_rank(block)


def test_factors_prefer_columns_then_rows_then_sums_of_columns():
    columns = np.array([[1.0, 0, 2], [0, 1, 0]])
    assert [tuple(left) for left, _ in factors(columns)] == [(2.0, 0.0), (0.0, 1.0)]
    rows = np.array([[1.0, 2, 3], [2, 4, 6], [0, 1, 5]])
    assert sorted(tuple(right) for _, right in factors(rows)) == [(0.0, 1.0, 5.0), (2.0, 4.0, 6.0)]
    square = np.array([[1.0, 0, 0, 1], [0, 1, 1, 0], [1, 0, 1, 0], [0, 1, 0, 1]])  # 1 + 2 = 3 + 4
    assert {tuple(left) for left, _ in factors(square)} <= {tuple(column) for column in square.T}
    assert len(factors(square)) == 3


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 6))
def test_completion_keeps_what_is_known_and_never_raises_the_rank(seed, n, k):
    rng = np.random.default_rng(seed)
    known = rng.random((n, k)) < 0.7
    block = np.where(known, rng.integers(0, 2, size=(n, k)), 0).astype(float)
    if not block.any():
        return
    filled = completed(block, known)
    np.testing.assert_array_equal(filled[known], block[known])
    assert np.linalg.matrix_rank(filled) <= np.linalg.matrix_rank(block)


def test_completion_finds_the_shift_that_was_never_seen_whole():
    shift = np.roll(np.eye(4), 1, axis=0)
    block, known = np.repeat(shift.reshape(16, 1), 4, axis=1), np.ones((16, 4), dtype=bool)
    for c in range(4):
        known[[i * 4 + (c + 2) % 4 for i in range(4)], c] = False
    np.testing.assert_array_equal(completed(np.where(known, block, 0.0), known), block)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(1, 2))
def test_readable_heads_keep_every_settled_entry(seed, d, m):
    rng = np.random.default_rng(seed)
    settled = rng.random((d, d, d)) < 0.7
    settled |= settled.transpose(1, 0, 2)
    freedom = Freedom(settled, rng.integers(0, 2, size=d))
    everything = freedom.known(np.arange(m * d), np.arange(d * d))
    W = np.where(everything & (rng.random(everything.shape) < 0.3), rng.integers(-1, 2, size=everything.shape), 0)
    total = np.zeros(everything.shape)
    for rows, left, columns, right in readable_heads(sparse.csr_array(W.astype(float)), freedom):
        total[np.ix_(rows, columns)] += np.outer(left, right)
    np.testing.assert_allclose(total[everything], W[everything], atol=1e-9)


# --- sentences ---

WORDS = (Attribute("word", 0, ("a", "b")), Attribute("mark", 2, ("x", "y")), Attribute("one", 4, ("1",)))
OUT = (Attribute("word", 0, ("a", "b")),)


def _head(V, Q):
    return sentence(np.array(V, dtype=float), np.array(Q, dtype=float), WORDS, OUT)


def _matrix(entries, shape=(5, 5)):
    matrix = np.zeros(shape)
    for (i, j), value in entries.items():
        matrix[i, j] = value
    return matrix


COPY = _matrix({(0, 0): 1, (1, 1): 1}, (2, 5))
MATCH = _matrix({(2, 2): 1, (3, 3): 1})


@pytest.mark.parametrize(
    ("V", "Q", "expected"),
    [
        (COPY, MATCH, "query `mark` matches key `mark` and copies `word`"),
        (2 * COPY, MATCH, "query `mark` matches key `mark` and copies `word` times 2"),
        (COPY, _matrix({(4, 2): 1}), "if query `mark` is x, copies `word`"),
        (COPY, _matrix({(4, 2): 1, (4, 3): 0.5}), "if query `mark` is x or y (times 0.5), copies `word`"),
        (COPY, _matrix({(4, 4): 1}), "always copies `word`"),
        (COPY, _matrix({(2, 4): 1}), "any query matches key `mark` x and copies `word`"),
        (COPY, _matrix({(0, 2): 1, (1, 2): 1}), "query `mark` x matches every key `word` and copies `word`"),
        (COPY, _matrix({(2, 2): 1}), "query `mark` matches key `mark` where it is x and copies `word`"),
        (
            COPY,
            _matrix({(0, 3): 1, (1, 2): -1}),
            "query `mark` matches key `word` (x with -b; y with a) and copies `word`",
        ),
        (
            COPY,
            _matrix({(0, 2): 1, (1, 2): 2, (0, 3): 3, (1, 3): 1}),
            "query `mark` matches key `word` (x with 2 b + a; y with 3 a + b) and copies `word`",
        ),
        (
            _matrix({(1, 0): 1, (0, 1): 1}, (2, 5)),
            MATCH,
            "query `mark` matches key `mark` and maps `word`: a -> b; b -> a",
        ),
        (_matrix({(1, 4): 1}, (2, 5)), MATCH, "query `mark` matches key `mark` and answers `word` b"),
        (
            _matrix({(0, 2): 1, (1, 3): 1}, (2, 5)),
            MATCH,
            "query `mark` matches key `mark` and copies `mark` to `word`",
        ),
        (0 * COPY, MATCH, "does nothing: its answers are zero"),
    ],
)
def test_sentences(V, Q, expected):
    assert _head(V, Q) == expected


def test_full_matrices_are_named_by_size_and_long_lists_cut():
    words = (Attribute("word", 0, tuple(map(str, range(14)))),)
    rng = np.random.default_rng(0)
    dense = sentence(rng.normal(size=(14, 14)), rng.normal(size=(14, 14)), words, words)
    assert dense == (
        "query `word` is weighed against key `word` by a 14 x 14 matrix and mixes `word` by a 14 x 14 matrix"
    )
    turned = sentence(np.roll(np.eye(14), 1, axis=0), np.eye(14), words, words)
    assert turned.endswith("11 -> 12; 2 more")


def test_hostile_labels_come_through_literally():
    labels = tuple(HOSTILE_LABELS)
    attribute = (Attribute('<img src=x onerror="alert(1)">', 0, labels),)
    model = LinearAttention(np.roll(np.eye(len(labels)), 1, axis=0)[None], np.eye(len(labels))[None])
    (text,) = program_sentences(model, attribute, attribute)
    assert '`<img src=x onerror="alert(1)">`' in text
    assert "<script>alert(1)</script>" in text
    assert "]]>" in text


def test_programs_of_every_named_case_say_one_sentence_a_head():
    for case in CASES[len(PRESETS) :][:4]:
        task = StepAutomaton(case.machine)
        _, found = typed(task, task.traces(30, length=15))
        assert len(found.sentences) == found.heads
        assert all(text.startswith(("if query `letter` is", "always", "if query `letter`")) for text in found.sentences)


@pytest.mark.slow
@pytest.mark.parametrize(("design", "sizes", "count"), [("slim", (3, 2, 6), 60), ("wide", (2, 2, 4), 150)])
def test_other_turing_machines_decompile_to_the_compiled_ones(design, sizes, count):
    task = UniversalTuringMachine(*sizes, design=design)
    _, found = typed(task, task.traces(count))
    assert found.heads == task.truth.heads
    assert distance(found.model, task.truth) == 0.0


def test_heads_of_a_compiled_task_are_read_back():
    task = UniversalAutomaton(2, 2)
    predictor = as_predictor(task.truth)
    run = learn(task.traces(100), heads=None)
    found = typed_heads(predictor, run.certificate.spaces, task.attributes, task.output_attributes)
    assert distance(found.model, task.truth) == 0.0
