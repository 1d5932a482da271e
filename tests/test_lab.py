import base64
import string
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core import link
from linattn_core.errors import LinattnError, MachineError, ShapeError, SpecError, TooLargeError
from linattn_core.lab import AutomatonBuild, Lab, LearnerSpec, MemoryBuild, TeacherBuild, TraceSpec
from linattn_core.machines import Machine, presets, random_machine
from linattn_core.spec_text import MAX_FILE
from linattn_core.tasks import AssociativeMemory, RandomTeacher, StepAutomaton, TableMemory, UniversalAutomaton
from tests.cases import CASES, HOSTILE_LABELS, Case, case_id

FIRST_LINK = "1-ABplo3ySIytgkvPzShIz84oVEpMSSQ0WnN43GQDfAwA"
URL_SAFE = set(string.ascii_letters + string.digits + "-_.~")
HOSTILE = Machine(
    name="<script>'\"",
    states=HOSTILE_LABELS,
    alphabet=HOSTILE_LABELS[::-1],
    transitions=tuple((k,) * len(HOSTILE_LABELS) for k in range(len(HOSTILE_LABELS))),
)

labels = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12).filter(str.strip)


@st.composite
def machines(draw) -> Machine:
    states = draw(st.lists(labels, min_size=1, max_size=6, unique=True))
    alphabet = draw(st.lists(labels, min_size=1, max_size=4, unique=True))
    state = st.integers(0, len(states) - 1)
    coordinate = st.floats(-9999, 9999)
    return Machine(
        name=draw(labels),
        states=tuple(states),
        alphabet=tuple(alphabet),
        transitions=tuple(tuple(draw(state) for _ in alphabet) for _ in states),
        start=draw(state),
        accepting=tuple(draw(st.sets(state))),
        positions=draw(st.none() | st.tuples(*[st.tuples(coordinate, coordinate)] * len(states))),
    )


@st.composite
def labs(draw) -> Lab:
    learner = LearnerSpec(
        ridge=draw(st.sampled_from([0.0, 1e-3, 0.25])),
        heads=draw(st.sampled_from(["svd", "minimal", "typed"])),
        device=draw(st.sampled_from(["auto", "cpu", "cuda"])),
    )
    fields = {
        "count": draw(st.integers(1, 300)),
        "seed": draw(st.integers(0, 2**32 - 1)),
        "length": draw(st.integers(2, 40)),
    }
    fields["noise"] = draw(st.floats(0, 1))
    kind = draw(st.sampled_from(["automaton", "memory", "table", "teacher"]))
    if kind == "automaton":
        machine = draw(machines())
        pairs = st.lists(st.tuples(st.sampled_from(machine.states), st.sampled_from(machine.alphabet)), max_size=5)
        fields |= {"withheld": tuple(draw(pairs)), "extra": tuple(draw(pairs))}
        build = AutomatonBuild(machine=machine, encoding=draw(st.sampled_from(["step", "universal"])))
    elif kind == "memory":
        build = MemoryBuild(dim=draw(st.integers(1, 16)), unitary=draw(st.floats(0, 1)))
    elif kind == "table":
        keys = draw(st.lists(labels, min_size=1, max_size=5, unique=True))
        build = MemoryBuild(table=tuple((key, draw(labels)) for key in keys))
    else:
        build = TeacherBuild(dim=draw(st.integers(1, 16)), heads=draw(st.integers(1, 4)), seed=draw(st.integers(0, 9)))
    return Lab(build=build, traces=TraceSpec(**fields), learner=learner)


# ---- round trips


@given(labs())
@settings(max_examples=80, deadline=None)
def test_round_trips(lab: Lab):
    for again in (
        Lab.from_token(lab.to_token()),
        Lab.from_toml(lab.to_toml()),
        Lab.from_toml(lab.to_toml().encode()),
        Lab.from_json(lab.to_json()),
        Lab.from_data(lab.to_data()),
    ):
        assert again == lab
        assert hash(again) == hash(lab)
    assert set(lab.to_token()) <= URL_SAFE


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_named_cases_round_trip(case: Case):
    lab = Lab(build=AutomatonBuild(machine=case.machine))
    assert Lab.from_token(lab.to_token()) == Lab.from_toml(lab.to_toml()) == lab
    assert len(lab.to_token()) < 400


