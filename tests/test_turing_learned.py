"""Learned from traces of random machines: every machine of the family runs, and the certificate knows when."""

import numpy as np
import pytest

from linattn_core.attention import distance
from linattn_core.learn import learn
from linattn_core.machines.turing_presets import turing_presets
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_legal import all_rules
from linattn_core.tasks.turing_outcome import legal_certificate
from linattn_core.tasks.turing_rank import exact_rank
from linattn_core.tasks.turing_traces import Episodes, one_episode
from linattn_core.twin import twin

pytestmark = pytest.mark.slow

PRESETS = turing_presets()
TASK = UniversalTuringMachine()


@pytest.fixture(scope="module")
def learned():
    return learn(TASK.traces(100, 1))


def test_golden_rank_and_family_certificate(learned):
    assert learned.certificate.rank == exact_rank(TASK.traces(100, 1)) == 856
    covered = learned.certificate.covers(TASK)
    assert (covered.holds, covered.rank, covered.dimension, covered.data) == (True, 856, 856, 0)
    assert covered.missing == []
    assert covered.structural == 4200 - 856
    assert learned.certificate.lambda_min == 0  # the global certificate always says no here
    assert learned.training_mse < 1e-18


def test_held_out_machines_run_exactly_and_nothing_certified_is_wrong(learned):
    found = TASK.held_out(learned, 100)
    assert (found.exact, found.certified, found.certified_wrong) == (100, found.contexts, 0)
    heads = TASK.trial(learned.model, TASK.episodes(50, 77), 60)
    assert heads.exact.all()


@pytest.mark.parametrize("name", ["busy beaver 2", "parity", "increment, lowest bit first", "looping"])
def test_machines_from_the_textbook_run_on_learned_weights(learned, name):
    preset = PRESETS[name]
    run = TASK.run(learned.model, preset.machine, preset.machine.encode(preset.word), 60)
    assert run.agrees
    assert run.rounding_error < 1e-8


def test_no_machine_from_the_textbook_was_in_training():
    seen = TASK.episodes(100, 1)
    for name in ("busy beaver 2", "parity", "increment, lowest bit first", "looping"):
        table = PRESETS[name].machine.padded(2, 2).table()
        assert not (seen.table == table).all(axis=(1, 2, 3)).any(), name
    larger = UniversalTuringMachine(3, 2, 6).episodes(220, 1, halting=0.35)
    for name in ("busy beaver 3, most ones", "busy beaver 3, most steps", "parity", "increment, lowest bit first"):
        table = PRESETS[name].machine.padded(3, 2).table()
        assert not (larger.table == table).all(axis=(1, 2, 3)).any(), name


def test_three_thousand_steps_stay_exact(learned):
    trial = TASK.trial(learned.predictor, TASK.episodes(5, 7, halting=0.0), 3000)
    assert trial.exact.all()
    assert (trial.steps == 3000).all()
    assert trial.rounding_error.max() < 1e-8


def test_the_learned_weights_are_not_the_compiled_ones(learned):
    relative = distance(learned.predictor, TASK.truth) / np.linalg.norm(TASK.truth.coefficients())
    assert 0.85 < relative < 1.0


def test_fewer_machines_leave_directions_open_but_certify_no_wrong_answer():
    run = learn(TASK.traces(40, 1, halting=0.35), heads=None)
    found = TASK.held_out(run, 100)
    assert run.certificate.rank == exact_rank(TASK.traces(40, 1, halting=0.35)) < 600
    assert found.exact < 50
    assert 0 < found.certified < found.contexts
    assert found.certified_wrong == 0
    covered = run.certificate.covers(TASK)
    assert not covered.holds
    assert covered.rank == run.certificate.rank
    assert covered.missing


@pytest.mark.parametrize(("steps", "rank"), [(1, 568), (2, 788), (3, 836), (4, 856)])
def test_length_lesson(steps, rank):
    """Three steps fail for ever, four steps suffice for ever."""
    run = learn(TASK.traces(600, 1, halting=0.35, steps=steps), heads=None)
    covered = run.certificate.covers(TASK)
    assert run.certificate.rank == covered.rank == rank
    assert covered.holds == (steps == 4)
    trial = TASK.trial(run.predictor, TASK.episodes(100, 99), 60)
    assert trial.exact.all() == (steps == 4)
    assert any(f"step {steps + 1}, " in word for word in covered.missing) == (steps < 4)


