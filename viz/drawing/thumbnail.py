"""An array as a small heat map: coloured cells of a table, so that it stays sharp, needs no image file, and fits a label.

Signed data is orange below zero, the paper's own colour at zero, and blue above; a negative cell that is large enough
also carries a minus sign, always where the palette is grey. An image is shown with its own brightness or its own
colours. What is not finite is framed in the accent colour. An array with more than 16 rows or columns is averaged to at
most 16×16, and `thumbnail_caption` says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl.errors import ShapeError, UsageError

from .block import Block
from .dot import Html, cell, table
from .notation import shape_text
from .theme import Theme, blend

MOST_CELLS: Final = 16
"""A heat map has at most this many rows and columns."""

MOST_CHANNELS: Final = 16
"""Of more channels than these, the first are shown."""

WIDTH: Final = 64
"""How wide a heat map is if nothing else is said, in points."""

LOWEST_ROW: Final = 10
"""A vector's cells are at least this high, in points."""

_SMALLEST_CELL: Final = 2
_SMALLEST_MARKED: Final = {False: 7, True: 4}  # in colour; in grey, where the mark alone tells the sign
_FRAME: Final = 2
"""A line of one point, and one point to the cells, which reach out of their table by half a point."""

_CHANNEL_GAP: Final = 2

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ColorScale:
    """From a number to a colour.

    Attributes:
        limit: the number at (and beyond) which the colour is strongest; for signed data its negative is the other end.
        is_image: numbers are brightnesses from 0 (black) to `limit` (white), three channels are red, green and blue.
    """

    limit: float = 1.0
    is_image: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.limit) and self.limit > 0):
            raise UsageError(f"a colour scale ends at a positive number, not at {self.limit}")

    def color(self, value: float, theme: Theme) -> str:
        """Return the colour of one finite number, as `#rrggbb`.

        >>> from viz.drawing.theme import LIGHT
        >>> ColorScale(2.0).color(0.0, LIGHT), ColorScale(1.0, is_image=True).color(1.0, LIGHT)
        ('#ffffff', '#ffffff')
        """
        if self.is_image:
            return blend("#000000", "#ffffff", min(1.0, max(0.0, value / self.limit)))
        t = min(1.0, max(-1.0, value / self.limit))
        middle, strong = theme.positive if t >= 0 else theme.negative
        # Two straight pieces: most of the contrast lies where most numbers are, near zero.
        if abs(t) <= 0.5:
            return blend(theme.paper, middle, 2 * abs(t))
        return blend(middle, strong, 2 * abs(t) - 1)


def scale_of(*arrays: Any, is_image: bool = False) -> ColorScale:
    """Return one scale for several arrays: up to the largest absolute number in any of them.

    >>> scale_of([0.5, -2.0], [1.0]).limit, scale_of([0.0]).limit
    (2.0, 1.0)
    """
    largest = 0.0
    for array in arrays:
        numbers = np.abs(as_array(array))
        largest = max(largest, float(numbers[np.isfinite(numbers)].max(initial=0.0)))
    return ColorScale(largest if 0 < largest < math.inf else 1.0, is_image)


def thumbnail(
    array: Any, theme: Theme, *, scale: ColorScale | None = None, width: int = WIDTH, height: int | None = None
) -> Block:
    """Set an array as a small heat map.

    Args:
        array: a tensor or array with any number of axes. A vector is a row; of three axes the first are channels, set
            side by side (or one coloured picture, where the scale is an image's and there are three); of further axes
            in front the first entry is shown.
        theme: the palette.
        scale: from numbers to colours; the array's own if left out. Give one to compare several thumbnails.
        width: how wide the picture is at most, in points; cells are squares of whole points.
        height: how high it is at most, in points; as its width if left out.

    Returns:
        The markup and its size, which is at most the one asked for unless cells of 2 points take more.

    Raises:
        ShapeError: the array holds something else than real numbers.

    >>> from viz.drawing.theme import LIGHT
    >>> block = thumbnail([[1.0, -1.0], [0.0, 2.0]], LIGHT, width=40)
    >>> block.width, block.height
    (40, 40)
    """
    grid = as_array(array)
    height = width if height is None else height
    if 0 in grid.shape:
        return _empty(theme, min(width, height))
    while grid.ndim > 3:
        grid = grid[0]
    channels = grid if grid.ndim == 3 else np.atleast_2d(grid)[np.newaxis]
    shown = [pooled(channel) for channel in channels[:MOST_CHANNELS]]
    scale = scale or scale_of(*shown)  # of the averages, which are what is seen
    if scale.is_image and len(channels) == 3:
        return _picture(np.stack(shown), theme, scale, width, height)
    if len(shown) == 1:
        return _picture(shown[0][np.newaxis], theme, scale, width, height)
    columns = math.ceil(math.sqrt(len(shown)))
    rows = math.ceil(len(shown) / columns)
    room = (width - (columns - 1) * _CHANNEL_GAP) // columns, (height - (rows - 1) * _CHANNEL_GAP) // rows
    return grid_block([_picture(tile[np.newaxis], theme, scale, *room) for tile in shown], columns, _CHANNEL_GAP)


