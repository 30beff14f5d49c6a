"""Architectures: the networks of the lecture notes, drawn from one run each."""

from __future__ import annotations

from typing import Any

import numpy as np

import minidl
from minidl import nn
from minidl.models import MLP, LeNet, LeNet5
from minidl.nn import functional as F

from ..architecture.network import network
from ..drawing.figure import Figure
from ..drawing.theme import Theme
from .exhibit import Exhibit


class Residual(nn.Module):
    """Two convolutions with the input added to what they compute, H = F + x."""

    def __init__(self, channels: int, wanted: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, wanted, 3, stride=stride, padding=1, bias=False)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(wanted, wanted, 3, padding=1, bias=False)
        is_same = stride == 1 and channels == wanted
        self.shortcut = nn.Identity() if is_same else nn.Conv2d(channels, wanted, 1, stride=stride, bias=False)

    def forward(self, x: Any) -> Any:
        """`(N, channels, H, W)` → `(N, wanted, H / stride, W / stride)`."""
        return F.relu(self.conv2(self.relu(self.conv1(x))) + self.shortcut(x))


class ResNet20(nn.Module):
    """Three stages of three residual blocks for CIFAR's images (here without batch normalisation)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.relu = nn.ReLU()
        self.stage1 = nn.Sequential(*(Residual(16, 16) for _ in range(3)))
        self.stage2 = nn.Sequential(Residual(16, 32, 2), Residual(32, 32), Residual(32, 32))
        self.stage3 = nn.Sequential(Residual(32, 64, 2), Residual(64, 64), Residual(64, 64))
        self.fc = nn.Linear(64, 10)

    def forward(self, images: Any) -> Any:
        """`(N, 3, 32, 32)` → `(N, 10)`."""
        x = self.stage3(self.stage2(self.stage1(self.relu(self.conv(images)))))
        return self.fc(x.mean((2, 3)))


class Inception(nn.Module):
    """Block 3a of GoogLeNet: four branches side by side, their channels put together."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(192, 64, 1), nn.ReLU())
        self.three = nn.Sequential(nn.Conv2d(192, 96, 1), nn.ReLU(), nn.Conv2d(96, 128, 3, padding=1), nn.ReLU())
        self.five = nn.Sequential(nn.Conv2d(192, 16, 1), nn.ReLU(), nn.Conv2d(16, 32, 5, padding=2), nn.ReLU())
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(192, 32, 1), nn.ReLU())

    def forward(self, x: Any) -> Any:
        """`(N, 192, H, W)` → `(N, 256, H, W)`."""
        return minidl.cat([branch(x) for branch in (self.one, self.three, self.five, self.pool)], 1)


