"""Functions of one variable that follow a curve or points: how well, where they bend, and what they do outside."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl import no_grad, tensor
from minidl.errors import ShapeError, UsageError
from minidl.graph import data_of

from ..drawing.notation import number
from ..drawing.theme import LIGHT, Theme, blend, theme_named
from .inputs import array_of, series_of, span
from .palette import readable, series
from .plot import Plot
from .style import HEAD, SIZE, name_axes, new_figure, panels, plain_numbers, quiet_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLACES: Final = 1601
SIZE_OF_ONE: Final = (3.1, 2.3)
_MOST: Final = 8


@dataclass(frozen=True, eq=False)
class _Fit:
    """What one model makes of the line, where it bends there, and how far it is from what it follows."""

    y: NDArray[np.float64]
    bends: NDArray[np.float64]
    miss: str


def fits(
    models: Mapping[str, Callable[[Any], Any]],
    *,
    target: Callable[[NDArray[np.float64]], Any] | None = None,
    points: tuple[Any, Any] | None = None,
    bends: Mapping[str, Sequence[float] | NDArray[Any]] | None = None,
    x_range: tuple[float, float] = (-1.0, 1.0),
    fitted_on: tuple[float, float] | None = None,
    axes_names: tuple[str, str] = ("x", "y"),
    theme: str | Theme = LIGHT,
) -> Plot:
    """Draw functions of one variable side by side, each over the curve or the points that it is to follow.

    Args:
        models: for each title a module or a function from a tensor `(M, 1)` to `(M, 1)` or `(M,)`; at most eight.
        target: the curve to follow, from an array `(M,)` to one, drawn broad and pale.
        points: or points to follow, x `(N,)` or `(N, 1)` and y likewise.
        bends: for some of the titles the places where the function bends; they are marked on it.
        x_range: the ends of the horizontal axis.
        fitted_on: where it had to follow, if that is less; what lies outside is shaded, and not counted as a miss.
        axes_names: the names of the two variables.
        theme: the palette, or its name.

    Returns:
        The plot. Above each panel stands the largest distance from the curve, or the mean squared error at the points.

    Raises:
        UsageError: there is nothing to draw or more than eight models, nothing to follow, or a range is empty.
        ShapeError: a model's answer has another shape, or the points are not pairs.

    >>> fits({"y = x": lambda x: x}, target=lambda x: x + 0.25).text
    'y = x: at most 0.25 off.'
    """
    palette = theme_named(theme)
    given = series_of(models, "fits", "models")
    if len(given) > _MOST or (target is None and points is None):
        raise UsageError(f"fits: needs a target or points, and at most {_MOST} models; got {len(given)} models")
    inner = fitted_on or x_range
    for low, high in (x_range, inner):
        if not (np.isfinite([low, high]).all() and low < high):
            raise UsageError(f"fits: a range must run from a smaller to a larger number; got {(low, high)}")
    x = np.linspace(*x_range, PLACES).astype(np.float32).astype(np.float64)  # where a network can be asked exactly
    there = (x >= inner[0]) & (x <= inner[1])
    wanted = None if target is None else array_of(target(x), "fits", "the target's values", ndim=1)
    pairs = None if points is None else _pairs(points)

    def fit_of(title: str, model: Callable[[Any], Any], places: Sequence[float] | NDArray[Any]) -> _Fit:
        y = _ask(model, x, title)
        if wanted is not None:
            miss = f"at most {number(float(f'{np.abs(y - wanted)[there].max():.2g}'))} off"
        else:
            assert pairs is not None
            off = _ask(model, pairs[0], title) - pairs[1]
            miss = f"mean squared error {number(float(f'{np.square(off).mean():.2g}'))}"
        return _Fit(y, np.sort(np.asarray(places, np.float64).ravel()), miss)

    bent = [(bends or {}).get(title, ()) for title in models]
    made = {title: fit_of(title, model, places) for (title, model), places in zip(given.items(), bent, strict=True)}
    in_view = [values for values in (wanted, None if pairs is None else pairs[1]) if values is not None]
    ends = span(np.concatenate([*in_view, *(fit.y for fit in made.values())]), 0.1)
    follows = span(np.concatenate(in_view), 0.6)
    y_ends = max(ends[0], follows[0]), min(ends[1], follows[1])

    def draw() -> Figure:
        columns = len(made) if len(made) <= 3 else math.ceil(len(made) / 2)
        figure = new_figure(10, 6)
        places = panels(figure, len(made), columns, SIZE_OF_ONE, (0.5, 1.4))
        for k, (axes, (title, fit)) in enumerate(zip(places, made.items(), strict=True)):
            axes.set_xlim(*x_range)
            axes.set_ylim(*y_ends)
            _draw_fit(axes, x, fit, wanted, pairs, palette)
            for outside in ((x_range[0], inner[0]), (inner[1], x_range[1])):
                if outside[0] < outside[1]:
                    tint: dict[str, Any] = {"color": palette.fill, "linewidth": 0, "zorder": 0}
                    axes.axvspan(*outside, **tint)
            name_axes(axes, axes_names)
            plain_numbers(axes, "both", 4)
            axes.set_title(title, fontsize=HEAD, pad=28)
            above: dict[str, Any] = {"xycoords": "axes points", "va": "center", "fontsize": SIZE}
            grey = readable(palette.line, palette)
            axes.annotate(fit.miss, (0, SIZE_OF_ONE[1] * 72 + 16), color=grey, **above)
            if k % columns:
                axes.set_ylabel("")
                axes.tick_params(labelleft=False)
        return figure

    text = " ".join(f"{title}: {fit.miss}{_bends_in_words(fit)}." for title, fit in made.items())
    return Plot(draw, "Functions and what they follow", text, palette)


def _draw_fit(
    axes: Axes,
    x: NDArray[Any],
    fit: _Fit,
    wanted: NDArray[Any] | None,
    pairs: tuple[NDArray[Any], NDArray[Any]] | None,
    theme: Theme,
) -> None:
    blue, red = series(theme, 0), series(theme, 1)
    quiet_grid(axes, theme)
    if wanted is not None:
        axes.plot(x, wanted, color=blend(theme.paper, blue.color, 0.4), linewidth=7, zorder=2)
    if pairs is not None:
        dots: dict[str, Any] = {"s": 34, "marker": blue.marker, "edgecolors": theme.paper, "linewidths": 0.8}
        axes.scatter(*pairs, color=blue.color, zorder=3, **dots)
    axes.plot(x, fit.y, color=red.color, linewidth=2.2, zorder=4)
    if fit.bends.size:
        at = np.interp(fit.bends, x, fit.y)
        small = fit.bends.size > 24
        mark: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 3.5 if small else 6, "clip_on": False}
        axes.plot(fit.bends, at, color=red.text, markerfacecolor=theme.paper, markeredgewidth=1.4, zorder=5, **mark)


def _bends_in_words(fit: _Fit) -> str:
    return f", with {fit.bends.size} bends" if fit.bends.size > 1 else ", with a bend" if fit.bends.size else ""


def _pairs(points: tuple[Any, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = (array_of(values, "fits", "the points", ndim=(1, 2)).ravel() for values in points)
    if len(x) != len(y):
        raise ShapeError(f"fits: points need as many x as y; got {len(x)} and {len(y)}")
    return x, y


def _ask(model: Callable[[Any], Any], x: NDArray[Any], title: str) -> NDArray[np.float64]:
    """The model's answers at places `(M,)`."""
    with no_grad():
        answer = np.asarray(data_of(model(tensor(x[:, np.newaxis].astype(np.float32)))), dtype=np.float64)
    if answer.shape not in ((len(x), 1), (len(x),)):
        raise ShapeError(f"fits: asked at {len(x)} places, {title} answered with shape {answer.shape}; expected (M, 1)")
    return answer.reshape(len(x))
