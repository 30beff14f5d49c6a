"""What to try first on a real GPU: what the simulator cannot show of memory, launches, streams, graphs and other libraries.

Sizes are such that 16 bits, 24 bits and a warp's luck do not suffice, and kernels that exchange numbers between threads run
several times and must give the same bits. With `test_on_a_gpu_products` it should take two minutes beside the compiler's time
(unmeasured).

    pytest -m "cuda and not slow" tests/cuda -x          # then without -x, and -m "cuda and slow": each kernel of the catalogue
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import cuda
from minidl.errors import DeviceError
from minidl.kernels.cuda import catalogue
from minidl.kernels.cuda.backend import backend
from minidl.kernels.cuda.compiler.language import cuda as words
from minidl.kernels.cuda.compiler.language import kernel
from minidl.kernels.cuda.runtime import driver, memory
from minidl.kernels.cuda.runtime.graphs import Graph
from minidl.kernels.cuda.runtime.launching import _load
from minidl.kernels.cuda.runtime.streams import Stream
from tests.cuda import gpu
from tests.cuda.gpu import always_the_same, numbers, sent

pytestmark = gpu.MARKS
MANY = 1 << 26


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    gpu.clean()


# Memory and launches ------------------------------------------------------------------------------------------------------


def test_the_driver_and_the_device_answer() -> None:
    found = driver.properties(0)
    free, total = cuda.mem_get_info()
    print(found, f"{free >> 20} of {total >> 20} MiB free", driver.call("cuDriverGetVersion"))
    assert (found.major, found.minor) >= (7, 5)
    assert 0 < free <= total == found.total_memory


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"])
def test_arrays_come_back_as_they_went(dtype: str) -> None:
    for shape in ((), (0, 3), (1,), (129, 3), (1 << 20,)):
        x = (100 * numbers(*shape)).astype(dtype)
        assert np.array_equal(memory.to_device(x).numpy(), x)
        x = np.ascontiguousarray(np.broadcast_to(x, (2, *shape)))
        assert np.array_equal(memory.to_device(x[1]).numpy(), x[1])


def test_an_array_may_be_changed_as_soon_as_it_was_sent() -> None:
    x = numbers(MANY)
    there = memory.to_device(x)
    x[:] = 7
    assert np.array_equal(there.numpy()[:: MANY // 64], numbers(MANY)[:: MANY // 64])


def test_a_first_kernel_with_every_kind_of_argument() -> None:
    @kernel("float32[::1], int32, uint32, int64, uint64, float64, bool, float32", threads=64, waits=False)
    def tell(y: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any) -> None:
        i = words.grid(1)
        if i == 0:
            y[0], y[1], y[2], y[3] = a, b, c, d
            y[4], y[5], y[6], y[7] = e, 1 if f else 0, g, len(y)

    y = memory.empty((8,), np.float32)
    tell[1, 64](y, -3, 1 << 31, -(1 << 40), 1 << 40, 0.5, True, 0.25)
    assert y.numpy().tolist() == [-3, 2.0**31, -(2.0**40), 2.0**40, 0.5, 1, 0.25, 8]


def test_memory_that_is_full_is_told_and_what_follows_works() -> None:
    with pytest.raises(DeviceError, match=r"MiB left.*smaller batch"):
        [memory.empty((1 << 31,), np.uint8) for _ in range(1000)]
    assert float(backend.sum(backend.add(sent(1 << 20), 1)).numpy()) == pytest.approx(
        float(1 + numbers(1 << 20).mean()) * 2**20
    )


def test_another_thread_computes_too() -> None:
    x, found = sent(1000, 1000), []

    def work() -> None:
        y = memory.empty(x.shape, x.dtype)
        memory.copy_bytes(y, x)
        found.append(backend.matmul(x, y).numpy())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(one, found[0]) for one in found)


# Elementwise, reductions, places --------------------------------------------------------------------------------------------


def test_elementwise_on_many_numbers_aligned_and_not() -> None:
    x, y = numbers(MANY + 3), numbers(MANY + 3, seed=1)
    a, b = memory.to_device(x), memory.to_device(y)
    for cut in (slice(None), slice(1, None), slice(3, -5), slice(None, None, 3)):
        expected = np.exp(x[cut]) * y[cut]
        assert np.allclose(backend.multiply(backend.exp(a[cut]), b[cut]).numpy(), expected, rtol=3e-7, atol=1e-30)
    rows = 1 << 10
    table = a[: rows << 12].reshape(rows, -1)
    turned = backend.add(table.T, b[:rows]).numpy()
    assert np.array_equal(turned, x[: rows << 12].reshape(rows, -1).T + y[:rows])


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2), (1, 2)])
def test_reductions_of_many_numbers(axis: Any) -> None:
    x = numbers(1 << 8, 1 << 9, MANY >> 17)
    there, whole = memory.to_device(x), tuple(range(3)) if axis is None else axis
    scale = np.sqrt(x.size / max(x.sum(axis=axis, dtype=np.float64).size, 1))
    total = always_the_same(lambda: backend.sum(there, axis=whole))
    assert np.abs(total - x.sum(axis=axis, dtype=np.float64)).max() < 1e-5 * scale
    assert np.array_equal(always_the_same(lambda: backend.max(there, axis=whole)), x.max(axis=axis))
    if not isinstance(axis, tuple):
        assert np.array_equal(always_the_same(lambda: backend.argmax(there, axis=axis)), x.argmax(axis=axis))
    x[3, 5, 7] = np.nan
    assert np.isnan(backend.max(memory.to_device(x), axis=whole).numpy()).sum() == 1


def test_scans_and_order() -> None:
    x = numbers(300, 100_003)
    there = memory.to_device(x)
    found = always_the_same(lambda: backend.cumulative_sum(there, axis=1))
    assert np.abs(found - x.cumsum(1, dtype=np.float64)).max() < 1e-3
    line = numbers((1 << 20) + 17)
    order = always_the_same(lambda: backend.argsort(memory.to_device(line), axis=0))
    assert np.array_equal(order, line.argsort(kind="stable"))
    minidl.cuda.manual_seed(3)
    assert np.array_equal(np.sort(minidl.randperm(1_000_003, device="cuda").cpu().numpy()), np.arange(1_000_003))


def test_rows_are_picked_from_and_added_to_a_large_table() -> None:
    table = numbers(1 << 18, 256)
    places = np.random.default_rng(1).integers(0, 1 << 18, 50_000)
    places[::3] = places[0]  # a place that comes often
    there, index = memory.to_device(table), memory.to_device(places)
    assert np.array_equal(there[index].numpy(), table[places])
    values = numbers(50_000, 256, seed=2)
    found = always_the_same(lambda: backend.scatter_add(memory.to_device(values), (index,), table.shape))
    expected = np.zeros(table.shape)
    np.add.at(expected, places, values.astype(np.float64))
    assert np.abs(found - expected).max() < 1e-4


# Streams, graphs, other libraries --------------------------------------------------------------------------------------


def test_what_one_stream_computes_another_may_use_and_memory_is_not_mixed_up() -> None:
    x = sent(2048, 2048)
    expected = backend.matmul(x, x).numpy()
    stream = Stream()
    for _ in range(20):
        with stream:
            y = backend.matmul(x, x)
        z = backend.add(y, 0)  # in the default stream, without an event
        del y
        with stream:
            junk = [backend.multiply(x, 0) for _ in range(3)]
        del junk
        assert np.array_equal(z.numpy(), expected)


def test_page_locked_memory_is_copied_beside_and_kept_until_then() -> None:
    for i in range(20):
        array = memory.pinned((1 << 20,), np.float32)
        array[:] = i
        there = memory.to_device(array)
        del array
        gc.collect()
        assert float(backend.max(there, axis=(0,)).numpy()) == i


def test_a_graph_is_captured_without_a_rehearsal_and_replayed() -> None:
    x = sent(517, 403)
    graph = Graph()
    with graph.capture():  # compiles, loads, asks for memory and sends layouts while it is captured
        y = backend.softmax(backend.matmul(backend.add(x.T, 1.5), x), axis=1)
        total = backend.sum(backend.add(y, memory.to_device(np.arange(403, dtype=np.float32))), axis=(0, 1))
    first = total.numpy()
    for seed in (1, 2):
        memory.copy_bytes(x, sent(517, 403, seed=seed))
        graph.replay()
        again = backend.softmax(backend.matmul(backend.add(x.T, 1.5), x), axis=1)
        assert np.array_equal(y.numpy(), again.numpy())
    memory.copy_bytes(x, sent(517, 403))
    graph.replay()
    assert np.array_equal(total.numpy(), first)


def test_a_capture_that_fails_leaves_the_device_usable() -> None:
    x = sent(100)
    with pytest.raises(DeviceError, match="fetched"), Graph().capture():
        backend.add(x, 1).numpy()
    assert np.array_equal(backend.add(x, 1).numpy(), numbers(100) + 1)


def test_memory_is_shared_with_torch_in_both_directions() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch has no CUDA")
    x = minidl.tensor(numbers(300, 200), device="cuda")
    other = torch.from_dlpack(x.T)
    assert other.shape == (200, 300)
    other *= 2
    assert np.array_equal(x.cpu().numpy(), 2 * numbers(300, 200))
    source = torch.randn(500, 700, device="cuda")
    for shared in (minidl.from_dlpack(source), minidl.from_dlpack(source[3:, 1::2]), minidl.as_tensor(source)):
        expected = source[3:, 1::2] if shared.shape == (497, 350) else source
        assert np.array_equal(shared.cpu().numpy(), expected.cpu().numpy())
    with torch.cuda.stream(torch.cuda.Stream()):
        slow = torch.randn(4096, 4096, device="cuda")
        for _ in range(10):
            slow = slow @ slow / 64
        taken = minidl.from_dlpack(slow)
    assert np.array_equal(taken.cpu().numpy(), slow.cpu().numpy(), equal_nan=True)
    del taken, slow, source, shared
    gc.collect()


@pytest.mark.slow
def test_the_driver_takes_every_kernel_of_the_catalogue() -> None:
    found = driver.properties(0)
    for one in catalogue.kernels():
        if any(capability <= (found.major, found.minor) for capability in catalogue.architectures(one)):
            _load(one, 0)
