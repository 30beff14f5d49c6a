"""Forward and derivative rules that are read as expressions: one kernel each, with the bits that their steps compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
import minidl.nn.functional as F
from minidl.kernels.cuda.elementwise import fusion
from minidl.kernels.cuda.simulator import driver as simulated

pytestmark = pytest.mark.usefixtures("simulated_gpu")

VALUES = np.random.default_rng(0).normal(scale=2, size=(3, 5)).astype(np.float32)
RULES: dict[str, Callable[[Any, Any], Any]] = {
    "silu": lambda x, y: F.silu(x),
    "softplus": lambda x, y: F.softplus(x),
    "hardswish": lambda x, y: F.hardswish(x),
    "elu": lambda x, y: F.elu(x, alpha=0.5),
    "mish": lambda x, y: F.mish(x),
    "gelu": lambda x, y: F.gelu(x),
    "gelu by tanh": lambda x, y: F.gelu(x, approximate="tanh"),
    "tanh": lambda x, y: x.tanh(),
    "sigmoid": lambda x, y: x.sigmoid(),
    "exp": lambda x, y: x.exp(),
    "clamp": lambda x, y: x.clamp(-1, 1),
    "power": lambda x, y: x**3,
    "product": lambda x, y: x * y,
    "quotient": lambda x, y: x / y,
    "atan2": lambda x, y: minidl.atan2(x, y),
    "maximum": lambda x, y: minidl.maximum(x, y),
    "leaky ReLU": lambda x, y: F.leaky_relu(x),
    "lerp": lambda x, y: minidl.lerp(x, y, 0.25),
}


def sent(values: Any) -> Any:
    return minidl.tensor(values, device="cuda", requires_grad=True)


def run(rule: Callable[[Any, Any], Any]) -> tuple[list[Any], list[str], list[str]]:
    """The result and the gradients, and what is launched for them."""
    x, y = sent(VALUES), sent(VALUES[::-1] + 0.5)
    g = minidl.tensor(np.cos(VALUES), device="cuda")
    simulated.launches.clear()
    out = rule(x, y)
    forward = list(simulated.launches)
    simulated.launches.clear()
    out.backward(g)
    backward = list(simulated.launches)
    found = [out, x.grad, y.grad] if y.grad is not None else [out, x.grad]
    return [t.detach().cpu().numpy() for t in found], forward, backward


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_one_kernel_and_computes_the_bits_of_its_steps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found, forward, backward = run(RULES[name])
    assert len(forward) == len(backward) == 1
    monkeypatch.setattr(fusion, "read", lambda rule, dtypes: None)
    monkeypatch.setattr(fusion, "_known", {})
    steps, _, longer = run(RULES[name])
    assert len(longer) >= len(backward)
    for mine, theirs in zip(found, steps, strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_array_equal(mine, theirs)


def test_a_broadcast_is_undone_behind_the_kernel() -> None:
    x, b = sent(VALUES), sent(VALUES[0])
    (x * b).sum().backward()
    np.testing.assert_allclose(b.grad.cpu().numpy(), VALUES.sum(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(x.grad.cpu().numpy(), np.broadcast_to(VALUES[0], VALUES.shape))


def test_no_gradient_wins_over_an_infinite_slope() -> None:
    x = sent(np.array([0.0, 4.0], np.float32))
    minidl.where(x > 0, x.sqrt(), 0.0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


def test_a_rule_that_looks_at_values_runs_step_by_step() -> None:
    x = sent(np.array([1.0, np.nan, np.inf], np.float32))
    found = minidl.nan_to_num(x, nan=7.0, posinf=9.0)
    assert found.tolist() == [1.0, 7.0, 9.0]


def test_rules_are_told_apart_by_their_numbers() -> None:
    x = sent(np.array([-2.0, 2.0], np.float32))
    for alpha in (0.5, 1.0, 0.5):
        expected = [alpha * np.expm1(np.float32(-2)), 2.0]
        np.testing.assert_allclose(F.elu(x, alpha=alpha).tolist(), expected, rtol=1e-6)


def test_what_cannot_be_read() -> None:
    f32, whole = np.dtype(np.float32), np.dtype(np.int64)
    assert fusion.read(lambda x: x.shape, [f32]) is None
    assert fusion.read(lambda x: x if x else -x, [f32]) is None
    assert fusion.read(lambda x: np.zeros_like(x), [f32]) is None
    assert fusion.read(lambda x: np.sum(x), [f32]) is None
    assert fusion.read(lambda x: np.asarray(x), [f32]) is None
    assert fusion.read(lambda x: x + "one", [f32]) is None
    assert fusion.read(lambda x: x & 1, [f32]) is None
    assert fusion.read(lambda x: fusion.WRITER.matmul(x, x), [f32]) is None
    assert fusion.read(lambda x, y: x + y, [f32, np.dtype(np.float64)]) is None
    assert fusion.fused("key", lambda x: -x, [whole]) is None


def test_operands_are_counted_once_and_unused_ones_not_at_all() -> None:
    f32 = np.dtype(np.float32)
    found = fusion.read(lambda x, y, z: [np.exp(z) * 2 + 2, None, x], [f32] * 3)
    assert found == ((("add", ("multiply", ("exp", 0), 1), 1), None, ("argument", 0)), (("argument", 2), ("number", 2)))
