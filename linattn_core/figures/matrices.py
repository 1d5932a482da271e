"""Matrices as pictures: one labelled heat map, a mosaic of many heads, a strip of tokens, and C growing token by token.

All scales are diverging and symmetric about zero (zero = the colour of the page), so that two pictures with the same
`limit` can be compared. Labels are data: tags and entities in them are escaped, since Plotly renders a subset of HTML.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from linattn_core.errors import ShapeError, TooLargeError
from linattn_core.figures.palette import Palette

Array = np.ndarray

LABEL_CHARS = 18
MAX_CELLS = 40_000  # one heat map; beyond that the cells are smaller than a pixel
MAX_TEXT_CELLS = 150  # numbers are written into the cells up to here
MAX_MOSAIC_CELLS = 1_000_000
MAX_FRAMES = 60
MAX_FRAME_CELLS = 120_000  # cells over all frames of a growing C: about 1 MB in the browser


def label(text: str, limit: int = LABEL_CHARS) -> str:
    """`text` as Plotly shows it literally: shortened, with `<`, `>` and `&` escaped."""
    short = text if len(text) <= limit else text[: limit - 1] + "\u2026"
    return html.escape(short, quote=False)


def heat_map(
    values: Array,
    rows: Sequence[str],
    columns: Sequence[str],
    colours: Palette,
    *,
    limit: float | None = None,
    ticks: int = 26,
) -> go.Figure:
    """A labelled matrix (r, c), first row on top; numbers in the cells where they fit.

    `limit`: the absolute value at the ends of the colour scale, by default the largest in the matrix. `ticks`: at most
    so many column names are written.
    Raises ShapeError where labels and matrix disagree, TooLargeError beyond `MAX_CELLS` cells.
    """
    matrix = _matrix(values, rows, columns)
    bound = limit or float(np.max(np.abs(matrix), initial=0.0)) or 1.0
    layout = {**_layout(*matrix.shape), "yaxis": _axis(rows, 36, autorange="reversed"), "xaxis": _axis(columns, ticks)}
    return go.Figure(_trace(matrix, rows, columns, colours, bound), layout)


def _matrix(values: Array, rows: Sequence[str], columns: Sequence[str]) -> Array:
    matrix = np.asarray(values, dtype=float)
    if matrix.ndim != 2 or matrix.shape != (len(rows), len(columns)):
        raise ShapeError(
            f"The heat map got an array of shape {matrix.shape} for {len(rows)} row and {len(columns)} column labels; "
            "give one label per row and per column."
        )
    if matrix.size > MAX_CELLS:
        raise TooLargeError(
            f"This matrix has {matrix.size:,} cells, more than the {MAX_CELLS:,} a heat map shows; pick a part of it."
        )
    return matrix


def _trace(matrix: Array, rows: Sequence[str], columns: Sequence[str], colours: Palette, bound: float) -> go.Heatmap:
    written = matrix.size <= MAX_TEXT_CELLS and matrix.shape[1] <= 14
    hover = np.array([[f"{label(r)}, {label(c)}" for c in columns] for r in rows]) if matrix.size <= 2500 else None
    return go.Heatmap(
        z=matrix,
        zmin=-bound,
        zmax=bound,
        colorscale=colours.diverging,
        showscale=False,
        xgap=1 if matrix.shape[1] <= 40 else 0,
        ygap=1 if matrix.shape[0] <= 40 else 0,
        text=[[number(x) for x in row] for row in matrix] if written else None,
        texttemplate="%{text}" if written else None,
        textfont={"size": 11},
        customdata=hover,
        hovertemplate=("%{customdata}: " if hover is not None else "row %{y}, column %{x}: ")
        + "<b>%{z:.4g}</b><extra></extra>",
    )


def number(value: float) -> str:
    """A cell's number in at most five characters; exact zeros are left blank so that the pattern shows."""
    if abs(value) < 5e-13:
        return ""
    if round(value) and abs(value - round(value)) < 5e-4 and abs(value) < 1e4:
        return str(round(value))
    return f"{value:.2f}" if 0.01 <= abs(value) < 100 else f"{value:.0e}"


