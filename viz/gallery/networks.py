"""Architectures: the networks of the lecture notes, drawn from one run each."""

from __future__ import annotations

from typing import Any

import numpy as np

import minidl
from minidl import nn
from minidl.models import MLP, AlexNet2012, GoogLeNet, LeNet, LeNet5, UNet, resnet18, resnet20, vgg16
from minidl.models.googlenet import BLOCKS
from minidl.models.resnet_cifar import PlainBlock
from minidl.models.vit import ViTBlock
from minidl.nn.utils import skip_init

from ..architecture.network import network
from ..drawing.figure import Figure
from ..drawing.theme import Theme
from .exhibit import Exhibit


class NaiveInception(nn.Module):
    """The four views of an Inception block without the 1×1 convolutions that narrow them."""

    def __init__(self, channels: int, ch1x1: int, ch3x3: int, ch5x5: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(channels, ch1x1, 1)
        self.three = nn.Conv2d(channels, ch3x3, 3, padding=1)
        self.five = nn.Conv2d(channels, ch5x5, 5, padding=2)
        self.pool = nn.MaxPool2d(3, 1, 1)

    def forward(self, x: Any) -> Any:
        """`(N, channels, H, W)` → `(N, ch1x1 + ch3x3 + ch5x5 + channels, H, W)`."""
        return minidl.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1)


def alexnet() -> nn.Module:
    """AlexNet in one piece, as lectures count it, for images of 227×227: 62,378,344 parameters."""
    return skip_init(AlexNet2012, groups=1, norm=False)


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


def _block_down(block: nn.Module, theme: Theme) -> Figure:
    return network(block, (1, 16, 32, 32), level="full", direction="TB", show=("parameters",), theme=theme)


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
    Exhibit(
        "network-vgg16",
        "VGG-16",
        lambda theme: network(skip_init(vgg16), (1, 3, 224, 224), theme=theme, title="VGG-16"),
    ),
    Exhibit(
        "network-googlenet",
        "GoogLeNet, with batch normalisation",
        lambda theme: network(skip_init(GoogLeNet), (1, 3, 224, 224), theme=theme, title="GoogLeNet"),
    ),
    Exhibit(
        "network-resnet18",
        "ResNet-18",
        lambda theme: network(skip_init(resnet18), (1, 3, 224, 224), theme=theme, title="ResNet-18"),
    ),
    Exhibit(
        "network-resnet20",
        "A residual network for CIFAR",
        lambda theme: network(skip_init(resnet20), (1, 3, 32, 32), theme=theme, title="ResNet-20"),
    ),
    Exhibit(
        "network-residual-block",
        "A residual block with a projection",
        lambda theme: network(nn.BasicBlock(16, 32, 2), (1, 16, 32, 32), level="full", theme=theme),
    ),
    Exhibit(
        "network-residual-block-down",
        "A residual block, from top to bottom",
        lambda theme: _block_down(nn.BasicBlock(16, 16), theme),
    ),
    Exhibit(
        "network-plain-block",
        "The same two layers without the shortcut",
        lambda theme: _block_down(PlainBlock(16, 16, shortcut=nn.Identity()), theme),
    ),
    Exhibit(
        "network-bottleneck",
        "A bottleneck block, every layer",
        lambda theme: network(nn.Bottleneck(256, 64), (1, 256, 14, 14), level="full", theme=theme),
    ),
    Exhibit(
        "network-inception-naive",
        "An Inception block without narrowing: more than twice the work",
        lambda theme: network(NaiveInception(192, 64, 128, 32), (1, 192, 28, 28), theme=theme),
    ),
    Exhibit(
        "network-inception",
        "An Inception block",
        lambda theme: network(nn.Inception(*BLOCKS["inception3a"]), (1, 192, 28, 28), theme=theme),
    ),
    Exhibit(
        "network-inception-down",
        "An Inception block, from top to bottom",
        lambda theme: network(
            nn.Inception(*BLOCKS["inception3a"]),
            (1, 192, 28, 28),
            direction="TB",
            show=("shapes", "parameters"),
            theme=theme,
        ),
    ),
    Exhibit(
        "network-unet",
        "An hourglass with skips",
        lambda theme: network(UNet(), (1, 1, 64, 64), show=("shapes", "parameters"), theme=theme),
    ),
    Exhibit(
        "network-transformer-block",
        "A block of a vision transformer, on 65 tokens of 96 numbers",
        lambda theme: network(
            ViTBlock(4, 96, 192), (1, 65, 96), show=("parameters", "macs"), direction="TB", theme=theme
        ),
    ),
)
