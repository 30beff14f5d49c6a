"""Numbers and sentences as a lesson shows them: a true minus sign, no stray digits, lines that fit."""

from __future__ import annotations

import re
import string
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.cells import cell_len

WIDTH = 80
"""Columns of the smallest terminal that shows the full screen."""
MEASURE = 74
"""Columns a line of narration may take."""
EMPHASIS = re.compile(r"(?<![\w*])\*(\w[^*]*(?<!\s))\*(?![\w*])")
"""What is marked `*so*`; the products of a learner's own code, such as `g*z * (1 - z)`, are no marks."""


def unmarked(text: str) -> str:
    """The text without the marks of emphasis.

    >>> unmarked("A *gate* computes g*z * (1 - z).")
    'A gate computes g*z * (1 - z).'
    """
    return EMPHASIS.sub(r"\1", text)


def number(value: float) -> str:
    """Write one number to six digits: `−12.4`, `61,706`, `3`.

    >>> number(-12.399999999999999), number(61706), number(-0.0)
    ('−12.4', '61,706', '0')
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if float(value).is_integer() and abs(value) < 1e15:
        whole = int(value)
        text = f"{whole:,}" if abs(whole) >= 10_000 else str(whole)
    else:
        text = f"{float(value):.6g}"
    return _printed(text)


def _printed(text: str) -> str:
    """A number as Python writes it, as it is printed: `−1.5e−7` for `-1.5e-07`."""
    return re.sub(r"e(−?)\+?0?(?=\d)", r"e\1", text.replace("-", "−"))


def array(value: Any) -> str:
    """Write an array of any rank on one line: `[[1, 2], [3, −1]]`; one of rank 0 is a plain number.

    >>> array(np.array([-0.5, 2.0]))
    '[−0.5, 2]'
    """
    value = np.asarray(value)
    if value.ndim == 0:
        return number(value.item())
    return "[" + ", ".join(array(row) for row in value) + "]"


def matrix(value: Any) -> list[str]:
    """Write an array as it stands on a wire: a number, a row `[1 −1]`, or bracketed rows of one width.

    >>> print(*matrix(np.array([[1, 2], [3, -1]])), sep="\\n")
    ⎡1  2⎤
    ⎣3 −1⎦
    """
    value = np.asarray(value)
    if value.ndim == 0:
        return [number(value.item())]
    if value.ndim == 1:
        return ["[" + " ".join(number(v) for v in value.tolist()) + "]"]
    cells = [[number(v) for v in row] for row in value.reshape(-1, value.shape[-1]).tolist()]
    widths = [max(len(row[j]) for row in cells) for j in range(len(cells[0]))]
    rows = [" ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in cells]
    if len(rows) == 1:
        return [f"[{rows[0]}]"]
    left = ["⎡"] + ["⎢"] * (len(rows) - 2) + ["⎣"]
    right = ["⎤"] + ["⎥"] * (len(rows) - 2) + ["⎦"]
    return [f"{a}{row}{b}" for a, row, b in zip(left, rows, right, strict=True)]


def show(value: Any) -> str:
    """Write whatever a name in a lesson's code may hold: a tensor, an array, a number, a shape, a word.

    >>> show((2, 3)), show(-4.0), show("×")
    ('(2, 3)', '−4', '×')
    """
    data = getattr(value, "data", value) if hasattr(value, "requires_grad") else value
    if isinstance(data, str):
        return data
    if isinstance(data, tuple):
        inside = ", ".join(show(v) for v in data)
        return f"({inside},)" if len(data) == 1 else f"({inside})"
    if isinstance(data, int | float | np.number | np.ndarray | list | bool):
        return array(data)
    return str(data)


class _Filler(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "()":
            text = show(value)
            return f"({text})" if text.startswith("−") else text
        if not format_spec:
            return show(value)
        text = format(value, format_spec)
        return text if isinstance(value, str) else _printed(text)


def fill(template: str, names: Mapping[str, Any]) -> str:
    """Put the values of a lesson's names into a sentence: the only way a number gets into one.

    `{x:()}` puts a negative number into brackets, as a factor wants it.

    >>> fill("{a:()} · {b:()}", {"a": 1, "b": -2})
    '1 · (−2)'
    >>> fill("f = {f}, of shape {W.shape}", {"f": -12.0, "W": np.zeros((2, 3))})
    'f = −12, of shape (2, 3)'
    >>> fill("{y:.1f}, {y:+.1e} and {n:.2g}", {"y": -4.2, "n": 1e21})
    '−4.2, −4.2e0 and 1e21'
    """
    return _Filler().vformat(template, (), names)


def wrap(line: str, width: int = MEASURE) -> list[str]:
    """Break text where it must be broken, keeping each line's indent; a line that fits is left as it is.

    What stands in square brackets is not broken.

    >>> wrap("  a long line", 8)
    ['  a long', '  line']
    """
    if "\n" in line:
        return [piece for part in line.split("\n") for piece in wrap(part, width)]
    if cell_len(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    whole = re.sub(r"\[[^][]*(?:\[[^][]*\][^][]*)*\]", lambda match: match[0].replace(" ", _TIED), line.strip())
    lines = textwrap.wrap(whole, width, initial_indent=indent, subsequent_indent=indent)
    return [text.replace(_TIED, " ") for text in lines] or [""]


_TIED = "\N{NO-BREAK SPACE}"
