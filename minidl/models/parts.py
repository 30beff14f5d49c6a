"""What several architectures share: normalisations by name, He's first weights, and the check of an image's size."""

from __future__ import annotations

from ..errors import ShapeError, UsageError
from ..nn import BasicBlock, BatchNorm2d, Bottleneck, Conv2d, GroupNorm, Identity, InstanceNorm2d, Module, init
from ..nn.layers.blocks import Norm

ImageShape = tuple[int, int, int]
"""`(C, H, W)`."""


def _groups_of_eight(channels: int) -> Module:
    return GroupNorm(max(1, channels // 8), channels)


def _instance_norm(channels: int) -> Module:
    return InstanceNorm2d(channels, affine=True)


NORMS: dict[str, Norm] = {
    "batch": BatchNorm2d,
    "group": _groups_of_eight,
    "instance": _instance_norm,
    "none": Identity,
}
"""Makes the normalisation of so many channels, by name; "group" has eight channels a group."""


def norm_named(name: str) -> Norm:
    """Return what makes the normalisation of that name.

    Raises:
        UsageError: there is none; the message lists those there are.

    >>> norm_named("group")(16).num_groups
    2
    """
    if name not in NORMS:
        raise UsageError(f"there is no normalisation {name!r}; choose one of {', '.join(NORMS)}")
    return NORMS[name]


def draw_he(model: Module) -> None:
    """Draw all convolutions' weights from N(0, 2/fan_out), so that ReLUs keep the gradients' size; their biases are 0.

    Source: He, Zhang, Ren & Sun, 2015, "Delving deep into rectifiers".
    """
    for layer in model.modules():
        if isinstance(layer, Conv2d):
            init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                init.zeros_(layer.bias)


def begin_as_identity(model: Module) -> None:
    """Make the last γ of every residual block 0, so that each block begins as its shortcut.

    Raises:
        UsageError: the blocks have no normalisation.

    Source: Goyal et al., 2017, "Accurate, large minibatch SGD: training ImageNet in 1 hour", section 5.1.
    """
    for block in model.modules():
        if isinstance(block, BasicBlock | Bottleneck):
            weight = getattr(block.bn3 if isinstance(block, Bottleneck) else block.bn2, "weight", None)
            if weight is None:
                raise UsageError("zero_init_residual sets the last γ of each block to 0, so it needs a normalisation")
            init.zeros_(weight)


def check_side(name: str, image_shape: ImageShape, least: int) -> None:
    """Raise ShapeError if images are smaller than a network can halve."""
    _, height, width = image_shape
    if min(height, width) < least:
        raise ShapeError(f"{name} needs images of at least {least}×{least}; these are {height}×{width}")
