"""The one lab of a session: kept in session state, mirrored in the address as one token, with a history for undo.

Everything on screen is a function of this lab, so a refresh, a new browser or a colleague's machine shows the same
numbers from the same link. A text field on every page is bound to the address: the browser keeps its value through page
switches, brings it back on Back and Forward, and a cold link arrives through it. The empty field is the default lab, so
that the plain address stays plain. A lab too large for an address is kept by the server, see `build_store`.
"""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import streamlit as st

from linattn_core.errors import LinattnError, SpecError
from linattn_core.lab import Lab, OpenedLab
from pages.shared import build_store

PARAM = "lab"
MAX_LINK = 8_000  # characters of a token: longer links are cut by mail and chat programs
HISTORY = 50
ECHO = 2.0  # seconds in which a click may still carry the address from before the last change


def begin() -> None:
    """Once at the top of every run: what a new session starts with, the lab of its address included."""
    if "current" not in st.session_state:
        st.session_state.update(current=Lab.default(), past=[], future=[], viewer=uuid.uuid4().hex)
        st.session_state.update(shown="", before="", changed_at=0.0, notice=None, remarks=())
        given = st.query_params.get(PARAM, "")
        if given:
            _open(given)


def address_field() -> None:
    """The text field bound to the address: shows the token of the lab, and adopts the lab of any other token in it."""
    memory = st.session_state
    token = _token(lab())
    switched = _page_switched()
    if memory.shown != token:
        memory.before, memory.shown, memory.changed_at = memory.shown, token, time.monotonic()
        memory[PARAM] = token
    elif token and PARAM not in st.query_params and switched:
        memory[PARAM] = token  # the first switch after a cold link drops the token from the address; write it again
    given = st.text_input(
        "Lab code",
        key=PARAM,
        bind="query-params",
        placeholder="the worked example",
        help="Paste a code or a whole share link to open that lab.",
    ).strip()
    late = given == memory.before and time.monotonic() - memory.changed_at < ECHO
    if given != token and not late and not _open(given):
        st.rerun()  # the address must go on naming the lab that stays, or a refresh would lose it


def _page_switched() -> bool:
    """Whether this run shows another page than the one before."""
    path = (st.context.url or "").partition("?")[0]
    before, st.session_state.path = st.session_state.get("path", path), path
    return before != path


@dataclass(frozen=True)
class Link:
    """A lab's token, and whether it is whole: a reference names what is built by its digest, `size` bytes of it."""

    token: str
    whole: bool = True
    digest: str = ""
    size: int = 0


@functools.lru_cache(maxsize=32)
def _link(of: Lab) -> Link:
    try:
        token = of.to_token()
    except SpecError:
        token = ""
    if token and len(token) <= MAX_LINK:
        return Link(token)
    return Link(of.to_reference(), False, of.digest, len(of.to_json()))


def link() -> Link:
    """The link of this session's lab; the server keeps what the link does not carry."""
    of = lab()
    made = _link(of)
    if not made.whole:
        for digest in of.digests:  # by whichever version's link it is asked for
            build_store.store().put(digest, of.build, made.size)
    return made


def source() -> str:
    """The Python expression that makes this session's lab: from its token, or from its file where no token holds it."""
    made = link()
    return f'Lab.from_token("{made.token}")' if made.whole else 'Lab.from_toml(open("lab.toml", "rb").read())'


def _token(of: Lab) -> str:
    return "" if of == Lab.default() else link().token


def _open(given: str) -> bool:
    """Adopt the lab of a token or link; where that cannot be read say so, keep the session's lab, and return False."""
    memory = st.session_state
    memory.shown = given
    try:
        token = given.rpartition(f"{PARAM}=")[2].partition("&")[0]
        found = Lab.open_token(token, build_store.store().find) if token else OpenedLab(Lab.default())
        if not retrace(lambda old: old == found.lab):  # Back and Forward of the browser are undo and redo
            set_lab(found)
    except LinattnError as error:
        kept = "Your lab is unchanged." if memory.past else "The worked example is shown instead."
        memory.notice = f"{error} {kept}"
        return False
    return True


def lab() -> Lab:
    """The lab of this session."""
    return st.session_state.current


def viewer() -> str:
    """The name under which this session waits for jobs."""
    return st.session_state.viewer


def set_lab(chosen: Lab | OpenedLab) -> None:
    """Make `chosen` the lab of this session; the old one goes to the history. The address follows.

    What must be said of a lab that was opened stands on top of every page until the next change.
    """
    memory = st.session_state
    new, remarks = (chosen.lab, chosen.remarks) if isinstance(chosen, OpenedLab) else (chosen, ())
    memory.problem, memory.notice, memory.remarks = None, None, remarks
    if new != memory.current:
        memory.past = [*memory.past, memory.current][-HISTORY:]
        memory.future = []
        memory.current = new


def attempt(place: str, make: Callable[[], Lab | OpenedLab]) -> None:
    """Set the lab that `make` returns; a LinattnError leaves the lab as it was and its sentence in `problem(place)`."""
    try:
        set_lab(make())
    except LinattnError as error:
        st.session_state.problem = (place, str(error))


def problem(place: str) -> str | None:
    """Why the last change made at `place` was refused, if it was."""
    where, sentence = st.session_state.get("problem") or ("", None)
    return sentence if where == place else None


def retrace(
    wanted: Callable[[Lab], bool],
    *,
    back: bool = True,
    forth: bool = True,
    over: Callable[[Lab, Lab], bool] = lambda _near, _far: False,
) -> bool:
    """Undo where the lab before this one is wanted, redo where the next one is; False, with nothing done, otherwise.

    For what is an undo elsewhere, as in the drawing editor or the browser: made a new step, it would take the page's
    own Undo forward again. What is chosen afresh is always a step of its own, so that Undo gives back what was there.
    over: whether to look beyond the step between two neighbours, since quick gestures may arrive as one.
    """
    memory = st.session_state
    for allowed, source, step in ((back, memory.past, undo), (forth, memory.future, redo)):
        way = [memory.current, *reversed(source)] if allowed and not wanted(memory.current) else []
        for count, (near, far) in enumerate(pairwise(way), start=1):
            if wanted(far):
                memory.notice = None
                for _ in range(count):
                    step()
                return True
            if not over(near, far):
                break
    return False


def undo() -> None:
    """Back to the lab before the last change."""
    _swap("past", "future")


def redo() -> None:
    """Forward again after an undo."""
    _swap("future", "past")


def _swap(source: str, target: str) -> None:
    memory = st.session_state
    if memory[source]:
        memory[target] = [*memory[target], memory.current][-HISTORY:]
        memory.current = memory[source][-1]
        memory[source] = memory[source][:-1]
        memory.problem = None
