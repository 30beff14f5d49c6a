"""A piece of markup that knows its size, so that what stands around it can be placed before anything is rendered."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .dot import Html, cell, font, table
from .metrics import text_width

LINE_HEIGHT: Final = 1.51
"""The height of a line of STIX, in units of the type size; a lower cell makes Graphviz warn."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of markup and the size it takes, in points."""

    html: Html
    width: int
    height: int


Face = Callable[[str], Block]
"""Something that is set in a colour: the same thing in another colour has the same size."""


def line_height(size: int) -> int:
    """Return the height of a cell that holds one line, in points."""
    return math.ceil(LINE_HEIGHT * size) + 1


def line_block(content: Html, plain: str, color: str, size: int, space: int = 8) -> Block:
    """Set one line.

    Args:
        content: the line as markup.
        plain: the same as plain text, by which it is measured.
        color: its colour; parts of `content` may have another.
        size: the type size, in points.
        space: how much wider than the text it is.

    >>> from .dot import text
    >>> line_block(text("x"), "x", "#000000", 20).height
    32
    """
    return Block(font(content, color, size), math.ceil(text_width(plain, size)) + space, line_height(size))


def beside(blocks: list[Block], gap: int = 0) -> Block:
    """Set blocks next to each other, their middles on one line."""
    height = max(block.height for block in blocks)
    width = sum(block.width for block in blocks) + gap * (len(blocks) - 1)
    cells = [cell(block.html, width=block.width, height=height, fixedsize=True) for block in blocks]
    for i in range(len(cells) - 1, 0, -1) if gap else ():
        cells.insert(i, cell(width=gap, height=height, fixedsize=True))
    return Block(table([cells]), width, height)


def stacked(blocks: list[Block], gap: int = 0) -> Block:
    """Set blocks one below the other, their middles on one line."""
    width = max(block.width for block in blocks)
    height = sum(block.height for block in blocks) + gap * (len(blocks) - 1)
    rows = [[cell(padded(b, width, b.height).html, width=width, height=b.height, fixedsize=True)] for b in blocks]
    for i in range(len(rows) - 1, 0, -1) if gap else ():
        rows.insert(i, [cell(width=width, height=gap, fixedsize=True)])
    return Block(table(rows), width, height)


def padded(block: Block, width: int, height: int) -> Block:
    """Set a block in the middle of a larger one. (In a larger cell alone, a table would grow to fill it.)"""
    if (block.width, block.height) == (width, height):
        return block
    left, top = (width - block.width) // 2, (height - block.height) // 2
    right, bottom = width - block.width - left, height - block.height - top
    row = [cell(block.html, width=block.width, height=block.height, fixedsize=True)]
    if left:
        row.insert(0, cell(width=left, height=block.height, fixedsize=True))
    if right:
        row.append(cell(width=right, height=block.height, fixedsize=True))
    rows = [row]
    span: dict[str, Any] = {"colspan": len(row)} if len(row) > 1 else {}
    if top:
        rows.insert(0, [cell(width=width, height=top, fixedsize=True, **span)])
    if bottom:
        rows.append([cell(width=width, height=bottom, fixedsize=True, **span)])
    return Block(table(rows), width, height)


def blank(width: int, height: int) -> Block:
    """Return room for a block that is not there."""
    return Block(table([[cell(width=width, height=height, fixedsize=True)]]), width, height)
