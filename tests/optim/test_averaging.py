"""Averages of weights: EMA and SWA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.errors import UsageError
from minidl.optim import swa_utils


class WithBuffer(nn.Module):
    """A parameter and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(minidl.tensor([1.0, 2.0], dtype=minidl.float64))
        self.register_buffer("mean", minidl.tensor([0.0], dtype=minidl.float64))

    def forward(self, x: Any) -> Any:
        return x * self.weight + self.mean


def change(model: Any, k: int) -> None:
    model.weight.data = np.array([1.0 + k, 2.0 - 0.5 * k**2])
    model.mean.data = np.array([3.0 * k])


RULES: dict[str, Any] = {
    "plain": lambda m: {},
    "ema": lambda m: {"avg_fn": m.get_ema_avg_fn(0.7)},
    "swa": lambda m: {"avg_fn": m.get_swa_avg_fn(), "use_buffers": True},
    "all ema": lambda m: {"multi_avg_fn": m.get_ema_multi_avg_fn(0.7), "use_buffers": True},
    "all swa": lambda m: {"multi_avg_fn": m.get_swa_multi_avg_fn()},
}


@pytest.mark.torch
@pytest.mark.parametrize("name", RULES)
def test_averages_are_torchs(name: str) -> None:
    torch = pytest.importorskip("torch")

    class Other(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor([1.0, 2.0], dtype=torch.float64))
            self.register_buffer("mean", torch.tensor([0.0], dtype=torch.float64))

    model, other = WithBuffer(), Other()
    mean = swa_utils.AveragedModel(model, **RULES[name](swa_utils))
    reference = torch.optim.swa_utils.AveragedModel(other, **RULES[name](torch.optim.swa_utils))
    for k in range(5):
        change(model, k)
        with torch.no_grad():
            other.weight.copy_(torch.tensor(model.weight.data))
            other.mean.copy_(torch.tensor(model.mean.data))
        mean.update_parameters(model)
        reference.update_parameters(other)
    expected = {key: value.numpy() for key, value in reference.state_dict().items()}
    found = mean.state_dict()
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        # PyTorch's plain mean of all tensors at once weighs in single precision.
        np.testing.assert_allclose(found[key], value, rtol=1e-7 if name == "all swa" else 1e-14)


def test_an_average_is_saved_and_goes_on(tmp_path: Path) -> None:
    from minidl.training import load_checkpoint, save_checkpoint

    model = WithBuffer()
    ema = optim.EMA(model, decay=0.9)
    for k in range(4):
        change(model, k)
        ema.update_parameters(model)
    save_checkpoint(tmp_path, {"step": 4, "ema": ema.state_dict()})
    restored = optim.EMA(model, decay=0.9)
    restored.load_state_dict(load_checkpoint(tmp_path)["ema"])
    change(model, 7)
    for average in (ema, restored):
        average.update_parameters(model)
    np.testing.assert_array_equal(ema.module.weight.data, restored.module.weight.data)
    assert restored.n_averaged.item() == 5


def test_the_average_leaves_the_model_alone_and_follows_no_step_by_itself() -> None:
    model = WithBuffer()
    ema = optim.EMA(model, decay=0.5)
    ema.update_parameters(model)
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    model(minidl.tensor([1.0, 1.0], dtype=minidl.float64)).sum().backward()
    optimizer.step()
    assert model.weight.tolist() == [0, 1]
    assert ema.module.weight.tolist() == [1, 2]
    ema.update_parameters(model)
    assert ema.module.weight.tolist() == [0.5, 1.5]
    assert model.weight.tolist() == [0, 1]


def test_rules_are_checked() -> None:
    with pytest.raises(UsageError, match="decay must be from 0 to 1"):
        optim.EMA(WithBuffer(), decay=1.5)
    with pytest.raises(UsageError, match="not both"):
        swa_utils.AveragedModel(
            WithBuffer(), avg_fn=swa_utils.get_swa_avg_fn(), multi_avg_fn=swa_utils.get_swa_multi_avg_fn()
        )


@pytest.mark.torch
@pytest.mark.parametrize("options", [{}, {"anneal_epochs": 4, "anneal_strategy": "linear"}, {"anneal_epochs": 0}])
def test_the_rate_of_swa_is_torchs(options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    a = optim.SGD([minidl.tensor(1.0, requires_grad=True)], lr=0.2)
    b = torch.optim.SGD([torch.tensor(1.0, requires_grad=True)], lr=0.2)
    first, second = swa_utils.SWALR(a, 0.05, **options), torch.optim.swa_utils.SWALR(b, 0.05, **options)
    for _ in range(14):
        assert a.param_groups[0]["lr"] == pytest.approx(b.param_groups[0]["lr"], rel=1e-10)
        for thing in (a, b, first, second):
            thing.step()


@pytest.mark.torch
def test_norms_are_measured_anew_as_in_torch() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    batches = [(rng.normal(2, 3, size=(size, 4)).astype(np.float32), 0) for size in (5, 8, 3)]
    model = nn.Sequential(nn.BatchNorm1d(4, momentum=0.3), nn.ReLU(), nn.BatchNorm1d(4))
    other = torch.nn.Sequential(torch.nn.BatchNorm1d(4, momentum=0.3), torch.nn.ReLU(), torch.nn.BatchNorm1d(4))
    model(minidl.tensor(batches[0][0] + 50))  # what was measured so far goes
    model.eval()
    swa_utils.update_bn([batches[0], batches[1][0], [minidl.tensor(batches[2][0])]], model)
    torch.optim.swa_utils.update_bn([torch.tensor(x) for x, _ in batches], other)
    for key, value in other.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[key], value.numpy(), rtol=1e-5, atol=1e-6)
    assert not model.training
    assert [norm.momentum for norm in (model[0], model[2])] == [0.3, 0.1]


def test_a_model_without_norms_is_left_alone() -> None:
    def never() -> Any:
        raise AssertionError("the loader was read")
        yield

    swa_utils.update_bn(never(), nn.Sequential(nn.ReLU()))
