"""Tensors from values: numbers, nested lists, arrays, other tensors."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from ..errors import DtypeError, UsageError
from ..graph import Node, data_of
from ..kernels import ARRAYS, DeviceArray, dtypes
from ..kernels.device import CPU, brought_to, device_of, fetched, where_is
from ..tensor import Tensor

Array = np.ndarray[Any, Any]


def tensor(
    data: Any, dtype: Any = None, requires_grad: bool = False, name: str | None = None, *, device: Any = None
) -> Tensor:
    """Make a leaf from numbers, nested lists or an array, which is copied.

    Args:
        data: the values; tensors among them give their numbers, not their history.
        dtype: by default an array's or a tensor's own; of Python's numbers int64 for whole ones, the default dtype (float32)
            for floats and the complex dtype made of two of it for complex ones. Where several meet, as in arithmetic.
        requires_grad: whether backward() should give it a gradient.
        name: what figures and narration call it.
        device: where to put it, "cpu" or "cuda"; by default a tensor stays on its own.

    Raises:
        DeviceError: a GPU that is not there.
        DtypeError: not numbers, numbers that the dtype cannot hold, or whole numbers that are asked to require a gradient.

    >>> tensor([[1, 2], [3, 4]]).shape
    (2, 2)
    >>> tensor(2.0).dtype
    dtype('float32')
    """
    if isinstance(data, Node | DeviceArray) and where_is(data_of(data)) is not CPU:
        array = data_of(data).copy() if dtype is None else data_of(data).astype(dtypes.as_dtype(dtype, "tensor"))
        return Tensor(array if device is None else brought_to(array, device_of(device, "tensor")), requires_grad, name)
    return Tensor(brought_to(array_of(data, dtype, "tensor"), device_of(device, "tensor")), requires_grad, name)


def array_of(data: Any, dtype: Any, name: str) -> Array:
    """Make a new array of values.

    Raises:
        DtypeError: as `tensor`.
    """
    wanted = None if dtype is None else dtypes.as_dtype(dtype, name)
    found = _dtype_of(data, name)
    plain = _without_nodes(data)
    target = found if wanted is None else wanted
    if found.kind == "c" and target.kind not in "cb":
        raise DtypeError(f"{name}: complex numbers do not fit into {target}; take their real part")
    try:
        with np.errstate(all="ignore"):
            if isinstance(plain, np.ndarray | np.generic):
                return np.array(plain, dtype=target)
            if target.kind == "u" and found.kind in "iu":
                return _wrapped(np.array(plain, dtype=np.int64), target)
            return np.array(plain, dtype=target)
    except (ValueError, TypeError, OverflowError) as error:
        what = f"{data!r:.80} as {wanted}" if wanted is not None else f"{data!r:.80}"
        raise DtypeError(f"{name}: cannot make numbers in rows of equal length of {what}: {error}") from error


def _wrapped(whole: Array, target: np.dtype[Any]) -> Array:
    """Whole numbers in an unsigned dtype, of which −1 is the largest, as in PyTorch."""
    if np.abs(whole).max(initial=0) > np.iinfo(target).max:
        raise OverflowError(f"{target} holds 0 … {np.iinfo(target).max}")
    return whole.astype(target)


def _dtype_of(data: Any, name: str) -> np.dtype[Any]:
    """The dtype in which all the values meet.

    Raises:
        DtypeError: there is something among them that is no number.
    """
    if isinstance(data, Node | np.ndarray | np.generic):
        return dtypes.as_dtype(data.dtype, name)
    if isinstance(data, list | tuple):
        kinds = set(map(type, data))
        plain = kinds & _PLAIN.keys()
        found = [_PLAIN[kind]() for kind in plain]
        if kinds - plain:
            found += {_dtype_of(x, name) for x in data if type(x) not in plain}
        return reduce(dtypes.promote_types, found) if found else dtypes.get_default_dtype()
    if isinstance(data, range):
        return dtypes.int64
    for kind, dtype in _PLAIN.items():
        if isinstance(data, kind):
            return dtype()
    if hasattr(data, "__array__") or hasattr(data, "__array_interface__"):
        return dtypes.as_dtype(np.asarray(data).dtype, name)
    raise DtypeError(f"{name}: expected numbers, or rows of them, got {type(data).__name__}: {data!r:.80}")


_PLAIN: dict[type, Any] = {
    bool: lambda: dtypes.bool_,
    int: lambda: dtypes.int64,
    float: dtypes.get_default_dtype,
    complex: dtypes.default_complex,
}
"""Python's numbers, bool before int, of which it is one."""


