"""A stand-in for `cuda.bindings.driver`: the same functions, over the host's memory, carried out at once and in order.

Its device memory begins as 0xFF in every byte, which is NaN or −1, and it refuses what leaves a piece that it handed out.
A capture notes launches, copies and fills instead of carrying them out, and a graph carries them out as often as asked.
"""

from __future__ import annotations

import bisect
import ctypes
import itertools
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from . import scheduler
from .errors import SimulationError
from .queues import (  # noqa: F401  (a driver has them, too)
    FORBIDDEN,
    INVALID,
    MEANINGS,
    NAMES,
    OK,
    OUT_OF_MEMORY,
    CUstreamCaptureMode,
    captures,
    carry_out,
    cuEventCreate,
    cuEventDestroy,
    cuEventElapsedTime,
    cuEventQuery,
    cuEventRecord,
    cuEventSynchronize,
    cuGraphDestroy,
    cuGraphExecDestroy,
    cuGraphInstantiate,
    cuGraphLaunch,
    cuStreamBeginCapture,
    cuStreamCreate,
    cuStreamDestroy,
    cuStreamEndCapture,
    cuStreamSynchronize,
    cuStreamWaitEvent,
    cuThreadExchangeStreamCaptureMode,
    forbidden,
    handles,
)

if TYPE_CHECKING:
    from ..compiler.language import Kernel

MEMORY = 4 << 30
"""How much memory the simulated device has."""


class CUdevice_attribute(IntEnum):
    CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76
    CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS = 88


class CUstream_flags(IntEnum):
    CU_STREAM_DEFAULT = 0
    CU_STREAM_NON_BLOCKING = 1


class CUevent_flags(IntEnum):
    CU_EVENT_DEFAULT = 0
    CU_EVENT_DISABLE_TIMING = 2


class CUpointer_attribute(IntEnum):
    CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL = 9


_ATTRIBUTES = {16: 2, 75: 9, 76: 0, 88: 0}
_pieces: dict[int, np.ndarray[Any, Any]] = {}
_starts: list[int] = []
_kernels: dict[int, Kernel] = {}
launches: list[str] = []
"""The names of the kernels that were launched, for those who want to know; cleared by whoever reads it."""


def cuGetErrorName(status: int) -> Any:
    return OK, NAMES[status]


def cuGetErrorString(status: int) -> Any:
    return OK, MEANINGS[status]


def cuInit(flags: int) -> Any:
    return (OK,)


def cuDriverGetVersion() -> Any:
    return OK, 13000


def cuDeviceGetCount() -> Any:
    return OK, 1


def cuDeviceGet(ordinal: int) -> Any:
    return OK, ordinal


def cuDeviceGetName(length: int, device: int) -> Any:
    return OK, b"simulated GPU" + bytes(length - 13)


def cuDeviceGetAttribute(attribute: int, device: int) -> Any:
    return OK, _ATTRIBUTES[int(attribute)]


def cuDeviceTotalMem(device: int) -> Any:
    return OK, MEMORY


def cuPointerGetAttribute(attribute: int, address: int) -> Any:
    memory(address, 1)
    return OK, 0


def cuMemGetInfo() -> Any:
    return OK, MEMORY - sum(piece.nbytes for piece in _pieces.values()), MEMORY


def cuDevicePrimaryCtxRetain(device: int) -> Any:
    return OK, 1


def cuCtxSetCurrent(context: Any) -> Any:
    return (OK,)


def cuCtxSynchronize() -> Any:
    return (FORBIDDEN if captures else OK,)


# Memory -------------------------------------------------------------------------------------------------------------------


def cuMemAlloc(nbytes: int) -> Any:
    if forbidden():
        return FORBIDDEN, 0
    if sum(piece.nbytes for piece in _pieces.values()) + nbytes > MEMORY:
        return OUT_OF_MEMORY, 0
    raw = np.full(nbytes + 512, 0xFF, np.uint8)
    start = -raw.ctypes.data % 512
    piece = raw[start : start + nbytes]
    address = piece.ctypes.data
    _pieces[address] = piece
    bisect.insort(_starts, address)
    return OK, address


