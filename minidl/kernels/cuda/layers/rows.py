"""Lines of an array, and teams of threads that work on them: what softmax, its losses and layer normalisation share.

An array in one piece of memory is `(outer, n, inner)` with the axis in question in the middle: `outer · inner` lines of `n`
numbers, which are `inner` apart. A team takes a line:

- inner > 1: one thread. Neighbouring threads have neighbouring lines, so at each step a warp reads one piece of memory. So with
  many tiny lines that lie one after the other.
- inner = 1 and a short line: a warp. Its 32 threads read 32 neighbours, and add up by shuffles.
- inner = 1 and a long line: a block of 256, whose eight warps meet in shared memory.

Few lines that are long and not in one piece would leave the GPU idle; they are brought into one piece first.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..array import DeviceArray, Shape, row_major
from ..compiler.language import Kernel, ceil_div, cuda, device
from ..places.copies import contiguous
from ..reductions.kernels import MANY, SHORT, THREADS, TINY, WARP
from ..reductions.launch import memory_order
from ..reductions.states import ALL, carrier
from ..runtime import memory


@dataclass(frozen=True, eq=False)
class Team:
    """What the threads of a team do together; every member gets the result.

    Attributes:
        size: 1, 32 or 256 threads.
        teams: how many of them a block has.
        shift: log₂ of the size.
        total: v → Σv of the members' numbers.
        top: v → the largest of them, whatever it is if one is NaN.
    """

    size: int
    teams: int
    shift: int
    total: Callable[[Any], Any]
    top: Callable[[Any], Any]


@device
def larger(a: Any, b: Any) -> Any:
    """The larger of two numbers."""
    return a if a > b else b


@device
def plus(a: Any, b: Any) -> Any:
    """The sum of two numbers."""
    return a + b


@device
def itself(v: Any) -> Any:
    """What a team of one comes to."""
    return v


@functools.cache
def team_of(size: int, word: str) -> Team:
    """A team that computes in float32 or float64."""
    dtype, shift = np.dtype(word), size.bit_length() - 1
    if size == 1:
        return Team(1, THREADS, 0, itself, itself)
    sums, tops = (_together(join, size, dtype) for join in (plus, larger))
    return Team(size, THREADS // size, shift, sums, tops)


def _together(join: Callable[[Any, Any], Any], size: int, dtype: np.dtype[Any]) -> Callable[[Any], Any]:
    """The function by which a warp or a block joins its members' numbers: the partner is 16, 8, 4, 2, 1 lanes away."""
    warps = size // WARP

    @device
    def in_warp(v: Any) -> Any:
        v = join(v, cuda.shfl_xor_sync(ALL, v, 16))
        v = join(v, cuda.shfl_xor_sync(ALL, v, 8))
        v = join(v, cuda.shfl_xor_sync(ALL, v, 4))
        v = join(v, cuda.shfl_xor_sync(ALL, v, 2))
        return join(v, cuda.shfl_xor_sync(ALL, v, 1))

    @device
    def in_block(v: Any) -> Any:
        """Every warp joins what all warps have written; the first barrier lets the last call's readers finish.

        Only kernels call it: linked to them by way of another function as well, its shared memory would be there twice.
        """
        of_warps = cuda.shared.array(WARP, dtype)
        thread = cuda.threadIdx.x
        v = in_warp(v)
        cuda.syncthreads()
        if thread & 31 == 0:
            of_warps[thread >> 5] = v
        cuda.syncthreads()
        v = of_warps[0]
        for warp in range(1, warps):
            v = join(v, of_warps[warp])
        return v

    return in_warp if size == WARP else in_block


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines along an axis of an array.

    Attributes:
        shape: the array's shape.
        axis: the axis.
        order: its axes as they lie in memory, from the slowest to the quickest.
        count: how many lines there are.
        n: how long they are.
        inner: how far a line's neighbours are apart.
    """

    shape: Shape
    axis: int
    order: tuple[int, ...]
    count: int
    n: int
    inner: int

    def flat(self, a: DeviceArray) -> DeviceArray:
        """An array of the same shape, in one piece and in this order."""
        return contiguous(a.view_as(*_ordered(a.shape, a.strides, self.order)))

    def empty(self, like: DeviceArray, dtype: Any = None) -> DeviceArray:
        """A new array of the shape, lying in this order, of another array's dtype if none is given."""
        return _empty(self.shape, self.order, like, np.dtype(dtype or like.dtype))

    @property
    def _order_of_lines(self) -> tuple[int, ...]:
        """The other axes in this order, counted without the axis."""
        return tuple(k - (k > self.axis) for k in self.order if k != self.axis)

    def per_line(self, a: DeviceArray) -> DeviceArray:
        """An array of one number a line, in one piece and in the lines' order."""
        return contiguous(a.view_as(*_ordered(a.shape, a.strides, self._order_of_lines)))

    def empty_per_line(self, like: DeviceArray) -> DeviceArray:
        """A new array of one number a line, lying in the lines' order."""
        shape = (*self.shape[: self.axis], *self.shape[self.axis + 1 :])
        return _empty(shape, self._order_of_lines, like, like.dtype)

    @property
    def team(self) -> int:
        """How many threads take a line."""
        if self.inner > 1 or (self.n <= TINY and self.count >= MANY):
            return 1
        return WARP if self.n <= SHORT else THREADS

    def launch(self, kernel: Kernel, team: int, *arrays: DeviceArray) -> None:
        """Launch a kernel whose last arguments are the number of lines, their length, and `inner`."""
        kernel[ceil_div(self.count * team, THREADS), THREADS](*arrays, self.count, self.n, self.inner)


