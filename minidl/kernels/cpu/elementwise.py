"""Elementwise functions that NumPy lacks, or that it computes slowly or not exactly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .layout import flat
from .paths import enabled

Array = np.ndarray[Any, Any]
_BITS = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}
_SMALL = 4096
"""Up to so many elements np.where is as fast."""


def where(condition: Any, x: Any, y: Any) -> Any:
    """Choose without a branch, by a kernel or by masking bits; NumPy's takes 25 times as long where it is not foreseen."""
    bits = _BITS.get(np.result_type(x, y))
    if bits is None or getattr(condition, "size", 0) <= _SMALL or condition.dtype != np.bool_:
        return np.where(condition, x, y)
    dtype = np.result_type(x, y)
    if enabled("choice"):
        chosen = _chosen(condition, np.asarray(x, dtype), np.asarray(y, dtype))
        if chosen is not None:
            return chosen
    mask = np.negative(condition.view(np.int8), dtype=bits)  # all ones or all zeros
    a, b = (np.asarray(v, dtype).view(bits) for v in (x, y))
    if b.ndim == 0 and b == 0:
        return (a & mask).view(dtype)
    if a.ndim == 0 and a == 0:
        return (b & ~mask).view(dtype)
    chosen = (a ^ b) & mask
    chosen ^= b
    return chosen.view(dtype)


def _chosen(condition: Array, x: Array, y: Array) -> Array | None:
    """The choice by a kernel; None where the three do not have one shape and lie alike in memory, or are single numbers."""
    asked = flat(condition)
    if asked is None:
        return None
    lines = [_beside(v, condition) for v in (x, y)]
    if lines[0] is None or lines[1] is None:
        return None
    from . import choices

    out = np.empty_like(condition, dtype=x.dtype)
    choices.choose(asked, lines[0], lines[1], out.ravel(order="K"))
    return out


def _beside(v: Array, condition: Array) -> Array | None:
    """A number, or all numbers in the order in which the condition's truth values lie in memory; None if theirs is another."""
    if v.ndim == 0:
        return v.reshape(1)
    alike = v.shape == condition.shape and v.strides == tuple(stride * v.itemsize for stride in condition.strides)
    return flat(v) if alike else None


def maximum(x: Any, y: Any) -> Any:
    """The larger of two. Of a large array and one number by `clip`: NumPy has vectors for that, and for `maximum` not."""
    return x.clip(y, np.inf) if _has_bound(x, y) else np.maximum(x, y)


def minimum(x: Any, y: Any) -> Any:
    """As `maximum`."""
    return x.clip(-np.inf, y) if _has_bound(x, y) else np.minimum(x, y)


def clip(x: Any, low: Any, high: Any) -> Any:
    """min(max(x, low), high) in one pass where both are single numbers."""
    return x.clip(low, high) if _has_bound(x, low) and _has_bound(x, high) else minimum(maximum(x, low), high)


def _has_bound(x: Any, y: Any) -> bool:
    if not isinstance(x, np.ndarray) or x.size <= _SMALL or x.dtype.kind != "f":
        return False
    return y.__class__ in (int, float) or (getattr(y, "ndim", 1) == 0 and y.dtype == x.dtype)


def sigmoid(x: Any) -> Any:
    """Exact at both ends: 1 / (1 + e⁻ˣ) right of 0 and eˣ / (1 + eˣ) left of it, so that nothing overflows or cancels."""
    if has_kernel(x, "curves"):
        from . import functions

        return _each(functions.sigmoid, x)
    right = np.real(x) >= 0
    e = np.exp(where(right, -x, x))
    return where(right, np.ones((), e.dtype), e) / (1 + e)


def gelu(x: Any) -> Any:
    """x·Φ(x): a kernel for large arrays of float32; else by the error function."""
    if has_kernel(x, "curves"):
        from . import functions

        return _each(functions.gelu, x)
    return 0.5 * x * erfc(-x / math.sqrt(2))


def gelu_slope(x: Any) -> Any:
    """Φ(x) + x·φ(x), as `gelu`."""
    if has_kernel(x, "curves"):
        from . import functions

        return _each(functions.gelu_slope, x)
    return 0.5 * erfc(-x / math.sqrt(2)) + x * np.exp(-0.5 * (x * x)) / math.sqrt(2 * math.pi)


def remainder(x: Any, y: Any) -> Any:
    """x − y·⌊x/y⌋, with the sign of the divisor."""
    result = _divided(x, y, True, True)
    return np.remainder(x, y) if result is None else result


def fmod(x: Any, y: Any) -> Any:
    """x − y·trunc(x/y), with the sign of the dividend."""
    result = _divided(x, y, False, True)
    return np.fmod(x, y) if result is None else result


def floor_divide(x: Any, y: Any) -> Any:
    """⌊x/y⌋."""
    result = _divided(x, y, True, False)
    return np.floor_divide(x, y) if result is None else result


