"""Pictures in a terminal: a figure, an image, a matrix or a curve as half-blocks, two pixels a character.

With colour, `▀` has one pixel's colour before it and the other's behind it. Without, a character is four dots, set where
the picture is darker than its paper.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from rich.text import Text

from viz.drawing.theme import LIGHT, blend

Pixels = NDArray[np.uint8]
DPI = 96
HALF = "▀"
DOTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
"""The characters of four dots: bit 0 is top left, 1 top right, 2 bottom left, 3 bottom right."""
INK = 0.16
"""How far from the paper, of the way from white to black, a dot must be to be set."""
SMALLEST_IMAGE = 8
"""Rows and columns that numbers from 0 to 1 need to be taken for a grey image."""
STRETCH = 1.8
"""How much wider than it is made a plot with axes is shown at most: a curve stands it, a drawing of things would not."""
LEAST_ROWS = 4
"""A picture with fewer rows says nothing."""


@dataclass(frozen=True, eq=False)
class Art:
    """Something that a lesson's code made, to be shown in as much room as there is.

    Attributes:
        value: a figure of `viz`, or an array.
        say: what is to be seen, in one sentence.
        rows: the rows it takes in a window of 24.
    """

    value: Any
    say: str
    rows: int
    _kept: dict[tuple[int, int], Pixels] = field(default_factory=dict, repr=False)

    def pixels(self, width: int, height: int) -> Pixels:
        """Return it with at most `width` by `height` square pixels, its proportions kept: `(h, w, 3)`.

        Raises:
            MinidlError: it cannot be drawn; the message says why.
        """
        if (width, height) not in self._kept:
            self._kept[width, height] = _pixels(self.value, width, height)
        return self._kept[width, height]


def drawable(value: Any) -> Any:
    """Return a value as it is drawn: numbers as an array of their own, whatever becomes of the tensor they are in."""
    if isinstance(value, list | tuple):
        return np.array(value, float)
    if hasattr(value, "requires_grad") and getattr(value, "is_leaf", False) and value.ndim:
        return np.array(value.data, float)
    return value.copy() if isinstance(value, np.ndarray) else value


def text_rows(art: Art, width: int, rows: int, colour: bool) -> list[Text]:
    """Draw it in at most `width` columns and `rows` rows.

    Raises:
        MinidlError: it cannot be drawn.
    """
    if colour:
        return _halves(art.pixels(width, 2 * rows))
    fine = art.pixels(2 * width, 4 * rows)  # a dot is half as wide as it is high: two rows of pixels make one of dots
    return _dots(fine)


def _halves(pixels: Pixels) -> list[Text]:
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, pixels[-1:]])
    rows = []
    for upper, lower in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        row = Text()
        for above, below in zip(upper, lower, strict=True):
            row.append(HALF, Style.parse(f"{_hex(above)} on {_hex(below)}"))
        rows.append(row)
    return rows


def _dots(pixels: Pixels) -> list[Text]:
    """Four dots a character; each dot stands for two pixels, one above the other."""
    light = pixels.astype(float).mean(axis=2) / 255
    paper = _paper(pixels).mean() / 255
    tall, wide = -(-len(light) // 4) * 4, -(-light.shape[1] // 2) * 2
    padded = np.full((tall, wide), paper)
    padded[: light.shape[0], : light.shape[1]] = light
    far = np.abs(padded - paper).reshape(tall // 2, 2, wide).max(axis=1)
    if len(np.unique(pixels.reshape(-1, 3), axis=0)) > 2 and (far > INK).mean() > 0.5:  # a photograph, not a drawing
        far = np.where(padded.reshape(tall // 2, 2, wide).mean(axis=1) < np.median(light), 1.0, 0.0)
    on = far > INK
    codes = on[::2, ::2] * 1 + on[::2, 1::2] * 2 + on[1::2, ::2] * 4 + on[1::2, 1::2] * 8
    return [Text("".join(DOTS[c] for c in row)) for row in codes.tolist()]


def _hex(rgb: list[int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _rgb(colour: str) -> Pixels:
    return np.frombuffer(bytes.fromhex(colour[1:]), np.uint8)


def _paper(pixels: Pixels) -> Pixels:
    """The colour of the background: what most of the border has."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colours, counts = np.unique(border, axis=0, return_counts=True)
    return np.asarray(colours[counts.argmax()], np.uint8)


# From a value to pixels ---------------------------------------------------------------------------------------------


def _pixels(value: Any, width: int, height: int) -> Pixels:
    if not isinstance(value, np.ndarray):
        figure = drawn(value)
        return _bitmap(figure.png(DPI), width, height, STRETCH if _has_axes(figure) else 1.0)
    array = np.nan_to_num(np.asarray(value, float))
    if array.ndim == 1:
        return _curve(array, min(width, 3 * height), height)
    if array.ndim == 3:
        return _enlarged(_image(array), width, height)
    return _enlarged(_heat(array), width, height)


