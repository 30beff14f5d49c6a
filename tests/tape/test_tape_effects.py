"""What a step changes besides its result: memory, gradients, random numbers; and what may go in and come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.nn import functional as F


def vector(*numbers: float, **options: Any) -> Any:
    return minidl.tensor([float(n) for n in numbers], **options)


def same(make: Callable[[], tuple[Callable[..., Any], Callable[[], list[Any]]]], *calls: Any) -> None:
    """Run a function compiled and not, on the same calls, and compare what it returns and leaves behind."""
    results = []
    for compiled in (False, True):
        minidl.manual_seed(0)
        step, state = make()
        f = minidl.compile(step) if compiled else step
        found = []
        for call in calls:
            out = f(*call)
            found += [np.array(o.data) for o in (out if isinstance(out, tuple) else (out,)) if o is not None]
            found += [None if s is None else np.array(s) for s in state()]
        results.append(found)
        if compiled:
            assert f.tape.replays >= 1  # type: ignore[attr-defined]
    assert len(results[0]) == len(results[1])
    for plain, mine in zip(*results, strict=True):
        assert (plain is None) == (mine is None)
        if plain is not None:
            assert plain.dtype == mine.dtype
            np.testing.assert_allclose(mine, plain, rtol=1e-6, atol=1e-7)


CALLS = [(vector(k, k + 1, 2),) for k in range(1, 6)]


def test_hand_written_updates() -> None:
    def make() -> Any:
        w = vector(1, 2, 3, requires_grad=True)

        def step(x: Any) -> Any:
            w.grad = None
            loss = (w * x).square().sum()
            loss.backward()
            w.data -= 0.01 * w.grad.data
            with minidl.no_grad():
                w.mul_(0.9)
                w[0] = 1.0
            return loss

        return step, lambda: [w.data, w.grad.data]

    same(make, *CALLS)


def test_gradients_that_add_up() -> None:
    def make() -> Any:
        w = vector(1, 2, 3, requires_grad=True)

        def step(x: Any) -> None:
            (w * x).square().sum().backward()
            (w + x).prod().backward()

        return step, lambda: [w.grad.data]

    same(make, *CALLS, *CALLS)


def test_gradients_of_an_argument() -> None:
    def make() -> Any:
        given = [vector(k, 2, 3, requires_grad=True) for k in range(5)]
        seen = []

        def step(x: Any) -> None:
            x.grad = None
            (x * x).sum().backward()

        def outer(k: Any) -> None:
            inner(given[int(k.item())])
            seen.append(given[int(k.item())].grad.data)

        inner = minidl.compile(step)
        return outer, lambda: seen

    results = []
    for _ in range(2):
        step, state = make()
        for k in range(5):
            step(minidl.tensor(k))
        results.append(state())
    np.testing.assert_allclose(results[0], [[2 * k, 4, 6] for k in range(5)])


def test_zero_grad_keeps_memory() -> None:
    def make() -> Any:
        layer = nn.Linear(3, 2)

        def step(x: Any) -> Any:
            layer.zero_grad(set_to_none=False)
            loss = layer(x).sum()
            loss.backward()
            return loss

        return step, lambda: [p.grad.data for p in layer.parameters()]

    same(make, *CALLS)


def test_clipped_gradients() -> None:
    def make() -> Any:
        layer = nn.Linear(3, 2)

        def step(x: Any) -> Any:
            layer.zero_grad()
            layer(x).square().sum().backward()
            nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
            nn.utils.clip_grad_value_(layer.parameters(), 0.4)
            return layer.weight.grad * 1

        return step, lambda: [p.grad.data for p in layer.parameters()]

    same(make, *CALLS)


def test_second_derivatives() -> None:
    def make() -> Any:
        w = vector(1, 2, 3, requires_grad=True)

        def step(x: Any) -> Any:
            (g,) = minidl.grad((w**3 * x).sum(), w, create_graph=True)
            (h,) = minidl.grad(g.sum(), w)
            return g, h

        return step, list

    same(make, *CALLS)


def test_functional_transforms() -> None:
    def make() -> Any:
        def step(x: Any) -> Any:
            return minidl.func.grad(lambda v: v.exp().sum())(x), minidl.func.hessian(lambda v: v.prod())(x)

        return step, list

    same(make, *CALLS)


def test_in_place_operations_on_recorded_values() -> None:
    def make() -> Any:
        w = vector(1, 2, 3, requires_grad=True)

        def step(x: Any) -> Any:
            w.grad = None
            y = w * x
            y += 1
            y *= x
            y[0] = 5.0
            z = minidl.zeros(3)
            z[1:] = y[1:]
            z.sum().backward()
            return y, z

        return step, lambda: [w.grad.data]

    same(make, *CALLS)


def test_random_numbers_of_every_kind() -> None:
    own = minidl.Generator(7)

    def make() -> Any:
        own.manual_seed(7)

        def step(x: Any) -> Any:
            return (
                x + minidl.randn(3), x + minidl.rand(3, generator=own), x * minidl.bernoulli(minidl.full((3,), 0.5)),
                F.dropout(x, 0.5), F.alpha_dropout(x, 0.2, training=True), F.rrelu(-x, training=True),
                x[minidl.randperm(3)],
            )  # fmt: skip

        return step, list

    same(make, *CALLS)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: F.cross_entropy(x, y, weight=minidl.tensor([1.0, 2.0, 3.0]), label_smoothing=0.1, reduction="sum"),
        lambda x, y: F.nll_loss(x.log_softmax(1), y, reduction="none"),
        lambda x, y: F.one_hot(y, 3) * x,
        lambda x, y: x.gather(1, y[:, None]),
        lambda x, y: x[minidl.arange(4), y],
        lambda x, y: minidl.where(x > y[:, None], x, 0.0),
        lambda x, y: x.masked_fill(x < 0, 2.0),
        lambda x, y: F.batch_norm(x, None, None, training=True),
        lambda x, y: F.layer_norm(x, (3,)),
        lambda x, y: x.sort(dim=1)[0] + x.cumsum(0),
        lambda x, y: F.scaled_dot_product_attention(x[None], x[None], x[None], is_causal=True),
        lambda x, y: minidl.cat([x, y[:, None].float()], 1).t(),
        lambda x, y: minidl.linalg.inv(x.T @ x + minidl.eye(3)),
        lambda x, y: x.quantile(0.25, dim=0),
    ],
)
def test_operations_that_look_at_numbers(function: Any) -> None:
    """Targets, indices, masks and conditions are read at each replay."""
    random = np.random.default_rng(0)
    calls = [
        (minidl.tensor(random.normal(size=(4, 3)).astype(np.float32)), minidl.tensor(random.permutation([0, 1, 2, 0])))
        for _ in range(5)
    ]
    same(lambda: (function, list), *calls)


def test_arguments_and_results_in_containers() -> None:
    w = vector(1, 2)

    @minidl.compile
    def f(batch: dict[str, Any], scale: float) -> dict[str, Any]:
        return {"a": [batch["x"] * scale, w], "n": 3, "y": batch["y"] + 1}

    for k in range(4):
        out = f({"x": vector(k, 1), "y": np.array([k, 2])}, scale=2.0)
        assert out["a"][0].tolist() == [2 * k, 2]
        assert out["a"][1] is w
        assert out["n"] == 3
        assert out["y"].tolist() == [k + 1, 3]
    assert f.tape.replays == 2


def test_results_are_not_overwritten_by_the_next_replay() -> None:
    f = minidl.compile(lambda x: (x * 2, (x * 3).reshape(3, 1)))
    kept = [f(x) for (x,) in CALLS]
    for k, (double, triple) in enumerate(kept, start=1):
        assert double.tolist() == [2 * k, 2 * k + 2, 4]
        assert triple.tolist() == [[3 * k], [3 * k + 3], [6]]


def test_gradients_are_not_overwritten_by_the_next_replay() -> None:
    w = vector(1, 2, 3, requires_grad=True)

    @minidl.compile
    def step(x: Any) -> None:
        w.grad = None
        (w * x).sum().backward()

    kept = []
    for (x,) in CALLS:
        step(x)
        kept.append(w.grad)
    assert [g.tolist() for g in kept] == [[k, k + 1, 2] for k in range(1, 6)]


def test_a_parameter_that_is_replaced_is_read() -> None:
    layer = nn.Linear(2, 1, bias=False)
    f = minidl.compile(lambda x: layer(x))
    for k in range(4):
        layer.load_state_dict({"weight": np.full((1, 2), k, np.float32)})
        layer.weight.data = np.full((1, 2), k + 1, np.float32)
        assert f(vector(1, 1)).tolist() == [2 * k + 2]


def test_infinities_arise_as_they_do_otherwise() -> None:
    """A slope that becomes infinite during a replay alone sends no NaN into a branch that was not taken."""

    def make() -> Any:
        w = vector(1, 1, 1, requires_grad=True)

        def step(x: Any) -> None:
            w.grad = None
            minidl.where(x > 0, minidl.sqrt(w * x), 0.0).sum().backward()

        return step, lambda: [w.grad.data]

    same(make, *CALLS[:3], (vector(0, 1, 4),), (vector(-1, 0, 4),))


def test_checkpointed_parts_and_hooks() -> None:
    def make() -> Any:
        w = vector(1, 2, 3, requires_grad=True)

        def step(x: Any) -> Any:
            w.grad = None
            y = w * x
            y.register_hook(lambda g: g * 2)
            z = minidl.checkpoint(lambda v: v.exp().sin(), y)
            z.sum().backward(retain_graph=False)
            return z

        return step, lambda: [w.grad.data]

    same(make, *CALLS)


def test_a_compiled_method_and_a_compiled_module() -> None:
    class Scaled:
        def __init__(self, factor: float) -> None:
            self.factor = minidl.tensor(factor)

        @minidl.compile
        def times(self, x: Any) -> Any:
            return x * self.factor

    two, three = Scaled(2.0), Scaled(3.0)
    for _ in range(4):
        assert two.times(vector(1)).tolist() == [2]
        assert three.times(vector(1)).tolist() == [3]
    layer = nn.Linear(3, 2)
    compiled = minidl.compile(layer)
    for (x,) in CALLS:
        np.testing.assert_allclose(compiled(x).data, layer(x).data, rtol=1e-6)


def test_a_compiled_function_inside_another_is_part_of_it() -> None:
    inner = minidl.compile(lambda x: x * 2)
    outer = minidl.compile(lambda x: inner(x) + 1)
    for (x,) in CALLS:
        np.testing.assert_array_equal(outer(x).data, x.data * 2 + 1)
    assert inner.recordings == 0


def fitting(make: Callable[[Any], optim.Optimizer], compiled: str = "") -> tuple[float, Any]:
    """The loss after some steps of an optimizer that searches; perhaps its closure, or the whole step, is compiled."""
    minidl.manual_seed(0)
    model, x, y = nn.Linear(4, 2), minidl.randn(8, 4), minidl.randn(8, 2)
    rule = make(model.parameters())

    def closure() -> Any:
        rule.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        return loss

    loss = minidl.compile(closure) if compiled == "closure" else closure
    step = minidl.compile(lambda: rule.step(loss)) if compiled == "step" else lambda: rule.step(loss)
    for _ in range(3):
        step()
    return float(closure().item()), loss


def test_an_optimizer_that_searches_runs_in_the_ordinary_way() -> None:
    expected, _ = fitting(optim.LBFGS)
    with pytest.warns(minidl.tape.CompileWarning, match="LBFGS.step calls its closure as often.*compile the closure"):
        found, _ = fitting(optim.LBFGS, "step")
    assert found == pytest.approx(expected, rel=1e-6)


def test_the_closure_of_an_optimizer_that_searches_can_be_compiled() -> None:
    expected, _ = fitting(optim.LBFGS)
    found, closure = fitting(optim.LBFGS, "closure")
    assert closure.tape.replays > 3
    assert found == pytest.approx(expected, rel=1e-6)
