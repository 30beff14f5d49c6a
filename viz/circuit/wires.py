"""The pieces of a circuit as markup: numbers and bracketed matrices, the value above a wire and the gradient below it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..drawing.dot import Html, cell, font, table, text
from ..drawing.metrics import text_width
from ..drawing.notation import name_html, name_width_text, number, number_html, raised, shape_text
from ..drawing.theme import Theme

LINE_HEIGHT: Final = 1.51
"""The height of a line of STIX, in units of the type size; a lower cell makes Graphviz warn."""

LONGEST_COLUMN: Final = 6
LARGEST_MATRIX: Final = 4
SHORTEST_WIRE: Final = 46
BRACKET: Final = 5
CLOSER: Final = 4
"""How far (points) the cells of a matrix overlap."""

OVERLAP: Final = 1
"""How far (points) a wire reaches out of its node on either side, so that it meets its edges without a hairline."""

_NAME_SPACE: Final = 5
"""Between a name and its wire, in points."""

_UNDER_RULE: Final = 16
"""Below the rule of a wire without a gradient there is room for half of a name, in points."""

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
    if len(shape) == 2 and shape[0] > 1:
        return min(shape) > 0 and max(shape) <= LARGEST_MATRIX
    return len(shape) == 0 or (len(shape) <= 2 and 0 < math.prod(shape) <= LONGEST_COLUMN)


def line_height(size: int) -> int:
    """Return the height of a cell that holds one line, in points."""
    return math.ceil(LINE_HEIGHT * size) + 1


def number_width(value: float, size: int) -> int:
    """Return the width of a cell that holds a number, in points."""
    return math.ceil(text_width(number(value), size)) + 8


def array_blocks(arrays: Sequence[Any], colors: Sequence[str], theme: Theme) -> list[Block | None]:
    """Set arrays of one shape in columns of equal width, so that they line up; None stays None.

    A number is set as it is, a small vector as a column, a small matrix in brackets. Of a larger array the first prints
    its shape, the others the norm.
    """
    size = theme.number_size
    given = [None if array is None else np.asarray(array) for array in arrays]
    blocks: list[Block | None] = []
    for i, (array, color) in enumerate(zip(given, colors, strict=True)):
        if array is None:
            blocks.append(None)
        elif not is_small(array.shape):
            shown, width = _shape(array.shape, size) if i == 0 else _norm(array, size)
            blocks.append(_line(shown, width, color, size))
        elif array.ndim == 0:
            blocks.append(_line(number_html(float(array), size=size), number_width(float(array), size), color, size))
        else:
            grids = [np.atleast_2d(other.T).T for other in given if other is not None and other.shape == array.shape]
            columns = np.concatenate(grids)
            gap = 4 if columns.shape[1] > 1 else 0
            widths = [max(number_width(float(value), size) for value in column) + gap for column in columns.T]
            blocks.append(_matrix(np.atleast_2d(array.T).T, widths, color, size))
    return blocks


def _shape(shape: tuple[int, ...], size: int) -> tuple[Html, int]:
    sizes = shape_text(shape)
    return text("ℝ") + raised(sizes, size), math.ceil(text_width(f"ℝ{sizes}", size)) + 8


def _norm(array: np.ndarray[Any, Any], size: int) -> tuple[Html, int]:
    with np.errstate(all="ignore"):
        norm = float(np.linalg.norm(array.astype(np.float64).ravel()))
    return text("‖∇‖ = ") + number_html(norm, 3, size), math.ceil(text_width(f"‖∇‖ = {number(norm, 3)}", size)) + 8


def _line(content: Html, width: int, color: str, size: int) -> Block:
    return Block(font(content, color, size), width, line_height(size))


def _matrix(rows: np.ndarray[Any, Any], widths: Sequence[int], color: str, size: int) -> Block:
    # A line of STIX is taller than it looks: rows, and with them the columns, are set closer than their cells are large.
    line = line_height(size)
    height = len(rows) * (line - CLOSER) + CLOSER

    def bracket(side: str) -> Html:
        return cell(
            border=1, sides=f"{side}TB", width=BRACKET, height=height, fixedsize=True, rowspan=len(rows)
        )  # fmt: skip

    lines = []
    for i, row in enumerate(rows):
        cells = [
            cell(
                font(number_html(float(value), size=size), color, size),
                width=width + CLOSER,
                height=line,
                fixedsize=True,
            )
            for value, width in zip(row, widths, strict=True)
        ]
        lines.append([bracket("L"), *cells, bracket("R")] if i == 0 else cells)
    width = sum(widths) + 2 * BRACKET - CLOSER
    size_inside = {"width": width - 2 * CLOSER, "height": height - 2 * CLOSER}
    grid = table(lines, color=color, cellspacing=-CLOSER, fixedsize=True, **size_inside)
    return Block(grid, width, height)


def wire_block(value: Any, gradient: Any, theme: Theme, *, shortest: int = SHORTEST_WIRE, below: bool = True) -> Block:
    """Set a wire: a rule in the line's colour with the value above and the gradient below, either of which may be None.

    Where nothing is to stand `below`, the rule is not in the middle: the edges then meet it at its port `r`.
    """
    blocks = array_blocks([value, gradient], [theme.value, theme.gradient], theme)
    there = [block for block in blocks if block]
    width = max([shortest, *(block.width + 14 for block in there)])
    bracketed = any(np.ndim(array) > 0 and is_small(np.shape(array)) for array in (value, gradient))
    height = max([8 if there else _UNDER_RULE, *(block.height + (8 if bracketed else 0) for block in there)])
    above, under = (
        [cell(block.html if block else Html(""), width=width, height=height, fixedsize=True)] for block in blocks
    )
    if below:
        return Block(table([above, _RULE, under], color=theme.line), width, 2 * height)
    rule = [cell(port="r", bgcolor=theme.line, width=width, height=1, fixedsize=True)]
    rest = [cell(width=width, height=_UNDER_RULE, fixedsize=True)]
    return Block(table([above, rule, rest]), width, height + 1 + _UNDER_RULE)


def bare(wire: Block) -> Block:
    """Return the wire as the label of a node that is a little narrower than the wire."""
    return Block(table([[cell(wire.html)]], cellspacing=-OVERLAP), wire.width - 2 * OVERLAP, wire.height - 2 * OVERLAP)


def name_width(name: str, ndim: int, size: int) -> int:
    """Return the width of the cell that holds a name, in points."""
    return math.ceil(text_width(name_width_text(name), size, bold=ndim > 0)) + 10


def named_wire(name: str, ndim: int, wire: Block, theme: Theme, size: int, width: int, below: bool = True) -> Block:
    """Set a name in front of a wire, on one line with its rule: the label of a node a little narrower than that.

    Where nothing is to stand `below` the rule, an edge meets the name at its port `n`.
    """
    label = font(name_html(name, ndim, size), theme.ink, size)
    space = _NAME_SPACE
    name_cell = cell(label, width=width - space, height=wire.height, fixedsize=True, align="right")
    if not below:
        line = 2 * _UNDER_RULE + 1
        lines = [[cell(width=width - space, height=wire.height - line, fixedsize=True)]] if wire.height > line else []
        lines.append([cell(label, port="n", width=width - space, height=line, fixedsize=True, align="right")])
        name_cell = cell(table(lines))
    row = [name_cell, cell(width=space, height=wire.height, fixedsize=True), cell(wire.html)]
    return Block(table([row], cellspacing=-OVERLAP), width + wire.width - 3 * OVERLAP, wire.height - 2 * OVERLAP)
