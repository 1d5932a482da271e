"""The Turing machine of one's own: presets, files, random; its rules as a table; its tape."""

from __future__ import annotations

import streamlit as st

from linattn_core.errors import MachineError
from linattn_core.lab import Lab, TuringBuild
from linattn_core.machines import write_jff
from linattn_core.machines.jff import open_jff
from linattn_core.machines.turing import TuringMachine, simulate
from linattn_core.machines.turing_presets import turing_presets
from linattn_core.machines.turing_random import random_turing_machine
from pages.shared import state, turing_table
from pages.shared.widgets import literal, problem

MAX_JFF = 256 * 1024  # bytes; the widget's own limit is checked in the browser only
MOST_STEPS = 1000  # of a run
MANY = 100  # machines that teach two states, two letters, four cells


def show(build: TuringBuild) -> None:
    """Everything that describes the user's own machine and its input."""
    _sources(build)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("###### Rules")
        _names(build.machine)
        _table(build.machine)
    with right:
        st.markdown("###### Tape")
        _tape(build)


def fitted(lab: Lab, machine: TuringMachine, *, word: tuple[str, ...] | None = None, cells: int | None = None) -> Lab:
    """The lab with this machine: the layer grows where the machine needs it, and the number of traces with it.

    A new `word` and number of `cells` come with a preset, and then the layer may shrink too.
    """
    build = lab.turing or Lab.default_turing().turing
    assert build is not None
    if word is None:
        word = build.word if all(symbol in machine.symbols for symbol in build.word) else ()
    own = len(machine.states), len(machine.symbols)
    fresh = cells is not None
    sizes = {
        "states": max(2, own[0]) if fresh else max(build.states, own[0]),
        "letters": max(2, own[1]) if fresh else max(build.letters, own[1]),
        "cells": cells or build.cells,
    }
    run, head = build.run, 0 if fresh else build.head
    if cells is not None:  # a preset runs to its end
        whole = simulate(machine.explicit(), machine.encode(word), cells, MOST_STEPS)
        run = max(run, whole.steps) if whole.halted else run
    new = build.replace(machine=machine, word=word, head=head, run=run, **sizes)
    return resized(lab, new)


def resized(lab: Lab, new: TuringBuild) -> Lab:
    """The lab with another build; where the sizes differ, with as many machines and steps as usually suffice."""
    old = lab.turing
    traces = lab.traces
    sizes = new.states, new.letters, new.cells, new.design
    if old is None or sizes != (old.states, old.letters, old.cells, old.design):
        pairs = new.states * new.letters
        count = MANY if pairs <= 4 and new.cells <= 4 else round(1.2 * MANY * pairs / 4 * (new.cells / 4) ** 0.5)
        large = pairs >= 8 or new.cells >= 8
        new = new.replace(halting=0.2 if large else 0.35)
        traces = traces.replace(count=count, length=20 if large else 10)
    return lab.replace(build=new, traces=traces)


def _sources(build: TuringBuild) -> None:
    known, machine = turing_presets(), build.machine
    memory = st.session_state
    memory.turing_preset = next((name for name, one in known.items() if one.machine == machine), None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Preset",
            list(known),
            index=None,
            placeholder="Your own machine",
            key="turing_preset",
            on_change=_preset,
            width=280,
        )
        with st.popover("Random", icon=":material/casino:"):
            st.number_input("Seed", 0, 2**31, 1, key="turing_random_seed")
            st.button("Make it", on_click=_random, key="turing_random_make")
        with st.popover("File", icon=":material/folder_open:"):
            st.file_uploader("Open a JFLAP file", type=["jff"], key="turing_file", on_change=_file)
            st.download_button("Save as .jff", lambda: write_jff(machine), "machine.jff", "application/xml")
    chosen = known.get(memory.turing_preset or "")
    if chosen is not None:
        st.caption(chosen.says)
    problem("turing_source")


def _preset() -> None:
    chosen = turing_presets().get(st.session_state.turing_preset or "")
    if chosen is not None:
        state.attempt(
            "turing_source",
            lambda: fitted(state.lab(), chosen.machine, word=tuple(chosen.word), cells=chosen.cells),
        )


def _random() -> None:
    lab, seed = state.lab(), abs(int(st.session_state.turing_random_seed))
    build = lab.turing
    assert build is not None

    def make() -> Lab:
        drawn = random_turing_machine(build.states, build.letters, seed, name=f"random machine {seed}")
        return fitted(lab, turing_table.with_names(drawn, drawn.states, [s.removeprefix("s") for s in drawn.symbols]))

    state.attempt("turing_source", make)


def _file() -> None:
    upload = st.session_state.turing_file
    if upload is not None:
        state.attempt("turing_source", lambda: fitted(state.lab(), read_file(upload.name, upload.getvalue())))


def read_file(name: str, data: bytes) -> TuringMachine:
    """The Turing machine of a .jff file; raises MachineError or TooLargeError with one sentence for anything else."""
    if len(data) > MAX_JFF:
        raise MachineError(f"The file has {len(data):,} bytes, more than the {MAX_JFF:,} a machine may have.")
    found = open_jff(data, name.removesuffix(".jff")[:40] or "machine").value
    if not isinstance(found, TuringMachine):
        raise MachineError("The .jff file holds a finite automaton, not a Turing machine; open it on the page Build.")
    return found


