"""The plane in a terminal: two numbers a character, one above the other, and the points as marks on it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from rich.text import Text

from viz.drawing.theme import LIGHT, blend

from .network import EDGE, Network, grid

HALF: Final = "▀"
SHADES: Final = " ░▒▓█"
MARKS: Final = {1: "●", -1: "×"}
"""How the points of a class look: by their shape first, by their colour where there is one."""
LEVELS: Final = 12
"""Steps of colour from white, where the network cannot tell, to either class."""
POINTS_SHOWN: Final = ("training", "test", "no")

Marks = Mapping[tuple[int, int], int]
"""The class of the point in a row and a column of characters."""


def boundary(network: Network, columns: int, shown: str, colour: bool) -> list[Text]:
    """Draw how the network divides the plane, as a square, with the points that are wanted.

    Args:
        network: the network.
        columns: how wide; half as many rows.
        shown: one of `POINTS_SHOWN`.
        colour: whether in colours, or else in shades.
    """
    rows = columns // 2
    field = network.answers(grid(columns, 2 * rows)).reshape(2 * rows, columns)
    return paint(field, marks(network, rows, columns, shown), colour)


def unit_pictures(network: Network, columns: int, colour: bool) -> list[list[Text]]:
    """Draw what each unit of the first hidden layer makes of the plane."""
    rows = columns // 2
    values = network.units(grid(columns, 2 * rows))
    values = values / max(1.0, float(np.nan_to_num(np.abs(values)).max()))  # ReLU and none at all know no bound
    return [paint(unit.reshape(2 * rows, columns), {}, colour) for unit in values.T]


def marks(network: Network, rows: int, columns: int, shown: str) -> Marks:
    """Find out in which characters points lie; of several in one, the last is seen."""
    part = {"training": slice(network.cut), "test": slice(network.cut, None), "no": slice(0)}[shown]
    inside = (np.abs(network.points[part]) < EDGE).all(axis=1)
    points, labels = network.points[part][inside], network.labels[part][inside]
    column = ((points[:, 0] + EDGE) / (2 * EDGE) * columns).astype(int)
    row = ((EDGE - points[:, 1]) / (2 * EDGE) * rows).astype(int)
    return {(int(r), int(c)): int(label) for r, c, label in zip(row, column, labels, strict=True)}


def paint(field: NDArray[Any], marks: Marks, colour: bool) -> list[Text]:
    """Draw numbers from −1 to 1.

    Args:
        field: `(2·rows, columns)`; what is not a number is drawn as 0.
        marks: the points on it.
        colour: whether in colours, two numbers a character, or in shades of their mean.

    >>> [row.plain for row in paint(np.array([[-1.0, 1.0], [-1.0, 0.0]]), {(0, 0): -1}, False)]
    ['×▓']
    """
    levels = np.rint(np.nan_to_num(np.clip(field, -1, 1)) * LEVELS).astype(int)
    cell = _coloured if colour else _shaded
    rows = []
    for r, (above, below) in enumerate(zip(levels[::2].tolist(), levels[1::2].tolist(), strict=True)):
        cells = [
            cell(top, bottom, marks.get((r, c), 0)) for c, (top, bottom) in enumerate(zip(above, below, strict=True))
        ]
        row = Text()
        for style, alike in groupby(cells, key=itemgetter(1)):
            row.append("".join(character for character, _ in alike), style)
        rows.append(row)
    return rows


@cache
def _coloured(top: int, bottom: int, label: int) -> tuple[str, Style]:
    """The character for two levels and a point, or none, in colour: a mark stands on the mean of the two."""
    if label:
        ink = (LIGHT.positive if label > 0 else LIGHT.negative)[1]
        return MARKS[label], Style(color=ink, bgcolor=_colour((top + bottom) // 2), bold=True)
    return HALF, Style(color=_colour(top), bgcolor=_colour(bottom))


@cache
def _shaded(top: int, bottom: int, label: int) -> tuple[str, Style]:
    """The same in shades: the fuller, the surer of class 1."""
    if label:
        return MARKS[label], Style(bold=True)
    return SHADES[round((top + bottom + 2 * LEVELS) / (4 * LEVELS) * (len(SHADES) - 1))], Style()


def _colour(level: int) -> str:
    """The colour of a level from −LEVELS to LEVELS: pale enough for a mark in the same colour to be seen on it."""
    end = (LIGHT.positive if level > 0 else LIGHT.negative)[0]
    return blend(LIGHT.paper, end, abs(level) / LEVELS)
