"""Every operation that PyTorch has gives PyTorch's values, gradients and second gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import minidl
import minidl.nn.functional as F

torch = pytest.importorskip("torch")
TF = torch.nn.functional
pytestmark = pytest.mark.torch


class Case(NamedTuple):
    name: str
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    positive: bool = False


def same(name: str, call: Callable[[Any, Any], Any], *shapes: tuple[int, ...], positive: bool = False) -> Case:
    """One expression for both libraries: `call(library, functional)` returns the function of the inputs."""
    return Case(name, call(minidl, F), call(torch, TF), shapes, positive)


M, V = (3, 4), (4,)
CASES = [
    same("add", lambda m, f: lambda x, y: x + y, M, V),
    same("sub number", lambda m, f: lambda x: 2 - x, M),
    same("mul", lambda m, f: lambda x, y: x * y, (3, 1), V),
    same("div", lambda m, f: lambda x, y: x / y, M, V, positive=True),
    same("rdiv", lambda m, f: lambda x: 1 / x, M, positive=True),
    same("mod", lambda m, f: lambda x: (x * 3) % 2, M),
    same("pow number", lambda m, f: lambda x: x**3, M),
    same("pow half", lambda m, f: lambda x: x**0.5, M, positive=True),
    same("pow tensor", lambda m, f: lambda x, y: x**y, M, V, positive=True),
    same("rpow", lambda m, f: lambda x: 2.0**x, M),
    same("neg", lambda m, f: lambda x: -x, M),
    same("abs", lambda m, f: lambda x: abs(x), M),
    same("matmul", lambda m, f: lambda x, y: x @ y, M, V),
    same("T", lambda m, f: lambda x: x.T, M),
    same("mT", lambda m, f: lambda x: x.mT, (2, 3, 4)),
    same("loose sizes", lambda m, f: lambda x: x.reshape(2, -1).permute(1, 0).expand(3, -1, -1).flatten(1), M),
    same("where", lambda m, f: lambda x, y: m.where(x > 0, x, y * y), M, M),
    same(
        "a network", lambda m, f: lambda x, w, b: f.log_softmax(m.tanh(f.linear(x, w, b)), dim=1), (5, 3), (2, 3), (2,)
    ),
]
"""Operators, and what is built of several operations; each operation by itself is compared by its own record
(tests/engine/test_operations.py)."""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_values_and_gradients(case: Case, dtype: str) -> None:
    rng = np.random.default_rng(abs(hash(case.shapes)) % 2**32)
    arrays = [(rng.uniform(0.5, 2, s) if case.positive else rng.standard_normal(s)).astype(dtype) for s in case.shapes]
    xs = [minidl.tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, t = case.ours(*xs), case.theirs(*ts)
    loose = {"rtol": 1e-9, "atol": 1e-11} if dtype == "float64" else {"rtol": 2e-4, "atol": 2e-5}
    assert y.shape == tuple(t.shape)
    assert str(y.dtype) == str(t.dtype).removeprefix("torch.")
    np.testing.assert_allclose(y.data, t.detach().numpy(), **loose)
    g = rng.standard_normal(y.shape).astype(y.dtype)
    ours = minidl.grad(y, xs, minidl.tensor(g), create_graph=True)
    theirs = torch.autograd.grad(t, ts, torch.tensor(g), create_graph=True)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == arrays[0].dtype
        np.testing.assert_allclose(a.data, b.detach().numpy(), **loose)
    if dtype == "float32" or not any(b.requires_grad for b in theirs):
        return
    weights = [rng.standard_normal(a.shape) for a in arrays]
    h = sum((a * minidl.tensor(w)).sum() for a, w in zip(ours, weights, strict=True))
    k = sum((b * torch.tensor(w)).sum() for b, w in zip(theirs, weights, strict=True))
    if not h.requires_grad:
        assert not any(
            b is not None and b.abs().max() > 0 for b in torch.autograd.grad(k, ts, allow_unused=True) if b is not None
        )
        return
    second = zip(minidl.grad(h, xs, allow_unused=True), torch.autograd.grad(k, ts, allow_unused=True), strict=True)
    for a, b in second:
        np.testing.assert_allclose(
            0 if a is None else a.data, 0 if b is None else b.numpy(force=True), rtol=1e-8, atol=1e-10
        )


@pytest.mark.parametrize("name", ["abs", "relu", "sqrt", "sign"])
def test_the_same_subgradient_at_zero(name: str) -> None:
    x, t = minidl.tensor([0.0, -0.0], requires_grad=True), torch.tensor([0.0, -0.0], requires_grad=True)
    getattr(minidl, name)(x).sum().backward()
    getattr(torch, name)(t).sum().backward()
    np.testing.assert_array_equal(x.grad.data, t.grad.numpy())


@pytest.mark.parametrize("op", ["maximum", "minimum"])
def test_the_same_gradient_at_ties(op: str) -> None:
    x, t = minidl.tensor([1.0, 2.0], requires_grad=True), torch.tensor([1.0, 2.0], requires_grad=True)
    getattr(minidl, op)(x, minidl.tensor([1.0, 1.0])).sum().backward()
    getattr(torch, op)(t, torch.tensor([1.0, 1.0])).sum().backward()
    np.testing.assert_array_equal(x.grad.data, t.grad.numpy())


def test_amax_shares_ties_and_max_pool_takes_the_first() -> None:
    data = [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]
    x, t = minidl.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    minidl.amax(x, 1).sum().backward()
    torch.amax(t, 1).sum().backward()
    np.testing.assert_array_equal(x.grad.data, t.grad.numpy())
    image = np.ones((1, 1, 4, 4), np.float32)
    x, t = minidl.tensor(image, requires_grad=True), torch.tensor(image, requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    TF.max_pool2d(t, 2).sum().backward()
    np.testing.assert_array_equal(x.grad.data, t.grad.numpy())


VALUES: list[Any] = [
    np.ones(2, np.float32),
    np.ones(2, np.float64),
    np.ones(2, np.int64),
    np.ones(2, np.int32),
    np.ones(2, bool),
    np.array(1.0, np.float64),
    np.array(1.0, np.float32),
    np.array(1, np.int64),
    2,
    2.5,
    True,
]


@pytest.mark.parametrize("i", range(len(VALUES)))
@pytest.mark.parametrize("j", range(len(VALUES)))
def test_dtypes_meet_as_in_torch(i: int, j: int) -> None:
    a, b = VALUES[i], VALUES[j]
    if not isinstance(a, np.ndarray) and not isinstance(b, np.ndarray):
        pytest.skip("two plain numbers")
    ours = [minidl.tensor(v) if isinstance(v, np.ndarray) else v for v in (a, b)]
    theirs = [torch.tensor(v) if isinstance(v, np.ndarray) else v for v in (a, b)]
    for op in (lambda x, y: x * y, lambda x, y: x / y):
        assert str(op(*ours).dtype) == str(op(*theirs).dtype).removeprefix("torch.")


@pytest.mark.parametrize("name", ["SGD", "momentum", "nesterov", "decay", "Adam", "Adam decay", "AdamW"])
def test_optimizers_step_as_torch_does(name: str) -> None:
    make: dict[str, Callable[[Any, Any], Any]] = {
        "SGD": lambda lib, p: lib.SGD(p, lr=0.1),
        "momentum": lambda lib, p: lib.SGD(p, lr=0.1, momentum=0.9, dampening=0.3),
        "nesterov": lambda lib, p: lib.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
        "decay": lambda lib, p: lib.SGD(p, lr=0.1, momentum=0.5, weight_decay=0.01),
        "Adam": lambda lib, p: lib.Adam(p, lr=0.05),
        "Adam decay": lambda lib, p: lib.Adam(p, lr=0.05, weight_decay=0.1),
        "AdamW": lambda lib, p: lib.AdamW(p, lr=0.05, weight_decay=0.1),
    }
    start = np.random.default_rng(0).standard_normal((3, 4))
    x, t = minidl.tensor(start, requires_grad=True), torch.tensor(start, requires_grad=True)
    ours, theirs = make[name](minidl.optim, [x]), make[name](torch.optim, [t])
    for _ in range(20):
        ours.zero_grad()
        theirs.zero_grad()
        (minidl.sin(x) * x * x).sum().backward()
        (torch.sin(t) * t * t).sum().backward()
        ours.step()
        theirs.step()
        np.testing.assert_allclose(x.data, t.detach().numpy(), rtol=1e-7, atol=1e-9)


def test_a_network_computes_what_torchs_does_from_the_same_weights() -> None:
    def build(nn: Any) -> Any:
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 10),
        )

    ours, theirs = build(minidl.nn), build(torch.nn)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    images = np.random.default_rng(0).standard_normal((4, 1, 28, 28)).astype(np.float32)
    labels = [3, 1, 4, 1]
    loss = F.cross_entropy(ours(minidl.tensor(images)), minidl.tensor(labels))
    reference = TF.cross_entropy(theirs(torch.tensor(images)), torch.tensor(labels))
    loss.backward()
    reference.backward()
    assert loss.item() == pytest.approx(reference.item(), rel=1e-5)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-3, atol=1e-6, err_msg=name)
