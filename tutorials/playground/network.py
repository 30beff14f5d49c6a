"""The model and the loop that trains it: all the learning there is in the playground."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import minidl
from minidl import nn, optim
from minidl.data.toys import playground, playground_features

from .settings import INPUTS, POINTS, Settings

Array = NDArray[np.float32]

EDGE: Final = 6.0
"""The plane reaches from −6 to 6 both ways."""

AT_ONCE: Final = 500
"""Places asked about together: with more, kernels for large arrays would be compiled, which takes longer than it saves."""

LAYERS: Final = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "linear": nn.Identity}
"""The activations as layers."""


def build(settings: Settings) -> nn.Sequential:
    """Make the network: linear layers with an activation between, and one score a point at the end.

    As in the original playground, weights begin evenly spread from −½ to ½ and biases at 0.1.

    >>> [tuple(p.shape) for p in build(Settings(layers=(4, 2))).parameters()]
    [(4, 2), (4,), (2, 4), (2,), (1, 2), (1,)]
    """
    widths = (len(settings.inputs), *settings.layers)
    parts: list[nn.Module] = []
    with nn.init.skipped():
        for fan_in, fan_out in pairwise(widths):
            parts += [nn.Linear(fan_in, fan_out), LAYERS[settings.activation]()]
        model = nn.Sequential(*parts, nn.Linear(widths[-1], 1))
    chance = minidl.Generator(settings.seed)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            nn.init.uniform_(parameter, -0.5, 0.5, chance)
        else:
            nn.init.constant_(parameter, 0.1)
    return model


class Network:
    """A network, the points that it learns from, and those that test it.

    Attributes:
        model: from the chosen inputs `(N, inputs)` to scores `(N, 1)`; tanh of a score is the answer, from −1 to 1.
        points: `(500, 2)`.
        labels: `(500,)`, −1 or 1.
        cut: the points before this index are learnt from, the others test.
        epoch: how often it has seen all of the points that it learns from.
    """

    def __init__(self, settings: Settings) -> None:
        self.points, classes = playground(settings.data, POINTS, settings.noise / 100, settings.seed)
        self.labels = (2 * classes - 1).astype(np.float32)
        self.cut = max(1, POINTS * settings.train // 100)
        self.model = build(settings)
        self.epoch = 0
        self._names = [INPUTS[name] for name in settings.inputs]
        self._seed = settings.seed
        self._weights = [p for p in self.model.parameters() if p.ndim == 2]
        self._optimizer = optim.SGD(self.model.parameters())
        self._compiled = minidl.compile(self._step)

    def train(self, settings: Settings) -> None:
        """Go once through the points to learn from, in an order of the epoch's own, a batch a step."""
        order = np.random.default_rng((self._seed, self.epoch)).permutation(self.cut)
        x, y = self.features(self.points[order]), self.labels[order]
        self._optimizer.param_groups[0]["lr"] = settings.rate
        with np.errstate(all="ignore"):  # at too large a rate the numbers overflow; the losses then say so
            for k in range(0, self.cut, settings.batch):
                batch = slice(k, k + settings.batch)
                self._compiled(minidl.tensor(x[batch]), minidl.tensor(y[batch]), settings.penalty, settings.strength)
        self.epoch += 1

    def _step(self, x: minidl.Tensor, y: minidl.Tensor, penalty: str, strength: float) -> minidl.Tensor:
        """One step of gradient descent; compiled, so that from its third run on only the arithmetic is left of it."""
        self._optimizer.zero_grad()
        answer = self.model(x)[:, 0].tanh()
        loss = 0.5 * (answer - y).square().mean()
        if penalty == "l1":
            loss = loss + strength * optim.l1_penalty(self._weights)
        elif penalty == "l2":
            loss = loss + 0.5 * strength * optim.l2_penalty(self._weights)
        loss.backward()
        self._optimizer.step()
        return loss

    def features(self, points: NDArray[Any]) -> Array:
        """The chosen inputs of points `(N, 2)`, one a column."""
        return playground_features(points, self._names)

    def scores(self, points: NDArray[Any]) -> Array:
        """What the network gives for points, before the last tanh: `(N,)`."""
        return self._ask(self.model, points)[:, 0]

    def answers(self, points: NDArray[Any]) -> Array:
        """How sure the network is of the classes of points: from −1, surely the one, to 1, surely the other."""
        return np.tanh(self.scores(points))

    def units(self, points: NDArray[Any]) -> Array:
        """What the units of the first hidden layer give for points: `(N, units)`."""
        return self._ask(self.model[:2], points)

    def _ask(self, model: nn.Module, points: NDArray[Any]) -> Array:
        x = self.features(points)
        with minidl.no_grad(), np.errstate(all="ignore"):
            parts = [model(minidl.tensor(x[k : k + AT_ONCE])).data for k in range(0, len(x), AT_ONCE)]
        return np.concatenate(parts)

    def losses(self) -> tuple[float, float]:
        """Half the mean squared error on the points learnt from, and on those that test."""
        halves = 0.5 * (self.answers(self.points) - self.labels) ** 2
        return float(halves[: self.cut].mean()), float(halves[self.cut :].mean())

    def right(self) -> tuple[float, float]:
        """The share of points on their own side, of those learnt from and of those that test."""
        agree = self.answers(self.points) * self.labels > 0
        return float(agree[: self.cut].mean()), float(agree[self.cut :].mean())

    def layers(self) -> list[Array]:
        """The weights `(units, inputs)` of each linear layer, from the first to the output's."""
        return [np.asarray(weight.data) for weight in self._weights]


def grid(columns: int, rows: int) -> NDArray[np.float64]:
    """The centres of a grid's cells over the plane, row by row from the top left: `(rows·columns, 2)`.

    >>> grid(2, 1).tolist()
    [[-3.0, 0.0], [3.0, 0.0]]
    """
    across = (np.arange(columns) + 0.5) / columns * 2 * EDGE - EDGE
    down = EDGE - (np.arange(rows) + 0.5) / rows * 2 * EDGE
    return np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
