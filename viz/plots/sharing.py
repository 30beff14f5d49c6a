"""Which numbers hang together: where a nudge to one number of a batch of images is felt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl.errors import ShapeError, UsageError

from ..drawing.theme import LIGHT, Theme, blend, theme_named
from .inputs import array_of, series_of
from .palette import readable
from .plot import Plot
from .style import SIZE, SMALL, blank, new_figure, panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS: Final = 6
MOST_CELLS: Final = 2000
CELL: Final = 0.125
"""The side of a number, in inches."""
APART: Final = 1.3
"""Between two channels, and between two images: so many sides of a number."""


def sharing(felt: Mapping[str, Any], at: Sequence[int], *, theme: str | Theme = LIGHT) -> Plot:
    """Draw, for several layers, which outputs feel it when one input is nudged: those that share its statistics.

    Args:
        felt: for each layer's name a mask `(N, C, H, W)` of the outputs that moved.
        at: the place `(n, c, h, w)` of the input that was nudged.
        theme: the palette, or its name.

    Returns:
        The plot: a panel a layer, an image a row, a channel a column. What moved is filled; a cross is the nudged number.

    Raises:
        ShapeError: a mask has not four axes or not the shape of the others, or `at` is no place in it.
        UsageError: there are no masks, more than six, or they hold more than 2,000 numbers each.

    >>> sharing({"batch": [[[[True]]], [[[True]]]], "none": [[[[True]]], [[[False]]]]}, (0, 0, 0, 0)).text
    'Where a nudge to one number is felt. batch: 2 of 2 numbers, in 2 images. none: 1 of 2 numbers, in 1 image.'
    """
    palette = theme_named(theme)
    masks = {
        name: array_of(mask, "sharing", name, ndim=4) != 0 for name, mask in series_of(felt, "sharing", "felt").items()
    }
    shape, place = next(iter(masks.values())).shape, tuple(at)
    if any(mask.shape != shape for mask in masks.values()):
        shapes = ", ".join(f"{name} {mask.shape}" for name, mask in masks.items())
        raise ShapeError(f"sharing: all masks must have one shape (N, C, H, W); got {shapes}")
    if len(place) != 4 or not all(0 <= k < n for k, n in zip(place, shape, strict=True)):
        raise ShapeError(f"sharing: at={place} is no place (n, c, h, w) in a batch of shape {shape}")
    if len(masks) > MOST_PANELS or masks[next(iter(masks))].size > MOST_CELLS:
        raise UsageError(f"sharing: draws at most {MOST_PANELS} masks of at most {MOST_CELLS} numbers each")
    told = " ".join(f"{name}: {_counted(mask)}, {_spread(mask)}." for name, mask in masks.items())

    def draw() -> Figure:
        count, channels, height, width = shape
        tall = (count * (height + APART) - APART) * CELL
        wide = (channels * (width + APART) - APART) * CELL
        step = max(wide, 1.45) + 0.5
        figure = new_figure(10, 6)
        for k, (name, mask) in enumerate(masks.items()):
            axes = panel(figure, k * step, 0, wide, tall)
            blank(axes)
            axes.set_xlim(0, wide / CELL)
            axes.set_ylim(tall / CELL, 0)
            _batch(axes, mask, place, palette)
            axes.set_title(name, fontsize=SIZE, pad=26)
            quiet: dict[str, Any] = {"color": readable(palette.line, palette), "fontsize": SMALL}
            over: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
            if not k:
                axes.annotate("images ↓ channels →", (0, 1), xytext=(0, 6), va="bottom", **over, **quiet)
            axes.annotate(_counted(mask), (0, 0), xytext=(0, -7), va="top", **over, **quiet)
        return figure

    title = "Where a nudge to one number is felt"
    return Plot(draw, title, f"{title}. {told}", palette)


def _batch(axes: Axes, mask: NDArray[Any], place: tuple[int, ...], theme: Theme) -> None:
    """All numbers of a batch, those that moved filled, and a cross where it was nudged."""
    from matplotlib.patches import Rectangle

    _, _, height, width = mask.shape
    dark, pale = theme.heat_high, blend(theme.paper, theme.line, 0.06)
    for n, c, i, j in np.ndindex(mask.shape):
        corner = (c * (width + APART) + j, n * (height + APART) + i)
        fill = dark if mask[n, c, i, j] else pale
        edge = blend(theme.paper, theme.line, 0.3)
        axes.add_patch(Rectangle(corner, 1, 1, facecolor=fill, edgecolor=edge, linewidth=0.6, clip_on=False))
    n, c, i, j = place
    x, y = c * (width + APART) + j + 0.5, n * (height + APART) + i + 0.5
    for color, line in ((theme.ink, 4.5), (theme.accent_fill, 2.0)):
        axes.plot([x], [y], marker="x", markersize=8, markeredgewidth=line, color=color, clip_on=False, zorder=5)


def _counted(mask: NDArray[Any]) -> str:
    return f"{int(mask.sum())} of {mask.size} numbers"


def _spread(mask: NDArray[Any]) -> str:
    images = int(mask.any(axis=(1, 2, 3)).sum())
    return f"in {images} image{'s' * (images != 1)}"
