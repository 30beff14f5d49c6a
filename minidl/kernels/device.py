"""The devices there are, by name, and the one way from one to another."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import DeviceError, NotOnDeviceError, UsageError
from . import DeviceArray, device_array
from .cuda.runtime import driver

_KINDS = ("cpu", "cuda", "mps", "meta", "xpu")


class Device(str):
    """A device's name, `cpu` or `cuda:0`: a string, with PyTorch's two attributes.

    Args:
        type: the name, perhaps with a number behind a colon; or the number of a GPU.
        index: the number, if it is not in the name.

    Raises:
        UsageError: no device's name.

    >>> device = Device("cuda", 1)
    >>> device == "cuda:1", device.type, device.index
    (True, 'cuda', 1)
    """

    __slots__ = ()

    def __new__(cls, type: Any, index: int | None = None) -> Device:  # noqa: D102  (the class says it)
        name = f"cuda:{type}" if isinstance(type, int) and not isinstance(type, bool) else str(type)
        name = name if index is None else f"{name}:{index}"
        if not _is_name(name):
            raise UsageError(f"device={name!r} is not here; there are 'cpu' and 'cuda', 'cuda:1', …")
        return super().__new__(cls, name)

    @property
    def type(self) -> str:
        """What kind of device it is: `cpu` or `cuda`."""
        return self.partition(":")[0]

    @property
    def index(self) -> int | None:  # type: ignore[override]  # (a string's own method; PyTorch's name counts here)
        """Which of its kind; None where none is named."""
        number = self.partition(":")[2]
        return int(number) if number else None


def _is_name(name: str) -> bool:
    """Whether it is "cpu", or "cuda" with or without a number; "cpu:0", PyTorch's longer name, counts too."""
    kind, colon, number = name.partition(":")
    if colon and not (number.isascii() and number.isdigit()):
        return False
    return kind == "cuda" or (kind == "cpu" and not int(number or 0))


CPU = Device("cpu")


def is_device(value: Any) -> bool:
    """Whether a value names a device, such as "cpu" or "cuda:0", rather than a dtype.

    >>> is_device("cuda:0"), is_device("float32")
    (True, False)
    """
    return isinstance(value, str) and value.partition(":")[0] in _KINDS


@functools.lru_cache(maxsize=64)
def _named(name: str) -> Device | None:
    """The device of a name, its number filled in; None where there is no such name."""
    if not _is_name(name):
        return None
    return CPU if name.startswith("cpu") else Device(name)


def device_of(device: Any, name: str) -> Device:
    """Read an argument `device`: None and "cpu" are the CPU, "cuda" is the GPU in use, "cuda:1" and 1 the second one.

    Raises:
        UsageError: no device's name.
        DeviceError: a GPU that is not there, with the reason and what to do.
    """
    if device is None or device is CPU:
        return CPU
    found = _named(f"cuda:{device}" if isinstance(device, int) and not isinstance(device, bool) else str(device))
    if found is None:
        raise UsageError(f"{name}: device={str(device)!r} is not here; there are 'cpu' and 'cuda', 'cuda:1', …")
    if found is CPU:
        return CPU
    driver.api()
    number = found.index
    driver.enter(driver.current_device() if number is None else number)
    return found if number is not None else Device(f"cuda:{driver.current_device()}")


def gpu_number(device: Any) -> int:
    """The number of a GPU that is named by a number, by a name such as "cuda:1", or by None: the one in use.

    Raises:
        DeviceError: it is not there.
        UsageError: it is no GPU.
    """
    found = device_of("cuda" if device is None else device, "minidl.cuda").index
    if found is None:
        raise UsageError(f"minidl.cuda: {str(device)!r} is no GPU; 'cuda' and 'cuda:0' are")
    return found


def where_is(array: Any) -> Device:
    """The device that an array is on; plain numbers are on the CPU."""
    return _numbered(array.memory.device) if array.__class__ is DeviceArray else CPU


@functools.lru_cache(maxsize=64)
def _numbered(number: int) -> Device:
    return Device(f"cuda:{number}")


def brought_to(array: Any, device: Device) -> Any:
    """An array on a device: itself where it is there already, else a copy.

    To a GPU the copy is put into the stream in use; to the CPU it waits for what computes the array.

    Raises:
        NotOnDeviceError: complex numbers to a GPU.
    """
    if where_is(array) == device:
        return array
    if device is CPU:
        return array.numpy()
    from .cuda.runtime import memory

    _require_real(array.dtype, device)
    if array.__class__ is DeviceArray:
        return memory.to_device(array.numpy(), device.index)  # another GPU's: over the host, which all can reach
    return memory.to_device(array, device.index)


