"""The language that kernels are written in, and what a kernel is.

A kernel's module takes its words from here: `cuda.threadIdx`, `cuda.shared.array`, `float32`, … As they stand they are the
simulator's, so that any kernel can be run, stepped through and drawn as plain Python, with no GPU and no compiler. To
compile a kernel, the same function is given Numba's words of the same names (`compiling.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from types import FunctionType
from typing import Any

import numpy as np

from ..simulator.words import cuda, float16, float32, float64, int8, int32, int64, math, uint8, uint32, uint64

__all__ = [
    "Kernel",
    "cuda",
    "device",
    "float16",
    "float32",
    "float64",
    "int8",
    "int32",
    "int64",
    "kernel",
    "math",
    "uint8",
    "uint32",
    "uint64",
]

_NUMBERS = {
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
    "bool": "?",
}
"""A number's dtype in a signature, and how `struct` packs it."""

_ARRAY = "QQQQQQQ"
"""How Numba passes a one-dimensional array: two pointers for its owners, length, size of an element, address, length, step."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a kernel.

    Attributes:
        name: its name.
        dtype: the dtype of its elements, or its own.
        is_array: whether it is a one-dimensional, contiguous array.
    """

    name: str
    dtype: np.dtype[Any]
    is_array: bool


def parameters_of(function: FunctionType, signature: str) -> tuple[Parameter, ...]:
    """Read a signature such as `"float32[::1], float32[::1], int32"`.

    Raises:
        TypeError: it does not fit the function, or names something that no kernel takes.
    """
    parts = [part.strip() for part in signature.split(",")]
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    if len(parts) != len(names):
        raise TypeError(f"{function.__name__} takes {len(names)} arguments, its signature names {len(parts)}")
    found = []
    for name, part in zip(names, parts, strict=True):
        plain, is_array = part.removesuffix("[::1]"), part.endswith("[::1]")
        if not is_array and plain not in _NUMBERS:
            raise TypeError(
                f"{function.__name__}: {name} is {part!r}, neither a number nor an array such as float32[::1]"
            )
        found.append(Parameter(name, np.dtype(plain), is_array))
    return tuple(found)


@dataclass(eq=False)
class Kernel:
    """A function that many threads of a GPU run at once, and what the compiler must know of it.

    `kernel[grid, block](…)` launches it on the arrays' device, on the stream in use; see `launching`.

    Attributes:
        function: the Python function, in the simulator's words.
        signature: its arguments' types, such as `"float32[::1], int32"`; arrays are one-dimensional and contiguous.
        name: what tables and traces call it; functions that a factory makes with different constants get different names.
        threads: the most threads that a block will have.
        blocks: how many blocks a multiprocessor should hold at once; it bounds the registers of a thread. 0 leaves it open.
        fast_math: whether a·b + c may lose denormal numbers and a/b be off by two units in the last place.
        waits: whether its threads exchange values or wait for each other; else the simulator runs each by itself.
        doubles: whether the simulator may compute in doubles between loads and stores, which is five times as fast: for
            kernels that only add and multiply, as products of matrices do.
    """

    function: FunctionType
    signature: str
    name: str = ""
    threads: int = 256
    blocks: int = 0
    fast_math: bool = False
    waits: bool = True
    doubles: bool = False
    parameters: tuple[Parameter, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.name or self.function.__name__
        if not (self.name.isidentifier() and self.name.isascii()):
            raise TypeError(f"{self.name!r} is no name that machine code can have")
        self.__doc__ = self.function.__doc__
        self.parameters = parameters_of(self.function, self.signature)

    @cached_property
    def packing(self) -> struct.Struct:
        """How its arguments lie in memory, each aligned to its size, as a launch hands them over."""
        return struct.Struct("@" + "".join(_ARRAY if p.is_array else _NUMBERS[p.dtype.name] for p in self.parameters))

    def __getitem__(self, configuration: tuple[Any, ...]) -> Callable[..., None]:
        """`kernel[grid, block]` or `kernel[grid, block, stream]`: what launches it when it is called."""
        from ..runtime.launching import Launch

        return Launch(self, *configuration)

    def __repr__(self) -> str:
        return f"<kernel {self.name}({self.signature})>"


def kernel(
    signature: str,
    *,
    name: str = "",
    threads: int = 256,
    blocks: int = 0,
    fast_math: bool = False,
    waits: bool = True,
    doubles: bool = False,
) -> Callable[[Callable[..., None]], Kernel]:
    """Make a function a kernel; see `Kernel` for the arguments."""

    def make(function: Callable[..., None]) -> Kernel:
        assert isinstance(function, FunctionType)
        return Kernel(function, signature, name, threads, blocks, fast_math, waits, doubles)

    return make


def device(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function that kernels call. The compiler puts its text in the place of each call."""
    function.is_device_function = True  # type: ignore[attr-defined]
    return function


def ceil_div(a: int, b: int) -> int:
    """⌈a / b⌉."""
    return -(-a // b)
