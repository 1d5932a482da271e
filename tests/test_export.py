import json
import re
import tomllib

import numpy as np
import pytest
from automata.fa.dfa import DFA
from automata.fa.nfa import NFA
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st

from linattn_core.errors import LinattnError, MachineError, TooLargeError
from linattn_core.figures.palette import DARK
from linattn_core.figures.svg import machine_svg
from linattn_core.machines import Machine, equivalent, from_regex, from_table, presets, random_machine
from linattn_core.machines.export import from_json, from_toml, to_dot, to_json, to_regex, to_tikz, to_toml
from linattn_core.machines.sketch import Sketch
from tests.fixtures.strategies import machines, sketches

SVG = "{http://www.w3.org/2000/svg}"
small = st.builds(random_machine, st.integers(1, 5), st.integers(1, 3), st.integers(0, 10_000))


# ---- TOML and JSON


@given(machines())
@settings(max_examples=60, deadline=None)
def test_toml_and_json_give_the_machine_back_exactly(machine):
    assert from_toml(to_toml(machine)) == machine
    assert from_json(to_json(machine)) == machine
    assert from_json(to_json(machine).encode()) == machine


@given(sketches())
@settings(max_examples=60, deadline=None)
def test_an_unfinished_drawing_too(sketch):
    assert from_toml(to_toml(sketch)) == sketch
    assert from_json(to_json(sketch)) == sketch


def test_a_machine_by_hand():
    machine = from_toml(
        """
        states = ["even", "odd"]
        alphabet = ["a"]
        start = "even"
        accepting = ["odd"]
        [transitions]
        even = {a = "odd"}
        odd = {a = "even"}
        """
    )
    assert machine.accepts("aaa")
    assert tomllib.loads(to_toml(machine))["accepting"] == ["odd"]
    assert json.loads(to_json(machine))["start"] == "even"


# ---- regular expressions


@given(small)
@settings(max_examples=100, deadline=None)
def test_the_regular_expression_has_the_same_language(machine):
    try:
        text = to_regex(machine)
    except MachineError:
        assert not machine.to_dfa().minify().final_states
        return
    assert DFA.from_nfa(NFA.from_regex(text, input_symbols=set(machine.alphabet))) == machine.to_dfa()
    if len(text) <= 200:
        assert equivalent(from_regex(text, machine.alphabet), machine)


@given(st.text("ab|*?+", max_size=9))
@settings(max_examples=100, deadline=None)
def test_regex_to_machine_to_regex_keeps_the_language(text):
    try:
        machine = from_regex(text, "ab")
    except LinattnError:
        return
    again = to_regex(machine)
    assert equivalent(from_regex(again, "ab"), machine)


def test_letters_that_are_signs_are_escaped():
    machine = presets()["balanced brackets, at most 3 deep"]
    assert equivalent(from_regex(to_regex(machine), machine.alphabet), machine)
    strange = tuple("|*+?.()[]{}&^\\,-")
    rows = {"p": dict.fromkeys(strange, "q"), "q": dict.fromkeys(strange, "q")}
    machine = from_table(rows, start="p", accepting=["q"])
    nfa = NFA.from_regex(to_regex(machine), input_symbols=set(strange))
    assert all(nfa.accepts_input(letter * 2) for letter in strange)
    assert not nfa.accepts_input("")


def test_the_empty_word_and_what_has_no_expression():
    only_empty = from_table({"p": {"a": "q"}, "q": {"a": "q"}}, start="p", accepting=["p"])
    assert to_regex(only_empty) == "()"
    with pytest.raises(MachineError, match="no word at all"):
        to_regex(from_table({"p": {"a": "p"}}, start="p"))
    with pytest.raises(MachineError, match="several characters"):
        to_regex(presets()["turnstile"])
    with pytest.raises(TooLargeError, match="20 states"):
        to_regex(random_machine(20, 2, seed=1))
    with pytest.raises(TooLargeError, match="characters"):
        to_regex(random_machine(9, 8, seed=1))


# ---- Graphviz: read with a scanner of its own; the browser tests draw the same text with Graphviz itself


def dot_strings(text: str) -> list[str]:
    """The quoted strings of a DOT text, unescaped; fails where anything between them is no plain DOT."""
    strings = []
    rest = re.sub(r'"((?:[^"\\]|\\.)*)"', lambda found: strings.append(found[1]) or "@", text, flags=re.DOTALL)
    assert re.fullmatch(r"[\w\s{}\[\]@;=,\->]*", rest), rest
    return [re.sub(r"\\(.)", r"\1", s).replace("&amp;", "&") for s in strings]


