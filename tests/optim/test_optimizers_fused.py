"""Kernels of the optimizers' rules: the same bits as the plain lines, used where it pays or by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.optim import fused


def quadratic_step(optimizer: optim.Optimizer) -> None:
    x = optimizer.param_groups[0]["params"][0]
    optimizer.zero_grad()
    (x * x).sum().backward()
    optimizer.step()


FUSED: list[tuple[Any, dict[str, Any]]] = [
    (optim.SGD, {"lr": 0.1}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1, "maximize": True}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    (optim.Adam, {}),
    (optim.Adam, {"amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    (optim.AdamW, {"betas": (0.5, 0.9), "eps": 1e-3}),
    (optim.Adagrad, {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
]


@pytest.mark.parametrize(("kind", "options"), FUSED, ids=lambda v: v.__name__ if isinstance(v, type) else "-".join(v))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0, 3), (300, 70)])
def test_kernels_compute_the_same_bits(
    kind: Any, options: dict[str, Any], dtype: Any, shape: tuple[int, ...], monkeypatch: Any
) -> None:
    monkeypatch.setattr(fused, "SHARED", 20_000)  # the largest is divided among threads
    rng = np.random.default_rng(0)
    start = np.asarray(rng.normal(size=shape), dtype)
    found = []
    x, y = (minidl.tensor(start.copy(), requires_grad=True) for _ in range(2))
    optimizers = [kind([p], fused=wanted, **options) for p, wanted in ((x, True), (y, False))]
    for k in range(5):
        slope = np.asarray(10.0**-k * rng.normal(size=shape), dtype)
        slope.reshape(-1)[1:2] = 0  # Adam's root is ε alone there
        slope.flags.writeable = False
        for p, optimizer in zip((x, y), optimizers, strict=True):
            p.grad = minidl.Tensor(slope)
            optimizer.step()
    assert x.dtype == dtype
    np.testing.assert_array_equal(x.data, y.data)
    for one, other in zip(optimizers[0].state[x].items(), optimizers[1].state[y].items(), strict=True):
        found.append(one[0])
        np.testing.assert_array_equal(one[1], other[1])
    assert (x.data != start).any() or not start.size
    assert ("step" in found) == (kind is not optim.SGD)


def test_no_kernel_is_compiled_anew_for_a_gradient_that_may_not_be_written() -> None:
    from minidl.kernels.cpu import updates

    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    slope = np.ones(2, np.float32)
    slope.flags.writeable = False
    x.grad = minidl.Tensor(slope)
    optim.Adagrad([x], fused=True).step()
    assert all(array.mutable for signature in updates.adagrad.signatures for array in signature)


def test_kernels_are_used_where_it_pays_or_by_name(monkeypatch: Any) -> None:
    used: list[int] = []
    run = fused.Fused.run
    monkeypatch.setattr(fused, "_kernels", None)
    monkeypatch.setattr(
        fused.Fused, "run", lambda rule, arrays, common: used.append(arrays[0].size) or run(rule, arrays, common)
    )
    sizes = (3, fused.LARGE)
    for option, expected in ((None, [fused.LARGE]), (False, []), (True, [3, fused.LARGE])):
        used.clear()
        monkeypatch.setattr(fused, "_kernels", None)
        for size in sizes:
            x = minidl.tensor(np.ones(size, np.float32), requires_grad=True)
            quadratic_step(optim.Adam([x], fused=option))
        assert used == expected
    used.clear()
    quadratic_step(optim.Adam([minidl.tensor(np.ones(3, np.float16), requires_grad=True)], fused=True))
    quadratic_step(optim.Adam([nn.Parameter(np.asfortranarray(np.ones((3, 4))))], fused=True))
    quadratic_step(optim.literal.AdamPrinted([minidl.tensor([1.0], requires_grad=True)]))
    assert used == []
