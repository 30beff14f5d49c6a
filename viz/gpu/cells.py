"""Memory drawn as cells: a matrix or a strip of shared memory, with the cells that a step touches lit and labelled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ..drawing.canvas import Canvas
from ..drawing.dot import text
from ..drawing.metrics import text_width
from ..drawing.notation import SMALLEST
from ..drawing.theme import Stroke, Theme, blend

Place = tuple[int, int]
"""A cell: its row and its column."""

SIZES: Final = (13.0, SMALLEST)
"""The sizes of what stands in a cell, in points."""

LOWER: Final = 0.6
"""By how much figures stand above the middle of their line."""


@dataclass(frozen=True, slots=True)
class Look:
    """How cells are drawn.

    Attributes:
        fill: their colour.
        line: that of their outline.
        width: the outline's width, in points: what is thick shows without colour.
    """

    fill: str
    line: str
    width: float = 0.0


def looks(theme: Theme) -> dict[str, Look]:
    """The parts that a cell can play in a step.

    `seen` was touched in an earlier step, `read` and `written` are touched now, `asked` likewise where cells are small,
    `ours` is what the block that is drawn computes.
    """
    return {
        "seen": Look(theme.family_fills["conv"], theme.dim),
        "ours": Look(theme.cluster_fills[2], theme.dim),
        "read": Look(theme.accent_fill, theme.accent, 1.6),
        "asked": Look(blend(theme.accent_fill, theme.accent, 0.4), theme.accent),
        "written": Look(theme.family_fills["pool"], theme.value, 1.6),
    }


@dataclass(frozen=True, slots=True)
class Cells:
    """A rectangle of cells on a page.

    Attributes:
        rows: how many.
        columns: how many.
        left: the x of its left side.
        top: the y of its upper side.
        width: of a cell, in points.
        height: of a cell.
    """

    rows: int
    columns: int
    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of its right side."""
        return self.left + self.columns * self.width

    @property
    def bottom(self) -> float:
        """The y of its lower side."""
        return self.top - self.rows * self.height

    @property
    def middle(self) -> tuple[float, float]:
        """Its middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def center(self, place: Place) -> tuple[float, float]:
        """The middle of a cell."""
        return self.left + (place[1] + 0.5) * self.width, self.top - (place[0] + 0.5) * self.height

    def draw(
        self, sheet: Canvas, *, every: Place = (0, 0), filled: Iterable[tuple[Iterable[tuple[Place, int]], Look]] = ()
    ) -> None:
        """Draw the cells.

        Args:
            sheet: where.
            every: the size of the larger pieces, set apart by darker lines (0 for none).
            filled: pieces of neighbouring cells, each its first cell and how many, and how they look below the lines.
        """
        theme, (x, y) = sheet.theme, self.middle
        wide, high = self.right - self.left, self.top - self.bottom
        sheet.box(
            sheet.new("cells"), x, y, wide, high, style="filled", fillcolor=theme.paper, color=theme.line, penwidth=0.8
        )
        for pieces, look in filled:
            for place, count in sorted(pieces):
                at, high_at = self.center(place)
                sheet.bar(at + (count - 1) * self.width / 2, high_at, count * self.width, self.height, look.fill)
        for i in range(1, self.rows):
            dark = bool(every[0]) and i % every[0] == 0
            sheet.bar(x, self.top - i * self.height, wide, 0.9 if dark else 0.4, theme.line if dark else theme.dim)
        for i in range(1, self.columns):
            dark = bool(every[1]) and i % every[1] == 0
            sheet.bar(self.left + i * self.width, y, 0.9 if dark else 0.4, high, theme.line if dark else theme.dim)

    def light(self, sheet: Canvas, pieces: Iterable[tuple[Place, int]], look: Look) -> None:
        """Draw pieces of so many neighbouring cells in a look; a piece is told by its first cell."""
        line = min(look.width, self.height / 12)
        for place, count in sorted(pieces):
            x, y = self.center(place)
            sheet.box(
                sheet.new("lit"), x + (count - 1) * self.width / 2, y, count * self.width - max(line, 1.0),
                self.height - max(line, 1.0),
                style="filled", fillcolor=look.fill, color=look.line, penwidth=line,
            )  # fmt: skip

    def outline(self, sheet: Canvas, first: Place, last: Place, stroke: Stroke, grow: float = 0.0) -> None:
        """Draw a line around the cells from the first to the last, both in it, `grow` points away from them."""
        (x0, y0), (x1, y1) = self.center(first), self.center(last)
        wide, high = x1 - x0 + self.width + 2 * grow, y0 - y1 + self.height + 2 * grow
        look = {"style": stroke.style, "color": stroke.color, "penwidth": stroke.width}
        sheet.box(sheet.new("outline"), (x0 + x1) / 2, (y0 + y1) / 2, wide, high, **look)

    def label(self, sheet: Canvas, labels: Mapping[Place, str]) -> None:
        """Write in cells, each in the largest size that fits, and not where none does."""
        for place, words in sorted(labels.items()):
            fitting = [size for size in SIZES if text_width(words, size) < self.width and size <= self.height]
            if fitting:
                x, y = self.center(place)
                sheet.words(x, y - LOWER, text(words), sheet.theme.ink, fitting[0])