@pytest.mark.parametrize(
    ("restriction", "rank"),
    [({"halting": 0.0}, 698), ({"origin": True, "halting": 0.35}, 784)],
    ids=["no halt", "origin"],
)
def test_restricted_training_stalls(restriction, rank):
    run = learn(TASK.traces(200 if restriction["halting"] == 0 else 500, 1, **restriction), heads=None)
    assert run.certificate.rank == rank
    missing = run.certificate.covers(TASK).missing
    assert any(
        ("halts after writing" in word) if restriction["halting"] == 0 else ("step 1, " in word) for word in missing
    )


def test_an_uncertified_context_has_a_twin():
    run = learn(TASK.traces(20, 1, halting=0.35))
    contexts = TASK.contexts(TASK.episodes(20, 5))
    open_context = contexts[int(np.argmax(run.certificate.ambiguities(contexts)))][0]
    other = twin(run, open_context, np.ones(20))
    assert np.allclose(other(open_context), 1)
    assert run.loss(other) < 1e-15


@pytest.mark.slow
def test_all_20736_machines_from_the_blank_tape(learned):
    rules = all_rules(2, 2)
    index = np.indices((12,) * 4).reshape(4, -1).T
    count = len(index)
    episodes = Episodes(
        rules[index].reshape(-1, 2, 2, 3), np.zeros((count, 4), int), np.zeros(count, int), np.zeros(count, int)
    )
    trial = TASK.trial(learned.predictor, episodes, 30)
    assert (count, int(trial.exact.sum())) == (TASK.machine_count, 20_736)


@pytest.mark.slow
@pytest.mark.parametrize(("design", "dimension", "machines"), [("wide", 1162, 300), ("duo", 1802, 500)])
def test_the_other_designs_are_learned_too(design, dimension, machines):
    task = UniversalTuringMachine(2, 2, 4, design)
    run = learn(task.traces(machines, 1), heads=None)
    assert run.certificate.rank == dimension
    assert run.certificate.covers(task).holds
    found = task.held_out(run, 50)
    assert (found.exact, found.certified_wrong) == (50, 0)


@pytest.mark.slow
def test_the_step_up_size_runs_both_busy_beavers():
    task = UniversalTuringMachine(3, 2, 6)
    run = learn(task.traces(220, 1, halting=0.35))
    assert run.certificate.rank == exact_rank(task.traces(220, 1, halting=0.35)) == 2120
    assert run.certificate.covers(task).holds
    found = task.held_out(run, 200)
    assert (found.exact, found.certified, found.certified_wrong) == (200, found.contexts, 0)
    for name in ("busy beaver 3, most ones", "busy beaver 3, most steps", "parity", "increment, lowest bit first"):
        preset = PRESETS[name]
        execution = task.run(run.model, preset.machine, preset.machine.encode(preset.word), 60)
        assert execution.agrees
        assert execution.halted


@pytest.mark.slow
def test_the_large_size():
    task = UniversalTuringMachine(4, 3, 8)
    run = learn(task.traces(450, 2, steps=20, halting=0.2), heads=None)
    assert run.certificate.rank == 7122
    assert legal_certificate(run, task).holds
    found = task.held_out(run, 100)
    assert (found.exact, found.certified, found.certified_wrong) == (100, found.contexts, 0)
    preset = PRESETS["binary increment"]
    assert task.run(run.predictor, preset.machine, preset.machine.encode(preset.word), 60).agrees


@pytest.mark.slow
def test_the_busy_beaver_of_four_states_runs_on_learned_weights():
    """107 steps in 452 tokens, each certified beforehand; slim needs fourteen cells for it, d = 46, and about 2 GB."""
    task = UniversalTuringMachine(4, 2, 14)
    run = learn(task.traces(450, 1, steps=16, halting=0.2), heads=None)
    beaver = PRESETS["busy beaver 4"].machine
    done = task.run(run.predictor, beaver, (), 200)
    assert (done.agrees, done.halted, done.expected.wrapped) == (True, True, False)
    assert (len(done.configurations) - 1, sum(done.configurations[-1].tape), len(done.tokens)) == (107, 13, 452)
    contexts = task.contexts(one_episode(task.layout, beaver, ()), steps=107)
    assert len(contexts) == 428
    assert run.certificate.certified(contexts).all()
    assert task.trial(run.predictor, task.episodes(100, 1_000_003, halting=0.2), 60).exact.all()
