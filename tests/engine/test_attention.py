"""Attention: masks, queries that see nothing, and the weights it hands out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
import minidl.nn.functional as F
from minidl import tensor

RNG = np.random.default_rng(0)
SEES = np.array([[True, False, True, True], [False, False, False, False], [True, True, True, True]])


def inputs(*lead: int) -> list[Any]:
    return [tensor(RNG.normal(size=(*lead, *s)), requires_grad=True) for s in ((3, 5), (4, 5), (4, 2))]


def test_is_softmax_of_the_scaled_products_times_the_values() -> None:
    q, k, v = inputs(2)
    weights = minidl.softmax(q @ k.mT / np.sqrt(5.0), -1)
    np.testing.assert_allclose(F.scaled_dot_product_attention(q, k, v).data, (weights @ v).data, rtol=1e-12)


def test_the_order_of_the_keys_does_not_matter() -> None:
    q, k, v = inputs()
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(
        F.scaled_dot_product_attention(q, k[order], v[order]).data,
        F.scaled_dot_product_attention(q, k, v).data,
        rtol=1e-12,
    )


@pytest.mark.parametrize("mask", [SEES, np.where(SEES, 0.0, -np.inf)], ids=["truth values", "numbers"])
def test_a_query_that_sees_nothing_gets_zeros_and_sends_no_gradient(mask: Any) -> None:
    q, k, v = inputs()
    out = F.scaled_dot_product_attention(q, k, v, tensor(mask))
    assert not out.data[1].any()
    grads = [d.data for d in minidl.grad(out, [q, k, v], tensor(RNG.normal(size=out.shape)))]
    assert all(np.isfinite(d).all() for d in grads)
    assert not grads[0][1].any()
    second = minidl.grad(out, q, tensor(np.ones(out.shape)), create_graph=True)[0]
    assert np.isfinite(minidl.grad(second.sum(), k)[0].data).all()


def test_a_hidden_key_has_no_influence() -> None:
    q, k, v = inputs()
    out = F.scaled_dot_product_attention(q, k, v, tensor(np.array([[True, False, True, True]])))
    for d in minidl.grad(out, [k, v], tensor(RNG.normal(size=out.shape))):
        assert not d.data[1].any()
        assert d.data[0].all()


def test_the_past_does_not_see_the_future() -> None:
    q, k, v = (tensor(RNG.normal(size=(4, 3)), requires_grad=True) for _ in range(3))
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    np.testing.assert_allclose(out.data[0], v.data[0])
    (pull,) = minidl.grad(out[1].sum(), v)
    assert pull.data[:2].all()
    assert not pull.data[2:].any()


def test_dropped_weights_are_drawn_from_the_generator() -> None:
    q, k, v = inputs()
    first, again, other = (
        F.scaled_dot_product_attention(q, k, v, dropout_p=0.5, generator=minidl.Generator(seed)).data
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert not F.scaled_dot_product_attention(q, k, v, dropout_p=1.0).data.any()


@pytest.mark.torch
@pytest.mark.parametrize("lead", [(), (2,), (2, 3), (0,)], ids=str)
@pytest.mark.parametrize(
    "how",
    [
        {"is_causal": True},
        {"scale": -0.3},
        {"scale": 0.0},
        {"attn_mask": SEES},
        {"attn_mask": SEES[:, :1]},
        {"attn_mask": np.where(SEES, RNG.normal(size=(3, 4)), -np.inf)},
    ],
    ids=str,
)
def test_agrees_with_torch(lead: tuple[int, ...], how: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    arrays = [x.data for x in inputs(*lead)]
    g = RNG.normal(size=(*lead, 3, 2))
    results = []
    for lib, function, differentiate in (
        (minidl, F.scaled_dot_product_attention, minidl.grad),
        (torch, torch.nn.functional.scaled_dot_product_attention, torch.autograd.grad),
    ):
        xs = [lib.tensor(a, requires_grad=True) for a in arrays]
        given = {name: lib.tensor(value) if isinstance(value, np.ndarray) else value for name, value in how.items()}
        y = function(*xs, **given)
        results.append([y, *differentiate(y, xs, lib.tensor(g))])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-8, atol=1e-10)
