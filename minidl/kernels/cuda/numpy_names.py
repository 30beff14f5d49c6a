"""NumPy's functions on device arrays: `numpy.add(x, y)`, `numpy.zeros_like(x)` and their like go to the backend.

NumPy asks for it (`__array_ufunc__`, `__array_function__`). What is not here raises an error by its name: nothing is fetched
to the CPU in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ...errors import DeviceError, NotOnDeviceError
from .array import DeviceArray
from .array_methods import is_operand
from .backend import backend
from .elementwise import operations as elementwise
from .elementwise import plans
from .elementwise.formulas import NAMES
from .places import copies, shapes
from .runtime import memory

_OTHERS: dict[str, Callable[..., Any]] = {
    "square": elementwise.square,
    "power": elementwise.pow,
    "reciprocal": lambda x: backend.divide(1, x),
    "conjugate": copies.copy,
}
"""NumPy's elementwise functions that are not one formula."""

_REDUCTIONS = {
    "add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all", "logical_or": "any",
}  # fmt: skip
_RUNNING = {"add": "cumulative_sum", "multiply": "cumulative_prod"}


def call_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """Compute one of NumPy's elementwise functions, or a reduction by it.

    Args:
        ufunc: NumPy's function.
        method: "__call__", "reduce", "accumulate", …
        inputs: what it was called with; `NotImplemented` is returned where others shall answer, such as a tensor.
        options: `out`, `dtype`, `axis`, `keepdims`.

    Raises:
        NotOnDeviceError: there is no such function, or it does not take an option.
    """
    outs = options.pop("out", (None,)) or (None,)
    out = outs[0]
    if isinstance(out, np.ndarray):
        raise DeviceError(f"numpy.{ufunc.__name__}: the result is on a GPU, and out is not")
    if not all(map(is_operand, inputs)) or not isinstance(out, DeviceArray | None):
        return NotImplemented
    if method == "__call__":
        found = _called(ufunc, inputs, out, options)
    elif method == "reduce" and ufunc.__name__ in _REDUCTIONS:
        found = _reduced(ufunc, inputs[0], options)
    elif method == "accumulate" and ufunc.__name__ in _RUNNING:
        found = getattr(backend, _RUNNING[ufunc.__name__])(inputs[0], options.pop("axis", 0))
    else:
        raise _missing(f"{ufunc.__name__}.{method}")
    _require_no(options, ufunc.__name__)
    return found if out is None or found is out else _written(out, found)


def _called(ufunc: np.ufunc, inputs: Sequence[Any], out: DeviceArray | None, options: dict[str, Any]) -> Any:
    """The function itself, in the dtype that is asked for."""
    dtype = options.pop("dtype", None)
    if dtype is not None:
        inputs = [x.astype(dtype, copy=False) if isinstance(x, DeviceArray) else np.asarray(x, dtype) for x in inputs]
    name = NAMES.get(ufunc.__name__)
    if ufunc is np.matmul:
        return backend.matmul(*inputs)
    if name == "pow" or name is None:
        other = _OTHERS.get(ufunc.__name__)
        if other is None:
            raise _missing(ufunc.__name__)
        return other(*inputs)
    return getattr(backend, name)(*inputs) if out is None else elementwise.apply_to(name, inputs, out)


def _reduced(ufunc: np.ufunc, x: Any, options: dict[str, Any]) -> Any:
    dtype = options.pop("dtype", None)
    x = x if dtype is None else x.astype(dtype, copy=False)
    return getattr(backend, _REDUCTIONS[ufunc.__name__])(
        x, axis=options.pop("axis", 0), keepdims=options.pop("keepdims", False)
    )


def _written(out: DeviceArray, values: Any) -> DeviceArray:
    """An array that was given for the result, with the result in it.

    Raises:
        TypeError: the result would lose its kind there.
    """
    if not np.can_cast(values.dtype, out.dtype, "same_kind"):
        raise TypeError(f"a result of {values.dtype} is not written into an array of {out.dtype}")
    elementwise.copy_into(out, values)
    return out