def drawn(value: Any) -> Any:
    """Return the figure of `viz` that shows a value: the value itself, a deck's last frame, or a node's circuit."""
    import viz

    if isinstance(value, viz.Deck):
        return value[-1].figure
    return value if hasattr(value, "svg") else viz.draw(value)


def _has_axes(figure: Any) -> bool:
    from viz.plots import Plot

    return isinstance(figure, Plot)


def _bitmap(png: bytes, width: int, height: int, stretch: float) -> Pixels:
    """A figure made small: each pixel is what its patch holds, drawn towards what stands out there most.

    The mean alone would wash thin lines out. It may be stretched sideways, where rows are scarcer than columns.
    """
    from PIL import Image

    with Image.open(io.BytesIO(png)) as opened:
        layered = opened.convert("RGBA")
        paper = Image.new("RGBA", layered.size, "white")
        full = np.asarray(Image.alpha_composite(paper, layered).convert("RGB"))
    full = _trimmed(full)
    scale = min(width / full.shape[1], height / full.shape[0])
    across, down = min(width, round(full.shape[1] * scale * stretch) or 1), max(1, round(full.shape[0] * scale))
    background = _paper(full).astype(float)
    rows = np.linspace(0, full.shape[0], down + 1).astype(int)
    columns = np.linspace(0, full.shape[1], across + 1).astype(int)
    made = np.empty((down, across, 3), np.uint8)
    for i in range(down):
        for j in range(across):
            patch = full[rows[i] : max(rows[i + 1], rows[i] + 1), columns[j] : max(columns[j + 1], columns[j] + 1)]
            patch = patch.reshape(-1, 3).astype(float)
            distance = np.abs(patch - background).sum(axis=1)
            made[i, j] = 0.45 * patch.mean(axis=0) + 0.55 * patch[distance.argmax()]
    return made


def _trimmed(pixels: Pixels) -> Pixels:
    """Without the margins."""
    inked = (pixels != _paper(pixels)).any(axis=2)
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _image(array: NDArray[Any]) -> Pixels:
    """A colour image, (H, W, 3) or (3, H, W), of numbers from 0 to 1 or to 255."""
    if array.shape[0] == 3 and array.shape[2] != 3:
        array = array.transpose(1, 2, 0)
    top = 255.0 if array.max() > 1.5 else 1.0
    return np.asarray(np.clip(array / top, 0, 1) * 255, np.uint8)


def _heat(array: NDArray[Any]) -> Pixels:
    """A matrix: zero has the paper's colour, the two signs their own; an image of numbers from 0 to 1 is grey."""
    if min(array.shape) >= SMALLEST_IMAGE and array.min() >= 0 and array.max() <= 1:
        grey = np.asarray(255 * array, np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    size = np.abs(array).max() or 1.0
    made = np.empty((*array.shape, 3), np.uint8)
    for place, number in np.ndenumerate(array / size):
        end = LIGHT.positive[1] if number > 0 else LIGHT.negative[1]
        made[place] = _rgb(blend(LIGHT.paper, end, abs(float(number))))
    return made


def _enlarged(pixels: Pixels, width: int, height: int) -> Pixels:
    """Enlarged by a whole number, so that each of its pixels has one size; made smaller where there is no room."""
    times = min(width // pixels.shape[1], height // pixels.shape[0])
    if times >= 1:
        return np.repeat(np.repeat(pixels, times, axis=0), times, axis=1)
    step = math.ceil(max(pixels.shape[1] / width, pixels.shape[0] / height))
    return pixels[::step, ::step]


def _curve(values: NDArray[Any], width: int, height: int) -> Pixels:
    """A curve over its places, with the line of zero where it comes near."""
    made = np.empty((height, width, 3), np.uint8)
    made[:] = _rgb(LIGHT.paper)
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    span = (high - low) or 1.0
    places = np.interp(np.linspace(0, len(values) - 1, width), np.arange(len(values)), values)
    rows = np.rint((high - places) / span * (height - 1)).astype(int)
    made[round(high / span * (height - 1))] = _rgb(LIGHT.dim)
    for column in range(width):
        before = rows[column - 1] if column else rows[column]
        top, bottom = sorted((int(before), int(rows[column])))
        made[top + (before < rows[column] and bottom > top) : bottom + 1 - (before > rows[column]), column] = _rgb(
            LIGHT.local
        )
        made[rows[column], column] = _rgb(LIGHT.local)
    return made
