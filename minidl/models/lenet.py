"""Small convolutional networks in the manner of LeNet."""

from __future__ import annotations

from .. import Tensor, nn
from ..errors import ShapeError


class LeNet(nn.Module):
    """A LeNet-style network for small images: two rounds of convolution, ReLU and pooling, then one linear layer.

    For 8×8 digits it has 6,090 parameters: 16·(1·3²+1) = 160, 32·(16·3²+1) = 4,640, and 10·(32·2²+1) = 1,290.

    Args:
        image_shape: `(C, H, W)`, the shape of one image; H and W at least 4.
        classes: the number of classes.

    Raises:
        ShapeError: the images are too small to be halved twice.

    >>> sum(p.data.size for p in LeNet((1, 8, 8), 10).parameters())
    6090
    """

    def __init__(self, image_shape: tuple[int, int, int] = (1, 8, 8), classes: int = 10) -> None:
        super().__init__()
        channels, height, width = image_shape
        if height < 4 or width < 4:
            raise ShapeError(f"lenet halves its images twice, so they must be at least 4×4; got {height}×{width}")
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(32 * (height // 4) * (width // 4), classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores `(N, classes)` of images `(N, C, H, W)`."""
        x = self.pool1(self.relu1(self.conv1(images)))
        x = self.pool2(self.relu2(self.conv2(x)))
        scores: Tensor = self.fc(self.flatten(x))
        return scores


class LeNet5(nn.Module):
    """LeNet-5 for 28×28 images as it is written today, with ReLU and max pooling: 61,706 parameters.

    The original of 1998 had 60,000: its second convolution was sparse and its pooling had weights.

    Args:
        image_shape: `(C, 28, 28)`, the shape of one image.
        classes: the number of classes.

    Raises:
        ShapeError: the images are not 28×28.

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition"
    (1998), figure 2.

    >>> sum(p.data.size for p in LeNet5().parameters())
    61706
    """

    def __init__(self, image_shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10) -> None:
        super().__init__()
        channels, height, width = image_shape
        if (height, width) != (28, 28):
            raise ShapeError(f"lenet5 is made for 28×28 images; these are {height}×{width}. Use lenet or mlp")
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=2)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(120, 84)
        self.relu4 = nn.ReLU()
        self.fc3 = nn.Linear(84, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores `(N, classes)` of images `(N, C, 28, 28)`."""
        x = self.pool1(self.relu1(self.conv1(images)))
        x = self.pool2(self.relu2(self.conv2(x)))
        x = self.relu3(self.fc1(self.flatten(x)))
        scores: Tensor = self.fc3(self.relu4(self.fc2(x)))
        return scores
