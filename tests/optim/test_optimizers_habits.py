"""What PyTorch's users rely on beside the arithmetic: hooks, copies, names, rates that are tensors, quiet NaN, refusals."""

from __future__ import annotations

import pickle
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.errors import DtypeError, UsageError

KINDS = [
    optim.SGD,
    optim.HeavyBall,
    optim.RMSprop,
    optim.Adam,
    optim.AdamW,
    optim.NAdam,
    optim.RAdam,
    optim.Adamax,
    optim.Adagrad,
    optim.Adadelta,
]


def quadratic_step(optimizer: optim.Optimizer) -> None:
    x = optimizer.param_groups[0]["params"][0]
    optimizer.zero_grad()
    (x * x).sum().backward()
    optimizer.step()


def test_weights_decay_apart_from_the_means_also_at_a_rate_of_0() -> None:
    """As at the first step of a warm-up from 0: the means must not see the weights."""
    x = minidl.tensor([2.0, -3.0], requires_grad=True)
    optimizer = optim.AdamW([x], lr=0.0, weight_decay=0.5)
    x.grad = minidl.tensor([1.0, 1.0])
    optimizer.step()
    np.testing.assert_allclose(optimizer.state[x]["exp_avg"], [0.1, 0.1], rtol=1e-6)
    assert x.tolist() == [2, -3]


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_of_a_group_may_have_come_differently_far(kind: Any) -> None:
    """Those that have come equally far share a rule; the numbers are those that each would have alone."""
    together = [minidl.tensor([1.0, -2.0], requires_grad=True) for _ in range(3)]
    alone = [minidl.tensor([1.0, -2.0], requires_grad=True) for _ in range(3)]
    options = {"dampening": 0.5, "momentum": 0.9} if kind is optim.SGD else {}
    optimizers = [kind(together, lr=0.1, **options), *(kind([p], lr=0.1, **options) for p in alone)]
    for moving in ([0], [0, 1], [1], [0, 1, 2], [0, 1, 2]):
        for k in range(3):
            slope = minidl.tensor([0.5 + k, -1.0]) if k in moving else None
            together[k].grad = alone[k].grad = slope
        for optimizer in optimizers:
            optimizer.step()
    assert [p.tolist() for p in together] == [p.tolist() for p in alone]
    assert together[0].tolist() != together[2].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_infinities_and_nan_go_their_way_in_silence(kind: Any) -> None:
    x = minidl.tensor([1.0, 1.0, 1.0, 1.0], requires_grad=True)
    optimizer = kind([x], lr=0.1)
    for _ in range(3):
        x.grad = minidl.tensor([1.0, float("nan"), float("inf"), 3e38])
        optimizer.step()
    assert np.isfinite(x.data[0])
    assert np.isnan(x.data[1])


def test_hooks_run_around_a_step_and_may_change_what_it_is_given() -> None:
    x = minidl.tensor([1.0], requires_grad=True)
    optimizer, seen = optim.SGD([x], lr=0.1), []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("before", o is args[0], x.item())))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("after", kwargs, round(x.item(), 4))))
    quadratic_step(optimizer)
    assert seen == [("before", True, 1.0), ("after", {}, 0.8)]
    before.remove()
    closures = []
    with optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: closures.append(1)), kwargs)):
        optimizer.step()
    optimizer.step()
    assert closures == [1]
    with optimizer.register_step_pre_hook(lambda *_: 3), pytest.raises(UsageError, match=r"None or \(args, kwargs\)"):
        optimizer.step()
    with pytest.raises(UsageError, match="a hook must be a function"):
        optimizer.register_step_post_hook(3)  # type: ignore[arg-type]


def test_hooks_of_a_step_that_calls_its_bases_run_once() -> None:
    class Twice(optim.SGD):
        def step(self, closure: Any = None) -> Any:
            super().step(closure)
            return super().step(closure)

    x, seen = minidl.tensor([1.0], requires_grad=True), []
    optimizer = Twice([x], lr=0.25)
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(x.item()))
    assert not optimizer.has_stepped
    quadratic_step(optimizer)
    assert optimizer.has_stepped
    assert seen == [0.0]


