import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.errors import LinattnError, MachineError, ShapeError, TooLargeError
from linattn_core.features import feature_count, feature_rows
from linattn_core.machines import Machine, presets, random_machine
from linattn_core.tasks import (
    AssociativeMemory,
    InContextRegression,
    RandomTeacher,
    StepAutomaton,
    TableMemory,
    Task,
    UniversalAutomaton,
)
from linattn_core.traces import Traces
from tests.cases import CASES, HOSTILE_LABELS, Case, case_id

ABA = presets()["contains aba"]
WORDS = TableMemory((("apple", "red"), ("sky", "blue"), ("grass", "green"), ("rose", "red")))
ALL_TASKS = [
    StepAutomaton(ABA),
    UniversalAutomaton(2, 2),
    UniversalAutomaton(3, 2),
    AssociativeMemory(2),
    AssociativeMemory(3, unitary=0.5),
    AssociativeMemory(2, unitary=1.0),
    AssociativeMemory(3, unitary=1.0),
    WORDS,
    RandomTeacher(3, heads=2, outputs=2, length=10),
    InContextRegression(3),
    InContextRegression(2, examples=1),
]


def task_id(task: Task) -> str:
    return f"{type(task).__name__}-{task.dim}"


def rank(rows) -> int:
    dense = rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)
    return int(np.linalg.matrix_rank(dense, tol=1e-9 * np.linalg.norm(dense, 2)))


def stacked(*parts):
    return np.concatenate([part.toarray() if hasattr(part, "toarray") else np.asarray(part) for part in parts])


# ---- what holds for every task


@pytest.mark.parametrize("task", ALL_TASKS, ids=task_id)
def test_attributes_tile_embedding_and_answer(task: Task):
    for attributes, width in ((task.attributes, task.dim), (task.output_attributes, task.outputs)):
        covered = [i for attribute in attributes for i in range(width)[attribute.slice]]
        assert covered == list(range(width))
        assert all(attribute.size == len(attribute.labels) for attribute in attributes)


@pytest.mark.parametrize("task", ALL_TASKS, ids=task_id)
def test_traces_are_a_function_of_the_seed(task: Task):
    first, again, other = task.traces(30, seed=5), task.traces(30, seed=5), task.traces(30, seed=6)
    same = [np.array_equal(Z, W) and np.array_equal(y, v) for (Z, y), (W, v) in zip(first, again, strict=True)]
    assert all(same)
    assert not all(np.array_equal(Z, W) for (Z, _), (W, _) in zip(first, other, strict=True))
    assert (first.dim, first.outputs) == (task.dim, task.outputs)
    assert isinstance(task.decode(first[0][1]), str)


@pytest.mark.parametrize("task", [task for task in ALL_TASKS if task.truth is not None], ids=task_id)
def test_truth_answers_every_trace_by_the_literal_formula(task: Task):
    traces = task.traces(40, seed=1)
    worst = max(np.abs(task.truth(Z) - y).max() for Z, y in traces)
    assert worst < 1e-12 * max(1.0, np.abs(traces.targets).max())


@pytest.mark.parametrize("task", ALL_TASKS, ids=task_id)
def test_family_has_its_dimension_and_holds_every_trace(task: Task):
    family = task.family()
    assert family.dimension == task.family_dimension == rank(family.features)
    assert len(family.words) == len(set(family.words)) == family.features.shape[0]
    traces = task.traces(20 + 2 * task.family_dimension, seed=3)
    rows = feature_rows(traces.subset(slice(0, 4000)))
    assert rank(rows) == task.family_dimension  # random traces reach the whole family
    assert rank(stacked(rows, family.features)) == task.family_dimension  # and nothing outside it


@pytest.mark.parametrize("task", ALL_TASKS, ids=task_id)
@pytest.mark.parametrize(
    ("count", "seed", "noise", "sentence"),
    [
        (0, 0, 0.0, "at least one"),
        (3, -1, 0.0, "seed: got -1"),
        (3, 0, -0.5, "noise -0.5"),
        (3, 0, float("nan"), "noise nan"),
    ],
)
def test_traces_refuse_with_a_sentence(task: Task, count, seed, noise, sentence):
    with pytest.raises(ShapeError, match=sentence):
        task.traces(count, seed=seed, noise=noise)


