"""Chance, compositions, what labels survive, and the promises that every augmentation keeps."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import stats

import minidl
from minidl.data import DataLoader, ImageDataset, RandomWarp, Standardize
from minidl.data.augment import (
    ASPECTS,
    EXAMPLES,
    Augmentation,
    AugMix,
    Chance,
    ColorJitter,
    Compose,
    CutMix,
    Cutout,
    MixUp,
    OneOf,
    RandomAffine,
    RandomApply,
    RandomCrop,
    RandomHorizontalFlip,
    RandomOrder,
    RandomRotation,
    RandomVerticalFlip,
    Resize,
    Sequential,
    augmix,
    examples,
)
from minidl.errors import DtypeError, ShapeError, UsageError


def some_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).random(shape).astype(np.float32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


IMAGES = some_images(6, 3, 64, 64)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_changes_images_repeatably_and_leaves_its_input_alone(name: str) -> None:
    transform, before = EXAMPLES[name], IMAGES.copy()
    first, again, other = transform(IMAGES, rng(1)), transform(IMAGES, rng(1)), transform(IMAGES, rng(2))
    assert np.array_equal(IMAGES, before)
    assert np.array_equal(first, again)
    assert first.dtype == np.float32
    assert first.flags.c_contiguous
    assert first.shape[:2] == (6, 3)
    assert np.isfinite(first).all()
    assert first.min() >= -1e-6
    assert first.max() <= 1 + 1e-6
    certain = {"horizontal flip", "vertical flip", "centre crop", "padding", "grey", "sharpen", "posterize", "solarize"}
    assert np.array_equal(first, other) == (name in certain | {"equalize", "autocontrast"})
    if first.shape == IMAGES.shape:
        assert (np.abs(first - IMAGES).max(axis=(1, 2, 3)) > 0).all()


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "fused warp"])
def test_a_batch_in_two_pieces_comes_out_as_in_one(name: str) -> None:
    transform, source = EXAMPLES[name], rng(1)
    whole = transform(IMAGES, rng(1))
    pieces = np.concatenate([transform(IMAGES[:2], source), transform(IMAGES[2:], source)])
    np.testing.assert_allclose(pieces, whole, atol=1e-6)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_can_be_sent_to_another_process_and_takes_small_grey_images(name: str) -> None:
    transform = examples(16)[name]
    if name != "PCA colour":
        assert transform(some_images(2, 1, 16, 16), rng()).shape[:2] == (2, 1)
    assert transform(some_images(0, 3, 16, 16), rng()).shape[:2] == (0, 3)
    sent = pickle.loads(pickle.dumps(transform))
    images = some_images(2, 3, 16, 16)
    assert np.array_equal(sent(images, rng()), transform(images, rng()))


def test_examples_of_another_size_fit_it() -> None:
    for name, transform in examples(28).items():
        assert min(transform(some_images(1, 3, 28, 28), rng()).shape[2:]) >= 21, name


def test_one_image_by_itself_is_a_batch_of_one() -> None:
    transform = Compose([RandomCrop(30), ColorJitter(0.3)])
    alone = transform(IMAGES[0], rng())
    assert alone.shape == (3, 30, 30)
    assert np.array_equal(alone, transform(IMAGES[:1], rng())[0])


def test_a_loader_augments_repeatably() -> None:
    data = ImageDataset("noise", some_images(10, 1, 8, 8), np.arange(10), tuple("abcdefghij"))
    augment = Compose([RandomCrop(8, padding=2), AugMix(all_ops=False)])

    def epoch(seed: int) -> list[np.ndarray]:
        loader = DataLoader(data, 4, shuffle=True, generator=minidl.Generator(seed), transforms=[augment])
        return [np.asarray(images.data) for images, _ in loader]

    first, again, other = epoch(1), epoch(1), epoch(2)
    assert [images.shape for images in first] == [(4, 1, 8, 8), (4, 1, 8, 8), (2, 1, 8, 8)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_chance_is_minidls_own_where_no_generator_is_given() -> None:
    jitter = ColorJitter(brightness=0.5)
    minidl.manual_seed(3)
    first = jitter(IMAGES)
    minidl.manual_seed(3)
    assert np.array_equal(jitter(IMAGES), first)
    assert np.array_equal(jitter(IMAGES, minidl.Generator(3)), first)
    assert not np.array_equal(jitter(IMAGES), first)


def test_what_befalls_the_neighbours_does_not_matter() -> None:
    transform, source, images = (
        Compose([RandomHorizontalFlip(), Cutout(9), RandomRotation(20)]),
        rng(1),
        some_images(20, 1, 9, 9),
    )
    assert 5 < (RandomHorizontalFlip()(images, rng(1)) == images).all(axis=(1, 2, 3)).sum() < 15
    one_by_one = np.concatenate([transform(image[None], source) for image in images])
    np.testing.assert_allclose(one_by_one, transform(images, rng(1)), atol=1e-6)


def test_a_stream_is_splitmix64() -> None:
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    chance = Chance(np.array([1234567], np.uint64))
    assert [*chance.bits(3)[0].tolist(), *chance.bits(2)[0].tolist()] == published


def test_the_streams_are_uniform_and_unrelated() -> None:
    chance = Chance.of(rng(), 300)
    u = chance.uniform(0, 1, 300)
    assert stats.kstest(u.ravel(), "uniform").pvalue > 0.01
    assert np.abs(np.corrcoef(u) - np.eye(300)).max() < 0.35
    assert np.abs(np.corrcoef(u.T) - np.eye(300)).max() < 0.35
    assert np.abs(np.corrcoef(u.ravel()[:-1], u.ravel()[1:])[0, 1]) < 0.01
    assert len(np.unique(chance.bits(300))) == 300 * 300
    fork, twin = chance.fork(), chance.fork()
    values = [c.uniform(0, 1, 50).ravel() for c in (chance, fork, twin)]
    assert np.abs(np.corrcoef(values) - np.eye(3)).max() < 0.03


def test_the_distributions_are_what_they_are_called() -> None:
    chance = Chance.of(rng(), 20_000)
    assert stats.kstest(chance.normal(), "norm").pvalue > 0.01
    assert stats.kstest(chance.beta(0.4, 0.4), stats.beta(0.4, 0.4).cdf).pvalue > 0.01
    shares = chance.dirichlet(1.0, 3)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert stats.kstest(shares[:, 0], stats.beta(1, 2).cdf).pvalue > 0.01
    whole = chance.integers(2, 7)
    assert stats.chisquare(np.bincount(whole, minlength=7)[2:]).pvalue > 0.01
    orders = chance.order(3)
    assert stats.chisquare(np.unique(orders @ [9, 3, 1], return_counts=True)[1]).pvalue > 0.01
    assert (np.sort(orders, axis=1) == np.arange(3)).all()
    assert chance.happens(0.3).mean() == pytest.approx(0.3, abs=0.012)


def flipped(images: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Which images came out mirrored left to right, and which top to bottom, as numbers 0 to 3."""
    forms = [images, images[..., ::-1], images[..., ::-1, :], images[..., ::-1, ::-1]]
    return np.argmax([np.abs(form - out).max(axis=(1, 2, 3)) == 0 for form in forms], axis=0)


