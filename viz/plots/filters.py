"""The kernels that a convolution has learned, and what they see in an image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl.errors import ShapeError, UsageError

from ..drawing.notation import number
from ..drawing.theme import LIGHT, Theme, theme_named
from .inputs import LONGEST_TITLE, array_of, short
from .palette import readable, signed_map, unsigned_map
from .pictures import as_picture
from .plot import Plot
from .style import HEAD, SMALL, blank, frame, new_figure, panel, set_number, words_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_KERNELS: Final = 32
"""More output or input channels than these are not drawn."""
_SMALLEST_CROSSED: Final = 6
"""Cells of so many dots and more are crossed out where they are not finite; smaller ones are filled."""
Grid = list[list[NDArray[Any]]]


def kernels(weight: Any, title: str, *, limit: float | None = None, theme: str | Theme = LIGHT) -> Plot:
    """Draw the kernels of a convolution side by side, on one colour scale that is symmetric about zero.

    Args:
        weight: `(out channels, in channels, height, width)`.
        title: the layer's name.
        limit: the value at the ends of the colour scale; the largest absolute weight if left out. Give it to compare
            drawings of several epochs.
        theme: the palette, or its name.

    Returns:
        The plot. With one input channel, a tile a kernel; with more, a column an output channel, a row an input channel.

    Raises:
        ShapeError: the weight has not four axes.
        UsageError: `limit` is not above 0.

    >>> kernels(np.ones((2, 1, 3, 3)), "conv1").title
    'Kernels of conv1'
    """
    palette = theme_named(theme)
    weight = _four_axes(weight, "kernels", "a weight (out channels, in channels, height, width)")
    largest = _limit(weight, limit, "kernels")
    out, inner, height, width = weight.shape
    words = f"{out} kernel{'s' * (out != 1)} of {height}×{width}"
    if inner > 1:
        words = f"{out}×{inner} kernels of {height}×{width}: a column an output channel, a row an input channel"
    shown = min(out, MOST_KERNELS), min(inner, MOST_KERNELS)
    if shown != (out, inner):
        words += f" (the first {shown[0]}×{shown[1]})"
    grid = _grid_of(weight)
    text = f"{words}. Weights {_spread(weight)}. A minus sign marks the negative ones where there is room."
    name = short(title, LONGEST_TITLE)

    def draw() -> Figure:
        picture, _ = _mosaic(grid, largest, palette)
        return _framed(picture, name, words, largest, -largest, signed_map(palette), palette)

    return Plot(draw, f"Kernels of {name}", text, palette)


def feature_maps(
    maps: Any, title: str = "Feature maps", *, image: Any = None, limit: float | None = None, theme: str | Theme = LIGHT
) -> Plot:
    """Draw the channels that a layer made of one image, side by side on one scale.

    Args:
        maps: `(channels, height, width)`, or with a leading axis of length 1.
        title: the layer's name.
        image: the image that went in, `(height, width)` or `(1 or 3, height, width)`, drawn on the left.
        limit: the value at the end of the colour scale; the largest absolute value if left out.
        theme: the palette, or its name.

    Returns:
        The plot; maps without a negative value go from paper to full colour, others are centred on zero. A map that is
        zero everywhere is crossed out and counted: the unit is dead for this image.

    Raises:
        ShapeError: there are not three axes.
        UsageError: `limit` is not above 0.

    >>> "1 of 2 maps is zero everywhere" in feature_maps(np.array([[[0.0, 0.0]], [[1.0, 2.0]]])).text
    True
    """
    palette = theme_named(theme)
    values = array_of(maps, "feature_maps", "the maps", ndim=(3, 4))
    if values.ndim == 4:
        if len(values) != 1:
            raise ShapeError(f"feature_maps: draws the maps of one image; got those of {len(values)}: give maps[i]")
        values = values[0]
    largest = _limit(values, limit, "feature_maps")
    is_signed = bool((values < 0).any())
    count, height, width = values.shape
    dead = int((values == 0).all(axis=(1, 2)).sum())
    words = f"{count} map{'s' * (count != 1)} of {height}×{width}"
    words += f" (the first {2 * MOST_KERNELS})" if count > 2 * MOST_KERNELS else ""
    crossed = f"{dead} of {count} maps {'is' if dead == 1 else 'are'} zero everywhere"
    words += f"; {crossed} (crossed out)" if dead else ""
    name = short(title, LONGEST_TITLE)
    picture_in = None if image is None else as_picture(image, "feature_maps")

    def draw() -> Figure:
        tiles = list(values[: 2 * MOST_KERNELS])
        colours = signed_map(palette) if is_signed else unsigned_map(palette)
        low = -largest if is_signed else 0.0
        grid = _in_rows(tiles, math.ceil(math.sqrt(1.6 * len(tiles))))
        picture = _tiles(grid, low, largest, colours, palette)
        return _framed(picture, name, words, largest, low, colours, palette, picture_in)

    return Plot(draw, name, f"{words}. Values {_spread(values)}." + (f" {crossed}." if dead else ""), palette)


def _four_axes(weight: Any, plot: str, expected: str) -> NDArray[np.float64]:
    if np.ndim(getattr(weight, "data", weight)) != 4 or 0 in np.shape(getattr(weight, "data", weight)):
        raise ShapeError(f"{plot}: expected {expected}; got {np.shape(getattr(weight, 'data', weight))}")
    return array_of(weight, plot, expected, ndim=4)


def _limit(values: NDArray[Any], limit: float | None, plot: str) -> float:
    if limit is not None and not 0 < limit < float("inf"):
        raise UsageError(f"{plot}: limit, the end of the colour scale, must be above 0; got {limit}")
    finite = np.abs(values[np.isfinite(values)])
    return float(limit if limit is not None else finite.max(initial=0.0)) or 1.0


def _spread(values: NDArray[Any]) -> str:
    """The range of the finite values in words, and how many are none."""
    finite = values[np.isfinite(values)]
    lost = values.size - finite.size
    words = (
        f"from {number(finite.min(), 3)} to {number(finite.max(), 3)}, mean {number(finite.mean(), 3)}"
        if finite.size
        else "none finite"
    )
    return words + (f"; {lost} of {values.size} are nan or infinite" if lost else "")


def _grid_of(weight: NDArray[Any]) -> Grid:
    """The kernels in rows and columns."""
    weight = weight[:MOST_KERNELS, :MOST_KERNELS]
    if weight.shape[1] > 1:
        return [[kernel[row] for kernel in weight] for row in range(weight.shape[1])]
    return _in_rows([kernel[0] for kernel in weight], 6 if len(weight) <= 12 else 8)


def _in_rows(tiles: list[NDArray[Any]], longest: int) -> Grid:
    """Tiles in rows of about equal length; a single row where there are few."""
    rows = -(-len(tiles) // longest)
    columns = -(-len(tiles) // rows)
    return [tiles[i : i + columns] for i in range(0, len(tiles), columns)]


def _mosaic(grid: Grid, limit: float, theme: Theme) -> tuple[NDArray[Any], int]:
    """One picture of all tiles, and a cell's side in its pixels; drawn large, so that every viewer keeps it sharp."""
    height, width = grid[0][0].shape
    side = 24 if height * width <= 64 and len(grid) * len(grid[0]) * height * width <= 1600 else 8
    return _tiles(grid, -limit, limit, signed_map(theme), theme, side=side, marks=side == 24), side


