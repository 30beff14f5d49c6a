"""Which GPU driver is used, and how its answers are read.

`api()` is `cuda.bindings.driver`, NVIDIA's own Python bindings of the CUDA driver API, or in simulation a module with the same
functions over the host's memory (`simulator/driver.py`). All other files here call the driver through it and cannot tell which.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from ....errors import DeviceError

F = TypeVar("F", bound=Callable[..., Any])

INSTALL = 'pip install "minidl[cuda]"'


_remembering: list[Any] = []


def remembered(maxsize: int | None = None) -> Callable[[F], F]:
    """Keep a function's answers, as `functools.lru_cache` does, while this driver is in use: handles, addresses, arrays."""

    def keep(function: F) -> F:
        kept: Any = lru_cache(maxsize=maxsize)(function)
        _remembering.append(kept)
        return kept

    return keep


def forget() -> None:
    """Forget all answers of `remembered` functions, and which driver was found: tests change it."""
    for kept in (_choice, _found, *_remembering):
        kept.cache_clear()
    _current.__dict__.clear()


def is_simulated() -> bool:
    """Whether kernels run in the simulator: `NUMBA_ENABLE_CUDASIM=1`, the variable of Numba's own simulator.

    It is read once, when a device is first asked for.
    """
    return _choice() == "simulator"


@lru_cache(maxsize=1)
def _choice() -> str:
    return "simulator" if os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0") else "driver"


def api() -> Any:
    """The driver's functions, ready to be called.

    Raises:
        DeviceError: there is no driver, no device, or no bindings; the message says which, and what to do.
    """
    found, why = _found()
    if found is None:
        raise DeviceError(f'device="cuda" cannot be used: {why}')
    return found


def why_not() -> str | None:
    """Why no GPU can be used, in a sentence; None where one can."""
    return _found()[1]


@lru_cache(maxsize=1)
def _found() -> tuple[Any, str | None]:
    learn = (
        "; to learn without a GPU set NUMBA_ENABLE_CUDASIM=1 before Python starts, which runs kernels in a simulator"
    )
    if is_simulated():
        from ..simulator import driver as simulated

        return simulated, None
    try:
        from cuda.bindings import driver
    except ImportError as error:
        return None, f"the CUDA packages are not installed ({error}): {INSTALL}{learn}"
    try:
        (status,) = driver.cuInit(0)
    except RuntimeError as error:  # the bindings found no driver library
        return None, f"this machine has no NVIDIA driver ({str(error).strip()[:120]}){learn}"
    if int(status):
        name = driver.cuGetErrorName(status)[1]
        return None, f"the NVIDIA driver does not start ({name.decode()}){learn}"
    version = int(driver.cuDriverGetVersion()[1])
    if version < 13000:
        known = f"{version // 1000}.{version % 1000 // 10}"
        return None, f"the NVIDIA driver knows CUDA {known}, and 13.0 is needed: install driver 580 or newer"
    if not int(driver.cuDeviceGetCount()[1]):
        return None, f"the NVIDIA driver finds no GPU{learn}"
    return driver, None


_HINTS = {
    "CUDA_ERROR_NOT_INITIALIZED": "; a process that was forked from one that uses the GPU cannot use it: start it anew "
    "(multiprocessing's 'spawn')",
    "CUDA_ERROR_UNSUPPORTED_PTX_VERSION": f"; the kernels' compiler is newer than the driver: {INSTALL}",
    "CUDA_ERROR_NO_BINARY_FOR_GPU": "; kernels are compiled for compute capability 7.5 and above",
}
_LOST = (
    "; a kernel that was launched earlier did that, and this process can use the GPU no more. With CUDA_LAUNCH_BLOCKING=1 in "
    "the environment the error comes where the kernel is launched"
)
_HINTS |= dict.fromkeys(
    ("CUDA_ERROR_ILLEGAL_ADDRESS", "CUDA_ERROR_MISALIGNED_ADDRESS", "CUDA_ERROR_LAUNCH_FAILED"), _LOST
)
"""What is behind some errors, and what can be done."""


def call(name: str, *args: Any) -> Any:
    """Call a driver function, and return what it answers: nothing, one value, or a tuple of several.

    Raises:
        DeviceError: the driver reports an error, which the message names.
    """
    driver = api()
    status, *answer = getattr(driver, name)(*args)
    if int(status):
        _, told = driver.cuGetErrorName(status)
        _, meaning = driver.cuGetErrorString(status)
        raise DeviceError(f"{name}: {told.decode()}, {meaning.decode()}{_HINTS.get(told.decode(), '')}")
    return answer[0] if len(answer) == 1 else tuple(answer) or None


@dataclass(frozen=True, slots=True)
class Properties:
    """What a device is.

    Attributes:
        name: the maker's name for it.
        major, minor: its compute capability, such as 9, 0.
        multi_processor_count: how many multiprocessors it has.
        total_memory: its memory, in bytes.
        reads_host: whether it reads any of the host's memory itself, so that the driver need not copy it aside first.
    """

    name: str
    major: int
    minor: int
    multi_processor_count: int
    total_memory: int
    reads_host: bool


@remembered()
def properties(device: int) -> Properties:
    """Ask a device what it is."""
    driver = api()
    handle = call("cuDeviceGet", device)
    asked = driver.CUdevice_attribute

    def one(attribute: Any) -> int:
        return int(call("cuDeviceGetAttribute", attribute, handle))

    return Properties(
        call("cuDeviceGetName", 128, handle).split(b"\0")[0].decode(),
        one(asked.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
        one(asked.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
        one(asked.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
        int(call("cuDeviceTotalMem", handle)),
        bool(one(asked.CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS)),
    )


def device_count() -> int:
    """How many GPUs there are; 0 where none can be used."""
    return _counted() if why_not() is None else 0


@remembered()
def _counted() -> int:
    return int(call("cuDeviceGetCount"))


@remembered()
def _context(device: int) -> Any:
    return call("cuDevicePrimaryCtxRetain", call("cuDeviceGet", device))


_current = threading.local()


def enter(device: int) -> None:
    """Make a device's primary context, the one that other libraries use too, the calling thread's own.

    Of several GPUs another library may have chosen one in the meantime; so then the driver is told each time.
    """
    if getattr(_current, "device", None) != device or _counted() > 1:
        api()  # says why, where no GPU can be used
        if not 0 <= device < device_count():
            raise DeviceError(f"there is no cuda:{device}; this machine has {device_count()}")
        call("cuCtxSetCurrent", _context(device))
        _current.device = device


def current_device() -> int:
    """The device that `device="cuda"` means in this thread."""
    return getattr(_current, "chosen", 0)


def set_device(device: int) -> None:
    """Choose the device that `device="cuda"` means in this thread.

    Raises:
        DeviceError: it is not there.
    """
    api()
    enter(device)
    _current.chosen = device
