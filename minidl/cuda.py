"""The GPUs of this machine, under PyTorch's names: which there are, their streams, and the memory that tensors take.

A tensor is made there with `device="cuda"` or brought there with `x.to("cuda")`. Without a GPU, `NUMBA_ENABLE_CUDASIM=1` in
the environment, set before Python starts, runs all kernels in a simulator, for learning.

>>> from minidl import cuda
>>> isinstance(cuda.is_available(), bool)
True
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from .kernels.cuda.runtime import driver
from .kernels.device import gpu_number
from .primitives.layers.random import Generator, generator_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from .kernels.cuda.runtime.driver import Properties
    from .kernels.cuda.runtime.graphs import Graph
    from .kernels.cuda.runtime.streams import Event, Stream

__all__ = [
    "Event",
    "Graph",
    "Stream",
    "current_device",
    "device",
    "device_count",
    "empty_cache",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "initial_seed",
    "is_available",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "reset_peak_memory_stats",
    "seed",
    "set_device",
    "set_rng_state",
    "stream",
    "synchronize",
    "why_not",
]


def __getattr__(name: str) -> Any:
    """`Stream`, `Event` and `Graph`, which are loaded when they are asked for."""
    if name == "Graph":
        from .kernels.cuda.runtime import graphs

        return graphs.Graph
    if name in ("Stream", "Event"):
        from .kernels.cuda.runtime import streams

        return getattr(streams, name)
    raise AttributeError(f"module 'minidl.cuda' has no attribute {name!r}", name=name)


# Devices ------------------------------------------------------------------------------------------------------------------


def is_available() -> bool:
    """Whether tensors can be put on a GPU here, or on the simulator's."""
    return why_not() is None


def why_not() -> str | None:
    """Why no GPU can be used here, and what to do about it; None where one can."""
    return driver.why_not()


def device_count() -> int:
    """How many GPUs there are; 0 where none can be used."""
    return driver.device_count()


def current_device() -> int:
    """The number of the GPU that `device="cuda"` means in this thread."""
    driver.api()
    return driver.current_device()


def set_device(device: Any) -> None:
    """Choose the GPU that `device="cuda"` means in this thread."""
    driver.set_device(gpu_number(device))


@contextmanager
def device(device: Any) -> Iterator[None]:
    """Choose the GPU that `device="cuda"` means in this thread, for a `with` block."""
    before = current_device()
    set_device(device)
    try:
        yield
    finally:
        set_device(before)


def get_device_name(device: Any = None) -> str:
    """The maker's name for a GPU."""
    return get_device_properties(device).name


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """A GPU's compute capability, such as (9, 0), on which it depends what its threads can do."""
    found = get_device_properties(device)
    return found.major, found.minor


def get_device_properties(device: Any = None) -> Properties:
    """A GPU's `name`, `major`, `minor`, `multi_processor_count` and `total_memory` in bytes."""
    return driver.properties(gpu_number(device))


def synchronize(device: Any = None) -> None:
    """Wait until a GPU has done all that it was given: launches return at once, so a clock must be read after this."""
    driver.enter(gpu_number(device))
    driver.call("cuCtxSynchronize")


def stream(stream: Stream | None) -> AbstractContextManager[Any]:
    """Put what a `with` block launches into a stream; None leaves it where it goes."""
    return nullcontext() if stream is None else stream


# Memory -------------------------------------------------------------------------------------------------------------------


def memory_stats(device: Any = None) -> dict[str, int]:
    """What the allocator has handed out, in bytes under PyTorch's names, and how often it could do without the driver."""
    from .kernels.cuda.runtime import memory

    known = memory.statistics(gpu_number(device))
    return {
        "allocated_bytes.all.current": known.allocated,
        "allocated_bytes.all.peak": known.peak_allocated,
        "reserved_bytes.all.current": known.reserved,
        "reserved_bytes.all.peak": known.peak_reserved,
        "allocation.all.allocated": known.requests,
        "num_device_alloc": known.requests - known.hits,
    }


def memory_allocated(device: Any = None) -> int:
    """The bytes that arrays on a GPU take."""
    return memory_stats(device)["allocated_bytes.all.current"]


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that arrays on a GPU took at once, since the start or `reset_peak_memory_stats`."""
    return memory_stats(device)["allocated_bytes.all.peak"]


def memory_reserved(device: Any = None) -> int:
    """The bytes that were asked of the driver: those of arrays, and those kept for the next ones."""
    return memory_stats(device)["reserved_bytes.all.current"]


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes that were reserved at once."""
    return memory_stats(device)["reserved_bytes.all.peak"]


def reset_peak_memory_stats(device: Any = None) -> None:
    """Let the peaks be what is in use now."""
    from .kernels.cuda.runtime import memory

    known = memory.statistics(gpu_number(device))
    known.peak_allocated, known.peak_reserved = known.allocated, known.reserved


def empty_cache() -> None:
    """Give the memory that no array holds back to the driver, for other programs; it makes nothing faster."""
    if is_available():
        from .kernels.cuda.runtime import memory

        memory.empty_cache(current_device())


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """A GPU's free and total memory, in bytes, as its driver sees it: what other programs take is not free."""
    driver.enter(gpu_number(device))
    free, total = driver.call("cuMemGetInfo")
    return int(free), int(total)


# Random numbers -----------------------------------------------------------------------------------------------------------


def _generator(device: Any) -> Generator:
    return generator_of("cuda" if device is None else device, "cuda")


def manual_seed(seed: int) -> None:
    """Start the current GPU's generator over from `seed`, if there is one; `minidl.manual_seed` does so for all devices."""
    if is_available():
        _generator(None).manual_seed(seed)


def manual_seed_all(seed: int) -> None:
    """Start the generators of all GPUs over from `seed`, if there are any."""
    for number in range(device_count()):
        _generator(number).manual_seed(seed)


def seed() -> None:
    """Start the current GPU's generator over from the operating system's noise."""
    _generator(None).seed()


def initial_seed() -> int:
    """The seed that the current GPU's generator last started from."""
    return _generator(None).initial_seed()


def get_rng_state(device: Any = None) -> dict[str, Any]:
    """The state of a GPU's generator: its seed, and how often numbers were drawn since."""
    return _generator(device).get_state()


def set_rng_state(new_state: dict[str, Any], device: Any = None) -> None:
    """Have a GPU's generator continue from a state that `get_rng_state` returned."""
    _generator(device).set_state(new_state)
