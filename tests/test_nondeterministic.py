import pytest
from automata.fa.dfa import DFA
from automata.fa.nfa import NFA
from hypothesis import given, settings

from linattn_core.errors import LinattnError, MachineError, TooLargeError
from linattn_core.machines import MAX_STATES, equivalent, presets
from linattn_core.machines.nondeterministic import determinise
from linattn_core.machines.sketch import EPSILON, Edge, Sketch, sketch_from_data, sketch_to_data
from tests.fixtures.strategies import machines, sketches

ENDS_IN_AB = Sketch(
    states=("q0", "q1", "q2"),
    edges=((0, 0, ("a", "b")), (0, 1, ("a",)), (1, 2, ("b",))),
    start=0,
    accepting=(2,),
    positions=((0, 0), (100, 0), (200, 0)),
)


def oracle(sketch: Sketch) -> NFA:
    """The same automaton as automata-lib's NFA; its letters are numbers, since it takes "" for epsilon."""
    transitions: dict[int, dict[str, set[int]]] = {p: {} for p in range(len(sketch.states))}
    for (p, letter), targets in sketch.moves.items():
        key = "" if letter == EPSILON else str(sketch.alphabet.index(letter))
        transitions[p].setdefault(key, set()).update(targets)
    return NFA(
        states=set(transitions),
        input_symbols={str(k) for k in range(len(sketch.alphabet))},
        transitions=transitions,
        initial_state=sketch.start,
        final_states=set(sketch.accepting),
    )


def as_oracle(machine, alphabet) -> DFA:
    letters = {str(k): machine.letter_index(letter) for k, letter in enumerate(alphabet)}
    return DFA(
        states=set(range(len(machine.states))),
        input_symbols=set(letters),
        transitions={p: {k: row[a] for k, a in letters.items()} for p, row in enumerate(machine.transitions)},
        initial_state=machine.start,
        final_states=set(machine.accepting),
    )


# ---- the value


@given(machines())
@settings(max_examples=60, deadline=None)
def test_a_machine_is_a_complete_drawing_and_comes_back_exactly(machine):
    sketch = Sketch.of(machine)
    assert sketch.kind == "complete"
    assert sketch.faults() == ()
    assert sketch.machine() == sketch.completed() == machine


@given(sketches())
@settings(max_examples=80, deadline=None)
def test_a_drawing_comes_back_from_its_data_and_is_in_normal_form(sketch):
    assert sketch_from_data(sketch_to_data(sketch)) == sketch
    pairs = [(edge.source, edge.target) for edge in sketch.edges]
    assert pairs == sorted(set(pairs))
    assert {a for edge in sketch.edges for a in edge.letters} - {EPSILON} == set(sketch.alphabet)


@given(sketches())
@settings(max_examples=60, deadline=None)
def test_the_order_in_which_edges_are_drawn_does_not_matter(sketch):
    loose = [Edge(e.source, e.target, (a,)) for e in sketch.edges[::-1] for a in e.letters[::-1]]
    same = Sketch(
        name=sketch.name,
        states=sketch.states,
        edges=tuple(loose),
        start=sketch.start,
        accepting=sketch.accepting,
        positions=sketch.positions,
        alphabet=sketch.alphabet,
    )
    assert same.edges == tuple(edge for edge in sketch.edges if edge.letters)
    assert same.kind == sketch.kind


@given(sketches())
@settings(max_examples=80, deadline=None)
def test_kind_faults_and_machine_agree(sketch):
    assert (sketch.kind == "complete") == (sketch.faults() == ())
    if sketch.kind == "complete":
        assert Sketch.of(sketch.machine()) == sketch
    else:
        with pytest.raises(MachineError):
            sketch.machine()


def test_faults_name_state_and_letter():
    assert Sketch().faults() == ("The drawing has no state; add one.",)
    assert "no letter" in Sketch(states=("p",), start=0).faults()[0]
    assert Sketch(states=("p",), edges=((0, 0, ("a",)),)).kind == "startless"
    assert ENDS_IN_AB.faults() == ("State 'q0' has 2 transitions on 'a'.",)
    partial = Sketch(states=("p", "q"), edges=((0, 1, ("a", "b")), (1, 1, ("a",))), start=0)
    assert partial.faults() == ("State 'q' has no transition on 'b'.",)
    many = Sketch(states=tuple(f"q{i}" for i in range(20)), edges=((0, 0, ("a",)),), start=0)
    assert many.faults()[-1] == "13 more of this kind."


def test_completion_keeps_every_state_in_its_place_and_adds_a_trap():
    partial = Sketch(
        states=("trap", "q"), edges=((0, 1, ("a",)),), start=0, accepting=(1,), positions=((0, 0), (90.5, 10))
    )
    machine = partial.completed()
    assert machine.states == ("trap", "q", "trap 2")
    assert machine.positions[:2] == partial.positions
    assert machine.accepts("a")
    assert not machine.accepts("aa")
    with pytest.raises(MachineError, match="2 transitions"):
        ENDS_IN_AB.completed()
    full = Sketch(states=tuple(f"q{i}" for i in range(MAX_STATES)), edges=((0, 1, ("a",)),), start=0)
    with pytest.raises(TooLargeError):
        full.completed()


# ---- determinise


