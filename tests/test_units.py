"""Any linear units: laws of learning and deciding under a change of coordinates, the hard tables, known violations."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import linattn_core as la
from linattn_core.certificates.decision import Decision
from linattn_core.tasks.turing_certificate import spanning_contexts
from tests.benchmarks.trust.oracles import Range

EPS = float(np.finfo(float).eps)
Pairs = list[tuple[np.ndarray, np.ndarray]]


def learned(pairs: Pairs, **how: object) -> la.Run:
    return la.learn(la.Traces.from_examples(pairs), heads=None, **how)  # type: ignore[arg-type]


def inputs(contexts: list[np.ndarray]) -> la.Traces:
    return la.Traces.from_examples((Z, np.empty(0)) for Z in contexts)


def relative(run: la.Run, pairs: Pairs) -> float:
    """The mean of ||answer - y||^2 over that of ||y||^2."""
    off = run.predictor.on(la.Traces.from_examples(pairs)) - np.array([y for _, y in pairs])
    return float(np.sum(off**2) / np.sum(np.array([y for _, y in pairs]) ** 2))


def contradict(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(one.astype(int) - other.astype(int)) == Decision.CERTIFIED - Decision.OPEN


def taught(rng: np.random.Generator, d: int, m: int = 2) -> Callable[[np.ndarray], np.ndarray]:
    """A layer of one random head, by the literal formula."""
    V, Q = rng.normal(size=(m, d)), rng.normal(size=(d, d))
    return lambda Z: V @ Z @ (Z.T @ Q @ Z[:, -1])


def mixing(seed: int, d: int, condition: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    U, W = (np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(2))
    return U * np.geomspace(1, condition, d) @ W


def shears(seed: int, d: int, by: int = 10) -> np.ndarray:
    """An integer matrix of determinant one: dependence among integer tokens survives it exactly."""
    rng = np.random.default_rng(seed)
    T = np.eye(d)
    for _ in range(3):
        i, j = rng.choice(d, size=2, replace=False)
        T[i] += rng.integers(-by, by + 1) * T[j]
    return T


def moved(T: np.ndarray, pairs: Pairs) -> Pairs:
    return [(T @ Z, y) for Z, y in pairs]


# Laws ----------------------------------------------------------------------------------------------------------------

seeds = st.integers(0, 10_000)
law = settings(max_examples=40, deadline=None)


def draw(seed: int, *, whole: bool = False) -> tuple[Pairs, list[np.ndarray]]:
    """A few examples, fewer or more than there are features, and inputs to ask about."""
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 4))
    N = int(rng.integers(1, d * d * (d + 1) + 2))

    def context() -> np.ndarray:
        shape = d, int(rng.integers(1, 5))
        return rng.integers(-2, 3, size=shape).astype(float) if whole else rng.normal(size=shape)

    teacher = taught(rng, d)
    contexts = [context() for _ in range(N)]
    pairs = [(Z, teacher(Z) + (seed % 2) * rng.normal(size=2)) for Z in contexts]
    return pairs, [*contexts[:3], *(context() for _ in range(4))]


def agree(one: la.Run, other: la.Run, asked: list[np.ndarray], T: np.ndarray, tolerance: float) -> None:
    """The same rank, no contradiction, and the same answers wherever the data pin them down."""
    mine, theirs = inputs(asked), inputs([T @ Z for Z in asked])
    assert one.certificate.rank == other.certificate.rank
    decided, again = one.certificate.decide(mine), other.certificate.decide(theirs)
    assert not contradict(decided, again).any()
    both = (decided == Decision.CERTIFIED) & (again == Decision.CERTIFIED)
    bound = one.rounding(mine) + other.rounding(theirs)
    off = np.linalg.norm(one.predictor.on(mine) - other.predictor.on(theirs), axis=1)
    size = one.answer_scale + np.linalg.norm(one.predictor.on(mine), axis=1)
    assert (off[both] <= (bound + tolerance * size)[both]).all()


@law
@given(seeds, seeds)
def test_units_that_are_powers_of_two_change_no_decision_at_all(seed, units):
    pairs, asked = draw(seed)
    d = len(asked[0])
    T = np.diag(2.0 ** np.random.default_rng(units).integers(-26, 27, size=d))
    one, other = learned(pairs), learned(moved(T, pairs))
    mine, theirs = inputs(asked), inputs([T @ Z for Z in asked])
    assert one.certificate.rank == other.certificate.rank
    assert np.array_equal(one.certificate.decide(mine), other.certificate.decide(theirs))
    assert np.allclose(one.training_mse, other.training_mse, rtol=1e-6, atol=1e-24 * one.answer_scale**2)


@law
@given(seeds, seeds)
def test_a_change_of_units_by_a_hundred_million_changes_nothing(seed, units):
    pairs, asked = draw(seed)
    d = len(asked[0])
    T = np.diag(10.0 ** np.random.default_rng(units).uniform(-4, 4, size=d))
    agree(learned(pairs), learned(moved(T, pairs)), asked, T, 1e-9)


@law
@given(seeds, seeds, st.floats(0, 5))
def test_a_mixing_of_coordinates_changes_no_more_than_its_condition_rounds(seed, turn, power):
    pairs, asked = draw(seed)
    T = mixing(turn, len(asked[0]), 10.0**power)
    one, other = learned(pairs), learned(moved(T, pairs))
    agree(one, other, asked, T, 100 * EPS * 10.0**power)
    square = one.answer_scale**2
    allowed = 1e-9 * one.training_mse + (1e-18 + 100 * (EPS * 10.0**power) ** 2) * square
    assert abs(one.training_mse - other.training_mse) <= allowed


@law
@example(960, 0)
@given(seeds, seeds)
def test_integers_stay_as_dependent_as_they_are_under_an_integer_mixing(seed, turn):
    pairs, asked = draw(seed, whole=True)
    d = len(asked[0])
    T = shears(turn, d) if d > 1 else np.eye(1)
    one, other = learned(pairs), learned(moved(T, pairs))
    known = Range([Z for Z, _ in pairs])
    inside = np.where(known.holds(asked), Decision.CERTIFIED, Decision.OPEN)
    assert one.certificate.rank == other.certificate.rank == known.rank
    assert np.array_equal(one.certificate.decide(inputs(asked)), inside)
    assert np.array_equal(other.certificate.decide(inputs([T @ Z for Z in asked])), inside)


@law
@given(seeds, seeds)
def test_the_length_of_an_example_changes_no_decision_and_where_data_are_consistent_no_answer(seed, sizes):
    pairs, asked = draw(2 * seed)  # even: answers without noise
    by = 10.0 ** np.random.default_rng(sizes).uniform(-2, 2, size=len(pairs))
    one = learned(pairs)
    other = learned([(c * Z, c**3 * y) for c, (Z, y) in zip(by, pairs, strict=True)])
    agree(one, other, asked, np.eye(len(asked[0])), 1e-9)


@law
@given(seeds)
def test_order_and_chunks_do_not_matter(seed):
    pairs, asked = draw(seed)
    one, other = learned(pairs), learned(pairs[::-1])
    agree(one, other, asked, np.eye(len(asked[0])), 1e-9)
    parts = [la.Traces.from_examples([pair]) for pair in pairs]
    whole = la.learn(la.Traces.concat(parts), heads=None)
    agree(one, whole, asked, np.eye(len(asked[0])), 1e-9)


@law
@example(4695, 0)
@given(seeds, seeds)
def test_moments_and_sums_of_moments_never_contradict_the_traces(seed, units):
    pairs, asked = draw(seed)
    T = np.diag(10.0 ** np.random.default_rng(units).uniform(-3, 3, size=len(asked[0])))
    traces = la.Traces.from_examples(moved(T, pairs))
    theirs = inputs([T @ Z for Z in asked])
    decided = la.certify(traces).decide(theirs)
    halves = [traces.subset(slice(0, len(pairs) // 2)), traces.subset(slice(len(pairs) // 2, None))]
    total = la.Moments.of([half for half in halves if len(half)])
    for data in (la.Moments.of(traces), total):
        assert not contradict(decided, la.certify(data).decide(theirs)).any()
        assert not contradict(decided, la.learn(data, heads=None).certificate.decide(theirs)).any()
    if len(halves[0]):
        summed = la.Moments.of(halves[0]) + la.Moments.of(halves[1])
        assert not contradict(decided, la.certify(summed).decide(theirs)).any()


def test_a_sparse_and_a_dense_shard_are_both_counted():
    rng = np.random.default_rng(0)
    pairs = [(np.array([[2.0], [0.0]]), np.array([8.0])), *((rng.normal(size=(2, 3)), np.ones(1)) for _ in range(3))]
    first, others = la.Traces.from_examples(pairs[:1]), la.Traces.from_examples(pairs[1:])
    assert (first.is_sparse, others.is_sparse) == (True, False)
    moments = la.Moments.of(first), la.Moments.of(others)
    for data in (la.Moments.of(iter([first, others])), moments[0] + moments[1], moments[1] + moments[0]):
        run = la.learn(data, heads=None)
        assert run.certificate.rank == 4 or run.certificate.level == "undecided"
        assert run.certificate.decide(first)[0] != Decision.OPEN
        assert run.training_mse < 1e-20


# The table -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A hard set: examples, fresh ones with true answers, the exact rank, the error allowed, its own condition."""

    pairs: Pairs
    fresh: Pairs
    rank: int
    error: float = 1e-20
    condition: float = 1.0
    whole: bool = False


