"""When a tape may be replayed, when it is recorded again, and what cannot be replayed at all."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.tape import CompileWarning


def vector(*numbers: float, **options: Any) -> Any:
    return minidl.tensor([float(n) for n in numbers], **options)


def test_the_third_call_is_the_first_replay() -> None:
    calls = []

    @minidl.compile
    def double(x: Any) -> Any:
        calls.append(1)
        return 2 * x

    for k in range(5):
        assert double(vector(k)).tolist() == [2 * k]
    assert (len(calls), double.recordings, double.tape.replays) == (2, 2, 3)


def test_each_shape_dtype_and_mode_has_its_own_tape() -> None:
    f = minidl.compile(lambda x, flag=True: x * 2 if flag else x * 3)
    x = vector(1, 2)
    for _ in range(3):
        assert f(x).shape == (2,)
        assert f(vector(1, 2, 3)).shape == (3,)
        assert f(x.double()).dtype == minidl.float64
        assert f(x, False).tolist() == [3, 6]
        with minidl.no_grad():
            f(x)
    assert len(f.tapes) == 5
    assert all(tape.replays == 1 for tape in f.tapes)


def test_train_and_eval_have_their_own_tapes() -> None:
    layer = nn.Dropout(0.5)
    f = minidl.compile(lambda x: layer(x))
    x = minidl.ones(1000)
    for _ in range(3):
        layer.train()
        assert (f(x).data == 0).any()
        layer.eval()
        assert (f(x).data == 1).all()
    assert f.recordings == 4


def test_a_default_dtype_of_its_own() -> None:
    f = minidl.compile(lambda n: n / 2)
    for dtype in (minidl.float32, minidl.float64) * 3:
        minidl.set_default_dtype(dtype)
        try:
            assert f(minidl.tensor([1, 2])).dtype == dtype
        finally:
            minidl.set_default_dtype(minidl.float32)
    assert f.recordings == 4


def test_a_frozen_parameter_is_noticed() -> None:
    layer = nn.Linear(2, 1)

    @minidl.compile
    def gradients(x: Any) -> None:
        layer.zero_grad()
        layer(x).sum().backward()

    x = minidl.ones(3, 2)
    for _ in range(3):
        gradients(x)
    layer.weight.requires_grad_(False)
    for _ in range(3):
        gradients(x)
        assert layer.weight.grad is None
        assert layer.bias.grad.tolist() == [3]


@pytest.mark.parametrize("read", ["item", "bool", "float", "tolist", "data", "numpy"])
def test_a_number_read_into_python_is_a_guard(read: str) -> None:
    def look(x: Any) -> bool:
        total = x.sum()
        if read == "item":
            return bool(total.item() > 0)
        if read == "bool":
            return bool(total > 0)
        if read == "float":
            return float(total) > 0
        if read == "tolist":
            return bool(total.tolist() > 0)
        return bool(total.data > 0) if read == "data" else bool(total.numpy() > 0)

    @minidl.compile
    def f(x: Any) -> Any:
        return x * 2 if look(x) else x * 3

    for _ in range(3):
        assert f(vector(1, 2)).tolist() == [2, 4]
    with pytest.warns(CompileWarning, match=r"recorded again.*test_tape_guards.py:\d+.*return the tensor"):
        assert f(vector(-1, -2)).tolist() == [-3, -6]
    with warnings.catch_warnings():  # said once
        warnings.simplefilter("error")
        for _ in range(3):
            assert f(vector(1, 2)).tolist() == [2, 4]
            assert f(vector(-1, -2)).tolist() == [-3, -6]


def test_a_failed_guard_takes_effects_back() -> None:
    """The draw, the written memory, the gradient and the optimizer's step before it are done once, not twice."""

    def run(compiled: bool) -> list[Any]:
        minidl.manual_seed(0)
        w, count = vector(1, 2, requires_grad=True), minidl.zeros(1)
        rule = optim.Adam([w], lr=0.1)

        def step(x: Any) -> Any:
            count.add_(1)
            noise = minidl.rand(2)
            rule.zero_grad()
            (w * x + noise).square().sum().backward()
            rule.step()
            return w * 1 if bool(x.sum() > 0) else w * 2

        f = minidl.compile(step) if compiled else step
        out = [f(vector(s, 1)).data for s in (1, 2, 3, -4, 5, -6, 7)]
        return [*out, w.data, w.grad.data, count.data, minidl.rand(1).data, rule.state[w]["step"]]

    with pytest.warns(CompileWarning):
        replayed = run(compiled=True)
    for mine, plain in zip(replayed, run(compiled=False), strict=True):
        np.testing.assert_allclose(mine, plain, rtol=1e-6)


