"""The light must not lie: one table for every kind of lab, and what each colour claims is checked against oracles."""

import dataclasses

import numpy as np
import pytest

import linattn_core as la
from linattn_core.certificates.decision import Decision
from linattn_core.experiment import experiment
from linattn_core.lab import (
    AutomatonBuild,
    Lab,
    LearnerSpec,
    MemoryBuild,
    SequencesBuild,
    TeacherBuild,
    TraceSpec,
    TuringBuild,
)
from linattn_core.machines import presets
from linattn_core.machines.turing import TuringMachine
from linattn_core.outcomes.light import COLOURS, judge
from linattn_core.sequences import Sequences
from linattn_core.tasks.turing_outcome import sampled_space
from linattn_core.tolerances import EXACT_FIT, SOUND_ANSWER
from linattn_core.uploads import example_sequences

STEP = Lab.default()
WORDS = (("apple", "red"), ("sky", "blue"), ("rose", "red"))
DEPENDENT = (((1.0, 0.0), (1.0,)), ((0.0, 1.0), (2.0,)), ((1.0, 1.0), (4.0,)))
HEIGHTS = tuple((tuple(float(i == j) for j in range(6)), (150.0 + i,)) for i in range(6))
YEARS = tuple((key, (value[0] + 1840.0,)) for key, value in HEIGHTS)
UNIVERSAL = AutomatonBuild(machine=presets()["turnstile"], encoding="universal")
TURING = Lab.default_turing()


def lab(build: object, count: int, learner: LearnerSpec | None = None, **traces: object) -> Lab:
    return Lab(build=build, traces=TraceSpec(count=count, **traces), learner=learner or LearnerSpec())


RIDGE = LearnerSpec(ridge=0.5)
LABS: dict[str, tuple[str, Lab]] = {
    "automaton": ("green", STEP),
    "automaton, noise": ("blue", STEP.replace(traces=TraceSpec(count=40, noise=0.05))),
    "automaton, ridge": ("blue", STEP.replace(learner=RIDGE)),
    "automaton, one left out": ("amber", STEP.replace(traces=TraceSpec(count=40, withheld=(("q1", "b"),)))),
    "automaton, much noise": ("red", STEP.replace(traces=TraceSpec(count=8, noise=0.9))),
    "automaton, ridge and one left out": (
        "grey",
        STEP.replace(traces=TraceSpec(count=40, withheld=(("q1", "b"),)), learner=RIDGE),
    ),
    "automata": ("green", lab(UNIVERSAL, 80)),
    "automata, few": ("amber", lab(UNIVERSAL, 12)),
    "automata, noise": ("blue", lab(UNIVERSAL, 300, noise=0.1)),
    "automata, padded and few": ("amber", lab(UNIVERSAL.replace(states=3, letters=3), 20)),
    "memory, sums": ("green", lab(MemoryBuild(dim=2), 120)),
    "memory, sums, few": ("amber", lab(MemoryBuild(dim=2), 12)),
    "memory, sums, noise": ("blue", lab(MemoryBuild(dim=2), 120, noise=0.1)),
    "memory, values": ("blue", lab(MemoryBuild(dim=2, answer="value"), 120)),
    "memory, values of orthonormal keys": ("green", lab(MemoryBuild(dim=2, unitary=1.0, answer="value"), 120)),
    "words": ("green", lab(MemoryBuild(table=WORDS), 120)),
    "words, few": ("amber", lab(MemoryBuild(table=WORDS), 2)),
    "words, much noise": ("red", lab(MemoryBuild(table=(("a", "x"), ("b", "y"))), 60, noise=0.95)),
    "vectors": ("green", lab(MemoryBuild(vectors=HEIGHTS), 200)),
    "vectors, few": ("amber", lab(MemoryBuild(vectors=HEIGHTS), 30)),
    "vectors, years": ("green", lab(MemoryBuild(vectors=YEARS), 200)),
    "vectors, dependent": ("blue", lab(MemoryBuild(vectors=DEPENDENT), 100)),
    "teacher": ("green", lab(TeacherBuild(dim=3), 40, length=20)),
    "teacher, few": ("amber", lab(TeacherBuild(dim=3), 2, length=4)),
    "teacher, noise": ("blue", lab(TeacherBuild(dim=3), 40, length=20, noise=0.1)),
    "sequences": ("blue", lab(SequencesBuild(data=example_sequences()), 24)),
    "machines": ("green", TURING),
    "machines, few": ("amber", TURING.replace(traces=TraceSpec(count=40, length=10))),
    "machines, noise": ("blue", TURING.replace(traces=TraceSpec(count=100, length=10, noise=1e-3))),
}


