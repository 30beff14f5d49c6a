"""Questions about tensors and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DtypeError, UsageError
from ..graph import Node, data_of
from ..kernels import dtypes
from ..tensor import Tensor


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a tensor.

    >>> is_tensor(2.0)
    False
    """
    return isinstance(obj, Tensor)


def _array(input: Any, name: str) -> Any:
    if not isinstance(input, Node):
        raise DtypeError(f"{name}: expected a tensor, got {type(input).__name__}: {input!r:.60}")
    return data_of(input)


def is_floating_point(input: Any) -> bool:
    """Whether a tensor holds real floating-point numbers.

    >>> is_floating_point(Tensor(np.zeros(2)))
    True
    """
    return bool(_array(input, "is_floating_point").dtype.kind == "f")


def is_complex(input: Any) -> bool:
    """Whether a tensor holds complex numbers.

    >>> is_complex(Tensor(np.zeros(2)))
    False
    """
    return bool(_array(input, "is_complex").dtype.kind == "c")


def is_nonzero(input: Any) -> bool:
    """Whether the one number of a tensor differs from 0.

    >>> is_nonzero(Tensor(np.ones(1)))
    True
    """
    array = _array(input, "is_nonzero")
    if array.size != 1:
        raise UsageError(f"is_nonzero: needs a tensor of one element, not of shape {array.shape}")
    return bool(array)


def numel(input: Any) -> int:
    """Count the elements of a tensor.

    >>> numel(Tensor(np.ones((2, 3))))
    6
    """
    return int(_array(input, "numel").size)


def result_type(tensor1: Any, tensor2: Any) -> np.dtype[Any]:
    """Tell the dtype in which two values meet: tensors with axes outrank single numbers, which outrank Python's.

    >>> result_type(Tensor(np.ones(2, np.int32)), 1.0)
    dtype('float32')
    """
    values = [data_of(v) for v in (tensor1, tensor2)]
    plain = not any(isinstance(v, np.ndarray | np.generic) for v in values)
    found = dtypes.result_type(
        [np.zeros((), dtypes.get_default_dtype()), *values] if plain and _any(values, float) else values
    )
    return dtypes.default_complex() if plain and _any(values, complex) else found


def _any(values: list[Any], kind: type) -> bool:
    return any(isinstance(v, kind) for v in values)
