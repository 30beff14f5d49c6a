"""Arrays that tell an observer of every access: how a run is traced (`trace.py`) and checked for races (`races.py`).

Nothing of this is in the way of an ordinary simulated launch, whose kernels read and write plain arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import SimulationError

if TYPE_CHECKING:
    from ..compiler.language import Kernel
    from .scheduler import Block

SPACES = ("global", "shared", "local")
"""Where an array can be: in the device's memory, in its block's, or a thread's own."""


class Observer:
    """What is told of a launch and of every access to its arrays; this one does not care."""

    spaces: Sequence[str] = SPACES
    """Arrays in which spaces are observed."""

    def launch(self, kernel: Kernel) -> None:
        """A kernel begins."""

    def block(self, block: Block) -> None:
        """A block begins."""

    def barrier(self, block: Block) -> None:
        """All threads of the block have met."""

    def array(self, array: Observed) -> None:
        """An array is there: an argument at the launch, a shared one when the block's first thread comes to it."""

    def access(self, array: Observed, index: int, action: str, value: Any) -> None:
        """The running thread reads, writes or (`"atomic"`) changes an element in one go. Called before it happens."""

    def copy_begins(self, array: Observed, first: int, count: int) -> Any:
        """The running thread begins an asynchronous copy into elements; what is returned comes back when it is done."""

    def copy_ends(self, array: Observed, first: int, count: int, begun: Any) -> None:
        """The running thread has waited for that copy: the elements are there for it."""


class Observed:
    """A one-dimensional array of a kernel, whose every access is checked and told.

    Attributes:
        data: the elements.
        name: the parameter's name, or the variable's of a shared or local array.
        space: one of `SPACES`.
        dtype: of its elements.
        address: where it begins, in the device's memory or in its block's shared memory, in bytes.
        written: for a shared or local array of integers, which elements hold a number; those of floats begin as NaN.
    """

    __slots__ = ("address", "data", "dtype", "name", "observer", "size", "space", "written")

    def __init__(
        self, data: Any, name: str, space: str, dtype: np.dtype[Any], address: int, observer: Observer
    ) -> None:
        self.data, self.name, self.space, self.dtype, self.address = data, name, space, dtype, address
        self.size = len(data)
        self.written = None if space == "global" or dtype.kind == "f" else bytearray(self.size)
        self.observer = observer
        observer.array(self)

    @property
    def shape(self) -> tuple[int]:
        """Its length."""
        return (self.size,)

    @property
    def itemsize(self) -> int:
        """The bytes of an element."""
        return self.dtype.itemsize

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Any:
        self._check(index)
        if self.written is not None and not self.written[index]:
            raise SimulationError(f"{self.name}[{index}] is read before anything was written there")
        self.observer.access(self, index, "read", None)
        return self.data[index]

    def __setitem__(self, index: int, value: Any) -> None:
        self._check(index)
        self.observer.access(self, index, "write", value)
        self._put(index, value)

    def change(self, index: int, to: Callable[[Any], Any]) -> Any:
        """Replace an element by what `to` makes of it, as one atomic action; returns what it was."""
        self._check(index)
        self.observer.access(self, index, "atomic", None)
        old = self.data[index]
        self._put(index, to(old))
        return old

    def copy_later(self, first: int, values: Sequence[Any]) -> Callable[[], None]:
        """Begin an asynchronous copy to elements; what is returned ends it."""
        self._check(first)
        self._check(first + len(values) - 1)
        begun = self.observer.copy_begins(self, first, len(values))

        def end() -> None:
            self.observer.copy_ends(self, first, len(values), begun)
            for i, value in enumerate(values):
                self._put(first + i, value)

        return end

    def _put(self, index: int, value: Any) -> None:
        self.data[index] = value
        if self.written is not None:
            self.written[index] = 1

    def _check(self, index: int) -> None:
        if not 0 <= index < self.size:
            raise SimulationError(f"{self.name}[{index}] is outside of its {self.size} elements")