def _without_nodes(data: Any) -> Any:
    """The same values with arrays in place of tensors."""
    if isinstance(data, Node):
        return fetched(data.data)
    if isinstance(data, list | tuple) and any(issubclass(kind, list | tuple | Node) for kind in set(map(type, data))):
        return [_without_nodes(x) for x in data]
    return data


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Make a tensor of values without copying where that can be: a tensor is returned itself, an array shares its memory.

    >>> x = tensor([1.0, 2.0])
    >>> as_tensor(x) is x
    True
    """
    wanted = None if dtype is None else dtypes.as_dtype(dtype, "as_tensor")
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=wanted)
    if isinstance(data, np.ndarray) and wanted in (None, data.dtype):
        return from_numpy(data).to(device=device)
    if hasattr(data, "__cuda_array_interface__"):
        from ..kernels.cuda.runtime import interchange

        return Tensor(interchange.from_cuda_array_interface(data)).to(device=device, dtype=wanted)
    return tensor(data, wanted, device=device)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """Make a tensor of values, by default without copying where that can be.

    Args:
        obj: a tensor, an array, a number or nested lists.
        dtype: by default as `tensor`.
        device: where to put it, "cpu" or "cuda"; by default a tensor stays on its own.
        copy: True copies in any case; False forbids it.
        requires_grad: whether backward() should give it a gradient.

    Raises:
        UsageError: `copy=False` where a copy is needed.

    >>> asarray([1, 2])
    tensor([1, 2])
    """
    if copy is not True:
        out = as_tensor(obj, dtype, device)
        source = obj.data if isinstance(obj, Node) else obj
        if copy is False and not (isinstance(source, ARRAYS) and np.may_share_memory(out.data, source)):
            raise UsageError("asarray: copy=False, but these values must be copied; leave copy out")
        return out if not requires_grad or out.requires_grad else out.detach().requires_grad_()
    return tensor(obj, dtype, requires_grad, device=device)


def from_numpy(ndarray: Any) -> Tensor:
    """Make a tensor that shares an array's memory: a change of one is a change of both.

    Raises:
        DtypeError: not an array, or one of a dtype that tensors do not have.

    >>> a = np.zeros(2)
    >>> x = from_numpy(a)
    >>> a[0] = 1.0
    >>> x
    tensor([1., 0.], dtype=minidl.float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise DtypeError(
            f"from_numpy: expected a NumPy array, got {type(ndarray).__name__}; minidl.tensor copies other values"
        )
    dtype = dtypes.as_dtype(ndarray.dtype, "from_numpy")
    return Tensor(ndarray.astype(dtype, copy=False))


def from_dlpack(ext_tensor: Any) -> Tensor:
    """Make a tensor that shares the memory of another library's, PyTorch's, CuPy's, NumPy's, on the CPU or a GPU.

    Args:
        ext_tensor: anything with `__dlpack__` and `__dlpack_device__`.

    Raises:
        UsageError: it has neither, or its memory is not of a kind that is here.
        DtypeError: its elements are of a dtype that tensors do not have.

    Source: DLPack, https://dmlc.github.io/dlpack.

    >>> a = np.zeros(2)
    >>> x = from_dlpack(a)
    >>> a[0] = 1.0
    >>> x
    tensor([1., 0.], dtype=minidl.float64)
    """
    if not hasattr(ext_tensor, "__dlpack__") or not hasattr(ext_tensor, "__dlpack_device__"):
        raise UsageError(
            f"from_dlpack: a {type(ext_tensor).__name__} has no __dlpack__; minidl.tensor copies other values"
        )
    if int(ext_tensor.__dlpack_device__()[0]) in _ON_THE_CPU:
        return from_numpy(np.from_dlpack(ext_tensor))
    from ..kernels.cuda.runtime import interchange

    return Tensor(interchange.from_dlpack(ext_tensor))


_ON_THE_CPU = (1, 3)
"""DLPack's numbers for the CPU's memory, and for memory of it that is page-locked for a GPU."""


def scalar(value: float, name: str | None = None, requires_grad: bool = True) -> Tensor:
    """Make the scalar of a circuit: a leaf that holds a double and wants a gradient.

    Beside a tensor it behaves as a plain number does: it takes the tensor's dtype.

    Raises:
        DtypeError: not one real number.

    >>> x = scalar(3.0, name="x")
    >>> (x * x).item()
    9.0
    """
    try:
        number = np.float64(value)
    except (TypeError, ValueError) as error:
        raise DtypeError(f"scalar: expected one real number, got {value!r:.80}") from error
    if np.ndim(number):
        raise DtypeError(f"scalar: expected one real number, got {value!r:.80}; for several there is minidl.tensor")
    return Tensor(number, requires_grad, name)
