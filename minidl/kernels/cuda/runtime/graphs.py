"""CUDA graphs: what a piece of a program launches, recorded once and then done again by one call of the driver.

A launch costs the CPU a few microseconds of Python, and small kernels are done before the next one is launched. A graph holds
all launches with their arguments and needs one call. The price: it reads and writes the same memory at each replay, with the
same numbers. Results go to the same place, and new inputs must be copied to where the old ones were.

What must not be the same each time (a draw of random numbers, a step of an optimizer whose rate falls) goes through
`streams.each_time`: the graph ends before it and another begins behind it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from ....errors import DeviceError
from . import streams
from .driver import api, call, enter
from .memory import Pool, pool
from .streams import Stream, captured_by, capturing


class _Recorded:
    """A graph of the driver's, ready to be launched."""

    def __init__(self, graph: Any, device: int) -> None:
        self.device = device
        self.handle = int(call("cuGraphInstantiate", graph, 0))
        weakref.finalize(self, api().cuGraphExecDestroy, self.handle)

    def __call__(self) -> None:
        enter(self.device)
        call("cuGraphLaunch", self.handle, streams.handle())


class Graph:
    """Launches that were recorded, to be done again.

    >>> from minidl import cuda
    >>> graph = cuda.Graph()                                             # doctest: +SKIP
    >>> with graph.capture():                                            # doctest: +SKIP
    ...     y = model(x)
    >>> x.copy_(another)                                                 # doctest: +SKIP
    >>> graph.replay()                                                   # doctest: +SKIP

    Now y is of the other x. What is computed while it is captured is computed once the block ends. Its memory comes from a
    pool of its own, which nobody else gets anything from: the arrays in it change with each replay. A value cannot be fetched
    before the block ends.

    Attributes:
        pool: the memory that was taken within the block.
        parts: what a replay does, in order.
    """

    def __init__(self, device: int | None = None) -> None:
        self.pool = Pool()
        self._stream = Stream(device, beside=True)
        self.parts: list[Callable[[], Any]] = []
        self._kept: list[Any] = []
        self._open = ExitStack()
        weakref.finalize(self, _close, self.pool)

    @contextmanager
    def capture(self) -> Iterator[Graph]:
        """Record what is launched in a `with` block, and then do it.

        Raises:
            DeviceError: another graph is being captured; or within the block: a value is fetched.
        """
        if capturing() or self.parts:
            raise DeviceError("a CUDA graph is captured once, and not within another")
        self._begin()
        try:
            yield self
        except BaseException:
            with suppress(DeviceError):
                call("cuGraphDestroy", call("cuStreamEndCapture", self._stream.handle))
            self._open.close()
            self.parts.clear()
            raise
        self._end()

    def replay(self) -> None:
        """Do it all again, in the stream in use."""
        for part in self.parts:
            part()

    def keep(self, thing: Any) -> None:
        """Keep something alive as long as the graph."""
        self._kept.append(thing)

    def note(self, function: Callable[[], Any]) -> None:
        """Call a function at each replay that launches nothing."""
        self.parts.append(function)

    def each_time(self, function: Callable[[], Any]) -> None:
        """Do something now, and at each replay, that is not to be recorded."""
        self._end()
        function()
        self.parts.append(function)
        self._begin()

    def _begin(self) -> None:
        self._open.enter_context(self._stream)
        self._open.enter_context(pool(self.pool))
        self._open.enter_context(captured_by(self))
        mode = api().CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        call("cuStreamBeginCapture", self._stream.handle, mode)

    def _end(self) -> None:
        try:
            graph = call("cuStreamEndCapture", self._stream.handle)
        finally:  # what is launched after an error is not recorded
            self._open.close()
        try:
            part = _Recorded(graph, self._stream.device)
        finally:
            call("cuGraphDestroy", graph)
        self.parts.append(part)
        part()


def _close(of: Pool) -> None:
    with suppress(Exception):  # Python or the driver is shutting down
        of.close()
