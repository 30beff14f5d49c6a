"""Matrix products by BLAS: in memory that it can read, on as many threads as pay."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .threads import LARGE, SMALL, one_blas_thread

Array = np.ndarray[Any, Any]

_WORTH_COPYING = 256
"""Below so many elements, copying costs as much as it saves."""


def for_blas(x: Array) -> Array:
    """The same matrices in memory that BLAS can read: the numbers of each row, or of each column, next to each other.

    Others, such as heads of attention whose axes were permuted, NumPy multiplies number by number, which takes a hundred times
    as long as copying them first.
    """
    if x.ndim < 2 or x.size < _WORTH_COPYING:
        return x
    (rows, columns), (down, across), size = x.shape[-2:], x.strides[-2:], x.itemsize
    in_rows = (across == size or columns == 1) and (down >= columns * size or rows == 1)
    in_columns = (down == size or rows == 1) and (across >= rows * size or columns == 1)
    return x if in_rows or in_columns else np.ascontiguousarray(x)


def product(x: Array, y: Array, out: Array | None = None) -> Array:
    """NumPy's product of arrays that BLAS can read, on one thread unless it is large; written into `out` if that is given."""
    # What threads would share is one product of a batch: of many small ones, each is quickest alone.
    each = y.size // (math.prod(y.shape[:-2]) or 1) * (x.shape[-2] if x.ndim > 1 else 1)
    if SMALL <= each < LARGE:
        with one_blas_thread():
            return np.matmul(x, y, out=out)
    return np.matmul(x, y, out=out)
