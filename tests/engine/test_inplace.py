"""In-place operations: PyTorch's semantics, and an error wherever a number would be silently wrong."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.autodiff import backward_steps, forward_steps
from minidl.errors import DtypeError, GraphError, ShapeError, UsageError
from minidl.primitives import catalogue, registry


def rows(lib: Any, x: Any) -> Any:
    out = lib.zeros(3, 4)
    out[0] = x * 2
    out[1] = x.sum()
    return out


def overwritten(lib: Any, x: Any) -> Any:
    y = x * 2
    y[0] = 0
    y += x
    y *= x
    return y


def through_views(lib: Any, x: Any) -> Any:
    out = lib.zeros(3, 4)
    out[0] += x
    out[0] *= 2
    out.T[2] += x.sum()
    row = out[1]
    row += x * x
    row -= 1
    return out


def a_held_row(lib: Any, x: Any) -> Any:
    out = lib.zeros(2, 4)
    row = out[0]
    row += x
    row[1] = x[0] * 5
    return out * row


def an_alias(lib: Any, x: Any) -> Any:
    y = x * 2
    same = y
    before = y + 1
    y *= 3
    return before + same


def by_itself(lib: Any, x: Any) -> Any:
    y = x * 2
    z = y * 3
    y += z
    y += y
    return y


def with_masks(lib: Any, x: Any) -> Any:
    y = x * 2
    y[y > 3] = 0
    y[[0, 1]] = x[:2] * 5
    y.clamp_(min=3)
    return y


def filled(lib: Any, x: Any) -> Any:
    y, z, u = x * 1, x * 2, x * 3
    y.zero_()
    z.copy_(x * x)
    u.fill_(x[1])
    return y + z + u


def a_recurrence(lib: Any, x: Any) -> Any:
    h = lib.zeros(5)
    for t in range(4):
        h[t + 1] = h[t] + x[t]
    return h


def reshaped(lib: Any, x: Any) -> Any:
    y = (x * 2).reshape(2, 2)
    y[0] += 1
    y.T[1] *= 3
    y[1, 1] -= x[0]
    return y


def scaled_by_a_leaf(lib: Any, x: Any) -> Any:
    y = x * 2
    y *= x
    y **= 2
    y -= 1
    y /= 3
    return y


def a_method_chain(lib: Any, x: Any) -> Any:
    return (x * 1).add_(x, alpha=2).mul_(x).neg_().sub_(1).exp_()


def a_piece_moved(lib: Any, x: Any) -> Any:
    y = x * x
    y[1:3] = y[:2] * 2
    return y


def held_views_that_follow(lib: Any, x: Any) -> Any:
    y = x * 1
    y[0] = y[1]
    last, pair = y[3], y[1:3]
    y[2] = last * 3 + pair.sum()
    return y * pair.sum() + last


PROGRAMS = [
    held_views_that_follow,
    rows, overwritten, through_views, a_held_row, an_alias, by_itself, with_masks, filled, a_recurrence, reshaped,
    scaled_by_a_leaf, a_method_chain, a_piece_moved,
]  # fmt: skip


@pytest.mark.torch
@pytest.mark.parametrize("program", PROGRAMS)
def test_values_and_gradients_are_pytorchs(program: Callable[[Any, Any], Any]) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for lib in (minidl, torch):
        x = lib.tensor([0.5, 2.0, -1.0, 0.25], requires_grad=True)
        y = program(lib, x)
        g = np.random.default_rng(0).standard_normal(tuple(y.shape)).astype("f")
        y.backward(lib.tensor(g))
        found.append((y.tolist(), x.grad.tolist()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5)


@pytest.mark.parametrize("program", PROGRAMS)
def test_gradients_are_those_of_differences(program: Callable[[Any, Any], Any]) -> None:
    class Doubles:
        zeros = staticmethod(lambda *size: minidl.zeros(*size, dtype=minidl.float64))

    x = minidl.tensor([0.5, 2.0, -1.0, 0.25], dtype=minidl.float64, requires_grad=True)
    assert minidl.gradcheck(lambda v: program(Doubles, v), x)


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_reference_cycle_is_left(program: Callable[[Any, Any], Any]) -> None:
    x = minidl.tensor([0.5, 2.0, -1.0, 0.25], requires_grad=True)
    program(minidl, x)
    gc.collect()
    gc.disable()
    try:
        program(minidl, x).sum().backward()
        assert gc.collect() == 0
    finally:
        gc.enable()


def random_program(lib: Any, seed: int) -> tuple[Any, ...]:
    """A few operations, in place and not, on tensors and views of them, drawn by `seed`."""
    r = random.Random(seed)
    x = lib.tensor([[0.5, 2.0, -1.0], [0.25, 1.5, 0.75]], requires_grad=True, dtype=lib.float64)
    w = lib.tensor([1.2, -0.7, 0.4], requires_grad=True, dtype=lib.float64)
    values = [x * 1.0, lib.zeros(2, 3, dtype=lib.float64), x * w]
    for _ in range(r.randrange(2, 9)):
        a, b = r.choice(values), r.choice(values)
        i, j, k, m = (r.randrange(n) for n in (2, 3, 2, 3))
        kind = r.randrange(10)
        if kind == 0:
            values.append(a * b)
        elif kind == 1:
            values.append(lib.tanh(a) + b)
        elif kind == 2:
            a += b
        elif kind == 3:
            a *= r.choice([2.0, b])
        elif kind == 4:
            a[i] = b[k] * r.choice([1.5, w])
        elif kind == 5:
            a[:, j] += b[:, m] * 2
        elif kind == 6:
            values.append(lib.exp(a * 0.3))
        elif kind == 7:
            a.t()[1].mul_(0.5)
        elif kind == 8:
            with lib.no_grad():
                a += 0.1
        else:
            a[i, j] = b[k, m]
    total = sum((0.7 * v for v in values[1:]), values[0])
    (total * total).sum().backward()
    return [v.tolist() for v in values], x.grad.tolist(), None if w.grad is None else w.grad.tolist()


@pytest.mark.torch
def test_random_programs_are_right_or_refused() -> None:
    torch = pytest.importorskip("torch")
    compared = 0
    for seed in range(300):
        try:
            ours = random_program(minidl, seed)
            theirs = random_program(torch, seed)
        except (GraphError, RuntimeError):
            continue
        for a, b in zip(ours, theirs, strict=True):
            zero = np.zeros(3)
            for found, expected in zip(a or [zero], b or [zero], strict=True):
                np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=f"seed {seed}")
        compared += 1
    assert compared > 100


class TestMemory:
    def test_views_and_aliases_see_the_change(self) -> None:
        x = minidl.zeros(4)
        v, one, flipped, d = x[1:3], x[0], x.reshape(2, 2).T, x.detach()
        array = x.numpy()
        v += 1
        one += 5
        x[3] = 2
        assert x.tolist() == d.tolist() == array.tolist() == [5, 1, 1, 2]
        assert flipped.tolist() == [[5, 1], [1, 2]]

    def test_a_scalar_is_replaced(self) -> None:
        s = minidl.scalar(2.0)
        with minidl.no_grad():
            s += 1
            s.mul_(2)
        assert (s.item(), s.requires_grad) == (6, True)

    def test_the_tensor_stays_itself(self) -> None:
        x = minidl.ones(2)
        y = x
        x += 1
        x -= 0.5
        x *= 4
        x /= 2
        x **= 2
        assert y is x
        assert x.tolist() == [9, 9]
        assert x.add_(1) is x.zero_() is x.fill_(2) is x.copy_(x) is x

    def test_narrowing_within_a_kind_and_copying_across_kinds(self) -> None:
        x = minidl.ones(2)
        x += minidl.ones(2, dtype=minidl.float64)
        n = minidl.tensor([1, 2])
        n[0] = 2.7
        n[1] = minidl.tensor(3.9)
        b = minidl.tensor([True, False])
        b.copy_(minidl.tensor([0.0, 2.0]))
        assert (x.dtype, x.tolist(), n.tolist(), b.tolist()) == (np.float32, [2, 2], [2, 3], [False, True])

    def test_results_of_grad_do_not_share_memory(self) -> None:
        x, y, g = (minidl.tensor([1.0, 2.0], requires_grad=True) for _ in range(3))
        dx, dy = minidl.grad(x + y, [x, y], g.detach())
        dx += 1
        dy *= 10
        assert (dx.tolist(), dy.tolist(), g.tolist()) == ([2, 3], [10, 20], [1, 2])
        (wide,) = minidl.grad(x.sum(), x)
        wide += minidl.tensor([0.0, 1.0])
        assert wide.tolist() == [1, 2]


class TestRefused:
    @pytest.mark.parametrize(
        ("change", "error", "text"),
        [
            (lambda x: x.add_(1), GraphError, r"w \(4,\) is a leaf that requires a gradient; do it inside .*no_grad"),
            (lambda x: x.__setitem__(0, 1.0), GraphError, "no_grad"),
            (lambda x: x[0:2].mul_(2), GraphError, "x a view of it"),
            (lambda x: minidl.zeros(1, 3).expand(2, 3).add_(1), GraphError, "one number in several places.*clone"),
            (lambda x: minidl.ones(2).add_(minidl.ones(3, 2)), ShapeError, r"\(3, 2\), which does not fit into \(2,\)"),
            (lambda x: minidl.tensor([1, 2]).mul_(0.5), DtypeError, "float32, which does not fit into int64"),
            (lambda x: minidl.tensor([1, 2]).div_(2), DtypeError, "float32, which does not fit into int64"),
            (lambda x: minidl.tensor([True]).add_(1), DtypeError, "int64, which does not fit into bool"),
            (lambda x: minidl.zeros(2).fill_(minidl.ones(2)), ShapeError, "one number"),
            (lambda x: minidl.zeros(2).__setitem__(5, 1.0), UsageError, "out of range"),
            (lambda x: minidl.zeros(2).__setitem__(slice(None), minidl.ones(3)), ShapeError, r"\(3,\).*\(2,\)"),
            (lambda x: minidl.zeros(2).copy_(minidl.ones(3)), ShapeError, r"\(3,\).*\(2,\)"),
        ],
    )
    def test_with_a_message(self, change: Callable[[Any], Any], error: type[Exception], text: str) -> None:
        with pytest.raises(error, match=text):
            change(minidl.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True, name="w"))

    def test_a_refused_change_changes_nothing(self) -> None:
        x = minidl.tensor([1.0, 2.0], requires_grad=True)
        y = x * 2
        with pytest.raises(ShapeError):
            y += minidl.ones(3, 2)
        y.sum().backward()
        assert (y.tolist(), x.grad.tolist()) == ([2, 4], [2, 2])

    @pytest.mark.parametrize(
        "view", [lambda y: y[:1], lambda y: y.reshape(2, 1), lambda y: y.detach()], ids=["slice", "reshape", "detach"]
    )
    def test_another_view_that_someone_holds(self, view: Callable[[Any], Any]) -> None:
        y = minidl.tensor([1.0, 2.0], requires_grad=True) * 2
        held = view(y)
        with pytest.raises(GraphError, match=r"another tensor shows the memory of a result of mul.*clone"):
            y += 1
        del held
        y += 1

    def test_a_view_of_a_constant_that_someone_holds(self) -> None:
        out = minidl.zeros(2, 2)
        row = out[0]
        with pytest.raises(GraphError, match="another tensor shows"):
            out[0] = minidl.tensor([1.0, 2.0], requires_grad=True)
        assert row.tolist() == [0, 0]


class TestVersions:
    def test_the_message_names_tensor_operation_and_line(self) -> None:
        w = minidl.tensor([1.0, 2.0], requires_grad=True, name="w")
        z = w * w
        with minidl.no_grad():
            w += 1  # this line
        with pytest.raises(
            GraphError, match=r"w \(2,\) was changed in place at .*test_inplace.py:(\d+) after a result of mul"
        ):
            z.sum().backward()
        with pytest.raises(GraphError) as caught:
            z.sum().backward()
        line = int(str(caught.value).split("test_inplace.py:")[1].split()[0])
        with open(__file__, encoding="utf-8") as file:
            assert "# this line" in file.readlines()[line - 1]

    def test_an_optimizers_step_is_named_too(self) -> None:
        w = minidl.tensor([1.0, 2.0], requires_grad=True, name="w")
        loss = (w * w).sum()
        optimizer = minidl.optim.SGD([w], lr=0.1)
        loss.backward()
        optimizer.step()
        with pytest.raises(GraphError, match=r"w \(2,\) was changed in place at .*test_inplace.py:\d+"):
            loss.backward()

    @pytest.mark.parametrize(
        "change",
        [lambda y: y.add_(1), lambda y: y.zero_(), lambda y: y.__setitem__(0, 5.0)],
        ids=["add", "zero", "item"],
    )
    def test_a_value_that_the_backward_pass_reads(self, change: Callable[[Any], Any]) -> None:
        x = minidl.tensor([1.0, 2.0], requires_grad=True)
        y = minidl.exp(x)
        change(y)
        with pytest.raises(GraphError, match=r"a result of exp .* was changed in place"):
            y.sum().backward()

    def test_a_large_one_just_the_same(self) -> None:
        x = minidl.rand(1000, requires_grad=True)
        y = minidl.exp(x)
        z = y * y
        y += 1
        with pytest.raises(GraphError, match=r"a result of exp .* was changed in place"):
            z.sum().backward()

    def test_a_view_in_a_record_that_is_read(self) -> None:
        h = minidl.tensor([1.0, 2.0, 3.0], requires_grad=True) * 1
        h[1] = h[0] * h[0]
        with pytest.raises(GraphError, match="changed in place"):
            h.sum().backward()

    def test_a_value_that_is_not_read_may_change(self) -> None:
        x = minidl.tensor([1.0, 2.0], requires_grad=True)
        y = x * 2
        z = y + 1
        with minidl.no_grad():
            y *= 100
        z.sum().backward()
        assert x.grad.tolist() == [2, 2]

    def test_small_circuits_can_be_drawn_and_told(self) -> None:
        x = minidl.tensor(2.0, requires_grad=True, name="x")
        y = (x * 3).named("y")
        y += x
        assert [s.text for s in forward_steps(y)] == ["x = 2", "v₁ = x·3 = 6", "y = v₁ + x = 8"]
        assert len(backward_steps(y)) == 5


class TestSharing:
    """A result that shows its input's memory says so; otherwise a change of one would silently be one of the other."""

    @pytest.mark.parametrize("name", [name for name in registry if name != "to"])  # only asked for another dtype
    def test_no_primitive_shares_memory_unnoticed(self, name: str) -> None:
        primitive: Any = registry[name]
        for sample in primitive.samples:
            inputs = [minidl.tensor(a) for a in sample.arrays(np.random.default_rng(0))]
            _check_sharing(primitive(*inputs, **sample.params), inputs)

    @pytest.mark.parametrize("path", list(catalogue))
    def test_no_operation_shares_memory_unnoticed(self, path: str) -> None:
        operation = catalogue[path]
        for sample in operation.samples:
            inputs = [minidl.tensor(a) for a in sample.arrays(np.random.default_rng(0))]
            params = {k: minidl.tensor(v) if isinstance(v, np.ndarray) else v for k, v in sample.params.items()}
            _check_sharing(operation.call(operation.function, inputs, params), [*inputs, *params.values()])


