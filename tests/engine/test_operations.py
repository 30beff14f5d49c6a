"""Every public operation, on every sample of its record: derivatives, dtypes, strides, PyTorch's results, refusals.

The records stand beside the definitions, in minidl/primitives and minidl/nn/functional; nothing here names an operation.
"""

from __future__ import annotations

import importlib.util
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.primitives import Operation, Primitive, Sample, catalogue
from minidl.primitives.operation import namespace
from minidl.primitives.samples import Refusal

_spec = importlib.util.spec_from_file_location("derivatives", Path(__file__).with_name("derivatives.py"))
assert _spec is not None
assert _spec.loader is not None
derivatives = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(derivatives)

CASES = [pytest.param(op, s, id=f"{op.path}-{i}") for op in catalogue.values() for i, s in enumerate(op.samples)]
COMPOSITE = [case for case in CASES if not isinstance(case.values[0].function, Primitive)]
"""The others are primitives, which tests/engine/test_registry.py has checked already."""

REFUSALS = [pytest.param(op, e, id=f"{op.path}-{i}") for op in catalogue.values() for i, e in enumerate(op.errors)]


def differentiable(op: Operation, sample: Sample) -> bool:
    inputs = derivatives.leaves(op, sample)
    return bool(inputs) and any(r.requires_grad for r in derivatives.floats(derivatives.call(op, sample, inputs)))


@pytest.mark.parametrize(("op", "sample"), COMPOSITE)
def test_derivatives(op: Operation, sample: Sample) -> None:
    if differentiable(op, sample):
        derivatives.check_everything(op, sample)
    else:
        assert all(not r.requires_grad for r in derivatives.flat(result(op, sample)) if isinstance(r, minidl.Tensor))


def result(op: Operation, sample: Sample) -> Any:
    return derivatives.call(op, sample, derivatives.leaves(op, sample))


@pytest.mark.parametrize("op", catalogue.values(), ids=lambda op: op.path)
def test_the_record_is_complete(op: Operation) -> None:
    assert op.samples
    assert op.function.__doc__
    for home in op.homes:
        for name in (op.name, *op.aliases):
            assert namespace(home)[name] is op.function


@pytest.mark.parametrize(("op", "refusal"), REFUSALS)
def test_refusals(op: Operation, refusal: Refusal) -> None:
    with pytest.raises(refusal.error, match=refusal.match):
        result(op, refusal.sample)


class TestPyTorch:
    """Values, first and second gradients."""

    pytestmark = pytest.mark.torch

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    @pytest.mark.parametrize(("op", "sample"), [c for c in CASES if c.values[0].torch])
    def test_agrees(self, op: Operation, sample: Sample, dtype: str) -> None:
        torch = pytest.importorskip("torch")
        arrays = [a.astype(dtype) for a in sample.arrays(np.random.default_rng(9)) if a.dtype.kind == "f"]
        xs = [minidl.tensor(a, requires_grad=True) for a in arrays]
        ts = [torch.tensor(a, requires_grad=True) for a in arrays]
        ours = derivatives.flat(derivatives.call(op, sample, xs))
        theirs = derivatives.flat(call_torch(torch, op, sample, ts, dtype))
        assert len(ours) == len(theirs)
        scale = op.tolerance
        close = {"rtol": 1e-9 * scale, "atol": 1e-10 * scale} if dtype == "float64" else {"rtol": 3e-4, "atol": 3e-5}
        for y, t in zip(ours, theirs, strict=True):
            compare_values(torch, y, t, close)
        pairs = [(y, t) for y, t in zip(ours, theirs, strict=True) if torch.is_tensor(t) and t.requires_grad]
        assert [bool(getattr(y, "requires_grad", False)) for y, _ in pairs] == [True] * len(pairs)
        if pairs:
            compare_gradients(torch, pairs, xs, ts, close, second=dtype == "float64")


def call_torch(torch: Any, op: Operation, sample: Sample, ts: list[Any], dtype: str) -> Any:
    assert op.torch
    function = reduce(getattr, op.torch.split("."), torch)
    rest = list(ts)
    arguments = [torch.tensor(s) if derivatives.is_fixed(s) else rest.pop(0) for s in sample.shapes]
    params = {
        k: torch.tensor(derivatives.as_input(v, dtype))
        if isinstance(v, np.ndarray)
        else getattr(torch, str(v))
        if isinstance(v, np.dtype)
        else v
        for k, v in sample.params.items()
    }
    torch.manual_seed(0)
    return op.call(function, arguments, params)


def compare_values(torch: Any, y: Any, t: Any, close: dict[str, float]) -> None:
    if not torch.is_tensor(t):
        assert type(y) is type(t)
        assert y == t
        return
    assert isinstance(y, minidl.Tensor)
    assert y.shape == tuple(t.shape)
    assert str(y.dtype) == str(t.dtype).removeprefix("torch.")
    np.testing.assert_allclose(y.data, t.detach().numpy(), **close)


def compare_gradients(
    torch: Any, pairs: list[Any], xs: list[Any], ts: list[Any], close: dict[str, float], second: bool
) -> None:
    rng = np.random.default_rng(10)
    starts = [rng.standard_normal(y.shape).astype(y.dtype) for y, _ in pairs]
    grads = minidl.grad(
        [y for y, _ in pairs], xs, [minidl.tensor(g) for g in starts], create_graph=True, allow_unused=True
    )
    try:
        wanted = torch.autograd.grad(
            [t for _, t in pairs], ts, [torch.tensor(g) for g in starts], create_graph=True, allow_unused=True
        )
    except RuntimeError as error:
        if "is not implemented" in str(error):  # PyTorch has no derivative of this one; finite differences agree
            return
        raise
    compare(grads, wanted, xs, close)
    if not second:
        return
    weights = [rng.standard_normal(x.shape) for x in xs]
    h = [(a, w) for a, w in zip(grads, weights, strict=True) if a is not None and a.requires_grad]
    k = [(b, w) for b, w in zip(wanted, weights, strict=True) if b is not None and b.requires_grad]
    none = [None] * len(xs)
    ours = minidl.grad([a for a, _ in h], xs, [minidl.tensor(w) for _, w in h], allow_unused=True) if h else none
    try:
        theirs = (
            torch.autograd.grad([b for b, _ in k], ts, [torch.tensor(w) for _, w in k], allow_unused=True)
            if k
            else none
        )
    except RuntimeError as error:
        if "is not implemented" in str(error):  # PyTorch has no second derivative of this one; finite differences agree
            return
        raise
    compare(ours, theirs, xs, {name: 10 * size for name, size in close.items()})


def compare(ours: Any, theirs: Any, xs: list[Any], close: dict[str, float]) -> None:
    for a, b, x in zip(ours, theirs, xs, strict=True):
        if a is not None:
            assert a.dtype == x.dtype
            assert a.shape == x.shape
        zero = np.zeros(x.shape)
        np.testing.assert_allclose(zero if a is None else a.data, zero if b is None else b.numpy(force=True), **close)
