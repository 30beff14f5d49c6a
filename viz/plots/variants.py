"""An image and, beside it, what transforms make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from minidl.errors import UsageError

from ..drawing.metrics import text_width
from ..drawing.theme import LIGHT, Theme, theme_named
from .inputs import short
from .palette import readable, series
from .pictures import as_picture
from .plot import Plot
from .style import SIZE, SMALL, blank, frame, new_figure, panel, words_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDEST: Final = 12.7
"""Inches that a row of images takes at most, so that the plot fits a slide without being made smaller."""
TILE: Final = 2.2
"""The longest side of an image in inches, where there is room."""
GAP: Final = 0.28
LINE: Final = 0.215
"""Inches from one line of words to the next."""
MOST: Final = 12

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels; the whole image is (0, 0, W, H)."""


@dataclass(frozen=True, slots=True)
class View:
    """An image with its words.

    Attributes:
        image: `(H, W)`, `(1, H, W)` or `(3, H, W)`.
        name: what it is, or how it was made.
        note: more about it, such as the strength of a change; broken into lines where it is long.
        boxes: boxes to draw on it, by name. A box without area is left out.
    """

    image: Any
    name: str
    note: str = ""
    boxes: Mapping[str, Box] = field(default_factory=dict)


def variants(
    original: View, views: Sequence[View], *, columns: int = 4, title: str = "An image and its variants",
    theme: str | Theme = LIGHT,
) -> Plot:  # fmt: skip
    """Draw an image and beside it, in rows, what was made of it, all on one scale: a smaller image is drawn smaller.

    Args:
        original: the image at the left. The names of its boxes are written on it.
        views: what was made of it.
        columns: how many of them stand in a row.
        title: what the plot shows.
        theme: the palette, or its name.

    Returns:
        The plot. A box has the same colour and dashes in all images.

    Raises:
        ShapeError: an image is neither grey nor coloured.
        UsageError: there are no views, more than 12, or `columns` is less than 1.

    >>> import numpy as np
    >>> image = np.zeros((8, 8))
    >>> variants(View(image, "original"), [View(image[:, ::-1], "flipped", "left to right")]).text
    'An image and its variants. original; flipped (left to right).'
    """
    palette = theme_named(theme)
    if columns < 1:
        raise UsageError(f"variants: columns must be at least 1; got {columns}")
    if not 1 <= len(views) <= MOST:
        raise UsageError(f"variants: draws 1 to {MOST} views of an image; got {len(views)}")
    everything = [original, *views]
    pictures = [as_picture(view.image, "variants") for view in everything]
    names = list(original.boxes)
    per_row = min(columns, len(views))
    first, largest = max(pictures[0].shape[:2]), max(max(picture.shape[:2]) for picture in pictures[1:])
    room = (WIDEST - (per_row + 1) * GAP) / (first + per_row * largest)
    scale = min(TILE / max(first, largest), room)
    tiles = [scale * (largest if i else first) for i in range(len(pictures))]
    notes = [wrapped(view.note, SMALL, 72 * (tile + GAP - 0.1)) for view, tile in zip(everything, tiles, strict=True)]
    # A row is as high as its highest image and its longest note.
    rows = [range(start, min(start + per_row, len(pictures))) for start in range(1, len(pictures), per_row)]
    high = [scale * max(len(pictures[i]) for i in row) for row in rows]
    under = [0.14 + LINE * (1 + max(len(notes[i]) for i in row)) for row in rows]
    tops = [sum(high[:r]) + sum(under[:r]) + 0.2 * r for r in range(len(rows))]
    middle = (tops[-1] + high[-1]) / 2

    def draw() -> Figure:
        figure = new_figure(10, 6)
        put(figure, 0, 0.0, middle)
        for row, top, height in zip(rows, tops, high, strict=True):
            for k, i in enumerate(row):
                put(figure, i, tiles[0] + 2 * GAP + k * (tiles[i] + GAP), top + height / 2, height)
        arrow_between(figure, tiles[0] + 0.08, tiles[0] + 2 * GAP - 0.08, middle, palette)
        return figure

    def put(figure: Figure, i: int, left: float, centre: float, height: float | None = None) -> None:
        view, tile = everything[i], tiles[i]
        axes = picture_at(figure, left, centre - tile / 2, tile, pictures[i], scale, palette)
        draw_boxes(axes, view.boxes, names, palette, is_named=i == 0)
        at = centre + (scale * len(pictures[i]) if height is None else height) / 2 + 0.08
        words_at(figure, left + tile / 2, at, short(view.name), fontsize=SIZE, ha="center")
        color = readable(palette.line, palette)
        for k, line in enumerate(notes[i]):
            below = at + LINE * (k + 1) + 0.03
            words_at(figure, left + tile / 2, below, line, fontsize=SMALL, ha="center", color=color)

    text = f"{title}. {'; '.join(map(_told, everything))}."
    return Plot(draw, title, text, palette)


