"""What is said before and instead of a long projection: costs that follow the sizes, certificates met by counting."""

import pytest

from linattn_core.experiment import experiment
from linattn_core.lab import AutomatonBuild, Lab, TraceSpec
from linattn_core.learn import learn, plan
from linattn_core.machines import presets
from linattn_core.tasks import counting
from linattn_core.tasks.counting import met_by_counting
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_cost import sample_cost, whole_cost
from linattn_core.tasks.turing_outcome import legal_certificate, sampled_space
from linattn_core.tasks.turing_sample import sample_family

SMALL, LARGE = UniversalTuringMachine(2, 2, 4), UniversalTuringMachine(3, 2, 6)
UNKNOWN = UniversalTuringMachine(2, 1, 3)  # with one letter the bound from above is not met


def cost(task, machines, halting=0.35):
    made = plan(task.traces(machines, halting=halting))
    return made, whole_cost(made, task, halting)


def test_the_cost_holds_learning_and_certifying_and_grows_with_the_sizes():
    made, small = cost(SMALL, 100)
    assert small.learning == made.seconds > 0
    assert small.seconds == small.learning + small.certifying > small.learning
    assert small.bytes > made.bytes
    _, large = cost(LARGE, 220)
    for name in ("learning", "certifying", "naming", "bytes"):
        assert getattr(large, name) > getattr(small, name) > 0
    _, longer = cost(SMALL, 100, halting=0.0)
    assert longer.certifying > small.certifying  # fresh machines that never halt have more contexts


def test_where_no_dimension_is_known_nothing_is_named_and_the_sample_has_its_price():
    _, unknown = cost(UNKNOWN, 100)
    assert unknown.certifying > 0
    assert unknown.naming == 0
    runs = [learn(UNKNOWN.traces(machines, halting=0.35), heads=None) for machines in (10, 60)]
    (few, held), (many, more) = (sample_cost(run.certificate) for run in runs)
    assert 0 < few < many
    assert 0 < held < more


def numbers(found):
    return found.holds, found.dimension, found.rank, found.missing, found.structural, found.data, found.source


@pytest.mark.parametrize(("machines", "holds"), [(100, True), (60, False)])
def test_counting_and_projecting_agree_on_turing_machines(machines, holds):
    run = learn(SMALL.traces(machines, halting=0.35), heads=None)
    projected = run.certificate.covers(SMALL)
    assert numbers(legal_certificate(run, SMALL)) == numbers(projected)
    assert projected.holds == holds
    assert (met_by_counting(run.certificate, 856, "exact") is not None) == holds
    assert met_by_counting(run.certificate, 856, "sampled") is None
    assert met_by_counting(run.certificate, None, "exact") is None


def test_where_integers_would_take_long_the_count_is_numerical(monkeypatch):
    run = learn(SMALL.traces(100, halting=0.35), heads=None)
    assert met_by_counting(run.certificate, 856, "exact").level == "theorem"
    monkeypatch.setattr(counting, "COUNTED", 0.0)
    found = met_by_counting(run.certificate, 856, "exact")
    assert (found.holds, found.rank, found.level) == (True, 856, "numerical")
    assert run.certificate.reason in found.reason


@pytest.mark.parametrize("count", [400, 150])
def test_counting_and_projecting_agree_on_automata(count):
    build = AutomatonBuild(machine=presets()["contains aba"], encoding="universal")
    result = experiment(Lab(build=build, traces=TraceSpec(count=count)))
    assert numbers(result.family) == numbers(result.run.certificate.covers(result.task))
    assert result.family.holds == (count == 400) == (not result.open_pairs)


@pytest.fixture(scope="module")
def sampled():
    return UNKNOWN.sample()


@pytest.mark.slow
def test_a_sample_is_certified_as_a_sample(sampled):
    full, part = (learn(UNKNOWN.traces(machines, steps=20, halting=0.2), heads=None) for machines in (500, 20))
    found = sampled_space(full, UNKNOWN, sampled)
    assert (found.found.holds, found.found.rank, found.beyond, found.known) == (True, 266, 0, 266)
    assert found.found.source.startswith("sampled: a lower bound")
    found = sampled_space(part, UNKNOWN, sampled)
    assert (found.found.holds, found.beyond) == (False, 0)
    assert found.found.rank == part.certificate.rank < 266
    assert found.found.missing


def test_directions_that_the_sample_lacks_are_counted():
    run = learn(UNKNOWN.traces(60, halting=0.35), heads=None)
    found = sampled_space(run, UNKNOWN, sample_family(UNKNOWN.layout, max_machines=10))
    assert found.beyond == run.certificate.rank - found.found.rank > 0
    assert found.known == found.sample.dimension + found.beyond > found.sample.dimension
