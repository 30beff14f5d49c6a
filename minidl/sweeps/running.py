"""The sweep itself: hands out configurations, keeps what comes back, survives what goes wrong."""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from types import FrameType
from typing import Any

from ..errors import UsageError, WorkerError
from .configurations import Configuration, plain
from .events import Callback, Event, RunDone, SweepEnded, SweepStarted, WorkerDied
from .outcome import Failure, Function, Outcome, Run, execute
from .progress import show_progress
from .results import Results
from .store import Store
from .workers import Handed, Processes, Workers, check_processes

HEARTBEAT = 0.2
"""Seconds after which a wait looks around: on Windows, Ctrl-C does not end a wait."""


def sweep(
    function: Function,
    configurations: Iterable[Mapping[str, Any]],
    *,
    executor: Executor | None = None,
    folder: str | os.PathLike[str] | None = None,
    max_workers: int | None = None,
    callbacks: Sequence[Callback] | None = None,
) -> Results:
    """Run a function on many configurations at once, and keep every result from the moment it is there.

    A run that raises an error is kept as a failure, with its configuration, and the rest goes on. So it does when a worker
    process dies: what was running is tried again, one at a time, and only what is lost alone is a failure.

    With a folder, the same sweep in the same folder goes on where it stopped, however it was stopped: what has values is
    skipped, what failed is tried again. Ctrl-C ends the runs that are under way and keeps the rest.

    Each run starts the default generator from its setting `seed`, or from its position in the list if it has none.

    Args:
        function: gets one configuration and returns numbers by name. The processes import it, so it stands at the top level of
            a file, and a script that sweeps does so under `if __name__ == "__main__":`.
        configurations: what to run it on, such as a `grid`, `random` or `repeat` gives.
        executor: any `concurrent.futures.Executor`, such as Dask's `client.get_executor()`, `mpi4py.futures.MPIPoolExecutor`
            or Python's thread pool (for functions that may run in several threads at once: training may not). It is not shut
            down, and how many threads its workers use is its own affair. If None, processes are spawned.
        folder: where to keep `sweep.json` and `results.jsonl`; nowhere if None.
        max_workers: how many processes to spawn; one a core if None. Each uses one thread for BLAS and Numba, unless
            `OMP_NUM_THREADS` and `NUMBA_NUM_THREADS` say otherwise.
        callbacks: called with every event; if None, progress is shown on the standard error stream.

    Returns:
        The results, in the order of the configurations.

    Raises:
        UsageError: there is nothing to run, the function cannot be sent to a process, a configuration is not plain values,
            or the folder holds something else.
        WorkerError: the executor takes no more work; what was done is kept.
        KeyboardInterrupt: Ctrl-C; the message says what is done and how to go on.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from minidl import sweeps
    >>> def parabola(setting):
    ...     return {"y": (setting["x"] - 2) ** 2}
    >>> with ThreadPoolExecutor(2) as threads:
    ...     results = sweeps.sweep(parabola, sweeps.grid(x=[1, 2, 3]), executor=threads, callbacks=())
    >>> print(results)
    x  y
    1  1
    2  0
    3  1
    """
    asked = [plain(configuration) for configuration in configurations]
    if not asked:
        raise UsageError("sweep: there are no configurations to run")
    if executor is not None and max_workers is not None:
        raise UsageError("sweep: max_workers is for processes of its own; an executor brings its own number of workers")
    if executor is None:
        check_processes(function, max_workers)
    store = None if folder is None else Store(folder, _described(function), asked)
    try:
        kept = [] if store is None else store.kept
        done = {run.index for run in kept if run.failure is None}
        waiting = [index for index in range(len(asked)) if index not in done]
        workers: Workers | None = None
        if waiting:
            workers = Processes(function, max_workers, len(waiting)) if executor is None else Handed(executor)
        listeners = [show_progress()] if callbacks is None else list(callbacks)
        running = _Running(function, asked, kept, waiting, store, listeners)
        return running.run(workers)
    finally:
        if store is not None:
            store.close()


