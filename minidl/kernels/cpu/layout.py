"""Channels-last memory behind (N, C, …) shapes, and one, two or three axes of an image as three."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def channels_last(x: Array) -> Array:
    """View `(N, C, …)` as a C-contiguous, writable `(N, …, C)` array; a copy only if memory lies otherwise."""
    return np.require(x.transpose(0, *range(2, x.ndim), 1), requirements=["C_CONTIGUOUS", "WRITEABLE", "ALIGNED"])


def channels_first(x: Array) -> Array:
    """View `(N, …, C)` as `(N, C, …)`, without a copy."""
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


def with_three_axes(x: Array) -> Array:
    """View `(N, C, L)` or `(N, C, H, W)` as `(N, C, D, H, W)`, the new axes of length 1."""
    return x[(slice(None), slice(None), *(None,) * (5 - x.ndim))]


def three(values: tuple[int, ...], missing: int) -> tuple[int, int, int]:
    """One number for each of three axes, `missing` for those in front that an image does not have."""
    return (*(missing,) * (3 - len(values)), *values)  # type: ignore[return-value]