class UNet(nn.Module):
    """An hourglass whose two halves are joined by skips at every size."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = _two_convolutions(1, 16), _two_convolutions(16, 32)
        self.pool = nn.MaxPool2d(2)
        self.bottom = _two_convolutions(32, 64)
        self.up2, self.up1 = _two_convolutions(96, 32), _two_convolutions(48, 16)
        self.head = nn.Conv2d(16, 2, 1)

    def forward(self, images: Any) -> Any:
        """`(N, 1, H, W)` → `(N, 2, H, W)`."""
        fine = self.down1(images)
        coarse = self.down2(self.pool(fine))
        x = self.bottom(self.pool(coarse))
        x = self.up2(minidl.cat([F.interpolate(x, scale_factor=2), coarse], 1))
        return self.head(self.up1(minidl.cat([F.interpolate(x, scale_factor=2), fine], 1)))


def _two_convolutions(channels: int, wanted: int) -> nn.Sequential:
    first = nn.Conv2d(channels, wanted, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(), nn.Conv2d(wanted, wanted, 3, padding=1), nn.ReLU())


def _at_rest(layer: Any, *shape: int) -> Any:
    """A layer whose weight is all zeros and takes no memory, where only shapes matter."""
    layer.weight = nn.Parameter(np.broadcast_to(np.float32(0), shape))
    layer.bias = nn.Parameter(np.broadcast_to(np.float32(0), shape[:1]))
    return layer


def _conv(channels: int, wanted: int, side: int, stride: int = 1, padding: int = 0) -> Any:
    return _at_rest(nn.Conv2d(1, 1, side, stride, padding), wanted, channels, side, side)


def _linear(features: int, wanted: int) -> Any:
    return _at_rest(nn.Linear(1, 1), wanted, features)


def alexnet() -> nn.Module:
    """AlexNet in one piece, for images of 227×227: 62,378,344 parameters."""
    features: list[nn.Module] = [_conv(3, 96, 11, 4), nn.ReLU(), nn.MaxPool2d(3, 2)]
    features += [_conv(96, 256, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    for channels, wanted in ((256, 384), (384, 384), (384, 256)):
        features += [_conv(channels, wanted, 3, padding=1), nn.ReLU()]
    features.append(nn.MaxPool2d(3, 2))
    return _classifier(features, 256 * 6 * 6)


def vgg16() -> nn.Module:
    """VGG-16: 138,357,544 parameters."""
    features: list[nn.Module] = []
    channels = 3
    for wanted, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            features += [_conv(channels, wanted, 3, padding=1), nn.ReLU()]
            channels = wanted
        features.append(nn.MaxPool2d(2))
    return _classifier(features, 512 * 7 * 7)


def _classifier(features: list[nn.Module], size: int) -> nn.Module:
    head: list[nn.Module] = []
    for wanted in (4096, 4096):
        head += [nn.Dropout(), _linear(size, wanted), nn.ReLU()]
        size = wanted
    head.append(_linear(size, 1000))
    return nn.Sequential(
        {"features": nn.Sequential(*features), "flatten": nn.Flatten(), "classifier": nn.Sequential(*head)}
    )


def _seven() -> Any:
    """A seven, 28×28, drawn with two soft strokes."""
    y, x = np.mgrid[0:28, 0:28]
    bar = np.exp(-(((y - 7) / 1.6) ** 4)) * ((x > 6) & (x < 21))
    stem = np.exp(-(((x - (21 - (y - 7) * 0.5)) / 1.7) ** 4)) * ((y > 6) & (y < 24))
    return np.maximum(bar, stem).astype(np.float32)[None, None]


def _lenet5_with_pictures(theme: Theme) -> Figure:
    state = minidl.get_rng_state()
    minidl.manual_seed(1)
    model = LeNet5()
    minidl.set_rng_state(state)
    return network(model, _seven(), activations=True, kernels=True, theme=theme)


EXHIBITS: tuple[Exhibit, ...] = (
    Exhibit("network-lenet5", "LeNet-5", lambda theme: network(LeNet5(), (1, 1, 28, 28), theme=theme)),
    Exhibit(
        "network-lenet5-full",
        "LeNet-5, every layer",
        lambda theme: network(LeNet5(), (1, 1, 28, 28), level="full", theme=theme),
    ),
    Exhibit("network-lenet5-pictures", "LeNet-5 with its kernels and what they see", _lenet5_with_pictures),
    Exhibit(
        "network-lenet", "The network that learns the digits", lambda theme: network(LeNet(), (1, 1, 8, 8), theme=theme)
    ),
    Exhibit(
        "network-mlp", "A multilayer perceptron", lambda theme: network(MLP(), (1, 1, 8, 8), level="full", theme=theme)
    ),
    Exhibit(
        "network-alexnet", "AlexNet", lambda theme: network(alexnet(), (1, 3, 227, 227), theme=theme, title="AlexNet")
    ),
    Exhibit("network-vgg16", "VGG-16", lambda theme: network(vgg16(), (1, 3, 224, 224), theme=theme, title="VGG-16")),
    Exhibit(
        "network-resnet20",
        "A residual network for CIFAR",
        lambda theme: network(ResNet20(), (1, 3, 32, 32), theme=theme),
    ),
    Exhibit(
        "network-residual-block",
        "A residual block with a projection",
        lambda theme: network(Residual(16, 32, 2), (1, 16, 32, 32), level="full", theme=theme),
    ),
    Exhibit(
        "network-residual-block-down",
        "A residual block, from top to bottom",
        lambda theme: network(Residual(16, 16), (1, 16, 32, 32), level="full", direction="TB", theme=theme),
    ),
    Exhibit(
        "network-inception", "An Inception block", lambda theme: network(Inception(), (1, 192, 28, 28), theme=theme)
    ),
    Exhibit(
        "network-inception-down",
        "An Inception block, from top to bottom",
        lambda theme: network(
            Inception(), (1, 192, 28, 28), direction="TB", show=("shapes", "parameters"), theme=theme
        ),
    ),
    Exhibit(
        "network-unet",
        "An hourglass with skips",
        lambda theme: network(UNet(), (1, 1, 64, 64), show=("shapes", "parameters"), theme=theme),
    ),
)
