"""Feature maps and kernels as small pictures: cells of a table, so that they are drawn without any image file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from ..drawing.dot import Html, cell, font, table, text
from ..drawing.metrics import text_width
from ..drawing.notation import number
from ..drawing.theme import blend
from .blocks import Block
from .canvas import TEXT, Canvas

PICTURES: Final = 4
"""How many channels, or kernels, are shown of a layer: two by two."""

FINEST: Final = 16
"""A larger image is averaged down to so many cells a side."""

MOST_CELLS: Final = 9000
"""With more cells in one figure they are averaged down further, as the engine's time grows with them."""

_SIDE: Final = 32.0
_GAP: Final = 4.0
_SHEET: Final = 2 * _SIDE + _GAP
_ROW: Final = _SHEET + TEXT + 13
_SHADES: Final = 24


@dataclass(frozen=True, slots=True)
class Sheet:
    """The pictures of one layer on one scale.

    Attributes:
        images: up to four images.
        low: the number that is drawn in the paper's colour.
        high: the number that is drawn darkest.
    """

    images: tuple[Any, ...]
    low: float
    high: float

    @property
    def scale(self) -> str:
        """The two ends of the scale, as they are printed."""
        return f"{number(self.low, 2)} … {number(self.high, 2)}"


class Thumbnails:
    """The pictures of every box: rows of sheets, one for the feature maps, one for the kernels.

    Args:
        blocks: the boxes.
        activations: whether the first channels of what convolutions compute are shown, for the first example.
        kernels: whether the first kernels of convolutions are shown, for the first input channel.
        has_batch: whether the first axis counts the examples.
    """

    def __init__(self, blocks: Sequence[Block], *, activations: bool, kernels: bool, has_batch: bool) -> None:
        chosen = [i for i, block in enumerate(blocks) if block.kernels is not None]
        self.rows: list[tuple[str, dict[int, Sheet]]] = []
        if activations and chosen:
            shown = [i for i in range(len(blocks)) if i in chosen or (i == 0 and len(blocks[0].shape) == 3)]
            maps = {i: np.asarray(blocks[i].output) for i in shown}
            fine = self._finest(len(maps))
            images = {i: [_averaged(m, fine) for m in (x[0] if has_batch else x)[:PICTURES]] for i, x in maps.items()}
            self.rows.append(("feature maps", {i: _sheet(found) for i, found in images.items()}))
        if kernels and chosen:
            fine = self._finest(len(chosen))
            found = {i: [_averaged(k[0], fine) for k in np.asarray(blocks[i].kernels)[:PICTURES]] for i in chosen}
            self.rows.append(("kernels", {i: _sheet(images, symmetric=True) for i, images in found.items()}))

    @staticmethod
    def _finest(sheets: int) -> int:
        return max(6, min(FINEST, int((MOST_CELLS / (sheets * PICTURES)) ** 0.5)))

    @property
    def height(self) -> float:
        """The height of all rows."""
        return _ROW * len(self.rows)

    @property
    def headings(self) -> list[str]:
        """What the rows are called."""
        return [name for name, _ in self.rows]

    def width(self, i: int) -> float:
        """The width of the pictures of box `i`."""
        sheets = [sheets[i] for _, sheets in self.rows if i in sheets]
        return max((max(_SHEET, text_width(sheet.scale, TEXT)) for sheet in sheets), default=0.0)

    def height_of(self, i: int) -> float:
        """The height of the pictures of box `i` alone."""
        return _ROW * sum(i in sheets for _, sheets in self.rows)

    def draw(self, canvas: Canvas, i: int, x: float, top: float) -> None:
        """Draw the pictures of box `i` from `top` downwards, each row with the ends of its scale."""
        for _, sheets in self.rows:
            if i in sheets:
                self._draw_sheet(canvas, sheets[i], x, top - 6)
            elif not self.height_of(i):
                continue
            top -= _ROW

    def _draw_sheet(self, canvas: Canvas, sheet: Sheet, x: float, top: float) -> None:
        theme, step, alone = canvas.theme, (_SIDE + _GAP) / 2, len(sheet.images) == 1
        for k, image in enumerate(sheet.images):
            row, column = divmod(k, 2)
            dx = 0.0 if alone else step * (2 * column - 1)
            y = top - (_SHEET if alone else _SIDE) / 2 - row * (_SIDE + _GAP)
            width, height = _extent(image, alone)
            canvas.box(
                canvas.new("picture"), x + dx, y, width + 1, height + 1, color=theme.line, penwidth=0.6,
                label=_cells(image, sheet, theme.paper, theme.heat_high, alone),
            )  # fmt: skip
        canvas.text(x, top - _SHEET - TEXT / 2 - 2, font(text(sheet.scale), theme.line, TEXT))

    def draw_headings(self, canvas: Canvas, x: float, top: float) -> None:
        """What the rows of pictures are, at the left of a row."""
        for name in self.headings:
            canvas.left(x, top - 6 - _SIDE, name, font(text(name), canvas.theme.line, TEXT))
            top -= _ROW


def _averaged(image: Any, finest: int) -> Any:
    """An image of at most `finest` cells a side, each the mean of the numbers that it covers."""
    rows, columns = (np.array_split(np.arange(side), min(side, finest)) for side in image.shape)
    return np.array([[np.mean(image[np.ix_(r, c)], dtype=np.float64) for c in columns] for r in rows])


def _sheet(images: Sequence[Any], symmetric: bool = False) -> Sheet:
    values = np.concatenate([np.ravel(image) for image in images])
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if symmetric:
        high = max(abs(low), abs(high))
        low = -high
    return Sheet(tuple(images), low, high)


def _cells(image: Any, sheet: Sheet, paper: str, dark: str, alone: bool) -> Html:
    """One picture as a table whose cells are whole points wide; the seams between them have its mean shade."""
    side = _step(image, alone)
    body = [
        [cell(bgcolor=_shade(value, sheet, paper, dark), width=side, height=side, fixedsize=True) for value in line]
        for line in image.tolist()
    ]
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        mean = float(np.mean(image))
    return table(body, bgcolor=_shade(mean, sheet, paper, dark))


def _step(image: Any, alone: bool) -> int:
    """The side of one cell, in points; a picture that is alone takes the place of four."""
    return max(1, int((_SHEET if alone else _SIDE) / max(image.shape)))


def _extent(image: Any, alone: bool) -> tuple[float, float]:
    """The width and height of a picture, in points."""
    return _step(image, alone) * image.shape[1], _step(image, alone) * image.shape[0]


def _shade(value: float, sheet: Sheet, paper: str, dark: str) -> str:
    span = sheet.high - sheet.low
    if not np.isfinite(value):
        return dark
    return _blended(paper, dark, round(_SHADES * (value - sheet.low) / span) if span > 0 else 0)


@lru_cache(maxsize=1024)
def _blended(paper: str, dark: str, step: int) -> str:
    return blend(paper, dark, min(max(step, 0), _SHADES) / _SHADES)
