"""GoogLeNet: as torchvision has it, with batch normalisation, and as it won in 2014."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import Tensor, nn
from ..nn import functional as F
from .parts import ImageShape, check_side

BLOCKS: dict[str, tuple[int, int, int, int, int, int, int]] = {
    "inception3a": (192, 64, 96, 128, 16, 32, 32),
    "inception3b": (256, 128, 128, 192, 32, 96, 64),
    "inception4a": (480, 192, 96, 208, 16, 48, 64),
    "inception4b": (512, 160, 112, 224, 24, 64, 64),
    "inception4c": (512, 128, 128, 256, 24, 64, 64),
    "inception4d": (512, 112, 144, 288, 32, 64, 64),
    "inception4e": (528, 256, 160, 320, 32, 128, 128),
    "inception5a": (832, 256, 160, 320, 32, 128, 128),
    "inception5b": (832, 384, 192, 384, 48, 128, 128),
}
"""The channels of each Inception block: in, then as `nn.Inception` takes them. Source: the paper's table 1."""


class GoogLeNetOutputs(NamedTuple):
    """What GoogLeNet with auxiliary heads returns while training: the scores of its end and of two places on the way."""

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


def googlenet_loss(outputs: GoogLeNetOutputs | Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy of the end's scores, and 0.3 times those of the auxiliary heads' where there are any.

    Args:
        outputs: what GoogLeNet returned.
        targets: `(N,)` classes or `(N, classes)` shares.

    >>> import minidl
    >>> scores = minidl.zeros(2, 4)
    >>> round(googlenet_loss(GoogLeNetOutputs(scores, scores, scores), minidl.tensor([0, 1])).item(), 4)  # 1.6 ln 4
    2.2181
    """
    if not isinstance(outputs, GoogLeNetOutputs):
        return F.cross_entropy(outputs, targets)
    end, second, first = (F.cross_entropy(scores, targets) for scores in outputs)
    total: Tensor = end + 0.3 * (first + second)
    return total


class BasicConv2d(nn.Module):
    """A convolution without bias, its batch normalisation, and ReLU."""

    def __init__(self, channels: int, wanted: int, kernel: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, wanted, kernel, stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(wanted, eps=0.001)
        self.relu = nn.ReLU()

    def forward(self, input: Tensor) -> Any:
        """`(N, channels, H, W)` → `(N, wanted, H′, W′)`."""
        return self.relu(self.bn(self.conv(input)))


class Inception(nn.Inception):
    """The Inception block with batch normalisation. Its third view is 3×3, not 5×5, as in torchvision and its weights."""

    def __init__(
        self, in_channels: int, ch1x1: int, ch3x3red: int, ch3x3: int, ch5x5red: int, ch5x5: int, pool_proj: int
    ) -> None:
        nn.Module.__init__(self)
        self.branch1 = BasicConv2d(in_channels, ch1x1, 1)
        self.branch2 = nn.Sequential(BasicConv2d(in_channels, ch3x3red, 1), BasicConv2d(ch3x3red, ch3x3, 3, padding=1))
        self.branch3 = nn.Sequential(BasicConv2d(in_channels, ch5x5red, 1), BasicConv2d(ch5x5red, ch5x5, 3, padding=1))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), BasicConv2d(in_channels, pool_proj, 1))


class _Auxiliary(nn.Module):
    """A small classifier on the way, which brings gradients to the lower half."""

    def __init__(self, classes: int, conv: nn.Module) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(4)
        self.conv = conv
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, input: Tensor) -> Any:
        """`(N, channels, H, W)` → `(N, classes)`."""
        x = self.flatten(self.conv(self.avgpool(input)))
        return self.fc2(self.dropout(self.relu(self.fc1(x))))


class _GoogLeNet(nn.Module):
    """What both share: three convolutions, nine Inception blocks, and a linear layer."""

    maxpool3: nn.MaxPool2d
    maxpool4: nn.MaxPool2d
    inception3a: nn.Inception
    inception3b: nn.Inception
    inception4a: nn.Inception
    inception4b: nn.Inception
    inception4c: nn.Inception
    inception4d: nn.Inception
    inception4e: nn.Inception
    inception5a: nn.Inception
    inception5b: nn.Inception
    aux1: _Auxiliary | None
    aux2: _Auxiliary | None

    def _own_end(self, classes: int, dropout: float) -> None:
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, classes)

    def _stem(self, images: Tensor) -> Any:
        raise NotImplementedError

    def forward(self, images: Tensor) -> Any:
        """Return the scores `(N, classes)` of images `(N, C, H, W)`; with auxiliary heads and in training, all three."""
        x = self.maxpool3(self.inception3b(self.inception3a(self._stem(images))))
        early = x = self.inception4a(x)
        late = x = self.inception4d(self.inception4c(self.inception4b(x)))
        x = self.inception5b(self.inception5a(self.maxpool4(self.inception4e(x))))
        scores = self.fc(self.dropout(x.mean((2, 3))))
        if self.training and self.aux1 is not None and self.aux2 is not None:
            return GoogLeNetOutputs(scores, self.aux2(late), self.aux1(early))
        return scores


class GoogLeNet(_GoogLeNet):
    """GoogLeNet with batch normalisation, whose weights have torchvision's names; 6,624,904 parameters.

    Args:
        image_shape: `(C, H, W)`, the shape of one image, at least 15×15.
        classes: the number of classes.
        dropout: the probability of dropping before the last layer, while training.
        aux_logits: whether there are two auxiliary heads; then it returns `GoogLeNetOutputs` while training.

    Raises:
        ShapeError: the images are too small.

    Source: Szegedy et al., 2015, "Going deeper with convolutions"; Ioffe & Szegedy, 2015, "Batch normalization".

    >>> from minidl import nn
    >>> sum(p.data.size for p in nn.utils.skip_init(GoogLeNet).parameters())
    6624904
    """

    def __init__(
        self,
        image_shape: ImageShape = (3, 224, 224),
        classes: int = 1000,
        *,
        dropout: float = 0.2,
        aux_logits: bool = False,
    ) -> None:
        super().__init__()
        check_side("googlenet", image_shape, 15)
        self.conv1 = BasicConv2d(image_shape[0], 64, 7, 2, 3)
        self.maxpool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = BasicConv2d(64, 64, 1)
        self.conv3 = BasicConv2d(64, 192, 3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.maxpool3 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.maxpool4 = nn.MaxPool2d(2, 2, ceil_mode=True)
        for name, channels in BLOCKS.items():
            setattr(self, name, Inception(*channels))
        for name, wide in (("aux1", 512), ("aux2", 528)):
            head = _Auxiliary(classes, BasicConv2d(wide, 128, 1)) if aux_logits else None
            self.register_module(name, head)
        self._own_end(classes, dropout)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.01)

    def _stem(self, images: Tensor) -> Any:
        return self.maxpool2(self.conv3(self.conv2(self.maxpool1(self.conv1(images)))))


class GoogLeNet2014(_GoogLeNet):
    """GoogLeNet as published, with biases and local response normalisation; 6,998,552 parameters.

    Args:
        image_shape: `(C, H, W)`, the shape of one image, at least 15×15.
        classes: the number of classes.
        dropout: the probability of dropping before the last layer, while training.
        aux_logits: whether there are two auxiliary heads (then 13,378,280 parameters), in which case it returns
            `GoogLeNetOutputs` while training; see `googlenet_loss`.

    Raises:
        ShapeError: the images are too small.

    Source: Szegedy et al., 2015, "Going deeper with convolutions", table 1.

    >>> from minidl import nn
    >>> sum(p.data.size for p in nn.utils.skip_init(GoogLeNet2014, aux_logits=True).parameters())
    13378280
    """

    def __init__(
        self,
        image_shape: ImageShape = (3, 224, 224),
        classes: int = 1000,
        *,
        dropout: float = 0.4,
        aux_logits: bool = False,
    ) -> None:
        super().__init__()
        check_side("googlenet2014", image_shape, 15)
        self.conv1 = nn.Conv2d(image_shape[0], 64, 7, 2, padding=3)
        self.relu = nn.ReLU()
        self.maxpool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.norm1 = nn.LocalResponseNorm(5, 5 * 1e-4, 0.75, 2.0)
        self.conv2 = nn.Conv2d(64, 64, 1)
        self.conv3 = nn.Conv2d(64, 192, 3, padding=1)
        self.norm2 = nn.LocalResponseNorm(5, 5 * 1e-4, 0.75, 2.0)
        self.maxpool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.maxpool3 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.maxpool4 = nn.MaxPool2d(3, 2, ceil_mode=True)
        for name, channels in BLOCKS.items():
            setattr(self, name, nn.Inception(*channels))
        for name, wide in (("aux1", 512), ("aux2", 528)):
            head = _Auxiliary(classes, nn.Sequential(nn.Conv2d(wide, 128, 1), nn.ReLU())) if aux_logits else None
            self.register_module(name, head)
        self._own_end(classes, dropout)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def _stem(self, images: Tensor) -> Any:
        x = self.norm1(self.maxpool1(self.relu(self.conv1(images))))
        return self.maxpool2(self.norm2(self.relu(self.conv3(self.relu(self.conv2(x))))))
