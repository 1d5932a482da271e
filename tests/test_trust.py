"""A sample of the adversary (``tests.benchmarks.trust``): whatever it tries, the light does not lie."""

import pytest

from tests.benchmarks.trust import dense, labs, runner, tasks
from tests.benchmarks.trust.tally import SHARES, WANTED_ZERO

SAMPLES = {"dense": (dense.FAMILIES, 600), "tasks": (tasks.KINDS, 150), "labs": (labs.KINDS, 100)}
UNDECIDED = 0.01


@pytest.mark.long
@pytest.mark.parametrize("kind", SAMPLES)
def test_the_adversary_finds_no_lie(kind):
    families, cases = SAMPLES[kind]
    found = runner.run(cases, processes=1, only=families)
    assert not found.failures, found.report()
    undecided = found.counts["undecided"]
    assert undecided.bad <= UNDECIDED * undecided.total, found.report()


def test_every_counter_is_one_of_those_reported():
    found = runner.part([("plain", 1), ("step", 1), ("lab step", 1)], seed=0)
    assert set(found.counts) <= set(WANTED_ZERO) | set(SHARES)
    assert found.counts["two roads contradict"].total
