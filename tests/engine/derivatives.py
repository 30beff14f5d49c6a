"""The checks that every primitive must pass, as functions that raise AssertionError; tests/engine/test_registry.py walks
the registry with them, and then breaks every rule to see that they notice."""

from __future__ import annotations

from typing import Any

import numpy as np

import minidl
from minidl.autodiff import gradcheck, jvp
from minidl.graph import Primitive
from minidl.primitives import Linear, Multilinear
from minidl.primitives.kinds import Sample

Array = np.ndarray[Any, Any]

NOT_ANALYTIC = {
    "abs",
    "sign",
    "maximum",
    "minimum",
    "relu",
    "amax",
    "amin",
    "norm",
    "max_pool2d",
    "softmax",
    "log_softmax",
}
"""Operations whose forward rule compares or takes absolute values, so that a complex step would lie."""
NOT_ANALYTIC |= {"cross_entropy", "log_or_zero"}


def leaves(primitive: Primitive, sample: Sample, seed: int = 0) -> list[minidl.Tensor]:
    """The sample's inputs as float64 leaves."""
    rng = np.random.default_rng(seed)
    return [minidl.tensor(a, requires_grad=True) for a in sample.arrays(rng)]


def run(primitive: Primitive, sample: Sample, inputs: list[Any]) -> Any:
    return primitive(*inputs, **sample.params)


def gradients_of(primitive: Primitive, sample: Sample, inputs: list[minidl.Tensor], g: Array) -> list[Array]:
    out = run(primitive, sample, inputs)
    found = minidl.grad(out, inputs, minidl.tensor(g), allow_unused=True)
    return [np.zeros(x.shape) if d is None else d.data for x, d in zip(inputs, found, strict=True)]


def check_first_order(primitive: Primitive, sample: Sample) -> None:
    """⟨g, Df(x)[t]⟩ = ⟨vjp(g), t⟩, where Df(x)[t] never touches a derivative rule."""
    rng = np.random.default_rng(1)
    inputs = leaves(primitive, sample)
    out = run(primitive, sample, inputs)
    g = rng.standard_normal(out.shape)
    found = gradients_of(primitive, sample, inputs, g)
    for x, d in zip(inputs, found, strict=True):
        assert d.shape == x.shape
        assert d.dtype == x.dtype
    for i, x in enumerate(inputs):
        t = rng.standard_normal(x.shape)
        arrays = [v.data for v in inputs]
        moved, tolerance = _directional(primitive, sample, arrays, i, t)
        np.testing.assert_allclose(np.sum(g * moved), np.sum(found[i] * t), rtol=tolerance, atol=tolerance)


def _directional(primitive: Primitive, sample: Sample, arrays: list[Array], i: int, t: Array) -> tuple[Array, float]:
    """How the output moves when input `i` moves along `t`, and how exactly that is known."""
    if isinstance(primitive, Multilinear) or (isinstance(primitive, Linear) and len(arrays) == 1):
        return run(primitive, sample, [*arrays[:i], t, *arrays[i + 1 :]]), 1e-11
    if isinstance(primitive, Linear):
        return run(primitive, sample, [t if k == i else 0 * a for k, a in enumerate(arrays)]), 1e-11
    if primitive.name not in NOT_ANALYTIC:
        h = 1e-20
        stepped = [a + 1j * h * t if k == i else a.astype(complex) for k, a in enumerate(arrays)]
        return np.imag(run(primitive, sample, stepped)) / h, 1e-10
    h = 1e-6
    ends = [run(primitive, sample, [a + s * h * t if k == i else a for k, a in enumerate(arrays)]) for s in (1, -1)]
    return (ends[0] - ends[1]) / (2 * h), 1e-7


def check_every_element(primitive: Primitive, sample: Sample) -> None:
    """The public gradcheck agrees, element by element."""
    inputs = leaves(primitive, sample, seed=3)
    gradcheck(lambda *xs: run(primitive, sample, list(xs)), inputs, atol=1e-6, rtol=1e-5, seed=5)


