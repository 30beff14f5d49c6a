"""A chain of functions of one number: every wire as thick as the gradient on it is large, in rows that read like text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from minidl.autodiff import backward_steps, forward_steps, gradients, local_derivative, order
from minidl.errors import GraphError
from minidl.graph import Node

from ..circuit.naming import choose_names
from ..drawing.canvas import Canvas
from ..drawing.dot import Html, font, text
from ..drawing.figure import Figure
from ..drawing.metrics import text_width
from ..drawing.notation import (
    level,
    name_html,
    name_width_text,
    number,
    number_html,
    one_digit,
    power_of_ten,
    symbol_html,
    tidy_name,
)
from ..drawing.theme import HeatScale, Stroke, Theme

LONGEST_CHAIN: Final = 60

_PITCH: Final = 82.0
_RADIUS: Final = 17.0
_ROW: Final = 128.0
_ABOVE: Final = 36.0
"""From the top of the page to the middle of the first row."""
_BELOW: Final = 114.0
"""From the middle of the last row to the bottom: its numbers and the legend."""
_MARGIN: Final = 8.0
_TURN: Final = 0.9 * _PITCH
_SAMPLE: Final = 34.0
_LEGEND_STEP: Final = 3


def draw_chain(root: Node, per_row: int, scale: HeatScale, theme: Theme, title: str | None) -> Figure:
    """Draw a chain that ends in `root`, with `per_row` functions in a row.

    Raises:
        GraphError: `root` is not the end of a chain of functions of one number, or there are more than 60.
    """
    chain = _chain(root)
    found = gradients(root)
    sizes = [abs(float(found[node])) for node in chain]
    names = choose_names(chain)
    drawing = _Rows(chain, sizes, names, max(1, min(per_row, len(chain) - 1)), scale, theme)
    first, last = tidy_name(names[chain[0]]), tidy_name(names[root])
    heading = f"A chain of {len(chain) - 1} functions from {first} to {last}"
    said = f"the gradient goes from 1 at {last} to {number(sizes[0], 3)} at {first}"
    numbers = ", ".join(f"{_symbol(node)}′ = {number(_local(node), 3)}" for node in chain[1:])
    spoken = {node: tidy_name(name) for node, name in names.items()}
    return Figure(
        drawing.source(),
        title=title or heading,
        text=f"{heading}: {said}. From left to right: {numbers}.",
        steps=tuple(step.text for step in (*forward_steps(root, spoken), *backward_steps(root, spoken))),
        layout="neato",
    )


def _chain(root: Node) -> list[Node]:
    """Return the chain from its start to `root`, or say why there is none."""
    if not isinstance(root, Node) or not root.requires_grad or root.primitive is None:
        raise GraphError("a thermometer needs a value computed from one that requires a gradient")
    nodes = order(root)
    for before, node in pairwise(nodes):
        alone = len(node.inputs) == 1 and node.inputs[0] is before
        if not alone or node.ndim != 0 or local_derivative(node, 0) is None:
            raise GraphError(
                f"a thermometer draws a chain of functions of one number; {_symbol(node)} is none, or not next in the chain"
            )
    if len(nodes) - 1 > LONGEST_CHAIN:
        raise GraphError(f"this chain has {len(nodes) - 1} functions; a thermometer shows at most {LONGEST_CHAIN}")
    return nodes


def _symbol(node: Node) -> str:
    return node.primitive.notation.symbol if node.primitive else node.name or "x"


def _local(node: Node) -> float:
    return float(local_derivative(node, 0))


class _Rows:
    """The drawing: places depend on the number of functions and the names, never on the numbers."""

    def __init__(
        self,
        chain: Sequence[Node],
        sizes: Sequence[float],
        names: Mapping[Node, str],
        per_row: int,
        scale: HeatScale,
        theme: Theme,
    ) -> None:
        self.chain, self.sizes, self.names, self.per_row = chain, sizes, names, per_row
        self.scale, self.theme = scale, theme
        self.rows = math.ceil((len(chain) - 1) / per_row)
        ends = [text_width(name_width_text(names[node]), theme.name_size) for node in (chain[0], chain[-1])]
        self.start = _MARGIN + ends[0] + 6
        flow = self.start + (per_row + 1) * _PITCH + 10 + ends[1] + _MARGIN
        product, shown = self._product()
        self.product, self.product_width = product, text_width(shown, theme.number_size)
        self.caption = "size of the gradient:"
        powers = range(round(scale.high), round(scale.low) - 1, -_LEGEND_STEP)
        self.levels = [(10.0**power, "1" if power == 0 else f"10{power}") for power in powers]
        samples = sum(_SAMPLE + 24 + text_width(plain, theme.small_size) for _, plain in self.levels)
        legend = text_width(self.caption, theme.small_size) + 12 + samples + 24 + self.product_width
        height = _ABOVE + (self.rows - 1) * _ROW + _BELOW
        self.canvas = Canvas(max(flow, legend + 2 * _MARGIN), height, theme)

    def source(self) -> str:
        """Write everything and return the DOT text."""
        theme, names, last = self.theme, self.names, len(self.chain) - 1
        x, y = self._place(1)
        first = name_html(names[self.chain[0]], 0, theme.name_size)
        self.canvas.words((self.start + _MARGIN - 6) / 2, y, first, size=theme.name_size)
        self.canvas.line([(self.start, y), (x - _RADIUS, y)], self._stroke(0))
        self._numbers(0, x - _PITCH / 2, y)
        for k in range(1, last + 1):
            self._function(k)
            if k < last:
                self._wire(k)
        x, y = self._place(last)
        end, stroke = x + _PITCH, self._stroke(last)
        self.canvas.line([(x + _RADIUS, y), (end - 8, y)], stroke)
        self._head(end - 4, y, stroke)
        self._numbers(last, x + _PITCH / 2, y)
        width = text_width(name_width_text(names[self.chain[-1]]), theme.name_size)
        self.canvas.words(
            end + 8 + width / 2, y, name_html(names[self.chain[-1]], 0, theme.name_size), size=theme.name_size
        )
        self._legend()
        return self.canvas.dot.source()

    def _place(self, k: int) -> tuple[float, float]:
        """Where the circle of function number `k` stands."""
        row, column = divmod(k - 1, self.per_row)
        return self.start + (column + 1) * _PITCH, self.canvas.height - _ABOVE - row * _ROW

    def _stroke(self, k: int) -> Stroke:
        return self.theme.stroke(self.sizes[k], self.scale)

    def _head(self, x: float, y: float, stroke: Stroke, *, left: bool = False) -> None:
        """A head on a wire, its middle at (x, y): an edge's own would grow with its width beyond measure."""
        size = stroke.width + 8
        self.canvas.box(
            self.canvas.new("head"), x, y, size, size, shape="triangle", orientation=90 if left else 270,
            style="filled", fillcolor=stroke.color, color=stroke.color, penwidth=0,
        )  # fmt: skip

    def _numbers(self, k: int, x: float, y: float) -> None:
        """The value above and the size of the gradient below the wire that leaves number `k`."""
        theme, size = self.theme, self.theme.note_size
        self.canvas.words(
            x, y + 17, number_html(float(self.chain[k].data), 3, theme.number_size), theme.value, theme.number_size
        )
        self.canvas.words(x, y - 18, level(one_digit(self.sizes[k], size), size), theme.gradient, size)

    def _function(self, k: int) -> None:
        theme, node = self.theme, self.chain[k]
        x, y = self._place(k)
        symbol, size = _symbol(node), theme.symbol_size if len(_symbol(node)) == 1 else theme.small_size
        look = {"shape": "circle", "style": "filled", "fillcolor": theme.fill, "color": theme.line}
        self.canvas.box(f"o{k}", x, y, 2 * _RADIUS, 2 * _RADIUS, **look)
        self.canvas.words(x, y, symbol_html(symbol, size), theme.ink, size)
        self.canvas.words(
            x, y - _RADIUS - 13, number_html(_local(node), 3, theme.note_size), theme.local, theme.note_size
        )

    def _wire(self, k: int) -> None:
        """The wire from function `k` to the next, round to the start of the next row where that begins there."""
        (x, y), (after, below), stroke = self._place(k), self._place(k + 1), self._stroke(k)
        if y == below:
            self.canvas.line([(x + _RADIUS, y), (after - _RADIUS, y)], stroke)
            self._numbers(k, (x + after) / 2, y)
            return
        right, middle, left = x + _TURN, (y + below) / 2 - 6, after - _PITCH + stroke.width / 2
        corners = [(right, y), (right, middle), (left, middle), (left, below)]
        self.canvas.path(
            [(x + _RADIUS, y), *corners, (after - _RADIUS, below)],
            penwidth=stroke.width,
            color=stroke.color,
            style=stroke.style,
        )
        self._head((right + left) / 2, middle, stroke, left=True)
        self._head(after - _PITCH / 2, below, stroke)
        self._numbers(k, x + _PITCH / 2, y)

    def _factor(self) -> str:
        """What the gradient is multiplied by at each function: its symbol's derivative, if all are one function."""
        symbols = {_symbol(node) for node in self.chain[1:]}
        return f"{symbols.pop()}′" if len(symbols) == 1 else "derivatives"

    def _product(self) -> tuple[Html, str]:
        """The chain rule in one line, and the same as plain text."""
        theme, size = self.theme, self.theme.number_size
        first, last = (self.names[self.chain[i]] for i in (0, -1))
        content = text("∂") + name_html(last, 0, size) + text("/∂") + name_html(first, 0, size)
        content += text(" = product of all ") + font(text(self._factor()), theme.local) + text(" = ")
        content += font(number_html(self.sizes[0], 3, size), theme.gradient)
        plain = f"∂{name_width_text(last)}/∂{name_width_text(first)} = product of all {self._factor()} = "
        return content, plain + number(self.sizes[0], 3)

    def _legend(self) -> None:
        theme, canvas, size = self.theme, self.canvas, self.theme.small_size
        x, y = _MARGIN, 42.0
        x += canvas.flush(x, y, self.caption, text(self.caption), theme.ink) + 12
        for value, plain in self.levels:
            canvas.line([(x, y), (x + _SAMPLE, y)], theme.stroke(value, self.scale))
            shown = level(power_of_ten(value, size), size)
            x += _SAMPLE + 6 + canvas.flush(x + _SAMPLE + 6, y, plain, shown, theme.gradient) + 18
        canvas.words(canvas.width - _MARGIN - self.product_width / 2, y, self.product, size=theme.number_size)
        note = "below each function: its derivative" + (f" {self._factor()}" if len(self._factor()) < 6 else "")
        canvas.flush(_MARGIN, y - 24, note, text(note), theme.local)
