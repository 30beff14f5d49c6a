"""Who does the work: processes of our own, or whatever executor is handed in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import context, process, reduction, synchronize
from pathlib import Path
from typing import Any, Protocol

from ..errors import UsageError
from ..kernels.cpu.threads import limit_threads
from ..processes import GUARD, become_worker, cores, interrupts_held_back
from .outcome import Function

MOST = 61 if sys.platform == "win32" else 4096
"""How many processes a pool may have: Windows waits for no more than 63 things at once."""


class Workers(Protocol):
    """What a sweep needs of those who work for it.

    Attributes:
        room: how many runs may be handed over at a time; None for any number.
    """

    @property
    def room(self) -> int | None: ...  # noqa: D102

    def submit(self, call: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        """Have `call(*arguments)` computed."""

    def renew(self) -> str | None:
        """Start over after a worker has died, and return what became of it; None if that cannot be done."""

    def close(self, *, at_once: bool) -> None:
        """End: at once if the sweep was broken off."""


class _Worker(context.SpawnProcess):
    def start(self) -> None:
        with interrupts_held_back():
            super().start()


class _Spawn(context.SpawnContext):
    """The spawn context, which also keeps the processes that it makes."""

    def __init__(self) -> None:
        self.made: list[_Worker] = []

    def Process(self, *args: Any, **kwargs: Any) -> process.BaseProcess:  # type: ignore[override]  # noqa: N802
        worker = _Worker(*args, **kwargs)
        self.made.append(worker)
        return worker


class Processes:
    """Spawned processes of our own, each with one thread for BLAS and Numba unless the environment says otherwise.

    Why no more runs are handed over than there are processes: when one dies, Python's pool gives up all that it was handed,
    and cannot say which of them was running where.

    Args:
        function: what they are to run.
        count: how many; one a core if None, but no more than `runs`.
        runs: how many runs there are.
    """

    room: int

    def __init__(self, function: Function, count: int | None, runs: int) -> None:
        self.room = min(count or cores(), runs, MOST)
        self._function = function
        self._start()

    def _start(self) -> None:
        self._context = _Spawn()
        self._alive = self._context.Event()
        self._pool = ProcessPoolExecutor(
            self.room,
            mp_context=self._context,
            initializer=_begin,
            initargs=(self._alive, self._function),
        )

    def submit(self, call: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        """Have `call(*arguments)` computed."""
        return self._pool.submit(call, *arguments)

    def renew(self) -> str:
        """Put a new pool in the place of one in which a process has died, and return what became of that one.

        Raises:
            UsageError: none of its processes has even begun.
        """
        self._pool.shutdown()
        if not self._alive.is_set():
            raise UsageError(
                f"the worker processes cannot start: {GUARD}, and what it imports must be there for them too"
            )
        codes = [worker.exitcode for worker in self._context.made if worker.exitcode]
        # The pool itself ends the others with SIGTERM.
        code = next((code for code in codes if code != -15), codes[0] if codes else None)
        self._start()
        return _in_words(code)

    def close(self, *, at_once: bool) -> None:
        """End the processes: after what they are doing, or in the middle of it."""
        if at_once:
            for worker in self._context.made:
                if worker.pid is not None:
                    worker.kill()
        self._pool.shutdown(cancel_futures=True)


class Handed:
    """An executor that was handed in, and that whoever handed it in will shut down."""

    room: None = None

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._futures: list[Future[Any]] = []

    def submit(self, call: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        """Have `call(*arguments)` computed."""
        future = self._executor.submit(call, *arguments)
        self._futures.append(future)
        return future

    def renew(self) -> None:
        """Return None: an executor that was handed in cannot be replaced."""

    def close(self, *, at_once: bool) -> None:
        """Take back what has not begun."""
        for future in self._futures:
            future.cancel()


def _begin(alive: synchronize.Event, function: Function) -> None:
    """Run first in every process of a pool. The function is handed over to see whether it arrives."""
    become_worker()
    limit_threads(1)  # the other cores are for the other processes
    alive.set()


def _in_words(code: int | None) -> str:
    import signal

    if code is None:
        return "a worker process ended"
    if code > 0:
        return f"a worker process ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    cause = ", as the system does when memory runs out" if name == "SIGKILL" else ""
    return f"a worker process was ended by {name}{cause}"


def check_processes(function: Function, count: int | None) -> None:
    """Make sure that so many other processes can be had, and can find the function.

    Raises:
        UsageError: they cannot.
    """
    if count is not None and count < 1:
        raise UsageError(f"max_workers must be at least 1; got {count}")
    name = getattr(function, "__qualname__", repr(function))
    remedy = "define it at the top level of a file, not inside another function or as a lambda"
    try:
        sent = bytes(reduction.ForkingPickler.dumps(function))
    except Exception as error:
        raise UsageError(f"{name} cannot be sent to a worker process ({error}); {remedy}") from error
    # A function travels as the names of its module and of itself, and every process begins by importing the main module.
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    typed = b"__main__" in sent if file is None else not Path(file).exists()
    if typed and getattr(main, "__spec__", None) is None:
        raise UsageError(
            f"worker processes cannot import {name}: it was typed into an interactive session or piped into Python; put it in "
            "a file and import it, or give the sweep an executor that needs no import, such as a ThreadPoolExecutor"
        )
