"""Elementwise functions: each expression becomes one kernel, which reads every element once and writes each result once.

`compute(("add", ("multiply", 0, 1), 2), (x, y, 0.5))` is x·y + 0.5. Whoever has a whole chain hands it over as one expression
(`compute_all` for a chain of which several values are wanted): then nothing between is stored. `fusion.py` does that with the
rules of the engine's primitives. Operands are device arrays and numbers; a number is passed by value, so that another one
needs no other kernel.

How arrays are laid before a kernel is found once for each combination of shapes, strides and dtypes (`_plan`), and kept.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....errors import DeviceError, NotOnDeviceError
from ..array import DeviceArray, Shape
from ..compiler.language import ceil_div
from ..constants import constant
from ..runtime import memory
from ..runtime.launching import Launch
from . import plans
from .expressions import Expression, of_numbers
from .formulas import dtypes_of
from .generated import THREADS, Form, Operand, kernel_of, written_of

_Key = tuple[Any, ...]
_Result = tuple[Shape, Shape, np.dtype[Any]]


def compute(expression: Expression, operands: Sequence[Any], out: DeviceArray | None = None) -> DeviceArray:
    """Compute an expression elementwise, with broadcasting.

    Args:
        expression: see `expressions.py`; equal parts are computed once.
        operands: device arrays and numbers; of numbers alone, without `out`, it is a number.
        out: the array to write; its dtype and shape count. It may be one of the operands, or overlap them.

    Returns:
        `out`, or a new array which lies in memory as the first operand of the result's shape does.

    Raises:
        TypeError: the dtypes do not fit.
        ValueError: the shapes do not fit.
        DeviceError: the arrays are on several devices, or not on one.
    """
    return compute_all((expression,), operands, None if out is None else (out,))[0]


def compute_all(
    expressions: tuple[Expression, ...], operands: Sequence[Any], outs: Sequence[DeviceArray] | None = None
) -> tuple[DeviceArray, ...]:
    """Compute several expressions of the same operands by one kernel, to results of one shape."""
    found = [x for x in (*operands, *(outs or ())) if x.__class__ is DeviceArray]
    if not found:
        return tuple(of_numbers(expression, operands) for expression in expressions)
    device = one_device(found)
    given = [x if x.__class__ is DeviceArray else number(x, device) for x in operands]
    arrays = [x for x in given if x.__class__ is DeviceArray]
    key = (expressions, tuple(map(_key, given)), None if outs is None else tuple(map(_key, outs)))
    plan = _plan(*key)
    if outs is None:
        written = tuple(
            DeviceArray(memory.allocate(plan.count * dtype.itemsize, device), shape, dtype, strides)
            for shape, strides, dtype in plan.results
        )
    else:
        written = tuple(
            memory.empty(out.shape, out.dtype, device) if any(plans.overlaps(out, x) for x in arrays) else out
            for out in outs
        )
        if any(made is not out for made, out in zip(written, outs, strict=True)):
            return _by_a_detour(expressions, given, outs, written)
    if plan.count:
        numbers = [_held(given[i], dtype) for i, dtype in plan.numbers]
        plan.launch(*arrays, *written, *numbers, *plan.whole)
    return written


def _by_a_detour(
    expressions: tuple[Expression, ...],
    given: Sequence[Any],
    outs: Sequence[DeviceArray],
    made: tuple[DeviceArray, ...],
) -> tuple[DeviceArray, ...]:
    """Compute into new memory, as where the results lie there is still something to be read."""
    compute_all(expressions, given, made)
    for out, fresh in zip(outs, made, strict=True):
        if fresh is not out:
            compute(0, (fresh,), out)
    return tuple(outs)


def number(x: Any, device: int) -> Any:
    """A plain number, or NumPy's scalar or array without axes, as an operand; a NumPy array with axes is a rule's constant.

    Raises:
        TypeError: it is no number.
    """
    if x.__class__ in (int, float, bool):
        return x
    if isinstance(x, np.generic) or (isinstance(x, np.ndarray) and not x.ndim):
        return np.asarray(x)[()]
    if isinstance(x, int | float):
        return float(x) if isinstance(x, float) else int(x)
    if isinstance(x, np.ndarray):
        return constant(x, device)
    raise TypeError(f"a {type(x).__name__} is no operand on a GPU: {x!r:.60}")


def one_device(arrays: Sequence[DeviceArray]) -> int:
    """The device on which all arrays are.

    Raises:
        DeviceError: there are none, or they are on several.
    """
    if not arrays:
        raise DeviceError("nothing here is on a GPU")
    found = arrays[0].memory.device
    for x in arrays:
        if x.memory.device != found:
            raise DeviceError(
                f"arrays on two GPUs meet, cuda:{found} and {x.device}; bring one to the other's: x.to('cuda:{found}')"
            )
    return found


def _key(x: Any) -> _Key:
    """What a plan depends on of an operand."""
    if x.__class__ is DeviceArray:
        return x.dtype, x.shape, x.strides, x.address & 15
    return (x.__class__ if x.__class__ in (int, float) else np.dtype(type(x)), None)


def _held(value: Any, dtype: np.dtype[Any]) -> Any:
    """A number as one of a dtype: what is too large for a float becomes infinite.

    Raises:
        OverflowError: a whole number does not fit.
    """
    if dtype.kind == "f":
        if value.__class__ is float and dtype.itemsize > 2 and abs(value) < 1e38:
            return value
        with np.errstate(over="ignore"):
            return float(dtype.type(value))
    return dtype.type(value).item()


@dataclass(frozen=True, slots=True)
class Plan:
    """How an expression of operands of given shapes is computed.

    Attributes:
        launch: the kernel with its grid.
        numbers: the operands that are passed by value, and their dtypes.
        whole: what is passed behind them: lengths, strides, the number of elements.
        results: shape, strides and dtype of each result.
        count: how many elements there are.
    """

    launch: Launch
    numbers: tuple[tuple[int, np.dtype[Any]], ...]
    whole: tuple[int, ...]
    results: tuple[_Result, ...]
    count: int


@functools.lru_cache(maxsize=65536)
def _plan(expressions: tuple[Expression, ...], given: tuple[_Key, ...], outs: tuple[_Key, ...] | None) -> Plan:
    """Find out how to compute, for operands with these dtypes, shapes, strides and addresses modulo 16."""
    arrays = [key for key in given if key[1] is not None]
    shape = plans.broadcast_shape([key[1] for key in (*arrays, *(outs or ()))])
    count = plans.count_of(shape)
    strides = [plans.repeating(own, steps, shape) for _, own, steps, _ in arrays]
    if outs is None:
        kinds = tuple(Operand(key[0], "") if key[1] is not None else key[0] for key in given)
        dtypes = tuple(dtype for _, dtype in written_of(expressions, kinds).results)
        order = plans.order_of(shape, strides)
        results = tuple((shape, plans.strides_in_order(shape, order, dtype.itemsize), dtype) for dtype in dtypes)
        addresses = [0] * len(results)
    else:
        results = tuple((own, steps, dtype) for dtype, own, steps, _ in outs)
        addresses = [address for *_, address in outs]
        order = plans.order_of(shape, [steps for _, steps, _ in results])
        _require_targets(shape, results)
    dtypes = tuple(dtype for *_, dtype in results)
    sizes = [key[0].itemsize for key in arrays] + [dtype.itemsize for dtype in dtypes]
    in_elements = [
        tuple(stride // size for stride in own)
        for own, size in zip([*strides, *(steps for _, steps, _ in results)], sizes, strict=True)
    ]
    axes = plans.reduced(shape, order, in_elements)
    vector = _is_vector(axes, [key[0] for key in arrays], dtypes, [key[3] for key in arrays] + addresses)
    steps_of = ["".join(str(s) if s in (0, 1) else "n" for s in own) for own in axes.strides]
    reads = iter(steps_of)
    form = Form(
        expressions,
        tuple(Operand(key[0], next(reads)) if key[1] is not None else key[0] for key in given),
        tuple(Operand(dtype, steps) for dtype, steps in zip(dtypes, reads, strict=True)),
        vector,
    )
    kernel, numbers = kernel_of(form)
    whole = [n for length in axes.lengths[1:] for n in (length, *plans.factor_and_shift(length))]
    whole += [stride for own in axes.strides for stride in own if stride not in (0, 1)]
    grid = ceil_div(count, THREADS * (4 if vector else 1))
    return Plan(Launch(kernel, grid, THREADS), numbers, (*whole, count), results, count)


def _is_vector(axes: plans.Axes, read: Sequence[Any], written: Sequence[Any], addresses: Sequence[int]) -> bool:
    """Whether each thread can compute four neighbours along the last axis."""
    if len(axes.lengths) > 1 and axes.lengths[-1] % 4:
        return False
    for i, (dtype, address, strides) in enumerate(zip((*read, *written), addresses, axes.strides, strict=True)):
        if strides[-1] == 0 and i < len(read):
            continue
        if strides[-1] != 1 or not plans.is_aligned(address, dtype, strides):
            return False
    return True


def _require_targets(shape: Shape, results: Sequence[_Result]) -> None:
    """Refuse arrays that cannot be written.

    Raises:
        ValueError: one has another shape than the result, or elements that share a place.
    """
    for own, strides, _ in results:
        if own != shape:
            raise ValueError(f"operands of the shape {shape} do not fit into an array of shape {own}")
        if any(stride == 0 and n > 1 for n, stride in zip(own, strides, strict=True)):
            raise ValueError("assignment destination is read-only: elements of a broadcast array share their memory")


# The backend's functions --------------------------------------------------------------------------------------------------


def function(name: str) -> Callable[..., Any]:
    """The backend's function of a name in the table of formulas."""

    def apply(*operands: Any, out: DeviceArray | None = None) -> DeviceArray:
        return compute((name, *range(len(operands))), operands, out)

    apply.__name__ = apply.__qualname__ = name
    return apply


