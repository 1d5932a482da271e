"""Interference as pictures: how much the keys of a memory overlap, and how far each answer is from every value."""

from __future__ import annotations

import plotly.graph_objects as go

from linattn_core.errors import TooLargeError
from linattn_core.figures.matrices import Array, heat_map, label
from linattn_core.figures.palette import Palette
from linattn_core.tasks.retrieval import Retrieval

MAX_KEYS = 40  # more would be cells without numbers


def overlaps(found: Retrieval, colours: Palette) -> go.Figure:
    """The cosines (K, K) of the keys on the scale -1 .. 1. Raises ``TooLargeError`` beyond ``MAX_KEYS`` keys."""
    _check(found)
    return heat_map(found.overlaps, found.keys, found.keys, colours, limit=1.0, ticks=10)


def answered(found: Retrieval, colours: Palette, *, learned: bool) -> go.Figure:
    """Asked key (rows) -> answered value (columns): full colour where the answer IS that value, none far away.

    Each cell says its distance; the nearest value of a row has a tick where it is the right one, else a cross. The
    scale ends at the largest distance between two of the values, the same for both pictures of a memory.
    Raises ``TooLargeError`` beyond ``MAX_KEYS`` keys.
    """
    _check(found)
    distances = found.learned if learned else found.plain
    right = found.learned_right if learned else found.plain_right
    nearest = distances.argmin(axis=1)
    figure = heat_map(distances, found.keys, found.values, colours, ticks=10)
    figure.update_traces(
        zmin=0.0,
        zmax=found.spread,
        colorscale=[[0.0, colours.positive], [1.0, colours.paper]],
        text=[
            [_cell(distances, i, j, bool(j == nearest[i]), bool(right[i])) for j in range(distances.shape[1])]
            for i in range(len(distances))
        ],
        texttemplate="%{text}",
        customdata=[[f"asked {label(key)}, value {label(value)}" for value in found.values] for key in found.keys],
        hovertemplate="%{customdata}: distance <b>%{z:.4g}</b><extra></extra>",
    )
    return figure


def _cell(distances: Array, row: int, column: int, nearest: bool, right: bool) -> str:
    """The distance where there is room, and what the row retrieves."""
    mark = ("✓" if right else "✗") if nearest else ""
    room = distances.shape[1] <= 8
    return f"{mark} {distances[row, column]:.2f}".strip() if room else mark


def _check(found: Retrieval) -> None:
    if len(found.keys) > MAX_KEYS:
        raise TooLargeError(f"This memory has {len(found.keys)} keys; their matrices are drawn up to {MAX_KEYS}.")
