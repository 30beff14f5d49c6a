"""VGG: deep stacks of 3×3 convolutions, with 11, 13, 16 or 19 layers."""

from __future__ import annotations

from .. import Tensor, nn
from .parts import ImageShape, check_side, draw_he, norm_named
from .presets import preset

COUNTS: dict[int, tuple[int, ...]] = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""The number of convolutions of each size, by depth."""


class VGG(nn.Module):
    """Five stacks of 3×3 convolutions of 64, 128, 256, 512 and 512 channels, a maximum after each, three linear layers.

    Two 3×3 convolutions see 5×5 and three see 7×7, with fewer weights and more ReLUs. Weights have torchvision's names, so
    its checkpoints load (`norm="batch"` for those that end in `_bn`).

    Args:
        counts: the number of convolutions in each stack.
        image_shape: `(C, H, W)`, the shape of one image, at least 32×32; 224×224 reaches the linear layers as 7×7, others
            are averaged to that.
        classes: the number of classes.
        norm: "none" as in the paper, "batch", "group" or "instance".
        dropout: the probability of dropping after each of the two hidden linear layers, while training.
        width: what the numbers of channels and hidden units are multiplied by.

    Raises:
        ShapeError: the images are too small.
        UsageError: there is no such normalisation.

    Source: Simonyan & Zisserman, 2015, "Very deep convolutional networks for large-scale image recognition".

    >>> from minidl import nn
    >>> sum(p.data.size for p in nn.utils.skip_init(vgg16).parameters())
    138357544
    """

    def __init__(
        self,
        counts: tuple[int, ...],
        image_shape: ImageShape = (3, 224, 224),
        classes: int = 1000,
        *,
        norm: str = "none",
        dropout: float = 0.5,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        check_side("vgg", image_shape, 32)
        make_norm, channels = norm_named(norm), image_shape[0]
        features: list[nn.Module] = []
        for count, full in zip(counts, (64, 128, 256, 512, 512), strict=True):
            wanted = max(1, round(width * full))
            for _ in range(count):
                features.append(nn.Conv2d(channels, wanted, 3, padding=1))
                features += [] if norm == "none" else [make_norm(wanted)]
                features.append(nn.ReLU())
                channels = wanted
            features.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.flatten = nn.Flatten()
        hidden = max(1, round(width * 4096))
        self.classifier = nn.Sequential(
            nn.Linear(channels * 7 * 7, hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )  # fmt: skip
        draw_he(self)
        for layer in self.classifier:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores `(N, classes)` of images `(N, C, H, W)`."""
        x = self.features(images)
        if x.shape[2:] != (7, 7):
            x = self.avgpool(x)
        scores: Tensor = self.classifier(self.flatten(x))
        return scores


def _doc(depth: int, parameters: str) -> str:
    return f"VGG-{depth} for photographs; {parameters} parameters for ImageNet. The options are `VGG`'s."


vgg11 = preset(VGG, COUNTS[11], name="vgg11", doc=_doc(11, "132,863,336"))
vgg13 = preset(VGG, COUNTS[13], name="vgg13", doc=_doc(13, "133,047,848"))
vgg16 = preset(VGG, COUNTS[16], name="vgg16", doc=_doc(16, "138,357,544"))
vgg19 = preset(VGG, COUNTS[19], name="vgg19", doc=_doc(19, "143,667,240"))
