"""How sure a statement is: a theorem in integers, a number with a gap, or undecided."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

Level = Literal["theorem", "numerical", "undecided"]
"""theorem: decided in exact integers. numerical: decided in floating point with a stated gap, the rounding at this
input bounded and small. undecided: neither."""


class Decision(IntEnum):
    """Whether all minimisers of the training loss agree at an input."""

    OPEN = 0
    UNDECIDED = 1
    CERTIFIED = 2
