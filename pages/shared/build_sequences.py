"""Build from the user's own sequences: a file comes in, the best linear attention for it is learned."""

from __future__ import annotations

import streamlit as st

from linattn_core.lab import Lab, LearnerSpec, SequencesBuild, TraceSpec
from linattn_core.tasks.own import MAX_HELD_OUT
from linattn_core.uploads import example_sequences, read_sequences, write_sequences_csv, write_sequences_npz
from pages.shared import sequence_views, state
from pages.shared.widgets import figures as row_of_figures
from pages.shared.widgets import literal, problem

NAME = 40  # characters of a file's name that are kept


@st.cache_data(show_spinner=False)
def _example_files() -> tuple[bytes, bytes]:
    return write_sequences_csv(example_sequences()), write_sequences_npz(example_sequences())


def example_build() -> SequencesBuild:
    """The worked example."""
    return SequencesBuild(name="worked example", data=example_sequences())


def sequences_lab(build: SequencesBuild, learner: LearnerSpec) -> Lab:
    """A lab that learns from all of these sequences that are not held out."""
    return Lab(build=build, traces=TraceSpec(count=len(build.data)), learner=learner)


def show(build: SequencesBuild) -> None:
    """What came in, how a file looks, how much is held out."""
    data = build.data
    st.markdown(f"Learning from **{literal(build.name)}**. {sequence_views.target_words(data)}")
    row_of_figures(
        {
            "Sequences": f"{len(data):,}",
            "Tokens": f"{len(data.tokens):,}",
            "Numbers in a token": f"{data.dim}",
            "Numbers predicted": f"{data.outputs}",
        }
    )
    left, right = st.columns(2)
    with left:
        _file()
        _options(build)
        _examples()
    with right:
        sequence_views.table(build)


def _file() -> None:
    st.file_uploader(
        "Your own sequences, .csv or .npz",
        type=["csv", "npz"],
        key="sequences_file",
        on_change=_opened,
        max_upload_size=2,
        help="A .csv has one token a row: a column sequence, columns z1, z2, .. and, if there are targets, y1, y2, "
        "... A .npz holds Z (N, T, d) and, if there are targets, Y (N, T, m); or Z (M, d), Y (M, m) and lengths "
        "(N,). Without targets the next token is predicted. Answers scale with the tokens; a column of ones lets "
        "them do without.",
    )
    problem("sequences")


def _options(build: SequencesBuild) -> None:
    st.session_state.sequences_held_out = build.held_out
    st.slider(
        "Share held out",
        0.0,
        MAX_HELD_OUT,
        step=0.05,
        key="sequences_held_out",
        on_change=_held_out,
        help="Whole sequences, drawn by the seed on the Traces page; of a single sequence its last positions.",
        width=320,
    )


def _examples() -> None:
    st.caption("This is what a file looks like:")
    in_csv, in_npz = _example_files()
    with st.container(horizontal=True):
        st.download_button("example.csv", in_csv, "example.csv", "text/csv", icon=":material/download:")
        st.download_button("example.npz", in_npz, "example.npz", icon=":material/download:")
        st.button("Use the worked example", on_click=_example, key="sequences_example")


def _take(build: SequencesBuild) -> Lab:
    return sequences_lab(build, state.lab().learner)


def _example() -> None:
    state.attempt("sequences", lambda: _take(example_build()))


def _opened() -> None:
    """The sequences of a file; one that does not fit says why and changes nothing."""
    file, build = st.session_state.sequences_file, state.lab().build
    held_out = build.held_out if isinstance(build, SequencesBuild) else 0.2

    def make() -> Lab:
        name = "".join(c if c.isprintable() else " " for c in file.name)[-NAME:]
        data = read_sequences(file.getvalue(), file.name)
        return _take(SequencesBuild(name=name, data=data, held_out=held_out))

    if file is not None:
        state.attempt("sequences", make)


def _held_out() -> None:
    lab, share = state.lab(), float(st.session_state.sequences_held_out)
    state.attempt("sequences", lambda: lab.replace(build=lab.build.replace(held_out=share)))
