"""Which classes a classifier confuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl.errors import ShapeError, UsageError

from ..drawing.metrics import text_width
from ..drawing.theme import LIGHT, Theme, theme_named
from .inputs import LONGEST_TITLE, array_of, labels_of, names_of, short
from .palette import ink_on, readable, share_map
from .plot import Plot
from .style import HEAD, SIZE, SMALL, frame, new_figure, panel, words_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIDE: Final = 6.3
"""The largest matrix is as many inches wide and high: with what stands around it, as high as a slide."""
MOST_NUMBERED: Final = 20
"""With more classes than these the cells hold no numbers, only shades."""


def confusion_matrix(
    y_true: Any,
    y_pred: Any = None,
    classes: Sequence[str] | None = None,
    *,
    title: str = "",
    theme: str | Theme = LIGHT,
) -> Plot:
    """Draw how often each class was taken for each.

    Args:
        y_true: `(N,)`, the right classes; or the counts themselves, `(K, K)`, a row a right class.
        y_pred: `(N,)`, the classes guessed; left out where counts are given.
        classes: the names of the K classes; their numbers if left out.
        title: what stands above.
        theme: the palette, or its name.

    Returns:
        The plot: counts in the cells, with up to ten classes also the share of their row, which is the shade; the diagonal
        is framed; on the right stands each class's recall.

    Raises:
        ShapeError: labels and guesses differ in number, or the counts are no square.
        UsageError: labels are no class numbers, or counts are negative, nan or infinite.

    >>> confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1]).text
    'Confusion matrix of 2 classes, 4 examples, 3 right (75.0 %). Most often 0 was taken for 1: 1 of 2.'
    """
    palette, title = theme_named(theme), short(title, LONGEST_TITLE)
    counts = _counted(y_true, y_pred)
    names = names_of(classes, len(counts), "confusion_matrix")
    if len(names) > len(counts) and y_pred is not None:  # the last classes did not occur
        counts = np.pad(counts, (0, len(names) - len(counts)))
    totals = counts.sum(axis=1)
    shares = np.divide(counts, totals[:, np.newaxis], out=np.zeros(counts.shape), where=totals[:, np.newaxis] > 0)

    def draw() -> Figure:
        count = len(counts)
        cell = 0.86 if count <= 5 else min(0.62, _SIDE / count)
        figure = new_figure(10, 10)
        axes = panel(figure, 0, 0, cell * count, cell * count)
        axes.imshow(shares, cmap=share_map(palette), vmin=0, vmax=1, aspect="auto", interpolation="none")
        _write_cells(axes, counts, shares, cell, palette)
        _name_sides(axes, names, totals, shares, cell, palette)
        if title:
            words_at(figure, 0, -0.42 - _upper(names, cell), title, fontsize=HEAD, va="bottom")
        return figure

    return Plot(draw, title or "Confusion matrix", _told(counts, names), palette)


def _counted(y_true: Any, y_pred: Any) -> NDArray[np.float64]:
    if y_pred is None:
        counts = array_of(y_true, "confusion_matrix", "the counts", ndim=2)
        if counts.shape[0] != counts.shape[1]:
            raise ShapeError(f"confusion_matrix: the counts must be (K, K); got {counts.shape}")
        if not np.isfinite(counts).all() or (counts < 0).any():
            raise UsageError("confusion_matrix: counts must be finite and not negative")
        return counts
    right = labels_of(y_true, "confusion_matrix", "y_true")
    guessed = labels_of(y_pred, "confusion_matrix", "y_pred")
    if len(right) != len(guessed):
        raise ShapeError(f"confusion_matrix: {len(right)} labels and {len(guessed)} guesses do not belong together")
    classes = int(max(right.max(), guessed.max())) + 1
    if classes > 1000:
        raise UsageError(f"confusion_matrix: the largest class number is {classes - 1}; number the classes from 0")
    counts = np.zeros((classes, classes))
    np.add.at(counts, (right, guessed), 1)
    return counts


def _write_cells(axes: Axes, counts: NDArray[Any], shares: NDArray[Any], cell: float, theme: Theme) -> None:
    from matplotlib.colors import to_hex
    from matplotlib.patches import Rectangle

    count = len(counts)
    axes.set_xticks(np.arange(count + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(count + 1) - 0.5, minor=True)
    if count <= MOST_NUMBERED:
        axes.grid(which="minor", color=theme.paper, linewidth=1.5)
        axes.set_axisbelow(False)
    axes.tick_params(which="both", length=0)
    frame(axes, theme.dim)
    shade = share_map(theme)
    for i in range(count):
        frame_of_cell: dict[str, Any] = {
            "fill": False,
            "edgecolor": theme.accent,
            "linewidth": 2.0 if count <= MOST_NUMBERED else 0.8,
        }
        axes.add_patch(Rectangle((i - 0.47, i - 0.47), 0.94, 0.94, zorder=5, **frame_of_cell))
        for j in range(count) if count <= MOST_NUMBERED else ():
            if counts[i, j] == 0:
                continue
            ink = ink_on(to_hex(shade(shares[i, j])), theme)
            words = f"{counts[i, j]:g}"
            size = SIZE + 1 if cell > 0.6 else SMALL
            both = cell > 0.6
            axes.text(j, i - 0.14 * both, words, ha="center", va="center", color=ink, fontsize=size, zorder=6)
            if both:
                share = f"{100 * shares[i, j]:.0f} %" if shares[i, j] >= 0.005 else "<1 %"
                axes.text(j, i + 0.25, share, ha="center", va="center", color=ink, fontsize=SMALL, zorder=6)


def _upper(names: Sequence[str], cell: float) -> float:
    """The height in inches that the names above the columns take."""
    return max(text_width(name, SIZE) for name in names) / 72 if _turned(names, cell) else 0.22


def _turned(names: Sequence[str], cell: float) -> bool:
    """Whether the columns' names must stand on end to have room."""
    return max(text_width(name, SIZE) for name in names) / 72 > cell - 0.08


