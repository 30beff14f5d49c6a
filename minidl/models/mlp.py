"""The multilayer perceptron."""

from __future__ import annotations

from .. import Tensor, nn


class MLP(nn.Module):
    """A multilayer perceptron with two hidden layers of 128 and 64 units, which sees an image as one long vector.

    For 8×8 digits it has 17,226 parameters.

    Args:
        image_shape: `(C, H, W)`, the shape of one image.
        classes: the number of classes.

    >>> sum(p.data.size for p in MLP((1, 8, 8), 10).parameters())
    17226
    """

    def __init__(self, image_shape: tuple[int, int, int] = (1, 8, 8), classes: int = 10) -> None:
        super().__init__()
        channels, height, width = image_shape
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(channels * height * width, 128)
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Linear(128, 64)
        self.relu2 = nn.ReLU()
        self.fc3 = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores `(N, classes)` of images `(N, C, H, W)`."""
        x = self.relu1(self.fc1(self.flatten(images)))
        scores: Tensor = self.fc3(self.relu2(self.fc2(x)))
        return scores
