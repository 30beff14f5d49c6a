"""What is done to a program before it is replayed, and how it prints."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.autodiff import backward_events
from minidl.kernels.cpu.paths import without
from minidl.tape import CompileWarning
from minidl.tape.chain import Chain
from minidl.tape.listing import size
from minidl.tape.passes import Buffer

RNG = np.random.default_rng(0)


def image(n: int, c: int, h: int, w: int, last: bool, dtype: Any = np.float32) -> Any:
    """Images in either memory layout."""
    x = RNG.normal(size=(n, h, w, c) if last else (n, c, h, w)).astype(dtype)
    return minidl.tensor(x).permute(0, 3, 1, 2) if last else minidl.tensor(x)


def chains(tape: Any) -> list[str]:
    return [i.name for i in tape.instructions if isinstance(i.function, Chain)]


def replayed(function: Any, *args: Any) -> tuple[Any, Any]:
    """The result of a replay and its tape."""
    f = minidl.compile(function)
    for _ in range(2):
        f(*args)
    return f(*args), f.tape


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    ("shape", "fuses"),
    [((1, 16, 1, 1), "last"), ((), "both"), ((1, 1, 1, 1), "both"), ((3, 16, 20, 19), "both"), ((3, 1, 1, 1), "both")],
)
def test_a_chain_computes_what_its_operations_compute(dtype: Any, last: bool, shape: Any, fuses: str) -> None:
    x = image(3, 16, 20, 19, last, dtype)
    other = image(*shape, last, dtype) if len(shape) == 4 else minidl.tensor(RNG.normal(size=shape).astype(dtype))

    def function(x: Any, b: Any) -> Any:
        y = (x + b).relu()
        return y, minidl.where(y > 0.5, y * 2.0 - x, b / 3.0), (-y).abs().square()

    expected = function(x, other)
    found, tape = replayed(function, x, other)
    assert any(name.startswith("add·relu") for name in chains(tape)) == (fuses == "both" or last)
    for mine, plain in zip(found, expected, strict=True):
        assert mine.dtype == plain.dtype
        assert mine.data.strides == plain.data.strides
        np.testing.assert_array_equal(mine.data, plain.data)


def test_a_chain_hands_on_what_is_not_a_number() -> None:
    x = minidl.tensor(np.resize(np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0], np.float32), 9000))

    def function(x: Any) -> Any:
        y = (x + 0.0).relu()
        return minidl.maximum(y, x * 0.0), minidl.minimum(y, x / x), minidl.where(x < 0, x - x, y / 0.0)

    found, tape = replayed(function, x)
    assert chains(tape)
    for mine, plain in zip(found, function(x), strict=True):
        np.testing.assert_array_equal(mine.data, plain.data)


def test_fusion_and_planning_can_be_switched_off() -> None:
    x = image(2, 8, 32, 32, last=False)
    with without("fusion", "planning"):
        plain, tape = replayed(lambda x: (x + 1).relu() * x.exp(), x)
    assert not chains(tape)
    assert not tape.buffers
    found, fast = replayed(lambda x: (x + 1).relu() * x.exp(), x)
    assert chains(fast)
    np.testing.assert_array_equal(found.data, plain.data)


def test_a_kernel_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("minidl.kernels.sources._modules", {})
    for _ in range(2):
        replayed(lambda x: (x + 1).relu(), minidl.zeros(9000))
    (file,) = (tmp_path / "minidl_generated").glob("*.py")
    assert "def chain(x0s, v1s):" in file.read_text(encoding="utf-8")


def test_buffers_are_used_in_turn_and_never_by_two() -> None:
    def deep(x: Any) -> Any:
        for k in range(12):
            x = (x + k).tanh() + x.sin()
        return x * 2

    x = minidl.tensor(RNG.normal(size=500))
    with without("fusion"):
        found, tape = replayed(deep, x)
    np.testing.assert_allclose(found.data, deep(x).data, rtol=1e-12)
    buffers: set[Buffer] = set(tape.buffers.values())
    assert len(buffers) <= 4
    last = {slot.base: k for k, i in enumerate(tape.instructions) for slot in i.inputs}
    made = {slot: k for k, i in enumerate(tape.instructions) for slot in i.outs}
    for buffer in buffers:
        for early, late in zip(buffer.tenants, buffer.tenants[1:], strict=False):
            assert last[early] < made[late]
            assert late.nbytes <= buffer.nbytes


def test_what_never_changes_is_done_once() -> None:
    layer = nn.Linear(3, 2)
    found, tape = replayed(lambda x: layer(x) + minidl.arange(2) * 2, minidl.ones(1, 3))
    assert {i.name for i in tape.once} >= {"permute", "mul"}
    np.testing.assert_allclose(found.data - layer(minidl.ones(1, 3)).data, [[0, 2]], rtol=1e-6)


def test_a_gradient_is_not_copied_where_nobody_else_has_it() -> None:
    w = minidl.ones(3, requires_grad=True)

    def step(x: Any) -> None:
        w.grad = None
        (w * x).sum().backward()

    _, tape = replayed(step, minidl.ones(3))
    assert not any(i.name == "clone" for i in tape.instructions)
    assert sum(i.role == "gradient" for i in tape.instructions) == 1

    def kept(x: Any) -> None:
        w.grad = None
        (w + x).backward(x)  # the argument itself would be the gradient

    _, tape = replayed(kept, minidl.ones(3))
    w.grad.data[0] = 7
    assert any(i.name == "clone" for i in tape.instructions)


def test_a_derivative_that_is_declared_whole_is_one_instruction() -> None:
    w = minidl.tensor([1.0, 3.0, 2.0], requires_grad=True)

    def step(x: Any) -> None:
        w.grad = None
        (w * x).max().backward()

    _, tape = replayed(step, minidl.ones(3))
    assert [i.name for i in tape.instructions if i.name.endswith("′")] == ["amax′"]


def test_a_sweep_over_arrays_is_left_alone() -> None:
    def step(x: Any) -> Any:
        return [c.value for event in backward_events(x.max()) for c in event.contributions]

    x = minidl.tensor([1.0, 3.0, 2.0], requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CompileWarning)  # it returns arrays
        (found,) = minidl.compile(step)(x)
    assert found.tolist() == [0, 1, 0]


def test_a_tape_prints_as_a_program() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    rule = optim.SGD(model.parameters(), lr=0.1)

    def step(x: Any) -> Any:
        rule.zero_grad()
        loss = model(x).sin().exp().sum()
        loss.backward()
        rule.step()
        return loss

    _, tape = replayed(step, minidl.ones(5, 4))
    text = str(tape)
    first, *rest = text.splitlines()
    assert first.startswith(f"tape of step: {len(tape.instructions)} instructions; ")
    assert "reads x0 (5, 4), 0.weight (3, 4), 0.bias (3,), 2.weight (2, 3), 2.bias (2,)" in text
    assert any("= matmul(x0, %0)" in line and "(5, 3) float32" in line and "60 B" in line for line in rest)
    assert any("= relu(" in line and "in 1" in line for line in rest)
    assert any("0.weight.grad = %" in line for line in rest)
    assert any(line.strip().endswith("SGD.step()") for line in rest)
    assert rest[-1].startswith("gives %")
    assert repr(tape) == f"<tape of step: {len(tape.instructions)} instructions, replayed 1 times>"


def test_sizes_are_written_with_their_unit() -> None:
    assert [size(n) for n in (0, 999, 1000, 2_500_000)] == ["0 B", "999 B", "1.0 kB", "2.5 MB"]


def test_a_chain_is_found_again_after_its_module_was_forgotten() -> None:
    """Numba would cache a kernel without a module, which it cannot load again."""
    x = image(3, 16, 20, 19, last=True)
    found, tape = replayed(lambda x: (x + 1.0).relu() * 3.0, x)
    (chain,) = [i.function for i in tape.instructions if isinstance(i.function, Chain)]
    module = chain.kernel.__module__
    del sys.modules[module]
    again, _ = replayed(lambda x: (x + 1.0).relu() * 3.0, x)
    assert module in sys.modules
    np.testing.assert_array_equal(again.data, found.data)


@pytest.mark.parametrize("shape", [(1, 40), (64, 40), (2, 3, 40)])
def test_the_gradient_of_a_weight_lies_as_the_weight_does(shape: Any) -> None:
    layer = nn.Linear(40, 30)

    def step(x: Any) -> None:
        layer.zero_grad()
        layer(x).square().sum().backward()

    x = minidl.randn(*shape)
    replayed(step, x)
    weight, bias = layer.weight.grad.data, layer.bias.grad.data  # type: ignore[union-attr]
    assert weight.flags.c_contiguous
    step(x)
    np.testing.assert_allclose(weight, layer.weight.grad.data, rtol=1e-5)  # type: ignore[union-attr]
    np.testing.assert_allclose(bias, layer.bias.grad.data, rtol=1e-5)  # type: ignore[union-attr]
