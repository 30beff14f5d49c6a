"""MNIST and the data sets made in its image, by torchvision's names."""

from __future__ import annotations

import os
import string
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError
from ..files import write_atomic
from .download import Remote, data_folder, fetch, find, missing
from .embedded import TEN_DIGITS
from .idx import find_idx, read_idx_pair
from .images import ImageDataset


class MNIST(ImageDataset):
    """The handwritten digits: 60,000 images of 28×28 pixels to train on, 10,000 to test on.

    The files are looked for in `root` itself, in `root/MNIST/raw`, where torchvision puts them, and in `root/mnist`. They
    are read as they are, packed with gzip or not; their checksums are compared when they are downloaded.

    Args:
        root: the folder for data sets; the environment variable MINIDL_DATA, or a folder in the user's cache, if None.
        train: whether to load the training images or the test images.
        transform: what is done to one image `(1, 28, 28)` when it is handed out.
        target_transform: what is done to one label.
        download: whether to fetch the files if they are not there.

    Raises:
        DataError: the files are not there (the message says which to put where), cannot be downloaded or are damaged.

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (1998). The checksums are those that TensorFlow Datasets publishes.

    >>> MNIST("empty-folder")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minidl.errors.DataError: MNIST is not here: train-images-idx3-ubyte, train-labels-idx1-ubyte must all be in ...
    """

    mirrors: ClassVar[tuple[str, ...]] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    checksums: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    }
    names: ClassVar[tuple[str, ...]] = TEN_DIGITS

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Callable[[NDArray[np.float32]], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        download: bool = False,
    ) -> None:
        self.train = train
        part = "train" if train else "t10k"
        files = [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"]
        folder = self._folder(data_folder(root), files, download)
        images, labels = read_idx_pair(*(find_idx(folder, name) for name in files))
        super().__init__(
            type(self).__name__, images, labels, self.names, transform=transform, target_transform=target_transform
        )

    def _folder(self, root: Path, files: list[str], download: bool) -> Path:
        """Return the folder that has the files, after fetching them if that is asked for and needed."""
        name = type(self).__name__
        home = root / name / "raw"
        places = [root, home, root / name, root / name.lower()]
        folder = find(places, files)
        if folder is not None:
            return folder
        remotes = self._remotes(files)
        if not download:
            raise missing(name, places, files, remotes)
        for remote in remotes:
            self._unpack(fetch(remote, home), files)
        return home

    def _remotes(self, files: list[str]) -> list[Remote]:
        return [
            Remote(f"{file}.gz", self.checksums[f"{file}.gz"], tuple(f"{mirror}{file}.gz" for mirror in self.mirrors))
            for file in files
        ]

    def _unpack(self, path: Path, files: list[str]) -> None:
        """Take the files out of what was fetched; there is nothing to do where they are fetched one by one."""


class FashionMNIST(MNIST):
    """Clothes in MNIST's format: 60,000 + 10,000 images of 28×28 pixels in ten classes. Arguments as for `MNIST`.

    Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms", arXiv:1708.07747 (2017). The checksums are those that TensorFlow Datasets publishes.
    """

    mirrors = (
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    )
    checksums: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    }
    names = (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"
    )  # fmt: skip


class KMNIST(MNIST):
    """Cursive Japanese characters in MNIST's format: 60,000 + 10,000 images of 28×28 pixels. Arguments as for `MNIST`.

    Source: T. Clanuwat et al., "Deep learning for classical Japanese literature", arXiv:1812.01718 (2018). The checksums
    are those that TensorFlow Datasets publishes.
    """

    mirrors = ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",)
    checksums: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte.gz": "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        "train-labels-idx1-ubyte.gz": "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        "t10k-images-idx3-ubyte.gz": "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        "t10k-labels-idx1-ubyte.gz": "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    }
    names = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


_MERGED = tuple(sorted(set(string.digits + string.ascii_letters) - set("cijklmopsuvwxyz")))
EMNIST_CLASSES: dict[str, tuple[str, ...]] = {
    "byclass": tuple(sorted(string.digits + string.ascii_letters)),
    "bymerge": _MERGED,
    "balanced": _MERGED,
    "letters": ("N/A", *string.ascii_lowercase),
    "digits": TEN_DIGITS,
    "mnist": TEN_DIGITS,
}
"""The names of the classes of each of EMNIST's divisions; in `letters`, labels begin at 1."""


class EMNIST(MNIST):
    """Handwritten letters and digits, 28×28, in six divisions; unlike torchvision's, the images stand upright.

    All divisions come in one archive of 562 MB, which stays in `root/EMNIST/raw` once it is downloaded.

    Args:
        root: as for `MNIST`.
        split: `byclass` (62 classes), `bymerge` and `balanced` (47), `letters` (26), `digits` or `mnist` (10).
        train: as for `MNIST`, and so are the others.
        transform: what is done to one image.
        target_transform: what is done to one label.
        download: whether to fetch the archive.

    Raises:
        UsageError: there is no such division.
        DataError: as for `MNIST`.

    Source: G. Cohen, S. Afshar, J. Tapson, A. van Schaik, "EMNIST: an extension of MNIST to handwritten letters",
    arXiv:1702.05373 (2017). The checksum is the one that TensorFlow Datasets publishes.
    """

    archive = Remote(
        "gzip.zip",
        "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
        (
            "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
            "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
        ),
    )

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        split: str = "balanced",
        train: bool = True,
        transform: Callable[[NDArray[np.float32]], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        download: bool = False,
    ) -> None:
        if split not in EMNIST_CLASSES:
            raise UsageError(f"EMNIST has no division {split!r}; choose one of {', '.join(EMNIST_CLASSES)}")
        self.split = split
        self.train = train
        part = f"emnist-{split}-{'train' if train else 'test'}"
        files = [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"]
        folder = self._folder(data_folder(root), files, download)
        images, labels = read_idx_pair(*(find_idx(folder, name) for name in files))
        upright = np.ascontiguousarray(images.swapaxes(2, 3))  # the files hold each image mirrored at its diagonal
        ImageDataset.__init__(
            self,
            f"EMNIST {split}",
            upright,
            labels,
            EMNIST_CLASSES[split],
            transform=transform,
            target_transform=target_transform,
        )

    def _remotes(self, files: list[str]) -> list[Remote]:
        return [self.archive]

    def _unpack(self, path: Path, files: list[str]) -> None:
        try:
            with zipfile.ZipFile(path) as archive:
                for file in files:
                    write_atomic(path.parent / f"{file}.gz", archive.read(f"gzip/{file}.gz"))
        except (KeyError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} is not EMNIST's archive: {error}") from error