MANY = some_images(3000, 1, 2, 2)
LEFT_RIGHT, UP_DOWN = RandomHorizontalFlip(p=1), RandomVerticalFlip(p=1)


def shares(transform: Augmentation) -> list[float]:
    return (np.bincount(flipped(MANY, transform(MANY, rng())), minlength=4) / 3000).tolist()


def test_compositions_apply_what_they_say_as_often_as_they_say() -> None:
    near = 0.035
    assert shares(Compose([LEFT_RIGHT, UP_DOWN])) == [0, 0, 0, 1]
    assert shares(Compose([])) == [1, 0, 0, 0]
    assert shares(RandomApply([LEFT_RIGHT, UP_DOWN], p=0.3)) == pytest.approx([0.7, 0, 0, 0.3], abs=near)
    assert shares(OneOf([LEFT_RIGHT, UP_DOWN])) == pytest.approx([0, 0.5, 0.5, 0], abs=near)
    assert shares(OneOf([LEFT_RIGHT, UP_DOWN], p=[3, 1])) == pytest.approx([0, 0.75, 0.25, 0], abs=near)
    assert shares(Sequential([LEFT_RIGHT, UP_DOWN], p=0.5)) == pytest.approx([0.25] * 4, abs=near)
    assert shares(Sequential([LEFT_RIGHT, UP_DOWN], p=[0.8, 0])) == pytest.approx([0.2, 0.8, 0, 0], abs=near)
    assert shares(RandomOrder([LEFT_RIGHT, UP_DOWN])) == [0, 0, 0, 1]
    twice = Compose([RandomHorizontalFlip(), RandomVerticalFlip()])  # siblings do not share their chance
    assert shares(twice) == pytest.approx([0.25] * 4, abs=near)


