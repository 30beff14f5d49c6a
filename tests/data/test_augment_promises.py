"""What holds for every augmentation: nothing without strength, any batch, torchvision's arguments, errors by name."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import from_numpy
from minidl.data import augment
from minidl.data.augment import EXAMPLES, Chance, MixUp
from minidl.errors import ShapeError, UsageError


def one_image(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).random(shape).astype(np.float32)


@pytest.mark.parametrize(
    "transform",
    [
        augment.RandomAffine(0),
        augment.RandomRotation(0),
        augment.RandomTranslate((0, 0)),
        augment.RandomScale((1, 1)),
        augment.RandomStretch((1, 1)),
        augment.RandomShear(0),
        augment.ElasticTransform(alpha=0),
        augment.GridDistortion(distort_limit=0),
        augment.LensDistortion(0),
        augment.OpticalDistortion(0, 0),
        augment.RandomGridShuffle((1, 1)),
        augment.ColorJitter((1, 1 + 1e-9), (1, 1 + 1e-9), (1, 1 + 1e-9), (0, 1e-9)),
        augment.GaussianNoise(sigma=0),
        augment.GaussianBlur(1),
        augment.RandomAdjustSharpness(1, p=1),
        augment.RandomSolarize(1.1, p=1),
        augment.PCAColor(((1, 0, 0), (0, 1, 0), (0, 0, 1)), (1, 1, 1), std=0),
        augment.RandomResizedCrop((12, 9), scale=(1, 1), ratio=(0.75, 0.75)),
        augment.RandomCrop((12, 9)),
        augment.Resize((12, 9)),
        augment.AugMix(p=0),
        augment.Cutout(3, p=0),
        augment.RandomErasing(p=0),
        augment.RandomHorizontalFlip(p=0),
    ],
    ids=repr,
)
def test_without_strength_nothing_changes(transform: augment.Augmentation) -> None:
    images = one_image(4, 3, 12, 9)
    np.testing.assert_allclose(transform(images, np.random.default_rng(0)), images, atol=1e-6)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("shape", [(0, 3, 16, 16), (3, 1, 24, 17), (2, 3, 16, 40)])
def test_any_batch_comes_out_in_range_and_nothing_of_it_is_shared(name: str, shape: tuple[int, ...]) -> None:
    transform = augment.examples(16)[name]
    if name == "PCA colour" and shape[1] != 3:
        pytest.skip("it was fitted to three channels")
    images = one_image(*shape)
    images.setflags(write=False)
    changed = transform(images, np.random.default_rng(1))
    assert changed.dtype == np.float32
    assert len(changed) == len(images)
    assert changed.flags.c_contiguous
    assert changed.size == 0 or -1e-6 <= changed.min() <= changed.max() <= 1 + 1e-6
    strided = transform(np.asfortranarray(images), np.random.default_rng(1))
    np.testing.assert_allclose(strided, changed, atol=1e-6)


def test_arguments_may_be_written_as_torchvision_allows() -> None:
    images = one_image(2, 3, 12, 10)
    assert augment.RandomAffine(10, translate=None, scale=None, shear=None) == augment.RandomAffine(10)
    assert augment.RandomAffine(0, shear=[-5, 5, -3, 3])(images).shape == images.shape
    assert augment.RandomCrop([8])(images).shape == augment.RandomCrop(np.int64(8))(images).shape == (2, 3, 8, 8)
    assert augment.Resize([6, 5])(images).shape == augment.Resize([5])(images).shape == (2, 3, 6, 5)
    painted = augment.RandomErasing(1, scale=(0.9, 0.9), ratio=(1, 1), value=(0.0, 0.5, 1.0))(one_image(1, 3, 20, 20))
    assert np.median(painted[0], axis=(1, 2)).tolist() == [0.0, 0.5, 1.0]


def test_arguments_that_do_not_fit_are_refused_by_name() -> None:
    images = one_image(2, 3, 12, 9)
    for wrong in (8.5, "8", (8, 8, 8), (0, 3)):
        with pytest.raises(UsageError, match="size must be one positive whole number"):
            augment.RandomCrop(wrong)
    with pytest.raises(UsageError, match="1 or 3"):
        augment.Grayscale(2)
    with pytest.raises(UsageError, match=r"Tensor \(a tensor's array is its \.numpy\(\)\)"):
        augment.RandomHorizontalFlip()(from_numpy(images))
    with pytest.raises(ShapeError, match="3 numbers, but the images have 1 channels"):
        augment.RandomErasing(1, value=(0, 0, 0))(images[:, :1])
    for transform in (augment.ColorJitter(contrast=0.5), augment.RandomGrayscale(1)):
        with pytest.raises(ShapeError, match="3 channels"):
            transform(one_image(1, 4, 8, 8))
    with pytest.raises(UsageError, match="class numbers, integers; got float64"):
        MixUp(num_classes=2)(images, np.array([0.0, 1.0]))
    with pytest.raises(UsageError, match="for 3 images, but 2 images"):
        augment.RandomHorizontalFlip()(images, Chance.of(None, 3))
