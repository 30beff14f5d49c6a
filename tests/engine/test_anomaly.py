"""Anomaly detection names the forward line whose backward went wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.autodiff import checkpoint
from minidl.errors import GraphError
from minidl.graph import detect_anomaly, set_detect_anomaly
from minidl.graph.mode import state


@pytest.mark.parametrize(
    ("f", "operation", "what", "cause"),
    [
        (lambda x: minidl.sqrt(x), "sqrt", "an infinity", "infinite at 0"),
        (lambda x: minidl.log(x), "log", "an infinity", "log_softmax"),
        (lambda x: 1 / x, "div", "an infinity", "divided by 0"),
        (lambda x: minidl.exp(x * 100.0), "exp", "an infinity", "subtract the maximum"),
    ],
)
def test_the_message(f: Callable[[Any], Any], operation: str, what: str, cause: str) -> None:
    x = minidl.tensor([1.0, 0.0, 2.0], requires_grad=True, name="x")
    with detect_anomaly():
        y = f(x)  # the line to blame
        with pytest.raises(GraphError) as caught:
            (y * 2).sum().backward()
    message = str(caught.value)
    assert message.startswith(f"the backward of {operation} sends {what} to ")
    assert "of 3 elements" in message
    assert "(3,)" in message
    assert "test_anomaly.py:" in message
    assert "y = f(x)  # the line to blame" in message or "lambda x:" in message
    assert cause in message


def test_the_first_one_is_blamed() -> None:
    x = minidl.tensor([0.0, 4.0], requires_grad=True)
    with detect_anomaly():
        root = minidl.sqrt(x * 1)
        with pytest.raises(GraphError, match=r"the backward of sqrt sends an infinity.*root = minidl.sqrt"):
            (root * 3).sum().backward()


def test_a_value_that_was_not_finite_before() -> None:
    x = minidl.tensor([np.inf, 1.0], requires_grad=True)
    with detect_anomaly(), pytest.raises(GraphError, match="not finite already"):
        (x * x).sum().backward()
    y = minidl.tensor([1.0], requires_grad=True)
    with detect_anomaly(), pytest.raises(GraphError, match="not finite to begin with"):
        (y * 2).backward(minidl.tensor([np.nan]))


def test_a_forward_pass_outside() -> None:
    y = minidl.sqrt(minidl.tensor([0.0], requires_grad=True))
    with detect_anomaly(), pytest.raises(GraphError, match="run the forward pass inside it too"):
        y.backward()


def test_a_branch_not_taken_is_no_anomaly() -> None:
    x = minidl.tensor([0.0, 4.0], requires_grad=True)
    with detect_anomaly():
        minidl.where(x > 1, minidl.sqrt(x), 0.0).sum().backward()
    assert x.grad.tolist() == [0, 0.25]


@pytest.mark.parametrize("through", [lambda y: y.data, lambda y: y.detach().numpy()])
def test_writing_behind_the_engines_back(through: Callable[[Any], Any]) -> None:
    def run() -> None:
        x = minidl.tensor([1.0, 2.0], requires_grad=True)
        y = (x * 2).named("y")
        z = y * y
        through(y)[0] = 5
        z.sum().backward()

    run()  # the documented hole
    with (
        detect_anomaly(),
        pytest.raises(GraphError, match=r"y \(2,\) was changed in place after .*z = y \* y.*\.numpy\(\)"),
    ):
        run()


def test_what_no_rule_reads_may_be_written() -> None:
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    with detect_anomaly():
        y = x * 2
        z = y + 1
        y.data[0] = 5
        z.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_without_the_check_of_values() -> None:
    x = minidl.tensor([0.0], requires_grad=True)
    with detect_anomaly(check_nan=False):
        minidl.sqrt(x).backward()
    assert np.isinf(x.grad.item())


def test_as_a_decorator_a_switch_and_in_this_thread_only() -> None:
    @detect_anomaly()
    def inside() -> bool:
        return state.anomaly

    assert inside()
    assert not state.anomaly
    seen: list[bool] = []
    set_detect_anomaly(True)
    try:
        thread = threading.Thread(target=lambda: seen.append(state.anomaly))
        thread.start()
        thread.join()
        assert state.anomaly
    finally:
        set_detect_anomaly(False)
    assert seen == [False]
    with set_detect_anomaly(True):
        assert state.anomaly
    assert not state.anomaly


def test_with_everything_else() -> None:
    x = minidl.tensor([0.5, 2.0], dtype=minidl.float64, requires_grad=True)

    def f(x: Any) -> Any:
        y = checkpoint(lambda v: minidl.tanh(v) * v, x)
        y *= x
        y[0] = y[1].clone() * 2
        return y.sum()

    (plain,) = minidl.grad(f(x), x)
    with detect_anomaly():
        (found,) = minidl.grad(f(x), x, create_graph=True)
        minidl.grad(found.sum(), x)
    assert found.tolist() == plain.tolist()


@pytest.mark.parametrize("mode", [minidl.no_grad, minidl.enable_grad])
def test_modes_as_bare_decorators(mode: Any) -> None:
    @mode
    def inside(value: int) -> tuple[bool, int]:
        """Its own words."""
        return minidl.is_grad_enabled(), value

    assert inside(3) == (mode is minidl.enable_grad, 3)
    assert inside.__doc__ == "Its own words."
    assert minidl.is_grad_enabled()
