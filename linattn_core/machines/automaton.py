"""A finite automaton as a frozen, hashable value: the exact thing that is to be learned.

automata-lib does the automaton theory (``Machine.to_dfa``); its DFA objects are unhashable, so this value is what
caches, files and links hold.
"""

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automata.fa.dfa import DFA

from linattn_core.errors import MachineError, TooLargeError

MAX_STATES = 64  # a drawing of 60 states takes the browser about two seconds, one of 120 nine
MAX_LETTERS = 32
MAX_LABEL = 40  # characters of a state or letter name
MAX_NAME = 120
MAX_COORDINATE = 10_000.0


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A complete deterministic finite automaton.

    states, alphabet: distinct labels (a letter may have several characters, "coin"); a label is data, any text.
    transitions: row per state, column per letter, entry = index of the next state.
    start: index of the start state.   accepting: sorted indices of the accepting states (may be empty).
    positions: (x, y) of each state in a drawing, kept to two decimals, or None.

    Everything is checked on construction: one sentence of MachineError a fault, TooLargeError beyond MAX_STATES or
    MAX_LETTERS.
    """

    name: str = "automaton"
    states: tuple[str, ...]
    alphabet: tuple[str, ...]
    transitions: tuple[tuple[int, ...], ...]
    start: int = 0
    accepting: tuple[int, ...] = ()
    positions: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self) -> None:
        check_title(self.name)
        states, alphabet = check_labels(self.states, "state"), check_labels(self.alphabet, "letter")
        set_field = object.__setattr__  # the only moment at which a frozen value may be normalised
        set_field(self, "states", states)
        set_field(self, "alphabet", alphabet)
        set_field(self, "transitions", _check_transitions(self.transitions, states, alphabet))
        set_field(self, "start", _check_index(self.start, states, "The start state"))
        accepting = {_check_index(index, states, "An accepting state") for index in _items(self.accepting, "accepting")}
        set_field(self, "accepting", tuple(sorted(accepting)))
        set_field(self, "positions", check_positions(self.positions, states))

    def state_index(self, state: str) -> int:
        """Index of a state by its name; raises MachineError for an unknown one."""
        return _find(self.states, state, "state")

    def letter_index(self, letter: str) -> int:
        """Index of a letter; raises MachineError for an unknown one."""
        return _find(self.alphabet, letter, "letter")

    def step(self, state: str, letter: str) -> str:
        """The next state, by name."""
        return self.states[self.transitions[self.state_index(state)][self.letter_index(letter)]]

    def word(self, text: str | Sequence[str]) -> tuple[str, ...]:
        """Split a text into letters: its characters, or its parts between spaces where letters have several characters.

        Raises MachineError where a letter is not in the alphabet. A sequence of letters is only checked.
        """
        whole = isinstance(text, str) and any(len(letter) > 1 for letter in self.alphabet)
        letters = tuple(text.split() if whole else text)  # type: ignore[union-attr]
        for letter in letters:
            self.letter_index(letter)
        return letters

    def path(self, word: str | Sequence[str]) -> tuple[str, ...]:
        """The states visited on a word, the start state first: one more than letters."""
        index, path = self.start, [self.states[self.start]]
        for letter in self.word(word):
            index = self.transitions[index][self.letter_index(letter)]
            path.append(self.states[index])
        return tuple(path)

    def accepts(self, word: str | Sequence[str]) -> bool:
        """Whether the word ends in an accepting state."""
        return self.state_index(self.path(word)[-1]) in self.accepting

    def reachable(self) -> tuple[str, ...]:
        """Names of the states that some word reaches, in the order in which a breadth-first walk meets them."""
        order = [self.start]
        seen = {self.start}
        for index in order:  # grows while it is walked
            for target in self.transitions[index]:
                if target not in seen:
                    seen.add(target)
                    order.append(target)
        return tuple(self.states[index] for index in order)

    def to_dfa(self) -> DFA:
        """Return the same automaton as automata-lib's DFA over the state names; give it words as lists of letters."""
        return DFA(
            states=set(self.states),
            input_symbols=set(self.alphabet),
            transitions={
                state: {letter: self.states[target] for letter, target in zip(self.alphabet, row, strict=True)}
                for state, row in zip(self.states, self.transitions, strict=True)
            },
            initial_state=self.states[self.start],
            final_states={self.states[index] for index in self.accepting},
        )


def check_title(name: object) -> str:
    """The name of a machine, checked: text of 1 to MAX_NAME characters without control characters."""
    if not isinstance(name, str) or not name.strip():
        raise MachineError("The machine has no name; give it one, for example 'parity'.")
    if len(name) > MAX_NAME:
        raise MachineError(f"The name of the machine has {len(name)} characters; use at most {MAX_NAME}.")
    _check_characters(name, "The name of the machine")
    return name


