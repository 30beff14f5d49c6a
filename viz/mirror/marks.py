"""Everything that has been placed, and how it is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from ..drawing.block import Block, line_block
from ..drawing.canvas import Canvas
from ..drawing.dot import Html, cell, table, text
from ..drawing.geometry import Box
from ..drawing.metrics import text_width
from ..drawing.notation import formula_html
from ..drawing.theme import Stroke, Theme
from .layout import RADIUS, Point
from .pieces import Half

_DOT: Final = 2.8
_MARGIN: Final = 3
_HEADING: Final = 34
_LINE: Final = 22
_HEAD: Final = 7.0


@dataclass(frozen=True, slots=True)
class Remark:
    """A line of the legend: in words, in a colour, with a dotted line in front or not; some words are `names`."""

    words: str
    color: str
    dotted: bool = False
    names: Mapping[str, int] = field(default_factory=dict)

    @property
    def html(self) -> Html:
        """The words as markup."""
        return formula_html(self.words, self.names) if self.names else text(self.words)


class Marks:
    """What has been placed so far, about the origin.

    Attributes:
        boxes: the room that is taken.
        lines: the straight pieces of the wires.
    """

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self.boxes: list[Box] = []
        self.lines: list[tuple[Point, Point]] = []
        self._ways: list[tuple[list[Point], bool]] = []
        self._dotted: list[tuple[list[Point], str]] = []
        self._nodes: list[tuple[str, Point, float, float, dict[str, Any]]] = []
        self._blocks: list[tuple[str, Point, Block, str]] = []
        self._dots: dict[tuple[Point, str], None] = {}

    def round(self, name: str, at: Point, symbol: Html, width: float) -> None:
        """Place an operation: a circle, or a box where its symbol needs more room."""
        theme = self.theme
        shape = {"shape": "circle", "style": "filled"} if width <= 2 * RADIUS else {"style": "filled,rounded"}
        look = {"fillcolor": theme.fill, "color": theme.line, "label": symbol, **shape}
        self._nodes.append((name, at, width, 2 * RADIUS, look))
        self.boxes.append(around(at, width, 2 * RADIUS))

    def panel(self, name: str, at: Point, block: Block) -> None:
        """Place a local derivative in a box of its own."""
        theme = self.theme
        look = {"style": "filled,rounded", "fillcolor": theme.paper, "color": theme.local, "label": _held(block).html}
        self._nodes.append((name, at, block.width + 4, block.height + 4, look))
        self.boxes.append(around(at, block.width, block.height))

    def block(self, name: str, at: Point, block: Block, align: str = "center") -> None:
        """Place text; beside a wire it is flush with it."""
        self._blocks.append((name, at, block, align))
        self.boxes.append(around(at, block.width, block.height))

    def dot(self, at: Point, color: str) -> None:
        """Place a junction."""
        self._dots[at, color] = None

    def line(self, points: Sequence[Point], arrow: bool = False) -> None:
        """Draw a wire, or a part of one."""
        self._ways.append((list(points), arrow))
        self.lines += list(pairwise(points))

    def dotted(self, points: Sequence[Point], ends: str) -> None:
        """Draw a dotted line; `ends` are the names of what it connects."""
        self._dotted.append((list(points), ends))

    def source(self, halves: Sequence[Half], legend: Sequence[Remark], left: float, axis: float | None) -> str:
        """Return the DOT text.

        Args:
            halves: the titles of the forward and the backward half.
            legend: what is said below.
            left: the x of the left edge.
            axis: the y of the mirror, or None where it stands upright at x = 0.
        """
        theme = self.theme
        points = [point for way, *_ in [*self._dotted, *self._ways] for point in way]
        low = min([*(box.bottom for box in self.boxes), *(y for _, y in points)])
        high = max([*(box.top for box in self.boxes), *(y for _, y in points)])
        needed = max((text_width(remark.words, theme.small_size) + 60 for remark in legend), default=0.0)
        titles = max(text_width(half.title, theme.note_size + 2) for half in halves) + 24
        below = axis is not None
        right = self._room_for_titles(points, titles, axis) if axis is not None else -left
        spare = max(0.0, needed - (right - left)) / 2
        left, right = left - spare - _MARGIN, right + spare + _MARGIN
        heading = 0 if below else _HEADING
        # The legend stands below, or in the corner on the right where the drawing leaves it free.
        tall = _LINE * len(legend) + 6 if legend else 0
        corner = below and bool(legend) and self._is_free(Box(right - _MARGIN - needed - 8, low - 6, right, low + tall))
        bottom, top = low - _MARGIN - (0 if corner else tall), high + _MARGIN + heading
        sheet = Canvas(right - left, top - bottom, theme)
        dx, dy = -left, -bottom
        reused = {"penwidth": 1.3, "color": theme.value, "style": "dotted"}
        mirror = [(0.0, low - 4), (0.0, top - _MARGIN)]
        if axis is not None:
            mirror = [(left + _MARGIN, axis), (right - _MARGIN, axis)]
        sheet.line(_moved(mirror, dx, dy), Stroke(1.0, theme.dim, "dashed"))
        for half, side in zip(halves, (-1, 1), strict=True):
            size = theme.note_size + 2
            half_width = text_width(half.title, size) / 2
            x, y = side * (12 + half_width), high + heading - 10
            if axis is not None:
                x, y = right - _MARGIN - half_width - 4, axis - 14 * side
            sheet.words(dx + x, dy + y, text(half.title), half.color, size)
        for way, ends in self._dotted:
            sheet.path(_moved(way, dx, dy), _HEAD, comment=ends, **reused)
        for way, arrow in self._ways:
            sheet.path(_moved(way, dx, dy), _HEAD if arrow else 0.0)
        for name, (x, y), width, height, look in self._nodes:
            sheet.box(name, dx + x, dy + y, width, height, **look)
        for (x, y), color in self._dots:
            sheet.disc(dx + x, dy + y, _DOT, color)
        for name, (x, y), block, align in self._blocks:
            sheet.block(dx + x, dy + y, _held(block, align), name)
        for i, remark in enumerate(legend):
            y, size = dy + low - 20 - _LINE * i + (tall if corner else 0), theme.small_size
            left = (sheet.width - text_width(remark.words, size) - 44 * remark.dotted) / 2
            if corner:
                left = sheet.width - _MARGIN - text_width(remark.words, size) - 44 * remark.dotted - 8
            if remark.dotted:
                sheet.path([(left, y), (left + 36, y)], _HEAD, **reused)
                left += 44
            words = line_block(remark.html, remark.words, remark.color, size)
            sheet.block(left + words.width / 2, y, _held(words))
        return sheet.dot.source()

    def _room_for_titles(self, points: Sequence[Point], width: float, axis: float) -> float:
        """Return the x of the right edge: that of the drawing, where the titles find room there, else farther out."""
        edge = max([*(box.right for box in self.boxes), *(x for x, _ in points)])
        return edge if self._is_free(Box(edge - width - 8, axis - 30, edge, axis + 30)) else edge + width

    def _is_free(self, place: Box) -> bool:
        """Whether nothing of the drawing lies in a place."""
        lines = [
            Box(min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]))
            for way, *_ in [*self._dotted, *self._ways]
            for a, b in pairwise(way)
        ]
        return all(
            box.right <= place.left or box.left >= place.right or box.top <= place.bottom or box.bottom >= place.top
            for box in [*self.boxes, *lines]
        )


def around(at: Point, width: float, height: float) -> Box:
    """Return the box around a point."""
    return Box(at[0] - width / 2, at[1] - height / 2, at[0] + width / 2, at[1] + height / 2)


def _held(block: Block, align: str = "center") -> Block:
    """Return a block as a table, a little smaller than the node that holds it."""
    held = cell(block.html, width=block.width + 1, height=block.height + 1, fixedsize=True, align=align)
    return Block(table([[held]]), block.width + 4, block.height + 4)


def _moved(way: Sequence[Point], dx: float, dy: float) -> list[Point]:
    """Return a way in the sheet's coordinates, without corners that are none."""
    return [(x + dx, y + dy) for (x, y), after in zip(way, [*way[1:], None], strict=True) if (x, y) != after]
