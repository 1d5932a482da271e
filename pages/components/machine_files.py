"""A machine from a file and into files: JFLAP, Graphviz, LaTeX, SVG, TOML, JSON, a regular expression."""

from __future__ import annotations

import re
from collections.abc import Callable

import streamlit as st

from linattn_core.errors import LinattnError, MachineError
from linattn_core.figures.svg import machine_svg
from linattn_core.machines import Machine
from linattn_core.machines.export import from_json, from_toml, to_dot, to_json, to_regex, to_tikz, to_toml
from linattn_core.machines.jff import open_jff, write_jff
from linattn_core.machines.sketch import Sketch
from pages.components.drawing_board import Take, put
from pages.shared.widgets import literal

MAX_NAME = 60


def open_file(machine: Machine, take: Take, *, key: str = "board") -> None:
    """Open a machine file: .jff, .toml or .json; an unfinished or nondeterministic machine becomes a drawing."""
    name = f"{key}-file"
    st.file_uploader(
        "A machine file: .jff of JFLAP 7, .toml or .json",
        type=["jff", "toml", "json"],
        key=name,
        on_change=lambda: _opened(name, machine, take, key),
        max_upload_size=1,
    )
    _said(f"{name}-says", machine)


def _said(key: str, machine: Machine) -> None:
    """Show what was said of the last file until the machine changes: a page may run more than once for one click."""
    error, remarks, about = st.session_state.get(key, (None, (), None))
    if about is not None and about != machine:
        del st.session_state[key]
        return
    if error or remarks:
        st.session_state[key] = error, remarks, machine
    if error:
        st.error(literal(error), icon=":material/error:")
    for remark in remarks:
        st.info(literal(remark), icon=":material/info:")


def save_files(machine: Machine, *, key: str = "board") -> None:
    """Download or copy `machine` in every format; what a format cannot hold is said in its place."""
    file = re.sub(r"[^\w]+", "-", machine.name).strip("-")[:MAX_NAME] or "automaton"
    writers: dict[str, tuple[str, Callable[[], str | bytes], str | None]] = {
        "JFLAP": ("jff", lambda: write_jff(machine), None),
        "SVG": ("svg", lambda: machine_svg(machine), None),
        "LaTeX": ("tex", lambda: to_tikz(machine), "latex"),
        "Graphviz": ("dot", lambda: to_dot(machine), "dot"),
        "TOML": ("toml", lambda: to_toml(machine), "toml"),
        "JSON": ("json", lambda: to_json(machine), "json"),
        "Regular expression": ("txt", lambda: to_regex(machine), "text"),
    }
    kind = st.segmented_control("Format", list(writers), default="JFLAP", key=f"{key}-format", required=True)
    ending, write, language = writers[kind or "JFLAP"]
    try:
        content = write()
    except LinattnError as error:
        st.caption(literal(str(error)))
        return
    st.download_button(
        f"Download {file}.{ending}", content, f"{file}.{ending}", icon=":material/download:", key=f"{key}-save"
    )
    whole = [letter for letter in machine.alphabet if len(letter) > 1]
    if kind == "JFLAP" and whole:
        st.caption(literal(f"JFLAP itself reads “{whole[0]}” as {len(whole[0])} letters; opened here it is one again."))
    if language is not None and isinstance(content, str):
        st.code(content, language=None if language == "text" else language, height=220)


def read_machine(data: bytes, name: str) -> tuple[Sketch, tuple[str, ...]]:
    """Return the drawing in a file, and remarks; `name` decides by its ending. Raises LinattnError."""
    ending, title = name.lower().rsplit(".", 1)[-1], name.rsplit(".", 1)[0][:MAX_NAME].strip() or "automaton"
    if ending in ("toml", "json"):
        value = from_toml(data) if ending == "toml" else from_json(data)
        return (Sketch.of(value) if isinstance(value, Machine) else value), ()
    if ending != "jff":
        raise MachineError(f"The file {name[:MAX_NAME]!r} is neither .jff, .toml nor .json; choose one of these.")
    found = open_jff(data, "".join(c if c.isprintable() else " " for c in title))
    if not isinstance(found.value, Sketch):
        raise MachineError("The file holds a Turing machine, which the Universal page opens; choose an automaton here.")
    return found.value, found.remarks


def _opened(name: str, machine: Machine, take: Take, key: str) -> None:
    """Take the file that was just chosen; a file that cannot be opened changes nothing."""
    upload = st.session_state.get(name)
    if upload is None:
        return
    try:
        sketch, remarks = read_machine(upload.getvalue(), upload.name)
        put(sketch, machine, take, key)
        st.session_state[f"{name}-says"] = (None, remarks, None)
    except LinattnError as error:
        st.session_state[f"{name}-says"] = (str(error), (), None)
