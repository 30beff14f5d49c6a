"""Parameter: a tensor that a module owns and an optimizer changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import Node
from ..kernels import ARRAYS, dtypes
from ..kernels.device import brought_to, device_of
from ..tensor import Tensor


class Parameter(Tensor):
    """A tensor that a module owns and an optimizer changes.

    Args:
        data: a tensor or an array; a tensor's memory is shared.
        requires_grad: whether it is to be learned.
        name: what figures call it; the module that owns it gives it its attribute's name if None.

    >>> Parameter(np.ones(2, np.float32))
    tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ()
    __hash__ = object.__hash__

    def __init__(self, data: Any, requires_grad: bool = True, name: str | None = None) -> None:
        array = data.data if isinstance(data, Node) else data
        super().__init__(array if isinstance(array, ARRAYS) else np.asarray(array), requires_grad, name)
        if isinstance(data, Node):
            self.shares_memory_with(data)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """Its numbers, without its gradient and its hooks, as in PyTorch; a shared one is copied once."""
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.copy(), self.requires_grad, self.name)
        copied: Parameter = memo[id(self)]
        return copied


def new_parameter(owner: str, shape: tuple[int, ...], dtype: Any = None, device: Any = None) -> Parameter:
    """Make a parameter of zeros, to be drawn by `minidl.nn.init`.

    Args:
        owner: the layer that it is for, which an error names.
        shape: its shape.
        dtype: its dtype; the default one if None.
        device: where it is to be.
    """
    zeros = np.zeros(shape, dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype, owner))
    return Parameter(brought_to(zeros, device_of(device, owner)))
