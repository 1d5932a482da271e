"""The memory builder's tables of numbers: a vector a word, and pairs of vectors; typed, pasted or from a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from linattn_core.lab import Lab, LearnerSpec, MemoryBuild, TraceSpec
from linattn_core.tasks import AssociativeMemory
from linattn_core.tasks.vectors import MAX_ENTRIES
from linattn_core.uploads import read_embedding, read_vectors
from pages.shared import state
from pages.shared.number_table import Row, edit, numbers

MEMORIES = 1500  # traces that reach the full family at the default sizes


def memory_lab(build: MemoryBuild, learner: LearnerSpec) -> Lab:
    """A lab for this memory with enough traces: 1.6 random tables a dimension, or a fixed number of random memories."""
    task = build.task()
    count = MEMORIES if isinstance(task, AssociativeMemory) else round(1.6 * task.family_dimension) + 20
    return Lab(build=build, traces=TraceSpec(count=count), learner=learner)


def take(build: MemoryBuild) -> Lab:
    """The lab of another memory, learned in the way of this session."""
    return memory_lab(build, state.lab().learner)


def now() -> MemoryBuild:
    """The memory of this session."""
    build = state.lab().build
    assert isinstance(build, MemoryBuild), "its controls are shown for a memory only"
    return build


def word_vectors(build: MemoryBuild) -> None:
    """The vector of each word of the table."""
    entries = len(build.words[0][1])
    names = [str(k + 1) for k in range(entries)]
    rows = [{"word": word, **dict(zip(names, vector, strict=True))} for word, vector in build.words]

    def make(edited: list[Row]) -> tuple[Any, Lab]:
        words = tuple((row["word"], numbers(row, names, f"The word {row['word']!r}")) for row in edited)
        return words, take(now().replace(words=words))

    edit(
        "embedding",
        build.words,
        rows,
        make,
        disabled=["word"],
        width=420,
        alt="The vector of each word; every number can be edited",
    )
    st.caption(f"{len(rows)} words of {entries} numbers each.")
    opener("embedding", "A column word, and the numbers of its vector in the others", ["csv"], _embedding_opened)


def _embedding_opened(name: str, data: bytes) -> Lab:
    """The words' vectors of a file; words of the table that it does not have are a fault of the file."""
    build = now()
    given = dict(read_embedding(data))
    every = dict.fromkeys(word for pair in build.table for word in pair)
    return take(build.replace(words=tuple((word, vector) for word, vector in given.items() if word in every)))


def vector_table(build: MemoryBuild) -> None:
    """Pairs of vectors: a row is a key and its value."""
    memory = st.session_state
    sizes = len(build.vectors[0][0]), len(build.vectors[0][1])
    columns = [f"key {k + 1}" for k in range(sizes[0])] + [f"value {k + 1}" for k in range(sizes[1])]
    rows = [dict(zip(columns, (*key, *value), strict=True)) for key, value in build.vectors]

    def make(edited: list[Row]) -> tuple[Any, Lab]:
        filled = [row for row in edited if any(cell is not None for cell in row.values())]
        flat = [numbers(row, columns, f"Row {number}") for number, row in enumerate(filled, start=1)]
        vectors = tuple((row[: sizes[0]], row[sizes[0] :]) for row in flat)
        return vectors, take(now().replace(vectors=vectors) if vectors else MemoryBuild(vectors=(((), ()),)))

    edit(
        "vectors",
        build.vectors,
        rows,
        make,
        num_rows="dynamic",
        width=min(160 + 90 * len(columns), 900),
        alt="Table of key vectors and value vectors; every number can be edited",
    )
    memory.memory_key_size, memory.memory_value_size = sizes
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input("Numbers of a key", 1, MAX_ENTRIES, key="memory_key_size", on_change=_resize, width=160)
        st.number_input("Numbers of a value", 1, MAX_ENTRIES, key="memory_value_size", on_change=_resize, width=160)
        opener("vectors", "Columns key1, key2, .. and value1, value2, ..; or keys and values", ["csv", "npz"], _opened)
    st.caption("The transformer learns to look up any pairing of these keys and values; yours is one of them.")


def _opened(name: str, data: bytes) -> Lab:
    return take(MemoryBuild(vectors=read_vectors(data, name), correlation=now().correlation))


def _resize() -> None:
    """Longer vectors get zeros, shorter ones lose their last numbers."""
    sizes = int(st.session_state.memory_key_size), int(st.session_state.memory_value_size)
    build = now()

    def fitted(vector: tuple[float, ...], size: int) -> tuple[float, ...]:
        return (*vector, *[0.0] * size)[:size]

    vectors = tuple((fitted(key, sizes[0]), fitted(value, sizes[1])) for key, value in build.vectors)
    state.attempt("memory", lambda: take(build.replace(vectors=vectors)))


def opener(name: str, says: str, types: list[str], read: Callable[[str, bytes], Lab]) -> None:
    """A small door for files; one that does not fit says why and changes nothing."""
    key = f"{name}_file"

    def taken() -> None:
        file = st.session_state[key]
        if file is not None:
            state.attempt("memory", lambda: read(file.name, file.getvalue()))

    kinds = " or ".join(f".{kind}" for kind in types)
    with st.popover(f"Open a {kinds} file", icon=":material/folder_open:"):
        st.file_uploader(says, type=types, key=key, on_change=taken, max_upload_size=2)
