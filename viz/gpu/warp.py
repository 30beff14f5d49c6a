"""One request of a warp, lane by lane: which sectors of global memory it touches, and which banks of shared memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..drawing.canvas import SLIDE, Canvas
from ..drawing.dot import bold, text
from ..drawing.metrics import text_width
from ..drawing.theme import Stroke, Theme
from .cells import Cells, Place, looks

WARP: Final = 32
SECTOR: Final = 8
"""Numbers of four bytes in a sector, the 32 bytes that global memory sends at least."""
BANKS: Final = 32

MARGIN: Final = 24.0
TITLE: Final = 20.0
WORDS: Final = 14.0
_CELL: Final = (14.0, 12.0)
_ROWS: Final = 32
_LEFT: Final = (22.0, 490.0)
_TAGS: Final = ("lane 0", "lane 31")
_LIT: Final = "lit: the 32 numbers that the 32 lanes of a warp ask for"


@dataclass(frozen=True, slots=True)
class Request:
    """What a warp asks for in one instruction.

    Attributes:
        places: for each lane the number of the element that it asks for, counted from the array's start.
        code: the line of the kernel, as it is shown.
        verdict: what it costs, in a few words.
        detail: why, in a few more.
    """

    places: Sequence[int]
    code: str
    verdict: str
    detail: str


def draw_requests(requests: tuple[Request, Request], theme: Theme, title: str, *, banks: bool) -> str:
    """Draw two requests next to each other, memory in rows of 32 numbers; `banks` for shared memory.

    Returns:
        The DOT text.
    """
    sheet = Canvas(*SLIDE, theme)
    sheet.flush(_LEFT[0], SLIDE[1] - 24, title, text(title), size=TITLE)
    sheet.flush(SLIDE[0] - _LEFT[0], SLIDE[1] - 26, _LIT, text(_LIT), theme.line, right=True)
    for request, left in zip(requests, _LEFT, strict=True):
        _draw(sheet, request, left, banks)
    return sheet.dot.source()


def _draw(sheet: Canvas, request: Request, left: float, banks: bool) -> None:
    theme = sheet.theme
    look = looks(theme)
    cells = Cells(_ROWS, WARP, left, SLIDE[1] - 90, *_CELL)
    sheet.flush(left, cells.top + 36, request.code, text(request.code), size=WORDS)
    for column in range(0, WARP, 1 if banks else SECTOR):
        if not banks:
            words = f"sector {column // SECTOR}"
            sheet.words(cells.left + (column + SECTOR / 2) * cells.width, cells.top + 10, text(words), theme.line)
        elif column % 4 == 0 or column == WARP - 1:
            words = f"bank {column}" if column == 0 else str(column)
            sheet.words(
                cells.center((0, column))[0] + (9 if column == 0 else 0), cells.top + 10, text(words), theme.line
            )
    cells.draw(sheet, every=(0, 0 if banks else SECTOR))
    places: list[Place] = [divmod(place, WARP) for place in request.places]
    if banks:
        crowd = Counter(column for _, column in places)
        crowded = [column for column, count in crowd.items() if count > 1]
        for column in crowded:
            cells.light(sheet, [((row, column), 1) for row in range(_ROWS)], look["seen"])
    else:
        sectors = sorted({place // SECTOR for place in request.places})
        fetched = [(divmod(SECTOR * sector, WARP), SECTOR) for sector in sectors]
        cells.light(sheet, fetched, look["seen"])
    cells.light(sheet, [(place, 1) for place in places], look["asked"])
    if banks:
        for column in crowded:
            cells.outline(sheet, (0, column), (_ROWS - 1, column), Stroke(1.6, theme.gradient), grow=1.0)
    else:
        for sector in sectors:
            first = divmod(SECTOR * sector, WARP)
            cells.outline(sheet, first, (first[0], first[1] + SECTOR - 1), Stroke(1.4, theme.local))
    _tags(sheet, cells, places, SECTOR if not banks else 3)
    sheet.flush(left, cells.bottom - 16, request.verdict, bold(text(request.verdict)), size=WORDS, is_bold=True)
    sheet.flush(left, cells.bottom - 35, request.detail, text(request.detail), theme.line)


def _tags(sheet: Canvas, cells: Cells, places: Sequence[Place], space: int) -> None:
    """Name the first lane and the last, beside their cells or, where all lie in one row, below them."""
    wide, high = text_width(_TAGS[1], WORDS) + 8, 17.0
    in_a_row = places[0][0] == places[-1][0]
    for place, words in ((places[0], _TAGS[0]), (places[-1], _TAGS[1])):
        x, y = cells.center(place)
        side = 1 if place[1] < WARP // 2 else -1
        if in_a_row:
            x, y = x + side * (wide - cells.width) / 2, y - 1.9 * cells.height
        else:
            x += side * ((space - 0.5) * cells.width + wide / 2 + 3)
        y = min(max(y, cells.bottom + high / 2 + 1), cells.top - high / 2 - 1)
        sheet.box(
            sheet.new("tag"),
            x,
            y,
            wide,
            high,
            style="filled",
            fillcolor=sheet.theme.paper,
            color=sheet.theme.dim,
            penwidth=0.6,
        )
        sheet.words(x, y, text(words), size=WORDS)
