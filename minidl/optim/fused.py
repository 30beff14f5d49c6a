"""Rules that exist as kernels too: one pass over the memory in the place of a dozen, and on the CPU the same bits."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..kernels import DeviceArray

Array = Any

LARGE = 16_384
"""From so many elements on it pays to load the kernels, which takes most of a second once."""

SHARED = 1 << 20
"""From so many elements on a parameter is divided among threads. Memory is the limit, not arithmetic: below, waiting for a
second thread costs more than it brings, on a machine that others use too a hundred times more."""

_kernels: Any = None


@dataclass(slots=True)
class Fused:
    """A rule with the kernel that computes the same; called, it is the plain rule.

    Attributes:
        plain: changes a block of a parameter in place, given it, its gradient and what is remembered of it.
        kernel: the kernel's name in `minidl.kernels.cpu.updates`, and in `minidl.kernels.cuda.updates`.
        memory: how many arrays of memory the kernel takes; those that are not needed are empty.
        numbers: the rule's numbers, in the kernel's order.
    """

    plain: Callable[..., None]
    kernel: str
    memory: int
    numbers: tuple[float, ...]
    _ready: dict[str, Array] = field(default_factory=dict)

    def __call__(self, p: Array, g: Array, *memory: Array) -> None:
        """Change a block as the plain rule does."""
        self.plain(p, g, *memory)

    def run(self, arrays: tuple[Array, ...], pulls: tuple[float, float, float]) -> None:
        """Run the kernel.

        Args:
            arrays: the parameter, its gradient, and what is remembered of it, as `wants_kernel` wants them.
            pulls: what every rule may do first: the gradient's sign, by what the parameter shrinks, the decay's part in
                the gradient. They are the same for all parameters that share the rule.
        """
        p, g, *memory = [array.reshape(-1) for array in arrays]
        if not g.flags.writeable:
            g = g.copy()  # for Numba memory that may not be written is another type, which it would compile for anew
        if len(memory) < self.memory:
            memory += [p[:0]] * (self.memory - len(memory))
        numbers = self._ready.get(p.dtype.char)
        if numbers is None:
            numbers = self._ready[p.dtype.char] = np.array((*pulls, *self.numbers), p.dtype)
        name = self.kernel if p.size < SHARED else f"{self.kernel}_on_threads"
        getattr(_loaded(), name)(p, g, *memory, numbers)

    def run_together(self, parameters: list[tuple[Array, ...]], pulls: tuple[float, float, float]) -> None:
        """Run the kernel of the GPU that all these parameters, of one dtype, are on: one launch for all of them."""
        updates = importlib.import_module("minidl.kernels.cuda.updates")
        updates.run(self.kernel, parameters, (*pulls, *self.numbers))


def wants_kernel(fused: bool | None, arrays: tuple[Array, ...]) -> bool:
    """Whether a parameter is to be changed by a kernel.

    Args:
        fused: the option: always, never, or where it pays.
        arrays: the parameter, its gradient, and what is remembered of it.
    """
    p, g, *memory = arrays
    if p.__class__ is DeviceArray:
        return fused is not False and p.dtype in _DTYPES and all(array.dtype == p.dtype for array in (g, *memory))
    if fused is False or (fused is None and _kernels is None and p.size < LARGE):
        return False
    dtype = p.dtype
    if dtype not in _DTYPES or g.dtype != dtype or not p.flags.c_contiguous:
        return False
    return not [array for array in memory if array.dtype != dtype or not array.flags.c_contiguous]


_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def _loaded() -> Any:
    global _kernels
    if _kernels is None:
        _kernels = importlib.import_module("minidl.kernels.cpu.updates")
    return _kernels
