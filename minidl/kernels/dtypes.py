"""Dtypes: the default one, and PyTorch's rules for what happens when two of them meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DtypeError
from .cuda.array import DeviceArray

bool_ = np.dtype(np.bool_)
uint8 = np.dtype(np.uint8)
int8 = np.dtype(np.int8)
int16 = np.dtype(np.int16)
int32 = np.dtype(np.int32)
int64 = np.dtype(np.int64)
float16 = np.dtype(np.float16)
float32 = np.dtype(np.float32)
float64 = np.dtype(np.float64)
complex64 = np.dtype(np.complex64)
complex128 = np.dtype(np.complex128)

ALIASES = {
    "bool": bool_,
    "short": int16,
    "int": int32,
    "long": int64,
    "half": float16,
    "float": float32,
    "double": float64,
    "cfloat": complex64,
    "cdouble": complex128,
}
"""PyTorch's other names for them; most hide a builtin, and so they are attributes of `minidl` only."""

_default = float32
_WIDER = {"b": (int,)}
"""Besides float and complex, the plain numbers before which a dtype of this kind gives way."""
_SCALARS = (np.generic, int, float, complex)
_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def get_default_dtype() -> np.dtype[Any]:
    """Return the dtype given to floating-point values that state none.

    >>> get_default_dtype()
    dtype('float32')
    """
    return _default


def set_default_dtype(d: Any) -> None:
    """Make `d` (float32, float64 or float16) the dtype of floating-point values that state none.

    Raises:
        DtypeError: not a floating-point dtype.
    """
    global _default
    if not isinstance(d, np.dtype | type) or np.dtype(d).kind != "f" or d is float:
        raise DtypeError(f"set_default_dtype: takes a floating-point dtype such as minidl.float64; got {d!r}")
    _default = as_dtype(d, "set_default_dtype")


def default_complex() -> np.dtype[Any]:
    """Return the complex dtype made of two of the default dtype."""
    return complex128 if _default == float64 else complex64


def as_dtype(dtype: Any, name: str) -> np.dtype[Any]:
    """Read an argument `dtype`: one of ours, NumPy's name or type of it, or Python's `float`, `int`, `bool`, `complex`.

    Raises:
        DtypeError: it is none, or one that tensors do not have.
    """
    try:
        found = None if dtype is None else np.dtype(dtype)
    except TypeError:
        found = None
    if found is None or found.kind not in _CATEGORY or found.itemsize > 8 * (1 + (found.kind == "c")):
        also = ", nor a device, which are 'cpu' and 'cuda', 'cuda:1', …" if name == "to" else ""
        raise DtypeError(
            f"{name}: {dtype!r} is no dtype of a tensor{also}; use one such as minidl.float32 or minidl.int64"
        )
    return found.newbyteorder("=")


def finfo(type: Any = None) -> np.finfo[Any]:
    """Tell the limits of a floating-point dtype, the default one if none is given: `eps`, `max`, `min`, `tiny`, …

    Raises:
        DtypeError: another kind of dtype.

    >>> float(finfo(float64).eps)
    2.220446049250313e-16
    """
    dtype = _default if type is None else as_dtype(type, "finfo")
    if dtype.kind not in "fc":
        raise DtypeError(f"finfo: takes a floating-point dtype; for {dtype} there is iinfo")
    return np.finfo(dtype)


def iinfo(type: Any) -> np.iinfo[Any]:
    """Tell the limits of an integer dtype: `max`, `min`, `bits`.

    Raises:
        DtypeError: another kind of dtype.

    >>> iinfo(uint8).max
    255
    """
    dtype = as_dtype(type, "iinfo")
    if dtype.kind not in "ui":
        raise DtypeError(f"iinfo: takes an integer dtype; for {dtype} there is finfo")
    return np.iinfo(dtype)


def promote_types(type1: Any, type2: Any) -> np.dtype[Any]:
    """Return the dtype in which two arrays with axes of these dtypes meet.

    >>> promote_types(int64, float16), promote_types(uint8, int8)
    (dtype('float16'), dtype('int16'))
    """
    return _promote_pair(as_dtype(type1, "promote_types"), as_dtype(type2, "promote_types"))


def can_cast(from_: Any, to: Any) -> bool:
    """Tell whether a result of one dtype may be written into another: never down from complex to float to integer to bool.

    >>> can_cast(float64, float32), can_cast(float32, int64)
    (True, False)
    """
    return _CATEGORY[as_dtype(from_, "can_cast").kind] <= _CATEGORY[as_dtype(to, "can_cast").kind]


