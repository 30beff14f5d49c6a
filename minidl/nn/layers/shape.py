"""Layers that only rearrange elements, or take them from their neighbours: nothing in them is learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import DtypeError
from ...tensor import Tensor
from .. import functional as F
from .layer import Layer

Size = int | tuple[int, ...]


class Flatten(Layer):
    """Merge axes into one; by default all but the first.

    Args:
        start_dim: the first of them.
        end_dim: the last of them.

    >>> import minidl
    >>> Flatten()(minidl.zeros(2, 3, 4)).shape
    (2, 12)
    """

    shown = ("start_dim", "end_dim")

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Any:
        """`(N, …)` → `(N, …)` with the axes merged."""
        return input.flatten(self.start_dim, self.end_dim)


class Unflatten(Layer):
    """Split an axis into several.

    Args:
        dim: the axis.
        unflattened_size: their lengths; one may be −1.

    >>> import minidl
    >>> Unflatten(1, (3, 4))(minidl.zeros(2, 12)).shape
    (2, 3, 4)
    """

    shown = ("dim", "unflattened_size")

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        if not isinstance(unflattened_size, tuple | list) or not all(type(n) is int for n in unflattened_size):
            raise DtypeError(f"Unflatten: the lengths are a tuple of whole numbers, got {unflattened_size!r}")
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Any:
        """`(…, S, …)` → `(…, *unflattened_size, …)`."""
        return input.unflatten(self.dim, self.unflattened_size)


class Unfold(Layer):
    """Lay the windows of images `(N, C, H, W)` out as columns `(N, C·R·S, L)`.

    Args:
        kernel_size: the window.
        dilation: spacing of its elements.
        padding: zeros around the image.
        stride: step of the window.

    >>> import minidl
    >>> Unfold(2)(minidl.zeros(1, 3, 4, 4)).shape
    (1, 12, 9)
    """

    shown = ("kernel_size", "dilation", "padding", "stride")

    def __init__(self, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Any:
        """`(N, C, H, W)` → `(N, C·R·S, L)`."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(Layer):
    """Add the columns that `Unfold` makes back together to images.

    Args:
        output_size: height and width of the images.
        kernel_size: the window.
        dilation: spacing of its elements.
        padding: how much of the border is cut off.
        stride: step of the window.

    >>> import minidl
    >>> Fold((4, 4), 2)(minidl.ones(1, 12, 9)).shape
    (1, 3, 4, 4)
    """

    shown = ("output_size", "kernel_size", "dilation", "padding", "stride")

    def __init__(
        self, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Any:
        """`(N, C·R·S, L)` → `(N, C, H, W)`."""
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)


class PixelShuffle(Layer):
    """Turn r² channels into an image r times as large: `(N, C·r², H, W)` → `(N, C, H·r, W·r)`.

    Args:
        upscale_factor: r.

    Source: Shi et al., 2016, "Real-time single image and video super-resolution".

    >>> import minidl
    >>> PixelShuffle(2)(minidl.zeros(1, 8, 3, 3)).shape
    (1, 2, 6, 6)
    """

    shown = ("upscale_factor",)

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Any:
        """`(…, C·r², H, W)` → `(…, C, H·r, W·r)`."""
        return F.pixel_shuffle(input, self.upscale_factor)


class PixelUnshuffle(Layer):
    """The way back of `PixelShuffle`: `(N, C, H·r, W·r)` → `(N, C·r², H, W)`.

    Args:
        downscale_factor: r.

    >>> import minidl
    >>> PixelUnshuffle(2)(minidl.zeros(1, 2, 6, 6)).shape
    (1, 8, 3, 3)
    """

    shown = ("downscale_factor",)

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Any:
        """`(…, C, H·r, W·r)` → `(…, C·r², H, W)`."""
        return F.pixel_unshuffle(input, self.downscale_factor)


class ChannelShuffle(Layer):
    """Deal the channels out like cards, so that a grouped convolution's groups mix.

    Args:
        groups: the number of groups.

    Source: Zhang, Zhou, Lin & Sun, 2018, "ShuffleNet".

    >>> import minidl
    >>> ChannelShuffle(2)(minidl.arange(4.0).reshape(1, 4, 1)).flatten()
    tensor([0., 2., 1., 3.])
    """

    shown = ("groups",)

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)`; the same shape."""
        return F.channel_shuffle(input, self.groups)


class Upsample(Layer):
    """Make images larger, or smaller, by interpolation.

    Args:
        size: the size that they get, or
        scale_factor: by how much they grow.
        mode: nearest, nearest-exact, linear, bilinear, bicubic, trilinear or area.
        align_corners: whether the corner pixels' centres stay where they are.
        recompute_scale_factor: whether the factor is that of the rounded size.

    >>> import minidl
    >>> Upsample(scale_factor=2)(minidl.tensor([[[1.0, 2.0]]]))
    tensor([[[1., 1., 2., 2.]]])
    """

    def __init__(
        self,
        size: Size | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size = size
        if isinstance(scale_factor, tuple):
            scale_factor = tuple(float(factor) for factor in scale_factor)
        elif scale_factor is not None:
            scale_factor = float(scale_factor)
        self.scale_factor = scale_factor
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)` → the same with images of the new size."""
        given = self.mode, self.align_corners, self.recompute_scale_factor
        return F.interpolate(input, self.size, self.scale_factor, *given)

    def extra_repr(self) -> str:
        """The size and the mode."""
        how = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{how}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` of images `(N, C, H, W)` by the nearest pixel.

    >>> import minidl
    >>> UpsamplingNearest2d(scale_factor=2)(minidl.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 1., 2., 2.],
              [1., 1., 2., 2.]]]])
    """

    def __init__(self, size: Size | None = None, scale_factor: float | tuple[float, ...] | None = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` of images `(N, C, H, W)` by bilinear interpolation with the corners aligned.

    >>> import minidl
    >>> UpsamplingBilinear2d(size=(1, 3))(minidl.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1.0000, 1.5000, 2.0000]]]])
    """

    def __init__(self, size: Size | None = None, scale_factor: float | tuple[float, ...] | None = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