def _layout(rows: int, columns: int) -> dict[str, object]:
    cell = min(34, max(6, 420 // max(rows, 1)))
    return {
        "height": int(min(560, max(90, rows * cell) + 70)),
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "plot_bgcolor": "rgba(127,127,127,0.18)",  # shows between the cells, so that zero cells are cells too
        "dragmode": False,
    }


def _axis(names: Sequence[str], most: int, **more: object) -> dict[str, object]:
    """Ticks with names where there is room, otherwise every k-th name."""
    ticks = list(range(0, len(names), math.ceil(len(names) / most) or 1))
    return {
        "tickvals": ticks,
        "ticktext": [label(names[k]) for k in ticks],
        "tickfont": {"size": 11},
        "showgrid": False,
        "zeroline": False,
        "automargin": True,
        "fixedrange": True,
        **more,
    }


def mosaic(tiles: Array, names: Sequence[str], colours: Palette, *, aspect: float = 2.0) -> go.Figure:
    """Many equal matrices (H, r, c) in one picture about `aspect` times as wide as high; one uint8 per cell.

    They stand in reading order, all on one scale; cells that are NaN stay empty. 64 heads as 64 subplots take a browser
    seconds, one heat map of bytes a fraction of one. Raises ShapeError where names and tiles disagree, TooLargeError
    beyond `MAX_MOSAIC_CELLS` cells.
    """
    stack = np.asarray(tiles, dtype=float)
    if stack.ndim != 3 or len(stack) != len(names) or not stack.size:
        raise ShapeError(
            f"The mosaic got an array of shape {stack.shape} for {len(names)} names; "
            "it needs one matrix per name, (H, rows, columns) with H >= 1."
        )
    if stack.size > MAX_MOSAIC_CELLS:
        raise TooLargeError(
            f"These {len(stack)} matrices have {stack.size:,} cells; at most {MAX_MOSAIC_CELLS:,} can be shown."
        )
    corners, canvas = _tiled(stack, aspect)
    width, down = canvas.shape[1], canvas.shape[0]
    layout = {  # at once: a figure changed piece by piece is checked piece by piece, which took most of a page's time
        "annotations": [
            {
                "x": left - 0.5,
                "y": top - 0.5,
                "xanchor": "left",
                "yanchor": "bottom",
                "text": label(name, 12),
                "showarrow": False,
                "font": {"size": 10},
            }
            for (top, left), name in zip(corners, names, strict=True)
            if len(stack) <= 64
        ],
        "height": int(min(640, max(110, 24 + (190 * aspect - 50) * down / width))),
        "margin": {"l": 2, "r": 2, "t": 18, "b": 2},
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": False,
        "xaxis": {"visible": False, "fixedrange": True},
        "yaxis": {"visible": False, "fixedrange": True, "autorange": "reversed"},
    }
    return go.Figure(_mosaic_trace(canvas, colours), layout)


def _tiled(stack: Array, aspect: float) -> tuple[list[tuple[int, int]], Array]:
    """The (top, left) corner of every tile and the canvas of bytes: 127 is zero, 255 is nothing."""
    count, height, width = stack.shape
    gap = max(1, round(0.12 * width)), max(2, round(0.3 * width))  # between columns; between rows, where names stand
    across = min(count, max(1, round(math.sqrt(aspect * count * (height + gap[1]) / (width + gap[0])))))
    down = math.ceil(count / across)
    canvas = np.full((down * (height + gap[1]) - gap[1], across * (width + gap[0]) - gap[0]), 255, dtype=np.uint8)
    bound = float(np.nanmax(np.abs(stack))) or 1.0
    corners = []
    for index, tile in enumerate(stack):
        top, left = (index // across) * (height + gap[1]), (index % across) * (width + gap[0])
        corners.append((top, left))
        cells = np.where(np.isnan(tile), 255, np.round(127 + 127 * np.nan_to_num(tile) / bound))
        canvas[top : top + height, left : left + width] = cells.astype(np.uint8)
    return corners, canvas


def _mosaic_trace(canvas: Array, colours: Palette) -> go.Heatmap:
    """Zero is a shade of the panel, so that a tile shows its extent even where it is empty."""
    edge = 254.5 / 255
    scale = [[0.0, colours.negative], [127 / 255, colours.zero], [edge, colours.positive]]
    return go.Heatmap(
        z=canvas,
        zmin=0,
        zmax=255,
        showscale=False,
        hoverinfo="skip",
        colorscale=[*scale, [edge, "rgba(0,0,0,0)"], [1.0, "rgba(0,0,0,0)"]],
    )


def growing(tokens: Array, names: Sequence[str], colours: Palette, *, moments: Array) -> go.Figure:
    """C_t after t = 1..n tokens as one figure with a slider that runs in the browser (no server work per step).

    tokens (d, n): the columns are the tokens, only their number is used for the slider; moments (n, d, d): C_1..C_n.
    At most `MAX_FRAMES` steps, evenly spaced and always with the first and the last one, fewer for large d.
    """
    matrices = np.asarray(moments, dtype=float)
    count, dim = matrices.shape[0], matrices.shape[1]
    if matrices.shape != (np.asarray(tokens).shape[1], len(names), len(names)) or count == 0:
        raise ShapeError(
            f"The growing C got moments of shape {matrices.shape} for tokens of shape {np.asarray(tokens).shape}; "
            "it needs one d x d matrix per token, and at least one token."
        )
    frames = max(2, min(count, MAX_FRAMES, MAX_FRAME_CELLS // (dim * dim)))
    shown = sorted({round(x) for x in np.linspace(0, count - 1, min(frames, count))})
    bound = float(np.abs(matrices[-1]).max()) or 1.0
    figure = heat_map(matrices[-1], names, names, colours, limit=bound)
    figure.frames = [go.Frame(name=str(t + 1), data=[_trace(matrices[t], names, names, colours, bound)]) for t in shown]
    options = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    steps = [{"label": str(t + 1), "method": "animate", "args": [[str(t + 1)], options]} for t in shown]
    if len(shown) > 1:
        prefix = {"prefix": "tokens in C: "}
        figure.update_layout(
            sliders=[{"steps": steps, "active": len(shown) - 1, "currentvalue": prefix, "pad": {"t": 26, "b": 6}}],
            height=figure.layout.height + 96,
        )
    return figure
