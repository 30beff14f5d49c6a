from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl import nn, tensor
from minidl.data import DataLoader, ImageDataset
from minidl.errors import ShapeError, UsageError
from minidl.training import clopper_pearson, evaluate, gradient_norms, top_k_correct


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(9500, 10000, 0.94555, 0.95419), (8, 10, 0.44390, 0.97479), (0, 10, 0.0, 0.30850), (10, 10, 0.69150, 1.0)],
)
def test_clopper_pearson_gives_the_published_numbers(successes: int, trials: int, low: float, high: float) -> None:
    assert clopper_pearson(successes, trials) == (pytest.approx(low, abs=5e-6), pytest.approx(high, abs=5e-6))


def test_clopper_pearson_inverts_the_binomial_tails() -> None:
    from scipy.stats import binom

    low, high = clopper_pearson(37, 52, confidence=0.9)
    assert binom.sf(36, 52, low) == pytest.approx(0.05)
    assert binom.cdf(37, 52, high) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("successes", "trials", "confidence"), [(3, 2, 0.95), (-1, 2, 0.95), (0, 0, 0.95), (1, 2, 1.0)]
)
def test_clopper_pearson_refuses_nonsense(successes: int, trials: int, confidence: float) -> None:
    with pytest.raises(UsageError, match="no interval"):
        clopper_pearson(successes, trials, confidence)


def test_top_k() -> None:
    scores = np.array([[0.1, 0.5, 0.4], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]])
    labels = np.array([2, 0, 1])
    assert top_k_correct(scores, labels).tolist() == [False, True, False]
    assert top_k_correct(scores, labels, 2).tolist() == [
        True,
        True,
        False,
    ]  # of equal scores the first is guessed first
    assert top_k_correct(scores, labels, 3).all()
    with pytest.raises(UsageError, match="from 1 to 3"):
        top_k_correct(scores, labels, 4)
    with pytest.raises(ShapeError, match=r"\(N, K\)"):
        top_k_correct(scores, labels[:2])


class Noisy(nn.Module):
    """A model whose training mode is unmistakable."""

    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.inner = nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.5), nn.Linear(5, 3))

    def forward(self, x: minidl.Tensor) -> minidl.Tensor:
        return self.inner(self.flatten(x))


def test_gradient_norms_are_per_layer_over_all_its_parameters() -> None:
    model = Noisy()
    x = tensor(np.random.default_rng(0).random((2, 4)).astype(np.float32))
    (model(x) * tensor(np.array([[1.0, -2.0, 3.0]], np.float32))).sum().backward()
    norms = gradient_norms(model)
    assert list(norms) == ["inner.0", "inner.2"]
    for layer, norm in norms.items():
        parameters = [p for name, p in model.named_parameters() if name.startswith(layer)]
        squares = [(p.grad.data.astype(np.float64) ** 2).sum() for p in parameters if p.grad is not None]
        assert norm == pytest.approx(math.sqrt(sum(squares)), rel=1e-6)
        assert len(squares) == 2
    for parameter in model.parameters():
        assert parameter.grad is not None
        parameter.grad.data = np.full(parameter.shape, 1e30, np.float32)
    assert gradient_norms(model)["inner.0"] == pytest.approx(1e30 * math.sqrt(25), rel=1e-6)  # squares would overflow
    model.zero_grad()
    assert gradient_norms(model) == {"inner.0": 0.0, "inner.2": 0.0}


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_uses_eval_mode_records_nothing_and_leaves_no_trace(training: bool) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.random((7, 1, 2, 2)).astype(np.float32), rng.integers(0, 3, 7)
    model = Noisy().train(training)
    state = minidl.default_generator.get_state()
    judged = evaluate(model, DataLoader(ImageDataset("d", images, labels, ("a", "b", "c")), 3))
    assert minidl.default_generator.get_state() == state
    assert model.training is training
    assert all(p.grad is None for p in model.parameters())

    w = {name: value.data.astype(np.float64) for name, value in model.state_dict().items()}
    scores = (images.reshape(7, 4) @ w["inner.0.weight"].T + w["inner.0.bias"]) @ w["inner.2.weight"].T + w[
        "inner.2.bias"
    ]
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(judged.probabilities, p, rtol=1e-5)
    assert judged.loss == pytest.approx(-np.log(p[np.arange(7), labels]).mean(), rel=1e-5)
    assert judged.correct == (p.argmax(1) == labels).sum()
    assert judged.accuracy == judged.correct / 7
    assert judged.top_k_accuracy(3) == 1.0
