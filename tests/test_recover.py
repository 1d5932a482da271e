import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.errors import MachineError, TooLargeError
from linattn_core.features import feature_rows
from linattn_core.learn import learn
from linattn_core.machines import Machine, equivalent, presets, random_machine
from linattn_core.recover import read_automaton, recover
from linattn_core.tasks import StepAutomaton, UniversalAutomaton
from tests.cases import CASES, Case, case_id

ABA = presets()["contains aba"]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_build_traces_learn_recover(case: Case):
    task = StepAutomaton(case.machine)
    run = learn(task.traces(60 + 40 * case.pairs, seed=1))
    assert run.certificate.covers(task).holds
    recovery = recover(run, task)
    assert recovery.automaton == case.machine
    assert recovery.equivalent
    assert recovery.counterexample is None
    assert recovery.missing == ()
    assert {edge.kind for edge in recovery.edges} == {"right"}
    assert [word for word in case.accepted if not recovery.automaton.accepts(word)] == []
    assert read_automaton(run.model, task) == case.machine


@pytest.mark.parametrize("case", [case for case in CASES if case.pairs > 1], ids=case_id)
@pytest.mark.parametrize("seed", range(2))
def test_exactly_the_withheld_transitions_are_undetermined(case: Case, seed: int):
    task = StepAutomaton(case.machine)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(case.pairs, size=max(1, case.pairs // 3), replace=False)
    withheld = tuple(task.pairs[i] for i in sorted(chosen))
    run = learn(task.traces(60 + 40 * case.pairs, seed=seed, withheld=withheld))
    recovery = recover(run, task)
    assert recovery.undetermined == withheld
    assert recovery.missing == tuple(f"no trace visits state {state} on letter {letter}" for state, letter in withheld)
    assert {pair for pair, known in recovery.certified.items() if not known} == set(withheld)
    assert all(edge.kind == "right" for edge in recovery.edges if edge.certified)
    assert set(run.certificate.covers(task).missing) == {f"state {s} on letter {a}" for s, a in withheld}
    cured = learn(task.traces(60 + 40 * case.pairs, seed=seed, withheld=withheld, extra=withheld))
    assert recover(cured, task).automaton == case.machine


@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 10_000), st.integers(1, 6), st.booleans())
@settings(max_examples=40, deadline=None)
def test_recovered_equals_machine_wherever_certified(states, letters, seed, count, reachable):
    machine = random_machine(states, letters, seed, reachable=reachable)
    task = StepAutomaton(machine)
    run = learn(task.traces(count, seed=seed, length=3))
    recovery = recover(run, task)
    assert all(edge.learned == edge.true for edge in recovery.edges if edge.certified)
    if run.certificate.covers(task).holds:
        assert recovery.undetermined == ()
        assert recovery.equivalent
    else:
        assert recovery.undetermined


@given(st.integers(1, 3), st.integers(1, 2), st.integers(0, 10_000), st.integers(1, 120))
@settings(max_examples=30, deadline=None)
def test_universal_recovers_any_machine_wherever_certified(states, letters, seed, count):
    task = UniversalAutomaton(3, 2)
    machine = random_machine(states, letters, seed, reachable=False)
    run = learn(task.traces(count, seed=seed))
    recovery = recover(run, task, machine)
    assert all(edge.learned == edge.true for edge in recovery.edges if edge.certified)
    if run.certificate.covers(task).holds:
        assert recovery.automaton == machine


def test_universal_4_4_is_exact_on_every_automaton():
    task = UniversalAutomaton(4, 4)
    run = learn(task.traces(1500, seed=0))
    certificate = run.certificate.covers(task)
    assert (certificate.holds, certificate.dimension, certificate.rank) == (True, 784, 784)
    fresh = task.traces(20_000, seed=123)
    assert np.abs(run.predictor.on(fresh) - fresh.targets).max() < 1e-9
    machine = random_machine(4, 4, seed=77, reachable=False)
    assert recover(run, task, machine).automaton == machine


