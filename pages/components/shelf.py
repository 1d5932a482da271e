"""My machines: a shelf in the browser's own storage. Python says what is on the page and checks what is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from linattn_core.errors import LinattnError, SpecError
from linattn_core.lab import AutomatonBuild, Lab, MemoryBuild, OpenedLab, SequencesBuild, TuringBuild
from pages.components.intake import MAX_INSTANCE
from pages.components.sent_once import sent_once

ACTIONS = ("save", "open")

_mount = sent_once(
    "linattn.shelf",
    css=("shelf.css",),
    js=("mount.js", "elements.js", "shelf_store.js", "shelf_parts.js", "shelf.js"),
)


@dataclass(frozen=True)
class Wish:
    """One message of the shelf: to have the code of what is on the page ("save"), or to "open" a code it kept."""

    instance: str
    serial: int
    action: str
    code: str


def shelf(
    lab: Callable[[], Lab], take: Callable[[OpenedLab], None], *, key: str = "shelf", remark: Callable[[], str] = str
) -> None:
    """Show the shelf. `lab` is asked for what is on the page; `take` gets what the user opens, before the next run.

    remark: what to say after saving, for example that an unfinished drawing is not part of it.
    """
    _mount(
        key=key,
        data={"name": suggestion(lab()), "answer": st.session_state.get(_name(key))},
        on_wish_change=lambda: _hear(key, lab, take, remark),
    )


def _hear(key: str, lab: Callable[[], Lab], take: Callable[[OpenedLab], None], remark: Callable[[], str]) -> None:
    """Answer the message that woke the page up; one that the shelf would never send is not answered."""
    payload = st.session_state[key].get("wish")
    if payload is None:
        return
    try:
        wish = read_wish(payload)
    except SpecError as error:
        st.session_state[_name(key)] = None
        st.toast(str(error))
        return
    answer: dict[str, Any] = {"instance": wish.instance, "serial": wish.serial}
    if wish.action == "save":
        answer |= {"code": code_of(lab()), "kind": kind_in_words(lab()), "remark": remark()}
    else:
        try:
            take(lab_of(wish.code))
        except LinattnError as error:
            answer["problem"] = str(error)
    st.session_state[_name(key)] = answer


def read_wish(payload: Any) -> Wish:
    """Check one message; raises SpecError for what the shelf would never send."""
    if not isinstance(payload, Mapping) or set(payload) != {"instance", "serial", "action", "code"}:
        raise SpecError(f"The shelf sent {payload!r:.60}, which is no wish; reload the page.")
    instance, serial, action, code = (payload[name] for name in ("instance", "serial", "action", "code"))
    if not isinstance(instance, str) or not 0 < len(instance) <= MAX_INSTANCE:
        raise SpecError(f"The shelf calls itself {instance!r:.60}; reload the page.")
    if isinstance(serial, bool) or not isinstance(serial, int) or not 0 <= serial < 2**53:
        raise SpecError(f"The shelf counts with {serial!r:.40}; reload the page.")
    if action not in ACTIONS or not isinstance(code, str):
        raise SpecError(f"The shelf wants {action!r:.40}; it can {' and '.join(ACTIONS)}.")
    return Wish(instance, serial, action, code)


def code_of(lab: Lab) -> str:
    """The lab as the shelf keeps it, whole: its link's token, or its JSON text where that is too large for a link."""
    try:
        return lab.to_token()
    except SpecError:
        return lab.to_json()


def lab_of(code: str) -> OpenedLab:
    """The lab of a code from a shelf, of any version.

    Raises SpecError with the end of a sentence that begins with the entry's name.
    """
    try:
        return Lab.open_file("lab.json", code.encode()) if code.startswith("{") else Lab.open_token(code)
    except LinattnError as error:
        number, mine = code.partition("-")[0], Lab.default().to_token().partition("-")[0]
        if number.isascii() and number.isdigit() and len(number) < 9 and int(number) > int(mine):
            reason = f"was saved by a later version of this program ({number}, this one reads {mine})"
        elif not code.strip():
            reason = "holds nothing"
        else:
            reason = "was cut off or altered since it was saved, or never was a machine"
        raise SpecError(f"{reason}; it was not opened and stays on the shelf.") from error


def suggestion(lab: Lab) -> str:
    """A name to save the lab under."""
    build = lab.build
    if isinstance(build, AutomatonBuild | TuringBuild):
        return build.machine.name
    return build.name if isinstance(build, SequencesBuild) else f"my {build.kind}"


def kind_in_words(lab: Lab) -> str:
    """What the lab builds, in a few words for the list."""
    build = lab.build
    if isinstance(build, AutomatonBuild):
        machine, where = build.machine, "in the weights" if build.encoding == "step" else "in the prompt"
        return f"automaton {where}, {_many(machine.states, 'state')}, {_many(machine.alphabet, 'letter')}"
    if isinstance(build, TuringBuild):
        return f"Turing machine, {_many(build.machine.states, 'state')}, {_many(build.machine.symbols, 'symbol')}"
    if isinstance(build, MemoryBuild):
        pairs = build.table or build.vectors
        return f"associative memory, {_many(pairs, 'pair') if pairs else 'random vectors'}"
    if isinstance(build, SequencesBuild):
        return "own sequences"
    return f"random teacher, d = {build.dim}"


def _many(items: tuple[Any, ...], what: str) -> str:
    return f"{len(items)} {what}{'s' if len(items) != 1 else ''}"


def _name(key: str) -> str:
    return f"{key}-answer"
