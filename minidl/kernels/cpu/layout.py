"""Channels-last memory behind (N, C, …) shapes, and one, two or three axes of an image as three."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import paths

Array = np.ndarray[Any, Any]
_SMALL = 8192
"""Up to so many elements NumPy's copy is as fast as the kernel's."""


def channels_last(x: Array) -> Array:
    """View `(N, C, …)` as a C-contiguous, writable `(N, …, C)` array; a copy only if memory lies otherwise."""
    view = _with_channels_last(x)
    if view.flags.carray:
        return view
    if x.flags.carray and x.size > _SMALL and x.dtype in (np.float32, np.float64) and paths.enabled("transposing"):
        from . import transposing

        n, c = x.shape[:2]
        last = np.empty(view.shape, x.dtype)
        transposing.transpose(x.reshape(n, c, -1), last.reshape(n, -1, c))
        return last
    return np.require(view, requirements=["C_CONTIGUOUS", "WRITEABLE", "ALIGNED"])


def is_channels_last(x: Array) -> bool:
    """Whether the numbers of `(N, C, …)` lie as those of a C-contiguous `(N, …, C)`."""
    return x.ndim > 2 and _with_channels_last(x).flags.c_contiguous


def _with_channels_last(x: Array) -> Array:
    return x.transpose(0, *range(2, x.ndim), 1)


def channels_first(x: Array) -> Array:
    """View `(N, …, C)` as `(N, C, …)`, without a copy."""
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


def with_three_axes(x: Array) -> Array:
    """View `(N, C, L)` or `(N, C, H, W)` as `(N, C, D, H, W)`, the new axes of length 1."""
    return x[(slice(None), slice(None), *(None,) * (5 - x.ndim))]


def three(values: tuple[int, ...], missing: int) -> tuple[int, int, int]:
    """One number for each of three axes, `missing` for those in front that an image does not have."""
    return (*(missing,) * (3 - len(values)), *values)  # type: ignore[return-value]


def flat(x: Array) -> Array | None:
    """View all numbers of an array in the order in which they lie in memory; None where there are gaps or repeats."""
    line = x.ravel(order="K")
    return None if line.flags.owndata else line


def as_lies(x: Array, other: Array) -> Array:
    """`x`, laid in memory as `other`, an array of the same shape, is; a copy only if it lies otherwise."""
    if x.strides == other.strides:
        return x
    if is_channels_last(other):
        return channels_first(channels_last(x))
    laid = np.empty_like(other, dtype=x.dtype)
    laid[...] = x
    return laid