def test_an_error_is_raised_by_a_replay_too() -> None:
    f = minidl.compile(lambda x, y: minidl.cross_entropy(x, y))
    x = minidl.zeros(2, 3)
    for _ in range(3):
        f(x, minidl.tensor([0, 2]))
    with pytest.warns(CompileWarning), pytest.raises(minidl.MinidlError, match="class 3 is outside"):
        f(x, minidl.tensor([0, 3]))


def test_what_is_computed_out_of_sight_is_refused() -> None:
    """`numpy.array` of a list takes the numbers away from the tape; the second call shows it."""

    @minidl.compile
    def f(x: Any) -> Any:
        return x * np.array(list(np.asarray(x.data)), np.float32)

    assert f(vector(1, 2)).tolist() == [1, 4]
    with pytest.warns(CompileWarning, match="runs in the ordinary way"):
        assert f(vector(3, 4)).tolist() == [9, 16]
    for k in range(3):
        assert f(vector(k, 1)).tolist() == [k * k, 1]


def test_a_python_number_that_changes_is_refused() -> None:
    rate = [0.0]

    @minidl.compile
    def f(x: Any) -> Any:
        rate[0] += 1
        return x * rate[0]

    f(vector(1))
    with pytest.warns(CompileWarning, match=r"mul, of 1.0 and then of 2.0"):
        f(vector(1))
    assert f(vector(1)).tolist() == [3]


def test_check_every_compares_with_the_function() -> None:
    secret = [1.0]
    f = minidl.compile(lambda x: x * secret[0], check_every=2)
    for _ in range(4):
        f(vector(1))
    secret[0] = 2.0
    assert f(vector(1)).tolist() == [1]  # a replay that is not compared
    with pytest.raises(minidl.MinidlError, match="disagree in result 0"):
        f(vector(1))


def test_check_every_leaves_everything_as_one_run_would() -> None:
    def run(**options: Any) -> list[Any]:
        minidl.manual_seed(0)
        layer = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
        rule = optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)

        def step(x: Any) -> Any:
            rule.zero_grad()
            loss = layer(x).square().mean()
            loss.backward()
            rule.step()
            return loss

        f = minidl.compile(step, **options) if options else step
        losses = [f(minidl.ones(5, 3) * k).data for k in range(7)]
        return [*losses, *(np.asarray(v) for v in layer.state_dict().values()), minidl.rand(1).data]

    for mine, plain in zip(run(check_every=2), run(), strict=True):
        np.testing.assert_allclose(mine, plain, rtol=1e-5, atol=1e-6)


def test_a_history_from_outside_is_refused() -> None:
    w = vector(2, requires_grad=True)
    f = minidl.compile(lambda x: (x * x).sum().backward())
    with pytest.warns(CompileWarning, match="history from outside"):
        f(w * 3)
    assert w.grad.tolist() == [36]


@pytest.mark.parametrize("wrong", [-1, 1.5, True])
def test_check_every_is_a_number_of_calls(wrong: Any) -> None:
    with pytest.raises(minidl.MinidlError, match="check_every must be a whole number"):
        minidl.compile(lambda x: x, check_every=wrong)


def test_only_functions_are_compiled() -> None:
    with pytest.raises(minidl.MinidlError, match="takes a function"):
        minidl.compile(3)  # type: ignore[call-overload]
