"""The one lab of a session: kept in session state, mirrored in the link as one token, with a small history for undo.

Everything on screen is a function of this lab, so a refresh, a new browser or a colleague's machine shows the same
numbers from the same link. The token is rewritten on every run, because a page switch empties the query string.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

import streamlit as st

from linattn_core.errors import LinattnError
from linattn_core.lab import Lab

PARAM = "lab"
HISTORY = 50


def open_lab() -> None:
    """Once at the top of every run: adopt the lab of the link, or write the session's lab into the link."""
    memory = st.session_state
    if "lab" not in memory:
        memory.lab, memory.past, memory.future = Lab.default(), [], []
        memory.url_seen, memory.url_written, memory.viewer = None, [], uuid.uuid4().hex
    memory.pop("notice", None)
    token = st.query_params.get(PARAM)
    if not memory.pop("own_rerun", False) and _is_new_link(token):
        try:
            _adopt(Lab.from_token(token or ""))
        except LinattnError as error:
            kept = (
                "Your lab is unchanged." if memory.past or memory.url_seen else "The worked example is shown instead."
            )
            memory.notice = f"{error} {kept}"
    memory.url_seen = token
    _write_link()


def _is_new_link(token: str | None) -> bool:
    """Whether `token` came with the address, not as the late echo of one that this session wrote itself.

    A click can overtake the browser's update of the address; such a run still carries the address seen last time.
    """
    memory = st.session_state
    if token is None or token == memory.url_seen or token == memory.lab.to_token():
        return False
    if token in memory.url_written:
        del memory.url_written[: memory.url_written.index(token) + 1]
        return False
    return True


def _write_link() -> None:
    memory = st.session_state
    token = memory.lab.to_token()
    if st.query_params.get(PARAM) != token:
        st.query_params[PARAM] = token
        memory.url_written = [*memory.url_written, token][-8:]
    else:
        memory.url_written = []


def lab() -> Lab:
    """The lab of this session."""
    return st.session_state.lab


def viewer() -> str:
    """The name under which this session waits for jobs."""
    return st.session_state.viewer


def set_lab(new: Lab) -> None:
    """Make `new` the lab of this session; the old one goes to the history. The next run writes the link."""
    st.session_state.pop("problem", None)
    if new != st.session_state.lab:
        _adopt(new)


def _adopt(new: Lab) -> None:
    memory = st.session_state
    memory.past = [*memory.past, memory.lab][-HISTORY:]
    memory.future = []
    memory.lab = new


def attempt(place: str, make: Callable[[], Lab]) -> None:
    """Set the lab that `make` returns; a LinattnError leaves the lab as it was and its sentence in `problem(place)`."""
    try:
        set_lab(make())
    except LinattnError as error:
        st.session_state.problem = (place, str(error))


def problem(place: str) -> str | None:
    """Why the last change made at `place` was refused, if it was."""
    where, sentence = st.session_state.get("problem", ("", ""))
    return sentence if where == place else None


def rerun() -> None:
    """Run the page again because of our own state; the browser has not spoken, so the link is not read."""
    st.session_state.own_rerun = True
    st.rerun()


def undo() -> None:
    """Back to the lab before the last change."""
    _swap("past", "future")


def redo() -> None:
    """Forward again after an undo."""
    _swap("future", "past")


def _swap(source: str, target: str) -> None:
    memory = st.session_state
    if memory[source]:
        memory[target] = [*memory[target], memory.lab][-HISTORY:]
        memory.lab = memory[source][-1]
        memory[source] = memory[source][:-1]
        memory.pop("problem", None)
