"""The curves of a training run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minidl.errors import UsageError

from ..drawing.theme import LIGHT, Theme, theme_named
from .style import SIZE, house_style, new_figure, svg_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def curves(history: Sequence[Mapping[str, Any]], *, theme: str | Theme = LIGHT) -> str:
    """Plot loss and accuracy, on the training and the validation set, against epochs.

    Args:
        history: a record an epoch, with `epoch`, `train_loss`, `train_accuracy`, `validation_loss` and
            `validation_accuracy`.
        theme: the palette, or its name.

    Returns:
        The SVG. The epoch with the highest validation accuracy is marked in both plots; of equals, the one with the
        lowest validation loss.

    Raises:
        UsageError: there are no epochs.

    >>> record = {"epoch": 1, "train_loss": 1.0, "train_accuracy": 0.5}
    >>> "accuracy 60.0 %" in curves([record | {"validation_loss": 0.9, "validation_accuracy": 0.6}])
    True
    """
    if not history:
        raise UsageError("there is no epoch to plot")
    palette = theme_named(theme)
    best = best_epoch(history)
    with house_style(palette):
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        figure = new_figure(10.4, 4.1, layout=ConstrainedLayoutEngine(wspace=0.06, w_pad=0.12, h_pad=0.12))
        left, right = figure.subplots(1, 2)
        _curve_pair(left, history, "loss", best, palette)
        _curve_pair(right, history, "accuracy", best, palette)
        return svg_of(figure, "Loss and accuracy", describe_history(history))


def best_epoch(history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the record with the highest validation accuracy and, of equals, the lowest validation loss.

    >>> history = [{"epoch": i, "validation_accuracy": 0.9, "validation_loss": 3 - i} for i in range(3)]
    >>> best_epoch(history)["epoch"]
    2
    """

    def quality(record: Mapping[str, Any]) -> tuple[float, float]:
        accuracy, loss = float(record["validation_accuracy"]), float(record["validation_loss"])
        return (-math.inf if math.isnan(accuracy) else accuracy), -(math.inf if math.isnan(loss) else loss)

    return max(history, key=quality)


def describe_history(history: Sequence[Mapping[str, Any]]) -> str:
    """Say in words what the curves show."""
    first, last, best = history[0], history[-1], best_epoch(history)
    losses = [f"{name} loss goes from {first[key]:.3g} to {last[key]:.3g}" for name, key in _LOSSES.items()]
    accuracies = [f"{name} accuracy ends at {percent(last[key])}" for name, key in _ACCURACIES.items()]
    return (
        f"Two plots over epochs {first['epoch']} to {last['epoch']}: {', '.join(losses + accuracies)}. The highest "
        f"validation accuracy is that of epoch {best['epoch']}: accuracy {percent(best['validation_accuracy'])}."
    )


_LOSSES = {"training": "train_loss", "validation": "validation_loss"}
_ACCURACIES = {"training": "train_accuracy", "validation": "validation_accuracy"}


def percent(share: float) -> str:
    """Write a share as a percentage.

    >>> percent(0.98333)
    '98.3 %'
    """
    return f"{100 * share:.1f} %"


def _curve_pair(
    axes: Axes, history: Sequence[Mapping[str, Any]], quantity: str, best: Mapping[str, Any], theme: Theme
) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    epochs = [int(record["epoch"]) for record in history]
    factor = 100.0 if quantity == "accuracy" else 1.0
    train, validation = (
        np.array([factor * float(record[f"{part}_{quantity}"]) for record in history])
        for part in ("train", "validation")
    )
    points: dict[str, Any] = {"marker": "o", "markersize": _dot(epochs)}
    dashed: dict[str, Any] = {"linestyle": (0, (4, 2)), "markerfacecolor": theme.paper}
    axes.plot(epochs, train, color=theme.line, linewidth=1.6, **dashed, **points)
    axes.plot(epochs, validation, color=theme.local, linewidth=2.0, **points)
    finite = np.concatenate([train, validation])
    finite = finite[np.isfinite(finite)]
    if quantity == "loss" and finite.size and finite.min() > 0 and finite.max() / finite.min() > 20:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda y, _: ""))
    axes.set_title("Loss (cross-entropy)" if quantity == "loss" else "Accuracy in %")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    axes.grid(axis="y", color=theme.fill, linewidth=1.0)
    axes.set_axisbelow(True)
    span = max(epochs[-1] - epochs[0], 1)
    axes.set_xlim(epochs[0] - 0.04 * span - 0.1, epochs[-1] + 0.04 * span + 0.1)
    _label_ends(axes, [("train", train, theme.line), ("validation", validation, theme.local)], epochs[-1])
    _mark_best(axes, int(best["epoch"]), factor * float(best[f"validation_{quantity}"]), quantity, theme)


def _dot(epochs: Sequence[int]) -> float:
    return 4.5 if len(epochs) <= 25 else 0.0 if len(epochs) > 60 else 3.0


def _label_ends(axes: Axes, lines: list[tuple[str, NDArray[Any], str]], x: float) -> None:
    """Write each line's name at its right end; names that would touch are moved apart."""
    ends = [(name, float(values[-1]), color) for name, values, color in lines if np.isfinite(values[-1])]
    low, high = axes.get_ylim()
    transform = axes.transData + axes.transAxes.inverted()
    heights = [float(transform.transform((x, y))[1]) if low < high else 0.5 for _, y, _ in ends]
    need = 0.085  # of the plot's height: one line of type
    if len(heights) == 2 and abs(heights[0] - heights[1]) < need:
        middle = min(max(sum(heights) / 2, need / 2), 1 - need / 2)
        up = 1 if heights[0] >= heights[1] else -1
        heights = [middle + up * need / 2, middle - up * need / 2]
    for (name, _, color), height in zip(ends, heights, strict=True):
        axes.text(1.015, height, name, color=color, transform=axes.transAxes, va="center", ha="left", fontsize=SIZE)


def _mark_best(axes: Axes, epoch: int, value: float, quantity: str, theme: Theme) -> None:
    """A ring and a line at the epoch of highest accuracy; its number stands where curves are not, at the head or foot."""
    if not math.isfinite(value):
        return
    axes.axvline(epoch, color=theme.accent, linewidth=1.2, linestyle=(0, (1, 2)), zorder=1)
    axes.plot(
        [epoch],
        [value],
        marker="o",
        markersize=9,
        markerfacecolor="none",
        markeredgecolor=theme.accent,
        markeredgewidth=2,
    )
    # In the loss plot, too, it is the accuracy that made the choice: this need not be the lowest loss.
    words = f"highest accuracy:\nepoch {epoch}" + (f", {value:.1f} %" if quantity == "accuracy" else "")
    low, high = axes.get_xlim()
    on_the_right = epoch > (low + high) / 2
    axes.annotate(
        words, (epoch, 0.97 if quantity == "loss" else 0.05), xycoords=("data", "axes fraction"),
        xytext=(-7 if on_the_right else 7, 0), textcoords="offset points", ha="right" if on_the_right else "left",
        va="top" if quantity == "loss" else "bottom", color="#8a5a00", fontsize=SIZE,
        bbox={"facecolor": theme.paper, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip
