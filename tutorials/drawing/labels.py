"""A picture of `viz` in a terminal: its drawing as half-blocks, its words as the terminal's own letters, where they belong.

A letter takes as much room here as a whole wave of the drawing, so not every word finds a place: names come first, then
the numbers at the ends of an axis, then the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from viz.drawing.lettered import Lettered, Pixels, Word, most_frequent

Triple = tuple[int, int, int]
"""Red, green and blue, from 0 to 255."""
SMALLEST = (36, 5)
"""Columns and rows that a picture needs for words to leave room for the drawing."""
STRETCH = 2.6
"""How much wider than it is made a plot with axes is shown at most: rows are scarcer than columns."""
LONGEST_SIDE = 0.3
"""The share of the columns that may go to words at one side."""
LONGEST_TABLE = 0.36
"""The share for a table at the right; of a longer one the last columns are left out."""
AWAY = 8
"""Columns by which a name may be moved from its place."""
MOST_LETTERS = 0.2
"""The share of the drawing that may be letters: it is to be seen, too."""
LINE = 150
"""How far a line's colour is from that around it, of 765."""
COVERED = 0.25
"""The share of the pixels behind a word that may be such lines."""
VIVID = 60
"""From here on, of 255, the difference between a colour's strongest and weakest part makes it a colour and not a grey."""
COLOURED = 0.002
"""The share of such pixels that makes a picture a coloured one."""
FAINT = 70
"""The least distance of a letter's colour from that behind it, of 255."""


@dataclass(frozen=True)
class Label:
    """A word that has found its place.

    Attributes:
        text: its letters.
        row: its row.
        column: where it begins.
        color: as `#rrggbb`.
    """

    text: str
    row: int
    column: int
    color: str


@dataclass(frozen=True)
class Sheet:
    """A picture laid out for a terminal.

    Attributes:
        pixels: what is drawn, without words; it stands `above` rows from the top and `left` columns from the side.
        labels: the words.
        width: the columns of all of it.
        rows: its rows.
        above: rows of words above the drawing.
        left: columns of words to its left.
        across: the columns of the drawing.
        down: its rows.
        ground: the colour of the paper.
    """

    pixels: Pixels
    labels: tuple[Label, ...]
    width: int
    rows: int
    above: int
    left: int
    across: int
    down: int
    ground: Triple


def lay_out(picture: Lettered, width: int, rows: int, fine: int = 1) -> Sheet:
    """Lay a picture out in at most so many columns and rows; the drawing gets `fine` by 2·`fine` pixels a character."""
    ink = _ink(picture.pixels)
    wordy = width >= SMALLEST[0] and rows >= SMALLEST[1]
    words = tuple(_turned(word, ink) for word in picture.words) if wordy else ()
    above, below = _rows_outside(words, ink, rows)
    left, right = _columns_outside(words, ink, width)
    table = _table(words, ink, int(LONGEST_TABLE * width))
    right = table[-1].end if table else right
    down = rows - above - below
    scale = 2 * down / ink.height
    across = max(1, min(width - left - right, round(ink.width * scale * (STRETCH if picture.stretches else 1.0))))
    if across < ink.width * scale:  # the columns are what is scarce
        down = max(1, round(across / ink.width * ink.height / 2))
    ground = paper(picture.pixels)
    drawn = picture.pixels[ink.top : ink.bottom, ink.left : ink.right]
    sheet = Sheet(
        shrunk(drawn, fine * across, 2 * fine * down, ground),
        (),
        left + across + right,
        above + down + below,
        above,
        left,
        across,
        down,
        triple(ground),
    )
    return replace(sheet, labels=tuple(_labels(words, ink, sheet, table, fine)))


