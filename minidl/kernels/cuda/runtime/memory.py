"""Device memory: a caching allocator, and copies between the host and a device.

Asking the driver for memory, or giving it back, waits for the device; so pieces that are no longer used are kept, by size and
by stream, and handed out again. Work in one stream is done in order: a piece can be handed out to it again at once, though
kernels that use it are still waiting for their turn.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import weakref
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....errors import DeviceError
from ..array import DeviceArray
from .driver import api, call, current_device, enter, properties, remembered
from .streams import Event, Stream, capturing, handle, journal, keep_for_graph, relaxed

_LEAST = 512
"""Pieces are multiples of this many bytes, and begin at such an address."""
_LARGE = 1 << 20
"""From this size on, the size is rounded up by at most an eighth."""


def rounded(nbytes: int) -> int:
    """The size of the piece that is taken for `nbytes`, so that pieces of nearly the same size can stand in for each other.

    >>> rounded(1), rounded(513), rounded(1_100_000)
    (512, 1024, 1179648)
    """
    if nbytes <= _LARGE:
        return max(-(-nbytes // _LEAST), 1) * _LEAST
    step = 1 << ((nbytes - 1).bit_length() - 4)
    return -(-nbytes // step) * step


@dataclass(slots=True)
class Statistics:
    """What a device's allocator has handed out, in bytes unless said otherwise.

    Attributes:
        allocated: in use now.
        peak_allocated: the most that was in use at once.
        reserved: asked of the driver and not given back.
        peak_reserved: the most that was reserved at once.
        requests: how many pieces were asked for.
        hits: how many of them needed no call of the driver.
    """

    allocated: int = 0
    peak_allocated: int = 0
    reserved: int = 0
    peak_reserved: int = 0
    requests: int = 0
    hits: int = 0


_statistics: defaultdict[int, Statistics] = defaultdict(Statistics)


class Pool:
    """Pieces that are kept for later, by device, stream and size. A captured graph has a pool of its own.

    A closed one keeps nothing: a piece goes back to the driver, which waits until no stream uses it any more.
    """

    def __init__(self, is_closed: bool = False) -> None:
        self.free: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
        self.is_closed = is_closed
        self.driver: Any = None
        self.statistics = _statistics

    def release(self, device: int) -> int:
        """Give all of a device's pieces back to the driver, and return how many bytes they were."""
        given = 0
        with suppress(DeviceError):  # Python is shutting down
            enter(device)
        for key in [k for k in self.free if k[0] == device]:
            for address in self.free.pop(key):
                self.driver.cuMemFree(address)
                given += key[2]
        return given

    def close(self) -> None:
        """Give everything back, and what arrays still hold when they let go of it.

        While a graph is captured it has to wait: the driver would wait for the device, which breaks a capture off.
        """
        self.is_closed = True
        _closing.append(self)
        if capturing():
            return
        with _lock:
            while _closing:
                one = _closing.pop()
                for device in {key[0] for key in one.free}:
                    one.statistics[device].reserved -= one.release(device)


_general = Pool()
_closing: list[Pool] = []
_lock = threading.RLock()
_state = threading.local()


@contextmanager
def pool(of: Pool) -> Iterator[None]:
    """Take memory from a pool, and return it there, in this thread's block."""
    before = getattr(_state, "pool", None)
    _state.pool = of
    try:
        yield
    finally:
        _state.pool = before


class Memory:
    """A piece of device memory; it goes back to the pool with the last reference to it.

    Attributes:
        address: where it begins in the device's address space.
        nbytes: its size.
        device: the number of its device.
        owner: what keeps it alive where it belongs to another library; None for our own.
    """

    __slots__ = ("__weakref__", "_home", "address", "device", "nbytes", "owner")

    def __init__(self, address: int, nbytes: int, device: int, owner: Any = None) -> None:
        self.address, self.nbytes, self.device, self.owner = address, nbytes, device, owner
        self._home: tuple[Pool, tuple[int, int, int], Statistics] | None = None

    def __del__(self) -> None:
        if self._home is not None and _lock is not None:  # at Python's end the module may be gone already
            pool, key, known = self._home
            with _lock:
                pool.free[key].append(self.address)
                known.allocated -= key[2]
                if pool.is_closed and not sys.is_finalizing():  # when Python ends the driver takes all back by itself
                    pool.close()


