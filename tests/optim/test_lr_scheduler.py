"""Learning-rate schedules: PyTorch's sequences, saved and restored."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import minidl
from minidl import optim
from minidl.errors import DtypeError, UsageError
from minidl.optim import lr_scheduler as lrs
from minidl.optim.swa_utils import SWALR
from minidl.training import WarmupCosine

Make = Callable[[ModuleType, Any], Any]
"""From the module with the schedules, minidl's or PyTorch's, and an optimizer, to a schedule."""

SCHEDULES: dict[str, Make] = {
    "lambda": lambda m, o: m.LambdaLR(o, [lambda t: 0.9**t, lambda t: 1 / (1 + t)]),
    "multiplicative": lambda m, o: m.MultiplicativeLR(o, lambda t: 1 - 0.01 * t),
    "step": lambda m, o: m.StepLR(o, 4),
    "step by one": lambda m, o: m.StepLR(o, 1, gamma=0.7),
    "multi-step": lambda m, o: m.MultiStepLR(o, [3, 5, 5, 11], gamma=0.5),
    "multi-step from 0": lambda m, o: m.MultiStepLR(o, [0, 6]),
    "constant": lambda m, o: m.ConstantLR(o),
    "constant half": lambda m, o: m.ConstantLR(o, factor=0.5, total_iters=3),
    "linear": lambda m, o: m.LinearLR(o),
    "linear down": lambda m, o: m.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=8),
    "linear to 0": lambda m, o: m.LinearLR(o, start_factor=0.5, end_factor=0.0, total_iters=7),
    "exponential": lambda m, o: m.ExponentialLR(o, 0.9),
    "polynomial": lambda m, o: m.PolynomialLR(o),
    "polynomial squared": lambda m, o: m.PolynomialLR(o, total_iters=12, power=2.0),
    "cosine": lambda m, o: m.CosineAnnealingLR(o, 10),
    "cosine many times": lambda m, o: m.CosineAnnealingLR(o, 4, eta_min=0.01),
    "warm restarts": lambda m, o: m.CosineAnnealingWarmRestarts(o, 5),
    "warm restarts doubling": lambda m, o: m.CosineAnnealingWarmRestarts(o, 3, T_mult=2, eta_min=0.01),
    "one cycle": lambda m, o: m.OneCycleLR(o, 0.5, total_steps=30),
    "one cycle linear": lambda m, o: m.OneCycleLR(
        o, [0.5, 0.2], epochs=3, steps_per_epoch=10, anneal_strategy="linear"
    ),
    "one cycle in three": lambda m, o: m.OneCycleLR(
        o, 0.5, total_steps=30, three_phase=True, pct_start=0.4, div_factor=10.0, final_div_factor=100.0
    ),
    "one cycle, momentum kept": lambda m, o: m.OneCycleLR(o, 0.5, total_steps=30, cycle_momentum=False),
    "cyclic": lambda m, o: m.CyclicLR(o, 0.01, 0.1, step_size_up=4),
    "cyclic uneven": lambda m, o: m.CyclicLR(o, [0.01, 0.02], [0.1, 0.3], step_size_up=4, step_size_down=7),
    "cyclic halving": lambda m, o: m.CyclicLR(o, 0.01, 0.1, step_size_up=3, mode="triangular2"),
    "cyclic falling": lambda m, o: m.CyclicLR(o, 0.01, 0.1, step_size_up=3, mode="exp_range", gamma=0.95),
    "cyclic own": lambda m, o: m.CyclicLR(
        o, 0.01, 0.1, step_size_up=3, scale_fn=lambda k: 1 / k, scale_mode="cycle", base_momentum=0.7
    ),
    "cyclic own by steps": lambda m, o: m.CyclicLR(
        o, 0.01, 0.1, step_size_up=3, scale_fn=lambda t: 0.9**t, scale_mode="iterations", cycle_momentum=False
    ),
    "warm-up, then cosine": lambda m, o: m.SequentialLR(
        o, [m.LinearLR(o, 0.1, total_iters=5), m.CosineAnnealingLR(o, 20)], milestones=[5]
    ),
    "three in a row": lambda m, o: m.SequentialLR(
        o, [m.ConstantLR(o, 0.1, 100), m.ExponentialLR(o, 0.8), m.StepLR(o, 3, 0.5)], milestones=[2, 9]
    ),
    "lambda, then warm restarts": lambda m, o: m.SequentialLR(
        o, [m.LambdaLR(o, lambda t: 1 / (t + 1)), m.CosineAnnealingWarmRestarts(o, 4)], milestones=[6]
    ),
    "multiplicative, then step": lambda m, o: m.SequentialLR(
        o, [m.MultiplicativeLR(o, lambda t: 0.95 if t % 3 else 0.9), m.StepLR(o, 3, 0.5)], milestones=[6]
    ),
    "chained cosines": lambda m, o: m.ChainedScheduler(
        [m.CosineAnnealingLR(o, 3, eta_min=0.01), m.PolynomialLR(o, total_iters=40, power=0.5)]
    ),
    "chained": lambda m, o: m.ChainedScheduler([m.ConstantLR(o, 0.1, 4), m.ExponentialLR(o, 0.9)]),
    "chained cosine": lambda m, o: m.ChainedScheduler(
        [m.LinearLR(o, 0.25, total_iters=6), m.CosineAnnealingLR(o, 7, eta_min=0.001), m.MultiStepLR(o, [9])]
    ),
}


def ours(kind: str = "SGD") -> optim.Optimizer:
    x, y = (minidl.tensor(1.0, requires_grad=True) for _ in range(2))
    options = {"momentum": 0.9} if kind == "SGD" else {}
    return getattr(optim, kind)([{"params": [x]}, {"params": [y], "lr": 0.03}], lr=0.2, **options)


def theirs(kind: str = "SGD") -> Any:
    torch = pytest.importorskip("torch")
    x, y = (torch.tensor(1.0, requires_grad=True) for _ in range(2))
    options = {"momentum": 0.9} if kind == "SGD" else {}
    return getattr(torch.optim, kind)([{"params": [x]}, {"params": [y], "lr": 0.03}], lr=0.2, **options)


def seen(optimizer: Any) -> list[float]:
    """The rate and the momentum of each group."""
    return [
        float(value)
        for group in optimizer.param_groups
        for value in (group["lr"], group["betas"][0] if "betas" in group else group["momentum"])
    ]


def sequence(optimizer: Any, schedule: Any, steps: int) -> list[list[float]]:
    rows = [seen(optimizer)]
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        rows.append(seen(optimizer))
        assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
    return rows


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_and_momenta_are_torchs(name: str, kind: str) -> None:
    torch = pytest.importorskip("torch")
    a, b = ours(kind), theirs(kind)
    steps = 29
    mine = sequence(a, SCHEDULES[name](lrs, a), steps)
    other = sequence(b, SCHEDULES[name](torch.optim.lr_scheduler, b), steps)
    for x, y in zip(mine, other, strict=True):
        assert x == pytest.approx(y, rel=1e-10, abs=1e-13)
    assert len({tuple(row) for row in mine}) > 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_on_from_its_state(name: str) -> None:
    a, b = ours(), ours()
    first, second = (SCHEDULES[name](lrs, o) for o in (a, b))
    sequence(a, first, 8)
    b.load_state_dict(a.state_dict())
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert sequence(b, second, 12) == sequence(a, first, 12)


def test_schedules_of_schedules_may_stand_in_one_another() -> None:
    """PyTorch begins the inner ones a step late, or refuses them at their milestone."""

    def nested(o: Any) -> Any:
        warm_up = lrs.SequentialLR(o, [lrs.ConstantLR(o, 0.1, 9), lrs.ConstantLR(o, 0.5, 9)], milestones=[2])
        falling = lrs.ChainedScheduler([lrs.ExponentialLR(o, 0.5), lrs.StepLR(o, 2, gamma=0.1)])
        last = lrs.SequentialLR(o, [lrs.MultiStepLR(o, [1], 0.5), lrs.ConstantLR(o, 0.25, 9)], milestones=[2])
        return lrs.SequentialLR(o, [warm_up, falling, last], milestones=[4, 7])

    expected = [0.1, 0.1, 0.5, 0.5, 1, 0.5, 0.025, 1, 0.5, 0.25, 0.25]
    assert lrs.rates(nested, 11) == pytest.approx(expected)
    both = lrs.rates(lambda o: lrs.ChainedScheduler([nested(o), lrs.ConstantLR(o, 0.5, 1)]), 3)
    assert both == pytest.approx([0.05, 0.1, 0.5])


@pytest.mark.parametrize(
    ("make", "rate"),
    [
        (lambda o: lrs.StepLR(o, 3, gamma=0.5, last_epoch=5), 0.05),
        (lambda o: lrs.MultiStepLR(o, [2, 6], gamma=0.5, last_epoch=5), 0.05),
        (lambda o: lrs.ConstantLR(o, 0.25, total_iters=6, last_epoch=5), 0.05),
    ],
)
def test_a_schedule_made_at_a_turn_takes_it_once(make: Callable[[Any], Any], rate: float) -> None:
    """The optimizer's state has the rate of epoch 6 already."""
    optimizer = ours()
    for group in optimizer.param_groups:
        group.update(initial_lr=0.2, lr=rate)
    assert make(optimizer).get_last_lr() == [rate, rate]


