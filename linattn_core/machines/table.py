"""Machines from a transition table by names, from plain data, and at random."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from linattn_core.errors import MachineError
from linattn_core.machines.automaton import MAX_LETTERS, MAX_STATES, Machine, check_labels, missing_transition
from linattn_core.machines.names import letter_names, state_names

Row = Mapping[str, str | None]
Table = Mapping[str, Row] | Iterable[tuple[str, Row]]


def from_table(
    table: Table,
    *,
    start: str,
    accepting: Iterable[str] = (),
    name: str = "automaton",
    alphabet: Sequence[str] | None = None,
    complete: bool = False,
    positions: Sequence[tuple[float, float]] | None = None,
) -> Machine:
    """Make a machine from {state: {letter: next state}}, or from (state, {letter: next state}) pairs.

    Letters keep the order of their first appearance unless `alphabet` is given. None or "" as next state is a missing
    transition: an error, unless complete=True sends all of them to a trap state. Raises MachineError with one sentence.
    """
    rows = list(table.items() if isinstance(table, Mapping) else table)
    names = (accepting,) if isinstance(accepting, str) else tuple(accepting)
    states = check_labels([state for state, _ in rows], "state")
    seen = dict.fromkeys(letter for _, row in rows for letter in row)
    letters = check_labels(list(seen) if alphabet is None else alphabet, "letter")
    unknown = next((letter for letter in seen if letter not in letters), None)
    if unknown is not None:
        raise MachineError(f"The table uses the letter {unknown!r}, which is not in the alphabet; add it there.")
    grid: list[list[int | None]] = []
    for state, row in rows:
        targets = [row.get(letter) for letter in letters]
        grid.append([_target(states, state, letter, target) for letter, target in zip(letters, targets, strict=True)])
    if complete and any(target is None for targets_ in grid for target in targets_):
        states, grid = _with_trap(states, grid, len(letters))
        positions = None  # the trap state has no place in the given drawing
    return Machine(
        name=name,
        states=states,
        alphabet=letters,
        transitions=_total(states, letters, grid),
        start=_named(states, start, "start"),
        accepting=tuple(_named(states, state, "accepting") for state in names),
        positions=None if positions is None else tuple(positions),
    )


def to_data(machine: Machine) -> dict[str, Any]:
    """Return the machine as plain tables, lists and texts by names, for TOML and JSON; ``from_data`` reads it back."""
    data: dict[str, Any] = {
        "name": machine.name,
        "states": list(machine.states),
        "alphabet": list(machine.alphabet),
        "start": machine.states[machine.start],
        "accepting": [machine.states[index] for index in machine.accepting],
        "transitions": {
            state: {letter: machine.states[target] for letter, target in zip(machine.alphabet, row, strict=True)}
            for state, row in zip(machine.states, machine.transitions, strict=True)
        },
    }
    if machine.positions is not None:
        data["positions"] = [list(point) for point in machine.positions]
    return data


def from_data(data: Any) -> Machine:
    """Return the machine of ``to_data``'s tables; raises MachineError with one sentence for anything else."""
    if not isinstance(data, Mapping):
        raise MachineError(f"The machine is {data!r:.60}; it must be a table with states, alphabet and transitions.")
    _check_entries(data)
    states, letters = check_labels(data["states"], "state"), check_labels(data["alphabet"], "letter")
    table = data["transitions"]
    unknown = next((state for state in table if state not in states), None)
    if unknown is not None:
        raise MachineError(f"The transitions name the unknown state {unknown!r}; add it to the states or correct it.")
    return from_table(
        [(state, table.get(state, {})) for state in states],
        start=data["start"],
        accepting=data.get("accepting", []),
        name=data.get("name", "automaton"),
        alphabet=letters,
        positions=data.get("positions"),
    )


def _check_entries(data: Mapping[str, Any]) -> None:
    """Check which entries there are and whether they are lists and tables; what they hold is checked later."""
    known = ("name", "states", "alphabet", "start", "accepting", "transitions", "positions")
    strange = next((key for key in data if key not in known), None)
    if strange is not None:
        raise MachineError(f"The machine has the unknown entry {strange!r}; known are {', '.join(known)}.")
    for key in ("states", "alphabet", "transitions", "start"):
        if key not in data:
            named, remedy = ("start state", "name one of its states") if key == "start" else (key, "add an entry")
            raise MachineError(f"The machine has no {named}; {remedy}.")
    for key in ("states", "alphabet", "accepting", "positions"):
        if not isinstance(data.get(key, []), (list, tuple)):
            raise MachineError(f"The {key} of the machine are {data[key]!r:.60}; they must be a list.")
    rows = data["transitions"]
    if not isinstance(rows, Mapping) or not all(isinstance(row, Mapping) for row in rows.values()):
        raise MachineError("The transitions must be a table with a row for each state: letter = next state.")


def random_machine(states: int, letters: int, seed: int, *, reachable: bool = True) -> Machine:
    """A random machine with states q0.. and letters a, b, ..; each state accepts with probability 1/2.

    reachable=True: a random spanning tree first, so that every state can be reached (not uniform over such machines);
    reachable=False: uniform over all S^..Q transition functions. A function of (states, letters, seed) alone.
    """
    for value, what, limit in ((states, "states", MAX_STATES), (letters, "letters", MAX_LETTERS)):
        if not 1 <= value <= limit:
            raise MachineError(f"A random machine with {value} {what} was asked for; choose 1 to {limit} {what}.")
    rng = np.random.default_rng(seed)
    table = rng.integers(states, size=(states, letters))
    if reachable:
        free = [(0, letter) for letter in range(letters)]
        for state in range(1, states):
            source = free.pop(int(rng.integers(len(free))))
            table[source] = state
            free += [(state, letter) for letter in range(letters)]
    accepting = np.flatnonzero(rng.random(states) < 0.5)
    return Machine(
        name=f"random machine {seed}",
        states=state_names(states),
        alphabet=letter_names(letters),
        transitions=tuple(tuple(map(int, row)) for row in table),
        accepting=tuple(map(int, accepting)),
    )


def _target(states: tuple[str, ...], state: str, letter: str, target: str | None) -> int | None:
    if target is None or target == "":
        return None
    if target not in states:
        raise MachineError(
            f"The transition of state {state!r} on letter {letter!r} leads to the unknown state {target!r}; "
            "add that state or correct the name."
        )
    return states.index(target)


def _named(states: tuple[str, ...], state: str | None, role: str) -> int:
    if state is None or state == "":
        raise MachineError(f"The machine has no {role} state; name one of its states.")
    if state not in states:
        raise MachineError(f"The {role} state {state!r} is not one of the states; add it or correct the name.")
    return states.index(state)


def _total(
    states: tuple[str, ...], letters: tuple[str, ...], grid: list[list[int | None]]
) -> tuple[tuple[int, ...], ...]:
    total = []
    for state, row in zip(states, grid, strict=True):
        for letter, target in zip(letters, row, strict=True):
            if target is None:
                raise MachineError(missing_transition(state, letter))
        total.append(tuple(target for target in row if target is not None))
    return tuple(total)


def _with_trap(
    states: tuple[str, ...], grid: list[list[int | None]], letters: int
) -> tuple[tuple[str, ...], list[list[int | None]]]:
    name = "trap"
    while name in states:
        name += "'"
    trap = len(states)
    filled: list[list[int | None]] = [[trap if target is None else target for target in row] for row in grid]
    return (*states, name), [*filled, [trap] * letters]
