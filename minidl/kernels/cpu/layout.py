"""Channels-last memory behind (N, C, H, W) shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def channels_last(x: Array) -> Array:
    """View `(N, C, H, W)` as a C-contiguous, writable `(N, H, W, C)` array; a copy only if memory lies otherwise."""
    return np.require(x.transpose(0, 2, 3, 1), requirements=["C_CONTIGUOUS", "WRITEABLE", "ALIGNED"])


def channels_first(x: Array) -> Array:
    """View `(N, H, W, C)` as `(N, C, H, W)`, without a copy."""
    return x.transpose(0, 3, 1, 2)
