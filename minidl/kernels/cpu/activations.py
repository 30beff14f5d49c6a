"""ReLU on the CPU, forward and backward in one pass each over memory as it lies."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import elementwise, paths
from .layout import as_lies, flat

Array = np.ndarray[Any, Any]
_SMALL = 4096
"""Up to so many elements NumPy's steps are as fast."""

LARGE = 1 << 15
"""From so many on there is work for several threads."""


def maximum(x: Any, y: Any) -> Any:
    """NumPy's; of a large array and 0, by a kernel that threads share."""
    line = flat(x) if y.__class__ is int and y == 0 and _has_kernel(x, LARGE) else None
    if line is None:
        return elementwise.maximum(x, y)
    from . import rectify

    result = np.empty_like(x)
    rectify.rectify(line, flat(result))
    return result


def relu_back(g: Array, y: Array) -> Array:
    """`g` where ReLU's result `y` is positive or NaN, else 0. The result lies in memory as `y` does."""
    above = flat(y) if _has_kernel(y, _SMALL) and g.dtype == y.dtype else None
    if above is None:
        return np.where(y <= 0, np.zeros((), g.dtype), g)
    from . import rectify

    result = np.empty_like(y)
    run = rectify.share_rectify_back if y.size > LARGE else rectify.rectify_back
    run(flat(as_lies(g, y)), above, flat(result))
    return result


def _has_kernel(x: Any, least: int) -> bool:
    large = isinstance(x, np.ndarray) and x.size > least
    return large and x.dtype in (np.float32, np.float64) and paths.enabled("rectifier")
