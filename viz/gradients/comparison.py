"""Gradients of deep networks side by side: a row a network, on one scale, read from the graphs alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from minidl.errors import GraphError, UsageError
from minidl.graph import Node

from ..drawing.canvas import SLIDE, Canvas, fitted
from ..drawing.dot import bold, clean, font, italic, text
from ..drawing.figure import Figure
from ..drawing.metrics import text_width
from ..drawing.notation import level, number, number_html, percent, power_of_ten, size_html
from ..drawing.theme import HeatScale, Stroke, Theme
from .units import SATURATED_BELOW, Unit, units

MOST_UNITS: Final = 60
MOST_ROWS: Final = 6

_MARGIN: Final = 24.0
_HEADING: Final = 54.0
_LEGEND: Final = 54.0
_LABELS: Final = 176.0
_END: Final = 46.0
_WIDEST_PITCH: Final = 124.0
_NARROWEST: Final = 860.0
_SLAB_HEIGHT: Final = 30.0
_LINE: Final = 17.0
_NUMBERS: Final = 42.0
"""Above and below a row's slabs: the gradients' numbers, and air."""
_LABEL_SIZE: Final = 15
_MEANT: Final = 0.01
"""A share below this is not worth a line of numbers."""

Row = tuple[str, tuple[Unit, ...]]


def compare(networks: Mapping[str, Any], scale: HeatScale, theme: Theme, title: str | None) -> Figure:
    """Draw the gradients of several networks under each other, on one scale.

    Args:
        networks: by label, each network's loss, or its loss and the model that made it.
        scale: of widths and colours, for all of them.
        theme: the palette.
        title: the heading, or None for one that says what is shown.

    Raises:
        UsageError: there is none, there are more than 6, or something is no loss.
        GraphError: a loss has no layers, or more than 60.
    """
    if not 1 <= len(networks) <= MOST_ROWS:
        raise UsageError(f"a thermometer compares 1 to {MOST_ROWS} networks; got {len(networks)}")
    rows: list[Row] = []
    for label, given in networks.items():
        loss, model = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
        if not isinstance(loss, Node):
            raise UsageError(f"{label!r} must be a loss, or a loss and its model; got {type(given).__name__}")
        rows.append((str(label), units(loss, model)))
        if len(rows[-1][1]) > MOST_UNITS:
            raise GraphError(f"{label!r} has {len(rows[-1][1])} layers; a thermometer shows at most {MOST_UNITS}")
    heading = title or rows[0][0] * (len(rows) == 1) or "How large the gradient is, layer by layer"
    steps = [describe(label, found) for label, found in rows]
    words = (
        f"{len(rows)} networks compared" if len(rows) > 1 else "One network"
    ) + ", the width and colour of each wire the Euclidean norm of the gradient of the loss with respect to the whole "
    words += "batch of a layer's outputs, on one logarithmic scale. " + " ".join(steps)
    return Figure(_Rows(rows, scale, theme).source(heading), title=heading, text=words, steps=tuple(steps))


def describe(label: str, found: Sequence[Unit]) -> str:
    """Say in words what a row shows.

    >>> describe("net", [Unit("", (2, 3), 0.5), Unit("", (2, 1), 1.0)])
    'net: 2 layers; the norm of the gradient is 0.5 at layer 1 and 1 at layer 2, a ratio of 0.5.'
    """
    first, last = found[0].gradient, found[-1].gradient
    said = f"{len(found)} layers" if len(found) > 1 else "1 layer"
    parts = [f"{said}; the norm of the gradient is {number(first, 2)} at layer 1"]
    if len(found) > 1:
        parts[0] += f" and {number(last, 2)} at layer {len(found)}, a ratio of {number(ratio(found), 2)}"
    for kind in ("saturated", "dead"):
        shares = {i: share for i, share in enumerate(_shares(found, kind), 1) if share >= _MEANT}
        if shares:
            worst = max(shares, key=lambda i: shares[i])
            where = f"{len(shares)} layer" + ("s" if len(shares) > 1 else "")
            parts.append(f"{kind} units in {where}, most in layer {worst} ({percent(shares[worst])})")
    return (f"{clean(label, 80)}: " if label else "") + "; ".join(parts) + "."


def ratio(found: Sequence[Unit]) -> float:
    """Return the gradient's size at the first layer as a multiple of that at the last; nan where that says nothing."""
    first, last = found[0].gradient, found[-1].gradient
    return first / last if last > 0 and math.isfinite(last) else math.nan


