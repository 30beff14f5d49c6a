"""From a kernel to PTX, NVIDIA's assembly: the function is given Numba's words for the simulator's, and Numba compiles it.

No GPU is needed for that. What was compiled is kept in Numba's cache folder, by a checksum of the source, the compiler's
version and the device's architecture.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import math
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ....errors import DeviceError
from ....files import write_atomic
from ...cpu.jit import cache_folder
from ..runtime.driver import INSTALL
from . import language
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
    words: dict[int, Any] = {id(language.cuda): cuda, id(language.math): math}
    for name in ("float16", "float32", "float64"):
        words[id(getattr(language, name))] = getattr(numba.core.types, name)
    words[id(language.int8)], words[id(language.uint8)] = numba.int8, numba.uint8
    return cuda, words


_WHOLE = ("int32", "uint32", "int64", "uint64")
"""Words that are all Python's `int` in the simulator; Numba's are found by their names."""


def translated(function: FunctionType, fast_math: bool = False) -> FunctionType:
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
            return _device_function(value, fast_math)
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
def _device_function(function: FunctionType, fast_math: bool) -> Any:
    """A function that kernels call, for Numba to put into them."""
    cuda, _ = _numba()
    return cuda.jit(device=True, forceinline=True, fastmath=fast_math)(translated(function, fast_math))


_compiling = threading.RLock()


class _Device:
    """Numba asks which device is current when it meets a device function; without a GPU this answers."""

    compute_capability: Capability = (0, 0)


NEWER = ("copy16", "copy4", "commit", "wait", "tf32", "bfloat16_pair")
"""Instructions that Turing (compute capability 7.5) does not have."""


def needs(kernel: Kernel) -> Capability:
    """The oldest architecture that has a kernel's instructions: copies beside the arithmetic and more came with 8.0."""
    return (8, 0) if any(one.twin.__name__ in NEWER for one in intrinsics(kernel.function)) else (7, 5)


def intrinsics(function: FunctionType, seen: list[Any] | None = None) -> Iterator[Intrinsic]:
    """The intrinsics that a function uses, and the functions that it calls."""
    seen = [] if seen is None else seen
    seen.append(function)
    around = [cell.cell_contents for cell in function.__closure__ or ()]
    for value in (*around, *(function.__globals__.get(name) for name in function.__code__.co_names)):
        if isinstance(value, Intrinsic):
            yield value
        elif isinstance(value, FunctionType) and value not in seen:
            yield from intrinsics(value, seen)


def ptx(kernel: Kernel, capability: Capability) -> bytes:
    """Compile a kernel for a device of a compute capability such as (9, 0); its entry has the kernel's name.

    The PTX is that of the oldest architecture with the kernel's instructions, which the driver assembles for the device it
    has: so all devices run what was looked at without one.

    Raises:
        DeviceError: the compiler is not installed, or refuses the kernel, or the device is too old for it.
    """
    target = needs(kernel)
    if capability < target:
        wanted, found = (".".join(map(str, one)) for one in (target, capability))
        raise DeviceError(f"{kernel.name} needs a GPU of compute capability {wanted}; this one has {found}")
    kept = cache_folder() / "cuda" / f"{kernel.name}-{checksum(kernel, target)}.ptx"
    with suppress(OSError):
        return kept.read_bytes()
    text = compiled(kernel, target).encode() + b"\0"
    with suppress(OSError):  # a folder that cannot be written to costs time, no more
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(kept, text)
    return text


def compiled(kernel: Kernel, capability: Capability) -> str:
    """The PTX of a kernel, compiled anew."""
    import numba

    cuda, _ = _numba()
    words = [
        getattr(numba.core.types, "boolean" if p.dtype.name == "bool" else p.dtype.name) for p in kernel.parameters
    ]
    types = tuple(word[::1] if p.is_array else word for p, word in zip(kernel.parameters, words, strict=True))
    bounds = (kernel.threads, kernel.blocks) if kernel.blocks else kernel.threads
    try:
        with _as_if_on(capability):
            function = translated(kernel.function, kernel.fast_math)
            text, _ = cuda.compile_ptx(function, types, cc=capability, fastmath=kernel.fast_math, launch_bounds=bounds)
    except numba.core.errors.NumbaError as error:
        raise DeviceError(f"{kernel.name} does not compile: {error}") from error
    return _renamed(text, kernel.name)


@contextmanager
def _as_if_on(capability: Capability) -> Iterator[None]:
    """Have Numba believe that such a device is current; one thread at a time."""
    dispatcher: Any = importlib.import_module("numba.cuda.dispatcher")
    device = _Device()
    device.compute_capability = capability
    with _compiling:
        asked, dispatcher.get_current_device = dispatcher.get_current_device, lambda: device
        try:
            yield
        finally:
            dispatcher.get_current_device = asked


def _renamed(text: str, name: str) -> str:
    """PTX whose entry has a readable name in place of Numba's."""
    found = re.search(r"\.entry\s+(\w+)\(", text)
    if found is None:
        raise DeviceError(f"{name}: the compiler gave no entry point")
    return text.replace(found[1], name)


def checksum(kernel: Kernel, capability: Capability) -> str:
    """What a kernel's PTX depends on, in 16 digits: its code and all that it calls or closes over, types, compiler, device."""
    import numba
    from numba_cuda import __version__ as compiler

    parts: list[Any] = [numba.__version__, compiler, sys.version_info[:2], capability, kernel.name, kernel.signature]
    parts += [kernel.threads, kernel.blocks, kernel.fast_math]
    describe(kernel.function, parts, [])
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def describe(value: Any, parts: list[Any], seen: list[Any]) -> None:
    """Add what a value in a kernel's text means to the compiler: the same in every process, another where it means another.

    Raises:
        TypeError: it is nothing that a kernel can use.
    """
    if any(value is one for one in seen):
        parts.append("again")
    elif isinstance(value, tuple | list | frozenset):
        parts.append((type(value).__name__, len(value)))
        for one in sorted(value, key=repr) if isinstance(value, frozenset) else value:
            describe(one, parts, seen)
    elif isinstance(value, Intrinsic):
        seen.append(value)
        for one in (value.twin.__name__, value.types, value.emit):
            describe(one, parts, seen)
    elif isinstance(value, FunctionType):
        seen.append(value)
        _describe_function(value, parts, seen)
    elif isinstance(value, CodeType):
        parts += [value.co_code.hex(), value.co_names]
        describe(value.co_consts, parts, seen)
    elif isinstance(value, type | ModuleType | BuiltinFunctionType | np.ufunc):
        parts.append(getattr(value, "__qualname__", value.__name__))
    elif (
        value is None
        or value is ...
        or isinstance(value, int | float | complex | str | bytes | slice | np.generic | np.dtype)
    ):
        parts.append((type(value).__name__, repr(value)))
    elif id(value) in _words():
        parts.append(f"word {type(value).__name__}")
    else:
        raise TypeError(
            f"a kernel uses {value!r:.80}, of which the compiler's cache cannot tell whether it has changed"
        )


def _describe_function(function: FunctionType, parts: list[Any], seen: list[Any]) -> None:
    """Add a function's code, its defaults, and what it finds in its module and around itself under the names that it uses."""
    code = function.__code__
    describe(code, parts, seen)
    describe(function.__defaults__, parts, seen)
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        parts.append(name)
        describe(cell.cell_contents, parts, seen)
    for name in code.co_names:
        if name in function.__globals__:
            describe(function.__globals__[name], parts, seen)


def _words() -> set[int]:
    return {id(language.cuda), id(language.math)}
