"""Penalties, weight decay and freezing (A58, A62)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.errors import UsageError

START = np.array([2.0, -1.0, 0.5])
SCALES = np.array([100.0, 1.0, 0.01])
DECAY = 0.1


def trained(make: Callable[[list[Any]], optim.Optimizer], penalty: bool = False, steps: int = 20) -> Any:
    """Weights whose gradients have very different sizes, trained for some steps."""
    w = minidl.tensor(START.copy(), requires_grad=True)
    optimizer = make([w])
    for k in range(steps):
        optimizer.zero_grad()
        loss = (minidl.tensor(SCALES) * w).sum() * (-1) ** k  # no direction of its own
        if penalty:
            loss = loss + DECAY / 2 * optim.l2_penalty(w)
        loss.backward()
        optimizer.step()
    return w.data


def test_the_gradient_of_l2_is_twice_the_weight_and_of_l1_its_sign() -> None:
    w, b = minidl.tensor([[3.0, -0.5]], requires_grad=True), minidl.tensor([2.0], requires_grad=True)
    total = optim.l2_penalty([w, b])
    assert total.item() == 13.25
    (0.5 * total).backward()
    assert w.grad.tolist() == [[3, -0.5]]
    assert b.grad.tolist() == [2]
    w.grad = None
    optim.l1_penalty([w, b]).backward()
    assert w.grad.tolist() == [[1, -1]]
    assert optim.l1_penalty(w).item() == 3.5


@pytest.mark.parametrize("penalty", [optim.l1_penalty, optim.l2_penalty])
def test_a_penalty_of_nothing_is_refused(penalty: Any) -> None:
    with pytest.raises(UsageError, match="got no parameters"):
        penalty([])


def test_l2_and_weight_decay_are_one_in_sgd_and_in_adams_own_decay() -> None:
    for kind in (optim.SGD, optim.Adam):
        a = trained(lambda p, kind=kind: kind(p, lr=0.01), penalty=True)
        b = trained(lambda p, kind=kind: kind(p, lr=0.01, weight_decay=DECAY))
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_l2_in_adam_is_not_the_decay_of_adamw() -> None:
    none, l2, decoupled = (
        trained(lambda p: optim.Adam(p, lr=0.01)),
        trained(lambda p: optim.Adam(p, lr=0.01), penalty=True),
        trained(lambda p: optim.AdamW(p, lr=0.01, weight_decay=DECAY)),
    )
    # Decoupled, each weight is pulled by the same share. As a penalty, the pull is divided by the size of the gradients:
    # a weight with large ones is hardly pulled, one with small ones is pulled by its sign alone.
    pulled = np.abs(none - decoupled) / np.abs(START)
    np.testing.assert_allclose(pulled, 0.02, rtol=0.15)
    by_penalty = np.abs(none - l2) / np.abs(START)
    assert by_penalty[0] < 0.002
    assert by_penalty[2] > 0.05


def test_l1_makes_weights_zero_where_l2_leaves_them_small() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(100, 8))
    targets = minidl.tensor(inputs[:, :2] @ np.array([2.0, -3.0]) + 0.1 * rng.normal(size=100))
    x = minidl.tensor(inputs)
    small = {}
    for name, penalty in (("l1", optim.l1_penalty), ("l2", optim.l2_penalty)):
        w = minidl.tensor(np.full(8, 0.5), requires_grad=True)
        optimizer = optim.SGD([w], lr=0.01)
        for _ in range(600):
            optimizer.zero_grad()
            (nn.functional.mse_loss(x @ w, targets) + 0.3 * penalty(w)).backward()
            optimizer.step()
        small[name] = int((np.abs(w.data) < 5e-3).sum())
    assert small["l1"] == 6
    assert small["l2"] < 3


@pytest.mark.parametrize(
    "make",
    [
        lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1),
        lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.5),
        lambda p: optim.RMSprop(p, lr=0.1, momentum=0.9),
    ],
)
def test_frozen_weights_stay_to_the_bit_even_with_momentum_and_decay(make: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    optimizer = make(model.parameters())

    def step() -> None:
        (model(minidl.ones(2, 3)) ** 2).sum().backward()
        optimizer.step()

    step()  # momentum is under way, and the gradients are still there
    assert optim.freeze(model, "0") == ["0.weight", "0.bias"]
    before = [p.data.tobytes() for p in model.parameters()]
    for _ in range(3):
        step()
    after = [p.data.tobytes() for p in model.parameters()]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False, False]
    assert optim.unfreeze(model) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    step()
    assert model[0].weight.data.tobytes() != before[0]


def test_freezing_takes_paths() -> None:
    model = nn.Sequential({"a": nn.Linear(1, 1), "ab": nn.Linear(1, 1)})
    assert optim.freeze(model, "a", "ab.bias") == ["a.weight", "a.bias", "ab.bias"]
    assert [p.requires_grad for p in model.parameters()] == [False, False, True, False]
    assert len(optim.freeze(model)) == 4
    with pytest.raises(UsageError, match="no parameters under 'b'"):
        optim.unfreeze(model, "b")
