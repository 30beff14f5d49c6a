"""Drawing on a page of a fixed size with every place given, in points, x to the right and y up: Graphviz only draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from .block import Block, line_height
from .dot import Digraph, Html, cell, clean, font, table
from .metrics import text_width
from .theme import Stroke, Theme

Point = tuple[float, float]

SLIDE: Final = (960.0, 540.0)
"""A 16:9 slide, in points."""

TEXT: Final = 13
"""The size of small text, in points, where room is reserved for it before there is a theme."""

_CORNER: Final = 10.0
"""The radius of a wire's corners, in points."""


class Canvas:
    """A drawing being written as DOT.

    Args:
        width: of the page, in points.
        height: of the page, in points.
        theme: the palette.

    Attributes:
        dot: what has been drawn so far.

    >>> from viz.drawing.theme import LIGHT
    >>> canvas = Canvas(200, 100, LIGHT)
    >>> canvas.words(100, 50, Html("x"))
    >>> canvas.dot.source().count("text1")
    1
    """

    def __init__(self, width: float, height: float, theme: Theme) -> None:
        # Whole points, as engines round the page's sides.
        width, height = (math.ceil(round(side, 3)) for side in (width, height))
        self.width, self.height, self.theme = width, height, theme
        self.dot = Digraph(
            layout="nop2", bgcolor=theme.paper, pad=0, margin=0, outputorder="nodesfirst", fontname=theme.font
        )
        self.dot.default(
            "node", shape="plaintext", margin=0, width=0.01, height=0.01, fontname=theme.font, fontcolor=theme.ink
        )
        self.dot.default("edge", color=theme.line, arrowhead="none")
        self._count = 0
        # A page of paper first: it fixes the size of the figure, whatever is drawn on it.
        self.box("paper", width / 2, height / 2, width, height, style="filled", fillcolor=theme.paper, penwidth=0)

    def new(self, kind: str) -> str:
        """Return a name that nothing has yet."""
        self._count += 1
        return f"{kind}{self._count}"

    def box(self, name: str, x: float, y: float, width: float, height: float, **attributes: Any) -> None:
        """Draw a box, or another shape, its middle at (x, y)."""
        size = {"fixedsize": True, "width": width / 72, "height": height / 72}
        self.dot.node(name, **{"label": "", "shape": "box", **attributes, **size, "pos": _at((x, y))})

    def bar(self, x: float, y: float, width: float, height: float, fill: str, line: str | None = None) -> None:
        """Draw a filled rectangle about the point (x, y); without a colour for its line it has none."""
        edge = {"color": line, "penwidth": 1.0} if line else {"color": fill, "penwidth": 0}
        self.box(self.new("bar"), x, y, width, height, style="filled", fillcolor=fill, **edge)

    def disc(self, x: float, y: float, radius: float, fill: str) -> None:
        """Draw a filled disc about the point (x, y)."""
        look = {"shape": "circle", "style": "filled", "fillcolor": fill, "color": fill, "penwidth": 0}
        self.box(self.new("disc"), x, y, 2 * radius, 2 * radius, **look)

    def words(self, x: float, y: float, content: Html, color: str | None = None, size: float | None = None) -> None:
        """Set a line of text, its middle at (x, y)."""
        self.dot.node(self.new("text"), label=font(content, color, size or self.theme.small_size), pos=_at((x, y)))

    def flush(
        self, x: float, y: float, plain: str, content: Html, color: str | None = None, size: float | None = None, *,
        right: bool = False, is_bold: bool = False,
    ) -> float:  # fmt: skip
        """Set a line of text that begins exactly at x (or ends there), and return its width; `plain` is measured.

        Widths are measured as upper bounds, so the line is set in a cell of that width, at the side that matters.
        """
        size = size or self.theme.small_size
        width, height = flush_width(plain, size, is_bold), line_height(math.ceil(size)) + 3
        shown = font(content, color, size)
        held = table([[cell(shown, width=width, height=height, fixedsize=True, align="right" if right else "left")]])
        self.block(x - width / 2 if right else x + width / 2, y, Block(held, width, height), self.new("text"))
        return math.ceil(text_width(plain, size, is_bold))

    def block(self, x: float, y: float, block: Block, name: str | None = None) -> None:
        """Put a piece of markup with its middle at (x, y)."""
        # A hundredth of a point more: DOT has six digits of an inch, and a node below its label's size makes it warn.
        size = block.width + 0.01, block.height + 0.01
        self.box(name or self.new("block"), x, y, *size, label=block.html, shape="plaintext")

    def line(self, points: Sequence[Point], stroke: Stroke | None = None) -> None:
        """Draw straight lines from point to point."""
        stroke = stroke or Stroke(1.0, self.theme.line)
        controls = [points[0]]
        for a, b in pairwise(points):
            controls += [_between(a, b, 1 / 3), _between(a, b, 2 / 3), b]
        self._curve(controls, penwidth=stroke.width, color=stroke.color, style=stroke.style)

    def path(self, points: Sequence[Point], arrow: float = 0.0, **attributes: Any) -> None:
        """Draw a wire through corners, which are rounded; `arrow` is the length of its head."""
        controls = _rounded(points)
        tip = ""
        if arrow:
            tip = f"e,{_at(points[-1])} "
            controls[-2:] = [_towards(points[-1], points[-2], arrow)] * 2
            attributes |= {"arrowhead": "normal", "arrowsize": arrow / 10}
        self._curve(controls, tip, **attributes)

    def _curve(self, controls: Sequence[Point], tip: str = "", **attributes: Any) -> None:
        tail, head = self.new("end"), self.new("end")
        for name, point in ((tail, controls[0]), (head, controls[-1])):
            self.dot.node(name, label="", shape="point", style="invis", pos=_at(point))
        self.dot.edge(tail, head, pos=tip + " ".join(map(_at, controls)), **attributes)


def flush_width(plain: str, size: float = TEXT, is_bold: bool = False) -> int:
    """Return the room that a line set by `Canvas.flush` takes: engines round the width of each letter to whole dots."""
    return math.ceil(1.07 * text_width(plain, size, is_bold)) + 4


def fitted(words: str, width: float, size: float, is_bold: bool = False) -> str:
    """Return `words` on one line, shortened in the middle until it is at most that many points wide.

    >>> fitted("features", 200, 13), fitted("a_very_long_name_indeed", 60, 13)
    ('features', 'a_ve…eed')
    """
    words = clean(words)
    # Pictographs come from other fonts, in which they are wider than they are taken to be.
    while len(words) > 1 and text_width(words, size, is_bold) + size * sum(c > "\uffff" for c in words) > width:
        words = clean(words, len(words) - 1)
    return words


def _at(point: Point) -> str:
    return f"{point[0]:.2f},{point[1]:.2f}"


def _between(a: Point, b: Point, t: float) -> Point:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t


def _towards(a: Point, b: Point, distance: float) -> Point:
    """The point that lies `distance` from `a` on the way to `b`."""
    return _between(a, b, distance / math.dist(a, b))


def _rounded(points: Sequence[Point]) -> list[Point]:
    """Cubic curves, end to end, that follow a line through `points` and round its corners.

    A corner whose sides are shorter than twice the radius is rounded less.
    """
    stops = [points[0]]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        bend = min(_CORNER, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        stops += [_towards(corner, before, bend), corner, _towards(corner, after, bend)]
    stops.append(points[-1])
    controls = [stops[0]]
    for i in range(1, len(stops), 3):
        controls += [controls[-1], stops[i], stops[i]]  # a straight piece
        if i + 2 < len(stops):
            controls += [stops[i + 1], stops[i + 1], stops[i + 2]]
    return controls
