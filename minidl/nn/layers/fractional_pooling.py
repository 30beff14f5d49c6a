"""Fractional maximum pooling: windows at random distances."""

from __future__ import annotations

from typing import Any, ClassVar

from ...errors import UsageError
from ...primitives.windows.arguments import per_axis
from ...tensor import Tensor
from .. import functional as F
from ..module import Module

Size = int | tuple[int, ...]
Ratio = float | tuple[float, ...]


class _FractionalMaxPool(Module):
    axes: ClassVar[int]

    def __init__(
        self,
        kernel_size: Size,
        output_size: Size | None = None,
        output_ratio: Ratio | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if (output_size is None) == (output_ratio is None):
            raise UsageError(f"{name}: give either output_size or output_ratio")
        self.kernel_size = per_axis(kernel_size, "kernel_size", 1, self.axes)
        self.output_size = None if output_size is None else per_axis(output_size, "output_size", 1, self.axes)
        if isinstance(output_ratio, int | float):
            output_ratio = (output_ratio,) * self.axes
        if output_ratio is not None and not all(0 < ratio < 1 for ratio in output_ratio):
            raise UsageError(f"{name}: output_ratio must lie between 0 and 1, got {output_ratio}")
        self.output_ratio = output_ratio
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self._random_samples: Tensor | None

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)` → `(N, C, *output_size)`; with `return_indices` also where the maxima were."""
        pool = getattr(F, f"fractional_max_pool{self.axes}d")
        given = self.output_size, self.output_ratio, self.return_indices
        return pool(input, self.kernel_size, *given, _random_samples=self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest value of each of many windows at random distances: yᵢ = max of xⱼ over aᵢ ≤ j < aᵢ + k.

    The windows lie as evenly as whole pixels allow, aᵢ = ⌊(i + u)·α⌋ − ⌊u·α⌋ with α = (n − k)/(m − 1), and u is drawn anew
    for each channel and call, also after training: an image may shrink by any factor, and each time a little differently.

    Args:
        kernel_size: the window, one number or (height, width).
        output_size: the size of the result, one number or (height, width), or
        output_ratio: which share of the input's size it has, between 0 and 1.
        return_indices: whether to return also where the maxima were, for `MaxUnpool2d`.
        _random_samples: fixed draws u, `(N, C, 2)`, in place of new ones; they become a buffer.

    Source: Graham, 2014, "Fractional max-pooling".

    >>> import minidl
    >>> FractionalMaxPool2d(2, output_ratio=0.7)(minidl.zeros(1, 3, 10, 20)).shape
    (1, 3, 7, 14)
    """

    axes = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """The same for volumes `(N, C, D, H, W)`; see `FractionalMaxPool2d` for the formula and the arguments.

    >>> import minidl
    >>> FractionalMaxPool3d(2, output_size=(3, 4, 5))(minidl.zeros(1, 3, 6, 8, 8)).shape
    (1, 3, 3, 4, 5)
    """

    axes = 3