def _tiles(
    grid: Grid, low: float, high: float, colours: Any, theme: Theme, side: int | None = None, marks: bool = False
) -> NDArray[Any]:
    height, width = grid[0][0].shape
    side = side or max(1, -(-64 // max(height, width)))
    gap = max(4, round(0.09 * side * max(height, width)), side // 2 if marks else 0)
    rows, columns = len(grid), max(map(len, grid))
    shape = (rows * (height * side + gap) - gap, columns * (width * side + gap) - gap, 3)
    picture = np.broadcast_to(_rgb(theme.paper), shape).copy()
    for r, row in enumerate(grid):
        for c, tile in enumerate(row):
            cells = colours(np.clip((np.nan_to_num(tile) - low) / (high - low), 0, 1))[..., :3]
            cells[~np.isfinite(tile)] = _rgb(theme.paper if side >= _SMALLEST_CROSSED else theme.gradient)
            block = cells.repeat(side, axis=0).repeat(side, axis=1)
            for i, j in zip(*np.nonzero(~np.isfinite(tile)), strict=True) if side >= _SMALLEST_CROSSED else ():
                _cross_out(block[i * side : (i + 1) * side, j * side : (j + 1) * side], theme.gradient)
            if marks:
                _mark_negative(block, tile, side)
            if not tile.any():
                _cross_out(block, theme.line)
            for edge in (block[:1], block[-1:], block[:, :1], block[:, -1:]):
                edge[:] = _rgb(theme.line)
            top, left = r * (height * side + gap), c * (width * side + gap)
            picture[top : top + height * side, left : left + width * side] = block
    return (picture * 255).round().astype(np.uint8)


def _rgb(color: str) -> NDArray[Any]:
    return np.frombuffer(bytes.fromhex(color[1:]), np.uint8) / 255


def _mark_negative(block: NDArray[Any], tile: NDArray[Any], side: int) -> None:
    """Put a minus sign into every negative cell, so that the sign can be read without colour."""
    for i, j in zip(*np.nonzero(tile < 0), strict=True):
        y, x = i * side + side // 2, j * side + side // 4
        stroke = block[y - 1 : y + 1, x : x + side // 2]
        stroke[:] = stroke * 0.6 if stroke.mean() > 0.62 else 1.0


def _cross_out(block: NDArray[Any], color: str) -> None:
    height, width = block.shape[:2]
    for t in np.linspace(0, 1, 2 * max(height, width)):
        y, x = round(t * (height - 1)), round(t * (width - 1))
        block[y, x] = block[y, width - 1 - x] = _rgb(color)


def _framed(
    picture: NDArray[Any], title: str, words: str, high: float, low: float, colours: Any, theme: Theme,
    image: NDArray[Any] | None = None,
) -> Figure:  # fmt: skip
    """A picture with its heading above and its colour scale on the right; on the left what it was made from."""
    rows, columns = picture.shape[:2]
    scale = min(8.2 / columns, 5.2 / rows, 1 / 48)
    width, height = columns * scale, rows * scale
    figure = new_figure(10, 6)
    words_at(figure, 0, 0, title, fontsize=HEAD)
    words_at(figure, 0, 0.3, words, fontsize=SMALL + 1, color=readable(theme.line, theme))
    left, top = 0.0, 0.72
    if image is not None:
        side = min(1.9, height)
        across, tall = (
            side * min(1.0, share) for share in (image.shape[1] / image.shape[0], image.shape[0] / image.shape[1])
        )
        shown = panel(figure, 0, top + (height - tall) / 2, across, tall)
        shown.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="none", aspect="auto")
        blank(shown)
        frame(shown, theme.line)
        left = across + 0.5
        arrow: dict[str, Any] = {"arrowstyle": "-|>", "color": theme.line, "linewidth": 1.4}
        shown.annotate("", ((left - 0.08) * 72, tall * 36), xytext=((across + 0.08) * 72, tall * 36), xycoords="axes points",
                       textcoords="axes points", arrowprops=arrow, annotation_clip=False)  # fmt: skip
    axes = panel(figure, left, top, width, height)
    axes.imshow(picture, interpolation="none", aspect="auto")
    blank(axes)
    _colour_bar(panel(figure, left + width + 0.25, top, 0.16, max(height, 0.9)), low, high, colours, theme)
    return figure


def _colour_bar(axes: Axes, low: float, high: float, colours: Any, theme: Theme) -> None:
    axes.imshow(colours(np.linspace(1, 0, 128))[:, np.newaxis], aspect="auto", extent=(0, 1, low, high))
    axes.set_xticks([])
    axes.yaxis.tick_right()
    places = sorted({low, 0.0, high})
    axes.set_yticks(places, [set_number(x, 2) for x in places], parse_math=True)
    axes.tick_params(length=3)
    frame(axes, theme.line)
