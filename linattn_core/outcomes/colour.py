"""The value of a light: a colour and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from linattn_core.certificates.decision import Level

Colour = Literal["green", "blue", "amber", "red", "grey"]
COLOURS: tuple[Colour, ...] = ("green", "blue", "amber", "red", "grey")


@dataclass(frozen=True)
class Light:
    """A colour with what it says.

    title: one line that begins with the colour's name. words: what holds, in plain sentences. details: more of it, one
    line each, such as what is missing. level: how sure that is. reason: why it is this colour and not another.
    """

    colour: Colour
    title: str
    words: str
    level: Level
    reason: str
    details: tuple[str, ...] = ()
