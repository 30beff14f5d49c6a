"""Sharpness and grain: Gaussian blur, sharpening, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..transforms import Images
from .base import Augmentation, check_probability, column, interval
from .chance import Chance
from .reading import pair


def gaussian_kernel(size: int, sigma: float) -> NDArray[np.float64]:
    """Return `size` samples of exp(−½ (t/σ)²) about the middle, made to sum to 1.

    >>> gaussian_kernel(3, 1.0).round(4).tolist()
    [0.2741, 0.4519, 0.2741]
    """
    kernel = np.exp(-0.5 * (np.arange(size) - (size - 1) / 2) ** 2 / sigma**2)
    return kernel / kernel.sum()


@dataclass(frozen=True)
class GaussianBlur(Augmentation):
    """Blur an image with a Gaussian of random width; beyond the border the picture is mirrored.

    Attributes:
        kernel_size: the side of the kernel, odd; or (height, width).
        sigma: the range of standard deviations in pixels, or the only one.
        p: the probability.

    >>> image = np.zeros((1, 1, 3, 5), np.float32)
    >>> image[..., 2] = 1
    >>> GaussianBlur(3, sigma=1.0)(image)[0, 0, 0].astype(float).round(4).tolist()
    [0.0, 0.2741, 0.4519, 0.2741, 0.0]
    """

    kernel_size: int | tuple[int, int]
    sigma: float | tuple[float, float] = (0.1, 2.0)
    p: float = 1.0
    aspects = ("texture",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        if any(side % 2 == 0 for side in pair(self.kernel_size, "kernel_size")):
            raise UsageError(f"kernel_size must be odd, so that there is a middle; got {self.kernel_size}")
        self._sigmas()

    def _sigmas(self) -> tuple[float, float]:
        sigma = self.sigma
        return interval((sigma, sigma) if isinstance(sigma, (int, float)) else sigma, "sigma", least=1e-6)

    def pixels(self, images: Images, chance: Chance) -> Images:
        """Blur each image with a width of its own."""
        from scipy.ndimage import correlate1d

        height, width = pair(self.kernel_size, "kernel_size")
        out = np.empty_like(images)
        for image, target, sigma in zip(images, out, chance.uniform(*self._sigmas()), strict=True):
            down = correlate1d(image, gaussian_kernel(height, sigma), axis=1, mode="mirror")
            correlate1d(down, gaussian_kernel(width, sigma), axis=2, mode="mirror", output=target)
        return out


SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / np.float32(13)
"""The mild blur that sharpening goes away from, Pillow's and torchvision's."""


def adjust_sharpness(images: Images, factor: NDArray[np.floating]) -> Images:
    """Return blurred + factor · (image − blurred), from 0 to 1: 0 blurs, 1 changes nothing, 2 sharpens.

    The border, where the 3×3 kernel has no neighbours, stays as it is; so does an image of less than 3 pixels.

    Args:
        images: `(N, C, H, W)`.
        factor: `(N,)`.
    """
    if min(images.shape[2:]) < 3:
        return images
    from scipy.ndimage import correlate

    smooth = images.copy()
    smooth[..., 1:-1, 1:-1] = correlate(images, SMOOTH[np.newaxis, np.newaxis], mode="nearest")[..., 1:-1, 1:-1]
    return np.clip(smooth + column(factor) * (images - smooth), 0, 1)


@dataclass(frozen=True)
class RandomAdjustSharpness(Augmentation):
    """Sharpen or soften an image with probability `p`.

    Attributes:
        sharpness_factor: 0 softens, 1 changes nothing, 2 sharpens; or a range.
        p: the probability.

    >>> edge = np.array([0.25, 0.25, 0.5, 0.5], np.float32) * np.ones((1, 1, 4, 1), np.float32)
    >>> RandomAdjustSharpness(2, p=1)(edge)[0, 0, 1].astype(float).round(4).tolist()
    [0.25, 0.1923, 0.5577, 0.5]
    """

    sharpness_factor: float | tuple[float, float]
    p: float = 0.5
    aspects = ("texture",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        self._factors()

    def _factors(self) -> tuple[float, float]:
        factor = self.sharpness_factor
        return interval((factor, factor) if isinstance(factor, (int, float)) else factor, "sharpness_factor", least=0)

    def pixels(self, images: Images, chance: Chance) -> Images:
        """Sharpen each image by a factor of its own."""
        return adjust_sharpness(images, chance.uniform(*self._factors()))


@dataclass(frozen=True)
class GaussianNoise(Augmentation):
    """Add to every value of an image an independent normal number.

    Attributes:
        mean: of the noise.
        sigma: its standard deviation, or a range from which each image gets its own.
        clip: whether values are kept from 0 to 1.
        p: the probability.

    >>> noisy = GaussianNoise(sigma=0.1)(np.full((8, 3, 16, 16), 0.5, np.float32), np.random.default_rng(0))
    >>> round(float(noisy.std()), 2)
    0.1
    """

    mean: float = 0.0
    sigma: float | tuple[float, float] = 0.1
    clip: bool = True
    p: float = 1.0
    aspects = ("texture",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        self._sigmas()

    def _sigmas(self) -> tuple[float, float]:
        sigma = self.sigma
        return interval((sigma, sigma) if isinstance(sigma, (int, float)) else sigma, "sigma", least=0)

    def pixels(self, images: Images, chance: Chance) -> Images:
        """Add noise to each image."""
        strength = column(chance.uniform(*self._sigmas()))
        noisy = images + np.float32(self.mean) + strength * chance.normal(*images.shape[1:])
        return np.clip(noisy, 0, 1) if self.clip else noisy
