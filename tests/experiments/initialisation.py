"""Lesson 9: how weights begin."""

from __future__ import annotations

from collections.abc import Callable

import minidl
from minidl import nn, optim
from minidl.nn import functional as F

from .common import accuracy, fill_biases, fit, mlp, shares
from .harness import Measured, claim, experiment, not_reproduced

DEPTH, WIDTH = 20, 512


def _end(scale: float, activation: Callable[[minidl.Tensor], minidl.Tensor]) -> float:
    """The variance after 20 layers of 512 units whose weights have a variance, divided by that of the input."""
    h = minidl.randn(256, WIDTH)
    before = float(h.data.var())
    with minidl.no_grad():
        for _ in range(DEPTH):
            h = activation(h @ nn.init.normal_(minidl.zeros(WIDTH, WIDTH), std=scale**0.5))
    return float(h.data.astype("d").var()) / before


@experiment(
    "A33 · 001, 003; He et al. 2015",
    claim("variance of layer 20: linear, 1/n", above=0.5, below=2),
    claim("variance of layer 20: ReLU, 1/n", below=1e-5),
    claim("variance of layer 20: ReLU, 2/n", above=0.3, below=3),
    claim("variance of layer 20: ReLU, .01²", below=1e-20),
    claim("variance of layer 20: ReLU, .1²", above=1e6),
)
def variance(seed: int) -> Measured:
    """Weights of variance 2/n carry a signal through 20 layers of ReLU.

    256 normally distributed inputs through 20 layers of n = 512 units without biases: the variance of the last
    layer's outputs divided by that of the inputs, for four scales of the weights.
    """

    def linear(h: minidl.Tensor) -> minidl.Tensor:
        return h

    return {
        "variance of layer 20: linear, 1/n": _end(1 / WIDTH, linear),
        "variance of layer 20: ReLU, 1/n": _end(1 / WIDTH, F.relu),
        "variance of layer 20: ReLU, 2/n": _end(2 / WIDTH, F.relu),
        "variance of layer 20: ReLU, .01²": _end(0.01**2, F.relu),
        "variance of layer 20: ReLU, .1²": _end(0.1**2, F.relu),
    }


@experiment(
    "A32, A33 · 001, 003; He et al. 2015",
    claim("test accuracy: 2/n", above=0.5),
    claim("test accuracy: .01²", below=0.2),
    claim("test accuracy: 2/n − 1/n", above=0.1),
    claim("test accuracy: 2/n − .3²", above=0.1),
)
def deep_start(seed: int) -> Measured:
    """Of four scales of weights one lets twenty layers learn.

    20 layers of 64 units with ReLU and a classifier, zero biases, 1,000 digits, SGD at rate .05 with batches of 50,
    10 epochs, the gradient shortened to length 1 where it is longer: normally drawn weights of variance .01², 1/n, 2/n
    and .3².
    """
    train, test = shares(seed, 1000)
    right = {}
    for name, deviation in ((".01²", 0.01), ("1/n", 1 / 8), ("2/n", 2**0.5 / 8), (".3²", 0.3)):
        minidl.manual_seed(seed)
        model = mlp(64, *[64] * 20, 10)
        for p in model.parameters():
            if p.ndim == 2:
                nn.init.normal_(p, std=deviation)
        fit(model, train, optim.SGD(model.parameters(), lr=0.05), 10, 50, clip_norm=1.0, metrics={})
        right[name] = accuracy(model, test)
    return {f"test accuracy: {name}": value for name, value in right.items()} | {
        f"test accuracy: 2/n − {name}": right["2/n"] - right[name] for name in ("1/n", ".3²")
    }


@experiment(
    "A34 · 002",
    not_reproduced(
        "test accuracy: bias .01 − bias 0",
        "a bias of .01 is small beside scores whose deviation is about 1: it decides of hardly any unit whether it is on",
        above=0.01,
    ),
    not_reproduced(
        "training loss of epoch 1: bias 0 ÷ bias .01",
        "for the same reason",
        above=1.05,
    ),
)
def relu_bias(seed: int) -> Measured:
    """Slightly positive biases (.01) before a ReLU: no measurable effect.

    64-128-64-10 with He's weights on 1,000 digits, SGD at rate .1 with batches of 32 for 5 epochs, biases starting at
    0 and at .01, all else the same. Test accuracy on 797.
    """
    train, test = shares(seed, 1000)
    first, right = {}, {}
    for bias in (0.0, 0.01):
        minidl.manual_seed(seed)
        model = mlp(64, 128, 64, 10)
        fill_biases(model, bias)
        first[bias] = fit(model, train, optim.SGD(model.parameters(), lr=0.1), 5)[0]["train_loss"]
        right[bias] = accuracy(model, test)
    return {
        "test accuracy: bias 0": right[0.0],
        "test accuracy: bias .01 − bias 0": right[0.01] - right[0.0],
        "training loss of epoch 1: bias 0 ÷ bias .01": first[0.0] / first[0.01],
    }
