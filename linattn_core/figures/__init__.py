"""Figures as values: DOT text for automata, Plotly figures for matrices and spectra. No page framework in here."""

from linattn_core.figures.charts import ambiguity, counts, histogram, spectrum
from linattn_core.figures.dot import MAX_STATES, describe, machine_dot, recovery_dot
from linattn_core.figures.matrices import growing, heat_map, mosaic
from linattn_core.figures.palette import DARK, LIGHT, Palette, palette

__all__ = [
    "DARK",
    "LIGHT",
    "MAX_STATES",
    "Palette",
    "ambiguity",
    "counts",
    "describe",
    "growing",
    "heat_map",
    "histogram",
    "machine_dot",
    "mosaic",
    "palette",
    "recovery_dot",
    "spectrum",
]
