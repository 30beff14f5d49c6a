"""Clouds of points side by side on one scale, such as data before and after whitening."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl import no_grad, tensor
from minidl.errors import ShapeError, UsageError
from minidl.primitives.matrices.decomposition import eigh

from ..drawing.notation import number
from ..drawing.theme import LIGHT, Theme, blend, theme_named
from .inputs import array_of, series_of, span
from .palette import is_grey, readable, series
from .plot import Plot
from .style import HEAD, SMALL, frame, name_axes, new_figure, panels, plain_numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE: Final = 2.5
ROW: Final = 5
"""As many clouds stand in one row."""
_TURN: Final = np.linspace(0, 2 * np.pi, 121)
_ELLIPSE: Final = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


def clouds(
    by_name: Mapping[str, Any], *, axes_names: tuple[str, str] = ("x₁", "x₂"), theme: str | Theme = LIGHT
) -> Plot:
    """Draw clouds of points side by side on one scale, each with its mean, its ellipse and its principal axes.

    Args:
        by_name: for each name points `(N, 2)`.
        axes_names: the names of the two features.
        theme: the palette, or its name.

    Returns:
        The plot: a ring at each mean; arrows two standard deviations long along the principal axes, and the ellipse through
        their ends; where it is a circle, there is no longest axis and no arrow. Under each cloud stand its mean, its standard
        deviations and its correlation.

    Raises:
        ShapeError: points are not pairs.
        UsageError: there are no clouds, more than eight, or one with fewer than two finite points.

    >>> clouds({"raw": [[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]}).text
    'Clouds of points. raw: mean (0, 0), std (1, 1), correlation 0.'
    """
    palette = theme_named(theme)
    found: dict[str, NDArray[np.float64]] = {}
    for name, values in series_of(by_name, "clouds", "by_name").items():
        points = array_of(values, "clouds", name, ndim=2)
        if points.shape[1] != 2:
            raise ShapeError(f"clouds: {name} must be points (N, 2); got {points.shape}")
        found[name] = points[np.isfinite(points).all(axis=1)]
        if len(found[name]) < 2:
            raise UsageError(f"clouds: {name} has fewer than two finite points")
    if len(found) > 8:
        raise UsageError(f"clouds: draws at most 8 clouds; got {len(found)}")
    facts = {name: _facts(points) for name, points in found.items()}
    text = "Clouds of points. " + " ".join(f"{name}: {', '.join(lines)}." for name, lines in facts.items())
    directions = {name: _principal_axes(points) for name, points in found.items()}

    def draw() -> Figure:
        columns = len(found) if len(found) <= ROW else -(-len(found) // 2)
        figure = new_figure(10, 6)
        everything = np.concatenate(list(found.values()))
        ends = span(np.append(everything, 0.0))
        grid = panels(figure, len(found), columns, (SIDE, SIDE), (0.3, 1.75))
        for k, ((name, points), axes) in enumerate(zip(found.items(), grid, strict=True)):
            axes.set_xlim(*ends)
            axes.set_ylim(*ends)
            plain_numbers(axes, "both", 4)
            rule: dict[str, Any] = {"color": blend(palette.paper, palette.line, 0.45), "linewidth": 0.8, "zorder": 1}
            axes.axhline(0, **rule)
            axes.axvline(0, **rule)
            look = series(palette, 0)
            axes.scatter(
                points[:, 0], points[:, 1], s=16, color=blend(palette.paper, look.color, 0.45), linewidths=0, zorder=2
            )
            mean = points.mean(axis=0)
            ellipse = mean + _ELLIPSE @ np.stack(directions[name])
            for color, width in ((palette.paper, 4.0), (_arrow_color(palette), 1.8)):
                axes.plot(*ellipse.T, color=color, linewidth=width, zorder=3)
            for arrow in () if _is_round(directions[name]) else directions[name]:
                line: dict[str, Any] = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 17}
                for color, width in ((palette.paper, 4.5), (_arrow_color(palette), 2.2)):
                    style = line | {"color": color, "linewidth": width}
                    axes.annotate("", mean + arrow, xytext=mean, zorder=4, arrowprops=style)
            hole: dict[str, Any] = {
                "markerfacecolor": palette.paper,
                "markeredgecolor": palette.ink,
                "markeredgewidth": 1.6,
            }
            axes.plot(*mean, marker="o", markersize=6.5, zorder=5, **hole)
            axes.set_title(name, fontsize=HEAD)
            name_axes(axes, axes_names)
            if k % columns:
                axes.tick_params(labelleft=False)
                axes.set_ylabel("")
            frame(axes, palette.line)
            axes.annotate(
                "\n".join(facts[name]), (0, 0), xytext=(0, -44), xycoords="axes fraction", textcoords="offset points",
                va="top", color=readable(palette.line, palette), fontsize=SMALL + 1, linespacing=1.3,
            )  # fmt: skip
        return figure

    return Plot(draw, "Clouds of points", text, palette)


def _arrow_color(theme: Theme) -> str:
    return theme.ink if is_grey(theme) else theme.gradient


def _is_round(axes: list[NDArray[np.float64]]) -> bool:
    """Whether a cloud is spread alike to all sides."""
    short, long = (float(np.hypot(*axis)) for axis in axes)
    return short > 0.99 * long


def _facts(points: NDArray[Any]) -> list[str]:
    mean, std = points.mean(axis=0), points.std(axis=0)
    product = float(std.prod())
    related = float(((points - mean).prod(axis=1)).mean() / product) if product > 0 else float("nan")
    pairs = [f"{what} ({_two(a)}, {_two(b)})" for what, (a, b) in (("mean", mean), ("std", std))]
    return [*pairs, f"correlation {_two(related)}"]


def _two(value: float) -> str:
    """A number to two places after the point; rounding noise around 0 is 0."""
    return number(round(float(value), 2) + 0.0, 3)


def _principal_axes(points: NDArray[Any]) -> list[NDArray[np.float64]]:
    """The two directions in which the cloud is spread least and most, each two standard deviations long."""
    centred = points - points.mean(axis=0)
    with no_grad():
        values, vectors = eigh(tensor(centred.T @ centred / len(points)))
    lengths = 2 * np.sqrt(np.maximum(np.asarray(values.data), 0.0))
    found = [np.asarray(vectors.data)[:, k] * lengths[k] for k in (0, 1)]
    return [axis if axis[np.abs(axis).argmax()] > 0 else -axis for axis in found]
