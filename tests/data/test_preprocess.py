from __future__ import annotations

import json

import numpy as np
import pytest

from minidl.data import Standardize
from minidl.data.preprocess import PCA, ZCA, ChannelMean, MeanImage, preprocessing_from, principal_axes, state_of
from minidl.errors import CheckpointError, DataError, ShapeError, UsageError


def correlated(n: int = 400, shape: tuple[int, ...] = (2, 3, 2), seed: int = 0) -> np.ndarray:
    """Images whose values are strongly correlated, with a mean far from 0."""
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape))
    mixing = rng.normal(size=(size, size)) * np.linspace(0.2, 1.5, size)[:, None]
    return (rng.normal(size=(n, size)) @ mixing + rng.normal(size=size) * 3).reshape(n, *shape).astype(np.float32)


def covariance(values: np.ndarray) -> np.ndarray:
    return np.cov(values.reshape(len(values), -1).T.astype(np.float64), bias=True)


def test_the_mean_image_and_the_channel_mean_centre_what_they_say() -> None:
    images, new = correlated(), correlated(seed=1)
    by_pixel, by_channel = MeanImage.fit(images), ChannelMean.fit(images)
    np.testing.assert_allclose(by_pixel.mean, images.astype(float).mean(0), rtol=1e-6)
    np.testing.assert_allclose(by_channel.mean, [images[:, c].astype(float).mean() for c in range(2)], rtol=1e-6)
    np.testing.assert_allclose(by_pixel(images).mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(by_channel(images).mean((0, 2, 3)), 0, atol=1e-5)
    assert np.abs(by_channel(images).mean(0)).max() > 0.1  # each pixel's mean is not 0: only the channel's is
    for fitted in (by_pixel, by_channel):
        assert fitted(new).dtype == np.float32
        np.testing.assert_allclose(fitted.inverse(fitted(new)), new, atol=1e-5)


def test_standardize_has_an_inverse() -> None:
    images = correlated()
    standardize = Standardize.fit(images)
    np.testing.assert_allclose(standardize.inverse(standardize(images)), images, atol=1e-4)


def test_principal_axes_of_a_known_ellipse() -> None:
    angle = 0.3
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    circle = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    points = np.stack([3 * np.cos(circle), np.sin(circle)], axis=1) @ turn + [5, -7]
    mean, variances, axes = principal_axes(points)
    np.testing.assert_allclose(mean, [5, -7], atol=1e-12)
    np.testing.assert_allclose(variances, [4.5, 0.5], rtol=1e-9)
    np.testing.assert_allclose(axes, [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], atol=1e-9)


def test_principal_axes_are_those_of_the_singular_value_decomposition() -> None:
    rows = correlated().reshape(400, -1).astype(np.float64)
    mean, variances, axes = principal_axes(rows)
    _, s, vt = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    np.testing.assert_allclose(variances, s**2 / len(rows), rtol=1e-9)
    np.testing.assert_allclose(np.abs(np.sum(axes * vt, axis=1)), 1, rtol=1e-9)
    assert (np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1) > 0).all()
    np.testing.assert_allclose(mean, rows.mean(0))


def test_pca_decorrelates_and_whitening_makes_the_covariance_the_identity() -> None:
    images = correlated()
    pca = PCA.fit(images)
    plain = covariance(pca(images))
    np.testing.assert_allclose(plain, np.diag(pca.variances), atol=1e-4 * plain.max())
    white = PCA.fit(images, whiten=True, epsilon=0)
    np.testing.assert_allclose(covariance(white(images)), np.eye(12), atol=1e-4)
    for fitted in (pca, white):
        assert fitted(images).shape == (400, 12)
        assert fitted(images).dtype == np.float32
        np.testing.assert_allclose(fitted.inverse(fitted(images)), images, atol=1e-3)


def test_fewer_components_lose_exactly_the_variance_that_was_left_out() -> None:
    images = correlated()
    variances = PCA.fit(images).variances.astype(float)
    for keep in (1, 5, 11):
        pca = PCA.fit(images, keep)
        lost = ((pca.inverse(pca(images)) - images).astype(float) ** 2).sum(axis=(1, 2, 3)).mean()
        assert lost == pytest.approx(variances[keep:].sum(), rel=1e-4)
        assert pca.explained.sum() == pytest.approx(1)
    kept = len(PCA.fit(images, 0.9).variances)
    share = np.cumsum(variances) / variances.sum()
    assert share[kept - 1] >= 0.9 > share[kept - 2]


def test_zca_makes_the_covariance_the_identity_and_changes_images_least() -> None:
    images = correlated()
    zca, pca = ZCA.fit(images, epsilon=0), PCA.fit(images, whiten=True, epsilon=0)
    white = zca(images)
    assert white.shape == images.shape
    assert white.dtype == np.float32
    np.testing.assert_allclose(covariance(white), np.eye(12), atol=1e-4)
    np.testing.assert_allclose(zca.matrix, zca.matrix.T, atol=1e-5)
    np.testing.assert_allclose(zca.inverse(white), images, atol=1e-3)
    centred = (images - zca.mean).reshape(400, -1)
    rival = pca(images)  # also white, but turned: further away
    assert ((white.reshape(400, -1) - centred) ** 2).mean() < ((rival - centred) ** 2).mean()
    spread, directions = np.linalg.eigh(covariance(images))
    np.testing.assert_allclose(zca.matrix, directions / np.sqrt(spread) @ directions.T, rtol=1e-3, atol=1e-4)


