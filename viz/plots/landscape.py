"""Functions of two variables seen from above, and the ways that optimizers take down them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl import tensor
from minidl.errors import ShapeError, UsageError
from minidl.graph import data_of

from ..drawing.notation import number
from ..drawing.theme import LIGHT, Theme, blend, theme_named
from .inputs import LONGEST_TITLE, array_of, series_of, short, span
from .palette import readable, series
from .plot import Plot
from .style import HEAD, SIZE, SMALL, frame, name_axes, new_figure, panel, plain_numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from minidl.optim import Optimizer

WIDTH, HEIGHT = 5.6, 4.2
CELLS: Final = 160
LEVELS: Final = 12


def contours(
    function: Callable[[Any, Any], Any],
    paths: Mapping[str, Any] | None = None,
    *,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    title: str = "",
    axes_names: tuple[str, str] = ("w₁", "w₂"),
    levels: int = LEVELS,
    theme: str | Theme = LIGHT,
) -> Plot:
    """Draw the contour lines of a loss, and the paths of optimizers over it.

    Args:
        function: from two arrays (or two tensors) to the loss at each pair.
        paths: for each name the points `(steps + 1, 2)` it went through; `descend` makes them.
        x_range: the ends of the horizontal axis; around the paths if left out.
        y_range: the ends of the vertical axis.
        title: what stands above.
        axes_names: the names of the two variables.
        levels: how many lines there are; with few, the paths stand out, in a small picture above all.
        theme: the palette, or its name.

    Returns:
        The plot. The lines are evenly spaced in the logarithm of the height above the lowest place seen. A path begins
        at a ring and ends at a full mark; one that leaves the plot or ends in nan says so in its name.

    Raises:
        ShapeError: a path is not `(steps, 2)`, or the function's answer has another shape than its arguments.
        UsageError: a range is empty, the function is nowhere finite, or `levels` is less than 1.

    >>> contours(lambda x, y: x * x + 9 * y * y, {"still": [[1.0, 1.0], [0.0, 0.0]]}).text
    'Contour lines of a loss. still goes in 1 step from (1, 1), loss 10, to (0, 0), loss 0.'
    """
    palette, title = theme_named(theme), short(title, LONGEST_TITLE)
    if levels < 1:
        raise UsageError(f"contours: needs at least one line; got levels={levels}")
    ways: dict[str, NDArray[np.float64]] = {}
    for name, points in (series_of(paths, "contours", "paths") if paths else {}).items():
        way = array_of(points, "contours", f"the path {name}", ndim=2)
        if way.shape[1] != 2:
            raise ShapeError(f"contours: the path {name} must be (steps, 2); got {way.shape}")
        ways[name] = way
    everything = np.concatenate([*ways.values(), np.zeros((0, 2))])
    x_ends = _ends(x_range, everything[:, 0], "x_range")
    y_ends = _ends(y_range, everything[:, 1], "y_range")
    across, up = np.linspace(*x_ends, CELLS), np.linspace(*y_ends, CELLS)
    heights = _heights(function, *np.meshgrid(across, up))
    if not np.isfinite(heights).any():
        raise UsageError("contours: the function is finite nowhere in the plot; choose other ranges")
    text = " ".join(["Contour lines of a loss.", *(_journey(function, name, way) for name, way in ways.items())])

    def draw() -> Figure:
        figure = new_figure(8, 6)
        axes = panel(figure, 0, 0, WIDTH, HEIGHT)
        axes.set_xlim(*x_ends)
        axes.set_ylim(*y_ends)
        lies = _levels(heights, levels)
        shown = np.ma.masked_invalid(heights)
        tints = [blend(palette.paper, palette.heat_high, 0.02 + 0.17 * k / levels) for k in range(len(lies) + 1)]
        axes.contourf(across, up, shown, levels=[-np.inf, *lies, np.inf], colors=tints)
        lines = axes.contour(across, up, shown, levels=lies, colors=[palette.line], linewidths=0.8)
        _number_lines(lines, everything, x_ends, y_ends, palette)
        for k, (name, way) in enumerate(ways.items()):
            look = series(palette, k)
            kept = way[: _finite_length(way)]
            each = max(1, len(kept) // 25)
            halo: dict[str, Any] = {"color": palette.paper, "linewidth": 4.2, "solid_joinstyle": "round"}
            axes.plot(kept[:, 0], kept[:, 1], zorder=3, **halo)
            axes.plot(
                kept[:, 0], kept[:, 1], color=look.color, linewidth=2.0, linestyle=look.dash, zorder=4,
                marker=look.marker, markersize=4.5, markevery=each,
            )  # fmt: skip
            if len(kept):
                start, end = kept[0], kept[-1]
                ring: dict[str, Any] = {
                    "markerfacecolor": palette.paper,
                    "markeredgecolor": palette.ink,
                    "markeredgewidth": 1.8,
                }
                axes.plot(*start, marker="o", markersize=9, zorder=6, **ring)
                full: dict[str, Any] = {
                    "markerfacecolor": look.color,
                    "markeredgecolor": palette.paper,
                    "markeredgewidth": 1.2,
                }
                axes.plot(*end, marker=look.marker, markersize=11, zorder=7, clip_on=True, **full)
            _key(axes, k, name + _fate(way, x_ends, y_ends), palette)
        name_axes(axes, axes_names)
        axes.set_title(title, fontsize=HEAD)
        plain_numbers(axes, "both", 6)
        frame(axes, palette.line)
        return figure

    return Plot(draw, title or "Contour lines of a loss", text, palette)


def descend(
    function: Callable[[Any, Any], Any],
    start: tuple[float, float],
    optimizer: Callable[[list[Any]], Optimizer],
    steps: int,
) -> NDArray[np.float64]:
    """Let an optimizer go down a function of two variables, and return the points `(steps + 1, 2)` it went through.

    Args:
        function: from two tensors, each a single number, to the loss.
        start: where it begins.
        optimizer: makes the optimizer of a list of parameters.
        steps: how many steps it takes.

    Raises:
        UsageError: `steps` is less than 1.

    >>> from minidl.optim import SGD
    >>> descend(lambda x, y: x * x + y * y, (1.0, 2.0), lambda p: SGD(p, lr=0.25), 2)
    array([[1.  , 2.  ],
           [0.5 , 1.  ],
           [0.25, 0.5 ]])
    """
    if steps < 1:
        raise UsageError(f"descend: needs at least one step; got {steps}")
    x, y = (tensor(np.float64(value), requires_grad=True) for value in start)
    mover = optimizer([x, y])
    points = [(float(x), float(y))]
    for _ in range(steps):
        mover.zero_grad()
        function(x, y).backward()
        mover.step()
        points.append((float(x), float(y)))
    return np.array(points)


def _ends(given: tuple[float, float] | None, values: NDArray[Any], name: str) -> tuple[float, float]:
    if given is None:
        return span(values, 0.22) if values.size else (-2.0, 2.0)
    low, high = float(given[0]), float(given[1])
    if not (np.isfinite([low, high]).all() and low < high):
        raise UsageError(f"contours: {name} must run from a smaller to a larger number; got {given}")
    return low, high


def _heights(function: Callable[[Any, Any], Any], x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):
        heights = np.asarray(data_of(function(x, y)), dtype=np.float64)
    if heights.shape != x.shape:
        raise ShapeError(
            f"contours: the function made {heights.shape} of two arrays {x.shape}; it must work element by element"
        )
    return heights


def _levels(heights: NDArray[Any], count: int) -> list[float]:
    """Levels at evenly spaced logarithms of the height above the lowest place."""
    finite = heights[np.isfinite(heights)]
    low, high = float(finite.min()), float(np.quantile(finite, 0.995))
    if not high > low:
        return [low]
    first = max(float(np.quantile(finite, 0.01)) - low, (high - low) * 1e-4)
    return [float(level) for level in low + np.geomspace(first, high - low, count)]


def _number_lines(
    lines: Any, avoid: NDArray[Any], x_ends: tuple[float, float], y_ends: tuple[float, float], theme: Theme
) -> None:
    """Write its height on every third line, where it is farthest from the paths and from the other numbers."""
    size = np.array([x_ends[1] - x_ends[0], y_ends[1] - y_ends[0]])
    corner = np.array([x_ends[0], y_ends[0]])
    taken = [(point - corner) / size for point in avoid if np.isfinite(point).all()]
    places = []
    for pieces in lines.allsegs[-1::-3]:
        points = np.concatenate([*pieces, np.zeros((0, 2))])
        inner = (points - corner) / size
        inner = inner[((inner > 0.07) & (inner < 0.93)).all(axis=1)][::4]
        if not len(inner) or np.ptp(inner, axis=0).max() < 0.15:
            continue
        far = np.array([min((np.hypot(*(at - other)) for other in taken), default=1.0) for at in inner])
        best = inner[int(far.argmax())]
        taken.append(best)
        places.append(tuple(float(x) for x in best * size + corner))
    if places:
        marks = lines.axes.clabel(
            lines, fontsize=SMALL, fmt=lambda z: number(z, 2), inline_spacing=4, manual=places, zorder=2.5
        )
        for mark in marks:
            mark.set_color(readable(theme.line, theme))


def _key(axes: Any, k: int, name: str, theme: Theme) -> None:
    """A path's line and mark with its name, right of the plot."""
    look, y = series(theme, k), HEIGHT * 72 - 10 - 24 * k
    left = np.array([12, 56, 34]) / 72 / WIDTH + 1
    line: dict[str, Any] = {"color": look.color, "clip_on": False, "transform": axes.transAxes}
    axes.plot(left[:2], [y / 72 / HEIGHT] * 2, linewidth=2.0, linestyle=look.dash, **line)
    axes.plot(left[2:], [y / 72 / HEIGHT], marker=look.marker, markersize=8, linestyle="", **line)
    axes.annotate(name, (WIDTH * 72 + 64, y), xycoords="axes points", va="center", fontsize=SIZE, color=look.text)


def _finite_length(way: NDArray[Any]) -> int:
    broken = np.flatnonzero(~np.isfinite(way).all(axis=1))
    return int(broken[0]) if broken.size else len(way)


def _fate(way: NDArray[Any], x_ends: tuple[float, float], y_ends: tuple[float, float]) -> str:
    if not np.isfinite(way[-1]).all():
        return " (diverged)"
    inside = x_ends[0] <= way[-1, 0] <= x_ends[1] and y_ends[0] <= way[-1, 1] <= y_ends[1]
    return "" if inside else " (left the plot)"


def _journey(function: Callable[[Any, Any], Any], name: str, way: NDArray[Any]) -> str:
    def at(point: NDArray[Any]) -> str:
        loss = _heights(function, point[:1], point[1:])[0]
        return f"({number(point[0], 3)}, {number(point[1], 3)}), loss {number(float(loss), 3)}"

    steps = len(way) - 1
    return f"{name} goes in {steps} step{'s' * (steps != 1)} from {at(way[0])}, to {at(way[-1])}."
