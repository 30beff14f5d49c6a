"""Adaptive pooling: the windows are as large as it takes for an output of a given size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ...tensor import Tensor
from .. import functional as F
from .layer import Layer

OutputSize = int | Sequence[int | None] | None


class _Adaptive(Layer):
    axes: ClassVar[int]
    shown = ("output_size",)

    def __init__(self, output_size: OutputSize) -> None:
        super().__init__()
        self.output_size = output_size


class _AdaptiveAvgPool(_Adaptive):
    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)` → `(N, C, *output_size)`."""
        return getattr(F, f"adaptive_avg_pool{self.axes}d")(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means over windows that give `output_size` numbers a signal; see `AdaptiveAvgPool2d`.

    >>> import minidl
    >>> AdaptiveAvgPool1d(2)(minidl.tensor([[[1.0, 3.0, 5.0, 9.0]]]))
    tensor([[[2., 7.]]])
    """

    axes = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means over windows that give an image of `output_size`; 1 is global average pooling.

    Args:
        output_size: one number or (height, width); None keeps the input's.

    Source: Lin, Chen & Yan, 2014, "Network in network" (the global average); He, Zhang, Ren & Sun, 2014, "Spatial pyramid
    pooling in deep convolutional networks for visual recognition".

    >>> import minidl
    >>> AdaptiveAvgPool2d((1, None))(minidl.zeros(2, 16, 7, 5)).shape
    (2, 16, 1, 5)
    """

    axes = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Means over windows that give a volume of `output_size`; see `AdaptiveAvgPool2d`.

    >>> import minidl
    >>> AdaptiveAvgPool3d(1)(minidl.zeros(2, 16, 3, 7, 5)).shape
    (2, 16, 1, 1, 1)
    """

    axes = 3


class _AdaptiveMaxPool(_Adaptive):
    def __init__(self, output_size: OutputSize, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)` → `(N, C, *output_size)`; with `return_indices` also where the maxima were."""
        return getattr(F, f"adaptive_max_pool{self.axes}d")(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Maxima over windows that give `output_size` numbers a signal; see `AdaptiveMaxPool2d`.

    >>> import minidl
    >>> AdaptiveMaxPool1d(2)(minidl.tensor([[[1.0, 3.0, 5.0, 9.0]]]))
    tensor([[[3., 9.]]])
    """

    axes = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Maxima over windows that give an image of `output_size`.

    Args:
        output_size: one number or (height, width); None keeps the input's.
        return_indices: whether to return also where the maxima were.

    >>> import minidl
    >>> AdaptiveMaxPool2d(3)(minidl.zeros(2, 16, 7, 5)).shape
    (2, 16, 3, 3)
    """

    axes = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Maxima over windows that give a volume of `output_size`; see `AdaptiveMaxPool2d`.

    >>> import minidl
    >>> AdaptiveMaxPool3d(1)(minidl.zeros(2, 16, 3, 7, 5)).shape
    (2, 16, 1, 1, 1)
    """

    axes = 3