def allocate(nbytes: int, device: int | None = None) -> Memory:
    """Take a piece of at least `nbytes` of device memory, whose content is left over from its last use.

    Raises:
        DeviceError: the device's memory is full; the message says what holds it.
    """
    device = current_device() if device is None else device
    enter(device)
    size = rounded(nbytes)
    key = (device, handle(), size)
    taken = getattr(_state, "pool", None) or _general
    with _lock:
        known = _statistics[device]
        known.requests += 1
        kept = taken.free.get(key)
        if kept:
            address = kept.pop()
            known.hits += 1
        else:
            with relaxed():
                address = _from_driver(size, device)
            taken.driver = api()
            known.reserved += size
            known.peak_reserved = max(known.peak_reserved, known.reserved)
        known.allocated += size
        known.peak_allocated = max(known.peak_allocated, known.allocated)
    memory = Memory(address, nbytes, device)
    memory._home = taken, key, known
    return memory


def _from_driver(size: int, device: int) -> int:
    try:
        return int(call("cuMemAlloc", size))
    except DeviceError as error:
        if "OUT_OF_MEMORY" not in str(error):
            raise
        try:
            empty_cache(device)
            return int(call("cuMemAlloc", size))
        except DeviceError:
            known, mib = _statistics[device], 1 << 20
            raise DeviceError(
                f"cuda:{device} has no {size / mib:.1f} MiB left: {known.allocated / mib:.1f} MiB of its "
                f"{properties(device).total_memory / mib:.0f} are held by arrays; take a smaller batch, free what is no "
                "longer needed, or look for other programs on this GPU"
            ) from error


def empty_cache(device: int | None = None) -> None:
    """Give the memory that no array holds back to the driver, for other programs."""
    device = current_device() if device is None else device
    enter(device)
    with _lock:
        if any(key[0] == device for key in _general.free):
            call("cuCtxSynchronize")
        _statistics[device].reserved -= _general.release(device)


def statistics(device: int | None = None) -> Statistics:
    """What a device's allocator has handed out; it goes on counting."""
    return _statistics[current_device() if device is None else device]


# Arrays -------------------------------------------------------------------------------------------------------------------


def empty(shape: Sequence[int], dtype: Any, device: int | None = None) -> DeviceArray:
    """A contiguous array whose numbers are left over from the memory's last use."""
    dtype, shape = np.dtype(dtype), tuple(shape)
    count = 1
    for n in shape:
        count *= n
    return DeviceArray(allocate(count * dtype.itemsize, device), shape, dtype)


def to_device(array: Any, device: int | None = None) -> DeviceArray:
    """Copy a NumPy array to a device, in the stream in use. The array may be changed as soon as this returns.

    From page-locked memory (`pinned`) the copy runs beside other work; then the array must stay as it is until the stream
    has come to it. Other memory the driver copies aside before it returns, unless the device can read it where it is: then
    that is done here.
    """
    array = np.asarray(array)
    lying = array if array.flags.c_contiguous else np.ascontiguousarray(array)
    if (found := journal()) is not None:
        found.append(("upload", array.dtype.str, array.shape, lying.tobytes()))
    if capturing():  # a graph would read the host's memory anew each time
        return upload(lying, device)
    out = empty(array.shape, array.dtype, device)
    if array.size:
        stays = is_pinned(array)
        late = stays or properties(out.memory.device).reads_host
        aside = lying.copy() if late and not stays else lying
        call("cuMemcpyHtoDAsync", out.address, aside.ctypes.data, aside.nbytes, handle())
        if late:
            _keep(aside)
    return out