def test_epsilon_tempers_directions_of_little_variance() -> None:
    images = correlated()
    spread = np.sort(
        np.diag(covariance(ZCA.fit(images, epsilon=0.5)(images).reshape(400, -1) @ PCA.fit(images).axes.T))
    )
    variances = np.sort(PCA.fit(images).variances.astype(float))
    np.testing.assert_allclose(spread, variances / (variances + 0.5), rtol=1e-3)


def test_what_was_fitted_does_not_depend_on_the_images_it_is_applied_to() -> None:
    train, test = correlated(), correlated(seed=1) + 5
    for fitted in (MeanImage.fit(train), ChannelMean.fit(train), PCA.fit(train), ZCA.fit(train)):
        np.testing.assert_allclose(fitted(test)[:3], fitted(test[:3]), rtol=1e-4, atol=1e-4)
        assert np.abs(fitted(test).mean()) > 0.05  # the shift is still there: nothing was measured on the test part


def test_states_are_plain_and_give_the_same_preprocessing_back() -> None:
    images = correlated()
    for fitted in (MeanImage.fit(images), ChannelMean.fit(images), PCA.fit(images, 3, whiten=True), ZCA.fit(images)):
        again = preprocessing_from(fitted.state_dict())
        assert type(again) is type(fitted)
        assert np.array_equal(again(images), fitted(images))
        assert all(isinstance(value, (str, np.ndarray)) for value in fitted.state_dict().values())
    standardize = Standardize.fit(images)
    assert (
        preprocessing_from(json.loads(json.dumps(state_of(standardize))))(images).tolist()
        == standardize(images).tolist()
    )
    for wrong in ({}, {"kind": "nothing"}, {"kind": "ZCA", "mean": images[0]}):
        with pytest.raises(CheckpointError, match="not the state of a preprocessing"):
            preprocessing_from(wrong)


def test_what_cannot_be_done_is_said() -> None:
    images = correlated()
    still = images.copy()
    still[:, 0, 0, 0] = 1
    for fit in (lambda: ZCA.fit(still, epsilon=0), lambda: PCA.fit(images[:5], whiten=True, epsilon=0)):
        with pytest.raises(DataError, match=r"do not vary in \d+ of 12 directions"):
            fit()
    assert np.isfinite(ZCA.fit(still)(still)).all()
    for components in (0, 13, 1.5):
        with pytest.raises(UsageError, match="components must be from 1 to 12"):
            PCA.fit(images, components)
    with pytest.raises(UsageError, match="epsilon"):
        ZCA.fit(images, epsilon=-1)
    for fitted in (MeanImage.fit(images), ZCA.fit(images), PCA.fit(images)):
        with pytest.raises(ShapeError, match=r"fitted to images of \(2, 3, 2\)"):
            fitted(images[:, :1])
    with pytest.raises(ShapeError, match="2 channels"):
        ChannelMean.fit(images)(images[:, :1])
    with pytest.raises(ShapeError, match="12 directions"):
        PCA.fit(images).inverse(np.zeros((2, 3), np.float32))


KINDS_TO_FIT = [MeanImage, ChannelMean, Standardize, PCA, ZCA]


@pytest.mark.parametrize("kind", KINDS_TO_FIT)
def test_nothing_is_measured_on_what_are_no_images(kind: type) -> None:
    with pytest.raises(DataError, match="no training images"):
        kind.fit(np.zeros((0, 1, 2, 2), np.float32))
    with pytest.raises(ShapeError, match=r"must be \(N, C, H, W\)"):
        kind.fit(np.zeros((1, 2, 2), np.float32))
    with pytest.raises(DataError, match="not finite"):
        kind.fit(np.full((3, 1, 2, 2), np.nan, np.float32))


def test_standardising_never_makes_channels_of_its_own() -> None:
    with pytest.raises(ShapeError, match=r"3 channels; got images \(4, 1, 2, 2\)"):
        Standardize((0.0,) * 3, (1.0,) * 3)(np.zeros((4, 1, 2, 2), np.float32))
    for std in ((0.0,), (-1.0,), (1.0, 1.0), (float("nan"),)):
        with pytest.raises(UsageError, match="positive std for each channel"):
            Standardize((0.0,), std)


def test_images_that_are_all_the_same_have_no_directions() -> None:
    same = np.ones((5, 1, 2, 2), np.float32)
    assert PCA.fit(same).explained.tolist() == [0] * 4
    with pytest.raises(DataError, match="no variance to explain"):
        PCA.fit(same, 0.9)
