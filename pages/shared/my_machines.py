"""The shelf on the Build page: what is saved there is the whole lab, and opening it is one step of the history."""

from __future__ import annotations

import streamlit as st

from linattn_core.lab import OpenedLab
from pages.components import discard_drawing, drawing_is_unfinished, shelf
from pages.shared import state


def show() -> None:
    """The user's saved machines, folded away until they are wanted."""
    with st.expander("My machines", icon=":material/inventory_2:"):
        shelf(state.lab, _open, remark=_remark)


def _remark() -> str:
    machine = state.lab().machine
    if machine is None or not drawing_is_unfinished():
        return ""
    return f"The drawing is unfinished; what was saved is its last finished machine, “{machine.name}”."


def _open(found: OpenedLab) -> None:
    """Make a saved lab the session's; an unfinished drawing gives way to it and stays in the editor's undo list."""
    discard_drawing()
    state.set_lab(found)
