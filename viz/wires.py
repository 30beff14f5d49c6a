"""The pieces of a circuit as markup: numbers and bracketed matrices, the value above a wire and the gradient below it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from .dot import Html, cell, font, table, text
from .metrics import text_width
from .notation import name_html, name_width_text, number, number_html, shape_text
from .theme import Theme

LONGEST_COLUMN: Final = 6
LARGEST_MATRIX: Final = 4
SHORTEST_WIRE: Final = 46
BRACKET: Final = 5
_RULE = Html("<HR/>")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of markup and the size it takes, in points."""

    html: Html
    width: int
    height: int


def is_small(shape: tuple[int, ...]) -> bool:
    """Return whether an array of this shape is printed in full.

    >>> is_small((2, 2)), is_small((6,)), is_small((3, 28, 28))
    (True, True, False)
    """
    if len(shape) == 2:
        return 0 < min(shape) and max(shape) <= LARGEST_MATRIX
    return len(shape) == 0 or (len(shape) == 1 and 0 < shape[0] <= LONGEST_COLUMN)


def array_block(array: Any, color: str, theme: Theme, summary: str = "shape") -> Block:
    """Set a number or a small array, a vector as a column; of a larger array its shape or its norm.

    Args:
        array: the numbers.
        color: what to print them in.
        theme: the type sizes.
        summary: what to print of an array too large to print: its `shape` or its `norm`.
    """
    array = np.asarray(array)
    size = theme.number_size
    if not is_small(array.shape):
        shown = shape_text(array.shape)
        if summary == "norm":
            with np.errstate(all="ignore"):
                shown = f"‖∇‖ = {number(float(np.linalg.norm(np.asarray(array, np.float64))), 3)}"
        return Block(font(text(shown), color, size), math.ceil(text_width(shown, size)) + 10, size + 5)
    if array.ndim == 0:
        return Block(font(number_html(float(array)), color, size), number_width(float(array), size), size + 5)
    return _matrix(array.reshape(-1, 1) if array.ndim == 1 else array, color, size)


def number_width(value: float, size: int) -> int:
    """Return a width that holds a number, in points."""
    return math.ceil(text_width(number(value), size)) + 8


def _matrix(rows: np.ndarray[Any, Any], color: str, size: int) -> Block:
    line = size + 4
    height = line * len(rows)
    widths = [max(number_width(float(value), size) for value in column) for column in rows.T]

    def bracket(side: str) -> Html:
        return cell(border=1, sides=f"{side}TB", width=BRACKET, height=height, fixedsize=True, rowspan=len(rows))

    lines = []
    for i, row in enumerate(rows):
        cells = [
            cell(font(number_html(float(value)), color, size), width=width, height=line, fixedsize=True)
            for value, width in zip(row, widths, strict=True)
        ]
        lines.append([bracket("L"), *cells, bracket("R")] if i == 0 else cells)
    return Block(table(lines, color=color), sum(widths) + 2 * BRACKET, height)


def wire_block(value: Any, gradient: Any, theme: Theme, *, shortest: int = SHORTEST_WIRE, color: str = "") -> Block:
    """Set a wire: a rule in the line's colour with the value above and the gradient below, either of which may be None."""
    above = None if value is None else array_block(value, theme.value, theme)
    below = None if gradient is None else array_block(gradient, theme.gradient, theme, "norm")
    blocks = [block for block in (above, below) if block]
    width = max([shortest, *(block.width + 14 for block in blocks)])
    height = max([8, *(block.height + (9 if block.height > theme.number_size + 5 else 3) for block in blocks)])
    rows = [
        [cell(block.html if block else Html(""), width=width, height=height, fixedsize=True)] for block in (above, below)
    ]
    return Block(table([rows[0], _RULE, rows[1]], color=color or theme.line), width, 2 * height)


def named_wire(name: str, ndim: int, wire: Block, theme: Theme, size: int | None = None) -> Block:
    """Set a name in front of a wire, on one line with its rule."""
    size = size or theme.name_size
    width = math.ceil(text_width(name_width_text(name), size, bold=ndim > 0)) + 8
    label = font(name_html(name, ndim), theme.ink, size)
    row = [cell(label, width=width, height=wire.height, fixedsize=True), cell(wire.html)]
    return Block(table([row]), width + wire.width, wire.height)
