"""What is done to a batch of images before the network sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, ShapeError, UsageError

Images = NDArray[np.float32]


class Transform(Protocol):
    """Anything that turns a batch of images `(N, C, H, W)` into another; what chance it needs it takes from `rng`."""

    def __call__(self, images: Images, rng: np.random.Generator) -> Images: ...  # noqa: D102


def check_training_images(images: Images) -> None:
    """Raise unless something can be measured on these images.

    Raises:
        ShapeError: they are not `(N, C, H, W)`.
        DataError: there are none, or a value is not a finite number.
    """
    if images.ndim != 4:
        raise ShapeError(f"training images must be (N, C, H, W); got {images.shape}")
    if images.size == 0:
        raise DataError(f"there are no training images to measure: their shape is {images.shape}")
    if not np.isfinite(images).all():
        raise DataError("the training images hold values that are not finite numbers (NaN or infinity)")


@dataclass(frozen=True, slots=True)
class Standardize:
    """Shift and scale pixels so that the training set has mean 0 and standard deviation 1.

    Attributes:
        mean: the training set's mean, one number a channel.
        std: its standard deviation, one number a channel.

    >>> images = np.array([0.0, 1.0], np.float32).reshape(2, 1, 1, 1)
    >>> standardize = Standardize.fit(images)
    >>> standardize.mean, standardize.std
    ((0.5,), (0.5,))
    >>> standardize(images).ravel()
    array([-1.,  1.], dtype=float32)
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not all(0 < spread < np.inf for spread in self.std):
            raise UsageError(
                f"Standardize needs a mean and a positive std for each channel; got mean={self.mean} and std={self.std}"
            )

    @classmethod
    def fit(cls, images: Images) -> Self:
        """Measure mean and standard deviation of each channel over the training images `(N, C, H, W)`.

        Raises:
            DataError: a channel has the same value everywhere.
        """
        check_training_images(images)
        mean = images.mean(axis=(0, 2, 3), dtype=np.float64)
        std = images.std(axis=(0, 2, 3), dtype=np.float64)
        if not std.all():
            channel = int(np.argmin(std))
            raise DataError(f"channel {channel} of the training images is the same everywhere: nothing to learn")
        return cls(tuple(mean.tolist()), tuple(std.tolist()))

    def __call__(self, images: Images, rng: np.random.Generator | None = None) -> Images:
        """Return `(images − mean) / std`.

        Raises:
            ShapeError: the images have another number of channels.
        """
        mean, std = self._columns(images)
        return (images - mean) / std

    def inverse(self, images: Images) -> Images:
        """Return `images · std + mean`: pixels as they were."""
        mean, std = self._columns(images)
        return images * std + mean

    def _columns(self, images: Images) -> tuple[Images, Images]:
        if images.ndim < 3 or images.shape[-3] != len(self.mean):
            raise ShapeError(f"Standardize has {len(self.mean)} channels; got images {images.shape}")
        mean, std = (np.array(values, np.float32)[:, np.newaxis, np.newaxis] for values in (self.mean, self.std))
        return mean, std


@dataclass(frozen=True, slots=True)
class RandomWarp:
    """Shift, turn and zoom each image a little, each by its own random amount, about its centre.

    The output pixel at p takes the value that the input has at A(p − c) + c + t, with A a rotation divided by the zoom;
    between pixels the four neighbours are mixed (bilinear interpolation), and outside the image there is background, 0.

    Attributes:
        shift: the greatest shift along each axis, in pixels.
        degrees: the greatest turn to either side.
        zoom: the greatest zoom, as a factor: 1.1 lets sizes vary from 1/1.1 to 1.1.

    >>> images = np.ones((1, 1, 3, 3), np.float32)
    >>> RandomWarp(shift=0, degrees=0, zoom=1)(images, np.random.default_rng(0)).tolist() == images.tolist()
    True
    """

    shift: float
    degrees: float
    zoom: float

    def __call__(self, images: Images, rng: np.random.Generator) -> Images:
        """Return the warped images `(N, C, H, W)`."""
        n, _, height, width = images.shape
        angle, log_zoom, down, right = rng.uniform(-1, 1, (4, n, 1, 1)).astype(np.float32)
        angle *= np.deg2rad(self.degrees, dtype=np.float32)
        scale = np.exp(-log_zoom * np.log(np.float32(self.zoom)))
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        middle_y, middle_x = np.float32((height - 1) / 2), np.float32((width - 1) / 2)
        y = np.arange(height, dtype=np.float32)[:, np.newaxis] - middle_y
        x = np.arange(width, dtype=np.float32) - middle_x
        return sample(
            images,
            cos * y - sin * x + middle_y + np.float32(self.shift) * down,
            sin * y + cos * x + middle_x + np.float32(self.shift) * right,
        )


def sample(images: Images, y: Images, x: Images) -> Images:
    """Read each image at its own grid of fractional positions, by bilinear interpolation, 0 outside.

    Args:
        images: `(N, C, H, W)`.
        y: `(N, OH, OW)`, row positions.
        x: `(N, OH, OW)`, column positions.

    Returns:
        `(N, C, OH, OW)`.

    >>> image = np.array([[0.0, 1.0], [2.0, 3.0]], np.float32).reshape(1, 1, 2, 2)
    >>> half = np.full((1, 1, 1), 0.5, np.float32)
    >>> sample(image, half, half).item()
    1.5
    """
    n, channels, height, width = images.shape
    out = np.empty((n, channels, *y.shape[1:]), np.float32)
    at_once = max(1, _POSITIONS // max(1, height * width, y.shape[1] * y.shape[2]))
    for begin in range(0, n, at_once):
        some = slice(begin, begin + at_once)
        _sample(images[some], y[some], x[some], out[some])
    return out


_POSITIONS = 1 << 14
"""How many positions are read at once: so many that what is computed on the way stays in the processor's cache."""


def _sample(images: Images, y: Images, x: Images, out: Images) -> None:
    n, channels, height, width = images.shape
    padded = np.zeros((channels, n, height + 2, width + 2), np.float32)  # a border of background on every side
    padded[:, :, 1:-1, 1:-1] = images.swapaxes(0, 1)
    y = np.clip(y + 1, 0, height + 1)  # beyond the border all is background, so nothing is lost by stopping at it
    x = np.clip(x + 1, 0, width + 1)
    top, left = np.minimum(y.astype(np.intp), height), np.minimum(x.astype(np.intp), width)
    below, right = (y - top).astype(np.float32), (x - left).astype(np.float32)
    above, before = 1 - below, 1 - right
    corner = (np.arange(n)[:, np.newaxis, np.newaxis] * (height + 2) + top) * (width + 2) + left
    for channel in range(channels):
        pixels = padded[channel].reshape(-1)
        upper, lower = pixels.take(corner), pixels[width + 2 :].take(corner)
        upper *= before
        upper += pixels[1:].take(corner) * right
        lower *= before
        lower += pixels[width + 3 :].take(corner) * right
        upper *= above
        lower *= below
        np.add(upper, lower, out=out[:, channel])
