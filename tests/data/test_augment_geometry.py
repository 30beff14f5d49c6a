from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import affine_transform, map_coordinates

from minidl.data.augment import (
    CenterCrop,
    ElasticTransform,
    GridDistortion,
    LensDistortion,
    OpticalDistortion,
    Pad,
    RandomAffine,
    RandomCrop,
    RandomGridShuffle,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomRotation,
    RandomScale,
    RandomScaleCrop,
    RandomShear,
    RandomStretch,
    RandomTranslate,
    RandomVerticalFlip,
    Resize,
    Scene,
    resize,
)
from minidl.data.augment.affine import matrices, move
from minidl.data.augment.chance import Chance
from minidl.data.augment.reading import read
from minidl.errors import ShapeError, UsageError


def some_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).random(shape).astype(np.float32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def smooth_images(n: int, side: int) -> np.ndarray:
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(3 * x + k) * np.cos(2 * y - k) for k in range(n)]
    return np.stack(waves)[:, None].astype(np.float32)


def test_flips_are_numpys() -> None:
    images = some_images(5, 3, 4, 6)
    assert np.array_equal(RandomHorizontalFlip(p=1)(images), images[..., ::-1])
    assert np.array_equal(RandomVerticalFlip(p=1)(images), images[..., ::-1, :])
    assert np.array_equal(RandomHorizontalFlip(p=0)(images), images)
    many = np.broadcast_to(images[:1], (2000, 3, 4, 6))
    flipped = (RandomHorizontalFlip()(many, rng()) == images[0, :, :, ::-1]).all(axis=(1, 2, 3))
    assert 0.46 < flipped.mean() < 0.54


def test_a_matrix_moves_images_as_scipy_does() -> None:
    images = some_images(4, 2, 7, 9)
    forward = matrices(
        np.array([20.0, -70, 0, 5]),
        np.array([1.0, 1.3, 0.7, 1]),
        np.array([0.0, 10, 0, -20]),
        np.array([0.0, 0, 5, 0]),
        np.array([0.0, 1.5, -2, 0]),
        np.array([0.5, 0, 1, 0]),
    )
    moved = move(Scene(images), forward, 0.25).images
    centre = np.array([3.0, 4.0])
    swap = np.array([[0, 1], [1, 0]])
    for n in range(4):
        back = swap @ np.linalg.inv(forward[n, :, :2]) @ swap  # (row, column) order
        offset = centre - back @ (centre + forward[n, ::-1, 2])
        for c in range(2):
            expected = affine_transform(images[n, c], back, offset, order=1, mode="grid-constant", cval=0.25)
            np.testing.assert_allclose(moved[n, c], expected, atol=2e-5)


@pytest.mark.torch
def test_matrices_are_those_that_torch_samples_with() -> None:
    torch = pytest.importorskip("torch")
    images = some_images(3, 2, 8, 8)
    forward = matrices(*np.array([[30.0, -100, 5], [1, 1.4, 0.8], [0, 15, 0], [0, 0, -8], [1, 0, 2], [0, -1.5, 0]]))
    whole = np.concatenate([forward, np.tile([[[0, 0, 1]]], (3, 1, 1))], axis=1)
    back = np.linalg.inv(whole)[:, :2]
    back[:, :, 2] /= 4  # half of 8: torch's positions go from −1 to 1
    grid = torch.nn.functional.affine_grid(torch.tensor(back, dtype=torch.float32), (3, 2, 8, 8), align_corners=False)
    expected = torch.nn.functional.grid_sample(torch.tensor(images), grid, align_corners=False)
    np.testing.assert_allclose(move(Scene(images), forward, 0.0).images, expected.numpy(), atol=5e-6)


