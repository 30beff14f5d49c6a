"""The checks that every primitive and every public operation must pass, as functions that raise AssertionError.

tests/engine/test_registry.py walks the registry with them and breaks every rule to see that they notice;
tests/engine/test_operations.py walks the catalogue.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import minidl
from minidl.autodiff import gradcheck, jvp
from minidl.graph import Primitive
from minidl.primitives import Linear, Multilinear, Operation, Sample

Array = np.ndarray[Any, Any]

Subject = Primitive | Operation
"""What is checked: a rule, or the public function that is built of rules."""


def leaves(subject: Subject, sample: Sample, seed: int = 0) -> list[minidl.Tensor]:
    """The sample's floating-point inputs as float64 leaves."""
    rng = np.random.default_rng(seed)
    return [minidl.tensor(a, requires_grad=True) for a in sample.arrays(rng) if a.dtype.kind == "f"]


def run(subject: Subject, sample: Sample, inputs: list[Any]) -> Any:
    """The result, from the floating-point inputs; an operation's several results as one long vector."""
    if isinstance(subject, Primitive):
        rest = list(inputs)
        return subject(*[minidl.tensor(s) if is_fixed(s) else rest.pop(0) for s in sample.shapes], **sample.params)
    results = floats(call(subject, sample, [x if isinstance(x, minidl.Tensor) else minidl.tensor(x) for x in inputs]))
    return results[0] if len(results) == 1 else minidl.cat([minidl.reshape(r, (-1,)) for r in results])


def call(operation: Operation, sample: Sample, inputs: list[Any]) -> Any:
    """What the public function returns, whatever that is."""
    rest = list(inputs)
    arguments = [minidl.tensor(s) if is_fixed(s) else rest.pop(0) for s in sample.shapes]
    dtype = next((x.dtype for x in inputs), np.dtype(np.float64))
    params = {
        k: minidl.tensor(as_input(v, dtype)) if isinstance(v, np.ndarray) else v for k, v in sample.params.items()
    }
    minidl.manual_seed(0)  # so that a random operation computes the same each time
    return operation.call(operation.function, arguments, params)


def as_input(array: Array, dtype: Any) -> Array:
    """A parameter's array in the dtype of the inputs, if it holds floating-point numbers."""
    return array.astype(dtype) if array.dtype.kind == "f" else array


def is_fixed(given: Any) -> bool:
    """Whether a sample's entry is an input without a gradient, such as class labels."""
    return isinstance(given, np.ndarray) and given.dtype.kind != "f"


def flat(result: Any) -> list[Any]:
    """The tensors in a result, which may be one or a tuple of tuples."""
    return [t for r in result for t in flat(r)] if isinstance(result, tuple | list) else [result]


def floats(result: Any) -> list[Any]:
    """The results that can have a gradient."""
    return [r for r in flat(result) if isinstance(r, minidl.Tensor) and r.dtype.kind == "f"]


def gradients_of(subject: Subject, sample: Sample, inputs: list[minidl.Tensor], g: Array) -> list[Array]:
    out = run(subject, sample, inputs)
    found = minidl.grad(out, inputs, minidl.tensor(g), allow_unused=True)
    return [np.zeros(x.shape) if d is None else d.data for x, d in zip(inputs, found, strict=True)]


def check_first_order(subject: Subject, sample: Sample) -> None:
    """⟨g, Df(x)[t]⟩ = ⟨vjp(g), t⟩, where Df(x)[t] never touches a derivative rule."""
    rng = np.random.default_rng(1)
    inputs = leaves(subject, sample)
    out = run(subject, sample, inputs)
    g = rng.standard_normal(out.shape)
    found = gradients_of(subject, sample, inputs, g)
    for x, d in zip(inputs, found, strict=True):
        assert d.shape == x.shape
        assert d.dtype == x.dtype
    for i, x in enumerate(inputs):
        t = rng.standard_normal(x.shape)
        arrays = [v.data for v in inputs]
        moved, tolerance = _directional(subject, sample, arrays, i, t)
        np.testing.assert_allclose(np.sum(g * moved), np.sum(found[i] * t), rtol=tolerance, atol=tolerance)


def _directional(subject: Subject, sample: Sample, arrays: list[Array], i: int, t: Array) -> tuple[Array, float]:
    """How the output moves when input `i` moves along `t`, and how exactly that is known."""
    if isinstance(subject, Multilinear) or (isinstance(subject, Linear) and len(arrays) == 1):
        return run(subject, sample, [*arrays[:i], t, *arrays[i + 1 :]]), 1e-11
    if isinstance(subject, Linear):
        return run(subject, sample, [t if k == i else 0 * a for k, a in enumerate(arrays)]), 1e-11
    if isinstance(subject, Primitive) and getattr(subject, "analytic", True):
        h = 1e-20
        stepped = [a + 1j * h * t if k == i else a.astype(complex) for k, a in enumerate(arrays)]
        return np.imag(run(subject, sample, stepped)) / h, 1e-10
    h = 1e-6
    ends = [run(subject, sample, [_moved(a, s * h * t, k == i) for k, a in enumerate(arrays)]) for s in (1, -1)]
    return np.asarray(ends[0].data - ends[1].data) / (2 * h), 1e-7 * getattr(subject, "tolerance", 1.0)


