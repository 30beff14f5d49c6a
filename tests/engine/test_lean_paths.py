"""The short ways of the engine: scalars, arrays that are handed on without a copy, and only what is asked for."""

from __future__ import annotations

import gc
import warnings
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.autodiff import backward_events, gradients
from minidl.errors import GraphError
from minidl.primitives.elementwise.comparison import above
from minidl.primitives.kinds import registry
from minidl.primitives.upstream import times, times_each

DOUBLES = [0.0, -0.0, 1.0, -2.5, 1e200, -1e200, np.inf, -np.inf, np.nan]
OPERATORS = {name: p for name, p in registry.items() if p.operator is not None}


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_is_its_forward_rule(name: str) -> None:
    from minidl.kernels import backend_of

    primitive = OPERATORS[name]
    xp = backend_of([])
    for first in DOUBLES:
        for second in DOUBLES[: 1 if len(primitive.partials) == 1 else None]:
            values = [np.float64(first), np.float64(second)][: len(primitive.partials)]
            with np.errstate(all="ignore"):
                quick, plain = primitive.operator(*values), primitive.forward(xp, *values)
            assert type(quick) is np.float64
            np.testing.assert_array_equal(quick, plain)


@pytest.mark.parametrize("name", [n for n, p in OPERATORS.items() if len(p.partials) == 2])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 1), ()])
def test_an_operator_of_arrays_is_the_operation(name: str, dtype: Any, shape: tuple[int, ...]) -> None:
    primitive = OPERATORS[name]
    rng = np.random.default_rng(0)
    x = minidl.tensor(np.asarray(rng.standard_normal(shape), dtype), requires_grad=True)
    for other in (minidl.tensor(rng.standard_normal(4).astype(dtype)), minidl.tensor(np.asarray(2, dtype)), 0.5):
        quick, plain = primitive.pair(x, other), primitive(x, other)
        assert type(quick.data) is type(plain.data) is np.ndarray
        assert quick.dtype == plain.dtype == dtype
        assert (quick.primitive, quick.requires_grad) == (primitive, True)
        np.testing.assert_array_equal(quick.data, plain.data)


@pytest.mark.parametrize("shape", [(6,), (2, 3), (3, 2, 1), ()])
def test_two_products_with_an_upstream_are_those_of_each(shape: tuple[int, ...]) -> None:
    """Also where no upstream meets an infinite slope, and where the look at both of them at once is a false alarm."""
    rng = np.random.default_rng(0)
    for special in ([], [np.inf], [-np.inf, 0.0], [np.nan], [1e30, -1e30]):
        for _ in range(20):
            g, first, second = (np.asarray(rng.standard_normal(shape), np.float32) for _ in range(3))
            for array in (g, first, second):
                for number in special:
                    array.reshape(-1)[rng.integers(array.size)] = number
            slopes = [np.array(first, order="F"), second]
            with np.errstate(all="ignore"):
                found, expected = times_each(g, slopes), [times(g, slope) for slope in slopes]
            np.testing.assert_array_equal(found, expected)
    assert times_each(g, [None, 2.0])[0] is None


def test_infinities_come_in_silence_and_the_callers_own_setting_stays() -> None:
    x = minidl.scalar(1e300)
    t = minidl.tensor([1e30, 0.0], requires_grad=True)
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        assert (x * x).item() == np.inf
        assert (x / 0.0).item() == np.inf
        (t * t / t).sum().backward()
        (x * x - x * x).backward()
        assert np.geterr()["over"] == "raise"


def random_scalars(seed: int) -> tuple[list[Any], Any]:
    rng = np.random.default_rng(seed)
    leaves = [minidl.scalar(v) for v in rng.standard_normal(5)] + [minidl.scalar(0.0)]
    pool = list(leaves)
    for _ in range(120):
        a, b = (pool[k] for k in rng.integers(max(0, len(pool) - 20), len(pool), 2))
        makers = [
            lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: 2.0 - a, lambda a, b: minidl.relu(a),
            lambda a, b: minidl.tanh(a), lambda a, b: a**2, lambda a, b: a**3, lambda a, b: minidl.abs(b),
            lambda a, b: minidl.where(a > b, a, 3 * b), lambda a, b: minidl.maximum(a, b), lambda a, b: a / (b * b + 1),
            lambda a, b: minidl.sqrt(minidl.relu(a)), lambda a, b: -b,
        ]  # fmt: skip
        pool.append(minidl.tanh(makers[rng.integers(len(makers))](a, b)))
    total = pool[0]
    for value in pool[1:]:
        total = total + value
    return leaves, total


@pytest.mark.parametrize("seed", range(8))
def test_scalars_in_haste_get_what_a_watcher_sees(seed: int) -> None:
    leaves, total = random_scalars(seed)
    seen = gradients(total)
    total.backward()
    for leaf in leaves:
        np.testing.assert_array_equal(leaf.grad.data, seen[leaf])
    total.backward(retain_graph=False)
    np.testing.assert_array_equal(leaves[0].grad.data, 2 * seen[leaves[0]])
    with pytest.raises(GraphError, match="freed"):
        total.backward()


