"""The rank against the number of traces: a band over seeds, and the most informative examples beside it."""

from __future__ import annotations

import plotly.graph_objects as go

from linattn_core.curve import Curves
from linattn_core.errors import ShapeError
from linattn_core.figures.palette import Palette
from linattn_core.figures.turing import STYLES, layout, line


def climb(curves: Curves, unit: str, colours: Palette) -> go.Figure:
    """The rank against the number of examples, up to the legal dimension.

    Random traces: the median over seeds, with the band between the 10th and the 90th percentile; ``unit`` is what an
    episode of them is called. Chosen ones: the most informative examples of one seed.
    """
    if not curves.bands:
        raise ShapeError("The curve has no points; learn from at least one number of examples.")
    figure = go.Figure()
    x = [band.examples.median for band in curves.bands]
    for name, values in (("10 %", [b.rank.low for b in curves.bands]), ("90 %", [b.rank.high for b in curves.bands])):
        figure.add_scatter(
            x=x,
            y=values,
            mode="lines",
            name=name,
            line={"color": colours.accent, "width": 0.5},
            fill="tonexty" if name == "90 %" else None,
            opacity=0.5,
            showlegend=False,
            hoverinfo="skip",
        )
    (symbol, dash), (other_symbol, other_dash), *_ = STYLES
    figure.add_scatter(
        x=x,
        y=[band.rank.median for band in curves.bands],
        mode="lines+markers",
        name=f"random traces, median of {curves.seeds} seeds",
        line={"color": colours.accent, "dash": dash, "width": 2},
        marker={"symbol": symbol, "size": 8, "color": colours.accent},
        customdata=[
            [b.episodes, b.rank.low, b.rank.high, 100 * b.accuracy.median, 100 * b.certified.median]
            for b in curves.bands
        ],
        hovertemplate=f"%{{customdata[0]:,}} {unit}, %{{x:,}} examples: rank %{{y:,}} (%{{customdata[1]:,}} to "
        "%{customdata[2]:,}), %{customdata[3]:.0f} % right, %{customdata[4]:.0f} % certified<extra>random</extra>",
    )
    figure.add_scatter(
        x=[point.examples for point in curves.chosen],
        y=[point.rank for point in curves.chosen],
        mode="lines+markers",
        name="chosen examples",
        line={"color": colours.different, "dash": other_dash, "width": 2},
        marker={"symbol": other_symbol, "size": 8, "color": colours.different},
        hovertemplate="%{x:,} examples: rank %{y:,}<extra>chosen</extra>",
    )
    line(figure, curves.dimension, f"all legal inputs: {curves.dimension:,}", colours)
    figure.update_layout(**layout(320), xaxis_title="examples", yaxis_title="rank")
    figure.update_yaxes(range=[0, curves.dimension * 1.12], tickformat=",")
    figure.update_xaxes(rangemode="tozero", tickformat=",")
    return figure
