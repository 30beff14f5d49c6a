"""The words of the kernel language, as the simulator understands them: Numba's names, with one thread at a time behind them.

A value read from an array of float32 is a NumPy float32 and rounds as a GPU's does; division by zero gives an infinity.
Local arrays begin as NaN, and so do shared ones, so that what was read before it was written shows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from . import scheduler
from .errors import SimulationError
from .observed import Observed
from .places import place_of
from .scheduler import Dim3, Thread

WARP = 32


class _Shared:
    @staticmethod
    def array(shape: int, dtype: Any, alignment: int = 0) -> Any:
        """The block's array of this line of the kernel, made for the first thread that comes to it."""
        return scheduler.running().block.shared_array(place_of(sys._getframe(1)), shape, np.dtype(dtype), alignment)


class _Local:
    @staticmethod
    def array(shape: int, dtype: Any, alignment: int = 0) -> Any:
        """The thread's own array: registers, where the compiler can tell each index."""
        return scheduler.running().block.local_array(place_of(sys._getframe(1)), shape, np.dtype(dtype))


class Atomic:
    """Changes of an element that no other thread comes between. Each returns what it was."""

    @staticmethod
    def change(array: Any, index: int, to: Callable[[Any], Any]) -> Any:
        """Replace an element by what `to` makes of it."""
        if isinstance(array, Observed):
            return array.change(index, to)
        old = array[index]
        array[index] = to(old)
        return old

    def add(self, array: Any, index: int, value: Any) -> Any:
        """Add a value."""
        return self.change(array, index, lambda old: old + value)

    def max(self, array: Any, index: int, value: Any) -> Any:
        """Keep the larger of the element and a value; NaN counts as larger."""
        return self.change(array, index, lambda old: value if value > old or value != value else old)

    def min(self, array: Any, index: int, value: Any) -> Any:
        """Keep the smaller of the element and a value; NaN counts as smaller."""
        return self.change(array, index, lambda old: value if value < old or value != value else old)


def _vote(decide: Callable[[list[Any]], int]) -> Callable[[Any, Any], int]:
    def vote(self: Any, predicate: Any) -> int:
        thread = scheduler.running()
        thread.vote = bool(predicate)
        scheduler.wait("block", 2)
        return decide(thread.block.votes)

    return vote


def _exchange(source: Callable[[int, int], int]) -> Callable[..., Any]:
    def shuffle(self: Any, mask: int, value: Any, by: int) -> Any:
        thread = scheduler.running()
        lane, warp = thread.number % WARP, thread.block.exchange[thread.number // WARP]
        warp[lane] = value
        scheduler.wait("warp", 2, mask)
        wanted = source(lane, int(by))
        if 0 <= wanted < WARP:
            _check_lane(thread, wanted, mask)
            value = warp[wanted]
        scheduler.wait("warp", 2, mask)
        return value

    return shuffle


def _check_lane(thread: Thread, wanted: int, mask: int) -> None:
    """A shuffle reads from a lane that takes part in it."""
    number = thread.number - thread.number % WARP + wanted
    threads = thread.block.threads
    if number >= len(threads) or threads[number].has_ended or not mask >> wanted & 1:
        raise SimulationError(f"a shuffle reads from lane {wanted}, which takes no part in it")


class Cuda:
    """What `numba.cuda` is to a compiled kernel."""

    shared = _Shared()
    local = _Local()
    atomic = Atomic()

    @property
    def threadIdx(self) -> Dim3:
        return scheduler.running().index

    @property
    def blockIdx(self) -> Dim3:
        return scheduler.running().block.index

    @property
    def blockDim(self) -> Dim3:
        return scheduler.running().block.dim

    @property
    def gridDim(self) -> Dim3:
        return scheduler.running().block.grid

    @property
    def laneid(self) -> int:
        return scheduler.running().number % WARP

    def grid(self, ndim: int) -> int:
        """The thread's number in the whole grid; for one axis."""
        t = scheduler.running()
        return t.block.index.x * t.block.dim.x + t.index.x

    def gridsize(self, ndim: int) -> int:
        """How many threads the whole grid has; for one axis."""
        block = scheduler.running().block
        return block.grid.x * block.dim.x

    def syncthreads(self) -> None:
        scheduler.wait("block", 2)

    def syncwarp(self, mask: int = scheduler.FULL) -> None:
        scheduler.wait("warp", 2, mask)
        scheduler.running().met += 1

    syncthreads_or = _vote(lambda votes: int(any(votes)))
    syncthreads_and = _vote(lambda votes: int(all(votes)))
    syncthreads_count = _vote(sum)
    shfl_sync = _exchange(lambda lane, by: by)
    shfl_xor_sync = _exchange(lambda lane, by: lane ^ by)
    shfl_down_sync = _exchange(lambda lane, by: lane + by)
    shfl_up_sync = _exchange(lambda lane, by: lane - by)


class _Math:
    """The functions of Python's `math`, in the dtype of what they are given, with infinities and NaN instead of errors."""

    pi = np.pi
    e = np.e
    inf = np.inf
    nan = np.nan

    def __getattr__(self, name: str) -> Any:
        special = {"erf", "erfc", "gamma", "lgamma"}
        names = {"pow": "power", "lgamma": "gammaln", "asin": "arcsin", "acos": "arccos", "atan": "arctan"}
        names |= {"atan2": "arctan2", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh"}
        if name in special:
            import scipy.special as source
        else:
            source = np
        function = getattr(source, names.get(name, name))
        setattr(self, name, function)
        return function


cuda = Cuda()
math = _Math()
float16, float32, float64 = np.float16, np.float32, np.float64
int8, uint8, int32, uint32, int64, uint64 = np.int8, np.uint8, int, int, int, int
__all__ = [
    "Thread",
    "cuda",
    "float16",
    "float32",
    "float64",
    "int8",
    "int32",
    "int64",
    "math",
    "uint8",
    "uint32",
    "uint64",
]
