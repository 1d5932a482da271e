"""JFLAP's .jff files, in and out: finite automata here, Turing machines in jff_turing.py.

A machine written here is read back exactly: names, places, start, accepting states, order of the letters. JFLAP 7
reads it too. What JFLAP has and we have not (stacks, several tapes, building blocks, reads of several letters) is
refused with a reason; notes are left out with a remark. Files come from strangers: see jff_xml.py for the caps.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from linattn_core.errors import MachineError
from linattn_core.machines import jff_xml as xml
from linattn_core.machines.automaton import Machine
from linattn_core.machines.jff_turing import read_turing, write_turing
from linattn_core.machines.sketch import EPSILON, Sketch
from linattn_core.machines.turing import TuringMachine

KINDS = {
    "pda": "a pushdown automaton",
    "mealy": "a Mealy machine",
    "moore": "a Moore machine",
    "grammar": "a grammar",
    "re": "a regular expression",
    "lsystem": "an L-system",
    "regular pumping lemma": "a pumping-lemma game",
    "context-free pumping lemma": "a pumping-lemma game",
}


@dataclass(frozen=True)
class JffFile:
    """What a .jff file holds: a `Sketch` (any finite automaton) or a `TuringMachine`; remarks on what was left out."""

    value: Sketch | TuringMachine
    remarks: tuple[str, ...]


def open_jff(data: bytes, name: str = "automaton") -> JffFile:
    """Open a .jff file of a finite automaton, deterministic or not, or of a one-tape Turing machine.

    name: the machine's name where the file holds none, as JFLAP's own files do. Raises MachineError with one sentence
    for a broken file or one of another kind, TooLargeError beyond the caps.
    """
    root = xml.parse(data)
    kind = (xml.text_of(root, "type") or "").strip().lower()
    if kind in ("turing", "turingbb"):
        machine, extra = read_turing(root, name)
        return JffFile(machine, (*xml.remarks(root), *extra))
    if kind != "fa":
        found = KINDS.get(kind, f"{kind[:40]!r}" if kind else "no <type>")
        raise MachineError(
            f"The .jff file holds {found}; finite automata and Turing machines with one tape can be opened."
        )
    return JffFile(_read_automaton(root, name), xml.remarks(root))


def read_jff(data: bytes, name: str = "automaton") -> Machine | TuringMachine:
    """Read a .jff file as the very machine it holds; the inverse of `write_jff`.

    Raises MachineError also where a finite automaton is not deterministic and complete: `open_jff` gives it as a
    drawing, which `Sketch.completed` or `determinise` turn into a machine.
    """
    value = open_jff(data, name).value
    return value.machine() if isinstance(value, Sketch) else value


def write_jff(value: Machine | Sketch | TuringMachine) -> bytes:
    """Write a machine or drawing as a file for JFLAP 7; letters of several characters are whole letters only here.

    Raises MachineError where a name holds a character that XML cannot.
    """
    if isinstance(value, TuringMachine):
        return write_turing(value)
    sketch = Sketch.of(value) if isinstance(value, Machine) else value
    placed = "no" if sketch.positions is None else "yes"
    root, ours, body = xml.new_root("fa", name=sketch.name, placed=placed)
    for letter in sketch.alphabet:
        ET.SubElement(ours, "letter").text = xml.checked(letter)
    places = sketch.positions or xml.circle(len(sketch.states))
    for index, state in enumerate(sketch.states):
        marks = (index == sketch.start, index in sketch.accepting)
        xml.add_state(body, xml.State(str(index), state, places[index], *marks))
    for edge in sketch.edges:
        for letter in edge.letters:
            xml.add_transition(body, str(edge.source), str(edge.target), read=letter)
    return xml.to_bytes(root)


def _read_automaton(root: ET.Element, name: str) -> Sketch:
    body, ours = xml.body_of(root), root.find(xml.OURS)
    letters = [] if ours is None else [letter.text or "" for letter in ours.iterfind("letter")]
    states = xml.read_states(body)
    edges = []
    for source, target, element in xml.transitions(body, states):
        letter = xml.text_of(element, "read")
        if letter is None:
            raise MachineError("A transition of the .jff file has no <read>; save it again with JFLAP.")
        if len(letter) > 1 and letter not in letters:
            raise MachineError(
                f"The transition from {states[source].name[:40]!r} to {states[target].name[:40]!r} reads "
                f"{letter[:40]!r} at once; give it one letter a transition."
            )
        edges.append((source, target, (letter or EPSILON,)))
    return Sketch(
        name=name if ours is None else ours.get("name", name),
        states=tuple(state.name for state in states),
        edges=tuple(edges),  # type: ignore[arg-type]  # plain triples are edges too
        start=next((index for index, state in enumerate(states) if state.initial), None),
        accepting=tuple(index for index, state in enumerate(states) if state.final),
        positions=_positions(states, ours),
        alphabet=tuple(letters or sorted({letter for _, _, (letter,) in edges if letter})),
    )


def _positions(states: list[xml.State], ours: ET.Element | None) -> tuple[xml.Point, ...] | None:
    if ours is not None and ours.get("placed") == "no":
        return None
    places = [state.at for state in states]
    return None if None in places else tuple(place for place in places if place is not None)
