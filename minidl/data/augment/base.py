"""What all augmentations have in common: a probability, chance an image, and which labels they leave true."""

from __future__ import annotations

from typing import ClassVar, overload

import numpy as np
from numpy.typing import NDArray

from ...errors import DtypeError, UsageError
from ..transforms import Images
from .chance import Chance, Randomness
from .scene import Scene

ASPECTS: dict[str, str] = {
    "position": "where things are in the picture",
    "size": "how large they are",
    "orientation": "which way up they are",
    "mirror": "left and right, or up and down, told apart",
    "shape": "their outline and proportions",
    "brightness": "how light the picture is, and its contrast",
    "colour": "hue and saturation",
    "texture": "fine detail: sharpness and grain",
    "parts": "that all of a thing can be seen",
    "arrangement": "how the parts of a thing are placed",
}
"""What a transform may change in a picture. Whether a label survives depends on which of these it speaks of."""


class Augmentation:
    """A random change of images that is drawn anew for each of them.

    Call it with images `(N, C, H, W)` and a generator and it returns images; call it with a `Scene` and boxes and masks
    move with the images. The same images and the same seed give the same result, and a batch cut in two gives what it
    would have given whole: every image has its own stream of chance (see `Chance`). The input is never written to.

    **Which labels it keeps.** An augmentation says: the label stays the same although the picture changes. That is a
    claim about the task, not about the transform. A red apple under another hue is no longer a red apple, but still an
    apple; a mirrored cat is a cat, a mirrored 2 is not a digit; a 6 turned upside down is a 9. `changes` names what a
    transform touches, and `keeps_label` compares that with what the labels speak of.

    >>> from minidl.data.augment import ColorJitter, RandomHorizontalFlip
    >>> ColorJitter(hue=0.2).keeps_label("colour")  # red or green apples?
    False
    >>> ColorJitter(hue=0.2).keeps_label("shape")  # apples or pears?
    True
    >>> RandomHorizontalFlip().keeps_label("colour"), RandomHorizontalFlip().keeps_label("mirror")
    (True, False)
    """

    p: float = 1.0
    """The probability that an image is changed at all."""

    aspects: ClassVar[tuple[str, ...]] = ()

    @property
    def changes(self) -> frozenset[str]:
        """What it changes in a picture, of `ASPECTS`."""
        return frozenset(self.aspects)

    def keeps_label(self, *informative: str) -> bool:
        """Tell whether labels that depend on the `informative` aspects are still true afterwards.

        Raises:
            UsageError: there is no such aspect.
        """
        if unknown := set(informative) - set(ASPECTS):
            raise UsageError(
                f"no aspect {sorted(unknown)[0]!r} of a picture is known; choose from {', '.join(ASPECTS)}"
            )
        return not self.changes & set(informative)

    @overload
    def __call__(self, images: Images, rng: Randomness = None) -> Images: ...
    @overload
    def __call__(self, images: Scene, rng: Randomness = None) -> Scene: ...

    def __call__(self, images: Images | Scene, rng: Randomness = None) -> Images | Scene:
        """Return the augmented images, or the augmented scene.

        Args:
            images: `(N, C, H, W)` float32 from 0 to 1, one image `(C, H, W)`, or a `Scene`.
            rng: the source of chance; minidl's default generator if None.

        Raises:
            DtypeError: the images are not float32.
            ShapeError: the images are neither `(N, C, H, W)` nor `(C, H, W)`.
            UsageError: the transform cannot carry boxes or masks, or does not fit the images.
        """
        if not isinstance(images, Scene | np.ndarray):
            raise UsageError(
                f"{type(self).__name__} takes images as a NumPy array, or a Scene; got {type(images).__name__} (a tensor's "
                "array is its .numpy())"
            )
        scene = images if isinstance(images, Scene) else Scene(images[np.newaxis] if images.ndim == 3 else images)
        if scene.images.dtype != np.float32:
            raise DtypeError(
                f"images must be float32 from 0 to 1; got {scene.images.dtype}"
                + (" (divide bytes by 255)" if scene.images.dtype == np.uint8 else "")
            )
        result = self.apply(scene, Chance.of(rng, len(scene.images)))
        if isinstance(images, Scene):
            return result
        return result.images[0] if images.ndim == 3 else result.images

    def apply(self, scene: Scene, chance: Chance) -> Scene:
        """Change each image with probability `p`."""
        if self.p >= 1:
            return self.change(scene, chance)
        chosen = chance.happens(self.p)
        if not chosen.any():
            return scene
        return scene.put(chosen, self.change(scene.take(chosen), chance.fork(chosen)))

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Change all images. Subclasses say how, here or in `pixels`."""
        return scene.with_images(self.pixels(scene.images, chance))

    def pixels(self, images: Images, chance: Chance) -> Images:
        """Change the values of the pixels but move nothing, so that boxes and masks stay true."""
        raise NotImplementedError(f"{type(self).__name__} has neither `change` nor `pixels`")

    def refuse_marks(self, scene: Scene, why: str) -> None:
        """Raise if the scene has boxes, which this transform could not keep true."""
        if scene.boxes is not None:
            raise UsageError(f"{type(self).__name__} cannot carry bounding boxes: {why}")


def check_probability(p: float) -> None:
    """Raise UsageError unless `p` is a probability."""
    if not 0 <= p <= 1:
        raise UsageError(f"p must be a probability, from 0 to 1; got {p}")


def interval(
    value: float | tuple[float, float], name: str, *, around: float = 0.0, least: float = -np.inf, most: float = np.inf
) -> tuple[float, float]:
    """Read an argument as PyTorch's transforms do: one number v stands for the range around ± v, two for themselves.

    Args:
        value: a number not below 0, or a range.
        name: of the argument, for the message.
        around: the middle, for one number.
        least: the lowest end allowed; a single number's range is cut off there.
        most: the highest.

    Raises:
        UsageError: no such range.

    >>> interval(10, "degrees"), interval(1.5, "brightness", around=1, least=0), interval((2, 3), "degrees")
    ((-10.0, 10.0), (0.0, 2.5), (2.0, 3.0))
    """
    if isinstance(value, (int, float)):
        if value < 0:
            raise UsageError(f"{name}: a single number must not be negative; got {value}")
        low, high = max(around - value, least), around + value
    else:
        low, high = value
    if not least <= low <= high <= most:
        raise UsageError(f"{name} must be a range (low, high) with {least} ≤ low ≤ high ≤ {most}; got {(low, high)}")
    return float(low), float(high)


def column(values: NDArray[np.floating]) -> Images:
    """Return one number an image `(N,)` as `(N, 1, 1, 1)` float32, ready to meet the pixels."""
    return values.astype(np.float32)[:, np.newaxis, np.newaxis, np.newaxis]
