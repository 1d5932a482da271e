"""The legal space of Turing machines: golden dimensions, bounds that meet, proofs over the rationals, shipped data."""

import copy
import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.certificate import certify
from linattn_core.features import feature_rows
from linattn_core.tasks import turing_certificate
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_certificate import (
    compute_record,
    record_name,
    shipped,
    spanning_contexts,
    stage_dimensions,
)
from linattn_core.tasks.turing_designs import DESIGNS
from linattn_core.tasks.turing_legal import token_machine
from linattn_core.tasks.turing_rank import exact_rank, feature_integers
from linattn_core.turing_family import AffineSpace, LegalBlock, legal_blocks, legal_spaces
from linattn_core.turing_proof import prove

pytestmark = pytest.mark.slow

GOLDEN = {"slim": 856, "wide": 1162, "duo": 1802}


@functools.cache
def analysed(design):
    machine = token_machine(design)
    spaces = legal_spaces(machine)
    return machine, spaces, legal_blocks(machine, spaces)


@pytest.fixture(scope="module")
def classroom():
    return analysed(UniversalTuringMachine().layout)


def test_golden_dimension_of_the_classroom_size_by_stage(classroom):
    machine, _, blocks = classroom
    stages = stage_dimensions(UniversalTuringMachine().layout, machine, blocks)
    assert stages == {"read + write and move": 572, "join": 96, "look up the rule": 188}
    assert sum(stages.values()) == UniversalTuringMachine().family_dimension == 856


def test_the_classroom_size_is_proved_over_the_rationals(classroom):
    assert prove(*classroom) == ""


@pytest.mark.parametrize("which", range(0, 122, 9))
def test_the_proof_notices_a_missing_direction(classroom, which):
    machine, spaces, blocks = classroom
    z = sorted(spaces)[which]
    smaller = copy.copy(spaces[z].directions)
    smaller.basis, smaller.pivots = smaller.basis[:-1], smaller.pivots[:-1]
    assert prove(machine, {**spaces, z: AffineSpace(spaces[z].point, smaller)}, blocks) != ""


def test_the_proof_notices_a_missing_feature_and_a_wrong_point(classroom):
    machine, spaces, blocks = classroom
    smaller = copy.copy(blocks[0].space)
    smaller.basis, smaller.pivots = smaller.basis[:-1], smaller.pivots[:-1]
    assert prove(machine, spaces, [LegalBlock(blocks[0].tokens, blocks[0].columns, smaller), *blocks[1:]]) != ""
    z = min(spaces)
    moved = spaces[z].point.copy()
    moved[0] += 1
    assert prove(machine, {**spaces, z: AffineSpace(moved, spaces[z].directions)}, blocks) != ""


@pytest.mark.slow
@pytest.mark.parametrize("design", ["wide", "duo"])
def test_golden_dimensions_of_the_other_designs(design):
    machine, spaces, blocks = analysed(UniversalTuringMachine(2, 2, 4, design).layout)
    assert sum(b.dimension for b in blocks) == GOLDEN[design]
    assert prove(machine, spaces, blocks) == ""


@pytest.mark.parametrize("design", ["wide", "duo"])
def test_both_bounds_meet_in_the_other_designs(design):
    task = UniversalTuringMachine(2, 2, 2, design)
    machine, spaces, blocks = analysed(task.layout)
    assert prove(machine, spaces, blocks) == ""
    assert sum(b.dimension for b in blocks) == exact_rank(task.traces(500, 1, steps=8, halting=0.2))


