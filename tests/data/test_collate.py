"""Examples become batches as they do in PyTorch."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.data import default_collate
from minidl.errors import DtypeError, ShapeError, UsageError

Point = namedtuple("Point", "x y")

SAMPLES: list[list[Any]] = [
    [1, 2, 3],
    [1.5, 2.5],
    [True, False],
    ["a", "b"],
    [b"a", b"b"],
    [(np.ones((2, 2), np.float32), 1), (np.zeros((2, 2), np.float32), 2)],
    [[1, 2.0], [3, 4.0]],
    [{"image": np.ones(3), "name": "one"}, {"image": np.zeros(3), "name": "two"}],
    [Point(1, 2.0), Point(3, 4.0)],
    [((1, "a"), {"deep": [1.0]}), ((2, "b"), {"deep": [2.0]})],
    [np.float32(1), np.float32(2)],
    [np.int16(3), np.int16(4)],
    [np.array(5.0)],
]


def plain(value: Any) -> Any:
    """Nested values with every tensor replaced by its dtype, shape and numbers."""
    if hasattr(value, "tolist"):
        return str(value.dtype).rpartition(".")[2], tuple(value.shape), value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value).__name__, [plain(item) for item in value]
    return value


@pytest.mark.torch
@pytest.mark.parametrize("batch", SAMPLES, ids=[str(i) for i in range(len(SAMPLES))])
def test_as_in_pytorch(batch: list[Any]) -> None:
    data = pytest.importorskip("torch.utils.data")
    assert plain(default_collate(batch)) == plain(data.default_collate(batch))


@pytest.mark.torch
def test_tensors_as_in_pytorch() -> None:
    torch = pytest.importorskip("torch")
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    ours = default_collate([(minidl.tensor(row), 0) for row in values])
    theirs = torch.utils.data.default_collate([(torch.tensor(row), 0) for row in values])
    assert plain(ours) == plain(theirs)


def test_gradients_pass_through() -> None:
    rows = [minidl.tensor([1.0, 2.0], requires_grad=True), minidl.tensor([3.0, 4.0], requires_grad=True)]
    (default_collate(rows) * minidl.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert [row.grad.tolist() for row in rows] == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ([], UsageError, "no examples"),
        ([(1, 2), (1,)], UsageError, r"\[1, 2\] fields"),
        ([np.zeros(2), np.zeros(3)], ShapeError, "stack"),
        ([None, None], DtypeError, "NoneType"),
        ([np.array(["a"])], DtypeError, "<U1"),
    ],
)
def test_what_cannot_be_put_together_is_refused(batch: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        default_collate(batch)
