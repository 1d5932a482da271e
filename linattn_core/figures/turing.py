"""Figures of universal Turing machines: exact runs against machines seen."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from linattn_core.errors import ShapeError
from linattn_core.figures.palette import Palette
from linattn_core.tasks.turing_outcome import TuringPoint

STYLES = (("circle", "solid"), ("diamond", "dash"), ("square", "dot"))
"""Marker and dash of each line, so that colour is never the only sign."""


def jump(points: Sequence[TuringPoint], dimension: int | None, colours: Palette, *, sampled: bool = False) -> go.Figure:
    """Shares in percent against training machines: fresh machines run exactly, contexts certified, rank reached.

    ``sampled``: the dimension is that of a sample, a lower bound on the legal one, and is called so.
    """
    if not points:
        raise ShapeError("The curve has no points; learn from at least one number of machines.")
    lines = {
        "fresh machines run exactly": ([100 * p.fresh.exact / p.fresh.runs for p in points], colours.accent),
        "their contexts certified": ([100 * p.fresh.certified / p.fresh.contexts for p in points], colours.different),
    }
    if dimension:
        what = "sampled dimension (a lower bound)" if sampled else "legal dimension"
        lines[f"rank of the {what}"] = ([100 * p.rank / dimension for p in points], colours.undetermined)
    figure = go.Figure()
    for (name, (values, ink)), (symbol, dash) in zip(lines.items(), STYLES, strict=False):
        figure.add_scatter(
            x=[p.machines for p in points],
            y=values,
            mode="lines+markers",
            name=name,
            line={"color": ink, "dash": dash, "width": 2},
            marker={"symbol": symbol, "size": 8, "color": ink},
            customdata=[[p.examples, p.rank] for p in points],
            hovertemplate="%{x:,} machines, %{customdata[0]:,} examples, rank %{customdata[1]:,}: %{y:.1f} %"
            f"<extra>{name}</extra>",
        )
    figure.update_layout(**layout(340), xaxis_title="machines seen", yaxis_title="percent")
    figure.update_yaxes(range=[-4, 106], tickvals=[0, 25, 50, 75, 100])
    figure.update_xaxes(rangemode="tozero", tickformat=",")
    return figure


def line(figure: go.Figure, height: float, words: str, colours: Palette) -> None:
    """Draw a dotted line across at a ``height``, with its name on it."""
    figure.add_hline(
        y=height,
        line={"dash": "dot", "width": 1, "color": colours.faint},
        annotation_text=words,
        annotation_position="top left",
    )


def layout(height: int) -> dict[str, object]:
    """Return the layout that all curves share."""
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 16, "b": 8},
        "dragmode": False,
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": -0.25, "x": 0, "yanchor": "top"},
    }
