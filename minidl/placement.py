"""Where a tensor is and what its numbers are: `x.to("cuda")`, `x.to(minidl.float64)`, `x.device`, and memory that is shared."""

from __future__ import annotations

from typing import Any

from .errors import GraphError
from .graph import Node
from .kernels import dtypes
from .kernels.device import Device, device_of, gpu_number, is_device, is_page_locked, pinned_copy, where_is
from .operators import Operators
from .primitives.elementwise.arithmetic import clone
from .primitives.shapes import shape


class Placed(Operators):
    """A node that can be brought to another device or dtype, and whose memory other libraries can share."""

    __slots__ = ()
    __hash__ = object.__hash__

    # Conversion ---------------------------------------------------------------------------------------------------------

    def to(
        self, *target: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False, copy: bool = False
    ) -> Any:
        """Bring it to another dtype, such as `minidl.float64`, to another device, such as "cuda", or to both of another tensor.

        The gradient goes the other way.

        Args:
            target: a dtype, a device, both, or a tensor to be like; after it perhaps `non_blocking` and `copy`.
            dtype: the dtype by name.
            device: the device by name: "cpu", "cuda" (the GPU in use) or "cuda:1".
            non_blocking: as in PyTorch, whether a copy to a GPU may still be under way when this returns; it is from
                page-locked memory (`pin_memory`) in any case, and never otherwise.
            copy: whether to copy even where nothing changes.

        Raises:
            DeviceError: a GPU that is not there; the message says why, and what to do.
        """
        flags = [given for given in target if isinstance(given, bool)]  # PyTorch's order: non_blocking, copy
        copy = flags[1] if len(flags) > 1 else copy
        for given in (given for given in target if not isinstance(given, bool)):
            if isinstance(given, Node):
                dtype, device = given.dtype, where_is(given._data)
            elif is_device(given) or isinstance(given, int):
                device = given
            elif given is not None:
                dtype = given
        there = self.device if device is None else device_of(device, "to")
        wanted = self.dtype if dtype is None else dtypes.as_dtype(dtype, "to")
        if wanted == self.dtype and there == self.device:
            return clone(self) if copy else self
        moved = self if there == self.device else shape.to_device_(self, device=there)
        return moved if wanted == self.dtype else shape.to_(moved, dtype=wanted)

    def type(self, dtype: Any = None) -> Any:
        """Convert to another dtype, or without one return the dtype."""
        return self.dtype if dtype is None else self.to(dtype)

    def cpu(self) -> Any:
        """Bring it to the CPU; what is there is returned itself."""
        return self.to(device="cpu")

    def cuda(self, device: int | str | None = None, non_blocking: bool = False) -> Any:
        """Bring it to a GPU, the one in use unless another is named.

        Raises:
            DeviceError: there is none; the message says why, and what to do.
        """
        return self.to(device=f"cuda:{gpu_number(device)}", non_blocking=non_blocking)

    @property
    def device(self) -> Device:
        """Where the numbers are: "cpu" or "cuda:0"."""
        return where_is(self._data)

    @property
    def is_cuda(self) -> bool:
        """Whether the numbers are on a GPU."""
        return where_is(self._data).type == "cuda"

    def get_device(self) -> int:
        """Return the number of its GPU; −1 for the CPU."""
        number = where_is(self._data).index
        return -1 if number is None else number

    def pin_memory(self) -> Any:
        """Return a copy in page-locked memory, from which copies to a GPU run beside its other work.

        Raises:
            DeviceError: there is no GPU; or the tensor is on one already.
        """
        return self.result_class(pinned_copy(self._data))

    def is_pinned(self) -> bool:
        """Whether it lies in page-locked memory."""
        return is_page_locked(self._data)

    # Shared with other libraries --------------------------------------------------------------------------------------

    def __dlpack__(self, *, stream: int | None = None, **options: Any) -> Any:
        """Share the memory with another library, through DLPack; a tensor that requires a gradient must be detached first."""
        if self.requires_grad:
            raise GraphError("__dlpack__: another library would step out of the graph; share x.detach()")
        return self.data.__dlpack__(stream=stream, **options)

    def __dlpack_device__(self) -> tuple[int, int]:
        device: tuple[int, int] = self._data.__dlpack_device__()
        return device

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """Share the memory with another library, through the CUDA array interface; only tensors on a GPU have it."""
        if not self.is_cuda:
            raise AttributeError("a tensor on the CPU has no __cuda_array_interface__")
        if self.requires_grad:
            raise GraphError("__cuda_array_interface__: another library would step out of the graph; share x.detach()")
        found: dict[str, Any] = self._data.__cuda_array_interface__
        return found