def check_second_order(primitive: Primitive, sample: Sample) -> None:
    """The recorded backward pass, as a function of the inputs and of the upstream gradient, passes gradcheck itself."""
    inputs = leaves(primitive, sample, seed=7)
    rng = np.random.default_rng(8)
    g = minidl.tensor(rng.standard_normal(run(primitive, sample, inputs).shape), requires_grad=True)
    weights = [minidl.tensor(rng.standard_normal(x.shape)) for x in inputs]

    def backward_pass(*arguments: Any) -> Any:
        *xs, upstream = [_recorded(a) for a in arguments]
        with minidl.enable_grad():
            out = run(primitive, sample, xs)
            found = minidl.grad(out, xs, upstream, create_graph=True, allow_unused=True)
            terms = [(d * w).sum() for d, w in zip(found, weights, strict=True) if d is not None]
            total = 0.0 * upstream.sum()
            for term in terms:
                total = total + term
            return total

    gradcheck(backward_pass, [*inputs, g], atol=2e-6, rtol=1e-5)


def _recorded(x: minidl.Tensor) -> minidl.Tensor:
    return x if x.requires_grad else x.detach().requires_grad_()


def check_forward_mode(primitive: Primitive, sample: Sample) -> None:
    """⟨g, jvp(t)⟩ = ⟨vjp(g), t⟩, with all inputs moving at once."""
    rng = np.random.default_rng(2)
    inputs = leaves(primitive, sample)
    out = run(primitive, sample, inputs)
    g = rng.standard_normal(out.shape)
    tangents = [rng.standard_normal(x.shape) for x in inputs]
    moved = jvp(out, dict(zip(inputs, tangents, strict=True)))
    assert np.shape(moved) == out.shape
    back = gradients_of(primitive, sample, inputs, g)
    expected = sum(np.sum(b * t) for b, t in zip(back, tangents, strict=True))
    np.testing.assert_allclose(np.sum(g * moved), expected, rtol=1e-10, atol=1e-10)


def check_strides(primitive: Primitive, sample: Sample) -> None:
    """Memory order and repeated (stride 0) elements make no difference, to the value or to the gradients."""
    inputs = leaves(primitive, sample)
    out = run(primitive, sample, inputs)
    g = np.random.default_rng(4).standard_normal(out.shape)
    expected = gradients_of(primitive, sample, inputs, g)
    permuted = [_leaf(_permuted(x.data)) for x in inputs]
    np.testing.assert_allclose(run(primitive, sample, permuted).data, out.data, rtol=1e-13, atol=1e-13)
    for a, b in zip(gradients_of(primitive, sample, permuted, _permuted(g)), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    repeated = [np.broadcast_to(x.data[:1] if x.ndim and len(x.data) else x.data, x.shape) for x in inputs]
    plain = [minidl.tensor(a, requires_grad=True) for a in repeated]
    viewed = [_leaf(a) for a in repeated]
    here, there = (run(primitive, sample, xs).data for xs in (viewed, plain))
    np.testing.assert_allclose(here, there, rtol=1e-13, atol=1e-13)
    for a, b in zip(*(gradients_of(primitive, sample, xs, g) for xs in (viewed, plain)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def _leaf(array: Array) -> minidl.Tensor:
    """A leaf that holds this very array, strides and all."""
    return minidl.Tensor(array, requires_grad=True)


def _permuted(a: Array) -> Array:
    """The same numbers in memory of another order, with gaps."""
    if a.ndim == 0:
        return a
    wide = np.empty((*a.shape[::-1][:-1], 2 * a.shape[0]), a.dtype)
    view = wide.T[::2]
    view[...] = a
    return view


def check_float32(primitive: Primitive, sample: Sample) -> None:
    """float32 in, float32 out and back, close to the float64 result."""
    exact = leaves(primitive, sample)
    single = [minidl.tensor(x.data.astype(np.float32), requires_grad=True) for x in exact]
    out, out64 = run(primitive, sample, single), run(primitive, sample, exact)
    if primitive.name == "to":
        return
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.data, out64.data, rtol=2e-5, atol=2e-5)
    g = np.random.default_rng(6).standard_normal(out.shape)
    for a, b, x in zip(
        gradients_of(primitive, sample, single, g.astype(np.float32)),
        gradients_of(primitive, sample, exact, g),
        single,
        strict=True,
    ):
        assert a.dtype == x.dtype or not a.any()
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)


CHECKS = [
    check_first_order,
    check_every_element,
    check_second_order,
    check_forward_mode,
    check_strides,
    check_float32,
]