class _Running:
    """The state of a sweep that is running."""

    def __init__(
        self,
        function: Function,
        configurations: list[Configuration],
        kept: list[Run],
        waiting: list[int],
        store: Store | None,
        callbacks: Sequence[Callback],
    ) -> None:
        self._function = function
        self._configurations = configurations
        self._runs = {run.index: run for run in kept}
        self._waiting = deque(waiting)
        self._suspects: set[int] = set()
        self._lost: list[int] = []
        self._broken: Exception | None = None
        self._refusal: Exception | None = None
        self._in_flight: dict[Future[Any], int] = {}
        self._done: queue.SimpleQueue[Future[Any] | None] = queue.SimpleQueue()
        self._store = store
        self._callbacks = callbacks

    @property
    def _results(self) -> Results:
        return Results(self._runs.values(), self._configurations)

    def _tell(self, event: Event) -> None:
        for callback in self._callbacks:
            callback(event)

    def run(self, workers: Workers | None) -> Results:
        finished = False
        kept = len(self._configurations) - len(self._waiting)
        with _interrupts_to(self._done):
            try:
                self._tell(SweepStarted(self._configurations, kept, self._store.folder if self._store else None))
                if workers is not None:
                    self._work(workers)
                finished = True
            finally:
                if workers is not None:
                    workers.close(at_once=not finished)
                self._tell(SweepEnded(self._results, finished))
        self._heed_late_interrupt()
        return self._results

    def _work(self, workers: Workers) -> None:
        while self._in_flight or (self._waiting and self._refusal is None):
            if self._may_submit(workers):
                self._submit(workers)
                future = self._poll()
            else:
                future = self._wait()
            if future is not None:
                self._take(future)
            if self._broken is not None and not self._in_flight:
                self._renew(workers, self._broken)
        if (error := self._refusal) is not None:
            raise WorkerError(
                f"the executor takes no more work ({type(error).__name__}: {error}); {self._how_to_go_on()}"
            ) from error

    def _may_submit(self, workers: Workers) -> bool:
        """Whether another run may be handed over: suspects work alone, so that the one who kills is known."""
        if not self._waiting or self._broken is not None or self._refusal is not None:
            return False
        room = 1 if self._suspects else workers.room
        return room is None or len(self._in_flight) < room

    def _submit(self, workers: Workers) -> None:
        """Hand over the next run, and note if it is not taken."""
        index = self._waiting[0]
        try:
            future = workers.submit(execute, self._function, self._configurations[index], index)
        except BrokenExecutor as error:
            self._broken = error
        except Exception as error:
            self._refusal = error
        else:
            self._waiting.popleft()
            self._in_flight[future] = index
            future.add_done_callback(self._done.put)

    def _poll(self) -> Future[Any] | None:
        try:
            return self._checked(self._done.get_nowait())
        except queue.Empty:
            return None

    def _wait(self) -> Future[Any] | None:
        try:
            return self._checked(self._done.get(timeout=HEARTBEAT))
        except queue.Empty:
            return None

    def _checked(self, future: Future[Any] | None) -> Future[Any]:
        """Return the future; None is Ctrl-C: take in what has come back by now, and stop."""
        if future is not None:
            return future
        for late in self._left():
            if late is not None:
                self._take(late)
        raise KeyboardInterrupt(f"stopped by Ctrl-C; {self._how_to_go_on()}")

    def _left(self) -> Iterator[Future[Any] | None]:
        """Empty the inbox."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._done.get_nowait()

    def _heed_late_interrupt(self) -> None:
        """Raise the Ctrl-C that came after the last run: whoever pressed it does not want what follows the sweep either."""
        if None in list(self._left()):
            raise KeyboardInterrupt(f"stopped by Ctrl-C; {self._how_to_go_on()}")

    def _take(self, future: Future[Any]) -> None:
        """Keep what a future brings."""
        index = self._in_flight.pop(future)
        error = CancelledError() if future.cancelled() else future.exception()
        if isinstance(error, BrokenExecutor | CancelledError):
            self._broken = error
            self._lost.append(index)
        elif error is not None:
            self._keep(index, Outcome(None, Failure.of(error), 0.0))
        else:
            self._keep(index, future.result())

    def _keep(self, index: int, outcome: Outcome) -> None:
        run = Run(index, self._configurations[index], outcome.values, outcome.failure, outcome.seconds)
        if self._store is not None:
            self._store.append(run)
        self._runs[index] = run
        self._suspects.discard(index)
        self._tell(RunDone(run))

    def _renew(self, workers: Workers, broken: Exception) -> None:
        """Go on after a worker has died, if that is possible: what was running is tried again, each run alone."""
        how = workers.renew()
        if how is None:
            self._refusal = broken
            return
        lost, self._lost, self._broken = sorted(self._lost), [], None
        guilty = [index for index in lost if index in self._suspects]
        for index in guilty:
            self._keep(index, Outcome(None, Failure("WorkerDied", f"{how} while it ran this alone"), 0.0))
        again = [index for index in lost if index not in guilty]
        self._suspects.update(again)
        self._waiting.extendleft(reversed(again))
        if not guilty:
            self._tell(WorkerDied(how, again))

    def _how_to_go_on(self) -> str:
        done = sum(run.failure is None for run in self._runs.values())
        said = f"{done:,} of {len(self._configurations):,} runs are done"
        if self._store is None:
            return f"{said}; a sweep with a folder keeps them, and goes on from there"
        return f"{said} and kept in {self._store.folder}; the same sweep with the same folder goes on from there"


@contextlib.contextmanager
def _interrupts_to(inbox: queue.SimpleQueue[Future[Any] | None]) -> Iterator[None]:
    """Turn Ctrl-C into a None in the inbox, so that it never tears what is being written.

    A queue of this kind may be put into from a signal handler. Where Ctrl-C is ignored, or handled outside Python, it stays so.
    """
    theirs = signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None)
    if theirs or threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        inbox.put(None)

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _described(function: Any) -> str:
    """Name a function, and what it was bound to."""
    if isinstance(function, functools.partial):
        bound = [*map(repr, function.args), *(f"{name}={value!r}" for name, value in function.keywords.items())]
        return f"{_described(function.func)}({', '.join(bound)})"
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"
