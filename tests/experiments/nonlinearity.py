"""Lesson 12: what a network is without nonlinearity, and what it can be with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import minidl
from minidl import Tensor, nn, optim
from minidl.data.toys import playground
from minidl.nn import functional as F

from .common import fit, mlp
from .harness import Measured, claim, experiment


@experiment("A66 · 000", claim("largest difference ÷ largest output", below=1e-5))
def linear_collapse(seed: int) -> Measured:
    """Six linear layers are one.

    64-128-128-128-128-128-10 without activations: its outputs for 1,000 normally drawn inputs, and those of the one
    layer whose matrix is the product of the six and whose bias is the network's output for zero; in float32.
    """
    model = mlp(64, *[128] * 5, 10, activation=nn.Identity)
    x = minidl.randn(1000, 64)
    with minidl.no_grad():
        matrix = minidl.eye(64)
        for layer in model:
            matrix = layer.weight @ matrix if isinstance(layer, nn.Linear) else matrix
        deep, one = model(x).data, (x @ matrix.T + model(minidl.zeros(1, 64))).data
    return {"largest difference ÷ largest output": float(abs(deep - one).max() / abs(deep).max())}


def _wave(phase: float, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two waves over [0, 1]."""
    return np.sin(4 * np.pi * x + phase)


def _bent(hidden: int, phase: float) -> nn.Sequential:
    """A ReLU network that meets the waves at evenly spread points: each unit bends the line at one of them."""
    knots = np.linspace(0, 1, hidden + 1)
    values = _wave(phase, knots)
    bends = np.diff(np.diff(values) * hidden, prepend=0.0)
    net = nn.Sequential(nn.Linear(1, hidden), nn.ReLU(), nn.Linear(hidden, 1)).to(minidl.float64)
    net.load_state_dict(
        {"0.weight": np.ones((hidden, 1)), "0.bias": -knots[:-1], "2.weight": bends[np.newaxis], "2.bias": values[:1]}
    )
    return net


def _learned(hidden: int, phase: float, steps: int) -> nn.Sequential:
    """The same network with weights that Adam found, from the layers' usual beginning."""
    net = nn.Sequential(nn.Linear(1, hidden), nn.ReLU(), nn.Linear(hidden, 1)).to(minidl.float64)
    x = np.linspace(0, 1, 200)[:, np.newaxis]
    X, t, optimizer = minidl.tensor(x), minidl.tensor(_wave(phase, x)), optim.Adam(net.parameters(), lr=0.01)

    @minidl.compile
    def step() -> None:
        optimizer.zero_grad()
        nn.functional.mse_loss(net(X), t).backward()
        optimizer.step()

    for _ in range(steps):
        step()
    return net


@experiment(
    "A67 · 000, 003; Cybenko 1989, Leshno et al. 1993",
    claim("largest error: 20 units", below=0.05),
    claim("largest error: 80 units", below=0.0035),
    claim("largest error: 320 units", below=0.00025),
)
def approximation(seed: int) -> Measured:
    """Four times the units, a sixteenth of the error: one hidden layer of ReLUs comes as near as one likes.

    sin(4πx + φ) on [0, 1] with a φ drawn at random: networks 1-n-1 whose weights are written down, not learned (each
    unit bends the line at one of n even points); the largest error on 10,001 points. That such weights exist does not
    say that descent finds them: the last line is the same network of 80 units after 2,000 steps of Adam at .01 on 200
    points.
    """
    phase = float(np.random.default_rng(seed).uniform(0, 2 * np.pi))
    x = np.linspace(0, 1, 10_001)[:, np.newaxis]

    def error(net: nn.Module) -> float:
        with minidl.no_grad():
            return float(abs(net(minidl.tensor(x)).data - _wave(phase, x)).max())

    found = {f"largest error: {n} units": error(_bent(n, phase)) for n in (20, 80, 320)}
    return found | {"largest error: 80 units, learned": error(_learned(80, phase, 2000))}


@experiment(
    "A66, A67 · 000, 003",
    claim("accuracy: linear, 1 layer", below=0.7),
    claim("accuracy: linear, 4 layers − 1 layer", above=-0.02, below=0.02),
    claim("loss: linear, 1 layer − 4 layers", above=-0.01, below=0.01),
    claim("accuracy: ReLU, 4 layers", above=0.95),
)
def spiral(seed: int) -> Measured:
    """Depth does not help a linear network to tell two spirals apart; ReLU does.

    The Playground's spiral of 200 points; networks of one layer, of four layers of 32 units without activation, and of
    four with ReLU, on the same points: accuracy and binary cross-entropy after 200 steps of Adam at .02 on all of them.
    """
    X, y = playground("spiral", 200, seed=seed)
    part = minidl.tensor(X), minidl.tensor(y)
    found: Measured = {}

    def loss(scores: Tensor, labels: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(scores[:, 0], 1.0 * labels)

    for name, hidden, activation in (
        ("linear, 1 layer", 0, nn.Identity),
        ("linear, 4 layers", 3, nn.Identity),
        ("ReLU, 4 layers", 3, nn.ReLU),
    ):
        model = mlp(2, *[32] * hidden, 1, activation=activation)
        history = fit(model, part, optim.Adam(model.parameters(), lr=0.02), 200, 200, loss=loss, metrics={})
        right = (model(part[0]).data[:, 0] > 0) == y
        found |= {f"accuracy: {name}": float(right.mean()), f"loss: {name}": history[-1]["train_loss"]}
    deep, one = (found[f"accuracy: linear, {depth}"] for depth in ("4 layers", "1 layer"))
    found["accuracy: linear, 4 layers − 1 layer"] = deep - one
    found["loss: linear, 1 layer − 4 layers"] = found["loss: linear, 1 layer"] - found["loss: linear, 4 layers"]
    return found