def check_labels(labels: Iterable[str], what: str) -> tuple[str, ...]:
    """Check labels of one kind, "state" or "letter": at least one, distinct, not blank, not too long, not too many.

    Other kinds ("key", "value") have the bounds of states.
    """
    checked = tuple(_items(labels, what + "s"))
    limit = MAX_LETTERS if what == "letter" else MAX_STATES
    if not checked:
        container = {"state": "set of states", "letter": "alphabet"}.get(what, f"list of {what}s")
        raise MachineError(f"The {container} is empty; at least one {what} is needed.")
    if len(checked) > limit:
        raise TooLargeError(f"There are {len(checked)} {what}s; at most {limit} are supported, so use fewer.")
    for position, label in enumerate(checked, start=1):
        if not isinstance(label, str):
            raise MachineError(f"The name of {what} {position} is {label!r}; it must be text, so put it in quotes.")
        if not label.strip():
            raise MachineError(f"The name of {what} {position} is empty; give every {what} a name.")
        if len(label) > MAX_LABEL:
            raise MachineError(
                f"The {what} name {label[:20]!r}... has {len(label)} characters; use at most {MAX_LABEL}."
            )
        _check_characters(label, f"The {what} name {label!r}")
        if label in checked[: position - 1]:
            raise MachineError(f"The {what} name {label!r} is used twice; give every {what} its own name.")
    return checked


def _check_characters(text: str, where: str) -> None:
    bad = next((character for character in text if unicodedata.category(character) in ("Cc", "Cs")), None)
    if bad is not None:
        raise MachineError(f"{where} holds the control character {bad!r}; use printable characters only.")


def _check_transitions(rows: object, states: Sequence[str], alphabet: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    table = [tuple(_items(row, "one row of transitions")) for row in _items(rows, "transitions")]
    if len(table) != len(states):
        raise MachineError(
            f"The transition table has {len(table)} rows for {len(states)} states; give one row per state."
        )
    for state, row in zip(states, table, strict=True):
        if len(row) != len(alphabet):
            raise MachineError(
                f"The transitions of state {state!r} have {len(row)} entries for {len(alphabet)} letters; "
                "give one per letter."
            )
        for letter, target in zip(alphabet, row, strict=True):
            if target is None:
                raise MachineError(missing_transition(state, letter))
            _check_index(target, states, f"The transition of state {state!r} on letter {letter!r}")
    return tuple(tuple(int(target) for target in row) for row in table)


def missing_transition(state: str, letter: str) -> str:
    """The sentence for a transition that is not there."""
    return (
        f"State {state!r} has no transition on letter {letter!r}; add it, "
        "or let a trap state complete the machine (complete=True)."
    )


def _check_index(index: Any, states: Sequence[str], what: str) -> int:
    if isinstance(index, bool) or not hasattr(index, "__index__"):
        found = "missing" if index is None else f"{index!r}"
        raise MachineError(f"{what} is {found}; it must be the number of one of the {len(states)} states.")
    number = index.__index__()
    if not 0 <= number < len(states):
        raise MachineError(
            f"{what} is the unknown state number {number}; the states are numbered 0 to {len(states) - 1}."
        )
    return int(number)


def check_positions(positions: Any, states: Sequence[str]) -> tuple[tuple[float, float], ...] | None:
    """The places of the states, checked: one (x, y) per state, finite, rounded to hundredths; None stays None.

    Raises MachineError for a wrong number of places or a place that is no pair of numbers within MAX_COORDINATE.
    """
    if positions is None:
        return None
    points = tuple(_items(positions, "positions"))
    if len(points) != len(states):
        raise MachineError(
            f"There are {len(points)} positions for {len(states)} states; give one (x, y) per state or none."
        )
    checked = []
    for state, point in zip(states, points, strict=True):
        numbers = tuple(_items(point, "one position"))
        if len(numbers) != 2 or not all(_is_coordinate(number) for number in numbers):
            raise MachineError(
                f"The position of state {state!r} is {point!r:.40}; it must be two numbers "
                f"between -{MAX_COORDINATE:g} and {MAX_COORDINATE:g}."
            )
        checked.append((round(float(numbers[0]), 2) + 0.0, round(float(numbers[1]), 2) + 0.0))  # + 0.0: no minus zero
    return tuple(checked)


def _is_coordinate(number: object) -> bool:
    if isinstance(number, bool) or not hasattr(number, "__float__"):
        return False
    return math.isfinite(float(number)) and abs(float(number)) <= MAX_COORDINATE


def _find(labels: tuple[str, ...], label: object, what: str) -> int:
    if label not in labels:
        known = ", ".join(map(repr, labels[:8])) + (", ..." if len(labels) > 8 else "")
        raise MachineError(f"The {what} {label!r} is unknown; the {what}s of this machine are {known}.")
    return labels.index(label)


def _items(value: Any, what: str) -> Iterable[Any]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise MachineError(f"The {what} are {value!r:.60}; they must be a list.")
    return value
