"""A table that the user edits, and the lab that follows: rows in, what the editor sent, rows out, one sentence."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from linattn_core.errors import SpecError
from linattn_core.lab import Lab
from pages.shared import state

Row = dict[str, Any]
Make = Callable[[list[Row]], tuple[Hashable, Lab]]


def edit(name: str, value: Hashable, rows: Sequence[Row], make: Make, **look: Any) -> None:
    """An editable table of `rows` that shows `value`, a part of the lab.

    `make` turns edited rows into the new value and its lab; where it raises a LinattnError the lab stays as it was, the
    sentence is at `problem(name's place)`, and the table keeps what was typed, to be mended. A value that changed
    elsewhere (undo, a file) replaces what was typed. `look` goes to the editor.
    """
    memory = st.session_state
    if f"{name}_base" not in memory or memory[f"{name}_shown"] != value:
        memory[f"{name}_base"], memory[f"{name}_shown"] = list(rows), value
        memory[f"{name}_number"] = memory.get(f"{name}_number", 0) + 1
    key = f"{name}_{memory[f'{name}_number']}"
    columns = list(rows[0]) if rows else None
    st.data_editor(
        pd.DataFrame(memory[f"{name}_base"], columns=columns),
        key=key,
        hide_index=True,
        on_change=_edited,
        args=(name, key, make),
        **look,
    )


def _edited(name: str, key: str, make: Make) -> None:
    memory = st.session_state
    rows = edited_rows(memory[f"{name}_base"], memory[key])

    def lab() -> Lab:
        value, made = make(rows)
        memory[f"{name}_shown"] = value
        return made

    state.attempt("memory", lab)


def edited_rows(base: Sequence[Row], edits: Mapping[str, Any]) -> list[Row]:
    """The rows after the editor's edits; what is not understood is left out."""
    rows = [dict(row) for row in base]
    for number, cells in (edits.get("edited_rows") or {}).items():
        if str(number).isdigit() and int(number) < len(rows) and isinstance(cells, Mapping):
            rows[int(number)].update(cells)
    removed = {number for number in edits.get("deleted_rows") or [] if isinstance(number, int)}
    added = [dict(row) for row in edits.get("added_rows") or [] if isinstance(row, Mapping)]
    return [row for number, row in enumerate(rows) if number not in removed] + added


def numbers(row: Row, columns: Sequence[str], place: str) -> tuple[float, ...]:
    """The numbers of a row. Raises SpecError for an empty cell and for what is no number."""
    found = []
    for column in columns:
        cell = row.get(column)
        if isinstance(cell, bool) or not isinstance(cell, int | float) or cell != cell:
            shown = "nothing" if cell is None or cell != cell else repr(cell)[:20]
            raise SpecError(f"{place} has {shown} in column {column}; put a number.")
        found.append(float(cell))
    return tuple(found)
