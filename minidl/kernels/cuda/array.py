"""The array on a GPU: a shape and strides over a piece of device memory, with the manners of a NumPy array.

Operators and methods go to the device's backend. NumPy's own functions do too (`numpy.zeros_like(x)`, `numpy.multiply(x, 2,
out=x)`), by NumPy's dispatch protocols; one that the device does not have raises an error, and nothing is ever fetched in
silence. `x.numpy()` fetches.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import NotOnDeviceError
from .array_methods import Manners

if TYPE_CHECKING:
    from .runtime.memory import Memory

Shape = tuple[int, ...]
met = False
"""Whether there has been an array on a device, so that a program without one need not look for them."""
unusual: dict[Any, Any] = {}
"""Empty until then, for the one look that every operation takes: see `kernels.backend_of`."""


def _note_meeting() -> None:
    global met
    met = unusual["met"] = True


def row_major(shape: Sequence[int], itemsize: int) -> Shape:
    """The strides, in bytes, of a contiguous array.

    >>> row_major((2, 3, 4), 4)
    (48, 16, 4)
    """
    strides, step = [], itemsize
    for length in reversed(shape):
        strides.append(step)
        step *= max(length, 1)
    return tuple(reversed(strides))


class Flags:
    """How an array lies in memory, as `numpy.ndarray.flags` tells it."""

    __slots__ = ("c_contiguous", "f_contiguous", "owndata", "writeable")

    def __init__(self, c_contiguous: bool, f_contiguous: bool, owndata: bool, writeable: bool) -> None:
        self.c_contiguous, self.f_contiguous, self.owndata, self.writeable = (
            c_contiguous,
            f_contiguous,
            owndata,
            writeable,
        )

    @property
    def forc(self) -> bool:
        """Whether it is contiguous, in either order."""
        return self.c_contiguous or self.f_contiguous


class DeviceArray(Manners):
    """An array in a GPU's memory.

    Attributes:
        memory: the piece of device memory, which is freed with the last array on it.
        offset: where the first element is in it, in bytes.
        shape: the lengths of the axes.
        strides: by how many bytes neighbours along each axis are apart, none negative; 0 repeats one element.
        dtype: a NumPy dtype.
        base: the array whose memory a view shows; None for one that has its own.
    """

    __slots__ = ("__weakref__", "_vector", "base", "dtype", "memory", "ndim", "offset", "shape", "size", "strides")
    __hash__ = object.__hash__
    __array_priority__ = 100.0

    def __init__(
        self,
        memory: Memory,
        shape: Shape,
        dtype: np.dtype[Any],
        strides: Shape | None = None,
        offset: int = 0,
        base: DeviceArray | None = None,
    ) -> None:
        self.memory = memory
        self.shape = shape
        self.dtype = dtype
        self.ndim = len(shape)
        self.size = math.prod(shape)
        self.strides = row_major(shape, dtype.itemsize) if strides is None else strides
        self.offset = offset
        self.base = base
        self._vector: Any = None
        if not met:
            _note_meeting()

    # What it is ---------------------------------------------------------------------------------------------------------

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self.size * self.dtype.itemsize

    @property
    def address(self) -> int:
        """Where the first element is, in the device's address space."""
        return self.memory.address + self.offset

    @property
    def device(self) -> str:
        """The device's name, such as `cuda:0`."""
        return f"cuda:{self.memory.device}"

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements lie in row-major order with nothing between them."""
        step = self.dtype.itemsize
        for length, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if length != 1 and stride != step:
                return self.size == 0
            step *= length
        return True

    @property
    def flags(self) -> Flags:
        """How it lies in memory; what shows one element in several places is not to be written to."""
        turned = self.view_as(self.shape[::-1], self.strides[::-1])
        return Flags(self.is_contiguous, turned.is_contiguous, self.base is None, not self._repeats())

    def _repeats(self) -> bool:
        """Whether elements share memory, as those of a broadcast array do, and of windows that overlap.

        It is so where the step along an axis does not leave what the axes of shorter steps span.
        """
        end = 0
        for stride, length in sorted(zip(self.strides, self.shape, strict=True)):
            if length > 1:
                if stride < end + self.dtype.itemsize:
                    return self.size > 0
                end += stride * (length - 1)
        return False

    @property
    def span(self) -> int:
        """How many elements lie between the first and the last, both counted, in memory."""
        if not self.size:
            return 0
        far = sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        return far // self.dtype.itemsize + 1

    @property
    def vector(self) -> tuple[int, ...]:
        """What a kernel gets for it: the memory from its first element to its last as a one-dimensional array."""
        if self._vector is None:
            n, size = self.span, self.dtype.itemsize
            self._vector = (0, 0, n, size, self.memory.address + self.offset, n, size)
        return self._vector

    # Views --------------------------------------------------------------------------------------------------------------

    def view_as(self, shape: Shape, strides: Shape, offset: int = 0, dtype: np.dtype[Any] | None = None) -> DeviceArray:
        """Another shape over the same memory; `offset` counts bytes from this array's first element."""
        base = self if self.base is None else self.base
        return DeviceArray(self.memory, shape, dtype or self.dtype, strides, self.offset + offset, base)

    # To and from the host -----------------------------------------------------------------------------------------------

    def numpy(self) -> np.ndarray[Any, Any]:
        """Fetch the values: a new NumPy array. It waits for the kernels that compute them."""
        from .runtime.memory import to_host

        return to_host(self)

    def item(self) -> Any:
        """Fetch the only element, as a Python number."""
        return self.numpy().item()

    def tolist(self) -> Any:
        """Fetch the values as nested lists."""
        return self.numpy().tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise NotOnDeviceError(
            f"an array on {self.device} is not taken for a NumPy array in silence; fetch it with x.cpu() or x.data.numpy()"
        )

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"DeviceArray({self.numpy()!r}, device={self.device!r})"

    def __reduce__(self) -> Any:
        from .runtime.memory import to_device

        return to_device, (self.numpy(), self.memory.device)

    def __deepcopy__(self, memo: dict[int, Any]) -> DeviceArray:
        return self.copy()

    # Shared with other libraries ----------------------------------------------------------------------------------------

    def __dlpack__(self, *, stream: int | None = None, **options: Any) -> Any:
        """A DLPack capsule; `max_version`, `dl_device` and `copy` may be given where they ask for what it is anyway."""
        from .runtime.interchange import to_dlpack

        wanted = options.get("dl_device")
        if options.get("copy") or wanted not in (None, self.__dlpack_device__()):
            raise BufferError("a device array is shared where it is, without a copy")
        return to_dlpack(self, stream)

    def __dlpack_device__(self) -> tuple[int, int]:
        from .runtime.interchange import dlpack_device

        return dlpack_device(self)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        from .runtime.interchange import cuda_array_interface

        return cuda_array_interface(self)

    # Its manners, from the backend --------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        from .numpy_names import call_ufunc

        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from .numpy_names import call_function

        return call_function(func, args, kwargs)
