"""Addition on the CPU: NumPy's, and kernels for what NumPy does slowly or on one thread alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import paths
from .layout import as_lies, channels_first, channels_last, flat, is_channels_last

Array = np.ndarray[Any, Any]
_SMALL = 4096
"""Up to so many elements NumPy is as fast."""

LARGE = 1 << 16
"""From so many on two threads are faster than NumPy's one."""

_WIDE = 512
"""About how long a row of repeated numbers is: enough to fill vectors, few enough to stay in the first cache."""


def add(x: Any, y: Any) -> Any:
    """x + y: by kernels for large arrays that lie alike in memory, and for a bias, one number a channel or a column.

    NumPy's innermost loop would run over the channels of channels-last images, which are few (measured, 6 channels: 10 times
    slower).
    """
    if _are_numbers(x, y):
        if x.size >= LARGE and x.shape == y.shape and x.strides == y.strides and flat(x) is not None:
            return _alike(x, y)
        if x.ndim > 2 and y.shape == (1, x.shape[1], *(1,) * (x.ndim - 2)) and is_channels_last(x):
            return channels_first(_with_bias(channels_last(x), y))
        if x.size >= LARGE and y.shape == x.shape[-1:] and x.flags.carray:
            return _with_bias(x, y)
    return np.add(x, y)


def add_to(total: Array, more: Array) -> None:
    """Add to an array in place."""
    line = flat(total) if total.size >= LARGE and _are_numbers(total, more) and total.shape == more.shape else None
    if line is None:
        np.add(total, more, total)
        return
    from . import adding

    adding.add_to(line, flat(as_lies(more, total)))


def _are_numbers(x: Any, y: Any) -> bool:
    """Whether there are kernels for them: two arrays of one dtype, the first not small."""
    if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray) or x.size <= _SMALL:
        return False
    return x.dtype == y.dtype and x.dtype in (np.float32, np.float64) and paths.enabled("addition")


def _alike(x: Array, y: Array) -> Array:
    from . import adding

    result = np.empty_like(x)
    adding.add(flat(x), flat(y), flat(result))
    return result


def _with_bias(x: Array, bias: Array) -> Array:
    """`x` `(…, C)`, C-contiguous, and C numbers."""
    from . import adding

    result = np.empty_like(x)
    wide = np.tile(bias.reshape(-1), -(-_WIDE // bias.size))
    run = adding.share_add_channels if x.size >= LARGE else adding.add_channels
    run(x.reshape(-1), wide, result.reshape(-1))
    return result
