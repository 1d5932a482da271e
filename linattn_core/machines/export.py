"""A machine as text for other programs: Graphviz, LaTeX, TOML, JSON, a regular expression.

Labels are the user's own text: each format has its own escape, and names that the formats need are generated.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable
from typing import Any

import tomli_w
from automata.fa.gnfa import GNFA

from linattn_core.errors import MachineError, TooLargeError
from linattn_core.machines.automaton import Machine
from linattn_core.machines.jff_xml import circle
from linattn_core.machines.sketch import EPSILON, Sketch, sketch_from_data, sketch_to_data
from linattn_core.machines.table import from_data, to_data

MAX_BYTES = 256 * 1024  # of a TOML or JSON file
MAX_REGEX_STATES = 12  # of the minimal automaton; the expression may quadruple with every further state
MAX_REGEX_CHARS = 2_000
PIXELS_PER_CM = 50.0
REGEX_SIGNS = set("|*+?.()[]{}&^\\,-")
TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    '"': r"\textquotedbl{}",
    "|": r"\textbar{}",
}


def to_dot(value: Machine | Sketch) -> str:
    """Write Graphviz DOT: `dot` lays it out anew, `neato` keeps the places where the machine has some."""
    sketch = _sketch(value)
    lines = [
        "digraph automaton {",
        "  rankdir=LR;",
        "  node [shape=circle];",
        '  start [shape=none, label="", width=0];',
    ]
    for number, state in enumerate(sketch.states):
        shape = ", shape=doublecircle" if number in sketch.accepting else ""
        place = ""
        if sketch.positions is not None:
            x, y = sketch.positions[number]
            place = f', pos="{x / 72:.3f},{-y / 72:.3f}!"'  # inches, y upwards
        lines.append(f"  s{number} [label={_dot_text(state)}{shape}{place}];")
    if sketch.start is not None:
        lines.append(f"  start -> s{sketch.start};")
    for edge in sketch.edges:
        lines.append(f"  s{edge.source} -> s{edge.target} [label={_dot_text(_letters(edge.letters))}];")
    return "\n".join([*lines, "}", ""])


def to_tikz(value: Machine | Sketch) -> str:
    """Write a TikZ picture for LaTeX, with the packages it needs as a comment; places as drawn, or on a circle."""
    sketch = _sketch(value)
    places = sketch.positions or circle(len(sketch.states))
    left, top = min((x for x, _ in places), default=0.0), min((y for _, y in places), default=0.0)
    lines = [
        r"% needs \usepackage{tikz} and \usetikzlibrary{automata, arrows.meta}; \usepackage[T1]{fontenc} for quotes",
        r"\begin{tikzpicture}[->, >=Stealth, shorten >=1pt, auto, semithick, initial text=]",
    ]
    for number, state in enumerate(sketch.states):
        x, y = places[number]
        marks = [("initial", number == sketch.start), ("accepting", number in sketch.accepting)]
        style = ", ".join(["state", *(word for word, on in marks if on)])
        at = f"({(x - left) / PIXELS_PER_CM:.2f}, {(top - y) / PIXELS_PER_CM:.2f})"
        lines.append(f"  \\node[{style}] (s{number}) at {at} {{{_tex(state)}}};")
    pairs = {(edge.source, edge.target) for edge in sketch.edges}
    for edge in sketch.edges:
        if edge.source == edge.target:
            bend = f"loop {_loop_side(edge.source, places, pairs, edge.source == sketch.start)}"
        else:
            bend = "bend left=15" if (edge.target, edge.source) in pairs else ""
        label = ", ".join("$\\varepsilon$" if letter == EPSILON else _tex(letter) for letter in edge.letters)
        lines.append(f"  \\path (s{edge.source}) edge [{bend}] node {{{label}}} (s{edge.target});")
    return "\n".join([*lines, r"\end{tikzpicture}", ""])


def to_toml(value: Machine | Sketch) -> str:
    """Write the machine, or an unfinished drawing, as TOML; `from_toml` reads it back exactly."""
    return tomli_w.dumps(_data(value))


def to_json(value: Machine | Sketch) -> str:
    """Write the machine, or an unfinished drawing, as JSON; `from_json` reads it back exactly."""
    return json.dumps(_data(value), ensure_ascii=False, indent=2) + "\n"


def from_toml(text: str | bytes) -> Machine | Sketch:
    """Read what `to_toml` wrote, or the same by hand; raises MachineError or TooLargeError with one sentence."""
    return _value(_parsed(_text(text, "TOML"), tomllib.loads, "TOML"))


def from_json(text: str | bytes) -> Machine | Sketch:
    """Read what `to_json` wrote, or the same by hand; raises MachineError or TooLargeError with one sentence."""
    return _value(_parsed(_text(text, "JSON"), json.loads, "JSON"))


def to_regex(machine: Machine) -> str:
    """Write a regular expression of the machine's language, in the dialect of `from_regex`.

    By state elimination on the minimal automaton (automata-lib's GNFA); not the shortest one there is. Raises
    MachineError for letters of several characters or the empty language, TooLargeError where it would be unreadable.
    """
    long = next((letter for letter in machine.alphabet if len(letter) > 1), None)
    if long is not None:
        raise MachineError(
            f"The letter {long!r} has several characters; a regular expression needs letters of one character."
        )
    # One private character a letter, so that letters such as ( and * are no signs while the expression is built.
    private = {letter: chr(0xE000 + number) for number, letter in enumerate(machine.alphabet)}
    renamed = Machine(**{**machine.__dict__, "alphabet": tuple(private.values())})
    minimal = renamed.to_dfa().minify(retain_names=False)
    if len(minimal.states) > MAX_REGEX_STATES:
        raise TooLargeError(
            f"The minimal automaton has {len(minimal.states)} states; a readable regular expression is written "
            f"for at most {MAX_REGEX_STATES}."
        )
    found = GNFA.from_dfa(minimal).to_regex()
    if found is None:
        raise MachineError("The machine accepts no word at all; no regular expression of this dialect says that.")
    if len(found) > MAX_REGEX_CHARS:
        raise TooLargeError(
            f"The regular expression would have {len(found):,} characters; at most {MAX_REGEX_CHARS:,} are written."
        )
    public = {ord(mark): ("\\" if letter in REGEX_SIGNS else "") + letter for letter, mark in private.items()}
    return found.translate(public) or "()"


def _sketch(value: Machine | Sketch) -> Sketch:
    return Sketch.of(value) if isinstance(value, Machine) else value


def _data(value: Machine | Sketch) -> dict[str, Any]:
    return to_data(value) if isinstance(value, Machine) else sketch_to_data(value)


def _value(data: Any) -> Machine | Sketch:
    """A drawing has edges, a machine has transitions."""
    return sketch_from_data(data) if isinstance(data, dict) and "edges" in data else from_data(data)


def _parsed(text: str, parse: Callable[[str], Any], what: str) -> Any:
    try:
        return parse(text)
    except ValueError as problem:  # also a number of thousands of digits
        reason = str(problem).partition(";")[0][:100]
        raise MachineError(f"The {what} text cannot be read: {reason}.") from problem
    except RecursionError as problem:
        raise MachineError(f"The {what} text is nested too deeply to be a machine.") from problem


def _text(text: str | bytes, what: str) -> str:
    if len(text) > MAX_BYTES:
        raise TooLargeError(f"The {what} text has {len(text):,} bytes; at most {MAX_BYTES:,} are read.")
    try:
        return text.decode("utf-8-sig") if isinstance(text, (bytes, bytearray)) else text
    except UnicodeDecodeError as problem:
        raise MachineError(f"The {what} text is not UTF-8; save it as UTF-8.") from problem


def _letters(letters: tuple[str, ...]) -> str:
    return ", ".join(letter or "\u03b5" for letter in letters)


def _dot_text(text: str) -> str:
    """Quote a text for DOT; a backslash would begin an escape, an ampersand an HTML entity."""
    return '"' + text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') + '"'


def _tex(text: str) -> str:
    return "".join(TEX.get(character, character) for character in text)


def _loop_side(state: int, places: Any, pairs: set[tuple[int, int]], start: bool) -> str:
    """Return the side of a state that is farthest from its other edges and from the arrow that marks the start."""
    x, y = places[state]
    busy = [math.pi] * start + [
        math.atan2(y - places[other][1], places[other][0] - x)
        for pair in pairs
        if state in pair and pair[0] != pair[1]
        for other in pair
        if other != state
    ]
    sides = {"above": math.pi / 2, "below": -math.pi / 2, "right": 0.0, "left": math.pi}

    def room(side: str) -> float:
        return min((abs(math.remainder(sides[side] - angle, 2 * math.pi)) for angle in busy), default=math.pi)

    return max(sides, key=room)
