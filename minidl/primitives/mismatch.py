"""How shapes that do not fit are shown: the axes that clash pointed at, and what was probably meant.

Errors of all operations are written with these.
"""

from __future__ import annotations

from typing import Any

from .samples import Shape

__all__ = ["explain_broadcast", "marked", "marked_apart"]


def marked(shape: Shape, *axes: int) -> str:
    """Write a shape with some of its axes pointed at.

    >>> marked((3, 4), -1)
    '(3, →4←)'
    """
    at = {axis % len(shape) for axis in axes} if shape else set()
    lengths = [f"→{n}←" if i in at else str(n) for i, n in enumerate(shape)]
    return f"({', '.join(lengths)}{',' if len(lengths) == 1 else ''})"


def marked_apart(first: Shape, second: Shape, *, fitting: bool = False) -> tuple[str, str]:
    """Write two shapes, pointing at the axes in which they differ, counted from the last.

    Args:
        first: a shape.
        second: what it should have been.
        fitting: whether an axis of the first that has length 1 is right too, since it broadcasts.

    >>> marked_apart((3, 4), (3, 5))
    ('(3, →4←)', '(3, →5←)')
    """
    shared = min(len(first), len(second))
    apart = [k for k in range(-shared, 0) if first[k] != second[k] and not (fitting and first[k] == 1)]
    return (
        marked(first, *apart, *range(-len(first), -shared)),
        marked(second, *apart, *(() if fitting else range(-len(second), -shared))),
    )


def explain_broadcast(*shapes: Shape, **_: Any) -> str | None:
    """Why shapes do not broadcast and what was probably meant, with `{0}`, `{1}` for the inputs; None if they do."""
    for j, second in enumerate(shapes):
        for i, first in enumerate(shapes[:j]):
            clashes = [k for k in range(-1, -1 - min(len(first), len(second)), -1) if _clash(first[k], second[k])]
            if clashes:
                fix = _broadcast_fix(first, second, i, j)
                return (
                    f"shapes {marked(first, *clashes)} and {marked(second, *clashes)} do not broadcast: axes are compared "
                    f"from the last, and must be equal or one of them 1{f'; did you mean {fix}?' if fix else ''}"
                )
    return None


def _broadcast_fix(first: Shape, second: Shape, i: int, j: int) -> str | None:
    """What a person probably meant, with `{0}`, `{1}` for the inputs: a column, or a transpose."""
    for shape, other, k in ((second, first, j), (first, second, i)):
        if len(shape) == 1 and len(other) > 1 and _broadcasts((*shape, 1), other):
            return f"{{{k}}}.unsqueeze(-1)"
        if len(shape) == 2 and _broadcasts(shape[::-1], other):
            return f"{{{k}}}.T"
        if len(shape) == len(other) - 1 and shape == other[:-1]:
            return f"{{{k}}}.unsqueeze(-1)"
    return None


def _clash(m: int, n: int) -> bool:
    return m != n and m != 1 and n != 1


def _broadcasts(a: Shape, b: Shape) -> bool:
    return not any(_clash(m, n) for m, n in zip(reversed(a), reversed(b), strict=False))
