"""The pieces of a circuit as markup: numbers and bracketed matrices, the value above a wire and the gradient below it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import numpy as np

from ..drawing.block import Block, Face, line_height, padded, stacked
from ..drawing.dot import Html, cell, font, table, text
from ..drawing.metrics import text_width
from ..drawing.notation import name_html, name_width_text, number, number_html, raised, shape_text
from ..drawing.theme import LIGHT, Stroke, Theme
from ..drawing.thumbnail import thumbnail

LONGEST_COLUMN: Final = 6
LARGEST_MATRIX: Final = 4
SHORTEST_WIRE: Final = 46
BRACKET: Final = 5
CLOSER: Final = 4
"""How far (points) the cells of a matrix overlap."""

_PICTURE: Final = 72
"""The largest side of a heat map on a wire, in points."""

AIR: Final = 4
"""Between a bracket and the rule, in points."""

BESIDE: Final = 6
"""Between a number and the rule of a wire that runs downwards, in points."""

OVERLAP: Final = 1
"""How far (points) a wire reaches out of its node on either side, so that it meets its edges without a hairline."""

_NAME_SPACE: Final = 5
"""Between a name and its wire, in points."""

_UNDER_RULE: Final = 16
"""Below the rule of a wire without a gradient there is room for half of a name, in points."""

_RULE = Html("<HR/>")


def is_small(shape: tuple[int, ...]) -> bool:
    """Return whether an array of this shape is printed in full.

    >>> is_small((2, 2)), is_small((6,)), is_small((3, 28, 28))
    (True, True, False)
    """
    if len(shape) == 2 and shape[0] > 1:
        return min(shape) > 0 and max(shape) <= LARGEST_MATRIX
    return len(shape) == 0 or (len(shape) <= 2 and 0 < math.prod(shape) <= LONGEST_COLUMN)


def number_width(value: float, size: int) -> int:
    """Return the width of a cell that holds a number, in points."""
    return math.ceil(text_width(number(value), size)) + 8


def without_noise(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return an array in which what is rounding noise beside its largest element is printed as 0, as a textbook does.

    >>> without_noise(np.array([1.0, -2e-17, 0.5])).tolist()
    [1.0, 0.0, 0.5]
    """
    if array.ndim == 0 or array.size < 2 or not np.issubdtype(array.dtype, np.floating):
        return array
    with np.errstate(all="ignore"):
        sizes = np.abs(array[np.isfinite(array)])
        if not sizes.size:
            return array
        return np.where(np.abs(array) <= 8 * np.finfo(array.dtype).eps * sizes.max(), 0.0, array)


def array_faces(arrays: Sequence[Any], theme: Theme, pictures: bool = False) -> list[Face | None]:
    """Prepare arrays of one shape to be set in columns of equal width, so that they line up; None stays None.

    A number is set as it is, a small vector as a column, a small matrix in brackets. Of a larger array the first prints
    its shape, the others the norm; with `pictures`, below a heat map.
    """
    size = theme.number_size
    given = [None if array is None else without_noise(np.asarray(array)) for array in arrays]
    faces: list[Face | None] = []
    for i, array in enumerate(given):
        if array is None:
            faces.append(None)
        elif not is_small(array.shape):
            line: Face = partial(_line, *(_shape(array.shape, size) if i == 0 else _norm(array, size)), size)
            shown = pictures and 0 < array.ndim <= 4 and array.size > 0 and array.dtype.kind in "biuf"
            faces.append(partial(_with_picture, array, line, theme) if shown else line)
        elif array.ndim == 0:
            content = number_html(float(array), size=size)
            faces.append(partial(_line, content, number_width(float(array), size), size))
        else:
            grids = [np.atleast_2d(other.T).T for other in given if other is not None and other.shape == array.shape]
            columns = np.concatenate(grids)
            gap = 4 if columns.shape[1] > 1 else 0
            widths = [max(number_width(float(value), size) for value in column) + gap for column in columns.T]
            faces.append(partial(_matrix, np.atleast_2d(array.T).T, widths, size))
    return faces


def array_blocks(arrays: Sequence[Any], colors: Sequence[str], theme: Theme) -> list[Block | None]:
    """Set arrays of one shape, each in its colour, as `array_faces` prepares them."""
    return [face and face(color) for face, color in zip(array_faces(arrays, theme), colors, strict=True)]


def array_block(array: Any, color: str, theme: Theme = LIGHT) -> Block:
    """Set one array.

    >>> array_block(3.0, "#000000").width
    16
    """
    (block,) = array_blocks([array], [color], theme)
    assert block is not None
    return block


def _with_picture(array: np.ndarray[Any, Any], line: Face, theme: Theme, color: str) -> Block:
    return stacked([thumbnail(array, theme, width=_PICTURE, height=_PICTURE), line(color)])


def _shape(shape: tuple[int, ...], size: int) -> tuple[Html, int]:
    sizes = shape_text(shape)
    return text("ℝ") + raised(sizes, size), math.ceil(text_width(f"ℝ{sizes}", size)) + 8


def shape_face(shape: tuple[int, ...], theme: Theme) -> Face:
    """Prepare a shape to be set where the numbers are not known."""
    return partial(_line, *_shape(shape, theme.number_size), theme.number_size)


def _norm(array: np.ndarray[Any, Any], size: int) -> tuple[Html, int]:
    with np.errstate(all="ignore"):
        norm = float(np.linalg.norm(array.astype(np.float64).ravel()))
    return text("‖∇‖ = ") + number_html(norm, 3, size), math.ceil(text_width(f"‖∇‖ = {number(norm, 3)}", size)) + 8


