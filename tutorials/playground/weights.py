"""The weights as tables: a row for each input of a layer, a column for each of its units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from tutorials.text import number

from .plane import unit_pictures
from .session import Session
from .settings import INPUTS

BARS: Final = "▁▂▃▄▅▆▇█"
LABEL: Final = 7
"""Columns for the name of what a weight belongs to."""
CELL: Final = 6
"""Columns of a weight as a number."""
PICTURE: Final = 8
"""Columns of the picture of a unit; half as many rows."""
TALL: Final = 24
"""Rows from which on there are such pictures."""
SIGNS: Final = {1: "#4a90d9", -1: "#d97f30", 0: "dim"}
"""Colours that can be read on black and on white; the sign is written as well."""


def weights(session: Session, width: int, height: int, colour: bool) -> list[Text]:
    """Draw as many layers as there is room for, the first ones first; where there is much room, what units see as well.

    Args:
        session: the experiment.
        width: columns that may be taken.
        height: rows that may be taken.
        colour: whether to colour them.
    """
    lines: list[Text] = []
    for block in _blocks(session, width, colour, height >= TALL):
        gap = [Text()] if lines else []
        if len(lines) + len(gap) + len(block) > height:
            break
        lines += gap + block
    return lines


def _blocks(session: Session, width: int, colour: bool, pictures: bool) -> Iterator[list[Text]]:
    """The layers one after the other; after the first, if wanted, what its units see."""
    names = [INPUTS[name] for name in session.settings.inputs]
    layers = session.network.layers()
    for k, layer in enumerate(layers):
        title = f"layer {k + 1}" if k + 1 < len(layers) else "output"
        largest = number(round(float(np.abs(layer).max()), 2))
        yield [Text().append(f"{title}: largest {largest}", "bold"), *_table(layer, names, width, colour)]
        if k == 0 and pictures and session.settings.layers:
            yield _pictures(session, width, colour)
        names = [f"unit {j + 1}" for j in range(len(layer))]


def _table(layer: NDArray[Any], names: list[str], width: int, colour: bool) -> list[Text]:
    as_numbers = LABEL + CELL * len(layer) <= width
    apart = " " if LABEL + 3 * len(layer) - 1 <= width else ""
    largest = float(np.abs(layer).max())
    lines = []
    for name, row in zip(names, layer.T.tolist(), strict=True):
        line = Text(f"{name:<{LABEL}}")
        for weight in row:
            cell = written(weight) if as_numbers else symbol(weight, largest) + apart
            line.append(cell, SIGNS[int(np.sign(np.nan_to_num(weight)))] if colour else "")
        lines.append(line)
    return lines


def written(weight: float) -> str:
    """A weight as a number of four or five characters.

    >>> written(0.5), written(-12.34)
    ('+0.50 ', '−12.3 ')
    """
    digits = 2 if abs(weight) < 9.995 else 1 if abs(weight) < 99.95 else 0
    return f"{weight:+.{digits}f}".replace("-", "−")[: CELL - 1].ljust(CELL)


def symbol(weight: float, largest: float) -> str:
    """A weight as its sign and a bar, full for the largest of its layer; a dot for next to nothing.

    >>> symbol(-1.0, 1.0), symbol(0.5, 1.0), symbol(0.001, 1.0)
    ('−█', '+▄', ' ·')
    """
    share = abs(weight) / largest if largest > 0 else 0.0
    level = round(share * len(BARS)) if np.isfinite(share) else 0
    return f"{'+' if weight > 0 else '−'}{BARS[level - 1]}" if level else " ·"


def _pictures(session: Session, width: int, colour: bool) -> list[Text]:
    """The plane as each unit of the first layer sees it, side by side."""
    pictures = unit_pictures(session.network, PICTURE, colour)
    across = max(1, (width + 1) // (PICTURE + 1))
    lines = [Text().append("what the units of layer 1 see", "bold")]
    for first in range(0, len(pictures), across):
        beside = pictures[first : first + across]
        lines.append(Text(" ".join(f"{f'unit {first + j + 1}':<{PICTURE}}" for j in range(len(beside)))))
        lines += [Text(" ").join(rows) for rows in zip(*beside, strict=True)]
    return lines
