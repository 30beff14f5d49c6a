"""Where the images come from: data sets by name, folders of files, and how each is divided."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..data import CIFAR10, CIFAR100, EMNIST, KMNIST, MNIST, FashionMNIST, ImageDataset, ImageFolder
from ..data import cifar_folder as read_cifar_folder
from ..data import digits as load_digits
from ..data import idx_folder as read_idx_folder
from ..data.folder import IMAGE_EXTENSIONS, load_image
from ..data.split import stratified_split
from ..errors import DataError, UsageError
from .choices import Choice, Registry, nearest

DIGITS: Final = "digits"
OWN_TEST, ALL = (0.9, 0.1), (0.64, 0.16, 0.20)
"""The shares of training and validation images, and of test images where a data set brings none of its own."""

LAYOUTS: Final = (
    "a folder of MNIST's IDX files (train-images-idx3-ubyte and so on, each with or without .gz), a folder of CIFAR-10's "
    "binary files (data_batch_1.bin …, test_batch.bin), or a folder with a folder of pictures for each class (or train and "
    "test folders that are such)"
)

LOOKED_AT: Final = 10_000
"""How many files are looked at to find a picture among them."""

Given = tuple[ImageDataset, ImageDataset | None]
"""The images to learn from and those to be tested on; None if there are none apart."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A data set divided: to learn from, to choose by, and to be judged on once at the end."""

    train: ImageDataset
    validation: ImageDataset
    test: ImageDataset


def load_parts(data: str, seed: int) -> Parts:
    """Load a data set and divide it, each class in the same proportion.

    Args:
        data: a name with options, or the path of a folder; see `DATA`. One that brings its own test images has the others
            divided 90 : 10; one that does not is divided 64 : 16 : 20.
        seed: of the division.

    Raises:
        UsageError: there is neither such a data set nor such a folder.
        DataError: a file is missing or damaged.

    >>> parts = load_parts("digits", seed=0)
    >>> len(parts.train), len(parts.validation), len(parts.test)
    (1150, 288, 359)
    """
    given = DATA.build(locate(data))
    assert given is not None  # there is no choice `none`
    train, test = given
    shares = ALL if test is None else OWN_TEST
    parts = [train.subset(indices) for indices in stratified_split(train.labels, shares, seed)]
    return Parts(parts[0], parts[1], parts[2] if test is None else test)


def locate(data: str) -> Choice:
    """Return what is meant by a name with options, or by the path of a folder; paths in it become absolute.

    Raises:
        UsageError: there is neither such a data set nor such a folder.
        DataError: the folder's files are of no layout known.

    >>> str(locate("emnist(letters)"))
    "emnist(split='letters')"
    """
    name, parenthesis, options_text = data.partition("(")
    name = name.strip().replace("-", "_")
    folder = Path(data).expanduser()
    if name not in DATA.names:
        if folder.is_dir():
            return Choice(layout_of(folder), (), {"path": str(folder.resolve())})
        if folder.exists():
            raise UsageError(f"{folder} is a file; the data must be {LAYOUTS}")
        raise UsageError(
            f"there is no data set {data!r}{nearest(name, DATA.names) or ';'} choose {', '.join(DATA.names)}, or name a "
            f"folder: {LAYOUTS}"
        )
    choice = DATA.read(name + parenthesis + options_text)
    options = DATA.bind(choice)
    for option in ("root", "path"):  # so that the run can be resumed from anywhere
        if options.get(option) is not None:
            options[option] = os.fspath(Path(str(options[option])).expanduser().resolve())
    return Choice(choice.name, (), options)


def settled(data: str) -> str:
    """Return a data set as it is written by rule: a path as an absolute path, so that a run can be resumed from anywhere.

    Raises:
        UsageError: there is neither such a data set nor such a folder.
        DataError: the folder's files are of no layout known.

    >>> settled("digits"), settled("fashion-mnist( download = false )")
    ('digits', 'fashion_mnist(download=False)')
    """
    choice = locate(data)
    return str(choice.options["path"]) if choice.name in _FOLDERS and set(choice.options) == {"path"} else str(choice)


def layout_of(folder: Path) -> str:
    """Return how a folder's files are laid out: the name of the entry of `DATA` that reads them.

    Raises:
        DataError: in none of the ways there are; the message says what was found.
    """
    names = sorted(entry.name for entry in folder.iterdir())
    if any("-idx3-ubyte" in name or "-idx1-ubyte" in name for name in names):
        return "idx_folder"
    if any(name.endswith(".bin") for name in names):
        return "cifar_folder"
    below = (path for name in names if (folder / name).is_dir() for path in (folder / name).rglob("*"))
    if any(path.suffix.lower() in IMAGE_EXTENSIONS for path in islice(below, LOOKED_AT)):
        return "image_folder"
    found = f"{', '.join(names[:5])}{' …' if len(names) > 5 else ''}" if names else "nothing"
    raise DataError(f"{folder} holds {found}; the data must be {LAYOUTS}")