def test_rotation_is_counter_clockwise_and_a_right_angle_is_exact() -> None:
    images = some_images(2, 3, 6, 6)
    for quarter in range(4):
        turned = RandomRotation((90 * quarter, 90 * quarter))(images)
        np.testing.assert_allclose(turned, np.rot90(images, quarter, axes=(2, 3)), atol=1e-5)
    np.testing.assert_allclose(RandomAffine((90, 90))(images), np.rot90(images, -1, axes=(2, 3)), atol=1e-5)


def test_whole_translations_copy_pixels() -> None:
    images = some_images(1, 1, 8, 8)

    class Always(Chance):
        def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
            return np.full((len(self), *shape), high)

    moved = RandomTranslate((0.25, 0.125)).change(Scene(images), Always.of(rng(), 1)).images
    assert np.array_equal(moved[..., 1:, 2:], images[..., :-1, :-2])
    assert not moved[..., 0, :].any()
    assert not moved[..., :2].any()


def test_scale_stretch_and_shear_do_what_they_are_called() -> None:
    block = np.zeros((1, 1, 21, 21), np.float32)
    block[..., 8:13, 8:13] = 1

    assert RandomScale((2, 2))(block).sum() == pytest.approx(4 * block.sum(), rel=0.02)
    stretched = RandomStretch((4, 4))(block)[0, 0] > 0.5
    assert (stretched.any(1).sum(), stretched.any(0).sum()) == (3, 9)  # of 5: every second row, every half column
    sheared = RandomShear((45, 45))(block)[0, 0]
    assert sheared.sum() == pytest.approx(block.sum(), rel=0.02)
    middles = [(row * np.arange(21)).sum() / row.sum() for row in sheared[8:13]]
    np.testing.assert_allclose(np.diff(middles), -1, atol=0.05)  # tan 45°: one pixel a row
    upright = RandomShear((45, 45), axis="y")(block)[0, 0]
    np.testing.assert_allclose(upright, sheared.T, atol=1e-5)


@pytest.mark.parametrize("fill", ["edge", "reflect"])
def test_beyond_the_border_is_what_numpy_pads(fill: str) -> None:
    images = some_images(2, 1, 5, 6)
    y, x = np.broadcast_arrays(np.arange(-4, 9, dtype=np.float32)[:, None], np.arange(-5, 11, dtype=np.float32)[None])
    found = read(images, np.stack([y, y]), np.stack([x, x]), fill)  # type: ignore[arg-type]
    expected = np.pad(images, ((0, 0), (0, 0), (4, 4), (5, 5)), fill)  # type: ignore[call-overload]
    np.testing.assert_allclose(found, expected[:, :, :13, :16], atol=1e-6)


def test_each_image_gets_parameters_of_its_own_within_their_ranges() -> None:
    chance = Chance.of(rng(), 500)
    forward = RandomAffine(30, (0.1, 0.2), (0.5, 2), 20).draw(500, 20, 40, chance)
    scale = np.sqrt(np.linalg.det(forward[:, :, :2]))
    angle = np.rad2deg(np.arctan2(forward[:, 1, 0], forward[:, 0, 0]))
    for values, low, high in (
        (scale, 0.5, 2),
        (angle, -30, 30),
        (forward[:, 0, 2], -4, 4),
        (forward[:, 1, 2], -4, 4),
    ):
        assert low - 1e-9 <= values.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < values.max() <= high + 1e-9
        assert len(np.unique(values)) == 500