def test_a_scalar_changed_since_is_noticed_also_in_haste() -> None:
    x, w = minidl.scalar(2.0), minidl.scalar(3.0)
    y = w * x
    x.data = np.float64(5.0)
    with pytest.raises(GraphError, match="changed in place"):
        y.backward()
    z = w * x
    z.backward()
    assert w.grad.item() == 5.0


def test_hooks_and_retained_gradients_among_scalars() -> None:
    x = minidl.scalar(2.0)
    y = x * x
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    (y * 3.0).backward()
    assert (y.grad.item(), x.grad.item()) == (30.0, 120.0)


def memories(*tensors: Any) -> list[np.ndarray[Any, Any]]:
    return [t.data for t in tensors]


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x + y,
        lambda x, y: x.T + y.T,
        lambda x, y: x.reshape(-1) - y.reshape(-1),
        lambda x, y: x.sum() + y.sum() * 1.0,
        lambda x, y: x @ y,
        lambda x, y: minidl.cat([x, y]),
        lambda x, y: x + x + y,
        lambda x, y: (x * y).T.reshape(-1)[2:],
    ],
)
def test_no_gradient_shares_memory_with_another_or_with_the_upstream(function: Any) -> None:
    x, y = (minidl.tensor(np.arange(9.0).reshape(3, 3), requires_grad=True) for _ in range(2))
    out = function(x, y)
    g = minidl.ones_like(out)
    out.backward(g)
    arrays = memories(x.grad, y.grad, g, x, y, out)
    kept = [a.copy() for a in arrays]
    arrays += memories(*minidl.grad(out, [x, y, out, x], g))
    for i, a in enumerate(arrays):
        for b in arrays[:i]:
            assert a.size == 0 or not np.may_share_memory(a, b) or b is out.data
    for a in arrays[:2]:
        assert a.flags.writeable
        a += 1
    (dx, dy) = minidl.grad(out, [x, y], g)
    np.testing.assert_array_equal(dx.data, kept[0])
    np.testing.assert_array_equal(dy.data, kept[1])


def test_a_gradient_that_is_held_does_not_change_with_the_next() -> None:
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    np.testing.assert_array_equal(first.data, [2.0, 4.0])
    np.testing.assert_array_equal(x.grad.data, [4.0, 8.0])


def test_sums_of_contributions_do_not_touch_what_others_hold() -> None:
    x = minidl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    a, b = x * 2.0, x * 3.0
    s = a + b
    s.retain_grad()
    total = (s * s).sum() + s.sum() + (s + s).sum()
    total.backward()
    np.testing.assert_array_equal(s.grad.data, 2 * s.data + 3)
    np.testing.assert_array_equal(x.grad.data, 5 * (2 * s.data + 3))
    events = {event.node: event for event in backward_events(total)}
    for event in events.values():
        for part in event.contributions:
            assert part.value is not part.total or np.array_equal(part.value, part.total)
    np.testing.assert_array_equal(events[s].upstream, 2 * s.data + 3)


def test_only_what_is_asked_for_is_computed() -> None:
    x, w, v = (minidl.ones(3, requires_grad=True) for _ in range(3))
    called = []
    v.register_hook(lambda g: called.append("v"))
    w.register_hook(lambda g: called.append("w"))
    y = ((x * w) * 2.0 + v * v).sum()
    (dw,) = minidl.grad(y, [w])
    np.testing.assert_array_equal(dw.data, [2.0, 2.0, 2.0])
    assert called == ["w"]
    y.backward(inputs=[x])
    assert x.grad is not None
    assert w.grad is None
    assert called == ["w"]


def test_targets_on_the_way_to_targets() -> None:
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    h = x * x
    w = minidl.tensor([3.0, 4.0], requires_grad=True)
    y = (h * w).sum()
    dy, dh, dx = minidl.grad(y, [y, h, x])
    np.testing.assert_array_equal(dh.data, [3.0, 4.0])
    np.testing.assert_array_equal(dx.data, [6.0, 16.0])
    assert dy.item() == 1.0


def test_graphs_of_scalars_go_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        leaves, total = random_scalars(0)
        total.backward()
        del total
        count = gc.collect()
    finally:
        gc.enable()
    assert count == 0
    assert leaves


@pytest.mark.parametrize(("x", "slope"), [(2.0, 1.0), (-2.0, 0.0), (0.0, 0.0), (float("nan"), 1.0)])
def test_the_slope_of_a_scalars_relu(x: float, slope: float) -> None:
    leaf = minidl.scalar(x)
    leaf.relu().backward()
    assert float(leaf.grad.data) == slope
    assert above(np.float64(x), 0.0) == bool(slope)
