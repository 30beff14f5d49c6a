"""The words and numbers at a box: what can be shown of it, in as few letters as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from minidl.errors import UsageError

from ..drawing.canvas import fitted
from ..drawing.dot import clean
from ..drawing.metrics import text_width
from ..drawing.notation import grouped
from .blocks import Block
from .fields import field_text
from .survey import output_text

FACTS: Final = {
    "shapes": "output",
    "parameters": "parameters",
    "macs": "multiply-adds",
    "receptive_field": "receptive field",
    "time": "time",
}
"""What can be shown of each box, and what it is called; the time where it was measured."""


def check_facts(show: Sequence[str]) -> tuple[str, ...]:
    """Return what is to be shown, in the order in which it is printed.

    Raises:
        UsageError: something in `show` is unknown.
    """
    wanted = (show,) if isinstance(show, str) else tuple(show)
    unknown = [name for name in wanted if name not in FACTS]
    if unknown:
        raise UsageError(f"cannot show {unknown[0]!r}; choose from {', '.join(FACTS)}")
    return tuple(name for name in FACTS if name in wanted)


def short(number: int) -> str:
    """Write a number in a few letters: three digits and k, M, G, T from 100 000 on.

    >>> short(2416), short(105_415_200), short(4_096_000)
    ('2 416', '105 M', '4.10 M')
    """
    if number < 100_000:
        return grouped(number)
    power = min(4, (len(f"{float(f'{number:.2e}'):.0f}") - 1) // 3)
    return f"{number / 1000**power:#.3g}".rstrip(".") + f" {' kMGT'[power]}"


def fact(block: Block, name: str, image: tuple[int, ...]) -> str:
    """What is shown of a box under one of the names in `FACTS`; empty where there is nothing to show."""
    if name == "shapes":
        return output_text(block.shape)
    if name == "parameters":
        return grouped(block.parameters) if block.parameters else ""
    if name == "macs":
        return short(block.multiply_adds) if block.multiply_adds else ""
    if name == "time":
        return percent(block.share) if block.share else ""
    return field_text(block.field, image) if block.inputs else ""


def percent(share: float) -> str:
    """Write a share in whole percent.

    >>> percent(0.1234), percent(0.001)
    ('12 %', '< 1 %')
    """
    return f"{100 * share:.0f} %" if share >= 0.005 else "< 1 %"


def wrapped(label: str, width: float, size: float) -> list[str]:
    """Break a label into at most two lines at the space nearest its middle, and shorten what is still too wide."""
    label = clean(label, 60)
    if text_width(label, size) > width and " " in label:
        spaces = [i for i, letter in enumerate(label) if letter == " "]
        middle = min(spaces, key=lambda i: abs(i - len(label) / 2))
        return [fitted(part, width, size) for part in (label[:middle], label[middle + 1 :])]
    return [fitted(label, width, size)]
