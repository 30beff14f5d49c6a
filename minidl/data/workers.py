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
from ..processes import GUARD, become_worker, interrupts_held_back
from .pipe import receive, send

Tag = tuple[int, int]
"""Which batch: the number of the iteration over the loader, and the batch's position in it."""


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
        self._processes: dict[int, BaseProcess] = {}
        self._timeout = timeout
        self._runs = itertools.count()
        self._run = 0
        self.close = weakref.finalize(self, _close, self._processes, self._connections)
        failures: list[Exception] = []

        def start(number: int, theirs: Connection) -> None:
            process = context.Process(
                target=_work,
                args=(theirs, job, WorkerInfo(number, count, dataset), init),
                name=f"minidl data worker {number}",
                daemon=True,
            )
            try:
                with theirs, interrupts_held_back():
                    process.start()
                self._processes[number] = process
            except Exception as error:
                failures.append(error)

        # Starting one waits until it has read a large data set, which it does last: so all are started at once.
        starters = []
        for number in range(count):
            ours, theirs = context.Pipe()
            self._connections.append(ours)
            starters.append(threading.Thread(target=start, args=(number, theirs), daemon=True))
            starters[-1].start()
        try:
            for starter in starters:
                starter.join()
        except BaseException:  # Ctrl-C: those still starting find their pipe closed, and end
            self.close()
            raise
        if failures:
            self.close()
            raise UsageError(
                f"the data set, its transforms or functions cannot be sent to a worker process ({failures[0]}); define "
                "functions and classes at the top level of a module, not inside others or as lambdas, or use num_workers=0"
            ) from failures[0]

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
                tag, result, report = receive(connection)
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
        if code is not None and code < 0:
            return WorkerError(
                f"data worker {number} was ended by the signal {_signal_name(-code)}: by someone, or by the system, for "
                "instance because memory ran out; fewer workers (num_workers) or smaller batches need less of it"
            )
        return WorkerError(
            f"data worker {number} ended unexpectedly with exit code {code}: either its code ended the process, or it could "
            f"not begin (then it has said why above): {GUARD}, and what was defined in a notebook or at the prompt must go "
            "into a module, or use num_workers=0"
        )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _close(processes: dict[int, BaseProcess], connections: list[Connection]) -> None:
    for connection in connections:
        connection.close()
    started = list(processes.values())
    for process in started:
        process.terminate()
    for process in started:
        process.join()


def _work(
    connection: Connection, job: Callable[..., Any], info: WorkerInfo, init: Callable[[int], None] | None
) -> None:
    """Run in a worker: answer requests until the pipe closes."""
    global _info
    become_worker()
    _info = info
    os.environ["NUMBA_NUM_THREADS"] = "1"  # the other cores are for the main process and the other workers
    import threadpoolctl

    threadpoolctl.threadpool_limits(1)
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


def _send_all(connection: Connection, outbox: queue.SimpleQueue[Any]) -> None:
    """Send results, so that the next batch can be begun before the last one is fetched."""
    while True:
        tag, result, report = outbox.get()
        try:
            send(connection, (tag, result, report))
        except OSError:
            return
        except Exception as error:  # a batch that cannot be sent
            send(connection, (tag, None, _report(error)))


def _report(error: Exception) -> str:
    headline = " ".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])
    return f"{headline}\n\nThe worker's traceback:\n{''.join(traceback.format_exception(error))}"