@remembered()
def _beside(device: int) -> Stream:
    """A stream beside all others."""
    return Stream(device, beside=True)


def upload(array: np.ndarray[Any, Any], device: int | None = None) -> DeviceArray:
    """Copy a contiguous NumPy array to a device beside all streams, so that it is there at once, for each of them.

    A graph that is being captured finds it at each replay, and keeps it.
    """
    with relaxed():
        stream = _beside(current_device() if device is None else device)
        with stream, pool(Pool(is_closed=True)):  # never memory that another stream has still to read
            out = DeviceArray(allocate(array.nbytes, device), array.shape, array.dtype)
        if array.nbytes:
            call("cuMemcpyHtoDAsync", out.address, array.ctypes.data, array.nbytes, stream.handle)
            stream.synchronize()
    keep_for_graph(out)
    return out


def to_host(array: DeviceArray) -> np.ndarray[Any, Any]:
    """Copy an array to a new NumPy array, once the kernels that compute it are done."""
    from ..backend import backend

    if (found := journal()) is not None:
        found.append(("fetch", array.shape))
    if capturing():
        raise DeviceError("a value was fetched while a CUDA graph is captured; fetch it after the step")
    out = np.empty(array.shape, array.dtype)
    if array.size:
        enter(array.memory.device)
        lying = array if array.is_contiguous else backend.copy(array)
        call("cuMemcpyDtoHAsync", out.ctypes.data, lying.address, lying.nbytes, handle())
        call("cuStreamSynchronize", handle())
    return out


def copy_bytes(target: DeviceArray, source: DeviceArray) -> None:
    """Copy between two contiguous arrays of one size, also of two devices; then it waits for both."""
    if not source.nbytes:
        return
    one, other = source.memory.device, target.memory.device
    if one != other:
        enter(one)
        call("cuCtxSynchronize")
    enter(other)
    call("cuMemcpyAsync", target.address, source.address, source.nbytes, handle())
    if one != other:
        call("cuCtxSynchronize")


def fill_zeros(array: DeviceArray) -> None:
    """Set all bytes of a contiguous array to 0."""
    if array.nbytes:
        enter(array.memory.device)
        call("cuMemsetD8Async", array.address, 0, array.nbytes, handle())


# Page-locked memory -------------------------------------------------------------------------------------------------------

_pinned: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_waiting: deque[tuple[Event, Any]] = deque()


def pinned(shape: Sequence[int], dtype: Any) -> np.ndarray[Any, Any]:
    """A NumPy array in page-locked memory, from which copies to a device run beside its other work."""
    dtype = np.dtype(dtype)
    nbytes = max(int(np.prod(shape)) * dtype.itemsize, 1)
    enter(current_device())
    address = int(call("cuMemHostAlloc", nbytes, 0))
    buffer = (ctypes.c_byte * nbytes).from_address(address)
    weakref.finalize(buffer, _unlock, api(), address)
    _pinned[address] = buffer
    return np.frombuffer(buffer, dtype, int(np.prod(shape))).reshape(tuple(shape))


def _unlock(driver: Any, address: int) -> None:
    with relaxed():
        driver.cuMemFreeHost(address)


def is_pinned(array: np.ndarray[Any, Any]) -> bool:
    """Whether an array lies in page-locked memory."""
    base: Any = array
    while isinstance(getattr(base, "base", None), np.ndarray):
        base = base.base
    return base.ctypes.data in _pinned


def _keep(array: Any) -> None:
    """Hold an array until the stream has copied it."""
    event = Event(enable_timing=False)
    event.record()
    with _lock:
        _waiting.append((event, array))
        while _waiting and not int(api().cuEventQuery(_waiting[0][0].handle)[0]):  # 0 once the stream has come to it
            _waiting.popleft()