def _missing(name: str) -> NotOnDeviceError:
    return NotOnDeviceError(f"numpy.{name} is not computed on a GPU here; x.cpu() brings the numbers to where it is")


def _require_no(options: dict[str, Any], name: str) -> None:
    """Refuse options that are left; those that say what is so anyway are let pass."""
    usual = {
        "where": True,
        "casting": "same_kind",
        "order": "K",
        "subok": True,
        "initial": np._NoValue,
        "keepdims": np._NoValue,
    }
    for option, value in options.items():
        if value is not usual.get(option) and value is not None:
            raise NotOnDeviceError(f"numpy.{name}: {option}={value!r} is not known on a GPU here")


def call_function(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Compute another of NumPy's functions.

    Raises:
        NotOnDeviceError: there is no such function.
    """
    known = FUNCTIONS.get(func)
    if known is None:
        raise _missing(func.__name__)
    return known(*args, **kwargs)


# Functions by NumPy's names -----------------------------------------------------------------------------------------------


def _like(make: Callable[..., DeviceArray]) -> Callable[..., DeviceArray]:
    """A function that makes an array like another one, on the same device and in the same order of memory."""

    def like(x: DeviceArray, *value: Any, dtype: Any = None, shape: Any = None, **options: Any) -> DeviceArray:
        _require_no(options, "…_like")
        lengths = x.shape if shape is None else tuple(shape)
        kind = x.dtype if dtype is None else np.dtype(dtype)
        order = plans.order_of(lengths, [x.strides] if lengths == x.shape else [])
        packed = make(tuple(lengths[a] for a in order), *value, kind, x.memory.device)
        return packed.view_as(lengths, plans.strides_in_order(lengths, order, kind.itemsize))

    return like


def _by_name(name: str) -> Callable[..., Any]:
    """A backend's function under NumPy's name, with `dtype` and `out` where NumPy has them."""

    def call(x: Any, *args: Any, dtype: Any = None, out: Any = None, **kwargs: Any) -> Any:
        kwargs = {key: value for key, value in kwargs.items() if value is not np._NoValue}
        found = getattr(backend, name)(x if dtype is None else x.astype(dtype, copy=False), *args, **kwargs)
        return found if out is None else _written(out, found)

    return call


def _by_method(name: str) -> Callable[..., Any]:
    return lambda x, *args, **kwargs: getattr(x, name)(*args, **kwargs)


def _moveaxis(x: DeviceArray, source: Any, destination: Any) -> DeviceArray:
    """A view with axes in other places."""
    moved, places = normalize_axis_tuple(source, x.ndim), normalize_axis_tuple(destination, x.ndim)
    order = [axis for axis in range(x.ndim) if axis not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return shapes.permute_dims(x, order)


def _copyto(target: Any, values: Any, casting: str = "same_kind", where: Any = True) -> None:
    """Write into an array, everywhere or where a condition holds."""
    if not isinstance(target, DeviceArray):
        raise DeviceError("numpy.copyto: the values are on a GPU, the target is not; x.numpy() fetches them")
    if isinstance(values, DeviceArray) and not np.can_cast(values.dtype, target.dtype, casting):  # type: ignore[arg-type]
        raise TypeError(f"numpy.copyto: {values.dtype} is not written into an array of {target.dtype}")
    if where is True:
        elementwise.copy_into(target, values)
    else:
        elementwise.compute(("where", 0, 1, 2), (where, values, target), target)


def _array_equal(x: Any, y: Any, equal_nan: bool = False) -> bool:
    """Whether shapes and all elements are equal; it waits for the answer."""
    if np.shape(x) != np.shape(y):
        return False
    same = backend.equal(x, y)
    if equal_nan:
        same = backend.logical_or(same, backend.logical_and(backend.isnan(x), backend.isnan(y)))
    return bool(backend.all(same))


def _allclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close; it waits for the answer."""
    return bool(backend.all(backend.isclose(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan)))


def _where(condition: Any, *choices: Any) -> Any:
    """The choice between two arrays, or the positions at which a condition holds."""
    if choices:
        return backend.where(condition, *choices)
    return tuple(column for column in backend.argwhere(condition).T)


def _dtype_of(x: Any) -> Any:
    return x.dtype if isinstance(x, DeviceArray) else x


def _shares(x: Any, y: Any, max_work: Any = None) -> bool:
    return isinstance(x, DeviceArray) and isinstance(y, DeviceArray) and plans.shares(x, y)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.empty_like: _like(memory.empty),
    np.zeros_like: _like(shapes.zeros),
    np.ones_like: _like(shapes.ones),
    np.full_like: _like(elementwise.full),
    np.copyto: _copyto,
    np.copy: lambda x, order="K", subok=False: backend.copy(x),
    np.may_share_memory: _shares,
    np.shares_memory: _shares,
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x, axis=None: x.size if axis is None else x.shape[axis],
    np.result_type: lambda *given: np.result_type(*map(_dtype_of, given)),
    np.can_cast: lambda x, to, casting="safe": np.can_cast(_dtype_of(x), to, casting),
    np.reshape: lambda x, /, shape, order="C", *, copy=None: x.reshape(shape, order=order),
    np.ravel: _by_method("ravel"),
    np.transpose: lambda x, axes=None: backend.permute_dims(x, axes),
    np.matrix_transpose: lambda x, /: x.mT,
    np.moveaxis: _moveaxis,
    np.swapaxes: _by_method("swapaxes"),
    np.expand_dims: shapes.expand_dims,
    np.squeeze: _by_method("squeeze"),
    np.broadcast_to: lambda x, shape, subok=False: backend.broadcast_to(x, shape),
    np.concatenate: lambda arrays, axis=0: shapes.concat(arrays, axis),
    np.stack: lambda arrays, axis=0: shapes.stack(arrays, axis),
    np.where: _where,
    np.clip: lambda x, a_min=None, a_max=None, **bounds: x.clip(bounds.get("min", a_min), bounds.get("max", a_max)),
    np.round: _by_method("round"),
    np.sum: _by_name("sum"),
    np.mean: _by_name("mean"),
    np.prod: _by_name("prod"),
    np.max: _by_name("max"),
    np.min: _by_name("min"),
    np.all: _by_name("all"),
    np.any: _by_name("any"),
    np.argmax: _by_name("argmax"),
    np.argmin: _by_name("argmin"),
    np.count_nonzero: _by_name("count_nonzero"),
    np.var: _by_method("var"),
    np.std: _by_method("std"),
    np.cumsum: _by_method("cumsum"),
    np.cumprod: _by_method("cumprod"),
    np.argsort: _by_method("argsort"),
    np.repeat: _by_method("repeat"),
    np.diagonal: _by_method("diagonal"),
    np.dot: _by_method("dot"),
    np.array_equal: _array_equal,
    np.allclose: _allclose,
    np.isclose: lambda x, y, rtol=1e-5, atol=1e-8, equal_nan=False: backend.isclose(
        x, y, rtol=rtol, atol=atol, equal_nan=equal_nan
    ),
    np.tril: _by_name("tril"),
    np.triu: _by_name("triu"),
    np.flip: lambda x, axis=None: backend.flip(x, tuple(range(x.ndim)) if axis is None else axis),
    np.roll: _by_name("roll"),
    np.take_along_axis: _by_name("take_along_axis"),
    np.argwhere: _by_name("argwhere"),
    np.searchsorted: lambda a, v, side="left": backend.searchsorted(a, v, side=side),
    np.bincount: lambda x, /, weights=None, minlength=0: backend.bincount(x, weights, minlength),
    np.einsum: _by_name("einsum"),
    np.isposinf: _by_name("isposinf"),
    np.isneginf: _by_name("isneginf"),
    np.sinc: _by_name("sinc"),
    np.real: lambda x: x,
}
"""What is computed of NumPy's functions, under the functions themselves."""
