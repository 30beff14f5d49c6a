"""What is built on operations (layers, higher derivatives, optimizers, figures) is on a device what it is on the CPU."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import func, nn, optim
from minidl.nn import functional as F

Make = Callable[..., Any]
"""Makes a tensor of the values given, on the device that is looked at."""


def ramp(make: Make, *shape: int) -> Any:
    return make(np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 9)


def curve(v: Any) -> Any:
    return minidl.tanh(v) * v


def whole(v: Any) -> Any:
    return curve(v).sum()


def minimised(name: str) -> Callable[[Make, str], Any]:
    def run(make: Make, device: str) -> Any:
        p = make([1.0, -2.0, 0.5], requires_grad=True)
        optimizer = getattr(optim, name)([p])

        def closure() -> Any:
            optimizer.zero_grad()
            apart = p - 3
            loss = (apart**2).sum()
            if name == "LBFGS":
                loss.backward()
            return (loss, apart) if name == "GaussNewtonCG" else loss

        for _ in range(2):
            optimizer.step(closure)
        return p

    return run


def averaged(make: Make, device: str) -> Any:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).to(device)
    average = optim.swa_utils.AveragedModel(model)
    average.update_parameters(model)
    average.update_parameters(model)
    optim.swa_utils.update_bn([ramp(make, 3, 2)], average)
    return average.module[1].running_mean  # type: ignore[attr-defined]


def attended(make: Make, device: str) -> Any:
    x = ramp(make, 3, 1, 4)
    return nn.MultiheadAttention(4, 2).to(device)(x, x, x, key_padding_mask=make([[False, False, True]]))[0]


def scheduled(make: Make, device: str) -> Any:
    p = make([1.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 1)
    for _ in range(3):
        p.grad = make([1.0])
        optimizer.step()
        scheduler.step()
    return p


def profiled(make: Make, device: str) -> Any:
    x = make([1.0, 2.0], requires_grad=True)
    with minidl.profile() as found:
        (x * x).sum().backward()
    assert "mul" in str(found)
    return x.grad


def written(make: Make, device: str) -> Any:
    x, v = make([3.0, 1.0, 2.0], requires_grad=True), make([5.0, 6.0], requires_grad=True)
    y = x * 1
    y[make([0, 0])] = v
    (y * make([1.0, 2.0, 3.0])).sum().backward()
    return minidl.cat([x.grad, v.grad])


def dropped(make: Make, device: str) -> Any:
    kept = nn.Dropout(0.25).to(device)(minidl.ones(4000, device=device))
    assert sorted(set(kept.tolist())) == pytest.approx([0, 4 / 3])
    return round(kept.mean().item(), 1)


FEATURES: dict[str, Callable[[Make, str], Any]] = {
    "jacobian": lambda make, device: func.jacobian(curve)(make([1.0, 2.0])),
    "jacfwd": lambda make, device: func.jacfwd(curve)(make([1.0, 2.0])),
    "hessian": lambda make, device: func.hessian(whole)(make([1.0, 2.0])),
    "jvp": lambda make, device: func.jvp(curve, (make([1.0, 2.0]),), (make([1.0, 0.5]),))[1],
    "vjp": lambda make, device: func.vjp(curve, make([1.0, 2.0]))[1](make([1.0, 0.5]))[0],
    "hvp": lambda make, device: func.hvp(whole, make([1.0, 2.0]), make([1.0, 3.0]))[1],
    **{name: minimised(name) for name in ("LBFGS", "NewtonCG", "GaussNewtonCG")},
    "averaged weights": averaged,
    "scheduled rates": scheduled,
    "a profile": profiled,
    "repeated writes": written,
    "dropout": dropped,
    "multi-head attention": attended,
    "causal attention": lambda make, device: F.scaled_dot_product_attention(*[ramp(make, 1, 3, 2)] * 3, is_causal=True),
    "a transformer's layer": lambda make, device: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0).to(device)(
        ramp(make, 3, 1, 4)
    ),
    "an embedding": lambda make, device: nn.Embedding(5, 3).to(device)(make([[0, 4], [1, 1]])),
    "batch norm, judging": lambda make, device: nn.BatchNorm2d(2).to(device).eval()(ramp(make, 1, 2, 2, 4)),
    "group norm": lambda make, device: nn.GroupNorm(2, 4).to(device)(ramp(make, 2, 4, 2)),
    "instance norm": lambda make, device: nn.InstanceNorm1d(4, affine=True, track_running_stats=True).to(device)(
        ramp(make, 2, 4, 2) ** 2
    ),
    "a loss with weights": lambda make, device: nn.CrossEntropyLoss(weight=minidl.tensor([2.0, 1.0])).to(device)(
        make([[1.0, -1.0]]), make([1])
    ),
    "a loss of logits": lambda make, device: nn.BCEWithLogitsLoss(pos_weight=minidl.tensor([2.0, 1.0])).to(device)(
        make([[1.0, -1.0]]), make([[1.0, 0.0]])
    ),
    "upsampling": lambda make, device: nn.Upsample(scale_factor=2, mode="bilinear").to(device)(ramp(make, 1, 2, 2, 2)),
    "where of numbers": lambda make, device: minidl.where(make([True, False]), 1.0, 0.0),
    "a pickle": lambda make, device: pickle.loads(pickle.dumps(make([1.0, 2.0]))),
    "numbers one by one": lambda make, device: sum(x.item() for x in make([1.0, 2.0])),
}


@pytest.mark.parametrize("name", FEATURES)
def test_the_device_does_what_the_cpu_does(name: str, simulated_gpu: None) -> None:
    found = []
    for device in ("cpu", "cuda"):

        def make(values: Any, device: str = device, **options: Any) -> Any:
            return minidl.tensor(values, device=device, **options)

        minidl.manual_seed(0)
        result = FEATURES[name](make, device)
        if isinstance(result, minidl.Tensor):
            assert result.device.type == device
            result = result.detach().cpu().numpy()
        found.append(result)
    np.testing.assert_allclose(found[1], found[0], rtol=2e-5, atol=2e-6)


def test_figures_fetch_what_they_show(simulated_gpu: None) -> None:
    import viz
    from minidl.autodiff import backward_steps, forward_steps

    told = []
    for device in ("cpu", "cuda"):
        x = minidl.tensor([1.0, -2.0], device=device, requires_grad=True, name="x")
        w = minidl.tensor([3.0, 4.0], device=device, requires_grad=True, name="w")
        s = (minidl.relu(x * w) * 2 + x).sum()
        steps = [*forward_steps(s), *backward_steps(s)]
        told.append([step.text for step in steps])
        told[-1] += [viz.draw(s).text, viz.draw(s, level="scalar").text, viz.draw_backward(s, names={"s": s}).text]
        told[-1] += [str(viz.derive(s, wrt=x)), *(frame.step for frame in viz.frames(s, collapse=()))]
        told[-1].append(viz.draw_hvp(s * s, {x: minidl.ones(2, device=device)}).text)
    assert told[1] == told[0]
    assert s.device == "cuda:0"


def test_an_architecture_is_run_where_the_model_is(simulated_gpu: None) -> None:
    import viz

    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    expected = viz.network(model, (1, 3)).text
    assert viz.network(model.cuda(), (1, 3)).text == expected
