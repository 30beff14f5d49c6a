"""Races are found, also where the simulator's order gives the right numbers, and what is ordered passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl.kernels.cuda.compiler.intrinsics import commit, copy16, wait_for_all_but
from minidl.kernels.cuda.compiler.language import cuda, float32, int32, kernel
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.simulator.errors import SimulationError

pytestmark = pytest.mark.usefixtures("strict_gpu")

FULL = 0xFFFFFFFF


def run(body: Callable[..., None], threads: int = 64, blocks: int = 1, size: int = 256) -> np.ndarray[Any, Any]:
    a = memory.to_device(np.arange(size, dtype=np.float32))
    kernel("float32[::1]", name="body", threads=256)(body)[blocks, threads](a)
    return a.numpy()


def reversal(barrier: bool) -> Callable[..., None]:
    """Turns 64 numbers round through shared memory."""

    def body(a: Any) -> None:
        tile = cuda.shared.array(64, float32)
        x = cuda.threadIdx.x
        tile[x] = a[x]
        if barrier:
            cuda.syncthreads()
        a[x] = tile[63 - x] if x >= 32 else a[x]

    return body


def test_a_barrier_that_is_missing_is_found_though_the_numbers_are_right() -> None:
    assert run(reversal(True))[:64].tolist() == [*range(32), *range(31, -1, -1)]
    with pytest.raises(
        SimulationError, match=r"a race for tile\[31\], which thread \(31, 0, 0\) writes and this one reads"
    ):
        run(reversal(False))


def test_a_tile_is_not_written_anew_while_others_may_still_read_it() -> None:
    def body(a: Any) -> None:
        tile = cuda.shared.array(64, float32)
        x = cuda.threadIdx.x
        for turn in range(2):
            tile[x] = a[64 * turn + x]
            cuda.syncthreads()
            a[64 * turn + x] = tile[x ^ 32]  # and a second barrier is missing here

    with pytest.raises(
        SimulationError, match=r"a race for tile\[0\], which thread \(0, 0, 0\) writes and this one reads"
    ):
        run(body)


@pytest.mark.parametrize("meet", ["syncwarp", "shuffle", "nothing"])
def test_lanes_of_a_warp_meet_at_syncwarp_and_not_by_shuffling(meet: str) -> None:
    def body(a: Any) -> None:
        tile = cuda.shared.array(64, float32)
        x = cuda.threadIdx.x
        tile[x] = a[x]
        if meet == "syncwarp":
            cuda.syncwarp()
        elif meet == "shuffle":
            cuda.shfl_xor_sync(FULL, a[x], 1)
        a[x] = tile[x ^ 1]

    if meet == "syncwarp":
        assert run(body)[:4].tolist() == [1.0, 0.0, 3.0, 2.0]
    else:
        with pytest.raises(SimulationError, match="a race for tile"):
            run(body)


def test_a_syncwarp_does_not_order_two_warps() -> None:
    def body(a: Any) -> None:
        tile = cuda.shared.array(64, float32)
        x = cuda.threadIdx.x
        tile[x] = a[x]
        cuda.syncwarp()
        a[x] = tile[x ^ 32]

    with pytest.raises(SimulationError, match="a race for tile"):
        run(body)


def test_atomic_changes_may_meet_and_others_may_not() -> None:
    def atomic(a: Any) -> None:
        count = cuda.shared.array(1, int32)
        if cuda.threadIdx.x == 0:
            count[0] = 0
        cuda.syncthreads()
        cuda.atomic.add(count, 0, 1)
        cuda.syncthreads()
        cuda.atomic.max(a, 0, float32(count[0]))

    def plain(a: Any) -> None:
        count = cuda.shared.array(1, int32)
        if cuda.threadIdx.x == 0:
            count[0] = 0
        cuda.syncthreads()
        count[0] = count[0] + 1

    def mixed(a: Any) -> None:
        cuda.atomic.add(a, 0, float32(1))
        a[1 + cuda.threadIdx.x] = a[0]

    assert run(atomic, blocks=2)[0] == 64
    with pytest.raises(SimulationError, match=r"a race for count\[0\]"):
        run(plain)
    with pytest.raises(SimulationError, match=r"a race for a\[0\]"):
        run(mixed)


def test_threads_may_write_the_same_number_and_not_different_ones() -> None:
    def same(a: Any) -> None:
        a[0] = float32(7)

    def different(a: Any) -> None:
        a[0] = float32(cuda.threadIdx.x)

    assert run(same, blocks=3)[0] == 7
    with pytest.raises(SimulationError, match=r"a race for a\[0\]"):
        run(different)


def test_blocks_never_meet() -> None:
    def reads(a: Any) -> None:
        x = cuda.threadIdx.x
        a[64 * cuda.blockIdx.x + x] = a[x]

    def own(a: Any) -> None:
        i = cuda.grid(1)
        a[i] = a[i] + float32(1)

    with pytest.raises(SimulationError, match=r"a\[0\] is written by block \(0, 0, 0\) and touched by \(1, 0, 0\)"):
        run(reads, blocks=2)
    assert run(own, blocks=2)[:128].tolist() == list(range(1, 129))


@pytest.mark.parametrize("flaw", ["", "no wait", "early refill", "no barrier"])
def test_copies_under_way_belong_to_nobody(flaw: str) -> None:
    """Two tiles in turn: the next one is on its way while this one is used."""

    def body(a: Any) -> None:
        tile = cuda.shared.array(2 * 128, float32, 16)
        x = cuda.threadIdx.x
        total = float32(0)
        copy16(tile, 4 * x, a, 4 * x, 16)
        commit()
        for turn in range(4):
            if flaw != "no wait":
                wait_for_all_but(0)()
            if flaw != "no barrier":
                cuda.syncthreads()
            following = turn & 1 if flaw == "early refill" else (turn + 1) & 1
            copy16(tile, 128 * following + 4 * x, a, 128 * ((turn + 1) & 1) + 4 * x, 16)
            commit()
            total += tile[128 * (turn & 1) + (4 * x + 16) % 128]
        wait_for_all_but(0)()
        cuda.syncthreads()
        a[x] = total

    if not flaw:
        assert run(body, 32)[:2].tolist() == [2 * 16 + 2 * 144, 2 * 20 + 2 * 148]
    else:
        with pytest.raises(SimulationError, match=r"while a copy to it is under way|a race for tile"):
            run(body, 32)


def test_arguments_that_share_memory_are_compared_by_address() -> None:
    @kernel("float32[::1], float32[::1]", threads=64, waits=False)
    def shifted(a: Any, b: Any) -> None:
        x = cuda.threadIdx.x
        b[x] = a[x]

    a = memory.to_device(np.arange(65, dtype=np.float32))
    shifted[1, 64](a, memory.empty((64,), np.float32))
    with pytest.raises(SimulationError, match="a race for"):
        shifted[1, 64](a, a.view_as((64,), (4,), 4))
