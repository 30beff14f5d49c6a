from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.data.augment import average_views, five_crop, multi_scale_views, resize, ten_crop, vote_views
from minidl.errors import ShapeError, UsageError


def some_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).random(shape).astype(np.float32)


def test_five_and_ten_crops_are_the_corners_the_middle_and_their_mirror_images() -> None:
    images = some_images(2, 3, 9, 12)
    crops = five_crop(images, (5, 6))
    expected = [
        images[:, :, :5, :6],
        images[:, :, :5, 6:],
        images[:, :, 4:, :6],
        images[:, :, 4:, 6:],
        images[:, :, 2:7, 3:9],
    ]
    for crop, window in zip(crops, expected, strict=True):
        assert np.array_equal(crop, window)
    ten = ten_crop(images, (5, 6))
    mirrored = five_crop(images[..., ::-1], (5, 6))
    assert len(ten) == 10
    assert all(np.array_equal(a, b) for a, b in zip(ten, crops + mirrored, strict=True))
    upside_down = ten_crop(images, 5, vertical_flip=True)
    assert np.array_equal(upside_down[5], images[:, :, ::-1][:, :, :5, :5])
    with pytest.raises(ShapeError, match="crops of 10×10 do not fit"):
        five_crop(images, 10)


def test_five_scales_and_ten_crops_are_fifty_views() -> None:
    images = some_images(1, 3, 30, 40)
    views = list(multi_scale_views(images, 22, scales=(22, 25, 38, 48, 64)))
    assert len(views) == 50
    assert {view.shape for view in views} == {(1, 3, 22, 22)}
    assert np.array_equal(views[10], resize(images, 25)[:, :, :22, :22])
    full = multi_scale_views(some_images(1, 1, 16, 16))
    assert next(full).shape == (1, 1, 224, 224)
    with pytest.raises(UsageError, match="scales of at least that"):
        multi_scale_views(images, 224, scales=(200, 256))


def test_views_are_averaged_and_voted_on() -> None:
    tables = {0.0: [0.9, 0.1], 1.0: [0.4, 0.6], 2.0: [0.45, 0.55]}
    views = [np.full((1, 1, 1, 1), key, np.float32) for key in tables]

    def predict(images: np.ndarray) -> np.ndarray:
        return np.array([tables[float(image.item())] for image in images])

    np.testing.assert_allclose(average_views(predict, views), [[1.75 / 3, 1.25 / 3]], rtol=1e-6)
    np.testing.assert_allclose(vote_views(predict, iter(views)), [[1 / 3, 2 / 3]], rtol=1e-6)
    for judge in (average_views, vote_views):
        with pytest.raises(UsageError, match="at least one view"):
            judge(predict, [])


def test_a_model_is_judged_in_evaluation_mode_by_its_softmax() -> None:
    minidl.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(12, 3)).train()
    images = some_images(4, 3, 4, 4)
    views = ten_crop(images, 2)
    weight, bias = model[2].weight.data, model[2].bias.data
    scores = np.stack([view.reshape(4, 12) @ weight.T + bias for view in views])
    softmax = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
    np.testing.assert_allclose(average_views(model, views), softmax.mean(axis=0), rtol=1e-5)
    assert model.training
    assert model[2].weight.grad is None
