"""The curves of a training run, or of several."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl.errors import UsageError

from ..drawing.metrics import text_width
from ..drawing.notation import number
from ..drawing.theme import LIGHT, Theme, blend, theme_named
from .inputs import series_of, span
from .labels import Name, name_ends
from .palette import Series, readable, series
from .plot import Plot
from .style import SIZE, SMALL, new_figure, panel, plain_numbers, powers_of_ten, quiet_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, Any]]
PANEL: Final = (3.9, 2.75)
_QUANTITIES: Final = {"loss": "Loss (cross-entropy)", "accuracy": "Accuracy in %"}
_KEYS: Final = ("epoch", *(f"{part}_{quantity}" for part in ("train", "validation") for quantity in _QUANTITIES))


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """Where early stopping ends a run: the best epoch before that, and the epoch at which patience ran out, if it did.

    Attributes:
        best: the number of the best epoch until then.
        stop: the number of the last epoch that training would have seen; None if patience never ran out.
        patience: how many epochs without a better one are borne.
    """

    best: int
    stop: int | None
    patience: int


def curves(
    history: History | Mapping[str, History], *, patience: int | None = None, theme: str | Theme = LIGHT
) -> Plot:
    """Plot loss and accuracy, on the training and the validation set, against epochs.

    Args:
        history: a record an epoch, with `epoch`, `train_loss`, `train_accuracy`, `validation_loss` and
            `validation_accuracy`; or several such histories by name, to compare runs.
        patience: mark where early stopping with this patience (in epochs) would have ended the run.
        theme: the palette, or its name.

    Returns:
        The plot. The epoch with the highest validation accuracy is marked in both halves; of equals, the one with the
        lowest validation loss. With `patience`, it is the best epoch before the run would have been stopped.

    Raises:
        UsageError: there are no epochs, a record lacks a number, or `patience` is less than 1.

    >>> record = {"epoch": 1, "train_loss": 1.0, "train_accuracy": 0.5}
    >>> "accuracy 60.0 %" in curves([record | {"validation_loss": 0.9, "validation_accuracy": 0.6}]).text
    True
    """
    palette = theme_named(theme)
    if patience is not None and patience < 1:
        raise UsageError(f"curves: patience must be at least 1 epoch; got {patience}")
    several = isinstance(history, Mapping)
    given = series_of(history, "curves", "the histories") if isinstance(history, Mapping) else {"": history}
    runs = {name: _copied(records, name) for name, records in given.items()}
    if several:
        text = " ".join(f"Run {name}: {describe_history(records)}" for name, records in runs.items())
        return Plot(lambda: _comparison(runs, palette), "Loss and accuracy of several runs", text, palette)
    records = runs[""]
    stop = early_stop(records, patience) if patience is not None else None
    text = describe_history(records) + (" " + _stop_in_words(stop) if stop else "")
    return Plot(lambda: _one_run(records, stop, palette), "Loss and accuracy", text, palette)


def _copied(history: History, name: str) -> list[dict[str, float]]:
    """The numbers of the records, which go on changing while a run goes on."""
    if not history:
        raise UsageError("there is no epoch to plot" + (f" in the run {name}" if name else ""))
    try:
        return [{key: float(record[key]) for key in _KEYS} for record in history]
    except KeyError as error:
        raise UsageError(f"curves: a record lacks {error}; each needs {', '.join(_KEYS)}") from error


def best_epoch(history: History) -> Mapping[str, Any]:
    """Return the record with the highest validation accuracy and, of equals, the lowest validation loss.

    >>> history = [{"epoch": i, "validation_accuracy": 0.9, "validation_loss": 3 - i} for i in range(3)]
    >>> best_epoch(history)["epoch"]
    2
    """
    return max(history, key=_quality)


def _quality(record: Mapping[str, Any]) -> tuple[float, float]:
    accuracy, loss = float(record["validation_accuracy"]), float(record["validation_loss"])
    return (-math.inf if math.isnan(accuracy) else accuracy), -(math.inf if math.isnan(loss) else loss)


def early_stop(history: History, patience: int) -> EarlyStop:
    """Return where early stopping would have ended a run: after `patience` epochs that brought no better one.

    >>> accuracies = (0.5, 0.8, 0.7, 0.6, 0.9)
    >>> history = [{"epoch": i, "validation_accuracy": a, "validation_loss": 1} for i, a in enumerate(accuracies)]
    >>> early_stop(history, 2)
    EarlyStop(best=1, stop=3, patience=2)
    >>> early_stop(history, 3).stop is None
    True
    """
    best = history[0]
    since = 0
    for record in history[1:]:
        if _quality(record) > _quality(best):
            best, since = record, 0
            continue
        since += 1
        if since == patience:
            return EarlyStop(int(best["epoch"]), int(record["epoch"]), patience)
    return EarlyStop(int(best["epoch"]), None, patience)


def _stop_in_words(stop: EarlyStop) -> str:
    if stop.stop is None:
        return f"Early stopping with a patience of {stop.patience} epochs does not end the run."
    return (
        f"Early stopping with a patience of {stop.patience} epochs ends the run after epoch {stop.stop} "
        f"and keeps epoch {stop.best}."
    )


def describe_history(history: History) -> str:
    """Say in words what the curves show."""
    first, last, best = history[0], history[-1], best_epoch(history)
    losses = [f"{name} loss goes from {first[key]:.3g} to {last[key]:.3g}" for name, key in _LOSSES.items()]
    accuracies = [f"{name} accuracy ends at {percent(last[key])}" for name, key in _ACCURACIES.items()]
    return (
        f"Two plots over epochs {first['epoch']:g} to {last['epoch']:g}: {', '.join(losses + accuracies)}. The highest "
        f"validation accuracy is that of epoch {best['epoch']:g}: accuracy {percent(best['validation_accuracy'])}."
    )


_LOSSES = {"training": "train_loss", "validation": "validation_loss"}
_ACCURACIES = {"training": "train_accuracy", "validation": "validation_accuracy"}


def percent(share: float) -> str:
    """Write a share as a percentage.

    >>> percent(0.98333)
    '98.3 %'
    """
    return f"{100 * share:.1f} %"


def _two_panels(name_width: float, draw: Callable[[Axes, str], None]) -> Figure:
    """Both quantities side by side, with room for names between them."""
    figure = new_figure(10, 4)
    for k, quantity in enumerate(_QUANTITIES):
        axes = panel(figure, k * (PANEL[0] + 1.1 + name_width / 72), 0, *PANEL)
        axes.set_title(_QUANTITIES[quantity], pad=30)
        axes.set_xlabel("epoch")
        draw(axes, quantity)
    return figure


def _one_run(records: History, stop: EarlyStop | None, theme: Theme) -> Figure:
    best = best_epoch(records)
    if stop is not None:
        best = next(record for record in records if record["epoch"] == stop.best)

    def draw(axes: Axes, quantity: str) -> None:
        epochs, (train, validation) = _values(records, quantity)
        _limits(axes, epochs, np.concatenate([train, validation]), quantity, theme)
        if stop is not None and stop.stop is not None:
            _shade_patience(axes, stop, epochs[-1], quantity, theme)
        blue, grey = series(theme, 0), theme.line
        dashed: dict[str, Any] = {"linestyle": (0, (4, 2)), "markerfacecolor": theme.paper}
        size = _dot(len(epochs))
        axes.plot(epochs, train, color=grey, linewidth=1.6, marker="o", markersize=size, **dashed)
        axes.plot(epochs, validation, color=blue.color, linewidth=2.1, marker="o", markersize=size)
        ends = [("train", train, readable(grey, theme)), ("validation", validation, blue.text)]
        name_ends(axes, [name for end in ends for name in _end(end[0], epochs, *end[1:])], theme)
        _mark_best(axes, best, quantity, theme)

    return _two_panels(text_width("validation", SIZE), draw)


def _comparison(runs: Mapping[str, History], theme: Theme) -> Figure:
    everything = [record for records in runs.values() for record in records]

    def draw(axes: Axes, quantity: str) -> None:
        values = np.concatenate(_values(everything, quantity)[1])
        _limits(axes, [record["epoch"] for record in everything], values, quantity, theme)
        names: list[Name] = []
        for k, (run, records) in enumerate(runs.items()):
            look: Series = series(theme, k)
            epochs, (train, validation) = _values(records, quantity)
            pale = blend(theme.paper, look.color, 0.55)
            axes.plot(epochs, train, color=pale, linewidth=1.0, linestyle=look.dash)
            axes.plot(
                epochs, validation, color=look.color, linewidth=2.1, linestyle=look.dash,
                marker=look.marker, markersize=1.3 * _dot(len(epochs)), markevery=max(1, len(epochs) // 8),
            )  # fmt: skip
            names += _end(run, epochs, validation, look.text)
        name_ends(axes, names, theme)
        if quantity == "loss":
            axes.annotate(
                "thick: validation, thin: training", (0, 1), xytext=(0, 10), xycoords="axes fraction",
                textcoords="offset points", color=readable(theme.line, theme), fontsize=SMALL,
            )  # fmt: skip

    return _two_panels(max(text_width(run, SIZE) for run in runs), draw)


def _values(records: History, quantity: str) -> tuple[list[float], tuple[NDArray[Any], NDArray[Any]]]:
    factor = 100.0 if quantity == "accuracy" else 1.0
    train, validation = (
        np.array([factor * record[f"{part}_{quantity}"] for record in records]) for part in ("train", "validation")
    )
    return [record["epoch"] for record in records], (train, validation)


def _limits(axes: Axes, epochs: Sequence[float], values: NDArray[Any], quantity: str, theme: Theme) -> None:
    """Final limits and numbers at both axes; a loss that falls far is drawn on a logarithmic scale."""
    first, last = min(epochs), max(epochs)
    room = 0.03 * (last - first) or 0.5
    axes.set_xlim(first - room, last + room)
    finite = values[np.isfinite(values)]
    if quantity == "loss" and finite.size and finite.min() > 0 and finite.max() / finite.min() > 20:
        axes.set_ylim(finite.min() / 1.25, finite.max() * 1.25)
        powers_of_ten(axes, "y")
    else:
        low, high = span(values, 0.06)
        axes.set_ylim(low, min(high, 101.5) if quantity == "accuracy" and finite.size else high)
        plain_numbers(axes, "y")
    plain_numbers(axes, "x", 8, whole=True)
    quiet_grid(axes, theme)


def _dot(count: int) -> float:
    return 4.5 if count <= 25 else 0.0 if count > 60 else 3.0


def _end(name: str, epochs: Sequence[float], values: NDArray[Any], color: str) -> list[Name]:
    """A line's name at its last finite value; a run that ended in nan or infinity says so."""
    finite = np.flatnonzero(np.isfinite(values))
    if not finite.size:
        return []
    broke = "" if finite[-1] == len(values) - 1 else f" → {number(float(values[-1]))}"
    return [Name(name + broke, epochs[finite[-1]], float(values[finite[-1]]), color)]


