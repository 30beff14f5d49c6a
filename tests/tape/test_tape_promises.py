"""What a replay must not get wrong: numbers seen through views, memory that a user holds, arguments that look alike."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import optim
from minidl.tape import binding

CALLS = 5


@pytest.fixture
def x() -> minidl.Tensor:
    return minidl.tensor(np.arange(6.0).reshape(2, 3))


def weight(shape: tuple[int, ...] = (2, 3)) -> minidl.Tensor:
    return minidl.tensor(np.random.default_rng(0).standard_normal(shape), requires_grad=True)


def test_what_is_computed_from_a_view_of_a_parameter_is_computed_anew() -> None:
    def losses(run: Callable[[Any], Any]) -> list[float]:
        w = weight()
        optimizer = optim.SGD([w], lr=0.1)

        def step() -> Any:
            optimizer.zero_grad()
            loss = (w.reshape(-1) + 1).square().sum()
            loss.backward()
            optimizer.step()
            return loss

        call = run(step)
        return [call().item() for _ in range(CALLS)]

    assert losses(minidl.compile) == losses(lambda f: f)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, v: (x * 2).clone(),
        lambda x, v: (x * 2).clone().T,
        lambda x, v: (b := (x * 2).clone(), (b[1:] @ v).exp())[1],
        lambda x, v: [(x * 2).clone()[1:], x.clone()],
    ],
)
def test_a_copy_that_somebody_needs_stays(function: Callable[..., Any], x: minidl.Tensor) -> None:
    compiled, v = minidl.compile(function), minidl.ones(3, dtype=minidl.float64)
    kept = [compiled(x + k, v) for k in range(CALLS)]
    for k, found in enumerate(kept):
        expected = function(x + k, v)
        for a, b in zip(_several(found), _several(expected), strict=True):
            np.testing.assert_array_equal(a.data, b.data)


def _several(result: Any) -> list[Any]:
    return result if isinstance(result, list) else [result]


def test_a_gradient_that_is_returned_is_there(x: minidl.Tensor) -> None:
    w = weight()

    def step(x: Any) -> Any:
        w.grad = None
        (w * x).sum().backward()
        return w.grad

    compiled = minidl.compile(step)
    for k in range(CALLS):
        np.testing.assert_array_equal(compiled(x + k).data, (x + k).data)


def test_a_tensor_that_is_given_other_numbers_twice(x: minidl.Tensor) -> None:
    def results(run: Callable[[Any], Any]) -> list[Any]:
        b = minidl.ones(2, 3, dtype=minidl.float64)

        def step(x: Any) -> Any:
            b.data = (b * 0.5 + x).data
            b.data = (b * 0.5 + x).data
            return minidl.zeros(2, 3, dtype=minidl.float64) + x, b + 0

        call = run(step)
        return [part.data.copy() for _ in range(CALLS) for part in call(x)]

    for a, b in zip(results(minidl.compile), results(lambda f: f), strict=True):
        np.testing.assert_array_equal(a, b)


def test_names_and_nesting_of_arguments_count(x: minidl.Tensor) -> None:
    named = minidl.compile(lambda x, a=0.0, b=0.0: x * (1 + a) + b)
    nested = minidl.compile(lambda p, q: p[0] * len(p) - q[-1] * len(q))
    either = minidl.compile(lambda batch: batch["p"] - batch["q"])
    y = x + 10
    for _ in range(CALLS):
        np.testing.assert_array_equal(named(x, a=3.0).data, 4 * x.data)
        np.testing.assert_array_equal(nested([x, y], [y]).data, 2 * x.data - y.data)
        np.testing.assert_array_equal(either({"p": x, "q": y}).data, x.data - y.data)
    np.testing.assert_array_equal(named(x, b=3.0).data, x.data + 3)
    np.testing.assert_array_equal(nested([x], [y, y]).data, x.data - 2 * y.data)
    np.testing.assert_array_equal(either({"q": x, "p": y}).data, y.data - x.data)


def test_an_argument_without_a_value_to_compare_is_known_by_itself(x: minidl.Tensor) -> None:
    @dataclasses.dataclass
    class Setting:
        factor: float

    compiled = minidl.compile(lambda x, setting: x * setting.factor)
    for k in range(3 * CALLS):
        np.testing.assert_array_equal(compiled(x, Setting(float(k))).data, k * x.data)
    assert len(compiled.tapes) <= 64


def test_minus_zero_is_not_zero(x: minidl.Tensor) -> None:
    compiled = minidl.compile(lambda x, a: x * a)
    for _ in range(CALLS):
        assert not np.signbit(compiled(x, 0.0).data).any()
    assert np.signbit(compiled(x, -0.0).data).all()


def test_an_argument_that_was_read_from_outside_as_well(x: minidl.Tensor) -> None:
    w = weight()
    compiled = minidl.compile(lambda x: (x * w).sum())
    for _ in range(CALLS):
        said = nullcontext() if compiled.recordings else pytest.warns(UserWarning, match="shares its memory")
        with said:
            compiled(w.detach())
    np.testing.assert_allclose(compiled(x).item(), (x.data * w.data).sum())


def test_an_argument_with_and_without_a_gradient(x: minidl.Tensor) -> None:
    compiled = minidl.compile(lambda x: (x * x).sum().backward())
    for _ in range(CALLS):
        compiled(minidl.tensor(x.data, requires_grad=True))
    given = minidl.tensor(x.data, requires_grad=True)
    compiled(given)
    compiled(given)
    np.testing.assert_array_equal(given.grad.data, 4 * x.data)


def test_an_argument_with_a_history(x: minidl.Tensor) -> None:
    compiled = minidl.compile(lambda x: (x * x).sum().backward())
    for _ in range(CALLS):
        compiled(minidl.tensor(x.data, requires_grad=True))
    w = minidl.tensor(x.data, requires_grad=True)
    with pytest.warns(UserWarning, match="history"):
        compiled(w * 2)
    np.testing.assert_array_equal(w.grad.data, 8 * x.data)


def test_an_interrupted_first_replay_is_made_good(x: minidl.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    w = weight()

    def step(x: Any) -> Any:
        w.grad = None
        loss = (w * x).exp().sum()
        loss.backward()
        return loss

    compiled = minidl.compile(step)
    expected = compiled(x).item()
    compiled(x)
    real, calls = binding.step_of, iter(range(100))

    def interrupted(*args: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(binding, "step_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compiled(x)
    for _ in range(2):
        assert compiled(x).item() == expected
        np.testing.assert_allclose(w.grad.data, x.data * np.exp(w.data * x.data))


def test_a_parameter_that_comes_to_lie_otherwise(x: minidl.Tensor) -> None:
    w = weight()
    compiled = minidl.compile(lambda x: (w.reshape(-1) * x.reshape(-1)).sum())
    for _ in range(CALLS):
        compiled(x)
    w.data = np.asfortranarray(w.data)
    for _ in range(CALLS):
        np.testing.assert_allclose(compiled(x).item(), (w.data * x.data).sum())
        w.data *= 1.5


def test_an_array_made_inside_is_a_new_one_each_time(x: minidl.Tensor) -> None:
    compiled = minidl.compile(lambda x: (x * 2, np.zeros(3)))
    for _ in range(CALLS):
        _, made = compiled(x)
        assert not made.any()
        made += 1


def test_clipped_gradients_and_a_step_are_replayed(x: minidl.Tensor) -> None:
    def trained(run: Callable[[Any], Any]) -> tuple[Any, Any]:
        w = weight()
        optimizer = optim.SGD([w], lr=0.1, momentum=0.9)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = (w * x).square().sum()
            loss.backward()
            minidl.nn.utils.clip_grad_norm_([w], 1.0)
            optimizer.step()
            return loss

        call = run(step)
        for _ in range(CALLS):
            call(x)
        return w.data, call

    (ours, compiled), (expected, _) = trained(minidl.compile), trained(lambda f: f)
    np.testing.assert_allclose(ours, expected, rtol=1e-12)
    assert compiled.tape.replays == CALLS - 2


def test_a_model_that_holds_a_compiled_method_can_be_copied(x: minidl.Tensor) -> None:
    model = minidl.nn.Linear(3, 2, dtype=minidl.float64)
    model.run = minidl.compile(model.forward)
    twin = copy.deepcopy(model)
    twin.weight.data[...] = 0
    twin.bias.data[...] = 1
    np.testing.assert_array_equal(twin.run(x).data, np.ones((2, 2)))
    assert model.run(x).data.std() > 0
