"""Functions made from functions: every mode and order agrees, nests, and leaves the caller's tensors alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import func
from minidl.errors import DtypeError, GraphError, ShapeError, UsageError
from minidl.func import matrices
from minidl.primitives import registry

RNG = np.random.default_rng(0)
W1, B1, W2 = RNG.standard_normal((3, 4)), RNG.standard_normal(4), RNG.standard_normal((4, 3))
X = RNG.standard_normal((2, 3))


def double(value: Any) -> Any:
    return minidl.tensor(value, dtype=minidl.float64)


def network(x: Any) -> Any:
    """A network of two layers, tanh and softplus, with cross-entropy."""
    h = minidl.tanh(x @ double(W1) + double(B1))
    h = minidl.log(1 + minidl.exp(h * h + h))
    return minidl.cross_entropy(h @ double(W2), minidl.tensor([0, 2]))


def affine_norm(x: Any) -> Any:
    """z = ‖xW + b‖²."""
    return minidl.squared_norm(x @ double(W1) + double(B1))


def ratios(x: Any) -> Any:
    return (minidl.sin(x) / (1 + x * x)).sum() * (x[0] * minidl.softmax(x[1], 0)).sum()


FUNCTIONS = [network, affine_norm, ratios]


def differences_of(gradient: Callable[[Any], Any], x: Any, eps: float = 1e-6) -> Any:
    columns = []
    for i in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[i] = eps
        columns.append((gradient(double(x + step)).data - gradient(double(x - step)).data) / (2 * eps))
    return np.stack(columns, -1).reshape(*x.shape, *x.shape)


class TestHessians:
    @pytest.mark.parametrize("f", FUNCTIONS)
    def test_five_ways_to_one_hessian_agree(self, f: Callable[[Any], Any]) -> None:
        x = double(X)
        ways = {
            f"{outer.__name__} over {inner.__name__}": outer(inner(f))(x).data
            for outer, inner in itertools.product((func.jacrev, func.jacfwd), repeat=2)
        }
        assert len(ways) == 4
        numeric = differences_of(func.grad(f), X)
        for name, way in ways.items():
            np.testing.assert_allclose(way, numeric, atol=1e-8, rtol=1e-6, err_msg=name)
            np.testing.assert_allclose(way, ways["jacfwd over jacrev"], atol=1e-13, rtol=1e-11, err_msg=name)
        np.testing.assert_array_equal(func.hessian(f)(x).data, ways["jacfwd over jacrev"])

    def test_the_affine_norm_in_closed_form(self) -> None:
        expected = np.einsum("ab,ij->aibj", np.eye(2), 2 * W1 @ W1.T)
        np.testing.assert_allclose(func.hessian(affine_norm)(double(X)).data, expected, atol=1e-13)

    @pytest.mark.parametrize("f", FUNCTIONS)
    def test_times_a_vector_without_the_matrix(self, f: Callable[[Any], Any]) -> None:
        v = RNG.standard_normal(X.shape)
        product = np.einsum("aibj,bj->ai", func.hessian(f)(double(X)).data, v)
        np.testing.assert_allclose(func.hvp(f, double(X), double(v)).data, product, atol=1e-12)
        (again,) = func.hvp(f, (double(X),), (double(v),))
        np.testing.assert_array_equal(again.data, func.hvp(f, double(X), double(v)).data)

    def test_of_several_arguments(self) -> None:
        x, y = double([1.0, 2.0]), double([3.0, 4.0])
        (xx, xy), (yx, yy) = func.hessian(lambda x, y: (x * x * y).sum(), argnums=(0, 1))(x, y)
        assert xx.tolist() == [[6, 0], [0, 8]]
        assert xy.tolist() == yx.tolist() == [[2, 0], [0, 4]]
        assert yy.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("name", [n for n, p in registry.items() if p.kind != "constant"])
def test_every_primitive_in_every_mode_of_second_order(name: str) -> None:
    """H·v by forward over reverse, reverse over forward and reverse over reverse; vᵀ·H·v by forward over forward."""
    primitive: Any = registry[name]
    rng = np.random.default_rng(0)
    for sample in primitive.samples:
        arrays = sample.arrays(rng)
        if any(a.dtype.kind != "f" for a in arrays):
            continue
        xs = tuple(double(a) for a in arrays)
        vs = tuple(double(rng.standard_normal(x.shape)) for x in xs)
        c = double(rng.standard_normal(primitive(*xs, **sample.params).shape))

        def f(*x: Any, c: Any = c, params: Any = sample.params) -> Any:
            y = primitive(*x, **params)
            return (c * y * y).sum()

        every = tuple(range(len(xs)))
        along = lambda *x, f=f, vs=vs: func.jvp(f, x, vs)[1]  # noqa: E731
        _, found = func.jvp(func.grad(f, every), xs, vs)
        again = func.grad(along, every)(*xs)
        third = func.grad(
            lambda *x, f=f, vs=vs, every=every: sum(
                (g * v).sum() for g, v in zip(func.grad(f, every)(*x), vs, strict=True)
            ),
            every,
        )(*xs)
        for a, b, d in zip(found, again, third, strict=True):
            np.testing.assert_allclose(b.data, a.data, rtol=1e-7, atol=1e-9, err_msg=f"{name} {sample}")
            np.testing.assert_allclose(d.data, a.data, rtol=1e-7, atol=1e-9, err_msg=f"{name} {sample}")
        both = sum(float(np.sum(a.data * v.data)) for a, v in zip(found, vs, strict=True))
        assert func.jvp(along, xs, vs)[1].item() == pytest.approx(both, rel=1e-7, abs=1e-9), f"{name} {sample}"


class TestNesting:
    @pytest.mark.parametrize("modes", list(itertools.product("rf", repeat=3)))
    def test_third_derivatives_in_any_order(self, modes: tuple[str, ...]) -> None:
        one = double(1.0)

        def derivative(mode: str, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
            return func.grad(f) if mode == "r" else lambda x: func.jvp(f, (x,), (one,))[1]

        f: Callable[[Any], Any] = lambda x: minidl.exp(x) * minidl.sin(x)  # noqa: E731
        for mode in modes:
            f = derivative(mode, f)
        x = 0.7
        assert f(double(x)).item() == pytest.approx(2 * np.exp(x) * (np.cos(x) - np.sin(x)), rel=1e-12)

    def test_perturbations_are_not_confused(self) -> None:
        one, three = double(1.0), double(3.0)
        reverse = lambda f, x: func.grad(f)(x)  # noqa: E731
        forward = lambda f, x: func.jvp(f, (x,), (one,))[1]  # noqa: E731
        for outer, inner in itertools.product((reverse, forward), repeat=2):
            assert outer(lambda x, d=inner: x * d(lambda y: x + y, one), three).item() == 1  # d/dx [x · d/dy (x + y)]
            assert outer(lambda x, d=inner: x * d(lambda y: x * y * y, x), three).item() == 54  # d/dx [x · 2x²] = 6x²
            assert outer(lambda x, d=inner: d(lambda y: x, one) + x, three).item() == 1

    def test_a_tangent_can_be_differentiated(self) -> None:
        x, t = double([0.3, 0.4]), double([1.0, 2.0])
        g = func.grad(lambda t: (func.jvp(minidl.sin, (x,), (t,))[1] ** 2).sum())(t)
        np.testing.assert_allclose(g.data, 2 * np.cos(x.data) ** 2 * t.data)

    def test_a_cotangent_can_be_differentiated(self) -> None:
        x, c = double([0.3, 0.4]), double([1.0, 2.0])
        g = func.grad(lambda c: (func.vjp(minidl.sin, x)[1](c)[0] ** 2).sum())(c)
        np.testing.assert_allclose(g.data, 2 * np.cos(x.data) ** 2 * c.data)


class TestOutside:
    def test_plain_tensors_stay_plain(self) -> None:
        x = double(X)
        results = [
            func.grad(network)(x),
            *func.value_and_grad(network)(x),
            *func.vjp(network, x)[1](double(1.0)),
            func.vjp(network, x)[0],
            *func.jvp(network, (x,), (x,)),
            func.jacobian(network)(x),
            func.hessian(affine_norm)(x),
            func.hvp(network, x, x),
        ]
        assert not any(r.requires_grad or r.inputs for r in results)
        assert not x.requires_grad
        assert x.grad is None
        assert x.is_leaf

    def test_an_argument_that_requires_a_gradient_keeps_it(self) -> None:
        x = minidl.tensor(3.0, requires_grad=True)
        g = func.grad(lambda x: x * x * x)(x)
        assert x.grad is None
        g.backward()
        assert x.grad.item() == 18

    def test_a_closure_keeps_its_gradient(self) -> None:
        w = minidl.tensor(2.0, requires_grad=True)
        value, g = func.value_and_grad(lambda x: x * x * w)(minidl.tensor(3.0))
        assert w.grad is None
        g.backward()
        assert w.grad.item() == 6
        value.backward()
        assert w.grad.item() == 15
        assert not func.grad(lambda x: x * x + w)(minidl.tensor(3.0)).requires_grad, "w has no part in it"

    def test_inside_no_grad(self) -> None:
        w = minidl.tensor(2.0, requires_grad=True)
        with minidl.no_grad():
            g = func.grad(lambda x: x * x * w)(minidl.tensor(3.0))
            assert not minidl.is_grad_enabled()
        assert g.item() == 12
        assert not g.requires_grad

    def test_a_function_that_changes_its_argument(self) -> None:
        def f(x: Any) -> Any:
            x += 1
            x[0] = x[1] * 3
            return x.sum()

        x = minidl.tensor([1.0, 2.0])
        assert func.grad(f)(x).tolist() == [0, 4]
        assert x.tolist() == [1, 2]

    def test_a_later_change_of_the_argument_does_not_reach_a_vjp(self) -> None:
        x = minidl.tensor([1.0, 2.0])
        _, pull = func.vjp(lambda x: x * x, x)
        x *= 100
        assert pull(minidl.ones(2))[0].tolist() == [2, 4]


class TestForms:
    def test_numbers(self) -> None:
        assert func.grad(lambda x: x * x * x)(2.0).item() == 12

    def test_argnums_aux_and_keywords(self) -> None:
        x, y = minidl.tensor([1.0, 2.0]), minidl.tensor([3.0, 4.0])

        def f(x: Any, y: Any, *, scale: float) -> Any:
            return (x * y * scale).sum(), x + y

        (dx, dy), aux = func.grad(f, argnums=(0, -1), has_aux=True)(x, y, scale=2.0)
        assert (dx.tolist(), dy.tolist(), aux.tolist()) == ([6, 8], [2, 4], [4, 6])
        (value, aux), dx = func.value_and_grad(f, has_aux=True)(x, y, scale=2.0)
        assert (value.item(), aux.tolist(), dx.tolist()) == (22, [4, 6], [6, 8])
        dx, (value, aux) = func.grad_and_value(f, has_aux=True)(x, y, scale=2.0)
        assert (value.item(), dx.tolist()) == (22, [6, 8])

    def test_nested_containers(self) -> None:
        p = {"a": minidl.tensor([1.0, 2.0]), "b": (minidl.tensor([3.0, 4.0]),)}
        g = func.grad(lambda p: (p["a"] * p["b"][0]).sum())(p)
        assert g["a"].tolist() == [3, 4]
        assert g["b"][0].tolist() == [1, 2]
        out, pull, aux = func.vjp(lambda p: ({"o": p["a"] * 2}, "aux"), p, has_aux=True)
        (back,) = pull({"o": minidl.tensor([1.0, 3.0])})
        assert (out["o"].tolist(), back["a"].tolist(), back["b"][0].tolist(), aux) == ([2, 4], [2, 6], [0, 0], "aux")
        out, moved = func.jvp(lambda p: [p["a"] * p["b"][0]], (p,), (p,))
        assert (out[0].tolist(), moved[0].tolist()) == ([3, 8], [6, 16])

    def test_linearize_pushes_many_tangents(self) -> None:
        out, push = func.linearize(lambda x, y: x * y, double([1.0, 2.0]), double([3.0, 4.0]))
        assert out.tolist() == [3, 8]
        assert push(double([1.0, 0.0]), double([0.0, 1.0])).tolist() == [3, 2]
        assert push(double([0.0, 0.0]), double([1.0, 1.0])).tolist() == [1, 2]

    @pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
    def test_jacobians_of_any_form(self, mode: Any) -> None:
        x, y = double([1.0, 2.0]), double([[3.0, 4.0, 5.0]])
        f = lambda x, y: {"outer": x.reshape(2, 1) * y, "sum": x.sum()}  # noqa: E731
        found = func.jacobian(f, argnums=(0, 1), mode=mode)(x, y)
        assert found["outer"][0].shape == (2, 3, 2)
        assert found["outer"][1].shape == (2, 3, 1, 3)
        np.testing.assert_array_equal(found["outer"][0].data, np.einsum("ik,j->ijk", np.eye(2), [3, 4, 5]))
        np.testing.assert_array_equal(found["outer"][1].data[:, :, 0], np.einsum("i,jk->ijk", [1, 2], np.eye(3)))
        assert found["sum"][0].tolist() == [1, 1]
        assert found["sum"][1].tolist() == [[0, 0, 0]]

    @pytest.mark.parametrize("mode", ["forward", "reverse"])
    def test_an_empty_jacobian(self, mode: Any) -> None:
        assert func.jacobian(lambda x: x * 2, mode=mode)(minidl.zeros(0, 2)).shape == (0, 2, 0, 2)

    def test_auto_takes_the_fewer_passes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        taken = []
        for name in ("_columns", "_rows"):
            original = getattr(matrices, name)
            monkeypatch.setattr(matrices, name, lambda run, f=original, n=name: taken.append(n) or f(run))
        func.jacobian(lambda x: x.sum())(minidl.ones(3))
        func.jacobian(lambda x: x * minidl.ones(3))(minidl.ones(1))
        assert taken == ["_rows", "_columns"]

    def test_dtypes(self) -> None:
        x = minidl.tensor([1.0, 2.0])
        out, moved = func.jvp(lambda x: x.double() * 2, (x,), (x,))
        assert (out.dtype, moved.dtype) == (np.float64, np.float64)
        assert func.grad(lambda x: x.double().sum())(x).dtype == np.float32

    @pytest.mark.parametrize(
        ("call", "error", "text"),
        [
            (
                lambda x: func.grad(lambda x: x * 2)(x),
                GraphError,
                r"one floating-point number, not a tensor of shape \(2,\)",
            ),
            (lambda x: func.grad(lambda x: 3.0)(x), UsageError, "must return tensors, got float"),
            (lambda x: func.grad(lambda x: x.sum())(minidl.tensor([1, 2])), DtypeError, "int64.*convert it"),
            (lambda x: func.grad(lambda x: x.sum())("x"), DtypeError, "got str"),
            (lambda x: func.grad(lambda x: x.sum(), argnums=1)(x), UsageError, "no argument 1 among 1"),
            (lambda x: func.grad(lambda x, y: x.sum(), argnums=(0, -2))(x, x), UsageError, "each argument once"),
            (lambda x: func.grad(lambda x: x.sum(), has_aux=True)(x), UsageError, "a pair"),
            (lambda x: func.vjp(lambda x: x, x)[1](minidl.ones(3)), ShapeError, r"\(3,\), but its output has \(2,\)"),
            (lambda x: func.vjp(lambda x: (x, x), x)[1](x), ShapeError, "2 outputs need as many cotangents, got 1"),
            (lambda x: func.jvp(lambda x: x, x, x), UsageError, "primals must be a tuple"),
            (lambda x: func.jvp(lambda x: x, (x,), x), UsageError, "tangents must be a tuple"),
            (
                lambda x: func.jvp(lambda x: x, (x,), (minidl.ones(3),)),
                ShapeError,
                r"\(3,\), but its primal has \(2,\)",
            ),
            (lambda x: func.jvp(lambda x: x, (x,), (x, x)), ShapeError, "1 primals need as many tangents, got 2"),
            (lambda x: func.jacobian(lambda x: x, mode="both"), UsageError, "auto, forward or reverse"),
        ],
    )
    def test_errors_say_what_is_wrong(self, call: Callable[[Any], Any], error: type[Exception], text: str) -> None:
        with pytest.raises(error, match=text):
            call(minidl.tensor([1.0, 2.0]))


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
class TestTorch:
    """The same calls in both libraries."""

    @staticmethod
    def f(lib: Any, x: Any, y: Any) -> Any:
        return lib.tanh(x @ y) * lib.exp(-x.sum()), lib.sin(y)

    @pytest.mark.parametrize("name", ["jacrev", "jacfwd"])
    @pytest.mark.parametrize("argnums", [0, 1, (0, 1), (1,)])
    def test_jacobians(self, name: str, argnums: Any) -> None:
        torch = pytest.importorskip("torch")
        x, y = RNG.standard_normal((2, 3)), RNG.standard_normal((3, 2))
        ours = getattr(func, name)(lambda *a: self.f(minidl, *a), argnums)(double(x), double(y))
        theirs = getattr(torch.func, name)(lambda *a: self.f(torch, *a), argnums)(torch.tensor(x), torch.tensor(y))
        assert _compare(ours, theirs) == 2 * (2 if argnums == (0, 1) else 1)

    def test_vjp_and_jvp(self) -> None:
        torch = pytest.importorskip("torch")
        x, y = RNG.standard_normal((2, 3)), RNG.standard_normal((3, 2))
        results = []
        for lib in (minidl, torch):
            p = [lib.tensor(x), lib.tensor(y)]
            transforms = torch.func if lib is torch else func
            f = lambda *a, lib=lib: self.f(lib, *a)  # noqa: E731
            out, pull = transforms.vjp(f, *p)
            moved = transforms.jvp(f, tuple(p), (p[0] * 2, p[1] * 3))
            results.append((out, pull((out[0] * 2, out[1])), moved))
        assert _compare(*results) == 8


def _compare(ours: Any, theirs: Any) -> int:
    if isinstance(ours, tuple):
        assert len(ours) == len(theirs)
        return sum(_compare(a, b) for a, b in zip(ours, theirs, strict=True))
    np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-10, atol=1e-12)
    return 1
