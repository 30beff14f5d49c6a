"""Indexing: `x[index]` and `x[index] = value`, with PyTorch's rules.

An index is applied in two steps. The basic one takes integers, slices and new axes, and gives a view. The advanced one
takes arrays: they are broadcast together and pick elements; the axes they make stand where the arrays stood if those
were side by side, and in front if not. An integer belongs to the basic step (NumPy would count it as one more array).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...errors import DtypeError, RangeError, ShapeError, UsageError
from ...graph import Node, Notation, array_of, data_of
from ...kernels import ARRAYS, DeviceArray, backend_of, device_array
from ...kernels.device import brought_to, fetched, where_is
from ...kernels.grid import Grid
from ..kinds import Linear, Shape, Value, expand_to, refuses, sample, shape_of, sum_to
from ..operation import operation
from .elements import cast, getitem_, reshape_, scatter_add_


class Index(NamedTuple):
    """An index that has been read: `x[basic][chosen]`; `chosen` is empty where there are no arrays."""

    basic: tuple[Any, ...]
    chosen: tuple[Any, ...]


def read_index(index: Any, shape: Shape, name: str = "x[…]") -> Index:
    """Read what stands between the brackets of `x[index]`.

    Args:
        index: an integer, a slice, None, `...`, True or False, integers or masks in an array or a list; or a tuple of those.
        shape: of what is indexed.
        name: who asks, for messages.

    Raises:
        UsageError: out of range, more entries than axes, two `...`, a step that is not positive, a list that is ambiguous.
        ShapeError: a mask that does not fit, arrays that do not broadcast.
        DtypeError: an index that is no whole number and no mask.
    """
    parts = [_part(i, name) for i in (index if isinstance(index, tuple) else (index,))]
    at = [k for k, part in enumerate(parts) if part is Ellipsis]
    if len(at) > 1:
        raise UsageError(f"{name}: an index can hold `...` once, not {len(at)} times")
    used = sum(map(_axes_taken, parts))
    if used > len(shape):
        raise RangeError(f"{name}: {used} axes are indexed, but shape {shape} has {len(shape)}")
    whole = [slice(None)] * (len(shape) - used)
    where = at[0] if at else len(parts)
    basic: list[Any] = []
    chosen: list[Any] = []
    axis = 0
    for part in (*parts[:where], *whole, *parts[where + 1 :]):
        taken = _axes_taken(part)
        _check_fits(part, shape, axis, name)
        if isinstance(part, bool):  # a mask without axes: a new axis of length 1, kept or dropped
            basic.append(None)
            chosen.append(np.zeros(int(part), np.int64))
        elif isinstance(part, ARRAYS):
            basic += [slice(None)] * taken
            chosen.append(part)
        else:
            basic.append(part)
            if not isinstance(part, int):
                chosen.append(slice(None))
        axis += taken
    while basic and basic[-1] == slice(None):
        basic.pop()
    return Index(tuple(basic), _together(chosen, name))


def _part(part: Any, name: str) -> Any:
    """One entry of an index as None, `...`, a bool, an int, a slice of ints, or an array (a copy) of integers or a mask."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return part
    if isinstance(part, slice):
        return _slice(part, name)
    if isinstance(part, list | tuple | range):
        return _list(part, name)
    value = array_of(part) if isinstance(part, Node) else part
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, (*ARRAYS, np.generic)):
        raise DtypeError(
            f"{name}: an index is made of whole numbers, slices, None, `...`, masks and lists or tensors of whole numbers; "
            f"got {part!r:.60}"
        )
    if value.dtype.kind == "b":
        return bool(value) if value.ndim == 0 else value.copy()
    narrow = isinstance(part, Node) and value.ndim > 0 and value.dtype.itemsize < 4
    if value.dtype.kind not in "iu" or value.dtype == np.uint8 or narrow:
        hint = "; write .bool() for a mask, .long() for positions" if value.dtype.kind in "iu" else ""
        raise DtypeError(f"{name}: positions are int64 or int32, masks are bool; got a tensor of {value.dtype}{hint}")
    return int(value) if value.ndim == 0 else value.astype(np.int64)


def _slice(part: slice, name: str) -> slice:
    try:
        start, stop, step = (None if v is None else operator.index(v) for v in (part.start, part.stop, part.step))
    except TypeError as error:
        raise DtypeError(f"{name}: a slice needs whole numbers, got {part}") from error
    if step is not None and step <= 0:
        raise UsageError(f"{name}: the step of a slice must be positive, got {step}; flip(x, (dim,)) reverses an axis")
    return slice(start, stop, step)


