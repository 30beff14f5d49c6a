"""Pictures in a terminal: a figure, an image, a matrix or a curve as half-blocks, two pixels a character.

With colour, `▀` has one pixel's colour before it and the other's behind it. Without, a character is four dots, set where
the picture is darker than its paper. The words of a figure are real letters, where they find room (`labels`).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.style import Style
from rich.text import Text

from viz.drawing.lettered import Lettered, Pixels, most_frequent, opaque
from viz.drawing.theme import LIGHT, Theme, blend, usual_theme

from .labels import Sheet, Triple, lay_out, plain_sheet, readable, triple

DPI = 96
HALF = "▀"
DOTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
"""The characters of four dots: bit 0 is top left, 1 top right, 2 bottom left, 3 bottom right."""
INK = 0.16
"""How far from the paper, of the way from white to black, a dot must be to be set."""
SMALLEST_IMAGE = 8
"""Rows and columns that numbers from 0 to 1 need to be taken for a grey image."""
PALE = 60
"""A colour that differs no more from the paper's, of 765, is taken for it."""
LEAST_ROWS = 4
"""A picture with fewer rows says nothing."""


@dataclass(frozen=True, eq=False)
class Art:
    """Something that a lesson's code made, to be shown in as much room as there is.

    Attributes:
        value: a figure of `viz`, or an array.
        say: what is to be seen, in one sentence.
        rows: the rows it takes in a window of 24.
        theme: its colours, those of the time it was made.
    """

    value: Any
    say: str
    rows: int
    theme: Theme = field(default_factory=usual_theme)
    _kept: dict[tuple[int, int, int], Sheet] = field(default_factory=dict, repr=False)
    _apart: list[Lettered] = field(default_factory=list, repr=False)

    def sheet(self, width: int, rows: int, fine: int = 1) -> Sheet:
        """Return it laid out in at most `width` columns and `rows` rows, `fine` by 2·`fine` square pixels in each.

        Raises:
            MinidlError: it cannot be drawn; the message says why.
        """
        if (width, rows, fine) not in self._kept:
            self._kept[width, rows, fine] = self._laid_out(width, rows, fine)
        return self._kept[width, rows, fine]

    def _laid_out(self, width: int, rows: int, fine: int) -> Sheet:
        if isinstance(self.value, np.ndarray):
            return plain_sheet(_pixels(self.value, fine * width, 2 * fine * rows, self.theme), fine)
        if not self._apart:  # drawn once, whatever the sizes it is then shown in
            self._apart.append(_taken_apart(drawn(self.value, self.theme)))
        return lay_out(self._apart[0], width, rows, fine)


def drawable(value: Any) -> Any:
    """Return a value as it is drawn: numbers as an array of their own, whatever becomes of the tensor they are in."""
    if isinstance(value, list | tuple):
        return np.array(value, float)
    if hasattr(value, "requires_grad") and getattr(value, "is_leaf", False) and value.ndim:
        return np.array(value.data, float)
    return value.copy() if isinstance(value, np.ndarray) else value


def text_rows(art: Art, width: int, rows: int, colour: bool) -> list[Text]:
    """Draw it in at most `width` columns and `rows` rows.

    Raises:
        MinidlError: it cannot be drawn.
    """
    sheet = art.sheet(width, rows, 1 if colour else 2)
    return _coloured(sheet) if colour else _dotted(sheet)


def _coloured(sheet: Sheet) -> list[Text]:
    """Half-blocks on paper, with the words over them."""
    pixels = sheet.pixels
    behind = np.full((2 * sheet.rows, sheet.width, 3), sheet.ground, np.uint8)
    top = 2 * sheet.above
    behind[top : top + len(pixels), sheet.left : sheet.left + pixels.shape[1]] = pixels
    letters = {}
    for label in sheet.labels:
        cells = slice(label.column, label.column + len(label.text))
        under = _under(behind[2 * label.row : 2 * label.row + 2, cells].reshape(-1, 3), sheet.ground)
        style = _style(readable(_rgb(label.color), under), under)
        for k, letter in enumerate(label.text):
            letters[label.row, label.column + k] = letter, style
    made = []
    for r in range(sheet.rows):
        row = Text()
        halves = zip(map(tuple, behind[2 * r].tolist()), map(tuple, behind[2 * r + 1].tolist()), strict=True)
        cells_of_row = [letters.get((r, c)) or (HALF, _style(*pair)) for c, pair in enumerate(halves)]
        for style, run in groupby(cells_of_row, key=lambda cell: cell[1]):
            row.append("".join(cell[0] for cell in run), style)
        made.append(row)
    return made


def _under(pixels: Pixels, ground: Triple) -> Triple:
    """What a word stands on: the paper, where it is to be seen at all between its letters, else the most frequent colour."""
    on_paper = (np.abs(pixels.astype(int) - ground).sum(axis=1) < PALE).mean()
    return ground if on_paper > 0.25 else triple(most_frequent(pixels))


@functools.lru_cache(maxsize=10_000)
def _style(front: Triple, behind: Triple) -> Style:
    return Style(color=Color.from_rgb(*front), bgcolor=Color.from_rgb(*behind))