def _divided(x: Any, y: Any, is_down: bool, rests: bool) -> Array | None:
    """A quotient of large arrays of float32 by a kernel; None where it has none, or where NumPy must look closer."""
    if not has_kernel(x, "division") or np.result_type(x, y) != np.float32 or not x.flags.c_contiguous:
        return None
    divisor = np.asarray(y, np.float32)
    if divisor.ndim and (divisor.shape != x.shape or not divisor.flags.c_contiguous):
        return None
    from . import quotients

    out = np.empty_like(x)
    far = np.zeros(-(-x.size // quotients.BLOCK), np.int8)
    quotients.divide(x.reshape(-1), divisor.reshape(-1), out.reshape(-1), far, is_down, rests)
    return None if far.any() else out


def logaddexp2(x: Any, y: Any) -> Any:
    """log₂(2ˣ + 2ʸ), as `logaddexp`."""
    apart = np.maximum(x, y) + np.log1p(np.exp2(-np.abs(np.subtract(x, y)))) / math.log(2)
    return np.where(np.equal(x, y), x + np.ones((), apart.dtype), apart) if np.isnan(apart).any() else apart


def hypot(x: Any, y: Any) -> Any:
    """√(x² + y²): large arrays of float32 in float64, where a square has room; NumPy's else, and where one is NaN or ∞."""
    if has_kernel(x, "curves") and has_kernel(y, "curves"):
        squares = np.square(x, dtype=np.float64)
        squares += np.square(y, dtype=np.float64)
        if np.isfinite(squares).all():
            return np.sqrt(squares, out=squares).astype(np.float32)
    return np.hypot(x, y)


def logaddexp(x: Any, y: Any) -> Any:
    """ln(eˣ + eʸ) = max(x, y) + ln(1 + e^(−|x − y|)); of two equal infinities, that infinity."""
    apart = maximum(x, y) + np.log1p(np.exp(-np.abs(np.subtract(x, y))))
    return np.where(np.equal(x, y), x + np.log(np.asarray(2, apart.dtype)), apart) if np.isnan(apart).any() else apart


def multiply_or_zero(x: Any, y: Any) -> Any:
    """x·y; where x is 0 the product with 0, so that its sign and dtype are those of a product."""
    return where(np.equal(x, 0), np.multiply(x, 0), np.multiply(x, y))


def square(x: Any) -> Any:
    """x·x; True and False count as 1 and 0."""
    x = np.asarray(x)
    return np.multiply(x, x) if x.dtype.kind != "b" else x.astype(np.int64)


def sign(x: Any) -> Any:
    """−1, 0 or 1, and 0 for NaN, as PyTorch has it."""
    x = np.asarray(x)
    if x.dtype.kind not in "fi":
        return x.copy() if x.dtype.kind == "b" else np.sign(x)
    return np.subtract((x > 0).view(np.int8), (x < 0).view(np.int8)).astype(x.dtype)


def erf(x: Any) -> Any:
    """A kernel for large arrays of float32, SciPy's else, which has none for float16 and takes 10 times as long."""
    if has_kernel(x, "erf"):
        from . import functions

        return _each(functions.erf, x)
    from scipy.special import erf  # 0.1 s to import: only when used

    return erf(x.astype(np.float32)).astype(x.dtype) if x.dtype == np.float16 else erf(x)


def erfc(x: Any) -> Any:
    """As `erf`."""
    if has_kernel(x, "erf"):
        from . import functions

        return _each(functions.erfc, x)
    from scipy.special import erfc

    return erfc(x.astype(np.float32)).astype(x.dtype) if x.dtype == np.float16 else erfc(x)


def has_kernel(x: Any, path: str) -> bool:
    """Whether a kernel takes it: a large array of float32, unless the path is switched off."""
    return isinstance(x, np.ndarray) and x.size > _SMALL and x.dtype == np.float32 and enabled(path)


def _each(function: Any, x: Array) -> Array:
    """Run a kernel over all elements in the order in which they lie in memory."""
    y = np.empty_like(x)
    if y.strides != x.strides or y.size != _span(x):
        x, y = np.ascontiguousarray(x), np.empty(x.shape, x.dtype)
    function(x.ravel(order="K"), y.ravel(order="K"))
    return y


def _span(x: Array) -> int:
    """How many elements lie between the first and the last of `x` in memory, both counted."""
    return 1 + sum((n - 1) * stride for n, stride in zip(x.shape, x.strides, strict=True)) // x.itemsize


def spherical_bessel(x: Any, n: int) -> Any:
    """SciPy's, which computes in double precision; j₁ of large arrays of float32 by sine and cosine, or a series near 0."""
    if n == 1 and has_kernel(x, "curves"):
        wide = x.astype(np.float64)
        is_near = np.abs(wide) < 0.5
        far = where(is_near, 0.5, wide)
        square = np.square(where(is_near, wide, 0.0))
        near = wide / 3 * (1 - square / 10 * (1 - square / 28 * (1 - square / 54 * (1 - square / 88))))
        return where(is_near, near, (np.sin(far) / far - np.cos(far)) / far).astype(np.float32)
    from scipy.special import spherical_jn

    return np.asarray(spherical_jn(n, x)).astype(np.asarray(x).dtype)
