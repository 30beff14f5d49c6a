"""From a kernel to PTX, NVIDIA's assembly: the function is given Numba's words for the simulator's, and Numba compiles it.

No GPU is needed for that. What was compiled is kept in Numba's cache folder, by a checksum of the source, the compiler's
version and the device's architecture.
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import re
from pathlib import Path
from types import CellType, FunctionType
from typing import Any

from ...errors import DeviceError
from ...files import write_atomic
from . import language
from .driver import INSTALL
from .intrinsics import Intrinsic
from .language import Kernel

Capability = tuple[int, int]


@functools.lru_cache(maxsize=1)
def _numba() -> tuple[Any, dict[int, Any]]:
    """Numba's CUDA module, and for each of the simulator's words, by identity, Numba's."""
    try:
        import numba
        from numba import cuda
        from numba.cuda import dispatcher
    except ImportError as error:
        raise DeviceError(f"kernels cannot be compiled ({error}): {INSTALL}") from error
    if os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0"):
        raise DeviceError("kernels cannot be compiled while NUMBA_ENABLE_CUDASIM is set; start Python without it")
    if not hasattr(dispatcher, "CUDADispatcher"):
        raise DeviceError(f"this version of Numba has no CUDA compiler: {INSTALL}")
    words = {id(language.cuda): cuda, id(language.math): math}
    for name in ("float16", "float32", "float64"):
        words[id(getattr(language, name))] = getattr(numba.core.types, name)
    words[id(language.int8)], words[id(language.uint8)] = numba.int8, numba.uint8
    return cuda, words


_WHOLE = ("int32", "uint32", "int64", "uint64")
"""Words that are all Python's `int` in the simulator; Numba's are found by their names."""


def translated(function: FunctionType) -> FunctionType:
    """The same function with Numba's words for the simulator's, in its globals and in what it closes over."""
    import numba

    _, words = _numba()

    def translate(name: str, value: Any) -> Any:
        if id(value) in words:
            return words[id(value)]
        if value is int and name in _WHOLE:
            return getattr(numba, name)
        if isinstance(value, Intrinsic):
            return value.compiled
        if isinstance(value, FunctionType) and getattr(value, "is_device_function", False):
            return _device_function(value)
        return value

    used = (*function.__code__.co_names, "__builtins__", "__name__", "__file__")
    known = {name: translate(name, function.__globals__[name]) for name in used if name in function.__globals__}
    names = function.__code__.co_freevars
    cells = function.__closure__ or ()
    closure = tuple(CellType(translate(name, cell.cell_contents)) for name, cell in zip(names, cells, strict=True))
    out = FunctionType(function.__code__, known, function.__name__, function.__defaults__, closure or None)
    out.__module__, out.__qualname__ = function.__module__, function.__qualname__
    return out


@functools.cache
def _device_function(function: FunctionType) -> Any:
    """A function that kernels call, for Numba to put into them."""
    cuda, _ = _numba()
    return cuda.jit(device=True, forceinline=True)(translated(function))


class _Device:
    """Numba asks which device is current when it meets a device function; without a GPU this answers."""

    compute_capability: Capability = (0, 0)


def ptx(kernel: Kernel, capability: Capability) -> bytes:
    """Compile a kernel for a compute capability such as (9, 0); its entry has the kernel's name.

    Raises:
        DeviceError: the compiler is not installed, or refuses the kernel.
    """
    kept = _kept(kernel, capability)
    if kept is not None and kept.exists():
        return kept.read_bytes()
    text = compiled(kernel, capability).encode() + b"\0"
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(kept, text)
    return text


def compiled(kernel: Kernel, capability: Capability) -> str:
    """The PTX of a kernel, compiled anew."""
    import numba
    from numba.cuda import dispatcher

    cuda, _ = _numba()
    types = tuple(
        getattr(numba, "boolean" if p.dtype.name == "bool" else p.dtype.name)[::1]
        if p.is_array
        else getattr(numba, "boolean" if p.dtype.name == "bool" else p.dtype.name)
        for p in kernel.parameters
    )
    device, asked = _Device(), dispatcher.get_current_device
    device.compute_capability = capability
    dispatcher.get_current_device = lambda: device
    try:
        text, _ = cuda.compile_ptx(
            translated(kernel.function),
            types,
            cc=capability,
            fastmath=kernel.fast_math,
            launch_bounds=(kernel.threads, kernel.blocks) if kernel.blocks else kernel.threads,
        )
    except numba.core.errors.NumbaError as error:
        raise DeviceError(f"{kernel.name} does not compile: {error}") from error
    finally:
        dispatcher.get_current_device = asked
    return _renamed(text, kernel.name)


def _renamed(text: str, name: str) -> str:
    """PTX whose entry has a readable name in place of Numba's."""
    found = re.search(r"\.entry\s+(\w+)\(", text)
    if found is None:
        raise DeviceError(f"{name}: the compiler gave no entry point")
    return text.replace(found[1], name)


def _kept(kernel: Kernel, capability: Capability) -> Path | None:
    """The file in which a kernel's PTX is kept; None where nothing can be written."""
    from ..cpu.jit import cache_folder

    folder = cache_folder()
    return folder / "cuda" / f"{kernel.name}-{checksum(kernel, capability)}.ptx"


def checksum(kernel: Kernel, capability: Capability) -> str:
    """What a kernel's PTX depends on, in 16 digits: its code and all that it calls or closes over, types, compiler, device."""
    import numba
    from numba_cuda import __version__ as compiler

    parts: list[Any] = [numba.__version__, compiler, capability, kernel.signature, kernel.threads, kernel.blocks, kernel.fast_math]
    _describe(kernel.function, parts, set())
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _describe(function: FunctionType, parts: list[Any], seen: set[int]) -> None:
    """Add a function's code and constants, and those of the functions that it calls."""
    if id(function) in seen:
        return
    seen.add(id(function))
    code = function.__code__
    parts += [code.co_code.hex(), [c for c in code.co_consts if isinstance(c, int | float | str | tuple | None)], code.co_names]
    cells = function.__closure__ or ()
    used = [*(cell.cell_contents for cell in cells), *(function.__globals__.get(name) for name in code.co_names)]
    for value in used:
        if isinstance(value, int | float | str | tuple):
            parts.append(value)
        elif isinstance(value, Intrinsic):
            parts.append(value.version)
        elif isinstance(value, FunctionType):
            _describe(value, parts, seen)
