"""Threads that take turns: a block's threads run one after the other, each until it waits for the others or ends.

One after the other is one of the orders that a GPU may take, and always the same here. What a GPU would let pass, and
sometimes go wrong by, is an error: threads that wait at different lines, or for a thread that has ended.
"""

from __future__ import annotations

import contextvars
import itertools
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ....errors import DeviceError

WARP = 32


class Dim3(NamedTuple):
    """A position or a size along three axes."""

    x: int
    y: int
    z: int


class SimulationError(DeviceError):
    """What a kernel did wrong, with the thread that did it."""


class Thread:
    """One thread of the block that runs.

    Attributes:
        index: its position in the block.
        number: the same, counted in one row; 32 in a row make a warp.
        block: its block.
        waiting: for whom it waits: "", "block" or "warp".
        line: where.
        vote: what it said at the last vote.
        copies: its copies under way, oldest first, each a list of functions that carry them out.
    """

    __slots__ = ("block", "copies", "greenlet", "index", "line", "number", "vote", "waiting")

    def __init__(self, index: Dim3, number: int, block: Block) -> None:
        self.index, self.number, self.block = index, number, block
        self.waiting, self.line, self.vote = "", 0, False
        self.copies: list[list[Callable[[], None]]] = [[]]
        self.greenlet: Any = None


class Block:
    """A block of threads, and what they share."""

    def __init__(self, index: Dim3, dim: Dim3, grid: Dim3, doubles: bool) -> None:
        self.index, self.dim, self.grid = index, dim, grid
        self.doubles = doubles
        self.shared: dict[Any, Any] = {}
        positions = itertools.product(range(dim.z), range(dim.y), range(dim.x))
        self.threads = [Thread(Dim3(x, y, z), i, self) for i, (z, y, x) in enumerate(positions)]
        self.exchange: list[list[Any]] = [[None] * WARP for _ in range(-(-len(self.threads) // WARP))]
        self.votes: list[bool] = []

    def shared_array(self, key: Any, size: int, dtype: np.dtype[Any]) -> Any:
        """The block's array for a place in the kernel."""
        if key not in self.shared:
            self.shared[key] = fresh(size, dtype, self.doubles)
        return self.shared[key]

    def local_array(self, size: int, dtype: np.dtype[Any]) -> Any:
        """A new array of a thread."""
        if self.doubles:
            return [float("nan") if dtype.kind == "f" else None] * size
        return fresh(size, dtype, False)


def fresh(size: int, dtype: np.dtype[Any], doubles: bool) -> Any:
    """Memory that nobody has written to: NaN, or a large negative number."""
    array = np.empty(size, dtype)
    array.fill(np.nan if dtype.kind == "f" else 0 if dtype.kind in "ub" else np.iinfo(dtype).min)
    return in_doubles(array) if doubles else array


def in_doubles(array: Any) -> Any:
    """An array whose elements are read as Python's floats and ints, which compute five times as fast as NumPy's scalars."""
    return memoryview(array.data) if array.size and array.dtype.kind != "b" and array.dtype != np.float16 else array


_lock = threading.RLock()
_running: list[Thread] = []


def running() -> Thread:
    """The thread whose turn it is.

    Raises:
        SimulationError: no kernel runs.
    """
    if not _running:
        raise SimulationError("this word is for kernels, and none runs here")
    return _running[-1]


def wait(whom: str, depth: int = 1) -> None:
    """Let the others run until all of the block, or of the warp, have come here."""
    thread = running()
    if thread.greenlet is None:
        raise SimulationError("a kernel that says waits=False waits")
    frame = sys._getframe(depth)
    thread.waiting, thread.line = whom, frame.f_lineno
    thread.greenlet.parent.switch()


def run(
    function: Callable[..., None], grid: Sequence[int], block: Sequence[int], args: Sequence[Any], waits: bool, doubles: bool
) -> None:
    """Run a kernel: block after block, and in each block thread after thread.

    Raises:
        SimulationError: threads wait for each other wrongly.
    """
    size, dim = Dim3(*grid), Dim3(*block)
    if doubles:
        args = [in_doubles(a) if isinstance(a, np.ndarray) else a for a in args]
    with _lock, np.errstate(all="ignore"):
        for z, y, x in itertools.product(range(size.z), range(size.y), range(size.x)):
            one = Block(Dim3(x, y, z), dim, size, doubles)
            (_run_together if waits else _run_apart)(function, one, args)


def _run_apart(function: Callable[..., None], block: Block, args: Sequence[Any]) -> None:
    for thread in block.threads:
        _running.append(thread)
        try:
            function(*args)
        finally:
            _running.pop()


def _run_together(function: Callable[..., None], block: Block, args: Sequence[Any]) -> None:
    import greenlet

    scheduler = greenlet.getcurrent()
    for thread in block.threads:
        thread.greenlet = greenlet.greenlet(lambda: function(*args), scheduler)
        thread.greenlet.gr_context = contextvars.copy_context()  # which holds how NumPy takes a division by zero
    alive = block.threads
    try:
        while alive:
            for thread in alive:
                if not thread.waiting:
                    _running.append(thread)
                    try:
                        thread.greenlet.switch()
                    finally:
                        _running.pop()
            alive = [t for t in alive if not t.greenlet.dead]
            if alive:
                _release(alive, block)
    finally:
        for thread in block.threads:
            if not thread.greenlet.dead:
                thread.greenlet.throw()


def _release(alive: list[Thread], block: Block) -> None:
    """Let those go on for whom everybody has come."""
    warps: dict[int, list[Thread]] = {}
    for thread in alive:
        warps.setdefault(thread.number // WARP, []).append(thread)
    together = [w for w in warps.values() if all(t.waiting == "warp" for t in w)]
    for thread in itertools.chain.from_iterable(together):
        thread.waiting = ""
    if together:
        return
    lines = {t.line for t in alive}
    if any(t.waiting != "block" for t in alive):
        raise SimulationError(f"some threads wait for their block, others of the same warp for the warp, at lines {sorted(lines)}")
    if len(alive) < len(block.threads):
        raise SimulationError(
            f"{len(alive)} of {len(block.threads)} threads wait at line {min(lines)} for threads that have ended"
        )
    if len(lines) > 1:
        raise SimulationError(f"the threads of a block wait at different lines: {sorted(lines)}")
    block.votes = [t.vote for t in block.threads]
    for thread in alive:
        thread.waiting = ""
