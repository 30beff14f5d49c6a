"""Threads that do not fight: BLAS works on one thread wherever Numba's threads, or many small products, share the cores.

OpenBLAS's threads spin while they wait for each other. Beside a second pool of threads, or on a machine that others use
too, a product of a fraction of a millisecond then takes several (measured: a LeNet step 8 times slower). Products large
enough to pay for it keep all of BLAS's threads.
"""

from __future__ import annotations

import importlib
import itertools
import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple

LARGE = 1 << 27
"""Multiply-adds from which a product is worth several threads: about a millisecond's work for one."""


SMALL = 1 << 13
"""Multiply-adds below which OpenBLAS never divides a product: there is no need to tell it."""


class one_blas_thread:  # noqa: N801  (used as a statement: with one_blas_thread())
    """Keep every BLAS library in this process to one thread inside the block. Entering and leaving takes a microsecond.

    Blocks may nest and may run in several Python threads at once: the last to leave gives the threads back.
    """

    def __enter__(self) -> None:
        global _inside, _libraries
        with _lock:
            _inside += 1
            if _inside == 1:
                if _libraries is None:
                    _libraries = _blas_libraries()
                for library in _libraries:
                    _before.append(library.threads())
                    library.use(1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _inside
        with _lock:
            _inside -= 1
            if _inside == 0 and _libraries is not None:
                for library in reversed(_libraries):
                    library.use(_before.pop())


class _Library(NamedTuple):
    """A BLAS library's two functions: how many threads it uses, and to use so many."""

    threads: Callable[[], int]
    use: Callable[[int], Any]


_lock = threading.Lock()
_inside = 0
_libraries: list[_Library] | None = None
_before: list[int] = []


def sleep_soon() -> None:
    """Have Numba's threads sleep soon after they begin to wait; to be called before the first of them starts.

    Threads that wait by spinning take the cores from BLAS and from other programs; to wake one that sleeps takes 50
    microseconds. GNU's OpenMP spins for milliseconds; here it spins for some 40 microseconds, until about the next kernel of a
    step. Measured, a step of ResNet-20, 32 images: 65 ms without spinning, 55 so, 50 to 60 as it comes; where other programs
    keep the cores busy 92 ms without, and 250 to 530 as it comes. What the environment says already stays.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}


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


def _blas_libraries() -> list[_Library]:
    """The BLAS libraries loaded now, found once: looking for them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    controllers = ThreadpoolController().select(user_api="blas").lib_controllers
    libraries = [_functions_of(controller) for controller in controllers]
    for controller, library in zip(controllers, libraries, strict=True):
        names = ("OMP_NUM_THREADS", f"{controller.internal_api.upper()}_NUM_THREADS")
        if _most is not None and not any(name in os.environ for name in names):
            library.use(min(_most, library.threads()))
    return libraries


def _functions_of(controller: Any) -> _Library:
    """The functions that threadpoolctl would call: its own way to them takes several times as long as they do.

    It also lets only one Python thread use them, the first; here the blocks that are open are counted instead.
    """
    if getattr(controller, "threading_layer", None) == "pthreads":  # OpenBLAS with threads of its own
        for prefix, suffix in itertools.product(("", "scipy_"), ("", "64_", "_64")):
            threads = getattr(controller.dynlib, f"{prefix}openblas_get_num_threads{suffix}", None)
            use = getattr(controller.dynlib, f"{prefix}openblas_set_num_threads{suffix}", None)
            if threads is not None and use is not None:
                return _Library(threads, use)
    return _Library(controller.get_num_threads, controller.set_num_threads)
