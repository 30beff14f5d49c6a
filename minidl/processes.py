"""Processes that work for this one: started alike on every system, quiet at Ctrl-C, gone when the main process is gone.

They are spawned, never forked: that works alike on Linux, macOS and Windows, and a fork would copy locks that another thread
holds. So what they run is sent to them by name: functions and classes must be importable.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator

GUARD = 'a script that uses workers needs `if __name__ == "__main__":` around what it does'


def cores() -> int:
    """Return how many processor cores this process may use.

    >>> cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Let no Ctrl-C reach a process that is starting, where the system can: it would print a traceback."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def become_worker() -> None:
    """Make this process a worker: call it first of all in a process that another one has spawned.

    Ctrl-C goes to the whole group of processes; from now on the main one alone decides what it means. This process ends when
    its parent does, in whatever way.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
