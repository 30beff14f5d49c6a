"""CUDA graphs: recorded once, done again by one call, in memory of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.errors import DeviceError
from minidl.kernels.cuda.compiler.language import cuda, float32, kernel
from minidl.kernels.cuda.places import copies
from minidl.kernels.cuda.random import Philox
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.runtime.graphs import Graph
from minidl.kernels.cuda.runtime.streams import Stream, each_time, journal, written_down
from minidl.kernels.cuda.simulator import driver as simulated

pytestmark = pytest.mark.usefixtures("simulated_gpu")


@kernel("float32[::1], float32[::1], float32", threads=64, waits=False)
def scaled(x: Any, y: Any, factor: float) -> None:
    i = cuda.grid(1)
    if i < len(x):
        y[i] = x[i] * float32(factor)


def times(x: Any, factor: float) -> Any:
    y = memory.empty(x.shape, x.dtype)
    scaled[1, 64](x, y, factor)
    return y


def on_device(*numbers: float) -> Any:
    return memory.to_device(np.array(numbers, np.float32))


def test_a_replay_computes_from_what_is_in_the_memory_then() -> None:
    x, graph = on_device(1, 2, 3), Graph()
    with graph.capture():
        y = times(times(x, 2), 5)
    assert y.numpy().tolist() == [10, 20, 30]
    memory.copy_bytes(x, on_device(4, 5, 6))
    assert y.numpy().tolist() == [10, 20, 30]
    graph.replay()
    assert y.numpy().tolist() == [40, 50, 60]


def test_nothing_is_carried_out_while_it_is_captured() -> None:
    x, graph = on_device(1, 2, 3), Graph()
    with graph.capture():
        simulated.launches.clear()
        times(x, 2)
        assert simulated.launches == []
    assert simulated.launches == ["scaled"]


def test_its_memory_is_its_own_and_used_again_within_it() -> None:
    x, graph = on_device(1, 2, 3), Graph()
    with graph.capture():
        first = times(x, 2)
        address = first.address
        del first
        second = times(x, 3)
        assert second.address == address
    outside = [memory.empty((3,), np.float32) for _ in range(20)]
    assert address not in {a.address for a in outside}
    with graph._stream:
        assert memory.empty((3,), np.float32).address != address
    graph.replay()
    assert second.numpy().tolist() == [3, 6, 9]


def test_its_memory_goes_back_when_it_goes_and_with_what_still_holds_it() -> None:
    x = on_device(1, 2, 3)
    before = memory.statistics().reserved
    graph = Graph()
    with graph.capture():
        y = times(times(x, 2), 2)
    assert memory.statistics().reserved == before + 1024
    del graph
    assert memory.statistics().reserved == before + 512
    assert y.numpy().tolist() == [4, 8, 12]
    del y
    assert memory.statistics().reserved == before


def test_what_is_uploaded_while_it_is_captured_is_there_at_each_replay() -> None:
    x, graph = on_device(1, 2, 3), Graph()
    with graph.capture():
        host = np.array([10, 20, 30], np.float32)
        y = copies.copy(memory.to_device(host))
        scaled[1, 64](x, x, 2.0)
        host[:] = 0
    others = [memory.to_device(np.full(3, 7, np.float32)) for _ in range(20)]
    graph.replay()
    assert y.numpy().tolist() == [10, 20, 30]
    assert x.numpy().tolist() == [4, 8, 12]
    assert others[0].numpy().tolist() == [7, 7, 7]


def test_a_value_is_not_fetched_while_it_is_captured() -> None:
    x, graph = on_device(1, 2, 3), Graph()
    with pytest.raises(DeviceError, match="a value was fetched while a CUDA graph is captured"), graph.capture():
        times(x, 2).numpy()
    assert times(x, 2).numpy().tolist() == [2, 4, 6]  # and all is as before
    with graph.capture():
        y = times(x, 3)
    assert y.numpy().tolist() == [3, 6, 9]
    with pytest.raises(DeviceError, match="captured once"), graph.capture():
        pass


def test_graphs_are_not_captured_within_each_other() -> None:
    with Graph().capture(), pytest.raises(DeviceError, match="not within another"), Graph().capture():
        pass


def test_what_differs_each_time_stands_between_two_recordings() -> None:
    x, graph, factors = on_device(1, 2), Graph(), [2.0, 3.0, 5.0]
    with graph.capture():
        y = times(x, 10)
        z = memory.empty((2,), np.float32)
        each_time(lambda: scaled[1, 64](y, z, factors.pop(0)))
        w = times(z, 7)
    assert w.numpy().tolist() == [140, 280]
    graph.replay()
    assert w.numpy().tolist() == [210, 420]
    graph.replay()
    assert w.numpy().tolist() == [350, 700]
    assert factors == []


def test_random_numbers_go_on_from_replay_to_replay() -> None:
    alone, captured, graph = Philox(3, 0), Philox(3, 0), Graph()
    expected = [alone.random((6,)).numpy() for _ in range(3)]
    with graph.capture():
        drawn = captured.random((6,))
    got = [drawn.numpy()]
    for _ in range(2):
        graph.replay()
        got.append(drawn.numpy())
    assert np.array_equal(got, expected)
    assert captured.draws == 3


def test_a_replay_goes_into_the_stream_in_use() -> None:
    x, graph = on_device(1), Graph()
    with graph.capture():
        y = times(x, 2)
    seen = []
    original = simulated.cuGraphLaunch
    try:
        simulated.cuGraphLaunch = lambda handle, stream: (seen.append(int(stream)), original(handle, stream))[1]
        stream = Stream()
        with stream:
            graph.replay()
        graph.replay()
    finally:
        simulated.cuGraphLaunch = original
    assert seen == [stream.handle, 0]
    assert y.numpy().tolist() == [2]


def test_launches_are_written_down_with_their_numbers() -> None:
    x = on_device(1, 2)
    with written_down() as found:
        times(x, 2)
        memory.to_device(np.zeros(1, np.float32)).numpy()
        each_time(lambda: times(x, 9))
    assert found == [
        ("scaled", (1, 1, 1), (64, 1, 1), [2]), ("upload", "<f4", (1,), bytes(4)), ("fetch", (1,)), "each time",
    ]  # fmt: skip
    assert journal() is None
