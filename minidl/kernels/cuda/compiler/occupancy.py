"""How many threads a multiprocessor holds at once: what a kernel's registers and shared memory leave room for.

A multiprocessor hides the time that memory takes behind other warps that are ready, so it wants many. Each takes its
registers and each block its shared memory out of one supply, and the scarcest decides.

Source: NVIDIA, CUDA C++ Programming Guide, "Technical Specifications per Compute Capability"; the units in which registers and
shared memory are dealt out are those of NVIDIA's occupancy calculator (Nsight Compute).
"""

from __future__ import annotations

from dataclasses import dataclass

WARP = 32
REGISTERS, UNIT, PARTS = 65536, 256, 4
"""Registers of a multiprocessor; a warp gets them in multiples of 256; four schedulers have a quarter each."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a multiprocessor has room for.

    Attributes:
        threads: at most so many threads,
        blocks: and so many blocks.
        shared: its shared memory, in bytes.
        reserved: what the system takes of it for each block, in bytes.
        granule: shared memory is dealt out in multiples of so many bytes.
    """

    threads: int
    blocks: int
    shared: int
    reserved: int
    granule: int


LIMITS = {
    (7, 5): Limits(1024, 16, 64 << 10, 0, 256),
    (8, 0): Limits(2048, 32, 164 << 10, 1024, 128),
    (8, 6): Limits(1536, 16, 100 << 10, 1024, 128),
    (9, 0): Limits(2048, 32, 228 << 10, 1024, 128),
}
"""By compute capability: Turing, Ampere in data centres, Ampere elsewhere, Hopper."""


def blocks_at_once(capability: tuple[int, int], threads: int, registers: int, shared: int) -> int:
    """How many blocks a multiprocessor holds.

    Args:
        capability: the compute capability, one of `LIMITS`.
        threads: of a block.
        registers: of a thread.
        shared: bytes of a block.

    >>> blocks_at_once((9, 0), 256, 128, 32768)
    2
    """
    limits = LIMITS[capability]
    warps = -(-threads // WARP)
    a_warp = -(-registers * WARP // UNIT) * UNIT
    by_registers = REGISTERS // PARTS // a_warp * PARTS // warps if registers else limits.blocks
    a_block = -(-(shared + limits.reserved) // limits.granule) * limits.granule
    by_shared = limits.shared // a_block if a_block else limits.blocks
    return min(limits.blocks, limits.threads // WARP // warps, by_registers, by_shared)


def occupancy(capability: tuple[int, int], threads: int, registers: int, shared: int) -> float:
    """The part of the threads that a multiprocessor could hold, for the arguments of `blocks_at_once`.

    >>> occupancy((7, 5), 256, 32, 0), occupancy((9, 0), 256, 128, 32768)
    (1.0, 0.25)
    """
    return blocks_at_once(capability, threads, registers, shared) * threads / LIMITS[capability].threads