def test_a_random_order_is_each_order_as_often() -> None:
    image = np.full((1, 1, 1, 1), 0.6, np.float32).repeat(3000, 0)
    order = RandomOrder([ColorJitter(brightness=(2, 2)), ColorJitter(brightness=(0.5, 0.5))])
    values, counts = np.unique(order(image, rng()).round(3), return_counts=True)
    assert values.tolist() == pytest.approx([0.5, 0.6])  # doubled first, it is cut off at 1
    assert counts.min() > 1400


def test_transforms_of_another_kind_take_part() -> None:
    images = some_images(4, 1, 8, 8)
    composed = Compose([RandomWarp(1, 10, 1.1), RandomHorizontalFlip(), Standardize((0.5,), (0.2,))])
    assert np.array_equal(composed(images, rng()), composed(images, rng()))
    plain = Compose([Standardize((0.5,), (0.2,))])(images, rng())
    np.testing.assert_allclose(plain, (images - 0.5) / 0.2, rtol=1e-5)
    assert "RandomWarp(shift=1" in repr(composed)
    assert repr(RandomApply([Cutout(3)], p=0.25)) == "RandomApply([Cutout(size=3, p=1.0)], p=0.25)"


def test_shapes_that_would_differ_within_a_batch_are_refused() -> None:
    images = some_images(40, 1, 8, 8)
    for transform in (RandomApply([Resize(4)]), OneOf([Resize(4), Resize(5)])):
        with pytest.raises(ShapeError, match="must apply to the whole batch"):
            transform(images, rng())
    assert OneOf([Resize(4), RandomCrop(4)])(images, rng()).shape == (40, 1, 4, 4)


def test_which_labels_survive() -> None:
    assert not ColorJitter(hue=0.1).keeps_label("colour")
    assert not ColorJitter(saturation=0.1).keeps_label("colour")
    assert ColorJitter(brightness=0.3, contrast=0.3).keeps_label("colour")
    assert not RandomHorizontalFlip().keeps_label("mirror")
    assert RandomHorizontalFlip().keeps_label("colour", "orientation")
    assert RandomAffine(0, translate=(0.1, 0.1)).changes == {"position"}
    assert RandomAffine(10, scale=(0.9, 1.1), shear=3).changes == {"orientation", "size", "shape"}
    assert Compose([RandomRotation(5), Cutout(3)]).changes == {"orientation", "parts"}
    for transform in EXAMPLES.values():
        if isinstance(transform, Augmentation):
            assert transform.changes
            assert transform.changes <= set(ASPECTS)
    with pytest.raises(UsageError, match="no aspect 'taste'"):
        RandomHorizontalFlip().keeps_label("taste")


def test_augmix_chains_are_one_to_three_operations_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmix, "OPERATIONS", {"count": lambda images, strength: images + 1})
    black = np.zeros((900, 1, 1, 1), np.float32)
    lengths = AugMix(all_ops=False)._chain(black, Chance.of(rng(), 900)).ravel()
    values, counts = np.unique(lengths, return_counts=True)
    assert values.tolist() == [1, 2, 3]
    assert counts.min() > 250
    assert (AugMix(all_ops=False, chain_depth=5)._chain(black, Chance.of(rng(), 900)) == 5).all()


def test_what_is_not_a_batch_of_float_images_is_refused() -> None:
    with pytest.raises(DtypeError, match=r"got uint8 \(divide bytes by 255\)"):
        RandomHorizontalFlip()(np.zeros((1, 1, 2, 2), np.uint8))
    with pytest.raises(ShapeError, match=r"must be \(N, C, H, W\)"):
        RandomHorizontalFlip()(np.zeros((2, 2), np.float32))
    for wrong in (lambda: OneOf([]), lambda: OneOf([LEFT_RIGHT], p=[-1]), lambda: Sequential([LEFT_RIGHT], p=[1, 0.5])):
        with pytest.raises(UsageError):
            wrong()
    with pytest.raises(UsageError, match="not a transform"):
        Compose([3])  # type: ignore[list-item]


