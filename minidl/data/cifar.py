"""CIFAR-10 and CIFAR-100, from their binary versions; the pickled ones are never read."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError
from ..files import write_atomic
from .download import Remote, data_folder, fetch, find, missing
from .images import ImageDataset

_PIXELS = 3 * 32 * 32


def read_cifar(path: str | os.PathLike[str], label_bytes: int = 1) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read a file of CIFAR's binary version: for each image its label bytes, then 3 × 32 × 32 pixels.

    Args:
        path: the file, such as `data_batch_1.bin`.
        label_bytes: 1 in CIFAR-10; 2 in CIFAR-100, of which the second, the fine label, counts.

    Returns:
        Images `(N, 3, 32, 32)` and labels `(N,)`.

    Raises:
        DataError: the file is missing, or its size is not a whole number of images.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images" (2009), section on file formats at
    https://www.cs.toronto.edu/~kriz/cifar.html.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    record = label_bytes + _PIXELS
    if content.size == 0 or content.size % record:
        raise DataError(
            f"{path} is cut short or not a file of CIFAR's binary version: its {content.size:,} bytes are not a whole "
            f"number of images of {record:,} bytes each"
        )
    records = content.reshape(-1, record)
    return records[:, label_bytes:].reshape(-1, 3, 32, 32), records[:, label_bytes - 1]


def cifar_folder(folder: str | os.PathLike[str], part: str) -> ImageDataset:
    """Load whatever files of CIFAR-10's binary version are in a folder, be it all of them or a few.

    Args:
        folder: where they are.
        part: `train` (all `data_batch_*.bin` that are there) or `test` (`test_batch.bin`).

    Raises:
        UsageError: another part.
        DataError: there is no such file, or one is damaged.
    """
    if part not in ("train", "test"):
        raise UsageError(f"the parts of CIFAR-10 are train and test; got {part!r}")
    folder = Path(folder)
    paths = sorted(folder.glob("data_batch_*.bin" if part == "train" else "test_batch.bin"))
    if not paths:
        _refuse_pickles(folder)
        raise DataError(f"there is no {'data_batch_1.bin' if part == 'train' else 'test_batch.bin'} in {folder}")
    return _load(folder.name, paths, 1, CIFAR10.names)


class CIFAR10(ImageDataset):
    """Small colour photographs: 50,000 of 32×32 pixels in ten classes to train on, 10,000 to test on.

    The files are looked for in `root` itself and in its folders `cifar-10-batches-bin` and `cifar10`.

    Args:
        root: the folder for data sets; the environment variable MINIDL_DATA, or a folder in the user's cache, if None.
        train: whether to load the training images or the test images.
        transform: what is done to one image `(3, 32, 32)` when it is handed out.
        target_transform: what is done to one label.
        download: whether to fetch the archive (170 MB) if the files are not there.

    Raises:
        DataError: the files are not there (the message says which to put where), cannot be downloaded or are damaged; or
            only the Python version is there, which is pickled and therefore not read.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images" (2009). The archive's checksum is the one
    that TensorFlow Datasets publishes.

    >>> CIFAR10("empty-folder")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minidl.errors.DataError: CIFAR10 is not here: data_batch_1.bin, ...
    """

    archive: ClassVar[Remote] = Remote(
        "cifar-10-binary.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        (
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz",
        ),
    )
    folder: ClassVar[str] = "cifar-10-batches-bin"
    files: ClassVar[dict[bool, tuple[str, ...]]] = {
        True: tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        False: ("test_batch.bin",),
    }
    label_bytes: ClassVar[int] = 1
    names: ClassVar[tuple[str, ...]] = (
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"
    )  # fmt: skip

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Callable[[NDArray[np.float32]], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        download: bool = False,
    ) -> None:
        self.train = train
        name, files = type(self).__name__, self.files[train]
        home = data_folder(root)
        places = [home, home / self.folder, home / name.lower()]
        place = find(places, files)
        if place is None and not download:
            _refuse_pickles(home)
            raise missing(name, places, files, [self.archive])
        if place is None:
            place = self._download(home)
        loaded = _load(name, [place / file for file in files], self.label_bytes, self.names)
        super().__init__(
            name, loaded.data, loaded.labels, self.names, transform=transform, target_transform=target_transform
        )

    def _download(self, home: Path) -> Path:
        path = fetch(self.archive, home)
        try:
            with tarfile.open(path) as archive:
                for file in (*self.files[True], *self.files[False]):  # by name: no path in the archive is trusted
                    member = archive.extractfile(f"{self.folder}/{file}")
                    if member is None:
                        raise KeyError(f"{file} is no file in it")
                    write_atomic(home / self.folder / file, member.read())
        except (KeyError, tarfile.TarError, EOFError) as error:
            raise DataError(f"{path} is not {type(self).__name__}'s archive: {error}") from error
        path.unlink()
        return home / self.folder


class CIFAR100(CIFAR10):
    """Small colour photographs in a hundred classes: 50,000 of 32×32 pixels and 10,000. Arguments as for `CIFAR10`.

    The files are looked for in `root` itself and in its folders `cifar-100-binary` and `cifar100`. The labels are the fine
    ones.

    Source: as for `CIFAR10`.
    """

    archive = Remote(
        "cifar-100-binary.tar.gz",
        "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        (
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            "https://cave.cs.toronto.edu/kriz/cifar-100-binary.tar.gz",
        ),
    )
    folder = "cifar-100-binary"
    files: ClassVar[dict[bool, tuple[str, ...]]] = {True: ("train.bin",), False: ("test.bin",)}
    label_bytes = 2
    names = tuple(
        """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
        caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
        forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
        mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
        possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
        sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
        willow_tree wolf woman worm""".split()  # noqa: SIM905  (a hundred pairs of quotes do not help a reader)
    )


def _load(name: str, paths: list[Path], label_bytes: int, names: tuple[str, ...]) -> ImageDataset:
    images, labels = zip(*(read_cifar(path, label_bytes) for path in paths), strict=True)
    return ImageDataset(name, np.concatenate(images), np.concatenate(labels), names)


def _refuse_pickles(folder: Path) -> None:
    """Say so where the folder holds CIFAR's Python version instead."""
    for place in (folder, *(folder / name for name in ("cifar-10-batches-py", "cifar-100-python"))):
        if any((place / file).is_file() for file in ("data_batch_1", "test_batch", "batches.meta", "meta")):
            raise DataError(
                f"{place} holds CIFAR's Python version, whose files are pickled: reading one can run any code that is in it, "
                "so minidl does not. It reads the binary version: cifar-10-binary.tar.gz or cifar-100-binary.tar.gz from "
                "https://www.cs.toronto.edu/~kriz/cifar.html, or download=True"
            )
