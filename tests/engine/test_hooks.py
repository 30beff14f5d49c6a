"""Hooks see complete gradients, in order, and may replace them."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import minidl
from minidl.errors import DtypeError, GraphError, ShapeError, UsageError


def program(lib: Any) -> list[Any]:
    """Hooks of every kind on leaves and intermediates, in an order that matters."""
    log: list[Any] = []
    x = lib.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    z = y * y + y
    y.register_hook(lambda g: log.append(("y", g.tolist())))
    y.retain_grad()
    handle = y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: log.append(("y again", g.tolist())))
    x.register_hook(lambda g: log.append(("x", g.tolist())))
    x.register_hook(lambda g: g + 1)
    x.register_post_accumulate_grad_hook(lambda p: log.append(("after", p.grad.tolist())))
    z.sum().backward(retain_graph=True)
    log += [x.grad.tolist(), y.grad.tolist()]
    handle.remove()
    handle.remove()
    z.sum().backward(retain_graph=True)
    log += [x.grad.tolist(), y.grad.tolist()]
    gradient = lib.grad if lib is minidl else lib.autograd.grad
    with y.register_hook(lambda g: g * 0):
        log.append(gradient(z.sum(), x, retain_graph=True)[0].tolist())
    log.append([g.tolist() for g in gradient(z.sum(), [x, y])])
    return log


@pytest.mark.torch
def test_the_same_story_as_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    assert program(minidl) == program(torch)


def test_the_complete_gradient_comes_once() -> None:
    x = minidl.tensor(3.0, requires_grad=True)
    seen: list[float] = []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * x + x).backward()
    assert seen == [7]


def test_recorded_gradients() -> None:
    x = minidl.tensor(3.0, requires_grad=True)
    y = x * x
    handle = y.register_hook(lambda g: g * y)
    (g,) = minidl.grad(y, x, create_graph=True)  # x² · 2x
    assert g.item() == 54
    handle.remove()
    assert minidl.grad(g, x)[0].item() == 54  # 6x²
    seen: list[bool] = []
    y.register_hook(lambda g: seen.append(minidl.is_grad_enabled()))
    minidl.grad(y, x)
    minidl.grad(y, x, create_graph=True)
    assert seen == [False, True]


def test_an_optimizer_in_the_backward_pass() -> None:
    w = minidl.tensor([1.0, 2.0], requires_grad=True)
    optimizer = minidl.optim.SGD([w], lr=0.5)

    def step(_: Any) -> None:
        optimizer.step()
        optimizer.zero_grad()

    w.register_post_accumulate_grad_hook(step)
    (w * w).sum().backward()
    assert w.tolist() == [0, 0]
    assert w.grad is None


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (lambda g: 3.0, GraphError, r"a hook of x \(2,\) returned float"),
        (lambda g: g.sum(), ShapeError, r"shape \(\)"),
        (lambda g: g.double(), DtypeError, "float64, but the tensor is float32"),
    ],
)
def test_an_answer_that_is_no_gradient(answer: Any, error: type[Exception], text: str) -> None:
    x = minidl.tensor([1.0, 2.0], requires_grad=True, name="x")
    x.register_hook(answer)
    with pytest.raises(error, match=text):
        (x * x).sum().backward()


def test_where_there_is_nothing_to_hook() -> None:
    x = minidl.tensor([1.0], requires_grad=True)
    with pytest.raises(GraphError, match="does not require a gradient"):
        minidl.ones(2).register_hook(print)
    with pytest.raises(GraphError, match="no leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)
    with pytest.raises(UsageError, match="must be a function"):
        x.register_hook(3)


def test_no_reference_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        x = minidl.tensor([1.0], requires_grad=True)
        y = x * 2
        handle = y.register_hook(lambda g: g * 2)
        y.backward()
        alive = weakref.ref(y)
        del y
        assert alive() is None
        handle.remove()
    finally:
        gc.enable()
