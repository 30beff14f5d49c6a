"""The CPU's backend: NumPy for what it does well, BLAS for products, Numba for convolution and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from ..backend import Backend
from . import convolution, pooling
from .threads import LARGE, one_blas_thread


class CPU:
    """NumPy arrays on the CPU. NumPy's own functions stand here under their array-API names."""

    name = "cpu"
    errstate = staticmethod(np.errstate)

    add = staticmethod(np.add)
    subtract = staticmethod(np.subtract)
    multiply = staticmethod(np.multiply)
    divide = staticmethod(np.divide)
    negative = staticmethod(np.negative)
    pow = staticmethod(np.power)
    exp = staticmethod(np.exp)
    log = staticmethod(np.log)
    sqrt = staticmethod(np.sqrt)
    abs = staticmethod(np.abs)
    sign = staticmethod(np.sign)
    sin = staticmethod(np.sin)
    cos = staticmethod(np.cos)
    tanh = staticmethod(np.tanh)
    maximum = staticmethod(np.maximum)
    minimum = staticmethod(np.minimum)
    where = staticmethod(np.where)
    equal = staticmethod(np.equal)
    not_equal = staticmethod(np.not_equal)
    less = staticmethod(np.less)
    less_equal = staticmethod(np.less_equal)
    greater = staticmethod(np.greater)
    greater_equal = staticmethod(np.greater_equal)

    sum = staticmethod(np.sum)
    max = staticmethod(np.max)
    min = staticmethod(np.min)
    argmax = staticmethod(np.argmax)
    argmin = staticmethod(np.argmin)

    reshape = staticmethod(np.reshape)
    permute_dims = staticmethod(np.transpose)
    broadcast_to = staticmethod(np.broadcast_to)
    concat = staticmethod(np.concatenate)
    ones = staticmethod(np.ones)
    zeros = staticmethod(np.zeros)
    take_along_axis = staticmethod(np.take_along_axis)

    conv2d = staticmethod(convolution.conv2d)
    conv2d_input = staticmethod(convolution.conv2d_input)
    conv2d_weight = staticmethod(convolution.conv2d_weight)
    max_pool2d = staticmethod(pooling.max_pool2d)
    plane_scatter = staticmethod(pooling.plane_scatter)
    plane_gather = staticmethod(pooling.plane_gather)
    avg_pool2d = staticmethod(pooling.avg_pool2d)
    avg_pool2d_input = staticmethod(pooling.avg_pool2d_input)

    @staticmethod
    def wrap(result: Any, inputs: Sequence[Any]) -> Any:
        """Make an array of NumPy's scalars unless every input was a scalar."""
        if type(result) is np.ndarray and result.ndim:
            return result
        if any(isinstance(x, np.ndarray) for x in inputs) or result.dtype != np.float64:
            return np.asarray(result)
        return np.float64(result)

    @staticmethod
    def astype(x: Any, dtype: Any) -> Any:
        """Convert to another dtype; what has it already is returned as it is."""
        return np.asarray(x).astype(dtype, copy=False)

    @staticmethod
    def matmul(x: Any, y: Any) -> Any:
        """NumPy's product, on one thread unless it is large."""
        rows = x.size // max(x.shape[-1], 1)
        if rows * y.size >= LARGE:
            return np.matmul(x, y)
        with one_blas_thread():
            return np.matmul(x, y)

    @staticmethod
    def sigmoid(x: Any) -> Any:
        """Exact at both ends: 1 / (1 + e⁻ˣ) right of 0 and eˣ / (1 + eˣ) left of it, so that nothing overflows or cancels."""
        right = np.real(x) >= 0
        e = np.exp(np.where(right, -x, x))
        return np.where(right, 1, e) / (1 + e)

    @staticmethod
    def getitem(x: Any, index: Any) -> Any:
        """Index with NumPy's rules."""
        return x[index]

    @staticmethod
    def scatter_add(values: Any, index: Any, shape: tuple[int, ...]) -> Any:
        """Add in place; `np.add.at` where positions may repeat."""
        values = np.asarray(values)
        out = np.zeros(shape, values.dtype)
        parts = index if isinstance(index, tuple) else (index,)
        if any(isinstance(part, np.ndarray | list) and np.asarray(part).dtype != bool for part in parts):
            np.add.at(out, index, values)
        else:
            out[index] += values
        return out


backend = cast(Backend, CPU())
"""The one CPU backend."""
