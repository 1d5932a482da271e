"""Build an automaton: presets, regular expression, random, transition table; the drawing beside it."""

from __future__ import annotations

import streamlit as st

from linattn_core.lab import AutomatonBuild, Lab, TraceSpec
from linattn_core.machines import MAX_LETTERS, MAX_STATES, Machine, from_regex, presets, random_machine
from pages.components import drawing_board, open_file, save_files
from pages.shared import compute, light, panels, state, table
from pages.shared.widgets import problem

ENCODINGS = {"step": "in the weights", "universal": "in the prompt"}


def show(machine: Machine) -> None:
    """All views of one machine; whichever is edited, the others follow, and so does the recovered automaton."""
    _sources(machine)
    st.markdown("###### Drawing")
    drawing(machine)
    st.markdown("###### Transition table")
    _letters(machine)
    _editor(machine)
    result = compute.of_lab()
    left, right = st.columns([5, 4])
    with left:
        st.markdown("###### What the certificate says")
        light.show(result.light)
        st.page_link("inspect.py", label="Look at the heads", icon=":material/search:")
    with right:
        st.markdown("###### Recovered from the weights")
        if result.recovery is not None:
            panels.recovered_automaton(result.recovery, "build_recovered")


def drawing(machine: Machine) -> None:
    """The drawing of the machine being built, to edit; files in and out beside it."""
    drawing_board(machine, _drawn)
    problem("drawing")
    with st.container(horizontal=True):
        with st.popover("Open a file", icon=":material/folder_open:"):
            open_file(machine, _drawn)
        with st.popover("Save or copy", icon=":material/save:"):
            save_files(machine)


def _drawn(machine: Machine, action: str = "edit") -> None:
    """Take a finished drawing; the editor's undo and redo are the lab's own where the lab stood just there.

    Two quick ones may arrive as one, so steps that changed the machine are passed; any other change of the lab is not.
    """

    def over(near: Lab, far: Lab) -> bool:
        return near.machine != far.machine

    back, forth = action == "undo", action == "redo"
    if not state.retrace(lambda lab: lab.machine == machine, back=back, forth=forth, over=over):
        set_machine("drawing", machine)


def set_machine(place: str, machine: Machine) -> None:
    """Make `machine` the automaton of the lab; refusals are told at `place`."""
    state.attempt(place, lambda: _fitting(state.lab(), machine))


def _fitting(lab: Lab, machine: Machine) -> Lab:
    """The lab with this machine, and with enough traces if it has grown in the prompt."""
    new = lab.with_machine(machine)
    same_size = lab.machine is not None and (len(machine.states), len(machine.alphabet)) == (
        len(lab.machine.states),
        len(lab.machine.alphabet),
    )
    if isinstance(new.build, AutomatonBuild) and new.build.encoding == "universal" and not same_size:
        return new.replace(traces=new.traces.replace(count=enough(new)))
    return new


def enough(lab: Lab) -> int:
    """A number of random traces that usually reaches the whole family: 40 words, or 1.6 examples a dimension."""
    if isinstance(lab.build, AutomatonBuild) and lab.build.encoding == "universal":
        return round(1.6 * (lab.task().family_dimension or 25)) + 20
    return 40


def _sources(machine: Machine) -> None:
    st.session_state.preset = next((name for name, known in presets().items() if known == machine), None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Preset", list(presets()), index=None, placeholder="Choose one", key="preset", on_change=_preset, width=260
        )
        st.text_input(
            "Regular expression",
            placeholder="for example (a|b)*aba(a|b)*",
            key="regex",
            persist_state="session",
            on_change=_regex,
            width=300,
            help="Press Enter. | union, * + ? {2,3} repetition, . any letter, [ab] classes, & intersection.",
        )
        with st.popover("Random", icon=":material/casino:"):
            st.number_input("States", 1, MAX_STATES, 5, key="random_states")
            st.number_input("Letters", 1, MAX_LETTERS, 2, key="random_letters")
            st.number_input("Seed", 0, 2**31, 1, key="random_seed")
            st.button("Make it", on_click=_random, key="random_make")
        st.session_state.encoding = _encoding()
        st.segmented_control(
            "The automaton stands",
            list(ENCODINGS),
            format_func=lambda name: ENCODINGS[name],
            key="encoding",
            required=True,
            on_change=_encode,
            help="In the weights: one transformer per automaton. In the prompt: one transformer for every automaton of "
            "this size; the rules are tokens.",
        )
    problem("source")


def _encoding() -> str:
    build = state.lab().build
    return build.encoding if isinstance(build, AutomatonBuild) else "step"


def _preset() -> None:
    known = presets()
    name = st.session_state.preset
    if name in known:
        set_machine("source", known[name])


def _regex() -> None:
    text = st.session_state.regex.strip()
    if text:
        state.attempt("source", lambda: _fitting(state.lab(), from_regex(text)))


def _random() -> None:
    memory = st.session_state
    states, letters, seed = int(memory.random_states), int(memory.random_letters), int(memory.random_seed)
    state.attempt("source", lambda: _fitting(state.lab(), random_machine(states, letters, abs(seed))))


def _encode() -> None:
    lab, chosen = state.lab(), st.session_state.encoding
    if isinstance(lab.build, AutomatonBuild) and chosen in ENCODINGS and chosen != lab.build.encoding:
        build = lab.build.replace(encoding=chosen)
        state.attempt("source", lambda: _with_enough(Lab(build=build, traces=TraceSpec(), learner=lab.learner)))


def _with_enough(lab: Lab) -> Lab:
    return lab.replace(traces=lab.traces.replace(count=enough(lab)))


def _letters(machine: Machine) -> None:
    st.session_state.letters = " ".join(machine.alphabet)
    st.text_input("Letters, separated by spaces", key="letters", on_change=_relabel)
    problem("letters")


def _relabel() -> None:
    lab, text = state.lab(), st.session_state.letters
    machine = lab.machine
    if machine is not None:
        state.attempt("letters", lambda: _fitting(lab, table.with_letters(machine, text)))


def _editor(machine: Machine) -> None:
    """The sheet. It is built afresh when the machine changed elsewhere; otherwise the browser keeps its own edits."""
    memory = st.session_state
    if memory.get("sheet_shows") != machine:
        memory.sheet_base = memory.sheet_shows = machine
        memory.sheet_number = memory.get("sheet_number", 0) + 1
    base: Machine = memory.sheet_base
    key = f"sheet_{memory.sheet_number}"
    drafted = [row.get(table.STATE) for row in memory.get(key, {}).get("added_rows", [])]
    targets = st.column_config.SelectboxColumn(options=[*base.states, *filter(None, drafted)], required=True)
    st.data_editor(
        table.sheet(base),
        key=key,
        num_rows="dynamic",
        hide_index=True,
        column_config={table.STATE: st.column_config.TextColumn(required=True)}
        | {table.ON + letter: targets for letter in base.alphabet},
        on_change=_sheet_edited,
        args=(key,),
        alt="Transition table: one row per state, one column per letter; every cell can be edited",
    )
    st.caption("Double-click a cell to change it; the last row adds a state; rename a state in its first cell.")
    problem("sheet")


def _sheet_edited(key: str) -> None:
    memory = st.session_state
    base: Machine = memory.sheet_base
    before = state.lab()

    def make() -> Lab:
        machine = table.machine_of(table.edited_rows(base, memory[key]), base)
        if machine.states == base.states:
            memory.sheet_shows = machine  # the sheet shows this machine already: keep the browser's edits in place
        return _fitting(before, machine)

    state.attempt("sheet", make)
