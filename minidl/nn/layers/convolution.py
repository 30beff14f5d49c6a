"""Convolutions: every output element looks at a small window of the input through one kernel an output channel."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ...errors import UsageError
from ...primitives.windows.arguments import per_axis
from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter, new_parameter

Size = int | tuple[int, ...]
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class Windows(Module):
    """What convolutions and transposed convolutions share: a weight and a window in one, two or three dimensions."""

    axes: ClassVar[int]
    is_transposed: ClassVar[bool] = False
    padding: tuple[int, ...] | str
    output_padding: tuple[int, ...]
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        padding: Size | str,
        dilation: Size,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if min(in_channels, out_channels, groups) < 1 or in_channels % groups or out_channels % groups:
            raise UsageError(
                f"{name}: groups={groups} must divide {in_channels} input and {out_channels} output channels"
            )
        if padding_mode not in PADDING_MODES:
            raise UsageError(f"{name}: padding_mode must be one of {', '.join(PADDING_MODES)}, got {padding_mode!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_axis(kernel_size, "kernel_size", 1, self.axes)
        self.stride = per_axis(stride, "stride", 1, self.axes)
        self.padding = padding if isinstance(padding, str) else per_axis(padding, "padding", 0, self.axes)
        self.dilation = per_axis(dilation, "dilation", 1, self.axes)
        self.output_padding = (0,) * self.axes
        self.groups = groups
        self.padding_mode = padding_mode
        sizes = (in_channels, out_channels // groups) if self.is_transposed else (out_channels, in_channels // groups)
        self.weight = new_parameter(name, (*sizes, *self.kernel_size), dtype, device)
        self.register_parameter("bias", new_parameter(name, (out_channels,), dtype, device) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, evenly between ±1/√n, n being the size of a kernel."""
        bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """The channels and whatever is not as by default."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        none = (0,) * self.axes
        usual = {"padding": none, "dilation": (1,) * self.axes, "output_padding": none, "groups": 1}
        parts += [f"{key}={getattr(self, key)}" for key, value in usual.items() if getattr(self, key) != value]
        parts += ["bias=False"] * (self.bias is None)
        return ", ".join(parts + [f"padding_mode={self.padding_mode}"] * (self.padding_mode != "zeros"))


class _Conv(Windows):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        name = type(self).__name__
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise UsageError(f"{name}: padding must be numbers, 'same' or 'valid'; got {padding!r}")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        if padding == "same" and max(self.stride) > 1:
            raise UsageError(f"{name}: padding='same' needs stride 1, got stride {self.stride}")

    def _around(self) -> list[int]:
        """How much is put around the image, as `pad` takes it: the last axis first, before and behind."""
        around: list[int] = []
        for axis in reversed(range(self.axes)):
            if isinstance(self.padding, str):
                total = self.dilation[axis] * (self.kernel_size[axis] - 1) if self.padding == "same" else 0
                around += [total // 2, total - total // 2]
            else:
                around += [self.padding[axis]] * 2
        return around

    def forward(self, input: Tensor) -> Any:
        """`(N, in_channels, …)` → `(N, out_channels, …)`, or both without N."""
        convolve = getattr(F, f"conv{self.axes}d")
        if self.padding_mode == "zeros":
            return convolve(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        padded = F.pad(input, self._around(), self.padding_mode)
        return convolve(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class Conv1d(_Conv):
    """A convolution of signals `(N, in_channels, L)`; see `Conv2d` for the arguments.

    >>> import minidl
    >>> Conv1d(2, 4, 3, padding="same")(minidl.zeros(5, 2, 10)).shape
    (5, 4, 10)
    """

    axes = 1


class Conv2d(_Conv):
    """A convolution of images: every output pixel looks at a small window through one kernel an output channel.

    Args:
        in_channels: channels in.
        out_channels: channels out, one kernel each.
        kernel_size: the window, one number or (height, width).
        stride: step of the window.
        padding: pixels around the image; "same" (as many as keep its size) or "valid" (none).
        dilation: spacing of the kernel's elements.
        groups: blocks into which the channels are divided.
        bias: whether to add one number an output channel.
        padding_mode: what those pixels hold: "zeros", "reflect" (the image mirrored), "replicate" (its edge) or
            "circular" (its other side).
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of the parameters; the default one if None.

    Attributes:
        weight: `(out_channels, in_channels / groups, R, S)`.
        bias: `(out_channels,)` or None.

    Source: LeCun, Bottou, Bengio & Haffner, 1998, "Gradient-based learning applied to document recognition".

    >>> import minidl
    >>> Conv2d(1, 6, 5)(minidl.zeros(2, 1, 28, 28)).shape
    (2, 6, 24, 24)
    """

    axes = 2


class Conv3d(_Conv):
    """A convolution of volumes `(N, in_channels, D, H, W)`; see `Conv2d` for the arguments.

    >>> import minidl
    >>> Conv3d(1, 2, 3)(minidl.zeros(1, 1, 5, 6, 7)).shape
    (1, 2, 3, 4, 5)
    """

    axes = 3
