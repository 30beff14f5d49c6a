"""Newton's method by conjugate gradients (A31)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.errors import GraphError
from minidl.func import hvp


def rosenbrock(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def test_a_quadratic_takes_one_step_when_the_equation_is_solved_exactly() -> None:
    """The loose first tolerance is met late where the gradient is small already."""
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(4, 4))
    matrix = minidl.tensor(factor @ factor.T + np.eye(4))
    x = minidl.tensor(1e-9 * rng.normal(size=4), requires_grad=True)
    before = np.linalg.norm(x.data)
    optim.NewtonCG([x]).step(lambda: (x @ (matrix @ x)) / 2)
    assert np.linalg.norm(x.data) < 1e-4 * before


def test_its_products_are_those_of_hvp() -> None:
    rng = np.random.default_rng(1)
    x = minidl.tensor(rng.normal(size=5), requires_grad=True)
    v = rng.normal(size=5)
    optimizer = optim.NewtonCG([x], damping=0.25)
    slopes = optimizer._sweep(rosenbrock(x), create_graph=True)
    expected = hvp(rosenbrock, x.detach(), minidl.tensor(v)).data + 0.25 * v
    np.testing.assert_allclose(optimizer._product(slopes, v), expected, rtol=1e-12)


def test_it_finds_rosenbrocks_minimum_and_never_climbs() -> None:
    x = minidl.tensor(np.array([-1.2, 1.0]), requires_grad=True)
    optimizer = optim.NewtonCG([x])
    losses = [optimizer.step(lambda: rosenbrock(x)).item() for _ in range(30)]
    assert all(after <= before for before, after in pairwise(losses))
    np.testing.assert_allclose(x.data, 1, atol=1e-7)


def test_where_the_curvature_is_negative_it_goes_downhill() -> None:
    x = minidl.tensor(np.array([0.1, 2.0]), requires_grad=True)

    def loss() -> minidl.Tensor:
        return (x**4).sum() / 4 - (x * x).sum() / 2  # concave around 0, lowest at ±1

    optimizer = optim.NewtonCG([x])
    for _ in range(20):
        optimizer.step(loss)
    np.testing.assert_allclose(np.abs(x.data), 1, atol=1e-8)


def test_it_trains_a_network_and_leaves_unused_parameters() -> None:
    rng = np.random.default_rng(2)
    inputs, targets = minidl.tensor(rng.normal(size=(20, 3))), minidl.tensor(rng.normal(size=(20, 1)))
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    for p in model.parameters():
        p.data = p.data.astype(np.float64)
    unused = minidl.tensor(np.ones(2), requires_grad=True)
    optimizer = optim.NewtonCG([*model.parameters(), unused], damping=1e-3)
    losses = [optimizer.step(lambda: nn.functional.mse_loss(model(inputs), targets)).item() for _ in range(10)]
    assert losses[-1] < 0.5 * losses[0]
    assert (unused.data == 1).all()


def test_a_loss_that_does_not_depend_on_the_parameters_is_refused() -> None:
    x = minidl.tensor([1.0], requires_grad=True)
    with pytest.raises(GraphError, match="depends on the parameters"):
        optim.NewtonCG([x]).step(lambda: minidl.tensor(1.0))
