"""The images that a network got wrong, and what it took them for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl.errors import ShapeError

from ..drawing.metrics import text_width
from ..drawing.theme import LIGHT, Theme, theme_named
from .inputs import array_of, labels_of, names_of
from .palette import readable
from .pictures import as_picture, chance
from .plot import Plot
from .style import HEAD, SIZE, blank, frame, new_figure, panel, words_at

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_GUESSES: Final = 12
"""More misclassified images than these are not drawn."""


def guesses(
    images: Any,
    labels: Any,
    probabilities: Any,
    classes: Sequence[str] | None = None,
    *,
    theme: str | Theme = LIGHT,
) -> Plot:
    """Draw the misclassified images, each with its three likeliest classes and their probabilities.

    Args:
        images: `(N, C, H, W)` with one channel (grey) or three (red, green, blue), or `(N, H, W)`.
        labels: `(N,)`, the right classes.
        probabilities: `(N, K)`, what the network made of each image.
        classes: the names of the K classes; their numbers if left out.
        theme: the palette, or its name.

    Returns:
        The plot, the surest mistakes first.

    Raises:
        ShapeError: images, labels and probabilities do not belong together.
        UsageError: a label has no class.

    >>> guesses(np.zeros((1, 1, 8, 8)), np.array([1]), np.array([[0.1, 0.9]])).title
    'No misclassified images'
    """
    given = array_of(images, "guesses", "images", ndim=(3, 4))
    chances = array_of(probabilities, "guesses", "probabilities")
    right = array_of(labels, "guesses", "labels", ndim=1)
    if chances.ndim != 2 or not len(given) == len(right) == len(chances):
        raise ShapeError(
            f"guesses: {len(given)} images, {len(right)} labels and probabilities {chances.shape} do not belong together"
        )
    answers = labels_of(right, "guesses", "labels", chances.shape[1])
    names = names_of(classes, chances.shape[1], "guesses")
    palette = theme_named(theme)
    wrong = np.flatnonzero(chances.argmax(axis=1) != answers)
    wrong = wrong[np.argsort(-chances[wrong].max(axis=1), kind="stable")]
    if not wrong.size:
        words = f"Every test image was classified correctly ({len(answers)} of {len(answers)})."
        return Plot(lambda: _only_words(words, palette), "No misclassified images", words, palette)
    shown = wrong[:MOST_GUESSES]
    heading = f"{len(wrong)} of {len(answers)} test images misclassified"
    heading += f", the {len(shown)} surest mistakes" if len(shown) < len(wrong) else ""
    cards = [(as_picture(given[i], "guesses"), int(answers[i]), chances[i]) for i in shown]

    def draw() -> Figure:
        figure = new_figure(10, 6)
        words_at(figure, 0, 0, heading, fontsize=HEAD)
        name_width = max(text_width(name, SIZE) for name in names) / 72
        columns, width = min(3 if len(cards) <= 9 else 4, len(cards)), 3.15 + name_width
        for k, (picture, label, odds) in enumerate(cards):
            card = _Card(figure, width * (k % columns), 0.5 + 1.5 * (k // columns), name_width, palette)
            card.draw(picture, label, odds, names)
        return figure

    text = heading + ". " + _describe_guesses(shown, answers, chances, names)
    return Plot(draw, "Misclassified images", text, palette)


def _only_words(words: str, theme: Theme) -> Figure:
    figure = new_figure(7.0, 0.9)
    words_at(figure, 0, 0, words, fontsize=HEAD, color=theme.value)
    return figure


def _describe_guesses(
    shown: NDArray[Any], labels: NDArray[Any], probabilities: NDArray[Any], names: Sequence[str]
) -> str:
    lines = []
    for i in shown:
        top = np.argsort(-probabilities[i], kind="stable")[:3]
        listed = ", ".join(f"{names[k]} {chance(probabilities[i, k])}" for k in top)
        lines.append(f"Label {names[labels[i]]} was taken for: {listed}.")
    return " ".join(lines)


@dataclass(frozen=True)
class _Card:
    """One image, what it is, and the three guesses as bars with their percentages; in inches from the left and the top."""

    figure: Any
    left: float
    top: float
    name_width: float
    theme: Theme

    def draw(self, picture: NDArray[Any], label: int, chances: NDArray[Any], names: Sequence[str]) -> None:
        height, width = picture.shape[:2]
        shape = 1.16 * min(1.0, width / height), 1.16 * min(1.0, height / width)
        axes = panel(self.figure, self.left, self.top + 0.06, *shape)
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="none", aspect="auto")
        blank(axes)
        frame(axes, self.theme.line)
        self._text(1.3, 0.17, f"label {names[label]}", self.theme.ink)
        for row, k in enumerate(np.argsort(-chances, kind="stable")[:3]):
            y, right = 0.48 + 0.3 * row, int(k) == label
            color = self.theme.value if right else self.theme.gradient if row == 0 else self.theme.line
            self._text(1.3, y, names[k], readable(color, self.theme))
            bar = panel(self.figure, self.left + 1.4 + self.name_width, self.top + y - 0.07, 0.8, 0.14)
            bar.barh([0], [float(np.nan_to_num(chances[k]))], color=color, height=1.0)
            bar.set_xlim(0, 1)
            bar.set_ylim(-0.5, 0.5)
            blank(bar)
            words = chance(chances[k]) + ("  ✓" if right else "")
            self._text(2.28 + self.name_width, y, words, readable(color, self.theme))

    def _text(self, x: float, y: float, words: str, color: str) -> None:
        words_at(self.figure, self.left + x, self.top + y, words, color=color, va="center")
