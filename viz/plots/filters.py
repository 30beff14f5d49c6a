"""The kernels that a convolution has learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl.errors import ShapeError

from ..drawing.theme import LIGHT, Theme, theme_named
from .style import SIZE, house_style, new_figure, svg_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_KERNELS: Final = 32
"""More output or input channels than these are not drawn."""


def kernels(weight: NDArray[Any], title: str, *, limit: float | None = None, theme: str | Theme = LIGHT) -> str:
    """Draw the kernels of a convolution side by side, on one colour scale that is symmetric about zero.

    Args:
        weight: `(out channels, in channels, height, width)`.
        title: the layer's name.
        limit: the value at the ends of the colour scale; the largest absolute weight if left out. Give it to compare
            drawings of several epochs.
        theme: the palette, or its name.

    Returns:
        The SVG. With one input channel, a tile a kernel; with more, a column an output channel, a row an input channel.

    Raises:
        ShapeError: the weight has not four axes.

    >>> "conv1" in kernels(np.ones((2, 1, 3, 3)), "conv1")
    True
    """
    weight = np.asarray(weight, dtype=np.float64)
    if weight.ndim != 4 or weight.size == 0:
        raise ShapeError(f"kernels: expected a weight (out channels, in channels, height, width); got {weight.shape}")
    palette = theme_named(theme)
    finite = np.abs(weight[np.isfinite(weight)])
    largest = float(limit if limit is not None else finite.max(initial=0.0)) or 1.0
    grid = _grid_of(weight)
    words = f"{weight.shape[0]}×{weight.shape[1]} kernels of {weight.shape[2]}×{weight.shape[3]}"
    if weight.shape[1] == 1:
        words = f"{weight.shape[0]} kernels of {weight.shape[2]}×{weight.shape[3]}"
    else:
        words += ": a column an output channel, a row an input channel"
    shown = (min(weight.shape[0], MOST_KERNELS), min(weight.shape[1], MOST_KERNELS))
    if shown != weight.shape[:2]:
        words += f" (the first {shown[0]}×{shown[1]})"
    with house_style(palette):
        picture, side = _mosaic(grid, largest, palette)
        height, width = picture.shape[:2]
        scale = min(8.2 / width, 6.0 / height, 0.45 / side * 2)
        inches = (width * scale, height * scale)
        figure = new_figure(max(inches[0], 3.2) + 1.6, inches[1] + 1.05)
        total = figure.get_size_inches()
        axes = figure.add_axes((0.25 / total[0], 0.25 / total[1], inches[0] / total[0], inches[1] / total[1]))
        axes.imshow(picture, interpolation="none", aspect="auto")
        axes.set_axis_off()
        top = 1 - 0.28 / total[1]
        figure.text(0.25 / total[0], top, title, fontsize=SIZE + 3, va="center")
        figure.text(0.25 / total[0], top - 0.27 / total[1], words, fontsize=SIZE - 1, color=palette.line, va="center")
        bar = figure.add_axes(((inches[0] + 0.5) / total[0], 0.25 / total[1], 0.16 / total[0], inches[1] / total[1]))
        _colour_bar(bar, largest, palette)
        spread = f"Weights from {weight.min():.3g} to {weight.max():.3g}, mean {weight.mean():.3g}."
        return svg_of(
            figure, f"Kernels of {title}", f"{words}. {spread} Blue is positive, red is negative, white is zero."
        )


def _grid_of(weight: NDArray[Any]) -> list[list[NDArray[Any]]]:
    """The kernels in rows and columns."""
    weight = weight[:MOST_KERNELS, :MOST_KERNELS]
    if weight.shape[1] > 1:
        return [[kernel[row] for kernel in weight] for row in range(weight.shape[1])]
    tiles = [kernel[0] for kernel in weight]
    columns = len(tiles) if len(tiles) <= 6 else 8
    return [tiles[i : i + columns] for i in range(0, len(tiles), columns)]


def _mosaic(grid: list[list[NDArray[Any]]], limit: float, theme: Theme) -> tuple[NDArray[Any], int]:
    """One picture of all tiles, and a cell's side in its pixels; drawn large, so that every viewer keeps it sharp."""
    height, width = grid[0][0].shape
    side = 24 if len(grid) * len(grid[0]) <= 64 else 8
    gap = max(2, side // 2) if side == 24 else 4
    rows, columns = len(grid), max(map(len, grid))
    picture = np.ones((rows * (height * side + gap) - gap, columns * (width * side + gap) - gap, 3))
    colours = _colour_map(theme)
    frame = np.frombuffer(bytes.fromhex(theme.dim[1:]), np.uint8) / 255
    for r, row in enumerate(grid):
        for c, tile in enumerate(row):
            cells = colours(np.clip(np.nan_to_num(tile / limit), -1, 1) / 2 + 0.5)[..., :3]
            block = cells.repeat(side, axis=0).repeat(side, axis=1)
            if side == 24:
                _mark_negative(block, tile, side)
            for edge in (block[:2], block[-2:], block[:, :2], block[:, -2:]):
                edge[:] = frame
            top, left = r * (height * side + gap), c * (width * side + gap)
            picture[top : top + height * side, left : left + width * side] = block
    return (picture * 255).round().astype(np.uint8), side


def _mark_negative(block: NDArray[Any], tile: NDArray[Any], side: int) -> None:
    """Put a minus sign into every negative cell, so that the sign can be read without colour."""
    for i, j in zip(*np.nonzero(tile < 0), strict=True):
        y, x = i * side + side // 2, j * side + side // 4
        stroke = block[y - 1 : y + 1, x : x + side // 2]
        stroke[:] = np.where(stroke.mean() > 0.62, stroke * 0.6, 1.0)


def _colour_map(theme: Theme) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [theme.gradient, "#f3b8b3", "#ffffff", "#b3cbe6", theme.local])


def _colour_bar(axes: Axes, limit: float, theme: Theme) -> None:
    axes.imshow(_colour_map(theme)(np.linspace(1, 0, 128))[:, np.newaxis], aspect="auto", extent=(0, 1, -limit, limit))
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.set_yticks([-limit, 0, limit], [f"−{limit:.2g}", "0", f"{limit:.2g}"])
    axes.tick_params(length=3)
    for spine in axes.spines.values():
        spine.set_visible(True)
