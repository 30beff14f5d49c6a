"""Putting augmentations together: one after another, one of several, in any order, or only sometimes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..transforms import Transform
from .base import Augmentation, check_probability
from .chance import Chance
from .scene import Scene

Step = Augmentation | Transform
"""An augmentation, or any function of images and a generator, such as `RandomWarp` and `Standardize`."""


def apply_step(step: Step, scene: Scene, chance: Chance) -> Scene:
    """Apply one transform of a composition, with streams of chance of its own.

    Raises:
        UsageError: the scene has boxes or masks, and the transform knows of images only.
    """
    if isinstance(step, Augmentation):
        return step.apply(scene, chance.fork())
    if scene.boxes is not None or scene.masks is not None:
        raise UsageError(f"{type(step).__name__} knows of images only; it cannot carry bounding boxes or masks")
    return Scene(step(scene.images, chance.fork().generator()))


def name_of(step: Step) -> str:
    """Return how a transform is written in the printout of a composition."""
    return (
        repr(step)
        if isinstance(step, Augmentation) or hasattr(type(step), "__dataclass_fields__")
        else type(step).__name__
    )


class _Composition(Augmentation):
    def __init__(self, transforms: Sequence[Step]) -> None:
        self.transforms = tuple(transforms)
        for step in self.transforms:
            if not callable(step):
                raise UsageError(f"{type(self).__name__}: {step!r} is not a transform; it cannot be called")

    @property
    def changes(self) -> frozenset[str]:
        """All that its transforms change."""
        return frozenset().union(*(step.changes for step in self.transforms if isinstance(step, Augmentation)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}([{', '.join(map(name_of, self.transforms))}])"


class Compose(_Composition):
    """Apply transforms one after another.

    Args:
        transforms: augmentations, and other transforms of images (which get one generator for the whole batch, so that
            what they do then depends on how the data were cut into batches).

    >>> from minidl.data.augment import Compose, RandomCrop, RandomHorizontalFlip
    >>> augment = Compose([RandomHorizontalFlip(), RandomCrop(32, padding=4)])
    >>> augment(np.ones((2, 3, 32, 32), np.float32)).shape
    (2, 3, 32, 32)
    """

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Apply all of them."""
        for step in self.transforms:
            scene = apply_step(step, scene, chance)
        return scene


class RandomApply(_Composition):
    """Apply all of the transforms with probability `p`, or none.

    Args:
        transforms: what to apply, one after another.
        p: the probability.

    >>> from minidl.data.augment import RandomApply, RandomVerticalFlip
    >>> images = np.arange(8, dtype=np.float32).reshape(4, 1, 2, 1)
    >>> RandomApply([RandomVerticalFlip(p=1)], p=0.5)(images, np.random.default_rng(2)).reshape(4, 2).tolist()
    [[1.0, 0.0], [2.0, 3.0], [4.0, 5.0], [7.0, 6.0]]
    """

    def __init__(self, transforms: Sequence[Step], p: float = 0.5) -> None:
        check_probability(p)
        super().__init__(transforms)
        self.p = p

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Apply all of them."""
        for step in self.transforms:
            scene = apply_step(step, scene, chance)
        return scene

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, p={self.p:g})"


class Sequential(_Composition):
    """Apply transforms one after another, each to an image with a probability of its own.

    Args:
        transforms: what to apply.
        p: the probability of each, or one for all.

    Raises:
        UsageError: not as many probabilities as transforms.

    >>> from minidl.data.augment import RandomHorizontalFlip, RandomVerticalFlip, Sequential
    >>> both = Sequential([RandomHorizontalFlip(p=1), RandomVerticalFlip(p=1)], p=[1, 0])
    >>> both(np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)).ravel().tolist()
    [1.0, 0.0, 3.0, 2.0]
    """

    def __init__(self, transforms: Sequence[Step], p: float | Sequence[float] = 1.0) -> None:
        super().__init__(transforms)
        self.probabilities = [p] * len(self.transforms) if isinstance(p, (int, float)) else list(p)
        if len(self.probabilities) != len(self.transforms):
            raise UsageError(
                f"Sequential has {len(self.transforms)} transforms but {len(self.probabilities)} probabilities"
            )
        self._steps = [RandomApply([step], q) for step, q in zip(self.transforms, self.probabilities, strict=True)]

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Apply each with its probability."""
        for step in self._steps:
            scene = apply_step(step, scene, chance)
        return scene


class OneOf(_Composition):
    """Apply one of the transforms, chosen anew for each image (`RandomChoice` in torchvision).

    Args:
        transforms: what to choose from.
        p: how likely each is; all alike if None. They are made to sum to 1.

    Raises:
        UsageError: nothing to choose from, or not as many weights as transforms.

    >>> from minidl.data.augment import OneOf, RandomHorizontalFlip, RandomVerticalFlip
    >>> OneOf([RandomHorizontalFlip(p=1), RandomVerticalFlip(p=1)], p=[3, 1]).probabilities.tolist()
    [0.75, 0.25]
    """

    def __init__(self, transforms: Sequence[Step], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        weights = np.ones(len(self.transforms)) if p is None else np.array(p, np.float64)
        if len(weights) != len(self.transforms) or not len(weights) or weights.min() < 0 or not weights.sum() > 0:
            raise UsageError(
                f"OneOf needs a weight not below 0 for each of its {len(self.transforms)} transforms; got {p}"
            )
        self.probabilities = weights / weights.sum()

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Apply to each image its own choice."""
        choice = np.searchsorted(np.cumsum(self.probabilities)[:-1], chance.uniform(0, 1), side="right")
        return apply_choice(self.transforms, choice, scene, chance)


class RandomOrder(_Composition):
    """Apply all of the transforms, to each image in an order of its own.

    Args:
        transforms: what to apply.

    >>> from minidl.data.augment import ColorJitter, RandomOrder
    >>> order = RandomOrder([ColorJitter(brightness=(2, 2)), ColorJitter(brightness=(0.5, 0.5))])
    >>> images = np.full((20, 1, 1, 1), 0.75, np.float32)
    >>> sorted(set(order(images, np.random.default_rng(0)).ravel().tolist()))  # doubled first, it is cut off at 1
    [0.5, 0.75]
    """

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Apply to each image the first of its order, then the second, and so on."""
        for choice in chance.order(len(self.transforms)).T:
            scene = apply_choice(self.transforms, choice, scene, chance)
        return scene


def apply_choice(transforms: Sequence[Step], choice: NDArray[np.intp], scene: Scene, chance: Chance) -> Scene:
    """Apply to each image the transform whose number stands in `choice` `(N,)`, together with others of that choice.

    Raises:
        ShapeError: the transforms give images of different shapes.
    """
    if not len(choice):
        return scene
    streams = chance.fork()  # of which each image's is used by its own transform only
    parts, places = [], []
    for number in np.unique(choice):
        chosen = np.flatnonzero(choice == number)
        parts.append(apply_step(transforms[number], scene.take(chosen), streams.of_chosen(chosen)))
        places.append(chosen)
    return Scene.join(parts, np.argsort(np.concatenate(places)))
