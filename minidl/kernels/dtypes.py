"""Dtypes: the default one, and PyTorch's rules for what happens when two of them meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DtypeError

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

_default = float32
_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def get_default_dtype() -> np.dtype[Any]:
    """Return the dtype given to floating-point values that state none.

    >>> get_default_dtype()
    dtype('float32')
    """
    return _default


def set_default_dtype(dtype: Any) -> None:
    """Make `dtype` (float32 or float64) the one for floating-point values that state none.

    Raises:
        DtypeError: not a floating-point dtype.
    """
    global _default
    wanted = np.dtype(dtype)
    if wanted.kind != "f":
        raise DtypeError(f"the default dtype must be a floating-point one such as minidl.float32; got {wanted}")
    _default = wanted


def promote(arrays: Sequence[Any], to_float: bool = False) -> Sequence[Any]:
    """Bring arrays to the dtype PyTorch would compute in; the usual case, all alike, is returned as it came.

    Arrays with axes outrank 0-d arrays, which outrank scalars and plain numbers, but only within a category (bool, integer,
    float, complex); a higher category always wins. Source: PyTorch, "Type promotion" in the notes on tensor attributes.

    Args:
        arrays: arrays and plain numbers.
        to_float: whether integers become the default float, as in a division.

    >>> a = np.ones(2, np.float32)
    >>> promote([a, np.array(1.0)])[1].dtype
    dtype('float32')
    """
    common = None
    for a in arrays:
        dtype = getattr(a, "dtype", None)
        if dtype is None:
            _dtype_of_number(a)
        elif common is None:
            common = dtype
        elif dtype is not common and dtype != common:
            break
    else:
        if common is not None:
            if common.kind in "fc":
                if not any(type(a) is complex for a in arrays):
                    return arrays
            elif not to_float and not any(type(a) is float or type(a) is complex for a in arrays):
                return arrays
        elif not to_float:
            return arrays
    target = result_type(arrays, to_float)
    scalar = all(not isinstance(a, np.ndarray) for a in arrays) and target == float64
    if scalar:
        return [np.float64(a) for a in arrays]
    return [np.asarray(a, dtype=target) for a in arrays]


def result_type(arrays: Sequence[Any], to_float: bool = False) -> np.dtype[Any]:
    """Return the dtype in which PyTorch would compute with these values.

    >>> result_type([np.ones(2, np.int64), 0.5])
    dtype('float32')
    """
    ranks: list[np.dtype[Any] | None] = [None, None, None]  # arrays with axes, 0-d arrays, scalars and numbers
    for a in arrays:
        if isinstance(a, np.ndarray):
            rank, dtype = (0 if a.ndim else 1), a.dtype
        elif isinstance(a, np.generic):
            rank, dtype = 2, a.dtype
        else:
            rank, dtype = 2, _dtype_of_number(a)
        have = ranks[rank]
        ranks[rank] = dtype if have is None else _promote_pair(have, dtype)
    result: np.dtype[Any] | None = None
    for dtype in ranks:
        if dtype is None:
            continue
        if result is None or _CATEGORY[dtype.kind] > _CATEGORY[result.kind]:
            result = dtype
    if result is None:
        raise DtypeError("nothing to compute with")
    only_numbers = ranks[0] is None and ranks[1] is None
    if not only_numbers and ranks[2] is result and result.kind == "f":
        result = _default  # a plain 0.5 among integers
    if to_float and result.kind in "bui":
        result = _default
    return result


def _promote_pair(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of two arrays of one rank: NumPy's within a category, else the higher category's, however small."""
    if _CATEGORY[a.kind] == _CATEGORY[b.kind]:
        return np.promote_types(a, b)
    return a if _CATEGORY[a.kind] > _CATEGORY[b.kind] else b


def require_numbers(a: Any) -> None:
    """Refuse what is neither an array nor a number.

    Raises:
        DtypeError: a list, a string, …
    """
    if not hasattr(a, "dtype"):
        _dtype_of_number(a)


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
