"""Many models at once: on the old and on a new test set, and against the number of their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from minidl.errors import ShapeError, UsageError

from ..drawing.notation import number
from ..drawing.theme import LIGHT, Theme, blend, theme_named
from .inputs import LONGEST_TITLE, array_of, short, span
from .labels import Name, name_ends, name_points
from .palette import readable, series
from .plot import Plot
from .style import HEAD, SIZE, SMALL, new_figure, panel, plain_numbers, powers_of_ten, quiet_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE: Final = 4.0
MOST_NAMES: Final = 20
"""Of more points than these only marks are drawn."""


def scatter(
    original: Any,
    new: Any,
    names: Sequence[str] | None = None,
    *,
    title: str = "",
    axes_names: tuple[str, str] = ("accuracy on the original test set in %", "accuracy on the new test set in %"),
    theme: str | Theme = LIGHT,
) -> Plot:
    """Plot models as points: how well each does on one test set against how well on another.

    Args:
        original: `(N,)`, accuracies on the first set as shares from 0 to 1.
        new: `(N,)`, accuracies on the second.
        names: the models' names, written at up to twenty points.
        title: what stands above.
        axes_names: what the axes are called.
        theme: the palette, or its name.

    Returns:
        The plot, with the line y = x of models that lose nothing and the least-squares line through the points, whose slope
        is printed. Points with nan are left out and counted.

    Raises:
        ShapeError: the numbers of points and names differ.
        UsageError: no point has both accuracies, or one is not a share.

    >>> scatter([0.5, 0.7, 0.9], [0.3, 0.5, 0.7]).text
    '3 models on two test sets: the second accuracy is lower by 20.0 % points on average; slope 1.'
    """
    palette, title = theme_named(theme), short(title, LONGEST_TITLE)
    first = 100 * array_of(original, "scatter", "original", ndim=1)
    second = 100 * array_of(new, "scatter", "new", ndim=1)
    if len(first) != len(second) or (names is not None and len(names) != len(first)):
        many = "" if names is None else f" and {len(names)} names"
        raise ShapeError(f"scatter: {len(first)} and {len(second)} accuracies{many} do not belong together")
    good = np.isfinite(first) & np.isfinite(second)
    if not good.any():
        raise UsageError("scatter: no point has both accuracies")
    lost = int((~good).sum())
    labels = [] if names is None else [short(name) for name, keep in zip(names, good, strict=True) if keep]
    first, second = first[good], second[good]
    both = np.concatenate([first, second])
    if both.min() < 0 or both.max() > 100:
        raise UsageError("scatter: accuracies must be shares from 0 to 1")
    spread = float(np.ptp(first))
    slope, height = np.polyfit(first, second, 1) if len(first) > 1 and spread > 0 else (np.nan, np.nan)
    gap = float((first - second).mean())
    text = f"{len(first)} models on two test sets: the second accuracy is {'lower' if gap >= 0 else 'higher'} by "
    text += f"{abs(gap):.1f} % points on average"
    text += f"; slope {number(float(f'{slope:.2f}'))}." if np.isfinite(slope) else "."
    text += f" {lost} models without both numbers are left out." if lost else ""

    def draw() -> Figure:
        figure = new_figure(7, 7)
        axes = panel(figure, 0, 0, SIDE, SIDE)
        low, high = span(both, 0.1)
        low, high = max(low, 0.0), min(high, 101.0)
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        plain_numbers(axes, "both", 5)
        quiet_grid(axes, palette, "both")
        grey, look = readable(palette.line, palette), series(palette, 0)
        axes.plot([low, high], [low, high], color=palette.line, linewidth=1.3, linestyle=(0, (5, 3)), zorder=2)
        ends = [Name("y = x", high, high, grey)]
        if np.isfinite(slope):
            xs = np.array([first.min() - 0.05 * spread, high])
            axes.plot(xs, slope * xs + height, color=palette.gradient, linewidth=1.6, zorder=3)
            ends.append(
                Name(f"slope {number(float(f'{slope:.2f}'))}", high, float(min(max(slope * high + height, low), high)),
                     readable(palette.gradient, palette))
            )  # fmt: skip
        dot: dict[str, Any] = {
            "s": 52,
            "color": look.color,
            "edgecolors": palette.paper,
            "linewidths": 0.9,
            "zorder": 4,
        }
        axes.scatter(first, second, **dot)
        name_ends(axes, ends, palette)
        if labels and len(labels) <= MOST_NAMES:
            line = [(x, x) for x in np.linspace(low, high, 60)]
            line += [(x, slope * x + height) for x in np.linspace(low, high, 60)] if np.isfinite(slope) else []
            points = zip(labels, first, second, strict=True)
            shown = [Name(n, float(x), float(y), palette.ink) for n, x, y in points]
            name_points(axes, shown, palette, avoid=line, size=SMALL + 1)
        axes.set_xlabel(axes_names[0])
        axes.set_ylabel(axes_names[1], labelpad=8)
        axes.set_title(title, fontsize=HEAD)
        return figure

    return Plot(draw, title or "Original and new test set", text, palette)


def double_descent(
    sizes: Any,
    train: Any,
    test: Any,
    threshold: float,
    *,
    title: str = "",
    axes_names: tuple[str, str] = ("parameters", "mean squared error"),
    theme: str | Theme = LIGHT,
) -> Plot:
    """Plot training and test error against the number of parameters, with the point where the data can just be interpolated.

    Args:
        sizes: `(N,)`, the numbers of parameters.
        train: `(N,)`, training errors.
        test: `(N,)`, test errors.
        threshold: the number of parameters that just suffices to fit every training example.
        title: what stands above.
        axes_names: what the axes are called.
        theme: the palette, or its name.

    Returns:
        The plot, both axes logarithmic; a training error too small for the scale (a perfect fit) lies on its lower edge.

    Raises:
        ShapeError: the numbers of sizes and errors differ.
        UsageError: a size or the threshold is not above 0, or no test error is.

    >>> double_descent([5, 10, 40], [0.5, 0.0, 0.0], [0.8, 9.0, 0.4], threshold=10).text
    'Errors against 5 to 40 parameters. Test error: at most 9 at 10 parameters (threshold 10), least 0.4 at 40.'
    """
    palette, title = theme_named(theme), short(title, LONGEST_TITLE)
    xs, low_errors, errors = (
        array_of(values, "double_descent", what, ndim=1)
        for values, what in ((sizes, "sizes"), (train, "train"), (test, "test"))
    )
    if not len(xs) == len(low_errors) == len(errors):
        raise ShapeError(
            f"double_descent: {len(xs)} sizes, {len(low_errors)} and {len(errors)} errors do not belong together"
        )
    order = np.argsort(xs, kind="stable")
    xs, low_errors, errors = xs[order], low_errors[order], errors[order]
    usable = np.isfinite(errors) & (errors > 0)
    if not (np.isfinite(xs).all() and (xs > 0).all() and 0 < threshold < np.inf and usable.any()):
        raise UsageError("double_descent: sizes, the threshold and some test error must be finite numbers above 0")
    worst, best = int(np.where(usable, errors, -1).argmax()), int(np.where(usable, errors, np.inf).argmin())
    text = (
        f"Errors against {number(xs[0])} to {number(xs[-1])} parameters. Test error: at most {number(errors[worst], 3)} at "
        f"{number(xs[worst])} parameters (threshold {number(threshold)}), least {number(errors[best], 3)} at "
        f"{number(xs[best])}."
    )

    def draw() -> Figure:
        figure = new_figure(9, 5)
        axes = panel(figure, 0, 0, 6.2, 3.3)
        shown = np.where(usable, errors, np.nan)
        least, most = float(np.nanmin(shown)), float(np.nanmax(shown))
        room = low_errors[(low_errors > least / 30) & np.isfinite(low_errors)]
        least = min(least, float(room.min(initial=least)))
        foot = least / 2
        edges = xs[0] / 1.06, xs[-1] * 1.06
        axes.set_xlim(*edges)
        axes.set_ylim(foot, most * 2.6)
        powers_of_ten(axes, "both")
        quiet_grid(axes, palette)
        grey = readable(palette.line, palette)
        if edges[0] < threshold < edges[1]:
            _show_threshold(axes, threshold, edges, palette)
        blue = series(palette, 0)
        low = np.where(np.isfinite(low_errors), np.maximum(low_errors, foot), np.nan)
        axes.plot(xs, low, color=palette.line, linewidth=1.6, linestyle=(0, (4, 2)), zorder=3, clip_on=False)
        axes.plot(xs, shown, color=blue.color, linewidth=2.2, marker="o", markersize=4, zorder=4)
        ends = [("train", low, grey), ("test", shown, blue.text)]
        found = [(name, values[np.isfinite(values)], color) for name, values, color in ends]
        name_ends(axes, [Name(n, float(xs[-1]), float(v[-1]), c) for n, v, c in found if v.size], palette)
        axes.set_xlabel(axes_names[0])
        axes.set_ylabel(axes_names[1], labelpad=8)
        axes.set_title(title, fontsize=HEAD, pad=30)
        return figure

    return Plot(draw, title or "Double descent", text, palette)


def _show_threshold(axes: Axes, threshold: float, edges: tuple[float, float], palette: Theme) -> None:
    """Tint the side on which parameters are too few to fit every example, and say what the line between is."""
    grey = readable(palette.line, palette)
    axes.axvspan(edges[0], threshold, color=blend(palette.paper, palette.fill, 0.9), linewidth=0, zorder=0)
    axes.axvline(threshold, color=palette.accent, linewidth=1.6, linestyle=(0, (4, 2)), zorder=2)
    split = np.log(threshold / edges[0]) / np.log(edges[1] / edges[0])
    for words, at in (("too few to fit all", split / 2), ("more than enough", (1 + split) / 2)):
        axes.annotate(
            words, (at, 1), xycoords="axes fraction", xytext=(0, -5), textcoords="offset points", ha="center",
            va="top", color=grey, fontsize=SIZE,
        )  # fmt: skip
    axes.annotate(
        f"{number(threshold)} examples", (split, 1), xycoords="axes fraction", xytext=(0, 5),
        textcoords="offset points", ha="center", color=readable(palette.accent, palette), fontsize=SIZE,
    )  # fmt: skip
