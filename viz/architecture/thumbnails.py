"""Feature maps and kernels as small pictures below the boxes, the pictures of one layer on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..drawing.block import Block as Markup
from ..drawing.canvas import TEXT, Canvas
from ..drawing.dot import text
from ..drawing.metrics import text_width
from ..drawing.notation import number
from ..drawing.theme import Theme
from ..drawing.thumbnail import ColorScale, grid_block, scale_of, thumbnail
from .blocks import Block

PICTURES: Final = 4
"""How many channels, or kernels, are shown of a layer: two by two."""

FINEST: Final = 16
"""A larger image is averaged down to so many cells a side."""

MOST_CELLS: Final = 9000
"""With more cells in one figure they are averaged down further, as the engine's time grows with them."""

_SIDE: Final = 36
_GAP: Final = 4
_SHEET: Final = 2 * _SIDE + _GAP
_ROW: Final = _SHEET + TEXT + 17


@dataclass(frozen=True, slots=True)
class Sheet:
    """The pictures of one layer.

    Attributes:
        images: up to four images, or the one that went in, which may have three channels.
        scale: the colours of all of them.
        words: the numbers at the two ends of the scale.
    """

    images: tuple[Any, ...]
    scale: ColorScale
    words: str

    def block(self, theme: Theme) -> Markup:
        """Set the pictures: two by two, or a single one as large as four."""
        side = _SHEET if len(self.images) == 1 else _SIDE
        tiles = [thumbnail(image, theme, scale=self.scale, width=side) for image in self.images]
        return grid_block(tiles, 2, _GAP)


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
            fine = self._finest(len(shown))
            outputs = {i: np.asarray(blocks[i].output) for i in shown}
            maps = {i: _averaged((x[0] if has_batch else x)[:PICTURES], fine) for i, x in outputs.items()}
            self.rows.append(("feature maps", {i: _input(x) if i == 0 else _sheet(x) for i, x in maps.items()}))
        if kernels and chosen:
            fine = self._finest(len(chosen))
            found = {i: _averaged(np.asarray(blocks[i].kernels)[:PICTURES, 0], fine) for i in chosen}
            self.rows.append(("kernels", {i: _sheet(images) for i, images in found.items()}))

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
        return max((max(_SHEET, text_width(sheet.words, TEXT)) for sheet in sheets), default=0.0)

    def height_of(self, i: int) -> float:
        """The height of the pictures of box `i` alone."""
        return _ROW * sum(i in sheets for _, sheets in self.rows)

    def draw(self, canvas: Canvas, i: int, x: float, top: float) -> None:
        """Draw the pictures of box `i` from `top` downwards, each row with the ends of its scale."""
        for _, sheets in self.rows:
            if i in sheets:
                block = sheets[i].block(canvas.theme)
                canvas.block(x, top - 10 - _SHEET / 2, block, canvas.new("picture"))
                canvas.words(x, top - 10 - _SHEET - TEXT / 2 - 2, text(sheets[i].words), canvas.theme.line)
            elif not self.height_of(i):
                continue
            top -= _ROW

    def draw_headings(self, canvas: Canvas, x: float, top: float) -> None:
        """What the rows of pictures are, at the left of a row."""
        for name in self.headings:
            canvas.flush(x, top - 10 - _SHEET / 2, name, text(name), canvas.theme.line)
            top -= _ROW


def _averaged(images: Any, finest: int) -> Any:
    """Images `(channels, height, width)` of at most `finest` cells a side, each the mean of the numbers that it covers."""
    rows, columns = (np.array_split(np.arange(side), min(side, finest)) for side in images.shape[1:])
    cells = [[np.mean(images[:, r][:, :, c], axis=(1, 2), dtype=np.float64) for c in columns] for r in rows]
    return np.moveaxis(np.array(cells), 2, 0)


def _sheet(images: Any) -> Sheet:
    """Pictures of signed data; the numbers printed are where the colours end."""
    scale = scale_of(images)
    low = -scale.limit if (images < 0).any() else 0.0
    return Sheet(tuple(images), scale, f"{number(low, 2)} … {number(scale.limit, 2)}")


def _input(image: Any) -> Sheet:
    """The image that goes in: as it is seen, if its numbers can be brightnesses; of many channels the first ones."""
    if len(image) not in (1, 3) or not (np.isfinite(image).all() and image.min() >= 0):
        return _sheet(image)
    scale = scale_of(image, is_image=True)
    return Sheet((image,), scale, f"0 … {number(scale.limit, 2)}")
