from __future__ import annotations

import numpy as np
import pytest

from minidl import tensor
from minidl.errors import ShapeError, UsageError
from minidl.models import build


@pytest.mark.parametrize(
    ("name", "image_shape", "parameters"),
    [
        ("lenet", (1, 8, 8), 6_090),
        ("lenet", (3, 32, 32), 25_578),
        ("lenet5", (1, 28, 28), 61_706),
        ("mlp", (1, 8, 8), 17_226),
        ("mlp", (1, 28, 28), 109_386),
    ],
)
def test_parameter_counts_and_output_shapes(name: str, image_shape: tuple[int, int, int], parameters: int) -> None:
    model = build(name, image_shape, 10)
    assert sum(parameter.data.size for parameter in model.parameters()) == parameters
    images = np.random.default_rng(0).random((3, *image_shape)).astype(np.float32)
    scores = model(tensor(images))
    assert scores.shape == (3, 10)
    assert scores.dtype == np.float32
    assert scores.requires_grad
    # each image is judged by itself
    np.testing.assert_allclose(model(tensor(images[1:2])).data, scores.data[1:2], rtol=1e-4, atol=1e-5)


def test_lenet5_is_the_network_of_the_table() -> None:
    shapes = {name: parameter.shape for name, parameter in build("lenet5", (1, 28, 28), 10).named_parameters()}
    assert shapes["conv1.weight"] == (6, 1, 5, 5)
    assert shapes["conv2.weight"] == (16, 6, 5, 5)
    assert [shapes[f"fc{i}.weight"] for i in (1, 2, 3)] == [(120, 400), (84, 120), (10, 84)]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match=r"no model 'resnet'; choose one of alexnet, alexnet2012, googlenet, .*, vit_tiny"
    ):
        build("resnet", (1, 8, 8), 10)


def test_images_a_model_cannot_take_are_refused() -> None:
    with pytest.raises(ShapeError, match="28×28 images; these are 8×8"):
        build("lenet5", (1, 8, 8), 10)
    with pytest.raises(ShapeError, match="at least 4×4; got 3×8"):
        build("lenet", (1, 3, 8), 10)


@pytest.mark.torch
@pytest.mark.parametrize(("name", "image_shape"), [("lenet", (1, 8, 8)), ("lenet5", (1, 28, 28)), ("mlp", (1, 8, 8))])
def test_scores_and_gradients_are_pytorchs(name: str, image_shape: tuple[int, int, int]) -> None:
    torch = pytest.importorskip("torch")
    from torch import nn

    from minidl.nn import functional as F

    c = image_shape[0]
    layers = {
        "lenet": lambda: [nn.Conv2d(c, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1),
                          nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10)],
        "lenet5": lambda: [nn.Conv2d(c, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                           nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                           nn.Linear(84, 10)],
        "mlp": lambda: [nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)],
    }  # fmt: skip
    theirs, ours = nn.Sequential(*layers[name]()), build(name, image_shape, 10)
    pairs = list(zip(theirs.parameters(), ours.parameters(), strict=True))
    with torch.no_grad():
        for their, our in pairs:
            their.copy_(torch.from_numpy(our.data.copy()))
    rng = np.random.default_rng(0)
    images, labels = rng.random((8, *image_shape)).astype(np.float32), rng.integers(0, 10, 8)
    their_loss = nn.functional.cross_entropy(theirs(torch.from_numpy(images)), torch.from_numpy(labels))
    their_loss.backward()
    loss = F.cross_entropy(ours(tensor(images)), tensor(labels))
    loss.backward()
    np.testing.assert_allclose(loss.item(), their_loss.item(), rtol=1e-5)
    for their, our in pairs:
        assert our.grad is not None
        np.testing.assert_allclose(our.grad.data, their.grad.numpy(), rtol=1e-3, atol=1e-6)
