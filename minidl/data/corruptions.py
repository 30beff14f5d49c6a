"""What the world does to pictures: the perturbations that a model is tested under, each in five severities.

An augmentation is what one trains with; a corruption is what one is tested with and should not have trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import DtypeError, ShapeError, UsageError
from .transforms import Images, sample

Rule = Callable[[Images, float, np.random.Generator], Images]


def _gaussian_noise(images: Images, amount: float, rng: np.random.Generator) -> Images:
    return images + np.float32(amount) * rng.standard_normal(images.shape, np.float32)


def _shot_noise(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Counted light: a pixel of value v is a Poisson number of mean v · photons, divided by the photons."""
    return rng.poisson(np.clip(images, 0, 1) * amount).astype(np.float32) / np.float32(amount)


def _impulse_noise(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Salt and pepper: a share of the pixels becomes white or black, in all channels."""
    drawn = rng.random((len(images), 1, *images.shape[2:]), np.float32)
    return np.where(drawn < amount / 2, np.float32(0), np.where(drawn < amount, np.float32(1), images))


def _blur(images: Images, amount: float, rng: np.random.Generator) -> Images:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(images, (0, 0, amount, amount), mode="nearest")


def _occlusion(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """A grey square over a share `amount` of the side, somewhere inside."""
    n, _, height, width = images.shape
    tall, wide = max(1, round(amount * height)), max(1, round(amount * width))
    top = rng.integers(0, height - tall + 1, (n, 1))
    left = rng.integers(0, width - wide + 1, (n, 1))
    rows = (np.arange(height) >= top) & (np.arange(height) < top + tall)
    columns = (np.arange(width) >= left) & (np.arange(width) < left + wide)
    hidden = rows[:, np.newaxis, :, np.newaxis] & columns[:, np.newaxis, np.newaxis, :]
    return np.where(hidden, np.float32(0.5), images)


def _brightness(images: Images, amount: float, rng: np.random.Generator) -> Images:
    return images + np.float32(amount)


def _darkness(images: Images, amount: float, rng: np.random.Generator) -> Images:
    return images * np.float32(amount)


def _contrast(images: Images, amount: float, rng: np.random.Generator) -> Images:
    mean = images.mean((2, 3), keepdims=True)
    return (images - mean) * np.float32(amount) + mean


def _pixelate(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Replace squares of `amount` × `amount` pixels by their mean; where that is no whole number, sizes vary by one."""
    down, across = (_block_mean(size, amount) for size in images.shape[2:])
    return np.asarray(down @ images @ across.T, np.float32)


def _block_mean(size: int, width: float) -> Images:
    """Return the matrix `(size, size)` that replaces each number of a row by the mean of its block."""
    block = np.floor((np.arange(size) + 0.5) / width)
    same: Images = (block[:, np.newaxis] == block).astype(np.float32)
    same /= same.sum(1, keepdims=True)
    return same


def _rotate(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Turn by `amount` degrees to a random side."""
    side = rng.choice(np.array([-1, 1], np.float32), (len(images), 1, 1))
    angle = np.deg2rad(np.float32(amount)) * side
    return _read(images, np.cos(angle), np.sin(angle), np.float32(0), np.float32(0))


def _shift(images: Images, amount: float, rng: np.random.Generator) -> Images:
    """Move by a share `amount` of the side, in a random direction."""
    angle = rng.uniform(0, 2 * np.pi, (len(images), 1, 1)).astype(np.float32)
    height, width = images.shape[2:]
    far = np.float32(amount)
    return _read(images, np.float32(1), np.float32(0), far * height * np.sin(angle), far * width * np.cos(angle))


def _read(
    images: Images,
    cos: Images | np.float32,
    sin: Images | np.float32,
    down: Images | np.float32,
    right: Images | np.float32,
) -> Images:
    n, _, height, width = images.shape
    y = (np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2))[:, np.newaxis]
    x = np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)
    rows = cos * y - sin * x + np.float32((height - 1) / 2) + down
    columns = sin * y + cos * x + np.float32((width - 1) / 2) + right
    return sample(images, np.broadcast_to(rows, (n, height, width)), np.broadcast_to(columns, (n, height, width)))


CORRUPTIONS: dict[str, tuple[Rule, tuple[float, float, float, float, float]]] = {
    "gaussian noise": (_gaussian_noise, (0.04, 0.08, 0.12, 0.18, 0.26)),
    "shot noise": (_shot_noise, (100, 50, 25, 12, 5)),
    "impulse noise": (_impulse_noise, (0.01, 0.03, 0.06, 0.12, 0.2)),
    "blur": (_blur, (0.5, 0.75, 1.0, 1.5, 2.0)),
    "pixelate": (_pixelate, (1.25, 1.5, 2, 3, 4)),
    "occlusion": (_occlusion, (0.15, 0.25, 0.35, 0.45, 0.55)),
    "brightness": (_brightness, (0.1, 0.2, 0.3, 0.4, 0.5)),
    "darkness": (_darkness, (0.8, 0.65, 0.5, 0.35, 0.2)),
    "contrast": (_contrast, (0.75, 0.5, 0.4, 0.3, 0.15)),
    "rotate": (_rotate, (5, 10, 20, 30, 45)),
    "shift": (_shift, (0.04, 0.08, 0.12, 0.16, 0.24)),
}
"""Every corruption by name: what it does, and how much of it each severity from 1 to 5 is.

They stand for the difficulties that images of one class have in common: illumination (brightness, darkness, contrast), pose
(rotate, shift), occlusion, and the camera (the noises, blur, pixelate).
"""


@dataclass(frozen=True, slots=True)
class Corruption:
    """One of `CORRUPTIONS`, to apply to a batch of images; a transform for a `DataLoader`, too.

    Attributes:
        name: a key of `CORRUPTIONS`.
        severity: from 1 to 5.

    Raises:
        UsageError: there is no such corruption or severity.

    Source: after D. Hendrycks, T. Dietterich, "Benchmarking neural network robustness to common corruptions and
    perturbations", ICLR (2019); the amounts are this library's, chosen for images of 8 to 32 pixels.

    >>> images = np.full((1, 1, 4, 4), 0.5, np.float32)
    >>> float(Corruption("brightness", 2)(images, np.random.default_rng(0)).max())
    0.699999988079071
    """

    name: str
    severity: int = 3

    def __post_init__(self) -> None:
        if self.name not in CORRUPTIONS or self.severity not in (1, 2, 3, 4, 5):
            raise UsageError(
                f"there is no corruption {self.name!r} of severity {self.severity!r}; choose one of "
                f"{', '.join(CORRUPTIONS)}, from 1 to 5"
            )

    def __call__(self, images: Images, rng: np.random.Generator) -> Images:
        """Return the spoilt images `(N, C, H, W)`, float32 from 0 to 1.

        Raises:
            DtypeError: the images are not of floating point.
            ShapeError: they are not `(N, C, H, W)`.
        """
        if images.dtype.kind != "f":
            raise DtypeError(
                f"{self.name}: images must be floating from 0 to 1; got {images.dtype} (divide bytes by 255)"
            )
        if images.ndim != 4:
            raise ShapeError(f"{self.name}: images must be (N, C, H, W); got {images.shape}")
        rule, amounts = CORRUPTIONS[self.name]
        return np.clip(rule(images, amounts[self.severity - 1], rng), 0, 1).astype(np.float32, copy=False)


def corrupt(images: Images, name: str, severity: int = 3, seed: int = 0) -> Images:
    """Return images `(N, C, H, W)` from 0 to 1 under a corruption, the same for the same seed.

    Raises:
        UsageError: there is no such corruption or severity.

    >>> corrupt(np.ones((1, 1, 2, 2), np.float32), "darkness", severity=3).tolist()
    [[[[0.5, 0.5], [0.5, 0.5]]]]
    """
    return Corruption(name, severity)(images, np.random.Generator(np.random.PCG64(seed)))