def comparison(name: str) -> Callable[..., Any]:
    """The same for a comparison: of whole numbers with one that their dtype cannot hold, in int64."""

    def compare(x: Any, y: Any) -> DeviceArray:
        try:
            return compute((name, 0, 1), (x, y))
        except OverflowError:
            return compute((name, 0, 1), [np.int64(v) if isinstance(v, int) else v for v in (x, y)])

    compare.__name__ = compare.__qualname__ = name
    return compare


def apply_to(name: str, operands: Sequence[Any], out: DeviceArray) -> DeviceArray:
    """A function's result, written into an array: what `x += y` and NumPy's `out=` do.

    Raises:
        TypeError: the result would lose its kind there, as floats among whole numbers do.
    """
    given = [x if x.__class__ is DeviceArray else number(x, out.memory.device) for x in operands]
    _, result = dtypes_of(name, tuple(_key(x)[0] for x in given))
    if not np.can_cast(result, out.dtype, "same_kind"):
        raise TypeError(f"{name}: the result is {result}, which is not written into an array of {out.dtype}")
    return compute((name, *range(len(given))), given, out)


def multiply_or_zero(x: Any, y: Any) -> Any:
    """x·y, but 0 where x is 0: the product in which every elementwise gradient ends."""
    return compute(("where", ("equal", 0, 2), ("multiply", 0, 2), ("multiply", 0, 1)), (x, y, 0))


