"""Launches: what is handed over is checked and packed, and what does not fit says so."""

from __future__ import annotations

import struct
import threading
from typing import Any

import numpy as np
import pytest

from minidl.errors import DeviceError
from minidl.kernels.cuda.array import DeviceArray
from minidl.kernels.cuda.compiler.language import Kernel, cuda, kernel
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.simulator import driver as simulated

pytestmark = pytest.mark.usefixtures("simulated_gpu")


@kernel("float32[::1], bool, int64, float64, int32, uint8[::1]", name="takes_all", threads=64, waits=False)
def takes_all(a: Any, flag: bool, wide: int, double: float, number: int, b: Any) -> None:
    a[0] = wide + double
    a[1] = number if flag else -number
    a[2] = len(a)
    a[3] = b[0] + len(b)


def on_device(*numbers: float, dtype: Any = np.float32) -> DeviceArray:
    return memory.to_device(np.array(numbers, dtype))


def test_arguments_of_every_kind_arrive() -> None:
    a = on_device(0, 0, 0, 0, 0)
    takes_all[1, 1](a, True, 2**40, 0.5, -7, on_device(200, 1, dtype=np.uint8))
    assert a.numpy().tolist() == [2**40, -7, 5, 202, 0]
    takes_all[1, 1](a, np.bool_(False), np.int64(3), np.float64(0.25), np.int32(7), on_device(1, dtype=np.uint8))
    assert a.numpy().tolist() == [3.25, -7, 5, 2, 0]


def test_a_view_is_handed_over_from_its_first_element_to_its_last() -> None:
    x = on_device(*range(12))
    every_third = x.view_as((3,), (12,), 8)

    @kernel("float32[::1]", threads=1, waits=False)
    def look(a: Any) -> None:
        a[0] = len(a)

    look[1, 1](every_third)
    assert x.numpy().tolist() == [0, 1, 7, *range(3, 12)]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ((np.zeros(4, np.float32), True, 1, 1.0, 1), "a is an array of float32 on the device, got ndarray of float32"),
        (("f8", True, 1, 1.0, 1), "a is an array of float32 on the device, got DeviceArray of float64"),
        (("f4", True, 1, 1.0, 2**31), "takes_all: a number does not fit"),
        (("f4", True, 1, 1.0, 1.5), "takes_all: a number does not fit"),
    ],
)
def test_arguments_that_do_not_fit_are_named(args: Any, why: str) -> None:
    given = [on_device(1, 2, 3, 4, dtype=args[0]) if isinstance(args[0], str) else args[0], *args[1:]]
    with pytest.raises(DeviceError, match=why):
        takes_all[1, 1](*given, on_device(1, dtype=np.uint8))


def test_arrays_of_two_devices_do_not_meet() -> None:
    a, b = on_device(1, 2, 3, 4), on_device(1, dtype=np.uint8)
    b.memory.device = 1
    with pytest.raises(DeviceError, match="takes_all: b is on cuda:1, the others on cuda:0"):
        takes_all[1, 1](a, True, 1, 1.0, 1, b)
    b.memory.device = 0


def test_the_number_of_arguments_is_checked() -> None:
    with pytest.raises(ValueError, match="zip"):
        takes_all[1, 1](on_device(1))


def test_an_empty_grid_launches_nothing() -> None:
    simulated.launches.clear()
    takes_all[0, 1](on_device(1), True, 1, 1.0, 1, on_device(1, dtype=np.uint8))
    takes_all[(1, 0), 1](on_device(1), True, 1, 1.0, 1, on_device(1, dtype=np.uint8))
    assert simulated.launches == []


def test_grids_and_blocks_have_up_to_three_axes() -> None:
    @kernel("float32[::1]", threads=8, waits=False)
    def where(a: Any) -> None:
        i = cuda.blockIdx.z * 10 + cuda.blockIdx.y
        a[i] = 100 * cuda.threadIdx.z + 10 * cuda.threadIdx.y + cuda.threadIdx.x

    a = on_device(*[0] * 32)
    where[(1, 2, 3), (2, 2, 2)](a)
    assert [i for i, n in enumerate(a.numpy().tolist()) if n == 111] == [0, 1, 10, 11, 20, 21]


def test_several_threads_launch_at_once() -> None:
    @kernel("float32[::1], float32", threads=32, waits=False)
    def add(a: Any, x: float) -> None:
        a[cuda.threadIdx.x] += x

    arrays = [on_device(*[0] * 32) for _ in range(4)]
    errors: list[BaseException] = []

    def work(a: DeviceArray, x: float) -> None:
        try:
            for _ in range(10):
                add[1, 32](a, x)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(a, float(i))) for i, a in enumerate(arrays)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [a.numpy().tolist() for a in arrays] == [[10.0 * i] * 32 for i in range(4)]


def test_a_signature_must_fit_its_function() -> None:
    def body(a: Any, n: int) -> None:
        pass

    with pytest.raises(TypeError, match="takes 2 arguments, its signature names 1"):
        Kernel(body, "float32[::1]")
    with pytest.raises(TypeError, match="n is 'complex64', neither a number nor an array"):
        Kernel(body, "float32[::1], complex64")
    with pytest.raises(TypeError, match="'two words' is no name that"):
        Kernel(body, "float32[::1], int32", "two words")


def test_packing_is_aligned_as_c_aligns() -> None:
    one = Kernel(lambda a, b, c, d: None, "bool, int64, bool, float32", "aligned")  # type: ignore[arg-type, misc]
    assert one.packing.pack(True, 1, True, 1.0) == bytes([1, *[0] * 7, 1, *[0] * 7, 1, 0, 0, 0]) + struct.pack("f", 1.0)
