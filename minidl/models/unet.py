"""U-Net: an hourglass whose two halves are joined at every size."""

from __future__ import annotations

from .. import Tensor, cat, nn
from ..errors import ShapeError, UsageError
from ..nn import functional as F
from .parts import ImageShape, draw_he, norm_named


def _two_convolutions(channels: int, wanted: int, norm: str) -> nn.Sequential:
    make_norm = norm_named(norm)
    layers: list[nn.Module] = []
    for before in (channels, wanted):
        layers.append(nn.Conv2d(before, wanted, 3, padding=1, bias=norm == "none"))
        layers += [] if norm == "none" else [make_norm(wanted)]
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """A small U-Net: scores for every pixel, as for segmentation; or a changed image, H(x) = x + net(x).

    Down: two convolutions, then a maximum that halves; up: each pixel repeated, the map of the same size put beside it,
    two convolutions. Without those maps it would be a plain hourglass, which loses where things are.

    Args:
        image_shape: `(C, H, W)`, the shape of one image; H and W divisible by 2 as often as it is halved.
        classes: the number of channels out: the classes of a pixel.
        width: channels at full size; each halving doubles them.
        depth: how often the image is halved.
        norm: "batch", "group", "instance" or "none".
        residual: whether the input is added to the output, so that the network learns only what is to be changed; then
            `classes` must be C.

    Raises:
        ShapeError: the images cannot be halved so often, or `residual` and the channels differ.
        UsageError: the depth is less than 1, or there is no such normalisation.

    Source: Ronneberger, Fischer & Brox, 2015, "U-Net: convolutional networks for biomedical image segmentation".

    >>> import minidl
    >>> UNet((1, 16, 16), 2)(minidl.zeros(1, 1, 16, 16)).shape
    (1, 2, 16, 16)
    """

    def __init__(
        self,
        image_shape: ImageShape = (1, 64, 64),
        classes: int = 2,
        *,
        width: int = 16,
        depth: int = 2,
        norm: str = "none",
        residual: bool = False,
    ) -> None:
        super().__init__()
        channels, height, img_width = image_shape
        if depth < 1:
            raise UsageError(f"unet halves its images at least once; got depth={depth}")
        if height % 2**depth or img_width % 2**depth:
            raise ShapeError(
                f"unet halves its images {depth} times, so their sides must be multiples of {2**depth}; got "
                f"{height}×{img_width}"
            )
        if residual and classes != channels:
            raise ShapeError(f"unet with residual=True adds its input of {channels} channels to an output of {classes}")
        self.residual = residual
        widths = [width << k for k in range(depth + 1)]
        self.down = nn.ModuleList(
            _two_convolutions(before, after, norm)
            for before, after in zip([channels, *widths], widths[:-1], strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        self.bottom = _two_convolutions(widths[-2], widths[-1], norm)
        self.up = nn.ModuleList(_two_convolutions(3 * wide, wide, norm) for wide in reversed(widths[:-1]))
        self.head = nn.Conv2d(width, classes, 1)
        draw_he(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return `(N, classes, H, W)` for images `(N, C, H, W)`."""
        x, skipped = images, []
        for convolve in self.down:
            x = convolve(x)
            skipped.append(x)
            x = self.pool(x)
        x = self.bottom(x)
        for convolve in self.up:
            x = convolve(cat([F.interpolate(x, scale_factor=2), skipped.pop()], 1))
        out: Tensor = self.head(x)
        return images + out if self.residual else out
