"""Gradients without elements, without numbers, or that are not finite, clipped as PyTorch clips them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn

GRADIENTS: tuple[list[Any], ...] = (
    [],
    [np.zeros((0, 3))],
    [np.array(-3.0), np.array([1.0, -2.0])],
    [np.zeros((2, 0)), np.array([[3.0, 4.0]])],
    [np.zeros(3), np.zeros(2)],
    [np.array([np.inf, 1.0])],
    [np.array([np.nan, 1.0]), np.ones(2)],
)


def clipped(library: Any, gradients: list[Any], norm_type: float, max_norm: float) -> list[Any]:
    parameters = [library.nn.Parameter(library.tensor(np.zeros_like(g))) for g in gradients]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = library.tensor(g)
    total = library.nn.utils.clip_grad_norm_(parameters, max_norm, norm_type)
    return [np.asarray(t.data) for t in (total, *(p.grad for p in parameters))]


@pytest.mark.torch
@pytest.mark.parametrize("gradients", GRADIENTS, ids=str)
@pytest.mark.parametrize("max_norm", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, float("inf")])
def test_clipping_at_the_edges_is_pytorchs(gradients: list[Any], max_norm: float, norm_type: float) -> None:
    torch = pytest.importorskip("torch")
    found = clipped(minidl, gradients, norm_type, max_norm)
    if norm_type == float("inf") and any(g.size == 0 for g in gradients):
        assert found[0] == max([0.0, *(np.abs(g).max() for g in gradients if g.size)]), "where PyTorch refuses"
        return
    for a, b in zip(found, clipped(torch, gradients, norm_type, max_norm), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
        assert a.dtype == b.dtype


@pytest.mark.parametrize("norm_type", [-1.0, 0.0, -float("inf"), float("inf")])
def test_what_has_no_elements_counts_in_no_norm(norm_type: float) -> None:
    empty, full = minidl.zeros(0, 2), minidl.tensor([3.0, -4.0])
    alone = nn.utils.get_total_norm([full], norm_type)
    assert nn.utils.get_total_norm([empty, full], norm_type).item() == alone.item()
    assert nn.utils.get_total_norm([empty], norm_type).item() == 0.0
