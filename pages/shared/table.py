"""The transition table as an editable sheet, and back: plain conversions between a machine and rows of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd  # type: ignore[import-untyped]

from linattn_core.errors import MachineError
from linattn_core.machines import Machine, from_table
from linattn_core.machines.sketch import beside

STATE, START, ACCEPT = "state", "start", "accepting"
PLACE = "place"  # no column of the sheet: where a row's state stands in the drawing
ON = "on "  # a letter's column is "on a", so that a letter called "state" has a column of its own


def sheet(machine: Machine) -> pd.DataFrame:
    """One row per state: its name, the next state on each letter, whether it starts and accepts."""
    columns: dict[str, list[Any]] = {STATE: list(machine.states)}
    for k, letter in enumerate(machine.alphabet):
        columns[ON + letter] = [machine.states[row[k]] for row in machine.transitions]
    columns[START] = [k == machine.start for k in range(len(machine.states))]
    columns[ACCEPT] = [k in machine.accepting for k in range(len(machine.states))]
    return pd.DataFrame(columns)


def edited_rows(base: Machine, edits: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of the sheet of `base` after the editor's `edits`; a renamed state is renamed wherever it is a target.

    The browser sends the edits, so anything may be in them; what is not understood is left out here and what does not
    make a machine is refused by `machine_of`.
    """
    rows: list[dict[str, Any]] = sheet(base).to_dict("records")
    renamed: dict[str, str] = {}
    for number, cells in _mapping(edits.get("edited_rows")).items():
        if not str(number).isdigit() or int(number) >= len(rows):
            continue
        row = rows[int(number)]
        for column, value in _mapping(cells).items():
            if column in row:
                if column == STATE and isinstance(value, str):
                    renamed[row[STATE]] = value
                row[column] = value
    for row, place in zip(rows, base.positions or (), strict=False):
        row[PLACE] = place
    added = [{k: v for k, v in _mapping(row).items() if k != PLACE} for row in edits.get("added_rows") or []]
    if any(_mapping(cells).get(START) is True for cells in _mapping(edits.get("edited_rows")).values()):
        _move_start(rows, base.states[base.start])
    removed = {number for number in edits.get("deleted_rows") or [] if isinstance(number, int)}
    rows = [row for number, row in enumerate(rows) if number not in removed]
    rows += [{STATE: None, START: False, ACCEPT: False} | row for row in added]
    for row in rows:
        for column in row:
            if column.startswith(ON) and isinstance(row[column], str):
                row[column] = renamed.get(row[column], row[column])
    return rows


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _move_start(rows: list[dict[str, Any]], before: str) -> None:
    """Ticking another state as the start unticks the old one: there is only one start."""
    marked = [row for row in rows if row[START]]
    if len(marked) > 1:
        for row in marked:
            row[START] = row[STATE] != before


def machine_of(rows: Sequence[Mapping[str, Any]], base: Machine) -> Machine:
    """The machine that the rows describe, with the name and alphabet of `base`; states that stay keep their places.

    Raises MachineError with one sentence for everything that is not a machine.
    """
    starts = [row for row in rows if row.get(START) is True]
    if len(starts) != 1:
        raise MachineError(f"{len(starts) or 'No'} states are ticked as the start; tick exactly one.")
    names = [row.get(STATE) or "" for row in rows]
    return from_table(
        [(name, {x: row.get(ON + x) for x in base.alphabet}) for name, row in zip(names, rows, strict=True)],
        start=starts[0].get(STATE) or "",
        accepting=[row.get(STATE) or "" for row in rows if row.get(ACCEPT) is True],
        name=base.name,
        alphabet=base.alphabet,
        positions=_places(rows) if base.positions is not None else None,
    )


def _places(rows: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    """Where each row's state stands; a new one goes below the others."""
    places = [row[PLACE] for row in rows if PLACE in row]
    found = []
    for row in rows:
        if PLACE not in row:
            places.append(beside(tuple(places)) if places else (0.0, 0.0))
        found.append(row.get(PLACE, places[-1]))
    return tuple(found)


def with_letters(machine: Machine, text: str) -> Machine:
    """`machine` over the letters in `text` (separated by spaces or commas).

    Letters that stay keep their transitions; a single letter that was exchanged for another is renamed; a new letter
    loops at every state until the table says otherwise.
    """
    letters = text.replace(",", " ").split()
    gone = [x for x in machine.alphabet if x not in letters]
    new = [x for x in letters if x not in machine.alphabet]
    source = {x: x for x in machine.alphabet}
    if len(gone) == len(new) == 1:
        source[new[0]] = gone[0]
    rows = []
    for state in machine.states:
        rows.append((state, {x: machine.step(state, source[x]) if x in source else state for x in letters}))
    return from_table(
        rows,
        start=machine.states[machine.start],
        accepting=[machine.states[k] for k in machine.accepting],
        name=machine.name,
        alphabet=letters,
        positions=machine.positions,
    )
