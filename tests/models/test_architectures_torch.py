"""The same networks written in PyTorch, with the same weights: the same scores and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, tensor
from minidl.models import MODELS, build
from minidl.models.vit import ViTBlock
from minidl.nn import functional as F

pytestmark = pytest.mark.torch


def resnet_in_torch(torch: Any, depth: int, width: int) -> Any:
    """He's network for CIFAR, option A, with the names that ours has."""

    class Block(torch.nn.Module):  # type: ignore[misc]
        def __init__(self, channels: int, wanted: int, stride: int) -> None:
            super().__init__()
            self.conv1 = torch.nn.Conv2d(channels, wanted, 3, stride, 1, bias=False)
            self.bn1 = torch.nn.BatchNorm2d(wanted)
            self.conv2 = torch.nn.Conv2d(wanted, wanted, 3, 1, 1, bias=False)
            self.bn2 = torch.nn.BatchNorm2d(wanted)
            self.stride, self.added = stride, wanted - channels

        def forward(self, x: Any) -> Any:
            y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
            zeros = torch.zeros(len(x), self.added, *y.shape[2:])
            return (y + torch.cat([x[:, :, :: self.stride, :: self.stride], zeros], 1)).relu()

    class Net(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = torch.nn.Conv2d(3, width, 3, 1, 1, bias=False)
            self.bn1 = torch.nn.BatchNorm2d(width)
            for stage in range(3):
                wide, before = width << stage, width << max(stage - 1, 0)
                blocks = [Block(wide if k else before, wide, 1 if k or not stage else 2) for k in range(depth // 6)]
                setattr(self, f"layer{stage + 1}", torch.nn.Sequential(*blocks))
            self.fc = torch.nn.Linear(4 * width, 10)

        def forward(self, x: Any) -> Any:
            x = self.bn1(self.conv1(x)).relu()
            return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))

    return Net()


def test_a_residual_network_has_pytorchs_scores_gradients_and_statistics() -> None:
    torch = pytest.importorskip("torch")
    minidl.manual_seed(0)
    ours, theirs = build("resnet14", (3, 32, 32), 10, width=4), resnet_in_torch(torch, 14, 4)
    theirs.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in ours.state_dict().items()})
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(6, 3, 32, 32)).astype(np.float32), rng.integers(0, 10, 6)
    their_loss = torch.nn.functional.cross_entropy(theirs(torch.from_numpy(images)), torch.from_numpy(labels))
    their_loss.backward()
    loss = F.cross_entropy(ours(tensor(images)), tensor(labels))
    loss.backward()
    np.testing.assert_allclose(loss.item(), their_loss.item(), rtol=1e-5)
    wanted = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        np.testing.assert_allclose(parameter.grad.data, wanted[name].grad.numpy(), rtol=2e-3, atol=2e-5, err_msg=name)
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(
            np.asarray(ours.state_dict()[name]), value.numpy(), rtol=1e-4, atol=1e-5, err_msg=name
        )


def test_a_transformer_block_is_pytorchs_encoder_layer() -> None:
    torch = pytest.importorskip("torch")
    minidl.manual_seed(0)
    ours = ViTBlock(4, 16, 32)
    theirs = torch.nn.TransformerEncoderLayer(
        16, 4, 32, 0.0, "gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
    )
    names = {"self_attention": "self_attn", "ln_1": "norm1", "ln_2": "norm2", "mlp.0": "linear1", "mlp.3": "linear2"}
    state = {}
    for key, value in ours.state_dict().items():
        start = next(name for name in names if key.startswith(name))
        state[names[start] + key[len(start) :]] = torch.from_numpy(np.array(value))
    theirs.load_state_dict(state)
    tokens = np.random.default_rng(0).normal(size=(3, 5, 16)).astype(np.float32)
    np.testing.assert_allclose(
        ours(tensor(tokens)).data, theirs(torch.from_numpy(tokens)).detach().numpy(), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(("name", "side"), [("alexnet", 64), ("vgg11", 32)])
def test_features_and_classifier_are_pytorchs(name: str, side: int) -> None:
    """The stacks, layer by layer as torchvision has them."""
    torch = pytest.importorskip("torch")
    minidl.manual_seed(0)
    ours = MODELS[name]((3, side, side), 10, width=1 / 16).eval()
    parts = []
    for stack in (ours.features, ours.classifier):
        layers = []
        for layer in stack:
            if isinstance(layer, nn.Conv2d):
                made = torch.nn.Conv2d(*layer.weight.shape[1::-1], layer.kernel_size, layer.stride, layer.padding)
            elif isinstance(layer, nn.Linear):
                made = torch.nn.Linear(layer.in_features, layer.out_features)
            elif isinstance(layer, nn.MaxPool2d):
                made = torch.nn.MaxPool2d(layer.kernel_size, layer.stride)
            else:
                made = torch.nn.ReLU() if isinstance(layer, nn.ReLU) else torch.nn.Identity()
            layers.append(made)
        parts.append(torch.nn.Sequential(*layers))
    for stack, own in zip(parts, (ours.features, ours.classifier), strict=True):
        stack.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in own.state_dict().items()})
    images = np.random.default_rng(0).normal(size=(2, 3, side, side)).astype(np.float32)
    pooled = torch.nn.functional.adaptive_avg_pool2d(
        parts[0](torch.from_numpy(images)), {"alexnet": 6, "vgg11": 7}[name]
    )
    np.testing.assert_allclose(
        ours(tensor(images)).data, parts[1](pooled.flatten(1)).detach().numpy(), rtol=1e-4, atol=1e-6
    )
