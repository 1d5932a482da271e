import itertools
import re

import pytest
from automata.fa.dfa import DFA
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.errors import MachineError, TooLargeError
from linattn_core.machines import (
    MAX_LETTERS,
    MAX_STATES,
    Machine,
    counterexample,
    equivalent,
    from_data,
    from_regex,
    from_table,
    presets,
    random_machine,
    to_data,
)
from tests.cases import CASES, HOSTILE_LABELS, Case, case_id

machines = st.builds(
    random_machine,
    st.integers(1, 7),
    st.integers(1, 3),
    st.integers(0, 10_000),
    reachable=st.booleans(),
)


def two_states(**changes: object) -> dict[str, object]:
    """Valid fields of a small machine, with the changes under test."""
    return {"states": ("p", "q"), "alphabet": ("a",), "transitions": ((1,), (0,))} | changes


# ---- facts of the named cases


def test_at_least_twelve_presets_named_by_themselves():
    assert len(presets()) >= 12
    assert all(name == machine.name for name, machine in presets().items())
    assert presets()["turnstile"] is presets()["turnstile"]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_case_accepts_and_rejects(case: Case):
    assert [word for word in case.accepted if not case.machine.accepts(word)] == []
    assert [word for word in case.rejected if case.machine.accepts(word)] == []
    assert set(case.machine.reachable()) == set(case.machine.states)


@pytest.mark.parametrize("case", [case for case in CASES if case.minimal], ids=case_id)
def test_case_has_its_minimal_size(case: Case):
    dfa = case.machine.to_dfa()
    assert len(dfa.minify().states) == case.minimal
    if case.regex:
        assert len(case.machine.states) == case.minimal


def test_divisibility_against_arithmetic():
    for divisor in (3, 5):
        machine = presets()[f"divisible by {divisor} in binary"]
        assert all(machine.accepts(f"{n:b}") == (n % divisor == 0) for n in range(300))


def test_addition_against_arithmetic():
    machine = presets()["binary addition, column by column"]
    for x, y, z in itertools.product(range(8), range(8), range(16)):
        word = [f"{x >> k & 1}+{y >> k & 1}={z >> k & 1}" for k in range(4)]
        assert machine.accepts(word) == (x + y == z)


# ---- Machine


def test_machine_is_hashable_frozen_and_normalised():
    lists = Machine(
        **two_states(states=["p", "q"], transitions=[[1], [0]], accepting=[1, 0, 1], positions=[[1.004, -0.0], [2, 3]])
    )
    tuples = Machine(**two_states(accepting=(0, 1), positions=((1.0, 0.0), (2.0, 3.0))))
    assert lists == tuples
    assert hash(lists) == hash(tuples)
    with pytest.raises(AttributeError):
        lists.start = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"alphabet": (), "transitions": ((), ())}, "alphabet is empty"),
        ({"states": (), "transitions": ()}, "set of states is empty"),
        ({"states": ("p", "p")}, "'p' is used twice"),
        ({"alphabet": ("a", "a"), "transitions": ((0, 0), (0, 0))}, "'a' is used twice"),
        ({"states": ("p", " ")}, "name of state 2 is empty"),
        ({"alphabet": ("",)}, "name of letter 1 is empty"),
        ({"states": ("p", 7)}, "name of state 2 is 7"),
        ({"states": "pq"}, "must be a list"),
        ({"states": ("p", "x" * 41)}, "41 characters"),
        ({"states": ("p", "a\nb")}, "control character"),
        ({"states": ("p", "\ud800")}, "control character"),
        ({"start": None}, "start state is missing"),
        ({"start": 2}, "start state is the unknown state number 2"),
        ({"start": True}, "start state is True"),
        ({"accepting": (0, -1)}, "accepting state is the unknown state number -1"),
        ({"accepting": 1}, "accepting are 1"),
        ({"transitions": ((1,), (2,))}, "on letter 'a' is the unknown state number 2"),
        ({"transitions": ((1,), (None,))}, "State 'q' has no transition on letter 'a'"),
        ({"transitions": ((1,), (0.5,))}, "is 0.5"),
        ({"transitions": ((1,),)}, "1 rows for 2 states"),
        ({"transitions": ((1,), (0, 1))}, "2 entries for 1 letters"),
        ({"transitions": None}, "must be a list"),
        ({"positions": ((0, 0),)}, "1 positions for 2 states"),
        ({"positions": ((0, 0), (float("nan"), 0))}, "position of state 'q'"),
        ({"positions": ((0, 0), (1e9, 0))}, "position of state 'q'"),
        ({"positions": ((0, 0), "ab")}, "must be a list"),
        ({"name": ""}, "has no name"),
        ({"name": "x" * 121}, "121 characters"),
        ({"name": "a\x00b"}, "control character"),
    ],
)
def test_machine_refuses_with_its_own_sentence(changes, sentence):
    with pytest.raises(MachineError) as caught:
        Machine(**two_states(**changes))
    message = str(caught.value)
    assert sentence in message
    assert message.endswith(".")
    assert "\n" not in message


