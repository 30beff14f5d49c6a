"""How weights begin."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.errors import ShapeError, UsageError
from minidl.nn import init


def generator(seed: int = 0) -> minidl.Generator:
    return minidl.Generator(seed)


def test_it_fills_in_place_and_returns_the_tensor() -> None:
    weight = nn.Parameter(minidl.ones(3, 4))
    view = weight.detach()
    assert init.zeros_(weight) is weight
    assert weight.requires_grad
    assert weight.is_leaf
    assert not view.data.any()
    init.ones_(weight[1])
    assert weight.data.sum() == 4
    assert init.normal_(minidl.zeros(2, dtype=minidl.float64)).dtype == np.float64


FILLS: dict[str, tuple[Callable[[Any], Any], float, float | None]] = {
    "uniform": (lambda w: init.uniform_(w, -0.3, 0.1, generator()), 0.4 / math.sqrt(12), 0.3),
    "normal": (lambda w: init.normal_(w, 0.0, 0.3, generator()), 0.3, None),
    "trunc": (lambda w: init.trunc_normal_(w, 0.0, 1.0, -0.01, 0.01, generator()), 0.02 / math.sqrt(12), 0.01),
    "xavier_uniform": (
        lambda w: init.xavier_uniform_(w, 2.0, generator()),
        2 * math.sqrt(2 / 500),
        2 * math.sqrt(6 / 500),
    ),
    "xavier_normal": (lambda w: init.glorot_normal_(w, generator=generator()), math.sqrt(2 / 500), None),
    "kaiming_uniform": (
        lambda w: init.kaiming_uniform_(w, generator=generator()),
        math.sqrt(2 / 300),
        math.sqrt(6 / 300),
    ),
    "kaiming_normal": (
        lambda w: init.he_normal_(w, 0.5, "fan_out", generator=generator()),
        math.sqrt(2 / 1.25 / 200),
        None,
    ),
    "lecun_uniform": (lambda w: init.lecun_uniform_(w, generator()), math.sqrt(1 / 300), math.sqrt(3 / 300)),
    "lecun_normal": (lambda w: init.lecun_normal_(w, generator()), math.sqrt(1 / 300), None),
}


@pytest.mark.parametrize("name", FILLS)
def test_spread_and_bounds(name: str) -> None:
    fill, std, bound = FILLS[name]
    weight = fill(minidl.zeros(200, 300)).data
    assert weight.dtype == np.float32
    assert weight.std() == pytest.approx(std, rel=0.01)
    if bound is not None:
        assert 0.99 * bound < np.abs(weight).max() <= bound * (1 + 1e-6)
    assert (fill(minidl.zeros(200, 300)).data == weight).all(), "the generator decides"


@pytest.mark.torch
def test_gains_fans_and_patterns_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.init
    for name in ("linear", "conv2d", "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert init.calculate_gain(name) == pytest.approx(theirs.calculate_gain(name), rel=1e-15)
    assert init.calculate_gain("leaky_relu", 0.2) == pytest.approx(theirs.calculate_gain("leaky_relu", 0.2), rel=1e-15)
    for shape in ((4, 3), (4, 3, 5), (6, 2, 3, 4)):
        assert init.fans(minidl.zeros(shape)) == theirs._calculate_fan_in_and_fan_out(torch.zeros(shape))
    for shape, groups in (((4, 3, 3), 1), ((6, 2, 3, 4), 3), ((4, 4, 2, 3, 3), 2), ((4, 1, 5), 4)):
        expected = theirs.dirac_(torch.zeros(shape), groups).numpy()
        np.testing.assert_array_equal(init.dirac_(minidl.ones(shape), groups).data, expected)
    np.testing.assert_array_equal(init.eye_(minidl.ones(3, 5)).data, theirs.eye_(torch.ones(3, 5)).numpy())


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("Linear", (300, 200)),
        ("Bilinear", (30, 20, 100)),
        ("Conv2d", (30, 60, 3)),
        ("ConvTranspose2d", (60, 20, 3)),
        ("Embedding", (300, 100)),
        ("MultiheadAttention", (64, 2)),
        ("BatchNorm2d", (7,)),
        ("LayerNorm", (7,)),
        ("PReLU", (3,)),
    ],
)
def test_layers_begin_as_pytorchs_do(name: str, args: Any) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    minidl.manual_seed(0)
    ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    for path, p in ours.named_parameters():
        q = theirs.get_parameter(path).detach().numpy()
        assert p.shape == q.shape
        assert p.data.std() == pytest.approx(q.std(), rel=0.2 if q.size < 1000 else 0.05, abs=1e-12), path
        assert p.data.mean() == pytest.approx(q.mean(), abs=8 * float(q.std()) / math.sqrt(q.size) + 1e-12), path


def test_a_padding_row_begins_as_zeros() -> None:
    assert np.flatnonzero(~nn.Embedding(5, 3, padding_idx=-2).weight.data.any(1)).tolist() == [3]
    table = nn.Embedding.from_pretrained(minidl.ones(4, 2))
    assert not table.weight.requires_grad
    assert table(minidl.tensor([3])).tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (4, 2, 3), (4, 4)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    w = init.orthogonal_(minidl.zeros(shape, dtype=minidl.float64), 2.0, generator()).data.reshape(shape[0], -1)
    small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_orthogonal_matrices_are_drawn_evenly() -> None:
    """Q of a QR decomposition is, where the diagonal of R is positive."""
    drawn = generator().numpy.normal(size=(6, 6))
    w = init.orthogonal_(minidl.zeros(6, 6, dtype=minidl.float64), generator=generator()).data
    assert (np.diag(w.T @ drawn) > 0).all()


def through(fill: Callable[[Any], Any], activation: Callable[[Any], Any]) -> float:
    """The mean square of a signal of 1 after 20 layers of 512 units."""
    minidl.manual_seed(0)
    x = minidl.randn(256, 512)
    for _ in range(20):
        x = activation(x @ fill(minidl.zeros(512, 512)).T)
    return float((x.data.astype(np.float64) ** 2).mean())


def test_twenty_layers_keep_or_lose_the_signal() -> None:
    """FACTS A33: linear 1/n .987, ReLU 1/n of the order of 2⁻²⁰, ReLU 2/n 1.14."""
    assert 0.7 < through(init.lecun_normal_, lambda x: x) < 1.4
    assert 0.3 < through(init.lecun_normal_, minidl.relu) * 2**20 < 3
    assert 0.5 < through(init.kaiming_normal_, minidl.relu) < 2
    assert 0.5 < through(init.he_uniform_, minidl.relu) < 2


def test_sparse_columns() -> None:
    w = init.sparse_(minidl.ones(50, 40), 0.29, 0.5, generator()).data
    assert ((w == 0).sum(0) == 15).all(), "29 % of 50, rounded up, in every column"
    assert len({tuple(np.flatnonzero(column)) for column in w.T}) > 30, "each column has zeros of its own"
    assert w[w != 0].std() == pytest.approx(0.5, rel=0.05)
    with pytest.raises(ShapeError, match="needs a matrix"):
        init.sparse_(minidl.zeros(3), 0.5)


def test_the_aliases_are_the_same_functions() -> None:
    assert init.glorot_uniform_ is init.xavier_uniform_
    assert init.glorot_normal_ is init.xavier_normal_
    assert init.he_uniform_ is init.kaiming_uniform_
    assert init.he_normal_ is init.kaiming_normal_


@pytest.mark.parametrize(
    ("fill", "error", "message"),
    [
        (lambda: init.xavier_normal_(minidl.zeros(3)), ShapeError, r"two axes or more, \(out, in, …\); got \(3,\)"),
        (lambda: init.orthogonal_(minidl.zeros(3)), ShapeError, "two axes"),
        (lambda: init.eye_(minidl.zeros(3)), ShapeError, "needs a matrix"),
        (lambda: init.dirac_(minidl.zeros(3, 3)), ShapeError, "convolution's weight"),
        (lambda: init.dirac_(minidl.zeros(3, 3, 3), 2), ShapeError, "into 2 groups"),
        (lambda: init.kaiming_normal_(minidl.zeros(3, 3), mode="fan"), UsageError, "fan_in or fan_out, got 'fan'"),
        (lambda: init.calculate_gain("softsign"), UsageError, "no nonlinearity 'softsign'; there are linear"),
        (lambda: init.calculate_gain("leaky_relu", True), UsageError, "must be a number, got True"),
        (lambda: init.trunc_normal_(minidl.zeros(3), a=1.0, b=1.0), UsageError, "a < b"),
        (lambda: init.normal_(minidl.zeros(3), std=-1.0), UsageError, "negative"),
        (lambda: init.zeros_(np.zeros(3)), Exception, "expected a tensor"),
    ],
)
def test_what_cannot_be_filled_is_refused(fill: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fill()
