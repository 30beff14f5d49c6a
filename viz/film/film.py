"""What strips and frames of a training are put together from: tiles, bars and the curve, on the film's one scale each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from ..drawing.block import Block
from ..drawing.canvas import Canvas, Point, fitted
from ..drawing.dot import clean, text
from ..drawing.metrics import text_width
from ..drawing.notation import SMALLEST, number, percent, shape_text
from ..drawing.theme import Stroke, Theme
from ..drawing.thumbnail import ColorScale, grid_block, pooled, scale_of, thumbnail
from .snapshot import Array, LayerView, Snapshot

TILES_A_ROW: Final = 4
MOST_BARS: Final = 12
FEWER_BARS: Final = 10
"""So many classes have bars where there are more than `MOST_BARS`."""

_TILE_GAP: Final = 3
_RAMP: Final = 17


class Film:
    """A network's moments, and the scales on which all of them are drawn.

    Attributes:
        moments: in the order of training.
        weights: the colour scale of all kernels of all moments.
        activations: the colour scale of all feature maps.
        brightness: the image's.
        most: the largest finite loss.
        shown: the classes that have bars: all, or of more than 12 the right one and those that were most likely once.
    """

    def __init__(self, moments: Sequence[Snapshot], classes: Sequence[str] | None, theme: Theme) -> None:
        self.moments, self.classes, self.theme = moments, classes, theme
        layers = [layer for moment in moments for layer in moment.layers]
        self.weights = scale_of(*(layer.kernels for layer in layers if layer.kernels is not None))
        self.activations = scale_of(*(layer.maps for layer in layers))
        image = moments[0].image
        # An image that was standardised has numbers below zero: it is drawn as signed data.
        self.brightness = scale_of(image, is_image=bool(np.nanmin(image, initial=0.0) >= 0))
        self.shown = _classes_to_show(moments)
        self.most = max((m.loss for m in moments if math.isfinite(m.loss)), default=1.0) or 1.0

    def class_name(self, i: int) -> str:
        """Return what a class is called."""
        return clean(self.classes[i], 24) if self.classes is not None and i < len(self.classes) else str(i)

    def shown_words(self) -> str:
        """Return how many of the classes have bars."""
        return f"{len(self.shown)} of {len(self.moments[0].probabilities)} classes"

    def guess(self, moment: Snapshot) -> str:
        """Return what the network says, such as `7, 92 %`."""
        shares = moment.probabilities
        if not np.isfinite(shares).all():
            return "nan"
        best = int(shares.argmax())
        return f"{self.class_name(best)}, {percent(float(shares[best]))}"

    def rows(self, layer: LayerView, width: int, height: int) -> list[tuple[Block, str]]:
        """Set a layer's kernels, if it has any to show, and its feature maps, and say what of how many is shown."""
        rows = []
        if layer.kernels is not None:
            what = "weights" if layer.kernel_count == 1 else "kernels"
            rows.append(self._tiles(layer.kernels, layer.kernel_count, what, self.weights, width, height))
        what = "units" if layer.map_count == 1 else "maps"
        rows.append(self._tiles(layer.maps, layer.map_count, what, self.activations, width, height))
        return rows

    def _tiles(
        self, arrays: Array, count: int, what: str, scale: ColorScale, width: int, height: int
    ) -> tuple[Block, str]:
        """As many as there is room for, in two rows of at most four."""
        smallest = thumbnail(arrays[0], self.theme, scale=scale, width=0).width
        columns = max(1, min(TILES_A_ROW, len(arrays), (width + _TILE_GAP) // (smallest + _TILE_GAP)))
        shown = arrays[: 2 * columns]
        rows = math.ceil(len(shown) / columns)
        columns = math.ceil(len(shown) / rows)
        room = (width - (columns - 1) * _TILE_GAP) // columns, (height - (rows - 1) * _TILE_GAP) // rows
        tiles = [thumbnail(array, self.theme, scale=scale, width=room[0], height=room[1]) for array in shown]
        size = shape_text(arrays.shape[1:])
        if pooled(arrays[0]).shape != arrays.shape[1:]:
            size += f" as {shape_text(pooled(arrays[0]).shape)}"
        if count == 1:
            words = f"{arrays[0].size} units" if what == "units" else f"{what} {size}"
        else:
            words = f"{len(shown)} {what} {size}" if len(shown) == count else f"{len(shown)} of {count} {what} {size}"
        return grid_block(tiles, columns, _TILE_GAP), words

    def image(self, width: int) -> Block:
        """Set the image."""
        return thumbnail(self.moments[0].image, self.theme, scale=self.brightness, width=width)

    def bars(self, sheet: Canvas, moment: Snapshot, x: float, bottom: float, width: float, height: float) -> None:
        """Draw the probabilities as bars about the middle `x`, the classes' names below, the guess above."""
        theme, size = self.theme, self.theme.small_size
        shares, guess = moment.probabilities, self.guess(moment)
        count = len(self.shown)
        names = [self.class_name(i) for i in self.shown]
        pitch = width / count
        is_named = max(text_width(name, SMALLEST) for name in names) + 1 <= pitch
        base, tallest = bottom + 16, height - 32
        left = x - width / 2
        is_right = moment.label is not None and np.isfinite(shares).all() and int(shares.argmax()) == moment.label
        shown = fitted(guess, width + 2, size)
        sheet.words(x, bottom + height - 7, text(shown), theme.value if is_right else theme.ink)
        for i, position in enumerate(self.shown):
            middle, is_true, share = left + (i + 0.5) * pitch, position == moment.label, float(shares[position])
            tall = tallest * share if math.isfinite(share) else 0.0
            if tall > 0.2:
                color = theme.value if is_true else theme.line
                sheet.bar(middle, base + tall / 2, max(1.0, pitch * 0.68), tall, color)
            if is_named:
                sheet.words(middle, bottom + 6, text(names[i]), theme.value if is_true else theme.line, SMALLEST)
                if is_true:
                    half = text_width(names[i], SMALLEST) / 2
                    sheet.line([(middle - half, bottom), (middle + half, bottom)], Stroke(1.4, theme.value))
        if not is_named and moment.label is not None:
            words = fitted(f"shows: {self.class_name(moment.label)}", width + 2, size)
            sheet.words(x, bottom + 6, text(words), theme.value)
        sheet.line([(left, base), (left + width, base)], Stroke(0.8, theme.line))

    def height(self, loss: float, bottom: float, height: float) -> float:
        """Return how high a loss stands above `bottom`; the scale is the whole film's, from 0 to the largest loss."""
        return bottom + height * max(0.0, loss) / self.most if math.isfinite(loss) else bottom

    def curve(self, sheet: Canvas, points: Sequence[Point], left: float, bottom: float, height: float) -> None:
        """Draw losses (x, loss) as a curve above `bottom`, the number at each point."""
        theme = self.theme
        sheet.line([(left, bottom), (points[-1][0] + points[0][0] - left, bottom)], Stroke(0.8, theme.line))
        places = [(x, self.height(loss, bottom, height)) for x, loss in points if math.isfinite(loss)]
        if len(places) > 1:
            sheet.line(places, Stroke(1.8, theme.accent))
        for x, y in places:
            sheet.disc(x, y, 3, theme.accent)
        step = max(1, math.ceil(46 / (points[1][0] - points[0][0]))) if len(points) > 1 else 1
        for i in range(len(points) - 1, -1, -step):
            x, loss = points[i]
            y, before = (self.height(points[j][1], bottom, height) for j in (i, max(0, i - 1)))
            self.loss_number(sheet, x, y, loss, falls=before > y + 8)

    def loss_number(self, sheet: Canvas, x: float, y: float, loss: float, *, falls: bool) -> None:
        """Set a loss above its point, or to the right of the curve where that falls towards the point."""
        size, shown = self.theme.small_size, number(loss, 3)
        aside = text_width(shown, size) / 2 - 2 if falls else 0.0
        sheet.words(x + aside, y + 13, text(shown), self.theme.ink, size)

    def legend(self, sheet: Canvas, x: float, y: float) -> None:
        """Explain the colours: one ramp for the weights, one for the activations."""
        theme = self.theme
        for name, scale in (("weights", self.weights), ("activations", self.activations)):
            ramp = thumbnail(np.linspace(-1, 1, _RAMP - 1) * scale.limit, theme, scale=scale, width=132)
            low, high = number(-scale.limit, 2), number(scale.limit, 2)
            for words in (f"{name}:", low):
                x += sheet.flush(x, y, words, text(words), theme.ink if words != low else theme.line) + 6
            sheet.block(x + ramp.width / 2, y, ramp)
            x += ramp.width + 6
            x += sheet.flush(x, y, high, text(high), theme.line) + 28
        said = "the same in every picture"
        if x + text_width(said, theme.small_size) < sheet.width - 10:
            sheet.flush(x, y, said, text(said), theme.line)


def _classes_to_show(moments: Sequence[Snapshot]) -> list[int]:
    count = len(moments[0].probabilities)
    if count <= MOST_BARS:
        return list(range(count))
    likely = np.nan_to_num([moment.probabilities for moment in moments]).max(axis=0)
    if moments[0].label is not None:
        likely[moments[0].label] = 2.0
    return sorted(int(i) for i in np.argsort(-likely, kind="stable")[:FEWER_BARS])
