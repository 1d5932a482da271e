"""Colours of every figure, for light and dark pages: the Okabe-Ito set, made for colour-blind readers too.

Colour is never the only sign: what a colour says, a dash, a shape or a word says as well (`EDGE_STYLES` in dot.py).
Source of the set: Okabe and Ito, "Color Universal Design" (2008).
"""

from __future__ import annotations

from dataclasses import dataclass

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"


@dataclass(frozen=True, kw_only=True)
class Palette:
    """What a figure needs to know about the page it stands on; every value is a CSS colour."""

    name: str
    ink: str  # text and outlines
    faint: str  # secondary text, grid lines
    paper: str  # the page behind the figure; also the colour of zero in a heat map
    panel: str  # fill of a state
    zero: str  # an empty cell among tiles
    right: str  # certified, and equal to the truth
    different: str  # certified, and different from the truth
    undetermined: str  # the traces do not decide it
    negative: str  # end of the diverging scale below zero
    positive: str  # end of the diverging scale above zero
    accent: str  # single-series bars and points

    @property
    def diverging(self) -> list[list[float | str]]:
        """Plotly colour scale from `negative` over `paper` (zero) to `positive`."""
        return [[0.0, self.negative], [0.5, self.paper], [1.0, self.positive]]


LIGHT = Palette(
    name="light",
    ink="#1f2933",
    faint="#7b8794",
    paper="#ffffff",
    panel="#f4f6f8",
    zero="#eef1f4",
    right=BLUE,
    different=VERMILLION,
    undetermined="#B87F00",  # Okabe-Ito orange, darkened until it reads as text on white
    negative=VERMILLION,
    positive=BLUE,
    accent=BLUE,
)

DARK = Palette(
    name="dark",
    ink="#e6eaee",
    faint="#8d99a6",
    paper="#12161b",
    panel="#1e252d",
    zero="#222a33",
    right=SKY,
    different="#F0803C",  # vermillion and orange, lightened until they read as text on the dark page
    undetermined="#F2B632",
    negative="#E8792F",
    positive=SKY,
    accent=SKY,
)


def palette(dark: bool) -> Palette:
    """The palette for a dark or a light page."""
    return DARK if dark else LIGHT