@settings(max_examples=10, deadline=None)
@given(
    st.integers(1, 2),
    st.integers(1, 2),
    st.integers(2, 3),
    st.sampled_from(sorted(DESIGNS)),
    st.sampled_from([0.0, 0.1, 0.4]),
    st.integers(0, 10**6),
)
def test_no_run_leaves_the_legal_space(states, letters, cells, design, halting, seed):
    task = UniversalTuringMachine(states, letters, cells, design)
    _, _, blocks = analysed(task.layout)
    traces = task.traces(15, seed, steps=25, halting=halting)
    rows = feature_integers(traces).toarray().astype(np.int64)
    covered = np.zeros(rows.shape[1], dtype=bool)
    for block in blocks:
        covered[block.columns] = True
        assert block.space.contains(rows[:, block.columns])
    assert not rows[:, ~covered].any()


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("Q", "S", "n"), [(1, 2, 3), (2, 2, 2), pytest.param(2, 2, 3, marks=SLOW), pytest.param(1, 3, 3, marks=SLOW)]
)
def test_both_bounds_meet_at_small_sizes(Q, S, n):
    task = UniversalTuringMachine(Q, S, n)
    family = task.family()
    assert family.source.startswith("exact: Karr's analysis over the rationals")
    assert len(family.words) == family.features.shape[0] == family.dimension == task.family_dimension
    traces = task.traces(600, 1, steps=8)
    assert certify(traces).covers(task).holds
    assert exact_rank(traces) == family.dimension


def test_where_the_bounds_do_not_meet_the_family_is_called_a_sample():
    """One letter: a machine that never stops writes the same for ever, which no affine relation says."""
    task = UniversalTuringMachine(1, 1, 2)
    family = task.family()
    assert task.family_dimension is None
    assert family.source.startswith("sampled: ")
    assert family.source.endswith("allows 52")
    assert family.dimension < 52


@pytest.mark.parametrize("n", [3, 4, 5])
@pytest.mark.parametrize(("Q", "S"), [(2, 2), (1, 2), (2, 1)])
def test_the_fitted_formula_for_the_join_stage(Q, S, n):
    layout = UniversalTuringMachine(Q, S, n).layout
    machine, _, blocks = analysed(layout)
    fitted = (Q + S + 1) * n + Q * S * (Q + S) + (Q + S) ** 2 / 2 + Q * S + 1.5 * (Q + S) - 6
    assert stage_dimensions(layout, machine, blocks)["join"] == S * fitted


def test_the_prime_agrees_with_floating_point(classroom):
    traces = UniversalTuringMachine().traces(60, 3)
    rows = feature_rows(traces).toarray()
    rows = rows[:, rows.any(axis=0)]
    assert exact_rank(traces) == certify(traces).rank == np.linalg.matrix_rank(rows)


@pytest.mark.parametrize("name", ["slim 2 2 4", "wide 2 2 4", "duo 2 2 4"])
def test_shipped_contexts_are_independent_and_as_many_as_the_dimension(name):
    design, Q, S, n = name.split()
    task = UniversalTuringMachine(int(Q), int(S), int(n), design)
    contexts, words, _ = spanning_contexts(task.layout)
    assert np.array_equal(task.truth.on(contexts), contexts.targets)
    assert exact_rank(contexts) == len(words) == task.family().dimension == GOLDEN[design]


def test_shipped_records_say_how_they_were_found():
    records = shipped()
    assert {name: r["dimension"] for name, r in records.items()} == {
        "slim 2 2 4": 856,
        "wide 2 2 4": 1162,
        "duo 2 2 4": 1802,
        "slim 3 2 6": 2120,
        "slim 4 3 8": 7122,
    }
    assert records["slim 3 2 6"]["stages"] == {"read + write and move": 1444, "join": 172, "look up the rule": 504}
    assert records["slim 4 3 8"]["stages"] == {"read + write and move": 4323, "join": 567, "look up the rule": 2232}
    assert all(r["source"].startswith("exact: Karr's analysis over the rationals, met by") for r in records.values())


def test_the_shipped_record_is_what_the_command_computes():
    layout = UniversalTuringMachine().layout
    assert compute_record(layout) == shipped()[record_name(layout)]


@pytest.mark.slow
def test_the_step_up_size_is_what_the_command_computes():
    layout = UniversalTuringMachine(3, 2, 6).layout
    assert compute_record(layout) == shipped()[record_name(layout)]


def test_unknown_sizes_have_a_labelled_sample_and_claim_no_dimension():
    task = UniversalTuringMachine(2, 1, 3)
    assert task.family_dimension is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turing_certificate, "EXACT_BELOW_DIM", 0)  # as if even this size were too large to analyse
        family = turing_certificate.turing_family.__wrapped__(task.layout)
    assert family.source.startswith("sampled: a lower bound on the legal dimension")
    assert family.dimension == family.features.shape[0] == len(family.words) == 266
