"""Device memory: pieces are used again where that is safe, and an error says what holds it."""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from minidl.errors import DeviceError
from minidl.kernels.cuda.runtime import driver, layouts, memory, streams
from minidl.kernels.cuda.runtime.streams import Stream
from minidl.kernels.cuda.simulator import driver as simulated

pytestmark = pytest.mark.usefixtures("simulated_gpu")


def test_a_piece_that_nobody_holds_is_handed_out_again() -> None:
    a = memory.empty((100,), np.float32)
    address = a.address
    del a
    assert memory.empty((90,), np.float32).address == address
    known = memory.statistics()
    assert (known.requests, known.hits, known.reserved) == (2, 1, 512)


def test_a_view_keeps_the_piece() -> None:
    a = memory.to_device(np.arange(4, dtype=np.float32))
    view, address = a.view_as((2,), (4,), 8), a.address
    del a
    assert memory.empty((4,), np.float32).address != address
    assert view.numpy().tolist() == [2, 3]


def test_a_stream_is_not_given_what_another_may_still_read() -> None:
    a = memory.empty((100,), np.float32)
    address = a.address
    del a
    stream = Stream()
    with stream:
        b = memory.empty((100,), np.float32)
    assert b.address != address
    assert memory.empty((100,), np.float32).address == address


def test_addresses_are_multiples_of_512() -> None:
    assert {memory.empty((n,), np.uint8).address % 512 for n in (1, 3, 513, 5000)} == {0}


def test_empty_cache_gives_back_what_no_array_holds() -> None:
    before = len(simulated._pieces)
    held, free = memory.empty((100,), np.float32), memory.empty((100,), np.float32)
    del free
    assert memory.statistics().reserved == 1024
    memory.empty_cache()
    assert memory.statistics().reserved == 512
    assert len(simulated._pieces) == before + 1
    assert held.size == 100


def test_memory_that_is_full_says_what_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "MEMORY", 4 << 20)
    held = memory.empty((3 << 20,), np.uint8)
    with pytest.raises(
        DeviceError, match=r"cuda:0 has no 2.0 MiB left: 3.0 MiB of its 4 are held by arrays; take a smaller"
    ):
        memory.empty((2 << 20,), np.uint8)
    del held
    assert memory.empty((2 << 20,), np.uint8).nbytes == 2 << 20  # what was kept went back to the driver
    assert memory.statistics().reserved == 2 << 20


def test_a_full_device_gives_back_what_is_kept_before_it_complains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "MEMORY", 4 << 20)
    for size in (1 << 20, 2 << 20, 3 << 20):
        del memory.empty((size,), np.uint8).memory
    assert memory.statistics().allocated == 0


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3)])
def test_shapes_of_all_kinds_come_and_go(shape: Any) -> None:
    values = np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)
    got = memory.to_device(values).numpy()
    assert (got.shape, got.dtype, got.tolist()) == (values.shape, values.dtype, values.tolist())


def test_an_array_may_be_changed_once_it_is_sent() -> None:
    values = np.ones((3, 4), np.float32)[:, ::2]
    x = memory.to_device(values)
    values[:] = 5
    assert x.numpy().tolist() == [[1, 1]] * 3


def test_page_locked_memory_goes_back() -> None:
    array = memory.pinned((3, 4), np.float32)
    array[:] = 2
    assert memory.is_pinned(array)
    assert memory.is_pinned(array[0]) is False or array[0].base is not None
    assert not memory.is_pinned(np.ones(3))
    assert memory.to_device(array).numpy().tolist() == [[2] * 4] * 3
    assert len(simulated._locked) == 1
    memory._waiting.clear()
    del array
    gc.collect()
    assert len(simulated._locked) == 0


def test_shapes_and_strides_are_sent_once() -> None:
    one = layouts.numbers(0, (1, 2, 3))
    assert layouts.numbers(0, (1, 2, 3)) is one
    assert one.numpy().tolist() == [1, 2, 3]
    with pytest.raises(OverflowError):
        layouts.numbers(0, (2**31,))


def test_what_the_simulated_device_made_is_forgotten_with_it() -> None:
    one = layouts.numbers(0, (4, 5))
    driver.forget()
    assert layouts._numbers.cache_info().currsize == 0
    assert one.memory.device == 0


def test_the_end_of_python_is_no_trouble() -> None:
    text = (
        "import os; os.environ['NUMBA_ENABLE_CUDASIM'] = '1'\n"
        "import numpy as np\n"
        "from minidl.kernels.cuda.runtime import memory, streams, graphs\n"
        "a = memory.to_device(np.ones(4, np.float32)); p = memory.pinned((4,), np.float32)\n"
        "s, e, g = streams.Stream(), streams.Event(), graphs.Graph()\n"
        "with g.capture(): b = memory.to_device(np.ones(4, np.float32))\n"
    )
    done = subprocess.run([sys.executable, "-X", "dev", "-c", text], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_the_fixture_leaves_nothing_behind(request: pytest.FixtureRequest) -> None:
    assert memory._general is not request.session  # it is this test's own
    memory.empty((4,), np.float32)
    assert memory.statistics().requests == 1
    assert streams.handle() == 0
