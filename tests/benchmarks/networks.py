"""The networks that the rows train: minidl's own models, and the same ones written for PyTorch.

Both list their parameters in the order in which the images meet them, so the weights are copied one after another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

WIDTHS: Final = (16, 32, 64)


@dataclass(frozen=True)
class Network:
    """One network for both libraries.

    Attributes:
        ours: makes minidl's.
        theirs: makes PyTorch's, from `torch.nn`.
        image: `(C, H, W)` of one image.
    """

    ours: Callable[[], Any]
    theirs: Callable[[Any], Any]
    image: tuple[int, int, int]


def mlp(nn: Any, sizes: tuple[int, ...] = (784, 256, 128, 10)) -> Any:
    """Linear layers with ReLU between them, for either library."""
    layers = [layer for a, b in pairwise(sizes[:-1]) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(*sizes[-2:]))


def lenet(nn: Any) -> Any:
    """LeNet-5 for 28×28 images, for either library."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def resnet(nn: Any, depth: int = 20) -> Any:
    """PyTorch's residual network for 32×32 images of 6n + 2 layers, with shortcuts without weights (option A)."""

    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self, channels: int, wanted: int) -> None:
            super().__init__()
            self.stride, self.added = wanted // channels, wanted - channels
            self.conv1 = nn.Conv2d(channels, wanted, 3, self.stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(wanted)
            self.conv2 = nn.Conv2d(wanted, wanted, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(wanted)

        def forward(self, x: Any) -> Any:
            y = self.bn2(self.conv2(nn.functional.relu(self.bn1(self.conv1(x)))))
            if self.added:
                x = nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
            return nn.functional.relu(x + y)

    class ResNet(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False), nn.BatchNorm2d(WIDTHS[0])
            steps = [width for width in WIDTHS for _ in range(depth // 6)]
            self.blocks = nn.Sequential(*map(Block, [WIDTHS[0], *steps], steps))
            self.fc = nn.Linear(WIDTHS[-1], 10)

        def forward(self, x: Any) -> Any:
            return self.fc(self.blocks(nn.functional.relu(self.bn1(self.conv1(x)))).mean((2, 3)))

    return ResNet()


def vit(nn: Any, dim: int = 96, depth: int = 6, heads: int = 4, patch: int = 4) -> Any:
    """PyTorch's small vision transformer for 32×32 images."""
    import torch

    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.ln_1 = nn.LayerNorm(dim, eps=1e-6)
            self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)
            self.ln_2 = nn.LayerNorm(dim, eps=1e-6)
            self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

        def forward(self, x: Any) -> Any:
            seen = self.ln_1(x)
            x = x + self.attention(seen, seen, seen, need_weights=False)[0]
            return x + self.mlp(self.ln_2(x))

    class Encoder(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.positions = nn.Parameter(torch.zeros(1, 1 + (32 // patch) ** 2, dim))
            self.blocks = nn.Sequential(*(Block() for _ in range(depth)))
            self.norm = nn.LayerNorm(dim, eps=1e-6)

        def forward(self, x: Any) -> Any:
            return self.norm(self.blocks(x + self.positions))

    class Transformer(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Parameter(torch.zeros(1, 1, dim))
            self.patches = nn.Conv2d(3, dim, patch, patch)
            self.encoder = Encoder()
            self.head = nn.Linear(dim, 10)

        def forward(self, images: Any) -> Any:
            x = self.patches(images).flatten(2).transpose(1, 2)
            return self.head(self.encoder(torch.cat([self.token.expand(len(x), 1, dim), x], 1))[:, 0])

    return Transformer()


def _minidl_mlp() -> Any:
    from minidl.models import MLP

    return MLP((1, 28, 28), 10, hidden=(256, 128))


def _minidl_lenet() -> Any:
    from minidl.models import LeNet5

    return LeNet5()


def _minidl_resnet() -> Any:
    from minidl.models.resnet_cifar import CifarResNet

    return CifarResNet(20)


def _minidl_vit() -> Any:
    from minidl import nn
    from minidl.models.vit import vit_tiny

    model = vit_tiny()
    nn.init.normal_(model.heads[0].weight, std=0.02)  # it begins with zeros, which would send no gradient back
    return model


NETWORKS: Final = {
    "mlp": Network(_minidl_mlp, mlp, (1, 28, 28)),
    "lenet": Network(_minidl_lenet, lenet, (1, 28, 28)),
    "resnet20": Network(_minidl_resnet, resnet, (3, 32, 32)),
    "vit": Network(_minidl_vit, vit, (3, 32, 32)),
}


def share_weights(ours: Any, theirs: Any) -> None:
    """Give PyTorch's network the weights of minidl's.

    Raises:
        ValueError: they have not the same parameters.
    """
    import torch

    for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        if own.shape != tuple(other.shape):
            raise ValueError(f"the networks differ: {own.shape} beside {tuple(other.shape)}")
        with torch.no_grad():
            other.copy_(torch.from_numpy(own.data.copy()))
