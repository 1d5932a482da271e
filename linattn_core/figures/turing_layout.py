"""The attribute table of a design drawn as HTML: one box an attribute, as wide as it has coordinates."""

from __future__ import annotations

import html

from linattn_core.figures.palette import Palette
from linattn_core.tasks.turing_layout import Design

MEANING = {
    "P": "cell, or change of position",
    "Y": "read here",
    "A": "letter, or change of letter",
    "R": "letter just read",
    "J": "state and letter",
    "S": "state, or change of state",
    "M": "direction",
    "K": "state at a cell",
    "G": "next state, direction",
    "L": "state, cell, letter",
}


def attribute_boxes(design: Design, colours: Palette) -> str:
    """Return HTML: the attributes side by side with their sizes and meanings; everything in it is escaped."""
    boxes = []
    for attribute in design.attributes:
        what = html.escape(MEANING[attribute.name])
        labels = html.escape(", ".join(attribute.labels), quote=True)
        cells = "".join(
            f'<i style="flex:1;border:1px solid {colours.faint};border-radius:2px;background:{colours.zero}"></i>'
            for _ in attribute.labels
        )
        boxes.append(
            f'<div title="{labels}" style="flex:{attribute.size} 1 {max(76, 7 * attribute.size)}px;min-width:0">'
            f'<div style="font-weight:600;color:{colours.ink}">{html.escape(attribute.name)}'
            f'<span style="font-weight:400;color:{colours.faint}"> {attribute.size}</span></div>'
            f'<div style="display:flex;gap:1px;height:14px;margin:2px 0">{cells}</div>'
            f'<div style="font-size:0.8rem;line-height:1.25;color:{colours.faint}">{what}</div></div>'
        )
    return (
        f'<div role="img" aria-label="{html.escape(describe(design), quote=True)}" '
        f'style="display:flex;flex-wrap:wrap;gap:12px 10px">{"".join(boxes)}</div>'
    )


def describe(design: Design) -> str:
    """Return the table in one sentence."""
    parts = ", ".join(f"{a.name} ({MEANING[a.name]}, {a.size})" for a in design.attributes)
    return f"The {design.dim} coordinates of a token in the {design.name} design: {parts}."
