"""How many traces one needs, and fresh checks of claimed certificates."""

import numpy as np
import pytest

import linattn_core as la
from linattn_core.curve import essential
from linattn_core.lab import AutomatonBuild, Lab, LearnerSpec, MemoryBuild, SequencesBuild, TeacherBuild, TraceSpec
from linattn_core.uploads import example_sequences
from tests.samples import sequences


def test_chosen_traces_reach_the_family_dimension_exactly_where_random_ones_need_more():
    task = la.tasks.UniversalAutomaton(states=3, letters=2)
    pool, held_out = task.traces(400, seed=0), task.traces(300, seed=1)
    counts = [10, 40, 78, 120, 400]
    random = la.learning_curve(pool, held_out, counts)
    chosen = la.learning_curve(pool, held_out, counts, chosen=True)
    assert [p.examples for p in random] == counts
    assert [p.rank for p in chosen] == [10, 40, 78]  # every chosen trace raises the rank by one, and then none can
    assert random[2].rank < 78 == random[-1].rank
    assert chosen[-1].accuracy == random[-1].accuracy == chosen[-1].certified == 1
    assert all(p.certified_and_wrong == 0 for p in [*random, *chosen])
    for curve in (random, chosen):
        ranks = [p.rank for p in curve]
        assert ranks == sorted(ranks)
        assert curve[0].worst_ambiguity > 1e-3
        assert curve[-1].worst_ambiguity < 1e-8


LABS = {
    "step": Lab.default(),
    "memory": Lab(build=MemoryBuild(dim=2), traces=TraceSpec(count=100)),
    "universal": Lab(
        build=AutomatonBuild(machine=la.machines.presets()["turnstile"], encoding="universal"),
        traces=TraceSpec(count=60),
    ),
    "teacher": Lab(build=TeacherBuild(dim=2), traces=TraceSpec(count=5, length=4)),
}


@pytest.mark.parametrize("name", LABS)
def test_both_curves_climb_to_the_family_and_choosing_never_needs_more(name):
    lab = LABS[name]
    found = la.curves(lab, seeds=5)
    assert found.dimension == lab.task().family_dimension == found.chosen[-1].rank
    assert found.chosen[-1].examples == found.dimension
    assert found.chosen[-1].accuracy == 1
    last = found.bands[-1]
    assert (last.episodes, last.rank.low, last.accuracy.low) == (found.most, found.dimension, 1)
    assert found.dimension <= found.examples_needed.low <= found.examples_needed.median <= found.examples_needed.high
    assert found.certified_and_wrong == 0
    medians = [band.rank.median for band in found.bands]
    assert medians == sorted(medians)


@pytest.mark.parametrize("name", LABS)
def test_what_a_seed_needs_is_what_its_lab_needs(name):
    """The oracle: the lab itself, with one episode fewer and with as many as are said to be needed."""
    lab = LABS[name]
    found = la.curves(lab, seeds=1)
    for count, enough in ((int(found.needed.median), True), (int(found.needed.median) - 1, False)):
        if count:
            traces = lab.replace(traces=lab.traces.replace(count=count, seed=0)).make_traces()
            assert (la.certify(traces).rank == found.dimension) == enough


@pytest.mark.parametrize(
    "change",
    [{"length": 2}, {"withheld": (("q1", "b"),)}, {"length": 1, "withheld": (("q0", "a"), ("q0", "b"))}],
    ids=["short words", "one left out", "all that is seen left out"],
)
def test_a_lab_whose_traces_never_show_everything_is_said_to_need_infinitely_many(change):
    lab = Lab.default()
    lab = lab.replace(traces=lab.traces.replace(**change))
    found = la.curves(lab, seeds=3)
    assert found.needed.low == found.examples_needed.low == float("inf")
    assert found.bands[-1].rank.high < found.dimension


def test_noise_is_in_the_curve_and_the_answers_are_not_called_right():
    lab = Lab.default()
    noisy = la.curves(lab.replace(traces=lab.traces.replace(noise=1.0)), seeds=3)
    assert noisy.bands[-1].certified.median == 1
    assert noisy.bands[-1].accuracy.median < 0.9
    assert noisy.certified_and_wrong > 0
    assert noisy.needed == la.curves(lab, seeds=3).needed  # the inputs alone decide what is pinned down


