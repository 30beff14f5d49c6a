"""Where elements stand, on a GPU: picking, setting, adding up; what needs no kernel is in `views`.

Indices may be on the host or on the device; see `index`. `scatter_add` and its kin give the same bits in each run:
there are no atomic additions, but a sort of the places, or for short lines a look from each target at all that might come
to it; see `scattering`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ....errors import NotOnDeviceError
from ...grid import Grid
from ..array import DeviceArray, Shape
from ..compiler.language import ceil_div
from ..constants import constant
from ..elementwise import operations as elementwise
from ..elementwise.operations import compute, copy_into
from ..runtime import memory
from ..runtime.layouts import numbers
from . import gathering, scattering
from .copies import contiguous, copy
from .index import Choice, check, choice, entries, has_arrays
from .moves import THREADS, WORDS, flip, in_elements, move, words, zeros
from .order import sort
from .shapes import concat
from .views import diagonal, part_of, shaped, spread, windows

__all__ = [
    "diagonal",
    "from_diagonal",
    "getitem",
    "pack",
    "scatter_add",
    "scatter_extremum",
    "setitem",
    "take_along_axis",
]
__all__ += ["windows", "write"]

SHORT = 32
"""Up to so many positions in a line of an index each target looks at all of them (a guess, unmeasured)."""


def _grid(count: int) -> tuple[int, int]:
    return ceil_div(count, THREADS), THREADS


# Picking ------------------------------------------------------------------------------------------------------------------


def getitem(x: DeviceArray, index: Any) -> DeviceArray:
    """`x[index]` by NumPy's rules: a view, or where arrays pick, a new array."""
    if index.__class__ is Grid and index.dim >= 0:
        return _picked_along(x, index.index, index.dim)
    parts = entries(x, index)
    if has_arrays(parts):
        return _picked(choice(x, parts))
    view, backwards = part_of(x, parts)
    return flip(view, tuple(backwards)) if backwards else view