@pytest.mark.parametrize("machine", [HOSTILE, random_machine(64, 32, seed=0)], ids=["hostile", "largest"])
def test_hostile_and_largest_machines_round_trip(machine: Machine):
    lab = Lab(build=AutomatonBuild(machine=machine))
    assert Lab.from_token(lab.to_token()) == Lab.from_toml(lab.to_toml()) == Lab.from_json(lab.to_json()) == lab


def test_length_of_the_link_for_30_states_and_4_letters_with_positions():
    rng = np.random.default_rng(0)

    def word(length: int) -> str:
        return "".join(rng.choice(list(string.ascii_lowercase), length))

    places = tuple(map(tuple, (rng.random((30, 2)) * 1000).tolist()))
    plain = replace(random_machine(30, 4, seed=1), positions=places)
    named = replace(plain, states=tuple(word(12) for _ in range(30)), alphabet=tuple(word(6) for _ in range(4)))
    lengths = [len(Lab(build=AutomatonBuild(machine=machine)).to_token()) for machine in (plain, named)]
    assert max(lengths) < 2000
    assert lengths[0] < 600
    assert len(Lab.default().to_token()) < 100


def test_files_are_readable_by_names():
    text = Lab.default().to_toml()
    assert '[build.machine.transitions.q0]\na = "q1"\nb = "q0"\n' in text
    assert '"start": "q0"' in Lab.default().to_json()
    shortest = 'build = {kind = "teacher", dim = 3}\ntraces = {length = 20}'
    assert Lab.from_toml(shortest) == Lab(build=TeacherBuild(dim=3), traces=TraceSpec(length=20))


def test_a_link_from_version_1_stays_readable():
    """Made by the first release; a change of the format or its dictionary must raise the version instead."""
    assert Lab.from_token(FIRST_LINK) == Lab.default()


# ---- damaged and hostile links


def test_every_cut_and_every_changed_character_is_told():
    token = Lab.default().to_token()
    for length in range(len(token)):
        with pytest.raises(SpecError):
            Lab.from_token(token[:length])
    for place in range(2, len(token)):
        for other in "Aa0_":
            if other != token[place]:
                with pytest.raises(SpecError, match=r"altered|cut off"):
                    Lab.from_token(token[:place] + other + token[place + 1 :])


