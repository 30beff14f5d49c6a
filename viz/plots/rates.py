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
LOWER: Final = 1.3
"""The height of the panel of learning rates below that of losses."""
GAP: Final = 0.3


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


def loss_curves(
    losses: Mapping[str, Any],
    rates: Mapping[str, Any] | None = None,
    *,
    every: int = 1,
    title: str = "",
    loss_name: str = "loss",
    step_name: str = "step",
    theme: str | Theme = LIGHT,
) -> Plot:
    """Plot the losses of several runs against their steps and, below, the learning rates they were done with.

    Args:
        losses: for each run's name its losses `(T,)`, one after each `every` steps; runs may differ in length, and nan or
            infinity means that it has diverged.
        rates: for the same names the learning rates `(T,)`, if they changed.
        every: how many steps lie between two losses.
        title: what stands above.
        loss_name: what the vertical axis is called.
        step_name: what the horizontal axis counts: one word, such as `epoch`, or more, such as `layers back`.
        theme: the palette, or its name.

    Returns:
        The plot. Each run's name stands at the end of its line; one that diverged says so, and its line ends before.

    Raises:
        ShapeError: a run has not as many rates as losses.
        UsageError: there are no runs, `every` is less than 1, or a run has rates and no losses.

    >>> loss_curves({"good": [2.0, 1.0, 0.5], "too high": [2.0, 9.0, float("inf")]}, every=10).text
    'The loss over 20 steps. good: from 2 to 0.5. too high: from 2, diverged after 10.'
    """
    palette, title = theme_named(theme), short(title, LONGEST_TITLE)
    if every < 1:
        raise UsageError(f"loss_curves: every must be at least 1; got {every}")
    given = series_of(losses, "loss_curves", "losses")
    runs = {name: array_of(ys, "loss_curves", f"losses {name}", ndim=1) for name, ys in given.items()}
    used: dict[str, NDArray[np.float64]] = {}
    for name, ys in (series_of(rates, "loss_curves", "rates") if rates is not None else {}).items():
        if name not in runs:
            raise UsageError(f"loss_curves: there are rates of the run {name}, but no losses")
        used[name] = array_of(ys, "loss_curves", f"rates {name}", ndim=1)
        if len(used[name]) != len(runs[name]):
            raise ShapeError(
                f"loss_curves: {len(used[name])} rates and {len(runs[name])} losses of the run {name} do not belong together"
            )
    last = every * (max(map(len, runs.values())) - 1)
    told = " ".join(f"{name}: {_course(ys, every)}." for name, ys in runs.items())
    counted = step_name if " " in step_name else f"{step_name}s"
    text = f"The {loss_name} over {last} {counted}. {told}"

    def draw() -> Figure:
        figure = new_figure(8, 7)
        axes = panel(figure, 0, 0, WIDTH, HEIGHT)
        _lines(axes, {name: _until_broken(ys) for name, ys in runs.items()}, every, last, palette)
        axes.set_ylabel(loss_name, labelpad=8)
        axes.set_title(title, fontsize=HEAD)
        if used:
            axes.tick_params(labelbottom=False)
            axes = panel(figure, 0, HEIGHT + GAP, WIDTH, LOWER)
            looks = {name: used.get(name, np.full(1, np.nan)) for name in runs}
            _lines(axes, looks, every, last, palette, drawstyle="steps-pre")
            axes.set_ylabel("learning rate", labelpad=8)
        axes.set_xlabel(step_name)
        return figure

    return Plot(draw, title or "Loss against steps", text, palette)


def _lines(
    axes: Axes, runs: Mapping[str, NDArray[Any]], every: int, last: int, palette: Theme, drawstyle: str = "default"
) -> None:
    """Draw the lines of several runs, their names at their ends; the `k`-th looks the same in every panel."""
    axes.set_xlim(0, max(last, 1))
    everything = np.concatenate(list(runs.values()))
    finite = everything[np.isfinite(everything)]
    if finite.size and finite.min() > 0 and finite.max() / finite.min() > 20:
        axes.set_ylim(finite.min() / 1.6, finite.max() * 1.6)
        powers_of_ten(axes, "y")
    else:
        low, high = span(everything, 0.06)
        axes.set_ylim(0.0 if 0 <= finite.min(initial=np.inf) < 0.4 * high else low, high)
        plain_numbers(axes, "y", 5)
    plain_numbers(axes, "x", 6, whole=True)
    quiet_grid(axes, palette)
    names = []
    for k, (name, ys) in enumerate(runs.items()):
        look, xs = series(palette, k), every * np.arange(len(ys))
        good = np.flatnonzero(np.isfinite(ys))
        if not good.size:
            continue
        each = max(1, len(ys) // 8)
        axes.plot(
            xs, ys, color=look.color, linewidth=2.2, linestyle=look.dash, marker=look.marker, markersize=5.5,
            markevery=(k * each // len(runs), each), clip_on=False, zorder=3, drawstyle=drawstyle,
        )  # fmt: skip
        broke = bool(good[-1] < len(ys) - 1)
        names.append(Name(name + " (diverged)" * broke, float(xs[good[-1]]), float(ys[good[-1]]), look.text))
    name_ends(axes, names, palette)


def _until_broken(ys: NDArray[Any]) -> NDArray[np.float64]:
    """A run up to where it first was no number."""
    broken = np.flatnonzero(~np.isfinite(ys))
    return np.where(np.arange(len(ys)) < broken[0], ys, np.nan) if broken.size else ys


def _course(ys: NDArray[Any], every: int) -> str:
    kept = ys[: len(ys) if np.isfinite(ys).all() else int(np.flatnonzero(~np.isfinite(ys))[0])]
    if not len(kept):
        return "diverged at once"
    end = f" to {number(kept[-1], 3)}" if len(kept) == len(ys) else f", diverged after {every * (len(kept) - 1)}"
    return f"from {number(kept[0], 3)}{end}"
