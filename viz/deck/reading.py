"""Reading numbers as people type them. `quiz.js` reads them in the same way."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

_MOST_TYPED: Final = 2000
_DEEPEST: Final = 4
_SUPERSCRIPTS: Final = str.maketrans("⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹", "-+0123456789")
_FRACTIONS: Final = {"½": " 1/2", "⅓": " 1/3", "⅔": " 2/3", "¼": " 1/4", "¾": " 3/4", "⅕": " 1/5", "⅛": " 1/8"}
_DIGITS: Final = r"([0-9]+\.?[0-9]*(?:e[+-]?[0-9]{1,3})?|\.[0-9]+(?:e[+-]?[0-9]{1,3})?|inf|nan)"
_ATOM: Final = rf"{_DIGITS}(?:\^([+-]?[0-9]{{1,3}}))?(?:\s*[×·*]\s*10\^([+-]?[0-9]{{1,3}}))?"
_TOKEN: Final = re.compile(rf"[\s,]*(?:([\[\]();])|([+-]?)\s*{_ATOM}(?:\s*/\s*([+-]?)\s*{_ATOM})?(?![\w.]))")


@dataclass(frozen=True, slots=True)
class Typed:
    """Numbers as a person typed them.

    Attributes:
        numbers: all of them, row by row.
        shape: the shape that brackets and semicolons gave them, or None where they stood in one line.
    """

    numbers: tuple[float, ...]
    shape: tuple[int, ...] | None


def read_numbers(text: str) -> Typed | None:
    """Read numbers as a person types them; None where they are none.

    >>> read_numbers("−1/2"), read_numbers("9.095×10⁻¹³")
    (Typed(numbers=(-0.5,), shape=None), Typed(numbers=(9.095e-13,), shape=None))
    >>> read_numbers("[[1, 2], [3, 4]]") == read_numbers("1 2; 3 4")
    True
    >>> read_numbers("four") is None
    True
    """
    if len(text) > _MOST_TYPED:
        return None
    plain = re.sub("[−–‒]", "-", text.rpartition("=")[2]).lower().replace("∞", "inf").replace("infinity", "inf")
    plain = re.sub("[½⅓⅔¼¾⅕⅛]", lambda found: _FRACTIONS[found[0]], plain)
    plain = re.sub("[⁻⁺⁰¹²³⁴-⁹]+", lambda found: "^" + found[0].translate(_SUPERSCRIPTS), plain)
    stack: list[list[Any]] = [[[]]]  # for each open bracket its rows
    place = 0
    while match := _TOKEN.match(plain, place):
        place = match.end()
        mark = match[1]
        if mark is None:
            value = _value(match)
            if value is None:
                return None
            stack[-1][-1].append(value)
        elif mark == ";":
            stack[-1].append([])
        elif mark in "[(":
            stack.append([[]])
        elif len(stack) == 1:
            return None
        else:
            rows = _rows(stack.pop())
            stack[-1][-1].append(rows)
    if len(stack) > 1 or not re.fullmatch(r"[\s,]*", plain[place:]):
        return None
    found = _rows(stack[0])
    in_one_line = len(stack[0]) == 1 and not any(isinstance(x, list) for x in found)
    if len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    shape = _rectangle(found)
    if shape is None or 0 in shape or len(shape) > _DEEPEST:
        return None
    return Typed(tuple(flat(found)), None if in_one_line else shape)


def _value(match: re.Match[str]) -> float | None:
    value = _atom(match[2], match[3], match[4], match[5])
    if match[7] is None:
        return value
    below = _atom(match[6], match[7], match[8], match[9])
    return value / below if below else None


def _atom(sign: str, digits: str, power: str | None, ten: str | None) -> float:
    value = float(digits)
    with np.errstate(all="ignore"):
        if power is not None:
            value = float(np.float64(value) ** int(power))
        if ten is not None:
            value = (
                float(f"{value!r}e{ten}")
                if math.isfinite(value) and "e" not in repr(value)
                else value * 10.0 ** int(ten)
            )
    return -value if sign == "-" else value


def _rows(rows: list[Any]) -> list[Any]:
    filled = [row for row in rows if row]
    return filled if len(rows) > 1 else rows[0]


def _rectangle(found: Any) -> tuple[int, ...] | None:
    if not isinstance(found, list):
        return ()
    shapes = {_rectangle(x) for x in found}
    if len(shapes) > 1 or None in shapes:
        return None
    inner = shapes.pop() if shapes else ()
    return None if inner is None else (len(found), *inner)


def flat(value: Any) -> list[float]:
    """Return the numbers of nested lists or of an array, row by row."""
    return [float(x) for x in np.ravel(np.asarray(value, dtype=float))]