def _dotted(sheet: Sheet) -> list[Text]:
    """Four dots a character, with the words over them; each dot stands for two pixels, one above the other."""
    pixels = sheet.pixels
    light = pixels.astype(float).mean(axis=2) / 255
    ground = sum(sheet.ground) / 3 / 255
    tall, wide = -(-len(light) // 4) * 4, -(-light.shape[1] // 2) * 2
    padded = np.full((tall, wide), ground)
    padded[: light.shape[0], : light.shape[1]] = light
    far = np.abs(padded - ground).reshape(tall // 2, 2, wide).max(axis=1)
    if len(np.unique(pixels.reshape(-1, 3), axis=0)) > 2 and (far > INK).mean() > 0.5:  # a photograph, not a drawing
        far = np.where(padded.reshape(tall // 2, 2, wide).mean(axis=1) < np.median(light), 1.0, 0.0)
    on = far > INK
    codes = on[::2, ::2] * 1 + on[::2, 1::2] * 2 + on[1::2, ::2] * 4 + on[1::2, 1::2] * 8
    grid = [[" "] * sheet.width for _ in range(sheet.rows)]
    for r, row in enumerate(codes.tolist(), sheet.above):
        grid[r][sheet.left : sheet.left + len(row)] = [DOTS[code] for code in row]
    for label in sheet.labels:
        for k, letter in enumerate(f" {label.text} ", label.column - 1):
            if 0 <= k < sheet.width:
                grid[label.row][k] = letter
    return [Text("".join(row)) for row in grid]


def _rgb(colour: str) -> Triple:
    return triple(bytes.fromhex(colour[1:7]))


# From a value to pixels ---------------------------------------------------------------------------------------------


def _pixels(array: Any, width: int, height: int, theme: Theme) -> Pixels:
    array = np.nan_to_num(np.asarray(array, float))
    if array.ndim == 1:
        return _curve(array, min(width, 3 * height), height, theme)
    return _enlarged(coloured(array, theme), width, height)


def coloured(array: Any, theme: Theme = LIGHT) -> Pixels:
    """An image or a matrix in colours, one pixel a place: `(H, W, 3)`."""
    array = np.nan_to_num(np.asarray(array, float))
    return _image(array) if array.ndim == 3 else _heat(array, theme)


def _taken_apart(figure: Any) -> Lettered:
    """The drawing and its words; of what does not know its words, all as a drawing."""
    if hasattr(figure, "lettered"):
        return figure.lettered(DPI)
    return Lettered(opaque(figure.png(DPI)), ())


def drawn(value: Any, theme: Theme = LIGHT) -> Any:
    """Return the figure of `viz` that shows a value: the value itself, a deck's last frame, or a node's circuit."""
    import viz

    if isinstance(value, viz.Deck):
        return value[-1].figure
    return value if hasattr(value, "svg") else viz.draw(value, theme=theme)


def _image(array: NDArray[Any]) -> Pixels:
    """A colour image, (H, W, 3) or (3, H, W), of numbers from 0 to 1 or to 255."""
    if array.shape[0] == 3 and array.shape[2] != 3:
        array = array.transpose(1, 2, 0)
    top = 255.0 if array.max() > 1.5 else 1.0
    return np.asarray(np.clip(array / top, 0, 1) * 255, np.uint8)


def _heat(array: NDArray[Any], theme: Theme) -> Pixels:
    """A matrix: zero has the paper's colour, the two signs their own; an image of numbers from 0 to 1 is grey."""
    if min(array.shape) >= SMALLEST_IMAGE and array.min() >= 0 and array.max() <= 1:
        grey = np.asarray(255 * array, np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    size = np.abs(array).max() or 1.0
    made = np.empty((*array.shape, 3), np.uint8)
    for place, number in np.ndenumerate(array / size):
        end = theme.positive[1] if number > 0 else theme.negative[1]
        made[place] = _rgb(blend(theme.paper, end, abs(float(number))))
    return made


def _enlarged(pixels: Pixels, width: int, height: int) -> Pixels:
    """Enlarged by a whole number, so that each of its pixels has one size; made smaller where there is no room."""
    times = min(width // pixels.shape[1], height // pixels.shape[0])
    if times >= 1:
        return np.repeat(np.repeat(pixels, times, axis=0), times, axis=1)
    step = math.ceil(max(pixels.shape[1] / width, pixels.shape[0] / height))
    return pixels[::step, ::step]


def _curve(values: NDArray[Any], width: int, height: int, theme: Theme) -> Pixels:
    """A curve over its places, with the line of zero where it comes near."""
    made = np.empty((height, width, 3), np.uint8)
    made[:] = _rgb(theme.paper)
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    span = (high - low) or 1.0
    places = np.interp(np.linspace(0, len(values) - 1, width), np.arange(len(values)), values)
    rows = np.rint((high - places) / span * (height - 1)).astype(int)
    made[round(high / span * (height - 1))] = _rgb(theme.dim)
    for column in range(width):
        before = rows[column - 1] if column else rows[column]
        top, bottom = sorted((int(before), int(rows[column])))
        made[top + (before < rows[column] and bottom > top) : bottom + 1 - (before > rows[column]), column] = _rgb(
            theme.local
        )
        made[rows[column], column] = _rgb(theme.local)
    return made
