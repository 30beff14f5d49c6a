"""What the gallery's plots show: digits, small networks trained on them, filters, a photograph; the same every time."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import minidl
from minidl import Tensor, manual_seed, nn, no_grad, optim, tensor
from minidl.nn import functional as F
from minidl.training import load_parts

Array = NDArray[Any]


@lru_cache(maxsize=1)
def parts() -> tuple[Array, Array, Array, Array]:
    """Images and labels, few enough that a network can learn them by heart: 160 to train on, 359 to judge by."""
    everything = load_parts("digits", seed=0)
    chosen, test = everything.train.subset(np.arange(160)), everything.test
    return chosen.images, chosen.labels, test.images, test.labels


def classifier(hidden: int = 64) -> nn.Sequential:
    """Return an untrained network with one hidden layer, the same every time."""
    manual_seed(3)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def train(
    model: nn.Module, optimizer: optim.Optimizer, images: Array, labels: Array, epochs: int
) -> list[dict[str, float]]:
    """Train on 32 images a step; a record an epoch, measured after it."""
    order = np.random.default_rng(0)
    _, _, others, answers = parts()
    history: list[dict[str, float]] = []
    for epoch in range(1, epochs + 1):
        for chosen in np.array_split(order.permutation(len(images)), max(1, len(images) // 32)):
            optimizer.zero_grad()
            F.cross_entropy(model(tensor(images[chosen])), tensor(labels[chosen])).backward()
            optimizer.step()
        record: dict[str, float] = {"epoch": epoch}
        for part, x, y in (("train", images, labels), ("validation", others, answers)):
            with no_grad():
                scores = model(tensor(x))
                record[f"{part}_loss"] = float(F.cross_entropy(scores, tensor(y)))
            record[f"{part}_accuracy"] = float((scores.data.argmax(axis=1) == y).mean())
        history.append(record)
    return history


@lru_cache(maxsize=1)
def trained() -> tuple[nn.Sequential, Array]:
    """A classifier of digits and its probabilities for the test set."""
    images, labels, others, _ = parts()
    model = classifier()
    train(model, optim.Adam(model.parameters(), lr=0.01), images, labels, 8)
    with no_grad():
        return model, np.asarray(F.softmax(model(tensor(others)), dim=1).data)


def _gabor(theta: float, frequency: float, size: int = 9) -> Tensor:
    """A Gabor filter: a wave under a bell, `(size, size)`."""
    steps = np.arange(size) - size // 2
    y, x = (tensor(part.astype(np.float64)) for part in np.meshgrid(steps, steps, indexing="ij"))
    along = x * math.cos(theta) + y * math.sin(theta)
    bell = minidl.exp((x * x + y * y) * (-1 / 12.5))
    wave: Tensor = bell * minidl.cos(along * (2 * math.pi * frequency))
    return wave - wave.mean()


def bank() -> Array:
    """Return twelve Gabor filters `(12, 1, 9, 9)`: six directions, coarse and fine."""
    filters = [_gabor(k * math.pi / 6, frequency) for frequency in (0.12, 0.25) for k in range(6)]
    return np.stack([np.asarray(one.data) for one in filters])[:, np.newaxis]


def photograph() -> Array:
    """The portrait of Grace Hopper that comes with matplotlib, `(3, 288, 288)` in [0, 1]."""
    from matplotlib.cbook import get_sample_data
    from PIL import Image

    path = get_sample_data("grace_hopper.jpg", asfileobj=False)
    with Image.open(str(path)) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=np.float64) / 255
    return pixels[40:328, 120:408].transpose(2, 0, 1)


def deep(function: Callable[[Any], Any], gain: float, depth: int = 8) -> tuple[dict[str, Array], dict[str, Array]]:
    """Activations and their gradients, layer by layer, in a deep network of 100 units a layer with N(0, gain²/100) weights."""
    draw = np.random.default_rng(0)
    x = tensor(draw.normal(size=(200, 100)))
    layers: dict[str, Tensor] = {}
    for k in range(depth):
        x = function(x @ tensor(draw.normal(size=(100, 100)) * gain / 10, requires_grad=True))
        layers[f"layer {k + 1}"] = x
    loss = (x * tensor(draw.normal(size=x.shape))).sum()
    gradients = minidl.grad(loss, list(layers.values()))
    values = {name: np.asarray(layer.data) for name, layer in layers.items()}
    return values, {name: np.asarray(g.data) for name, g in zip(layers, gradients, strict=True)}
