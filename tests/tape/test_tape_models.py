"""A compiled training step does what the function itself does, for all small models and the common optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import models, nn, optim
from minidl.nn import functional as F


class SmallTransformer(nn.Module):
    """Words to classes: an embedding, one encoder layer with dropout, the mean, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(11, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Any) -> Any:
        return self.head(self.layer(self.words(x)).mean(1))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 5))


def normalised() -> nn.Module:
    convolution = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(convolution, nn.GroupNorm(2, 8), nn.GELU(), nn.Flatten(), nn.Linear(8 * 16, 5))


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "MLP": (mlp, (8, 20)),
    "LeNet": (lambda: models.LeNet((1, 8, 8), 5), (8, 1, 8, 8)),
    "norms": (normalised, (4, 3, 8, 8)),
    "ResNet-8": (lambda: models.resnet8((3, 8, 8), 5, width=4), (4, 3, 8, 8)),
    "transformer": (SmallTransformer, (4, 6)),
}

OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-3),
    "Adam": lambda p: optim.Adam(p, lr=0.01, eps=1e-4),  # a gradient that is nothing but rounding stays without effect
}


def batches(model: str, count: int) -> list[tuple[Any, Any]]:
    random = np.random.default_rng(3)
    shape = MODELS[model][1]
    words = model == "transformer"
    return [
        (
            minidl.tensor(random.integers(0, 11, shape) if words else random.normal(size=shape).astype(np.float32)),
            minidl.tensor(random.integers(0, 5, shape[0])),
        )
        for _ in range(count)
    ]


def train(model: str, optimizer: str, compiled: bool, steps: int = 6) -> tuple[dict[str, Any], Any]:
    """All that training leaves behind: losses, parameters, statistics, gradients, the optimizer's memory, the generator."""
    minidl.manual_seed(1)
    network = MODELS[model][0]()
    rule = OPTIMIZERS[optimizer](network.parameters())
    schedule = optim.lr_scheduler.StepLR(rule, 2, 0.5)

    def step(x: Any, y: Any) -> Any:
        rule.zero_grad()
        loss = F.cross_entropy(network(x), y)
        loss.backward()
        rule.step()
        return loss

    run = minidl.compile(step) if compiled else step
    left: dict[str, Any] = {}
    for k, (x, y) in enumerate(batches(model, steps)):
        left[f"loss {k}"] = run(x, y).data
        schedule.step()
    left |= {name: np.array(value) for name, value in network.state_dict().items()}
    left |= {f"{name}.grad": p.grad.data for name, p in network.named_parameters()}
    left |= {f"{i} {key}": np.asarray(value) for i, s in enumerate(rule.state.values()) for key, value in s.items()}
    left["drawn"] = minidl.rand(2).data
    return left, run


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", MODELS)
def test_a_compiled_training_step_is_the_training_step(model: str, optimizer: str) -> None:
    plain, _ = train(model, optimizer, compiled=False)
    replayed, run = train(model, optimizer, compiled=True)
    assert run.recordings == 2
    assert run.tape.replays == 4
    assert plain.keys() == replayed.keys()
    for name, value in plain.items():
        np.testing.assert_allclose(replayed[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
        assert replayed[name].dtype == value.dtype, name


@pytest.mark.parametrize("model", MODELS)
def test_a_compiled_forward_pass_in_evaluation_mode(model: str) -> None:
    network = MODELS[model][0]()
    inputs = [x for x, _ in batches(model, 4)]
    network.eval()

    @minidl.compile
    def scores(x: Any) -> Any:
        with minidl.no_grad():
            return network(x)

    for x in inputs:
        np.testing.assert_allclose(scores(x).data, network(x).data, rtol=1e-5, atol=1e-6)
    assert scores.tape.replays == 2


def test_running_statistics_that_change_meanwhile_are_seen() -> None:
    """A tape for evaluation reads them at each replay."""
    network = normalised()
    (x, _), *_ = batches("norms", 1)
    scores = minidl.compile(lambda x: network(x))
    for _ in range(3):
        network.train()
        with minidl.no_grad():
            network(x * 3)
        network.eval()
        np.testing.assert_allclose(scores(x).data, network(x).data, rtol=1e-5, atol=1e-6)
    assert scores.tape.replays == 1