def _shares(found: Sequence[Unit], kind: str) -> list[float]:
    return [getattr(unit, kind) or 0.0 for unit in found]


class _Rows:
    """The drawing: where a row's pieces stand depends on the number of layers and on what lines there are below it."""

    def __init__(self, rows: Sequence[Row], scale: HeatScale, theme: Theme) -> None:
        self.rows, self.scale, self.theme = rows, scale, theme
        most = max(len(found) for _, found in rows)
        self.pitch = min(_WIDEST_PITCH, (SLIDE[0] - 2 * _MARGIN - _LABELS - _END) / most)
        self.slab = min(26.0, 0.5 * self.pitch)
        # The first number of a line is as wide as it is, however close the layers stand.
        self.labels_end = _MARGIN + _LABELS - max(14.0, 38 - self.pitch / 2)
        width = max(2 * _MARGIN + _LABELS + most * self.pitch + _END, _NARROWEST)
        tallest = (SLIDE[1] - _HEADING - _LEGEND) / len(rows)
        # Of many networks the numbers below the slabs would not fit a slide; their fillings stay.
        most_lines = max(0, int((tallest - _SLAB_HEIGHT - _NUMBERS) / _LINE))
        self.lines = [self._lines(found)[:most_lines] for _, found in rows]
        self.heights = [max(min(tallest, 132.0), _SLAB_HEIGHT + _NUMBERS + _LINE * len(lines)) for lines in self.lines]
        self.sheet = Canvas(width, _HEADING + sum(self.heights) + _LEGEND, theme)

    def _lines(self, found: Sequence[Unit]) -> list[str]:
        """What stands below a row: only what there is to say."""
        lines = ["slope"] if any(unit.slope is not None for unit in found) else []
        lines += [kind for kind in ("saturated", "dead") if max(_shares(found, kind)) >= _MEANT]
        return lines + (["weight"] if len(self.rows) == 1 else [])

    def source(self, heading: str) -> str:
        theme, sheet = self.theme, self.sheet
        top = sheet.height - 24
        flow = "← the gradient flows from L to the left"
        flowing = text("← the gradient flows from ") + italic(text("L")) + text(" to the left")
        sheet.flush(sheet.width - _MARGIN, top - 2, flow, flowing, theme.gradient, theme.note_size, right=True)
        room = sheet.width - 2 * _MARGIN - text_width(flow, theme.note_size) - 20
        shown = fitted(heading, room, theme.name_size)
        sheet.flush(_MARGIN, top, shown, text(shown), size=theme.name_size)
        y = sheet.height - _HEADING
        self._layer_numbers(y + 4)
        for (label, found), lines, height in zip(self.rows, self.lines, self.heights, strict=True):
            self._row(label, found, lines, y - 32 - _SLAB_HEIGHT / 2)
            y -= height
        self._legend()
        return sheet.dot.source()

    def _x(self, i: int) -> float:
        """The middle of the slab of layer `i`, counted from 1."""
        return _MARGIN + _LABELS + (i - 0.5) * self.pitch

    def _shown(self, count: int, widest: float) -> list[int]:
        """Which layers' numbers are printed: the first, the last, and as many between as there is room for."""
        step = max(1, math.ceil((widest + 5) / self.pitch))
        chosen = list(range(1, count + 1, step))
        if chosen[-1] != count:
            if count - chosen[-1] < step and len(chosen) > 1:
                chosen.pop()
            chosen.append(count)
        return chosen

    def _layer_numbers(self, y: float) -> None:
        """Above all rows: the layers' names where there is one row and they fit, else their numbers."""
        most = max(len(found) for _, found in self.rows)
        names = [unit.name for unit in self.rows[0][1]]
        size, color = self.theme.small_size, self.theme.line
        is_named = len(self.rows) == 1 and all(names)
        is_named = is_named and max(text_width(clean(name), size) for name in names) + 8 < self.pitch
        shown = [clean(name) for name in names] if is_named else [str(i) for i in range(1, most + 1)]
        self.sheet.flush(self.labels_end, y, "layer", text("layer"), color, right=True)
        for i in self._shown(most, max(text_width(word, size) for word in shown)):
            self.sheet.words(self._x(i), y, text(shown[i - 1]), color)

    def _row(self, label: str, found: Sequence[Unit], lines: Sequence[str], y: float) -> None:
        theme, sheet = self.theme, self.sheet
        start = self._x(len(found)) + self.slab / 2
        end = start + min((self.pitch - self.slab) / 2 + _END - 20, max(self.pitch - self.slab, 26.0))
        sheet.line([(self._x(1) - self.pitch / 2 - 6, y), (self._x(1) - self.slab / 2, y)])
        for i, unit in enumerate(found, 1):
            stop = self._x(i + 1) - self.slab / 2 if i < len(found) else end
            sheet.line([(self._x(i) + self.slab / 2, y), (stop, y)], theme.stroke(unit.gradient, self.scale))
        for i, unit in enumerate(found, 1):
            self._slab(self._x(i), y, unit)
        sheet.words(end + 13, y, italic(text("L")), size=theme.name_size)
        size = theme.small_size
        for i in self._shown(len(found), text_width("8.8×10−88", size)):
            x = self._x(i) + self.pitch / 2 if i < len(found) else (start + end) / 2
            sheet.words(x, y + _SLAB_HEIGHT / 2 + 13, size_html(found[i - 1].gradient, size), theme.gradient)
        self._labels(label, found, y)
        for k, kind in enumerate(lines):
            self._line(kind, found, y - _SLAB_HEIGHT / 2 - 12 - _LINE * k - (3 if kind == "weight" else 0))

    def _slab(self, x: float, y: float, unit: Unit) -> None:
        """A layer: filled from below as far as it is saturated, hatched as far as it is dead."""
        theme, sheet = self.theme, self.sheet
        family = "activation" if unit.activation else "dense"
        sheet.bar(x, y, self.slab, _SLAB_HEIGHT, theme.family_fills[family], theme.line)
        left, bottom, inside = x - self.slab / 2 + 1, y - _SLAB_HEIGHT / 2 + 1, _SLAB_HEIGHT - 2
        if unit.saturated is not None and unit.saturated >= _MEANT:
            sheet.bar(x, bottom + inside * unit.saturated / 2, self.slab - 2, inside * unit.saturated, theme.accent)
        if unit.dead is not None and unit.dead >= _MEANT:
            sheet.bar(x, bottom + inside * unit.dead / 2, self.slab - 2, inside * unit.dead, theme.dim)
            self._hatch(left, bottom, self.slab - 2, inside * unit.dead)

    def _hatch(self, left: float, bottom: float, width: float, height: float) -> None:
        """Diagonals across a rectangle, cut off at its sides."""
        start = -width
        while start < height:
            x0, x1 = max(0.0, -start), min(width, height - start)
            if x1 - x0 > 0.5:
                ends = [(left + x, bottom + start + x) for x in (x0, x1)]
                self.sheet.line(ends, Stroke(1.0, self.theme.ink))
            start += 5

    def _labels(self, label: str, found: Sequence[Unit], y: float) -> None:
        theme, sheet = self.theme, self.sheet
        shown = fitted(label, _LABELS - 18, _LABEL_SIZE, is_bold=True)
        if len(self.rows) > 1 and shown:
            place = (_MARGIN, y + _SLAB_HEIGHT / 2 + 13)
            sheet.flush(*place, shown, bold(text(shown)), size=_LABEL_SIZE, is_bold=True)
        if len(found) > 1:
            size, value = theme.note_size, ratio(found)
            words = text("first/last layer: ") + font(number_html(value, 2, size), theme.gradient)
            sheet.flush(_MARGIN, y - 1, f"first/last layer: {number(value, 2)}", words, size=size)

    def _line(self, kind: str, found: Sequence[Unit], y: float) -> None:
        """A line of numbers below a row."""
        theme, sheet, size = self.theme, self.sheet, self.theme.small_size
        color = {"slope": theme.local, "weight": theme.gradient}.get(kind, theme.ink)
        if kind == "weight":
            name = text("‖∂") + italic(text("L")) + text("/∂") + bold(italic(text("W"))) + text("‖")
            sheet.flush(self.labels_end, y, "‖∂L/∂W‖", name, color, right=True)
            for i in self._shown(len(found), text_width("8.8×10−88", size)):
                sheet.words(self._x(i), y, size_html(found[i - 1].weight_gradient, size), color)
            return
        symbols = sorted({unit.activation for unit in found if unit.activation})
        plain = kind if kind != "slope" else f"mean {symbols[0]}′" if len(symbols) == 1 else "mean slope"
        sheet.flush(self.labels_end, y, plain, text(plain), color, right=True)
        shown = [_written(kind, getattr(unit, kind)) for unit in found]
        for i in self._shown(len(found), max(text_width(word, size) for word in shown)):
            if shown[i - 1]:
                sheet.words(self._x(i), y, text(shown[i - 1]), color)

    def _legend(self) -> None:
        theme, sheet, size = self.theme, self.sheet, self.theme.small_size
        x, y = _MARGIN, 40.0
        norm = text("‖∂") + italic(text("L")) + text("/∂") + bold(italic(text("h"))) + text("‖")
        x += sheet.flush(x, y, "‖∂L/∂h‖", norm, theme.gradient) + 4
        said = "of a layer’s output h, over the whole batch:"
        saying = text("of a layer’s output ") + bold(italic(text("h"))) + text(", over the whole batch:")
        x += sheet.flush(x, y, said, saying) + 8
        low, high = round(self.scale.low), round(self.scale.high)
        for power in range(high, low - 1, -max(1, math.ceil((high - low) / 4))):
            sheet.line([(x, y), (x + 32, y)], theme.stroke(10.0**power, self.scale))
            shown = level(power_of_ten(10.0**power, size), size)
            x += 38 + sheet.flush(x + 38, y, f"10{power}" if power else "1", shown, theme.gradient) + 18
        sheet.line([(x, y), (x + 32, y)], theme.stroke(0.0, self.scale))
        sheet.flush(x + 38, y, "0", level(text("0"), size), theme.gradient)
        x, y = _MARGIN, 15.0
        kinds = {kind for _, found in self.rows for kind in self._lines(found)}
        if "saturated" in kinds:
            said = f"saturated: size of the slope below {number(SATURATED_BELOW)}, share of units × examples"
            x = self._key(x, y, Unit("", (), 1.0, saturated=1.0), said)
        if "dead" in kinds:
            self._key(x, y, Unit("", (), 1.0, dead=1.0), "dead: slope 0 for every example, share of units")

    def _key(self, x: float, y: float, unit: Unit, words: str) -> float:
        """A small square and what its filling means; returns where the next may begin."""
        self.sheet.bar(x + 8, y, 16, 16, self.theme.accent if unit.saturated else self.theme.dim, self.theme.line)
        if unit.dead:
            self._hatch(x + 1, y - 7, 14, 14)
        return x + 24 + self.sheet.flush(x + 22, y, words, text(words)) + 24


def _written(kind: str, value: float | None) -> str:
    if value is None:
        return ""
    if kind != "slope":
        return percent(value) if value >= _MEANT else ""
    return f"{value:.2f}" if value == 0 or 0.005 <= value < 100 else number(value, 1)
