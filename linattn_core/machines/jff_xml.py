"""The XML of JFLAP's files: parsed without entities and under caps, written so that both JFLAP and we read it back.

A file of ours holds one more element, <linattn>, which JFLAP ignores: the name of the machine, the order of its letters
and which letters have several characters. Without it a read of several characters would mean several letters.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET  # writing only; files are parsed by defusedxml
from collections.abc import Iterator
from dataclasses import dataclass

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from linattn_core.errors import MachineError, TooLargeError
from linattn_core.machines.automaton import MAX_COORDINATE, MAX_STATES

MAX_BYTES = 256 * 1024
MAX_ELEMENTS = 40_000
OURS = "linattn"
NOT_XML = re.compile("[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # nor control characters

Point = tuple[float, float]


@dataclass(frozen=True)
class State:
    """One <state> or <block>: id as in the file, name, place (None where the file has none), marks."""

    id: str
    name: str
    at: Point | None
    initial: bool
    final: bool


def parse(data: bytes) -> ET.Element:
    """Return the root of a .jff file; raises MachineError for anything but plain XML, TooLargeError beyond the caps."""
    if not isinstance(data, (bytes, bytearray)):
        raise MachineError(f"The .jff file is {type(data).__name__}; it must be the bytes of a file.")
    if len(data) > MAX_BYTES:
        raise TooLargeError(f"The .jff file has {len(data):,} bytes; at most {MAX_BYTES:,} are read.")
    try:
        root = fromstring(bytes(data), forbid_dtd=True)
    except DefusedXmlException as problem:
        raise MachineError(
            "The .jff file declares a document type or entities, which JFLAP never writes; save it again with JFLAP."
        ) from problem
    except (ParseError, ValueError, LookupError) as problem:
        raise MachineError(
            f"The .jff file is not readable XML ({problem}); save it again with JFLAP or export it from here."
        ) from problem
    elements = sum(1 for _ in root.iter())
    if elements > MAX_ELEMENTS:
        raise TooLargeError(f"The .jff file has {elements:,} elements; at most {MAX_ELEMENTS:,} are read.")
    if root.tag != "structure":
        raise MachineError(f"The file holds <{str(root.tag)[:40]}>, not JFLAP's <structure>; choose a .jff file.")
    return root


def text_of(element: ET.Element, tag: str) -> str | None:
    """Return the text of the child `tag`, "" where it is empty, None where there is no such child."""
    child = element.find(tag)
    return None if child is None else child.text or ""


def body_of(root: ET.Element) -> ET.Element:
    """Return <automaton>; files of JFLAP 4 have the states right under <structure>."""
    found = root.find("automaton")
    return root if found is None else found


def read_states(body: ET.Element, most: int = MAX_STATES) -> list[State]:
    """Read all states; raises MachineError for double ids, broken places and building blocks with something inside."""
    states: list[State] = []
    for element in body:
        if element.tag not in ("state", "block"):
            continue
        if len(states) == most:
            raise TooLargeError(f"The .jff file has more than {most} states; make the machine smaller.")
        id_ = element.get("id")
        if id_ is None:
            raise MachineError(f"State {len(states) + 1} of the .jff file has no id; save it again with JFLAP.")
        if any(state.id == id_ for state in states):
            raise MachineError(f"Two states of the .jff file have the id {id_[:40]!r}; every state needs its own.")
        name = element.get("name") or f"q{id_}"
        _check_block(body, element, name)
        marks = (element.find("initial") is not None, element.find("final") is not None)
        states.append(State(id_, name, _place(element, name), *marks))
    if not states:
        raise MachineError("The .jff file holds no state; draw one in JFLAP first.")
    if sum(state.initial for state in states) > 1:
        raise MachineError("The .jff file marks several states as initial; a machine has one start state.")
    return states


def transitions(body: ET.Element, states: list[State]) -> Iterator[tuple[int, int, ET.Element]]:
    """Yield (source, target, element) of every transition; raises MachineError for an end that is no state."""
    number = {state.id: index for index, state in enumerate(states)}
    for element in body.iterfind("transition"):
        ends = []
        for tag in ("from", "to"):
            end = (text_of(element, tag) or "").strip()
            if end not in number:
                raise MachineError(
                    f"A transition of the .jff file has {end[:40]!r} as <{tag}>, which is no state's id; "
                    "save it again with JFLAP."
                )
            ends.append(number[end])
        yield ends[0], ends[1], element


def remarks(root: ET.Element) -> tuple[str, ...]:
    """Say what a file holds that is left out: notes and second labels."""
    found = []
    for tag, what in (("note", "note"), ("label", "state label")):
        count = sum(1 for _ in root.iter(tag))
        if count:
            found.append(
                f"{count} {what}{'s' if count > 1 else ''} of the .jff file {'are' if count > 1 else 'is'} left out."
            )
    return tuple(found)


def _check_block(body: ET.Element, element: ET.Element, name: str) -> None:
    """Refuse a building block; a plain state of a Turing machine is a block too, but an empty one."""
    if element.tag != "block":
        return
    tag = (text_of(element, "tag") or "").strip()
    inside = [child for child in body if child.tag == tag] if tag else []
    if any(len(child) for child in (*inside, *element.iterfind("automaton"), *element.iterfind("structure"))):
        raise MachineError(
            f"The state {name[:40]!r} of the .jff file is a building block, a machine inside a state, which is not "
            "supported; draw its states directly."
        )


def _place(element: ET.Element, name: str) -> Point | None:
    texts = [text_of(element, axis) for axis in ("x", "y")]
    if None in texts:
        return None
    try:
        x, y = (float(text or "") for text in texts)
    except ValueError as problem:
        raise MachineError(f"The place of state {name[:40]!r} in the .jff file is not two numbers.") from problem
    if not (math.isfinite(x) and math.isfinite(y) and max(abs(x), abs(y)) <= MAX_COORDINATE):
        raise MachineError(
            f"The place of state {name[:40]!r} in the .jff file is outside -{MAX_COORDINATE:g} to {MAX_COORDINATE:g}."
        )
    return (x, y)


def new_root(kind: str, **ours: str) -> tuple[ET.Element, ET.Element, ET.Element]:
    """Begin a file: (root, our own element, automaton)."""
    root = ET.Element("structure")
    ET.SubElement(root, "type").text = kind
    mine = ET.SubElement(root, OURS, {"version": "1", **{key: checked(value) for key, value in ours.items()}})
    return root, mine, ET.SubElement(root, "automaton")


def add_state(body: ET.Element, state: State) -> None:
    """Write one state the way JFLAP does."""
    element = ET.SubElement(body, "state", {"id": state.id, "name": checked(state.name)})
    for axis, value in zip(("x", "y"), state.at or (0.0, 0.0), strict=True):
        ET.SubElement(element, axis).text = repr(float(value))
    for tag, on in (("initial", state.initial), ("final", state.final)):
        if on:
            ET.SubElement(element, tag)


def add_transition(body: ET.Element, source: str, target: str, **parts: str) -> None:
    """Write one transition; an empty part (JFLAP's lambda or blank) becomes an empty element."""
    element = ET.SubElement(body, "transition")
    for tag, text in {"from": source, "to": target, **parts}.items():
        ET.SubElement(element, tag).text = checked(text) or None


def checked(text: str) -> str:
    """Return the text, or raise MachineError where XML cannot hold one of its characters."""
    bad = NOT_XML.search(text)
    if bad:
        raise MachineError(f"The name {text!r:.60} holds the character {bad[0]!r}, which a .jff file cannot hold.")
    return text


def to_bytes(root: ET.Element) -> bytes:
    """Serialise with JFLAP's first line."""
    ET.indent(root, "\t")
    text = ET.tostring(root, encoding="unicode", short_empty_elements=True)
    head = '<?xml version="1.0" encoding="UTF-8" standalone="no"?><!--Created with linattn, for JFLAP 7.-->'
    return (head + text + "\n").encode()


def circle(count: int) -> list[Point]:
    """Places for states that have none, so that JFLAP does not pile them up: on a circle, the first one left."""
    radius = max(120.0, 22.0 * count)
    angles = [math.pi + 2 * math.pi * index / max(count, 1) for index in range(count)]
    return [(round(radius * (1.3 + math.cos(a)), 1), round(radius * (1.3 + math.sin(a)), 1)) for a in angles]
