"""What is taken for the derivative where there is none, or where formulas give 0/0: at kinks, ties, corners and infinities.

One row a case, the numbers as PyTorch gives them; where it is installed the table is compared with it. Where PyTorch gives
NaN there may be a number here.
"""

from __future__ import annotations

from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import pytest

import minidl

INF, NAN = float("inf"), float("nan")


class Row(NamedTuple):
    """One case.

    Attributes:
        name: the operation, below `minidl.` and below `torch.`.
        params: its other arguments.
        inputs: its inputs.
        slopes: the gradient of the sum of its results, one an input.
    """

    name: str
    params: dict[str, Any]
    inputs: list[Any]
    slopes: list[Any]


TABLE = [
    Row("abs", {}, [[-0.0, 0.0]], [[0.0, 0.0]]),
    Row("relu", {}, [[-0.0, 0.0, NAN]], [[0.0, 0.0, 1.0]]),
    Row("nn.functional.relu6", {}, [[0.0, 6.0]], [[0.0, 0.0]]),
    Row("nn.functional.leaky_relu", {"negative_slope": 0.1}, [[0.0]], [[0.1]]),
    Row("nn.functional.prelu", {}, [[0.0], [0.25]], [[0.25], [0.0]]),
    Row("nn.functional.elu", {"alpha": 0.5}, [[0.0]], [[0.5]]),
    Row("nn.functional.selu", {}, [[0.0]], [[1.758099340847]]),
    Row("nn.functional.celu", {"alpha": 0.5}, [[-1000.0, 0.0, 0.5, 1000.0]], [[0.0, 1.0, 1.0, 1.0]]),
    Row(
        "nn.functional.softplus",
        {"beta": 2.0, "threshold": 3.0},
        [[1.0, 1.5, 2.0, 3.5]],
        [[0.880797077978, 0.952574126822, 1.0, 1.0]],
    ),
    Row("nn.functional.hardtanh", {}, [[-1.0, 1.0]], [[0.0, 0.0]]),
    Row(
        "nn.functional.hardtanh",
        {"min_val": -2.0, "max_val": 3.0},
        [[-2.5, -2.0, -1.5, 2.5, 3.0, 3.5]],
        [[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]],
    ),
    Row("nn.functional.hardsigmoid", {}, [[-3.5, -3.0, 3.0, 3.5]], [[0.0, 0.0, 0.0, 0.0]]),
    Row("nn.functional.hardswish", {}, [[-3.5, -3.0, 3.0, 3.5]], [[0.0, 0.0, 1.0, 1.0]]),
    Row("nn.functional.threshold", {"threshold": 0.5, "value": 7.0}, [[0.4, 0.5, 0.6]], [[0.0, 0.0, 1.0]]),
    Row("nn.functional.softshrink", {}, [[-0.5, 0.5]], [[0.0, 0.0]]),
    Row("nn.functional.hardshrink", {}, [[-0.5, 0.5]], [[0.0, 0.0]]),
    Row(
        "maximum",
        {},
        [[1.0, 2.0, 3.0, NAN, 1.0, INF], [2.0, 2.0, 2.0, 1.0, NAN, INF]],
        [[0.0, 0.5, 1.0, 1.0, 1.0, 0.5], [1.0, 0.5, 0.0, 1.0, 1.0, 0.5]],
    ),
    Row(
        "minimum",
        {},
        [[1.0, 2.0, 3.0, NAN, 1.0, -INF], [2.0, 2.0, 2.0, 1.0, NAN, -INF]],
        [[1.0, 0.5, 0.0, 1.0, 1.0, 0.5], [0.0, 0.5, 1.0, 1.0, 1.0, 0.5]],
    ),
    Row(
        "fmax",
        {},
        [[1.0, 2.0, 3.0, NAN, 1.0, NAN], [2.0, 2.0, 2.0, 1.0, NAN, NAN]],
        [[0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]],
    ),
    Row(
        "fmin",
        {},
        [[1.0, 2.0, 3.0, NAN, 1.0, NAN], [2.0, 2.0, 2.0, 1.0, NAN, NAN]],
        [[1.0, 1.0, 0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]],
    ),
    Row("clamp", {"min": -1.0, "max": 1.0}, [[-1.0, 1.0]], [[1.0, 1.0]]),
    Row(
        "clamp",
        {},
        [[1.0, 2.0, 3.0, 4.0, 5.0, 1.0, 2.0], [2.0, 2.0, 2.0, 2.0, 2.0, 1.0, 3.0], [4.0, 4.0, 4.0, 4.0, 4.0, 1.0, 1.0]],
        [[0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0]],
    ),
    Row(
        "clamp",
        {},
        [[1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 2.0, 3.0], [2.0, 2.0, 2.0, 1.0]],
        [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]],
    ),
    Row("clamp_min", {}, [[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]], [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]),
    Row("clamp_max", {}, [[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]], [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    Row(
        "pow",
        {},
        [[0.0, 0.0, 0.0, 2.0, -1.0], [0.0, 1.0, 2.0, 0.0, 0.0]],
        [[0.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.69314718056, NAN]],
    ),
    Row("pow", {"exponent": 0}, [[0.0, 2.0]], [[0.0, 0.0]]),
    Row("pow", {"exponent": 0.5}, [[0.0]], [[INF]]),
    Row("pow", {"exponent": 1.0}, [[0.0]], [[1.0]]),
    Row("sqrt", {}, [[0.0]], [[INF]]),
    Row("log", {}, [[0.0]], [[INF]]),
    Row(
        "xlogy",
        {},
        [[0.0, 0.0, 0.0, 2.0], [0.0, 2.0, -1.0, 0.5]],
        [[0.0, 0.69314718056, 0.0, -0.69314718056], [0.0, 0.0, 0.0, 4.0]],
    ),
    Row("logit", {"eps": 0.25}, [[0.2, 0.25, 0.5, 0.75, 0.8]], [[0.0, 5.333333333333, 4.0, 5.333333333333, 0.0]]),
    Row("copysign", {}, [[0.0, 2.0, -2.0], [1.0, -1.0, -1.0]], [[0.0, -1.0, 1.0], [0.0, 0.0, 0.0]]),
    Row("hypot", {}, [[0.0], [0.0]], [[0.0], [0.0]]),
    Row(
        "amax",
        {"dim": 1},
        [[[2.0, 1.0, 2.0], [0.0, NAN, NAN], [3.0, 4.0, 5.0]]],
        [[[0.5, 0.0, 0.5], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]],
    ),
    Row("atan2", {}, [[0.0], [0.0]], [[0.0], [0.0]]),
    Row("sinc", {}, [[0.0, 1.0]], [[0.0, -1.0]]),
    Row("logaddexp", {}, [[0.0, -INF, 1000.0], [0.0, 0.0, -1000.0]], [[0.5, 0.0, 1.0], [0.5, 1.0, 0.0]]),
    Row("nan_to_num", {}, [[NAN, INF, -INF, 1.0]], [[0.0, 0.0, 0.0, 1.0]]),
    Row("asin", {}, [[1.0]], [[INF]]),
    Row("acos", {}, [[1.0]], [[-INF]]),
    Row("acosh", {}, [[1.0]], [[INF]]),
    Row("amax", {}, [[2.0, 1.0, 2.0]], [[0.5, 0.0, 0.5]]),
    Row("amin", {}, [[1.0, 1.0, 2.0]], [[0.5, 0.5, 0.0]]),
    Row("max", {}, [[2.0, 1.0, 2.0]], [[0.5, 0.0, 0.5]]),
    Row("min", {}, [[1.0, 1.0, 2.0]], [[0.5, 0.5, 0.0]]),
    Row("median", {}, [[2.0, 1.0, 2.0]], [[0.5, 0.0, 0.5]]),
    Row("linalg.vector_norm", {}, [[0.0, 0.0]], [[0.0, 0.0]]),
    Row("linalg.vector_norm", {"ord": 1}, [[0.0, -2.0]], [[0.0, -1.0]]),
    Row("linalg.vector_norm", {"ord": INF}, [[2.0, -2.0]], [[0.5, -0.5]]),
    Row("linalg.vector_norm", {"ord": 3}, [[0.0, 0.0]], [[0.0, 0.0]]),
    Row("linalg.vector_norm", {"ord": -INF}, [[2.0, -2.0]], [[0.5, -0.5]]),
    Row("linalg.vector_norm", {"ord": 0.5}, [[0.0, 1.0]], [[0.0, 1.0]]),
    Row("std", {}, [[2.0, 2.0]], [[0.0, 0.0]]),
    Row("prod", {}, [[0.0, 2.0, 3.0]], [[6.0, 0.0, 0.0]]),
    Row("prod", {}, [[0.0, 2.0, 0.0]], [[0.0, 0.0, 0.0]]),
    Row("cumprod", {"dim": 0}, [[2.0, 0.0, 3.0]], [[1.0, 8.0, 0.0]]),
    Row("cumprod", {"dim": 0}, [[0.0, 0.0, 3.0]], [[1.0, 0.0, 0.0]]),
    Row("cummax", {"dim": 0}, [[1.0, 1.0, 2.0]], [[1.0, 1.0, 1.0]]),
    Row("cummin", {"dim": 0}, [[1.0, 1.0, 2.0]], [[1.0, 2.0, 0.0]]),
    Row("logsumexp", {"dim": 0}, [[-INF, 0.0, 0.0]], [[0.0, 0.5, 0.5]]),
    Row("logcumsumexp", {"dim": 0}, [[-INF, 0.0, 0.0]], [[NAN, 1.5, 0.5]]),
    Row("nn.functional.max_pool1d", {"kernel_size": 2}, [[[[1.0, 1.0, 3.0, 2.0]]]], [[[[1.0, 0.0, 1.0, 0.0]]]]),
    Row(
        "nn.functional.max_pool2d",
        {"kernel_size": 2, "stride": 1},
        [[[[[1.0, 1.0, 0.0], [1.0, 1.0, 2.0]]]]],
        [[[[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]]]],
    ),
    Row("nn.functional.l1_loss", {}, [[1.0], [1.0]], [[0.0], [0.0]]),
    Row(
        "nn.functional.smooth_l1_loss",
        {"beta": 0.5},
        [[0.0, 0.5, -0.5], [0.0, 0.0, 0.0]],
        [[0.0, 0.333333333333, -0.333333333333], [0.0, -0.333333333333, 0.333333333333]],
    ),
    Row(
        "nn.functional.huber_loss",
        {"delta": 2.0},
        [[0.0, 2.0, -2.0], [0.0, 0.0, 0.0]],
        [[0.0, 0.666666666667, -0.666666666667], [0.0, -0.666666666667, 0.666666666667]],
    ),
    Row("nn.functional.hinge_embedding_loss", {}, [[1.0, 0.5], [-1.0, -1.0]], [[-0.5, -0.5], None]),
    Row(
        "nn.functional.margin_ranking_loss",
        {},
        [[1.0, 2.0], [1.0, 1.0], [1.0, -1.0]],
        [[-0.5, 0.5], [0.5, -0.5], [0.0, -0.5]],
    ),
    Row("nn.functional.gaussian_nll_loss", {"eps": 0.5}, [[1.0], [0.0], [0.25]], [[2.0], [-2.0], [-1.0]]),
    Row("nn.functional.triplet_margin_loss", {"margin": 1.0}, [[[0.0]], [[1.0]], [[2.0]]], [[[0.0]], [[0.0]], [[0.0]]]),
]

ROWS = [pytest.param(row, id=f"{row.name}-{i}") for i, row in enumerate(TABLE)]


def slopes(library: Any, grad: Any, row: Row) -> list[Any]:
    """The gradients, None for an input that has none."""
    function = reduce(getattr, row.name.split("."), library)
    inputs = [library.tensor(x, dtype=library.float64, requires_grad=True) for x in row.inputs]
    out = function(*inputs, **row.params)
    out = out[0] if isinstance(out, tuple) else out
    return list(grad(out.sum(), inputs, allow_unused=True))


@pytest.mark.parametrize("row", ROWS)
def test_slopes(row: Row) -> None:
    for found, wanted in zip(slopes(minidl, minidl.grad, row), row.slopes, strict=True):
        found = np.zeros(np.shape(wanted)) if found is None else found.data
        np.testing.assert_allclose(found, np.asarray(wanted or 0.0), rtol=1e-10, atol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("row", ROWS)
def test_the_table_is_pytorchs(row: Row) -> None:
    torch = pytest.importorskip("torch")
    for found, wanted in zip(slopes(torch, torch.autograd.grad, row), row.slopes, strict=True):
        if found is not None:
            expected = np.where(np.isnan(found.numpy()), np.nan, np.asarray(wanted))
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("reduce", "start"), [("amax", 1.0), ("amin", 3.0)])
def test_elements_that_meet_and_tie_share_the_gradient(reduce: str, start: float) -> None:
    x = minidl.tensor([start, 2.0], dtype=minidl.float64, requires_grad=True)
    source = minidl.tensor([2.0, 2.0, 2.0], dtype=minidl.float64, requires_grad=True)
    y = minidl.scatter_reduce(x, 0, minidl.tensor([0, 0, 1]), source, reduce)
    upstream = minidl.tensor([3.0, 5.0], dtype=minidl.float64)
    of_x, of_source = minidl.grad(y, [x, source], upstream)
    assert of_x.tolist() == [0.0, 2.5]
    assert of_source.tolist() == [1.5, 1.5, 2.5]
    assert minidl.autodiff.jvp(y, {source: np.array([1.0, 0.0, 4.0])}).tolist() == [0.5, 2.0]
