"""Blocks of layers that networks repeat: residual blocks and the Inception block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import ShapeError
from ...primitives.shapes.joining import cat
from ...tensor import Tensor
from ..containers import Sequential
from ..module import Module
from .activation import ReLU
from .convolution import Conv2d
from .dropout import DropPath
from .linear import Identity
from .normalization import BatchNorm2d
from .pooling import MaxPool2d


class Residual(Module):
    """H(x) = F(x) + x: what a block does not change passes by it, and so does the gradient, ∂L/∂x = ∂L/∂H (F′ + 1).

    Args:
        block: F.
        shortcut: what x passes through instead of the identity, where F changes the shape.

    Source: He, Zhang, Ren & Sun, 2016, "Deep residual learning for image recognition".

    >>> import minidl
    >>> from minidl import nn
    >>> Residual(nn.ReLU())(minidl.tensor([-1.0, 2.0]))
    tensor([-1.,  4.])
    """

    def __init__(self, block: Module, shortcut: Module | None = None) -> None:
        super().__init__()
        self.block = block
        self.shortcut = Identity() if shortcut is None else shortcut

    def forward(self, input: Any) -> Any:
        """What the block takes → what it returns, which must have the shape of the shortcut's result."""
        changed, passed = self.block(input), self.shortcut(input)
        if changed.shape != passed.shape:
            raise ShapeError(
                f"Residual: the block makes {changed.shape} of {input.shape} and the shortcut {passed.shape}; give a "
                "shortcut that changes the shape likewise"
            )
        return changed + passed


Norm = Callable[[int], Module]
"""Makes the normalisation of so many channels, such as `BatchNorm2d`; `Identity` for none."""


