"""Labelled images, all in memory: what the image data sets of a course are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..creation import from_numpy
from ..errors import DataError
from .collate import default_collate
from .dataset import Dataset, Indices, examples_of


class ImageDataset(Dataset[tuple[Any, Any]]):
    """Labelled images of one size, all in memory.

    An example is `(image, label)`: a tensor `(C, H, W)` and a whole number.

    Args:
        name: what it is called, such as `digits`.
        images: `(N, C, H, W)`: float32 from 0 (black) to 1, or uint8 from 0 to 255, which stays so in memory (a quarter
            of the room) and becomes float32 from 0 to 1 when it is handed out.
        labels: `(N,)`, the position of each image's class in `classes`.
        classes: the names of the classes.
        transform: what is done to one image `(C, H, W)`, an array, when it is handed out. (A `DataLoader`'s `transforms`
            work on a whole batch at once, which is faster.)
        target_transform: what is done to one label.

    Raises:
        DataError: the shapes do not fit together, or a label has no class.

    >>> data = ImageDataset("two", np.zeros((2, 1, 8, 8), np.float32), np.array([0, 1]), ("zero", "one"))
    >>> len(data), data.image_shape, data.class_to_idx
    (2, (1, 8, 8), {'zero': 0, 'one': 1})
    """

    def __init__(
        self,
        name: str,
        images: NDArray[Any],
        labels: NDArray[Any],
        classes: Sequence[str],
        *,
        transform: Callable[[NDArray[np.float32]], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
    ) -> None:
        self.name = name
        self.data: NDArray[Any] = images if images.dtype == np.uint8 else images.astype(np.float32, copy=False)
        if images.dtype != np.uint8 and images.dtype.kind != "f":
            raise DataError(
                f"data set {name}: images must be uint8 from 0 to 255 or floating from 0 to 1; got {images.dtype}"
            )
        whole = np.asarray(labels)
        self.labels: NDArray[np.int64] = whole.astype(np.int64, copy=False)
        if not np.array_equal(self.labels, whole):
            raise DataError(f"data set {name}: labels must be whole numbers, the positions of the classes")
        self.classes = tuple(classes)
        self.transform = transform
        self.target_transform = target_transform
        if images.ndim != 4:
            raise DataError(f"data set {name}: images must be (N, C, H, W); got {images.shape}")
        if self.labels.shape != images.shape[:1]:
            raise DataError(
                f"data set {name}: {len(images)} images but labels of shape {self.labels.shape}; "
                "there must be one label an image"
            )
        if self.labels.size and not (self.labels.min() >= 0 and self.labels.max() < len(self.classes)):
            raise DataError(
                f"data set {name}: labels run from {self.labels.min()} to {self.labels.max()}, "
                f"but there are {len(self.classes)} classes, 0 to {len(self.classes) - 1}"
            )

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        sizes = "×".join(map(str, self.image_shape))
        return f"{type(self).__name__}({self.name!r}: {len(self):,} images {sizes}, {len(self.classes)} classes)"

    @property
    def images(self) -> NDArray[np.float32]:
        """All images, `(N, C, H, W)`, float32 from 0 to 1. (From uint8 each call makes a new array, four times as large.)"""
        return _to_float(self.data)

    @property
    def targets(self) -> NDArray[np.int64]:
        """The labels, by torchvision's name."""
        return self.labels

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The position of each class by its name."""
        return {name: position for position, name in enumerate(self.classes)}

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of one image, `(C, H, W)`."""
        _, channels, height, width = self.data.shape
        return channels, height, width

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        image, label = _to_float(self.data[index].copy()), int(self.labels[index])
        changed = image if self.transform is None else self.transform(image)
        return (
            from_numpy(changed) if isinstance(changed, np.ndarray) else changed,
            label if self.target_transform is None else self.target_transform(label),
        )

    def batch(self, indices: Indices) -> list[Any]:
        """Return the images `(N, C, H, W)` and the labels `(N,)` at `indices`."""
        if self.transform is None and self.target_transform is None:
            return [from_numpy(_to_float(self.data[indices])), from_numpy(self.labels[indices])]
        return default_collate(examples_of(self, indices))

    def subset(self, indices: Sequence[int] | NDArray[Any]) -> ImageDataset:
        """Return the data set of the images at `indices`, in that order."""
        chosen = np.asarray(indices)
        return ImageDataset(
            self.name,
            self.data[chosen],
            self.labels[chosen],
            self.classes,
            transform=self.transform,
            target_transform=self.target_transform,
        )

    def with_labels(self, labels: NDArray[Any]) -> ImageDataset:
        """Return the data set of the same images with other labels, such as noisy ones."""
        return ImageDataset(
            self.name,
            self.data,
            labels,
            self.classes,
            transform=self.transform,
            target_transform=self.target_transform,
        )


def _to_float(pixels: NDArray[Any]) -> NDArray[np.float32]:
    if pixels.dtype != np.uint8:
        return pixels
    images = pixels.astype(np.float32)
    images /= np.float32(255)
    return images
