from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.data import Standardize, digits
from minidl.data.augment import ColorJitter, Cutout
from minidl.errors import ShapeError
from minidl.training.robustness import accuracy_under, perturbations, score_on_biased_sample


def nearest_mean(images: np.ndarray, labels: np.ndarray):
    means = np.stack([images[labels == k].mean(0).ravel() for k in range(10)])

    def predict(batch: np.ndarray) -> np.ndarray:
        return -((batch.reshape(len(batch), 1, -1) - means) ** 2).sum(2)

    return predict


def test_every_perturbation_costs_accuracy_and_is_repeatable() -> None:
    data = digits()
    images, labels = data.images[:600], data.labels[:600]
    predict = nearest_mean(data.images, data.labels)
    scores = accuracy_under(predict, images, labels)
    assert list(scores) == ["none", *perturbations(8)]
    assert scores["none"].accuracy > 0.85
    assert max(score.accuracy for score in scores.values()) <= scores["none"].accuracy + 0.01
    for name in ("darkness", "rotate", "shift", "occlusion", "shape"):
        assert scores[name].accuracy < scores["none"].accuracy - 0.01, name
    assert all(score.total == 600 for score in scores.values())
    assert accuracy_under(predict, images, labels) == scores
    assert accuracy_under(predict, images, labels, seed=1) != scores
    weak, strong = (accuracy_under(predict, images, labels, perturbations(8, s)) for s in (1, 5))
    assert sum(s.correct for s in strong.values()) < sum(s.correct for s in weak.values())


def test_models_and_preprocessing_take_part() -> None:
    minidl.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(64, 10)).train()
    images, labels = digits().images[:50], digits().labels[:50]
    standardize = Standardize.fit(images)
    found = accuracy_under(model, images, labels, {"cutout": Cutout(3)}, then=[standardize])
    weight, bias = model[2].weight.data, model[2].bias.data
    expected = ((standardize(images).reshape(50, 64) @ weight.T + bias).argmax(1) == labels).sum()
    assert found["none"].correct == expected
    assert set(found) == {"none", "cutout"}
    assert model.training
    with pytest.raises(ShapeError, match="one label an image"):
        accuracy_under(model, images, labels[:3])


def test_a_classifier_of_light_fails_in_the_dark() -> None:
    images = np.linspace(0.05, 0.95, 40, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 4, 4), np.float32)

    def bright(batch: np.ndarray) -> np.ndarray:
        return (batch.mean((1, 2, 3)) > 0.5).astype(int)

    scores = accuracy_under(bright, images, bright(images), {"dark": ColorJitter(brightness=(0.5, 0.5))})
    assert scores["none"].accuracy == 1
    assert scores["dark"].accuracy == 0.5


def test_a_skewed_sample_shows_a_gap() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 4000)
    right = rng.random(4000) < np.where(labels == 0, 0.95, 0.55)
    outputs = np.where(right, labels, 1 - labels)
    fair, skewed = score_on_biased_sample(outputs, labels, np.array([9.0, 1.0])[labels], 1000)
    assert fair.total == 4000
    assert fair.accuracy == pytest.approx(right.mean())
    assert skewed.total == 1000
    assert skewed.interval()[0] > fair.interval()[1]  # a gap that no chance explains
    assert score_on_biased_sample(outputs, labels, np.ones(4000), 4000)[1] == fair
    with pytest.raises(ShapeError, match="one weight an example"):
        score_on_biased_sample(outputs, labels, np.ones(2), 10)
