"""What operations with windows are told: one number or one an axis, images with a batch axis or without, channels, groups."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from ...errors import ShapeError, UsageError
from ...kernels.geometry import Size
from ..kinds import Shape, Value, shape_of
from ..shapes.shape import reshape

Numbers = int | tuple[int, ...] | list[int]
"""One number for all axes, or one an axis."""

AXES = {1: "L", 2: "H, W", 3: "D, H, W"}
"""How the axes of an image are called, by their number."""


def is_whole(value: Any) -> bool:
    """Whether something is a whole number, and not True or False."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def per_axis(value: Any, name: str, least: int | None, axes: int = 2) -> Size:
    """One int an axis, from one for all or one each.

    Raises:
        UsageError: another number of them, not whole numbers, or one below `least`.
    """
    usual = (value,) * axes if value.__class__ is int else value
    if usual.__class__ is tuple and [*map(type, usual)] == [int] * axes and (least is None or min(usual) >= least):
        return usual
    given = tuple(value) if isinstance(value, tuple | list) else (value,)
    if len(given) == 1:
        given *= axes
    if len(given) != axes or not all(map(is_whole, given)):
        counts = {1: "one whole number", 2: "one or two whole numbers", 3: "one or three whole numbers"}
        raise UsageError(f"{name} must be {counts[axes]}, got {value!r}")
    if least is not None and min(given) < least:
        raise UsageError(f"{name} must be at least {least}, got {value!r}")
    return tuple(int(v) for v in given)


def times(size: Size) -> str:
    """`3×4`."""
    return "×".join(map(str, size))


def as_batch(input: Value, axes: int) -> tuple[Value, bool]:
    """An image without a batch axis as a batch of one, and whether it was without; anything else as it is."""
    shape = shape_of(input)
    alone = len(shape) == axes + 1
    return (reshape(input, (1, *shape)) if alone else input), alone


def without_batch(output: Value, alone: bool) -> Value:
    """Take the batch axis away again."""
    return reshape(output, shape_of(output)[1:]) if alone else output


def check_channels(x: Shape, w: Shape, groups: int, wanted: str, name: str, axes: int) -> None:
    """Refuse an image and kernels that cannot meet; `wanted` says how the weight's axes are called.

    Raises:
        ShapeError: the wrong number of axes, or nothing in them.
        UsageError: groups that are not a positive whole number.
    """
    if len(x) != axes + 2 or len(w) != axes + 2:
        hint = "; add the missing channel axis with x.unsqueeze(0)" if len(x) == axes else ""
        raise ShapeError(
            f"{name}: wants input (N, C, {AXES[axes]}) or (C, {AXES[axes]}) and weight {wanted}; got {x} and {w}{hint}"
        )
    check_groups(groups, name)
    if min(w[:1] + w[2:]) < 1:
        raise ShapeError(f"{name}: a weight {w} has no elements")
    if x[0] and x[1] and min(x[2:]) < 1:
        raise ShapeError(f"{name}: the input {x} has no pixels; only the batch may be empty")


def check_groups(groups: Any, name: str) -> None:
    """Refuse groups that are not a positive whole number.

    Raises:
        UsageError: they are not.
    """
    if not is_whole(groups) or groups < 1:
        raise UsageError(f"{name}: groups must be a whole number, at least 1; got {groups!r}")
