"""Moving elements between arrays that lie differently, as they are or turned around: one thread an element.

A move copies bits, so that elements of one size have one kernel.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..array import DeviceArray, Shape
from ..compiler.intrinsics import quotient
from ..compiler.language import Kernel, ceil_div, cuda, int32, kernel
from ..runtime import memory
from ..runtime.layouts import numbers
from .copies import require_near
from .views import collapsed, spread

THREADS = 256
WORDS = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64"}
"""By an element's size, the words that are moved in its place."""


def words(x: DeviceArray) -> DeviceArray:
    """The array with its elements read as words."""
    return x.view_as(x.shape, x.strides, dtype=np.dtype(WORDS[x.itemsize]))


def in_elements(strides: Shape, x: DeviceArray) -> Shape:
    """An array's strides counted in elements, for kernels that walk along them in 32 bits.

    Raises:
        OverflowError: they reach too far, as those of a column of a table of 2³¹ numbers do.
    """
    require_near(x)
    return tuple(s // x.itemsize for s in strides)


@functools.cache
def _move(word: str) -> Kernel:
    @kernel(f"{word}[::1], {word}[::1], int32[::1], int32, int32", name=f"move_{word}", threads=THREADS, waits=False)
    def move(source: Any, target: Any, lying: Any, ndim: int, count: int) -> None:
        """target[there] = source[here] for each of `count` places; `lying`: the lengths, then both arrays' strides."""
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < count:
            here, there, rest = int32(0), int32(0), int32(i)
            for axis in range(ndim - 1, -1, -1):
                length = lying[axis]
                left = quotient(rest, length)
                step = rest - left * length
                here = int32(here + step * lying[ndim + axis])
                there = int32(there + step * lying[2 * ndim + axis])
                rest = left
            target[there] = source[here]

    return move


def move(source: DeviceArray, target: DeviceArray) -> None:
    """Write one array's elements, broadcast, into another's memory, both of one dtype and lying anyhow."""
    if not target.size:
        return
    source = spread(source, target.shape)
    if source.is_contiguous and target.is_contiguous:
        memory.copy_bytes(target, source)
        return
    lengths, here, there = collapsed(
        target.shape, in_elements(source.strides, source), in_elements(target.strides, target)
    )
    lying = numbers(target.memory.device, (*lengths, *here, *there))
    run = _move(WORDS[target.itemsize])[ceil_div(target.size, THREADS), THREADS]
    run(words(source), words(target), lying, len(lengths), target.size)


@functools.cache
def _turn(word: str) -> Kernel:
    @kernel(f"{word}[::1], {word}[::1], int32[::1], int32, int32", name=f"turn_{word}", threads=THREADS, waits=False)
    def turn(source: Any, target: Any, lying: Any, ndim: int, count: int) -> None:
        """Place c of an axis of n is read at (first + sign·c) mod n: flipped where sign is −1, rolled where it is 1.

        `lying` holds the lengths, the source's strides, the firsts and the signs.
        """
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < count:
            here, rest = int32(0), int32(i)
            for axis in range(ndim - 1, -1, -1):
                length = lying[axis]
                left = quotient(rest, length)
                c = lying[2 * ndim + axis] + lying[3 * ndim + axis] * (rest - left * length)
                if c >= length:
                    c -= length
                here = int32(here + c * lying[ndim + axis])
                rest = left
            target[i] = source[here]

    return turn


def _turned(x: DeviceArray, firsts: Sequence[int], signs: Sequence[int]) -> DeviceArray:
    out = memory.empty(x.shape, x.dtype, x.memory.device)
    if x.size:
        lying = numbers(x.memory.device, (*x.shape, *in_elements(x.strides, x), *firsts, *signs))
        _turn(WORDS[x.itemsize])[ceil_div(x.size, THREADS), THREADS](words(x), words(out), lying, x.ndim, x.size)
    return out


def flip(x: DeviceArray, axis: Shape | int) -> DeviceArray:
    """A copy in the opposite order along the axes."""
    turned = {a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis)}
    firsts = [n - 1 if a in turned else 0 for a, n in enumerate(x.shape)]
    return _turned(x, firsts, [-1 if a in turned else 1 for a in range(x.ndim)])


def roll(x: DeviceArray, shift: Any, axis: Any) -> DeviceArray:
    """A copy in which each element stands `shift` places later along the axis; those behind the end come in front."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    shifts = (shift,) * len(axes) if isinstance(shift, int) else tuple(shift)
    firsts = [0] * x.ndim
    for a, by in zip(axes, shifts, strict=True):
        firsts[a] = (firsts[a] - by) % max(x.shape[a], 1)
    return _turned(x, firsts, [1] * x.ndim)


def zeros(shape: Shape, like: DeviceArray) -> DeviceArray:
    """Zeros of a shape and another array's dtype, in memory as that one lies where it has as many axes.

    So padded images stay channels last.
    """
    order = list(range(len(shape)))
    if like.ndim == len(shape) and not like.is_contiguous:
        order.sort(key=lambda a: (-like.strides[a], a))
    out = memory.empty([shape[a] for a in order], like.dtype, like.memory.device)
    memory.fill_zeros(out)
    back = sorted(range(len(order)), key=order.__getitem__)
    return out.view_as(shape, tuple(out.strides[a] for a in back))


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    return [make(word) for word in ("uint8", "uint32", "uint64") for make in (_move, _turn)]
