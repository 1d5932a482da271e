"""How many traces one needs, and fresh checks of claimed certificates."""

import pytest

import linattn_core as la
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


@pytest.mark.parametrize("name", ["step", "memory", "universal"])
def test_both_curves_climb_to_the_family_and_choosing_never_needs_more(name):
    task = {
        "step": la.tasks.StepAutomaton(la.machines.presets()["contains aba"]),
        "memory": la.tasks.AssociativeMemory(2),
        "universal": la.tasks.UniversalAutomaton(states=2, letters=2),
    }[name]
    found = la.curves(task, 150, seed=3)
    assert found.dimension == task.family_dimension == found.chosen[-1].rank == found.random[-1].rank
    assert found.chosen[-1].examples == found.dimension
    assert found.random[-1].examples == 150
    assert found.chosen[-1].accuracy == 1
    assert all(point.certified_and_wrong == 0 for point in [*found.random, *found.chosen])


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
