"""Build an associative memory: random vectors, one's own words or one's own vectors, with keys as alike as asked."""

from __future__ import annotations

from typing import Any

import streamlit as st

from linattn_core.lab import Lab, MemoryBuild
from linattn_core.tasks.correlated import MAX_CORRELATION
from linattn_core.tasks.vectors import MAX_ENTRIES
from linattn_core.uploads import read_pairs
from pages.shared import compute, memory_views, state
from pages.shared.memory_tables import now, opener, take, vector_table, word_vectors
from pages.shared.number_table import Row, edit
from pages.shared.widgets import problem

OWN_WORDS = (("apple", "red"), ("sky", "blue"), ("grass", "green"), ("rose", "red"))
OWN_VECTORS = (
    ((1.0, 0.0, 0.2), (1.0, 0.0)),
    ((0.6, 0.8, 0.0), (0.0, 1.0)),
    ((0.0, 0.3, 1.0), (-1.0, 0.5)),
)
KINDS = {"vectors": "random vectors", "words": "my own words", "own": "my own vectors"}
EMBEDDINGS = {"one-hot": "one-hot", "gaussian": "Gaussian", "unitary": "orthonormal", "own": "my own"}


def show(build: MemoryBuild) -> None:
    """What is remembered, how alike the keys are, and what comes of it."""
    memory = st.session_state
    memory.memory_kind = _kind_of(build)
    st.segmented_control(
        "What is remembered",
        list(KINDS),
        format_func=KINDS.__getitem__,
        key="memory_kind",
        required=True,
        on_change=_kind,
    )
    if build.vectors:
        vector_table(build)
    elif build.table:
        _words(build)
    else:
        _random(build)
    memory.memory_correlation = build.correlation
    st.slider(
        "How alike the keys are",
        0.0,
        MAX_CORRELATION,
        step=0.01,
        key="memory_correlation",
        on_change=_fields,
        args=("correlation",),
        help="0: as they are. Towards 1 every cosine c of two keys becomes (1 − ρ) c + ρ; random Gaussian keys get a "
        "common part, √ρ · common + √(1 − ρ) · own.",
        width=420,
    )
    problem("memory")
    memory_views.interference(compute.of_lab(), "build_memory")


def _kind() -> None:
    """Another kind of memory: the last one of that kind in this session, or its default."""
    fresh = {
        "vectors": MemoryBuild,
        "words": lambda: MemoryBuild(table=OWN_WORDS),
        "own": lambda: MemoryBuild(vectors=OWN_VECTORS),
    }
    kind = st.session_state.memory_kind
    earlier = [
        old for old in st.session_state.past if isinstance(old.build, MemoryBuild) and _kind_of(old.build) == kind
    ]
    if kind in fresh:
        state.attempt("memory", lambda: earlier[-1] if earlier else take(fresh[kind]()))


def _kind_of(build: MemoryBuild) -> str:
    return "own" if build.vectors else "words" if build.table else "vectors"


def _fields(*names: str) -> None:
    """The fields of the build that were changed by controls called memory_<name>; the traces stay where they can."""
    memory, lab, build = st.session_state, state.lab(), now()
    given: dict[str, Any] = {name: memory[f"memory_{name}"] for name in names}

    def make() -> Lab:
        changed = build.replace(**given)
        return lab.replace(build=changed) if names == ("correlation",) else take(changed)

    state.attempt("memory", make)


def _random(build: MemoryBuild) -> None:
    memory = st.session_state
    memory.memory_dim, memory.memory_unitary, memory.memory_answer = build.dim, build.unitary, build.answer
    fields: dict[str, Any] = {"on_change": _fields, "args": ("dim", "unitary", "answer")}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input("Keys, and entries of each", 1, 16, key="memory_dim", width=220, **fields)
        st.slider(
            "Share of orthogonal memories",
            0.0,
            1.0,
            step=0.01,
            key="memory_unitary",
            help="At 1 every memory is orthogonal: the features no longer span, and the global light turns amber.",
            width=320,
            **fields,
        )
        st.segmented_control(
            "The traces answer with",
            ["sum", "value"],
            format_func={"sum": "the sum over all keys", "value": "the asked key's value"}.__getitem__,
            key="memory_answer",
            required=True,
            help="The sum is what linear attention computes, the paper's task. The value asks the layer to do without "
            "the other keys' part.",
            **fields,
        )


def _words(build: MemoryBuild) -> None:
    memory = st.session_state
    left, right = st.columns(2)
    with left:
        rows = [{"key": key, "value": value} for key, value in build.table]
        edit(
            "words",
            build.table,
            rows,
            _words_edited,
            num_rows="dynamic",
            width=420,
            alt="Table of keys and their values; every cell can be edited",
        )
        st.caption("The transformer learns to look up any table of these words; yours is one of them.")
        opener("words", "Columns key and value, one pair a row", ["csv"], _words_opened)
    with right:
        memory.memory_embedding, memory.memory_dim, memory.memory_seed = build.embedding, build.dim, build.seed
        st.segmented_control(
            "Vectors of the words",
            list(EMBEDDINGS),
            format_func=EMBEDDINGS.__getitem__,
            key="memory_embedding",
            required=True,
            on_change=_embedding,
        )
        if build.embedding in ("gaussian", "unitary"):
            with st.container(horizontal=True):
                fields: dict[str, Any] = {"on_change": _fields, "args": ("dim", "seed")}
                st.number_input("Entries of each", 1, MAX_ENTRIES, key="memory_dim", width=160, **fields)
                st.number_input("Seed of the vectors", 0, 2**32 - 1, key="memory_seed", width=160, **fields)
        elif build.embedding == "own":
            word_vectors(build)


def _words_edited(rows: list[Row]) -> tuple[Any, Lab]:
    table = tuple((row.get("key") or "", row.get("value") or "") for row in rows) or (("", ""),)
    lab = take(now().with_table(table))
    return table, lab


def _words_opened(name: str, data: bytes) -> Lab:
    return take(now().with_table(read_pairs(data)))


def _embedding() -> None:
    kind, build = st.session_state.memory_embedding, now()

    def make() -> Lab:
        return take(build.with_own_vectors() if kind == "own" else build.replace(embedding=kind, words=()))

    state.attempt("memory", make)
