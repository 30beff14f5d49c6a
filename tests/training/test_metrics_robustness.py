from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.data import Standardize, biased_sample, digits
from minidl.data.augment import ColorJitter, Cutout
from minidl.errors import ShapeError, UsageError
from minidl.nn import functional as F
from minidl.training import Score
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


def test_outlines_are_bent_by_the_same_share_of_any_image() -> None:
    from minidl.data.augment import Chance

    shares = []
    for side in (8, 28, 96):
        for severity in (1, 5):
            bend = perturbations(side, severity)["shape"]
            rows, _ = bend.positions(30, side, side, Chance.of(np.random.default_rng(0), 30))
            moved = rows - np.arange(side, dtype=np.float32)[:, None]
            shares.append(np.sqrt((moved**2).mean()) / side / severity)
    assert 0.018 < min(shares) < max(shares) < 0.022


def test_perturbations_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="severity 6"):
        perturbations(8, 6)
    with pytest.raises(UsageError, match="at least one pixel"):
        perturbations(0)


def test_each_difficulty_of_recognition_is_among_the_perturbations() -> None:
    """Illumination, pose, occlusion, and differences within a class, each by what it does to a picture."""
    image = np.zeros((1, 1, 32, 32), np.float32)
    image[..., 8:24, 12:20] = 0.6
    changed = {name: transform(image, np.random.default_rng(0)) for name, transform in perturbations(32).items()}
    assert changed["darkness"].mean() < image.mean() < changed["brightness"].mean()
    assert changed["contrast"].std() < image.std()
    for pose in ("rotate", "shift"):
        assert changed[pose].mean() == pytest.approx(image.mean(), rel=0.05), "turned or moved, but all still there"
        assert np.abs(changed[pose] - image).max() > 0.5
    hidden = changed["occlusion"] == 0.5
    assert hidden.mean() == pytest.approx(0.35**2, abs=0.02)
    assert (changed["occlusion"] == image)[~hidden].all()
    assert 0.01 < np.abs(changed["shape"] - image).mean() < 0.1


def test_a_sample_of_all_is_not_biased_and_of_tensors_neither() -> None:
    outputs, labels = minidl.tensor([0, 1, 1, 0]), minidl.tensor([0, 1, 0, 0])
    assert score_on_biased_sample(outputs, labels, [9.0, 1.0, 1.0, 1.0], 4)[0].correct == 3
    fair, skewed = score_on_biased_sample(outputs, labels, [9.0, 1.0, 1.0, 1.0], 4)
    assert fair == skewed


def test_training_on_a_skewed_sample_shows_a_gap_on_all() -> None:
    """A6: the risk on the sample's kind of data is not the risk on the world's."""
    data = digits()
    rng = np.random.default_rng(0)
    order = rng.permutation(len(data))
    train, test = order[:1200], order[1200:]
    skew = np.where(np.arange(10) < 5, 1.0, 0.004)
    x, y = data.images.reshape(len(data), -1), data.labels

    def fitted(chosen: np.ndarray) -> nn.Module:
        minidl.manual_seed(0)
        model = nn.Linear(64, 10)
        sgd = optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
        for _ in range(60):
            sgd.zero_grad()
            F.cross_entropy(model(minidl.tensor(x[chosen])), minidl.tensor(y[chosen])).backward(retain_graph=False)
            sgd.step()
        return model

    skewed = fitted(train[biased_sample(skew[y[train]], 400)])
    fair = fitted(train[biased_sample(np.ones(1200), 400)])
    outputs = {name: model(minidl.tensor(x[test])).detach() for name, model in (("skewed", skewed), ("fair", fair))}
    on_all, on_its_kind = score_on_biased_sample(outputs["skewed"], y[test], skew[y[test]], 200)
    assert on_its_kind.interval()[0] > on_all.interval()[1]
    assert Score.of(outputs["fair"], y[test]).interval()[0] > on_all.interval()[1]