def test_a_warm_up_of_no_steps_is_none() -> None:
    assert lrs.rates(lambda o: lrs.LinearLR(o, 0.1, total_iters=0), 3) == [1, 1, 1]
    assert lrs.rates(lambda o: lrs.ConstantLR(o, 0.1, total_iters=0), 3) == [1, 1, 1]


@pytest.mark.parametrize("kind", [lrs.StepLR, lrs.CosineAnnealingWarmRestarts])
@pytest.mark.parametrize("later", [False, True])
def test_the_wrong_order_is_noticed_at_the_first_step_only(later: bool, kind: Any) -> None:
    optimizer = ours()
    schedule = kind(optimizer, 3)
    if later:
        optimizer.step()
        schedule.step()
    else:
        with pytest.warns(UserWarning, match=rf"{kind.__name__}.step\(\) was called before the optimizer's"):
            schedule.step()
    schedule.step()
    other = ours()
    resumed = kind(other, 3)
    other.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(schedule.state_dict())
    resumed.step()


@pytest.mark.torch
@pytest.mark.parametrize("name", SCHEDULES)
def test_torchs_schedule_goes_on_here(name: str) -> None:
    torch = pytest.importorskip("torch")
    a, b = ours(), theirs()
    first, second = SCHEDULES[name](lrs, a), SCHEDULES[name](torch.optim.lr_scheduler, b)
    sequence(b, second, 8)
    a.load_state_dict(b.state_dict())
    first.load_state_dict(second.state_dict())
    for x, y in zip(sequence(a, first, 12), sequence(b, second, 12), strict=True):
        assert x == pytest.approx(y, rel=1e-10, abs=1e-13)


