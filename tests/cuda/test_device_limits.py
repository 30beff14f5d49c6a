"""What a GPU refuses or mixes up and the simulator would not notice: limits of launches, of 32 bits, and of memory's reuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minidl.errors import DeviceError
from minidl.kernels.cuda import constants
from minidl.kernels.cuda.array import DeviceArray
from minidl.kernels.cuda.compiler.language import cuda, kernel
from minidl.kernels.cuda.elementwise import plans
from minidl.kernels.cuda.matmul import products
from minidl.kernels.cuda.matmul.batch import Batch
from minidl.kernels.cuda.places import copies, moves
from minidl.kernels.cuda.runtime import driver, graphs, interchange, launching, layouts, memory
from minidl.kernels.cuda.runtime.graphs import Graph
from minidl.kernels.cuda.runtime.streams import Event, Stream
from minidl.kernels.cuda.simulator import driver as simulated
from minidl.kernels.cuda.simulator import queues

pytestmark = pytest.mark.usefixtures("simulated_gpu")

ONE = Batch(1, 0, 1, 0, 0, 0, 0)


@pytest.fixture
def plan_of() -> Iterator[Any]:
    products.plan_of.cache_clear()
    yield products.plan_of
    products.plan_of.cache_clear()


def called(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[tuple[Any, ...]]:
    """Note the calls of driver functions, with their arguments."""
    found: list[tuple[Any, ...]] = []

    def noting(name: str) -> Any:
        original = getattr(simulated, name)

        def call(*args: Any) -> Any:
            found.append((name, *args))
            return original(*args)

        return call

    for name in names:
        monkeypatch.setattr(simulated, name, noting(name))
    return found


# Grids --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["highest", "high"])
@pytest.mark.parametrize("rows", [64 * 65535 + 1, 64 * 131077, 128 * 65537, 1 << 24, 7_000_001])
def test_products_of_very_many_rows_fit_a_grid(rows: int, precision: str, plan_of: Any) -> None:
    plan = plan_of("float32", rows, 64, 16, (16, 1), (64, 1), ONE, True, 0, precision)
    across, down = plan.grid
    band = plan.sizes[7]
    assert plan.kernel.name.startswith(("matmul_fast", "matmul_tf32"))
    assert down <= 65535
    assert across < 1 << 31
    assert (down << band) * 64 >= rows  # every row has a tile


@pytest.mark.parametrize("rows", [16 * 65535 + 1, 1 << 22])
def test_so_do_those_of_doubles(rows: int, plan_of: Any) -> None:
    plan = plan_of("float64", rows, 200, 300, (300, 1), (200, 1), ONE, True, 0, "highest")
    assert plan.grid[1] <= 65535
    assert plan.grid[0] < 1 << 31


def test_rows_in_a_last_band_that_goes_on_beyond_them_are_computed(
    monkeypatch: pytest.MonkeyPatch, plan_of: Any
) -> None:
    monkeypatch.setattr(products, "MOST", 2)  # so that five rows of tiles need bands of four
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((5 * 64 - 9, 130), np.float32), rng.standard_normal((130, 5), np.float32)
    out = products.matmul(memory.to_device(x), memory.to_device(y))
    plan = plan_of("float32", 311, 5, 130, (130, 1), (5, 1), ONE, True, 0, "highest")
    assert plan.grid == (4, 2)
    np.testing.assert_allclose(out.numpy(), x @ y, rtol=1e-4, atol=1e-4)


# 32 bits ------------------------------------------------------------------------------------------------------------------


def test_factors_of_more_numbers_than_32_bits_count_go_to_the_kernel_that_counts_in_64(plan_of: Any) -> None:
    # (rows, sums) @ (sums, columns) whose right factor has 2³² numbers, read across; and a left one that lies across
    right = plan_of("float32", 128, 1 << 14, 1 << 18, (1 << 18, 1), (1 << 14, 1), ONE, True, 0, "highest")
    left = plan_of("float32", 1 << 14, 128, 1 << 18, (1, 1 << 14), (128, 1), ONE, True, 0, "high")
    near = plan_of("float32", 1 << 13, 1 << 13, 1 << 13, (1 << 13, 1), (1 << 13, 1), ONE, True, 0, "highest")
    shared = plan_of("float32", 128, 128, 1 << 23, (1 << 23, 1), (128, 1), ONE, True, 0, "highest")
    assert right.kernel.name == left.kernel.name == "matmul_tiled_16_float32"
    assert near.kernel.name.startswith("matmul_fast")
    assert shared.kernel.name.startswith("matmul_fast")  # each share is within reach


def far(shape: tuple[int, ...], strides: tuple[int, ...]) -> DeviceArray:
    """A view of memory that is not there: of a table of 2³³ numbers."""
    return DeviceArray(memory.Memory(1 << 40, 1 << 35, 0), shape, np.dtype(np.float32), strides)


def test_a_column_of_a_huge_table_is_refused_instead_of_read_elsewhere() -> None:
    column = far((1 << 16,), (4 << 17,))
    with pytest.raises(OverflowError, match="2³¹"):
        copies.copy(column)
    with pytest.raises(OverflowError, match="2³¹"):
        moves.flip(column, 0)
    with pytest.raises(OverflowError, match="2³¹"):
        plans.reduced(column.shape, (0,), [(1 << 17,)])
    assert plans.reduced((1 << 15,), (0,), [((1 << 16) - 1,)]).lengths == (1 << 15,)


# Memory that is used again --------------------------------------------------------------------------------------------------


def test_what_is_copied_beside_all_streams_never_goes_to_memory_that_was_used_before() -> None:
    first = memory.upload(np.ones(4, np.float32))
    address, known = first.address, memory.statistics()
    held = known.reserved
    del first
    assert known.reserved < held  # the driver has it back, who waits for all streams
    assert not any(address in kept for kept in memory._general.free.values())


def test_a_graph_keeps_the_constants_that_were_there_before_it() -> None:
    table, layout = constants.constant(np.arange(3), 0), layouts.numbers(0, (7, 7, 9))
    graph = Graph()
    with graph.capture():
        assert constants.constant(np.arange(3), 0) is table
        assert layouts.numbers(0, (7, 7, 9)) is layout
    assert {id(table), id(layout)} <= {id(kept) for kept in graph._kept}


def test_memory_that_a_capture_lets_go_of_is_given_back_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    freed = called(monkeypatch, "cuMemFree")
    other = memory.upload(np.ones(5, np.float32))
    address = other.address
    graph = Graph()
    with graph.capture():
        del other
        assert ("cuMemFree", address) not in freed
    memory.upload(np.ones(5, np.float32))  # the next that goes back takes it along
    assert ("cuMemFree", address) in freed


def test_an_array_may_be_changed_once_it_was_sent_also_where_the_device_reads_the_hosts_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(simulated._ATTRIBUTES, 88, 1)
    driver.properties.cache_clear()  # type: ignore[attr-defined]
    sent = called(monkeypatch, "cuMemcpyHtoDAsync")
    monkeypatch.setattr(simulated, "cuEventQuery", lambda event: (600,))  # the stream has not come to it
    array = np.ones(8, np.float32)
    memory._waiting.clear()
    memory.to_device(array)
    ((_, _, source, *_),) = sent
    assert source != array.ctypes.data
    assert [kept.ctypes.data for _, kept in memory._waiting] == [source]
    memory._waiting.clear()
    driver.properties.cache_clear()  # type: ignore[attr-defined]


# Streams and captures -------------------------------------------------------------------------------------------------------


def test_streams_wait_for_the_default_stream_and_those_of_captures_and_uploads_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = called(monkeypatch, "cuStreamCreate")
    Stream()
    Graph()
    memory.upload(np.ones(1))
    assert [flags for _, flags in made] == [0, 1, 1]


def test_a_capture_that_the_driver_breaks_off_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph()

    def end(stream: int) -> Any:
        queues.captures.pop(stream)
        return queues.FORBIDDEN, None

    monkeypatch.setattr(simulated, "cuStreamEndCapture", end)
    with pytest.raises(DeviceError, match="CAPTURE"), graph.capture():
        pass
    assert not graphs.capturing()
    assert memory.to_device(np.ones(2)).numpy().tolist() == [1, 1]


def test_memory_of_others_is_given_back_without_waiting_while_a_graph_is_captured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = called(monkeypatch, "cuCtxSynchronize", "cuStreamSynchronize")
    x = memory.to_device(np.ones(3, np.float32))
    borrowed = interchange.from_dlpack(x)
    graph = Graph()
    with graph.capture():
        del borrowed
        assert not waits
    again = interchange.from_dlpack(x)
    del again
    assert [name for name, *_ in waits] == ["cuCtxSynchronize"]  # whichever streams have used it
    assert not interchange._given


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two devices, and a list of what is called where: the context's number, 100 or 101, before each call."""
    found: list[str] = []
    monkeypatch.setattr(simulated, "cuDeviceGetCount", lambda: (0, 2))
    monkeypatch.setattr(simulated, "cuDevicePrimaryCtxRetain", lambda device: (0, 100 + device))
    now: list[int] = []
    monkeypatch.setattr(simulated, "cuCtxSetCurrent", lambda context: (now.append(context), (0,))[1])
    for name in ("cuMemcpyAsync", "cuCtxSynchronize", "cuStreamSynchronize", "cuMemsetD8Async", "cuEventRecord"):
        original = getattr(simulated, name)

        def call(*args: Any, name: str = name, original: Any = original) -> Any:
            found.append(f"{name} {now[-1]}")
            return original(*args)

        monkeypatch.setattr(simulated, name, call)
    for kept in (driver._counted, driver._context):
        kept.cache_clear()
    driver._current.__dict__.clear()
    return found