def gaussian(seed: int, d: int, N: int, n: int, T: np.ndarray, shift: np.ndarray | float, condition: float) -> Row:
    rng = np.random.default_rng(seed)
    teacher = taught(rng, d)
    contexts = [T @ rng.normal(size=(d, n)) + np.reshape(shift, (-1, 1)) for _ in range(N + 40)]
    pairs = [(Z, teacher(Z)) for Z in contexts]
    return Row(pairs[:N], pairs[N:], d * d * (d + 1) // 2, condition=condition)


def offset(by: float) -> Row:
    """Rows [x + offset; x'; 1]."""
    return gaussian(0, 3, 300, 6, np.diag([1.0, 1.0, 0.0]), np.array([by, 0.0, 1.0]), by)


def scaled(by: float) -> Row:
    return gaussian(1, 4, 300, 8, np.diag([1.0, 1.0, by, by]), 0.0, 1.0)


def covariance(condition: float) -> Row:
    return gaussian(2, 4, 300, 8, mixing(3, 4, np.sqrt(condition)), 0.0, np.sqrt(condition))


def memory(keys: float, values: tuple[float, ...], count: int, rank: int) -> Row:
    K = len(values)
    rows = tuple((tuple(keys * float(i == j) for j in range(K)), (value,)) for i, value in enumerate(values))
    task = la.tasks.VectorMemory(rows)
    pairs = list(task.traces(count, 0))
    return Row(pairs, [(Z, y) for Z, y in task.traces(60, 99)], rank, whole=True)


def two_sizes() -> Row:
    rng = np.random.default_rng(0)
    contexts = [rng.normal(size=(2, 3)) * (1 if i % 2 else 0.01) for i in range(4)]
    return Row([(Z, np.array([v])) for Z, v in zip(contexts, (1.0, -1.0, 2.0, 0.5), strict=True)], [], 4, 1e-18)


def apart(gap: float) -> Row:
    """The answers of 64-bit coefficients of size 1 / gap round by eps / gap, which a gap below 1e-8 makes visible."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(2, 3))
    B = A + gap * rng.normal(size=(2, 3))
    return Row([(A, np.array([0.0])), (B, np.array([1.0]))], [], 2, max(1e-18, (30 * EPS / gap) ** 2))


TABLE: dict[str, Callable[[], Row]] = {
    **{f"offset {by:g}": lambda by=by: offset(by) for by in (10, 1e2, 1e3, 1e4, 1e6)},
    **{f"coordinates {by:g}": lambda by=by: scaled(by) for by in (1e-2, 1e-3, 1e-5, 1e-8)},
    **{f"covariance {c:g}": lambda c=c: covariance(c) for c in (1e3, 1e6, 1e10)},
    "memory of 1e5, 2e5": lambda: memory(1.0, (1e5, 2e5), 200, 6),
    "memory of 1e5, 2e5, keys 1e6": lambda: memory(1e6, (1e5, 2e5), 200, 6),
    **{
        f"memory of {base:g} ..., {count}": lambda base=base, count=count, rank=rank: memory(
            1.0, tuple(base + i for i in range(6)), count, rank
        )
        for base in (150.0, 1990.0)
        for count, rank in ((30, 26), (60, 43), (200, 48))
    },
    "two sizes": two_sizes,
    **{f"apart {gap:g}": lambda gap=gap: apart(gap) for gap in (1e-7, 1e-9, 1e-11)},
}


def units(kind: str, row: Row) -> tuple[np.ndarray, float]:
    """T and the condition it adds: none, a diagonal one of 1e8, a mixing one (of integers where the data are)."""
    d = len(row.pairs[0][0])
    if kind == "as they are":
        return np.eye(d), 1.0
    if kind == "diagonal":
        return np.diag(np.geomspace(1e-4, 1e4, d)[np.random.default_rng(d).permutation(d)]), 1.0
    if row.whole:
        T = shears(1, d)
        return T, float(np.linalg.cond(T))
    size = np.sqrt(np.mean(np.hstack([Z for Z, _ in row.pairs]) ** 2, axis=1))
    return mixing(1, d, 1e3) / size, 1e3  # of coordinates brought to even size: only then is its condition that of T


@pytest.mark.parametrize("kind", ["as they are", "diagonal", "mixing"])
@pytest.mark.parametrize("name", TABLE)
def test_the_table_of_hard_units(name, kind):
    row = TABLE[name]()
    T, condition = units(kind, row)
    pairs, fresh = moved(T, row.pairs), moved(T, row.fresh)
    run = learned(pairs)
    assert run.certificate.rank == row.rank
    assert run.certificate.level != "undecided"
    allowed = row.error + (100 * (EPS * condition * row.condition) ** 2 if condition > 1 else 0.0)
    assert relative(run, pairs) <= allowed
    assert run.training_mse <= allowed * np.mean([y @ y for _, y in pairs])
    if not fresh:
        return
    decided = run.certificate.decide(inputs([Z for Z, _ in fresh]))
    if not row.whole:
        assert (decided == Decision.CERTIFIED).all()
        assert relative(run, fresh) <= allowed
        return
    inside = Range([Z for Z, _ in row.pairs]).holds([Z for Z, _ in row.fresh])
    assert np.array_equal(decided == Decision.CERTIFIED, inside)
    assert np.array_equal(decided == Decision.OPEN, ~inside)
    answers = run.predictor.on(la.Traces.from_examples(fresh))
    size = max(float(np.abs(y).max()) for _, y in fresh)
    off = np.abs(answers - np.array([y for _, y in fresh])).max(axis=1)
    assert (off[inside] <= 1e-10 * size + 10 * EPS * condition * size).all()


@pytest.mark.parametrize("kind", ["as they are", "diagonal", "mixing"])
def test_a_cubic_through_four_points_three_of_them_near(kind):
    x = (0.0, 3e-6, 6e-6, 1.0)
    row = Row([(np.array([[v], [1.0]]), np.array([v**3 - v])) for v in x], [], 4)
    T, _ = units(kind, row)
    run = learned(moved(T, row.pairs))
    assert run.certificate.rank == 4 or run.certificate.level == "undecided"
    assert run.certificate.decide(inputs([T @ np.array([[0.5], [1.0]])]))[0] != Decision.OPEN


# What lied, November 2026 --------------------------------------------------------------------------------------------


def heights(first: float, count: int) -> la.Experiment:
    vectors = tuple((tuple(float(i == j) for j in range(6)), (first + i,)) for i in range(6))
    return la.experiment(la.Lab(build={"kind": "memory", "vectors": vectors}, traces={"count": count}))


@pytest.mark.parametrize(("first", "count", "rank"), [(150.0, 30, 26), (1990.0, 60, 43), (32.0, 30, 26)])
def test_v1_a_memory_of_heights_is_not_green_before_it_is_known(first, count, rank):
    found = heights(first, count)
    assert found.run.certificate.rank == rank
    assert found.family is not None
    assert (found.family.holds, found.family.rank, found.family.dimension) == (False, rank, 48)
    assert found.light.colour == "amber"


@pytest.mark.parametrize("first", [150.0, 1990.0, 1e5])
def test_v1_a_memory_of_years_is_exact_once_it_is_known(first):
    found = heights(first, 300)
    assert found.family is not None
    assert found.family.holds
    assert found.light.colour == "green"
    assert found.run.training_mse <= 1e-20 * first**2
    assert found.retrieval is not None
    assert found.retrieval.learned_right.all()
    assert found.retrieval.learned_exact


def test_v2_the_fit_is_the_optimum_on_tokens_of_unlike_size():
    pairs = two_sizes().pairs
    run = learned(pairs)
    assert run.training_mse < 1e-18
    assert run.certificate.rank == 4


@pytest.mark.parametrize("condition", [1e4, 1e8, 1e12])
def test_v2_a_bad_covariance_leaves_the_optimum_where_it_is(condition):
    rng = np.random.default_rng(4)
    T = mixing(5, 3, np.sqrt(condition))
    plain = [(rng.normal(size=(3, 5)), rng.normal(size=2)) for _ in range(60)]
    wanted, found = learned(plain), learned(moved(T, plain))
    assert found.training_mse == pytest.approx(wanted.training_mse, rel=1e-9)


def test_v3_there_is_no_twin_at_a_training_input():
    pairs = two_sizes().pairs
    run = learned(pairs)
    assert (run.certificate.decide(inputs([Z for Z, _ in pairs])) == Decision.CERTIFIED).all()
    for Z, y in pairs:
        with pytest.raises(la.CertifiedError):
            la.twin(run, Z, y + 10)


def test_v4_where_two_contexts_nearly_meet_the_answer_is_that_of_the_minimisers():
    run = learned(apart(1e-7).pairs)
    (A, zero), (B, one) = apart(1e-7).pairs
    assert run.certificate.rank == 2
    assert run.training_mse < 1e-18
    assert run.predictor(A) == pytest.approx(zero, abs=1e-8)
    assert run.predictor(B) == pytest.approx(one, abs=1e-8)


@pytest.mark.slow
def test_v5_turing_contexts_outside_the_range_are_not_certified():
    task = la.tasks.UniversalTuringMachine(2, 2, 4)
    traces = task.traces(85, seed=0, steps=10, halting=0.35)
    run = la.learn(traces, heads=None)
    assert run.certificate.rank == 836
    contexts = task.contexts(task.episodes(8, seed=77, halting=0.0), 60)
    decided = run.certificate.decide(contexts)
    assert not (decided == Decision.UNDECIDED).any()
    certified = decided == Decision.CERTIFIED
    off = np.abs(run.predictor.on(contexts) - contexts.targets).max(axis=1)
    assert off[certified].max() < 1e-6
    sample = np.random.default_rng(0).choice(len(contexts), size=150, replace=False)
    known = Range([Z for Z, _ in traces], primes=(2_147_483_647,))
    assert known.rank == 836
    assert np.array_equal(known.holds([contexts[i][0] for i in sample]), certified[sample])
    opened = int(np.flatnonzero(decided == Decision.OPEN)[0])
    Z, y = contexts[opened]
    twin = la.twin(run, Z, y + 3.0)
    assert np.abs(twin(Z) - (y + 3.0)).max() < 1e-6
    assert run.loss(twin) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("left_out", [712, 0, 855, 400])
def test_v6_a_family_with_one_dimension_missing_is_no_theorem(left_out):
    task = la.tasks.UniversalTuringMachine(2, 2, 4)
    contexts, _, _ = spanning_contexts(task.layout)
    run = la.learn(contexts.subset(np.setdiff1d(np.arange(856), [left_out])), heads=None)
    found = run.certificate.covers(task)
    assert (found.holds, found.rank, found.dimension) == (False, 855, 856)
    assert run.certificate.rank == 855
    assert la.learn(contexts, heads=None).certificate.covers(task).holds


def flags(T: int, rare: float) -> tuple[la.Traces, la.Traces]:
    """Tokens [flag A, flag B, rare flag, 10]; the rare flag is set in the last fifth alone."""
    rng = np.random.default_rng(0)
    tokens = np.zeros((T, 4))
    tokens[np.arange(T), rng.integers(2, size=T)] = 1.0
    late = np.arange(T) >= T * 4 // 5
    tokens[late & (rng.random(T) < 0.5), 2] = rare
    tokens[:, 3] = 10.0
    every = la.Traces.from_sequences(tokens[None], rng.normal(size=(1, T, 1)))
    return every.subset(~late), every.subset(late)


@pytest.mark.parametrize("rare", [1.0, 1e-6, 1e6])
def test_v5b_an_entry_never_seen_in_training_is_never_certified(rare):
    train, test = flags(2000, rare)
    run = la.learn(train, heads=None)
    holds = np.array([bool(Z[2].any()) for Z, _ in test])
    decided = run.certificate.decide(test)
    assert (decided[holds] == Decision.OPEN).all()
    assert (decided[~holds] != Decision.OPEN).all()


def test_v7_typed_heads_have_the_loss_of_the_predictor_or_are_not_given():
    rng = np.random.default_rng(13)
    keys, values = np.round(rng.normal(size=(4, 2)), 2), np.round(30 + 0.05 * rng.normal(size=4), 3)
    task = la.tasks.VectorMemory(tuple((tuple(map(float, k)), (float(v),)) for k, v in zip(keys, values, strict=True)))
    run = la.learn(task.traces(40, seed=13), heads="typed", task=task)
    assert run.loss(run.model) <= run.training_mse * (1 + 1e-6) + 1e-18 * run.answer_scale**2


def sparse_examples() -> la.Traces:
    rng = np.random.default_rng(99)
    contexts = [rng.normal(size=(3, rng.integers(1, 5))) * (rng.random((3, 1)) < 0.6) for _ in range(34)]
    return la.Traces.from_examples((Z, rng.normal(size=2)) for Z in contexts)


def test_v8_moments_and_traces_decide_alike():
    traces = sparse_examples()
    exact = Range([Z for Z, _ in traces])
    one, other = la.learn(traces, heads=None), la.learn(la.Moments.of(traces), heads=None)
    for run in (one, other):
        assert run.certificate.level == "undecided" or run.certificate.rank == exact.rank
    if other.certificate.level != "undecided":
        assert one.training_mse == pytest.approx(other.training_mse, rel=1e-6)
        assert one.certificate.lambda_min == pytest.approx(other.certificate.lambda_min, rel=1e-6)


# Goldens and bad input -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unitary", "wanted"),
    [
        (0.0, 2.46112644221),
        (0.5, 1.16168891623),
        (0.9, 0.169576193603),
        (0.95, 0.0635505000440),
        (0.98, 0.0149524542066),
        (0.99, 0.00409855185135),
    ],
)
def test_lambda_min_of_the_memories_is_what_it_was(unitary, wanted):
    certificate = la.certify(la.tasks.AssociativeMemory(4, unitary).traces(2**14))
    assert certificate.rank == 288
    assert certificate.lambda_min == pytest.approx(wanted, rel=1e-8)


def test_orthogonal_memories_have_rank_248_and_the_least_norm_is_the_truth():
    task = la.tasks.AssociativeMemory(4, 1.0)
    run = la.learn(task.traces(2**11), heads=None)
    assert run.certificate.rank == 248
    assert run.certificate.lambda_min == 0.0
    assert la.distance(run.predictor, task.truth) < 1e-12


def test_lambda_min_follows_the_units_and_is_that_of_the_paper():
    rng = np.random.default_rng(6)
    T = np.diag([1.0, 1e-2, 30.0])
    pairs = [(T @ rng.normal(size=(3, 4)), rng.normal(size=1)) for _ in range(80)]
    j, k = np.triu_indices(3)
    H = np.array([np.outer((Z @ Z.T)[j, k], Z[:, -1]).ravel() for Z, _ in pairs])
    wanted = np.linalg.svd(H, compute_uv=False)[-1] ** 2 / len(pairs)
    assert learned(pairs).certificate.lambda_min == pytest.approx(wanted, rel=1e-6)


def test_the_least_norm_and_the_ridge_are_those_of_the_units_given():
    rng = np.random.default_rng(7)
    T = mixing(8, 3, 30.0)
    pairs = [(T @ rng.normal(size=(3, 2)), rng.normal(size=2)) for _ in range(9)]
    X, Y = np.array([la.features(Z) for Z, _ in pairs]), np.array([y for _, y in pairs])
    least = np.linalg.lstsq(X, Y, rcond=None)[0].T
    assert learned(pairs).predictor.coefficients() == pytest.approx(least, rel=1e-6, abs=1e-9 * np.abs(least).max())
    ridge = 0.1
    wanted = np.linalg.solve(X @ X.T + ridge * len(X) * np.eye(len(X)), Y).T @ X
    found = learned(pairs, ridge=ridge).predictor.coefficients()
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-9 * np.abs(wanted).max())


def test_zero_tokens_one_example_and_one_dimension_are_answered():
    nothing = learned([(np.zeros((2, 3)), np.array([1.0])), (np.zeros((2, 1)), np.array([3.0]))])
    assert nothing.certificate.rank == 0
    assert nothing.training_mse == pytest.approx(5.0)
    assert nothing.certificate.decide(inputs([np.eye(2), np.zeros((2, 1))])).tolist() == [0, 2]
    single = learned([(np.array([[2.0]]), np.array([4.0]))])
    assert (single.certificate.rank, single.certificate.identified) == (1, True)
    assert single.predictor(np.array([[1.0]])) == pytest.approx([0.5])
    one = learned([(np.eye(3), np.array([1.0, 2.0]))])
    assert one.certificate.rank == 1
    assert one.training_mse == pytest.approx(0.0, abs=1e-24)
    for data in (la.Moments.of(la.Traces.from_examples([(np.zeros((2, 3)), np.array([1.0]))])),):
        assert la.certify(data).rank == 0


@pytest.mark.parametrize(
    "bad",
    [
        np.array([[np.nan]]),
        np.array([[np.inf, 1.0]]),
        np.array([[1j]]),
        np.ma.masked_array([[1.0, 2.0]], mask=[[True, False]]),
        np.array([[object()]]),
        np.empty((2, 0)),
        np.empty((0, 2)),
        "text",
    ],
)
def test_what_is_no_context_is_refused_in_a_sentence(bad):
    with pytest.raises(la.LinattnError) as refusal:
        la.Traces.from_examples([(bad, np.array([1.0]))])
    assert str(refusal.value).strip().endswith(".")


@pytest.mark.parametrize("bad", [np.array([np.nan]), np.array([np.inf]), np.array([1j])])
def test_what_is_no_answer_is_refused(bad):
    with pytest.raises(la.LinattnError):
        la.Traces.from_examples([(np.eye(2), bad)])


@pytest.mark.parametrize("unit", [1e52, 1e-52, 1e-60, 1e100, 1e-120])
def test_units_beyond_reason_are_learned_or_refused_and_never_nonsense(unit):
    rng = np.random.default_rng(1)
    for pairs in (
        [(unit * rng.normal(size=(2, 3)), rng.normal(size=1)) for _ in range(12)],
        [(unit * np.eye(4)[:, rng.integers(4, size=2)], rng.normal(size=1)) for _ in range(12)],
    ):
        try:
            run = learned(pairs)
        except la.LinattnError:
            continue
        square = float(np.mean([y @ y for _, y in pairs]))
        plain = learned([(Z / unit, y) for Z, y in pairs])
        assert run.certificate.rank == plain.certificate.rank
        assert run.training_mse == pytest.approx(plain.training_mse, rel=1e-6, abs=1e-18 * square)
