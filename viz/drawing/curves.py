"""Lines through corners that are rounded, as the cubic curves that Graphviz draws."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .geometry import Point


def at(point: Point) -> str:
    """Write a point as Graphviz reads it.

    >>> at((1.0, 2.345))
    '1.00,2.35'
    """
    return f"{point[0]:.2f},{point[1]:.2f}"


def towards(a: Point, b: Point, distance: float) -> Point:
    """Return the point that lies `distance` from `a` on the way to `b`.

    >>> towards((0.0, 0.0), (4.0, 0.0), 1.0)
    (1.0, 0.0)
    """
    t = distance / math.dist(a, b)
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t


def rounded(points: Sequence[Point], radius: float = 10.0) -> list[Point]:
    """Return cubic curves, end to end, that follow a line through `points` and round its corners.

    A corner whose sides are shorter than twice the radius is rounded less.

    >>> rounded([(0.0, 0.0), (9.0, 0.0)])
    [(0.0, 0.0), (0.0, 0.0), (9.0, 0.0), (9.0, 0.0)]
    """
    stops = [points[0]]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        bend = min(radius, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        stops += [towards(corner, before, bend), corner, towards(corner, after, bend)]
    stops.append(points[-1])
    controls = [stops[0]]
    for i in range(1, len(stops), 3):
        controls += [controls[-1], stops[i], stops[i]]  # a straight piece
        if i + 2 < len(stops):
            controls += [stops[i + 1], stops[i + 1], stops[i + 2]]
    return controls
