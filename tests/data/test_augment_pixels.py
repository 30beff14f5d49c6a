"""Colour, sharpness, tones, covering: against Pillow, colorsys, SciPy and closed forms."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from scipy.ndimage import gaussian_filter

from minidl.data.augment import (
    ColorJitter,
    Cutout,
    GaussianBlur,
    GaussianNoise,
    Grayscale,
    PCAColor,
    RandomAdjustSharpness,
    RandomErasing,
    RandomGrayscale,
    RandomPosterize,
    RandomSolarize,
)
from minidl.data.augment.colour import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    hsv_to_rgb,
    rgb_to_hsv,
)
from minidl.data.augment.filter import adjust_sharpness
from minidl.data.augment.tone import autocontrast, equalize, posterize, solarize
from minidl.errors import ShapeError, UsageError


def some_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).random(shape).astype(np.float32)


def some_bytes(n: int = 4, channels: int = 3, side: int = 12) -> np.ndarray:
    return np.random.default_rng(6).integers(30, 220, (n, channels, side, side)).astype(np.uint8)


def as_images(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / np.float32(255)


def pillow(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(np.moveaxis(pixels, 0, -1)))


def from_pillow(picture: Image.Image) -> np.ndarray:
    return np.moveaxis(np.asarray(picture, np.float32), -1, 0) / 255


@pytest.mark.parametrize(
    ("adjust", "enhance"),
    [
        (adjust_brightness, ImageEnhance.Brightness),
        (adjust_contrast, ImageEnhance.Contrast),
        (adjust_saturation, ImageEnhance.Color),
        (adjust_sharpness, ImageEnhance.Sharpness),
    ],
)
def test_adjustments_are_pillows(adjust: object, enhance: type) -> None:
    pixels, factors = some_bytes(), np.array([0.0, 0.5, 1.0, 1.7])
    found = adjust(as_images(pixels), factors)  # type: ignore[operator]
    assert found.dtype == np.float32
    for image, picture, factor in zip(found, pixels, factors, strict=True):
        expected = from_pillow(enhance(pillow(picture)).enhance(factor))
        np.testing.assert_allclose(image, expected, atol=2.5 / 255)  # Pillow rounds to bytes between steps
    np.testing.assert_allclose(found[2], as_images(pixels)[2], atol=1e-6)


def test_hue_and_saturation_are_colorsys() -> None:
    images = some_images(3, 3, 6, 5)
    images[0, :, 0, 0] = 0.4  # grey
    images[0, :, 0, 1] = 0  # black
    images[0, :, 0, 2] = [0.2, 0.7, 0.7]  # two equal maxima
    hsv = rgb_to_hsv(images)
    np.testing.assert_allclose(hsv_to_rgb(hsv), images, atol=1e-6)
    turned = adjust_hue(images, np.array([0.0, 0.25, -0.4]))
    for n, shift in enumerate((0.0, 0.25, -0.4)):
        for y in range(6):
            for x in range(5):
                h, s, v = colorsys.rgb_to_hsv(*images[n, :, y, x].tolist())
                assert hsv[n, :, y, x] == pytest.approx([h, s, v], abs=1e-5)
                assert turned[n, :, y, x] == pytest.approx(colorsys.hsv_to_rgb((h + shift) % 1, s, v), abs=1e-5)


def test_grey_images_have_no_colour_to_change() -> None:
    grey = some_images(2, 1, 4, 4)
    assert np.array_equal(adjust_saturation(grey, np.zeros(2)), grey)
    assert np.array_equal(adjust_hue(grey, np.ones(2) / 3), grey)
    assert np.array_equal(Grayscale()(grey), grey)
    with pytest.raises(ShapeError, match="3 channels"):
        adjust_hue(some_images(1, 4, 2, 2), np.zeros(1))


def test_jitter_draws_factors_from_its_ranges_for_each_image() -> None:
    images = np.full((500, 3, 2, 2), 0.25, np.float32)
    light = ColorJitter(brightness=0.5)(images, np.random.default_rng(0))[:, 0, 0, 0] / 0.25
    assert 0.5 <= light.min() < 0.55
    assert 1.45 < light.max() <= 1.5
    assert ColorJitter(brightness=3)(images, np.random.default_rng(0)).min() < 0.02  # factors stop at 0
    red = np.zeros((500, 3, 1, 1), np.float32)
    red[:, 0] = 1
    hues = rgb_to_hsv(ColorJitter(hue=0.1)(red, np.random.default_rng(0)))[:, 0, 0, 0]
    assert ((hues < 0.1001) | (hues > 0.8999)).all()
    assert hues[hues < 0.5].max() > 0.09
    assert hues[hues > 0.5].min() < 0.91


def test_jitter_applies_its_parts_in_every_order() -> None:
    """Brightness 2 then contrast 0.5, and the other way round, give different images; both come up."""
    image = np.array([0.1, 0.8], np.float32).reshape(1, 1, 1, 2)
    both = ColorJitter(brightness=(2, 2), contrast=(0.5, 0.5))(image.repeat(200, 0), np.random.default_rng(0))
    first = adjust_contrast(adjust_brightness(image, np.array([2.0])), np.array([0.5]))
    second = adjust_brightness(adjust_contrast(image, np.array([0.5])), np.array([2.0]))
    is_first, is_second = (np.abs(both - one).max(axis=(1, 2, 3)) < 1e-6 for one in (first, second))
    assert (is_first ^ is_second).all()
    assert 70 < is_first.sum() < 130


def test_nothing_to_jitter_is_the_identity() -> None:
    images = some_images(3, 3, 4, 4)
    assert np.array_equal(ColorJitter()(images), images)
    for wrong in ({"hue": 0.6}, {"brightness": -1}, {"contrast": (2, 1)}):
        with pytest.raises(UsageError):
            ColorJitter(**wrong)


def test_greyscale_weighs_channels_as_pillow_does() -> None:
    pixels = some_bytes()
    found = RandomGrayscale(p=1)(as_images(pixels))
    for image, picture in zip(found, pixels, strict=True):
        np.testing.assert_allclose(
            image, np.asarray(pillow(picture).convert("L"))[None].repeat(3, 0) / 255, atol=1 / 255
        )
    assert Grayscale()(as_images(pixels)).shape == (4, 1, 12, 12)


def test_pca_colour_adds_one_colour_an_image_along_the_principal_directions() -> None:
    images = some_images(50, 3, 6, 6)
    images[:, 1] = 0.5 * images[:, 0] + 0.1 * images[:, 1]
    rows = np.moveaxis(images, 1, 3).reshape(-1, 3).astype(float)
    spread, directions = np.linalg.eigh(np.cov(rows.T, bias=True))
    transform = PCAColor.fit(images, std=0.5)
    np.testing.assert_allclose(transform.variances, spread[::-1], rtol=1e-5)
    middle = np.full((4000, 3, 2, 2), 0.5, np.float32)
    offsets = transform(middle, np.random.default_rng(0)) - 0.5
    assert np.ptp(offsets, axis=(2, 3)).max() < 1e-6
    alphas = offsets[:, :, 0, 0] @ directions[:, ::-1] / spread[::-1]
    np.testing.assert_allclose(alphas.std(axis=0), 0.5, rtol=0.05)
    np.testing.assert_allclose(alphas.mean(axis=0), 0, atol=0.03)
    with pytest.raises(ShapeError, match="fitted to 3 channels"):
        transform(some_images(1, 1, 4, 4))


def test_blur_is_scipys_gaussian() -> None:
    images = some_images(2, 3, 20, 16)
    found = GaussianBlur(13, sigma=1.5)(images)
    for n in range(2):
        expected = gaussian_filter(images[n], (0, 1.5, 1.5), mode="mirror", truncate=4)
        np.testing.assert_allclose(found[n], expected, atol=1e-6)
    blurred = GaussianBlur((1, 5), sigma=(0.5, 3))(images, np.random.default_rng(0))
    np.testing.assert_allclose(blurred.mean(axis=3), images.mean(axis=3), atol=0.05)  # along rows only
    assert blurred.std() < images.std()
    with pytest.raises(UsageError, match="odd"):
        GaussianBlur(4)


@pytest.mark.torch
def test_blur_is_torchs_convolution_with_mirrored_padding() -> None:
    torch = pytest.importorskip("torch")
    images = some_images(2, 3, 9, 8)
    weights = np.exp(-0.5 * (np.arange(-2, 3) / 1.2) ** 2)
    kernel = torch.tensor(np.outer(weights, weights) / weights.sum() ** 2, dtype=torch.float32)
    padded = torch.nn.functional.pad(torch.tensor(images), (2, 2, 2, 2), mode="reflect")
    expected = torch.nn.functional.conv2d(padded, kernel.expand(3, 1, 5, 5), groups=3)
    np.testing.assert_allclose(GaussianBlur(5, sigma=1.2)(images), expected.numpy(), atol=1e-6)


def test_sharpening_leaves_the_border_and_tiny_images_alone() -> None:
    images = some_images(2, 1, 6, 6)
    sharp = RandomAdjustSharpness(2, p=1)(images)
    assert np.array_equal(sharp[..., 0, :], images[..., 0, :])
    assert sharp.std() > images.std() * 0.9
    assert np.abs(sharp - images)[..., 1:-1, 1:-1].max() > 0.05
    assert np.array_equal(RandomAdjustSharpness(0, p=1)(images[..., :2]), images[..., :2])


def test_noise_is_normal_independent_and_of_the_strength_asked_for() -> None:
    grey = np.full((40, 3, 32, 32), 0.5, np.float32)
    noise = GaussianNoise(sigma=0.1, clip=False)(grey, np.random.default_rng(0)) - 0.5
    assert noise.std() == pytest.approx(0.1, rel=0.01)
    assert noise.mean() == pytest.approx(0, abs=1e-3)
    standard = noise.ravel() / 0.1
    for z, share in ((1, 0.6827), (2, 0.9545), (3, 0.9973)):
        assert (np.abs(standard) < z).mean() == pytest.approx(share, abs=0.004)
    across = np.corrcoef(noise[:, :, :, :-1].ravel(), noise[:, :, :, 1:].ravel())[0, 1]
    between = np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]
    assert max(abs(across), abs(between)) < 0.01
    each = GaussianNoise(sigma=(0.05, 0.2))(grey, np.random.default_rng(0)).std(axis=(1, 2, 3))
    assert 0.045 < each.min() < 0.08
    assert 0.17 < each.max() < 0.21
    clipped = GaussianNoise(sigma=1.0)(grey, np.random.default_rng(0))
    assert (clipped.min(), clipped.max()) == (0, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_tones_are_pillows(channels: int) -> None:
    pixels = some_bytes(channels=3, side=48)
    images = as_images(pixels)
    if channels == 1:
        images = images[:, :1]

    def expected(change: object) -> np.ndarray:
        return np.stack([from_pillow(change(pillow(picture)))[:channels] for picture in pixels])  # type: ignore[operator]

    np.testing.assert_allclose(equalize(images), expected(ImageOps.equalize), atol=1e-6)
    np.testing.assert_allclose(autocontrast(images), expected(ImageOps.autocontrast), atol=1.01 / 255)
    dark = solarize(images, np.full(4, 128 / 255))
    np.testing.assert_allclose(dark, expected(lambda p: ImageOps.solarize(p, 128)), atol=1e-6)
    coarse = posterize(pixels[:, :channels].astype(np.float32) / 256, np.full(4, 3))
    np.testing.assert_allclose(coarse * 256, 255 * expected(lambda p: ImageOps.posterize(p, 3)), atol=1e-3)


def test_tones_of_plain_and_nearly_plain_images_stay() -> None:
    plain = np.full((1, 1, 8, 8), 0.3, np.float32)
    assert np.array_equal(equalize(plain), plain)
    assert np.array_equal(autocontrast(plain), plain)
    few = some_images(1, 1, 8, 8)  # 64 pixels: fewer than 255 steps
    assert np.array_equal(equalize(few), few)
    assert len(np.unique(RandomPosterize(1, p=1)(few))) == 2
    assert np.array_equal(RandomSolarize(2.0, p=1)(few), few)


def test_erased_rectangles_have_the_areas_and_proportions_asked_for() -> None:
    images = np.ones((400, 2, 40, 60), np.float32)
    erased = RandomErasing(p=1, scale=(0.05, 0.2), ratio=(0.5, 3))(images, np.random.default_rng(0)) == 0
    assert np.array_equal(erased[:, 0], erased[:, 1])
    high, wide = erased[:, 0].any(2).sum(1), erased[:, 0].any(1).sum(1)
    assert np.array_equal(erased[:, 0].sum((1, 2)), high * wide)  # whole rectangles, within the image
    areas, ratios = high * wide / 2400, high / wide
    assert 0.045 < areas.min() < 0.06
    assert 0.18 < areas.max() < 0.21
    assert 0.45 < ratios.min() < 0.6
    assert 2.5 < ratios.max() < 3.4  # height / width
    assert 180 < (RandomErasing()(images, np.random.default_rng(0)) == 0).any((1, 2, 3)).sum() < 220
    everywhere = erased[:, 0].any(0)
    assert everywhere[0].any()
    assert everywhere[-1].any()
    assert everywhere[:, 0].any()
    assert everywhere[:, -1].any()
    noise = RandomErasing(p=1, value="random")(images, np.random.default_rng(0))
    assert 0 <= noise.min() < 0.3
    assert len(np.unique(noise)) > 1000


def test_where_no_rectangle_fits_nothing_is_erased() -> None:
    images = np.ones((5, 1, 4, 100), np.float32)
    assert np.array_equal(RandomErasing(p=1, scale=(0.9, 0.9), ratio=(1, 1))(images), images)


def test_cutouts_are_squares_about_any_centre_cut_off_at_the_border() -> None:
    holes = Cutout(8)(np.ones((2000, 1, 20, 20), np.float32), np.random.default_rng(0))[:, 0] == 0
    high, wide = holes.any(2).sum(1), holes.any(1).sum(1)
    assert set(high) == set(wide) == {4, 5, 6, 7, 8}
    assert np.array_equal(holes.sum((1, 2)), high * wide)
    assert (high * wide == 64).mean() == pytest.approx((13 / 20) ** 2, abs=0.04)
