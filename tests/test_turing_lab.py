"""Turing machines and larger universal automata as labs: links, files, bounds, and what an experiment finds."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.errors import LinattnError, MachineError, ShapeError, SpecError, TooLargeError
from linattn_core.experiment import experiment
from linattn_core.figures import LIGHT
from linattn_core.figures.turing import jump
from linattn_core.figures.turing_layout import attribute_boxes
from linattn_core.figures.turing_story import turing_story
from linattn_core.lab import AutomatonBuild, Lab, TraceSpec, TuringBuild
from linattn_core.machines import presets, turing_data
from linattn_core.machines.turing import TuringMachine
from linattn_core.machines.turing_presets import turing_presets
from linattn_core.tasks import UniversalAutomaton
from linattn_core.tasks.turing import UniversalTuringMachine
from linattn_core.tasks.turing_outcome import turing_curve
from linattn_core.tasks.universal_run import run_word
from tests.cases import HOSTILE_LABELS

pytestmark = pytest.mark.slow

BEAVER = turing_presets()["busy beaver 2"].machine
labels = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=8)


@st.composite
def turing_machines(draw) -> TuringMachine:
    states = draw(st.lists(labels, min_size=1, max_size=4, unique=True))
    symbols = draw(st.lists(labels, min_size=1, max_size=3, unique=True))
    rule = st.none() | st.tuples(
        st.integers(0, len(states) - 1), st.integers(0, len(symbols) - 1), st.sampled_from([-1, 0, 1])
    )
    rules = tuple(tuple(draw(rule) for _ in symbols) for _ in states)
    return TuringMachine(draw(labels), tuple(states), tuple(symbols), rules, draw(st.integers(0, len(states) - 1)))


def lab_of(machine: TuringMachine = BEAVER, traces: TraceSpec | None = None, **fields: object) -> Lab:
    return Lab(build=TuringBuild(machine=machine, **fields), traces=traces or TraceSpec(count=100, length=10))


# ---- links and files


@settings(max_examples=60, deadline=None)
@given(turing_machines(), st.data())
def test_turing_labs_survive_links_and_files(machine, data):
    word = tuple(data.draw(st.lists(st.sampled_from(machine.symbols), max_size=4)))
    lab = lab_of(machine, word=word, states=4, letters=4, cells=data.draw(st.integers(4, 8)), head=1)
    assert Lab.from_token(lab.to_token()) == Lab.from_toml(lab.to_toml()) == Lab.from_json(lab.to_json()) == lab
    assert turing_data.from_data(json.loads(json.dumps(turing_data.to_data(machine)))) == machine
    assert hash(lab) == hash(Lab.from_token(lab.to_token()))


def test_hostile_names_and_every_preset_round_trip_in_short_links():
    rules = tuple(((0, 0, 1),) * len(HOSTILE_LABELS[:4]) for _ in HOSTILE_LABELS[:4])
    hostile = TuringMachine("<script>'\"", HOSTILE_LABELS[:4], HOSTILE_LABELS[:4], rules)
    for machine in (hostile, *(one.machine for one in turing_presets().values())):
        lab = lab_of(machine, states=6, letters=4, cells=8)
        assert Lab.from_token(lab.to_token()) == Lab.from_toml(lab.to_toml()) == lab
        assert len(lab.to_token()) < 400


def test_labs_of_automata_keep_their_links_and_larger_ones_carry_their_sizes():
    assert Lab.from_token("1-ABplo3ySIytgkvPzShIz84oVEpMSSQ0WnN43GQDfAwA") == Lab.default()
    assert len(Lab.default().to_token()) < 80
    assert "states" not in Lab.default().to_data()["build"]
    build = AutomatonBuild(machine=Lab.default().machine, encoding="universal", states=6, letters=3, history=True)
    lab = Lab(build=build, traces=TraceSpec(withheld=(("q5", "a"), ("q0", "b"))))
    assert Lab.from_token(lab.to_token()) == Lab.from_toml(lab.to_toml()) == lab
    assert (lab.task().states, lab.task().letters) == (6, 3)
    assert lab.with_machine(presets()["contains aba"]).build == build


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"cells": 1}, MachineError, "cells: got 1"),
        ({"states": 1}, MachineError, "wanted at most 1 and 2"),
        ({"states": 99}, MachineError, "states: got 99"),
        ({"design": "round"}, SpecError, "'design'"),
        ({"word": ("0", "2")}, MachineError, "unknown symbol '2'"),
        ({"word": ("1",) * 5}, MachineError, "got 5 symbols, wanted at most n = 4"),
        ({"head": 4}, MachineError, "head: got cell 4"),
        ({"run": 0}, SpecError, "'run'"),
        ({"run": 10**6}, SpecError, "'run'"),
        ({"halting": 1.5}, SpecError, "'halting'"),
        ({"halting": float("nan")}, SpecError, "'halting'"),
        ({"states": 16, "letters": 8, "cells": 64, "design": "duo"}, TooLargeError, "take fewer cells"),
        ({"traces": TraceSpec(count=200_000)}, TooLargeError, "at most 100,000"),
        ({"traces": TraceSpec(count=100_000, length=1000)}, TooLargeError, "fewer machines or fewer steps"),
        ({"traces": TraceSpec(withheld=(("A", "0"),))}, SpecError, "builds no automaton"),
    ],
)
def test_what_does_not_fit_is_one_sentence(change, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        lab_of(**change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (7, "must be a table"),
        ({"states": ["A"], "symbols": ["0"], "rules": {}, "colour": 1}, "unknown entry 'colour'"),
        ({"states": "A", "symbols": ["0"], "rules": {}}, "list of names"),
        ({"states": ["A"], "symbols": [0], "rules": {}}, "list of names"),
        ({"states": ["A"], "symbols": ["0"], "rules": []}, "rules must be a table"),
        ({"states": ["A"], "symbols": ["0"], "rules": {"B": {}}}, "unknown state 'B'"),
        ({"states": ["A", "A"], "symbols": ["0"], "rules": {}}, "twice"),
        ({"states": ["A"], "symbols": ["0"], "rules": {"A": {"0": ["A", "0", "U"]}}}, "unknown|wanted 'L'"),
        ({"states": ["A"], "symbols": ["0"], "rules": {"A": {"0": ["B", "0", "L"]}}}, "unknown next state"),
        ({"states": ["A"], "symbols": ["0"], "rules": {"A": {"0": ["A", "0"]}}}, r"must be \[next state"),
        ({"states": ["A"], "symbols": ["0"], "rules": {"A": {"1": ["A", "0", "L"]}}}, "unknown symbol"),
        ({"states": ["A"], "symbols": ["0"], "rules": {}, "start": 3}, "must be the name of a state"),
        ({"states": ["A"], "symbols": ["0"], "rules": {}, "start": "B"}, "unknown state 'B'"),
        ({"states": ["A"], "symbols": ["0"], "rules": {}, "name": ""}, "text of 1 to 60"),
        ({"states": [], "symbols": ["0"], "rules": {}}, "states: got 0"),
    ],
)
def test_hostile_machines_in_files_are_refused_in_one_sentence(data, sentence):
    with pytest.raises(MachineError, match=sentence):
        TuringBuild(machine=data)


@pytest.mark.parametrize(
    "short",
    [
        7,
        [],
        ["x", 1, 1, [9], 0],
        ["x", 1, 1, [0, 0], 0],
        ["x", -3, 1, [], 0],
        ["x", 10**9, 1, [], 0],
        ["x", 1, 1, [-2], 0],
        ["x", 1, 1, [0], 5],
        ["x", ["a", "a"], 1, [-1, -1], 0],
    ],
)
def test_forged_machines_in_links_are_refused(short):
    with pytest.raises(MachineError):
        turing_data.expand(short)


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda x: st.lists(x, max_size=4), max_leaves=12))
@settings(max_examples=100, deadline=None)
def test_no_data_escapes_the_error_tree(data):
    for read in (turing_data.expand, turing_data.from_data):
        with pytest.raises(LinattnError):
            read(data)


# ---- experiments


@pytest.fixture(scope="module")
def classroom():
    return experiment(Lab.default_turing())


def test_the_classroom_is_a_theorem(classroom):
    found = classroom.turing
    assert (found.proved, found.legal.rank, found.legal.dimension) == (True, 856, 856)
    assert (found.fresh.exact, found.fresh.runs) == (200, 200)
    assert (found.fresh.certified, found.fresh.certified_wrong) == (found.fresh.contexts, 0)
    assert found.learned.agrees
    assert found.learned.configurations[-1].tape == (1, 1, 1, 1)
    assert 0.85 < found.distance < 1
    assert classroom.family is found.legal
    assert classroom.recovery is None


def test_all_tests_pass_and_yet_it_is_not_proved():
    lab = Lab.default_turing()
    found = experiment(lab.replace(traces=lab.traces.replace(count=90))).turing
    assert (found.fresh.exact, found.fresh.runs) == (200, 200)
    assert not found.proved
    assert (found.legal.rank, found.fresh.certified_wrong) == (854, 0)


@pytest.mark.parametrize(("steps", "rank"), [(3, 836), (4, 856)])
def test_three_steps_fail_for_ever_and_four_suffice(steps, rank):
    lab = Lab.default_turing()
    result = experiment(lab.replace(traces=lab.traces.replace(count=600, length=steps)))
    assert (result.turing.legal.rank, result.turing.proved) == (rank, steps == 4)
    assert all(words.startswith("the traces leave open step") for words in result.missing)
    assert bool(result.missing) == (steps == 3)


def test_sizes_of_unknown_legal_dimension_claim_no_theorem():
    lab = lab_of(states=2, letters=2, cells=7, traces=TraceSpec(count=150, length=10))
    found = experiment(lab)
    assert (found.turing.legal, found.turing.proved, found.family) == (None, False, None)
    assert found.missing == ()


def test_a_run_round_the_circle_is_told_and_a_looping_one_ends_at_the_limit():
    loop = turing_presets()["looping"]
    found = experiment(lab_of(loop.machine, word=tuple("1001"), run=30)).turing.learned
    assert (found.halted, found.expected.halted, found.agrees) == (False, False, True)
    assert len(found.configurations) == 31
    right = TuringMachine("right", ("A",), ("0", "1"), (((0, 1, 1), None),))
    assert experiment(lab_of(right)).turing.learned.expected.wrapped


def test_curve_jumps_and_certifies_nothing_wrong():
    points = turing_curve(UniversalTuringMachine(), [20, 60, 100])
    shares = [point.fresh.exact for point in points]
    assert shares == sorted(shares)
    assert shares[-1] == points[-1].fresh.runs
    assert [point.fresh.certified_wrong for point in points] == [0, 0, 0]
    assert points[-1].rank == 856
    assert {trace.name for trace in jump(points, 856, LIGHT).data} >= {"fresh machines run exactly"}
    with pytest.raises(ShapeError):
        turing_curve(UniversalTuringMachine(), [])
    with pytest.raises(ShapeError):
        jump([], 856, LIGHT)


# ---- the story that the player shows


@pytest.mark.parametrize("design", ["slim", "wide", "duo"])
def test_sums_over_the_tokens_are_the_tape_at_every_step(design):
    preset = turing_presets()["parity"]
    task = UniversalTuringMachine(2, 2, 4, design)
    run = task.run(task.truth, preset.machine, preset.machine.encode("11"), 30)
    story = turing_story(run, task.truth, preset.machine)
    start = {name: first for name, first, _ in story.attributes}
    sizes = {name: len(names) for name, _, names in story.attributes}
    vectors = [dict(vector) for vector in story.vectors]
    for step, wanted in enumerate(run.configurations):
        end = min(story.prompt + step * len(story.stages), len(story.token))
        for cell in range(story.cells):
            total = np.zeros(sizes["A"])
            for index in story.token[:end]:
                key = vectors[index].get(start["P"] + cell, 0)
                total += [key * vectors[index].get(start["A"] + a, 0) for a in range(sizes["A"])]
            assert int(np.argmax(total)) == wanted.tape[cell]
    assert all(story.right)
    assert story.says[-1]
    assert story.ending == "Halted after 3 steps."


def test_a_wrong_run_is_not_dressed_up():
    lab = Lab.default_turing()
    result = experiment(lab.replace(traces=lab.traces.replace(count=10)))
    assert not result.turing.learned.agrees
    story = turing_story(result.turing.learned, result.run.predictor, lab.turing.machine)
    assert not all(story.right)
    wrong = [place for place, words in enumerate(story.says) if words.startswith("Here it goes wrong")]
    assert len(wrong) == 1
    assert all("No longer a run" in words or words == story.ending for words in story.says[wrong[0] + 1 :])
    assert not any("wrong" in words for words in story.says[: wrong[0]])


def test_pulls_of_compiled_heads_touch_only_what_they_read():
    task = UniversalTuringMachine()
    run = task.run(task.truth, BEAVER, (), 10)
    story = turing_story(run, task.truth, BEAVER)
    first = story.token[story.prompt - 1]  # "read": the cell under the head, and nothing that carries no letter
    assert sum(value > 0 for value in story.pull[first]) <= 3


def test_drawn_attributes_are_escaped_and_as_many_as_coordinates():
    task = UniversalTuringMachine()
    drawn = attribute_boxes(task.layout, LIGHT)
    assert drawn.count("<i ") == task.dim
    assert "<script" not in drawn


# ---- every automaton


def test_a_word_runs_in_a_larger_universal_automaton_with_and_without_history():
    machine = presets()["contains aba"]
    build = AutomatonBuild(machine=machine, encoding="universal", states=5, letters=3)
    result = experiment(Lab(build=build, traces=TraceSpec(count=1500)))
    assert isinstance(result.task, UniversalAutomaton)
    assert (result.family.holds, result.family.dimension) == (True, 15 * (1 + 15 * 4))
    assert result.recovery.equivalent
    word = tuple("abbaba")
    plain = run_word(result.run.predictor, result.task, machine, word)
    loud = run_word(result.run.predictor, result.task, machine, word, history=True)
    for steps in (plain, loud):
        assert [step.learned for step in steps] == list(machine.path(word))[1:]
    assert max(step.multiplicity for step in loud) == 2
    assert all(abs(step.answer.max() - 1) < 1e-9 for step in plain)
    exact = run_word(result.task.truth, result.task, machine, word, history=True)
    assert [step.answer.max() for step in exact] == [step.multiplicity for step in exact]
    assert result.run.certificate.ambiguity(plain[-1].context) < 1e-12
    assert result.run.certificate.ambiguity(loud[-1].context) > 1e-3


def test_too_small_sizes_are_refused():
    build = AutomatonBuild(machine=presets()["contains aba"], encoding="universal", states=2)
    with pytest.raises(TooLargeError, match="does not fit among those with 2 states"):
        Lab(build=build)
