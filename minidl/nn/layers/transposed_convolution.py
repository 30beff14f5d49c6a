"""Transposed convolutions: each element spreads its kernel, which makes an image larger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import ShapeError, UsageError
from ...kernels.geometry import transposed_size
from ...primitives.windows.arguments import per_axis
from ...tensor import Tensor
from .. import functional as F
from .convolution import Size, Windows


class _ConvTranspose(Windows):
    is_transposed = True
    padding: tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise UsageError(f"{type(self).__name__}: padding_mode must be 'zeros', got {padding_mode!r}")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self.output_padding = per_axis(output_padding, "output_padding", 0, self.axes)

    def _extra(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """The output padding with which the output has a size.

        Raises:
            ShapeError: no output padding gives that size.
        """
        wanted = tuple(output_size)[-self.axes :]
        if len(output_size) not in (self.axes, input.ndim):
            raise ShapeError(f"{type(self).__name__}: output_size must have {self.axes} numbers, got {output_size}")
        least = transposed_size(
            input.shape[-self.axes :], self.kernel_size, self.stride, self.padding, self.dilation, (0,) * self.axes
        )
        extra = tuple(w - n for w, n in zip(wanted, least, strict=True))
        if any(not 0 <= e < s for e, s in zip(extra, self.stride, strict=True)):
            most = tuple(n + s - 1 for n, s in zip(least, self.stride, strict=True))
            raise ShapeError(f"{type(self).__name__}: output_size {wanted} must lie from {least} to {most}")
        return extra

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Any:
        """`(N, in_channels, …)` → `(N, out_channels, …)`; `output_size` says which of the possible sizes is meant."""
        extra = self.output_padding if output_size is None else self._extra(input, output_size)
        spread = getattr(F, f"conv_transpose{self.axes}d")
        return spread(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)


class ConvTranspose1d(_ConvTranspose):
    """A transposed convolution of signals `(N, in_channels, L)`; see `ConvTranspose2d` for the arguments.

    >>> import minidl
    >>> ConvTranspose1d(2, 1, 3, stride=2)(minidl.zeros(1, 2, 4)).shape
    (1, 1, 9)
    """

    axes = 1


class ConvTranspose2d(_ConvTranspose):
    """A transposed convolution of images: the shape goes the way back of a convolution with the same arguments.

    Args:
        in_channels: channels in.
        out_channels: channels out.
        kernel_size: the window, one number or (height, width).
        stride: distance of the windows in the output.
        padding: how much of the output's border is cut off.
        output_padding: rows and columns more at the end.
        groups: blocks into which the channels are divided.
        bias: whether to add one number an output channel.
        dilation: spacing of the kernel's elements.
        padding_mode: "zeros".
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of the parameters; the default one if None.

    Attributes:
        weight: `(in_channels, out_channels / groups, R, S)`.
        bias: `(out_channels,)` or None.

    Source: Dumoulin & Visin, 2016, "A guide to convolution arithmetic for deep learning", section 4.

    >>> import minidl
    >>> up = ConvTranspose2d(16, 8, 3, stride=2, padding=1)
    >>> up(minidl.zeros(1, 16, 6, 6)).shape, up(minidl.zeros(1, 16, 6, 6), output_size=(12, 12)).shape
    ((1, 8, 11, 11), (1, 8, 12, 12))
    """

    axes = 2


class ConvTranspose3d(_ConvTranspose):
    """A transposed convolution of volumes `(N, in_channels, D, H, W)`; see `ConvTranspose2d` for the arguments.

    >>> import minidl
    >>> ConvTranspose3d(1, 2, 2, stride=2)(minidl.zeros(1, 1, 2, 3, 4)).shape
    (1, 2, 4, 6, 8)
    """

    axes = 3
