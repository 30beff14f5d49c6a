"""AugMix: several short chains of random operations, mixed with each other and with the original."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..transforms import Images
from .affine import matrices, move
from .base import Augmentation, check_probability, column
from .chance import Chance
from .colour import adjust_brightness, adjust_contrast, adjust_saturation
from .filter import adjust_sharpness
from .scene import Scene
from .tone import autocontrast, equalize, posterize, solarize

LEVELS = 10
"""How many strengths an operation has; severity s draws from the s weakest."""

Strength = NDArray[np.float64]
"""`(N,)`: the strength of each image's operation, from 0 to 1, with a random sign where the operation has two directions."""


def _moved(images: Images, row: int, place: int, amount: NDArray[np.float64]) -> Images:
    """Return images moved by the identity plus `amount` at one place of the matrix."""
    forward = np.tile(np.eye(2, 3), (len(images), 1, 1))
    forward[:, row, place] += amount
    return move(Scene(images), forward, 0.0).images


def _rotate(images: Images, strength: Strength) -> Images:
    nothing = np.zeros(len(images))
    forward = matrices(30 * strength, np.ones(len(images)), nothing, nothing, nothing, nothing)
    return move(Scene(images), forward, 0.0).images


OPERATIONS: dict[str, Callable[[Images, Strength], Images]] = {
    "autocontrast": lambda images, strength: autocontrast(images),
    "equalize": lambda images, strength: equalize(images),
    "posterize": lambda images, strength: posterize(images, 8 - np.rint(4 * np.abs(strength)).astype(np.intp)),
    "solarize": lambda images, strength: solarize(images, 1 - np.abs(strength)),
    "rotate": _rotate,
    "shear x": lambda images, strength: _moved(images, 0, 1, 0.3 * strength),
    "shear y": lambda images, strength: _moved(images, 1, 0, 0.3 * strength),
    "translate x": lambda images, strength: _moved(images, 0, 2, images.shape[3] / 3 * strength),
    "translate y": lambda images, strength: _moved(images, 1, 2, images.shape[2] / 3 * strength),
}
"""The paper's operations: none of them is among the corruptions that robustness is usually measured on."""

MORE_OPERATIONS: dict[str, Callable[[Images, Strength], Images]] = {
    "brightness": lambda images, strength: adjust_brightness(images, 1 + 0.9 * strength),
    "contrast": lambda images, strength: adjust_contrast(images, 1 + 0.9 * strength),
    "colour": lambda images, strength: adjust_saturation(images, 1 + 0.9 * strength),
    "sharpness": lambda images, strength: adjust_sharpness(images, 1 + 0.9 * strength),
}
"""Operations that overlap with those corruptions; `all_ops=True` adds them."""


@dataclass(frozen=True)
class AugMix(Augmentation):
    """Mix an image with randomly chained operations on it, so that the result stays near the original.

    x' = m · x + (1 − m) · Σᵢ wᵢ chainᵢ(x), with w ~ Dirichlet(α, …, α), m ~ Beta(α, α), and each chain 1 to 3 operations.
    The paper's loss, which also asks that the network say the same of an image and of two such mixtures, is
    `minidl.nn.AugMixLoss`.

    Attributes:
        severity: how strong operations may be, from 1 to 10.
        mixture_width: the number of chains.
        chain_depth: the number of operations of a chain; −1 for 1 to 3, at random.
        alpha: α.
        all_ops: whether brightness, contrast, colour and sharpness are among the operations, as in torchvision. Set it to
            False before measuring robustness against changes of light and blur.
        p: the probability.

    Source: D. Hendrycks et al., "AugMix: a simple data processing method to improve robustness and uncertainty", ICLR
    (2020).

    >>> AugMix()(np.ones((2, 3, 8, 8), np.float32)).shape
    (2, 3, 8, 8)
    """

    severity: int = 3
    mixture_width: int = 3
    chain_depth: int = -1
    alpha: float = 1.0
    all_ops: bool = True
    p: float = 1.0
    aspects = ("position", "orientation", "shape", "brightness", "colour", "texture")

    def __post_init__(self) -> None:
        check_probability(self.p)
        if not 1 <= self.severity <= LEVELS:
            raise UsageError(f"severity must be from 1 to {LEVELS}; got {self.severity}")
        if self.mixture_width < 1 or not (self.chain_depth == -1 or self.chain_depth >= 1):
            raise UsageError(
                f"mixture_width must be at least 1 and chain_depth −1 or at least 1; got {self.mixture_width} and "
                f"{self.chain_depth}"
            )
        if not self.alpha > 0:
            raise UsageError(f"alpha must be positive; got {self.alpha}")

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Mix all images; masks stay as they are.

        Raises:
            UsageError: the scene has boxes; in a mixture a thing is in several places at once.
        """
        self.refuse_marks(scene, "in a mixture a thing is in several places at once")
        images = scene.images
        weights = chance.dirichlet(self.alpha, self.mixture_width)
        original = column(chance.beta(self.alpha, self.alpha))
        mixture = np.zeros_like(images)
        for weight in weights.T:
            mixture += column(weight) * self._chain(images, chance.fork())
        return scene.with_images(original * images + (1 - original) * mixture)

    def _chain(self, images: Images, chance: Chance) -> Images:
        """Apply to each image random operations, one after another."""
        operations = list((OPERATIONS | MORE_OPERATIONS if self.all_ops else OPERATIONS).values())
        longest = 3 if self.chain_depth == -1 else self.chain_depth
        depth = chance.integers(1, 4) if self.chain_depth == -1 else np.full(len(images), longest)
        out = images.copy()
        for link in range(longest):
            choice = chance.integers(0, len(operations))
            level = chance.integers(0, self.severity) / (LEVELS - 1)
            strength = np.where(chance.happens(0.5), level, -level)
            choice[depth <= link] = -1  # its chain has ended
            for number in np.unique(choice[choice >= 0]):
                chosen = np.flatnonzero(choice == number)
                out[chosen] = operations[number](out[chosen], strength[chosen])
        return out
