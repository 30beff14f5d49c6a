"""Threads that take turns: a block's threads run one after the other, each until it waits for the others or ends.

One after the other is one of the orders that a GPU may take, and always the same here. What a GPU would let pass, and
sometimes go wrong by, is an error: threads that wait at different lines, or for a thread that has ended. What depends on
the order, `races.py` finds.
"""

from __future__ import annotations

import contextvars
import itertools
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .errors import SimulationError
from .observed import Observed, Observer
from .places import Place, variable

if TYPE_CHECKING:
    from ..compiler.language import Kernel

WARP = 32
FULL = 0xFFFFFFFF
SHARED_BYTES = 48 * 1024
"""The shared memory that a block may have on every device without asking for more."""


class Dim3(NamedTuple):
    """A position or a size along three axes."""

    x: int
    y: int
    z: int


class Thread:
    """One thread of the block that runs.

    Attributes:
        index: its position in the block.
        number: the same, counted in one row; 32 in a row make a warp.
        block: its block.
        waiting: for whom it waits: "", "block" or "warp".
        line: where.
        mask: the lanes of the warp for which it waits.
        vote: what it said at the last vote.
        met: how often it has met its warp at `cuda.syncwarp()`.
        copies: its copies under way, oldest first, each a list of functions that carry them out.
    """

    __slots__ = ("block", "copies", "greenlet", "index", "line", "mask", "met", "number", "vote", "waiting")

    def __init__(self, index: Dim3, number: int, block: Block) -> None:
        self.index, self.number, self.block = index, number, block
        self.waiting, self.line, self.vote, self.mask = "", 0, False, FULL
        self.met = 0
        self.copies: list[list[Callable[[], None]]] = [[]]
        self.greenlet: Any = None

    @property
    def has_ended(self) -> bool:
        """Whether it has left the kernel."""
        return self.greenlet is None or bool(self.greenlet.dead)


