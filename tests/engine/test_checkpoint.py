"""Checkpointing: the same numbers from less memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.autodiff import checkpoint, forward_steps, order
from minidl.errors import GraphError, UsageError
from minidl.graph.history import is_missing

SIZE = 20_000


def layers(count: int) -> Callable[[Any], Any]:
    def run(h: Any) -> Any:
        for _ in range(count):
            h = minidl.tanh(h) * 1.01
        return h

    return run


def measure(segments: int, count: int, dropped: bool) -> tuple[float, float, Any]:
    """Memory in arrays of SIZE doubles, after the forward pass and at its highest; and the gradient."""
    x = minidl.tensor(np.linspace(-1, 1, SIZE), requires_grad=True)
    tracemalloc.start()
    try:
        h = x
        for _ in range(segments):
            h = checkpoint(layers(count), h) if dropped else layers(count)(h)
        total = h.sum()
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        total.backward(retain_graph=False)
        return after / SIZE / 8, tracemalloc.get_traced_memory()[1] / SIZE / 8, x.grad.data
    finally:
        tracemalloc.stop()


def test_memory_falls_and_the_gradient_stays() -> None:
    forward, peak, gradient = measure(8, 8, dropped=False)
    less, lower, same = measure(8, 8, dropped=True)
    np.testing.assert_array_equal(same, gradient)
    assert forward > 8 * 8 * 2
    assert less < 8 + 1
    assert lower < 8 + 8 * 2 + 6 < peak / 4


class Network:
    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.w = minidl.tensor(rng.standard_normal((3, 3)), requires_grad=True)
        self.x = minidl.tensor(rng.standard_normal((2, 3)), requires_grad=True)

    def inner(self, v: Any) -> Any:
        return minidl.tanh(v @ self.w)

    def plain(self, v: Any) -> Any:
        return self.inner(self.inner(v) * v) + self.inner(v)

    def nested(self, v: Any) -> Any:
        return checkpoint(self.inner, checkpoint(self.inner, v) * v) + self.inner(v)


def test_closures_nesting_and_second_derivatives() -> None:
    net = Network()
    results = []
    for f in (net.plain, lambda v: checkpoint(net.nested, v)):
        y = f(net.x)
        g, gw = minidl.grad((y * y).sum(), [net.x, net.w], create_graph=True)
        results.append([a.data for a in (y, g, gw, *minidl.grad((g * g).sum() + (gw * gw).sum(), [net.x, net.w]))])
    for expected, found in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_what_is_dropped_comes_back_when_read_and_goes_again() -> None:
    net = Network()
    y = checkpoint(net.plain, net.x)
    inside = [n for n in order(y) if n.primitive and n is not y]
    assert all(is_missing(n) for n in inside)
    assert not any(is_missing(n) for n in (y, net.x, net.w))
    assert inside[-1].shape == (2, 3)
    assert len(forward_steps(y)) == len(inside) + 3
    assert not any(is_missing(n) for n in inside)
    for _ in range(2):
        y.sum().backward()
        assert all(is_missing(n) for n in inside)


def test_saved_values_come_back_too() -> None:
    x = minidl.tensor(np.random.default_rng(0).standard_normal((2, 3, 8, 8)), requires_grad=True)
    f = lambda x: minidl.sin(minidl.max_pool2d(minidl.cos(x), 2))  # noqa: E731
    assert minidl.grad(checkpoint(f, x).sum(), x)[0].tolist() == minidl.grad(f(x).sum(), x)[0].tolist()


def test_nothing_random_is_drawn_twice() -> None:
    x = minidl.ones(1000, requires_grad=True)
    y = checkpoint(lambda v: minidl.nn.functional.dropout(v * 2, 0.5) * 3, x)
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()


def test_containers_keywords_and_several_outputs() -> None:
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    out = checkpoint(lambda v, *, scale: {"a": v * scale, "b": (v * v, 3)}, x, scale=2.0)
    (out["a"] * out["b"][0]).sum().backward()
    assert x.grad.tolist() == [6, 24]
    assert out["b"][1] == 3


def test_without_gradients_it_is_a_call() -> None:
    with minidl.no_grad():
        assert checkpoint(lambda v: v * 2, minidl.ones(2)).tolist() == [2, 2]
    assert checkpoint(lambda v: v * 2, minidl.ones(2)).tolist() == [2, 2]
    with pytest.raises(UsageError, match="use_reentrant=False"):
        checkpoint(lambda v: v, minidl.ones(2), use_reentrant=True)


def test_in_place_operations_inside() -> None:
    def f(v: Any) -> Any:
        a = v * 2
        b = a * 3
        a += b
        a[0] = v[1] * v[0]
        return minidl.tanh(a) * a

    for size in (3, 1000):
        x = minidl.tensor(np.random.default_rng(0).standard_normal((3, size)), requires_grad=True)
        assert minidl.grad(checkpoint(f, x).sum(), x)[0].tolist() == minidl.grad(f(x).sum(), x)[0].tolist()


def test_a_changed_argument_is_an_error() -> None:
    net = Network()
    y = checkpoint(net.plain, net.x)
    with minidl.no_grad():
        net.w += 1
    with pytest.raises(GraphError, match=r"a tensor \(3, 3\) was changed in place at .*test_checkpoint.py:\d+"):
        y.sum().backward()


def test_what_was_written_into_is_kept() -> None:
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    held: list[Any] = []
    y = checkpoint(lambda v: held.append(v * 2) or minidl.sin(held[0]), x)
    assert is_missing(held[0])
    with minidl.no_grad():
        held[0] += 100
    assert held[0].tolist() == [102, 104]
    with pytest.raises(GraphError, match="changed in place"):
        y.sum().backward()
    assert held[0].tolist() == [102, 104]


def test_a_long_chain_without_recursion_and_without_cycles() -> None:
    x = minidl.tensor([0.5], requires_grad=True)
    gc.collect()
    gc.disable()
    try:
        y = checkpoint(lambda v: layers(5000)(v), x)
        y.backward()
        del y
        assert gc.collect() == 0
    finally:
        gc.enable()
    assert np.isfinite(x.grad.item())
