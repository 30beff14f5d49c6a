"""Mixing two images and their labels: mixup and CutMix. The labels become shares, which `cross_entropy` takes as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ...creation import from_numpy
from ...errors import ShapeError, UsageError
from ...tensor import Tensor
from ..transforms import Images
from .base import check_probability, column
from .chance import Chance, Randomness

Mixed = tuple[Images, NDArray[np.float32]]
"""Images `(N, C, H, W)` and label shares `(N, K)`."""


@dataclass(frozen=True)
class _Mixing:
    alpha: float = 1.0
    num_classes: int | None = None
    p: float = 1.0

    def __post_init__(self) -> None:
        check_probability(self.p)
        if not self.alpha > 0:
            raise UsageError(f"alpha must be positive; got {self.alpha}")

    @overload
    def __call__(self, images: Images, labels: NDArray[Any], rng: Randomness = None) -> Mixed: ...
    @overload
    def __call__(self, images: Tensor, labels: Tensor, rng: Randomness = None) -> tuple[Tensor, Tensor]: ...

    def __call__(
        self, images: Images | Tensor, labels: NDArray[Any] | Tensor, rng: Randomness = None
    ) -> Mixed | tuple[Tensor, Tensor]:
        """Mix each image with the one before it in the batch, the first with the last.

        Args:
            images: `(N, C, H, W)`; the batch should come in random order, as a shuffling loader gives it.
            labels: `(N,)` classes, or `(N, K)` shares.
            rng: the source of chance; minidl's default generator if None.

        Returns:
            Mixed images and label shares `(N, K)`; tensors if the images were one.

        Raises:
            ShapeError: the labels do not fit.
            UsageError: the labels are classes, and `num_classes` was not given.
        """
        if isinstance(images, Tensor):
            mixed_images, mixed_labels = self(np.asarray(images.data), np.asarray(labels), rng)
            return from_numpy(mixed_images), from_numpy(mixed_labels)
        shares = self._shares(np.asarray(labels), len(images))
        chance = Chance.of(rng, len(images))
        share = np.where(chance.happens(self.p), chance.beta(self.alpha, self.alpha), 1.0)
        mixed, kept = self._mix(images, np.roll(images, 1, axis=0), share, chance)
        weight = kept.astype(np.float32)[:, np.newaxis]
        return mixed, weight * shares + (np.float32(1) - weight) * np.roll(shares, 1, axis=0)

    def _shares(self, labels: NDArray[Any], n: int) -> NDArray[np.float32]:
        if labels.ndim not in (1, 2) or len(labels) != n:
            raise ShapeError(f"labels must be ({n},) classes or ({n}, K) shares; got {labels.shape}")
        if labels.ndim == 2:
            return labels.astype(np.float32, copy=False)
        if self.num_classes is None:
            raise UsageError(f"{type(self).__name__} needs num_classes to turn classes into shares")
        if labels.dtype.kind not in "iu":
            raise UsageError(f"labels (N,) must be class numbers, integers; got {labels.dtype}")
        if labels.size and not 0 <= labels.min() <= labels.max() < self.num_classes:
            raise UsageError(
                f"labels run from {labels.min()} to {labels.max()}, but num_classes={self.num_classes} allows 0 to "
                f"{self.num_classes - 1}"
            )
        return np.eye(self.num_classes, dtype=np.float32)[labels]

    def _mix(
        self, images: Images, others: Images, share: NDArray[np.float64], chance: Chance
    ) -> tuple[Images, NDArray[np.float64]]:
        raise NotImplementedError


@dataclass(frozen=True)
class MixUp(_Mixing):
    """Blend two images, λ · one + (1 − λ) · other, and their labels alike, with λ ~ Beta(α, α) drawn for each pair.

    Attributes:
        alpha: α; near 0 hardly mixes, 1 makes all λ alike likely.
        num_classes: K, to turn class numbers into shares; not needed for labels `(N, K)`.
        p: the probability that an image is mixed at all.

    Source: H. Zhang et al., "mixup: beyond empirical risk minimization", ICLR (2018).

    >>> images = np.array([0.0, 1.0], np.float32).reshape(2, 1, 1, 1)
    >>> mixed, labels = MixUp(num_classes=2)(images, np.array([0, 1]), np.random.default_rng(0))
    >>> bool(np.allclose(mixed.ravel(), labels[:, 1])), labels.sum(axis=1).tolist()
    (True, [1.0, 1.0])
    """

    def _mix(
        self, images: Images, others: Images, share: NDArray[np.float64], chance: Chance
    ) -> tuple[Images, NDArray[np.float64]]:
        weight = column(share)
        return weight * images + (1 - weight) * others, share


@dataclass(frozen=True)
class CutMix(_Mixing):
    """Paste a rectangle of one image into another; each label's share is its image's share of the area.

    The rectangle has √(1 − λ) of the height and of the width, λ ~ Beta(α, α), about a centre anywhere; what of it falls
    outside is cut off, and the labels' shares count what is left.

    Attributes:
        alpha: α.
        num_classes: K, to turn class numbers into shares; not needed for labels `(N, K)`.
        p: the probability that an image is mixed at all.

    Source: S. Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable features",
    ICCV (2019).

    >>> images = np.array([0.0, 1.0], np.float32).reshape(2, 1, 1, 1) * np.ones((1, 1, 8, 8), np.float32)
    >>> mixed, labels = CutMix(num_classes=2)(images, np.array([0, 1]), np.random.default_rng(0))
    >>> bool(np.allclose(mixed.mean(axis=(1, 2, 3)), labels[:, 1]))
    True
    """

    def _mix(
        self, images: Images, others: Images, share: NDArray[np.float64], chance: Chance
    ) -> tuple[Images, NDArray[np.float64]]:
        height, width = images.shape[2:]
        half = np.sqrt(1 - share) / 2
        y, x = chance.integers(0, height), chance.integers(0, width)
        ends = []
        for at, middle, size in ((np.arange(height), y, height), (np.arange(width), x, width)):
            reach = np.floor(half * size)[:, np.newaxis]
            ends.append((at >= middle[:, np.newaxis] - reach) & (at < middle[:, np.newaxis] + reach))
        pasted = ends[0][:, :, np.newaxis] & ends[1][:, np.newaxis]
        return np.where(pasted[:, np.newaxis], others, images), 1 - pasted.mean(axis=(1, 2))