def _told(view: View) -> str:
    note = f" ({view.note})" if view.note else ""
    seen = {name: box for name, box in view.boxes.items() if _has_area(box)}
    listed = ", ".join(f"{name} from ({b[0]:.0f}, {b[1]:.0f}) to ({b[2]:.0f}, {b[3]:.0f})" for name, b in seen.items())
    return f"{short(view.name)}{note}{': ' + listed if listed else ''}"


def _has_area(box: Box) -> bool:
    return box[2] > box[0] and box[3] > box[1]


def wrapped(words: str, size: float, width: float) -> list[str]:
    """Break words into as few lines of at most `width` points as can be, and those as even as can be.

    >>> wrapped("turned by 15° to 30°", 12, 72)
    ['turned by', '15° to 30°']
    """
    lines = _filled(words, size, width)
    for share in range(95, 45, -5):
        even = _filled(words, size, width * share / 100)
        if len(even) > len(lines) or any(text_width(line, size) > width * share / 100 for line in even):
            break
        lines = even
    return lines


def _filled(words: str, size: float, width: float) -> list[str]:
    lines: list[str] = []
    for word in filter(None, words.split(" ")):  # not at the spaces within a number
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def picture_at(
    figure: Figure, left: float, top: float, tile: float, picture: NDArray[Any], scale: float, theme: Theme
) -> Axes:
    """Draw a picture in the middle of a square of `tile` inches, `scale` inches a pixel."""
    height, width = picture.shape[:2]
    wide, high = width * scale, height * scale
    axes = panel(figure, left + (tile - wide) / 2, top + (tile - high) / 2, wide, high)
    # Small images are shown as they are, dot by dot; those with more dots than the figure are averaged.
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="none" if height < 64 else "auto", aspect="auto")
    blank(axes)
    frame(axes, theme.line)
    return axes


def draw_boxes(axes: Axes, boxes: Mapping[str, Box], order: Sequence[str], theme: Theme, *, is_named: bool) -> None:
    """Draw boxes on an image, each in the look that its place in `order` gives it, perhaps with its name in its corner."""
    from matplotlib.patches import Rectangle

    for name, box in boxes.items():
        if not _has_area(box):
            continue
        left, top, right, bottom = box
        look = series(theme, order.index(name) if name in order else len(order))
        for stroke, line, dash in ((theme.paper, 4.2, "solid"), (look.color, 2.0, look.dash)):
            edge: dict[str, Any] = {"fill": False, "edgecolor": stroke, "linewidth": line, "linestyle": dash}
            axes.add_patch(Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, **edge))
        if is_named:
            badge: dict[str, Any] = {"facecolor": theme.paper, "edgecolor": look.color, "boxstyle": "round,pad=0.18"}
            axes.annotate(
                short(name), (left - 0.5, top - 0.5), xytext=(6, -5), textcoords="offset points", va="top",
                fontsize=SMALL, color=theme.ink, bbox=badge, zorder=7,
            )  # fmt: skip


def arrow_between(figure: Figure, start: float, end: float, top: float, theme: Theme) -> None:
    """Draw a level arrow from `start` to `end`, inches from the left, `top` inches from the figure's upper edge."""
    arrow(figure, (start, top), (end, top), theme)


def arrow(
    figure: Figure, start: tuple[float, float], end: tuple[float, float], theme: Theme, *, bend: str | None = None
) -> None:
    """Draw an arrow between two points, given in inches from the figure's upper left corner."""
    from matplotlib.patches import FancyArrowPatch

    width, height = figure.get_size_inches()
    ends = [(x / width, 1 - y / height) for x, y in (start, end)]
    figure.add_artist(
        FancyArrowPatch(
            ends[0], ends[1], transform=figure.transFigure, arrowstyle="-|>", mutation_scale=13, linewidth=1.4,
            color=theme.line, shrinkA=0, shrinkB=0, connectionstyle=bend or "arc3",
        )
    )  # fmt: skip
