"""Build something else: an associative memory (random vectors or the user's own words) or a random teacher."""

from __future__ import annotations

from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from linattn_core.lab import Lab, LearnerSpec, MemoryBuild, TeacherBuild, TraceSpec
from linattn_core.tasks import TableMemory
from linattn_core.uploads import read_pairs
from pages.shared import state
from pages.shared.widgets import problem

OWN_WORDS = (("apple", "red"), ("sky", "blue"), ("grass", "green"))
MEMORIES, SEQUENCES = 1500, 30  # traces that reach the full family at the default sizes


def memory_lab(build: MemoryBuild, learner: LearnerSpec) -> Lab:
    """A lab for this memory with enough traces: 1.6 random tables a dimension, or a fixed number of vectors."""
    task = build.task()
    count = round(1.6 * task.family_dimension) + 20 if isinstance(task, TableMemory) else MEMORIES
    return Lab(build=build, traces=TraceSpec(count=count), learner=learner)


def teacher_lab(build: TeacherBuild, learner: LearnerSpec) -> Lab:
    """A lab for this teacher with a few long sequences."""
    return Lab(build=build, traces=TraceSpec(count=SEQUENCES, length=100), learner=learner)


def show_memory(build: MemoryBuild) -> None:
    """Random vectors with a share of orthogonal ones, or a table of words."""
    memory = st.session_state
    memory.memory_kind = "words" if build.table else "vectors"
    st.segmented_control(
        "What is remembered",
        ["vectors", "words"],
        format_func={"vectors": "random vectors", "words": "my own words"}.__getitem__,
        key="memory_kind",
        required=True,
        on_change=_memory_kind,
    )
    if build.table:
        _word_table(build)
    else:
        memory.memory_dim, memory.memory_unitary = build.dim, build.unitary
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.number_input("Keys, and entries of each", 1, 16, key="memory_dim", on_change=_vectors, width=220)
            st.slider(
                "Share of orthogonal memories",
                0.0,
                1.0,
                step=0.01,
                key="memory_unitary",
                on_change=_vectors,
                help="At 1 every memory is orthogonal: the features no longer span, and the global light turns amber.",
                width=320,
            )
    problem("memory")


def _memory_kind() -> None:
    table = OWN_WORDS if st.session_state.memory_kind == "words" else ()
    state.attempt("memory", lambda: memory_lab(MemoryBuild(table=table), state.lab().learner))


def _vectors() -> None:
    memory = st.session_state
    dim, unitary = int(memory.memory_dim), float(memory.memory_unitary)
    state.attempt("memory", lambda: memory_lab(MemoryBuild(dim=dim, unitary=unitary), state.lab().learner))


def _word_table(build: MemoryBuild) -> None:
    memory = st.session_state
    if memory.get("words_show") != build.table:
        memory.words_base = memory.words_show = build.table
        memory.words_number = memory.get("words_number", 0) + 1
    key = f"words_{memory.words_number}"
    st.data_editor(
        pd.DataFrame(memory.words_base, columns=["key", "value"]),
        key=key,
        num_rows="dynamic",
        hide_index=True,
        on_change=_words_edited,
        args=(key,),
        width=420,
        alt="Table of keys and their values; every cell can be edited",
    )
    st.caption("The transformer learns to look up any table of these words; yours is one of them.")
    with st.popover("Open a .csv file", icon=":material/folder_open:"):
        st.file_uploader(
            "Columns key and value, one pair a row",
            type="csv",
            key="words_csv",
            on_change=_words_opened,
            max_upload_size=1,
        )


def _words_opened() -> None:
    """The words of a .csv file; a file that does not fit says why and changes nothing."""
    file = st.session_state.words_csv
    if file is not None:
        data = file.getvalue()
        state.attempt("memory", lambda: memory_lab(MemoryBuild(table=read_pairs(data)), state.lab().learner))


def _words_edited(key: str) -> None:
    memory = st.session_state
    edits: dict[str, Any] = memory[key]
    rows = [{"key": k, "value": v} for k, v in memory.words_base]
    for number, cells in edits.get("edited_rows", {}).items():
        rows[int(number)].update(cells)
    removed = set(edits.get("deleted_rows", []))
    kept = [row for number, row in enumerate(rows) if number not in removed] + list(edits.get("added_rows", []))
    table = tuple((row.get("key") or "", row.get("value") or "") for row in kept)

    def make() -> Lab:
        lab = memory_lab(MemoryBuild(table=table or (("", ""),)), state.lab().learner)
        memory.words_show = table
        return lab

    state.attempt("memory", make)


def show_teacher(build: TeacherBuild) -> None:
    """A random transformer to imitate."""
    memory = st.session_state
    values = {"dim": build.dim, "heads": build.heads, "outputs": build.outputs, "seed": build.seed}
    limits = {"dim": 32, "heads": 64, "outputs": 32, "seed": 2**31}
    labels = {"dim": "Embedding dimension d", "heads": "Heads", "outputs": "Outputs", "seed": "Seed"}
    with st.container(horizontal=True):
        for name, value in values.items():
            memory[f"teacher_{name}"] = value
            low = 0 if name == "seed" else 1
            key = f"teacher_{name}"
            st.number_input(labels[name], low, limits[name], key=key, on_change=_teacher, width=180)
    problem("teacher")


def _teacher() -> None:
    dim, heads, outputs, seed = (
        int(st.session_state[f"teacher_{name}"]) for name in ("dim", "heads", "outputs", "seed")
    )

    def make() -> Lab:
        build = TeacherBuild(dim=dim, heads=heads, outputs=outputs, seed=seed)
        return teacher_lab(build, state.lab().learner)

    state.attempt("teacher", make)
