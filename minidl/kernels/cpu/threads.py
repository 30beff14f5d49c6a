"""Threads that do not fight: BLAS works on one thread wherever Numba's threads, or many small products, share the cores.

OpenBLAS's threads spin while they wait for each other. Beside a second pool of threads, or on a machine that others use
too, a product of a fraction of a millisecond then takes several (measured: a LeNet step 8 times slower). Products large
enough to pay for it keep all of BLAS's threads.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

LARGE = 1 << 27
"""Multiply-adds from which a product is worth several threads: about a millisecond's work for one."""


class one_blas_thread:  # noqa: N801  (used as a statement: with one_blas_thread())
    """Keep every BLAS library in this process to one thread inside the block. Entering and leaving takes microseconds."""

    _libraries: list[Any] | None = None

    def __enter__(self) -> None:
        libraries = one_blas_thread._libraries
        if libraries is None:
            libraries = one_blas_thread._libraries = _blas_libraries()
        self._before = [library.get_num_threads() for library in libraries]
        for library, count in zip(libraries, self._before, strict=True):
            if count != 1:
                library.set_num_threads(1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for library, count in zip(one_blas_thread._libraries or [], self._before, strict=True):
            if count != 1:
                library.set_num_threads(count)


def _blas_libraries() -> list[Any]:
    """The BLAS libraries loaded now, found once: looking for them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)
