"""Local derivatives in numbers: what stands on the edges of a textbook's circuit."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import Node, data_of
from ..kernels.device import fetched
from ..primitives import Elementwise
from ..primitives.kinds import expand_to
from ..primitives.reductions.reduction import squared_norm
from .sweep import quietly


def local_derivative(node: Node, i: int) -> Any:
    """Return ∂node/∂inputs[i] in numbers, or None where it is not one number an element.

    For an elementwise operation it has the output's shape; for ‖v‖² it is the gradient 2v.

    >>> import minidl
    >>> q, z = minidl.scalar(3.0), minidl.scalar(-4.0)
    >>> float(local_derivative(q * z, 0))
    -4.0
    """
    inputs = [data_of(x) for x in node.inputs]
    with quietly(recording=False):
        if isinstance(node.primitive, Elementwise):
            partial = node.primitive.partial(i, node._data, inputs, node.params)
            partial = partial.astype(node.dtype) if hasattr(partial, "astype") else np.asarray(partial, node.dtype)
            return expand_to(fetched(partial), node.shape)
        if node.primitive is squared_norm:
            return 2 * fetched(inputs[0])
    return None