def _moved(a: Array, step: Array, here: bool) -> minidl.Tensor:
    return minidl.tensor(a + step if here else a)


def check_every_element(subject: Subject, sample: Sample) -> None:
    """The public gradcheck agrees, element by element."""
    inputs = leaves(subject, sample, seed=3)
    gradcheck(lambda *xs: run(subject, sample, list(xs)), inputs, atol=1e-6, rtol=1e-5, seed=5)


def check_second_order(subject: Subject, sample: Sample) -> None:
    """The recorded backward pass, as a function of the inputs and of the upstream gradient, passes gradcheck itself."""
    inputs = leaves(subject, sample, seed=7)
    rng = np.random.default_rng(8)
    g = minidl.tensor(rng.standard_normal(run(subject, sample, inputs).shape), requires_grad=True)
    weights = [minidl.tensor(rng.standard_normal(x.shape)) for x in inputs]

    def backward_pass(*arguments: Any) -> Any:
        *xs, upstream = [_recorded(a) for a in arguments]
        with minidl.enable_grad():
            out = run(subject, sample, xs)
            found = minidl.grad(out, xs, upstream, create_graph=True, allow_unused=True)
            terms = [(d * w).sum() for d, w in zip(found, weights, strict=True) if d is not None]
            total = 0.0 * upstream.sum()
            for term in terms:
                total = total + term
            return total

    gradcheck(backward_pass, [*inputs, g], atol=2e-6, rtol=1e-5)


def _recorded(x: minidl.Tensor) -> minidl.Tensor:
    return x if x.requires_grad else x.detach().requires_grad_()


def check_forward_mode(subject: Subject, sample: Sample) -> None:
    """⟨g, jvp(t)⟩ = ⟨vjp(g), t⟩, with all inputs moving at once and with each moving alone."""
    rng = np.random.default_rng(2)
    inputs = leaves(subject, sample)
    out = run(subject, sample, inputs)
    g = rng.standard_normal(out.shape)
    tangents = [rng.standard_normal(x.shape) for x in inputs]
    products = [np.sum(b * t) for b, t in zip(gradients_of(subject, sample, inputs, g), tangents, strict=True)]
    everything = list(range(len(inputs)))
    for moving in [everything, *([i] for i in everything if len(inputs) > 1)]:
        moved = jvp(out, {inputs[i]: tangents[i] for i in moving})
        assert np.shape(moved) == out.shape
        np.testing.assert_allclose(np.sum(g * moved), sum(products[i] for i in moving), rtol=1e-10, atol=1e-10)


def check_strides(subject: Subject, sample: Sample) -> None:
    """Memory order and repeated (stride 0) elements make no difference, to the value or to the gradients."""
    inputs = leaves(subject, sample)
    out = run(subject, sample, inputs)
    g = np.random.default_rng(4).standard_normal(out.shape)
    expected = gradients_of(subject, sample, inputs, g)
    permuted = [_leaf(_permuted(x.data)) for x in inputs]
    np.testing.assert_allclose(run(subject, sample, permuted).data, out.data, rtol=1e-13, atol=1e-13)
    for a, b in zip(gradients_of(subject, sample, permuted, _permuted(g)), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    repeated = [np.broadcast_to(x.data[:1] if x.ndim and len(x.data) else x.data, x.shape) for x in inputs]
    plain = [minidl.tensor(a, requires_grad=True) for a in repeated]
    viewed = [_leaf(a) for a in repeated]
    here, there = (run(subject, sample, xs).data for xs in (viewed, plain))
    np.testing.assert_allclose(here, there, rtol=1e-13, atol=1e-13)
    for a, b in zip(*(gradients_of(subject, sample, xs, g) for xs in (viewed, plain)), strict=True):
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


def check_float32(subject: Subject, sample: Sample) -> None:
    """float32 in, float32 out and back, close to the float64 result."""
    exact = leaves(subject, sample)
    single = [minidl.tensor(x.data.astype(np.float32), requires_grad=True) for x in exact]
    out, out64 = run(subject, sample, single), run(subject, sample, exact)
    if subject.name == "to":
        return
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.data, out64.data, rtol=2e-5, atol=2e-5)
    g = np.random.default_rng(6).standard_normal(out.shape)
    for a, b, x in zip(
        gradients_of(subject, sample, single, g.astype(np.float32)),
        gradients_of(subject, sample, exact, g),
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


def check_everything(subject: Subject, sample: Sample) -> None:
    """All checks in turn; an error says which one it was."""
    for check in CHECKS:
        try:
            check(subject, sample)
        except Exception as error:
            error.add_note(f"in {check.__name__}: {(check.__doc__ or '').strip()}")
            raise