def _require_real(dtype: np.dtype[Any], device: Device) -> None:
    if dtype.kind == "c":
        raise NotOnDeviceError(
            f"complex numbers do not go to {device}: no kernel here takes them; move x.real and x.imag"
        )


def filled(shape: tuple[int, ...], value: Any, device: Device) -> Any:
    """A new array of one number, an array without axes, whose dtype counts; on a GPU nothing but the number goes there.

    Raises:
        NotOnDeviceError: complex numbers on a GPU.
        DeviceError: the GPU's memory does not suffice.
    """
    if device is CPU:
        return np.full(shape, value)
    _require_real(value.dtype, device)
    from .cuda.elementwise.operations import full

    return full(shape, value, value.dtype, device.index)


def copied_to(device: Device, array: Any, dtype: Any) -> Any:
    """A copy of an array on a device, in a dtype."""
    copied = array.astype(dtype)  # a copy where the dtype is the same, too
    return copied if where_is(copied) == device else brought_to(copied, device)


def fetched(array: Any) -> Any:
    """An array's numbers on the CPU, for those who print, draw or check them: a NumPy array; a plain number stays."""
    return array.numpy() if array.__class__ is DeviceArray else array


def pinned_copy(array: Any) -> Any:
    """A copy of a NumPy array in page-locked memory.

    Raises:
        DeviceError: there is no GPU; or the array is on one already.
    """
    from .cuda.runtime import memory

    if array.__class__ is DeviceArray:
        raise DeviceError(f"pin_memory: the tensor is on {where_is(array)}; only what is on the CPU can be page-locked")
    copied = memory.pinned(np.shape(array), array.dtype)
    copied[...] = array
    return copied


def is_page_locked(array: Any) -> bool:
    """Whether an array lies in page-locked memory."""
    if not isinstance(array, np.ndarray) or driver.why_not() is not None:
        return False
    from .cuda.runtime import memory

    return memory.is_pinned(array)


def require_cpu(name: str, *arrays: Any) -> None:
    """Refuse arrays on a GPU, for an operation that has no kernels there.

    Raises:
        NotOnDeviceError: one is.
    """
    if any(a.__class__ is DeviceArray for a in arrays):
        raise NotOnDeviceError(f"{name} is not computed on a GPU here; x.cpu() brings the numbers to where it is")


def not_from_the_end(positions: DeviceArray) -> DeviceArray:
    """Positions on a GPU, for an operation that does not count from the end: what is below 0 comes to lie nowhere."""
    from .cuda.elementwise.operations import compute
    from .cuda.places.gathering import NOWHERE

    return compute(("where", ("less", 0, 1), 2, 0), (positions, 0, NOWHERE))


def constant_like(x: Any, array: Any) -> Any:
    """A NumPy array that a rule made, for use beside `x`: on a GPU if `x` is there, where small ones are kept for later."""
    if x.__class__ is not DeviceArray:
        return array
    from .cuda.constants import constant

    return constant(array, x.memory.device)


def on_one_device(
    name: str, arrays: Sequence[Any], params: Mapping[str, Any], are_tensors: Sequence[bool]
) -> Sequence[Any]:
    """Bring the constants of an operation, NumPy arrays that are no tensor's, to the GPU that its tensors are on.

    Numbers, and tensors without axes, may come from the CPU, as in PyTorch: kernels take them as arguments.

    Args:
        name: the operation's, for the message.
        arrays: what it computes with.
        params: its other arguments, among which there may be arrays.
        are_tensors: which of the arrays are tensors'; none where it is empty.

    Raises:
        DeviceError: tensors on two devices.
    """
    first = device_array(arrays, params)
    if first is None:
        return arrays
    brought = []
    for i, a in enumerate(arrays):
        if a.__class__ is DeviceArray:
            if a.memory.device != first.memory.device:
                raise _apart(name, first, a)
        elif isinstance(a, np.ndarray) and a.ndim:
            if i < len(are_tensors) and are_tensors[i]:
                raise _apart(name, first, a)
            a = constant_like(first, a)  # noqa: PLW2901
        brought.append(a)
    return brought


def _apart(name: str, first: DeviceArray, other: Any) -> DeviceError:
    here, there = where_is(first), where_is(other)
    return DeviceError(
        f"{name}: one tensor, of shape {first.shape}, is on {here}, another, of shape {other.shape}, on {there}; "
        f'bring them together with x.to("{here}")'
    )
