"""Compiled functions of scalars: a graph that is large enough becomes one instruction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import optim

ROWS = np.random.default_rng(0).normal(size=(6, 2))


def neuron_by_neuron(update: str, hidden: int) -> tuple[Callable[..., Any], list[Any]]:
    """A step of training a network made of single scalars, and its parameters."""
    random = np.random.default_rng(1)
    weights = [[minidl.scalar(float(v)) for v in random.normal(size=3)] for _ in range(hidden)]
    last = [minidl.scalar(float(v)) for v in random.normal(size=hidden)]
    parameters = [w for row in weights for w in row] + last
    rule = optim.SGD(parameters, lr=0.01, momentum=0.5)

    def step() -> Any:
        for p in parameters:
            p.grad = None
        total: Any = 0.0
        for x, y in ROWS:
            score: Any = 0.0
            for (a, b, c), w in zip(weights, last, strict=True):
                score = score + w * (a * float(x) + b * float(y) + c).tanh()
            total = total + (score - 1.0) ** 2
        total.backward()
        if update == "optimizer":
            rule.step()
        else:
            for p in parameters:
                p.data -= 0.01 * p.grad.data
        return total

    return step, parameters


@pytest.mark.parametrize("update", ["optimizer", "by hand"])
@pytest.mark.parametrize("hidden", [1, 5])
def test_scalars_train_as_they_do_otherwise(update: str, hidden: int) -> None:
    plain, own = neuron_by_neuron(update, hidden)
    step, parameters = neuron_by_neuron(update, hidden)
    compiled = minidl.compile(step)
    for _ in range(6):
        np.testing.assert_allclose(compiled().data, plain().data, rtol=1e-12)
    assert compiled.tape.replays == 4
    for p, q in zip(parameters, own, strict=True):
        np.testing.assert_allclose([p.data, p.grad.data], [q.data, q.grad.data], rtol=1e-10)
        assert type(p.data) is np.float64
    whole = [i.name for i in compiled.tape.instructions if i.name.startswith("scalars[")]
    assert len(whole) == (hidden > 1)
    if whole:
        assert not any(i.name == "tanh" for i in compiled.tape.instructions)


def _slope(x: float) -> float:
    slope = 1.0
    for _ in range(100):
        x = np.tanh(x * 0.9 + 0.1)
        slope *= 0.9 * (1 - x * x)
    return slope


def test_gradients_of_scalars_add_up() -> None:
    x = minidl.scalar(0.5)

    @minidl.compile
    def step() -> Any:
        y = x
        for _ in range(100):
            y = (y * 0.9 + 0.1).tanh()
        y.backward()
        return y

    for k in range(1, 5):
        step()
        assert x.grad.item() == pytest.approx(k * _slope(0.5))