# ---- step automaton


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_step_traces_follow_the_machine(case: Case):
    task = StepAutomaton(case.machine)
    assert task.family_dimension == case.pairs
    traces = task.traces(3, seed=2, length=7)
    assert len(traces) == 21
    state, letters = case.machine.start, len(case.machine.alphabet)
    for i, (Z, y) in enumerate(traces):
        state = case.machine.start if i % 7 == 0 else state
        z = Z[:, 0]
        assert Z.shape == (task.dim, 1)
        assert z[: task.outputs].argmax() == state
        assert z.sum() == 3
        letter = z[task.outputs : task.outputs + letters].argmax()
        state = case.machine.transitions[state][letter]
        assert y.argmax() == state
        assert y.sum() == 1


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_step_truth_has_one_head_a_letter_and_is_exact(case: Case):
    task = StepAutomaton(case.machine)
    assert task.truth.heads == len(case.machine.alphabet)
    for state, letter in task.pairs:
        answer = task.truth(task.context(state, letter))
        assert np.array_equal(answer, np.eye(task.outputs)[case.machine.state_index(case.machine.step(state, letter))])
        assert task.decode(answer) == case.machine.step(state, letter)


def test_withheld_and_extra_pairs():
    task = StepAutomaton(ABA)
    plain = task.traces(50, seed=4)
    some = task.traces(50, seed=4, withheld=[("q1", "b"), ("q0", "a")])
    target = task.context("q1", "b")
    assert sum(np.array_equal(Z, target) for Z, _ in plain) > 0
    assert sum(np.array_equal(Z, target) for Z, _ in some) == 0
    kept = [
        i
        for i, (Z, _) in enumerate(plain)
        if not any(np.array_equal(Z, task.context(*p)) for p in (("q1", "b"), ("q0", "a")))
    ]
    assert np.array_equal(some.targets, plain.subset(np.array(kept)).targets)
    cured = task.traces(50, seed=4, withheld=[("q1", "b"), ("q0", "a")], extra=[("q1", "b")])
    assert len(cured) == len(some) + 1
    assert np.array_equal(cured[len(some)][0], target)
    assert task.decode(cured[len(some)][1]) == ABA.step("q1", "b")


def test_withholding_everything_is_refused():
    task = StepAutomaton(ABA)
    with pytest.raises(ShapeError, match="0 examples after leaving out"):
        task.traces(5, withheld=task.pairs)
    with pytest.raises(MachineError, match="unknown state 'zz'"):
        task.traces(5, withheld=[("zz", "a")])
    with pytest.raises(MachineError, match="unknown letter 'c'"):
        task.traces(5, extra=[("q0", "c")])
    with pytest.raises(ShapeError, match="length: got 0"):
        task.traces(5, length=0)


def test_step_noise_is_label_noise():
    task = StepAutomaton(random_machine(5, 2, seed=3))
    clean, noisy = task.traces(4000, seed=1), task.traces(4000, seed=1, noise=0.4)
    assert (clean.tokens != noisy.tokens).nnz == 0  # the runs go on truly
    changed = np.mean(clean.targets.argmax(1) != noisy.targets.argmax(1))
    assert changed == pytest.approx(0.4 * 4 / 5, abs=0.01)
    with pytest.raises(ShapeError, match=r"noise 1\.5"):
        task.traces(5, noise=1.5)


def test_unreachable_states_are_outside_the_family():
    machine = Machine(states=("p", "q", "island"), alphabet=("a",), transitions=((1,), (0,), (0,)))
    task = StepAutomaton(machine)
    assert task.family_dimension == 2
    assert len(task.pairs) == 3
    assert "state island on letter a" not in task.family().words


def test_hostile_labels_pass_through_tasks():
    n = len(HOSTILE_LABELS)
    machine = Machine(states=HOSTILE_LABELS, alphabet=HOSTILE_LABELS, transitions=tuple((k,) * n for k in range(n)))
    assert StepAutomaton(machine).attributes[0].labels == HOSTILE_LABELS


# ---- universal automaton


@pytest.mark.parametrize(("Q", "S", "dimension"), [(2, 2, 20), (3, 2, 78), (4, 4, 784), (8, 8, 28_736), (1, 3, 3)])
def test_universal_family_dimension(Q, S, dimension):
    assert UniversalAutomaton(Q, S).family_dimension == dimension


def test_universal_reaches_784_dimensions():
    task = UniversalAutomaton(4, 4)
    family = task.family()
    assert family.features.shape[0] == 784
    assert rank(family.features) == 784


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_universal_truth_runs_every_machine(Q, S, seed):
    machine = random_machine(Q, S, seed, reachable=False)
    task = UniversalAutomaton(4, 3)  # smaller machines are padded
    for state in machine.states:
        for letter in machine.alphabet:
            answer = task.truth(task.context(machine, state, letter))
            assert task.decode(answer) == machine.step(state, letter)
    pairs, probes = task.probes(machine)
    for (state, letter), (Z, _) in zip(pairs, probes, strict=True):
        assert np.array_equal(Z, task.context(machine, state, letter))