def square(x: Any) -> Any:
    """x·x; True and False count as 1 and 0."""
    return compute(("astype", 0, "int64") if x.dtype.kind == "b" else ("multiply", 0, 0), (x,))


def clip(x: Any, low: Any, high: Any) -> Any:
    """min(max(x, low), high)."""
    return compute(("minimum", ("maximum", 0, 1), 2), (x, low, high))


def pow(x: Any, y: Any) -> Any:
    """xʸ; of whole numbers and a negative exponent in an array, 0 unless x is 1 or −1.

    Raises:
        ValueError: whole numbers and a negative whole exponent.
    """
    if isinstance(y, int | np.integer) and y < 0 and getattr(x, "dtype", np.dtype(int)).kind in "iub":
        raise ValueError("Integers to negative integer powers are not allowed.")
    return compute(("pow", 0, 1), (x, y))


def isposinf(x: Any) -> Any:
    """Whether it is ∞."""
    return compute(("logical_and", ("isinf", 0), ("greater", 0, 1)), (x, 0))


def isneginf(x: Any) -> Any:
    """Whether it is −∞."""
    return compute(("logical_and", ("isinf", 0), ("less", 0, 1)), (x, 0))


def isclose(x: Any, y: Any, *, rtol: float, atol: float, equal_nan: bool) -> Any:
    """|x − y| ≤ atol + rtol·|y|."""
    near: Expression = ("isclose", 0, 1, 2, 3)
    if equal_nan:
        near = ("logical_or", near, ("logical_and", ("isnan", 0), ("isnan", 1)))
    return compute(near, (x, y, rtol, atol))


def astype(x: DeviceArray, dtype: Any) -> DeviceArray:
    """Convert to another dtype; what has it already is returned as it is.

    Raises:
        NotOnDeviceError: to complex numbers.
    """
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        raise NotOnDeviceError("no kernel here takes complex numbers; x.cpu() brings the numbers to where one does")
    return x if x.dtype == dtype else compute(("astype", 0, dtype.name), (x,))


def add_to(total: DeviceArray, more: Any) -> None:
    """Add `more` to `total` in place."""
    compute(("add", 0, 1), (total, more), total)


def copy_into(target: DeviceArray, values: Any) -> None:
    """Write numbers, or the elements of an array that is broadcast, into an array."""
    compute(0, (values,), target)


def full(shape: Shape, value: Any, dtype: Any, device: int | None = None) -> DeviceArray:
    """A new array of one number."""
    out = memory.empty(shape, dtype, device)
    copy_into(out, value)
    return out
