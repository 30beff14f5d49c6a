"""Streams, events and graphs: in what order a device works.

A device works through a stream in order, and through several side by side. Every launch and copy goes to the stream in
use, which is the device's default stream unless `with stream:` says otherwise.

Work in the default stream waits for all that other streams were given before it, and theirs for it. So what is computed in
one of them may be used in the default stream, and the other way round, with no event; and memory that one lets go of may be
given to the other. Only two streams that are both not the default one need `wait_stream`, and each must hold on to what the
other still reads.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ...device import gpu_number
from .driver import api, call, current_device, enter

_state = threading.local()
DEFAULT = 0
"""The handle of the default stream, which waits for all others and they for it, those with `beside` excepted."""


def handle() -> int:
    """The stream that launches and copies of this thread go to."""
    return getattr(_state, "handle", DEFAULT)


def capturing() -> bool:
    """Whether this thread's launches are being recorded into a graph instead of carried out."""
    return getattr(_state, "captured", None) is not None


@contextmanager
def captured_by(graph: Capturing) -> Iterator[None]:
    """Say that this thread's launches are recorded by a graph, in a `with` block."""
    _state.captured = graph
    try:
        yield
    finally:
        _state.captured = None


def keep_for_graph(thing: Any) -> None:
    """Keep something alive as long as the graph that is being captured, if one is."""
    if capturing():
        _state.captured.keep(thing)


def each_time(function: Callable[[], Any]) -> None:
    """Do something whose numbers differ from time to time: now, and where a graph is captured at each of its replays, too.

    A random draw is that, which counts on, or a step of an optimizer, whose rate falls. What it launches is not recorded.
    """
    found = journal()
    if found is not None:
        found.append("each time")
    _state.journal = None
    try:
        if capturing():
            _state.captured.each_time(function)
        else:
            function()
    finally:
        _state.journal = found


@contextmanager
def relaxed() -> Iterator[None]:
    """Within, this thread may do what a capture forbids it: ask for memory, copy in another stream and wait for it."""
    if not capturing():
        yield
        return
    modes = api().CUstreamCaptureMode
    before = call("cuThreadExchangeStreamCaptureMode", modes.CU_STREAM_CAPTURE_MODE_RELAXED)
    try:
        yield
    finally:
        call("cuThreadExchangeStreamCaptureMode", before)


def journal() -> list[Any] | None:
    """Where this thread's launches and copies from and to the host are written down at the moment, if anywhere."""
    return getattr(_state, "journal", None)


@contextmanager
def written_down() -> Iterator[list[Any]]:
    """Write down, in a `with` block, each launch with its numbers, each upload with its bytes, and each fetch."""
    before = journal()
    found: list[Any] = []
    _state.journal = found
    try:
        yield found
    finally:
        _state.journal = before


class Capturing(Protocol):
    """What a graph is told while it is captured."""

    def keep(self, thing: Any) -> None:
        """Keep it alive."""

    def each_time(self, function: Callable[[], Any]) -> None:
        """Do it, now and at each replay."""


class Stream:
    """A queue of work for a device.

    Args:
        device: its number; the one in use if None.
        beside: whether it and the default stream do not wait for each other, as for a capture, or to copy at any time.

    >>> from minidl import cuda
    >>> stream = cuda.Stream()                                          # doctest: +SKIP
    >>> with stream:                                                     # doctest: +SKIP
    ...     y = x @ w
    >>> stream.synchronize()                                             # doctest: +SKIP
    """

    def __init__(self, device: int | str | None = None, beside: bool = False) -> None:
        self.device = gpu_number(device)
        enter(self.device)
        flags = api().CUstream_flags
        self.handle = int(
            call("cuStreamCreate", int(flags.CU_STREAM_NON_BLOCKING if beside else flags.CU_STREAM_DEFAULT))
        )
        self._before: list[int] = []
        weakref.finalize(self, api().cuStreamDestroy, self.handle)

    def __enter__(self) -> Stream:
        self._before.append(handle())
        _state.handle = self.handle
        return self

    def __exit__(self, *error: object) -> None:
        _state.handle = self._before.pop()

    def synchronize(self) -> None:
        """Wait until everything in it is done."""
        enter(self.device)
        call("cuStreamSynchronize", self.handle)

    def wait_event(self, event: Event) -> None:
        """Let what is put into it from now on wait for an event."""
        enter(self.device)
        call("cuStreamWaitEvent", self.handle, event.handle, 0)

    def wait_stream(self, stream: Stream) -> None:
        """Let what is put into it from now on wait for all that is in another stream now."""
        event = Event(enable_timing=False, device=stream.device)
        with stream:
            event.record()
        self.wait_event(event)


class Event:
    """A mark in a stream of a device, the one in use if None is named, to wait for and to take times between."""

    def __init__(self, enable_timing: bool = True, device: int | None = None) -> None:
        self.device = current_device() if device is None else device
        enter(self.device)
        flags = api().CUevent_flags
        wanted = flags.CU_EVENT_DEFAULT if enable_timing else flags.CU_EVENT_DISABLE_TIMING
        self.handle = int(call("cuEventCreate", int(wanted)))
        weakref.finalize(self, api().cuEventDestroy, self.handle)

    def record(self) -> None:
        """Put the mark into the stream in use."""
        enter(self.device)
        call("cuEventRecord", self.handle, handle())

    def synchronize(self) -> None:
        """Wait until the stream has come to it."""
        call("cuEventSynchronize", self.handle)

    def elapsed_time(self, end_event: Event) -> float:
        """The milliseconds from this mark to another, both passed."""
        return float(call("cuEventElapsedTime", self.handle, end_event.handle))


def synchronize() -> None:
    """Wait until everything on the current device is done."""
    enter(current_device())
    call("cuCtxSynchronize")