def plain_sheet(pixels: Pixels, fine: int) -> Sheet:
    """Pixels without words, as a sheet."""
    rows, width = -(-len(pixels) // (2 * fine)), -(-pixels.shape[1] // fine)
    return Sheet(pixels, (), width, rows, 0, 0, width, rows, triple(paper(pixels)))


# Where the drawing ends ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ink:
    """The box of all that is drawn, in pixels; words outside of it stand at its sides."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left


def _ink(pixels: Pixels) -> _Ink:
    drawn = (pixels != paper(pixels)).any(axis=2)
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if not len(rows):
        return _Ink(0, pixels.shape[0], 0, pixels.shape[1])
    return _Ink(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def paper(pixels: Pixels) -> Pixels:
    """The colour of the background: what most of the border has."""
    return most_frequent(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]))


def _turned(word: Word, ink: _Ink) -> Word:
    """A word that runs upwards within the drawing, such as a height on a contour, as one that stands there."""
    return replace(word, upright=False) if word.upright and word.left > ink.left else word


def _rows_outside(words: tuple[Word, ...], ink: _Ink, rows: int) -> tuple[int, int]:
    """How many rows above and below the drawing go to words: a lone title only where there are rows to spare."""
    over = [word for word in words if word.middle < ink.top]
    under = [word for word in words if word.middle > ink.bottom]
    titles = len({round(word.left / 40) for word in over})
    above = 0 if not over or (titles == 1 and rows < 10) else 1 if rows < 16 else min(2, _levels(over))
    return above, min(_levels(under), 1 if rows < 12 else 2 if rows < 20 else 3)


def _levels(words: list[Word]) -> int:
    """On how many lines words stand."""
    return len({round(word.middle / 14) for word in words})


def _columns_outside(words: tuple[Word, ...], ink: _Ink, width: int) -> tuple[int, int]:
    most = int(LONGEST_SIDE * width)
    beside = [word for word in words if not word.upright and ink.top - 20 < word.middle < ink.bottom + 10]
    left = [len(word.text) + 1 for word in beside if word.right <= ink.left]
    right = [len(word.text) + 1 for word in beside if word.left >= ink.right]
    return max((n for n in left if n <= most), default=0), max((n for n in right if n <= most), default=0)


@dataclass(frozen=True)
class _Column:
    """A column of a table to the right of the drawing.

    Attributes:
        words: its head and what stands below.
        start: where it begins, in columns of the terminal from the drawing.
        end: where it ends.
    """

    words: tuple[Word, ...]
    start: int
    end: int


def _table(words: tuple[Word, ...], ink: _Ink, most: int) -> tuple[_Column, ...]:
    """The columns of the table at the right, as many as there is room for; none if no two columns stand there."""
    beside = [word for word in words if word.left >= ink.right and word.middle < ink.bottom and not word.upright]
    stacks: list[list[Word]] = []
    for word in sorted(beside, key=_left):
        if stacks and word.left < max(above.right for above in stacks[-1]):
            stacks[-1].append(word)
        else:
            stacks.append([word])
    if len(stacks) < 2 or any(len(stack) < 2 for stack in stacks):
        return ()
    columns: list[_Column] = []
    for stack in stacks:
        start = columns[-1].end + 2 if columns else 1
        end = start + max(len(word.text) for word in stack)
        if end > most:
            break
        columns.append(_Column(tuple(stack), start, end))
    return tuple(columns)


# Words in their places ----------------------------------------------------------------------------------------------


def _labels(words: tuple[Word, ...], ink: _Ink, sheet: Sheet, table: tuple[_Column, ...], fine: int) -> Iterator[Label]:
    taken = np.zeros((sheet.rows, sheet.width + 4), bool)  # two columns more at either side
    cells = _cells(sheet, fine)
    left = int(MOST_LETTERS * sheet.down * sheet.across)
    heads = {min(column.words, key=_middle) for column in table}  # a title gives way to them
    for word in sorted(words, key=lambda word: (word not in heads, _rank(word, words, ink))):
        text = f"↑ {word.text}" if word.upright else word.text
        within = ink.top <= word.middle <= ink.bottom and ink.left < word.right and word.left < ink.right
        if len(text) > min(sheet.width, left if within else sheet.width) or (word.middle < ink.top and not sheet.above):
            continue
        column = next((column for column in table if word in column.words), None)
        if table and not column and word.left >= ink.right:
            continue  # a column for which there is no room
        at = _place(word, text, ink, sheet, column, taken, cells)
        if at is not None:
            row, start = at
            taken[row, start + 2 : start + len(text) + 2] = True
            left -= len(text) * within
            yield Label(text, row, start, word.color)


def _cells(sheet: Sheet, fine: int) -> NDArray[np.int64]:
    """The pixels of every character: rows, columns, pixels, colours."""
    tall, wide = 2 * fine * sheet.rows, fine * sheet.width
    whole = np.full((tall, wide, 3), sheet.ground, np.int64)
    top, left = 2 * fine * sheet.above, fine * sheet.left
    drawn = sheet.pixels[: tall - top, : wide - left]
    whole[top : top + len(drawn), left : left + drawn.shape[1]] = drawn
    parts = whole.reshape(sheet.rows, 2 * fine, sheet.width, fine, 3).swapaxes(1, 2)
    return parts.reshape(sheet.rows, sheet.width, 2 * fine * fine, 3)


def _covers(cells: NDArray[np.int64]) -> bool:
    """Whether a word in these characters would hide lines of the drawing."""
    pixels = cells.reshape(-1, 3)
    away = np.abs(pixels - np.median(pixels, axis=0)).sum(axis=1)
    return bool((away > LINE).mean() > COVERED)


def _place(
    word: Word,
    text: str,
    ink: _Ink,
    sheet: Sheet,
    beside: _Column | None,
    taken: NDArray[np.bool_],
    cells: NDArray[np.int64],
) -> tuple[int, int] | None:
    """The nearest free place for a word, one where no line of the drawing is if there is such; a number needs that."""
    row, column = _cell(word, text, ink, sheet, beside)
    number = _is_number(word.text)
    gap = 1 if number else 2
    covering = None
    for down, along in _nearby(word, ink):
        r, c = row + down, min(max(column + along, 0), sheet.width - len(text))
        if not 0 <= r < sheet.rows or taken[r, c + 2 - gap : c + len(text) + 2 + gap].any():
            continue
        if not _covers(cells[r, c : c + len(text)]):
            return r, c
        covering = covering or (r, c)
    return None if number else covering


def _cell(word: Word, text: str, ink: _Ink, sheet: Sheet, beside: _Column | None) -> tuple[int, int]:
    """The row and the column where a word belongs; in a table, in its column."""
    across = sheet.across / ink.width
    share = {"left": 0.0, "center": 0.5, "right": 1.0}[word.align]
    place = word.left + share * (word.right - word.left)
    column = sheet.left + (place - ink.left) * across - share * len(text)
    if word.right <= ink.left:
        column = sheet.left - 1 - len(text)
    elif beside:
        column = sheet.left + sheet.across + beside.start + round(share * (beside.end - beside.start - len(text)))
    elif word.left >= ink.right:
        column = sheet.left + sheet.across + 1
    if word.upright:
        return 0, max(0, sheet.left - 2)
    if word.middle < ink.top:
        row = min(sheet.above - 1, int(word.middle / max(ink.top, 1) * sheet.above))
    elif word.middle > ink.bottom:
        row = sheet.above + sheet.down + int((word.middle - ink.bottom) / 26)
        row = min(row, sheet.rows - 1)
    else:
        row = sheet.above + min(int((word.middle - ink.top) / ink.height * sheet.down), sheet.down - 1)
    return row, round(column)


def _rank(word: Word, words: tuple[Word, ...], ink: _Ink) -> tuple[int, float, float, float]:
    """What comes first: names in the drawing, then titles and axes, the larger the sooner; then numbers, first at the ends."""
    if not _is_number(word.text):
        outside = word.middle < ink.top or word.middle > ink.bottom
        return (2 if word.upright else 1 if outside else 0), -word.size, word.middle, word.left
    beside = [w for w in words if _is_number(w.text) and abs(w.right - word.right) < 2]
    level = [w for w in words if _is_number(w.text) and abs(w.middle - word.middle) < 3]
    ends = {id(f(line, key=key)) for line, key in ((beside, _middle), (level, _left)) for f in (min, max) if line[1:]}
    return (3 if id(word) in ends else 4), 0.0, word.middle, word.left


def _middle(word: Word) -> float:
    return word.middle


def _left(word: Word) -> float:
    return word.left


def _is_number(text: str) -> bool:
    return any(c.isdigit() for c in text) and not any(c.isalpha() for c in text.replace("e", ""))


def _nearby(word: Word, ink: _Ink) -> Iterator[tuple[int, int]]:
    """Rows and columns by which a word may be moved, the least first; a number at an axis stays in its row."""
    away = 1 if _is_number(word.text) else AWAY
    inside = ink.top <= word.middle <= ink.bottom and not _is_number(word.text)
    for down in (0, -1, 1) if inside else (0,):
        yield down, 0
        for far in range(1, 3 * away if word.upright else away + 1):
            yield down, -far
            yield down, far


# Pixels -------------------------------------------------------------------------------------------------------------


def shrunk(pixels: Pixels, across: int, down: int, ground: Pixels) -> Pixels:
    """A picture made small: each pixel is what its patch holds, drawn towards what stands out there most.

    The mean alone would wash thin lines out. Grey lines count for less where there are coloured ones.
    """
    height, width = pixels.shape[:2]
    rows, columns = np.arange(down) * height // down, np.arange(across) * width // across
    full = pixels.astype(np.int64)
    vivid = full.max(axis=2) - full.min(axis=2)
    away = np.abs(full - ground).sum(axis=2) + 2 * np.minimum(vivid, VIVID)
    packed = (away << 24) | (full[..., 0] << 16) | (full[..., 1] << 8) | full[..., 2]
    furthest = np.maximum.reduceat(np.maximum.reduceat(packed, rows, axis=0), columns, axis=1)
    loud = np.stack([furthest >> 16 & 255, furthest >> 8 & 255, furthest & 255], axis=2)
    sums = np.add.reduceat(np.add.reduceat(full, rows, axis=0), columns, axis=1)
    mean = sums / np.multiply.outer(_sizes(rows, height), _sizes(columns, width))[..., None]
    grey = loud.max(axis=2) - loud.min(axis=2) < VIVID
    weight = np.where(grey & bool((vivid >= VIVID).mean() > COLOURED), 0.25, 0.55)[..., None]
    return np.asarray((1 - weight) * mean + weight * loud, np.uint8)


def _sizes(starts: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """How many pixels each patch has; where the picture grows, one."""
    return np.maximum(np.diff(np.append(starts, end)), 1)


def triple(values: Iterable[int]) -> Triple:
    """Three numbers as Python's own."""
    red, green, blue = (int(value) for value in values)
    return red, green, blue


def readable(color: Triple, behind: Triple) -> Triple:
    """Return a letter's colour, or black or white where it could not be read on what is behind it."""
    if abs(_light(color) - _light(behind)) >= FAINT:
        return color
    return (0, 0, 0) if _light(behind) > 127 else (255, 255, 255)


def _light(color: Triple) -> float:
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
