"""Row: an epoch of small photographs from a loader, as they are and with random crops and mirror images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from .harness import Bench, Remark, Result, Work

IMAGES, BATCH, PADDING = 2048, 64, 4


def loading(bench: Bench) -> Iterator[Result | Remark]:
    """2,048 images 3 × 32² in batches of 64, shuffled: standardised; and cropped at random and mirrored before."""
    import minidl
    from minidl.data import DataLoader, Standardize
    from minidl.data.augment import RandomCrop, RandomHorizontalFlip
    from minidl.data.images import ImageDataset

    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (IMAGES, 3, 32, 32), np.uint8), rng.integers(0, 10, IMAGES)
    data = ImageDataset("random", images, labels, tuple("0123456789"))
    standardize = Standardize.fit(data.images)
    crops = [RandomCrop(32, padding=PADDING), RandomHorizontalFlip(), standardize]
    for what, changes in (("as they are", [standardize]), ("cropped and mirrored", crops)):
        loader = DataLoader(data, BATCH, shuffle=True, transforms=changes, generator=minidl.Generator(0))
        augmented = len(changes) > 1
        theirs: dict[str, Work] = {}
        if bench.peers.has("torch"):
            theirs["torch"] = _torch(bench.peers.torch, images, labels, augmented)
        if bench.peers.has("numpy"):
            theirs["numpy"] = _by_hand(images, labels, augmented)

        def ours(loader: Any = loader) -> Any:
            return total(x.data for x, _ in loader)

        yield from bench.contest("loading", what, {"minidl": ours}, theirs, rtol=0.02, atol=0.02)


def total(batches: Any) -> list[float]:
    """The mean and the mean square of all pixels: what a shuffled epoch has in common with every other."""
    sums = [(float(x.mean()) * len(x), float(np.square(x).mean()) * len(x)) for x in batches]
    return [sum(part) / IMAGES for part in zip(*sums, strict=True)]


def _scale(images: Any) -> tuple[Any, Any]:
    values = images / 255.0
    return values.mean((0, 2, 3)).astype("f")[:, None, None], values.std((0, 2, 3)).astype("f")[:, None, None]


def _changed(image: Any, mean: Any, deviation: Any, rng: Any, augmented: bool) -> Any:
    """One image as its loop by hand makes it."""
    if augmented:
        padded = np.pad(image, ((0, 0), (PADDING, PADDING), (PADDING, PADDING)))
        top, left = rng.integers(0, 2 * PADDING + 1, 2)
        image = padded[:, top : top + 32, left : left + 32]
        image = image[:, :, ::-1] if rng.random() < 0.5 else image
    return (image.astype("f") / 255 - mean) / deviation


def _by_hand(images: Any, labels: Any, augmented: bool) -> Work:
    """A loop over the images with NumPy."""
    (mean, deviation), rng = _scale(images), np.random.default_rng(0)

    def batches() -> Iterator[Any]:
        order = rng.permutation(IMAGES)
        for start in range(0, IMAGES, BATCH):
            chosen = order[start : start + BATCH]
            yield np.stack([_changed(images[k], mean, deviation, rng, augmented) for k in chosen])

    return lambda: total(batches())


def _torch(torch: Any, images: Any, labels: Any, augmented: bool) -> Work:
    """PyTorch's loader without workers over a data set that changes one image at a time."""
    (mean, deviation), rng = _scale(images), np.random.default_rng(0)

    class Photographs(torch.utils.data.Dataset):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return IMAGES

        def __getitem__(self, k: int) -> tuple[Any, int]:
            changed = _changed(images[k], mean, deviation, rng, augmented)
            return torch.from_numpy(np.ascontiguousarray(changed)), int(labels[k])

    loader = torch.utils.data.DataLoader(Photographs(), batch_size=BATCH, shuffle=True)
    return lambda: total(x.numpy() for x, _ in loader)


ROWS: Final = {"loading": loading}
