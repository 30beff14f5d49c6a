"""A data set: images, their labels, and what the labels are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Labelled images, all in memory.

    Attributes:
        name: what it is called, such as `digits`.
        images: `(N, C, H, W)`, float32, from 0 (background) to 1.
        labels: `(N,)`, int64, the position of each image's class in `classes`.
        classes: the names of the classes.

    Raises:
        DataError: the shapes do not fit together, or a label has no class.

    >>> data = Dataset("two", np.zeros((2, 1, 8, 8), np.float32), np.array([0, 1]), ("zero", "one"))
    >>> len(data), data.image_shape
    (2, (1, 8, 8))
    """

    name: str
    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.images.ndim != 4:
            raise DataError(f"data set {self.name}: images must be (N, C, H, W); got {self.images.shape}")
        if self.labels.shape != self.images.shape[:1]:
            raise DataError(
                f"data set {self.name}: {len(self.images)} images but labels of shape {self.labels.shape}; "
                "there must be one label an image"
            )
        if self.labels.size and not (self.labels.min() >= 0 and self.labels.max() < len(self.classes)):
            raise DataError(
                f"data set {self.name}: labels run from {self.labels.min()} to {self.labels.max()}, "
                f"but there are {len(self.classes)} classes, 0 to {len(self.classes) - 1}"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of one image, `(C, H, W)`."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def subset(self, indices: NDArray[Any]) -> Dataset:
        """Return the data set of the images at `indices`, in that order."""
        return Dataset(self.name, self.images[indices], self.labels[indices], self.classes)
