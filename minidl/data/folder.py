"""A folder of pictures, one folder a class."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..creation import from_numpy
from ..errors import DataError, UsageError
from .dataset import Dataset

IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""The endings of the files that count as pictures; torchvision's list."""


def load_image(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> NDArray[np.float32]:
    """Read a picture file.

    Args:
        path: the file, in any format that Pillow reads.
        size: `(H, W)` to scale to, keeping proportions, with what stands out on two sides cut off; as it is if None.

    Returns:
        `(3, H, W)`, red, green and blue, float32 from 0 to 1; the right way up, where a camera has noted which way that
        is. What a picture says of transparency is ignored, as in torchvision. Grey tones of 16 bits are kept to 8.

    Raises:
        DataError: the file is missing or not a picture, or its values have no known range.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file)
            if picture.mode in ("I", "F"):
                raise ValueError(
                    f"its values (Pillow's mode {picture.mode}) have no known range; give a loader of your own"
                )
            if picture.mode.startswith("I;16"):  # Pillow would cut off at 255 instead
                picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
            picture = picture.convert("RGB")
    except Exception as error:  # on damaged files Pillow raises whatever it trips over
        raise DataError(f"{os.fspath(path)} cannot be read as a picture: {error}") from error
    if size is not None:
        picture = ImageOps.fit(picture, (size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray(pixels) / np.float32(255)


class ImageFolder(Dataset[tuple[Any, Any]]):
    """Pictures in folders, one folder a class: `root/cat/1.png`, `root/dog/rex/2.jpg`, …; read when they are asked for.

    An example is `(image, label)`: a tensor `(3, H, W)` from 0 to 1, or what `transform` makes of it, and a whole number.
    Hidden files and folders, those whose names begin with a dot, are passed over; links are followed.

    Args:
        root: the folder; its folders, in alphabetical order, are the classes.
        transform: what is done to one image `(3, H, W)`, an array.
        target_transform: what is done to one label.
        loader: reads a file; `load_image` if None.
        is_valid_file: tells by its path whether a file is a picture; by its ending if None.
        allow_empty: whether a class may have no pictures.
        size: `(H, W)`, or one number for both: pictures are scaled and cut to this, so that they fit into one batch.

    Raises:
        DataError: there is no such folder, or it has no folders, or one of them has no pictures.
        UsageError: a size for a loader of your own, or one that is not positive.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[[NDArray[np.float32]], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        loader: Callable[[str], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
        *,
        size: int | tuple[int, int] | None = None,
    ) -> None:
        if loader is not None and size is not None:
            raise UsageError("ImageFolder: a loader of your own gives pictures the size it likes; leave out size")
        self.root = Path(root).expanduser()
        self.transform = transform
        self.target_transform = target_transform
        self.loader = loader
        self.size = (size, size) if isinstance(size, int) else size
        if self.size is not None and min(self.size) < 1:
            raise UsageError(f"ImageFolder: size must be positive; got {size}")
        if not self.root.is_dir():
            raise DataError(f"there is no folder {self.root}")
        self.classes = sorted(entry.name for entry in self.root.iterdir() if entry.is_dir() and _seen(entry.name))
        self.class_to_idx = {name: position for position, name in enumerate(self.classes)}
        if not self.classes:
            raise DataError(f"{self.root} has no folders in it; there must be one a class, with its pictures")
        valid = is_valid_file or _looks_like_a_picture
        self.samples: list[tuple[str, int]] = []
        for name, label in self.class_to_idx.items():
            found = [path for path in _files(self.root / name) if valid(path)]
            if not found and not allow_empty:
                raise DataError(
                    f"{self.root / name} has no pictures in it; they end with {', '.join(IMAGE_EXTENSIONS)}"
                )
            self.samples += [(path, label) for path in found]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.root)!r}: {len(self):,} pictures, {len(self.classes)} classes)"

    @property
    def imgs(self) -> list[tuple[str, int]]:
        """The paths and labels, by torchvision's other name."""
        return self.samples

    @property
    def targets(self) -> list[int]:
        """The labels."""
        return [label for _, label in self.samples]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        path, label = self.samples[index]
        image = load_image(path, self.size) if self.loader is None else self.loader(path)
        if self.transform is not None:
            image = self.transform(image)
        return (
            from_numpy(image) if isinstance(image, np.ndarray) else image,
            label if self.target_transform is None else self.target_transform(label),
        )


def _seen(name: str) -> bool:
    return not name.startswith(".")


def _files(folder: Path) -> Iterator[str]:
    """Yield the files in and below a folder, in an order that is the same on all systems; none twice through a link."""
    been: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in been:
            folders.clear()
            continue
        been.add(real)
        folders[:] = sorted(filter(_seen, folders))
        yield from (os.path.join(place, name) for name in sorted(filter(_seen, names)))


def _looks_like_a_picture(path: str) -> bool:
    return path.lower().endswith(IMAGE_EXTENSIONS)
