"""Launching: a kernel's arguments are packed as the device expects them, and handed to the driver in one call.

Numba's own launch looks at every argument's type each time and takes 7 to 15 µs; the kernels here state their types, so
packing is one `struct.pack`.
"""

from __future__ import annotations

import ctypes
import struct
from typing import Any

from ....errors import DeviceError
from ..array import DeviceArray
from ..compiler.language import Kernel
from .driver import call, current_device, enter
from .streams import handle, journal, relaxed

_functions: dict[tuple[Kernel, int], int] = {}
_POINTER, _SIZE, _END = 1, 2, 0
"""What the driver's list of launch options says comes next: the packed arguments, their size, nothing."""


class Launch:
    """A kernel with its grid and block, called with the arguments."""

    __slots__ = ("block", "grid", "kernel", "stream")

    def __init__(self, kernel: Kernel, grid: Any, block: Any, stream: Any = None) -> None:
        self.kernel = kernel
        self.grid = three(grid)
        self.block = three(block)
        self.stream = stream

    def __call__(self, *args: Any) -> None:
        """Launch it; arrays are `DeviceArray`s, of which the kernel gets the memory from the first element to the last.

        Raises:
            DeviceError: an argument is no array of the device, or has another dtype than the kernel takes.
        """
        kernel = self.kernel
        values: list[Any] = []
        device: int | None = None
        for parameter, given in zip(kernel.parameters, args, strict=True):
            if parameter.is_array:
                if given.__class__ is not DeviceArray or given.dtype != parameter.dtype:
                    raise DeviceError(
                        f"{kernel.name}: {parameter.name} is an array of {parameter.dtype} on the device, "
                        f"got {type(given).__name__} of {getattr(given, 'dtype', 'no dtype')}"
                    )
                if device is not None and device != given.memory.device:
                    raise DeviceError(
                        f"{kernel.name}: {parameter.name} is on {given.device}, the others on cuda:{device}"
                    )
                values.extend(given.vector)
                device = given.memory.device
            else:
                values.append(given)
        if (found := journal()) is not None:
            told = [given for p, given in zip(kernel.parameters, args, strict=True) if not p.is_array]
            found.append((kernel.name, self.grid, self.block, told))
        (gx, gy, gz), (bx, by, bz) = self.grid, self.block
        if not gx or not gy or not gz:
            return
        device = current_device() if device is None else device
        enter(device)
        function = _functions.get((kernel, device)) or _load(kernel, device)
        try:
            packed = ctypes.create_string_buffer(kernel.packing.pack(*values))
        except struct.error as error:
            raise DeviceError(f"{kernel.name}: a number does not fit ({error}): {values}") from error
        size = ctypes.c_size_t(kernel.packing.size)
        options = (ctypes.c_void_p * 5)(_POINTER, ctypes.addressof(packed), _SIZE, ctypes.addressof(size), _END)
        stream = handle() if self.stream is None else self.stream.handle
        call("cuLaunchKernel", function, gx, gy, gz, bx, by, bz, 0, stream, 0, ctypes.addressof(options))


def three(lengths: Any) -> tuple[int, int, int]:
    """A grid or block given as a number or up to three, as three."""
    given = (lengths,) if isinstance(lengths, int) else tuple(lengths)
    x, y, z = (*given, 1, 1)[:3]
    return x, y, z


def _load(kernel: Kernel, device: int) -> int:
    """Bring a kernel to a device: compiled, or in simulation as it is."""
    from .driver import is_simulated, properties

    if is_simulated():
        from ..simulator import driver

        function = driver.register(kernel)
    else:
        from ..compiler.compiling import ptx

        found = properties(device)
        text = ptx(kernel, (found.major, found.minor))
        with relaxed():  # a driver that loads late loads when it is asked for the function
            module = call("cuModuleLoadData", text)
            function = int(call("cuModuleGetFunction", module, kernel.name.encode()))
    _functions[kernel, device] = function
    return function
