"""The scalar tape computes what the engine computes: every operation, whole graphs, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.errors import GraphError, ShapeError, UsageError
from minidl.primitives.kinds import registry
from minidl.tape.scalar_tape import CODES, ScalarTape, record_scalars

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 700.0, -700.0, np.inf, -np.inf, np.nan]
BINARY = ("add", "mul", "sub", "div", "maximum", "minimum")


def call(name: str) -> Callable[..., Any]:
    if name == "pow_by_number":
        return lambda x: x**3 + x**-1 + x**0.5 + x**0
    return registry[name]


@pytest.mark.parametrize("name", CODES)
def test_each_operation_agrees_with_the_engine(name: str) -> None:
    count = 2 if name in BINARY else 1
    rng = np.random.default_rng(0)
    rows = [*rng.standard_normal((20, count)), *([a, b][:count] for a in SPECIAL for b in SPECIAL)]
    nodes = [minidl.scalar(0.7 + k) for k in range(count)]
    tape = record_scalars(3.0 * call(name)(*nodes), nodes)
    for row in rows:
        fresh = [minidl.scalar(float(v)) for v in row]
        result = 3.0 * call(name)(*fresh)
        result.backward()
        value, gradients = tape.replay(row)
        np.testing.assert_allclose(value, result.data, rtol=1e-14, err_msg=str(row))
        expected = [0.0 if x.grad is None else x.grad.data for x in fresh]
        np.testing.assert_allclose(gradients, expected, rtol=1e-13, atol=0, err_msg=str(row))


def random_program(seed: int, leaves: list[Any]) -> Any:
    rng = np.random.default_rng(seed)
    pool = list(leaves)
    for _ in range(200):
        a, b = (pool[k] for k in rng.integers(max(0, len(pool) - 30), len(pool), 2))
        kind = rng.integers(8)
        if kind == 0:
            pool.append(a + b)
        elif kind == 1:
            pool.append(a * b * 0.5)
        elif kind == 2:
            pool.append(1.5 - a)
        elif kind == 3:
            pool.append(minidl.tanh(a))
        elif kind == 4:
            pool.append(minidl.relu(a))
        elif kind == 5:
            pool.append(a / (b * b + 1))
        elif kind == 6:
            pool.append(minidl.maximum(a, b) ** 2)
        else:
            pool.append(minidl.sigmoid(a) - b)
        pool.append(pool.pop() if abs(pool[-1].item()) < 10 else minidl.tanh(pool.pop()))
    total = pool[0]
    for value in pool[1:]:
        total = total + value
    return total


@pytest.mark.parametrize("seed", range(5))
def test_a_graph_replayed_with_other_values(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.1, 0.9, 6)
    leaves = [minidl.scalar(v) for v in values]
    root = random_program(seed, leaves)
    tape = record_scalars(root, leaves[:4], leaves[4:])
    root.backward()
    value, gradients = tape.replay(values[:4])
    np.testing.assert_allclose(value, root.item(), rtol=1e-12)
    np.testing.assert_allclose(gradients, [x.grad.item() for x in leaves], rtol=1e-9, atol=1e-12)
    step = 1e-6
    bump = np.array([step, 0.0, 0.0, 0.0])
    up, _ = tape.replay(values[:4] + bump)
    down, _ = tape.replay(values[:4] - bump)
    assert (up - down) / (2 * step) == pytest.approx(gradients[0], rel=1e-4, abs=1e-6)


def test_parameters_are_read_at_each_replay() -> None:
    x, w = minidl.scalar(2.0), minidl.scalar(3.0)
    tape = record_scalars(w * x + x, [x], [w])
    w.data = np.float64(10.0)
    value, gradients = tape.replay([5.0])
    assert (value, gradients.tolist()) == (55.0, [11.0, 5.0])


def test_a_leaf_that_is_not_named_stays_what_it_was() -> None:
    x, c = minidl.scalar(2.0), minidl.scalar(3.0)
    tape = record_scalars(c * x, [x])
    c.data = np.float64(10.0)
    assert tape.replay([1.0])[0] == 3.0


def test_constants_of_either_sign_of_zero_and_nan() -> None:
    x = minidl.scalar(2.0)
    tape = record_scalars((x * 0.0 + x * -0.0) * 0.0 + (x * np.nan) * 1.0, [x])
    assert np.isnan(tape.replay([1.0])[0])
    assert tape.leaves == 1 + 4  # 0, −0, NaN, 1


def test_the_gradients_of_one_replay_are_not_those_of_the_next() -> None:
    x = minidl.scalar(2.0)
    tape = record_scalars(x * x, [x])
    first = tape.replay([3.0])[1]
    tape.replay([4.0])
    assert first.tolist() == [6.0]


def test_what_it_says_of_itself() -> None:
    x = minidl.scalar(2.0)
    tape = record_scalars(x * x * 2.0, [x])
    assert isinstance(tape, ScalarTape)
    assert (repr(tape), len(tape)) == ("<scalar tape: 2 leaves, 2 operations>", 4)


def freed() -> tuple[Any, Any]:
    x = minidl.scalar(2.0)
    y = x * x
    y.backward(retain_graph=False)
    return y, [x]


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: ((x := minidl.scalar(2.0)) * x, [x, x]), GraphError, "given twice"),
        (lambda: ((x := minidl.scalar(2.0)) * x, [x * 1.0]), GraphError, "no leaf that requires a gradient"),
        (lambda: ((x := minidl.scalar(2.0)) * x, [minidl.scalar(1.0, requires_grad=False)]), GraphError, "no leaf"),
        (lambda: (minidl.scalar(2.0), []), GraphError, "is a leaf"),
        (freed, GraphError, "were freed"),
        (lambda: (minidl.erf(x := minidl.scalar(2.0)), [x]), UsageError, "has no erf; it has add, mul"),
        (lambda: (minidl.ones(3, requires_grad=True).sum() * 2.0, []), UsageError, "is no scalar"),
        (lambda: ((x := minidl.scalar(2.0)) * minidl.tensor([1.0]), [x]), UsageError, "is no scalar"),
    ],
)
def test_refusals(make: Callable[[], tuple[Any, Any]], error: type[Exception], match: str) -> None:
    root, inputs = make()
    with pytest.raises(error, match=match):
        record_scalars(root, inputs)


def test_as_many_values_as_inputs() -> None:
    x = minidl.scalar(2.0)
    with pytest.raises(ShapeError, match=r"has 1 inputs, got values of shape \(2,\)"):
        record_scalars(x * x, [x]).replay([1.0, 2.0])