def test_hooks_run_around_saving_and_loading() -> None:
    optimizer, seen = optim.SGD([minidl.tensor([1.0], requires_grad=True)], lr=0.1), []
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "extra": 1})
    optimizer.register_state_dict_post_hook(lambda o, state: seen.append(sorted(state)), prepend=True)
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("saving"))
    saved = optimizer.state_dict()
    assert seen == ["saving", ["param_groups", "state"]]
    assert saved["extra"] == 1
    optimizer.register_load_state_dict_pre_hook(
        lambda o, state: state.update(param_groups=[{"params": [0], "lr": 7.0}])
    )
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append(o.param_groups[0]["lr"]))
    optimizer.load_state_dict(saved)
    assert seen[-1] == 7
    assert saved["param_groups"][0]["lr"] == 0.1


@pytest.mark.parametrize("kind", [*KINDS, optim.LBFGS])
@pytest.mark.parametrize("way", ["deepcopy", "pickle"])
def test_a_copy_goes_on_by_itself(kind: Any, way: str) -> None:
    x = minidl.tensor([1.0, -2.0], requires_grad=True)
    optimizer = kind([x], lr=0.1)

    def step(optimizer: optim.Optimizer) -> None:
        (p,) = optimizer.param_groups[0]["params"]

        def closure() -> minidl.Tensor:
            optimizer.zero_grad()
            loss = (p**4).sum()
            loss.backward()
            return loss

        optimizer.step(closure)

    step(optimizer)
    copy = deepcopy(optimizer) if way == "deepcopy" else pickle.loads(pickle.dumps(optimizer))
    (y,) = copy.param_groups[0]["params"]
    step(copy)
    assert (x.data != y.data).any()
    step(optimizer)
    np.testing.assert_array_equal(x.data, y.data)


def test_named_parameters_keep_their_names_in_the_state() -> None:
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.named_parameters(), lr=0.1)
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    other = optim.SGD(model.parameters())
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["param_names"] == ["weight", "bias"]
    with pytest.raises(UsageError, match="all parameters with names"):
        optimizer.add_param_group({"params": nn.Linear(1, 1).parameters()})
    with pytest.raises(UsageError, match="all parameters with names"):
        optim.SGD([("weight", model.weight), model.bias])


def test_the_rate_may_be_a_tensor_that_others_hold_too() -> None:
    x, rate = minidl.tensor([1.0], requires_grad=True), minidl.tensor(0.25)
    optimizer = optim.SGD([x], lr=rate)
    quadratic_step(optimizer)
    assert x.item() == 0.5
    rate.data = np.asarray(0.5, np.float32)
    quadratic_step(optimizer)
    assert x.item() == 0
    schedule = optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    schedule.step()
    assert rate.item() == 0.25
    saved = optimizer.state_dict()["param_groups"][0]["lr"]
    assert isinstance(saved, float)
    assert saved == 0.25
    assert schedule.get_last_lr() == [0.25]


def test_a_groups_own_options_act() -> None:
    x, y = (minidl.tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = optim.Adagrad([{"params": [x]}, {"params": [y], "initial_accumulator_value": 3.0}], lr=1.0)
    (x + y).sum().backward()
    optimizer.step()
    assert [x.item(), y.item()] == pytest.approx([0.0, 0.5])


def test_the_order_of_a_state_is_always_the_same() -> None:
    x = minidl.tensor([1.0], requires_grad=True)
    optimizer = optim.Adam([x], amsgrad=True)
    quadratic_step(optimizer)
    assert list(optimizer.state[x]) == ["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"]


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (list, UsageError, "got no parameters"),
        (lambda: minidl.tensor([1.0], requires_grad=True), DtypeError, r"as a list: \[x\]"),
        (lambda: ["x"], DtypeError, "must be tensors, got str"),
        (
            lambda: [minidl.tensor([1.0], requires_grad=True) * 2],
            UsageError,
            r"must be leaves, but  \(1,\) was computed",
        ),
        (lambda: [{"params": {minidl.tensor([1.0])}}], DtypeError, "a set has no order"),
        (lambda: [{"lr": 1.0}], KeyError, 'a dictionary with "params"'),
        (lambda: [{"params": [minidl.ones(1)]}, minidl.ones(1)], DtypeError, 'a dictionary with "params"'),
        (lambda: [minidl.ones(1)] * 2, UsageError, "given twice"),
    ],
)
def test_what_cannot_be_optimized_is_refused(params: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        optim.SGD(params())
