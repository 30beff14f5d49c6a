"""Numbers as the device's dtypes, functions of NVIDIA's mathematical library that `math` has no name for, and a quick division.

Intrinsics like those of `intrinsics.py`: each beside its Python twin.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .intrinsics import Intrinsic, intrinsic


def _cast(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return context.cast(builder, args[0], signature.args[0], signature.return_type)


@functools.cache
def to(name: str) -> Intrinsic:
    """The conversion to a dtype, as C does it: whole numbers wrap around, floats lose what is behind the point."""
    dtype = np.dtype(name)
    kind = dtype.type

    def convert(x: Any) -> Any:
        return x if x.__class__ is kind else np.asarray(x).astype(dtype)[()]

    convert.__name__ = f"to_{name}"
    return Intrinsic(convert, lambda types, x: getattr(types, "boolean" if name == "bool" else name)(x), _cast)


def _library(single: str, double: str, count: int, twin: Callable[..., Any]) -> Intrinsic:
    """A function of NVIDIA's mathematical library (libdevice), by its names for float32 and for float64."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        from llvmlite import ir

        kinds = [context.get_value_type(kind) for kind in signature.args]
        symbol = f"__nv_{single if isinstance(kinds[0], ir.FloatType) else double}"
        known = builder.module.globals.get(symbol)
        called = known or ir.Function(builder.module, ir.FunctionType(kinds[0], kinds), symbol)
        return builder.call(called, args)

    return Intrinsic(twin, lambda types, *args: args[0](*[args[0]] * count), emit)


def _fma(x: Any, y: Any, z: Any) -> Any:
    """x·y + z, rounded once."""
    wide = np.longdouble if isinstance(x, np.float64) else np.float64
    return type(x)(wide(x) * wide(y) + wide(z))


def _normcdf(x: Any) -> Any:
    """Φ(x), the normal distribution."""
    from scipy.special import ndtr

    return ndtr(x)


def _rint(x: Any) -> Any:
    """The nearest whole number, of two the even one."""
    return np.rint(x)


def _product(x: Any, y: Any) -> Any:
    """x·y, rounded: never one instruction with an addition, so that a fused chain computes the bits that its steps would."""
    return x * y


def _cospi(x: Any) -> Any:
    """cos πx."""
    return type(x)(np.cos(np.pi * float(x)))


def _sinpi(x: Any) -> Any:
    """sin πx."""
    return type(x)(np.sin(np.pi * float(x)))


fma = _library("fmaf", "fma", 3, _fma)
normcdf = _library("normcdff", "normcdf", 1, _normcdf)
rint = _library("rintf", "rint", 1, _rint)
product = _library("fmul_rn", "dmul_rn", 2, _product)
cospi = _library("cospif", "cospi", 1, _cospi)
sinpi = _library("sinpif", "sinpi", 1, _sinpi)


def _divided(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    from llvmlite import ir

    i32, i64 = ir.IntType(32), ir.IntType(64)
    n, factor, shift = args
    product = builder.mul(builder.zext(n, i64), builder.zext(factor, i64))
    upper = builder.trunc(builder.lshr(product, ir.Constant(i64, 32)), i32)
    return builder.lshr(builder.add(upper, n), shift)


@intrinsic(lambda types, n, factor, shift: types.uint32(types.uint32, types.uint32, types.uint32), _divided)
def divided(n: int, factor: int, shift: int) -> int:
    """n // length for n < 2³¹ by a product, a sum and a shift; `plans.factor_and_shift(length)` gives the two numbers."""
    return ((n * factor >> 32) + n) >> shift
