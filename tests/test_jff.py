import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.errors import LinattnError, MachineError, TooLargeError
from linattn_core.machines import Machine, from_data, presets, read_jff, to_data, write_jff
from linattn_core.machines.jff import open_jff
from linattn_core.machines.nondeterministic import determinise
from linattn_core.machines.sketch import Sketch, sketch_from_data, sketch_to_data
from linattn_core.machines.turing import TuringMachine, simulate
from linattn_core.machines.turing_presets import turing_presets
from linattn_core.machines.turing_random import random_turing_machine
from tests.fixtures.strategies import machines, sketches, turing_machines

FIXTURES = Path(__file__).parent / "fixtures" / "jff"


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.jff").read_bytes()


def as_jflap(data: bytes) -> bytes:
    """What JFLAP sees in a file of ours, and would save: everything but our own element."""
    stripped = re.sub(rb"<linattn[^>]*/>|<linattn.*?</linattn>", b"", data, count=1, flags=re.DOTALL)
    assert stripped != data
    return stripped


# ---- round trips


@given(machines())
@settings(max_examples=80, deadline=None)
def test_a_machine_comes_back_exactly_names_places_and_order_of_letters_included(machine):
    assert read_jff(write_jff(machine)) == machine


@given(sketches())
@settings(max_examples=80, deadline=None)
def test_any_drawing_comes_back_exactly(sketch):
    if sketch.states:
        opened = open_jff(write_jff(sketch))
        assert opened.value == sketch
        assert opened.remarks == ()


@given(turing_machines())
@settings(max_examples=80, deadline=None)
def test_a_turing_machine_comes_back_exactly(machine):
    assert read_jff(write_jff(machine)) == machine


@given(machines())
@settings(max_examples=40, deadline=None)
def test_drawing_table_file_and_data_agree(machine):
    drawn = sketch_from_data(sketch_to_data(Sketch.of(machine)))  # what the editor sends back
    tabled = from_data(to_data(drawn.machine()))
    assert read_jff(write_jff(tabled)) == machine


@pytest.mark.parametrize("machine", presets().values(), ids=lambda machine: machine.name)
def test_presets_come_back(machine: Machine):
    assert read_jff(write_jff(machine)) == machine


def test_the_file_is_jflaps_own_format_byte_by_byte():
    machine = Machine(
        name="p",
        states=("q0", "q1"),
        alphabet=("a",),
        transitions=((1,), (0,)),
        accepting=(1,),
        positions=((1, 2), (3, 4)),
    )
    assert as_jflap(write_jff(machine)).decode().replace("\t", "").replace("\n", "") == (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?><!--Created with linattn, for JFLAP 7.--><structure>'
        "<type>fa</type><automaton>"
        '<state id="0" name="q0"><x>1.0</x><y>2.0</y><initial /></state>'
        '<state id="1" name="q1"><x>3.0</x><y>4.0</y><final /></state>'
        "<transition><from>0</from><to>1</to><read>a</read></transition>"
        "<transition><from>1</from><to>0</to><read>a</read></transition>"
        "</automaton></structure>"
    )


def test_jflap_understands_ours_where_letters_are_single_characters():
    for machine in presets().values():
        jflap = as_jflap(write_jff(machine))
        if all(len(letter) == 1 for letter in machine.alphabet):
            again = read_jff(jflap, machine.name)
            assert again.transitions == machine.transitions
            assert (again.states, again.alphabet, again.accepting) == (
                machine.states,
                machine.alphabet,
                machine.accepting,
            )
            assert again.positions is not None  # JFLAP gets places even where the machine has none
        else:
            with pytest.raises(MachineError, match="at once"):
                read_jff(jflap)


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(2, 3))
@settings(max_examples=60, deadline=None)
def test_a_turing_machine_that_jflap_saved_computes_the_same_tapes(seed, states, symbols):
    machine = replace(random_turing_machine(states, symbols, seed), symbols=("_", "1", "2")[:symbols])
    opened = open_jff(as_jflap(write_jff(machine)))
    other = opened.value
    rng = np.random.default_rng(seed)
    tape = rng.integers(symbols, size=4).tolist()
    known = {machine.symbols.index(s): i for i, s in enumerate(other.symbols) if i and s in machine.symbols} | {0: 0}
    if not set(tape) <= set(known):
        return  # a symbol that no rule uses is not in JFLAP's file
    ours = simulate(machine, tape, 8, 60)
    theirs = simulate(other, [known[a] for a in tape], 8, 60)
    assert [tuple(known[a] for a in c.tape) for c in ours.configurations] == [c.tape for c in theirs.configurations]
    assert [c.head for c in ours.configurations] == [c.head for c in theirs.configurations]
    assert ours.halted == theirs.halted


@pytest.mark.parametrize("preset", turing_presets().values(), ids=lambda preset: preset.machine.name)
def test_turing_presets_come_back(preset):
    assert read_jff(write_jff(preset.machine)) == preset.machine


# ---- files as JFLAP 7 writes them


