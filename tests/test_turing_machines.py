"""Turing machines as data: validation, the simulator against automata-lib's machine, the presets' golden numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.errors import MachineError
from linattn_core.machines.turing import (
    HALT,
    LEFT,
    ORACLE_HALT,
    RIGHT,
    TuringMachine,
    from_table,
    oracle_run,
    simulate,
)
from linattn_core.machines.turing_presets import turing_presets
from linattn_core.machines.turing_random import random_turing_machine

PRESETS = turing_presets()
STEPS_AND_MARKS = {
    "binary increment": (8, 4),
    "increment, lowest bit first": (3, 1),
    "parity": (3, 2),
    "busy beaver 2": (6, 4),
    "busy beaver 3, most ones": (14, 6),
    "busy beaver 3, most steps": (21, 5),
    "busy beaver 4": (107, 13),
}


def run_preset(name, word=None):
    preset = PRESETS[name]
    return simulate(preset.machine, preset.machine.encode(preset.word if word is None else word), preset.cells, 2000)


def written(machine, configuration):
    return "".join(machine.symbols[a] for a in configuration.tape)


@pytest.mark.parametrize("name", STEPS_AND_MARKS)
def test_golden_steps_and_marks(name):
    steps, marks = STEPS_AND_MARKS[name]
    found = run_preset(name)
    assert (found.steps, found.halted, found.wrapped) == (steps, True, False)
    assert sum(a != 0 for a in found.configurations[-1].tape) == marks


@pytest.mark.parametrize("number", range(16))
def test_increment_adds_one(number):
    found = run_preset("binary increment", f"{number:b}")
    circle = written(PRESETS["binary increment"].machine, found.configurations[-1])
    # A carry out of the left end stands in the last cell of the circle.
    assert int((circle[-1] + circle[:-1]).strip("_"), 2) == number + 1


@pytest.mark.parametrize("word", ["", "a", "b", "aa", "ab", "aba", "abb", "abba", "abab", "babab", "baaba"])
def test_palindromes_halt_on_a_blank_tape_exactly_for_palindromes(word):
    found = run_preset("palindromes", word)
    assert found.halted
    assert len(PRESETS["palindromes"].machine.states) == 6
    assert (not any(found.configurations[-1].tape)) == (word == word[::-1])


@pytest.mark.parametrize(("name", "word", "after"), [("copy", "11", "11011"), ("unary addition", "1101", "111")])
def test_copy_and_addition(name, word, after):
    found = run_preset(name, word)
    assert written(PRESETS[name].machine, found.configurations[-1]).strip("0") == after.strip("0")


@pytest.mark.parametrize("ones", [0, 1, 2, 3])
def test_parity_makes_the_number_of_ones_even(ones):
    assert sum(run_preset("parity", "1" * ones).configurations[-1].tape) == ones + ones % 2


def test_looping_is_ended_by_the_step_limit_alone():
    found = run_preset("looping")
    assert (found.steps, found.halted, found.wrapped) == (2000, False, False)


def compare_with_oracle(machine, tape, cells, steps):
    """Configurations equal automata-lib's as long as the circle is not used up."""
    mine = simulate(machine, tape, cells, steps)
    theirs = oracle_run(machine, tape, steps)
    assert not mine.wrapped
    assert len(theirs) == len(mine.configurations)
    for ours, (state, head, cell) in zip(mine.configurations, theirs, strict=True):
        assert head % cells == ours.head
        assert {i % cells: a for i, a in cell.items()} == {i: a for i, a in enumerate(ours.tape) if a}
        if not ours.halted:
            assert state == f"q{ours.state}"
    assert (theirs[-1][0] == ORACLE_HALT) <= mine.halted


@pytest.mark.parametrize("name", PRESETS)
def test_presets_run_as_in_automata_lib(name):
    preset = PRESETS[name]
    compare_with_oracle(preset.machine, preset.machine.encode(preset.word), 40, 120)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 10**6), st.lists(st.integers(0, 2), max_size=6))
def test_random_machines_run_as_in_automata_lib(states, symbols, seed, tape):
    machine = random_turing_machine(states, symbols, seed, halting=0.15)
    # 25 steps from cell 0 stay within 25 cells to either side of a tape of 6.
    compare_with_oracle(machine, tuple(a % symbols for a in tape), 64, 25)


def test_the_oracle_rebases_and_rejections_are_undone():
    machine = from_table({"q": {"_": ("q", "1", "L")}}, symbols="_1", missing_halts=True)
    assert [head for _, head, _ in oracle_run(machine, (), 4)] == [0, -1, -2, -3, -4]
    stops = from_table({"q": {"_": ("q", "1", "R")}}, symbols="_1", missing_halts=True)
    assert len(oracle_run(stops, (0, 1), 10)) == 2