def test_universal_784_chosen_examples_suffice():
    task = UniversalAutomaton(4, 4)
    run = learn(task.traces(1, seed=0, withheld=task.pairs, extra=task.pairs))
    assert run.certificate.count == 784
    fresh = task.traces(2000, seed=5)
    assert np.abs(run.predictor.on(fresh) - fresh.targets).max() < 1e-9


def test_one_machine_alone_does_not_teach_the_others():
    task = UniversalAutomaton(3, 2)
    mine, other = random_machine(3, 2, seed=1), random_machine(3, 2, seed=2)
    run = learn(task.traces(300, seed=0, machine=mine))
    assert recover(run, task, mine).automaton == mine
    assert not run.certificate.covers(task).holds
    assert recover(run, task, other).undetermined


def test_universal_with_withheld_query():
    task = UniversalAutomaton(3, 2)
    machine = random_machine(3, 2, seed=4)
    run = learn(task.traces(600, seed=0, withheld=[("q1", "b")]))
    assert recover(run, task, machine).undetermined == (("q1", "b"),)
    cured = learn(task.traces(600, seed=0, withheld=[("q1", "b")], extra=[("q1", "b")]))
    assert cured.certificate.covers(task).holds


def test_history_in_the_context_scales_the_learned_answer():
    task, machine = UniversalAutomaton(3, 2), random_machine(3, 2, seed=8, reachable=False)
    run = learn(task.traces(600, seed=0))
    plain = task.context(machine, "q2", "a")
    used = task.context(machine, "q2", "a", history=[("q2", "a"), ("q0", "b")])
    assert task.decode(run.predictor(plain)) == task.decode(task.truth(used)) == machine.step("q2", "a")


def test_label_noise_gives_conditional_probabilities():
    machine, noise = random_machine(4, 2, seed=6), 0.3
    task = StepAutomaton(machine)
    traces = task.traces(6000, seed=2, noise=noise)
    recovery = recover(learn(traces), task)
    rows = feature_rows(task.contexts(task.pairs))
    seen = feature_rows(traces)
    pair_of = np.asarray((seen @ rows.T).argmax(axis=1)).ravel()
    for index, edge in enumerate(recovery.edges):
        frequency = traces.targets[pair_of == index].mean(axis=0)
        assert edge.scores == pytest.approx(frequency, abs=1e-9)  # exactly the empirical conditional distribution
        expected = (1 - noise) * np.eye(4)[machine.state_index(edge.true)] + noise / 4
        assert edge.scores == pytest.approx(expected, abs=0.04)
    assert recovery.automaton == machine


def test_unreachable_states_are_undetermined_but_not_missing():
    machine = Machine(states=("p", "q", "island"), alphabet=("a",), transitions=((1,), (0,), (0,)), accepting=(1,))
    task = StepAutomaton(machine)
    recovery = recover(learn(task.traces(5, seed=0)), task)
    island = next(edge for edge in recovery.edges if edge.state == "island")
    assert (island.kind, island.reachable, island.certified) == ("undetermined", False, False)
    assert recovery.undetermined == ()
    assert recovery.equivalent


def test_a_wrong_automaton_comes_with_a_shortest_counterexample():
    task = StepAutomaton(ABA)
    lying = [(Z, np.eye(4)[0]) for Z, _ in task.traces(30, seed=0)]
    recovery = recover(learn(task.traces(30, seed=0).from_examples(lying)), task)
    assert {edge.kind for edge in recovery.edges} == {"right", "different"}
    assert recovery.counterexample == ("a", "b", "a")
    assert ABA.accepts("aba") != recovery.automaton.accepts("aba")
    assert not equivalent(ABA, recovery.automaton)


def test_recover_refuses_with_a_sentence():
    universal = UniversalAutomaton(2, 2)
    run = learn(universal.traces(60))
    with pytest.raises(MachineError, match="got no machine"):
        recover(run, universal)
    with pytest.raises(TooLargeError, match="4 states and 2 letters"):
        recover(run, universal, ABA)
    step = StepAutomaton(ABA)
    with pytest.raises(MachineError, match="leave the machine out"):
        recover(learn(step.traces(20)), step, presets()["turnstile"])
