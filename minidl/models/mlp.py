"""The multilayer perceptron."""

from __future__ import annotations

import math
from typing import Any

from .. import Tensor, nn
from ..errors import UsageError


class MLP(nn.Module):
    """A multilayer perceptron, with two hidden layers unless told otherwise, which sees an image as one long vector.

    For 8×8 digits it has 17,226 parameters.

    Args:
        image_shape: `(C, H, W)`, the shape of one image.
        classes: the number of classes.
        hidden: the number of units of each hidden layer; none of them leaves a linear classifier.
        dropout: the probability of dropping a hidden unit, while training.

    Raises:
        UsageError: a hidden layer has no unit.

    >>> sum(p.data.size for p in MLP((1, 8, 8), 10).parameters())
    17226
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (1, 8, 8),
        classes: int = 10,
        *,
        hidden: tuple[int, ...] = (128, 64),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if min(hidden, default=1) < 1:
            raise UsageError(f"mlp: every hidden layer needs at least one unit; got {hidden}")
        self.flatten = nn.Flatten()
        size = math.prod(image_shape)
        for k, units in enumerate(hidden, 1):
            setattr(self, f"fc{k}", nn.Linear(size, units))
            setattr(self, f"relu{k}", nn.ReLU())
            if dropout:
                setattr(self, f"dropout{k}", nn.Dropout(dropout))
            size = units
        setattr(self, f"fc{len(hidden) + 1}", nn.Linear(size, classes))

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores `(N, classes)` of images `(N, C, H, W)`."""
        x: Any = images
        for layer in self.children():
            x = layer(x)
        return x
