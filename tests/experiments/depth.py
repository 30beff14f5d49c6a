"""Lesson 17: deeper is not better, unless there is a way past."""

from __future__ import annotations

from typing import Any

import numpy as np

import minidl
from minidl import Tensor, nn, optim
from minidl.nn import functional as F

from .common import accuracy, he, shares
from .harness import Measured, claim, experiment

WIDTH, EPOCHS = 32, 12


def _stack(depth: int, residual: bool) -> nn.Sequential:
    """So many layers of 32 units with batch norm and ReLU; residual: in blocks of two that begin as the identity."""

    def layer(active: bool = True) -> list[nn.Module]:
        return [nn.Linear(WIDTH, WIDTH, bias=False), nn.BatchNorm1d(WIDTH), *([nn.ReLU()] if active else [])]

    body: list[nn.Module] = []
    for _ in range(depth // 2):
        if residual:
            block = nn.Sequential(*layer(), *layer(False))
            last: Any = block[4]
            nn.init.zeros_(last.weight)
            body += [nn.Residual(block), nn.ReLU()]
        else:
            body += [*layer(), *layer()]
    return he(nn.Sequential(nn.Linear(64, WIDTH), nn.ReLU(), *body, nn.Linear(WIDTH, 10)))


def _train_error(depth: int, residual: bool, train: tuple[Tensor, Tensor], seed: int) -> float:
    minidl.manual_seed(seed)
    model = _stack(depth, residual)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    @minidl.compile
    def step(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    for _ in range(EPOCHS):
        for chosen in np.split(minidl.randperm(1000).data, 20):
            step(train[0][chosen], train[1][chosen])
    return 1 - accuracy(model, train)


@experiment(
    "A52, A86 · 002, 004; He et al. 2016",
    claim("training error: plain, 60 layers − 6 layers", above=0.3),
    claim("training error: residual, 60 layers", below=0.05),
)
def degradation(seed: int) -> Measured:
    """Sixty plain layers cannot even learn the training images that six learn; sixty residual ones can.

    Layers of 32 units with batch norm and ReLU, 6, 30 or 60 between a first and a last linear one, plain, and 60 in
    residual blocks of two whose last γ begins at 0: 1,000 digits, SGD at rate .05 with momentum .9, batches of 50, 12
    epochs.
    """
    train, _ = shares(seed, 1000)
    found = {
        f"training error: {'residual' if residual else 'plain'}, {depth} layers": _train_error(
            depth, residual, train, seed
        )
        for depth, residual in ((6, False), (30, False), (60, False), (60, True))
    }
    found["training error: plain, 60 layers − 6 layers"] = (
        found["training error: plain, 60 layers"] - found["training error: plain, 6 layers"]
    )
    return found