@pytest.mark.parametrize(
    ("mode", "padding"), [("constant", 2), ("edge", (1, 3)), ("reflect", (1, 2, 3, 4)), ("symmetric", 3)]
)
def test_padding_is_numpys(mode: str, padding: int | tuple[int, ...]) -> None:
    images = some_images(2, 3, 6, 7)
    sides = (padding,) * 4 if isinstance(padding, int) else padding * (4 // len(padding))
    left, top, right, bottom = sides
    extra = {"constant_values": 0.5} if mode == "constant" else {}
    expected = np.pad(images, ((0, 0), (0, 0), (top, bottom), (left, right)), mode, **extra)  # type: ignore[call-overload]
    assert np.array_equal(Pad(padding, fill=0.5, padding_mode=mode)(images), expected)  # type: ignore[arg-type]


def test_random_crops_are_windows_and_all_windows_come_up() -> None:
    image = np.arange(30, dtype=np.float32).reshape(1, 1, 5, 6)
    crops = RandomCrop((3, 4))(np.repeat(image, 300, axis=0), rng())
    assert crops.shape == (300, 1, 3, 4)
    corners = crops[:, 0, 0, 0].astype(int)
    assert set(corners) == {6 * top + left for top in range(3) for left in range(3)}
    for crop, corner in zip(crops, corners, strict=True):
        top, left = divmod(corner, 6)
        assert np.array_equal(crop[0], image[0, 0, top : top + 3, left : left + 4])
    padded = RandomCrop(5, padding=1)(np.ones((400, 1, 5, 5), np.float32), rng())
    assert set(padded.sum(axis=(1, 2, 3)).astype(int)) == {25, 20, 16}
    grown = RandomCrop(9, pad_if_needed=True)(image + 1, rng())
    assert grown.shape == (1, 1, 9, 9)
    assert grown.sum() == (image + 1).sum()
    with pytest.raises(ShapeError, match="window of 9×9 does not fit into a padded image of 5×6"):
        RandomCrop(9)(image)


@pytest.mark.parametrize("size", [3, 4, (2, 5), 9])
def test_the_centre_crop_is_in_the_middle(size: int | tuple[int, int]) -> None:
    images = np.zeros((1, 1, 7, 7), np.float32)
    images[..., 3, 3] = 1
    crop = CenterCrop(size)(images)
    height, width = (size, size) if isinstance(size, int) else size
    assert crop.shape[2:] == (height, width)
    row, column = np.argwhere(crop[0, 0])[0]
    assert abs(row - (height - 1) / 2) <= 0.5
    assert abs(column - (width - 1) / 2) <= 0.5


@pytest.mark.torch
@pytest.mark.parametrize("size", [(5, 7), (16, 16), (31, 9), (3, 40)])
def test_resizing_is_torchs_with_antialiasing(size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    images = some_images(2, 3, 13, 18)
    expected = torch.nn.functional.interpolate(torch.tensor(images), size, mode="bilinear", antialias=True)
    np.testing.assert_allclose(resize(images, size), expected.numpy(), atol=2e-6)


@pytest.mark.parametrize("size", [(5, 7), (31, 9)])
def test_resizing_is_pillows(size: tuple[int, int]) -> None:
    from PIL import Image

    images = some_images(1, 1, 13, 18)
    expected = Image.fromarray(images[0, 0]).resize(size[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_allclose(resize(images, size)[0, 0], np.asarray(expected), atol=2e-6)


def test_one_number_resizes_the_shorter_side() -> None:
    assert Resize(10)(some_images(1, 1, 20, 31)).shape[2:] == (10, 15)
    assert Resize(10)(some_images(1, 1, 31, 20)).shape[2:] == (15, 10)
    assert np.allclose(Resize((20, 31))(some_images(1, 2, 20, 31)), some_images(1, 2, 20, 31), atol=1e-6)


@pytest.mark.torch
def test_random_resized_crops_are_resized_windows_of_the_right_size() -> None:
    torch = pytest.importorskip("torch")
    y, x = np.mgrid[:24, :36].astype(np.float32)
    ramps = np.repeat(np.stack([y, x])[None], 200, axis=0)
    crop = RandomResizedCrop(8, scale=(0.2, 0.5), ratio=(0.5, 1.2))
    found = crop(ramps, rng())
    shares, ratios = [], []
    for picture in found[:, :, 1:-1, 1:-1]:  # a linear ramp resizes to a ramp, away from the border
        step_y, step_x = np.diff(picture[0], axis=0).mean(), np.diff(picture[1], axis=1).mean()
        shares.append(64 * step_y * step_x / (24 * 36))
        ratios.append(step_x / step_y)
    assert 0.18 < min(shares) < 0.25
    assert 0.44 < max(shares) < 0.52
    assert 0.45 < min(ratios) < 0.6
    assert 1.05 < max(ratios) < 1.3  # width / height
    images = some_images(1, 1, 24, 36)
    one = crop(np.concatenate([images, ramps[:1, :1], ramps[:1, 1:]]).repeat(1, axis=0)[:1], rng(3))
    ramp = crop(ramps[:1], rng(3))[0, :, 1:-1, 1:-1]  # the same seed: the same window
    high = round(8 * float(np.diff(ramp[0], axis=0).mean()))
    wide = round(8 * float(np.diff(ramp[1], axis=1).mean()))
    top = round(float(ramp[0].mean() - (high - 1) / 2))
    left = round(float(ramp[1].mean() - (wide - 1) / 2))
    window = torch.tensor(images[:, :, top : top + high, left : left + wide])
    expected = torch.nn.functional.interpolate(window, (8, 8), mode="bilinear", antialias=True)
    np.testing.assert_allclose(one, expected.numpy(), atol=3e-6)


def test_where_no_rectangle_fits_the_largest_middle_part_is_taken() -> None:
    y, x = np.mgrid[:4, :40].astype(np.float32)
    found = RandomResizedCrop(4, scale=(1, 1), ratio=(1, 1))(np.stack([y, x])[None], rng())
    np.testing.assert_allclose(found[0, 1, 0], np.arange(18, 22), atol=1e-5)


def test_scale_and_crop_resizes_the_short_side_to_l_and_crops() -> None:
    y, x = np.mgrid[:30, :60].astype(np.float32)
    ramps = np.repeat(np.stack([y, x])[None], 300, axis=0)
    found = RandomScaleCrop(22, short_side=(25, 48))(ramps, rng())
    step = np.diff(found[:, 0, 2:-2, 2:-2], axis=1).mean(axis=(1, 2))
    np.testing.assert_allclose(np.diff(found[:, 1, 2:-2, 2:-2], axis=2).mean(axis=(1, 2)), step, rtol=0.02)
    sides = 30 / step[step < 0.99]  # enlarged: then a ramp stays a straight line to the last digit
    np.testing.assert_allclose(sides, np.rint(sides), atol=0.01)
    assert set(np.rint(sides).astype(int)) == set(range(31, 49))
    assert (30 / step).min() == pytest.approx(25, rel=0.02)
    with pytest.raises(UsageError, match="begins at 224"):
        RandomScaleCrop(224, (200, 300))


@pytest.mark.parametrize(
    "transform",
    [
        LensDistortion((0.2, 0.5)),
        OpticalDistortion((0.2, 0.3), fill="reflect"),
        GridDistortion(4, 0.5),
        ElasticTransform(40, 3, fill="edge"),
    ],
)
def test_distortions_read_where_they_say(transform: LensDistortion) -> None:
    images = some_images(3, 2, 15, 12)
    y, x = transform.positions(3, 15, 12, Chance.of(rng(2), 3))
    assert y.dtype == x.dtype == np.float32
    mode = {"edge": "nearest", "reflect": "mirror"}.get(str(transform.fill), "grid-constant")
    moved = transform(images, rng(2))
    for n in range(3):
        assert np.abs(y[n] - np.arange(15)[:, None]).max() > 0.3
        expected = map_coordinates(images[n, 1], [y[n], x[n]], order=1, mode=mode)
        np.testing.assert_allclose(moved[n, 1], expected, atol=3e-6)


def test_a_lens_follows_its_formula() -> None:
    y, x = LensDistortion((0.3, 0.3)).positions(1, 11, 21, Chance.of(rng(), 1))
    r = np.hypot(3, 8) / 10.5  # seen from the middle (5, 10), 1 at half the longer side
    assert y[0, 8, 18] == pytest.approx(5 + 3 * (1 + 0.3 * r**2), rel=1e-6)
    assert x[0, 8, 18] == pytest.approx(10 + 8 * (1 + 0.3 * r**2), rel=1e-6)
    y, x = OpticalDistortion((0.2, 0.2), shift_limit=0).positions(1, 11, 21, Chance.of(rng(), 1))
    assert y[0, 8, 18] == pytest.approx(5 + 3 * (1 + 0.2 * r**2 + 0.2 * r**4), rel=1e-6)


def test_grid_distortion_is_linear_within_cells_monotonic_and_keeps_the_ends() -> None:
    y, _ = GridDistortion(4, 0.6).positions(50, 40, 8, Chance.of(rng(), 50))
    lines = y[:, :, 0]
    assert (np.diff(lines, axis=1) > 0).all()
    steps = np.diff(lines, axis=1)
    np.testing.assert_allclose(steps[:, 1], steps[:, 5], rtol=1e-4)  # both within the first of four cells
    np.testing.assert_allclose(lines[:, 0] + 0.5, steps[:, 0] / 2, rtol=1e-4)  # the border itself stays
    assert 1.2 < steps.max() / steps.mean() < 4


def test_elastic_noise_is_smooth_and_as_strong_as_alpha_says() -> None:
    y, x = ElasticTransform(alpha=60, sigma=4).positions(20, 64, 64, Chance.of(rng(), 20))
    for displacement in (y - np.arange(64)[:, None], x - np.arange(64)):
        inner = displacement[:, 16:48, 16:48]  # near the border, noise is mirrored and so counts twice
        # uniform noise has variance ⅓; a Gaussian of width σ leaves 1 / (4πσ²) of it; α/2 pixels multiply it
        assert inner.std() == pytest.approx(30 * np.sqrt(1 / 3 / (4 * np.pi * 16)), rel=0.1)
        assert np.abs(np.diff(inner, axis=1)).mean() < 0.3 * np.abs(inner).mean()


def test_a_shuffled_grid_has_the_same_pieces_in_another_order() -> None:
    images = np.arange(2 * 7 * 9, dtype=np.float32).reshape(2, 1, 7, 9)
    shuffled = RandomGridShuffle((2, 3))(images, rng())
    assert not np.array_equal(shuffled, images)
    assert np.array_equal(shuffled[:, :, 6], images[:, :, 6])  # the remainder
    for n in range(2):
        pieces = [
            {tuple(picture[3 * i : 3 * i + 3, 3 * j : 3 * j + 3].ravel()) for i in range(2) for j in range(3)}
            for picture in (images[n, 0], shuffled[n, 0])
        ]
        assert pieces[0] == pieces[1]
    assert not np.array_equal(shuffled[0] + 63, shuffled[1])
    with pytest.raises(ShapeError, match="finer than an image"):
        RandomGridShuffle((8, 3))(images)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: RandomHorizontalFlip(p=1.5),
        lambda: RandomAffine(-3),
        lambda: RandomAffine(0, scale=(0, 1)),
        lambda: RandomAffine(0, translate=(2, 0)),
        lambda: RandomRotation((30, 10)),
        lambda: RandomShear(10, axis="z"),
        lambda: RandomTranslate((0.1, -0.1)),
        lambda: RandomCrop(0),
        lambda: RandomCrop(4, padding=(1, 2, 3)),  # type: ignore[arg-type]
        lambda: Pad(1, padding_mode="wrap"),
        lambda: RandomResizedCrop(8, scale=(0.5, 0.1)),
        lambda: GridDistortion(0),
        lambda: ElasticTransform(sigma=0),
        lambda: RandomGridShuffle((0, 2)),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_once(wrong: object) -> None:
    with pytest.raises(UsageError):
        wrong()  # type: ignore[operator]
