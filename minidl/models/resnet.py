"""Residual networks for ImageNet: ResNet-18, -34, -50, -101 and -152."""

from __future__ import annotations

from .. import Tensor, nn
from .parts import ImageShape, begin_as_identity, draw_he, norm_named
from .presets import preset


class ResNet(nn.Module):
    """A residual network: a convolution that halves, a pooling that halves, four stages of blocks, a linear layer.

    The sides of a 224×224 image become 112, 56, 56, 28, 14, 7 and, by global average pooling, 1. Weights have
    torchvision's names, so its checkpoints load.

    Args:
        block: `nn.BasicBlock` or `nn.Bottleneck`.
        layers: the number of blocks in each of the four stages.
        image_shape: `(C, H, W)`, the shape of one image.
        classes: the number of classes.
        width: channels of the first stage; each later stage has twice as many.
        norm: "batch", "group", "instance" or "none".
        drop_path: the probability of skipping the last block while training; it grows evenly from 0 before the first.
        zero_init_residual: whether each block begins as the identity, the last γ of its branch being 0.

    Raises:
        UsageError: there is no such normalisation, or `zero_init_residual` has none to set.

    Source: He, Zhang, Ren & Sun, 2016, "Deep residual learning for image recognition".

    >>> from minidl import nn
    >>> len(list(nn.utils.skip_init(ResNet, nn.BasicBlock, (1, 1, 1, 1)).layer4.children()))
    1
    """

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(
        self,
        block: type[nn.BasicBlock] | type[nn.Bottleneck],
        layers: tuple[int, int, int, int],
        image_shape: ImageShape = (3, 224, 224),
        classes: int = 1000,
        *,
        width: int = 64,
        norm: str = "batch",
        drop_path: float = 0.0,
        zero_init_residual: bool = False,
    ) -> None:
        super().__init__()
        make_norm = norm_named(norm)
        self.conv1 = nn.Conv2d(image_shape[0], width, 7, 2, padding=3, bias=norm == "none")
        self.bn1 = make_norm(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels, made = width, 0
        for stage, count in enumerate(layers):
            blocks = []
            for k in range(count):
                made += 1
                stride = 2 if stage > 0 and k == 0 else 1
                share = drop_path * made / sum(layers)
                blocks.append(block(channels, width << stage, stride, norm=make_norm, drop_path=share))
                channels = (width << stage) * block.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)
        draw_he(self)
        if zero_init_residual:
            begin_as_identity(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores `(N, classes)` of images `(N, C, H, W)`."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        scores: Tensor = self.fc(x.mean((2, 3)))
        return scores


def _doc(depth: int, parameters: str) -> str:
    return f"ResNet-{depth} for photographs; {parameters} parameters for ImageNet. The options are `ResNet`'s."


resnet18 = preset(ResNet, nn.BasicBlock, (2, 2, 2, 2), name="resnet18", doc=_doc(18, "11,689,512"))
resnet34 = preset(ResNet, nn.BasicBlock, (3, 4, 6, 3), name="resnet34", doc=_doc(34, "21,797,672"))
resnet50 = preset(ResNet, nn.Bottleneck, (3, 4, 6, 3), name="resnet50", doc=_doc(50, "25,557,032"))
resnet101 = preset(ResNet, nn.Bottleneck, (3, 4, 23, 3), name="resnet101", doc=_doc(101, "44,549,160"))
resnet152 = preset(ResNet, nn.Bottleneck, (3, 8, 36, 3), name="resnet152", doc=_doc(152, "60,192,808"))