def test_mixup_blends_images_and_labels_alike() -> None:
    images, labels = some_images(200, 2, 3, 3), np.arange(200) % 5
    mixed, shares_ = MixUp(alpha=0.4, num_classes=5)(images, labels, rng())
    weight = shares_[np.arange(200), labels]
    others = np.roll(images, 1, axis=0)
    expected = weight[:, None, None, None] * images + (1 - weight)[:, None, None, None] * others
    np.testing.assert_allclose(mixed, expected, atol=1e-6)
    np.testing.assert_allclose(shares_.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(shares_[np.arange(200), np.roll(labels, 1)], 1 - weight, atol=1e-6)
    assert stats.kstest(weight, stats.beta(0.4, 0.4).cdf).pvalue > 0.01
    assert mixed.dtype == shares_.dtype == np.float32
    half = MixUp(num_classes=5, p=0.5)(images, labels, rng())[1].max(axis=1) == 1
    assert 70 < half.sum() < 130
    again, _ = MixUp()(mixed, shares_, rng(1))
    assert again.shape == mixed.shape


def test_a_loaders_batch_is_mixed_as_tensors_and_trains() -> None:
    images, labels = some_images(6, 1, 4, 4), np.arange(6) % 3
    mixed, shares_ = CutMix(num_classes=3)(minidl.tensor(images), minidl.tensor(labels), rng())
    assert isinstance(mixed, minidl.Tensor)
    assert isinstance(shares_, minidl.Tensor)
    arrays = CutMix(num_classes=3)(images, labels, rng())
    assert np.array_equal(mixed.data, arrays[0])
    assert np.array_equal(shares_.data, arrays[1])
    loss = minidl.nn.functional.cross_entropy(minidl.zeros(6, 3), shares_)
    assert loss.item() == pytest.approx(np.log(3), rel=1e-6)


def test_cutmix_pastes_one_rectangle_and_counts_its_area() -> None:
    labels = np.arange(300) % 3
    images = labels.astype(np.float32)[:, None, None, None] * np.ones((1, 2, 16, 12), np.float32)
    mixed, shares_ = CutMix(num_classes=3)(images, labels, rng())
    for picture, share, label, other in zip(mixed, shares_, labels, np.roll(labels, 1), strict=True):
        pasted = picture[0] == other
        assert np.array_equal(picture[0], picture[1])
        assert share[other] == pytest.approx(pasted.mean(), abs=1e-6)
        assert share[label] == pytest.approx(1 - pasted.mean(), abs=1e-6)
        assert pasted.sum() == pasted.any(0).sum() * pasted.any(1).sum()
    assert shares_.max(axis=1).std() > 0.1


def test_mixing_refuses_labels_that_do_not_fit() -> None:
    images = some_images(4, 1, 2, 2)
    with pytest.raises(UsageError, match="needs num_classes"):
        MixUp()(images, np.zeros(4, int))
    with pytest.raises(UsageError, match="labels run from 0 to 3"):
        CutMix(num_classes=3)(images, np.arange(4))
    with pytest.raises(ShapeError, match=r"\(4,\) classes"):
        MixUp(num_classes=3)(images, np.zeros(3, int))
    with pytest.raises(UsageError, match="alpha"):
        MixUp(alpha=0)


def test_augmix_stays_a_mixture_of_the_original() -> None:
    images = some_images(60, 3, 24, 24)
    weak, strong = (AugMix(severity=s)(images, rng()) for s in (1, 10))
    for out in (weak, strong):
        assert out.dtype == np.float32
        assert out.min() >= 0
        assert out.max() <= 1 + 1e-6
        assert (np.abs(out - images).max(axis=(1, 2, 3)) > 0).mean() > 0.9
    assert np.abs(weak - images).mean() < np.abs(strong - images).mean()
    dot = np.zeros((300, 1, 15, 15), np.float32)
    dot[..., 7, 7] = 1
    moved = AugMix(severity=10, all_ops=False)(dot, rng())[:, 0]
    for axis in (1, 2):  # either way along both axes
        centre = (moved.sum(axis=3 - axis) * np.arange(15)).sum(axis=1) / np.maximum(moved.sum(axis=(1, 2)), 1e-6)
        assert (centre > 7.5).sum() > 10
        assert ((centre < 6.5) & (moved.max(axis=(1, 2)) > 0)).sum() > 10
    grey = np.full((30, 3, 8, 8), 0.25, np.float32)
    for depth in (1, 4):
        narrow = AugMix(severity=1, mixture_width=1, chain_depth=depth, all_ops=False)(grey, rng())
        np.testing.assert_allclose(narrow, grey, atol=1e-6)  # at the weakest level nothing happens to a plain image
    for wrong in ({"severity": 0}, {"mixture_width": 0}, {"chain_depth": 0}, {"alpha": 0}):
        with pytest.raises(UsageError):
            AugMix(**wrong)
