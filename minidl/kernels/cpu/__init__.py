"""The CPU's backend: NumPy for what it does well, BLAS for products, Numba for convolution and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from .. import contraction
from ..backend import Backend
from ..cuda.array import DeviceArray
from . import (
    activations,
    addition,
    convolution,
    elementwise,
    matrices,
    normalization,
    places,
    pooling,
    probabilities,
    products,
    scans,
    summation,
)


class CPU:
    """NumPy arrays on the CPU. NumPy's own functions stand here under their array-API names."""

    name = "cpu"
    errstate = staticmethod(np.errstate)

    add = staticmethod(addition.add)
    add_to = staticmethod(addition.add_to)
    subtract = staticmethod(np.subtract)
    multiply = staticmethod(np.multiply)
    divide = staticmethod(np.divide)
    negative = staticmethod(np.negative)
    pow = staticmethod(np.power)
    exp = staticmethod(np.exp)
    log = staticmethod(np.log)
    sqrt = staticmethod(np.sqrt)
    abs = staticmethod(np.abs)
    sin = staticmethod(np.sin)
    cos = staticmethod(np.cos)
    tan = staticmethod(np.tan)
    asin = staticmethod(np.arcsin)
    acos = staticmethod(np.arccos)
    atan = staticmethod(np.arctan)
    atan2 = staticmethod(np.arctan2)
    sinh = staticmethod(np.sinh)
    cosh = staticmethod(np.cosh)
    tanh = staticmethod(np.tanh)
    asinh = staticmethod(np.arcsinh)
    acosh = staticmethod(np.arccosh)
    atanh = staticmethod(np.arctanh)
    sinc = staticmethod(np.sinc)
    hypot = staticmethod(elementwise.hypot)
    exp2 = staticmethod(np.exp2)
    expm1 = staticmethod(np.expm1)
    log1p = staticmethod(np.log1p)
    log2 = staticmethod(np.log2)
    log10 = staticmethod(np.log10)
    logaddexp = staticmethod(elementwise.logaddexp)
    logaddexp2 = staticmethod(elementwise.logaddexp2)
    positive = staticmethod(np.positive)
    floor = staticmethod(np.floor)
    ceil = staticmethod(np.ceil)
    trunc = staticmethod(np.trunc)
    round = staticmethod(np.round)
    remainder = staticmethod(elementwise.remainder)
    fmod = staticmethod(elementwise.fmod)
    floor_divide = staticmethod(elementwise.floor_divide)
    copy = staticmethod(np.copy)
    copysign = staticmethod(np.copysign)
    signbit = staticmethod(np.signbit)
    fmax = staticmethod(np.fmax)
    fmin = staticmethod(np.fmin)
    isnan = staticmethod(np.isnan)
    isinf = staticmethod(np.isinf)
    isposinf = staticmethod(np.isposinf)
    isneginf = staticmethod(np.isneginf)
    isfinite = staticmethod(np.isfinite)
    isclose = staticmethod(np.isclose)
    logical_and = staticmethod(np.logical_and)
    logical_or = staticmethod(np.logical_or)
    logical_xor = staticmethod(np.logical_xor)
    logical_not = staticmethod(np.logical_not)
    bitwise_and = staticmethod(np.bitwise_and)
    bitwise_or = staticmethod(np.bitwise_or)
    bitwise_xor = staticmethod(np.bitwise_xor)
    bitwise_invert = staticmethod(np.invert)
    maximum = staticmethod(activations.maximum)
    relu_back = staticmethod(activations.relu_back)
    minimum = staticmethod(elementwise.minimum)
    clip = staticmethod(elementwise.clip)
    where = staticmethod(elementwise.where)
    multiply_or_zero = staticmethod(elementwise.multiply_or_zero)
    square = staticmethod(elementwise.square)
    sign = staticmethod(elementwise.sign)
    erf = staticmethod(elementwise.erf)
    erfc = staticmethod(elementwise.erfc)
    spherical_bessel = staticmethod(elementwise.spherical_bessel)
    sigmoid = staticmethod(elementwise.sigmoid)
    gelu = staticmethod(elementwise.gelu)
    gelu_slope = staticmethod(elementwise.gelu_slope)
    equal = staticmethod(np.equal)
    not_equal = staticmethod(np.not_equal)
    less = staticmethod(np.less)
    less_equal = staticmethod(np.less_equal)
    greater = staticmethod(np.greater)
    greater_equal = staticmethod(np.greater_equal)

    sum = staticmethod(summation.sum)
    mean = staticmethod(summation.mean)
    max = staticmethod(np.max)
    min = staticmethod(np.min)
    argmax = staticmethod(np.argmax)
    argmin = staticmethod(np.argmin)
    prod = staticmethod(scans.prod)
    all = staticmethod(np.all)
    any = staticmethod(np.any)
    count_nonzero = staticmethod(np.count_nonzero)
    cumulative_sum = staticmethod(scans.cumulative_sum)
    cumulative_prod = staticmethod(scans.cumulative_prod)
    cumulative_logsumexp = staticmethod(scans.cumulative_logsumexp)
    last_extremum = staticmethod(scans.last_extremum)
    recurrence = staticmethod(scans.recurrence)
    argsort = staticmethod(scans.argsort)
    partition = staticmethod(np.partition)
    top_positions = staticmethod(scans.top_positions)
    position_of = staticmethod(scans.position_of)
    bincount = staticmethod(scans.bincount)

    reshape = staticmethod(np.reshape)
    permute_dims = staticmethod(np.transpose)
    broadcast_to = staticmethod(np.broadcast_to)
    concat = staticmethod(np.concatenate)
    ones = staticmethod(np.ones)
    zeros = staticmethod(np.zeros)
    take_along_axis = staticmethod(np.take_along_axis)
    tril = staticmethod(np.tril)
    triu = staticmethod(np.triu)
    roll = staticmethod(np.roll)
    searchsorted = staticmethod(np.searchsorted)
    argwhere = staticmethod(np.argwhere)
    flip = staticmethod(places.flip)
    diagonal = staticmethod(places.diagonal)
    from_diagonal = staticmethod(places.from_diagonal)
    windows = staticmethod(places.windows)
    from_windows = staticmethod(places.from_windows)
    getitem = staticmethod(places.getitem)
    setitem = staticmethod(places.setitem)
    scatter_add = staticmethod(places.scatter_add)
    scatter_extremum = staticmethod(places.scatter_extremum)

    matmul = staticmethod(products.matmul)
    inv = staticmethod(matrices.inv)
    solve = staticmethod(matrices.solve)
    cholesky = staticmethod(matrices.cholesky)
    eigh = staticmethod(matrices.eigh)
    svd = staticmethod(matrices.svd)
    qr = staticmethod(matrices.qr)
    pinv = staticmethod(matrices.pinv)
    matrix_rank = staticmethod(matrices.matrix_rank)
    det = staticmethod(np.linalg.det)
    slogdet = staticmethod(np.linalg.slogdet)
    cofactor = staticmethod(matrices.cofactor)
    cofactor_change = staticmethod(matrices.cofactor_change)
    pack = staticmethod(matrices.pack)

    conv = staticmethod(convolution.conv)
    conv_input = staticmethod(convolution.conv_input)
    conv_weight = staticmethod(convolution.conv_weight)
    max_pool = staticmethod(pooling.max_pool)
    plane_scatter = staticmethod(pooling.plane_scatter)
    plane_gather = staticmethod(pooling.plane_gather)
    weighted_sums = staticmethod(pooling.weighted_sums)
    softmax = staticmethod(probabilities.softmax)
    softmax_back = staticmethod(probabilities.softmax_back)
    log_softmax = staticmethod(probabilities.log_softmax)
    log_softmax_back = staticmethod(probabilities.log_softmax_back)
    cross_entropy = staticmethod(probabilities.cross_entropy)
    cross_entropy_back = staticmethod(probabilities.cross_entropy_back)
    class_loss = staticmethod(probabilities.class_loss)
    class_loss_back = staticmethod(probabilities.class_loss_back)
    batch_norm = staticmethod(normalization.batch_norm)
    batch_norm_with = staticmethod(normalization.batch_norm_with)
    batch_norm_back = staticmethod(normalization.batch_norm_back)
    layer_norm = staticmethod(normalization.layer_norm)
    layer_norm_back = staticmethod(normalization.layer_norm_back)

    @staticmethod
    def wrap(result: Any, inputs: Sequence[Any]) -> Any:
        """Make an array of NumPy's scalars unless every input was a scalar."""
        if (type(result) is np.ndarray and result.ndim) or type(result) is DeviceArray:
            return result
        if any(isinstance(x, np.ndarray) for x in inputs) or result.dtype != np.float64:
            return np.asarray(result)
        return np.float64(result)

    @staticmethod
    def dropout(x: Any, kept: Any, scale: float) -> Any:
        """x·kept·scale."""
        return np.multiply(x, kept) * scale

    @staticmethod
    def astype(x: Any, dtype: Any) -> Any:
        """Convert to another dtype; what has it already is returned as it is."""
        return np.asarray(x).astype(dtype, copy=False)

    @staticmethod
    def einsum(equation: str, *arrays: Any) -> Any:
        """Sum products over the indices that the result lacks."""
        result = contraction.einsum(products.matmul, places.from_diagonal, equation, arrays)
        return result.copy() if len(arrays) == 1 and np.may_share_memory(result, arrays[0]) else result


backend = cast(Backend, CPU())
"""The one CPU backend."""
