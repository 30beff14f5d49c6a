"""Architectures, and the names by which the command line knows them."""

from __future__ import annotations

from collections.abc import Callable

from .. import nn
from ..errors import UsageError
from .lenet import LeNet, LeNet5
from .mlp import MLP

MODELS: dict[str, Callable[[tuple[int, int, int], int], nn.Module]] = {"lenet": LeNet, "lenet5": LeNet5, "mlp": MLP}
"""Every architecture by name: each is called with the shape of one image and the number of classes."""


def build(name: str, image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return a new model with weights drawn from the default generator.

    Args:
        name: a name in `MODELS`.
        image_shape: `(C, H, W)`, the shape of one image.
        classes: the number of classes.

    Raises:
        UsageError: there is no such model; the message lists those there are.
        ShapeError: the model cannot take such images.

    >>> build("mlp", (1, 8, 8), 10).training
    True
    """
    if name not in MODELS:
        raise UsageError(f"there is no model {name!r}; choose one of {', '.join(sorted(MODELS))}")
    return MODELS[name](image_shape, classes)


__all__ = ["MLP", "MODELS", "LeNet", "LeNet5", "build"]
