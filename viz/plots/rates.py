"""Learning rates: how the loss depends on them, and how they change over a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl.errors import ShapeError, UsageError

from ..drawing.notation import number
from ..drawing.theme import LIGHT, Theme, theme_named
from .inputs import LONGEST_TITLE, array_of, series_of, short, span
from .labels import Name, name_ends, name_points
from .palette import readable, series
from .plot import Plot
from .style import HEAD, SMALL, new_figure, panel, plain_numbers, powers_of_ten, quiet_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH: Final = 5.4
HEIGHT: Final = 3.1


def learning_rates(
    rates: Any, losses: Any, *, title: str = "", loss_name: str = "loss at the end", theme: str | Theme = LIGHT
) -> Plot:
    """Plot the loss that training ends with against the learning rate it was done with.

    Args:
        rates: `(N,)`, learning rates above 0.
        losses: `(N,)`, or by name the losses `(N,)` of several optimizers; nan and infinity mean that training diverged.
        title: what stands above.
        loss_name: what the vertical axis is called.
        theme: the palette, or its name.

    Returns:
        The plot: each curve's lowest point is ringed, runs that diverged stand as open marks at the top.

    Raises:
        ShapeError: there are not as many losses as rates.
        UsageError: a rate is not above 0, or there is none.

    >>> learning_rates([0.01, 0.1, 1.0], [0.9, 0.2, float("nan")]).text
    'Loss against learning rates from 0.01 to 1: lowest 0.2 at 0.1, diverged at 1.'
    """
    palette, title = theme_named(theme), short(title, LONGEST_TITLE)
    xs = array_of(rates, "learning_rates", "rates", ndim=1)
    if not (np.isfinite(xs).all() and (xs > 0).all()):
        raise UsageError("learning_rates: every learning rate must be a finite number above 0")
    given = series_of(losses, "learning_rates", "losses") if isinstance(losses, Mapping) else {"": losses}
    order = np.argsort(xs, kind="stable")
    xs = xs[order]
    found: dict[str, NDArray[np.float64]] = {}
    for name, values in given.items():
        ys = array_of(values, "learning_rates", f"losses {name}".strip(), ndim=1)
        if len(ys) != len(xs):
            raise ShapeError(f"learning_rates: {len(xs)} rates and {len(ys)} losses {name} do not belong together")
        found[name] = ys[order]
    said = "; ".join(_told(name, xs, ys) for name, ys in found.items())
    text = f"Loss against learning rates from {number(xs[0], 3)} to {number(xs[-1], 3)}: {said}."

    def draw() -> Figure:
        figure = new_figure(8, 5)
        axes = panel(figure, 0, 0, WIDTH, HEIGHT)
        both = np.concatenate(list(found.values()))
        finite = both[np.isfinite(both)]
        ratio = (xs[-1] / xs[0]) ** 0.04 if xs[-1] > xs[0] else 2.0
        axes.set_xlim(xs[0] / ratio, xs[-1] * ratio)
        powers_of_ten(axes, "x", 8)
        if finite.size and finite.min() > 0 and finite.max() / finite.min() > 20:
            axes.set_ylim(finite.min() / 2.2, finite.max() * 2)
            powers_of_ten(axes, "y")
        else:
            low, high = span(both, 0.1)
            axes.set_ylim(low - 0.08 * (high - low), high + 0.06 * (high - low))
            plain_numbers(axes, "y", 5)
        quiet_grid(axes, palette)
        names = [_curve(axes, name, xs, ys, k, palette) for k, (name, ys) in enumerate(found.items())]
        if "" not in found:
            lines = [point for ys in found.values() for point in _along(xs, ys)]
            name_points(axes, [name for name in names if name], palette, avoid=lines, gap=11)
        if not np.isfinite(both).all():
            where = xs[~np.isfinite(np.stack(list(found.values()))).all(axis=0)].min()
            axes.annotate(
                "open: diverged", (where, 1), xycoords=("data", "axes fraction"), xytext=(0, 7), ha="center",
                textcoords="offset points", color=readable(palette.line, palette), fontsize=SMALL + 1,
            )  # fmt: skip
        axes.set_xlabel("learning rate")
        axes.set_ylabel(loss_name, labelpad=8)
        axes.set_title(title, fontsize=HEAD, pad=28 if not np.isfinite(both).all() else 12)
        return figure

    return Plot(draw, title or "Loss against learning rate", text, palette)


def _curve(axes: Axes, name: str, xs: NDArray[Any], ys: NDArray[Any], k: int, palette: Theme) -> Name | None:
    """Draw the curve of one optimizer, the `k`-th; its name goes where it is lowest, if any of its runs came to an end."""
    look = series(palette, k)
    good = np.isfinite(ys)
    shown = np.where(good, ys, np.nan)
    axes.plot(xs, shown, color=look.color, linewidth=2.0, linestyle=look.dash, marker=look.marker, markersize=6)
    top = np.full(int((~good).sum()), 0.97 - 0.055 * k)
    cross: dict[str, Any] = {"marker": look.marker, "s": 55, "linewidths": 1.6, "clip_on": False, "zorder": 5}
    colors: dict[str, Any] = {"facecolors": palette.paper, "edgecolors": look.color}
    axes.scatter(xs[~good], top, transform=axes.get_xaxis_transform(), **colors, **cross)
    if not good.any():
        return None
    best = int(np.nanargmin(shown))
    ring: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": palette.accent, "markeredgewidth": 2.2}
    axes.plot([xs[best]], [ys[best]], marker="o", markersize=13, zorder=6, **ring)
    return Name(name, float(xs[best]), float(ys[best]), look.text)


def _along(xs: NDArray[Any], ys: NDArray[Any]) -> list[tuple[float, float]]:
    """Points along a curve, close together, which names should not cover."""
    good = np.isfinite(ys)
    if good.sum() < 2:
        return []
    fine = np.geomspace(xs[good][0], xs[good][-1], 80)
    return [(float(x), float(np.interp(np.log(x), np.log(xs[good]), ys[good]))) for x in fine]


def _told(name: str, rates: NDArray[Any], losses: NDArray[Any]) -> str:
    good = np.isfinite(losses)
    words = (
        [f"lowest {number(losses[good].min(), 3)} at {number(rates[np.nanargmin(losses)], 3)}"] if good.any() else []
    )
    if not good.all():
        words.append("diverged at " + ", ".join(number(rate, 3) for rate in rates[~good]))
    return (f"{name}: " if name else "") + ", ".join(words)


def schedules(
    rate_of: Mapping[str, Callable[[int], float]], steps: int, *, title: str = "", theme: str | Theme = LIGHT
) -> Plot:
    """Plot how learning rates change over the steps of a run.

    Args:
        rate_of: for each schedule's name a function from the step, counted from 0, to the learning rate.
        steps: how many steps the run has.
        title: what stands above.
        theme: the palette, or its name.

    Raises:
        UsageError: there are no schedules, or `steps` is less than 2.

    >>> schedules({"constant": lambda t: 0.1, "halves": lambda t: 0.1 * 0.5 ** (t // 10)}, 20).text
    'Learning rates over 20 steps. constant: from 0.1, at most 0.1, to 0.1. halves: from 0.1, at most 0.1, to 0.05.'
    """
    palette, title = theme_named(theme), short(title, LONGEST_TITLE)
    if steps < 2:
        raise UsageError(f"schedules: needs at least 2 steps; got {steps}")
    given = series_of(rate_of, "schedules", "rate_of")
    places = np.arange(steps) if steps <= 4000 else np.unique(np.linspace(0, steps - 1, 4000).astype(int))
    values = {name: np.array([float(rate(int(t))) for t in places]) for name, rate in given.items()}
    text = f"Learning rates over {steps} steps. " + " ".join(
        f"{name}: from {number(ys[0], 3)}, at most {number(np.nanmax(ys), 3)}, to {number(ys[-1], 3)}."
        for name, ys in values.items()
    )

    def draw() -> Figure:
        figure = new_figure(8, 5)
        axes = panel(figure, 0, 0, WIDTH, HEIGHT)
        axes.set_xlim(0, steps)
        low, high = span(np.concatenate([*values.values(), [0.0]]), 0.06)
        axes.set_ylim(min(low, 0.0) if low < -0.1 * high else 0.0, high)
        plain_numbers(axes, "x", 6, whole=True)
        plain_numbers(axes, "y", 5)
        quiet_grid(axes, palette)
        names = []
        for k, (name, ys) in enumerate(values.items()):
            look = series(palette, k)
            axes.plot(places, ys, color=look.color, linewidth=2.2, linestyle=look.dash, clip_on=False, zorder=3)
            names.append(Name(name, float(steps), float(ys[-1]), look.text))
        name_ends(axes, names, palette)
        axes.set_xlabel("step")
        axes.set_ylabel("learning rate", labelpad=8)
        axes.set_title(title, fontsize=HEAD)
        return figure

    return Plot(draw, title or "Learning rate schedules", text, palette)
