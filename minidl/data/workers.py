"""Processes that prepare batches while the main one computes.

Why processes and not threads: Numba's simplest threading layer, the only one that is there everywhere, aborts the program
when two Python threads run parallel kernels at once, and nothing stops a data set's code from using one. Processes are
spawned, never forked: that works alike on Linux, macOS and Windows, and a fork would copy locks that another thread holds.
So what a worker is to run is sent to it: functions and classes must be importable by name, and a script that uses workers
needs `if __name__ == "__main__":` around what it does.

Each worker has a pipe of its own. A worker whose pipe closes, because the loader is done with it or the main process is
gone in whatever way, ends.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import queue
import signal
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from ..errors import UsageError, WorkerError

Tag = tuple[int, int]
"""Which batch: the number of the iteration over the loader, and the batch's position in it."""

GUARD = 'a script that uses workers needs `if __name__ == "__main__":` around what it does'


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What a worker process knows of itself.

    Attributes:
        id: its number, from 0.
        num_workers: how many there are.
        dataset: its copy of the data set.
    """

    id: int
    num_workers: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Return what the worker process that this is called in knows of itself; None in the main process.

    >>> get_worker_info() is None
    True
    """
    return _info


class WorkerPool:
    """Worker processes that all run the same job.

    Args:
        count: how many.
        job: called in the workers; sent to them once, when they start.
        dataset: what `get_worker_info` shows.
        init: called in each worker with its number before anything else.
        timeout: seconds to wait for a batch; 0 for ever.

    Raises:
        UsageError: the job cannot be sent to another process.
    """

    def __init__(
        self,
        count: int,
        job: Callable[..., Any],
        dataset: Any,
        init: Callable[[int], None] | None,
        timeout: float,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._connections: list[Connection] = []
        self._processes: list[BaseProcess] = []
        self._timeout = timeout
        self._runs = itertools.count()
        self._run = 0
        self.close = weakref.finalize(self, _close, self._processes, self._connections)
        try:
            for number in range(count):
                ours, theirs = context.Pipe()
                self._connections.append(ours)
                process = context.Process(
                    target=_work,
                    args=(theirs, job, WorkerInfo(number, count, dataset), init),
                    name=f"minidl data worker {number}",
                    daemon=True,
                )
                with theirs, _interrupts_held_back():
                    process.start()
                self._processes.append(process)
        except Exception as error:
            self.close()
            raise UsageError(
                f"the data set, its transforms or functions cannot be sent to a worker process ({error}); define functions "
                "and classes at the top level of a module, not inside others or as lambdas, or use num_workers=0"
            ) from error

    def map(self, requests: list[tuple[Any, ...]], begin: int, ahead: int) -> Iterator[Any]:
        """Give the results of the job for `requests[begin:]`, in order, asking for each up to `ahead` in advance.

        Raises:
            WorkerError: the job raised an error, or a worker ended or took longer than the timeout.
        """
        self._run = next(self._runs)
        asked = begin
        for position in range(begin, len(requests)):
            while asked < min(len(requests), position + ahead):
                number, connection = self._worker(asked)
                try:
                    connection.send(((self._run, asked), requests[asked]))
                except OSError:
                    raise self._ended(number) from None
                asked += 1
            yield self._receive(position)

    def _worker(self, position: int) -> tuple[int, Connection]:
        """Return which worker makes the batch at a position: they take turns."""
        number = position % len(self._connections)
        return number, self._connections[number]

    def _receive(self, position: int) -> Any:
        number, connection = self._worker(position)
        try:
            while True:
                if self._timeout and not connection.poll(self._timeout):
                    raise WorkerError(
                        f"data worker {number} has not delivered batch {position} in {self._timeout} seconds"
                    )
                tag, result, report = connection.recv()
                if tag == (self._run, position):  # else what is left of a loop that was broken off
                    break
        except (EOFError, OSError):
            raise self._ended(number) from None
        except BaseException:  # also Ctrl-C: the pipe may stand in the middle of a message
            self.close()
            raise
        if report:
            self.close()
            raise WorkerError(f"data worker {number} could not make batch {position}: {report}")
        return result

    def _ended(self, number: int) -> WorkerError:
        """Return the error for a worker that is no longer there, after ending the others."""
        process = self._processes[number]
        process.join(5)
        code = process.exitcode
        self.close()
        return WorkerError(
            f"data worker {number} ended unexpectedly with exit code {code}: either the system ended it, for instance "
            f"because memory ran out, or it could not begin: {GUARD}"
        )


def _close(processes: list[BaseProcess], connections: list[Connection]) -> None:
    for connection in connections:
        connection.close()
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let no Ctrl-C reach a process that is starting, where the system can: it would print a traceback."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(
    connection: Connection, job: Callable[..., Any], info: WorkerInfo, init: Callable[[int], None] | None
) -> None:
    """Run in a worker: answer requests until the pipe closes."""
    global _info
    # Ctrl-C goes to the whole group of processes; the main one decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _info = info
    os.environ["NUMBA_NUM_THREADS"] = "1"  # the other cores are for the main process and the other workers
    import threadpoolctl

    threadpoolctl.threadpool_limits(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_send_all, args=(connection, outbox), daemon=True).start()
    failure = ""
    if init is not None:
        try:
            init(info.id)
        except Exception as error:
            failure = _report(error)
    while True:
        try:
            tag, arguments = connection.recv()
        except (EOFError, OSError):
            return
        if failure:
            outbox.put((tag, None, failure))
            continue
        try:
            outbox.put((tag, job(*arguments), ""))
        except Exception as error:
            outbox.put((tag, None, _report(error)))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _send_all(connection: Connection, outbox: queue.SimpleQueue[Any]) -> None:
    """Send results, so that the next batch can be begun before the last one is fetched."""
    while True:
        tag, result, report = outbox.get()
        try:
            connection.send((tag, result, report))
        except OSError:
            return
        except Exception as error:  # a batch that cannot be sent
            connection.send((tag, None, _report(error)))


def _report(error: Exception) -> str:
    return f"{type(error).__name__}: {error}\n\nThe worker's traceback:\n{''.join(traceback.format_exception(error))}"
