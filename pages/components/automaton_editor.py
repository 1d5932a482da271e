"""The drawing editor as one call: give it a drawing, hear of every finished gesture."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from linattn_core.errors import LinattnError
from linattn_core.machines.automaton import MAX_LABEL, MAX_LETTERS, MAX_STATES
from linattn_core.machines.sketch import Sketch, sketch_to_data
from pages.components.intake import Edit, Truth, adopt, received
from pages.components.sent_once import sent_once

LIMITS = {"states": MAX_STATES, "letters": MAX_LETTERS, "label": MAX_LABEL}
DRAWING = ("mount.js", "elements.js", "model.js", "layout.js", "geometry.js", "scene.js")

_mount = sent_once(
    "linattn.automaton_editor",
    css=("drawing.css", "editor.css"),
    js=(*DRAWING, "parts.js", "gestures.js", "keys.js", "picture.js", "editor.js", "editor_main.js"),
)


def automaton_editor(
    sketch: Sketch,
    on_edit: Callable[[Edit], None],
    *,
    key: str,
    unfinished: bool = False,
    height: int = 440,
) -> None:
    """Show the drawing `sketch` in an editor; `on_edit` hears of every finished gesture, before the page runs again.

    The page keeps the drawing and hands it back on the next run: another one than the editor sent replaces it, the same
    one confirms it. unfinished: the drawing is kept nowhere else, so the browser keeps a copy over a reload. A message
    that is no drawing changes nothing and is explained by an error below the editor.
    """
    truth = adopt(st.session_state.get(_name(key)), sketch)
    st.session_state[_name(key)] = truth
    _mount(
        key=key,
        data={
            "key": key,
            "sketch": sketch_to_data(sketch),
            "revision": truth.revision,
            "external": truth.external,
            "echo": list(truth.echo) if truth.echo else None,
            "limits": LIMITS,
            "height": height,
            "unfinished": unfinished,
        },
        on_edit_change=lambda: _hear(key, on_edit),
    )
    problem = st.session_state.pop(f"{_name(key)}-problem", None)
    if problem:
        st.error(problem)


def _hear(key: str, on_edit: Callable[[Edit], None]) -> None:
    """Take the message that woke the page up; a refused one leaves the drawing as it was."""
    payload = st.session_state[key].get("edit")
    truth: Truth | None = st.session_state.get(_name(key))
    if payload is None or truth is None:
        return
    try:
        truth, edit = received(truth, payload)
    except LinattnError as error:
        st.session_state[f"{_name(key)}-problem"] = str(error)
        # A new revision, so that the editor takes the true drawing up again.
        edit, truth = None, Truth(truth.sketch, truth.revision + 1, truth.revision + 1, truth.echo)
    st.session_state[_name(key)] = truth
    if edit is not None:
        on_edit(edit)


def _name(key: str) -> str:
    return f"{key}-truth"
