"""Light or dark: the one place that asks the browser, and the settings every chart shares."""

from __future__ import annotations

from typing import Any

import streamlit as st

from linattn_core.figures import Palette, palette

# The mode bar exports SVG and PNG in the browser; nothing in a chart links to another server.
CHART: dict[str, Any] = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoom2d", "pan2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
    "toImageButtonOptions": {"format": "svg", "filename": "linattn"},
}


def colours() -> Palette:
    """The palette of the page as the reader sees it."""
    return palette(st.context.theme.type == "dark")
