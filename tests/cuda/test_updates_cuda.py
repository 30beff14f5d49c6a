"""The optimizers' rules on a device: as the CPU's kernels, and as its optimizers over several steps."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.kernels.cuda import updates
from minidl.kernels.cuda.places import views as places_views
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.simulator import driver

pytestmark = pytest.mark.usefixtures("simulated_gpu")

RULES: list[tuple[str, int, tuple[float, ...]]] = [
    ("sgd", 0, (1, 1, 0.1, 0.01, 0, 1, 0)),
    ("sgd", 1, (-1, 1, 0.1, 0.01, 0.9, 0.7, 0)),
    ("sgd", 1, (1, 1, 0, 0.01, 0.9, 1, 1)),
    ("adam", 2, (1, 1, 0.1, 0.9, 0.1, 0.99, 0.01, 0.5, 1e-8, 0.01)),
    ("adam", 3, (1, 0.99, 0, 0.9, 0.1, 0.99, 0.01, 0.5, 1e-8, 0.01)),
    ("adagrad", 1, (1, 1, 0.1, 0.02, 1e-10)),
]
SLOTS = {"sgd": 1, "adam": 3, "adagrad": 1}
OPTIMIZERS: dict[str, Any] = {
    "SGD": lambda p: minidl.optim.SGD(p, lr=0.1),
    "momentum": lambda p: minidl.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.1, maximize=True),
    "Nesterov": lambda p: minidl.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": lambda p: minidl.optim.Adam(p, lr=0.1, weight_decay=0.1),
    "AMSGrad": lambda p: minidl.optim.Adam(p, lr=0.1, amsgrad=True),
    "AdamW": lambda p: minidl.optim.AdamW(p, lr=0.1, weight_decay=0.1),
    "Adagrad": lambda p: minidl.optim.Adagrad(p, lr=0.1),
    "RMSprop": lambda p: minidl.optim.RMSprop(p, lr=0.1, momentum=0.5),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [0, 1, 7, 1030])
@pytest.mark.parametrize(("name", "slots", "numbers"), RULES)
def test_a_step_is_the_cpus(name: str, slots: int, numbers: tuple[float, ...], count: int, dtype: str) -> None:
    rng = np.random.default_rng(count)
    here = [np.abs(rng.standard_normal(count)).astype(dtype) for _ in range(2 + slots)]
    there = [memory.to_device(a) for a in here]
    updates.run(name, [there], numbers)
    kernel = getattr(importlib.import_module("minidl.kernels.cpu.updates"), name)
    kernel(*here, *[here[0][:0]] * (SLOTS[name] - slots), np.array(numbers, dtype))
    for a, b in zip(there, here, strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-6 if dtype == "float32" else 1e-14)


def test_arrays_that_are_not_aligned_or_lie_otherwise() -> None:
    rng = np.random.default_rng(0)
    p, g, v = (rng.standard_normal((5, 7)).astype(np.float32) for _ in range(3))
    shifted = memory.to_device(np.concatenate([[0], p.reshape(-1)]).astype(np.float32)).view_as((5, 7), (28, 4), 4)
    transposed = places_views.transposed(memory.to_device(v.T.copy()), (1, 0))
    updates.run("sgd", [[shifted, memory.to_device(g), transposed]], RULES[1][2])
    flat = [a.reshape(-1) for a in (p, g, v)]
    importlib.import_module("minidl.kernels.cpu.updates").sgd(*flat, np.array(RULES[1][2], np.float32))
    np.testing.assert_allclose(shifted.numpy(), p, rtol=1e-6)
    np.testing.assert_allclose(transposed.numpy(), v, rtol=1e-6)


def test_without_a_decay_an_infinite_weight_does_not_enter() -> None:
    p, g = (memory.to_device(np.array([np.inf, 1, np.nan], np.float32)) for _ in range(2))
    g = memory.to_device(np.zeros(3, np.float32))
    updates.run("sgd", [[p, g]], (1, 1, 0, 0.1, 0, 1, 0))
    np.testing.assert_equal(p.numpy(), np.array([np.inf, 1, np.nan], np.float32))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_take_the_same_steps(name: str) -> None:
    rng = np.random.default_rng(0)
    start, slopes = rng.standard_normal((3, 5)).astype(np.float32), rng.standard_normal((3, 3, 5)).astype(np.float32)
    ends = []
    for device in ("cpu", "cuda"):
        x = minidl.tensor(start, device=device, requires_grad=True)
        optimizer = OPTIMIZERS[name]([x])
        for slope in slopes:
            optimizer.zero_grad()
            (x * minidl.tensor(slope, device=device) + x**2).sum().backward()
            optimizer.step()
        assert x.device == ("cpu" if device == "cpu" else "cuda:0")
        ends.append(x.detach().cpu().numpy())
    np.testing.assert_allclose(ends[1], ends[0], rtol=2e-5, atol=1e-6)


def test_all_parameters_take_one_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "PIECE", 8)  # so that a parameter fills several rows of the table
    starts = [np.random.default_rng(0).standard_normal(n).astype(np.float32) for n in (1, 19, 4)]
    ends = []
    for device in ("cpu", "cuda"):
        parameters = [minidl.tensor(start, device=device, requires_grad=True) for start in starts]
        optimizer = minidl.optim.AdamW(parameters)
        for _ in range(2):
            optimizer.zero_grad()
            sum((p**2).sum() for p in parameters[:-1]).backward()
            driver.launches.clear()
            optimizer.step()
        ends.append([p.detach().cpu().numpy() for p in parameters])
    assert driver.launches == ["adam_float32"]
    for here, there in zip(*ends, strict=True):
        np.testing.assert_allclose(there, here, rtol=1e-6)