def _line(content: Html, width: int, size: int, color: str) -> Block:
    return Block(font(content, color, size), width, line_height(size))


def _matrix(rows: np.ndarray[Any, Any], widths: Sequence[int], size: int, color: str) -> Block:
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


def side_height(blocks: Sequence[Block], bracketed: bool) -> int:
    """Return how much room the two sides of a wire need, each, when `blocks` are to stand there."""
    return max([8 if blocks else _UNDER_RULE, *(block.height + (2 * AIR if bracketed else 0) for block in blocks)])


def is_bracketed(array: Any) -> bool:
    """Return whether an array is set in brackets, which need some air."""
    return array is not None and np.ndim(array) > 0 and is_small(np.shape(array))


def wire_block(value: Any, gradient: Any, theme: Theme, *, shortest: int = SHORTEST_WIRE, below: bool = True) -> Block:
    """Set a wire: a rule in the line's colour with the value above and the gradient below, either of which may be None.

    Where nothing is to stand `below`, the rule is not in the middle: the edges then meet it at its port `r`.
    """
    above, under = array_blocks([value, gradient], [theme.value, theme.gradient], theme)
    there = [block for block in (above, under) if block]
    width = max([shortest, *(block.width + 14 for block in there)])
    bracketed = is_bracketed(value) or is_bracketed(gradient)
    height = side_height(there, bracketed)
    return wire(above, under, width, height, Stroke(1, theme.line), below, AIR if bracketed else 0)


def wire(
    above: Block | None, under: Block | None, width: int, height: int, stroke: Stroke, below: bool = True, air: int = 0
) -> Block:
    """Set a wire with something above its rule and something below, each side `height` points high.

    What stands there keeps close to the rule, at a distance of `air` points.
    """
    over, beneath = (
        [cell(_with_air(block, air), width=width, height=height, fixedsize=True, valign=valign)]
        for block, valign in ((above, "bottom"), (under, "top"))
    )
    if below and stroke.width == 1:
        return Block(table([over, _RULE, beneath], color=stroke.color), width, 2 * height)
    thick = max(1, round(stroke.width))
    rule = [cell(port="r", bgcolor=stroke.color, width=width, height=thick, fixedsize=True)]
    if below:
        return Block(table([over, rule, beneath]), width, 2 * height + thick)
    rest = [cell(width=width, height=_UNDER_RULE, fixedsize=True)]
    return Block(table([over, rule, rest]), width, height + thick + _UNDER_RULE)


def _with_air(block: Block | None, air: int) -> Html:
    if block is None:
        return Html("")
    return padded(block, block.width, block.height + 2 * air).html


def upright_wire(left: Block | None, right: Block | None, width: int, height: int, stroke: Stroke) -> Block:
    """Set a wire that runs downwards, with something on its left and something on its right, each `width` points wide.

    What stands there keeps `BESIDE` points away from the rule.
    """
    thick = max(1, round(stroke.width))
    air = cell(width=BESIDE, height=height, fixedsize=True)
    cells = [
        cell(block.html if block else Html(""), width=width - BESIDE, height=height, fixedsize=True, align=align)
        for block, align in ((left, "right"), (right, "left"))
    ]
    rule = cell(bgcolor=stroke.color, width=thick, height=height, fixedsize=True)
    return Block(table([[cells[0], air, rule, air, cells[1]]]), 2 * width + thick, height)


def bare(wire: Block) -> Block:
    """Return the wire as the label of a node that is a little narrower than the wire."""
    return Block(table([[cell(wire.html)]], cellspacing=-OVERLAP), wire.width - 2 * OVERLAP, wire.height - 2 * OVERLAP)


def name_width(name: str, ndim: int, size: int) -> int:
    """Return the width of the cell that holds a name, in points."""
    return math.ceil(text_width(name_width_text(name), size, bold=ndim > 0)) + 10


def named_wire(
    name: str, ndim: int, wire: Block, theme: Theme, size: int, width: int, below: bool = True, color: str | None = None
) -> Block:
    """Set a name in front of a wire, on one line with its rule: the label of a node a little narrower than that.

    Where nothing is to stand `below` the rule, an edge meets the name at its port `n`.
    """
    label = font(name_html(name, ndim, size), color or theme.ink, size)
    space = _NAME_SPACE
    name_cell = cell(label, width=width - space, height=wire.height, fixedsize=True, align="right")
    if not below:
        line = 2 * _UNDER_RULE + 1
        lines = [[cell(width=width - space, height=wire.height - line, fixedsize=True)]] if wire.height > line else []
        lines.append([cell(label, port="n", width=width - space, height=line, fixedsize=True, align="right")])
        name_cell = cell(table(lines))
    row = [name_cell, cell(width=space, height=wire.height, fixedsize=True), cell(wire.html)]
    return Block(table([row], cellspacing=-OVERLAP), width + wire.width - 3 * OVERLAP, wire.height - 2 * OVERLAP)


def named_upright_wire(name: str, ndim: int, wire: Block, theme: Theme, size: int, color: str | None = None) -> Block:
    """Set a name on top of a wire that runs downwards."""
    line, width = line_height(size), max(wire.width, name_width(name, ndim, size))
    label = cell(font(name_html(name, ndim, size), color or theme.ink, size), width=width, height=line, fixedsize=True)
    rows = [[label], [cell(wire.html, width=width, height=wire.height)]]
    return Block(table(rows), width, line + wire.height)
