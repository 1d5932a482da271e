"""The user's own sequences on every page: the data, the fit beside the best constant, what held-out contexts say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from linattn_core import figures
from linattn_core.experiment import Experiment
from linattn_core.lab import SequencesBuild
from linattn_core.sequences import Sequences
from pages.shared import theme
from pages.shared.widgets import chart
from pages.shared.widgets import figures as row_of_figures

ROWS = 200  # tokens listed


def target_words(data: Sequences) -> str:
    """Which target is learned."""
    if data.next_token:
        return f"The file has no target columns, so the **next token** is predicted, {data.dim} numbers."
    names = ", ".join(f"y{k + 1}" for k in range(min(data.outputs, 6))) + (", …" if data.outputs > 6 else "")
    return f"The target is the file's own: **{names}**, at every position."


def table(build: SequencesBuild, roles: Sequence[str] = ()) -> None:
    """The first tokens with their targets, one a row; and the role of each sequence, if given."""
    data = build.data
    labels = [number + 1 for number, length in enumerate(data.lengths[:ROWS]) for _ in range(length)][:ROWS]
    shown: dict[str, Any] = {"sequence": labels}
    if roles:
        shown |= {"role": [roles[number - 1] for number in labels]}
    shown |= {f"z{k + 1}": data.tokens[:ROWS, k] for k in range(data.dim)}
    shown |= {f"y{k + 1}": data.targets[:ROWS, k] for k in range(data.targets.shape[1])}
    st.dataframe(shown, hide_index=True, height=360, alt="The tokens of the sequences and their targets, one a row")
    st.caption(f"{len(labels):,} of {len(data.tokens):,} tokens; a token is a column of Z.")


def shown(result: Experiment) -> None:
    """On the Traces page: which sequences are learned from and which are held out."""
    build = result.lab.build
    if not isinstance(build, SequencesBuild) or result.fit is None:
        return
    st.markdown(
        f"{target_words(build.data)} Learned from **{result.fit.examples:,}** prefixes, **{result.fit.held_out:,}** "
        f"are held out: {_held_out_words(build)}."
    )
    table(build, build.task().roles(result.lab.traces.count, result.lab.traces.seed))


def _held_out_words(build: SequencesBuild) -> str:
    if not build.held_out:
        return "nothing was asked to be"
    if len(build.data) == 1:
        return "the last positions of the one sequence, whose contexts contain the earlier ones"
    return "whole sequences, drawn by the seed"


def fit(result: Experiment) -> None:
    """On the Learn page: the training error beside the variance of the targets, and the held-out error beside it."""
    found = result.fit
    if found is None:
        return
    values = {"Targets' variance": f"{found.variance:.4g}", "Explained": f"{found.explained:.4f}"}
    if found.held_out_mse is not None and found.held_out_variance is not None:
        values |= {"Held-out error": f"{found.held_out_mse:.4g}", "Held-out variance": f"{found.held_out_variance:.4g}"}
    if found.held_out_explained is not None:
        values |= {"Held-out explained": f"{found.held_out_explained:.4f}"}
    row_of_figures(
        values,
        {
            "Targets' variance": "Training error of the best constant, the mean of the targets.",
            "Explained": "1 − training error / variance.",
            "Held-out variance": "Error of that same constant on the held-out examples.",
            "Held-out explained": "1 − held-out error / held-out variance; below 0 the constant does better.",
        },
    )
    st.caption(
        "Nobody says that a linear attention made these sequences: what is found is the best one for the training "
        "examples, and the held-out error says how far that carries."
    )


def certified(result: Experiment) -> None:
    """On the Certify page: what the data pin down of the contexts that were held out."""
    found = result.fit
    if found is None:
        return
    if not found.held_out:
        st.caption("Nothing is held out, so there is no context to try the certificate on; hold a share out on Build.")
        return
    st.markdown(
        f"No family of legal inputs is known for your own sequences. Of **{found.held_out:,}** held-out contexts the "
        f"traces pin down **{found.certified:,}**: there every layer of equal training error predicts the same. "
        f"Undecided at this precision: **{found.undecided:,}**."
    )
    if found.certified == found.held_out:
        return
    chart(
        figures.histogram(found.ambiguities, theme.colours(), what="ambiguity"),
        f"Ambiguity of {found.held_out} held-out contexts, the largest {found.ambiguities.max():.2g}",
        f"ambiguity of the held-out contexts, array ({found.held_out:,},); 0 is pinned down",
        "held_out_ambiguity",
    )


def cure(result: Experiment) -> None:
    """What would close what is open: only the user has more sequences."""
    if result.run.certificate.identified:
        st.markdown("Nothing is missing.")
    else:
        st.markdown(
            "Only more, or more varied, sequences of your own would pin the rest down; none can be made up here."
        )
