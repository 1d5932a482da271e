"""Turing machines are decided in integers: nothing outside the span of the examples counts as certified."""

import numpy as np
import pytest

from linattn_core.certificate import certify
from linattn_core.learn import learn
from linattn_core.modular import Echelon
from linattn_core.tasks.counting import certified_family, decided, met_by_counting
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_certificate import spanning_contexts
from linattn_core.tasks.turing_outcome import fresh_machines, legal_certificate, sampled_space, turing_curve
from linattn_core.tasks.turing_rank import exact_rank, feature_integers
from linattn_core.tasks.turing_sample import sample_family
from linattn_core.traces import Traces

pytestmark = pytest.mark.slow

TASK = UniversalTuringMachine()


def in_span(traces, asked):
    """Membership by plain elimination of integer rows modulo 2^31 - 1, all features side by side."""
    space = Echelon(feature_integers(traces).shape[1])
    space.add(feature_integers(traces).toarray().astype(np.int64))
    return ~space.remainder(feature_integers(asked).toarray().astype(np.int64) % (2**31 - 1)).any(axis=1)


@pytest.fixture(scope="module")
def partly():
    return learn(TASK.traces(85, seed=0, steps=10, halting=0.35), heads=None)


def test_no_context_outside_the_range_is_certified(partly):
    """At the precision of floats 11 of these contexts passed for certified."""
    contexts = TASK.contexts(TASK.episodes(8, seed=77, halting=0.0), 60)
    found = decided(partly.certificate, contexts)
    assert found.level == "theorem"
    assert "2147483647" in found.reason
    assert found.certified.tolist() == in_span(TASK.traces(85, seed=0, steps=10, halting=0.35), contexts).tolist()
    assert 0 < found.certified.sum() < len(contexts)
    off = np.abs(partly.predictor.on(contexts) - contexts.targets).max(axis=1)
    assert off[found.certified].max() < 1e-6


def test_held_out_and_fresh_machines_say_how_sure_they_are(partly):
    held, fresh = TASK.held_out(partly, 20), fresh_machines(partly, TASK, halting=0.35, count=20, probed=10)
    for found in (held, fresh):
        assert (found.level, found.certified_wrong) == ("theorem", 0)
        assert "in integers modulo" in found.reason


@pytest.mark.parametrize("gone", [0, 100, 333, 712, 855])
def test_one_missing_dimension_is_no_theorem(gone):
    contexts, words, _ = spanning_contexts(TASK.layout)
    certificate = certify(contexts.subset(np.setdiff1d(np.arange(856), [gone])))
    assert met_by_counting(certificate, 856, "exact") is None
    for found in (certificate.covers(TASK), certified_family(certificate, TASK.family())):
        assert (found.holds, found.rank, found.dimension) == (False, 855, 856)
    assert found.level == "theorem"
    assert found.missing == [words[gone]]


@pytest.mark.slow
@pytest.mark.parametrize(("design", "dimension"), [("wide", 1162), ("duo", 1802)])
def test_one_missing_dimension_of_the_other_designs(design, dimension):
    task = UniversalTuringMachine(2, 2, 4, design)
    contexts, words, _ = spanning_contexts(task.layout)
    for gone in range(0, dimension, dimension // 4):
        certificate = certify(contexts.subset(np.setdiff1d(np.arange(dimension), [gone])))
        found = certified_family(certificate, task.family())
        assert (found.holds, found.rank, found.missing) == (False, dimension - 1, [words[gone]])


def test_illegal_examples_make_up_for_nothing():
    contexts, words, _ = spanning_contexts(TASK.layout)
    strange = Traces.contexts(np.eye(TASK.dim)[:2] + 1.0, np.array([0]), np.array([2]))
    bare = Traces.contexts(contexts.tokens, contexts.start[1:], contexts.stop[1:])
    certificate = certify(Traces.concat([bare, strange]))
    assert certificate.exact.rank == 856
    found = certified_family(certificate, TASK.family())
    assert (found.holds, found.rank, found.missing) == (False, 855, [words[0]])


def test_the_legal_certificate_is_a_theorem_either_way():
    whole = learn(TASK.traces(100, 1), heads=None)
    found = legal_certificate(whole, TASK)
    assert (found.holds, found.level, found.rank, found.tolerance) == (True, "theorem", 856, 0.0)
    assert "is the dimension of all legal inputs" in found.reason
    part = learn(TASK.traces(40, 1), heads=None)
    found = legal_certificate(part, TASK)
    assert (found.holds, found.level, found.rank) == (False, "theorem", part.certificate.exact.rank)
    assert "lie outside the span of the examples" in found.reason


def test_a_sample_is_decided_exactly_and_yet_no_theorem():
    task = UniversalTuringMachine(2, 1, 3)
    run = learn(task.traces(60, halting=0.35), heads=None)
    found = sampled_space(run, task, sample_family(task.layout, max_machines=10))
    assert found.found.level == "numerical"
    assert "a sample of the legal inputs" in found.found.reason
    assert found.known == found.sample.dimension + run.certificate.exact.rank - found.found.rank


def test_points_of_the_curve_are_exact():
    (point,) = turing_curve(TASK, [40], seed=1)
    assert (point.rank, point.fresh.level) == (exact_rank(TASK.traces(40, 1, halting=0.35)), "theorem")
