"""Elementwise functions that NumPy lacks, or that it computes slowly or not exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from .paths import enabled

Array = np.ndarray[Any, Any]
_BITS = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}
_SMALL = 4096
"""Up to so many elements np.where is as fast."""


def where(condition: Any, x: Any, y: Any) -> Any:
    """Choose by masking bits, which unlike np.where takes no branch: 25 times as fast where the choice is unpredictable."""
    bits = _BITS.get(np.result_type(x, y))
    if bits is None or getattr(condition, "size", 0) <= _SMALL or condition.dtype != np.bool_:
        return np.where(condition, x, y)
    dtype = np.result_type(x, y)
    mask = np.negative(condition.view(np.int8), dtype=bits)  # all ones or all zeros
    a, b = (np.asarray(v, dtype).view(bits) for v in (x, y))
    if b.ndim == 0 and b == 0:
        return (a & mask).view(dtype)
    if a.ndim == 0 and a == 0:
        return (b & ~mask).view(dtype)
    chosen = (a ^ b) & mask
    chosen ^= b
    return chosen.view(dtype)


def sigmoid(x: Any) -> Any:
    """Exact at both ends: 1 / (1 + e⁻ˣ) right of 0 and eˣ / (1 + eˣ) left of it, so that nothing overflows or cancels."""
    right = np.real(x) >= 0
    e = np.exp(where(right, -x, x))
    return where(right, np.ones((), e.dtype), e) / (1 + e)


def logaddexp(x: Any, y: Any) -> Any:
    """ln(eˣ + eʸ) = max(x, y) + ln(1 + e^(−|x − y|)); of two equal infinities, that infinity."""
    apart = np.maximum(x, y) + np.log1p(np.exp(-np.abs(np.subtract(x, y))))
    return np.where(np.equal(x, y), x + np.log(np.asarray(2, apart.dtype)), apart) if np.isnan(apart).any() else apart


def square(x: Any) -> Any:
    """x·x; True and False count as 1 and 0."""
    x = np.asarray(x)
    return np.multiply(x, x) if x.dtype.kind != "b" else x.astype(np.int64)


def sign(x: Any) -> Any:
    """−1, 0 or 1, and 0 for NaN, as PyTorch has it."""
    x = np.asarray(x)
    return x.copy() if x.dtype.kind == "b" else where(np.not_equal(x, x), np.zeros((), x.dtype), np.sign(x))


def erf(x: Any) -> Any:
    """A kernel for large arrays of float32, SciPy's else, which has none for float16 and takes 10 times as long."""
    if _has_kernel(x):
        from . import functions

        return _each(functions.erf, x)
    from scipy.special import erf  # 0.1 s to import: only when used

    return erf(x.astype(np.float32)).astype(x.dtype) if x.dtype == np.float16 else erf(x)


def erfc(x: Any) -> Any:
    """As `erf`."""
    if _has_kernel(x):
        from . import functions

        return _each(functions.erfc, x)
    from scipy.special import erfc

    return erfc(x.astype(np.float32)).astype(x.dtype) if x.dtype == np.float16 else erfc(x)


def _has_kernel(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.size > _SMALL and x.dtype == np.float32 and enabled("erf")


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
    """SciPy's, which computes in double precision."""
    from scipy.special import spherical_jn

    return np.asarray(spherical_jn(n, x)).astype(np.asarray(x).dtype)
