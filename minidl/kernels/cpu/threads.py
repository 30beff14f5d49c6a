"""Threads that do not fight: BLAS works on one thread wherever Numba's threads, or many small products, share the cores.

OpenBLAS's threads spin while they wait for each other. Beside a second pool of threads, or on a machine that others use
too, a product of a fraction of a millisecond then takes several (measured: a LeNet step 8 times slower). Products large
enough to pay for it keep all of BLAS's threads.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from types import TracebackType
from typing import Any

LARGE = 1 << 27
"""Multiply-adds from which a product is worth several threads: about a millisecond's work for one."""


class one_blas_thread:  # noqa: N801  (used as a statement: with one_blas_thread())
    """Keep every BLAS library in this process to one thread inside the block. Entering and leaving takes microseconds.

    Blocks may nest and may run in several Python threads at once: the last to leave gives the threads back.
    """

    def __enter__(self) -> None:
        global _inside, _libraries, _before
        with _lock:
            _inside += 1
            if _inside > 1:
                return
            if _libraries is None:
                _libraries = _blas_libraries()
            _before = [library.get_num_threads() for library in _libraries]
            for library in _libraries:
                library.set_num_threads(1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _inside
        with _lock:
            _inside -= 1
            if not _inside and _libraries is not None:
                for library, count in zip(_libraries, _before, strict=True):
                    library.set_num_threads(count)


_lock = threading.Lock()
_inside = 0
_libraries: list[Any] | None = None
_before: list[int] = []


def look_again() -> None:
    """Look for BLAS libraries anew at the next block: another one, such as SciPy's own, has been loaded."""
    global _libraries
    with _lock:
        if _inside == 0:
            _libraries = None


def limit_threads(count: int) -> None:
    """Have BLAS and Numba's kernels use `count` threads at most in this process.

    Where the environment says how many there are to be, that stays: `OMP_NUM_THREADS`, `OPENBLAS_NUM_THREADS` and
    `MKL_NUM_THREADS` for BLAS, `NUMBA_NUM_THREADS` for kernels.
    """
    global _most
    _most = count
    _blas_libraries()
    look_again()
    chosen = os.environ.get("NUMBA_NUM_THREADS")
    if chosen is not None and chosen != os.environ.get(_OURS):  # a process that started this one may have come here too
        return
    if "numba" in sys.modules:
        numba = importlib.import_module("numba")
        numba.set_num_threads(min(count, numba.get_num_threads()))
    else:
        os.environ["NUMBA_NUM_THREADS"] = os.environ[_OURS] = str(count)


_most: int | None = None
_OURS = "MINIDL_NUMBA_NUM_THREADS"


def _blas_libraries() -> list[Any]:
    """The BLAS libraries loaded now, found once: looking for them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    libraries = list(ThreadpoolController().select(user_api="blas").lib_controllers)
    for library in libraries:
        names = ("OMP_NUM_THREADS", f"{library.internal_api.upper()}_NUM_THREADS")
        if _most is not None and not any(name in os.environ for name in names):
            library.set_num_threads(min(_most, library.get_num_threads()))
    return libraries