def cuMemFree(address: int) -> Any:
    if forbidden():
        return (FORBIDDEN,)
    if _pieces.pop(int(address), None) is None:
        return (INVALID,)
    _starts.remove(int(address))
    return (OK,)


def memory(address: int, nbytes: int) -> np.ndarray[Any, Any]:
    """The bytes at an address, which all lie in one piece.

    Raises:
        SimulationError: they do not.
    """
    i = bisect.bisect_right(_starts, address) - 1
    start = _starts[i] if i >= 0 else 0
    piece = _pieces.get(start)
    if piece is None or address + nbytes > start + piece.nbytes:
        raise SimulationError(f"{nbytes} bytes at {address:#x} are not memory of the device")
    return piece[address - start : address - start + nbytes]


def _host(address: int, nbytes: int) -> np.ndarray[Any, Any]:
    return np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(address))


def cuMemcpyHtoDAsync(target: int, source: int, nbytes: int, stream: Any) -> Any:
    def copy() -> None:
        memory(target, nbytes)[:] = _host(source, nbytes)

    return carry_out(copy, stream)


def cuMemcpyDtoHAsync(target: int, source: int, nbytes: int, stream: Any) -> Any:
    def copy() -> None:
        _host(target, nbytes)[:] = memory(source, nbytes)

    return carry_out(copy, stream)


def cuMemcpyAsync(target: int, source: int, nbytes: int, stream: Any) -> Any:
    def copy() -> None:
        memory(target, nbytes)[:] = memory(source, nbytes)

    return carry_out(copy, stream)


def cuMemsetD8Async(target: int, value: int, nbytes: int, stream: Any) -> Any:
    def fill() -> None:
        memory(target, nbytes)[:] = value

    return carry_out(fill, stream)


_locked: dict[int, Any] = {}


def cuMemHostAlloc(nbytes: int, flags: int) -> Any:
    buffer = (ctypes.c_byte * nbytes)()
    address = ctypes.addressof(buffer)
    _locked[address] = buffer
    return OK, address


def cuMemFreeHost(address: int) -> Any:
    return (OK if _locked.pop(int(address), None) is not None else INVALID,)


# Kernels ------------------------------------------------------------------------------------------------------------------


def register(kernel: Kernel) -> int:
    """Take a kernel as if it were loaded, and return its handle."""
    handle = next(handles)
    _kernels[handle] = kernel
    return handle


def arguments(kernel: Kernel, packed: bytes) -> list[Any]:
    """Read a launch's packed arguments: for each array its elements, for each number its value.

    Raises:
        SimulationError: an array leaves the device's memory, or is not aligned to its elements.
    """
    values = iter(kernel.packing.unpack(packed))
    found: list[Any] = []
    for parameter in kernel.parameters:
        if not parameter.is_array:
            found.append(next(values))
            continue
        _, _, count, size, address, _, _ = itertools.islice(values, 7)
        if count == 0:
            found.append(np.empty(0, parameter.dtype))
            continue
        if address % size:
            raise SimulationError(f"{kernel.name}: {parameter.name} begins at {address:#x}, not a multiple of {size}")
        found.append(memory(address, count * size).view(parameter.dtype))
    return found


def cuLaunchKernel(
    function: int,
    gx: int,
    gy: int,
    gz: int,
    bx: int,
    by: int,
    bz: int,
    shared: int,
    stream: Any,
    parameters: Any,
    extra: int,
) -> Any:
    kernel = _kernels[int(function)]
    if not 0 < bx * by * bz <= min(kernel.threads, 1024) or bz > 64 or min(gx, gy, gz) < 1:
        return (INVALID,)
    if gx >= 1 << 31 or gy >= 1 << 16 or gz >= 1 << 16:
        return (INVALID,)
    options = (ctypes.c_void_p * 5).from_address(extra)
    size = ctypes.c_size_t.from_address(options[3] or 0).value
    packed = ctypes.string_at(options[1] or 0, size)

    def launch() -> None:
        launches.append(kernel.name)
        args = arguments(kernel, packed)
        scheduler.run(kernel, (gx, gy, gz), (bx, by, bz), args)

    return carry_out(launch, stream)