@pytest.fixture(scope="module")
def results() -> dict[str, la.Experiment]:
    return {name: experiment(lab) for name, (_, lab) in LABS.items()}


@pytest.mark.parametrize("name", LABS)
def test_every_kind_has_the_colour_of_the_table(name, results):
    light, colour = results[name].light, LABS[name][0]
    assert light.colour == colour, (light.title, light.words)
    assert light.title.lower().startswith(colour)
    assert light.reason
    assert light.level == ("undecided" if colour == "grey" else light.level)
    assert light.level in ("theorem", "numerical", "undecided")
    assert "**" not in light.words


def said(light: la.Light) -> str:
    return " ".join((light.title, light.words, light.reason, *light.details)).lower()


@pytest.mark.parametrize("name", [name for name, (colour, _) in LABS.items() if colour == "blue"])
def test_blue_says_neither_proved_nor_right(name, results):
    words = said(results[name].light).replace("-", " ").split()
    assert not {word.strip(".,:;()") for word in words} & {"proved", "proof", "right", "theorem"}


def test_blue_shows_margins_and_under_noise_probabilities(results):
    result = results["automaton, noise"]
    edge = min((e for e in result.recovery.edges if e.reachable), key=lambda e: e.margin)
    first, second = sorted(edge.scores, reverse=True)[:2]
    assert edge.margin == first - second
    assert f"smallest margin {first - second:.2f}" in result.light.title
    assert f"{edge.words}: {edge.learned} with {first:.2f}" in result.light.details[0]
    # The oracle of the probabilities: what share of the examples of this transition went where.
    tokens = result.traces.tokens[result.traces.stop - 1].toarray()
    machine = result.lab.machine
    here = np.flatnonzero(
        (tokens[:, machine.state_index(edge.state)] == 1)
        & (tokens[:, len(machine.states) + machine.letter_index(edge.letter)] == 1)
    )
    np.testing.assert_allclose(result.traces.targets[here].mean(axis=0), edge.scores, atol=1e-9)


@pytest.mark.parametrize("name", [name for name, (colour, _) in LABS.items() if colour == "amber"])
def test_amber_has_a_twin_of_equal_loss_that_answers_otherwise_at_a_legal_input(name, results):
    result = results[name]
    twins, run = result.evidence.twins, result.run
    loss = float(np.mean(np.sum((twins.predictor.on(result.traces) - result.traces.targets) ** 2, axis=1)))
    scale = float((result.traces.targets**2).sum(axis=1).max())
    assert abs(loss - run.training_mse) <= 1e-9 * run.training_mse + 1e-18 * scale
    assert abs(twins.twin_loss - loss) <= 1e-6 * loss + 1e-20 * scale
    assert np.linalg.norm(twins.predictor(twins.context) - run.predictor(twins.context)) > 1e-3 * np.sqrt(scale) / 10
    assert f"{twins.twin_loss:.1e}" in result.light.words
    assert twins.words in result.light.words


def test_the_twin_of_an_automaton_is_another_automaton(results):
    for name in ("automaton, one left out", "automata, padded and few"):
        result = results[name]
        true, learned = (m.step(*result.evidence.twins.pair) for m in (result.lab.machine, result.recovery.automaton))
        twins = result.evidence.twins
        assert twins.pair is not None
        other = twins.recovery(result.run, result.task, result.lab.machine)
        assert other.automaton.step(*twins.pair) != learned
        assert len(result.lab.machine.states) == 2 or other.automaton.step(*twins.pair) != true