def thumbnail_caption(array: Any) -> str:
    """Return what must stand at a thumbnail: the array's shape, and what of it is shown.

    >>> thumbnail_caption(np.zeros((3, 4))), thumbnail_caption(np.zeros((1, 28, 28)))
    ('3×4', '1×28×28, averaged to 14×14')
    """
    shape = as_array(array).shape
    words = [shape_text(shape)]
    if len(shape) > 3:
        words.append("the first")
    if len(shape) > 2 and shape[-3] > MOST_CHANNELS:
        words.append(f"{MOST_CHANNELS} channels")
    cells = tuple(_pooled_size(size) for size in shape[-2:])
    if cells != shape[-2:]:
        words.append(f"averaged to {shape_text(cells)}")
    return ", ".join(words)


def as_array(array: Any) -> Array:
    """Return a tensor's or array's numbers, as doubles.

    Raises:
        ShapeError: these are no real numbers.
    """
    from minidl.graph import Node
    from minidl.kernels.device import fetched

    content = np.asarray(fetched(array.data if isinstance(array, Node) else array))
    if content.dtype.kind not in "biuf":
        raise ShapeError(f"a thumbnail shows real numbers; this array holds {content.dtype}")
    return content.astype(np.float64)


def pooled(grid: Array) -> Array:
    """Return a matrix averaged to at most 16×16; an average over anything not finite is not finite.

    >>> pooled(np.arange(32.0).reshape(1, 32))[0, :3]
    array([0.5, 2.5, 4.5])
    """
    for axis in (0, 1):
        size = grid.shape[axis]
        cells = _pooled_size(size)
        if cells < size:
            starts = np.arange(cells) * size // cells
            counts = np.diff(np.append(starts, size))
            with np.errstate(all="ignore"):
                grid = np.add.reduceat(grid, starts, axis=axis) / (counts[:, None] if axis == 0 else counts)
    return grid


