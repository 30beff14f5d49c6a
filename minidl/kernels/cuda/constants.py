"""Numbers that rules make on the CPU, such as positions, masks and weights of pixels, brought to where they are needed.

Small ones occur again in every step: they are kept on the device by their content, so that a step sends nothing, and a
captured graph finds them where they were.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import DeviceArray
from .runtime.driver import remembered
from .runtime.memory import to_device, upload
from .runtime.streams import capturing, keep_for_graph

_MOST_KEPT = 1 << 16
"""The size in bytes up to which constants are kept."""


def constant(array: Any, device: int) -> DeviceArray:
    """An array on a device that holds what a NumPy array holds; it is not to be written to."""
    array = np.asarray(array)
    if array.nbytes > _MOST_KEPT and not capturing():
        return to_device(array, device)
    found = _kept(device, array.dtype, array.shape, array.tobytes())
    keep_for_graph(found)
    return found


@remembered(4096)
def _kept(device: int, dtype: np.dtype[Any], shape: tuple[int, ...], numbers: bytes) -> DeviceArray:
    """The same array each time; copied beside all streams, so that it is there at once, also during a capture."""
    return upload(np.frombuffer(numbers, dtype).reshape(shape), device)