def _shade_patience(axes: Axes, stop: EarlyStop, last: float, quantity: str, theme: Theme) -> None:
    """The epochs that were waited through, and what would not have been trained any more."""
    assert stop.stop is not None
    axes.axvspan(stop.best, stop.stop, color=theme.accent_fill, linewidth=0, zorder=0)
    axes.axvline(stop.stop, color=theme.ink, linewidth=1.3, zorder=1)
    tinted: dict[str, Any] = {"color": theme.paper, "alpha": 0.62, "linewidth": 0, "zorder": 4}
    if last > stop.stop:
        axes.axvspan(stop.stop, axes.get_xlim()[1], **tinted)
    low, high = axes.get_xlim()
    wide = (stop.stop - stop.best) / (high - low) * PANEL[0] * 72 > text_width("patience", SMALL) + 4
    at_head = quantity == "loss"  # where the curves are not
    axes.annotate(
        f"patience\n{stop.patience}" if wide else str(stop.patience), ((stop.best + stop.stop) / 2, float(at_head)),
        xycoords=("data", "axes fraction"), xytext=(0, -5 if at_head else 5), textcoords="offset points", ha="center",
        va="top" if at_head else "bottom", fontsize=SMALL, color=theme.ink,
    )  # fmt: skip


def _mark_best(axes: Axes, best: Mapping[str, Any], quantity: str, theme: Theme) -> None:
    """A ring and a line at the epoch of highest accuracy; its number stands over the plot, where no curve can be."""
    epoch, value = best["epoch"], best[f"validation_{quantity}"] * (100 if quantity == "accuracy" else 1)
    if not math.isfinite(value):
        return
    axes.axvline(epoch, color=theme.accent, linewidth=1.4, linestyle=(0, (1, 2)), zorder=1)
    ring: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": theme.accent, "markeredgewidth": 2}
    axes.plot([epoch], [value], marker="o", markersize=10, zorder=5, **ring)
    # In the loss plot, too, it is the accuracy that made the choice: this need not be the lowest loss.
    words = f"highest accuracy: epoch {epoch:g}" + (f", {value:.1f} %" if quantity == "accuracy" else "")
    low, high = axes.get_xlim()
    width = PANEL[0] * 72
    at, half = (epoch - low) / (high - low) * width, text_width(words, SIZE) / 2
    at = min(max(at, half), width - half) if 2 * half < width else width / 2
    axes.annotate(
        words, (at, PANEL[1] * 72 + 5), xycoords="axes points", ha="center", va="bottom",
        color=readable(theme.accent, theme), fontsize=SIZE, annotation_clip=False,
    )  # fmt: skip
