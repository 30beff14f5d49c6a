"""Modules, optimizers and whole training steps on a device: the CPU's numbers, and where things are."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.data import DataLoader, TensorDataset, digits
from minidl.errors import DeviceError, UsageError
from minidl.models import LeNet, LeNet5
from minidl.nn import functional as F
from minidl.nn.state import load_state, save_state
from minidl.training import Config, Trainer, evaluate, prepare
from minidl.training.checkpoint import load_checkpoint, save_checkpoint

DEVICES = ("cpu", "cuda")


def here(x: Any) -> Any:
    return x.detach().cpu().numpy()


def small() -> nn.Module:
    minidl.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))


def batch(device: str, count: int = 5) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    inputs, labels = rng.standard_normal((count, 3)).astype(np.float32), rng.integers(2, size=count)
    return minidl.tensor(inputs, device=device), minidl.tensor(labels, device=device)


# Modules ------------------------------------------------------------------------------------------------------------------


def test_a_module_moves_with_all_it_holds(simulated_gpu: None) -> None:
    model = small()
    twin = copy.deepcopy(model)
    inputs, labels = batch("cpu")
    F.cross_entropy(model(inputs), labels).backward()
    assert model.cuda() is model
    held = [*model.parameters(), *model.buffers(), *(p.grad for p in model.parameters())]
    assert {x.device for x in held} == {"cuda:0"}
    assert model[1].num_batches_tracked.dtype == np.int64
    there = model.eval()(inputs.cuda())
    np.testing.assert_allclose(here(there), model.cpu()(inputs).detach().numpy(), rtol=2e-6, atol=1e-6)
    assert {x.device for x in (*model.parameters(), *model.buffers())} == {"cpu"}
    assert {x.dtype for x in twin.to("cuda", minidl.float64).parameters()} == {np.dtype(np.float64)}
    assert {x.device for x in twin.parameters()} == {"cuda:0"}
    layer = nn.Linear(2, 2, device="cuda")
    assert layer.weight.device == copy.deepcopy(layer).weight.device == "cuda:0"
    assert nn.BatchNorm1d(3, device="cuda").num_batches_tracked.device == "cuda:0"


def test_weights_are_drawn_on_the_device(simulated_gpu: None) -> None:
    drawn = []
    for device in DEVICES:
        minidl.manual_seed(3)
        drawn.append(here(nn.init.xavier_normal_(minidl.empty(4, 3, device=device))))
    np.testing.assert_array_equal(*drawn)


def test_states_go_from_one_device_to_another(tmp_path: Path, simulated_gpu: None) -> None:
    model, other = small().cuda(), small()
    nn.init.ones_(model[0].weight)
    assert {x.device for x in model.state_dict().values()} == {"cuda:0"}
    other.load_state_dict(model.state_dict())
    assert {x.device for x in other.parameters()} == {"cpu"}
    assert (other[0].weight.data == 1).all()
    nn.init.zeros_(other[0].weight)
    model.load_state_dict(other.state_dict())
    assert model[0].weight.device == "cuda:0"
    assert not here(model[0].weight).any()
    nn.init.ones_(model[0].bias)
    load_state(other, save_state(model, tmp_path / "there.safetensors"))
    assert (other[0].bias.data == 1).all()


# Training -----------------------------------------------------------------------------------------------------------------


def losses(model: nn.Module, optimizer: Any, images: Any, labels: Any, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def handwritten(count: int, device: str, side: int = 8) -> tuple[Any, Any]:
    """Digits, each pixel enlarged and a frame put around them until they are `side` pixels wide."""
    data = digits()
    times = side // 8
    images = data.images[:count].repeat(times, 2).repeat(times, 3)
    edge = (side - 8 * times) // 2
    images = np.pad(images, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    return minidl.tensor(images, device=device), minidl.tensor(data.labels[:count], device=device)


def test_a_step_waits_for_nothing(simulated_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from minidl.kernels.cuda.simulator import driver

    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2)).cuda()
    optimizer = optim.Adam(model.parameters())
    inputs, labels = batch("cuda")

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), labels).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    step()  # constants and layouts are brought once, memory is asked for until there is enough
    step()
    allocated = minidl.cuda.memory_stats()["num_device_alloc"]
    monkeypatch.setattr(driver, "cuMemcpyDtoHAsync", lambda *_: pytest.fail("a value was fetched"))
    monkeypatch.setattr(driver, "cuStreamSynchronize", lambda *_: pytest.fail("the device was waited for"))
    step()
    assert minidl.cuda.memory_stats()["num_device_alloc"] == allocated


OPTIMIZERS = {
    "SGD": lambda params: optim.SGD(params, lr=0.1, momentum=0.9, weight_decay=1e-3),
    "Adam": lambda params: optim.Adam(params, lr=3e-3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_lenet_learns_digits_as_on_the_cpu(name: str, simulated_gpu: None) -> None:
    found = []
    for device in DEVICES:
        minidl.manual_seed(0)
        model = LeNet((1, 8, 8)).to(device)
        found.append(losses(model, OPTIMIZERS[name](model.parameters()), *handwritten(2, device), steps=3))
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-5)
    assert found[0][-1] < found[0][0]


@pytest.mark.exhaustive
def test_lenet5_learns_enlarged_digits_as_on_the_cpu(simulated_gpu: None) -> None:
    found = []
    for device in DEVICES:
        minidl.manual_seed(0)
        model = LeNet5().to(device)
        found.append(losses(model, OPTIMIZERS["Adam"](model.parameters()), *handwritten(2, device, 28), steps=2))
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["SGD", "HeavyBall", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Adagrad", "RMSprop", "Adadelta"]
)
def test_every_rule_changes_parameters_as_on_the_cpu(name: str, simulated_gpu: None) -> None:
    changed = []
    for device in DEVICES:
        rng = np.random.default_rng(2)
        p = minidl.tensor(rng.standard_normal((3, 5)).astype(np.float32), device=device, requires_grad=True)
        optimizer = getattr(optim, name)([p], lr=0.01, weight_decay=0.1)
        for _ in range(3):
            p.grad = minidl.tensor(rng.standard_normal((3, 5)).astype(np.float32), device=device)
            optimizer.step()
        assert p.device.type == device
        changed.append(here(p))
    np.testing.assert_allclose(changed[1], changed[0], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("fused", [True, False])
def test_the_device_has_kernels_for_the_usual_rules(fused: bool, simulated_gpu: None) -> None:
    from minidl.kernels.cuda.simulator import driver

    p = minidl.ones(70, device="cuda", requires_grad=True)
    optimizer = optim.Adam([p], fused=fused)
    p.grad = minidl.ones(70, device="cuda")
    driver.launches.clear()
    optimizer.step()
    assert (driver.launches.count("adam_float32") == 1) == fused


def test_an_optimizer_follows_its_parameters(simulated_gpu: None) -> None:
    model = small()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    inputs, labels = batch("cpu")
    expected = losses(copy_of(model), None, inputs, labels, 0) + losses(model, optimizer, inputs, labels, 2)
    model.cuda()
    expected += losses(model, optimizer, *batch("cuda"), steps=1)
    assert {s["exp_avg"].device for s in optimizer.state.values()} == {"cuda:0"}
    state = optimizer.state_dict()
    model.cpu()
    other = optim.Adam(model.parameters(), lr=0.01)
    other.load_state_dict(state)
    assert all(isinstance(s["exp_avg"], np.ndarray) for s in other.state.values())
    expected += losses(model, other, inputs, labels, 1)
    plain = small()
    np.testing.assert_allclose(
        expected, losses(plain, optim.Adam(plain.parameters(), lr=0.01), inputs, labels, 4), atol=1e-5
    )


def copy_of(model: nn.Module) -> nn.Module:
    return copy.deepcopy(model)


def test_gradients_are_clipped_where_they_are(simulated_gpu: None) -> None:
    clipped = []
    for device in DEVICES:
        p = minidl.tensor([3.0, 4.0, 0.0], device=device, requires_grad=True)
        for order in (2.0, 1.0, minidl.inf):
            p.grad = minidl.tensor([3.0, -4.0, 0.0], device=device)
            norm = nn.utils.clip_grad_norm_(p, 1.0, order)
            clipped.append((device, order, norm.item(), *here(p.grad)))
        p.grad = minidl.tensor([3.0, -4.0, 0.0], device=device)
        nn.utils.clip_grad_value_(p, 1.5)
        clipped.append((device, 0, 0, *here(p.grad)))
    half = len(clipped) // 2
    for a, b in zip(clipped[:half], clipped[half:], strict=True):
        np.testing.assert_allclose(a[1:], b[1:], rtol=1e-6)


def test_batches_come_to_the_model(tmp_path: Path, simulated_gpu: None) -> None:
    inputs, labels = batch("cpu", 8)
    found = []
    for device in DEVICES:
        model = small().to(device)
        loader = DataLoader(TensorDataset(inputs, labels), batch_size=4, pin_memory=True)
        trainer = Trainer(model, F.cross_entropy, optim.SGD(model.parameters(), lr=0.1), loader, loader, epochs=1)
        trainer.run()
        found.append([v for v in trainer.history[0].values() if isinstance(v, float)])
        save_checkpoint(tmp_path, trainer.state_dict())
        assert load_checkpoint(tmp_path)["step"] == 2
        judged = evaluate(model, loader)
        found[-1] += [judged.loss, judged.accuracy]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5, atol=1e-6)
    assert all(x.is_pinned() for x in next(iter(loader)))
    assert not any(x.is_pinned() for x in next(iter(DataLoader(TensorDataset(inputs, labels)))))


def test_a_run_is_prepared_on_the_device(simulated_gpu: None) -> None:
    drawn = []
    for device in DEVICES:
        session = prepare(Config.make(model="mlp", examples=320, ema=0.9), device=device)
        parameters = [*session.trainer.model.parameters(), *session.trainer.judged.parameters()]
        assert {p.device.type for p in parameters} == {device}
        drawn.append(here(parameters[0]))
    np.testing.assert_array_equal(*drawn)


# What a graph is asked ----------------------------------------------------------------------------------------------------


def test_hooks_checkpoints_and_anomalies(simulated_gpu: None) -> None:
    x = minidl.tensor([1.0, 2.0], device="cuda", requires_grad=True)
    seen = []
    x.register_hook(lambda g: seen.append(g.device) or g * 2)  # type: ignore[func-returns-value]
    y = minidl.checkpoint(lambda v: minidl.exp(minidl.sin(v)), x)
    y.retain_grad()
    y.sum().backward()
    np.testing.assert_allclose(here(x.grad), 2 * np.cos([1, 2]) * np.exp(np.sin([1, 2])), rtol=1e-5)
    assert seen == [y.grad.device] == ["cuda:0"]
    with (
        pytest.raises(minidl.errors.GraphError, match="the backward of sqrt sends an infinity"),
        minidl.detect_anomaly(),
    ):
        minidl.sqrt(minidl.tensor([0.0], device="cuda", requires_grad=True)).sum().backward()


def test_gradcheck_on_the_device(simulated_gpu: None) -> None:
    x = minidl.tensor([[0.3, -2.0]], dtype=minidl.float64, device="cuda", requires_grad=True)
    assert minidl.gradcheck(lambda v: minidl.tanh(v) @ v.T, x)
    with pytest.raises(minidl.errors.GraphError, match="disagrees"):
        minidl.gradcheck(lambda v: minidl.tanh(v.detach()) + 0 * v, x)


def test_second_derivatives(simulated_gpu: None) -> None:
    found = []
    for device in DEVICES:
        x = minidl.tensor([0.5, 1.5], device=device, requires_grad=True)
        y = (minidl.softmax(x * x, 0) * minidl.exp(x)).sum()
        (first,) = minidl.grad(y, x, create_graph=True)
        (second,) = minidl.grad((first * first).sum(), x)
        found.append(np.concatenate([here(first), here(second)]))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


def test_a_loss_needs_not_look_at_its_labels(simulated_gpu: None) -> None:
    x = minidl.tensor(np.eye(3, 4, dtype=np.float32), device="cuda", requires_grad=True)
    kept = minidl.tensor([0, -100, 2], device="cuda")
    loss = F.cross_entropy(x, kept, label_smoothing=0.1)
    expected = F.cross_entropy(x.detach().cpu(), kept.cpu(), label_smoothing=0.1)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    wrong = F.cross_entropy(x, minidl.tensor([0, 1, 4], device="cuda"))
    assert np.isnan(wrong.item())
    nothing = F.cross_entropy(x, minidl.tensor([-100] * 3, device="cuda"))
    nothing.backward()
    assert np.isnan(nothing.item())
    assert not here(x.grad).any()
    with pytest.raises(UsageError, match="class 4"):
        F.cross_entropy(x.detach().cpu(), minidl.tensor([0, 1, 4]))
    with pytest.raises(DeviceError, match="weight on cpu"):
        F.cross_entropy(x, kept, weight=minidl.ones(4))