@pytest.mark.parametrize(
    "name", ["step", "exponential", "linear", "polynomial squared", "cosine", "lambda", "warm restarts", "cyclic"]
)
def test_a_schedule_can_be_made_for_a_later_epoch(name: str) -> None:
    """As with `last_epoch=`: the rates in the optimizer's state go on."""
    later: dict[str, Make] = {
        "step": lambda m, o: m.StepLR(o, 4, last_epoch=5),
        "exponential": lambda m, o: m.ExponentialLR(o, 0.9, last_epoch=5),
        "linear": lambda m, o: m.LinearLR(o, last_epoch=5),
        "polynomial squared": lambda m, o: m.PolynomialLR(o, total_iters=12, power=2.0, last_epoch=5),
        "cosine": lambda m, o: m.CosineAnnealingLR(o, 10, last_epoch=5),
        "lambda": lambda m, o: m.LambdaLR(o, [lambda t: 0.9**t, lambda t: 1 / (1 + t)], last_epoch=5),
        "warm restarts": lambda m, o: m.CosineAnnealingWarmRestarts(o, 5, last_epoch=5),
        "cyclic": lambda m, o: m.CyclicLR(o, 0.01, 0.1, step_size_up=4, last_epoch=5),
    }
    a, b = ours(), ours()
    first = SCHEDULES[name](lrs, a)
    sequence(a, first, 6)
    b.load_state_dict(a.state_dict())
    second = later[name](lrs, b)
    for x, y in zip(sequence(b, second, 8), sequence(a, first, 8), strict=True):
        assert x == pytest.approx(y, rel=1e-12)
    with pytest.raises(UsageError, match="no initial_lr"):
        lrs.StepLR(ours(), 4, last_epoch=5)


@pytest.mark.torch
@pytest.mark.parametrize("t_mult", [1, 2])
def test_warm_restarts_at_any_epoch_are_torchs(t_mult: int) -> None:
    torch = pytest.importorskip("torch")
    a, b = ours(), theirs()
    first = lrs.CosineAnnealingWarmRestarts(a, 3, T_mult=t_mult, eta_min=0.01)
    second = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(b, 3, T_mult=t_mult, eta_min=0.01)
    a.step()
    for epoch in (0.25, 0.5, 2.9, 3.0, 7.3, 9.0, 20.5, 1.0):
        first.step(epoch)
        second.step(epoch)
        assert seen(a) == pytest.approx(seen(b), rel=1e-12)
    with pytest.raises(UsageError, match="at least 0"):
        first.step(-1)


LOSSES = [
    1.0,
    0.9,
    0.95,
    0.91,
    0.9,
    0.9,
    0.5,
    0.6,
    0.6,
    0.6,
    0.6,
    0.6,
    0.6,
    0.6,
    0.6,
    0.55,
    0.5,
    0.49999,
    0.7,
    0.7,
    0.7,
]


