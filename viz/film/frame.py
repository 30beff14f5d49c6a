"""One frame of a film: the network at one moment, large, with the loss so far below it."""

from __future__ import annotations

import math
from typing import Final

from ..drawing.canvas import SLIDE, Canvas, fitted
from ..drawing.dot import text
from ..drawing.theme import Stroke
from .film import Film

_MARGIN: Final = 30.0
_HEADING: Final = 64.0
_NAMES: Final = 26.0
_CURVE: Final = 110.0
_LEGEND: Final = 40.0
_GAP: Final = 40.0
_IMAGE: Final = 104.0
_BARS: Final = 190.0
_WORDS: Final = 20.0


def draw_frame(film: Film, k: int, unit: str, heading: str) -> str:
    """Return the DOT text of moment `k`: every frame of a film has the same places."""
    theme, moment = film.theme, film.moments[k]
    width, height = SLIDE
    sheet = Canvas(width, height, theme)
    now = f"{unit} {moment.step}"
    shown = fitted(heading, width - 2 * _MARGIN - 180, theme.name_size)
    sheet.flush(_MARGIN, height - 30, shown, text(shown), size=theme.name_size)
    sheet.flush(width - _MARGIN, height - 30, now, text(now), size=theme.name_size, right=True)
    top, bottom = height - _HEADING, _LEGEND + _CURVE + 16
    middle = (top - _NAMES + bottom) / 2
    image = film.image(int(_IMAGE))
    sheet.block(_MARGIN + image.width / 2, middle, image, name="image")
    sheet.words(_MARGIN + image.width / 2, top - 6, text("the image"), theme.line)
    x = _MARGIN + _IMAGE
    end = width - _MARGIN - _BARS
    layers = moment.layers
    room = (end - x - _GAP * (len(layers) + 1)) / max(1, len(layers))
    for i, layer in enumerate(layers):
        _arrow(sheet, x + 6, x + _GAP - 6, middle)
        x += _GAP
        rows = 1 if layer.kernels is None else 2
        high = (top - _NAMES - bottom) / rows
        blocks = film.rows(layer, int(room), int(high - _WORDS - 8))
        name = fitted(layer.name or f"layer {i + 1}", room, theme.note_size)
        sheet.words(x + room / 2, top - 6, text(name), size=theme.note_size)
        for row, (block, words) in enumerate(blocks):
            # Captions stand at one height in all layers; a block stands in the middle of the room above its caption.
            floor = top - _NAMES - (row + 1) * high
            sheet.block(x + room / 2, floor + (high + _WORDS) / 2, block, name=f"layer{i}_{row}")
            below = floor + (high + _WORDS - block.height) / 2 - 10 if rows == 1 else floor + 10
            line = fitted(words, room + _GAP - 8, theme.small_size)
            sheet.words(x + room / 2, below, text(line), theme.line)
        x += room
    _arrow(sheet, x + 6, x + _GAP - 6, middle)
    words = "what it says"
    if len(film.shown) < len(moment.probabilities):
        words += f", {film.shown_words()}"
    sheet.words(end + _BARS / 2, top - 6, text(words), theme.line)
    film.bars(sheet, moment, end + _BARS / 2, middle - 75, _BARS - 8, 150)
    _losses(sheet, film, k)
    film.legend(sheet, _MARGIN, 20)
    return sheet.dot.source()


def _arrow(sheet: Canvas, start: float, end: float, y: float) -> None:
    sheet.path([(start, y), (end, y)], 7.0, penwidth=1.2)


def _losses(sheet: Canvas, film: Film, k: int) -> None:
    """The loss so far, its axis as long as the whole training; the number stands at the newest point only."""
    theme, moments = film.theme, film.moments
    left, right, bottom = _MARGIN + 56, sheet.width - _MARGIN - 56, _LEGEND + 8
    first, last = moments[0].step, moments[-1].step
    sheet.flush(_MARGIN, bottom + 30, "loss", text("loss"))
    sheet.line([(left, bottom), (right, bottom)], Stroke(0.8, theme.line))
    span = max(1, last - first)
    points = [(left + (right - left) * (moment.step - first) / span, moment.loss) for moment in moments[: k + 1]]
    places = [(x, film.height(loss, bottom, _CURVE - 46)) for x, loss in points]
    drawn = [place for place, (_, loss) in zip(places, points, strict=True) if math.isfinite(loss)]
    if len(drawn) > 1:
        sheet.line(drawn, Stroke(1.8, theme.accent))
    for x, y in drawn:
        sheet.disc(x, y, 3, theme.accent)
    (x, y), before = places[-1], places[max(0, k - 1)][1]
    film.loss_number(sheet, x, y, moments[k].loss, falls=before > y + 8)