def _conv(channels: int, wanted: int, kernel: int, norm: Norm, stride: int = 1) -> Conv2d:
    """A convolution that keeps the size; its bias would be lost in a normalisation, so it has one only without."""
    return Conv2d(channels, wanted, kernel, stride, padding=kernel // 2, bias=norm is Identity)


class _ResidualBlock(Module):
    """What the two residual blocks share: the shortcut, a 1×1 convolution wherever the shape changes."""

    expansion = 1
    downsample: Module | None
    drop_path: DropPath | None
    relu: ReLU

    def _own_shortcut(
        self, channels: int, wanted: int, stride: int, shortcut: Module | None, norm: Norm, drop_path: float
    ) -> None:
        if shortcut is None and (stride != 1 or channels != wanted):
            shortcut = Sequential(_conv(channels, wanted, 1, norm, stride), norm(wanted))
        self.register_module("downsample", shortcut)
        self.register_module("drop_path", DropPath(drop_path) if drop_path else None)

    def _changed(self, x: Tensor) -> Any:
        raise NotImplementedError

    def forward(self, input: Tensor) -> Any:
        """`(N, in_channels, H, W)` → `(N, channels·expansion, H / stride, W / stride)`."""
        changed = self._changed(input)
        if self.drop_path is not None:
            changed = self.drop_path(changed)
        return self.relu(changed + (input if self.downsample is None else self.downsample(input)))


class BasicBlock(_ResidualBlock):
    """The residual block of ResNet-18 and -34: two 3×3 convolutions, each with a batch normalisation.

    Args:
        in_channels: channels in.
        channels: channels out.
        stride: step of the first convolution.
        shortcut: what the input passes through; if None, itself, or a 1×1 convolution where the shape changes.
        norm: makes the normalisation of so many channels; with `Identity` the convolutions have biases instead.
        drop_path: the probability that, while training, an example skips the convolutions (stochastic depth).

    Source: He, Zhang, Ren & Sun, 2016, "Deep residual learning for image recognition", figure 5.

    >>> import minidl
    >>> BasicBlock(8, 16, stride=2)(minidl.zeros(1, 8, 6, 6)).shape
    (1, 16, 3, 3)
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        *,
        shortcut: Module | None = None,
        norm: Norm = BatchNorm2d,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.conv1 = _conv(in_channels, channels, 3, norm, stride)
        self.bn1 = norm(channels)
        self.relu = ReLU()
        self.conv2 = _conv(channels, channels, 3, norm)
        self.bn2 = norm(channels)
        self._own_shortcut(in_channels, channels, stride, shortcut, norm, drop_path)

    def _changed(self, x: Tensor) -> Any:
        return self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))


class Bottleneck(_ResidualBlock):
    """The residual block of ResNet-50 and deeper: a 3×3 convolution between two of 1×1 that narrow and widen again.

    Args:
        in_channels: channels in.
        channels: channels of the 3×3 convolution; four times as many go out.
        stride: step of the 3×3 convolution (the paper has it in the first one; this is the later, better variant).
        shortcut: as for `BasicBlock`.
        norm: as for `BasicBlock`.
        drop_path: as for `BasicBlock`.

    Source: He, Zhang, Ren & Sun, 2016, "Deep residual learning for image recognition", figure 5.

    >>> import minidl
    >>> Bottleneck(64, 16)(minidl.zeros(1, 64, 6, 6)).shape
    (1, 64, 6, 6)
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        *,
        shortcut: Module | None = None,
        norm: Norm = BatchNorm2d,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        wide = channels * self.expansion
        self.conv1 = _conv(in_channels, channels, 1, norm)
        self.bn1 = norm(channels)
        self.conv2 = _conv(channels, channels, 3, norm, stride)
        self.bn2 = norm(channels)
        self.conv3 = _conv(channels, wide, 1, norm)
        self.bn3 = norm(wide)
        self.relu = ReLU()
        self._own_shortcut(in_channels, wide, stride, shortcut, norm, drop_path)

    def _changed(self, x: Tensor) -> Any:
        x = self.relu(self.bn1(self.conv1(x)))
        return self.bn3(self.conv3(self.relu(self.bn2(self.conv2(x)))))


class Inception(Module):
    """Four views of an image side by side: 1×1, 3×3 and 5×5 convolutions and a maximum, the last three narrowed by 1×1.

    Args:
        in_channels: channels in.
        ch1x1: channels of the 1×1 view.
        ch3x3red: channels before the 3×3 convolution.
        ch3x3: channels of the 3×3 view.
        ch5x5red: channels before the 5×5 convolution.
        ch5x5: channels of the 5×5 view.
        pool_proj: channels of the view through a 3×3 maximum.

    Source: Szegedy et al., 2015, "Going deeper with convolutions", figure 2(b).

    >>> import minidl
    >>> Inception(192, 64, 96, 128, 16, 32, 32)(minidl.zeros(1, 192, 2, 2)).shape
    (1, 256, 2, 2)
    """

    branch1: Module

    def __init__(
        self, in_channels: int, ch1x1: int, ch3x3red: int, ch3x3: int, ch5x5red: int, ch5x5: int, pool_proj: int
    ) -> None:
        super().__init__()
        self.branch1 = Sequential(Conv2d(in_channels, ch1x1, 1), ReLU())
        self.branch2 = Sequential(
            Conv2d(in_channels, ch3x3red, 1), ReLU(), Conv2d(ch3x3red, ch3x3, 3, padding=1), ReLU()
        )
        self.branch3 = Sequential(
            Conv2d(in_channels, ch5x5red, 1), ReLU(), Conv2d(ch5x5red, ch5x5, 5, padding=2), ReLU()
        )
        self.branch4 = Sequential(MaxPool2d(3, 1, 1), Conv2d(in_channels, pool_proj, 1), ReLU())

    def forward(self, input: Tensor) -> Any:
        """`(N, in_channels, H, W)` → `(N, ch1x1 + ch3x3 + ch5x5 + pool_proj, H, W)`."""
        return cat([self.branch1(input), self.branch2(input), self.branch3(input), self.branch4(input)], 1)
