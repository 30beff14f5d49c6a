"""The film strip: one network at several moments of its training, everything on one colour scale and at fixed places."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from minidl.errors import ShapeError, UsageError

from ..deck.deck import Deck, Frame
from ..drawing.canvas import Canvas, fitted
from ..drawing.dot import text
from ..drawing.figure import Figure
from ..drawing.notation import number
from ..drawing.theme import LIGHT, Theme, theme_named
from .film import Film
from .frame import draw_frame
from .snapshot import Snapshot, record

__all__ = ["Snapshot", "film_deck", "filmstrip", "record"]

HEADING: Final = "A network learns"
"""What a film is called if nothing else is said."""

MOST_MOMENTS: Final = 12
"""A strip has at most this many columns."""

_MARGIN: Final = 24.0
_HEADING: Final = 74.0
_LABELS: Final = 150.0
_WIDEST: Final = 112
_NARROWEST: Final = 66.0
_NARROWEST_SHEET: Final = 760.0
_GAP: Final = 14.0
_BARS: Final = 74.0
_CURVE: Final = 92.0
_LEGEND: Final = 34.0


def filmstrip(
    snapshots: Iterable[Snapshot],
    *,
    classes: Sequence[str] | None = None,
    theme: str | Theme = LIGHT,
    title: str | None = None,
    unit: str = "step",
) -> Figure:
    """Draw moments of a training next to each other: kernels, feature maps, what the network says, and the loss so far.

    Args:
        snapshots: what `record` returned, in the order of training: the same network and the same image every time.
        classes: the names of the classes.
        theme: the palette, or its name.
        title: the heading.
        unit: what the moments count: `step` or `epoch`.

    Raises:
        UsageError: there is no moment, or there are more than 12.
        ShapeError: the moments are not of one network.

    >>> import minidl
    >>> from minidl import nn
    >>> model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    >>> moments = [record(model, minidl.ones(1, 1, 4, 4), step, loss) for step, loss in [(0, 1.1), (10, 0.4)]]
    >>> filmstrip(moments).text.startswith("A network at 2 moments of its training")
    True
    """
    palette = theme_named(theme)
    moments = check(snapshots)
    film = Film(moments, classes, palette)
    heading = title or HEADING
    sheet = _Strip(film, unit, heading).sheet
    return Figure(sheet.dot.source(), title=heading, text=describe(film, unit), steps=steps(film, unit))


def film_deck(
    snapshots: Iterable[Snapshot],
    *,
    classes: Sequence[str] | None = None,
    theme: str | Theme = LIGHT,
    title: str | None = None,
    unit: str = "step",
) -> Deck:
    """Draw the moments of a training as a film: the network large, the loss so far below it; nothing moves.

    Args and errors as for `filmstrip`, but there may be any number of moments.

    Returns:
        A frame a moment; `.save("film.gif")`, and all else that a deck can be saved as.
    """
    palette = theme_named(theme)
    film = Film(check(snapshots, most=None), classes, palette)
    heading = title or HEADING
    frames = []
    for k, (moment, said) in enumerate(zip(film.moments, steps(film, unit), strict=True)):
        now = f"{unit} {moment.step}"
        figure = Figure(draw_frame(film, k, unit, heading), title=f"{heading}: {now}", text=said, steps=(said,))
        frames.append(Frame(figure, now, said, part="training"))
    return Deck(frames, title=heading, text=describe(film, unit), theme=palette)


def check(snapshots: Iterable[Snapshot], most: int | None = MOST_MOMENTS) -> list[Snapshot]:
    """Return the moments of one network, or say what is wrong with them."""
    moments = list(snapshots)
    if not moments:
        raise UsageError("a film strip needs at least one snapshot; take them with record()")
    if most is not None and len(moments) > most:
        raise UsageError(f"a film strip shows at most {most} moments; got {len(moments)}: take every other one")
    shapes = [
        [(layer.name, layer.kernels is None or layer.kernels.shape, layer.maps.shape) for layer in moment.layers]
        for moment in moments
    ]
    sizes = [(moment.image.shape, moment.probabilities.shape) for moment in moments]
    for k in range(1, len(moments)):
        if shapes[k] != shapes[0] or sizes[k] != sizes[0]:
            raise ShapeError(f"snapshot {k + 1} is not of the same network and image as the first: its shapes differ")
    return moments


def describe(film: Film, unit: str) -> str:
    """Say in words what the strip shows."""
    said = [f"A network at {len(film.moments)} moments of its training, all on the same colour scales."]
    for layer in film.moments[0].layers:
        said.append(f"{layer.name}: {', '.join(words for _, words in film.rows(layer, _WIDEST, _WIDEST))}.")
    return " ".join([*said, *steps(film, unit)])


def steps(film: Film, unit: str) -> tuple[str, ...]:
    """Return what happens, a line a moment."""
    lines = []
    for moment in film.moments:
        guess = film.guess(moment)
        line = f"{unit} {moment.step}: loss {number(moment.loss, 3)}; the network says {guess}"
        if moment.label is not None:
            line += f", the image shows {film.class_name(moment.label)}"
        lines.append(line + ".")
    return tuple(lines)


class _Strip:
    """The strip: a column a moment, a row for each thing that is looked at."""

    def __init__(self, film: Film, unit: str, heading: str) -> None:
        self.film = film
        theme, moments = film.theme, film.moments
        count = len(moments)
        self.pitch = min(_WIDEST, max(_NARROWEST, (960 - 2 * _MARGIN - _LABELS) / count))
        self.inner = math.floor(self.pitch - 6)
        rows = [film.rows(layer, self.inner, self.inner) for layer in moments[0].layers]
        height = _HEADING + _BARS + _CURVE + _LEGEND + 2 * _GAP
        height += sum(sum(block.height for block, _ in blocks) + _GAP / 2 * (len(blocks) + 1) for blocks in rows)
        width = max(2 * _MARGIN + _LABELS + count * self.pitch, _NARROWEST_SHEET)
        self.sheet = sheet = Canvas(width, height, theme)
        top = height - 24
        shown = fitted(heading, width - 2 * _MARGIN, theme.name_size)
        sheet.flush(_MARGIN, top, shown, text(shown), size=theme.name_size)
        y = height - _HEADING
        for k, moment in enumerate(moments):
            name = f"{unit} {moment.step}" if k == 0 or self.pitch > 88 else str(moment.step)
            sheet.words(self._x(k), y + 12, text(name), theme.line)
        for i, blocks in enumerate(rows):
            y = self._layer(i, [(block.height, words) for block, words in blocks], y)
        y -= _GAP / 2
        self._outputs(y - _BARS)
        y -= _BARS + _GAP
        self._losses(y - _CURVE + 18)
        film.legend(sheet, _MARGIN, _LEGEND / 2 + 2)

    def _x(self, k: int) -> float:
        return _MARGIN + _LABELS + (k + 0.5) * self.pitch

    def _label(self, y: float, words: Sequence[str], is_pale: bool = False) -> None:
        """Set lines at the left of a row; the first is what the row is of, unless all are pale."""
        theme = self.film.theme
        for i, line in enumerate(words):
            shown = fitted(line, _LABELS - 16, theme.small_size)
            place = (_MARGIN, y + 8.5 * (len(words) - 1) - 17 * i)
            self.sheet.flush(*place, shown, text(shown), theme.ink if i == 0 and not is_pale else theme.line)

    def _layer(self, i: int, rows: Sequence[tuple[int, str]], y: float) -> float:
        """Draw a layer's rows from y downwards, and return where the next layer's begin."""
        first = self.film.moments[0].layers[i]
        columns = [self.film.rows(moment.layers[i], self.inner, self.inner) for moment in self.film.moments]
        for row, (height, words) in enumerate(rows):
            what, pooled, size = words.partition(" as ")
            lines = [what, f"as {size}"] if pooled else [what]
            self._label(y - height / 2, [first.name or f"layer {i + 1}", *lines] if row == 0 else lines, row > 0)
            for k, blocks in enumerate(columns):
                self.sheet.block(self._x(k), y - height / 2, blocks[row][0], name=f"layer{i}_{row}_{k}")
            y -= height + _GAP / 2
        return y - _GAP / 2

    def _outputs(self, bottom: float) -> None:
        film = self.film
        image = film.image(56)
        self.sheet.block(_MARGIN + image.width / 2, bottom + _BARS / 2, image, name="image")
        middle = bottom + _BARS / 2
        lines = ["what it says", "of this image"]
        if len(film.shown) < len(film.moments[0].probabilities):
            lines.append(f"({film.shown_words()})")
        for i, line in enumerate(lines):
            shown = fitted(line, _LABELS - image.width - 12, film.theme.small_size)
            self.sheet.flush(_MARGIN + image.width + 8, middle + 8.5 * (len(lines) - 1) - 17 * i, shown, text(shown))
        for k, moment in enumerate(film.moments):
            film.bars(self.sheet, moment, self._x(k), bottom, self.inner, _BARS)

    def _losses(self, bottom: float) -> None:
        film = self.film
        self._label(bottom + (_CURVE - 18) / 2, ["loss so far"])
        points = [(self._x(k), moment.loss) for k, moment in enumerate(film.moments)]
        film.curve(self.sheet, points, self._x(0) - self.pitch / 2 + 4, bottom, _CURVE - 36)
