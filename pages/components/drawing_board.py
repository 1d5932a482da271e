"""The drawing of the machine being built: the editor, what is still missing, and how to finish it.

The lab holds a machine; a drawing may be unfinished or nondeterministic. So the drawing lives beside the lab: a
complete one goes into the lab at once, any other waits here while the lab keeps its last machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import streamlit as st

from linattn_core import figures
from linattn_core.errors import LinattnError
from linattn_core.machines import Machine
from linattn_core.machines.nondeterministic import Determinised, determinise
from linattn_core.machines.sketch import Sketch
from pages.components.automaton_editor import automaton_editor
from pages.components.intake import Edit
from pages.shared import theme
from pages.shared.widgets import diagram, literal

FAULTS = 3  # told at once


class Take(Protocol):
    """Gets every finished machine, and the action that made it: "edit", or the editor's own "undo" or "redo"."""

    def __call__(self, machine: Machine, action: str = "edit") -> None: ...


@dataclass(frozen=True)
class Board:
    """A drawing, and the lab's machines beside which it stands: another one in the lab replaces the drawing."""

    sketch: Sketch
    beside: tuple[Machine, ...]


def drawing_board(machine: Machine, take: Take, *, key: str = "board", height: int = 440) -> None:
    """Edit `machine` by drawing; `take` gets every finished machine and may refuse it.

    Where the lab's machine changes elsewhere, the drawing follows; an unfinished drawing is explained and kept.
    """
    board = _board(machine, key)
    unfinished = board.sketch.kind != "complete"
    automaton_editor(
        board.sketch,
        lambda edit: _edited(edit, machine, take, key),
        key=f"{key}-editor",
        unfinished=unfinished,
        height=height,
    )
    if unfinished:
        _finish(board.sketch, machine, take, key)


def put(sketch: Sketch, machine: Machine, take: Take, key: str = "board", action: str = "edit") -> None:
    """Replace the drawing, for example by an opened file; a complete one is taken at once."""
    if sketch.kind != "complete":
        st.session_state[_name(key)] = Board(sketch, (machine,))
        return
    done = sketch.machine()
    st.session_state[_name(key)] = Board(sketch, (machine, done))  # `take` may refuse: then the drawing stays too
    take(done, action)


def drawing_is_unfinished(key: str = "board") -> bool:
    """Whether there is a drawing that is no machine yet, so that the lab does not hold it."""
    board: Board | None = st.session_state.get(_name(key))
    return board is not None and board.sketch.kind != "complete"


def discard_drawing(key: str = "board") -> None:
    """Forget the drawing: the lab's machine is drawn instead."""
    st.session_state.pop(_name(key), None)


def _board(machine: Machine, key: str) -> Board:
    board: Board | None = st.session_state.get(_name(key))
    if board is None or machine not in board.beside:
        board = Board(Sketch.of(machine), (machine,))
    else:
        board = Board(board.sketch, (machine,))
    st.session_state[_name(key)] = board
    return board


def _edited(edit: Edit, machine: Machine, take: Take, key: str) -> None:
    put(edit.sketch, machine, take, key, edit.action)


def _finish(sketch: Sketch, machine: Machine, take: Take, key: str) -> None:
    """Say what is missing and offer to finish the drawing by itself."""
    with st.container(border=True):
        faults = sketch.faults()
        lines = [f"- {literal(fault)}" for fault in faults[:FAULTS]]
        more = len(faults) - FAULTS
        if more > 0:
            lines.append(f"- and {more} more")
        head = "nondeterministic" if sketch.kind == "nondeterministic" else "not finished"
        st.markdown(
            f"**The drawing is {head}.** The lab keeps “{literal(machine.name)}” meanwhile.\n" + "\n".join(lines)
        )
        with st.container(horizontal=True):
            if sketch.kind == "partial":
                st.button(
                    "Complete it with a trap state",
                    icon=":material/check_circle:",
                    on_click=lambda: _attempt(lambda: put(Sketch.of(sketch.completed()), machine, take, key), key),
                    key=f"{key}-complete",
                )
            st.button(
                "Discard the drawing",
                icon=":material/undo:",
                on_click=lambda: discard_drawing(key),
                key=f"{key}-discard",
            )
        if sketch.kind == "nondeterministic":
            _deterministic(sketch, machine, take, key)
        problem = st.session_state.pop(f"{key}-problem", None)
        if problem:
            st.error(literal(problem), icon=":material/error:")


def _deterministic(sketch: Sketch, machine: Machine, take: Take, key: str) -> None:
    """Before and after: the subset construction, and the smallest automaton for the same words."""
    try:
        made = determinise(sketch)
    except LinattnError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    left, right = st.columns(2)
    with left:
        _shown(made, made.subset, f"Made deterministic: {len(made.subsets)} states", f"{key}-subset")
    with right:
        _shown(made, made.minimal, f"Made minimal: {len(made.minimal.states)} states", f"{key}-minimal")
    with st.container(horizontal=True):
        for label, chosen, name in (
            ("Use the minimal one", made.minimal, "use-minimal"),
            ("Use the deterministic one", made.subset, "use-subset"),
        ):
            if chosen is not None and (name == "use-minimal" or chosen != made.minimal):
                st.button(
                    label,
                    on_click=lambda chosen=chosen: put(Sketch.of(chosen), machine, take, key),
                    key=f"{key}-{name}",
                    type="primary" if name == "use-minimal" else "secondary",
                )


def _shown(made: Determinised, machine: Machine | None, title: str, key: str) -> None:
    st.markdown(f"###### {title}")
    if machine is None:
        st.caption("More states than a machine may have; the minimal one is small enough.")
        return
    try:
        diagram(figures.machine_dot(machine, theme.colours()), figures.describe(machine), key)
    except LinattnError as limit:
        st.caption(literal(str(limit)))


def _attempt(act: Callable[[], None], key: str) -> None:
    try:
        act()
    except LinattnError as error:
        st.session_state[f"{key}-problem"] = str(error)


def _name(key: str) -> str:
    return f"{key}-drawing"
