"""Streams, events and graphs: in what order a device works.

A device works through a stream in order, and through several side by side. Every launch and copy goes to the stream in
use, which is the device's default stream unless `with stream:` says otherwise.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import DeviceError
from .driver import api, call, current_device, enter

_state = threading.local()
DEFAULT = 0
"""The handle of the default stream, which waits for all others and they for it."""


def handle() -> int:
    """The stream that launches and copies of this thread go to."""
    return getattr(_state, "handle", DEFAULT)


def capturing() -> bool:
    """Whether this thread's launches are being recorded into a graph instead of carried out."""
    return getattr(_state, "capturing", False)


class Stream:
    """A queue of work for a device.

    >>> from minidl import cuda
    >>> stream = cuda.Stream()                                          # doctest: +SKIP
    >>> with stream:                                                     # doctest: +SKIP
    ...     y = x @ w
    >>> stream.synchronize()                                             # doctest: +SKIP
    """

    def __init__(self, device: int | None = None) -> None:
        self.device = current_device() if device is None else device
        enter(self.device)
        self.handle = int(call("cuStreamCreate", int(api().CUstream_flags.CU_STREAM_NON_BLOCKING)))
        self._before: list[int] = []

    def __enter__(self) -> Stream:
        self._before.append(handle())
        _state.handle = self.handle
        return self

    def __exit__(self, *error: object) -> None:
        _state.handle = self._before.pop()

    def synchronize(self) -> None:
        """Wait until everything in it is done."""
        call("cuStreamSynchronize", self.handle)

    def wait_event(self, event: Event) -> None:
        """Let what is put into it from now on wait for an event."""
        call("cuStreamWaitEvent", self.handle, event.handle, 0)

    def wait_stream(self, stream: Stream) -> None:
        """Let what is put into it from now on wait for all that is in another stream now."""
        event = Event()
        with stream:
            event.record()
        self.wait_event(event)

    def __del__(self) -> None:
        try:
            call("cuStreamDestroy", self.handle)
        except Exception:  # noqa: BLE001, S110  (Python or the driver is shutting down)
            pass


class Event:
    """A mark in a stream, to wait for and to take times between."""

    def __init__(self, enable_timing: bool = True) -> None:
        enter(current_device())
        flags = api().CUevent_flags
        wanted = flags.CU_EVENT_DEFAULT if enable_timing else flags.CU_EVENT_DISABLE_TIMING
        self.handle = int(call("cuEventCreate", int(wanted)))

    def record(self) -> None:
        """Put the mark into the stream in use."""
        call("cuEventRecord", self.handle, handle())

    def synchronize(self) -> None:
        """Wait until the stream has come to it."""
        call("cuEventSynchronize", self.handle)

    def elapsed_time(self, end_event: Event) -> float:
        """The milliseconds from this mark to another, both passed."""
        return float(call("cuEventElapsedTime", self.handle, end_event.handle))

    def __del__(self) -> None:
        try:
            call("cuEventDestroy", self.handle)
        except Exception:  # noqa: BLE001, S110
            pass


def synchronize() -> None:
    """Wait until everything on the current device is done."""
    enter(current_device())
    call("cuCtxSynchronize")
