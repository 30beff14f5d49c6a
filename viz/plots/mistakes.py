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
from .style import SIZE, house_style, new_figure, svg_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_GUESSES: Final = 24
"""More misclassified images than these are not drawn."""


def guesses(
    images: NDArray[Any],
    labels: NDArray[Any],
    probabilities: NDArray[Any],
    classes: Sequence[str] | None = None,
    *,
    theme: str | Theme = LIGHT,
) -> str:
    """Draw the misclassified images, each with its three likeliest classes and their probabilities.

    Args:
        images: `(N, C, H, W)` with one channel (grey) or three (red, green, blue), or `(N, H, W)`.
        labels: `(N,)`, the right classes.
        probabilities: `(N, K)`, what the network made of each image.
        classes: the names of the K classes; their numbers if left out.
        theme: the palette, or its name.

    Returns:
        The SVG, the surest mistakes first.

    Raises:
        ShapeError: images, labels and probabilities do not belong together.

    >>> "correctly" in guesses(np.zeros((1, 1, 8, 8)), np.array([1]), np.array([[0.1, 0.9]]))
    True
    """
    images, labels, probabilities = np.asarray(images), np.asarray(labels), np.asarray(probabilities)
    if probabilities.ndim != 2 or not len(images) == len(labels) == len(probabilities):
        raise ShapeError(
            f"guesses: {len(images)} images, {len(labels)} labels and probabilities {probabilities.shape} "
            "do not belong together"
        )
    names = list(classes) if classes is not None else [str(k) for k in range(probabilities.shape[1])]
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    wrong = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]
    palette = theme_named(theme)
    with house_style(palette):
        if not wrong.size:
            figure = new_figure(7.0, 0.9)
            words = f"Every test image was classified correctly ({len(labels)} of {len(labels)})."
            figure.text(0.03, 0.5, words, fontsize=SIZE + 3, va="center", color=palette.value)
            return svg_of(figure, "No misclassified images", words)
        shown = wrong[:MOST_GUESSES]
        heading = f"{len(wrong)} of {len(labels)} test images misclassified"
        heading += f", the {len(shown)} surest mistakes" if len(shown) < len(wrong) else ""
        name_width = max(text_width(name, SIZE) for name in names) / 72
        columns, card_width = min(3, len(shown)), 3.1 + name_width
        height = 1.5 * -(-len(shown) // columns) + 0.55
        width = max(card_width * columns, 5.2)
        figure = new_figure(width, height)
        figure.text(0.1 / width, 1 - 0.28 / height, heading, fontsize=SIZE + 3, va="center")
        for k, i in enumerate(shown):
            card = _Card(
                figure, card_width * (k % columns) + 0.1, height - 0.55 - 1.5 * (k // columns), name_width, palette
            )
            card.draw(images[i], int(labels[i]), probabilities[i], names)
        return svg_of(
            figure, "Misclassified images", heading + ". " + _describe_guesses(shown, labels, probabilities, names)
        )


def _describe_guesses(
    shown: NDArray[Any], labels: NDArray[Any], probabilities: NDArray[Any], names: Sequence[str]
) -> str:
    lines = []
    for i in shown:
        top = np.argsort(-probabilities[i], kind="stable")[:3]
        listed = ", ".join(f"{names[k]} {_chance(probabilities[i, k])}" for k in top)
        lines.append(f"A {names[labels[i]]} was taken for: {listed}.")
    return " ".join(lines)


def _chance(probability: float) -> str:
    """A probability in whole per cent; a small one is not nothing, and a great one not everything.

    >>> _chance(0.9), _chance(0.004), _chance(0.998)
    ('90 %', '<1 %', '>99 %')
    """
    whole = round(100 * probability)
    if whole == 0 and probability > 0:
        return "<1 %"
    return ">99 %" if whole == 100 and probability < 1 else f"{whole} %"


def _grey_or_colour(image: NDArray[Any]) -> NDArray[Any]:
    """An image as matplotlib wants it: (H, W), or (H, W, 3) in [0, 1]."""
    image = np.asarray(image, dtype=np.float64)
    if image.ndim == 3:
        image = image[0] if image.shape[0] != 3 else image.transpose(1, 2, 0)
    low, high = min(float(image.min()), 0.0), max(float(image.max()), 1.0)
    return (image - low) / (high - low)


@dataclass(frozen=True)
class _Card:
    """One image, what it is, and the three guesses as bars with their percentages; in inches from the left, up."""

    figure: Any
    left: float
    top: float
    name_width: float
    theme: Theme

    def draw(self, image: NDArray[Any], label: int, chances: NDArray[Any], names: Sequence[str]) -> None:
        picture = self._axes(0, -0.06, 1.16, 1.16)
        picture.imshow(_grey_or_colour(image), cmap="gray_r", vmin=0, vmax=1, interpolation="none")
        picture.set_xticks([])
        picture.set_yticks([])
        for spine in picture.spines.values():
            spine.set_visible(True)
        self._text(1.3, -0.17, f"label {names[label]}", self.theme.ink)
        for row, k in enumerate(np.argsort(-chances, kind="stable")[:3]):
            y, right = -0.48 - 0.3 * row, int(k) == label
            color = self.theme.value if right else self.theme.gradient if row == 0 else self.theme.line
            self._text(1.3, y, names[k], color)
            bar = self._axes(1.4 + self.name_width, y + 0.07, 0.8, 0.14)
            bar.barh([0], [float(chances[k])], color=color, height=1.0)
            bar.set_xlim(0, 1)
            bar.set_ylim(-0.5, 0.5)
            bar.set_axis_off()
            self._text(2.25 + self.name_width, y, _chance(chances[k]) + (" ✓" if right else ""), color)

    def _axes(self, x: float, y: float, width: float, height: float) -> Axes:
        total = self.figure.get_size_inches()
        corner = ((self.left + x) / total[0], (self.top + y - height) / total[1])
        axes: Axes = self.figure.add_axes((*corner, width / total[0], height / total[1]))
        return axes

    def _text(self, x: float, y: float, words: str, color: str) -> None:
        total = self.figure.get_size_inches()
        self.figure.text((self.left + x) / total[0], (self.top + y) / total[1], words, color=color, va="center")