@pytest.mark.parametrize("name", [name for name, (colour, _) in LABS.items() if colour == "green"])
def test_green_is_borne_out_by_the_largest_residual_rounding_and_fresh_inputs(name, results):
    result = results[name]
    evidence, light = result.evidence, result.light
    assert evidence.covered is Decision.CERTIFIED
    residuals = np.linalg.norm(result.run.predictor.on(result.traces) - result.traces.targets, axis=1)
    scale = np.linalg.norm(result.traces.targets, axis=1).max()
    assert residuals.max() <= EXACT_FIT * scale
    assert evidence.rounding <= SOUND_ANSWER
    assert light.title.startswith("Green: proved for ")
    assert light.title.endswith(", a theorem" if light.level == "theorem" else ", numerically")
    if result.turing is None:
        fresh = result.lab.fresh_traces(500, seed=77)
        wrong = np.linalg.norm(result.run.predictor.on(fresh) - fresh.targets, axis=1).max()
        assert wrong <= SOUND_ANSWER * scale
        assert evidence.fresh.holds


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"residual": 1e-3}, "more than rounding"),
        ({"rounding": 1e-3}, "rounding may have changed"),
        ({"rounding": float("inf")}, "rounding may have changed"),
        ({"fresh": "off"}, "fresh legal inputs"),
        ({"fresh": "open"}, "fresh legal inputs"),
        ({"covered": Decision.UNDECIDED}, "no twin can be shown"),
    ],
)
def test_a_green_light_goes_grey_where_anything_does_not_bear_out(change, words, results):
    result = results["words"]
    if "fresh" in change:
        off = {"relative_error": 1e-3} if change["fresh"] == "off" else {"certified": 999}
        change = {"fresh": dataclasses.replace(result.evidence.fresh, **off)}
    doubted = dataclasses.replace(result, evidence=dataclasses.replace(result.evidence, **change))
    assert doubted.light.colour == "grey"
    assert words in doubted.light.words
    assert "would decide it" in doubted.light.words or "would show" in doubted.light.words
    assert doubted.light.level == "undecided"


def test_red_shows_a_counterexample_and_no_twin(results):
    automaton, words = results["automaton, much noise"], results["words, much noise"]
    word = automaton.recovery.counterexample
    machine = automaton.lab.machine
    assert machine.accepts(word) != automaton.recovery.automaton.accepts(word)
    assert " ".join(word) in automaton.light.words
    asked = words.retrieval
    assert not asked.learned_right.all()
    assert "where the memory has" in words.light.words
    assert automaton.evidence.twins is words.evidence.twins is None


def test_no_layer_answers_exactly_and_the_true_reason_is_given(results):
    assert "linearly dependent" in results["vectors, dependent"].light.reason
    assert "new in every memory" in results["memory, values"].light.reason
    assert "nobody says" in results["sequences"].light.reason


def test_years_as_values_are_learned_exactly_and_never_called_dependent(results):
    result = results["vectors, years"]
    assert result.task.independent
    assert result.retrieval.learned_right.all()
    assert (result.family.rank, result.family.dimension) == (48, 48)
    few = results["vectors, few"]
    assert (few.family.rank, few.run.certificate.rank) == (26, 26)


def test_own_sequences_that_leave_directions_open_get_a_twin_and_never_green():
    rng = np.random.default_rng(0)
    tokens = rng.normal(size=(12, 4))
    data = Sequences.build(tokens, np.zeros((12, 1)) + tokens[:, :1], [4, 4, 4])
    for held_out in (0.0, 0.4):
        result = experiment(lab(SequencesBuild(data=data, held_out=held_out), 3))
        assert result.light.colour == "amber"
        assert "directions not determined" in result.light.title
    full = Sequences.build(rng.normal(size=(400, 2)), np.zeros((400, 1)), [4] * 100)
    assert experiment(lab(SequencesBuild(data=full), 100)).light.colour == "blue"


def test_green_of_all_automata_speaks_of_runs_without_history(results):
    result = results["automata"]
    assert "without history" in result.light.words
    assert result.light.title == "Green: proved for all 16 automata, a theorem"


@pytest.mark.slow
def test_a_size_without_a_known_legal_space_is_never_green_whatever_a_sample_says():
    machine = TuringMachine("to and fro", ("A", "B"), ("0",), (((1, 0, 1),), ((0, 0, 0),)))
    build = TuringBuild(machine=machine, letters=1, cells=3, halting=0.2)
    unknown = Lab(build=build, traces=TraceSpec(count=500, length=20))
    result = experiment(unknown)
    assert result.family is None
    sampled = sampled_space(result.run, result.task)
    for light in (result.light, judge(result, sampled)):
        assert light.colour == "grey"
        assert "passed tests stay tests" in light.reason
    assert "a lower bound" in judge(result, sampled).words


def test_the_five_colours_are_all_there_is(results):
    assert {results[name].light.colour for name in results} == set(COLOURS)
