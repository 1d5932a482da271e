"""The exact range against elimination in Python's fractions: ranks, memberships, missing dimensions, families."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from linattn_core.certificates.exact.family import counted_family, exact_family
from linattn_core.certificates.exact.features import feature_residues
from linattn_core.certificates.exact.field import PRIMES, Field
from linattn_core.certificates.exact.range import ExactRange, integer_tokens, work
from linattn_core.certificates.exact.rows import RowSpace
from linattn_core.certificates.exact.span import Span
from linattn_core.errors import Cancelled, ShapeError, TooLargeError
from linattn_core.family import Family
from linattn_core.machines import presets
from linattn_core.tasks import StepAutomaton, UniversalAutomaton, UniversalTuringMachine
from linattn_core.traces import Traces

SEEDS = st.integers(0, 10**6)


def exact_features(Z):
    """c (x) z of one context (d, n) in fractions, without the sqrt(2)."""
    rows = [[Fraction(float(x)) for x in row] for row in Z]
    d = len(rows)
    c = [sum(a * b for a, b in zip(rows[j], rows[k], strict=True)) for j in range(d) for k in range(j, d)]
    return [entry * rows[a][-1] for entry in c for a in range(d)]


class Basis:
    """Elimination in fractions."""

    def __init__(self):
        self.rows = []

    def left(self, row):
        row = list(row)
        for pivot, known in self.rows:
            if row[pivot]:
                factor = row[pivot]
                row = [x - factor * y for x, y in zip(row, known, strict=True)]
        return row

    def add(self, row):
        row = self.left(row)
        pivot = next((i for i, x in enumerate(row) if x), None)
        if pivot is not None:
            self.rows.append((pivot, [x / row[pivot] for x in row]))
        return pivot is not None


def basis_of(traces):
    basis = Basis()
    for Z, _ in traces:
        basis.add(exact_features(Z))
    return basis


def inside(basis, contexts):
    return np.array([not any(basis.left(exact_features(Z))) for Z, _ in contexts])


def contexts_of(tokens, start, stop):
    return Traces.contexts(np.asarray(tokens, dtype=float), np.asarray(start), np.asarray(stop))


def drawn(seed, d, kind, count=12):
    """Contexts of small, huge or dyadic numbers; prefixes of shared sequences, in any order."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(-2, 3, size=(20, d)).astype(float)
    if kind == "huge":
        tokens = tokens * rng.choice([1.0, 1e6, 2.0**31 - 1], size=(20, d))
    if kind == "floats":
        tokens = tokens * rng.choice([0.5, 0.1, 1e-90, 3e80], size=(20, d))
    if kind == "one-hot":
        tokens = np.eye(d)[rng.integers(d, size=20)]
    start = rng.integers(0, 15, size=count)
    start[: count // 2] = start[0]
    return contexts_of(tokens, start, start + rng.integers(1, 6, size=count))


@pytest.mark.parametrize("prime", PRIMES)
def test_the_field_is_exact_at_the_largest_residues(prime):
    rng = np.random.default_rng(0)
    field = Field(prime)
    A = rng.choice([-(prime // 2), prime // 2, 1, 12345], size=(4, 700)).astype(float)
    B = rng.choice([-(prime // 2), prime // 2, -7, 2**29], size=(700, 3)).astype(float)
    wanted = [[sum(int(a) * int(b) for a, b in zip(row, col, strict=True)) % prime for col in B.T] for row in A]
    assert (field.product(A, B) % prime).tolist() == wanted
    assert (field.sparse_product(sparse.csr_array(A.astype(np.int64)), B) % prime).tolist() == wanted
    assert all(int(field.inverse(x)) * int(x) % prime == 1 for x in A[0])
    assert np.abs(field.product(A, B)).max() <= prime // 2


@pytest.mark.parametrize("prime", PRIMES)
@pytest.mark.parametrize("x", [0.1, -1e300, 5e-324, 2.0**31, 1.5, 2.0**53 + 2, -3.0, 0.0])
def test_every_float_has_the_residue_of_its_fraction(prime, x):
    exact = Fraction(x)
    wanted = exact.numerator * pow(exact.denominator, -1, prime) % prime
    assert int(Field(prime).of_floats(np.array([x, 0.5]))[0]) % prime == wanted


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 300), st.integers(1, 40), st.integers(1, 30))
def test_row_spaces_grow_by_exactly_the_independent_rows(seed, count, width, inner):
    rng = np.random.default_rng(seed)
    M = rng.integers(-3, 4, size=(count, inner)) @ rng.integers(-3, 4, size=(inner, width))
    field = Field(PRIMES[0])
    space, basis = RowSpace(field, width), Basis()
    fresh = space.add(field.residues(M))
    assert fresh.tolist() == [basis.add([Fraction(int(x)) for x in row]) for row in M]
    assert space.rank == fresh.sum()
    assert not space.remainder(field.residues(M)).any()
    probes = space.orthogonal(3, rng)
    assert not field.product(field.residues(M), probes).any()
    assert probes.any() == (space.rank < width)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 3), st.sampled_from(["small", "huge", "floats", "one-hot"]))
def test_features_ranks_and_memberships_are_those_of_the_fractions(seed, d, kind):
    traces, asked = drawn(seed, d, kind), drawn(seed + 1, d, kind)
    rows = feature_residues(traces, Field(PRIMES[1])).toarray()
    for row, (Z, _) in zip(rows, traces, strict=True):
        wanted = [x.numerator * pow(x.denominator, -1, PRIMES[1]) % PRIMES[1] for x in exact_features(Z)]
        assert (row % PRIMES[1]).tolist() == wanted
    basis, exact = basis_of(traces), ExactRange.of(traces)
    assert exact.rank == len(basis.rows)
    assert exact.contains(traces).all()
    assert exact.contains(asked).tolist() == inside(basis, asked).tolist()
    before = len(basis.rows)
    for Z, _ in asked:
        basis.add(exact_features(Z))
    assert exact.missing_dimension(asked) == len(basis.rows) - before
    assert exact.rank == before  # asking changes nothing
    assert work(traces) > 0


@pytest.mark.parametrize("scale", [1.0, 2.0**-40, 1e-3])
def test_sparse_and_dense_storage_decide_alike(scale):
    rng = np.random.default_rng(3)
    tokens = rng.integers(0, 2, size=(60, 4)) * rng.integers(1, 5, size=(60, 4)) * scale
    start = np.repeat(np.arange(0, 60, 6), 6)
    stop = np.arange(60) + 1
    empty = np.empty((60, 0))
    dense = Traces(tokens, start, stop, empty)
    thin = Traces(sparse.csr_array(tokens), start, stop, empty)
    assert ExactRange.of(dense).rank == ExactRange.of(thin).rank == len(basis_of(dense).rows)


def test_a_direction_far_below_rounding_is_seen():
    """The second context differs by 1 beside 10^6, squared and cubed: floats of 16 digits cannot tell."""
    tokens = [[1e6, 1.0], [1e6, 0.0], [1e6 + 1, 0.0]]
    traces = contexts_of(tokens, [0, 0], [2, 2])
    assert ExactRange.of(traces).rank == 1
    asked = contexts_of([*tokens, [1e6, 1.0], [1e6, 1e-9]], [0, 0, 3], [2, 3, 5])
    assert ExactRange.of(traces).contains(asked).tolist() == [True, False, False]


@pytest.mark.parametrize("special", [2.0**31 - 1, 2.0**31, 2.0**62, 2.0**-31, 2_113_000_081.0])
def test_numbers_special_to_one_prime_do_not_deceive(special):
    """Modulo 2^31 - 1 the numbers 2^31 and 1 are one, and 2^31 - 1 is none."""
    traces = contexts_of([[1.0, 1.0], [2.0, 1.0]], [0, 1], [1, 2])
    asked = contexts_of([[special, 1.0], [1.0, 1.0]], [0, 1], [1, 2])
    assert ExactRange.of(traces).contains(asked).tolist() == inside(basis_of(traces), asked).tolist() == [False, True]
    assert ExactRange.of(asked).rank == 2


def test_a_coordinate_never_seen_in_training_opens_every_input_that_holds_it():
    rng = np.random.default_rng(0)
    tokens = np.zeros((8000, 4))
    tokens[np.arange(8000), rng.integers(2, size=8000)] = 1
    tokens[:, 3] = 10
    rare = 4000 + np.flatnonzero(rng.random(4000) < 0.2)
    tokens[rare, 2] = 1
    traces = contexts_of(tokens, np.zeros(4000, int), np.arange(4000) + 1)
    asked = contexts_of(tokens, np.zeros(4000, int), np.arange(4000, 8000) + 1)
    holds = tokens[:, 2].cumsum()[4000:] > 0
    assert (ExactRange.of(traces).contains(asked) == ~holds).all()


def test_long_sequences_of_large_numbers_stay_exact():
    rng = np.random.default_rng(1)
    tokens = rng.integers(-(10**6), 10**6, size=(10_000, 2)).astype(float)
    traces = contexts_of(tokens, np.zeros(4, int), np.arange(9_997, 10_001))
    wanted = np.array([exact_features(Z) for Z, _ in traces], dtype=object)
    rows = feature_residues(traces, Field(PRIMES[0])).toarray() % PRIMES[0]
    assert rows.tolist() == [[int(x) % PRIMES[0] for x in row] for row in wanted]
    assert ExactRange.of(traces).rank == 4


def test_whole_numbers_are_told_from_others():
    assert integer_tokens(contexts_of([[1.0, -3.0], [0.5, 0.0]], [0], [1]))  # the half is used by no example
    assert not integer_tokens(contexts_of([[1.0, -3.0], [0.5, 0.0]], [0], [2]))
    assert not integer_tokens(contexts_of([[2.0**60]], [0], [1]))


def test_zero_inputs_other_dimensions_no_inputs_and_cancelling():
    nothing = contexts_of(np.zeros((2, 3)), [0, 1], [1, 2])
    exact = ExactRange.of(nothing)
    assert (exact.rank, exact.bytes) == (0, 0)
    assert exact.contains(nothing).all()
    assert exact.contains(nothing.subset(slice(0, 0))).shape == (0,)
    assert exact.missing_dimension(nothing.subset(slice(0, 0))) == 0
    assert not exact.contains(contexts_of(np.ones((1, 3)), [0], [1])).any()
    with pytest.raises(ShapeError, match="got inputs with d = 2, wanted d = 3"):
        exact.contains(contexts_of(np.ones((1, 2)), [0], [1]))

    def stop(fraction, message):
        raise Cancelled(message)

    with pytest.raises(Cancelled, match="rank modulo a prime"):
        ExactRange.of(nothing, stop)


def test_bases_that_do_not_fit_are_refused_before_they_are_made(monkeypatch):
    traces = UniversalTuringMachine().traces(20)
    monkeypatch.setenv("LINATTN_MEMORY_BYTES", "1000")
    with pytest.raises(TooLargeError, match="exact basis"):
        ExactRange.of(traces)


@pytest.mark.parametrize("pieces", [1, 3, 10])
def test_the_growing_span_counts_as_the_whole_does(pieces):
    traces = UniversalTuringMachine(2, 2, 3).traces(30, 4)
    span = Span(traces.dim)
    masks = [span.add(traces.subset(part)) for part in np.array_split(np.arange(len(traces)), pieces)]
    chosen = traces.subset(np.flatnonzero(np.concatenate(masks)))
    assert span.rank == len(chosen) == ExactRange.of(chosen).rank == ExactRange.of(traces).rank


# ---- families


def test_a_family_holds_exactly_with_its_last_direction():
    task = UniversalAutomaton(3, 2)
    family = task.family()
    whole = ExactRange.of(family.contexts)
    found = exact_family(whole, family, legal=True)
    assert (found.holds, found.rank, found.dimension, found.data, found.level) == (True, 78, 78, 0, "theorem")
    assert (found.tolerance, found.missing) == (0.0, [])
    assert found.structural == whole.dim**2 * (whole.dim + 1) // 2 - 78
    assert counted_family(whole, 78, family.source).holds
    for gone in (0, 5, 77):
        part = ExactRange.of(family.contexts.subset(np.setdiff1d(np.arange(78), [gone])))
        found = exact_family(part, family, legal=True)
        assert (found.holds, found.rank, found.data, found.missing) == (False, 77, 1, [family.words[gone]])
        assert counted_family(part, 78, family.source) is None


def test_an_illegal_example_makes_up_for_nothing():
    """Rank and dimension agree, and yet one legal pair is open: the extra example is no legal input."""
    family = UniversalAutomaton(2, 1).family()
    legal = family.contexts.subset(slice(1, None))
    strange = Traces.contexts(np.ones((2, legal.dim)), np.array([0]), np.array([2]))
    exact = ExactRange.of(Traces.concat([legal, strange]))
    assert exact.rank == family.dimension
    for claim in (False, True):  # even where the examples are wrongly said to be legal
        found = exact_family(exact, family, legal=claim)
        assert (found.holds, found.rank, found.missing) == (False, family.dimension - 1, [family.words[0]])


def test_families_of_features_alone_and_samples_claim_no_theorem():
    task = StepAutomaton(presets()["contains aba"])
    contexts = task.traces(50)
    exact = ExactRange.of(contexts)
    bare = Family(UniversalAutomaton(2, 1).family().features, ("x",) * 6, 6, "exact")
    assert exact_family(ExactRange.of(UniversalAutomaton(2, 1).traces(20)), bare) is None
    sample = Family.of(contexts, tuple(map(str, range(len(contexts)))), exact.rank, "sampled: fifty words")
    found = exact_family(exact, sample, legal=True)
    assert (found.holds, found.level) == (True, "numerical")
    assert "a sample of the legal inputs" in found.reason
    known = Family.of(contexts, sample.words, exact.rank, "exact: Karr's analysis modulo 2^31 - 1 (no proof), met")
    found = exact_family(exact, known, legal=True)
    assert (found.holds, found.level) == (True, "numerical")
    assert "modulo one prime only" in found.reason
    wrong = Family.of(contexts, sample.words, exact.rank + 1, "exact: a mistaken count")
    found = exact_family(exact, wrong)
    assert (found.holds, found.level) == (False, "undecided")


# ---- universal automata with history


@pytest.mark.parametrize(("Q", "S", "dimension"), [(2, 2, 36), (3, 2, 114), (2, 3, 78)])
def test_history_has_a_family_of_its_own(Q, S, dimension):
    task = UniversalAutomaton(Q, S)
    family = task.family(history=True)
    assert task.history_dimension == family.dimension == len(set(family.words)) == dimension
    spanned = ExactRange.of(family.contexts)
    assert spanned.rank == len(basis_of(family.contexts).rows) == dimension
    runs = task.traces(4 * dimension, history=3)
    assert spanned.contains(runs).all()
    assert ExactRange.of(runs).rank == dimension  # real runs reach it: nothing in it is there for nothing
    assert exact_family(ExactRange.of(runs), family, legal=True).holds
    assert np.array_equal(task.truth.on(runs), runs.targets)


def test_learned_without_history_contexts_with_it_stay_open_and_with_it_all_is_covered():
    task = UniversalAutomaton(3, 2)
    bare, full = ExactRange.of(task.traces(400)), ExactRange.of(task.traces(400, history=4))
    assert (bare.rank, full.rank) == (78, 114)
    assert exact_family(bare, task.family(), legal=True).holds
    found = exact_family(bare, task.family(history=True), legal=True)
    assert (found.holds, found.rank, found.data) == (False, 78, 36)
    assert all(" was used" in words for words in found.missing)
    for history in (False, True):
        assert exact_family(full, task.family(history=history)).holds
    runs = task.traces(200, seed=9, history=4)
    longer = np.diff(np.r_[runs.start, runs.tokens.shape[0]]) > task.keys + 1
    assert bare.contains(runs).tolist() == (~longer).tolist()


def test_history_changes_neither_the_automata_nor_what_is_drawn_without_it():
    task = UniversalAutomaton(2, 2)
    plain, same = task.traces(30, seed=3), task.traces(30, seed=3, history=0)
    assert (plain.tokens != same.tokens).nnz == 0
    loud = task.traces(30, seed=3, history=5)
    rules = slice(0, task.keys)
    for (Z, _), (Z2, y) in zip(plain, loud, strict=True):
        assert np.array_equal(Z[:, rules], Z2[:, rules])
        used = [tuple(token) for token in Z2.T[task.keys : -1]]
        assert set(used) <= {tuple(token) for token in Z2.T[rules]}
        asked = Z2[: task.keys, -1]
        assert y.sum() == 1 + sum(np.array_equal(token[: task.keys], asked) for token in used)
    with pytest.raises(ShapeError, match="history: got -1"):
        task.traces(3, history=-1)
