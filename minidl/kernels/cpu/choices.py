"""A Numba kernel that chooses between two numbers, over flat arrays.

Import this module only when a kernel is about to run.
"""

from __future__ import annotations

from typing import Any

from numba import prange

from .jit import kernel

Array = Any
BLOCK = 1 << 15
"""How many numbers one thread takes at a time."""


@kernel(parallel=True)
def choose(condition: Array, x: Array, y: Array, out: Array) -> None:
    """`x` where the condition holds, else `y`; each holds as many numbers as the condition, or one.

    Both are read whichever is taken: so there is no branch in the loops, and they use vectors.
    """
    for b in prange((out.size + BLOCK - 1) // BLOCK):
        begin, end = b * BLOCK, min(out.size, (b + 1) * BLOCK)
        asked, found = condition[begin:end], out[begin:end]
        left, right = x[begin:end], y[begin:end]
        one, other = x[0], y[0]
        if x.size == 1 and y.size == 1:
            for i in range(found.size):
                found[i] = one if asked[i] else other
        elif y.size == 1:
            for i in range(found.size):
                v = left[i]
                found[i] = v if asked[i] else other
        elif x.size == 1:
            for i in range(found.size):
                w = right[i]
                found[i] = one if asked[i] else w
        else:
            for i in range(found.size):
                v, w = left[i], right[i]
                found[i] = v if asked[i] else w
