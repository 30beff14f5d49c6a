"""AugMix's loss: the paper's formula, its bounds, and a training step with three views."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.data.augment import AugMix
from minidl.errors import ShapeError
from minidl.nn import functional as F


def scores(seed: int, scale: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((5, 7)) * scale


def test_divergence_is_zero_where_views_agree_and_at_most_the_logarithm_of_three() -> None:
    same = minidl.tensor(scores(0))
    assert F.jensen_shannon_loss(same, same, same).item() == pytest.approx(0, abs=1e-15)
    sure = minidl.tensor(np.eye(3) * 5000.0)
    rows = [sure[[place]] for place in range(3)]
    assert F.jensen_shannon_loss(*rows).item() == pytest.approx(np.log(3))


@pytest.mark.torch
@pytest.mark.parametrize("scale", [0.1, 2.0, 4.0])
def test_loss_and_gradients_are_those_of_the_papers_program(scale: float) -> None:
    torch = pytest.importorskip("torch")
    TF = torch.nn.functional
    labels = np.array([0, 1, 2, 3, 6])
    theirs = [torch.tensor(scores(seed, scale), requires_grad=True) for seed in range(3)]
    chances = [TF.softmax(view, 1) for view in theirs]
    mixture = torch.clamp(sum(chances) / 3, 1e-7, 1).log()
    apart = sum(TF.kl_div(mixture, chance, reduction="batchmean") for chance in chances) / 3
    expected = TF.cross_entropy(theirs[0], torch.tensor(labels)) + 12 * apart
    expected.backward()

    ours = [minidl.tensor(scores(seed, scale), requires_grad=True) for seed in range(3)]
    loss = nn.AugMixLoss()(minidl.cat(ours), minidl.tensor(labels))
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad is not None
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), atol=1e-9)


def test_pictures_alone_are_judged_by_cross_entropy_and_other_numbers_refused() -> None:
    labels = minidl.tensor([0, 1, 2, 3, 6])
    alone = minidl.tensor(scores(0))
    assert nn.AugMixLoss()(alone, labels).item() == F.cross_entropy(alone, labels).item()
    with pytest.raises(ShapeError, match="5 labels need 15 rows of scores"):
        nn.AugMixLoss()(minidl.cat([alone, alone]), labels)


def test_training_with_three_views_brings_them_together() -> None:
    minidl.manual_seed(0)
    images = np.random.default_rng(0).random((12, 1, 8, 8)).astype(np.float32)
    labels = minidl.tensor(np.arange(12) % 3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    optimizer = minidl.optim.SGD(model.parameters(), lr=0.05)
    augmix = AugMix(severity=5)
    views = minidl.tensor(np.concatenate([images, augmix(images), augmix(images)]))
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = nn.AugMixLoss()(model(views), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