def _list(part: Any, name: str) -> Any:
    """A list of whole numbers or of True and False as an array."""
    if len(part) == 0:
        return np.zeros(0, np.int64)
    try:
        array = np.array([fetched(data_of(v)) for v in part])
    except (ValueError, TypeError):
        array = np.array(None)
    if array.dtype.kind not in "biu":
        raise DtypeError(
            f"{name}: a list is read as positions, so it holds whole numbers or True and False; got {part!r:.60}. "
            "Several axes are indexed by a tuple: x[i, j]"
        )
    return array if array.dtype.kind == "b" else array.astype(np.int64)


def _axes_taken(part: Any) -> int:
    """How many axes of the input an entry uses up."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    return part.ndim if isinstance(part, ARRAYS) and part.dtype == bool else 1


def _check_fits(part: Any, shape: Shape, axis: int, name: str) -> None:
    """Refuse masks of another shape and positions out of range, unless they are on a GPU, which would have to be waited for."""
    if isinstance(part, ARRAYS) and part.dtype == bool:
        own = shape[axis : axis + part.ndim]
        if part.shape != own:
            raise ShapeError(
                f"{name}: a mask of shape {part.shape} does not fit axes of lengths {own} of shape {shape}"
            )
    elif isinstance(part, np.ndarray | int) and not isinstance(part, bool):
        positions = np.asarray(part)
        wrong = positions[(positions < -shape[axis]) | (positions >= shape[axis])]
        if wrong.size:
            raise RangeError(f"{name}: index {wrong.flat[0]} is out of range for axis {axis} with size {shape[axis]}")


def _together(chosen: list[Any], name: str) -> tuple[Any, ...]:
    """The advanced step: masks beside other arrays become positions; nothing where there are no arrays."""
    arrays = [c for c in chosen if isinstance(c, ARRAYS)]
    if not arrays:
        return ()
    if len(arrays) > 1:
        chosen = [p for c in chosen for p in (np.where(c) if isinstance(c, ARRAYS) and c.dtype == bool else (c,))]
        shapes = [c.shape for c in chosen if isinstance(c, ARRAYS)]
        try:
            np.broadcast_shapes(*shapes)
        except ValueError as error:
            told = ", ".join(map(str, shapes))
            raise ShapeError(f"{name}: the arrays of an index must broadcast together, got shapes {told}") from error
    while chosen and isinstance(chosen[-1], slice):
        chosen.pop()
    return tuple(chosen)


def _value_gradient(g: Value, value: Value, index: Index) -> Value:
    """The upstream gradient of the places written; a place written twice kept only its last value."""
    if not hasattr(value, "shape"):
        return None  # a plain number wants none
    part = getitem_(g, index=index.basic) if index.basic else g
    if index.chosen:
        kept = _last_written(shape_of(part), index.chosen)
        part = getitem_(part, index=index.chosen)
        part = part if kept is None else part * kept
    return sum_to(part, shape_of(value))


def _last_written(shape: Shape, chosen: tuple[Any, ...]) -> Any:
    """Which writes no later one replaced; None where no place is written twice."""
    if not any(isinstance(c, ARRAYS) and c.dtype != bool for c in chosen):
        return None
    if (like := device_array(chosen)) is not None:
        return _last_written_there(shape, chosen, like)
    if all(isinstance(c, slice) for c in chosen[:-1]):  # whole slices along one axis: parts of axes are `basic`'s
        axis = len(chosen) - 1
        kept = _last_written_numbers(chosen[-1] % shape[axis], shape[axis])
        return None if kept is None else kept.reshape(*kept.shape, *(1,) * (len(shape) - axis - 1))
    if chosen.__class__ is Grid and chosen.dim >= 0:
        xp, index = backend_of([chosen.index]), chosen.index
        writes = np.arange(float(index.shape[chosen.dim])).reshape(-1, *(1,) * (index.ndim - chosen.dim - 1))
        last = xp.setitem(np.zeros(shape), np.broadcast_to(writes, index.shape), (), chosen)
        stays = xp.getitem(last, chosen) == writes
        return None if stays.all() else stays
    places = np.arange(int(np.prod(shape))).reshape(shape)[chosen]
    return _last_written_numbers(places, int(np.prod(shape)))


def _last_written_there(shape: Shape, chosen: tuple[Any, ...], like: DeviceArray) -> Any:
    """`_last_written` where positions are on a GPU: each writes its number, and looks whether it is still there."""
    xp, places = backend_of([like]), shape_of_places(shape, chosen)
    writes = brought_to(np.arange(int(np.prod(places))).reshape(places), where_is(like))
    last = xp.setitem(brought_to(np.zeros(shape, np.int64), where_is(like)), writes, (), chosen)
    return xp.getitem(last, chosen) == writes


def shape_of_places(shape: Shape, chosen: tuple[Any, ...], basic: tuple[Any, ...] = ()) -> Shape:
    """The shape of `x[basic][chosen]`; a mask on a GPU is fetched, as the answer depends on how often it holds."""

    def stand_in(c: Any) -> Any:
        if c.__class__ is not DeviceArray:
            return c
        return fetched(c) if c.dtype == bool else np.broadcast_to(np.zeros((), np.int64), c.shape)

    return np.broadcast_to(np.empty((), bool), shape)[(*basic, ...)][tuple(map(stand_in, chosen))].shape


def _last_written_numbers(places: Any, size: int) -> Any:
    """`_last_written` where each place has a number below `size`."""
    writes = np.arange(places.size)
    last = np.zeros(size, np.int64)
    last[places.ravel()] = writes
    kept = last[places.ravel()] == writes
    return None if kept.all() else kept.reshape(places.shape)


set_item_: Linear = Linear(
    "setitem",
    Notation("[ ] =", "{0} with [{index}] = {1}", 1, (1, 1)),
    forward=lambda xp, x, value, index: xp.setitem(x, value, index.basic, index.chosen),
    transpose=lambda g, x, value, index: (set_item_(g, 0.0, index=index), _value_gradient(g, value, index)),
    samples=[
        sample((3, 4), (4,), index=read_index(1, (3, 4))),
        sample((3, 4), (), index=read_index((1, 2), (3, 4))),
        sample((3, 4), (2, 1, 1), index=read_index((slice(None, None, 2), None, slice(1, 3)), (3, 4))),
        sample((3, 4), (3, 4), index=read_index([0, 2, 0], (3, 4))),
        sample((2, 3, 4), (), index=read_index((1, slice(None), [0, 2]), (2, 3, 4))),
        sample((3, 2), (3,), index=read_index(np.array([[True, False], [False, False], [True, True]]), (3, 2))),
    ],
)
"""A copy of x in which the elements at an index are replaced by `value`: the gradient of what was replaced is 0."""


def set_item(input: Value, index: Any, value: Value) -> Value:
    """Copy `input`, replace the elements at `index` by `value` (broadcast to them), and return the copy: `x[index] = value`.

    Where a position occurs twice the last value stays, and it alone receives a gradient.

    Raises:
        ShapeError: the value does not broadcast to the elements.
        UsageError, DtypeError: as `read_index`.

    >>> import minidl
    >>> set_item(minidl.zeros(3), slice(1, None), 7.0)
    tensor([0., 7., 7.])
    """
    read, value = check_item(input, index, value)
    return set_item_(input, value, index=read)


def check_item(input: Value, index: Any, value: Value) -> tuple[Index, Value]:
    """Read an index, and bring a value to the dtype, and to no more axes, than the elements of `input` that it replaces.

    Raises:
        ShapeError, UsageError, DtypeError: as `set_item`.
    """
    shape, dtype = shape_of(input), input.dtype
    read = read_index(index, shape, "x[…] = value")
    if isinstance(value, complex) or getattr(value, "dtype", dtype).kind == "c" != dtype.kind:
        raise DtypeError(f"x[…] = value: a complex value does not fit into {dtype}")
    if hasattr(value, "dtype"):
        exact = any(isinstance(c, ARRAYS) and c.dtype != bool for c in read.chosen)
        if exact and value.dtype != dtype and isinstance(data_of(value), ARRAYS):
            raise DtypeError(
                f"x[…] = value: a value of {value.dtype} does not go to positions of {dtype}; convert it: value.type_as(x)"
            )
        target = shape_of_places(shape, read.chosen, read.basic) if shape_of(value) else ()
        return read, cast(_fitted(value, target), dtype)
    if isinstance(value, list | tuple):
        target = shape_of_places(shape, read.chosen, read.basic)
        return read, _fitted(np.array([_number(v, dtype) for v in value], dtype), target)
    return read, _number(value, dtype)


def _number(value: Any, dtype: np.dtype[Any]) -> Any:
    """A plain number that can stand in a tensor of `dtype`.

    Raises:
        DtypeError: it is none, or cannot: NaN among whole numbers, 300 in uint8.
    """
    if not isinstance(value, int | float | complex | np.number | np.bool_):
        hint = "; minidl.stack(…) makes one tensor of several" if isinstance(value, Node) else ""
        raise DtypeError(f"x[…] = value: takes a tensor or numbers, got {type(value).__name__}: {value!r:.60}{hint}")
    number: Any = value
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        lowest = limits.min if dtype.kind == "i" else -limits.max  # PyTorch counts −1 from the end: 255
        if not lowest <= number <= limits.max:
            raise DtypeError(
                f"x[…] = value: {number} does not fit into {dtype}, which holds {limits.min} … {limits.max}"
            )
        return int(number) % (limits.max + 1) if dtype.kind == "u" else int(number)
    try:
        return number if dtype.kind in "bc" else float(number)
    except OverflowError as error:
        raise DtypeError(f"x[…] = value: the number is too large for {dtype}") from error


def _fitted(value: Value, target: Shape) -> Value:
    """A value without leading axes of length 1 that the places it goes to do not have.

    Raises:
        ShapeError: it does not broadcast to the places.
    """
    own = shape_of(value)
    while len(own) > len(target) and own[0] == 1:
        own = own[1:]
    try:
        fits = np.broadcast_shapes(own, target) == target
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"x[…] = value: a value of shape {shape_of(value)} does not fit into elements of shape {target}"
        )
    return value if own == shape_of(value) else reshape_(value, shape=own)


@operation(
    "Tensor",
    formula="x[index]",
    derivative="∂L/∂x = g at the index, 0 elsewhere, Σ g where it takes an element more than once",
    samples=[
        sample((3, 4), index=1),
        sample((3, 4), index=(..., None, slice(None, None, 2))),
        sample((3, 4), index=[2, 0, 2]),
        sample((2, 3, 4), index=([[0], [1]], slice(1, None), [3, 1])),
        sample((2, 3, 4), index=(1, slice(None), [0, 2])),
        sample((3, 4), index=np.array([[True, False, True, False]] * 3)),
        sample((), index=True),
    ],
    errors=[
        refuses((3, 4), index=3, error=UsageError, match="index 3 is out of range for axis 0 with size 3"),
        refuses((3, 4), index=(0, [-5]), error=UsageError, match="index -5 is out of range for axis 1 with size 4"),
        refuses((3, 4), index=(0, 0, 0), error=UsageError, match="3 axes are indexed"),
        refuses((3, 4), index=slice(None, None, -1), error=UsageError, match="must be positive"),
        refuses((3, 4), index=([0, 1], [0, 1, 2]), match="broadcast together"),
        refuses((3, 4), index=np.array([True, False]), match="does not fit axes"),
        refuses((3, 4), index=1.0, error=DtypeError, match="whole numbers"),
    ],
    call=lambda f, xs, params: f(xs[0], params["index"]),
    name="__getitem__",
)
def getitem(input: Value, index: Any) -> Value:
    """Pick elements as `input[index]` does; see `read_index`.

    >>> import minidl
    >>> minidl.tensor([1.0, 2.0, 3.0])[1:]
    tensor([2., 3.])
    """
    if hasattr(input, "__primitive__"):  # a symbol
        return getitem_(input, index=index)
    read = read_index(index, shape_of(input))
    if not read.chosen:
        return getitem_(input, index=read.basic)
    part = getitem_(input, index=read.basic) if read.basic else input
    return getitem_(part, index=read.chosen)


@operation(
    "minidl Tensor",
    formula="x, but values at the indices",
    derivative="∂L/∂x = g, but 0 at the indices; ∂L/∂values = g at the indices",
    samples=[
        sample((3, 4), (2,), rows=np.array([0, 2]), columns=np.array([1, 3])),
        sample((3, 4), (), rows=np.array([[True, False, True, False]] * 3)),
        sample((3, 4), (4,), rows=np.array([2, 2, 0]), accumulate=True),
    ],
    errors=[
        refuses((3, 4), (3,), rows=np.array([0, 1]), match="does not fit"),
        refuses((3, 4), (), rows=np.array([3]), error=UsageError, match="index 3 is out of range"),
        refuses((3, 4), np.array(1), rows=np.array([0]), error=DtypeError, match="must agree"),
    ],
    call=lambda f, xs, p: f(
        xs[0], tuple(p[k] for k in ("rows", "columns") if k in p), xs[1], accumulate=p.get("accumulate", False)
    ),
)
def index_put(input: Value, indices: Sequence[Value], values: Value, accumulate: bool = False) -> Value:
    """Place values where several index tensors, broadcast together, point; `accumulate` adds them instead.

    Args:
        input: what they are placed into (a copy).
        indices: integer tensors or masks, for the first axes of the input.
        values: a tensor that broadcasts to the places.
        accumulate: whether to add; repeated places then add up.

    >>> import minidl
    >>> minidl.index_put(minidl.zeros(3), (minidl.tensor([0, 0]),), minidl.tensor(1.0), accumulate=True)
    tensor([2., 0., 0.])
    """
    if not isinstance(indices, list | tuple):
        raise UsageError(f"index_put: indices is a tuple of tensors, one an axis; got {indices!r:.60}")
    if not hasattr(values, "dtype") or values.dtype != input.dtype:
        told = getattr(values, "dtype", type(values).__name__)
        raise DtypeError(f"index_put: the values are {told}, the input {input.dtype}; they must agree")
    if not accumulate:
        return set_item(input, tuple(indices), values)
    read = read_index(tuple(indices), shape_of(input), "index_put")
    places = shape_of_places(shape_of(input), read.chosen)
    return input + scatter_add_(expand_to(_fitted(values, places), places), index=read.chosen, shape=shape_of(input))