def _names(machine: TuringMachine) -> None:
    memory = st.session_state
    memory.turing_states, memory.turing_symbols = " ".join(machine.states), " ".join(machine.symbols)
    memory.turing_start = machine.states[machine.start]
    with st.container(horizontal=True):
        st.text_input("States", key="turing_states", on_change=_renamed, width=200, help="Separated by spaces.")
        st.text_input(
            "Symbols, the blank first", key="turing_symbols", on_change=_renamed, width=200, help="Separated by spaces."
        )
        st.selectbox("Starts in", machine.states, key="turing_start", on_change=_started, width=140)
    problem("turing_names")


def _renamed() -> None:
    memory, lab = st.session_state, state.lab()
    states, symbols = memory.turing_states.split(), memory.turing_symbols.split()
    build = lab.turing
    assert build is not None

    def make() -> Lab:
        machine = turing_table.with_names(build.machine, states, symbols)
        old = build.machine.symbols
        renamed = dict(zip(old, symbols, strict=True)) if len(old) == len(symbols) else {x: x for x in symbols}
        word = tuple(renamed[symbol] for symbol in build.word if symbol in renamed)
        return fitted(lab, machine, word=word)

    state.attempt("turing_names", make)


def _started() -> None:
    lab, name = state.lab(), st.session_state.turing_start
    build = lab.turing
    assert build is not None
    old = build.machine

    def make() -> Lab:
        start = old.states.index(name) if name in old.states else 0
        return fitted(lab, TuringMachine(old.name, old.states, old.symbols, old.rules, start))

    state.attempt("turing_names", make)


def _table(machine: TuringMachine) -> None:
    """The sheet. It is built afresh when the machine changed elsewhere; otherwise the browser keeps its own edits."""
    memory = st.session_state
    if memory.get("turing_shows") != machine:
        memory.turing_base = memory.turing_shows = machine
        memory.turing_number = memory.get("turing_number", 0) + 1
    base: TuringMachine = memory.turing_base
    key = f"turing_sheet_{memory.turing_number}"
    choose = st.column_config.SelectboxColumn
    st.data_editor(
        turing_table.sheet(base),
        key=key,
        hide_index=True,
        num_rows="fixed",
        disabled=[turing_table.STATE, turing_table.READ],
        height="content" if len(base.states) * len(base.symbols) <= 12 else 460,
        column_config={
            turing_table.NEXT: choose(options=list(base.states)),
            turing_table.WRITE: choose(options=list(base.symbols)),
            turing_table.MOVE: choose(options=list(turing_table.CHOICES)),
        },
        on_change=_edited,
        args=(key,),
        alt="Rules of the Turing machine: one row for every state and symbol; every cell can be edited",
    )
    problem("turing_table")
    st.caption(
        "halt: write, change state, then halt. stop: no rule, the machine stops there."
        + "".join(f" {words}" for words in missing(machine)[:1])
    )


def missing(machine: TuringMachine) -> list[str]:
    """What to know about (state, symbol) pairs without a rule."""
    empty = [
        f"{literal(state_)} on {literal(symbol)}"
        for state_, row in zip(machine.states, machine.rules, strict=True)
        for symbol, rule in zip(machine.symbols, row, strict=True)
        if rule is None
    ]
    return [f"No rule yet for {', '.join(empty[:4])}{' and more' if len(empty) > 4 else ''}."] if empty else []


def _edited(key: str) -> None:
    memory = st.session_state
    base: TuringMachine = memory.turing_base

    def make() -> Lab:
        machine = turing_table.edited(base, memory[key])
        if machine != base:
            presets = {one.machine.name for one in turing_presets().values()}
            name = f"my {base.name}"[:60] if base.name in presets else base.name
            machine = TuringMachine(name, machine.states, machine.symbols, machine.rules, machine.start)
        memory.turing_shows = machine  # the sheet shows this machine already: keep the browser's edits in place
        return fitted(state.lab(), machine)

    state.attempt("turing_table", make)


def _tape(build: TuringBuild) -> None:
    memory = st.session_state
    spaced = any(len(symbol) > 1 for symbol in build.machine.symbols)
    memory.turing_word = (" " if spaced else "").join(build.word)
    memory.turing_head, memory.turing_run, memory.turing_cells = build.head, build.run, build.cells
    blank = literal(build.machine.symbols[0])
    st.text_input(
        "What stands on it, from cell 0 on",
        key="turing_word",
        on_change=_input,
        max_chars=200,
        placeholder="blank",
        help=f"Blanks ({blank}) follow." + (" Separate symbols by spaces." if spaced else ""),
    )
    with st.grid(3, min_column_width=90, gap="small"):
        st.number_input("Cells", 2, 64, key="turing_cells", on_change=_input)
        st.number_input("Head at", 0, 63, key="turing_head", on_change=_input)
        st.number_input("Step limit", 1, 1000, key="turing_run", on_change=_input)
    problem("turing_tape")
    st.caption(
        f"The tape is a circle: right of cell {build.cells - 1} comes cell 0 again. A run that needs more cells than "
        "there are wraps round, and is then not the run on an infinite tape; the page says so when it happens."
    )


def _input() -> None:
    memory, lab = st.session_state, state.lab()
    build = lab.turing
    assert build is not None
    text = memory.turing_word.strip()
    spaced = any(len(symbol) > 1 for symbol in build.machine.symbols)
    word = tuple(text.split()) if spaced or " " in text else tuple(text)
    fields = {"head": int(memory.turing_head), "run": int(memory.turing_run), "cells": int(memory.turing_cells)}
    state.attempt("turing_tape", lambda: resized(lab, build.replace(word=word, **fields)))
