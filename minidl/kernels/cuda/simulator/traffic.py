"""What a traced kernel's accesses cost a GPU: conflicts of shared-memory banks, and sectors of global memory.

Shared memory has 32 banks, each of which hands out one word of 4 bytes at a time; word i lies in bank i mod 32. When lanes of
a warp want different words of one bank, they are served one after the other, in *wavefronts*; lanes that want the same word
share it. Of 8 bytes a lane, 16 lanes are served at a time, and of 16 bytes 8 lanes (NVIDIA, CUDA C++ Best Practices Guide,
"Shared Memory and Memory Banks"; CUDA C++ Programming Guide, "Compute Capability 5.x").

Global memory is fetched in *sectors* of 32 bytes: a warp's access costs as many as it touches, and is coalesced when these are
no more than its bytes need.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from .trace import Trace, WarpAccess

BANKS, WORD, SECTOR = 32, 4, 32


class BankConflicts(NamedTuple):
    """One access of a warp to shared memory.

    Attributes:
        access: what the warp's lanes read or write.
        banks: for each lane that takes part its (first) bank.
        wavefronts: how many it takes.
        ideal: how many it would take without a conflict.
    """

    access: WarpAccess
    banks: dict[int, int]
    wavefronts: int
    ideal: int

    @property
    def conflicts(self) -> int:
        """The wavefronts that it takes too many; 0 is what one wants."""
        return self.wavefronts - self.ideal


def bank_conflicts(trace: Trace) -> list[BankConflicts]:
    """Each access of a warp to shared memory, in order, with what it costs."""
    found = []
    for access in trace.together(space="shared"):
        info = trace.arrays[access.array]
        size = info.dtype.itemsize
        places = {a.lane: (info.address + a.first * size, a.width * size) for a in access.accesses}
        width = max(nbytes for _, nbytes in places.values())
        lanes_at_once = 32 // max(width // WORD, 1)
        wavefronts = ideal = 0
        for start in range(0, 32, lanes_at_once):
            words = {
                word
                for lane, (at, nbytes) in places.items()
                if start <= lane < start + lanes_at_once
                for word in range(at // WORD, (at + nbytes - 1) // WORD + 1)
            }
            if words:
                in_bank: defaultdict[int, int] = defaultdict(int)
                for word in words:
                    in_bank[word % BANKS] += 1
                wavefronts += max(in_bank.values())
                ideal += 1
        banks = {lane: at // WORD % BANKS for lane, (at, _) in places.items()}
        found.append(BankConflicts(access, banks, wavefronts, ideal))
    return found


class Coalescing(NamedTuple):
    """One access of a warp to global memory.

    Attributes:
        access: what the warp's lanes read or write.
        sectors: the sectors of 32 bytes that it touches, each counted from the array's beginning.
        ideal: in how many sectors its bytes would have room.
    """

    access: WarpAccess
    sectors: tuple[int, ...]
    ideal: int

    @property
    def efficiency(self) -> float:
        """The part of the sectors that it needs; 1 is coalesced."""
        return self.ideal / len(self.sectors)


def coalescing(trace: Trace) -> list[Coalescing]:
    """Each access of a warp to global memory, in order, with the sectors that it moves."""
    found = []
    for access in trace.together(space="global"):
        info = trace.arrays[access.array]
        size = info.dtype.itemsize
        elements = {e for a in access.accesses for e in a.elements}
        begins = info.address % SECTOR
        sectors = sorted({(begins + e * size) // SECTOR for e in elements})
        found.append(Coalescing(access, tuple(sectors), -(-len(elements) * size // SECTOR)))
    return found


def worst_conflicts(trace: Trace) -> dict[tuple[str, int], int]:
    """For each shared array and line the most conflicts that one access of a warp has there."""
    worst: dict[tuple[str, int], int] = {}
    for found in bank_conflicts(trace):
        key = (found.access.array, found.access.line)
        worst[key] = max(worst.get(key, 0), found.conflicts)
    return worst
