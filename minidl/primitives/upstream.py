"""Upstream × local: the product in which every elementwise rule ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import data_of
from ..graph.mode import state
from ..kernels import DeviceArray
from ..kernels.cuda.elementwise.fusion import Symbol
from ..kernels.dtypes import bool_
from .registered import Value, registry

__all__ = ["times", "times_each"]

ndarray = np.ndarray
_PLAIN = (int, float, bool)
_ON_DEVICE = (DeviceArray, Symbol)


def times(g: Value, partial: Value) -> Value:
    """`g · partial`, where no upstream is no gradient: 0 times an infinite or undefined slope is 0.

    That keeps NaN from leaking out of a branch that was not taken, as in `where(x > 0, sqrt(x), 0)` at x = 0. A slope
    that is a comparison chooses instead of multiplying, so that an infinite upstream does not become ∞·0 either.
    """
    if partial.__class__ is ndarray and g.__class__ is ndarray and partial.dtype is g.dtype:
        product = g * partial
        numbers = product if product.ndim == 1 else product.ravel("K")
        squares = numbers.dot(numbers)  # NaN if any number is: one pass, and nothing allocated
        if squares == squares:
            return product
    if partial.__class__ in _PLAIN:
        if partial == 1:
            return g
        if partial == -1:
            return -g
        return g * partial if partial else np.zeros_like(data_of(g))
    if getattr(partial, "dtype", None) == bool_:
        return registry["where"](g, 0.0, condition=data_of(partial))
    if not state.plain and state.tape is not None:  # a replay may meet the infinity that this run does not
        return registry["mul_or_zero"](g, partial)
    if data_of(g).__class__ in _ON_DEVICE:  # to look at the product would be to wait for the device
        return registry["mul_or_zero"](g, partial)
    product = g * partial
    numbers = data_of(product)
    squares = np.vdot(numbers, numbers)
    return registry["mul_or_zero"](g, partial) if squares != squares else product


def times_each(g: Value, slopes: Sequence[Value]) -> list[Value]:
    """`times(g, slope)` for each slope; None, for an argument that wants no gradient, stays None."""
    if len(slopes) == 2:
        first, second = slopes
        if g.__class__ is first.__class__ is second.__class__ is ndarray and g.dtype is first.dtype is second.dtype:
            products = [g * first, g * second]
            one, other = products if g.ndim == 1 else [product.ravel("K") for product in products]
            both = one.dot(other)  # NaN if any number of either is: one look at two products
            if both == both:
                return products
    return [None if slope is None else times(g, slope) for slope in slopes]