def _name_sides(
    axes: Axes, names: Sequence[str], totals: NDArray[Any], shares: NDArray[Any], cell: float, theme: Theme
) -> None:
    count = len(names)
    every = max(1, -(-count * 18 // int(cell * count * 72)))
    places = list(range(0, count, every))
    axes.xaxis.tick_top()
    turned: dict[str, Any] = {"rotation": 90} if _turned(names, cell) else {}
    axes.set_xticks(places, [names[k] for k in places], fontsize=SIZE, color=theme.ink, **turned)
    axes.set_yticks(places, [names[k] for k in places], fontsize=SIZE, color=theme.ink)
    axes.tick_params(axis="both", pad=5)
    axes.xaxis.set_label_position("top")
    grey = readable(theme.line, theme)
    axes.set_xlabel("taken for", fontsize=SIZE, color=grey, labelpad=7)
    axes.set_ylabel("is", fontsize=SIZE, color=grey, rotation=0, labelpad=10, va="center")
    if count > MOST_NUMBERED:
        return
    side = cell * count * 72
    for k in range(count):
        recall = f"{100 * shares[k, k]:.0f} %" if totals[k] else "–"
        at = (side + 46, side - (k + 0.5) * cell * 72)
        axes.annotate(recall, at, xycoords="axes points", ha="right", va="center", color=theme.ink, fontsize=SIZE)
    axes.annotate("recall", (side + 46, side + 6), xycoords="axes points", ha="right", va="bottom", color=grey)


def _told(counts: NDArray[Any], names: Sequence[str]) -> str:
    total, right = counts.sum(), np.trace(counts)
    share = f" ({100 * right / total:.1f} %)" if total else ""
    text = f"Confusion matrix of {len(counts)} classes, {total:g} examples, {right:g} right{share}."
    wrong = counts - np.diag(np.diag(counts))
    if not wrong.any():
        return text + " None was taken for another."
    i, j = divmod(int(wrong.argmax()), len(wrong))
    return f"{text} Most often {names[i]} was taken for {names[j]}: {wrong[i, j]:g} of {counts[i].sum():g}."