@given(sketches())
@settings(max_examples=120, deadline=None)
def test_determinised_and_minimal_accept_what_the_drawing_accepts(sketch):
    if sketch.start is None or not sketch.alphabet:
        with pytest.raises(MachineError):
            determinise(sketch)
        return
    made = determinise(sketch)
    nfa = oracle(sketch)
    assert nfa == NFA.from_dfa(as_oracle(made.subset, sketch.alphabet))
    assert nfa == NFA.from_dfa(as_oracle(made.minimal, sketch.alphabet))
    assert len(made.minimal.states) == len(DFA.from_nfa(nfa, retain_names=True).minify().to_complete().states)
    assert equivalent(made.subset, made.minimal)
    assert set(made.minimal.reachable()) == set(made.minimal.states)
    assert len(made.subsets) == len(made.subset.states)
    assert sorted(i for block in made.merged for i in block) == list(range(len(made.subsets)))


def test_the_textbook_example():
    made = determinise(ENDS_IN_AB)
    assert made.subset.states == ("q0", "{q0,q1}", "{q0,q2}")
    assert made.subsets == (("q0",), ("q0", "q1"), ("q0", "q2"))
    assert made.subset is made.minimal
    assert [made.minimal.accepts(word) for word in ("ab", "aab", "ba", "")] == [True, True, False, False]


def test_merged_states_are_named_after_what_they_merge():
    twice = Sketch(
        states=("p", "q", "r"), edges=((0, 1, ("a",)), (0, 2, ("b",)), (1, 1, ("a", "b")), (2, 2, ("a", "b"))), start=0
    )
    made = determinise(twice)
    assert made.minimal.states == ("p=q=r",)
    assert made.merged == ((0, 1, 2),)


def test_a_cycle_of_epsilon_moves_ends():
    cycle = Sketch(states=("p", "q"), edges=((0, 1, ("",)), (1, 0, ("", "a"))), start=0, accepting=(0,))
    assert determinise(cycle).minimal.accepts("aaa")
    only = Sketch(states=("p", "q"), edges=((0, 1, ("",)), (1, 0, ("",))), start=0, accepting=(1,))
    with pytest.raises(MachineError, match="no letter"):
        determinise(only)


def test_places_are_kept_where_every_set_is_one_state():
    machine = determinise(Sketch.of(presets()["turnstile"])).minimal
    assert machine == presets()["turnstile"]
    partial = Sketch(states=("p", "q"), edges=((0, 1, ("a",)),), start=0, positions=((0, 0), (50, 5)))
    assert determinise(partial).subset.positions[:2] == partial.positions
    assert determinise(ENDS_IN_AB).subset.positions is None


def exploding(bits: int) -> Sketch:
    """The n-th letter from the end is an a: n + 1 states, 2^n sets."""
    steps = tuple((i, i + 1, ("a", "b")) for i in range(1, bits))
    return Sketch(
        states=tuple(f"q{i}" for i in range(bits + 1)),
        edges=((0, 0, ("a", "b")), (0, 1, ("a",)), *steps),
        start=0,
        accepting=(bits,),
    )


def test_the_subset_construction_gives_up_in_time():
    assert len(determinise(exploding(5)).minimal.states) == 32
    with pytest.raises(TooLargeError, match="128 states"):
        determinise(exploding(7))
    with pytest.raises(TooLargeError, match="more than 4,000 sets"):
        determinise(exploding(20))


def test_many_sets_that_become_few_states_are_welcome():
    sketch = exploding(8)
    everything = Sketch(**{name: getattr(sketch, name) for name in ("states", "edges", "start")}, accepting=range(9))
    made = determinise(everything)
    assert made.subset is None
    assert len(made.subsets) == 256
    assert len(made.minimal.states) == 1


# ---- hostile data


@pytest.mark.parametrize(
    "change",
    [
        {"states": "q0"},
        {"states": [["q0"]]},
        {"states": ["q0", "q0"]},
        {"states": ["q" * 41]},
        {"states": ["\x07"]},
        {"states": [f"q{i}" for i in range(65)]},
        {"states": None},
        {"edges": {"0": 1}},
        {"edges": [[0, 1]]},
        {"edges": [[0, 5, ["a"]]]},
        {"edges": [[0, -1, ["a"]]]},
        {"edges": [[True, 0, ["a"]]]},
        {"edges": [[0, 0, "a"]]},
        {"edges": [[0, 0, [1]]]},
        {"edges": [[0, 0, [" "]]]},
        {"edges": [[0, 0, [f"a{i}" for i in range(33)]]]},
        {"edges": [[0, 0, ["a"] * 1_000_000]]},
        {"edges": [[0, 0, ["a"]]] * 5_000},
        {"start": 2},
        {"start": "q0"},
        {"start": 0.5},
        {"accepting": [7]},
        {"accepting": "all"},
        {"positions": [[0, 0]]},
        {"positions": [[0, float("nan")], [0, 0]]},
        {"positions": [[0, float("inf")], [0, 0]]},
        {"positions": [[0, 1e9], [0, 0]]},
        {"positions": [["0", "0"], [0, 0]]},
        {"positions": {"q0": 1}},
        {"alphabet": [0]},
        {"alphabet": ["a"] * 5_000},
        {"name": ""},
        {"name": 5},
        {"name": "n" * 200},
        {"script": "<script>"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_hostile_drawings_are_refused_with_one_sentence(change):
    good = {"name": "x", "states": ["q0", "q1"], "edges": [[0, 1, ["a"]]], "start": 0, "accepting": [1]}
    assert sketch_from_data(good).kind == "partial"
    with pytest.raises(LinattnError) as refusal:
        sketch_from_data(good | change)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).rstrip().endswith(".")


@pytest.mark.parametrize("data", [None, [], "drawing", 7, {"states": ["q0"], "edges": 1}], ids=repr)
def test_what_is_no_drawing_is_refused(data):
    with pytest.raises(LinattnError):
        sketch_from_data(data)
