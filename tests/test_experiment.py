import numpy as np
import pytest

from linattn_core.errors import Cancelled, CertifiedError, LinattnError, ShapeError
from linattn_core.experiment import experiment
from linattn_core.lab import AutomatonBuild, Lab, MemoryBuild, TeacherBuild, TraceSpec
from linattn_core.machines import counterexample, random_machine

UNIVERSAL = Lab(
    build=AutomatonBuild(machine=random_machine(3, 2, seed=3), encoding="universal"), traces=TraceSpec(count=400)
)


def test_the_worked_example_is_certified_and_recovered():
    lab = Lab.default()
    result = experiment(lab)
    assert result.lab == lab
    assert result.recovery.automaton == lab.machine
    assert result.family.holds
    assert (result.missing, result.cures) == ((), ())
    assert result.run.training_mse < 1e-20
    assert {"traces", "learn", "certify", "recover"} <= set(result.seconds)
    assert result.bytes > 0


def test_break_it_cure_it():
    whole = experiment(Lab.default())
    broken = experiment(whole.broken(("q1", "b")))
    assert broken.missing == ("no trace visits state q1 on letter b",)
    assert broken.cures == broken.recovery.undetermined == (("q1", "b"),)
    assert not broken.family.holds
    cured = experiment(broken.cured(("q1", "b")))
    assert cured.family.holds
    assert cured.recovery.automaton == Lab.default().machine
    again = experiment(cured.broken(("q1", "b")))
    assert again.lab == broken.lab


def test_two_transformers_of_equal_loss_compute_different_automata():
    broken = experiment(experiment(Lab.default()).broken(("q1", "b")))
    automata = {}
    for answer in broken.lab.machine.states:
        model = broken.twin(("q1", "b"), answer)
        assert broken.run.loss(model) == pytest.approx(broken.run.training_mse, rel=1e-9, abs=1e-20)
        automata[answer] = broken.automaton_of(model)
        assert automata[answer].step("q1", "b") == answer
    assert automata["q2"] == broken.lab.machine
    assert counterexample(automata["q2"], automata["q0"]) == ("a", "b", "a")
    with pytest.raises(CertifiedError):
        broken.twin(("q0", "a"), "q3")
    with pytest.raises(LinattnError, match="unknown"):
        broken.twin(("q1", "b"), "zz")


def test_universal_break_cure_and_twin():
    whole = experiment(UNIVERSAL)
    assert whole.family.holds
    assert whole.family.dimension == 78
    broken = experiment(whole.broken(("q2", "a")))
    assert broken.cures == (("q2", "a"),)
    assert broken.missing == ("the traces leave open state q2 on letter a in some automata",)
    twin = broken.automaton_of(broken.twin(("q2", "a"), "q1"))
    assert twin.step("q2", "a") == "q1"
    assert experiment(broken.cured(("q2", "a"))).family.holds


def test_a_universal_pair_may_be_settled_for_one_machine_and_open_for_others():
    few = experiment(UNIVERSAL.replace(traces=TraceSpec(count=70)))
    assert not few.family.holds
    assert set(few.recovery.undetermined) <= set(few.cures)
    lab = few.lab
    for pair in few.cures:
        lab = lab.replace(traces=lab.traces.replace(extra=(*lab.traces.extra, pair)))
    assert experiment(lab).family.holds


@pytest.mark.parametrize(
    ("build", "count", "dimension"),
    [
        (MemoryBuild(dim=2), 300, 40),
        (MemoryBuild(dim=2, unitary=1.0), 300, 36),
        (MemoryBuild(table=(("apple", "red"), ("sky", "blue"), ("rose", "red"))), 300, 12),
        (TeacherBuild(dim=3), 40, 18),
    ],
)
def test_labs_without_automata(build, count, dimension):
    result = experiment(Lab(build=build, traces=TraceSpec(count=count, length=20)))
    assert (result.family.holds, result.family.dimension) == (True, dimension)
    assert result.recovery is None
    assert result.cures == ()
    fresh = result.task.traces(50, seed=99)
    assert np.abs(result.run.predictor.on(fresh) - fresh.targets).max() < 1e-8
    with pytest.raises(LinattnError, match="builds no automaton"):
        result.twin(("q0", "a"), "q0")


def test_a_memory_with_too_few_traces_names_what_is_open():
    result = experiment(Lab(build=MemoryBuild(table=(("a", "x"), ("b", "y"))), traces=TraceSpec(count=1)))
    assert result.missing
    assert all(words.startswith("the traces leave open query ") for words in result.missing)


def test_large_unitary_memory_has_no_family():
    result = experiment(Lab(build=MemoryBuild(dim=9, unitary=1.0), traces=TraceSpec(count=20)))
    assert result.family is None
    assert result.missing == ()


def test_progress_rises_and_cancel_stops():
    seen = []
    experiment(UNIVERSAL, progress=lambda fraction, words: seen.append((fraction, words)))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert all(isinstance(words, str) and words for _, words in seen)

    def stop(fraction: float, words: str) -> None:
        if fraction > 0.3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        experiment(UNIVERSAL, progress=stop)


def test_nothing_left_to_learn_from_is_one_sentence():
    lab = Lab.default()
    everything = tuple((state, letter) for state in lab.machine.states for letter in lab.machine.alphabet)
    with pytest.raises(ShapeError, match="0 examples after leaving out"):
        experiment(lab.replace(traces=lab.traces.replace(withheld=everything)))


@pytest.mark.slow
def test_universal_8_8_every_automaton():
    lab = Lab(
        build=AutomatonBuild(machine=random_machine(8, 8, seed=0), encoding="universal"),
        traces=TraceSpec(count=43_104),
    )
    result = experiment(lab)
    assert (result.family.rank, result.family.dimension, result.family.holds) == (28_736, 28_736, True)
    fresh = result.task.traces(2000, seed=1)
    assert np.abs(result.run.predictor.on(fresh) - fresh.targets).max() < 1e-9
    assert result.recovery.automaton == lab.machine
