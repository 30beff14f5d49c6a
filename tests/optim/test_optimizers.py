"""What optimizers do beside PyTorch's arithmetic: the numbers of the lectures, groups, states, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.errors import CheckpointError, GraphError, UsageError

Make = Callable[[list[Any]], optim.Optimizer]

ALL: list[Make] = [
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    lambda p: optim.HeavyBall(p, lr=0.1),
    lambda p: optim.RMSprop(p, centered=True, momentum=0.9),
    lambda p: optim.Adam(p, amsgrad=True, weight_decay=0.1),
    optim.AdamW,
    optim.NAdam,
    optim.RAdam,
    optim.Adamax,
    optim.Adagrad,
    optim.Adadelta,
]


def walk(optimizer: optim.Optimizer, x: minidl.Tensor, g: float, rates: list[float]) -> list[float]:
    """Positions under a constant gradient, with the rate set before each step."""
    seen = []
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        (g * x).backward()
        optimizer.step()
        seen.append(x.item())
    return seen


# The lectures' numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [optim.SGD, optim.HeavyBall])
def test_both_momentum_conventions_agree_at_a_constant_rate(kind: Any) -> None:
    x = minidl.scalar(0.0)
    assert walk(kind([x], lr=0.1, momentum=0.9), x, 1.0, [0.1] * 3) == pytest.approx([-0.1, -0.29, -0.561])


@pytest.mark.parametrize(("kind", "end"), [(optim.HeavyBall, -0.6439), (optim.SGD, -0.35149)])
def test_the_momentum_conventions_differ_when_the_rate_changes(kind: Any, end: float) -> None:
    x = minidl.scalar(0.0)
    assert walk(kind([x], lr=0.1, momentum=0.9), x, 1.0, [0.1, 0.1, 0.01, 0.01])[-1] == pytest.approx(end)


@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        (optim.Adam, [1e-3, 1e-3, 1e-3]),
        (optim.literal.AdamUncorrected, [0.0031623, 0.0042496, 0.0049502]),
        (optim.literal.AdamPrinted, [0.0, 0.0010, 0.0013438]),
    ],
)
def test_adam_and_its_misprints_of_the_facts(kind: Any, steps: list[float]) -> None:
    x = minidl.scalar(0.0)
    seen = walk(kind([x], lr=1e-3), x, 1.0, [1e-3] * 3)
    assert -np.diff([0.0, *seen]) == pytest.approx(steps, abs=5e-8)


@pytest.mark.parametrize(("kind", "step"), [(optim.Adam, 9.0909e-5), (optim.literal.AdamEpsInside, 1e-8)])
def test_where_epsilon_stands_matters_for_small_gradients(kind: Any, step: float) -> None:
    x = minidl.scalar(0.0)
    assert -walk(kind([x], lr=1e-3), x, 1e-9, [1e-3])[0] == pytest.approx(step, rel=1e-4)


@pytest.mark.parametrize(("kind", "root"), [(optim.RMSprop, 0.1 + 0.5), (optim.literal.RMSpropInside, 0.51**0.5)])
def test_rmsprop_with_epsilon_outside_and_inside(kind: Any, root: float) -> None:
    x = minidl.scalar(0.0)
    assert walk(kind([x], alpha=0.99, eps=0.5), x, 1.0, [0.3])[0] == pytest.approx(-0.3 / root)


@pytest.mark.parametrize(("momentum", "count"), [(False, 709), (True, 95)])
def test_momentum_takes_the_root_of_the_steps_on_a_quadratic(momentum: bool, count: int) -> None:
    """κ = 100, the best rate and momentum of each, until the error is below 10⁻⁶."""
    x = minidl.tensor(np.array([1.0, 1.0]), requires_grad=True)
    curvature = minidl.tensor(np.array([1.0, 100.0]))
    optimizer: optim.Optimizer = optim.SGD([x], lr=2 / 101)
    if momentum:
        optimizer = optim.HeavyBall([x], lr=4 / 11**2, momentum=(9 / 11) ** 2)
    steps = 0
    while np.linalg.norm(x.data) >= 1e-6:
        optimizer.zero_grad()
        (curvature * x * x / 2).sum().backward()
        optimizer.step()
        steps += 1
    assert steps == count


def test_dampening_makes_the_velocity_an_average() -> None:
    x = minidl.scalar(0.0)
    optimizer = optim.SGD([x], lr=1.0, momentum=0.9, dampening=0.9)
    assert walk(optimizer, x, 1.0, [1.0] * 3) == pytest.approx([-1, -2, -3])


# The walk over the parameters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", ALL)
def test_a_step_writes_the_parameters_own_memory_and_the_engine_notices(make: Make) -> None:
    x = minidl.tensor([1.0, -2.0], requires_grad=True)
    memory, shown = x.data, x.detach()
    loss = (x**3).sum()
    loss.backward()
    kept = x.grad.data.copy()
    before = shown.data.copy()
    make([x]).step()
    assert x.data is memory
    assert (shown.data == x.data).all()
    assert (shown.data != before).all()
    assert (x.grad.data == kept).all()
    with pytest.raises(GraphError, match="changed"):
        loss.backward()


@pytest.mark.parametrize("make", ALL)
def test_memory_that_cannot_be_written_or_lies_otherwise_is_no_obstacle(make: Make) -> None:
    values = np.arange(1.0, 7.0).reshape(2, 3)
    read_only = values.copy()
    read_only.flags.writeable = False
    x = minidl.tensor(values, requires_grad=True)
    y = nn.Parameter(read_only)
    z = nn.Parameter(np.asfortranarray(values))
    for p in (x, y, z):
        optimizer = make([p])
        for _ in range(3):
            optimizer.zero_grad()
            (p**3).sum().backward()
            optimizer.step()
    assert (read_only == values).all()
    np.testing.assert_array_equal(x.data, y.data)
    np.testing.assert_allclose(x.data, z.data, rtol=1e-15)


def test_a_large_parameter_changes_as_many_small_ones() -> None:
    values = np.linspace(-2, 2, 140_001)
    whole = minidl.tensor(values.copy(), requires_grad=True)
    pieces = [minidl.tensor(part.copy(), requires_grad=True) for part in np.array_split(values, 7)]
    for p in ([whole], pieces):
        optimizer = optim.Adam(p, weight_decay=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            sum((x**3).sum() for x in p).backward()
            optimizer.step()
    np.testing.assert_array_equal(whole.data, np.concatenate([x.data for x in pieces]))


def test_a_parameter_without_a_gradient_stays() -> None:
    x, y = (minidl.tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([x, y], lr=0.1, weight_decay=0.5)
    (x * x).sum().backward()
    optimizer.step()
    assert y.item() == 1
    assert x.item() != 1
    assert y not in optimizer.state


def test_groups_have_options_of_their_own_and_more_can_be_added() -> None:
    x, y, z = (minidl.tensor([1.0], requires_grad=True) for _ in range(3))
    optimizer = optim.SGD([{"params": x}, {"params": [y], "lr": 0.5}], lr=0.1)
    optimizer.add_param_group({"params": z, "lr": 0.25})
    (x + y + z).sum().backward()
    optimizer.step()
    assert [p.item() for p in (x, y, z)] == pytest.approx([0.9, 0.5, 0.75])
    with pytest.raises(UsageError, match="given twice"):
        optimizer.add_param_group({"params": [x]})
    with pytest.raises(UsageError, match='a dictionary with "params"'):
        optimizer.add_param_group({"lr": 0.1})


def test_a_closure_is_called_with_recording_on_and_its_loss_returned() -> None:
    x = minidl.tensor([2.0], requires_grad=True)
    optimizer = optim.SGD([x], lr=0.1)

    def closure() -> minidl.Tensor:
        optimizer.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    with minidl.no_grad():
        loss = optimizer.step(closure)
    assert loss is not None
    assert loss.item() == 4
    assert x.item() == pytest.approx(1.6)


def test_gradients_are_forgotten_or_set_to_zero() -> None:
    x = minidl.tensor([2.0], requires_grad=True)
    optimizer = optim.SGD([x], lr=0.1)
    (x * x).sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert x.grad.item() == 0
    optimizer.zero_grad()
    assert x.grad is None


def test_it_prints_its_groups() -> None:
    text = repr(optim.HeavyBall([minidl.tensor([1.0], requires_grad=True)], lr=0.5))
    assert text == (
        "HeavyBall (\nParameter Group 0\n    lr: 0.5\n    maximize: False\n    momentum: 0.9\n    weight_decay: 0.0\n)"
    )


# States -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [*ALL, lambda p: optim.LBFGS(p, lr=0.1, max_iter=3)])
def test_a_state_goes_round_through_a_checkpoint_to_the_bit(make: Make, tmp_path: Any) -> None:
    from minidl.training import load_checkpoint, save_checkpoint

    def steps(x: minidl.Tensor, optimizer: optim.Optimizer, count: int) -> None:
        def closure() -> minidl.Tensor:
            optimizer.zero_grad()
            loss = (x**4).sum()
            loss.backward()
            return loss

        for _ in range(count):
            optimizer.step(closure)

    x = minidl.tensor([1.0, -0.5], requires_grad=True)
    a = make([x])
    steps(x, a, 3)
    save_checkpoint(tmp_path, {"step": 3, "optimizer": a.state_dict(), "x": x.data})
    steps(x, a, 3)
    saved = load_checkpoint(tmp_path)
    y = minidl.tensor(saved["x"], requires_grad=True)
    b = make([y])
    b.load_state_dict(saved["optimizer"])
    steps(y, b, 3)
    np.testing.assert_array_equal(x.data, y.data)


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    x, y = (minidl.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    optimizer = optim.Adam([x, y])
    (x + y).sum().backward()
    optimizer.step()
    before = optimizer.state_dict()
    for state, message in [
        ({0: {"step": 1, "exp_avg": np.zeros(3)}}, r"saved exp_avg of parameter 0 is \(3,\), the parameter \(2,\)"),
        ({7: {"step": 1}}, "names parameter 7"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            optimizer.load_state_dict({**before, "state": state})
    assert optimizer.state_dict()["state"].keys() == {0, 1}
    assert optimizer.state[x]["step"] == 1


# Refusals -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (optim.SGD, {"momentum": -1}, "momentum must be at least 0"),
        (optim.SGD, {"lr": minidl.tensor([0.1, 0.2])}, r"lr must be one number, got a tensor \(2,\)"),
        (optim.SGD, {"nesterov": True}, "needs momentum above 0"),
        (optim.HeavyBall, {"momentum": -1}, "HeavyBall: momentum must be at least 0"),
        (optim.Adam, {"betas": (1.0, 0.9)}, "beta1 must be at least 0 and below 1"),
        (optim.AdamW, {"betas": (0.9, -1.0)}, "AdamW: beta2 must be"),
        (optim.NAdam, {"momentum_decay": -1}, "momentum_decay must be"),
        (optim.RAdam, {"eps": -1}, "eps must be at least 0"),
        (optim.Adamax, {"weight_decay": -1}, "weight_decay must be"),
        (optim.RMSprop, {"alpha": -1}, "alpha must be at least 0"),
        (optim.Adagrad, {"lr_decay": -1}, "lr_decay must be"),
        (optim.Adadelta, {"rho": 1.5}, "rho must be"),
        (optim.LBFGS, {"line_search_fn": "armijo"}, 'must be "strong_wolfe" or None'),
        (optim.NewtonCG, {"max_cg": 0}, "max_cg must be at least 1"),
    ],
)
def test_options_out_of_range_are_refused(kind: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        kind([minidl.tensor([1.0], requires_grad=True)], **options)


@pytest.mark.parametrize("kind", [optim.LBFGS, optim.NewtonCG])
def test_those_that_look_ahead_need_a_closure_and_one_group(kind: Any) -> None:
    x, y = (minidl.tensor([1.0], requires_grad=True) for _ in range(2))
    with pytest.raises(UsageError, match="needs a closure"):
        kind([x]).step()
    with pytest.raises(UsageError, match="in one group, got 2"):
        kind([{"params": [x]}, {"params": [y]}])


@pytest.mark.parametrize("start", [0.0, -1.0])
@pytest.mark.parametrize("line_search", [None, "strong_wolfe"])
def test_a_loss_that_is_not_finite_is_met_in_silence(line_search: str | None, start: float) -> None:
    x = minidl.tensor(np.array([start]), requires_grad=True)
    optimizer = optim.LBFGS([x], line_search_fn=line_search)

    def closure() -> minidl.Tensor:
        optimizer.zero_grad()
        loss = x.log().sum()
        loss.backward()
        return loss

    assert not np.isfinite(optimizer.step(closure).item())


def test_a_rate_of_0_is_searched_along_no_line() -> None:
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.LBFGS([x], lr=0.0, line_search_fn="strong_wolfe")

    def closure() -> minidl.Tensor:
        optimizer.zero_grad()
        loss = (x**4).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 17
    assert x.tolist() == [1, 2]
