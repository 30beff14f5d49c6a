"""Lesson 8: what the scale and the place of inputs do to learning."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import minidl
from minidl import Tensor, nn, optim
from minidl.data import digits
from minidl.nn import functional as F

from .common import shares
from .harness import Measured, claim, experiment, not_reproduced

TARGET, MOST = 0.3, 3000


def _iterations(x: NDArray[np.float32], y: Tensor) -> int:
    """The fewest steps of gradient descent, over the rates 2ᵏ, until softmax regression's loss is below the target."""
    X, best = minidl.tensor(x), MOST
    for k in range(6, -14, -1):
        W, b = (minidl.zeros(*shape, requires_grad=True) for shape in ((64, 10), (10,)))
        optimizer = optim.SGD([W, b], lr=2.0**k)

        @minidl.compile
        def step(W: Tensor = W, b: Tensor = b, optimizer: optim.SGD = optimizer) -> Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(X @ W + b, y)
            loss.backward()
            optimizer.step()
            return loss

        for count in range(best):
            loss = step().item()
            if loss <= TARGET:
                best = count
                break
            if not loss < 100:
                break
    return best


def _three(pixels: NDArray[Any], y: Tensor) -> list[int]:
    """The steps with inputs as they are, centred, and standardised."""
    centred = pixels - pixels.mean(0)
    spread = pixels.std(0)
    standardised = centred / np.where(spread > 0, spread, 1)
    return [_iterations(x.astype(np.float32), y) for x in (pixels, centred, standardised)]


@experiment(
    "A38, A40 · 002; LeCun, Bottou, Orr and Müller 1998",
    claim("other units: steps, raw ÷ standardised", above=10),
    not_reproduced(
        "pixels: steps, raw ÷ standardised",
        "pixels have one unit, so that standardising adds little to centring; columns of different units gain from both",
        above=10,
    ),
    claim("pixels: steps, raw ÷ centred", above=2),
)
def input_scaling(seed: int) -> Measured:
    """Centred and standardised inputs take a small part of the steps: the more, the more their units differ.

    Softmax regression on 600 digits by gradient descent on all of them, from zero, each at its best rate of 2⁶ …
    2⁻¹³: steps until the training loss is .3 (at most 3,000). The inputs are the pixels from 0 to 16, and, as if each
    had a unit of its own, the same times factors drawn between .1 and 10 and shifted by as many normal numbers of
    deviation 2: as they are, less their means, and divided by their deviations too (a pixel that never changes stays
    0).
    """
    data = digits()
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(data))[:600]
    pixels, y = 16.0 * data.images[chosen].reshape(-1, 64), minidl.tensor(data.labels[chosen])
    units = pixels * np.exp(rng.uniform(np.log(0.1), np.log(10), 64)) + rng.normal(0, 2, 64)
    found: Measured = {}
    for name, inputs in (("pixels", pixels), ("other units", units)):
        raw, centred, standardised = _three(inputs, y)
        found |= {
            f"{name}: steps, raw": raw,
            f"{name}: steps, centred": centred,
            f"{name}: steps, standardised": standardised,
            f"{name}: steps, raw ÷ centred": raw / centred,
            f"{name}: steps, raw ÷ standardised": raw / standardised,
        }
    return found


def _one_sign(x: Tensor, y: Tensor, batch: int) -> float:
    """The share of a layer's units whose weights' gradients all have one sign, over batches of so many."""
    layer, after = nn.Linear(64, 32), nn.Linear(32, 10)
    shares_ = []
    for begin in range(0, 128, batch):
        some = slice(begin, begin + batch)
        layer.zero_grad()
        F.cross_entropy(after(layer(x[some]).tanh()), y[some]).backward()
        g = layer.weight.grad.data
        shares_.append(float(((g >= 0).all(1) | (g <= 0).all(1)).mean()))
    return float(np.mean(shares_))


@experiment(
    "A39 · 002",
    claim("units of one sign: positive inputs, one example", above=1, below=1),
    claim("units of one sign: centred inputs, one example", below=0.01),
    claim("units of one sign: positive inputs, batches of 32", below=0.9),
)
def same_sign(seed: int) -> Measured:
    """Inputs that are all positive give the weights of a unit gradients of one sign, for one example.

    A layer 64-32 with tanh under a linear classifier, at its initial weights: the share of its units whose 64
    gradients are all ≥ 0 or all ≤ 0, for single digits, and for batches of 32, whose mean need not have one sign.
    """
    ((x, y), _), ((z, _), _) = shares(seed, 128, standardize=False), shares(seed, 128)
    return {
        "units of one sign: positive inputs, one example": _one_sign(x, y, 1),
        "units of one sign: centred inputs, one example": _one_sign(z, y, 1),
        "units of one sign: positive inputs, batches of 32": _one_sign(x, y, 32),
    }
