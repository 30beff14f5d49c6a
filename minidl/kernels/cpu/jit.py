"""Compiling kernels: when first called, once a machine, and never in silence.

What Numba compiles is kept on disk, so that only the very first call on a machine pays (seconds); later processes load it
(milliseconds). Numba itself takes most of a second to import, so the modules that hold kernels are imported when the
first kernel is needed; this one stays light.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from .heap import keep_memory
from .threads import sleep_soon

F = TypeVar("F", bound=Callable[..., Any])


def kernel(parallel: bool = False, reorder: bool = False, exact: bool = False) -> Callable[[F], F]:
    """Have Numba compile a function on arrays.

    Args:
        parallel: whether its `prange` loops are divided among threads.
        reorder: whether sums may be added up in another order, which lets a sum along contiguous memory use vectors (5 times
            as fast); the order is fixed when the kernel is compiled, so results stay the same bits from run to run.
        exact: whether each operation rounds as NumPy does, so that it computes the same bits as the same lines on arrays.
    """
    numba = _numba()
    fast = False if exact else {"contract", "nsz"} | ({"reassoc"} if reorder else set())
    options = {"parallel": parallel, "fastmath": fast, "error_model": "numpy" if exact else "python", "nogil": True}
    return lambda function: _compiled(function, lambda cache: numba.njit(cache=cache, **options)(function))


@functools.cache
def _numba() -> Any:
    """Numba, set up so that its threads soon sleep while they wait, and the process so that memory stays for the next step."""
    keep_memory()
    sleep_soon()
    numba: Any = importlib.import_module("numba")
    _listen()
    return numba


def _compiled(function: Any, compile: Callable[[bool], Any]) -> Any:
    """Compile into the cache on disk, if there is one."""
    folder = _writable_cache_folder()
    _ours.add(function)
    if folder is None:
        return compile(False)
    previous = _numba().config.CACHE_DIR
    _numba().config.CACHE_DIR = str(folder)  # read while the decorator runs: other libraries' caches stay theirs
    try:
        return compile(True)
    finally:
        _numba().config.CACHE_DIR = previous


# The cache on disk ------------------------------------------------------------------------------------------------------


def cache_folder() -> Path:
    """The folder that holds compiled kernels: `$NUMBA_CACHE_DIR` if set, else in the user's cache folder."""
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("minidl", appauthor=False)) / "kernels"


def generated_folder() -> Path:
    """The folder for the sources of kernels that are written on the way; one of this process alone if there is no other."""
    folder = _writable_cache_folder()
    return Path(_temporary_folder().name) if folder is None else folder / "minidl_generated"


@functools.cache
def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="minidl-")


def clear_cache() -> int:
    """Delete the compiled kernels of minidl from disk and return how many bytes that freed.

    Only entries that minidl made go, also where `$NUMBA_CACHE_DIR` is shared with other programs.
    """
    freed = 0
    for folder in our_cache_entries():
        freed += folder_bytes(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return freed


def our_cache_entries() -> list[Path]:
    """The folders below `cache_folder()` that hold minidl's compiled kernels; Numba makes one a source folder."""
    folder = cache_folder()
    if not folder.is_dir():
        return []
    if "NUMBA_CACHE_DIR" not in os.environ:
        return sorted(p for p in folder.iterdir() if p.is_dir())  # a folder of our own, also of earlier installations
    sources = (str(Path(__file__).parent), str(generated_folder()))
    ours = [
        folder / f"{Path(here).name}_{hashlib.sha1(here.encode()).hexdigest()}" for here in sources
    ]  # Numba's names
    return [entry for entry in (*ours, generated_folder()) if entry.is_dir()]


def folder_bytes(folder: Path) -> int:
    """How much the files below a folder hold."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def _writable_cache_folder() -> Path | None:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


# Saying so --------------------------------------------------------------------------------------------------------------


@contextmanager
def on_compile(report: Callable[[str], None]) -> Iterator[None]:
    """Call `report` with the name of each kernel about to be compiled inside the block, in place of the usual line."""
    global _report
    previous, _report = _report, report
    try:
        yield
    finally:
        _report = previous


def _say_once(name: str) -> None:
    """Tell a person at a terminal, once a process, why the first call takes seconds."""
    global _said
    if not _said and sys.stderr.isatty():
        print("minidl: compiling kernels for this machine (once, some seconds) …", file=sys.stderr, flush=True)
    _said = True


_ours: set[Callable[..., Any]] = set()
_said = False
_report: Callable[[str], None] = _say_once


def _listen() -> None:
    """Have Numba tell us when it really compiles one of our kernels (and not when it loads one from disk)."""
    event: Any = importlib.import_module("numba.core.event")

    class Announce(event.Listener):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            function = event.data["dispatcher"].py_func
            if function in _ours:
                _report(function.__name__)

        def on_end(self, event: Any) -> None: ...

    event.register("numba:compile", Announce())
