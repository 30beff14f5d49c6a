"""Residual networks for small images such as CIFAR's, of 6n + 2 layers: ResNet-8, -14, -20, -32, -44, -56, -110, -1202."""

from __future__ import annotations

from typing import Any

from .. import Tensor, nn
from ..errors import UsageError
from ..nn import functional as F
from .parts import ImageShape, begin_as_identity, draw_he, norm_named
from .presets import preset

SHORTCUTS = ("pad", "project", "none")


class PaddedShortcut(nn.Module):
    """A shortcut without weights where the shape changes: every second pixel, and zeros for the new channels (option A).

    Args:
        channels: channels in.
        wanted: channels out.
        stride: which pixels remain: every one, or every second one, …

    >>> import minidl
    >>> PaddedShortcut(1, 2, 2)(minidl.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])).tolist()
    [[[[1.0]], [[0.0]]]]
    """

    def __init__(self, channels: int, wanted: int, stride: int) -> None:
        super().__init__()
        self.added = wanted - channels
        self.stride = stride

    def forward(self, input: Tensor) -> Any:
        """`(N, channels, H, W)` → `(N, wanted, H / stride, W / stride)`."""
        return F.pad(input[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))


class PlainBlock(nn.BasicBlock):
    """The two convolutions of a residual block with nothing beside them, to see what the shortcut is worth."""

    def forward(self, input: Tensor) -> Any:
        """`(N, in_channels, H, W)` → `(N, channels, H / stride, W / stride)`."""
        return self.relu(self._changed(input))


class CifarResNet(nn.Module):
    """A residual network for 32×32 images: a convolution, three stages of n blocks, global average pooling, a linear layer.

    6n + 2 layers with weights; sides 32, 16, 8; 16, 32 and 64 channels.

    Args:
        depth: the number of layers, 6n + 2.
        image_shape: `(C, H, W)`, the shape of one image.
        classes: the number of classes.
        width: channels of the first stage; each later stage has twice as many.
        norm: "batch", "group", "instance" or "none".
        shortcut: "pad" (the paper's option A, without weights), "project" (option B, a 1×1 convolution), or "none" for the
            plain network that the paper compares with.
        drop_path: the probability of skipping the last block while training; it grows evenly from 0 before the first.
        dropout: the probability of dropping what the linear layer sees, while training.
        zero_init_residual: whether each block begins as the identity, the last γ of its branch being 0.

    Raises:
        UsageError: the depth is not 6n + 2, there is no such shortcut or normalisation, or an option that needs one has none.

    Source: He, Zhang, Ren & Sun, 2016, "Deep residual learning for image recognition", section 4.2.

    >>> sum(p.data.size for p in CifarResNet(20).parameters())
    269722
    """

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    dropout: nn.Dropout | None

    def __init__(
        self,
        depth: int,
        image_shape: ImageShape = (3, 32, 32),
        classes: int = 10,
        *,
        width: int = 16,
        norm: str = "batch",
        shortcut: str = "pad",
        drop_path: float = 0.0,
        dropout: float = 0.0,
        zero_init_residual: bool = False,
    ) -> None:
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            raise UsageError(f"a residual network for CIFAR has 6n + 2 layers, 8, 14, 20, …; got {depth}")
        if shortcut not in SHORTCUTS:
            raise UsageError(f"there is no shortcut {shortcut!r}; choose one of {', '.join(SHORTCUTS)}")
        if shortcut == "none" and drop_path:
            raise UsageError("drop_path skips a block, which takes a shortcut: with shortcut='none' it must be 0")
        make_norm, count = norm_named(norm), depth // 6
        self.conv1 = nn.Conv2d(image_shape[0], width, 3, padding=1, bias=norm == "none")
        self.bn1 = make_norm(width)
        self.relu = nn.ReLU()
        block = PlainBlock if shortcut == "none" else nn.BasicBlock
        channels = width
        for stage in range(3):
            blocks = []
            for k in range(count):
                stride, wanted = (2 if stage > 0 and k == 0 else 1), width << stage
                share = drop_path * (stage * count + k + 1) / (3 * count)
                passed = _shortcut(shortcut, channels, wanted, stride)
                blocks.append(block(channels, wanted, stride, shortcut=passed, norm=make_norm, drop_path=share))
                channels = wanted
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.register_module("dropout", nn.Dropout(dropout) if dropout else None)
        self.fc = nn.Linear(channels, classes)
        draw_he(self)
        if zero_init_residual:
            begin_as_identity(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores `(N, classes)` of images `(N, C, H, W)`."""
        x = self.layer1(self.relu(self.bn1(self.conv1(images))))
        x = self.layer3(self.layer2(x)).mean((2, 3))
        scores: Tensor = self.fc(x if self.dropout is None else self.dropout(x))
        return scores


def _shortcut(kind: str, channels: int, wanted: int, stride: int) -> nn.Module | None:
    """What a block is to use as its shortcut; None for its own choice."""
    if kind == "none":
        return nn.Identity()
    if kind == "pad" and (stride != 1 or channels != wanted):
        return PaddedShortcut(channels, wanted, stride)
    return None


def _doc(depth: int, parameters: str) -> str:
    return f"ResNet-{depth} for small images; {parameters} parameters for CIFAR-10. The options are `CifarResNet`'s."


resnet8 = preset(CifarResNet, 8, name="resnet8", doc=_doc(8, "75,290"))
resnet14 = preset(CifarResNet, 14, name="resnet14", doc=_doc(14, "172,506"))
resnet20 = preset(CifarResNet, 20, name="resnet20", doc=_doc(20, "269,722"))
resnet32 = preset(CifarResNet, 32, name="resnet32", doc=_doc(32, "464,154"))
resnet44 = preset(CifarResNet, 44, name="resnet44", doc=_doc(44, "658,586"))
resnet56 = preset(CifarResNet, 56, name="resnet56", doc=_doc(56, "853,018"))
resnet110 = preset(CifarResNet, 110, name="resnet110", doc=_doc(110, "1,727,962"))
resnet1202 = preset(CifarResNet, 1202, name="resnet1202", doc=_doc(1202, "19,421,274"))
