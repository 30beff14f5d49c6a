"""Races: two threads touch an element, one of them writes, and nothing says who comes first.

The simulator runs threads one after the other, so a kernel that forgets a barrier may compute the right numbers here and
wrong ones on a GPU, on some days. Under `without_races()` every access is compared with those before it:

- within a block, threads must meet at `cuda.syncthreads()` between them, or at `cuda.syncwarp()` if they are of one warp
  (shuffles exchange registers, and order nothing in memory);
- blocks never meet, so what one writes no other may touch;
- elements to which a `copy16` or `copy4` is under way belong to nobody until its thread has waited for it;
- atomic changes may meet each other, and two threads may write the same number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import scheduler
from .errors import SimulationError
from .observed import Observed, Observer
from .scheduler import WARP, Dim3, Thread

if TYPE_CHECKING:
    from ..compiler.language import Kernel
    from .scheduler import Block

_Place = tuple[str, int]
"""An element: in which space, at which address."""


@contextmanager
def without_races() -> Iterator[None]:
    """Within, a kernel in whose run threads race, or that leaves an array, raises `SimulationError`; it runs slower."""
    with scheduler.observed_by(Races()):
        yield


class _Touched:
    """Who has touched an element since the block's last barrier: thread numbers, with how often each had met its warp."""

    __slots__ = ("atomic", "readers", "value", "writer")

    def __init__(self) -> None:
        self.readers: dict[int, int] = {}
        self.writer: tuple[int, int] | None = None
        self.atomic = False
        self.value: Any = None


class Races(Observer):
    """Compares each access with those before it."""

    spaces = ("global", "shared")

    def __init__(self) -> None:
        self._touched: defaultdict[_Place, _Touched] = defaultdict(_Touched)
        self._copying: dict[_Place, Thread] = {}
        self._written_by: dict[int, tuple[Dim3, str, Any]] = {}
        self._read_by: dict[int, set[Dim3]] = {}

    def launch(self, kernel: Kernel) -> None:
        """Forget: launches come one after the other."""
        self._written_by.clear()
        self._read_by.clear()

    def block(self, block: Block) -> None:
        """Forget what the last block's threads did to each other."""
        self._touched.clear()
        self._copying.clear()

    def barrier(self, block: Block) -> None:
        """Forget: what was before it is ordered."""
        self._touched.clear()

    def access(self, array: Observed, index: int, action: str, value: Any) -> None:
        """Compare it."""
        thread = scheduler.running()
        address = array.address + int(index) * array.dtype.itemsize
        place = (array.space, address)
        if place in self._copying:
            raise SimulationError(
                f"{array.name}[{index}] is touched ({action}) while a copy to it is under way, which thread "
                f"{tuple(self._copying[place].index)} began and has not waited for"
            )
        self._within_block(array, index, place, action, value, thread)
        if array.space == "global":
            self._between_blocks(array, index, address, action, value, thread.block.index)

    def copy_begins(self, array: Observed, first: int, count: int) -> Any:
        """From now on the elements are nobody's: whoever touched them since the last barrier races with the copy."""
        for index in range(first, first + count):
            self.access(array, index, "write", None)
            self._copying[array.space, array.address + index * array.dtype.itemsize] = scheduler.running()

    def copy_ends(self, array: Observed, first: int, count: int, begun: Any) -> None:
        """The elements are the thread's; the others' after the next barrier."""
        for index in range(first, first + count):
            self._copying.pop((array.space, array.address + index * array.dtype.itemsize), None)
            self.access(array, index, "write", None)

    def _within_block(
        self, array: Observed, index: int, place: _Place, action: str, value: Any, thread: Thread
    ) -> None:
        touched, me = self._touched[place], (thread.number, thread.met)
        writer, atomic = touched.writer, action == "atomic"
        if writer is not None and _unordered(writer, me) and not (atomic and touched.atomic):
            same = action == "write" and not touched.atomic and _same(value, touched.value)
            if not same:
                self._complain(array, index, "writes", writer[0], action, thread)
        if action == "read":
            touched.readers[thread.number] = thread.met
            return
        for reader in touched.readers.items():
            if _unordered(reader, me):
                self._complain(array, index, "reads", reader[0], action, thread)
        touched.writer, touched.atomic, touched.value = me, atomic, value

    @staticmethod
    def _complain(array: Observed, index: int, does: str, other: int, action: str, thread: Thread) -> None:
        first = thread.block.threads[other]
        raise SimulationError(
            f"a race for {array.name}[{index}], which thread {tuple(first.index)} {does} and this one "
            f"{'reads' if action == 'read' else 'writes'}, with no barrier between"
        )

    def _between_blocks(self, array: Observed, index: int, address: int, action: str, value: Any, block: Dim3) -> None:
        writer = self._written_by.get(address)
        if (
            writer is not None
            and writer[0] != block
            and not (action == writer[1] and (action == "atomic" or _same(value, writer[2])))
        ):
            raise SimulationError(
                f"{array.name}[{index}] is written by block {tuple(writer[0])} and touched by {tuple(block)}"
            )
        readers = self._read_by.setdefault(address, set())
        if action == "read":
            readers.add(block)
        elif not readers <= {block}:
            raise SimulationError(f"{array.name}[{index}] is written by block {tuple(block)} and read by another")
        else:
            self._written_by[address] = (block, action, value)


def _same(a: Any, b: Any) -> bool:
    """Whether two threads write the same number, NaN too; what a copy under way will write is not known."""
    return a is not None and b is not None and bool(a == b or (a != a and b != b))


def _unordered(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two threads, each with how often it has met its warp, have not met between: those of one warp may have."""
    if one[0] == other[0]:
        return False
    return one[0] // WARP != other[0] // WARP or one[1] == other[1]
