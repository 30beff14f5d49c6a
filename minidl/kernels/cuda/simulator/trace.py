"""Who touched what: a kernel's run on NumPy arrays, with every access to memory noted.

    from minidl.kernels.cuda.simulator.trace import trace

    run = trace(kernel, grid=(2, 2), block=(16, 16), args=(a, b, c, 32, 32, 32))   # c holds the result
    for access in run.of(array="a", action="read", block=(0, 0, 0), step=0):
        print(access.thread, access.first, access.width, access.line)

A *step* is what a block does between two barriers: step 0 ends at the first `cuda.syncthreads()`. Within a step the threads
of a real GPU run in any order, and the figures show them at once. What the 32 threads of a warp access by one instruction
together is a `WarpAccess` (`run.together()`); `traffic.py` counts its shared-memory conflicts and its memory sectors.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..compiler.intrinsics import Intrinsic
from . import scheduler
from .observed import Observed, Observer
from .places import Place, place_of
from .scheduler import WARP, Dim3
from .words import Atomic

if TYPE_CHECKING:
    from ..compiler.language import Kernel
    from .scheduler import Block


class Access(NamedTuple):
    """One thread reads or writes neighbouring elements of an array, by one instruction.

    Attributes:
        block: the block's position in the grid, (x, y, z).
        thread: the thread's position in its block, (x, y, z).
        number: the same counted in one row, x fastest; 32 in a row are a warp.
        step: how many barriers (`cuda.syncthreads()`) its block had passed.
        array: the array's name: the parameter's, or the variable's of a shared or local array.
        first: its first element.
        width: how many elements: 1, or 4 of `load4`, `store4` and `copy16`.
        action: "read", "write", or "atomic". A write by `copy16` or `copy4` is noted when it was waited for, with the line
            that began it.
        line: the line in the kernel's file; in that of the function that it calls, for a `@device` function elsewhere.
        site: which access of the kernel's text it is: one number for each place, also where a line has several.
        turn: the how manieth time in this step that the thread has come to this place, from 0.
    """

    block: Dim3
    thread: Dim3
    number: int
    step: int
    array: str
    first: int
    width: int
    action: str
    line: int
    site: int
    turn: int

    @property
    def warp(self) -> int:
        """The warp's number in its block."""
        return self.number // WARP

    @property
    def lane(self) -> int:
        """The thread's number in its warp."""
        return self.number % WARP

    @property
    def elements(self) -> range:
        """All elements it touches."""
        return range(self.first, self.first + self.width)


@dataclass(frozen=True, slots=True)
class ArrayInfo:
    """An array of a traced kernel.

    Attributes:
        name: the parameter's name, or the variable's.
        space: "global", "shared" or "local".
        size: how many elements it has.
        dtype: what they are.
        address: where it begins, in bytes: in its block's shared memory, or in the device's memory, at a multiple of 512.
    """

    name: str
    space: str
    size: int
    dtype: np.dtype[Any]
    address: int


class WarpAccess(NamedTuple):
    """What the threads of one warp access by one instruction together.

    Attributes:
        block, warp, step, array, action, line, site, turn: as of an `Access`.
        accesses: one for each thread that takes part, by lane.
    """

    block: Dim3
    warp: int
    step: int
    array: str
    action: str
    line: int
    site: int
    turn: int
    accesses: tuple[Access, ...]


@dataclass
class Trace:
    """A traced run.

    Attributes:
        kernel: what ran.
        grid: how many blocks, (x, y, z).
        block: how many threads a block, (x, y, z).
        arrays: each array by name; a shared one is there once, though every block has its own.
        accesses: all of them, in the order of the simulation: block after block, and in each step thread after thread.
        steps: for each block that ran, how many steps it took: the barriers and one.
    """

    kernel: Kernel
    grid: Dim3
    block: Dim3
    arrays: dict[str, ArrayInfo] = field(default_factory=dict)
    accesses: list[Access] = field(default_factory=list)
    steps: dict[Dim3, int] = field(default_factory=dict)

    def of(
        self,
        *,
        array: str | None = None,
        space: str | None = None,
        action: str | None = None,
        block: Sequence[int] | None = None,
        thread: Sequence[int] | None = None,
        warp: int | None = None,
        step: int | None = None,
        line: int | None = None,
    ) -> list[Access]:
        """The accesses that fit all that is given, in order; `block` and `thread` are (x, y, z)."""
        wanted: list[Callable[[Access], bool]] = []
        for name, value in (("array", array), ("action", action), ("step", step), ("line", line), ("warp", warp)):
            if value is not None:
                wanted.append(lambda a, name=name, value=value: getattr(a, name) == value)  # type: ignore[misc]
        for name, place in (("block", block), ("thread", thread)):
            if place is not None:
                wanted.append(lambda a, name=name, place=tuple(place): getattr(a, name) == place)  # type: ignore[misc]
        if space is not None:
            names = {info.name for info in self.arrays.values() if info.space == space}
            wanted.append(lambda a: a.array in names)
        return [a for a in self.accesses if all(fits(a) for fits in wanted)]

    @cached_property
    def _together(self) -> list[WarpAccess]:
        groups: defaultdict[tuple[Any, ...], list[Access]] = defaultdict(list)
        for a in self.accesses:
            groups[a.block, a.warp, a.step, a.array, a.action, a.line, a.site, a.turn].append(a)
        together = []
        for (block, warp, step, array, action, line, site, turn), found in groups.items():
            lanes = tuple(sorted(found, key=lambda a: a.number))
            together.append(WarpAccess(block, warp, step, array, action, line, site, turn, lanes))
        return together

    def together(self, *, space: str | None = None, array: str | None = None) -> list[WarpAccess]:
        """What each warp accesses at once, in order.

        Threads go together that come to the same place in the text the same number of times in a step. Where some of a
        warp's threads skip turns of a loop, this may pair turns that a GPU would not.
        """
        return [
            w
            for w in self._together
            if (array is None or w.array == array) and (space is None or self.arrays[w.array].space == space)
        ]

    def source(self) -> tuple[int, list[str]]:
        """The kernel's text: the number of its first line, and its lines."""
        import inspect

        lines, first = inspect.getsourcelines(self.kernel.function)
        return first, [line.rstrip("\n") for line in lines]


