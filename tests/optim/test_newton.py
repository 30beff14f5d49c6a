"""Newton's method by conjugate gradients (A31)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.errors import GraphError, UsageError
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
    optimizer = optim.NewtonCG([x])
    gradient, product = optimizer._orders(rosenbrock(x))
    np.testing.assert_allclose(gradient, minidl.func.grad(rosenbrock)(x.detach()).data, rtol=1e-12)
    np.testing.assert_allclose(product(v), hvp(rosenbrock, x.detach(), minidl.tensor(v)).data, rtol=1e-12)


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


# Gauss–Newton -------------------------------------------------------------------------------------------------------------


def residuals(x: Any) -> Any:
    """Two for each neighbouring pair: the sum of their squares is Rosenbrock's function."""
    return minidl.cat([10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])


def test_gauss_newtons_products_are_those_of_the_jacobian() -> None:
    """Jᵀ·H·J written out, for a cross-entropy of three classes: H = diag(p) − p·pᵀ for each example, by their number."""
    rng = np.random.default_rng(3)
    inputs, labels = minidl.tensor(rng.normal(size=(5, 4))), minidl.tensor(np.array([0, 2, 1, 1, 0]))
    w = minidl.tensor(rng.normal(size=(4, 3)), requires_grad=True)
    b = minidl.tensor(rng.normal(size=3), requires_grad=True)
    unused = minidl.tensor(np.ones(2), requires_grad=True)

    def model(w: Any, b: Any) -> Any:
        return (inputs @ w).tanh() + b

    outputs = model(w, b)
    loss = nn.functional.cross_entropy(outputs, labels)
    gradient, product = optim.GaussNewtonCG([w, b, unused])._orders((loss, outputs))
    jacobians = minidl.func.jacobian(model, (0, 1))(w.detach(), b.detach())
    jacobian = np.concatenate([j.data.reshape(5, 3, -1) for j in jacobians], axis=2)
    p = np.exp(outputs.data) / np.exp(outputs.data).sum(axis=1, keepdims=True)
    bends = (np.eye(3) * p[:, None, :] - p[:, :, None] * p[:, None, :]) / 5
    expected = np.einsum("nki,nkl,nlj->ij", jacobian, bends, jacobian)
    found = np.stack([product(v) for v in np.eye(17)])
    np.testing.assert_allclose(found[:15, :15], expected, rtol=1e-10, atol=1e-14)
    assert not found[15:].any()
    assert np.linalg.eigvalsh(found).min() > -1e-14
    loss.backward()
    np.testing.assert_allclose(gradient[:12], w.grad.data.reshape(-1), rtol=1e-12)


def test_gauss_newton_ends_at_rosenbrocks_minimum_and_never_climbs() -> None:
    x = minidl.tensor(np.array([-1.2, 1.0, 0.5]), requires_grad=True)
    optimizer = optim.GaussNewtonCG([x], tolerance=1e-6)

    def closure() -> tuple[minidl.Tensor, minidl.Tensor]:
        outputs = residuals(x)
        return (outputs * outputs).sum(), outputs

    losses = [optimizer.step(closure).item() for _ in range(30)]
    assert losses[0] == pytest.approx(rosenbrock(minidl.tensor(np.array([-1.2, 1.0, 0.5]))).item())
    assert all(after <= before for before, after in pairwise(losses))
    np.testing.assert_allclose(x.data, 1, atol=1e-7)


def test_both_are_one_where_the_outputs_are_linear() -> None:
    """Logistic regression: the outputs have no curvature of their own."""
    rng = np.random.default_rng(0)
    inputs = minidl.tensor(rng.normal(size=(50, 4)))
    targets = minidl.tensor((rng.random(50) < 1 / (1 + np.exp(-inputs.data @ [1, -2, 0.5, 0]))).astype(np.float64))
    found = []
    for kind in (optim.NewtonCG, optim.GaussNewtonCG):
        w = minidl.tensor(np.zeros(4), requires_grad=True)
        optimizer = kind([w], tolerance=1e-10)

        def closure(w: Any = w, optimizer: Any = optimizer) -> Any:
            outputs = inputs @ w
            loss = nn.functional.binary_cross_entropy_with_logits(outputs, targets)
            return (loss, outputs) if isinstance(optimizer, optim.GaussNewtonCG) else loss

        for _ in range(8):
            optimizer.step(closure)
        found.append(w.data)
    np.testing.assert_allclose(*found, rtol=1e-10)
    p = 1 / (1 + np.exp(-inputs.data @ found[0]))
    np.testing.assert_allclose(inputs.data.T @ (p - targets.data), 0, atol=1e-10)


def test_without_a_pair_gauss_newton_says_what_it_needs() -> None:
    x = minidl.tensor([1.0], requires_grad=True)
    with pytest.raises(UsageError, match=r"the pair \(loss, outputs\)"):
        optim.GaussNewtonCG([x]).step(lambda: (x * x).sum())
    with pytest.raises(GraphError, match="GaussNewtonCG: the closure must return a loss that depends"):
        optim.GaussNewtonCG([x]).step(lambda: (minidl.tensor(1.0), x))


# Hard cases ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tolerance", [0.01, 0.0])
def test_a_singular_hessian_is_solved_where_it_can_be(tolerance: float) -> None:
    """Rank 1: the least squares solution nearest to the start is reached in one step, and kept."""
    matrix = minidl.tensor(np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]))
    w = minidl.tensor(np.array([1.0, 2.0, 3.0]), requires_grad=True)
    optimizer = optim.NewtonCG([w], tolerance=tolerance)
    losses = [optimizer.step(lambda: ((matrix @ w - 1) ** 2).sum()).item() for _ in range(4)]
    np.testing.assert_allclose(losses, [146, 0.2, 0.2, 0.2])
    np.testing.assert_allclose(w.data, [-0.8, 0.2, 1.2])


def test_damping_shortens_the_step() -> None:
    """On ½·x² the step is −x / (1 + damping)."""
    x = minidl.tensor(np.array([3.0]), requires_grad=True)
    optim.NewtonCG([x], damping=2.0, tolerance=0.0).step(lambda: (x * x).sum() / 2)
    assert x.item() == pytest.approx(2.0)


@pytest.mark.parametrize("start", [-1.0, 0.0])
def test_where_the_loss_is_not_finite_it_stays(start: float) -> None:
    x = minidl.tensor(np.array([start]), requires_grad=True)
    optim.NewtonCG([x]).step(lambda: x.log().sum())
    assert x.item() == start


@pytest.mark.parametrize("kind", [optim.LBFGS, optim.NewtonCG, optim.GaussNewtonCG])
def test_the_profiler_tells_the_solving_from_the_closure(kind: Any) -> None:
    x = minidl.tensor(np.array([-1.2, 1.0]), requires_grad=True)
    optimizer = kind([x])

    def closure() -> Any:
        optimizer.zero_grad()
        outputs = minidl.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])
        loss = (outputs * outputs).sum()
        if kind is optim.LBFGS:
            loss.backward()
        return (loss, outputs) if kind is optim.GaussNewtonCG else loss

    with minidl.profile() as p:
        optimizer.step(closure)
    assert {"forward", "backward", "optimizer"} <= set(p.phases)
    phases = {row.phase for row in p.rows if row.operation == ("sub",)}
    assert "forward" in phases
    assert "optimizer" not in phases