class Block:
    """A block of threads, and what they share.

    Attributes:
        step: how many barriers of the whole block it has passed.
        shared: its shared arrays, by the place in the kernel that made them.
        misplaced: by how many bytes an array begins behind a multiple of 16, by the array's identity, if it does.
    """

    def __init__(self, kernel: Kernel, index: Dim3, dim: Dim3, grid: Dim3, misplaced: dict[int, int]) -> None:
        self.index, self.dim, self.grid = index, dim, grid
        self.doubles = kernel.doubles
        self.step = 0
        self.shared: dict[Any, Any] = {}
        self.shared_bytes = 0
        self.misplaced = dict(misplaced)
        positions = itertools.product(range(dim.z), range(dim.y), range(dim.x))
        self.threads = [Thread(Dim3(x, y, z), i, self) for i, (z, y, x) in enumerate(positions)]
        warps = -(-len(self.threads) // WARP)
        self.exchange: list[list[Any]] = [[None] * WARP for _ in range(warps)]
        self.votes: list[bool] = []

    def shared_array(self, place: Place, size: int, dtype: np.dtype[Any], alignment: int) -> Any:
        """The block's array for a place in the kernel.

        Raises:
            SimulationError: the block's arrays take more than 48 KB.
        """
        if place not in self.shared:
            begins = -(-self.shared_bytes // 16) * 16
            self.shared_bytes = begins + size * dtype.itemsize
            if self.shared_bytes > SHARED_BYTES:
                raise SimulationError(f"{self.shared_bytes} bytes of shared memory; a block has {SHARED_BYTES}")
            array = _watched(fresh(size, dtype, self.doubles), place, "shared", dtype, begins)
            self.shared[place] = array
            if alignment % 16 or not alignment:  # a compiler may put it anywhere that suits its elements
                self.misplaced[id(array)] = max(alignment, dtype.itemsize)
        return self.shared[place]

    def local_array(self, place: Place, size: int, dtype: np.dtype[Any]) -> Any:
        """A new array of a thread."""
        if self.doubles:
            data: Any = [float("nan") if dtype.kind == "f" else None] * size
        else:
            data = fresh(size, dtype, False)
        return _watched(data, place, "local", dtype, 0)


def fresh(size: int, dtype: np.dtype[Any], doubles: bool) -> Any:
    """Memory that nobody has written to: NaN, or a large negative number."""
    array = np.empty(size, dtype)
    array.fill(np.nan if dtype.kind == "f" else 0 if dtype.kind in "ub" else np.iinfo(dtype).min)
    return in_doubles(array) if doubles else array


def in_doubles(array: Any) -> Any:
    """An array whose elements are read as Python's floats and ints, which compute five times as fast as NumPy's scalars."""
    return memoryview(array.data) if array.size and array.dtype.kind != "b" and array.dtype != np.float16 else array


# Who watches --------------------------------------------------------------------------------------------------------------

_lock = threading.RLock()
_running: list[Thread] = []
_observers: list[Observer] = []


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Tell an observer of all accesses of the kernels that run within."""
    with _lock:
        _observers.append(observer)
        try:
            yield
        finally:
            _observers.remove(observer)


def _watched(data: Any, place: Place, space: str, dtype: np.dtype[Any], address: int) -> Any:
    """The array, or if somebody wants to know of its accesses one that tells."""
    if not _observers or space not in _observers[-1].spaces:
        return data
    return Observed(data, variable(place), space, dtype, address, _observers[-1])


def _arguments(kernel: Kernel, args: Sequence[Any]) -> list[Any]:
    """A kernel's arguments as its function gets them."""
    observer = _observers[-1] if _observers else None
    if observer is not None:
        observer.launch(kernel)
    found = []
    for parameter, given in zip(kernel.parameters, args, strict=True):
        value = in_doubles(given) if kernel.doubles and parameter.is_array else given
        if observer is not None and parameter.is_array and "global" in observer.spaces:
            value = Observed(value, parameter.name, "global", given.dtype, given.ctypes.data, observer)
        found.append(value)
    return found


# Waiting ------------------------------------------------------------------------------------------------------------------


def running() -> Thread:
    """The thread whose turn it is.

    Raises:
        SimulationError: no kernel runs.
    """
    if not _running:
        raise SimulationError("this word is for kernels, and none runs here")
    return _running[-1]


def check_alignment(array: Any, offset: int, count: int) -> None:
    """What is read or written by one instruction begins at a multiple of its size.

    Raises:
        SimulationError: it does not.
    """
    nbytes = min(count * array.itemsize, 16)
    if (running().block.misplaced.get(id(array), 0) + offset * array.itemsize) % nbytes:
        raise SimulationError(
            f"{nbytes} bytes are read or written together from element {offset}, which does not lie at a multiple of {nbytes}"
        )


def wait(whom: str, depth: int = 1, mask: int = FULL) -> None:
    """Let the others run until all of the block, or of the warp's lanes in the mask, have come here.

    Raises:
        SimulationError: the kernel said that it does not wait, or the thread is not among those for whom it waits.
    """
    thread = running()
    if thread.greenlet is None:
        raise SimulationError("a kernel that says waits=False waits")
    if not mask >> (thread.number % WARP) & 1:
        raise SimulationError(f"lane {thread.number % WARP} waits for the lanes {mask:#x}, of which it is none")
    thread.waiting, thread.line, thread.mask = whom, sys._getframe(depth).f_lineno, mask
    thread.greenlet.parent.switch()


def run(
    kernel: Kernel,
    grid: Sequence[int],
    block: Sequence[int],
    args: Sequence[Any],
    blocks: Collection[tuple[int, int, int]] | None = None,
) -> None:
    """Run a kernel on NumPy arrays: block after block, and in each block thread after thread.

    Args:
        kernel: the kernel.
        grid: the number of blocks, (x, y, z).
        block: the number of threads in a block, (x, y, z).
        args: one-dimensional arrays and numbers.
        blocks: the positions of the blocks that run; all of them if None.

    Raises:
        SimulationError: the kernel does something wrong.
    """
    size, dim = Dim3(*grid), Dim3(*block)
    with _lock, np.errstate(all="ignore"):
        given = _arguments(kernel, args)
        starts = {id(g): a.ctypes.data % 16 for g, a in zip(given, args, strict=True) if isinstance(a, np.ndarray)}
        misplaced = {key: start for key, start in starts.items() if start}
        for z, y, x in itertools.product(range(size.z), range(size.y), range(size.x)):
            if blocks is None or (x, y, z) in blocks:
                one = Block(kernel, Dim3(x, y, z), dim, size, misplaced)
                if _observers:
                    _observers[-1].block(one)
                (_run_together if kernel.waits else _run_apart)(kernel, one, given)


def _run_apart(kernel: Kernel, block: Block, args: Sequence[Any]) -> None:
    function = kernel.function
    for thread in block.threads:
        _running.append(thread)
        try:
            function(*args)
        except Exception as error:
            raise _located(error, kernel, thread) from error
        finally:
            _running.pop()


def _run_together(kernel: Kernel, block: Block, args: Sequence[Any]) -> None:
    import greenlet

    scheduler = greenlet.getcurrent()
    for thread in block.threads:
        thread.greenlet = greenlet.greenlet(lambda: kernel.function(*args), scheduler)
        thread.greenlet.gr_context = contextvars.copy_context()  # which holds how NumPy takes a division by zero
    alive = block.threads
    try:
        while alive:
            for thread in alive:
                if not thread.waiting:
                    _switch_to(thread, kernel)
            alive = [t for t in alive if not t.greenlet.dead]
            if alive:
                _release(alive, block, kernel)
    finally:
        for thread in block.threads:
            if not thread.greenlet.dead:
                thread.greenlet.throw()


def _switch_to(thread: Thread, kernel: Kernel) -> None:
    _running.append(thread)
    try:
        thread.greenlet.switch()
    except Exception as error:
        raise _located(error, kernel, thread) from error
    finally:
        _running.pop()


def _located(error: Exception, kernel: Kernel, thread: Thread) -> SimulationError:
    """The error with the thread and the kernel's line that made it."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is kernel.function.__code__:
            line = trace.tb_lineno
        trace = trace.tb_next
    what = str(error) if isinstance(error, SimulationError) else f"{type(error).__name__}: {error}"
    where = f"block {tuple(thread.block.index)}, thread {tuple(thread.index)}, line {line}"
    return SimulationError(f"{kernel.name}, {where}: {what}")


def _release(alive: list[Thread], block: Block, kernel: Kernel) -> None:
    """Let those go on for whom everybody has come."""
    together = [met for warp in _warps(alive) for met in _meetings(warp, kernel)]
    for thread in itertools.chain.from_iterable(together):
        thread.waiting = ""
    if together:
        return
    lines = {t.line for t in alive}
    if any(t.waiting != "block" for t in alive):
        raise SimulationError(
            f"{kernel.name}: some threads wait for their block, others of the same warp for the warp, at lines {sorted(lines)}"
        )
    if len(alive) < len(block.threads):
        raise SimulationError(
            f"{kernel.name}: {len(alive)} of {len(block.threads)} threads wait at line {min(lines)} for threads that have ended"
        )
    if len(lines) > 1:
        raise SimulationError(f"{kernel.name}: the threads of a block wait at different lines: {sorted(lines)}")
    block.votes = [t.vote for t in block.threads]
    block.step += 1
    if _observers:
        _observers[-1].barrier(block)
    for thread in alive:
        thread.waiting = ""


def _warps(alive: list[Thread]) -> list[list[Thread]]:
    warps: dict[int, list[Thread]] = {}
    for thread in alive:
        warps.setdefault(thread.number // WARP, []).append(thread)
    return list(warps.values())


def _meetings(warp: list[Thread], kernel: Kernel) -> Iterator[list[Thread]]:
    """The groups of a warp's threads that wait for each other and are all there; those that have ended are not waited for."""
    for mask in {t.mask for t in warp if t.waiting == "warp"}:
        group = [t for t in warp if mask >> (t.number % WARP) & 1]
        if any(t.waiting != "warp" or t.mask != mask for t in group):
            continue
        if len({t.line for t in group}) > 1:
            raise SimulationError(
                f"{kernel.name}: threads of a warp wait at different lines: {sorted({t.line for t in group})}"
            )
        yield group
