"""Pooling: each window of an image becomes one number, its maximum, its mean or a norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ...errors import UsageError
from ...tensor import Tensor
from .. import functional as F
from .layer import Layer

Size = int | tuple[int, ...]


class _Pool(Layer):
    axes: ClassVar[int]

    def __init__(self, kernel_size: Size, stride: Size | None) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride


class _MaxPool(_Pool):
    shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride)
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)` → the same with smaller images; with `return_indices` also where the maxima were."""
        pool = getattr(F, f"max_pool{self.axes}d")
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class MaxPool1d(_MaxPool):
    """The largest value of each window of signals `(N, C, L)`; see `MaxPool2d` for the arguments.

    >>> import minidl
    >>> MaxPool1d(2)(minidl.tensor([[[1.0, 5.0, 2.0, 3.0]]]))
    tensor([[[5., 3.]]])
    """

    axes = 1


class MaxPool2d(_MaxPool):
    """The largest value of each window of images `(N, C, H, W)`.

    Args:
        kernel_size: the window, one number or (height, width).
        stride: step of the window; its size if None.
        padding: −∞ around the image.
        dilation: spacing of the window's elements.
        return_indices: whether to return also where the maxima were, for `MaxUnpool2d`.
        ceil_mode: whether a window that ends beyond the image counts.

    >>> import minidl
    >>> MaxPool2d(2)(minidl.zeros(1, 3, 8, 8)).shape
    (1, 3, 4, 4)
    """

    axes = 2


class MaxPool3d(_MaxPool):
    """The largest value of each window of volumes `(N, C, D, H, W)`; see `MaxPool2d` for the arguments.

    >>> import minidl
    >>> MaxPool3d(2)(minidl.zeros(1, 3, 4, 8, 8)).shape
    (1, 3, 2, 4, 4)
    """

    axes = 3


class AvgPool1d(_Pool):
    """The mean of each window of signals `(N, C, L)`; see `AvgPool2d` for the arguments.

    >>> import minidl
    >>> AvgPool1d(2)(minidl.tensor([[[1.0, 5.0, 2.0, 3.0]]]))
    tensor([[[3.0000, 2.5000]]])
    """

    axes = 1

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride)
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Any:
        """`(N, C, L)` → `(N, C, OL)`."""
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        """The window."""
        size, stride, padding = (
            value if isinstance(value, tuple) else (value,) for value in (self.kernel_size, self.stride, self.padding)
        )
        return f"kernel_size={size}, stride={stride}, padding={padding}"


class AvgPool2d(_Pool):
    """The mean of each window of images `(N, C, H, W)`.

    Args:
        kernel_size: the window, one number or (height, width).
        stride: step of the window; its size if None.
        padding: zeros around the image.
        ceil_mode: whether a window that ends beyond the image counts.
        count_include_pad: whether those zeros count in the mean.
        divisor_override: by what to divide instead of the number of elements.

    >>> import minidl
    >>> AvgPool2d(2)(minidl.zeros(1, 3, 8, 8)).shape
    (1, 3, 4, 4)
    """

    axes = 2
    shown = ("kernel_size", "stride", "padding")

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride)
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)` → the same with smaller images."""
        pool = getattr(F, f"avg_pool{self.axes}d")
        given = self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override
        return pool(input, self.kernel_size, self.stride, *given)


class AvgPool3d(AvgPool2d):
    """The mean of each window of volumes `(N, C, D, H, W)`; see `AvgPool2d` for the arguments.

    >>> import minidl
    >>> AvgPool3d(2)(minidl.zeros(1, 3, 4, 8, 8)).shape
    (1, 3, 2, 4, 4)
    """

    axes = 3


class _LPPool(_Pool):
    def __init__(
        self, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__(kernel_size, stride)
        if not norm_type:
            raise UsageError(f"{type(self).__name__}: norm_type must not be 0")
        self.norm_type = norm_type
        self.own_stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)` → the same with smaller images."""
        pool = getattr(F, f"lp_pool{self.axes}d")
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        """The norm and the window."""
        given = f"kernel_size={self.kernel_size}, stride={self.own_stride}, ceil_mode={self.ceil_mode}"
        return f"norm_type={self.norm_type}, {given}"


class LPPool1d(_LPPool):
    """The p-norm (Σ xᵖ)^(1/p) of each window of signals; see `LPPool2d` for the arguments.

    >>> import minidl
    >>> LPPool1d(2, 2)(minidl.tensor([[[3.0, 4.0]]]))
    tensor([[[5.]]])
    """

    axes = 1


class LPPool2d(_LPPool):
    """The p-norm (Σ xᵖ)^(1/p) of each window of images: the sum for p = 1, the maximum for p → ∞.

    Args:
        norm_type: p.
        kernel_size: the window, one number or (height, width).
        stride: step of the window; its size if None.
        ceil_mode: whether a window that ends beyond the image counts.

    >>> import minidl
    >>> LPPool2d(2, 2)(minidl.zeros(1, 3, 8, 8)).shape
    (1, 3, 4, 4)
    """

    axes = 2


class LPPool3d(_LPPool):
    """The p-norm of each window of volumes; see `LPPool2d` for the arguments.

    >>> import minidl
    >>> LPPool3d(2, 2)(minidl.zeros(1, 3, 4, 8, 8)).shape
    (1, 3, 2, 4, 4)
    """

    axes = 3


class _MaxUnpool(_Pool):
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__(self._each(kernel_size), None if stride is None else self._each(stride))
        self.padding = self._each(padding)

    shown = ("kernel_size", "stride", "padding")

    def _each(self, value: Size) -> tuple[int, ...]:
        return value if isinstance(value, tuple) else (value,) * self.axes

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Any:
        """What the pooling returned, and where the maxima were → an image of the size before it, zero elsewhere."""
        unpool = getattr(F, f"max_unpool{self.axes}d")
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpool):
    """Put each maximum of `MaxPool1d` back where it was; see `MaxUnpool2d`.

    >>> import minidl
    >>> pooled, where = MaxPool1d(2, return_indices=True)(minidl.tensor([[1.0, 5.0, 2.0, 3.0]]))
    >>> MaxUnpool1d(2)(pooled, where)
    tensor([[0., 5., 0., 3.]])
    """

    axes = 1


class MaxUnpool2d(_MaxUnpool):
    """Put each maximum of `MaxPool2d` back where it was, among zeros.

    Args:
        kernel_size: the window of the pooling.
        stride: its step; its size if None.
        padding: its padding.

    Source: Zeiler & Fergus, 2014, "Visualizing and understanding convolutional networks".

    >>> import minidl
    >>> pooled, where = MaxPool2d(2, return_indices=True)(minidl.tensor([[[1.0, 2.0], [4.0, 3.0]]]))
    >>> MaxUnpool2d(2)(pooled, where)
    tensor([[[0., 0.],
             [4., 0.]]])
    """

    axes = 2


class MaxUnpool3d(_MaxUnpool):
    """Put each maximum of `MaxPool3d` back where it was; see `MaxUnpool2d`.

    >>> import minidl
    >>> pooled, where = MaxPool3d(2, return_indices=True)(minidl.rand(1, 2, 4, 4))
    >>> MaxUnpool3d(2)(pooled, where).shape
    (1, 2, 4, 4)
    """

    axes = 3
