"""Making tensors: from numbers, filled with one number, counted, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import DtypeError, UsageError
from .graph import Node
from .kernels import dtypes
from .primitives.random import Generator, default_generator
from .tensor import Tensor, sizes


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False, name: str | None = None) -> Tensor:
    """Make a leaf from numbers, nested lists or an array, which is copied.

    Args:
        data: the values.
        dtype: by default float32 for Python floats, int64 for whole numbers, and an array's own dtype.
        requires_grad: whether backward() should give it a gradient.
        name: what figures and narration call it.

    Raises:
        DtypeError: not numbers, or whole numbers that are asked to require a gradient.

    >>> tensor([[1, 2], [3, 4]]).shape
    (2, 2)
    >>> tensor(2.0).dtype
    dtype('float32')
    """
    if isinstance(data, Node):
        data = data.data
    try:
        array = np.array(data, dtype=dtype)
    except (ValueError, TypeError, OverflowError) as error:
        what = f"{data!r:.80} as {dtype}" if dtype is not None else f"{data!r:.80}"
        raise DtypeError(f"tensor: cannot make numbers in rows of equal length of {what}: {error}") from error
    if array.dtype.kind not in "biufc":
        raise DtypeError(f"tensor: expected numbers, got {array.dtype} from {data!r:.80}")
    if dtype is None and array.dtype == np.float64 and not isinstance(data, np.ndarray | np.generic):
        array = array.astype(dtypes.get_default_dtype())
    return Tensor(array, requires_grad, name)


def scalar(value: float, name: str | None = None, requires_grad: bool = True) -> Tensor:
    """Make the scalar of a circuit: a leaf that holds a double and wants a gradient.

    Beside a tensor it behaves as a plain number does: it takes the tensor's dtype.

    >>> x = scalar(3.0, name="x")
    >>> (x * x).item()
    9.0
    """
    return Tensor(np.float64(value), requires_grad, name)


def _shape_args(size: tuple[Any, ...]) -> tuple[int, ...]:
    lengths = sizes(size)
    if any(n < 0 for n in lengths):
        raise UsageError(f"a shape cannot have negative lengths: {lengths}")
    return lengths


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor of zeros: `zeros(2, 3)`.

    >>> zeros(2)
    tensor([0., 0.])
    """
    return Tensor(np.zeros(_shape_args(size), dtype or dtypes.get_default_dtype()), requires_grad)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor of ones: `ones(2, 3)`.

    >>> ones(1, 2)
    tensor([[1., 1.]])
    """
    return Tensor(np.ones(_shape_args(size), dtype or dtypes.get_default_dtype()), requires_grad)


def full(size: Sequence[int], fill_value: float, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor filled with one number.

    >>> full((2,), 7.0)
    tensor([7., 7.])
    """
    if dtype is None and isinstance(fill_value, float):
        dtype = dtypes.get_default_dtype()
    return Tensor(np.full(_shape_args((tuple(size),)), fill_value, dtype), requires_grad)


def arange(start: float, end: float | None = None, step: float = 1, dtype: Any = None) -> Tensor:
    """Count from `start` (0 if only one number is given) up to, but without, `end`.

    >>> arange(3)
    tensor([0, 1, 2])
    """
    first, last = (0, start) if end is None else (start, end)
    if dtype is None and any(isinstance(v, float) for v in (first, last, step)):
        dtype = dtypes.get_default_dtype()
    if step == 0:
        raise UsageError("arange: the step must not be 0")
    return Tensor(np.arange(first, last, step).astype(dtype or np.int64))


def rand(*size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Draw numbers evenly from 0 … 1.

    >>> rand(2, 3).shape
    (2, 3)
    """
    return _draw("random", size, generator, dtype, requires_grad)


def randn(*size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Draw numbers from the normal distribution with mean 0 and variance 1.

    >>> randn(2, 3).shape
    (2, 3)
    """
    return _draw("standard_normal", size, generator, dtype, requires_grad)


def _draw(how: str, size: tuple[Any, ...], generator: Generator | None, dtype: Any, requires_grad: bool) -> Tensor:
    source = (generator or default_generator).numpy
    drawn = np.asarray(getattr(source, how)(_shape_args(size)))
    return Tensor(drawn.astype(dtype or dtypes.get_default_dtype()), requires_grad)


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a tensor.

    >>> is_tensor(2.0)
    False
    """
    return isinstance(obj, Tensor)
