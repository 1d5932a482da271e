"""What a drawing holds: any finite automaton, also unfinished, partial, nondeterministic or with epsilon moves.

A `Sketch` is the raw state of a drawing. A deterministic, complete one is exactly a `Machine`, and back; any other with
a start state can be completed or made deterministic (nondeterministic.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from linattn_core.errors import MachineError, TooLargeError
from linattn_core.machines.automaton import (
    MAX_LABEL,
    MAX_LETTERS,
    MAX_STATES,
    Machine,
    check_labels,
    check_positions,
    check_title,
)

EPSILON = ""  # as a letter of an edge: a move that reads nothing
NAMED = 6  # faults of one kind that are spelled out

Point = tuple[float, float]
Kind = Literal["empty", "startless", "complete", "partial", "nondeterministic"]


@dataclass(frozen=True, order=True)
class Edge:
    """All letters that lead from one state to another (state indices); the letter "" is an epsilon move."""

    source: int
    target: int
    letters: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """A finite automaton as drawn: possibly empty, partial or nondeterministic, with epsilon moves.

    states: distinct labels, possibly none.   edges: `Edge`s or (source, target, letters) triples.
    start: state index or None.   accepting: state indices.
    positions: (x, y) of each state, y downwards, or None.
    alphabet: the wished order of the letters; letters on no edge drop out, others follow in order of appearance.

    Kept in one normal form (one edge a pair of states, sorted; letters in alphabet order, epsilon first), so equal
    drawings are equal values. Raises MachineError with one sentence, TooLargeError beyond the limits of `Machine`.
    """

    name: str = "automaton"
    states: tuple[str, ...] = ()
    edges: tuple[Edge, ...] = ()
    start: int | None = None
    accepting: tuple[int, ...] = ()
    positions: tuple[Point, ...] | None = None
    alphabet: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_title(self.name)
        states = check_labels(self.states, "state") if tuple(self.states) else ()
        merged = _merge(self.edges, len(states))
        used = {letter: None for letters in merged.values() for letter in letters if letter != EPSILON}
        wished = [letter for letter in dict.fromkeys(self.alphabet) if letter in used]
        order = list(dict.fromkeys([*wished, *used]))
        alphabet = check_labels(order, "letter") if order else ()
        rank = {letter: number for number, letter in enumerate((EPSILON, *alphabet))}
        edges = (Edge(p, q, tuple(sorted(letters, key=rank.__getitem__))) for (p, q), letters in merged.items())
        set_field = object.__setattr__  # the only moment at which a frozen value may be normalised
        set_field(self, "states", states)
        set_field(self, "alphabet", alphabet)
        set_field(self, "edges", tuple(sorted(edges)))
        if self.start is not None:
            _check_state(self.start, len(states), "The start state")
        accepting = {_check_state(index, len(states), "An accepting state") for index in self.accepting}
        set_field(self, "accepting", tuple(sorted(accepting)))
        set_field(self, "positions", check_positions(self.positions, states))

    @classmethod
    def of(cls, machine: Machine) -> Sketch:
        """Return the drawing of a machine; `machine()` gives the same machine back."""
        return cls(
            name=machine.name,
            states=machine.states,
            edges=tuple(
                Edge(source, target, (letter,))
                for source, row in enumerate(machine.transitions)
                for letter, target in zip(machine.alphabet, row, strict=True)
            ),
            start=machine.start,
            accepting=machine.accepting,
            positions=machine.positions,
            alphabet=machine.alphabet,
        )

    @cached_property
    def moves(self) -> dict[tuple[int, str], tuple[int, ...]]:
        """(state, letter) -> the states it may go to, in increasing order; epsilon moves included."""
        found: dict[tuple[int, str], list[int]] = {}
        for edge in self.edges:
            for letter in edge.letters:
                found.setdefault((edge.source, letter), []).append(edge.target)
        return {pair: tuple(targets) for pair, targets in found.items()}

    @property
    def kind(self) -> Kind:
        """What the drawing is: only a "complete" one is a `Machine` as it stands."""
        if not self.states or not self.alphabet:
            return "empty"
        if self.start is None:
            return "startless"
        if any(letter == EPSILON or len(targets) > 1 for (_, letter), targets in self.moves.items()):
            return "nondeterministic"
        return "complete" if len(self.moves) == len(self.states) * len(self.alphabet) else "partial"

    def faults(self) -> tuple[str, ...]:
        """Why this is not a deterministic, complete automaton: a sentence a fault, the first few of each kind."""
        if not self.states:
            return ("The drawing has no state; add one.",)
        found = [] if self.start is not None else ["No state is marked as the start state; mark one."]
        if not self.alphabet:
            return (*found, "The drawing has no letter; connect two states, or a state with itself, and name a letter.")
        clashes = [
            f"State {self.states[p]!r} has {len(targets)} transitions on {letter!r}."
            for (p, letter), targets in sorted(self.moves.items())
            if letter != EPSILON and len(targets) > 1
        ]
        empty = [
            f"State {self.states[p]!r} has an epsilon transition, which reads no letter."
            for (p, letter) in sorted(self.moves)
            if letter == EPSILON
        ]
        if clashes or empty:  # then a missing transition is no fault: that branch of the run just ends
            return (*found, *_some(clashes), *_some(empty))
        missing = [
            f"State {state!r} has no transition on {letter!r}."
            for p, state in enumerate(self.states)
            for letter in self.alphabet
            if (p, letter) not in self.moves
        ]
        return (*found, *_some(missing))

    def machine(self) -> Machine:
        """Return the same automaton as a `Machine`: exactly this one, names and positions kept.

        Raises MachineError with the first fault where the drawing is not deterministic and complete.
        """
        if self.kind != "complete":
            remedy = " Let it be determinised, or mend the drawing." if self.kind == "nondeterministic" else ""
            raise MachineError(self.faults()[0] + remedy)
        assert self.start is not None
        return Machine(
            name=self.name,
            states=self.states,
            alphabet=self.alphabet,
            transitions=tuple(
                tuple(self.moves[p, letter][0] for letter in self.alphabet) for p in range(len(self.states))
            ),
            start=self.start,
            accepting=self.accepting,
            positions=self.positions,
        )

    def completed(self) -> Machine:
        """Return a partial automaton with its missing transitions led to a new trap state; all states stay in place.

        Raises MachineError where the drawing is nondeterministic, startless or empty, TooLargeError without room.
        """
        if self.kind == "complete":
            return self.machine()
        if self.kind != "partial":
            raise MachineError(self.faults()[0])
        trap = len(self.states)
        full = [Edge(p, trap, (a,)) for p in range(trap + 1) for a in self.alphabet if (p, a) not in self.moves]
        return Sketch(
            name=self.name,
            states=(*self.states, fresh("trap", self.states)),
            edges=(*self.edges, *full),
            start=self.start,
            accepting=self.accepting,
            positions=None if self.positions is None else (*self.positions, beside(self.positions)),
            alphabet=self.alphabet,
        ).machine()


def beside(positions: tuple[Point, ...]) -> Point:
    """Return a free place below the drawing, at its right end."""
    return (max(x for x, _ in positions), min(max(y for _, y in positions) + 140.0, 9_999.0))


def fresh(wished: str, taken: Iterable[str]) -> str:
    """Return the wished name, or the wished name with a number where it is taken."""
    known = set(taken)
    names = (wished, *(f"{wished[: MAX_LABEL - 4]} {number}" for number in range(2, 2 * MAX_STATES + 2)))
    return next(name for name in names if name not in known)


def _some(sentences: list[str]) -> list[str]:
    more = len(sentences) - NAMED
    return sentences if more <= 0 else [*sentences[:NAMED], f"{more} more of this kind."]


def _merge(edges: Iterable[Any], states: int) -> dict[tuple[int, int], dict[str, None]]:
    """Collect the letters of every pair of states, in order of appearance."""
    merged: dict[tuple[int, int], dict[str, None]] = {}
    for edge in edges:
        parts = (edge.source, edge.target, edge.letters) if isinstance(edge, Edge) else edge
        if not isinstance(parts, (tuple, list)) or len(parts) != 3 or not isinstance(parts[2], (tuple, list)):
            raise MachineError(f"The edge {edge!r:.60} is not of the form (source, target, letters).")
        if len(parts[2]) > 4 * MAX_LETTERS:
            raise TooLargeError(f"An edge has {len(parts[2]):,} letters; at most {MAX_LETTERS} are supported.")
        source, target = (_check_state(end, states, "An end of an edge") for end in parts[:2])
        for letter in parts[2]:
            if not isinstance(letter, str):
                raise MachineError(f"The letter {letter!r:.40} of an edge must be text, so put it in quotes.")
            merged.setdefault((source, target), {})[letter] = None
    return merged


def _check_state(index: Any, states: int, what: str) -> int:
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < states:
        raise MachineError(f"{what} is {index!r:.40}; it must be the number of one of the {states} states.")
    return index


def sketch_to_data(sketch: Sketch) -> dict[str, Any]:
    """Return the drawing as plain lists, numbers and texts, for JSON and TOML; `sketch_from_data` reads it back."""
    data: dict[str, Any] = {
        "name": sketch.name,
        "states": list(sketch.states),
        "alphabet": list(sketch.alphabet),
        "accepting": list(sketch.accepting),
        "edges": [[edge.source, edge.target, list(edge.letters)] for edge in sketch.edges],
    }
    if sketch.start is not None:
        data["start"] = sketch.start
    if sketch.positions is not None:
        data["positions"] = [list(point) for point in sketch.positions]
    return data


def sketch_from_data(data: Any) -> Sketch:
    """Read the inverse of `sketch_to_data` from any plain data, also hostile; raises MachineError or TooLargeError."""
    if not isinstance(data, Mapping):
        raise MachineError(f"The drawing is {data!r:.60}; it must be a table with states and edges.")
    known = {"name", "states", "alphabet", "start", "accepting", "edges", "positions"}
    strange = sorted(str(key) for key in data if key not in known)
    if strange:
        raise MachineError(
            f"The drawing has the unknown entry {strange[0]!r:.40}; known are {', '.join(sorted(known))}."
        )
    for key in ("states", "alphabet", "accepting", "edges"):
        if not isinstance(data.get(key, []), (list, tuple)):
            raise MachineError(f"The {key} of the drawing are {data[key]!r:.60}; they must be a list.")
        if len(data.get(key, [])) > MAX_STATES**2:
            raise TooLargeError(f"The drawing has {len(data[key]):,} {key}; at most {MAX_STATES**2:,} are supported.")
    wished = data.get("alphabet", [])
    if not all(isinstance(letter, str) for letter in wished):
        raise MachineError(f"The alphabet {wished!r:.60} of the drawing must hold texts, so put letters in quotes.")
    return Sketch(
        name=data.get("name", "automaton"),
        states=tuple(data.get("states", [])),
        edges=tuple(data.get("edges", [])),
        start=data.get("start"),
        accepting=tuple(data.get("accepting", [])),
        positions=data.get("positions"),
        alphabet=tuple(wished),
    )
