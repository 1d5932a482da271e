"""Spectra, residuals and counts as Plotly figures. Whatever has a threshold shows it as a labelled line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from linattn_core.certificates.decision import Decision
from linattn_core.errors import ShapeError
from linattn_core.figures.matrices import MAX_CELLS, label
from linattn_core.figures.palette import Palette

Array = np.ndarray

FLOOR = 1e-18  # what an exact zero is drawn as on a logarithmic axis
MAX_POINTS = 2_000


def spectrum(
    values: Array, colours: Palette, *, threshold: float | None = None, what: str = "singular value"
) -> go.Figure:
    """Non-negative numbers (k,), falling, on a logarithmic axis; those at or below `threshold` are hollow squares.

    More than `MAX_POINTS` are thinned evenly (the first and the last stay).
    """
    numbers = np.sort(np.abs(np.asarray(values, dtype=float).ravel()))[::-1]
    if not numbers.size:
        raise ShapeError("The spectrum is empty; give at least one number.")
    rank = np.arange(1, numbers.size + 1)
    if numbers.size > MAX_POINTS:
        keep = np.unique(np.linspace(0, numbers.size - 1, MAX_POINTS).round().astype(int))
        numbers, rank = numbers[keep], rank[keep]
    above = numbers > (threshold or 0.0)
    figure = go.Figure()
    for mask, name, symbol in ((above, "counted", "circle"), (~above, "zero to rounding", "square-open")):
        if mask.any():
            figure.add_scatter(
                x=rank[mask],
                y=np.maximum(numbers[mask], FLOOR),
                mode="markers",
                name=name,
                marker={
                    "symbol": symbol,
                    "size": 7,
                    "color": colours.accent if name == "counted" else colours.undetermined,
                },
                customdata=numbers[mask],
                hovertemplate=f"{what} %{{x}}: %{{customdata:.3g}}<extra></extra>",
            )
    if threshold:
        figure.add_hline(
            y=threshold,
            line={"dash": "dash", "width": 1, "color": colours.faint},
            annotation_text=f"tolerance {threshold:.1e}",
        )
    figure.update_layout(
        **_layout(260), xaxis_title="rank", yaxis_title=what, showlegend=bool(above.any() and not above.all())
    )
    figure.update_yaxes(type="log", **_log_ticks(float(np.maximum(numbers, FLOOR).min()), float(numbers.max())))
    return figure


def _log_ticks(low: float, high: float) -> dict[str, object]:
    """Ticks at 1, 2, 5 times powers of ten over a short range, at (every k-th) power of ten over a long one."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(max(high, FLOOR)))
    if last - first > 3:
        return {"dtick": math.ceil((last - first) / 6), "exponentformat": "power"}
    values = [m * 10.0**k for k in range(first, last + 1) for m in (1, 2, 5)]
    return {"tickvals": values, "ticktext": [f"{value:g}" for value in values]}


def ambiguity(
    values: Array, decisions: Array, rows: Sequence[str], columns: Sequence[str], colours: Palette
) -> go.Figure:
    """How free each answer is, a table (r, c) of numbers in [0, 1], with what was decided of each (``Decision``)."""
    table = np.asarray(values, dtype=float)
    words = {Decision.CERTIFIED: "decided", Decision.UNDECIDED: "undecided"}
    figure = counts(table, rows, columns, colours)
    figure.update_traces(
        zmax=1.0,
        colorscale=[[0.0, colours.paper], [1.0, colours.undetermined]],
        text=[
            [words.get(Decision(int(known)), f"open: {x:.2f}") for x, known in zip(row, line, strict=True)]
            for row, line in zip(table, np.asarray(decisions), strict=True)
        ],
    )
    return figure


def histogram(values: Array, colours: Palette, *, what: str) -> go.Figure:
    """How the numbers in `values` (any shape) are spread: 40 bins, counted here, so that few numbers travel."""
    numbers = np.asarray(values, dtype=float).ravel()
    if not numbers.size:
        raise ShapeError(f"There are no values of {what!r} to show; give at least one.")
    reach = float(np.abs(numbers).max()) or 1e-16
    counts, edges = np.histogram(numbers, bins=40, range=(-reach, reach))
    figure = go.Figure(
        go.Bar(x=(edges[:-1] + edges[1:]) / 2, y=counts, marker_color=colours.accent, width=np.diff(edges))
    )
    figure.update_traces(hovertemplate=f"{what} about %{{x:.2e}}: %{{y}} values<extra></extra>")
    figure.update_layout(**_layout(240), xaxis_title=what, yaxis_title="count", bargap=0)
    figure.update_xaxes(exponentformat="power")
    return figure


def counts(values: Array, rows: Sequence[str], columns: Sequence[str], colours: Palette) -> go.Figure:
    """A table of counts (r, c) as a heat map; a zero is written "none" in the colour of what is not determined."""
    table = np.asarray(values)
    if table.shape != (len(rows), len(columns)) or table.size > MAX_CELLS:
        raise ShapeError(
            f"The table of counts has shape {table.shape} for {len(rows)} rows and {len(columns)} columns; "
            f"give one label each, and at most {MAX_CELLS:,} cells."
        )
    figure = go.Figure(
        go.Heatmap(
            z=table,
            x=list(range(len(columns))),
            y=list(range(len(rows))),
            zmin=0,
            zmax=max(1, int(table.max(initial=1))),
            colorscale=[[0.0, colours.paper], [1.0, colours.positive]],
            showscale=False,
            xgap=2,
            ygap=2,
            text=[[str(int(x)) if x else "none" for x in row] for row in table],
            texttemplate="%{text}" if table.size <= 200 else None,
            hovertemplate="%{y}, %{x}: %{z}<extra></extra>",
        )
    )
    figure.update_layout(**_layout(90 + 34 * min(len(rows), 14)), plot_bgcolor="rgba(127,127,127,0.18)")
    figure.update_xaxes(
        tickvals=list(range(len(columns))), ticktext=[label(c) for c in columns], showgrid=False, side="top"
    )
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=[label(r) for r in rows], showgrid=False, autorange="reversed"
    )
    return figure


def durations(stages: Mapping[str, float], colours: Palette) -> go.Figure:
    """Named durations in seconds, in their order, as horizontal bars in milliseconds."""
    names, values = list(stages), [1000 * value for value in stages.values()]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=[label(name, 30) for name in names],
            orientation="h",
            marker_color=colours.accent,
            text=[f"{value:.1f}" for value in values],
            hovertemplate="%{y}: %{x:.2f} ms<extra></extra>",
        )
    )
    figure.update_layout(**_layout(70 + 30 * len(names)), xaxis_title="milliseconds")
    figure.update_yaxes(autorange="reversed", showgrid=False, automargin=True)
    return figure


def _layout(height: int) -> dict[str, object]:
    return {"height": height, "margin": {"l": 8, "r": 8, "t": 24, "b": 8}, "dragmode": False}
