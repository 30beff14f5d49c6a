"""Every optimizer takes PyTorch's steps, and takes over PyTorch's state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import optim
from minidl.optim.line_search import Point, strong_wolfe

pytestmark = pytest.mark.torch

CASES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "dampening": 0.3, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    ("RMSprop", {"centered": True, "lr": 0.003}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "maximize": True, "lr": 0.003}),
    ("Adam", {}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.99), "eps": 1e-4, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.02, "amsgrad": True}),
    ("Adam", {"lr": 0.02, "maximize": True, "decoupled_weight_decay": True, "weight_decay": 0.3}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.5, "amsgrad": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.02, "weight_decay": 0.1, "momentum_decay": 0.1, "maximize": True}),
    ("NAdam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.02, "betas": (0.8, 0.9), "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.02, "weight_decay": 0.1, "maximize": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.2, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
]
IDS = [f"{name}-{'-'.join(options) or 'defaults'}" for name, options in CASES]

TOLERANCE = {"NAdam": 1e-7}
"""PyTorch keeps the product of NAdam's momenta in single precision."""

rng = np.random.default_rng(3)
START = rng.normal(size=(3, 4)), rng.normal(size=4), np.array(rng.normal())


def loss_of(parameters: list[Any]) -> Any:
    """Not quadratic, with gradients of very different sizes; `tanh` keeps them bounded when climbing."""
    w, b, s = parameters
    return ((w * w).sum().tanh() * s + (w.T @ w[:, 0] * 0.1 + b).tanh().sum() * 3 + (s * b).tanh().mean()) + 0.01 * (
        b**3
    ).sum()


def ours() -> list[minidl.Tensor]:
    return [minidl.tensor(np.array(x), requires_grad=True) for x in START]


def theirs() -> list[Any]:
    torch = pytest.importorskip("torch")
    return [torch.tensor(x, requires_grad=True) for x in START]


def groups(parameters: list[Any], options: dict[str, Any]) -> list[dict[str, Any]]:
    """The first two with the options; the last with a rate and a decay of its own."""
    return [
        {"params": parameters[:2]},
        {"params": parameters[2:], "lr": options.get("lr", 0.01) / 2, "weight_decay": 0.05},
    ]


