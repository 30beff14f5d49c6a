"""Traces: who touches which element when, and what that costs a GPU in bank conflicts and sectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.kernels.cuda.compiler.intrinsics import commit, copy16, load4, store4, wait_for_all_but
from minidl.kernels.cuda.compiler.language import Kernel, cuda, device, float32, kernel
from minidl.kernels.cuda.simulator.trace import trace
from minidl.kernels.cuda.simulator.traffic import bank_conflicts, coalescing, worst_conflicts


def transpose(pitch: int, doubles: bool = True) -> Kernel:
    """Transposes 32 × 32 numbers through shared memory whose rows are `pitch` apart."""
    size = 32 * pitch

    @kernel("float32[::1], float32[::1]", name=f"transpose_{pitch}", threads=128, doubles=doubles)
    def body(source: Any, target: Any) -> None:
        tile = cuda.shared.array(size, float32, 16)
        x = cuda.threadIdx.x
        for row in range(cuda.threadIdx.y, 32, 4):
            tile[row * pitch + x] = source[32 * row + x]
        cuda.syncthreads()
        for row in range(cuda.threadIdx.y, 32, 4):
            target[32 * row + x] = tile[x * pitch + row]

    return body


@pytest.mark.parametrize("doubles", [True, False])
def test_a_trace_says_who_touches_what_in_which_step(doubles: bool) -> None:
    a, b = np.arange(1024, dtype=np.float32).reshape(32, 32), np.empty((32, 32), np.float32)
    of = transpose(33, doubles)
    run = trace(of, 1, (32, 4), (a, b))
    assert np.array_equal(b, a.T)
    assert len(run.accesses) == 4 * 1024
    assert run.steps == {(0, 0, 0): 2}
    assert {name: (info.space, info.size) for name, info in run.arrays.items()} == {
        "source": ("global", 1024), "target": ("global", 1024), "tile": ("shared", 32 * 33),
    }  # fmt: skip
    mine = run.of(thread=(5, 2, 0))
    assert [x.array for x in mine[:4]] == ["source", "tile", "source", "tile"]
    assert [x.first for x in mine if x.array == "source"] == [32 * row + 5 for row in range(2, 32, 4)]
    assert [x.first for x in mine if x.array == "tile" and x.step == 1] == [5 * 33 + row for row in range(2, 32, 4)]
    assert {(x.array, x.action, x.step) for x in run.accesses} == {
        ("source", "read", 0), ("tile", "write", 0), ("tile", "read", 1), ("target", "write", 1),
    }  # fmt: skip
    assert (mine[0].warp, mine[0].lane, mine[0].number) == (2, 5, 69)
    first, lines = run.source()
    assert "tile[row * pitch + x] = source" in lines[mine[0].line - first]
    assert run.of(step=1, action="read", line=mine[-1].line) == [x for x in run.of(space="shared") if x.step == 1]


def test_a_step_of_a_warp_is_put_together() -> None:
    run = trace(transpose(33), 1, (32, 4), (np.zeros(1024, np.float32), np.zeros(1024, np.float32)))
    together = run.together(array="source")
    assert len(together) == 32
    assert all([a.lane for a in w.accesses] == list(range(32)) for w in together)
    assert [(w.warp, w.turn, w.accesses[0].first) for w in together if w.warp == 1][:3] == [
        (1, 0, 32), (1, 1, 160), (1, 2, 288),
    ]  # fmt: skip


@pytest.mark.parametrize(("pitch", "conflicts"), [(32, 31), (33, 0), (34, 1), (36, 3)])
def test_conflicts_of_banks_are_counted(pitch: int, conflicts: int) -> None:
    run = trace(transpose(pitch), 1, (32, 4), (np.zeros(1024, np.float32), np.zeros(1024, np.float32)))
    worst = worst_conflicts(run)
    assert sorted(worst.values()) == sorted([0, conflicts])
    reads = [c for c in bank_conflicts(run) if c.access.action == "read"]
    assert {c.wavefronts for c in reads} == {conflicts + 1}
    assert reads[0].banks == {lane: lane * pitch % 32 for lane in range(32)}


def vectors(scale: int) -> Kernel:
    """Each thread moves four numbers through shared memory, whose fours are `scale` apart."""
    size = 4 * 32 * scale

    @kernel("float32[::1], float32[::1]", name=f"vectors_{scale}", threads=32)
    def body(source: Any, target: Any) -> None:
        tile = cuda.shared.array(size, float32, 16)
        x = cuda.threadIdx.x
        copy16(tile, 4 * scale * x, source, 4 * x, 16)
        commit()
        wait_for_all_but(0)()
        store4(target, 4 * x, *load4(tile, 4 * scale * x))

    return body


@pytest.mark.parametrize(("scale", "wavefronts"), [(1, 4), (2, 8), (8, 32)])
def test_sixteen_bytes_a_lane_are_served_eight_lanes_at_a_time(scale: int, wavefronts: int) -> None:
    a, b = np.arange(128, dtype=np.float32), np.empty(128, np.float32)
    run = trace(vectors(scale), 1, 32, (a, b))
    assert np.array_equal(a, b)
    mine = run.of(thread=(3, 0, 0))
    assert [(x.array, x.action, x.first, x.width) for x in mine] == [
        ("source", "read", 12, 4), ("tile", "write", 12 * scale, 4),
        ("tile", "read", 12 * scale, 4), ("target", "write", 12, 4),
    ]  # fmt: skip
    first, lines = run.source()
    assert ["copy16" in lines[x.line - first] for x in mine] == [True, True, False, False]
    assert {(c.wavefronts, c.ideal) for c in bank_conflicts(run)} == {(wavefronts, 4)}
    assert {len(c.sectors) for c in coalescing(run)} == {16}


def test_a_word_that_several_lanes_read_is_read_once() -> None:
    @kernel("float32[::1]", threads=32)
    def broadcast(a: Any) -> None:
        tile = cuda.shared.array(64, float32)
        x = cuda.threadIdx.x
        tile[x] = tile[x + 32] = a[x]
        cuda.syncthreads()
        a[x] = tile[32 * (x & 1)]  # two words of one bank

    run = trace(broadcast, 1, 32, (np.ones(32, np.float32),))
    assert [c.wavefronts for c in bank_conflicts(run)] == [1, 1, 2]


@pytest.mark.parametrize(("stride", "sectors", "efficiency"), [(1, 4, 1.0), (2, 8, 0.5), (8, 32, 0.125), (0, 1, 1.0)])
def test_sectors_of_global_memory_are_counted(stride: int, sectors: int, efficiency: float) -> None:
    @kernel("float32[::1], float32[::1]", name=f"strided_{stride}", threads=32, waits=False)
    def strided(a: Any, b: Any) -> None:
        b[cuda.threadIdx.x] = a[stride * cuda.threadIdx.x]

    run = trace(strided, 1, 32, (np.ones(256, np.float32), np.ones(32, np.float32)))
    reads, writes = coalescing(run)
    assert (len(reads.sectors), reads.efficiency) == (sectors, efficiency)
    assert writes.sectors == (0, 1, 2, 3)


def test_an_access_across_a_boundary_costs_one_sector_more() -> None:
    @kernel("float32[::1], float32[::1]", threads=32, waits=False)
    def shifted(a: Any, b: Any) -> None:
        b[cuda.threadIdx.x] = a[cuda.threadIdx.x + 1]

    run = trace(shifted, 1, 32, (np.ones(33, np.float32), np.ones(32, np.float32)))
    assert [(len(c.sectors), c.ideal) for c in coalescing(run)] == [(5, 4), (4, 4)]


def test_chosen_blocks_and_local_arrays() -> None:
    @device
    def twice(a: Any, i: int) -> Any:
        return a[i] + a[i]

    @kernel("float32[::1]", threads=2, waits=False)
    def body(a: Any) -> None:
        mine = cuda.local.array(1, float32)
        mine[0] = twice(a, cuda.grid(1))
        a[cuda.grid(1)] = mine[0]

    a = np.ones(8, np.float32)
    run = trace(body, 4, 2, (a,), spaces=("local",), blocks=[(2, 0, 0)])
    assert a.tolist() == [1, 1, 1, 1, 2, 2, 1, 1]
    assert [(x.array, x.action, x.block.x, x.thread.x) for x in run.accesses] == [
        ("mine", "write", 2, 0), ("mine", "read", 2, 0), ("mine", "write", 2, 1), ("mine", "read", 2, 1),
    ]  # fmt: skip
    assert (
        len(trace(body, 4, 2, (a,)).together(array="a")) == 4 * 3
    )  # two reads by the function, at places of their own


def test_atomic_changes_are_one_access() -> None:
    @kernel("float32[::1]", threads=2, waits=False)
    def count(a: Any) -> None:
        cuda.atomic.add(a, 0, float32(1))

    a = np.zeros(1, np.float32)
    assert [x.action for x in trace(count, 1, 2, (a,)).accesses] == ["atomic", "atomic"]
    assert a[0] == 2


def test_arguments_must_fit() -> None:
    with pytest.raises(TypeError, match="source is a contiguous NumPy array of float32, got float64"):
        trace(transpose(33), 1, (32, 4), (np.zeros(1024), np.zeros(1024)))