def _ordered(shape: Shape, strides: Shape, order: tuple[int, ...]) -> tuple[Shape, Shape]:
    """A shape and its strides with the axes in another order."""
    return tuple(shape[k] for k in order), tuple(strides[k] for k in order)


def _empty(shape: Shape, order: tuple[int, ...], like: DeviceArray, dtype: np.dtype[Any]) -> DeviceArray:
    """A new array on another's device, whose axes lie in this order in memory."""
    steps = dict(zip(order, row_major([shape[k] for k in order], dtype.itemsize), strict=True))
    piece = memory.allocate(math.prod(shape) * dtype.itemsize, like.memory.device)
    return DeviceArray(piece, shape, dtype, tuple(steps[k] for k in range(len(shape))))


def lines_of(x: DeviceArray, axis: int) -> Lines:
    """The lines of an array along an axis, as it lies, or along the last of a row-major order."""
    if not x.ndim:
        return Lines((), 0, (), 1, 1, 1)
    axis %= x.ndim
    found = _lines(x.shape, memory_order(x)[1], axis)
    if found.inner > 1 and found.count < MANY and found.n > WARP:
        return lines_in_pieces(x, axis)
    return found


def lines_in_pieces(x: DeviceArray, axis: int) -> Lines:
    """The lines of an array along an axis that is brought to the end: each line in one piece."""
    return _lines(x.shape, (*(k for k in range(x.ndim) if k != axis), axis), axis)


def lines_side_by_side(x: DeviceArray, axis: int) -> Lines:
    """The lines of an array along an axis that is brought to the front: a thread a line, neighbours beside each other."""
    axis %= max(x.ndim, 1)
    return _lines(x.shape, (axis, *(k for k in range(x.ndim) if k != axis)), axis)


def _lines(shape: Shape, order: tuple[int, ...], axis: int) -> Lines:
    n = shape[axis]
    inner = math.prod(shape[k] for k in order[order.index(axis) + 1 :])
    return Lines(shape, axis, order, math.prod(shape) // n if n else 0, n, inner)


def words_of(x: DeviceArray) -> tuple[str, str]:
    """The dtype of an array's floats, and that in which kernels compute with them."""
    return x.dtype.name, carrier(x.dtype.name)