def test_each_thing_is_done_on_the_device_that_it_belongs_to(two_gpus: list[str]) -> None:
    stream, event = Stream(1), Event(device=1)
    here, there = memory.to_device(np.ones(2, np.float32), 0), memory.empty((2,), np.float32, 1)
    memory.fill_zeros(there)
    memory.fill_zeros(here)
    stream.synchronize()
    with stream:
        event.record()
    assert two_gpus == ["cuMemsetD8Async 101", "cuMemsetD8Async 100", "cuStreamSynchronize 101", "cuEventRecord 101"]


def test_a_copy_to_another_gpu_waits_for_what_is_copied_and_until_it_is_there(two_gpus: list[str]) -> None:
    here, there = memory.to_device(np.ones(2, np.float32), 0), memory.empty((2,), np.float32, 1)
    memory.copy_bytes(there, here)
    assert two_gpus == ["cuCtxSynchronize 100", "cuMemcpyAsync 101", "cuCtxSynchronize 101"]


# Errors -------------------------------------------------------------------------------------------------------------------


def test_errors_that_are_not_the_callers_say_whose_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(queues.NAMES, 700, b"CUDA_ERROR_ILLEGAL_ADDRESS")
    monkeypatch.setitem(queues.MEANINGS, 700, b"an illegal memory access was encountered")
    monkeypatch.setattr(simulated, "cuCtxSynchronize", lambda: (700,))
    with pytest.raises(DeviceError, match=r"launched earlier.*CUDA_LAUNCH_BLOCKING=1"):
        driver.call("cuCtxSynchronize")


def test_a_kernel_without_arrays_runs_on_the_device_in_use(
    two_gpus: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @kernel("int32", waits=False)
    def nothing(n: int) -> None:
        cuda.grid(1)

    seen = []
    monkeypatch.setattr(launching, "enter", seen.append)
    driver._current.chosen = 1
    nothing[1, 32](5)
    assert seen == [1]