def test_universal_context_layout():
    machine = presets()["parity: an even number of 1s"]
    Z = UniversalAutomaton.for_machine(machine).context(machine, "odd", "1")
    rules = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]])
    query = np.array([[0], [0], [0], [1], [0], [0]])
    assert np.array_equal(Z, np.hstack([rules, query]))


def test_universal_history_scales_the_answer():
    machine = random_machine(4, 4, seed=9, reachable=False)
    task = UniversalAutomaton.for_machine(machine)
    history = [("q1", "a"), ("q2", "b"), ("q1", "a")]
    expected = np.eye(4)[machine.state_index(machine.step("q1", "a"))]
    assert np.array_equal(task.truth(task.context(machine, "q1", "a", history=history)), 3 * expected)
    assert np.array_equal(task.truth(task.context(machine, "q1", "a")), expected)
    assert task.context(machine, "q1", "a", history=history).shape[1] == 16 + 3 + 1


def test_universal_traces():
    task = UniversalAutomaton(3, 2)
    traces = task.traces(2000, seed=7)
    assert len(traces) == 2000
    one_machine = task.traces(200, seed=7, machine=random_machine(3, 2, seed=1))
    rules = {tuple(Z[:, :-1].ravel()) for Z, _ in one_machine}
    assert len(rules) == 1
    queries = np.array([Z[:6, -1].argmax() for Z, _ in traces])
    assert set(queries) == set(range(6))
    held = task.traces(2000, seed=7, withheld=[("q1", "b")])
    assert len(held) == (queries != 3).sum()
    cured = task.traces(2000, seed=7, withheld=[("q1", "b")], extra=[("q1", "b")])
    assert len(cured) == len(held) + 1 + 6 * 2
    assert np.abs(task.truth.on(cured) - cured.targets).max() == 0
    noisy = task.traces(2000, seed=7, noise=0.3)
    assert np.mean(noisy.targets.argmax(1) != traces.targets.argmax(1)) == pytest.approx(0.2, abs=0.03)


def test_universal_largest_traces_are_sparse_and_complete():
    traces = UniversalAutomaton(8, 8).traces(43_104, seed=0)
    assert traces.is_sparse
    assert len(traces) == 43_104
    assert traces.bytes < 200e6
    Z, y = traces[43_103]
    assert Z.shape == (72, 65)
    assert y.sum() == 1


def test_universal_refuses_with_a_sentence():
    with pytest.raises(TooLargeError, match="family of 983,296 dimensions"):
        UniversalAutomaton(16, 16)
    with pytest.raises(ShapeError, match="states: got 0"):
        UniversalAutomaton(0, 2)
    with pytest.raises(TooLargeError, match="more than the 2 and 2"):
        UniversalAutomaton(2, 2).context(ABA, "q0", "a")
    with pytest.raises(MachineError, match="1 and 2 names"):
        UniversalAutomaton(2, 2, state_names=("p",))
    with pytest.raises(MachineError, match="unknown state 'q9'"):
        UniversalAutomaton(4, 2).context(ABA, "q9", "a")


# ---- memory


@pytest.mark.parametrize(
    ("fraction", "golden"), [(0.0, 2.5), (0.5, 1.2), (0.9, 0.165), (0.95, 0.057), (0.98, 0.011), (0.99, 0.004)]
)
def test_memory_lambda_min_falls_with_the_unitary_fraction(fraction, golden):
    """The paper's unscaled features, per example.

    The golden values are single draws, so the median of five is compared; near 1 a few hundred Gaussian memories decide
    and single draws scatter by a third.
    """
    task, values = AssociativeMemory(4, unitary=fraction), []
    scale = unscaled(task.dim)
    for seed in range(5):
        rows = feature_rows(task.traces(2**14, seed=seed)) / scale
        values.append(np.linalg.eigvalsh(rows.T @ rows / len(rows))[0])
    assert np.median(values) == pytest.approx(golden, rel=0.4 if fraction > 0.95 else 0.15)


def unscaled(d: int) -> np.ndarray:
    j, k = np.triu_indices(d)
    return np.repeat(np.where(j == k, 1.0, np.sqrt(2.0)), d)


def test_unitary_memory_is_not_identified():
    task = AssociativeMemory(4, unitary=1.0)
    rows = feature_rows(task.traces(2**12, seed=0))
    eigenvalues = np.linalg.eigvalsh(rows.T @ rows / len(rows))
    assert abs(eigenvalues[0]) < 1e-13
    assert (eigenvalues > 1e-10).sum() == task.family_dimension == 248
    assert feature_count(task.dim) == 288