@given(sketches())
@settings(max_examples=60, deadline=None)
def test_dot_holds_every_label_literally(sketch):
    strings = dot_strings(to_dot(sketch))
    for state in sketch.states:
        assert state in strings
    for edge in sketch.edges:
        assert ", ".join(letter or "ε" for letter in edge.letters) in strings


def test_dot_of_a_small_machine():
    machine = from_table({"p": {"a": "q"}, "q": {"a": "q"}}, start="p", accepting=["q"], positions=((72, 0), (144, 36)))
    assert to_dot(machine).splitlines() == [
        "digraph automaton {",
        "  rankdir=LR;",
        "  node [shape=circle];",
        '  start [shape=none, label="", width=0];',
        '  s0 [label="p", pos="1.000,-0.000!"];',
        '  s1 [label="q", shape=doublecircle, pos="2.000,-0.500!"];',
        "  start -> s0;",
        '  s0 -> s1 [label="a"];',
        '  s1 -> s1 [label="a"];',
        "}",
    ]


# ---- LaTeX


@given(sketches())
@settings(max_examples=60, deadline=None)
def test_tikz_leaves_no_sign_of_latex_in_a_label(sketch):
    text = to_tikz(sketch)
    for line in text.splitlines()[2:-1]:
        label = line[
            line.index("{", line.index(" at ") if "\\node" in line else line.index("node")) + 1 : line.rindex("}")
        ]
        plain = re.sub(r"\\text\w+\{\}|\\[{}$&#_%]|\$\\varepsilon\$", "", label)
        assert not re.search(r'[\\{}$&#_%^~<>"|]', plain), line
    assert text.count("\\node") == len(sketch.states)
    assert text.count("\\path") == len(sketch.edges)


def test_tikz_of_a_small_machine():
    machine = from_table(
        {"p_0": {"a": "q"}, "q": {"a": "p_0"}}, start="p_0", accepting=["q"], positions=((0, 0), (100, 50))
    )
    assert to_tikz(machine).splitlines()[2:] == [
        r"  \node[state, initial] (s0) at (0.00, 0.00) {p\_0};",
        r"  \node[state, accepting] (s1) at (2.00, -1.00) {q};",
        r"  \path (s0) edge [bend left=15] node {a} (s1);",
        r"  \path (s1) edge [bend left=15] node {a} (s0);",
        r"\end{tikzpicture}",
    ]


# ---- SVG


@given(sketches())
@settings(max_examples=60, deadline=None)
def test_svg_is_plain_xml_with_every_label_in_full(sketch):
    root = fromstring(machine_svg(sketch))
    texts = [element.text for element in root.iter(SVG + "text")]
    for state in sketch.states:
        assert state in texts
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "g", "path", "polygon", "ellipse", "text"
    }  # fmt: skip
    arrows = len(sketch.edges) + (sketch.start is not None)
    assert len(list(root.iter(SVG + "path"))) == len(list(root.iter(SVG + "polygon"))) == arrows
    assert len(list(root.iter(SVG + "ellipse"))) == len(sketch.states) + len(sketch.accepting)
    for element in root.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            assert "url(" not in value
            assert "://" not in value


def test_svg_keeps_the_places_of_the_drawing_and_fits_them_in():
    machine = Machine(
        states=("a", "b", "c"),
        alphabet=("x",),
        transitions=((1,), (2,), (0,)),
        positions=((0, 0), (140, 0), (280, 100)),
    )
    root = fromstring(machine_svg(machine, DARK))
    places = [(float(e.get("cx")), float(e.get("cy"))) for e in root.iter(SVG + "ellipse")]
    scale = places[1][0] / 140
    assert np.array(places) == pytest.approx(scale * np.array([(0, 0), (140, 0), (280, 100)]), abs=0.1)
    x, y, width, height = map(float, root.get("viewBox").split())
    assert x < -25
    assert y < -25
    assert x + width > places[2][0] + 23
    assert y + height > places[2][1] + 23
    assert DARK.ink in machine_svg(machine, DARK)


def test_an_empty_drawing_is_an_empty_picture():
    assert len(list(fromstring(machine_svg(Sketch())))) == 1