def test_too_many_states_or_letters_are_too_large():
    for states, letters in ((MAX_STATES + 1, 1), (1, MAX_LETTERS + 1)):
        with pytest.raises(TooLargeError, match="at most"):
            Machine(
                states=tuple(f"q{k}" for k in range(states)),
                alphabet=tuple(f"x{k}" for k in range(letters)),
                transitions=((0,) * letters,) * states,
            )
    random_machine(MAX_STATES, MAX_LETTERS, seed=0)


def test_words_and_unknown_letters():
    turnstile = presets()["turnstile"]
    assert turnstile.word("coin  push") == ("coin", "push")
    assert turnstile.path("coin push coin") == ("locked", "unlocked", "locked", "unlocked")
    assert presets()["contains aba"].word("aba") == ("a", "b", "a")
    with pytest.raises(MachineError, match=r"letter 'kick' is unknown.*'coin', 'push'"):
        turnstile.accepts("coin kick")
    with pytest.raises(MachineError, match="letter 'x' is unknown"):
        presets()["contains aba"].accepts("abx")
    with pytest.raises(MachineError, match="state 'zz' is unknown"):
        turnstile.step("zz", "coin")
    assert turnstile.step("locked", "coin") == "unlocked"


def test_hostile_labels_are_only_data():
    machine = Machine(
        name="<b>&\"'",
        states=HOSTILE_LABELS,
        alphabet=HOSTILE_LABELS[:3],
        transitions=tuple((k, 0, (k + 1) % len(HOSTILE_LABELS)) for k in range(len(HOSTILE_LABELS))),
    )
    assert from_data(to_data(machine)) == machine
    assert machine.step("🚦", "\\") == "a\u0301"
    assert equivalent(machine, machine)


# ---- tables


def test_table_round_trip_and_trap():
    partial = {"p": {"a": "q"}, "q": {"b": "p"}}
    with pytest.raises(MachineError, match=r"State 'p' has no transition on letter 'b'.*trap"):
        from_table(partial, start="p")
    complete = from_table(partial, start="p", accepting=["p"], complete=True)
    assert complete.states == ("p", "q", "trap")
    assert complete.accepts("abab")
    assert not complete.accepts("abb")
    clash = from_table({"trap": {"a": None}}, start="trap", complete=True)
    assert clash.states == ("trap", "trap'")
    assert from_table({"p": {"a": "p"}}, start="p", complete=True).states == ("p",)


@pytest.mark.parametrize(
    ("table", "options", "sentence"),
    [
        ({}, {}, "set of states is empty"),
        ({"p": {}}, {}, "alphabet is empty"),
        ([("p", {"a": "p"}), ("p", {"a": "p"})], {}, "'p' is used twice"),
        ({"p": {"a": "zz"}}, {}, "leads to the unknown state 'zz'"),
        ({"p": {"a": "p"}}, {"start": None}, "has no start state"),
        ({"p": {"a": "p"}}, {"start": "zz"}, "start state 'zz' is not one of the states"),
        ({"p": {"a": "p"}}, {"accepting": "zz"}, "accepting state 'zz' is not one of the states"),
        ({"p": {"a": "p", "b": "p"}}, {"alphabet": ["a"]}, "letter 'b', which is not in the alphabet"),
    ],
)
def test_table_refuses_with_its_own_sentence(table, options, sentence):
    with pytest.raises(MachineError, match=re.escape(sentence)):
        from_table(table, **({"start": "p"} | options))


