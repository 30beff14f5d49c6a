"""Streams and events: where launches go, and what waits for what."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from minidl.errors import DeviceError
from minidl.kernels.cuda.runtime import driver, memory, streams
from minidl.kernels.cuda.runtime.streams import Event, Stream
from minidl.kernels.cuda.simulator import driver as simulated

pytestmark = pytest.mark.usefixtures("simulated_gpu")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The stream of each copy to the device."""
    found: list[tuple[str, int]] = []
    original = simulated.cuMemcpyHtoDAsync

    def copy(target: int, source: int, nbytes: int, stream: Any) -> Any:
        found.append(("copy", int(stream)))
        return original(target, source, nbytes, stream)

    monkeypatch.setattr(simulated, "cuMemcpyHtoDAsync", copy)
    return found


def test_work_goes_to_the_innermost_stream(told: list[Any]) -> None:
    one, other, values = Stream(), Stream(), np.ones(2, np.float32)
    memory.to_device(values)
    with one:
        memory.to_device(values)
        with other:
            memory.to_device(values)
        memory.to_device(values)
    memory.to_device(values)
    assert told == [("copy", n) for n in (0, one.handle, other.handle, one.handle, 0)]


def test_each_thread_has_a_stream_of_its_own_in_use() -> None:
    seen = []
    with Stream():
        thread = threading.Thread(target=lambda: seen.append(streams.handle()))
        thread.start()
        thread.join()
    assert seen == [0]


def test_a_stream_that_failed_is_left_behind() -> None:
    with pytest.raises(ZeroDivisionError), Stream():
        1 / 0  # noqa: B018
    assert streams.handle() == 0


def test_events_measure_and_are_waited_for() -> None:
    stream, begin, end = Stream(), Event(), Event()
    with stream:
        begin.record()
        end.record()
    Stream().wait_stream(stream)
    stream.wait_event(end)
    end.synchronize()
    stream.synchronize()
    assert begin.elapsed_time(end) >= 0


def test_what_is_no_event_is_an_error() -> None:
    event, stream = Event(), Stream()
    handle, event.handle = event.handle, 10**6
    with pytest.raises(DeviceError, match="cuStreamWaitEvent: CUDA_ERROR_INVALID_VALUE"):
        stream.wait_event(event)
    event.handle = handle


def test_the_context_is_made_current_once_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = simulated.cuCtxSetCurrent
    monkeypatch.setattr(simulated, "cuCtxSetCurrent", lambda context: (calls.append(context), original(context))[1])

    def work() -> None:
        for _ in range(3):
            memory.to_device(np.ones(2, np.float32))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(calls) == 1
    assert driver.current_device() == 0
