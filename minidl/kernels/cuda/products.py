"""Products of matrices: NumPy's rules of shapes, and which kernel multiplies what.

| what                                                        | kernel                                               |
| ----------------------------------------------------------- | ---------------------------------------------------- |
| other dtypes than float32                                   | `matmul_tiled`, 32 × 32 threads a block or 16 × 16   |
| few multiply-adds, and few or short sums                    | `matmul_naive`: nothing is worth setting up          |
| float32, results that fill the GPU with large tiles         | `matmul_fast`, 128 × 128                             |
| float32, smaller or thin results                            | `matmul_fast`, 64 × 64                               |
| … of which there are few, with long sums                    | the same, shared out along the sums, then added up   |
| float32 where `set_float32_matmul_precision` allows rounding| `tensor_cores`, from compute capability 8.0 on       |

The fast kernels take row-major and column-major factors as they lie, in any batch; factors that lie otherwise are copied.
XᵀYᵀ is computed as (YX)ᵀ. What depends on shapes and strides alone is worked out once and kept (`_plan`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ...errors import NotOnDeviceError
from .. import contraction
from . import copies, memory
from .array import DeviceArray, Shape, row_major
from .driver import properties
from .language import Kernel, ceil_div
from .matmul_batch import MOST, Batch, broadcast, folded
from .matmul_fast import adding_kernel, fast_kernel, turing_kernel
from .matmul_naive import THREADS, naive_kernel
from .matmul_tiled import tiled_kernel
from .precision import get_float32_matmul_precision
from .tensor_cores import WARPS_TILE, tensor_kernel
from .tile import LARGE, SMALL, Tile

DTYPES = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8")
"""What is multiplied; True and False are not."""
FEW, SHORT = 1 << 18, 128
"""Up to so many multiply-adds, in sums of up to so many, a thread a result is the quickest (unmeasured)."""
WORTH_SHARING = 256
"""How many sums a share has at least when a product is shared out along its sums (unmeasured)."""
COPIES_BESIDE = (8, 0)
"""The first compute capability with `cp.async`, and with tensor cores that take float32."""


# NumPy's rules -----------------------------------------------------------------------------------------------------------


def matmul(x: DeviceArray, y: DeviceArray) -> DeviceArray:
    """NumPy's product, `(…, rows, sums) @ (…, sums, columns)`; a vector is a row on the left, a column on the right.

    Raises:
        ValueError: the shapes do not fit, in NumPy's words.
        NotOnDeviceError: a dtype that is not multiplied on a GPU.
    """
    if x.dtype != y.dtype:
        dtype = np.result_type(x.dtype, y.dtype)
        x, y = (a if a.dtype == dtype else a.astype(dtype) for a in (x, y))
    if x.dtype.name not in DTYPES:
        raise NotOnDeviceError(f"matmul of {x.dtype} is not computed on a GPU here; x.cpu() brings the numbers to where it is")
    shape = shape_of_product(x.shape, y.shape)
    left = x if x.ndim > 1 else x.view_as((1, x.size), (0, *x.strides))
    right = y if y.ndim > 1 else y.view_as((y.size, 1), (*y.strides, 0))
    result = of_matrices(left, right)
    return result if result.shape == shape else result.view_as(shape, tuple(_without_vectors(result.strides, x, y)))


def shape_of_product(x: Shape, y: Shape) -> Shape:
    """The shape of a product.

    Raises:
        ValueError: there is none.

    >>> shape_of_product((5, 1, 2, 3), (4, 3, 7)), shape_of_product((3,), (3, 7)), shape_of_product((3,), (3,))
    ((5, 4, 2, 7), (7,), ())
    """
    if not x or not y or x[-1] != y[-min(2, len(y))] or not _broadcast_together(x[:-2], y[:-2]):
        np.matmul(np.broadcast_to(0.0, x), np.broadcast_to(0.0, y))  # which says what does not fit
    batch = np.broadcast_shapes(x[:-2], y[:-2])
    return (*batch, *x[-2:-1], *(y[-1:] if len(y) > 1 else ()))


def _broadcast_together(x: Shape, y: Shape) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(reversed(x), reversed(y), strict=False))


def _without_vectors(strides: Shape, x: DeviceArray, y: DeviceArray) -> list[int]:
    """The strides of a result without the axes of length 1 that vectors got."""
    kept = list(strides)
    if y.ndim == 1:
        del kept[-1]
    if x.ndim == 1:
        del kept[-1 if y.ndim == 1 else -2]
    return kept


def einsum(equation: str, *arrays: DeviceArray) -> DeviceArray:
    """Sum products over the indices that the result lacks; see `contraction`."""
    return contraction.einsum(matmul, equation, arrays)


# Which kernel multiplies what --------------------------------------------------------------------------------------------


def of_matrices(x: DeviceArray, y: DeviceArray) -> DeviceArray:
    """The product of arrays of matrices, `(…, rows, sums) @ (…, sums, columns)`, whose shapes fit."""
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    rows, sums, columns = x.shape[-2], x.shape[-1], y.shape[-1]
    out = memory.empty((*batch, rows, columns), x.dtype, x.memory.device)
    if not out.size or not sums:
        memory.fill_zeros(out)
        return out
    if x.ndim > 2 == y.ndim and (x.strides[-2] == 0 or x.is_contiguous):  # the same matrix for all: one product of all rows
        x = x.view_as((math.prod(x.shape[:-1]), sums), (x.strides[-2], x.strides[-1]))
        batch, rows = (), x.shape[0]
    x, y, where = folded(*broadcast(x, y, batch))
    if math.prod(batch):
        ...
    return out