def promote(arrays: Sequence[Any], to_float: bool = False, exact: bool = False) -> Sequence[Any]:
    """Bring arrays to the dtype PyTorch would compute in; the usual case, all alike, is returned as it came.

    Arrays with axes outrank 0-d arrays, which outrank scalars and plain numbers, but only within a category (bool, integer,
    float, complex); a higher category always wins. Source: PyTorch, "Type promotion" in the notes on tensor attributes.

    Args:
        arrays: arrays and plain numbers.
        to_float: whether integers become the default float, as in a division.
        exact: whether a Python int that the dtype cannot hold keeps its value; else it wraps around, as in PyTorch.

    >>> a = np.ones(2, np.float32)
    >>> promote([a, np.array(1.0)])[1].dtype
    dtype('float32')
    """
    common = None
    usual = True  # whether there are only arrays and Python's floats and ints
    for a in arrays:
        if a.__class__ is float or a.__class__ is int:
            continue
        dtype = getattr(a, "dtype", None)
        if dtype is None:
            _dtype_of_number(a)
            usual = False
        elif dtype is not common:
            if common is None:
                common = dtype
            elif dtype != common:
                break
    else:
        if common is not None:
            if usual and common.kind == "f":
                return arrays
            if common.kind not in _CATEGORY:
                raise DtypeError(f"an array of {common} holds no numbers to compute with; convert it first")
            if common.kind in "fc":
                if not any(type(a) is complex for a in arrays):
                    return arrays
            elif not to_float and not any(type(a) in (float, complex, *_WIDER.get(common.kind, ())) for a in arrays):
                return arrays if exact else [_held(a, common) if type(a) is int else a for a in arrays]
        elif not to_float:
            return arrays
    target = result_type(arrays, to_float)
    scalar = target == float64 and all(isinstance(a, _SCALARS) for a in arrays)
    if scalar:
        return [np.float64(a) for a in arrays]
    with np.errstate(over="ignore"):  # a Python float that is too large becomes infinite
        return [_brought(a, target) for a in arrays]


def _brought(a: Any, dtype: np.dtype[Any]) -> Any:
    """An array or a number as an array of `dtype`, where it is."""
    if a.__class__ is DeviceArray:
        return a if a.dtype == dtype else a.astype(dtype)
    return np.asarray(_held(a, dtype) if type(a) is int and dtype.kind in "ui" else a, dtype=dtype)


def result_type(arrays: Sequence[Any], to_float: bool = False) -> np.dtype[Any]:
    """Return the dtype in which PyTorch would compute with these values.

    >>> result_type([np.ones(2, np.int64), 0.5])
    dtype('float32')
    """
    ranks: list[np.dtype[Any] | None] = [None, None, None]  # arrays with axes, 0-d arrays, scalars and numbers
    for a in arrays:
        if getattr(getattr(a, "dtype", bool_), "kind", "") not in _CATEGORY:
            raise DtypeError(f"an array of {a.dtype} holds no numbers to compute with; convert it first")
        if isinstance(a, np.generic):
            rank, dtype = 2, a.dtype
        elif hasattr(a, "dtype"):
            rank, dtype = (0 if a.ndim else 1), a.dtype
        else:
            rank, dtype = 2, _dtype_of_number(a)
        have = ranks[rank]
        ranks[rank] = dtype if have is None else _promote_pair(have, dtype)
    with_axes, single, number = ranks
    if number is not None and not (with_axes is None and single is None):
        if number.kind == "f":
            number = _default  # a plain 0.5 among integers
        elif number.kind == "c":
            number = default_complex()
    result = _outrank(with_axes, _outrank(single, number))
    if result is None:
        raise DtypeError("nothing to compute with")
    if to_float and result.kind in "bui":
        result = _default
    return result


def _outrank(first: np.dtype[Any] | None, second: np.dtype[Any] | None) -> np.dtype[Any] | None:
    """The dtype where values of `first` meet those of a lower rank: a lower rank only adds its category.

    Source: PyTorch, `combine_categories` in ATen/native/TypeProperties.cpp.
    """
    if first is None or second is None:
        return second if first is None else first
    if _CATEGORY[second.kind] <= _CATEGORY[first.kind]:
        return first
    return _promote_pair(first, second) if first.kind != "f" else _complex_of(first)


def _complex_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return complex128 if dtype == float64 else complex64


def _promote_pair(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of two arrays of one rank: NumPy's within a category, else the higher category's, however small."""
    if _CATEGORY[a.kind] == _CATEGORY[b.kind] or {a.kind, b.kind} == {"f", "c"}:
        return np.promote_types(a, b)
    return a if _CATEGORY[a.kind] > _CATEGORY[b.kind] else b


def dtype_of(a: Any) -> np.dtype[Any]:
    """The dtype of an array, wherever it is; of a plain number the one that NumPy gives it.

    >>> dtype_of(np.zeros(2, np.int8)), dtype_of(2.5)
    (dtype('int8'), dtype('float64'))
    """
    found: np.dtype[Any] | None = getattr(a, "dtype", None)
    return np.asarray(a).dtype if found is None else found


def require_numbers(a: Any) -> None:
    """Refuse what is neither an array nor a number.

    Raises:
        DtypeError: a list, a string, …
    """
    if not hasattr(a, "dtype"):
        _dtype_of_number(a)


def _held(number: int, dtype: np.dtype[Any]) -> Any:
    """A Python int as an integer dtype holds it: modulo its range, as the arithmetic of whole numbers is there.

    Raises:
        DtypeError: not even int64 can hold it.
    """
    limits = np.iinfo(dtype)
    if limits.min <= number <= limits.max:
        return number
    if not -(2**63) <= number < 2**63:
        raise DtypeError(f"{number} is too large for {dtype}; make the tensor floating-point: x.double()")
    return np.int64(number).astype(dtype)


def _dtype_of_number(x: Any) -> np.dtype[Any]:
    if isinstance(x, bool):
        return bool_
    if isinstance(x, int):
        return int64
    if isinstance(x, float):
        return float64
    if isinstance(x, complex):
        return complex128
    raise DtypeError(f"expected a tensor, an array or a number, got {type(x).__name__}: {x!r:.60}")
