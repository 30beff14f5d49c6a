"""AlexNet: as torchvision has it, and as it won in 2012."""

from __future__ import annotations

from .. import Tensor, nn
from ..errors import ShapeError
from .parts import ImageShape, check_side


class AlexNet(nn.Module):
    """AlexNet in one piece with fewer channels, whose weights have torchvision's names; 61,100,840 parameters.

    Args:
        image_shape: `(C, H, W)`, the shape of one image, at least 63×63.
        classes: the number of classes.
        dropout: the probability of dropping before each of the two hidden linear layers, while training.
        width: what the numbers of channels and hidden units are multiplied by.

    Raises:
        ShapeError: the images are too small.

    Source: Krizhevsky, 2014, "One weird trick for parallelizing convolutional neural networks".

    >>> from minidl import nn
    >>> sum(p.data.size for p in nn.utils.skip_init(AlexNet).parameters())
    61100840
    """

    def __init__(
        self,
        image_shape: ImageShape = (3, 224, 224),
        classes: int = 1000,
        *,
        dropout: float = 0.5,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        check_side("alexnet", image_shape, 63)
        c1, c2, c3, c4, hidden = (max(1, round(width * n)) for n in (64, 192, 384, 256, 4096))
        self.features = nn.Sequential(
            nn.Conv2d(image_shape[0], c1, 11, 4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(c1, c2, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(c2, c3, 3, padding=1), nn.ReLU(),
            nn.Conv2d(c3, c4, 3, padding=1), nn.ReLU(),
            nn.Conv2d(c4, c4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.flatten = nn.Flatten()
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(c4 * 6 * 6, hidden), nn.ReLU(),
            nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, classes),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores `(N, classes)` of images `(N, C, H, W)`."""
        x = self.features(images)
        if x.shape[2:] != (6, 6):
            x = self.avgpool(x)
        scores: Tensor = self.classifier(self.flatten(x))
        return scores


class AlexNet2012(nn.Module):
    """AlexNet as published, with local response normalisation and its second, fourth and fifth convolution in two groups.

    60,965,224 parameters; with `groups=1`, as lectures count it, 62,378,344. The paper prints an image side of 224, which
    leads to a map of 54.25; 227 without padding is what fits. Layers: 96@55, pooled to 27; 256@27, pooled to 13; 384@13;
    384@13; 256@13, pooled to 6; 4096; 4096; classes.

    Args:
        image_shape: `(C, 227, 227)`, the shape of one image.
        classes: the number of classes.
        groups: 2 as the network lay on two GPUs, or 1 for one piece.
        dropout: the probability of dropping before each of the two hidden linear layers, while training.
        norm: whether there is local response normalisation after the first two convolutions (before pooling, as in the
            paper; some later copies have it after).
        width: what the numbers of channels and hidden units are multiplied by.

    Raises:
        ShapeError: the images have another size.

    Source: Krizhevsky, Sutskever & Hinton, 2012, "ImageNet classification with deep convolutional neural networks".

    >>> from minidl import nn
    >>> [sum(p.data.size for p in nn.utils.skip_init(AlexNet2012, groups=g).parameters()) for g in (2, 1)]
    [60965224, 62378344]
    """

    def __init__(
        self,
        image_shape: ImageShape = (3, 227, 227),
        classes: int = 1000,
        *,
        groups: int = 2,
        dropout: float = 0.5,
        norm: bool = True,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        channels, *side = image_shape
        if side != [227, 227]:
            raise ShapeError(f"alexnet2012 is made for 227×227 images; these are {side[0]}×{side[1]}. Use alexnet")
        # Even numbers, so that there are two groups of them.
        c1, c2, c3, c4, hidden = (2 * max(1, round(width * n / 2)) for n in (96, 256, 384, 256, 4096))

        def response() -> list[nn.Module]:
            # The paper multiplies the sum of five squares by α = 1e-4, PyTorch their mean.
            return [nn.LocalResponseNorm(5, 5 * 1e-4, 0.75, 2.0)] if norm else []

        self.features = nn.Sequential(
            nn.Conv2d(channels, c1, 11, 4), nn.ReLU(), *response(), nn.MaxPool2d(3, 2),
            nn.Conv2d(c1, c2, 5, padding=2, groups=groups), nn.ReLU(), *response(), nn.MaxPool2d(3, 2),
            nn.Conv2d(c2, c3, 3, padding=1), nn.ReLU(),
            nn.Conv2d(c3, c3, 3, padding=1, groups=groups), nn.ReLU(),
            nn.Conv2d(c3, c4, 3, padding=1, groups=groups), nn.ReLU(), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.flatten = nn.Flatten()
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(c4 * 6 * 6, hidden), nn.ReLU(),
            nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, classes),
        )  # fmt: skip
        self._draw()

    def _draw(self) -> None:
        """Weights from N(0, 0.01²); biases 1 in the second, fourth and fifth convolution and the hidden linear layers."""
        weighted = [layer for layer in self.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        for k, layer in enumerate(weighted, 1):
            nn.init.normal_(layer.weight, std=0.01)
            assert layer.bias is not None
            nn.init.constant_(layer.bias, 1.0 if k in (2, 4, 5, 6, 7) else 0.0)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores `(N, classes)` of images `(N, C, 227, 227)`."""
        scores: Tensor = self.classifier(self.flatten(self.features(images)))
        return scores