# The entries ---------------------------------------------------------------------------------------------------------------


def digits() -> Given:
    """1,797 handwritten digits of 8×8 pixels, which come with minidl."""
    return load_digits(), None


def mnist(root: str | None = None, download: bool = True) -> Given:
    """Handwritten digits, 60,000 + 10,000 of 28×28 pixels."""
    return MNIST(root, True, download=download), MNIST(root, False, download=download)


def fashion_mnist(root: str | None = None, download: bool = True) -> Given:
    """Clothes, 60,000 + 10,000 of 28×28 pixels."""
    return FashionMNIST(root, True, download=download), FashionMNIST(root, False, download=download)


def kmnist(root: str | None = None, download: bool = True) -> Given:
    """Cursive Japanese characters, 60,000 + 10,000 of 28×28 pixels."""
    return KMNIST(root, True, download=download), KMNIST(root, False, download=download)


def emnist(split: str = "balanced", root: str | None = None, download: bool = True) -> Given:
    """Letters and digits of 28×28 pixels: byclass, bymerge, balanced, letters, digits or mnist."""
    return EMNIST(root, split, True, download=download), EMNIST(root, split, False, download=download)


def cifar10(root: str | None = None, download: bool = True) -> Given:
    """Colour photographs in ten classes, 50,000 + 10,000 of 32×32 pixels."""
    return CIFAR10(root, True, download=download), CIFAR10(root, False, download=download)


def cifar100(root: str | None = None, download: bool = True) -> Given:
    """Colour photographs in a hundred classes, 50,000 + 10,000 of 32×32 pixels."""
    return CIFAR100(root, True, download=download), CIFAR100(root, False, download=download)


def idx_folder(path: str) -> Given:
    """A folder of four IDX files, as MNIST's are."""
    return read_idx_folder(Path(path), "train"), read_idx_folder(Path(path), "t10k")


def cifar_folder(path: str) -> Given:
    """A folder of CIFAR-10's binary files: test_batch.bin, and one or more of data_batch_*.bin."""
    return read_cifar_folder(Path(path), "train"), read_cifar_folder(Path(path), "test")


def image_folder(path: str, size: int | None = None) -> Given:
    """A folder of pictures for each class; `size` scales them all to so many pixels a side."""
    root = Path(path)
    if (root / "train").is_dir() and (root / "test").is_dir():
        train, test = _pictures(root / "train", size), _pictures(root / "test", size)
        if train.classes != test.classes or train.image_shape != test.image_shape:
            raise DataError(
                f"{root}/train and {root}/test do not fit together: {len(train.classes)} classes of "
                f"{train.image_shape} and {len(test.classes)} of {test.image_shape} (C, H, W)"
            )
        return train, test
    return _pictures(root, size), None


def _pictures(root: Path, size: int | None) -> ImageDataset:
    """All pictures in memory, a byte a value."""
    folder = ImageFolder(root)
    images: list[Any] = []
    for path, _ in folder.samples:
        image = load_image(path, None if size is None else (size, size))
        if images and image.shape != images[0].shape:
            raise DataError(
                f"the pictures in {root} differ in size: {folder.samples[0][0]} has {_sides(images[0])} pixels, {path} "
                f"{_sides(image)}; scale them all: --data \"image_folder('{root}', size=32)\""
            )
        images.append(np.rint(image * 255).astype(np.uint8))
    return ImageDataset(root.name, np.stack(images), np.asarray(folder.targets), folder.classes)


def _sides(image: Any) -> str:
    return f"{image.shape[1]}×{image.shape[2]}"


_NAMED: Final[dict[str, Callable[..., Given]]] = {
    "digits": digits,
    "mnist": mnist,
    "fashion_mnist": fashion_mnist,
    "kmnist": kmnist,
    "emnist": emnist,
    "cifar10": cifar10,
    "cifar100": cifar100,
}
_FOLDERS: Final[dict[str, Callable[..., Given]]] = {
    make.__name__: make for make in (idx_folder, cifar_folder, image_folder)
}
DATA: Final[Registry[Given]] = Registry("data set", _NAMED | _FOLDERS)
"""Every data set by name, and the layouts of folders, which are recognised where only a path is given."""


def title_of(data: str) -> str:
    """Return a data set's name for people and for folders: without options, of a path its end.

    >>> title_of("emnist(letters)"), title_of("image_folder('/data/pets', size=32)")
    ('emnist', 'pets')
    """
    choice = locate(data)
    return Path(choice.options["path"]).name if choice.name in _FOLDERS else choice.name