def test_the_key_of_a_curve_is_all_that_it_depends_on():
    lab = Lab.default()
    other = lab.replace(traces=lab.traces.replace(count=7, seed=3), learner=LearnerSpec(heads="typed", device="cpu"))
    assert essential(other) == essential(lab)
    for change in ({"length": 5}, {"noise": 0.1}, {"withheld": (("q1", "b"),)}, {"extra": (("q1", "b"),)}):
        assert essential(lab.replace(traces=lab.traces.replace(**change))) != essential(lab)
    assert essential(lab.replace(learner=LearnerSpec(ridge=0.1))) != essential(lab)


def test_a_curve_can_be_cancelled_and_tells_how_far_it_is():
    seen = []
    la.curves(Lab.default(), seeds=2, progress=lambda part, words: seen.append(part))
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1

    def stop(part: float, words: str) -> None:
        if part > 0.3:
            raise la.Cancelled("stopped")

    with pytest.raises(la.Cancelled):
        la.curves(Lab.default(), seeds=5, progress=stop)


def test_own_sequences_have_no_curve():
    with pytest.raises(la.LinattnError, match="no known dimension"):
        la.curves(Lab(build=SequencesBuild(data=example_sequences())))


def test_real_answers_count_as_right_only_when_they_are():
    task = la.tasks.RandomTeacher(3)
    pool, held_out = task.traces(5, seed=0), task.traces(2, seed=1)
    enough, few = la.learning_curve(pool, held_out, [len(pool), 4])[::-1]
    assert enough.accuracy == 1
    assert few.accuracy < 0.5


def test_a_claimed_certificate_is_tried_on_fresh_inputs():
    task = la.tasks.UniversalAutomaton(states=2, letters=2)
    good, bad = la.learn(task.traces(100, seed=0)), la.learn(task.traces(8, seed=0))
    assert la.fresh_check(good, task).holds
    assert la.fresh_check(good, task).largest_error < 1e-12
    assert la.fresh_check(good, task).largest_bound < 1e-10
    assert la.fresh_check(bad, task).largest_bound == float("inf")
    assert la.fresh_check(la.learn(task.traces(100, seed=0), ridge=0.1), task).largest_bound is None
    assert not la.fresh_check(bad, task).holds
    assert la.fresh_check(bad, task).largest_error > 1e-3
    assert la.fresh_check(bad, task).certified < la.fresh_check(bad, task).inputs


def test_fresh_inputs_of_a_lab_are_noiseless_and_come_everywhere():
    lab = Lab.default().replace(traces=TraceSpec(count=40, length=2, noise=0.5, withheld=(("q2", "b"),), seed=7))
    fresh = lab.fresh_traces(200)
    assert np.array_equal(lab.task().truth.on(fresh).round(9), fresh.targets)
    assert len(np.unique(fresh.tokens[fresh.stop - 1].toarray(), axis=0)) == 8
    with pytest.raises(la.LinattnError, match="hold a share"):
        Lab(build=SequencesBuild(data=example_sequences())).fresh_traces()


def test_the_bound_of_noisy_data_holds_against_the_truth():
    task = la.tasks.StepAutomaton(la.machines.presets()["contains aba"])
    run = la.learn(task.traces(200, seed=0, noise=0.2))
    found = la.fresh_check(run, task)
    # The truth fits the noisy answers a little worse than the optimum does: the bound at ITS training error covers
    # both.
    ratio = run.loss(task.truth) / run.training_mse
    assert ratio >= 1
    assert found.largest_error <= found.largest_bound * ratio**0.5


@pytest.mark.parametrize("counts", [[], [0], [5, 10_000]])
def test_counts_outside_the_pool_are_refused(counts):
    with pytest.raises(la.LinattnError, match="from 1 to"):
        la.learning_curve(sequences(0, (5, 2, 3)), sequences(0, (5, 2, 3)), counts)
