"""A machine or drawing as one plain SVG file: no style sheet, no script, nothing to fetch, places as drawn.

The paths are those of the diagrams (geometry.py, dot.py), so an exported picture looks like the one on the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from linattn_core.figures import geometry
from linattn_core.figures.dot import Link, arcs, half_width, taken_directions
from linattn_core.figures.palette import LIGHT, Palette
from linattn_core.machines import Machine
from linattn_core.machines.jff_xml import NOT_XML
from linattn_core.machines.sketch import Sketch

MARGIN = 24.0
FONT = "Helvetica, Arial, sans-serif"


def machine_svg(value: Machine | Sketch, colours: Palette = LIGHT) -> str:
    """Draw a machine or a drawing as SVG text; every label in full, every state and edge with a title.

    Colours are those of `colours`; the background stays clear. Nothing is raised: an empty drawing is an empty picture.
    """
    sketch = Sketch.of(value) if isinstance(value, Machine) else value
    links = [Link(e.source, e.target, tuple(letter or "\u03b5" for letter in e.letters)) for e in sketch.edges]
    successors = [(link.source, link.target) for link in links]
    start = 0 if sketch.start is None else sketch.start
    points = geometry.place(sketch.positions, len(sketch.states), successors, start) if sketch.states else []
    widths = [max(half_width(name), 4.1 * len(name) + 6) for name in sketch.states]
    directions = taken_directions(points, links)
    parts: list[str] = []
    reach: list[geometry.Point] = []
    if sketch.start is not None:
        entry = geometry.free_direction(directions[start], [math.pi, math.pi / 2, -math.pi / 2, 0.0])
        directions[start].append(entry)
        tip, far = (geometry.outline(points[start], entry, widths[start], gap) for gap in (5.0, 34.0))
        parts.append(_path((far, far, tip, tip), tip, colours.ink, "start"))
        reach += [far]
    for link, arc in arcs(points, widths, links, directions):
        text = ", ".join(link.letters)
        title = f"from {sketch.states[link.source]} to {sketch.states[link.target]} on {text}"
        parts.append(_path(arc.curve, arc.tip, colours.ink, title))
        parts.append(_text(arc.label, text, colours.ink))
        reach += [
            *arc.curve,
            (arc.label[0] - 4 * len(text), arc.label[1]),
            (arc.label[0] + 4 * len(text), arc.label[1]),
        ]
    for number in range(len(sketch.states)):
        parts.append(_state(sketch, number, points[number], widths[number], colours))
        x, y = points[number]
        reach += [(x - widths[number], y - geometry.HEIGHT), (x + widths[number], y + geometry.HEIGHT)]
    return _document(sketch.name, parts, reach)


def _document(name: str, parts: Sequence[str], reach: Sequence[geometry.Point]) -> str:
    xs, ys = [x for x, _ in reach] or [0.0], [-y for _, y in reach] or [0.0]
    left, top = min(xs) - MARGIN, min(ys) - MARGIN
    width, height = max(xs) - left + MARGIN, max(ys) - top + MARGIN
    view = f"{left:.1f} {top:.1f} {width:.1f} {height:.1f}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}" width="{width:.0f}" height="{height:.0f}" '
        f'font-family="{FONT}" font-size="13">'
    )
    return "\n".join([head, f"<title>{_plain(name)}</title>", *parts, "</svg>", ""])


def _state(sketch: Sketch, number: int, at: geometry.Point, half: float, colours: Palette) -> str:
    x, y = at[0], -at[1]
    accepting, name = number in sketch.accepting, sketch.states[number]
    marks = [word for word, on in (("start", number == sketch.start), ("accepting", accepting)) if on]
    ellipse = f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{{:.1f}}" ry="{{:.1f}}" fill="{{}}" stroke="{colours.ink}"/>'
    lines = [
        f"<g><title>{_plain(', '.join([f'state {name}', *marks]))}</title>",
        ellipse.format(half, geometry.HEIGHT, colours.panel),
    ]
    if accepting:
        lines.append(ellipse.format(half - 4, geometry.HEIGHT - 4, "none"))
    return "".join([*lines, _text(at, name, colours.ink), "</g>"])


def _path(curve: Sequence[geometry.Point], tip: geometry.Point, colour: str, title: str) -> str:
    """A cubic curve and its arrow head, which points from the end of the curve to `tip`."""
    a, b, c, d = ((x, -y) for x, y in curve)
    end = (tip[0], -tip[1])
    before = c if math.dist(c, end) > 1e-6 else a
    angle = math.atan2(end[1] - before[1], end[0] - before[0])
    wings = [(end[0] - 9 * math.cos(angle + t), end[1] - 9 * math.sin(angle + t)) for t in (0.4, -0.4)]
    head = " ".join(f"{x:.1f},{y:.1f}" for x, y in (end, *wings))
    return (
        f"<g><title>{_plain(title)}</title>"
        f'<path d="M{a[0]:.1f},{a[1]:.1f} C{b[0]:.1f},{b[1]:.1f} {c[0]:.1f},{c[1]:.1f} {d[0]:.1f},{d[1]:.1f}" '
        f'fill="none" stroke="{colour}" stroke-width="1.2"/><polygon points="{head}" fill="{colour}"/></g>'
    )


def _text(at: geometry.Point, text: str, colour: str) -> str:
    return (
        f'<text x="{at[0]:.1f}" y="{-at[1]:.1f}" dy="0.35em" text-anchor="middle" fill="{colour}" '
        f'xml:space="preserve">{_plain(text)}</text>'
    )


def _plain(text: str) -> str:
    """Escape a text for XML; characters that XML cannot hold become the replacement character."""
    return escape(NOT_XML.sub("\ufffd", text))
