"""Every optimizer beside PyTorch's on random options, shapes and events: groups, late parameters, exchanged states."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.training import load_checkpoint, save_checkpoint

pytestmark = pytest.mark.torch

STEPS = 24
SHAPES: list[tuple[int, ...]] = [(3, 4), (5,), (), (0,), (2, 0, 3), (7, 1, 2)]

DECAY = {"weight_decay": [0, 0.01, 0.5], "maximize": [True, False]}
RATE = {"lr": [0.0, 1e-3, 0.05, 1]}
ADAM = {**RATE, **DECAY, "betas": [(0.9, 0.999), (0.5, 0.9), (0.0, 0.0), [0.8, 0.9]], "eps": [1e-8, 1e-3, 1]}
CHOICES: dict[str, dict[str, list[Any]]] = {
    "SGD": {**RATE, **DECAY, "momentum": [0, 0.5, 0.9, 1.0], "dampening": [0, 0.3, 1.0], "nesterov": [True, False]},
    "Adam": {**ADAM, "amsgrad": [True, False], "decoupled_weight_decay": [True, False]},
    "AdamW": {**ADAM, "amsgrad": [True, False]},
    "NAdam": {**ADAM, "momentum_decay": [0, 4e-3, 0.1], "decoupled_weight_decay": [True, False]},
    "RAdam": {**ADAM, "decoupled_weight_decay": [True, False]},
    "Adamax": ADAM,
    "RMSprop": {
        **RATE,
        **DECAY,
        "alpha": [0.5, 0.99],
        "eps": [1e-8, 1e-2],
        "momentum": [0, 0.9],
        "centered": [True, False],
    },
    "Adagrad": {**RATE, **DECAY, "lr_decay": [0, 0.1, 1], "eps": [1e-10, 0.1]},
    "Adadelta": {"lr": [0.0, 0.5, 1], **DECAY, "rho": [0.0, 0.5, 0.9], "eps": [1e-6, 1e-2]},
}


def options_of(name: str, chance: random.Random) -> dict[str, Any]:
    chosen = {k: chance.choice(v) for k, v in CHOICES[name].items() if chance.random() < 0.6}
    if chosen.get("nesterov"):
        chosen |= {"momentum": 0.9, "dampening": 0}
    return chosen


def to_torch(torch: Any, state: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A state as PyTorch has it, after it has been a checkpoint."""
    save_checkpoint(folder, {"step": 0, "optimizer": state})
    saved = load_checkpoint(folder)["optimizer"]
    tensors = {number: {k: torch.tensor(v) for k, v in s.items()} for number, s in saved["state"].items()}
    return {"state": tensors, "param_groups": saved["param_groups"]}


@pytest.mark.parametrize("seed", range(7))
@pytest.mark.parametrize("name", CHOICES)
def test_every_step_is_torchs(name: str, seed: int, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    chance, rng = random.Random(f"{name} {seed}"), np.random.default_rng(seed)
    options, own = options_of(name, chance), options_of(name, chance)
    if own.get("nesterov", options.get("nesterov")):
        own |= {"momentum": 0.9, "dampening": 0}
    values = [np.asarray(rng.normal(size=shape)) for shape in SHAPES]
    p = [nn.Parameter(np.array(v, order="F")) for v in values]
    q = [torch.tensor(v, requires_grad=True) for v in values]

    def make(kind: Any, parameters: list[Any], first: Any, second: Any) -> Any:
        return kind([{"params": parameters[:3]}, {"params": parameters[3:6], **second}], **first)

    ours, theirs = getattr(optim, name), getattr(torch.optim, name)
    a, b = make(ours, p, options, own), make(theirs, q, options, own)
    adds, lowers, comes, goes = (chance.random() < 0.5 for _ in range(4))
    for step in range(STEPS):
        if step == 6 and adds and name != "Adagrad":  # PyTorch's fails at a late parameter
            p.append(minidl.ones(2, 2, dtype=minidl.float64, requires_grad=True))
            q.append(torch.ones(2, 2, dtype=torch.float64, requires_grad=True))
            for optimizer, late in ((a, p[-1]), (b, q[-1])):
                optimizer.add_param_group({"params": late, "lr": 0.02})
        if step == 9 and lowers:
            for group in (*a.param_groups, *b.param_groups):
                group["lr"] = 0.3 * group["lr"] + 1e-3
        if step == 13 and comes:
            a = ours([{"params": group["params"]} for group in a.param_groups])
            a.load_state_dict(b.state_dict())
        if step == 17 and goes:
            b = theirs([{"params": group["params"]} for group in b.param_groups])
            b.load_state_dict(to_torch(torch, a.state_dict(), tmp_path))
        size = 10.0 ** rng.integers(-3, 3)
        for x, y in zip(p, q, strict=True):
            slope = np.asarray(size * rng.normal(size=x.shape))
            x.grad, y.grad = (minidl.tensor(slope), torch.tensor(slope)) if rng.random() > 0.2 else (None, None)
        a.step()
        b.step()
        # PyTorch keeps the product of NAdam's momenta in single precision.
        tolerance = 1e-6 if name == "NAdam" else 1e-10
        for x, y in zip(p, q, strict=True):
            np.testing.assert_allclose(x.data, y.detach().numpy(), rtol=tolerance, atol=tolerance)
