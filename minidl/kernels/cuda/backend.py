"""The CUDA backend: what a GPU computes, under the names that every backend has.

An operation that is not here raises `NotOnDeviceError` by its name; nothing is computed on the CPU in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

from ...errors import NotOnDeviceError
from ..backend import Backend
from . import random
from .array import DeviceArray
from .convolution import ways as convolution
from .elementwise import operations as elementwise
from .layers import losses, normalization, normalization_rows, pooling, probabilities
from .matmul import products
from .places import copies, shapes
from .places import index as places_index
from .places import moves as places_moves
from .places import picking as places
from .reductions import counting, scans, sorting
from .reductions import over_axes as reductions


class CUDA:
    """Arrays on a GPU."""

    name = "cuda"

    # copies (copies.py)
    copy = staticmethod(copies.copy)

    # elementwise functions: one formula each (elementwise.py, formulas.py)
    add = staticmethod(elementwise.function("add"))
    subtract = staticmethod(elementwise.function("subtract"))
    multiply = staticmethod(elementwise.function("multiply"))
    divide = staticmethod(elementwise.function("divide"))
    negative = staticmethod(elementwise.function("negative"))
    positive = staticmethod(elementwise.function("positive"))
    exp = staticmethod(elementwise.function("exp"))
    exp2 = staticmethod(elementwise.function("exp2"))
    expm1 = staticmethod(elementwise.function("expm1"))
    log = staticmethod(elementwise.function("log"))
    log1p = staticmethod(elementwise.function("log1p"))
    log2 = staticmethod(elementwise.function("log2"))
    log10 = staticmethod(elementwise.function("log10"))
    sqrt = staticmethod(elementwise.function("sqrt"))
    abs = staticmethod(elementwise.function("abs"))
    sign = staticmethod(elementwise.function("sign"))
    sin = staticmethod(elementwise.function("sin"))
    cos = staticmethod(elementwise.function("cos"))
    tan = staticmethod(elementwise.function("tan"))
    asin = staticmethod(elementwise.function("asin"))
    acos = staticmethod(elementwise.function("acos"))
    atan = staticmethod(elementwise.function("atan"))
    atan2 = staticmethod(elementwise.function("atan2"))
    sinh = staticmethod(elementwise.function("sinh"))
    cosh = staticmethod(elementwise.function("cosh"))
    tanh = staticmethod(elementwise.function("tanh"))
    asinh = staticmethod(elementwise.function("asinh"))
    acosh = staticmethod(elementwise.function("acosh"))
    atanh = staticmethod(elementwise.function("atanh"))
    sinc = staticmethod(elementwise.function("sinc"))
    spherical_bessel = staticmethod(elementwise.function("spherical_bessel"))
    hypot = staticmethod(elementwise.function("hypot"))
    floor = staticmethod(elementwise.function("floor"))
    ceil = staticmethod(elementwise.function("ceil"))
    trunc = staticmethod(elementwise.function("trunc"))
    round = staticmethod(elementwise.function("round"))
    isnan = staticmethod(elementwise.function("isnan"))
    isinf = staticmethod(elementwise.function("isinf"))
    isfinite = staticmethod(elementwise.function("isfinite"))
    signbit = staticmethod(elementwise.function("signbit"))
    copysign = staticmethod(elementwise.function("copysign"))
    logaddexp = staticmethod(elementwise.function("logaddexp"))
    logaddexp2 = staticmethod(elementwise.function("logaddexp2"))
    remainder = staticmethod(elementwise.function("remainder"))
    fmod = staticmethod(elementwise.function("fmod"))
    floor_divide = staticmethod(elementwise.function("floor_divide"))
    fmax = staticmethod(elementwise.function("fmax"))
    fmin = staticmethod(elementwise.function("fmin"))
    maximum = staticmethod(elementwise.function("maximum"))
    minimum = staticmethod(elementwise.function("minimum"))
    where = staticmethod(elementwise.function("where"))
    relu_back = staticmethod(elementwise.function("relu_back"))
    sigmoid = staticmethod(elementwise.function("sigmoid"))
    gelu = staticmethod(elementwise.function("gelu"))
    gelu_slope = staticmethod(elementwise.function("gelu_slope"))
    erf = staticmethod(elementwise.function("erf"))
    erfc = staticmethod(elementwise.function("erfc"))
    logical_not = staticmethod(elementwise.function("logical_not"))
    logical_and = staticmethod(elementwise.function("logical_and"))
    logical_or = staticmethod(elementwise.function("logical_or"))
    logical_xor = staticmethod(elementwise.function("logical_xor"))
    bitwise_invert = staticmethod(elementwise.function("bitwise_invert"))
    bitwise_and = staticmethod(elementwise.function("bitwise_and"))
    bitwise_or = staticmethod(elementwise.function("bitwise_or"))
    bitwise_xor = staticmethod(elementwise.function("bitwise_xor"))
    equal = staticmethod(elementwise.comparison("equal"))
    not_equal = staticmethod(elementwise.comparison("not_equal"))
    less = staticmethod(elementwise.comparison("less"))
    less_equal = staticmethod(elementwise.comparison("less_equal"))
    greater = staticmethod(elementwise.comparison("greater"))
    greater_equal = staticmethod(elementwise.comparison("greater_equal"))
    # … and several
    multiply_or_zero = staticmethod(elementwise.multiply_or_zero)
    square = staticmethod(elementwise.square)
    pow = staticmethod(elementwise.pow)
    clip = staticmethod(elementwise.clip)
    isclose = staticmethod(elementwise.isclose)
    isposinf = staticmethod(elementwise.isposinf)
    isneginf = staticmethod(elementwise.isneginf)
    astype = staticmethod(elementwise.astype)
    add_to = staticmethod(elementwise.add_to)

    # shapes (shapes.py)
    reshape = staticmethod(shapes.reshape)
    permute_dims = staticmethod(shapes.permute_dims)
    broadcast_to = staticmethod(shapes.broadcast_to)
    concat = staticmethod(shapes.concat)
    zeros = staticmethod(shapes.zeros)
    ones = staticmethod(shapes.ones)
    tril = staticmethod(shapes.tril)
    triu = staticmethod(shapes.triu)

    # places (places.py, places_index.py, places_moves.py, places_views.py)
    getitem = staticmethod(places.getitem)
    setitem = staticmethod(places.setitem)
    scatter_add = staticmethod(places.scatter_add)
    scatter_extremum = staticmethod(places.scatter_extremum)
    take_along_axis = staticmethod(places.take_along_axis)
    pack = staticmethod(places.pack)
    diagonal = staticmethod(places.diagonal)
    from_diagonal = staticmethod(places.from_diagonal)
    windows = staticmethod(places.windows)
    argwhere = staticmethod(places_index.argwhere)
    flip = staticmethod(places_moves.flip)
    roll = staticmethod(places_moves.roll)

    # windows of images and axes (pooling.py, windows.py)
    max_pool = staticmethod(pooling.max_pool)
    plane_scatter = staticmethod(pooling.plane_scatter)
    plane_gather = staticmethod(pooling.plane_gather)
    weighted_sums = staticmethod(pooling.weighted_sums)
    from_windows = staticmethod(pooling.from_windows)

    # dropout (random.py)
    dropout = staticmethod(random.dropout)

    # convolutions (convolution.py)
    conv = staticmethod(convolution.conv)
    conv_input = staticmethod(convolution.conv_input)
    conv_weight = staticmethod(convolution.conv_weight)

    # sums, extrema, truths (reductions.py)
    sum = staticmethod(reductions.sum)
    mean = staticmethod(reductions.mean)
    max = staticmethod(reductions.max)
    min = staticmethod(reductions.min)
    argmax = staticmethod(reductions.argmax)
    argmin = staticmethod(reductions.argmin)
    prod = staticmethod(reductions.prod)
    all = staticmethod(reductions.all)
    any = staticmethod(reductions.any)
    count_nonzero = staticmethod(reductions.count_nonzero)

    # running results (scans.py)
    cumulative_sum = staticmethod(scans.cumulative_sum)
    cumulative_prod = staticmethod(scans.cumulative_prod)
    cumulative_logsumexp = staticmethod(scans.cumulative_logsumexp)
    last_extremum = staticmethod(scans.last_extremum)
    recurrence = staticmethod(scans.recurrence)

    # order and counts (sorting.py, counting.py)
    argsort = staticmethod(sorting.argsort)
    partition = staticmethod(sorting.partition)
    top_positions = staticmethod(sorting.top_positions)
    position_of = staticmethod(sorting.position_of)
    searchsorted = staticmethod(counting.searchsorted)
    bincount = staticmethod(counting.bincount)

    # softmax and its losses (probabilities.py, losses.py)
    softmax = staticmethod(probabilities.softmax)
    softmax_back = staticmethod(probabilities.softmax_back)
    log_softmax = staticmethod(probabilities.log_softmax)
    log_softmax_back = staticmethod(probabilities.log_softmax_back)
    cross_entropy = staticmethod(losses.cross_entropy)
    cross_entropy_back = staticmethod(losses.cross_entropy_back)
    class_loss = staticmethod(losses.class_loss)
    class_loss_back = staticmethod(losses.class_loss_back)

    # normalisation of channels and of rows (normalization.py, normalization_rows.py)
    batch_norm = staticmethod(normalization.batch_norm)
    batch_norm_with = staticmethod(normalization.batch_norm_with)
    batch_norm_back = staticmethod(normalization.batch_norm_back)
    layer_norm = staticmethod(normalization_rows.layer_norm)
    layer_norm_back = staticmethod(normalization_rows.layer_norm_back)

    # products of matrices (products.py)
    matmul = staticmethod(products.matmul)
    einsum = staticmethod(products.einsum)

    @staticmethod
    def errstate(*, all: str) -> AbstractContextManager[Any]:
        """A GPU never warns."""
        return nullcontext()

    @staticmethod
    def wrap(result: Any, inputs: Sequence[Any]) -> Any:
        """Results are arrays already."""
        return result

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotOnDeviceError(f"{name} is not computed on a GPU here; x.cpu() brings the numbers to where it is")


backend = cast(Backend, CUDA())
"""The one CUDA backend."""
__all__ = ["CUDA", "DeviceArray", "backend"]
