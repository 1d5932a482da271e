"""What stands around every page: navigation, the lab in the sidebar with undo and share, and the notices on top."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from linattn_core.errors import LinattnError
from linattn_core.lab import AutomatonBuild, Lab, MemoryBuild, OpenedLab, SequencesBuild, TuringBuild
from pages.shared import state, theme_watch, universal_choice
from pages.shared.widgets import literal, problem

ICON = str(Path(__file__).resolve().parents[2] / "assets" / "icon.svg")
MAX_LAB_FILE = 2 * 2**20  # bytes; the widget's own limit is checked in the browser only

_PAGES = [
    ("start", "Start", "home", "A finished example: build, learn, recover, certify. Break it and cure it."),
    ("build", "Build", "construction", "Build an automaton, a memory, a teacher; or bring your own sequences."),
    ("traces", "Traces", "timeline", "The example words as tokens, and how often each transition occurs."),
    ("learn", "Learn", "bolt", "The exact learner: its plan, training error and timings."),
    ("inspect", "Inspect", "search", "Heads as matrices, and the automaton read back out of them."),
    ("certify", "Certify", "verified", "What the traces prove, what they leave open, and which trace would close it."),
    ("universal", "Universal", "all_inclusive", "One layer for every automaton, one for every Turing machine."),
    ("about", "About", "menu_book", "The theory in one page, and how to cite it."),
]


def pages() -> list[Any]:
    """The pages in the order of the path from machine to certificate."""
    return [
        st.Page(f"{name}.py", title=title, icon=f":material/{icon}:", help=help_, default=name == "start")
        for name, title, icon, help_ in _PAGES
    ]


def sidebar() -> None:
    """The lab of this session in a few words, undo and redo, and the share link."""
    st.logo(ICON, size="large")
    with st.sidebar:
        st.caption("YOUR LAB")
        about = st.container()
        with st.popover("Share or save", icon=":material/share:", width="stretch"):
            link = st.container()
            state.address_field()  # may adopt another lab, so everything that shows the lab comes after it
            with link:
                _share()
            _files(state.lab())
        theme_watch.watch()
    with about:
        st.markdown(summary(state.lab()))
        with st.container(horizontal=True, gap="xsmall"):
            past, future = st.session_state.past, st.session_state.future
            st.button("Undo", on_click=state.undo, disabled=not past, icon=":material/undo:", key="undo")
            st.button("Redo", on_click=state.redo, disabled=not future, icon=":material/redo:", key="redo")


def summary(lab: Lab) -> str:
    """What the lab builds and learns from, in two short lines of Markdown."""
    build, traces = lab.build, lab.traces
    if isinstance(build, TuringBuild):
        return universal_choice.summary(lab)
    if isinstance(build, AutomatonBuild):
        where = "in the weights" if build.encoding == "step" else "in the prompt"
        what, unit = f"**{literal(build.machine.name)}**, {where}", "words" if build.encoding == "step" else "examples"
    elif isinstance(build, MemoryBuild):
        table = f"{len(build.table)} words" if build.table else f"{len(build.vectors) or build.dim} vectors"
        table += f", overlap {build.correlation:g}" if build.correlation else ""
        what, unit = f"**associative memory**, {table}", "memories"
    elif isinstance(build, SequencesBuild):
        what, unit = f"**own sequences**, {literal(build.name)}", "sequences at most"
    else:
        what, unit = f"**random teacher**, d = {build.dim}, {build.heads} heads", "sequences"
    notes = [f"{traces.count:,} {unit}"]
    notes += [f"noise {traces.noise:g}"] if traces.noise else []
    notes += [f"{len(traces.withheld)} withheld"] if traces.withheld else []
    notes += [f"{len(traces.extra)} added"] if traces.extra else []
    return f"{what}  \n{' · '.join(notes)}"


def _share() -> None:
    link = state.link()
    if link.whole:
        st.markdown("This link opens the same lab, with the same numbers, in any browser.")
    else:
        st.markdown(
            "This link carries everything but your data, which are too large for it: it opens while this server keeps "
            "them. To keep or send the lab with its data, save it as a file."
        )
    base = (st.context.url or "").split("?")[0]
    st.code(f"{base}?{state.PARAM}={link.token}", language=None, wrap_lines=True)


def _files(lab: Lab) -> None:
    text = lab.to_toml() if state.link().whole else lab.to_toml  # a large one is written only when it is asked for
    st.download_button("Save as a file", text, "lab.toml", "text/plain", icon=":material/download:")
    st.file_uploader(
        "Open a saved lab",
        type=["toml", "json"],
        key="lab_file",
        on_change=_open_file,
        max_upload_size=MAX_LAB_FILE // 2**20,
    )
    problem("file")


def _open_file() -> None:
    upload = st.session_state.lab_file
    if upload is not None:
        state.attempt("file", lambda: read_file(upload.name, upload.getvalue()))


def read_file(name: str, data: bytes) -> OpenedLab:
    """The lab of an uploaded file; raises LinattnError with one sentence for anything that is none."""
    if len(data) > MAX_LAB_FILE:
        raise LinattnError(f"The file has {len(data):,} bytes, more than the {MAX_LAB_FILE:,} a lab may have.")
    return Lab.open_file(name, data)


def notices() -> None:
    """What must be said on whichever page: a link that could not be used, what is gone of a lab that was opened."""
    sentence = st.session_state.get("notice")
    if sentence:
        st.warning(literal(sentence), icon=":material/link_off:")
    for remark in st.session_state.get("remarks", ()):
        st.info(literal(remark), icon=":material/info:")
