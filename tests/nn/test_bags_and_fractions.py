"""Bags of words and fractional pooling: what the table of layers cannot say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
import minidl.nn.functional as F
from minidl import nn
from minidl.errors import ShapeError


@pytest.mark.torch
@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_fractional_pooling_with_given_draws_is_pytorchs(axes: int, seed: int) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    shape = (2, 3, *rng.integers(7, 11, axes))
    x = np.round(2 * rng.normal(size=shape))  # with equal numbers, of which the first counts
    draws = rng.random((2, 3, axes))
    options: dict[str, Any] = {"output_size": 4} if seed % 2 else {"output_ratio": tuple(rng.uniform(0.3, 0.7, axes))}
    results = []
    for lib in (minidl, torch):
        kind = getattr(lib.nn, f"FractionalMaxPool{axes}d")
        layer = kind(2 + seed % 2, **options, return_indices=True, _random_samples=lib.tensor(draws))
        assert list(layer.state_dict()) == ["_random_samples"]
        assert repr(layer) == f"FractionalMaxPool{axes}d()"
        given = lib.tensor(x, requires_grad=True)
        values, places = layer(given)
        values.backward(lib.tensor(np.arange(float(np.prod(values.shape))).reshape(values.shape)))
        results.append([np.asarray(t.detach()) for t in (values, places, given.grad)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


def test_fractional_pooling_draws_anew_and_under_a_seed() -> None:
    layer, x = nn.FractionalMaxPool2d(2, output_ratio=0.6), minidl.arange(400.0).reshape(1, 1, 20, 20)
    minidl.manual_seed(0)
    first, second = layer(x).data, layer(x).data
    assert first.shape == (1, 1, 12, 12)
    assert (first != second).any()
    minidl.manual_seed(0)
    assert (layer.eval()(x).data == first).all(), "as in PyTorch, evaluation draws too"
    steps = np.diff(first[0, 0, 0])
    assert set(steps) == {1.0, 2.0}, "a factor between 1 and 2 is made of steps of 1 and 2"
    assert layer(x[0]).shape == (1, 12, 12)
    with pytest.raises(ShapeError, match="_random_samples must be"):
        nn.FractionalMaxPool2d(2, 3, _random_samples=minidl.zeros(1, 1))(x)


def test_maxima_go_back_to_where_they_were() -> None:
    x = minidl.arange(64.0).reshape(1, 1, 8, 8)
    pooled, where = nn.FractionalMaxPool2d(2, 4, return_indices=True)(x)
    back = F.max_unpool2d(pooled, where, 2, output_size=(8, 8)).data
    assert set(np.unique(back)) == {0.0, *pooled.data.ravel()}
    np.testing.assert_array_equal(back[back > 0], x.data[back > 0])


def test_a_bag_is_what_its_words_make() -> None:
    table = nn.Embedding(6, 3, padding_idx=0)
    words = minidl.tensor([[1, 2, 0], [5, 5, 4]])
    for mode, make in (("sum", lambda v: v.sum(0)), ("mean", lambda v: v.mean(0)), ("max", lambda v: v.max(0))):
        bag = nn.EmbeddingBag.from_pretrained(table.weight, mode=mode, padding_idx=0)
        assert not bag.weight.requires_grad
        vectors = table(words).data
        expected = [make(vectors[0, :2]), make(vectors[1])]
        np.testing.assert_allclose(bag(words).data, expected, rtol=1e-6)
        flat = bag(minidl.tensor([1, 2, 0, 5, 5, 4]), offsets=minidl.tensor([0, 3, 6]))
        np.testing.assert_allclose(flat.data, [*expected, np.zeros(3)], rtol=1e-6)


def test_a_table_that_is_there_costs_no_random_numbers() -> None:
    minidl.manual_seed(3)
    before = minidl.rand(1).item()
    minidl.manual_seed(3)
    layers = nn.Embedding.from_pretrained(minidl.ones(4, 2)), nn.EmbeddingBag.from_pretrained(minidl.ones(4, 2))
    assert minidl.rand(1).item() == before
    for layer in layers:
        assert layer.weight.data.all()
        with pytest.raises(ShapeError, match=f"{type(layer).__name__}: the table must have two axes"):
            type(layer).from_pretrained(minidl.ones(4))


def test_the_padding_row_begins_as_zeros_and_learns_nothing() -> None:
    bag = nn.EmbeddingBag(4, 2, mode="mean", padding_idx=-1)
    assert not bag.weight.data[3].any()
    bag(minidl.tensor([[3, 1], [3, 3]])).sum().backward()
    np.testing.assert_array_equal(bag.weight.grad.data, [[0, 0], [1, 1], [0, 0], [0, 0]])
