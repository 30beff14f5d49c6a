"""Small versions of the architectures learn what there is to learn, in seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import optim, tensor
from minidl.data import digits
from minidl.models import build
from minidl.nn import functional as F


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mlp", {"hidden": (32,)}),
        ("lenet", {}),
        ("resnet8", {"width": 4}),
        ("resnet14", {"width": 4, "shortcut": "project", "zero_init_residual": True}),
        ("vit_tiny", {"patch": 2, "dim": 32, "depth": 2}),
    ],
)
def test_small_networks_learn_a_few_digits_by_heart(name: str, options: dict[str, Any]) -> None:
    data = digits()
    images, labels = tensor(data.images[:24]), tensor(data.labels[:24])
    minidl.manual_seed(0)
    model = build(name, (1, 8, 8), 10, **options)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for _ in range(40):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    assert (model(images).data.argmax(axis=1) == labels.data).all()


def test_a_u_net_learns_to_find_edges() -> None:
    images = digits().images[:8]
    inside = (images[:, 0] > 0.5).astype(np.int64)
    edges = inside & ~(np.pad(inside, ((0, 0), (1, 1), (1, 1)))[:, :-2, 1:-1])  # where the pixel above is dark
    minidl.manual_seed(0)
    model = build("unet", (1, 8, 8), 2, width=8)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(tensor(images)), tensor(edges))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