def _check_sharing(result: Any, inputs: list[Any]) -> None:
    for out in result if isinstance(result, tuple | list) else [result]:
        for x in inputs:
            if isinstance(out, minidl.Tensor) and isinstance(x, minidl.Tensor) and out is not x:
                noticed = out._changes is not None and out._changes is x._changes
                same = out.dtype == x.dtype and type(out.data) is np.ndarray and np.may_share_memory(out.data, x.data)
                assert noticed or not same


class TestHistory:
    def test_a_constant_joins_the_graph(self) -> None:
        x = minidl.tensor([1.0, 2.0], requires_grad=True)
        c = minidl.zeros(2)
        before = c + x
        assert c.is_leaf
        c += x
        assert c.requires_grad
        assert not c.is_leaf
        (before.sum() + c.sum()).backward()
        assert x.grad.tolist() == [2, 2]

    def test_hooks_stay_with_the_value_from_before_and_retained_gradients_move_on(self) -> None:
        x = minidl.tensor([1.0, 2.0], requires_grad=True)
        y = x * 2
        seen: list[Any] = []
        y.register_hook(lambda g: seen.append(g.tolist()))
        y.retain_grad()
        y *= 3
        (y * y).sum().backward()
        assert y.grad.tolist() == [12, 24]
        assert seen == [[36, 72]]

    def test_a_detached_one_lets_go_of_its_past(self) -> None:
        x = minidl.tensor([1.0], requires_grad=True)
        h = x * 2
        z = h * 5
        h.detach_()
        assert h.is_leaf
        assert not h.requires_grad
        (z + h * x).backward()
        assert x.grad.tolist() == [12]

    def test_second_derivatives(self) -> None:
        x = minidl.tensor([1.0, 2.0], dtype=minidl.float64, requires_grad=True)
        y = x * 1
        y *= x
        y[0] = y[1].clone() * x[0]
        (g,) = minidl.grad(y.sum(), x, create_graph=True)
        (h,) = minidl.grad((g * g).sum(), x)
        assert g.tolist() == [4, 8]  # of x₂²·x₁ + x₂²: (x₂², 2·x₂·(x₁ + 1))
        assert h.tolist() == [2 * 8 * 4, 2 * 4 * 4 + 2 * 8 * 4]

    def test_many_changes_of_one_tensor(self) -> None:
        x = minidl.tensor([1.0], requires_grad=True)
        out = minidl.zeros(2000)
        for t in range(2000):
            out[t] = x * float(t)
        out.sum().backward()
        assert x.grad.item() == 1999 * 1000

    @pytest.mark.slow
    def test_a_long_chain_of_them_is_freed_without_recursion(self) -> None:
        x = minidl.tensor([1.0], requires_grad=True)
        y = x * 1
        for _ in range(200_000):
            y += 1
        y.backward()
        assert x.grad.item() == 1
        del y
