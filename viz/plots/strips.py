"""Rows of small images, each row one stage of what was done to them; and one image at several sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from minidl.errors import UsageError

from ..drawing.metrics import text_width
from ..drawing.theme import LIGHT, Theme, theme_named
from .inputs import array_of, series_of
from .palette import readable, series
from .pictures import as_picture
from .plot import Plot
from .style import SIZE, SMALL, blank, frame, new_figure, panel, words_at
from .variants import WIDEST, picture_at

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS: Final = 8
MOST_IMAGES: Final = 10
TILE: Final = 0.8
GAP: Final = 0.1


def strips(
    rows: Mapping[str, Any], notes: Mapping[str, str], *, title: str = "Stages of images", theme: str | Theme = LIGHT
) -> Plot:
    """Draw rows of images under each other, with the name of each row and a note at its left.

    Args:
        rows: for each stage images `(N, H, W)`, `(N, 1, H, W)` or `(N, 3, H, W)`, from 0 to 1.
        notes: a short note for any of the rows.
        title: what the plot shows.
        theme: the palette, or its name.

    Raises:
        ShapeError: images are neither grey nor coloured.
        UsageError: there are no rows, more than 8, or a row has more than 10 images.

    >>> import numpy as np
    >>> strips({"raw": np.zeros((3, 4, 4))}, {"raw": "std 0.3"}).text
    'Stages of images. raw (std 0.3).'
    """
    palette = theme_named(theme)
    given = {
        name: array_of(images, "strips", name, ndim=(3, 4))
        for name, images in series_of(rows, "strips", "rows").items()
    }
    if len(given) > MOST_ROWS or max(map(len, given.values())) > MOST_IMAGES:
        raise UsageError(f"strips: draws at most {MOST_ROWS} rows of {MOST_IMAGES} images")
    pictures = {name: [as_picture(image, "strips") for image in images] for name, images in given.items()}
    widths = [text_width(name, SIZE) for name in pictures] + [text_width(note, SMALL) for note in notes.values()]
    told = "; ".join(f"{name} ({notes[name]})" if name in notes else name for name in pictures)

    def draw() -> Figure:
        figure = new_figure(10, 6)
        start = max(widths) / 72 + 0.2
        for r, (name, row) in enumerate(pictures.items()):
            top = r * (TILE + GAP)
            middle = top + TILE / 2
            words_at(figure, 0, middle - 0.12 if name in notes else middle, name, fontsize=SIZE, va="center")
            if name in notes:
                color = readable(palette.line, palette)
                words_at(figure, 0, middle + 0.14, notes[name], fontsize=SMALL, va="center", color=color)
            for k, picture in enumerate(row):
                scale = TILE / max(picture.shape[:2])
                picture_at(figure, start + k * (TILE + GAP), top, TILE, picture, scale, palette)
        return figure

    return Plot(draw, title, f"{title}. {told}.", palette)


def sizes(image: Any, sides: Sequence[int], crop: int, *, theme: str | Theme = LIGHT) -> Plot:
    """Draw a square image at several sizes, to scale, with the five crops of one size that are cut from each.

    Args:
        image: `(H, H)`, `(1, H, H)` or `(3, H, H)`.
        sides: the sizes, in pixels.
        crop: the side of the crops, in pixels.
        theme: the palette, or its name.

    Raises:
        ShapeError: the image is neither grey nor coloured.
        UsageError: there are no sizes, or one is smaller than the crop.

    >>> import numpy as np
    >>> sizes(np.zeros((8, 8)), (224, 256), 224).text
    'Multi-crop testing: an image at 2 sizes (224, 256 pixels), ten crops of 224×224 from each, 20 views.'
    """
    palette = theme_named(theme)
    picture = as_picture(image, "sizes")
    if not sides or min(sides) < crop:
        raise UsageError(f"sizes: needs sizes of at least the crop's {crop} pixels; got {tuple(sides)}")
    views = 10 * len(sides)
    listed = ", ".join(map(str, sides))
    text = (
        f"Multi-crop testing: an image at {len(sides)} sizes ({listed} pixels), ten crops of {crop}×{crop} from each, "
        f"{views} views."
    )

    def draw() -> Figure:
        from matplotlib.patches import Rectangle

        figure = new_figure(10, 6)
        scale = (WIDEST - 0.3 * (len(sides) - 1)) / sum(sides)
        tall, left = max(sides) * scale, 0.0
        for side in sides:
            wide = side * scale
            axes = panel(figure, left, tall - wide, wide, wide)
            axes.imshow(picture, cmap="gray", vmin=0, vmax=1, aspect="auto", extent=(0, side, side, 0))
            blank(axes)
            frame(axes, palette.line)
            far = side - crop
            corners = [(0, 0), (far, 0), (0, far), (far, far), (round(far / 2), round(far / 2))]
            for k, (x, y) in enumerate(corners if far else corners[-1:]):
                look = series(palette, k)
                for stroke, line, dash in ((palette.paper, 3.6, "solid"), (look.color, 1.8, look.dash)):
                    edge: dict[str, Any] = {"fill": False, "edgecolor": stroke, "linewidth": line, "linestyle": dash}
                    axes.add_patch(Rectangle((x, y), crop, crop, **edge))
            words_at(figure, left + wide / 2, tall + 0.1, f"{side}×{side}", fontsize=SIZE, ha="center")
            left += wide + 0.3
        last = f"{len(sides)} sizes × 5 crops of {crop}×{crop} × 2 with their mirror images = {views} views, averaged"
        words_at(figure, 0, tall + 0.5, last, fontsize=SIZE, color=readable(palette.line, palette))
        return figure

    return Plot(draw, "Multi-crop testing", text, palette)
