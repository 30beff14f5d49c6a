"""Boxes, masks and what can be seen of them: all move with the images."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.data import RandomWarp
from minidl.data.augment import (
    AugMix,
    CenterCrop,
    ColorJitter,
    Compose,
    Cutout,
    ElasticTransform,
    GaussianBlur,
    GridDistortion,
    LensDistortion,
    OneOf,
    OpticalDistortion,
    Pad,
    RandomAffine,
    RandomCrop,
    RandomErasing,
    RandomGridShuffle,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomRotation,
    RandomScale,
    RandomScaleCrop,
    RandomStretch,
    RandomTranslate,
    RandomVerticalFlip,
    Resize,
    Scene,
)
from minidl.errors import ShapeError, UsageError

GEOMETRIC = [
    RandomHorizontalFlip(),
    RandomVerticalFlip(),
    RandomCrop(30, padding=3),
    CenterCrop(32),
    Pad((1, 2, 3, 4)),
    Resize((60, 50)),
    RandomResizedCrop(40, scale=(0.5, 1)),
    RandomScaleCrop(32, (34, 60)),
    RandomTranslate((0.2, 0.2)),
    RandomScale((0.7, 1.4)),
    RandomStretch((0.7, 1.4)),
]
"""Transforms that take upright rectangles to upright rectangles, so that a box stays tight."""

BENDING = [
    RandomRotation(25),
    RandomAffine(20, (0.1, 0.1), (0.8, 1.2), 10),
    LensDistortion(0.2),
    OpticalDistortion(0.1),
    GridDistortion(4, 0.4),
    ElasticTransform(30, 4),
]


def rectangles(n: int = 20, side: int = 40) -> Scene:
    """One bright rectangle an image, its box, its mask, and a place without an object."""
    rng = np.random.default_rng(1)
    images, masks = np.zeros((n, 1, side, side), np.float32), np.zeros((n, side, side), np.int64)
    boxes = np.zeros((n, 2, 4), np.float32)
    for k in range(n):
        left, top = rng.integers(4, side // 2, 2)
        width, height = rng.integers(8, side // 2 - 2, 2)
        boxes[k, 0] = left, top, left + width, top + height
        images[k, 0, top : top + height, left : left + width] = 1
        masks[k, top : top + height, left : left + width] = 7
    return Scene(images, boxes, masks)


def extent(mask: np.ndarray) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


@pytest.mark.parametrize("transform", GEOMETRIC + BENDING, ids=lambda t: type(t).__name__)
def test_boxes_and_masks_stay_on_their_objects(transform: RandomCrop) -> None:
    scene = transform(rectangles(), np.random.default_rng(3))
    assert scene.boxes is not None
    assert scene.visibility is not None
    assert scene.masks is not None
    assert scene.boxes.dtype == scene.visibility.dtype == scene.images.dtype == np.float32
    assert set(np.unique(scene.masks)) <= {0, 7}
    height, width = scene.images.shape[2:]
    assert scene.masks.shape == (20, height, width)
    slack = 1.01 if transform in GEOMETRIC else 4  # a turned rectangle's upright box is larger than what is in it
    checked = 0
    for image, mask, box, seen in zip(
        scene.images[:, 0], scene.masks, scene.boxes[:, 0], scene.visibility[:, 0], strict=True
    ):
        assert (np.abs((mask == 7) - image) > 0.51).mean() < 0.01  # bilinear corners differ from the nearest pixel's
        if not (mask == 7).any():
            assert seen < 0.1
            continue
        checked += 1
        inner = np.array(extent(mask == 7))
        assert (box[:2] <= inner[:2] + 1.01).all()
        assert (box[2:] >= inner[2:] - 1.01).all()
        assert np.abs(box - inner).max() <= slack
        assert box.min() >= 0
        assert box[2] <= width
        assert box[3] <= height
    assert checked >= 15
    assert not scene.boxes[:, 1].any() or type(transform).__name__ == "Pad"
    assert not scene.visibility[:, 1].any()


def test_a_scene_is_augmented_as_its_images_alone_would_be() -> None:
    scene = rectangles()
    for transform in GEOMETRIC + BENDING:
        alone = transform(scene.images, np.random.default_rng(4))
        assert np.array_equal(transform(scene, np.random.default_rng(4)).images, alone)


def test_boxes_flip_and_pad_exactly() -> None:
    boxes = np.array([[[1, 2, 4, 8]]], np.float32)
    scene = Scene(np.zeros((1, 1, 10, 12), np.float32), boxes)
    assert RandomHorizontalFlip(p=1)(scene).boxes.tolist() == [[[8, 2, 11, 8]]]
    assert RandomVerticalFlip(p=1)(scene).boxes.tolist() == [[[1, 2, 4, 8]]]
    assert Pad((1, 2, 3, 4))(scene).boxes.tolist() == [[[2, 4, 5, 10]]]
    assert Resize((20, 36))(scene).boxes.tolist() == [[[3, 4, 12, 16]]]
    assert boxes.tolist() == [[[1, 2, 4, 8]]]  # the input is never written to


def test_boxes_turn_about_the_middle_of_the_picture() -> None:
    scene = Scene(np.zeros((1, 1, 10, 10), np.float32), np.array([[[1, 2, 4, 8]]], np.float32))
    np.testing.assert_allclose(RandomRotation((90, 90))(scene).boxes, [[[2, 6, 8, 9]]], atol=1e-5)
    np.testing.assert_allclose(RandomScale((0.5, 0.5))(scene).boxes, [[[3, 3.5, 4.5, 6.5]]], atol=1e-5)


def test_what_leaves_the_picture_is_seen_less_and_then_not_at_all() -> None:
    boxes = np.array([[[0, 0, 4, 4], [4, 4, 8, 8], [2, 0, 6, 8]]], np.float32)
    scene = Scene(np.zeros((1, 1, 8, 8), np.float32), boxes)
    cut = CenterCrop((8, 4))(scene)
    assert cut.boxes.tolist() == [[[0, 0, 2, 4], [2, 4, 4, 8], [0, 0, 4, 8]]]
    assert cut.visibility.tolist() == [[0.5, 0.5, 1]]
    again = CenterCrop((4, 2))(cut)
    np.testing.assert_allclose(again.visibility, [[0.5 * 0.25, 0.5 * 0.25, 0.25]])
    many = Scene(
        np.ones((200, 1, 8, 8), np.float32), np.tile(np.array([[0, 0, 8, 8], [0, 0, 3, 8]], np.float32), (200, 1, 1))
    )
    gone = RandomTranslate((1, 0))(many, np.random.default_rng(0))
    np.testing.assert_allclose(gone.visibility[:, 0], gone.images.mean(axis=(1, 2, 3)), atol=1e-5)
    outside = gone.visibility[:, 1] == 0
    assert outside.sum() > 30
    assert not gone.boxes[outside, 1].any()


def test_covering_lowers_what_is_seen_by_the_share_that_is_covered() -> None:
    scene = rectangles()
    for transform in (RandomErasing(p=1), Cutout(15)):
        covered = transform(scene, np.random.default_rng(2))
        assert np.array_equal(covered.boxes, scene.boxes)
        assert np.array_equal(covered.masks, scene.masks)
        inside = scene.masks == 7
        shares = [(image[0][here] == 1).mean() for image, here in zip(covered.images, inside, strict=True)]
        np.testing.assert_allclose(covered.visibility[:, 0], shares, atol=1e-5)
        assert 0.1 < np.mean(shares) < 0.99


def test_changes_of_colour_leave_marks_alone() -> None:
    scene = rectangles()
    for transform in (ColorJitter(0.5), GaussianBlur(5)):
        out = transform(scene)
        assert np.array_equal(out.boxes, scene.boxes)
        assert np.array_equal(out.masks, scene.masks)


def test_compositions_carry_marks() -> None:
    transform = Compose([RandomHorizontalFlip(), OneOf([RandomRotation(10), RandomScale((0.9, 1.1))]), RandomCrop(36)])
    scene = transform(rectangles(), np.random.default_rng(3))
    for mask, box, seen in zip(scene.masks, scene.boxes[:, 0], scene.visibility[:, 0], strict=True):
        assert np.abs(box - extent(mask == 7)).max() < 4
        assert 0.3 < seen <= 1


def test_what_cannot_carry_boxes_says_so() -> None:
    scene = rectangles()
    for transform in (RandomGridShuffle(), AugMix()):
        with pytest.raises(UsageError, match="cannot carry bounding boxes"):
            transform(scene)
        assert transform(Scene(scene.images, masks=scene.masks)).masks is not None
    with pytest.raises(UsageError, match="RandomWarp knows of images only"):
        Compose([RandomWarp(1, 5, 1.1)])(scene)


def test_a_shuffled_grid_shuffles_the_mask_alike() -> None:
    scene = rectangles()
    shuffled = RandomGridShuffle((4, 4))(Scene(scene.images, masks=scene.masks), np.random.default_rng(0))
    assert np.array_equal(shuffled.masks == 7, shuffled.images[:, 0] == 1)


def test_parts_that_do_not_fit_are_refused() -> None:
    images = np.zeros((2, 1, 4, 5), np.float32)
    for wrong in ({"boxes": np.zeros((2, 4))}, {"boxes": np.zeros((3, 1, 4))}, {"masks": np.zeros((2, 5, 4))}):
        with pytest.raises(ShapeError, match="must be"):
            Scene(images, **wrong)
    with pytest.raises(ShapeError, match=r"images must be \(N, C, H, W\)"):
        Scene(images[0])