def test_unitary_memories_are_orthogonal_and_query_one_key():
    for Z, _ in AssociativeMemory(3, unitary=1.0).traces(20, seed=2):
        K, V, q = Z[:3, :3], Z[3:, :3], Z[:3, 3]
        assert np.allclose(K @ K.T, np.eye(3))
        assert np.allclose(V @ V.T, np.eye(3))
        assert np.abs(K - q[:, None]).max(axis=0).min() == 0


def test_memory_answer_is_the_sum_over_matching_keys():
    for Z, y in AssociativeMemory(3).traces(20, seed=2):
        K, V, q, zeta = Z[:3, :3], Z[3:, :3], Z[:3, 3], Z[3:, 3]
        assert np.allclose(y[:3], 0)
        assert np.allclose(y[3:], V @ (K.T @ q) + (q @ q) * zeta)


def test_memory_noise_is_added_to_the_answers():
    task = AssociativeMemory(3)
    difference = task.traces(3000, seed=2, noise=0.1).targets - task.traces(3000, seed=2).targets
    assert difference.std() == pytest.approx(0.1, rel=0.05)


def test_own_table():
    assert AssociativeMemory.from_table(list(WORDS.table)) == WORDS
    assert (WORDS.dim, WORDS.outputs, WORDS.family_dimension) == (7, 3, 4 * (1 + 4 * 2))
    answers = [WORDS.decode(WORDS.truth(Z)) for Z, _ in WORDS.contexts()]
    assert answers == ["red", "blue", "green", "red"]


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: AssociativeMemory(0), "dim: got 0"),
        (lambda: AssociativeMemory(99), "dim: got 99"),
        (lambda: AssociativeMemory(4, unitary=1.5), "unitary: got 1.5"),
        (lambda: TableMemory(()), "list of keys is empty"),
        (lambda: TableMemory((("a", "x"), ("a", "y"))), "key name 'a' is used twice"),
        (lambda: TableMemory((("a", ""),)), "name of value 1 is empty"),
        (lambda: RandomTeacher(0), "dim: got 0"),
        (lambda: RandomTeacher(3, length=1), "at least 2 tokens"),
        (lambda: RandomTeacher(3, seed=-1), "seed: got -1"),
        (lambda: RandomTeacher(3, heads=2.5), "heads: got 2.5"),
        (lambda: InContextRegression(0), "dim: got 0"),
        (lambda: InContextRegression(2, examples=0), "examples: got 0"),
    ],
)
def test_tasks_refuse_with_a_sentence(build, sentence):
    with pytest.raises(LinattnError, match=sentence):
        build()


# ---- teacher, regression


def test_teacher_makes_every_prefix_an_example():
    task = RandomTeacher(3, heads=2, length=5, seed=8)
    traces = task.traces(4, seed=1)
    assert len(traces) == 20
    assert [traces[i][0].shape[1] for i in range(5)] == [1, 2, 3, 4, 5]
    assert np.array_equal(traces[4][0][:, :2], traces[1][0])
    assert not np.array_equal(RandomTeacher(3, seed=9).truth.V, RandomTeacher(3, seed=8).truth.V)
    big = RandomTeacher(8, heads=16, length=100)
    assert big.truth.V.std() == pytest.approx(1 / np.sqrt(8), rel=0.2)
    assert big.traces(20).tokens.std() == pytest.approx(0.1, rel=0.05)


def test_gradient_step_is_one_step_of_gradient_descent():
    task = InContextRegression(3)
    model = task.gradient_step(rate=0.7)
    for Z, _ in task.traces(10, seed=1):
        X, answers, query = Z[:3, :-1], Z[3, :-1], Z[:3, -1]
        step = 0.7 * X @ answers / task.examples  # minus the gradient of the mean squared error / 2 at w = 0
        assert model(Z) == pytest.approx(step @ query)


def test_regression_targets_are_linear_in_the_query():
    for Z, y in InContextRegression(2, examples=6).traces(10, seed=1):
        w = np.linalg.lstsq(Z[:2, :-1].T, Z[2, :-1], rcond=None)[0]
        assert y[0] == pytest.approx(w @ Z[:2, -1])
        assert Z[2, -1] == 0


def test_contexts_without_answers():
    probes = StepAutomaton(ABA).contexts([("q0", "a"), ("q2", "b")])
    assert isinstance(probes, Traces)
    assert (len(probes), probes.outputs) == (2, 0)
