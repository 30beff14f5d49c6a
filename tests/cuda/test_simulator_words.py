"""What the simulator refuses: kernels that wait wrongly, leave their arrays, or ask for more than a device has."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl.errors import DeviceError
from minidl.kernels.cuda.compiler.intrinsics import commit, copy4, copy16, load4, store4, wait_for_all_but
from minidl.kernels.cuda.compiler.language import Kernel, cuda, float32, int32, kernel
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.simulator.errors import SimulationError
from minidl.kernels.cuda.simulator.trace import trace

FULL = 0xFFFFFFFF


def made(body: Callable[..., None], **options: Any) -> Kernel:
    """A kernel on a float32 array."""
    return kernel("float32[::1]", threads=1024, **options)(body)


def run(body: Callable[..., None], threads: Any = 64, size: int = 64, **options: Any) -> np.ndarray[Any, Any]:
    """What a kernel leaves in an array that was all 1."""
    a = np.ones(size, np.float32)
    trace(made(body, **options), 1, threads, (a,))
    return a


def refused(body: Callable[..., None], why: str, threads: Any = 64, size: int = 64, **options: Any) -> None:
    with pytest.raises(SimulationError, match=why):
        run(body, threads, size, **options)


# Waiting ------------------------------------------------------------------------------------------------------------------


def test_threads_of_a_block_may_not_wait_at_different_barriers() -> None:
    def body(a: Any) -> None:
        if cuda.threadIdx.x < 32:
            cuda.syncthreads()
        else:
            cuda.syncthreads()

    refused(body, "wait at different lines")


def test_a_barrier_does_not_wait_for_threads_that_have_ended() -> None:
    def body(a: Any) -> None:
        if cuda.threadIdx.x >= 50:
            return
        cuda.syncthreads()

    refused(body, "50 of 64 threads wait at line .* for threads that have ended")


def test_a_warp_may_not_wait_for_its_block_and_for_itself_at_once() -> None:
    def body(a: Any) -> None:
        if cuda.laneid < 16:
            cuda.syncthreads()
        else:
            cuda.syncwarp()

    refused(body, "others of the same warp for the warp")


def test_a_warp_may_go_through_its_own_barrier_while_another_waits_for_the_block() -> None:
    def body(a: Any) -> None:
        x = cuda.threadIdx.x
        if x < 32:
            a[x] = float32(2)
            cuda.syncwarp()
        cuda.syncthreads()

    assert run(body)[:32].tolist() == [2.0] * 32


def test_lanes_of_a_warp_may_not_shuffle_at_different_lines() -> None:
    def body(a: Any) -> None:
        x = cuda.threadIdx.x
        if x < 16:
            a[x] = cuda.shfl_xor_sync(FULL, a[x], 1)
        else:
            a[x] = cuda.shfl_xor_sync(FULL, a[x], 1)

    refused(body, "threads of a warp wait at different lines", threads=32)


@pytest.mark.parametrize(("lanes", "allowed"), [(16, True), (17, False)])
def test_a_shuffle_reads_only_from_lanes_that_take_part(lanes: int, allowed: bool) -> None:
    mask = (1 << lanes) - 1

    def body(a: Any) -> None:
        x = cuda.threadIdx.x
        if x < lanes:
            a[x] = cuda.shfl_xor_sync(mask, float32(x), 1)

    if allowed:
        assert run(body, threads=32)[:4].tolist() == [1.0, 0.0, 3.0, 2.0]
    else:
        refused(body, "a shuffle reads from lane 17, which takes no part", threads=32)


def test_a_lane_outside_of_the_mask_may_not_shuffle() -> None:
    def body(a: Any) -> None:
        a[cuda.threadIdx.x] = cuda.shfl_xor_sync(0xFFFF, float32(1), 1)

    refused(body, "lane 16 waits for the lanes 0xffff, of which it is none", threads=32)


def test_a_kernel_that_says_that_it_does_not_wait_may_not() -> None:
    def body(a: Any) -> None:
        cuda.syncthreads()

    refused(body, "says waits=False", waits=False)


def test_votes_and_shuffles_answer_as_a_device_does() -> None:
    def body(a: Any) -> None:
        x = cuda.threadIdx.x
        a[x] = float32(cuda.syncthreads_count(x < 5) + 100 * cuda.syncthreads_or(x == 63))
        a[x] += float32(1000) * cuda.shfl_down_sync(FULL, float32(x), 30)

    got = run(body)
    assert got[:3].tolist() == [30105.0, 31105.0, 2105.0]  # lane 2 would read from lane 32: it gets its own
    assert got[32] == 62105.0


# Memory -------------------------------------------------------------------------------------------------------------------


def test_shared_and_local_floats_begin_as_nan() -> None:
    def body(a: Any) -> None:
        shared, local = cuda.shared.array(64, float32, 16), cuda.local.array(2, float32)
        a[cuda.threadIdx.x] = shared[0] if cuda.threadIdx.x else local[1]

    assert np.isnan(run(body)).all()


@pytest.mark.parametrize("space", ["shared", "local"])
def test_integers_are_not_read_before_they_are_written(space: str) -> None:
    def shared(a: Any) -> None:
        counts = cuda.shared.array(64, int32)
        counts[0] = 5
        a[counts[0]] = a[counts[1]]

    def local(a: Any) -> None:
        counts = cuda.local.array(64, int32)
        counts[0] = 5
        a[counts[0]] = a[counts[1]]

    body = {"shared": shared, "local": local}[space]
    with pytest.raises(SimulationError, match=r"counts\[1\] is read before anything was written there"):
        trace(made(body), 1, 1, (np.ones(64, np.float32),), spaces=("global", "shared", "local"))


@pytest.mark.parametrize("index", [-1, 64])
@pytest.mark.parametrize("doubles", [True, False])
def test_no_index_leaves_an_array(index: int, doubles: bool) -> None:
    def body(a: Any) -> None:
        a[cuda.threadIdx.x] = a[index]

    refused(body, rf"block \(0, 0, 0\), thread \(0, 0, 0\), line \d+: a\[{index}\] is outside", doubles=doubles)


def test_a_division_by_zero_of_integers_is_told_with_its_thread() -> None:
    def body(a: Any) -> None:
        a[0] = 7 // (cuda.threadIdx.x - 3)

    refused(body, r"thread \(3, 0, 0\), line \d+: ZeroDivisionError")


def test_a_block_has_48_kilobytes_of_shared_memory() -> None:
    def fits(a: Any) -> None:
        one, two = cuda.shared.array(8192, float32, 16), cuda.shared.array(4096, float32, 16)
        one[0] = two[0] = float32(0)

    def does_not(a: Any) -> None:
        one, two = cuda.shared.array(8192, float32, 16), cuda.shared.array(4097, float32, 16)
        one[0] = two[0] = float32(0)

    run(fits, 1)
    refused(does_not, "49156 bytes of shared memory; a block has 49152")


def test_sixteen_bytes_lie_at_a_multiple_of_sixteen() -> None:
    def offset(a: Any) -> None:
        store4(a, 4, *load4(a, 2))

    def shared(a: Any) -> None:
        tile = cuda.shared.array(16, float32)  # without its alignment
        store4(tile, 0, *load4(a, 0))

    def outside(a: Any) -> None:
        store4(a, 64, *load4(a, 0))

    refused(offset, "from element 2, which does not lie at a multiple of 16")
    refused(shared, "from element 0, which does not lie at a multiple of 16")
    refused(outside, "elements 64 to 67 of an array of 64")


def test_a_view_that_is_not_aligned_is_not_loaded_in_sixteens(simulated_gpu: None) -> None:
    def body(a: Any) -> None:
        store4(a, 0, *load4(a, 4))

    x = memory.to_device(np.arange(16, dtype=np.float32))
    made(body)[1, 1](x)
    assert x.numpy()[:4].tolist() == [4.0, 5.0, 6.0, 7.0]
    with pytest.raises(SimulationError, match="from element 4, which does not lie at a multiple of 16"):
        made(body)[1, 1](x.view_as((12,), (4,), 4))


def copying(wait: bool, together: bool) -> Callable[..., None]:
    """A kernel that copies through shared memory, with or without the waits that this takes."""

    def body(a: Any) -> None:
        tile = cuda.shared.array(128, float32, 16)
        x = cuda.threadIdx.x
        copy16(tile, 4 * x, a, 4 * x, 16)
        commit()
        if wait:
            wait_for_all_but(0)()
        if together:
            cuda.syncthreads()
        a[4 * x] = tile[4 * (x ^ 1)]

    return body


def test_a_copy_is_there_once_it_was_waited_for() -> None:
    a = np.arange(128, dtype=np.float32)
    trace(made(copying(True, True)), 1, 32, (a,))
    assert a[::4].tolist() == [4.0 * (x ^ 1) for x in range(32)]
    b = np.arange(128, dtype=np.float32)
    trace(made(copying(False, True)), 1, 32, (b,))
    assert np.isnan(b[::4]).all()


def test_copies_write_zeros_where_there_is_nothing_to_read() -> None:
    def body(a: Any) -> None:
        tile = cuda.shared.array(8, float32, 16)
        copy16(tile, 0, a, 60, 8)
        copy4(tile, 4, a, 0, 0)
        commit()
        wait_for_all_but(0)()
        for i in range(5):
            a[i] = tile[i]

    assert run(body, 1)[:6].tolist() == [1.0, 1.0, 0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (-4, "elements -4 to -1"),
        (64, "elements 64 to 67"),
        (6, "from element 6, which does not lie at a multiple of 16"),
    ],
)
def test_copies_read_from_within_an_array(start: int, why: str) -> None:
    def body(a: Any) -> None:
        tile = cuda.shared.array(8, float32, 16)
        copy16(tile, 0, a, start, 16)

    refused(body, why)


# Launches -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid", "block"), [(1, 1025), (1, (1, 1, 65)), ((1, 65536), 1), ((1, 1, 65536), 1), (1, 0), (1 << 31, 1)]
)
def test_what_no_device_can_launch_is_refused(grid: Any, block: Any, simulated_gpu: None) -> None:
    def body(a: Any) -> None:
        pass

    with pytest.raises(DeviceError, match="INVALID_VALUE"):
        made(body, waits=False)[grid, block](memory.to_device(np.ones(4, np.float32)))


def test_a_block_may_not_have_more_threads_than_its_kernel_says(simulated_gpu: None) -> None:
    def body(a: Any) -> None:
        pass

    with pytest.raises(DeviceError, match=re.escape("INVALID_VALUE")):
        kernel("float32[::1]", threads=128)(body)[1, 160](memory.to_device(np.ones(4, np.float32)))


def test_memory_of_the_device_ends_where_it_ends(simulated_gpu: None) -> None:
    def body(a: Any) -> None:
        a[0] = a[1]

    x = memory.to_device(np.ones(128, np.float32))
    longer = x.view_as((256,), (4,))
    with pytest.raises(SimulationError, match="are not memory of the device"):
        made(body)[1, 1](longer)
