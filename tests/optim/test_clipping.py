"""Clipping gradients, and parameters as one vector."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.errors import GraphError, ShapeError
from minidl.nn import utils

rng = np.random.default_rng(5)
VALUES = [rng.normal(size=shape) for shape in [(3, 4), (5,), ()]]


def ours() -> list[minidl.Tensor]:
    parameters = [minidl.tensor(np.array(v), requires_grad=True) for v in VALUES]
    sum((p**3).sum() for p in parameters).backward()
    return [*parameters, minidl.tensor([1.0], requires_grad=True)]  # the last has no gradient


def theirs() -> list[Any]:
    torch = pytest.importorskip("torch")
    parameters = [torch.tensor(v, requires_grad=True) for v in VALUES]
    sum((p**3).sum() for p in parameters).backward()
    return [*parameters, torch.tensor([1.0], requires_grad=True)]


def assert_equal(p: list[Any], q: list[Any]) -> None:
    for x, y in zip(p[:-1], q[:-1], strict=True):
        assert x.grad.dtype == np.float64
        np.testing.assert_allclose(x.grad.data, y.grad.numpy(), rtol=1e-12)
    assert p[-1].grad is None


@pytest.mark.torch
@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.5, float("inf")])
@pytest.mark.parametrize("max_norm", [0.5, 1e3])
def test_clipping_by_norm_is_torchs(norm_type: float, max_norm: float) -> None:
    torch = pytest.importorskip("torch")
    p, q = ours(), theirs()
    a = utils.clip_grad_norm_(iter(p), max_norm, norm_type)
    b = torch.nn.utils.clip_grad_norm_(q, max_norm, norm_type)
    np.testing.assert_allclose(a.data, b.numpy(), rtol=1e-12)
    assert_equal(p, q)


@pytest.mark.torch
def test_clipping_by_value_is_torchs() -> None:
    torch = pytest.importorskip("torch")
    p, q = ours(), theirs()
    utils.clip_grad_value_(p, 0.7)
    torch.nn.utils.clip_grad_value_(q, 0.7)
    assert_equal(p, q)
    assert max(np.abs(x.grad.data).max() for x in p[:-1]) == 0.7


def test_the_norm_after_clipping_is_the_limit_and_the_direction_stays() -> None:
    p = ours()
    before = np.concatenate([x.grad.data.ravel() for x in p[:-1]])
    kept = p[0].grad
    total = utils.clip_grad_norm_(p, 0.1)
    after = np.concatenate([x.grad.data.ravel() for x in p[:-1]])
    assert total.item() == pytest.approx(np.linalg.norm(before))
    assert np.linalg.norm(after) == pytest.approx(0.1, rel=1e-5)
    np.testing.assert_allclose(after / before, (after / before)[0], rtol=1e-12)
    assert kept.data[0, 0] == before[0]  # whoever kept the gradient still has it


def test_large_single_precision_gradients_do_not_overflow() -> None:
    x = minidl.tensor([3e30, 4e30], requires_grad=True)
    (x * x / 2).sum().backward()
    assert utils.clip_grad_norm_(x, 1.0).item() == pytest.approx(5e30)
    np.testing.assert_allclose(x.grad.data, [0.6, 0.8], rtol=1e-6)


def test_a_norm_that_is_not_finite_is_an_error_only_if_asked() -> None:
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    x.grad = minidl.tensor([float("nan"), 1.0])
    with pytest.raises(GraphError, match="is nan, so they cannot be clipped"):
        utils.clip_grad_norm_(x, 1.0, error_if_nonfinite=True)
    assert x.grad.data[1] == 1
    assert np.isnan(utils.clip_grad_norm_(x, 1.0).item())
    assert np.isnan(x.grad.data).all()


def test_no_gradients_have_the_norm_0() -> None:
    assert utils.clip_grad_norm_([minidl.tensor([1.0], requires_grad=True)], 1.0).item() == 0


def test_parameters_go_into_a_vector_and_back() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    vector = utils.parameters_to_vector(model.parameters())
    assert vector.shape == (11,)
    (vector * minidl.arange(11.0)).sum().backward()
    assert model[1].weight.grad.tolist() == [[8, 9]]
    other = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    utils.vector_to_parameters(vector.detach(), other.parameters())
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)
        assert not np.shares_memory(q.data, vector.data)
    with pytest.raises(ShapeError, match=r"a vector of shape \(11,\), got \(10,\)"):
        utils.vector_to_parameters(minidl.zeros(10), other.parameters())
