"""Images with what a network took them for, and the crops that are cut from one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl.errors import ShapeError, UsageError

from ..drawing.metrics import text_width
from ..drawing.theme import LIGHT, Theme, theme_named
from .inputs import array_of, labels_of, names_of
from .palette import readable, series
from .pictures import as_picture, chance
from .plot import Plot
from .style import HEAD, SIZE, blank, frame, new_figure, panel, words_at

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_IMAGES: Final = 60
"""More images than these are not drawn."""
TILE: Final = 1.1
"""The side of an image in inches."""


def gallery(
    images: Any,
    labels: Any = None,
    guesses: Any = None,
    probabilities: Any = None,
    classes: Sequence[str] | None = None,
    *,
    columns: int = 8,
    theme: str | Theme = LIGHT,
) -> Plot:
    """Draw images in rows, each with its label and, if given, what a network took it for.

    Args:
        images: `(N, H, W)`, `(N, 1, H, W)` or `(N, 3, H, W)`.
        labels: `(N,)`, the right classes.
        guesses: `(N,)`, the classes that the network chose; the likeliest of `probabilities` if left out.
        probabilities: `(N, K)`, printed as the network's confidence in its guess.
        classes: the names of the classes; their numbers if left out.
        columns: how many images stand in a row.
        theme: the palette, or its name.

    Returns:
        The plot: a right guess has a tick, a wrong one an arrow from the label to the guess and a thick dashed frame.

    Raises:
        ShapeError: the numbers of images, labels and guesses differ, or an image is neither grey nor coloured.
        UsageError: labels are no class numbers, or `columns` is less than 1.

    >>> gallery(np.zeros((2, 8, 8)), [3, 5], [3, 6]).text
    '2 images, 1 of 2 guessed right. Label 5 was taken for 6.'
    """
    palette = theme_named(theme)
    given = array_of(images, "gallery", "images", ndim=(3, 4))
    if columns < 1:
        raise UsageError(f"gallery: columns must be at least 1; got {columns}")
    chances = None if probabilities is None else array_of(probabilities, "gallery", "probabilities", ndim=2)
    right = None if labels is None else labels_of(labels, "gallery", "labels")
    guessed = None if guesses is None else labels_of(guesses, "gallery", "guesses")
    if guessed is None and chances is not None:
        guessed = np.nan_to_num(chances, nan=-1.0).argmax(axis=1)
    for what, array in (("labels", right), ("guesses", guessed), ("probabilities", chances)):
        if array is not None and len(array) != len(given):
            raise ShapeError(f"gallery: {len(given)} images and {len(array)} {what} do not belong together")
    numbers = [array.max() for array in (right, guessed) if array is not None]
    names = names_of(classes, int(max(numbers, default=-1)) + 1, "gallery")
    count = min(len(given), MOST_IMAGES)
    pictures = [as_picture(image, "gallery") for image in given[:count]]
    captions = [_caption(i, right, guessed, chances, names) for i in range(count)]

    def draw() -> Figure:
        figure = new_figure(10, 6)
        per_row = min(columns, count)
        pitch = max(TILE + 0.22, max(text_width(words, SIZE) for words, _ in captions) / 72 + 0.2)
        start = 0.0
        if count < len(given):
            words_at(figure, 0, 0, f"{count} of {len(given)} images", fontsize=HEAD)
            start = 0.45
        row = TILE + (0.52 if any(words for words, _ in captions) else 0.15)
        for i, (picture, (words, is_right)) in enumerate(zip(pictures, captions, strict=True)):
            left, top = (i % per_row) * pitch, start + (i // per_row) * row
            height, width = picture.shape[:2]
            wide, high = TILE * min(1.0, width / height), TILE * min(1.0, height / width)
            axes = panel(figure, left + (TILE - wide) / 2, top + (TILE - high) / 2, wide, high)
            # Digits are ink on paper; on the dark slide they stay light on dark.
            axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="none", aspect="auto")
            blank(axes)
            if is_right is False:
                frame(axes, palette.gradient, 3.0, (0, (2.5, 1.2)))
            else:
                frame(axes, palette.value if is_right else palette.line, 1.3)
            color = palette.ink if is_right is None else palette.value if is_right else palette.gradient
            words_at(
                figure, left + TILE / 2, top + TILE + 0.09, words, color=readable(color, palette), fontsize=SIZE,
                ha="center",
            )  # fmt: skip
        return figure

    return Plot(
        draw, "Images" if guessed is None else "Images and guesses", _told(right, guessed, names, len(given)), palette
    )


def _caption(
    i: int,
    labels: NDArray[Any] | None,
    guesses: NDArray[Any] | None,
    chances: NDArray[Any] | None,
    names: Sequence[str],
) -> tuple[str, bool | None]:
    """The words under an image, and whether its guess is right (None where there is nothing to judge)."""
    if guesses is None:
        return ("" if labels is None else names[labels[i]]), None
    sure = "" if chances is None else f" ({chance(float(chances[i, guesses[i]]))})"
    if labels is None:
        return f"{names[guesses[i]]}{sure}", None
    if labels[i] == guesses[i]:
        return f"{names[labels[i]]} ✓{sure}", True
    return f"{names[labels[i]]} → {names[guesses[i]]}{sure}", False


def _told(labels: NDArray[Any] | None, guesses: NDArray[Any] | None, names: Sequence[str], count: int) -> str:
    if labels is None or guesses is None:
        return f"{count} image{'s' * (count != 1)}."
    wrong = np.flatnonzero(labels != guesses)
    listed = [f"Label {names[labels[i]]} was taken for {names[guesses[i]]}." for i in wrong[:12]]
    return " ".join([f"{count} images, {count - len(wrong)} of {count} guessed right.", *listed])


def crops(image: Any, boxes: Sequence[tuple[int, int, int, int]], *, theme: str | Theme = LIGHT) -> Plot:
    """Draw an image with the windows that are cut from it, and beside it what each window shows.

    Args:
        image: `(H, W)`, `(1, H, W)` or `(3, H, W)`.
        boxes: of each window its top, its left, its height and its width, in pixels.
        theme: the palette, or its name.

    Raises:
        ShapeError: the image is neither grey nor coloured.
        UsageError: there is no window, there are more than 12, or one reaches over the image's edge.

    >>> crops(np.zeros((8, 8)), [(0, 0, 4, 4), (2, 2, 6, 6)]).text
    'An image of 8×8 pixels with 2 crops: 1: 4×4 at row 0, column 0; 2: 6×6 at row 2, column 2.'
    """
    palette = theme_named(theme)
    picture = as_picture(image, "crops")
    height, width = picture.shape[:2]
    windows = [tuple(map(int, box)) for box in boxes]
    if not 1 <= len(windows) <= 12:
        raise UsageError(f"crops: draws 1 to 12 windows; got {len(windows)}")
    for box in windows:
        y, x, high, wide = box
        if y < 0 or x < 0 or high < 1 or wide < 1 or y + high > height or x + wide > width:
            raise UsageError(
                f"crops: the window {box} (top, left, height, width) is not inside the {height}×{width} image"
            )

    def draw() -> Figure:
        from matplotlib.patches import Rectangle

        figure = new_figure(10, 6)
        tall = 3.6
        whole = panel(figure, 0, 0, tall * width / height, tall)
        whole.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="none", aspect="auto")
        blank(whole)
        columns = min(5, -(-len(windows) // 2)) if len(windows) > 3 else 1
        rows = -(-len(windows) // columns)
        side = (tall - (rows - 1) * 0.3) / rows
        for k, (y, x, high, wide) in enumerate(windows):
            look = series(palette, k)
            for stroke, line, dash in ((palette.paper, 4.2, "solid"), (look.color, 2.0, look.dash)):
                edge: dict[str, Any] = {"fill": False, "edgecolor": stroke, "linewidth": line, "linestyle": dash}
                whole.add_patch(Rectangle((x - 0.5, y - 0.5), wide, high, **edge))
            badge: dict[str, Any] = {
                "facecolor": palette.paper,
                "edgecolor": look.color,
                "boxstyle": "circle,pad=0.18",
                "linewidth": 1.4,
            }
            slot = tall * width / height + 0.45 + (k % columns) * (side + 0.3), (k // columns) * (side + 0.3)
            shape = side * min(1.0, wide / high), side * min(1.0, high / wide)
            axes = panel(figure, *slot, *shape)
            axes.imshow(
                picture[y : y + high, x : x + wide], cmap="gray", vmin=0, vmax=1, interpolation="none", aspect="auto"
            )
            blank(axes)
            frame(axes, look.color, 2.0, look.dash)
            corner = (x + 0.045 * width, y + 0.05 * height)
            for place, at, system in (
                (whole, corner, "data"),
                (axes, (0.13 / shape[0] * 1.1, 1 - 0.14 / shape[1] * 1.1), "axes fraction"),
            ):
                place.annotate(str(k + 1), at, xycoords=system, ha="center", va="center", fontsize=SIZE - 1,
                               color=palette.ink, bbox=badge, zorder=7)  # fmt: skip
        return figure

    listed = "; ".join(f"{k + 1}: {h}×{w} at row {y}, column {x}" for k, (y, x, h, w) in enumerate(windows))
    text = f"An image of {height}×{width} pixels with {len(windows)} crop{'s' * (len(windows) != 1)}: {listed}."
    return Plot(draw, "Crops of an image", text, palette)