def forged(text: bytes, length: int | None = None) -> str:
    """A token with a correct checksum around any text."""
    deflate = zlib.compressobj(level=9, wbits=-15)
    body = deflate.compress(text) + deflate.flush()
    size = len(body) if length is None else length
    data = size.to_bytes(2, "big") + zlib.crc32(body).to_bytes(4, "big") + body
    return "1-" + base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("", "does not begin with a version number"),
        ("hello", "does not begin with a version number"),
        ("-abc", "does not begin with a version number"),
        ("x-abc", "does not begin with a version number"),
        ("²-abc", "does not begin with a version number"),
        ("3-AAAA", "version 3, this program reads version 2; update"),
        ("0-AAAA", "version 0, this program reads version 2; ask for a new link"),
        ("01-AAAA", "version 01, this program reads version 2; ask for a new link"),
        ("9" * 5000 + "-A", "version 999999999, this program"),
        ("1-", "cut off"),
        ("1-AAAAA", "cut off"),
        ("1-AA AA", "altered: it holds the character ' '"),
        ("1-AAé", "altered: it holds the character 'é'"),
        ("A" * 1_000_000, "1,000,000 characters"),
        (forged(b"x" * 10_000_000), "more than 512 KiB"),
        (forged(b"{}", length=1), "altered: its checksum"),
        (forged(b"not json"), "holds no lab"),
        (forged(b"\xff\xfe"), "does not unpack"),
        (forged(b"[" * 100_000), "holds no lab"),
        (forged(b"7"), "must be a table"),
        (forged(b"{}"), "no entry 'build'"),
        (forged(b'{"build":{"kind":"automaton","machine":7}}'), "holds no lab"),
        (forged(b'{"build":{"kind":"automaton","machine":["x",2,1,[0,"a"],0,[],null]}}'), "holds no lab"),
        (forged(b'{"build":{"kind":"automaton","machine":["x",-1,1,[0],0,[],null]}}'), "holds no lab"),
        (forged(b'{"build":{"kind":"automaton","machine":["x",999999999,1,[0],0,[],null]}}'), "holds no lab"),
        (forged(b'{"build":{"kind":"automaton","machine":["x",1,1,[0],0,[],[1]]}}'), "holds no lab"),
        (forged(b'{"build":{"machine":["x",1,1,[0],0,[],null]},"traces":{"withheld":[7]}}'), "holds no lab"),
        (forged(b'{"build":{"machine":["x",1,1,[0],0,[],null]},"traces":{"extra":"a"}}'), "holds no lab"),
        (None, "must be text"),
    ],
)
def test_hostile_links_are_refused_with_their_own_sentence(token, sentence):
    with pytest.raises(SpecError) as caught:
        Lab.from_token(token)
    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("machine", "sentence"),
    [
        (b'["x",2,1,[0,5],0,[],null]', "unknown state number 5"),
        (b'["x",0,1,[],0,[],null]', "set of states is empty"),
        (b'["x",["a","a"],1,[0,0],0,[],null]', "used twice"),
        (b'["x",2,2,[0,0,0],0,[],null]', "1 entries for 2 letters"),
    ],
)
def test_machines_in_forged_links_are_checked_too(machine, sentence):
    with pytest.raises(MachineError, match=sentence):
        Lab.from_token(forged(b'{"build":{"kind":"automaton","machine":%s}}' % machine))


@given(st.text(max_size=40) | st.text(alphabet="1-ABCabc012_", max_size=40))
@settings(max_examples=200, deadline=None)
def test_no_text_is_taken_for_a_link_or_escapes_the_error_tree(text: str):
    with pytest.raises(SpecError):
        Lab.from_token(text)


def test_link_too_long_to_write_is_refused():
    noise = "".join(map(chr, np.random.default_rng(0).integers(0x4E00, 0x9FFF, 40_000)))
    with pytest.raises(SpecError, match="save the lab as a file"):
        link.pack(noise, 1, b"")


# ---- damaged and hostile files


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no entry 'build'"),
        ("build = ", "not valid TOML"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("x" * (MAX_FILE + 1), "at most 524,288"),
        (b"\xff\xfe\x00", "not UTF-8"),
        ("version = 3", "version 3, this program reads version 2"),
        ("version = true", "version True, this program reads version 2"),
        ("build = 3", "'build' of the lab is 3"),
        ("build = {kind = 'zz'}", "does not match any of the expected tags"),
        ("build = {dim = 3}", "no entry 'build.kind'"),
        ("build = {kind = 'teacher', colour = 1}", "unknown entry 'colour'"),
        ("build = {kind = 'teacher', dim = '3'}", "'dim' of the lab is '3'"),
        ("build = {kind = 'teacher', dim = true}", "'dim' of the lab is True"),
        ("build = {kind = 'teacher', seed = -1}", "'seed' of the lab is -1"),
        ("build = {kind = 'memory', unitary = nan}", "finite number"),
        ("build = {kind = 'teacher'}\ntraces = {count = 0}", "'count' of the lab is 0"),
        ("build = {kind = 'teacher'}\nlearner = {heads = 'many'}", "'heads' of the lab is 'many'"),
        ("build = {kind = 'teacher'}\ntraces = {withheld = [['a', 'b']]}", "builds no automaton"),
    ],
)
def test_hostile_files_are_refused_with_their_own_sentence(text, sentence):
    with pytest.raises(SpecError) as caught:
        Lab.from_toml(text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "must be a table"),
        ('{"a": NaN}', "not valid JSON"),
    ],
)
def test_hostile_json_is_refused(text, sentence):
    with pytest.raises(SpecError, match=sentence):
        Lab.from_json(text)


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_no_file_escapes_the_error_tree(text: str):
    for read in (Lab.from_toml, Lab.from_json):
        with pytest.raises(LinattnError):
            read(text)