def test_a_missing_rule_stops_without_a_step_and_a_halting_rule_is_one():
    missing = TuringMachine("m", ("q",), ("_",), ((None,),))
    assert simulate(missing, (), 3).steps == 0
    assert simulate(missing, (), 3).halted
    assert simulate(missing.explicit(), (), 3).steps == 1
    writes = TuringMachine("m", ("q", "r"), ("_", "1"), (((1, 1, HALT), None), (None, None)))
    last = simulate(writes, (), 3, head=2).configurations[-1]
    assert (last.state, last.head, last.tape, last.halted) == (1, 2, (0, 0, 1), True)


@pytest.mark.parametrize(("steps", "wrapped"), [(3, False), (4, True)])
def test_using_more_cells_than_there_are_is_said(steps, wrapped):
    runner = TuringMachine("runner", ("q",), ("_", "1"), (((0, 1, RIGHT), (0, 1, RIGHT)),))
    assert simulate(runner, (), 4, steps).wrapped is wrapped
    left = TuringMachine("left", ("q",), ("_", "1"), (((0, 1, LEFT), (0, 1, LEFT)),))
    assert simulate(left, (1, 1), 4, 2).wrapped is False
    assert simulate(left, (1, 1), 4, 3).wrapped is True


def test_machines_are_hashable_values():
    a, b = (random_turing_machine(3, 2, 5) for _ in range(2))
    assert a == b
    assert hash(a) == hash(b)
    assert a != random_turing_machine(3, 2, 6)
    assert a.padded(4, 3).table().shape == (4, 3, 3)
    assert np.array_equal(a.padded(4, 3).table()[:3, :2], a.table())
    assert (a.padded(4, 3).table()[3, :, 2] == HALT).all()


BAD = {
    "unknown next state": lambda: TuringMachine("m", ("q",), ("_",), (((1, 0, LEFT),),)),
    "unknown written symbol": lambda: TuringMachine("m", ("q",), ("_",), (((0, 1, LEFT),),)),
    "move": lambda: TuringMachine("m", ("q",), ("_",), (((0, 0, 2),),)),
    "too few rules": lambda: TuringMachine("m", ("q",), ("_", "1"), (((0, 0, 1),),)),
    "a rule of two parts": lambda: TuringMachine("m", ("q",), ("_",), (((0, 0),),)),
    "start": lambda: TuringMachine("m", ("q",), ("_",), ((None,),), 1),
    "names twice": lambda: TuringMachine("m", ("q", "q"), ("_",), ((None,), (None,))),
    "no states": lambda: TuringMachine("m", (), ("_",), ()),
    "too many symbols": lambda: TuringMachine("m", ("q",), tuple("abcdefghijklmnopq"), ((None,) * 17,)),
    "empty name": lambda: TuringMachine("m", ("",), ("_",), ((None,),)),
    "table: missing rule": lambda: from_table({"q": {}}, symbols="_"),
    "table: unknown move": lambda: from_table({"q": {"_": ("q", "_", "S")}}, symbols="_"),
    "table: unknown state": lambda: from_table({"q": {"_": ("r", "_", "L")}}, symbols="_"),
    "table: unknown symbol": lambda: from_table({"q": {"x": ("q", "_", "L")}}, symbols="_", missing_halts=True),
    "table: unknown written": lambda: from_table({"q": {"_": ("q", "x", "L")}}, symbols="_"),
    "table: unknown start": lambda: from_table({"q": {"_": ("q", "_", "L")}}, symbols="_", start="r"),
    "tape too long": lambda: simulate(PRESETS["parity"].machine, (1,) * 5, 4),
    "tape symbol": lambda: simulate(PRESETS["parity"].machine, (2,), 4),
    "one cell": lambda: simulate(PRESETS["parity"].machine, (), 1),
    "head": lambda: simulate(PRESETS["parity"].machine, (), 4, head=4),
    "steps": lambda: simulate(PRESETS["parity"].machine, (), 4, -1),
    "word": lambda: PRESETS["parity"].machine.encode("1x"),
    "padding down": lambda: PRESETS["palindromes"].machine.padded(2, 2),
    "halting": lambda: random_turing_machine(2, 2, 0, halting=1.5),
    "random size": lambda: random_turing_machine(0, 2),
}


@pytest.mark.parametrize("fault", BAD)
def test_every_fault_is_one_sentence(fault):
    with pytest.raises(MachineError) as caught:
        BAD[fault]()
    assert "got" in str(caught.value)
    assert "wanted" in str(caught.value)
