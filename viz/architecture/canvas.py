"""Drawing with every place given, in points, x to the right and y up, so that Graphviz only draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from ..drawing.dot import Digraph, Html, cell, table
from ..drawing.metrics import text_width
from ..drawing.theme import Theme

Point = tuple[float, float]

TEXT: Final = 13.0
"""The size of the small text, in points."""


class Canvas:
    """One drawing being written as DOT.

    Attributes:
        theme: its colours.
        dot: what has been drawn so far.
    """

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self.dot = Digraph(
            layout="nop2", bgcolor=theme.paper, pad=0.02, margin=0, outputorder="nodesfirst", fontname=theme.font
        )
        self.dot.default(
            "node", shape="plaintext", margin=0, width=0.01, height=0.01, fontname=theme.font, fontcolor=theme.ink
        )
        self.dot.default("edge", color=theme.line, arrowhead="none")
        self._count = 0

    def new(self, kind: str) -> str:
        """A name that nothing has yet."""
        self._count += 1
        return f"{kind}{self._count}"

    def box(self, name: str, x: float, y: float, width: float, height: float, **attributes: Any) -> None:
        """A box, or another shape, around its middle."""
        size = {"fixedsize": True, "width": width / 72, "height": height / 72}
        self.dot.node(name, **{"label": "", "shape": "box", **attributes, **size, "pos": _at((x, y))})

    def text(self, x: float, y: float, content: Html) -> None:
        """Text around its middle."""
        self.dot.node(self.new("text"), label=content, pos=_at((x, y)))

    def left(self, x: float, y: float, plain: str, content: Html, size: float = TEXT) -> None:
        """Text that starts at `x`; `plain` is what is measured."""
        width = left_width(plain, size)
        line = cell(content, align="left", width=width, height=math.ceil(1.6 * size) + 2, fixedsize=True)
        self.text(x + width / 2, y, table([[line]]))

    def path(self, points: Sequence[Point], arrow: float = 0.0, **attributes: Any) -> None:
        """A line through corners, which are rounded; `arrow` is the length of its head."""
        controls = _rounded(points)
        tip = ""
        if arrow:
            tip = f"e,{_at(points[-1])} "
            controls[-2:] = [_towards(points[-1], points[-2], arrow)] * 2
            attributes |= {"arrowhead": "normal", "arrowsize": arrow / 10}
        tail, head = self.new("end"), self.new("end")
        for name, point in ((tail, controls[0]), (head, controls[-1])):
            self.dot.node(name, label="", shape="point", style="invis", pos=_at(point))
        self.dot.edge(tail, head, pos=tip + " ".join(map(_at, controls)), **attributes)


def left_width(plain: str, size: float = TEXT) -> int:
    """The room that a line of text needs: engines round the width of each letter to whole dots."""
    return math.ceil(1.07 * text_width(plain, size)) + 4


def _at(point: Point) -> str:
    return f"{point[0]:.2f},{point[1]:.2f}"


def _towards(a: Point, b: Point, distance: float) -> Point:
    """The point that lies `distance` from `a` on the way to `b`."""
    t = distance / math.dist(a, b)
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t


def _rounded(points: Sequence[Point], radius: float = 10.0) -> list[Point]:
    """Cubic curves, end to end, that follow a line through `points` and round its corners.

    A corner whose sides are shorter than twice the radius is rounded less.
    """
    stops = [points[0]]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        bend = min(radius, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        stops += [_towards(corner, before, bend), corner, _towards(corner, after, bend)]
    stops.append(points[-1])
    controls = [stops[0]]
    for i in range(1, len(stops), 3):
        controls += [controls[-1], stops[i], stops[i]]  # a straight piece
        if i + 2 < len(stops):
            controls += [stops[i + 1], stops[i + 1], stops[i + 2]]
    return controls