@given(machines)
@settings(max_examples=30, deadline=None)
def test_data_round_trip(machine: Machine):
    assert from_data(to_data(machine)) == machine


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda d: d.pop("start"), "no start state"),
        (lambda d: d.pop("states"), "has no states"),
        (lambda d: d.update(colour="red"), "unknown entry 'colour'"),
        (lambda d: d["transitions"].pop("q"), "State 'q' has no transition on letter 'a'"),
        (lambda d: d["transitions"].update(zz={}), "transitions name the unknown state 'zz'"),
        (lambda d: d["transitions"]["p"].update(zz="p"), "letter 'zz', which is not in the alphabet"),
        (lambda d: d["transitions"]["p"].update(a=0), "unknown state 0"),
        (lambda d: d.update(transitions=[["q"], ["p"]]), "must be a table"),
        (lambda d: d.update(transitions={"p": 3}), "must be a table"),
        (lambda d: d.update(states="pq"), "must be a list"),
        (lambda d: d.update(start=["p"]), "start state ['p'] is not one"),
        (lambda d: d.update(name=7), "no name"),
        (lambda d: d.update(positions="zz"), "must be a list"),
        (lambda d: d.update(accepting="p"), "must be a list"),
    ],
)
def test_data_refuses_with_its_own_sentence(damage, sentence):
    data = to_data(Machine(**two_states()))
    damage(data)
    with pytest.raises(MachineError, match=re.escape(sentence)):
        from_data(data)
    with pytest.raises(MachineError, match="must be a table"):
        from_data([1, 2])


# ---- random machines


@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_random_machine_is_a_function_of_its_seed_and_reachable(states, letters, seed):
    machine = random_machine(states, letters, seed)
    assert machine == random_machine(states, letters, seed)
    assert len(machine.reachable()) == states


def test_random_machine_bounds():
    with pytest.raises(MachineError, match="0 states"):
        random_machine(0, 2, seed=0)
    with pytest.raises(MachineError, match="99 letters"):
        random_machine(2, 99, seed=0)


# ---- equality of languages, against automata-lib


@given(machines, machines)
@settings(max_examples=80, deadline=None)
def test_equivalence_and_shortest_counterexample(m1: Machine, m2: Machine):
    word = counterexample(m1, m2)
    assert equivalent(m1, m2) == (word is None)
    if m1.alphabet == m2.alphabet:
        assert equivalent(m1, m2) == (m1.to_dfa() == m2.to_dfa())
        difference = m1.to_dfa().symmetric_difference(m2.to_dfa())  # bound to a name: its cache is weak
        assert (None if word is None else len(word)) == (
            None if difference.isempty() else difference.minimum_word_length()
        )
        if word is not None:
            assert m1.accepts(word) != m2.accepts(word)


@given(machines)
@settings(max_examples=30, deadline=None)
def test_minimal_machine_is_equivalent(machine: Machine):
    dfa: DFA = machine.to_dfa().minify()
    names = {state: f"s{k}" for k, state in enumerate(sorted(dfa.states))}
    smaller = from_table(
        {names[s]: {a: names[t] for a, t in row.items()} for s, row in dfa.transitions.items()},
        start=names[dfa.initial_state],
        accepting=[names[s] for s in dfa.final_states],
    )
    assert equivalent(machine, smaller)


def test_different_alphabets():
    only_a = from_regex("a*")
    assert equivalent(only_a, from_regex("a*", alphabet="ab"))
    assert counterexample(only_a, from_regex("(a|b)*")) == ("b",)
    assert counterexample(only_a, from_regex("a*|aab")) == ("a", "a", "b")
