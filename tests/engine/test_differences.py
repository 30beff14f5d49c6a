"""Every row of the table of permitted differences is true: minidl does the one thing, PyTorch the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import minidl
from minidl.differences import DIFFERENCES

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

CHECKS: dict[str, Callable[[], None]] = {}


def difference(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def enter(check: Callable[[], None]) -> Callable[[], None]:
        CHECKS[name] = check
        return check

    return enter


@difference("data is an array")
def data_is_an_array() -> None:
    assert isinstance(minidl.tensor([1.0]).data, np.ndarray)
    assert torch.is_tensor(torch.tensor([1.0]).data)


@difference("the graph survives backward")
def the_graph_survives() -> None:
    x, t = minidl.tensor(3.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    y, u = x * x, t * t
    y.backward()
    u.backward()
    y.backward()
    assert x.grad.item() == 12
    with pytest.raises(RuntimeError):
        u.backward()


@difference("scalars")
def scalars() -> None:
    assert minidl.scalar(2.0).dtype == np.float64
    assert (minidl.scalar(2.0) * minidl.ones(2)).dtype == np.float32
    assert not hasattr(torch, "scalar")


@difference("no gradient from nothing")
def no_gradient_from_nothing() -> None:
    x, t = minidl.tensor(0.0, requires_grad=True), torch.tensor(0.0, requires_grad=True)
    minidl.where(x > 0, minidl.sqrt(x), 0.0).backward()
    torch.where(t > 0, torch.sqrt(t), 0.0).backward()
    assert x.grad.item() == 0
    assert np.isnan(t.grad.item())


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: row.name)
def test_the_difference_is_real(row) -> None:
    CHECKS[row.name]()


def test_no_check_without_a_row() -> None:
    assert set(CHECKS) == {row.name for row in DIFFERENCES}
