"""A page of a fixed size for figures whose places depend on what is shown, never on its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from ..drawing.block import Block
from ..drawing.dot import Html, cell, clean, font, table
from ..drawing.metrics import text_width
from ..drawing.theme import Stroke, Theme
from .canvas import Canvas, Point

SLIDE: Final = (960.0, 540.0)
"""A 16:9 slide, in points."""

LINE_HEIGHT: Final = 1.51
"""The height of a line of STIX, in units of the type size; a lower cell makes Graphviz warn."""


class Sheet(Canvas):
    """A drawing of a fixed size, in the making.

    Args:
        width: in points.
        height: in points.
        theme: the palette.

    >>> from viz.drawing.theme import LIGHT
    >>> sheet = Sheet(200, 100, LIGHT)
    >>> sheet.words(100, 50, Html("x"))
    >>> sheet.dot.source().count("text1")
    1
    """

    def __init__(self, width: float, height: float, theme: Theme) -> None:
        super().__init__(theme)
        self.width, self.height = width, height
        # A page of paper first: it fixes the size of the figure, whatever is drawn on it.
        self.box("paper", width / 2, height / 2, width, height, style="filled", fillcolor=theme.paper, penwidth=0)

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
        self.text(x, y, font(content, color, size or self.theme.small_size))

    def flush(
        self, x: float, y: float, plain: str, content: Html, color: str | None = None, size: float | None = None, *,
        right: bool = False, is_bold: bool = False,
    ) -> float:  # fmt: skip
        """Set a line of text that begins exactly at x (or ends there), and return its width; `plain` is measured.

        Widths are measured as upper bounds, so the line is set in a cell of that width, at the side that matters.
        """
        size = size or self.theme.small_size
        width, height = math.ceil(text_width(plain, size, is_bold)) + 4, math.ceil(LINE_HEIGHT * size) + 4
        shown = font(content, color, size)
        held = table([[cell(shown, width=width, height=height, fixedsize=True, align="right" if right else "left")]])
        self.block(x - width / 2 if right else x + width / 2, y, Block(held, width, height))
        return float(width - 4)

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
        tail, head = self.new("end"), self.new("end")
        for name, point in ((tail, points[0]), (head, points[-1])):
            self.dot.node(name, label="", shape="point", style="invis", pos=_at(point))
        self.dot.edge(
            tail, head, pos=" ".join(map(_at, controls)), penwidth=stroke.width, color=stroke.color, style=stroke.style
        )


def fitting(words: str, width: float, size: float, is_bold: bool = False) -> str:
    """Return `words` on one line, shortened in the middle until it is at most that many points wide.

    >>> fitting("a long name", 40, 12)
    'a l…me'
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
