"""Where states, arcs and loops of an automaton go: plain plane geometry, in points, y upwards.

Graphviz could route the edges, but its force-directed engines lay two opposite edges on top of each other and put
every loop on the same side. A diagram has few states, so we place them and their arcs ourselves, and let Graphviz
draw exactly that (`layout=nop2`). The recovered automaton then stands exactly where the true one stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np

Point = tuple[float, float]

SPACING = 116.0  # distance of the two closest states
HEIGHT = 20.0  # half the height of a state
ARROW = 8.0  # length of an arrow head
LOOP = 34.0  # how far a loop reaches beyond its state


@dataclass(frozen=True)
class Arc:
    """A cubic Bezier between two outlines: its four control points, the tip of the arrow, the centre of the label."""

    curve: tuple[Point, Point, Point, Point]
    tip: Point
    label: Point


def place(positions: Sequence[Point] | None, count: int, links: Iterable[tuple[int, int]], start: int) -> list[Point]:
    """Coordinates of `count` states with the closest two `SPACING` apart.

    `positions` (any unit, y downwards as on a screen) are the user's own and only scaled and shifted; without them
    small machines stand on a circle in the order a breadth-first walk meets them, larger ones where Kamada and
    Kawai's springs (networkx) put them. Two states on one spot fall back to the circle.
    """
    if positions is not None and len(positions) == count:
        own = [(float(x), -float(y)) for x, y in positions]
        if count < 2 or _closest(own) > 1e-9 * (1 + _extent(own)):
            return _scaled(own)
    order = _walk(count, links, start)
    circle = {state: _on_circle(rank, count) for rank, state in enumerate(order)}
    if count > 9:
        graph = nx.Graph()
        graph.add_nodes_from(range(count))
        graph.add_edges_from((p, q) for p, q in links if p != q)
        if nx.is_connected(graph):
            springs = nx.kamada_kawai_layout(graph, pos={s: np.asarray(xy) for s, xy in circle.items()})
            points = [(float(springs[s][0]), float(springs[s][1])) for s in range(count)]
            if _closest(points) > 0.05:
                return _scaled(points)
    return _scaled([circle[state] for state in range(count)])


def _walk(count: int, links: Iterable[tuple[int, int]], start: int) -> list[int]:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(links)
    reached = [start, *(child for _, child in nx.bfs_edges(graph, start))]
    return reached + [state for state in range(count) if state not in set(reached)]


def _on_circle(rank: int, count: int) -> Point:
    angle = math.pi - 2 * math.pi * rank / max(count, 2)  # the start state on the left, then clockwise
    return (math.cos(angle), math.sin(angle))


def _closest(points: Sequence[Point]) -> float:
    return min((math.dist(a, b) for i, a in enumerate(points) for b in points[:i]), default=math.inf)


def _extent(points: Sequence[Point]) -> float:
    return max((abs(x) for point in points for x in point), default=0.0)


def _scaled(points: Sequence[Point]) -> list[Point]:
    factor = SPACING / _closest(points) if len(points) > 1 else 1.0
    return [(round(x * factor, 1), round(y * factor, 1)) for x, y in points]


def outline(centre: Point, towards: float, half_width: float, gap: float = 0.0) -> Point:
    """The point of a state's ellipse (half axes `half_width` and `HEIGHT`, plus `gap`) at the angle `towards`."""
    a, b = half_width + gap, HEIGHT + gap
    reach = a * b / math.hypot(b * math.cos(towards), a * math.sin(towards))
    return (centre[0] + reach * math.cos(towards), centre[1] + reach * math.sin(towards))


def crowded(p: Point, q: Point, others: Iterable[Point]) -> bool:
    """Whether the straight line from `p` to `q` would run through (or touch) one of the `others`."""
    length = math.dist(p, q)
    ux, uy = (q[0] - p[0]) / length, (q[1] - p[1]) / length
    for x, y in others:
        along = (x - p[0]) * ux + (y - p[1]) * uy
        across = abs(-(x - p[0]) * uy + (y - p[1]) * ux)
        if 0 < along < length and across < HEIGHT + 12:
            return True
    return False


def arc(p: Point, q: Point, widths: tuple[float, float], bend: float, label_width: float = 8.0) -> Arc:
    """An arc from state `p` to state `q` (half widths `widths`), bulging `bend` points to the left of its direction.

    The label, `label_width` points wide, stands on the outer side of the bulge, clear of the line.
    """
    length = math.dist(p, q)
    nx_, ny_ = -(q[1] - p[1]) / length, (q[0] - p[0]) / length
    middle = ((p[0] + q[0]) / 2, (p[1] + q[1]) / 2)
    control = (middle[0] + 2 * bend * nx_, middle[1] + 2 * bend * ny_)
    begin = outline(p, math.atan2(control[1] - p[1], control[0] - p[0]), widths[0])
    arrival = math.atan2(control[1] - q[1], control[0] - q[0])
    tip = outline(q, arrival, widths[1], gap=1.0)
    end = outline(q, arrival, widths[1], gap=1.0 + ARROW)
    top = tuple(0.25 * begin[axis] + 0.5 * control[axis] + 0.25 * end[axis] for axis in (0, 1))
    lift = 9.0 + abs(nx_) * label_width / 2
    label = (top[0] + lift * nx_, top[1] + lift * ny_)
    return Arc((begin, _mix(begin, control), _mix(end, control), end), tip, label)


def _mix(end: Point, control: Point) -> Point:
    """Raise a quadratic Bezier's control point to a cubic's."""
    return (end[0] + 2 / 3 * (control[0] - end[0]), end[1] + 2 / 3 * (control[1] - end[1]))


def loop(p: Point, half_width: float, angle: float, size: float = LOOP) -> Arc:
    """A loop at state `p` that leaves it in direction `angle` (radians)."""
    spread = 0.42
    begin = outline(p, angle + spread, half_width)
    tip = outline(p, angle - spread, half_width, gap=1.0)
    end = outline(p, angle - spread * 0.96, half_width, gap=1.0 + ARROW)
    far = half_width * abs(math.cos(angle)) + HEIGHT * abs(math.sin(angle)) + size
    one = (p[0] + far * math.cos(angle + spread * 1.1), p[1] + far * math.sin(angle + spread * 1.1))
    two = (p[0] + far * math.cos(angle - spread * 1.1), p[1] + far * math.sin(angle - spread * 1.1))
    out = far * 0.78 + half_width * 0.22 + 9
    return Arc((begin, one, two, end), tip, (p[0] + out * math.cos(angle), p[1] + out * math.sin(angle)))


def free_direction(taken: Sequence[float], wishes: Sequence[float]) -> float:
    """The direction of `wishes` farthest from every angle in `taken`; the earlier wish wins a near tie."""

    def room(angle: float) -> float:
        return min((abs(math.remainder(angle - other, 2 * math.pi)) for other in taken), default=math.pi)

    return max(enumerate(wishes), key=lambda wish: round(min(room(wish[1]), 1.3), 2) - 0.02 * wish[0])[1]
