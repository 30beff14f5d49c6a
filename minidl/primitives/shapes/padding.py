"""Padding: more elements at the ends of axes, or fewer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import ShapeError, UsageError
from ..elementwise.comparison import where_
from ..kinds import Value, refuses, sample, shape_of
from ..operation import operation
from .elements import along, getitem_, scatter_add_, whole_numbers, with_own_memory

_MODES = ("constant", "reflect", "replicate", "circular")
_ACCEPTED = {"reflect": "smaller than", "circular": "at most"}


@operation(
    "functional",
    formula="x with borders",
    derivative="∂L/∂x = g without the borders, and with them added where they copy x",
    samples=[
        sample((2, 3), pad=(1, 2)),
        sample((2, 3, 4), pad=(1, 0, 0, 2), value=-1.5),
        sample((2, 5), pad=(-1, 2, 0, -1), mode="constant", value=2.5),
        sample((2, 3, 4), pad=(3, 2), mode="reflect"),
        sample((1, 3, 4), pad=(-1, 2, 1, 1), mode="reflect"),
        sample((2, 3, 4), pad=(5, -1, 1, 2), mode="replicate"),
        sample((1, 2, 3, 4), pad=(4, 1, 0, 2), mode="circular"),
        sample((0, 2, 3), pad=(1, 1), mode="circular"),
        sample((), pad=()),
    ],
    errors=[
        refuses((3,), pad=(1,), error=UsageError, match="two numbers for each axis"),
        refuses((3,), pad=(1, 1, 1, 1), error=UsageError, match="only 1"),
        refuses((3,), pad=(1, 1), mode="wrap", error=UsageError, match="'constant', 'reflect'"),
        refuses((3,), pad=(-2, -2), match="cut off"),
        refuses((2, 3), pad=(3, 0), mode="reflect", match="smaller than"),
        refuses((2, 3), pad=(4, 0), mode="circular", match="at most"),
        refuses((2, 0), pad=(1, 0), mode="replicate", match="nothing to repeat"),
        refuses((3,), pad=(1, 1), mode="reflect", match="of the last 1, 2 or 3 axes"),
        refuses((2, 3), pad=(1, 1), mode="reflect", value=1.0, error=UsageError, match="value is for mode"),
    ],
)
def pad(input: Value, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Value:
    """Add elements at both ends of the last axes; negative numbers cut elements off.

    Args:
        input: any shape; for the modes other than `constant`, `(N, C, …)` or `(C, …)` with all axes behind C padded.
        pad: two numbers an axis, before and after, from the last axis backwards: `(left, right, top, bottom, …)`.
        mode: `constant` (one number), `reflect` (mirrored at the edge element: c b|a b c|b a), `replicate` (the edge
            element: a a|a b c|c c) or `circular` (from the other end: b c|a b c|a b).
        value: the number for `constant`; 0 if None.

    >>> import minidl
    >>> minidl.nn.functional.pad(minidl.tensor([[1.0, 2.0, 3.0]]), (2, 1), mode="reflect")
    tensor([[3., 2., 1., 2., 3., 2.]])
    """
    shape = shape_of(input)
    widths = whole_numbers(pad, "pad", "a number of elements")
    if mode not in _MODES:
        raise UsageError(f"pad: mode must be {', '.join(map(repr, _MODES))}; got {mode!r}")
    if len(widths) % 2:
        raise UsageError(f"pad: give two numbers for each axis, before and after; got {widths}")
    if len(widths) > 2 * len(shape):
        raise UsageError(f"pad: {widths} is for {len(widths) // 2} axes, and shape {shape} has only {len(shape)}")
    ends = [
        (len(shape) - 1 - k, before, after)
        for k, (before, after) in enumerate(zip(widths[::2], widths[1::2], strict=True))
    ]
    for axis, before, after in ends:
        if min(before, 0) + min(after, 0) < -shape[axis] or shape[axis] + before + after < (mode != "constant"):
            raise ShapeError(f"pad: {before} and {after} cut off more than axis {axis} of {shape} has")
    if mode == "constant":
        return with_own_memory(_constant(input, ends, 0 if value is None else value), input)
    if value:
        raise UsageError(f"pad: value is for mode='constant', not for {mode!r}")
    if len(shape) - len(ends) not in (1, 2) or not 1 <= len(ends) <= 3:
        raise ShapeError(
            f"pad: {mode!r} wants the padding of the last 1, 2 or 3 axes, all but (N, C) or (C,); got {widths} for {shape}"
        )
    out = input
    for axis, before, after in ends:
        out = _repeated(out, axis, before, after, mode)
    return with_own_memory(out, input)


def _constant(input: Value, ends: Sequence[tuple[int, int, int]], value: float) -> Value:
    """Cut off first, then place what is left into a larger frame."""
    shape = shape_of(input)
    kept, inside, grown = [slice(None)] * len(shape), [slice(None)] * len(shape), list(shape)
    for axis, before, after in ends:
        kept[axis] = slice(max(-before, 0), shape[axis] - max(-after, 0))
        inside[axis] = slice(max(before, 0), max(before, 0) + shape[axis] + min(before, 0) + min(after, 0))
        grown[axis] = shape[axis] + before + after
    cut = any(before < 0 or after < 0 for _, before, after in ends)
    out = getitem_(input, index=tuple(kept)) if cut or not ends else input
    if tuple(grown) == shape_of(out):
        return out
    out = scatter_add_(out, index=tuple(inside), shape=tuple(grown))
    if value == 0:
        return out
    within = np.zeros(grown, bool)
    within[tuple(inside)] = True
    return where_(out, np.asarray(value).astype(out.dtype), condition=within)


def _repeated(input: Value, axis: int, before: int, after: int, mode: str) -> Value:
    """Pad one axis with elements of its own."""
    shape = shape_of(input)
    n = shape[axis]
    if before == after == 0:
        return input
    if n == 0:
        raise ShapeError(f"pad: {mode!r}: axis {axis} of {shape} is empty, so there is nothing to repeat")
    most = {"reflect": n - 1, "circular": n}.get(mode, max(before, after))
    if max(before, after) > most:
        raise ShapeError(
            f"pad: {mode!r} padding must be {_ACCEPTED[mode]} axis {axis} of {shape}, got {before} and {after}"
        )
    return getitem_(input, index=along(axis, _sources(n, before, after, mode)))


def _sources(n: int, before: int, after: int, mode: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Which element stands at each place of a padded axis.

    >>> _sources(3, 2, 1, "reflect").tolist()
    [2, 1, 0, 1, 2, 1]
    """
    if mode == "circular":
        first, last = max(-before, 0), n - max(-after, 0)
        places = np.arange(first - max(before, 0), last + max(after, 0))
        return first + (places - first) % (last - first)
    places = np.arange(-before, n + after)
    if mode == "replicate":
        return places.clip(0, n - 1)
    return (n - 1) - np.abs(n - 1 - np.abs(places))
