"""The vanishing gradient as a picture: wires as thick as the gradient is large, in a chain of functions or in networks.

Chains are drawn by `chain`; networks by `comparison`, from what `units` reads off their graphs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.autodiff import order
from minidl.graph import Node

from ..drawing.figure import Figure
from ..drawing.theme import LIGHT, HeatScale, Theme, theme_named
from .chain import draw_chain
from .comparison import compare


def thermometer(
    losses: Node | tuple[Node, Any] | Mapping[str, Any],
    model: Any = None,
    *,
    per_row: int = 10,
    scale: HeatScale | None = None,
    theme: str | Theme = LIGHT,
    title: str | None = None,
) -> Figure:
    """Draw how the gradient fades (or not) on its way back: as the width and colour of wires, on one fixed scale.

    Of a chain of functions of one number: above each wire stands the value, below it the size of the gradient, below
    each function the number that the gradient is multiplied by there. Long chains break into rows, read like text.

    Of a deep network: a slab a layer, and on the wire that leaves it the Euclidean norm ‖∂L/∂h‖ of the gradient of its
    output h, over all units and the whole batch; below it the mean size of the activation's derivative, the share of
    units × examples that are saturated (derivative below 0.01; of sigmoid, tanh and the like), and the share of units
    that are dead (derivative 0 for every example; of ReLU and the like). A layer is a product with a weight and all that
    follows up to the next. Several networks stand under each other, on the same scale.

    Args:
        losses: the end of a chain, each value computed from the one before it by a function of one number; or a
            network's loss, computed with recording on; or a loss and its model; or several of these by label.
        model: the module that made the loss, for the layers' names.
        per_row: how many functions of a chain stand in a row.
        scale: the scale of widths and colours; the same for every figure unless another is given.
        theme: `light`, `dark`, `print`, `colorblind`, or a `Theme`.
        title: what the figure is called; a network's figure prints it.

    Raises:
        GraphError: the graph is neither a chain nor a network's loss, or there are more than 60 functions or layers.
        UsageError: more than 6 networks are compared, or one is no loss.

    >>> import minidl
    >>> x = minidl.scalar(0.0, name="x")
    >>> thermometer(x.sigmoid().sigmoid()).text.split(":")[0]
    'A chain of 2 functions from x to f'
    >>> from minidl import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1))
    >>> thermometer(model(minidl.ones(4, 2)).mean(), model).text.startswith("One network")
    True
    """
    scale, theme = scale or HeatScale(), theme_named(theme)
    if isinstance(losses, Mapping):
        return compare(losses, scale, theme, title)
    if isinstance(losses, tuple):
        return compare({"": losses}, scale, theme, title)
    if model is not None or _has_arrays(losses):
        return compare({"": (losses, model)}, scale, theme, title)
    return draw_chain(losses, per_row, scale, theme, title)


def _has_arrays(root: object) -> bool:
    """Whether there is anything but single numbers in a graph."""
    return isinstance(root, Node) and any(node.ndim > 0 for node in order(root))


def sigmoid_chain(length: int = 20, start: float = 0.0) -> Any:
    """Return L = σ(σ(… σ(x))), `length` sigmoids deep: the example in which gradients vanish.

    >>> sigmoid_chain(2).name
    'L'
    """
    import minidl

    value = minidl.scalar(start, name="x")
    for i in range(1, length + 1):
        value = minidl.sigmoid(value).named("L" if i == length else f"h_{i}")
    return value