@pytest.mark.torch
@pytest.mark.parametrize(
    "options",
    [
        {"patience": 1},
        {"patience": 0, "factor": 0.5, "cooldown": 2},
        {"patience": 2, "mode": "max", "min_lr": [0.02, 0.001]},
        {"patience": 1, "threshold": 0.05, "threshold_mode": "abs"},
        {"patience": 1, "mode": "max", "threshold": 0.2, "threshold_mode": "abs", "eps": 0.01},
        {"patience": 1, "threshold": 0.1, "min_lr": 0.01},
    ],
    ids=str,
)
def test_plateau_is_torchs(options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    a, b = ours(), theirs()
    first = lrs.ReduceLROnPlateau(a, **options)
    second = torch.optim.lr_scheduler.ReduceLROnPlateau(b, **options)
    for i, loss in enumerate(LOSSES):
        if i == 9:
            saved = first.state_dict()
            first = lrs.ReduceLROnPlateau(a, **options)
            first.load_state_dict(saved)
        first.step(minidl.tensor(loss, dtype=minidl.float64))
        second.step(loss)
        assert seen(a) == pytest.approx(seen(b), rel=1e-12)
    assert a.param_groups[0]["lr"] < 0.2


def test_the_warm_up_that_training_uses_stands_in_a_lambda() -> None:
    optimizer = ours()
    whole = WarmupCosine(peak=0.2, steps=40)
    schedule = lrs.LambdaLR(optimizer, WarmupCosine(peak=1.0, steps=40))
    rates = [row[0] for row in sequence(optimizer, schedule, 39)]
    assert rates == pytest.approx([whole(step) for step in range(40)])
    assert math.isclose(max(rates), 0.2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: lrs.StepLR([], 3), "must be an optimizer"),
        (lambda o: lrs.StepLR(o, 0), "step_size must be at least 1, got 0"),
        (lambda o: lrs.PolynomialLR(o, 0), "total_iters must be at least 1"),
        (lambda o: lrs.CosineAnnealingLR(o, 0), "T_max must be at least 1"),
        (lambda o: lrs.ConstantLR(o, 2.0), "factor must be from 0 to 1"),
        (lambda o: lrs.LinearLR(o, 0.0), "start_factor must be above 0"),
        (lambda o: lrs.LinearLR(o, end_factor=2.0), "end_factor must be from 0 to 1"),
        (lambda o: lrs.LambdaLR(o, [lambda t: 1.0]), "lr_lambda has 1 values for 2 parameter groups"),
        (lambda o: lrs.CosineAnnealingWarmRestarts(o, 0), "T_0 must be a whole number from 1"),
        (lambda o: lrs.OneCycleLR(o, 0.1), "give total_steps, or both"),
        (lambda o: lrs.OneCycleLR(o, 0.1, total_steps=0), "whole number from 1"),
        (lambda o: lrs.OneCycleLR(o, 0.1, total_steps=5, pct_start=2), "pct_start must be"),
        (lambda o: lrs.OneCycleLR(o, 0.1, total_steps=5, anneal_strategy="up"), "anneal_strategy must be"),
        (lambda o: lrs.OneCycleLR(optim.Adagrad(o.param_groups[0]["params"]), 0.1, total_steps=5), "no momentum"),
        (lambda o: lrs.CyclicLR(o, 0.1, 0.2, mode="square"), "mode must be"),
        (lambda o: lrs.ReduceLROnPlateau(o, factor=1.0), "factor must be below 1"),
        (lambda o: lrs.ReduceLROnPlateau(o, mode="up"), "mode must be"),
        (lambda o: lrs.ReduceLROnPlateau(o, threshold_mode="up"), "threshold_mode must be"),
        (lambda o: lrs.SequentialLR(o, [], []), "got no schedulers"),
        (lambda o: lrs.SequentialLR(o, [lrs.StepLR(o, 1)], [3]), "1 schedulers need 0 milestones, got 1"),
        (lambda o: lrs.ChainedScheduler([lrs.ReduceLROnPlateau(o)]), "needs a measure"),
        (lambda o: lrs.ChainedScheduler([lrs.StepLR(o, 1)], ours()), "belongs to another optimizer"),
        (lambda o: SWALR(o, 0.1, anneal_strategy="up"), "anneal_strategy must be"),
        (lambda o: SWALR(o, 0.1, anneal_epochs=-1), "anneal_epochs must be"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[Any], Any], message: str) -> None:
    with pytest.raises((UsageError, DtypeError), match=message):
        make(ours())


def test_a_finished_cycle_says_so() -> None:
    optimizer = ours()
    schedule = lrs.OneCycleLR(optimizer, 0.1, total_steps=3)
    with pytest.raises(UsageError, match="step 4 of 3: the cycle is over"):
        sequence(optimizer, schedule, 4)
