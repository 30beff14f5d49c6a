"""What batch normalisation remembers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.errors import ShapeError, UsageError
from minidl.optim.swa_utils import update_bn

RNG = np.random.default_rng(0)
BATCHES = [RNG.normal(3.0, 2.0, (6, 2, 3, 3)), RNG.normal(-1.0, 0.5, (4, 2, 3, 3)), RNG.normal(0.0, 1.0, (5, 2, 3, 3))]


@pytest.mark.torch
@pytest.mark.parametrize("momentum", [0.1, 0.7, None])
@pytest.mark.parametrize("kind", ["BatchNorm2d", "InstanceNorm2d"])
def test_running_statistics_over_several_batches(kind: str, momentum: float | None) -> None:
    torch = pytest.importorskip("torch")
    if kind == "InstanceNorm2d" and momentum is None:
        momentum = 1.0
    options: Any = {"momentum": momentum, "track_running_stats": True}
    ours, theirs = getattr(nn, kind)(2, **options).double(), getattr(torch.nn, kind)(2, **options).double()
    for batch in BATCHES:
        ours(minidl.tensor(batch))
        theirs(torch.tensor(batch))
        for (name, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
            np.testing.assert_allclose(a, b.numpy(), rtol=1e-12, atol=1e-14, err_msg=name)
    x = BATCHES[0]
    np.testing.assert_allclose(
        ours.eval()(minidl.tensor(x)).data, theirs.eval()(torch.tensor(x)).detach().numpy(), rtol=1e-11, atol=1e-12
    )


def test_a_single_value_a_channel_cannot_be_learned_from() -> None:
    with pytest.raises(ShapeError, match="more than 1 value per channel"):
        nn.BatchNorm1d(3)(minidl.ones(1, 3))
    assert nn.BatchNorm1d(3).eval()(minidl.ones(1, 3)).shape == (1, 3)
    assert nn.BatchNorm1d(3)(minidl.ones(1, 3, 2)).shape == (1, 3, 2)
    with pytest.raises(ShapeError, match="more than 1 value per channel"):
        nn.BatchNorm2d(3, track_running_stats=False).eval()(minidl.ones(1, 3, 1, 1))


def test_a_failed_batch_leaves_nothing_behind() -> None:
    layer = nn.BatchNorm1d(3)
    with pytest.raises(ShapeError):
        layer(minidl.ones(1, 3))
    assert layer.num_batches_tracked is not None
    assert layer.num_batches_tracked.item() == 0


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.BatchNorm1d(3), (2, 3, 4, 4), r"wants input \(N, C\) or \(N, C, L\), got \(2, 3, 4, 4\)"),
        (nn.BatchNorm2d(3), (2, 3), r"wants input \(N, C, H, W\)"),
        (nn.BatchNorm3d(3), (2, 3, 4, 4), r"\(N, C, D, H, W\)"),
        (nn.InstanceNorm1d(3), (3,), r"\(N, C, L\) or \(C, L\)"),
        (nn.BatchNorm2d(3), (2, 4, 5, 5), r"\(3,\)|3 channels|\(4,\)"),
        (nn.GroupNorm(2, 4), (2, 6, 5), r"\(6,\)|\(4,\)"),
        (nn.LayerNorm((3, 4)), (3, 5), "must end in normalized_shape"),
        (nn.Softmax2d(), (3, 5), "wants images"),
    ],
)
def test_other_shapes_are_refused(layer: nn.Module, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        layer(minidl.ones(shape))


def network() -> nn.Sequential:
    minidl.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)
    ).double()


def test_recalibration_takes_the_new_datas_statistics() -> None:
    net = network()
    for batch in BATCHES:
        net(minidl.tensor(batch))
    net.eval()
    net[3].train()
    weights = {name: p.data.copy() for name, p in net.named_parameters()}
    new = [minidl.tensor(2 * b + 1) for b in BATCHES]
    modes = [m.training for m in net.modules()]
    assert nn.recalibrate(net, [(x, None) for x in new]) == 3
    assert [m.training for m in net.modules()] == modes
    assert net[1].momentum == 0.1  # type: ignore[attr-defined]
    assert all(np.array_equal(weights[name], p.data) for name, p in net.named_parameters())
    assert all(p.grad is None for p in net.parameters())
    first = [net[0](x).data for x in new]
    expected = np.mean([a.mean((0, 2, 3)) for a in first], 0)
    np.testing.assert_allclose(net.get_buffer("1.running_mean").data, expected, rtol=1e-12)
    variance = np.mean([a.var((0, 2, 3), ddof=1) for a in first], 0)
    np.testing.assert_allclose(net.get_buffer("1.running_var").data, variance, rtol=1e-12)
    assert net.get_buffer("5.num_batches_tracked").item() == 3


def test_recalibration_on_one_batch_standardises_it() -> None:
    """A36: a network that has seen other data gives this batch mean 0 and variance 1 again."""
    layer = nn.BatchNorm2d(2, affine=False).double()
    layer(minidl.tensor(BATCHES[0]))
    shifted = minidl.tensor(BATCHES[0] * 5 + 7)
    off = layer.eval()(shifted).data
    nn.recalibrate(layer, [shifted])
    on = layer(shifted).data
    assert abs(off.mean()) > 1
    assert abs(on.mean()) < 1e-12
    assert on.var() == pytest.approx(1, rel=0.02)


def test_two_ways_to_measure_anew_differ_in_what_runs_as_in_training() -> None:
    """`recalibrate` for data from elsewhere, without dropout; `update_bn`, with it, for weights averaged over training."""
    net = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(1), nn.Sequential(nn.Dropout(0.5)).eval()).train()
    modes = [m.training for m in net.modules()]
    x = minidl.ones(1000, 1)
    nn.recalibrate(net, [x])
    assert net.get_buffer("1.running_var").item() == 0.0
    update_bn([x.data], net)
    assert net.get_buffer("1.running_var").item() == pytest.approx(1.0, abs=0.1)
    assert [m.training for m in net.modules()] == modes
    assert net[1].momentum == 0.1  # type: ignore[attr-defined]


def test_recalibration_without_anything_to_do_is_refused() -> None:
    with pytest.raises(UsageError, match="keeps running statistics"):
        nn.recalibrate(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False)), [])
    layer = nn.BatchNorm1d(2)
    layer(minidl.randn(4, 2))
    before = layer.state_dict()["running_mean"].data.copy()
    with pytest.raises(UsageError, match="no batch"):
        nn.recalibrate(layer, [])
    np.testing.assert_array_equal(layer.state_dict()["running_mean"], before)
    assert layer.training
    assert layer.momentum == 0.1


def test_local_response_normalization_damps_neighbours() -> None:
    """A37: a strong channel weakens those beside it, and no others."""
    x = np.ones((1, 5, 1, 1))
    x[0, 2] = 10.0
    out = nn.LocalResponseNorm(3, alpha=1.0)(minidl.tensor(x)).data.ravel()
    assert out[1] == pytest.approx(1 / (1 + (1 + 1 + 100) / 3) ** 0.75)
    assert out[0] == pytest.approx(1 / (1 + 2 / 3) ** 0.75)
