"""Architectures, and the names by which the command line knows them.

lenet        `LeNet`, `LeNet5`: small convolutional networks
mlp          `MLP`
alexnet      `AlexNet` (torchvision's), `AlexNet2012` (the paper's)
vgg          `vgg11`, `vgg13`, `vgg16`, `vgg19`
googlenet    `GoogLeNet` (torchvision's, with batch normalisation), `GoogLeNet2014` (the paper's)
resnet       `resnet18` … `resnet152`
resnet_cifar `resnet8` … `resnet1202` for small images, and what they would be without shortcuts
unet         `UNet`: an answer for every pixel
vit          `vit_tiny` for small images, `vit_b_16`, `vit_b_32`, `vit_l_16`, `vit_h_14`
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import nn
from ..errors import UsageError
from .alexnet import AlexNet, AlexNet2012
from .googlenet import GoogLeNet, GoogLeNet2014, GoogLeNetOutputs, googlenet_loss
from .lenet import LeNet, LeNet5
from .mlp import MLP
from .parts import NORMS
from .resnet import ResNet, resnet18, resnet34, resnet50, resnet101, resnet152
from .resnet_cifar import (
    CifarResNet,
    resnet8,
    resnet14,
    resnet20,
    resnet32,
    resnet44,
    resnet56,
    resnet110,
    resnet1202,
)
from .unet import UNet
from .vgg import VGG, vgg11, vgg13, vgg16, vgg19
from .vit import VisionTransformer, vit_b_16, vit_b_32, vit_h_14, vit_l_16, vit_tiny

MODELS: dict[str, Callable[..., nn.Module]] = {
    "lenet": LeNet,
    "lenet5": LeNet5,
    "mlp": MLP,
    "alexnet": AlexNet,
    "alexnet2012": AlexNet2012,
    "googlenet": GoogLeNet,
    "googlenet2014": GoogLeNet2014,
    "unet": UNet,
    "vit_tiny": vit_tiny,
}
MODELS |= {make.__name__: make for make in (vgg11, vgg13, vgg16, vgg19)}
MODELS |= {make.__name__: make for make in (resnet8, resnet14, resnet20, resnet32, resnet44, resnet56, resnet110)}
MODELS |= {make.__name__: make for make in (resnet1202,)}
MODELS |= {make.__name__: make for make in (resnet18, resnet34, resnet50, resnet101, resnet152)}
MODELS |= {make.__name__: make for make in (vit_b_16, vit_b_32, vit_l_16, vit_h_14)}
"""Every architecture by name: each is called with the shape of one image, the number of classes, and options by name."""


def build(name: str, image_shape: tuple[int, int, int], classes: int, **options: Any) -> nn.Module:
    """Return a new model with weights drawn from the default generator.

    Args:
        name: a name in `MODELS`.
        image_shape: `(C, H, W)`, the shape of one image.
        classes: the number of classes.
        options: what else the architecture takes, such as `dropout=0.1`.

    Raises:
        UsageError: there is no such model; the message lists those there are.
        ShapeError: the model cannot take such images.

    >>> build("mlp", (1, 8, 8), 10).training
    True
    """
    if name not in MODELS:
        raise UsageError(f"there is no model {name!r}; choose one of {', '.join(sorted(MODELS))}")
    return MODELS[name](image_shape, classes, **options)


__all__ = [
    "MLP",
    "MODELS",
    "NORMS",
    "VGG",
    "AlexNet",
    "AlexNet2012",
    "CifarResNet",
    "GoogLeNet",
    "GoogLeNet2014",
    "GoogLeNetOutputs",
    "LeNet",
    "LeNet5",
    "ResNet",
    "UNet",
    "VisionTransformer",
    "build",
    "googlenet_loss",
    "resnet8",
    "resnet14",
    "resnet18",
    "resnet20",
    "resnet32",
    "resnet34",
    "resnet44",
    "resnet50",
    "resnet56",
    "resnet101",
    "resnet110",
    "resnet152",
    "resnet1202",
    "vgg11",
    "vgg13",
    "vgg16",
    "vgg19",
    "vit_b_16",
    "vit_b_32",
    "vit_h_14",
    "vit_l_16",
    "vit_tiny",
]
