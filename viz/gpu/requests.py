"""Four requests of a warp, traced: neighbours in global memory or not, a column of shared memory padded or not."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl.kernels.cuda.compiler.language import Kernel, cuda, float32, kernel
from minidl.kernels.cuda.simulator.trace import trace
from minidl.kernels.cuda.simulator.traffic import BANKS, SECTOR, bank_conflicts, coalescing

from .warp import WARP, Request


@functools.cache
def reading(step: int) -> Kernel:
    """Each thread reads one number, `step` numbers from its neighbour's."""

    @kernel("float32[::1], float32[::1]", name=f"reading_{step}", threads=WARP, waits=False)
    def read(x: Any, out: Any) -> None:
        lane = cuda.threadIdx.x
        out[lane] = x[lane * step]

    return read


@functools.cache
def column(width: int) -> Kernel:
    """A warp fills a tile in shared memory row by row, each of `width` numbers, and reads its first column."""

    @kernel("float32[::1]", name=f"column_{width}", threads=WARP)
    def read(out: Any) -> None:
        tile = cuda.shared.array(WARP * width, float32)
        lane = cuda.threadIdx.x
        for row in range(WARP):
            tile[row * width + lane] = float32(row)
        cuda.syncthreads()
        out[lane] = tile[lane * width]

    return read


def global_request(step: int, code: str, detail: str) -> Request:
    """Trace a warp that reads global memory."""
    run = trace(reading(step), 1, WARP, (np.zeros(WARP * step, np.float32), np.zeros(WARP, np.float32)))
    found = next(c for c in coalescing(run) if c.access.array == "x")
    count, wanted = len(found.sectors), 4 * len(found.access.accesses)
    verdict = f"{count} sectors: {SECTOR * count} bytes are fetched, {wanted} are used"
    return Request([a.first for a in found.access.accesses], code, verdict, detail)


def shared_request(width: int, code: str, detail: str) -> Request:
    """Trace a warp that reads a column of shared memory."""
    run = trace(column(width), 1, WARP, (np.zeros(WARP, np.float32),))
    found = next(c for c in reversed(bank_conflicts(run)) if c.access.action == "read")
    turns, banks = found.wavefronts, len(set(found.banks.values()))
    verdict = f"{turns} turn{'s' * (turns > 1)}: {banks} of {BANKS} banks {'is' if banks == 1 else 'are'} asked"
    return Request([a.first for a in found.access.accesses], code, verdict, detail)


def coalescing_requests() -> tuple[Request, Request]:
    """A row of a matrix with rows of 32 numbers, and a column."""
    return (
        global_request(1, "x[lane], a row", "Neighbouring threads read neighbouring numbers."),
        global_request(WARP, "x[32 · lane], a column", "Of each sector one number is used, and seven are not."),
    )


def bank_requests() -> tuple[Request, Request]:
    """A column of a tile with rows of 32 numbers, and of 33."""
    return (
        shared_request(
            BANKS,
            "tile[32 · lane], a column of a tile 32 wide",
            "A bank gives one number a turn, so 32 lanes wait in line.",
        ),
        shared_request(
            BANKS + 1, "tile[33 · lane], with one unused number behind each row", "Each row begins one bank further on."
        ),
    )