def trace(
    kernel: Kernel,
    grid: int | Sequence[int],
    block: int | Sequence[int],
    args: Sequence[Any],
    *,
    spaces: Collection[str] = ("global", "shared"),
    blocks: Collection[Sequence[int]] | None = None,
) -> Trace:
    """Run a kernel on NumPy arrays and note every access.

    Args:
        kernel: any kernel.
        grid: how many blocks: a number, or up to three.
        block: how many threads a block has, likewise.
        args: for each array a contiguous NumPy array of the right dtype, of any shape, into which the results go; for each
            number a number.
        spaces: whose arrays are noted: "global", "shared", and "local", which a compiler keeps in registers.
        blocks: the positions (x, y, z) of the blocks that run; all of them if None. One block of a large grid is traced fast.

    Raises:
        SimulationError: the kernel does something wrong.
        TypeError: an argument does not fit.
    """
    from ..runtime.launching import three

    given = [_on_device(p.name, p.dtype, a) if p.is_array else a for p, a in zip(kernel.parameters, args, strict=True)]
    recorder = Recorder(kernel, Dim3(*three(grid)), Dim3(*three(block)), spaces)
    chosen = None if blocks is None else {three(b) for b in blocks}
    with scheduler.observed_by(recorder):
        scheduler.run(kernel, recorder.trace.grid, recorder.trace.block, given, chosen)
    for parameter, mine, theirs in zip(kernel.parameters, given, args, strict=True):
        if parameter.is_array:
            np.copyto(theirs.reshape(-1), mine)
    return recorder.trace


def _on_device(name: str, dtype: np.dtype[Any], array: Any) -> np.ndarray[Any, Any]:
    """A copy that begins where an allocation on a device would."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(
            f"{name} is a contiguous NumPy array of {dtype}, got {getattr(array, 'dtype', type(array).__name__)}"
        )
    raw = np.empty(array.nbytes + 512, np.uint8)
    start = -raw.ctypes.data % 512
    out = raw[start : start + array.nbytes].view(dtype)
    out[:] = array.reshape(-1)
    return out


class Recorder(Observer):
    """Notes all accesses into a `Trace`."""

    def __init__(self, kernel: Kernel, grid: Dim3, block: Dim3, spaces: Collection[str]) -> None:
        self.trace = Trace(kernel, grid, block)
        self.spaces = tuple(spaces)
        self._code = kernel.function.__code__
        self._sites: dict[tuple[Any, ...], int] = {}
        self._turns: defaultdict[tuple[Any, ...], int] = defaultdict(int)
        self._twin: FrameType | None = None

    def block(self, block: Block) -> None:
        """Begin to count anew."""
        self._turns.clear()
        self.trace.steps[block.index] = 1

    def barrier(self, block: Block) -> None:
        """Begin another step."""
        self.trace.steps[block.index] = block.step + 1

    def array(self, array: Observed) -> None:
        """Note what it is."""
        info = ArrayInfo(array.name, array.space, array.size, array.dtype, array.address)
        self.trace.arrays.setdefault(array.name, info)

    def access(self, array: Observed, index: int, action: str, value: Any) -> None:
        """Note it; what one intrinsic touches is put together."""
        twin, line, site = self._place(action)
        accesses = self.trace.accesses
        if twin is not None and twin is self._twin and accesses:
            last = accesses[-1]
            if (last.array, last.first + last.width, last.action) == (array.name, index, action):
                accesses[-1] = last._replace(width=last.width + 1)
                return
        self._twin = twin
        self._note(array, index, 1, action, line, site)

    def copy_begins(self, array: Observed, first: int, count: int) -> Any:
        """Remember the line."""
        _, line, site = self._place("write")
        return line, site

    def copy_ends(self, array: Observed, first: int, count: int, begun: Any) -> None:
        """Note the write."""
        self._twin = None
        self._note(array, first, count, "write", *begun)

    def _note(self, array: Observed, first: int, count: int, action: str, line: int, site: int) -> None:
        thread = scheduler.running()
        block = thread.block
        key = (thread.number, block.step, site)
        turn = self._turns[key]
        self._turns[key] = turn + 1
        self.trace.accesses.append(
            Access(
                block.index,
                thread.index,
                thread.number,
                block.step,
                array.name,
                int(first),
                count,
                action,
                line,
                site,
                turn,
            )
        )

    def _place(self, action: str) -> tuple[FrameType | None, int, int]:
        """The frame of the intrinsic that accesses, if any; the line of the kernel or of a function it calls; the site."""
        twin: FrameType | None = None
        line = 0
        path: list[Place] = []
        frame: FrameType | None = sys._getframe(3)
        while frame is not None:
            if frame.f_code in _INSTRUCTIONS:  # all that it calls stands for one instruction
                twin, line, path = frame, 0, []
            else:
                line = line or frame.f_lineno
                path.append(place_of(frame))
            if frame.f_code is self._code:
                break
            frame = frame.f_back
        return twin, line, self._sites.setdefault((action, *path), len(self._sites))


_INSTRUCTIONS = {f.__code__ for f in (Intrinsic.__call__, Atomic.add, Atomic.max, Atomic.min)}