def _pooled_size(size: int) -> int:
    """How many cells stand for `size` entries: as many as divide them evenly, unless that would be few."""
    if size <= MOST_CELLS:
        return size
    even = next((size // k for k in range(2, size + 1) if size % k == 0 and size // k <= MOST_CELLS), 1)
    return even if even > MOST_CELLS // 2 else MOST_CELLS


def _cell_side(rows: int, columns: int, width: int, height: int) -> int:
    return max(_SMALLEST_CELL, min((width - 2 * _FRAME) // columns, (height - 2 * _FRAME) // rows))


def _picture(channels: Array, theme: Theme, scale: ColorScale, width: int, height: int) -> Block:
    """One heat map, or one coloured picture: `(1 or 3, rows, columns)`."""
    rows, columns = channels.shape[1:]
    side = _cell_side(rows, columns, width, height)
    across, down = side, side
    if rows == 1 and columns > 1:
        down = max(side, min(LOWEST_ROW, height - 2 * _FRAME))
    elif columns == 1 and rows > 1:
        across = max(side, min(LOWEST_ROW, width - 2 * _FRAME))
    lines = [
        [_cell(channels[:, i, j], across, down, theme, scale) for j in range(columns)] for i in range(rows)
    ]  # fmt: skip
    # Neighbours overlap by a point, or every viewer would show hairlines between them.
    # The table's size is fixed, or Graphviz would pull them apart to fill the frame.
    size: dict[str, Any] = {"width": columns * across - 1, "height": rows * down - 1, "fixedsize": True}
    inside = table(lines, cellspacing=-1, bgcolor=scale.color(0.0, theme), **size)
    return _framed(inside, columns * across, rows * down, theme)


def _framed(inside: Html, width: int, height: int, theme: Theme) -> Block:
    block_width, block_height = width + 2 * _FRAME, height + 2 * _FRAME
    held = cell(inside, width=block_width, height=block_height, fixedsize=True, border=1, color=theme.line)
    return Block(table([[held]]), block_width, block_height)


def _cell(values: Array, across: int, down: int, theme: Theme, scale: ColorScale) -> Html:
    size: dict[str, Any] = {"width": across + 1, "height": down + 1, "fixedsize": True}
    if not np.isfinite(values).all():
        mark = max(1, min(across, down) // 3)
        end = (
            0.0
            if np.isnan(values).any()
            else float(np.clip(values[~np.isfinite(values)][0], -scale.limit, scale.limit))
        )
        inner = _square(mark, mark, theme.accent)
        return cell(inner, bgcolor=scale.color(end, theme), border=1, color=theme.accent, **size)
    if len(values) == 3:
        shades = [int(scale.color(float(value), theme)[1:3], 16) for value in values]
        return cell(bgcolor="#" + "".join(f"{shade:02x}" for shade in shades), **size)
    value = float(values[0])
    color = scale.color(value, theme)
    is_marked = value < 0 and not scale.is_image and min(across, down) >= _SMALLEST_MARKED[is_grey(theme)]
    if is_marked and color != scale.color(0.0, theme):
        ink = theme.ink if _contrast(color, theme.ink) > _contrast(color, theme.paper) else theme.paper
        return cell(_square(max(2, min(across, down) // 2), max(1, min(across, down) // 9), ink), bgcolor=color, **size)
    # The table has zero's colour. On paper its cells need no fill; elsewhere all have one, or others would look larger.
    return cell(**size) if color == scale.color(0.0, theme) == theme.paper else cell(bgcolor=color, **size)


def _square(width: int, height: int, color: str) -> Html:
    return table([[cell(bgcolor=color, width=width, height=height, fixedsize=True)]])


def _contrast(a: str, b: str) -> int:
    """How far apart two colours' brightnesses are."""
    light = [sum(w * c for w, c in zip((3, 6, 1), bytes.fromhex(x[1:]), strict=True)) for x in (a, b)]
    return abs(light[0] - light[1])


def is_grey(theme: Theme) -> bool:
    """Whether the palette's signed colours differ in brightness only, so that a sign needs a mark."""
    return all(len(set(bytes.fromhex(color[1:]))) == 1 for color in (*theme.positive, *theme.negative))


def grid_block(tiles: Sequence[Block], columns: int, gap: int) -> Block:
    """Set blocks of one size in rows of `columns`, `gap` points apart."""
    first = tiles[0]
    between = cell(width=gap, height=first.height, fixedsize=True)
    lines: list[list[Html]] = []
    for start in range(0, len(tiles), columns):
        row = [
            cell(tile.html, width=first.width, height=first.height, fixedsize=True) for tile in tiles[start:][:columns]
        ]
        if lines:
            lines.append([cell(width=first.width, height=gap, fixedsize=True)])
        lines.append([part for held in row for part in (between, held)][1:])
    rows = math.ceil(len(tiles) / columns)
    across = min(columns, len(tiles))
    width, height = across * first.width + (across - 1) * gap, rows * first.height + (rows - 1) * gap
    # Inside a fixed cell, or a wider caption below it would pull the columns apart.
    return Block(table([[cell(table(lines), width=width, height=height, fixedsize=True)]]), width, height)


def _empty(theme: Theme, side: int) -> Block:
    side = max(8, side // 4)
    held = cell(width=side, height=side, fixedsize=True, border=1, color=theme.accent, bgcolor=theme.paper)
    return Block(table([[held]]), side, side)
