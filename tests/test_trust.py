"""A sample of the adversary (``tests.benchmarks.trust``): whatever it tries, the light does not lie."""

import pytest

from tests.benchmarks.trust import dense, labs, runner, tasks
from tests.benchmarks.trust.tally import SHARES, WANTED_ZERO, Tally

SAMPLES = {"dense": (dense.FAMILIES, 600), "tasks": (tasks.KINDS, 150), "labs": (labs.KINDS, 100)}
UNDECIDED = 0.01


@pytest.fixture(scope="module")
def judged() -> dict[str, Tally]:
    return {kind: runner.run(cases, processes=1, only=families) for kind, (families, cases) in SAMPLES.items()}


@pytest.mark.long
@pytest.mark.parametrize("kind", SAMPLES)
def test_the_adversary_finds_no_lie(judged, kind):
    assert not judged[kind].failures, judged[kind].report()


@pytest.mark.long
def test_little_is_undecided_all_cases_together(judged):
    counts = [found.counts["undecided"] for found in judged.values()]
    assert sum(count.bad for count in counts) <= UNDECIDED * sum(count.total for count in counts)


def test_every_counter_is_one_of_those_reported():
    found = runner.part([("plain", 1), ("step", 1), ("lab step", 1)], seed=0)
    assert set(found.counts) <= set(WANTED_ZERO) | set(SHARES)
    assert found.counts["two roads contradict"].total
