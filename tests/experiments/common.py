"""What several experiments share: the digits divided by a seed, a training run, and what a model gets right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

import minidl
from minidl import Tensor, nn, optim
from minidl.data import DataLoader, Standardize, TensorDataset, digits
from minidl.training import Callback, Record, Trainer, evaluate


def shares(seed: int, *sizes: int, standardize: bool = True) -> list[tuple[Tensor, Tensor]]:
    """Divide the embedded digits at random: images `(N, 64)` and labels for each size; the rest comes last.

    Args:
        seed: the same seed gives the same division.
        sizes: how many images each part has.
        standardize: whether the pixels are shifted and scaled to the first part's mean 0 and deviation 1; else from 0 to 1.
    """
    data = digits()
    order = np.random.default_rng(seed).permutation(len(data))
    parts = [data.subset(chosen) for chosen in np.split(order, np.cumsum(sizes))]
    scale: Callable[[Any], Any] = Standardize.fit(parts[0].images) if standardize else lambda images: images
    return [(minidl.tensor(scale(part.images).reshape(-1, 64)), minidl.tensor(part.labels)) for part in parts]


def mlp(*sizes: int, activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """A multilayer perceptron of so many units a layer, with He's initial weights and zero biases."""
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), activation()]
    return he(nn.Sequential(*layers[:-1]))


def he(model: nn.Sequential) -> nn.Sequential:
    """Draw the weights of all linear layers with variance 2/n, and make their biases zero."""
    for layer in linear(model):
        nn.init.kaiming_normal_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return model


def linear(model: nn.Module) -> list[nn.Linear]:
    """Return the linear layers of a model, in their order."""
    return [layer for layer in model.modules() if isinstance(layer, nn.Linear)]


def fill_biases(model: nn.Module, value: float) -> None:
    """Make the biases of all linear layers but the last one a number."""
    for layer in linear(model)[:-1]:
        if layer.bias is not None:
            nn.init.constant_(layer.bias, value)


def batches(part: Sequence[Tensor], size: int = 32, **options: Any) -> DataLoader:
    """Hand out a part in batches, in a random order each epoch."""
    return DataLoader(TensorDataset(*part), min(size, len(part[0])), shuffle=True, **options)


def fit(
    model: nn.Module,
    part: Sequence[Tensor],
    optimizer: optim.Optimizer,
    epochs: int,
    batch: int = 32,
    *,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    validation: Sequence[Tensor] | None = None,
    callbacks: Sequence[Callback] = (),
    **options: Any,
) -> list[Record]:
    """Train with `minidl.training.Trainer`, and return its history, a line an epoch."""
    judged = None if validation is None else DataLoader(TensorDataset(*validation), 500)
    trainer = Trainer(
        model,
        loss or nn.CrossEntropyLoss(),
        optimizer,
        batches(part, batch),
        judged,
        epochs=epochs,
        callbacks=callbacks,
        **options,
    )
    trainer.run()
    return trainer.history


def judge(model: nn.Module, part: Sequence[Tensor]) -> tuple[float, float]:
    """Return the mean cross-entropy and the accuracy on a part."""
    found = evaluate(model, DataLoader(TensorDataset(*part), 500))
    return found.loss, found.accuracy


def accuracy(model: nn.Module, part: Sequence[Tensor]) -> float:
    """Return the share of a part's images that the model gets right."""
    return judge(model, part)[1]


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the exponent p of the power law y ∝ xᵖ that fits best."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
