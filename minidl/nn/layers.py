"""The layers that a convolutional network is made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import UsageError
from ..kernels.dtypes import get_default_dtype
from ..primitives.layers.random import default_generator
from ..primitives.windows.convolution import pair
from ..tensor import Tensor
from . import functional as F
from .module import Module, Parameter

Pair = int | tuple[int, int]


def _uniform(shape: tuple[int, ...], fan_in: int) -> Parameter:
    """U(−1/√fan_in, 1/√fan_in), PyTorch's default for linear layers and convolutions."""
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    return Parameter(default_generator.numpy.uniform(-bound, bound, shape).astype(get_default_dtype()))


class Linear(Module):
    """y = x Wᵀ + b.

    Args:
        in_features: numbers in.
        out_features: numbers out.
        bias: whether to add b.

    Attributes:
        weight: `(out_features, in_features)`.
        bias: `(out_features,)` or None.

    >>> import minidl
    >>> Linear(3, 2)(minidl.ones(5, 3)).shape
    (5, 2)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        if in_features < 1 or out_features < 1:
            raise UsageError(f"Linear: needs at least one feature in and out, got {in_features} and {out_features}")
        self.in_features = in_features
        self.out_features = out_features
        self.weight = _uniform((out_features, in_features), in_features)
        self.bias = _uniform((out_features,), in_features) if bias else None

    def forward(self, input: Tensor) -> Any:
        """`(…, in_features)` → `(…, out_features)`."""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.in_features}, {self.out_features}" + ("" if self.bias is not None else ", bias=False")


class Conv2d(Module):
    """A convolution: every output pixel looks at a small window of the input through one kernel an output channel.

    Args:
        in_channels: channels in.
        out_channels: channels out, one kernel each.
        kernel_size: the window, one number or (height, width).
        stride: step of the window.
        padding: zeros around the image.
        dilation: spacing of the kernel's elements.
        groups: blocks into which the channels are divided.
        bias: whether to add one number an output channel.

    Attributes:
        weight: `(out_channels, in_channels / groups, R, S)`.
        bias: `(out_channels,)` or None.

    >>> import minidl
    >>> Conv2d(1, 6, 5)(minidl.zeros(2, 1, 28, 28)).shape
    (2, 6, 24, 24)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if min(in_channels, out_channels, groups) < 1 or in_channels % groups or out_channels % groups:
            raise UsageError(
                f"Conv2d: groups={groups} must divide {in_channels} input and {out_channels} output channels"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = pair(kernel_size, "kernel_size", 1)
        self.stride = pair(stride, "stride", 1)
        self.padding = pair(padding, "padding", 0)
        self.dilation = pair(dilation, "dilation", 1)
        self.groups = groups
        fan_in = in_channels // groups * self.kernel_size[0] * self.kernel_size[1]
        self.weight = _uniform((out_channels, in_channels // groups, *self.kernel_size), fan_in)
        self.bias = _uniform((out_channels,), fan_in) if bias else None

    def forward(self, input: Tensor) -> Any:
        """`(N, in_channels, H, W)` → `(N, out_channels, OH, OW)`."""
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        """The channels and whatever is not as by default."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"]
        defaults = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
        parts += [f"{name}={getattr(self, name)}" for name, usual in defaults.items() if getattr(self, name) != usual]
        return ", ".join(parts + ["bias=False"] * (self.bias is None))


class _Pool2d(Module):
    """What the two poolings share: the window."""

    def __init__(self, kernel_size: Pair, stride: Pair | None, padding: Pair, ceil_mode: bool) -> None:
        super().__init__()
        self.kernel_size = pair(kernel_size, "kernel_size", 1)
        self.stride = self.kernel_size if stride is None else pair(stride, "stride", 1)
        self.padding = pair(padding, "padding", 0)
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        """The window."""
        same = self.stride == self.kernel_size
        return f"kernel_size={self.kernel_size}" + ("" if same else f", stride={self.stride}")


class MaxPool2d(_Pool2d):
    """The largest value of each window; see `minidl.max_pool2d`.

    >>> import minidl
    >>> MaxPool2d(2)(minidl.zeros(1, 3, 8, 8)).shape
    (1, 3, 4, 4)
    """

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        dilation: Pair = 1,
        *,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.dilation = pair(dilation, "dilation", 1)

    def forward(self, input: Tensor) -> Any:
        """`(N, C, H, W)` → `(N, C, OH, OW)`."""
        return F.max_pool2d(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class AvgPool2d(_Pool2d):
    """The mean of each window; see `minidl.avg_pool2d`.

    >>> import minidl
    >>> AvgPool2d(2)(minidl.zeros(1, 3, 8, 8)).shape
    (1, 3, 4, 4)
    """

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Any:
        """`(N, C, H, W)` → `(N, C, OH, OW)`."""
        return F.avg_pool2d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class ReLU(Module):
    """max(0, x). `inplace`, which saves memory in PyTorch, is accepted and makes no difference."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.relu(input)


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ)."""

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.tanh(input)


class Identity(Module):
    """The input, unchanged."""

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same tensor."""
        return input


class Flatten(Module):
    """Merge axes into one; by default all but the first.

    >>> import minidl
    >>> Flatten()(minidl.zeros(2, 3, 4)).shape
    (2, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Any:
        """`(N, …)` → `(N, …)` with the axes merged."""
        from ..primitives.shapes.shape import flatten

        return flatten(input, self.start_dim, self.end_dim)


class Dropout(Module):
    """Zero each element with probability `p` while training; see `minidl.dropout`."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise UsageError(f"Dropout: p must lie in 0 … 1, got {p}")
        self.p = p

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class CrossEntropyLoss(Module):
    """−ln of the probability that softmax gives the right class; see `minidl.cross_entropy`."""

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.weight = None if weight is None else np.asarray(weight.data if isinstance(weight, Tensor) else weight)
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Logits `(N, C)` and class numbers `(N,)` → a number."""
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class MSELoss(Module):
    """The mean of the squared differences; see `minidl.nn.functional.mse_loss`."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Two tensors of one shape → a number."""
        return F.mse_loss(input, target, self.reduction)