def test_an_automaton_of_jflap_with_a_note():
    opened = open_jff(fixture("dfa-with-note"), "even number of b")
    machine = opened.value.machine()
    assert machine == Machine(
        name="even number of b",
        states=("q0", "q1"),
        alphabet=("a", "b"),
        transitions=((0, 1), (1, 0)),
        accepting=(0,),
        positions=((84.0, 121.0), (233.5, 120.0)),
    )
    assert opened.remarks == ("1 note of the .jff file is left out.",)


def test_a_nondeterministic_one_with_lambda_moves():
    sketch = open_jff(fixture("nfa-with-lambda")).value
    assert sketch.kind == "nondeterministic"
    minimal = determinise(sketch).minimal
    assert [minimal.accepts(word) for word in ("ab", "abab", "abb", "ba")] == [True, True, False, False]
    with pytest.raises(MachineError, match=r"2 transitions on 'a'.*determinised"):
        read_jff(fixture("nfa-with-lambda"))


def test_a_partial_one_is_completed():
    sketch = open_jff(fixture("partial-dfa")).value
    assert (sketch.states, sketch.kind) == (("start", "end"), "partial")
    assert sketch.completed().accepts("abbb")


def test_a_file_of_jflap_4_and_a_second_label():
    assert open_jff(fixture("jflap-4-without-automaton")).value.positions == ((65.0, 70.0), (200.0, 70.0))
    assert open_jff(fixture("state-label")).remarks == ("1 state label of the .jff file is left out.",)


@pytest.mark.parametrize("name", ["turing-flip", "turing-flip-as-blocks-6.4", "turing-flip-as-empty-blocks-7.1"])
def test_a_turing_machine_saved_as_states_or_as_empty_blocks(name):
    machine = read_jff(fixture(name), "flip")
    assert isinstance(machine, TuringMachine)
    assert (machine.symbols, machine.states) == (("_", "a", "b"), ("q0", "q1", "q2"))
    run = simulate(machine, machine.encode("abba"), 8)
    assert run.halted
    assert run.configurations[-1].tape[:4] == machine.encode("baab")
    assert run.configurations[-1].head == 0


def test_a_numbered_single_tape_is_one_tape():
    machine = read_jff(fixture("turing-one-tape-numbered"))
    assert simulate(machine, machine.encode("a"), 4).configurations[-1].tape == machine.encode("b___")


def test_rules_that_stay_are_joined_and_final_states_halt():
    opened = open_jff(fixture("turing-stays"))
    machine = opened.value
    run = simulate(machine, machine.encode("aa"), 6)
    assert "".join(machine.symbols[a] for a in run.configurations[-1].tape) == "ccd___"
    assert run.halted
    assert len(opened.remarks) == 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("multi-letter-read", "reads 'abb' at once"),
        ("turing-building-block", "'seek' of the .jff file is a building block"),
        ("turing-two-tapes", "several tapes"),
        ("turing-wildcard", "shorthand '~'"),
        ("turing-all-but", "shorthand '!a'"),
        ("turing-variable", "shorthand 'a,b}w'"),
        ("turing-nondeterministic", "two transitions on 'a'"),
        ("turing-stays-for-ever", "stays at one cell for ever"),
        ("pushdown", "a pushdown automaton"),
        ("mealy", "a Mealy machine"),
        ("moore", "a Moore machine"),
        ("grammar", "a grammar"),
        ("regular-expression", "a regular expression"),
    ],
)
def test_what_we_do_not_have_is_refused_with_a_reason(name, reason):
    with pytest.raises(MachineError) as refusal:
        open_jff(fixture(name))
    assert reason in str(refusal.value)


def test_every_fixture_has_a_test():
    tested = set(re.findall(r'"([\w.-]+)"', Path(__file__).read_text(encoding="utf-8")))
    assert {path.stem for path in FIXTURES.glob("*.jff")} <= tested


# ---- limits


def test_names_that_xml_cannot_hold_are_refused_on_the_way_out():
    with pytest.raises(MachineError, match="cannot hold"):
        write_jff(Machine(states=("\uffff",), alphabet=("a",), transitions=((0,),)))
    with pytest.raises(MachineError, match="cannot hold"):
        write_jff(TuringMachine("x", ("a\nb",), ("0", "1"), ((None, None),)))


def test_sizes_are_capped():
    with pytest.raises(TooLargeError, match="262,144"):
        open_jff(b" " * 300_000)
    states = "".join(f'<state id="{i}" name="q{i}"/>' for i in range(65))
    with pytest.raises(TooLargeError, match="more than 64 states"):
        open_jff(f"<structure><type>fa</type><automaton>{states}</automaton></structure>".encode())
    with pytest.raises(LinattnError):
        open_jff("not bytes")  # type: ignore[arg-type]
    full = TuringMachine("x", tuple(f"q{i}" for i in range(64)), ("0",), tuple(((i, 0, 0),) for i in range(64)))
    assert read_jff(write_jff(full)) == full  # 64 states and 64 halting twins
