"""Numba kernels for what a division leaves, in float32: `remainder`, `fmod` and the quotient rounded down.

A quotient of two float32 below 2²⁸, computed in float64, is on the right side of every whole number, and what is left is exact.
Where it is not below, as with ∞, NaN and divisors of 0, a kernel says so and leaves the work to NumPy.

Import this module only when a kernel is about to run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .jit import kernel

Array = Any
BLOCK = 1 << 14
"""How many numbers one thread takes at a time."""

_LARGEST, _LEAST = np.float64(1 << 28), np.float64(1e-300)


@kernel(parallel=True)
def divide(x: Array, y: Array, out: Array, far: Array, rounds: Any, rests: Any) -> None:
    """The quotient rounded down, or what it leaves: of flat arrays, of which `y` may be one number.

    `rounds` is 1 for rounding down, 0 for rounding to 0; `rests` whether what is left is wanted. `far` tells for each block
    whether a quotient was too large.
    """
    for b in prange((x.size + BLOCK - 1) // BLOCK):
        part, result = x[b * BLOCK : (b + 1) * BLOCK], out[b * BLOCK : (b + 1) * BLOCK]
        by = y[b * BLOCK : (b + 1) * BLOCK] if y.size > 1 else y
        step = 1 if y.size > 1 else 0
        outside = 0
        for i in range(part.size):
            divisor = np.float64(by[i * step])
            magnitude = max(abs(divisor), _LEAST)
            quotient = np.float64(part[i]) / (magnitude if divisor > 0 else -magnitude)
            whole = np.floor(quotient) if rounds else np.trunc(quotient)
            rest = np.float64(part[i]) - whole * divisor
            result[i] = np.copysign(rest, divisor if rounds else np.float64(part[i])) if rests else whole
            outside |= 0 if abs(quotient) < _LARGEST else 1
        far[b] = outside