def run(parameters: list[Any], optimizer: Any, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(parameters).backward()
        optimizer.step()


def assert_equal(parameters: list[minidl.Tensor], others: list[Any], tolerance: float = 1e-12) -> None:
    for p, q in zip(parameters, others, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_twenty_steps_are_torchs(name: str, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    p, q = ours(), theirs()
    a = getattr(optim, name)(groups(p, options), **options)
    b = getattr(torch.optim, name)(groups(q, options), **options)
    run(p, a, 20)
    run(q, b, 20)
    assert_equal(p, q, TOLERANCE.get(name, 1e-12))
    assert any((x.data != start).any() for x, start in zip(p, START, strict=True))


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_torchs_state_goes_on_here_and_ours_there(name: str, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    q = theirs()
    b = getattr(torch.optim, name)(groups(q, options), **options)
    run(q, b, 5)
    p = [minidl.tensor(x.detach().numpy().copy(), requires_grad=True) for x in q]
    a = getattr(optim, name)(groups(p, {}))  # the options come with the state
    a.load_state_dict(b.state_dict())
    run(p, a, 5)
    run(q, b, 5)
    assert_equal(p, q, TOLERANCE.get(name, 1e-12))
    state = a.state_dict()
    state["state"] = {
        number: {k: torch.tensor(v) for k, v in saved.items()} for number, saved in state["state"].items()
    }
    b.load_state_dict({**b.state_dict(), "state": state["state"]})
    run(p, a, 5)
    run(q, b, 5)
    assert_equal(p, q, TOLERANCE.get(name, 1e-12))


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_the_defaults_are_torchs(name: str, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    own = getattr(optim, name)(ours()).defaults
    other = getattr(torch.optim, name)(theirs()).defaults
    assert own == {k: v for k, v in other.items() if k in own}
    assert other.keys() - own.keys() <= {"foreach", "capturable", "differentiable"}


def rosenbrock(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


LBFGS_CASES: list[dict[str, Any]] = [
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "lr": 0.1, "max_iter": 7, "history_size": 3},
    {"line_search_fn": "strong_wolfe", "max_iter": 4, "max_eval": 6},
    {"lr": 0.02, "max_iter": 5},
    {"lr": 0.005, "history_size": 2, "tolerance_change": 1e-4},
]


def lbfgs_run(x: Any, optimizer: Any, steps: int) -> list[float]:
    def closure() -> Any:
        optimizer.zero_grad()
        loss = rosenbrock(x)
        loss.backward()
        return loss

    return [optimizer.step(closure).item() for _ in range(steps)]


@pytest.mark.parametrize("options", LBFGS_CASES, ids=lambda options: "-".join(options))
def test_lbfgs_is_torchs(options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    start = np.array([-1.2, 1.0, 0.3, -0.5])
    x = minidl.tensor(start.copy(), requires_grad=True)
    y = torch.tensor(start, requires_grad=True)
    a, b = optim.LBFGS([x], **options), torch.optim.LBFGS([y], **options)
    np.testing.assert_allclose(lbfgs_run(x, a, 3), lbfgs_run(y, b, 3), rtol=1e-7)
    np.testing.assert_allclose(x.data, y.detach().numpy(), rtol=1e-7)
    fresh = optim.LBFGS([x], **options)
    fresh.load_state_dict(b.state_dict())
    assert fresh.state_dict()["state"][0]["n_iter"] == b.state_dict()["state"][0]["n_iter"]
    x.data = y.detach().numpy().copy()
    np.testing.assert_allclose(lbfgs_run(x, fresh, 1), lbfgs_run(y, b, 1), rtol=1e-7)
    np.testing.assert_allclose(x.data, y.detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize("seed", range(100))
def test_the_line_search_is_torchs_on_wild_functions(seed: int) -> None:
    """Many hills, so that brackets end up narrow and trials fall on their ends."""
    torch = pytest.importorskip("torch")
    from torch.optim.lbfgs import _strong_wolfe

    chance = np.random.default_rng(seed)
    a, b, c = chance.normal(size=4), chance.uniform(0.5, 8, size=4), chance.uniform(0, 6, size=4)
    first = float(chance.choice([0.01, 1.0, 3.0]))

    def loss(t: float) -> tuple[float, float]:
        value = float((a * np.sin(b * t + c)).sum() + 0.01 * t * t)
        return value, float((a * b * np.cos(b * t + c)).sum() + 0.02 * t)

    value, slope = loss(0.0)
    direction = -np.sign(slope)

    def evaluate(t: float) -> tuple[float, Any]:
        value, slope = loss(float(t) * direction)
        return value, np.array([slope])

    start = Point(0.0, value, np.array([slope]), slope * direction)
    found, looks = strong_wolfe(evaluate, start, first, np.array([direction]), 25)
    expected, _, t, count = _strong_wolfe(
        lambda x, t, d: (evaluate(t)[0], torch.tensor(evaluate(t)[1])),
        None,
        first,
        torch.tensor([direction]),
        value,
        torch.tensor([slope]),
        torch.tensor(slope * direction, dtype=torch.float64),
    )
    assert looks == count
    assert (found.t, found.loss) == pytest.approx((float(t), expected), rel=1e-9)


def test_lbfgs_is_torchs_over_several_parameters() -> None:
    torch = pytest.importorskip("torch")
    p, q = ours(), theirs()
    a = optim.LBFGS(p, line_search_fn="strong_wolfe", max_iter=6)
    b = torch.optim.LBFGS(q, line_search_fn="strong_wolfe", max_iter=6)

    def closure(parameters: list[Any], optimizer: Any) -> Callable[[], Any]:
        def call() -> Any:
            optimizer.zero_grad()
            loss = sum(((x - 0.5) ** 2).sum() + 0.1 * (x**4).sum() for x in parameters)
            loss.backward()
            return loss

        return call

    for _ in range(2):
        a.step(closure(p, a))
        b.step(closure(q, b))
    assert_equal(p, q, 1e-9)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad"])
def test_single_precision_stays_near_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    start = np.random.default_rng(4).normal(size=(700, 100)).astype(np.float32)  # more than one block
    x = minidl.tensor(start.copy(), requires_grad=True)
    y = torch.tensor(start, requires_grad=True)
    a, b = getattr(optim, name)([x], lr=0.01), getattr(torch.optim, name)([y], lr=0.01)
    for _ in range(5):
        for p, optimizer in ((x, a), (y, b)):
            optimizer.zero_grad()
            (p**4).sum().backward()
            optimizer.step()
    assert x.dtype == np.float32
    assert all(v.dtype == np.float32 for v in a.state[x].values() if isinstance(v, np.ndarray))
    np.testing.assert_allclose(x.data, y.detach().numpy(), rtol=2e-5, atol=1e-6)