def _picked(one: Choice) -> DeviceArray:
    out = memory.empty(one.result, one.view.dtype, one.view.memory.device)
    places = one.places()
    if out.size:
        _, picked, n, inner = one.lines
        lines = contiguous(one.view)
        wide = out.itemsize == 4 and inner % 4 == 0 and lines.address % 16 == 0
        run = (gathering.pick_fours if wide else gathering.pick(WORDS[out.itemsize]))[
            _grid(out.size // 4 if wide else out.size)
        ]
        run(words(lines), places, words(out), n, picked, inner, out.size)
    return flip(out, one.backwards) if one.backwards else out


def _on_device(index: Any, x: DeviceArray, axis: int) -> DeviceArray:
    """Positions along an axis; those of a NumPy array are checked."""
    if isinstance(index, DeviceArray):
        return index
    index = np.asarray(index)
    check(index, x.shape[axis], axis)
    return constant(index.astype(np.int32), x.memory.device)


def _picked_along(x: DeviceArray, index: Any, axis: int) -> DeviceArray:
    index = _on_device(index, x, axis)
    out = memory.empty(index.shape, x.dtype, x.memory.device)
    if out.size:
        strides = in_elements(x.strides, x)
        lying = _walk(index, (*strides[:axis], 0, *strides[axis + 1 :]), x.memory.device)
        run = gathering.pick_along(WORDS[x.itemsize], index.dtype.name)[_grid(out.size)]
        run(words(x), index, words(out), lying, x.ndim, x.shape[axis], strides[axis], out.size)
    return out


def _walk(index: DeviceArray, strides: Sequence[int], device: int) -> DeviceArray:
    """How a kernel walks along an index and another array: lengths, and the strides of both."""
    return numbers(device, (*index.shape, *in_elements(index.strides, index), *strides))


def take_along_axis(x: DeviceArray, indices: Any, axis: int) -> DeviceArray:
    """`numpy.take_along_axis`: the two broadcast against each other along the other axes."""
    axis %= x.ndim
    index = _on_device(indices, x, axis)
    rest, other = ((*s[:axis], 1, *s[axis + 1 :]) for s in (x.shape, index.shape))
    common = np.broadcast_shapes(rest, other)
    wide = spread(x, (*common[:axis], x.shape[axis], *common[axis + 1 :]))
    return _picked_along(wide, spread(index, (*common[:axis], index.shape[axis], *common[axis + 1 :])), axis)


# Setting ------------------------------------------------------------------------------------------------------------------


def write(x: DeviceArray, index: Any, value: Any) -> None:
    """`x[index] = value`, in place; of repeated positions the last value stays."""
    if index.__class__ is Grid and index.dim >= 0 and x.is_contiguous:
        _put_along(x, index.index, index.dim, value)
        return
    mask = index[0] if index.__class__ is tuple and len(index) == 1 else index
    if _is_mask_of(mask, x) and not getattr(value, "ndim", 0):
        held = mask if isinstance(mask, DeviceArray) else constant(mask, x.memory.device)
        compute(("where", 0, 1, 2), (shaped(held, (*held.shape, *(1,) * (x.ndim - held.ndim))), value, x), x)
        return
    parts = entries(x, index)
    if has_arrays(parts):
        one = choice(x, parts)
        _put(one, _wide(value, one.result, x, one.backwards))
        return
    view, backwards = part_of(x, parts)
    copy_into(view, _wide(value, view.shape, x, tuple(backwards)) if backwards else value)


def _wide(value: Any, shape: Shape, like: DeviceArray, backwards: Shape = ()) -> DeviceArray:
    """A value, broadcast to a shape and turned around along some axes, in the dtype and on the device of what it goes to."""
    if isinstance(value, DeviceArray) and value.dtype == like.dtype:
        out = contiguous(spread(value, shape))
    else:
        out = memory.empty(shape, like.dtype, like.memory.device)
        copy_into(out, value)
    return flip(out, backwards) if backwards else out


def _put(one: Choice, values: DeviceArray) -> None:
    """Write values `(*before, *shape, *after)` to the places."""
    device, (_, given, n, inner) = values.memory.device, one.lines
    places = one.places()
    if not values.size:
        return
    last = memory.empty((n,), np.int32, device)
    memory.fill_zeros(last)
    gathering.claim[_grid(given)](places, last, given)
    lines = contiguous(one.view)
    run = gathering.put(WORDS[values.itemsize])[_grid(values.size)]
    run(words(values), places, last, words(lines), n, given, inner, values.size)
    if lines is not one.view:
        move(lines, one.view)


def _flat_places(index: DeviceArray, axis: int, shape: Shape) -> DeviceArray:
    """Where in a row-major array of a shape each element of an index along an axis points."""
    strides = [math.prod(shape[a + 1 :]) for a in range(len(shape))]
    places = memory.empty((index.size,), np.int32, index.memory.device)
    if index.size:
        lying = _walk(index, (*strides[:axis], 0, *strides[axis + 1 :]), index.memory.device)
        run = gathering.places_along(index.dtype.name)[_grid(index.size)]
        run(index, places, lying, index.ndim, shape[axis], strides[axis], index.size)
    return places


def _put_along(x: DeviceArray, index: Any, axis: int, value: Any) -> None:
    index = _on_device(index, x, axis)
    one = Choice(shaped(x, (x.size,)), (), (x.size,), (), [_flat_places(index, axis, x.shape)], (index.size,))
    _put(one, shaped(_wide(value, index.shape, x), (index.size,)))


def setitem(x: DeviceArray, value: Any, index: Any, chosen: Any) -> DeviceArray:
    """A copy of `x` in which `x[index][chosen]` is `value`."""
    out = copy(x)
    target = getitem(out, index) if index else out
    write(target, chosen if chosen.__class__ is Grid or chosen else (), value)
    return out


def _is_mask_of(mask: Any, target: DeviceArray) -> bool:
    """Whether an index is one mask of the first axes, with which a single number can be set without counting anything."""
    if not isinstance(mask, np.ndarray | DeviceArray) or mask.dtype != bool or not mask.ndim:
        return False
    return mask.shape == target.shape[: mask.ndim]


# Adding up ----------------------------------------------------------------------------------------------------------------


def scatter_add(values: Any, index: Any, shape: Shape) -> DeviceArray:
    """Zeros of `shape` to which `values` are added at `index`, repeated positions adding up; of float16 in float32."""
    if values.dtype == np.float16:
        return elementwise.astype(scatter_add(elementwise.astype(values, np.float32), index, shape), np.float16)
    if index.__class__ is Grid and index.dim >= 0:
        out = memory.empty(shape, values.dtype, values.memory.device)
        memory.fill_zeros(out)
        _join_along(out, values, index.index, index.dim, "sum")
        return out
    out = zeros(shape, values)
    parts = entries(out, index)
    if not has_arrays(parts):
        write(out, index, values)
        return out
    one = choice(out, parts)
    _join(one, _wide(values, one.result, out, one.backwards), "sum")
    return out


def _join(one: Choice, values: DeviceArray, how: str) -> None:
    """Join values `(*before, *shape, *after)` with what is at the places: sort these, and go through each run of equals."""
    _, given, n, inner = one.lines
    places = one.places()
    if not values.size:
        return
    ordered, order = sort(places, n)
    lines = contiguous(one.view)
    run = scattering.join_runs(values.dtype.name, how)[_grid(values.size)]
    run(values, ordered, order, lines, n, given, inner, values.size)
    if lines is not one.view:
        move(lines, one.view)


def _join_along(out: DeviceArray, values: DeviceArray, index: Any, axis: int, how: str) -> None:
    """Join values with a row-major array's elements at an index that has a position for each of them."""
    index = _on_device(index, out, axis)
    values = spread(values, index.shape)
    if not values.size:
        return
    device, given = out.memory.device, index.shape[axis]
    if given > SHORT:
        one = Choice(
            shaped(out, (out.size,)), (), (out.size,), (), [_flat_places(index, axis, out.shape)], (index.size,)
        )
        _join(one, shaped(contiguous(values), (index.size,)), how)
        return
    own, theirs = in_elements(index.strides, index), in_elements(values.strides, values)
    strides = [s if a != axis else 0 for steps in (own, theirs) for a, s in enumerate(steps)]
    lying = numbers(device, (*out.shape, *index.shape, *strides))
    run = scattering.join_along(out.dtype.name, index.dtype.name, how)[_grid(out.size)]
    run(values, index, out, lying, out.ndim, axis, out.shape[axis], given, own[axis], theirs[axis], out.size)


def scatter_extremum(x: DeviceArray, values: DeviceArray, index: Any, largest: bool) -> DeviceArray:
    """A copy of `x` in which each place holds the extremum of itself and of all values at it; NaN wins.

    Raises:
        NotOnDeviceError: an index that is no `Grid`.
    """
    if index.__class__ is not Grid or index.dim < 0:
        raise NotOnDeviceError("scatter_extremum: on a GPU the index counts along one axis")
    if x.dtype == np.float16:
        x, values = (elementwise.astype(a, np.float32) for a in (x, values))
        return elementwise.astype(scatter_extremum(x, values, index, largest), np.float16)
    out = copy(x)
    _join_along(out, values, index.index, index.dim, "largest" if largest else "smallest")
    return out


# Side by side -------------------------------------------------------------------------------------------------------------


def pack(*parts: DeviceArray, axes: int = 2) -> DeviceArray:
    """Lay results with the same batch axes side by side along one last axis; the first has `axes` axes of its own."""
    lead = parts[0].shape[: parts[0].ndim - axes]
    return concat([shaped(p, (*lead, math.prod(p.shape[len(lead) :]))) for p in parts], axis=-1)


def from_diagonal(x: DeviceArray, shape: Shape, offset: int, axis1: int, axis2: int) -> DeviceArray:
    """Zeros of `shape` with `x` on a diagonal."""
    out = memory.empty(shape, x.dtype, x.memory.device)
    memory.fill_zeros(out)
    copy_into(diagonal(out, offset, axis1, axis2), x)
    return out
