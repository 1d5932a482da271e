"""Automata as DOT text: the true machine, and the recovered one at the same coordinates, edge by edge.

Labels belong to the user and may hold quotes, tags or emoji. So node names are generated, every label goes through
`quote`, and lengths and sizes are bounded; the full text stays in the tooltip.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from linattn_core.errors import TooLargeError
from linattn_core.figures import geometry
from linattn_core.figures.palette import Palette

if TYPE_CHECKING:
    from linattn_core.machines import Machine
    from linattn_core.recover import Edge

Kind = Literal["plain", "right", "different", "undetermined"]

MAX_STATES = 40  # beyond that a browser needs seconds to draw and nobody can read it
STATE_CHARS, EDGE_CHARS, TOOLTIP_CHARS = 12, 24, 60
FONT = "Helvetica,Arial,sans-serif"  # system fonts only: a page never asks another server for anything

EDGE_STYLES: dict[Kind, tuple[str, float, str]] = {  # kind: (dash, width, mark after the letters)
    "plain": ("solid", 1.2, ""),
    "right": ("solid", 1.8, ""),
    "different": ("bold", 2.4, " \u2260"),
    "undetermined": ("dashed", 1.6, " ?"),
}


@dataclass(frozen=True)
class Link:
    """One drawn edge: all `letters` that lead from `source` to `target` (state indices) with the same `kind`."""

    source: int
    target: int
    letters: tuple[str, ...]
    kind: Kind = "plain"


def quote(text: str, limit: int = TOOLTIP_CHARS) -> str:
    """`text` as a DOT string that Graphviz draws literally: shortened to `limit`, control characters as spaces.

    Backslashes, double quotes and ampersands would otherwise be read as escapes, the end of the string and the
    start of an HTML entity.
    """
    clean = "".join(" " if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} else c for c in text)
    short = clean if len(clean) <= limit else clean[: limit - 1] + "\u2026"
    return '"' + short.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') + '"'


def machine_dot(machine: Machine, colours: Palette, active: int | None = None) -> str:
    """The transition diagram of `machine`; state number `active`, if given, is filled with the accent colour.

    Raises TooLargeError beyond `MAX_STATES` states.
    """
    together: dict[tuple[int, int], list[str]] = {}
    for state, row in enumerate(machine.transitions):
        for letter, target in zip(machine.alphabet, row, strict=True):
            together.setdefault((state, target), []).append(letter)
    links = [Link(p, q, tuple(letters)) for (p, q), letters in together.items()]
    return _diagram(machine, links, colours, active)


def recovery_dot(machine: Machine, edges: Iterable[Edge], colours: Palette) -> str:
    """What was learned, drawn where `machine` (the truth) stands: each edge goes where the learned model sends it.

    Certified and right: solid. Certified and different: bold, marked with an unequal sign. Not determined by the
    traces: dashed, marked "?"; where such an edge points is only what this one minimiser happens to answer.
    Raises TooLargeError beyond `MAX_STATES` states.
    """
    index = {name: number for number, name in enumerate(machine.states)}
    together: dict[tuple[int, int, Kind], list[str]] = {}
    for edge in edges:
        together.setdefault((index[edge.state], index[edge.learned], edge.kind), []).append(edge.letter)
    links = [Link(p, q, tuple(letters), kind) for (p, q, kind), letters in together.items()]
    return _diagram(machine, links, colours, None)


def half_width(name: str) -> float:
    """Half the drawn width of a state called `name`, in points: a circle for short names, wider for long ones."""
    return max(geometry.HEIGHT, 3.7 * min(len(name), STATE_CHARS) + 6)


def _diagram(machine: Machine, links: Sequence[Link], colours: Palette, active: int | None) -> str:
    count = len(machine.states)
    if count > MAX_STATES:
        raise TooLargeError(
            f"This automaton has {count} states, more than the {MAX_STATES} a diagram can show readably; "
            "see its transition table instead."
        )
    successors = [(p, q) for p, row in enumerate(machine.transitions) for q in row]
    points = geometry.place(machine.positions, count, successors, machine.start)
    widths = [half_width(name) for name in machine.states]
    lines = [
        "digraph automaton {",
        f'  graph [layout=nop2, bgcolor="transparent", margin=0.05, fontname="{FONT}"];',
        f'  node [fontname="{FONT}", fontsize=12, color="{colours.ink}", fontcolor="{colours.ink}", '
        f'fillcolor="{colours.panel}", style=filled, fixedsize=true, penwidth=1.3];',
        f'  edge [fontname="{FONT}", fontsize=12, arrowsize=0.7];',
    ]
    for number, name in enumerate(machine.states):
        lines.append(_state(machine, number, name, points[number], widths[number], colours, active == number))
    directions = taken_directions(points, links)
    entry = geometry.free_direction(directions[machine.start], [math.pi, math.pi / 2, -math.pi / 2, 0.0])
    directions[machine.start].append(entry)
    lines += _entry(points[machine.start], widths[machine.start], entry, colours)
    for link, path in arcs(points, widths, links, directions):
        lines.append(_edge(link, path, colours))
    return "\n".join([*lines, "}"])


def _state(
    machine: Machine, number: int, name: str, at: geometry.Point, half: float, colours: Palette, active: bool
) -> str:
    accepting = number in machine.accepting
    notes = [w for w, on in (("start", number == machine.start), ("accepting", accepting)) if on]
    tooltip = f"state {name}" + (f" ({', '.join(notes)})" if notes else "")
    fill = f', fillcolor="{colours.accent}", fontcolor="{colours.paper}"' if active else ""
    return (
        f"  s{number} [label={quote(name, STATE_CHARS)}, tooltip={quote(tooltip)}, shape=ellipse, "
        f"peripheries={2 if accepting else 1}, "
        f'width={2 * half / 72:.3f}, height={2 * geometry.HEIGHT / 72:.3f}, pos="{at[0]:.1f},{at[1]:.1f}"{fill}];'
    )


def _entry(at: geometry.Point, half: float, angle: float, colours: Palette) -> list[str]:
    """The arrow from nowhere that marks the start state."""
    tip = geometry.outline(at, angle, half, gap=5.0)
    end = geometry.outline(at, angle, half, gap=5.0 + geometry.ARROW)
    far = geometry.outline(at, angle, half, gap=34.0)
    spline = " ".join(f"{x:.1f},{y:.1f}" for x, y in (far, far, end, end))
    return [
        f'  entry [label="", tooltip="start", shape=point, style=invis, width=0.01, pos="{far[0]:.1f},{far[1]:.1f}"];',
        f'  entry -> s_start_ [pos="e,{tip[0]:.1f},{tip[1]:.1f} {spline}", color="{colours.ink}", tooltip="start"];',
        f'  s_start_ [label="", shape=point, style=invis, width=0.01, pos="{tip[0]:.1f},{tip[1]:.1f}"];',
    ]


def taken_directions(points: Sequence[geometry.Point], links: Iterable[Link]) -> list[list[float]]:
    """For each state the directions (radians, y upwards) in which its arcs leave or arrive; loops take none yet."""
    taken: list[list[float]] = [[] for _ in points]
    for link in links:
        if link.source != link.target:
            (x, y), (x2, y2) = points[link.source], points[link.target]
            taken[link.source].append(math.atan2(y2 - y, x2 - x))
            taken[link.target].append(math.atan2(y - y2, x - x2))
    return taken


def arcs(
    points: Sequence[geometry.Point], widths: Sequence[float], links: Sequence[Link], directions: list[list[float]]
) -> list[tuple[Link, geometry.Arc]]:
    """A path for every link: straight where there is room, bent where two states exchange edges, loops outwards.

    points, widths: centre and half width of each state, in points. directions: from `taken_directions`; the directions
    that loops take are added to it.
    """
    drawn: list[tuple[Link, geometry.Arc]] = []
    used: dict[tuple[int, int], int] = {}
    pairs = {(link.source, link.target) for link in links}
    wishes = [k * math.pi / 4 for k in (2, 6, 1, 3, 5, 7, 0, 4)]
    for link in links:
        p, q = link.source, link.target
        rank = used[p, q] = used.get((p, q), 0) + 1
        if p == q:
            angle = geometry.free_direction(directions[p], wishes)
            directions[p].append(angle)
            drawn.append((link, geometry.loop(points[p], widths[p], angle)))
            continue
        others = [point for number, point in enumerate(points) if number not in (p, q)]
        alone = (q, p) not in pairs and sum((o.source, o.target) == (p, q) for o in links) == 1
        bend = 0.0 if alone and not geometry.crowded(points[p], points[q], others) else 26.0 * rank - 14.0
        if alone and bend:
            bend = 0.24 * math.dist(points[p], points[q])  # around the state in the way
        drawn.append((link, geometry.arc(points[p], points[q], (widths[p], widths[q]), bend, _label_width(link))))
    return drawn


def _label_width(link: Link) -> float:
    """About how wide the letters of a link are drawn, in points."""
    return 7.0 * min(len(", ".join(link.letters)) + len(EDGE_STYLES[link.kind][2]), EDGE_CHARS)


def _edge(link: Link, path: geometry.Arc, colours: Palette) -> str:
    dash, width, mark = EDGE_STYLES[link.kind]
    colour = colours.ink if link.kind == "plain" else getattr(colours, link.kind)
    letters = ", ".join(link.letters)
    spline = " ".join(f"{x:.1f},{y:.1f}" for x, y in path.curve)
    return (
        f'  s{link.source} -> s{link.target} [pos="e,{path.tip[0]:.1f},{path.tip[1]:.1f} {spline}", '
        f'label={quote(letters, EDGE_CHARS)[:-1]}{mark}", lp="{path.label[0]:.1f},{path.label[1]:.1f}", '
        f'tooltip={quote(letters)}, style={dash}, penwidth={width}, color="{colour}", fontcolor="{colour}"];'
    )


def describe(machine: Machine) -> str:
    """One sentence for a screen reader: the states, which of them start and accept, and every transition (bounded)."""
    accepting = [machine.states[number] for number in sorted(machine.accepting)]
    moves = [
        f"{state} on {letter} to {machine.states[target]}"
        for state, row in zip(machine.states, machine.transitions, strict=True)
        for letter, target in zip(machine.alphabet, row, strict=True)
    ]
    tail = "; ".join(moves[:24]) + (f"; and {len(moves) - 24} more" if len(moves) > 24 else "")
    return (
        f"Automaton with {len(machine.states)} states, start {machine.states[machine.start]}, "
        f"accepting {', '.join(accepting) or 'none'}: {tail}."
    )
