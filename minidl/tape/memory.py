"""The memory of the planned buffers, and the arrays in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .chain import axes_by_stride
from .passes import Buffer
from .program import Slot

ALIGNED = 64
"""Where a buffer begins: at a whole cache line."""


def memory_of(places: Mapping[Slot, Buffer]) -> dict[Slot, Any]:
    """For each slot with a place its array, of the recorded shape and layout, in the memory of its buffer."""
    made: dict[Buffer, Any] = {}
    arrays = {}
    for slot, buffer in places.items():
        if buffer not in made:
            made[buffer] = _raw(buffer.nbytes)
        arrays[slot] = _array_of(slot, made[buffer])
    return arrays


def scratch_of(slot: Slot) -> Any:
    """An array of a slot's shape and layout, in memory of its own."""
    return _array_of(slot, _raw(slot.nbytes))


def _raw(nbytes: int) -> Any:
    raw = np.empty(nbytes + ALIGNED, np.uint8)
    return raw[-raw.ctypes.data % ALIGNED :]


def _array_of(slot: Slot, memory: Any) -> Any:
    axes = axes_by_stride(slot)
    order = (*axes, *(i for i in range(len(slot.shape)) if i not in axes))
    flat = memory[: slot.nbytes].view(slot.dtype)
    return flat.reshape([slot.shape[i] for i in order]).transpose(np.argsort(order))