# ---- the lab itself


def test_a_fault_is_one_sentence_of_the_part_at_fault():
    build = AutomatonBuild(machine=presets()["turnstile"])
    for make, error, sentence in (
        (lambda: Lab(build=build, traces={"withheld": [["zz", "coin"]]}), MachineError, "unknown state 'zz'"),
        (lambda: Lab(build=build, traces={"extra": [["locked", "kick"]]}), MachineError, "unknown letter 'kick'"),
        (lambda: Lab(build=build, traces={"count": 200_000, "length": 10_000}), TooLargeError, "2,000,000,000 tokens"),
        (lambda: Lab(build={"kind": "memory", "dim": 99}), ShapeError, "dim: got 99"),
        (lambda: Lab(build={"kind": "memory", "table": [["a", "x"], ["a", "y"]]}), MachineError, "'a' is used twice"),
        (lambda: Lab(build={"kind": "teacher"}, traces={"length": 1}), ShapeError, "at least 2 tokens"),
        (
            lambda: Lab(build=AutomatonBuild(machine=random_machine(20, 20, 0), encoding="universal")),
            TooLargeError,
            "family of",
        ),
        (lambda: AutomatonBuild(machine={"states": []}), MachineError, "no alphabet"),
        (lambda: TraceSpec(noise=-1), SpecError, "'noise' of the lab is -1"),
        (lambda: Lab(), SpecError, "no entry 'build'"),
    ):
        with pytest.raises(error, match=sentence):
            make()


def test_replace_checks_and_with_machine_drops_what_is_gone():
    lab = Lab.default().replace(traces=TraceSpec(withheld=(("q1", "b"), ("q3", "a")), extra=(("q3", "b"),)))
    assert lab.replace(traces=lab.traces.replace(seed=5)).traces.seed == 5
    with pytest.raises(SpecError, match="'seed'"):
        lab.traces.replace(seed=-5)
    smaller = lab.with_machine(random_machine(2, 2, seed=0))
    assert smaller.traces.withheld == (("q1", "b"),)
    assert smaller.traces.extra == ()
    assert lab.machine == presets()["contains aba"]
    assert Lab(build=MemoryBuild()).with_machine(lab.machine).machine == lab.machine


def test_labs_are_frozen_keys():
    lab = Lab.default()
    assert {lab: 1}[Lab.default()] == 1
    with pytest.raises(ValueError, match="frozen"):
        lab.version = 1  # type: ignore[misc,assignment]
    doubled = TraceSpec(withheld=(("a", "b"), ("a", "b")))
    assert doubled == TraceSpec(withheld=(("a", "b"),))


@pytest.mark.parametrize(
    ("build", "kind"),
    [
        (AutomatonBuild(machine=presets()["turnstile"]), StepAutomaton),
        (AutomatonBuild(machine=presets()["turnstile"], encoding="universal"), UniversalAutomaton),
        (MemoryBuild(dim=3), AssociativeMemory),
        (MemoryBuild(table=(("a", "x"), ("b", "y"))), TableMemory),
        (TeacherBuild(dim=3), RandomTeacher),
    ],
)
def test_every_build_makes_its_task_and_as_many_tokens_as_it_says(build, kind):
    lab = Lab(build=build, traces=TraceSpec(count=7, length=5, seed=3))
    assert isinstance(lab.task(), kind)
    traces, again = lab.make_traces(), lab.make_traces()
    assert traces.tokens.shape[0] == lab.tokens
    assert np.array_equal(traces.targets, again.targets)
