"""Writing through a view: what `x.T[0] += 1` does to `x`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import Notation
from ...kernels import DeviceArray
from ..kinds import Linear, Value, sample, shape_of
from .shape import getitem_, permute_

View = tuple[Any, dict[str, Any]]
"""One step from a tensor to a view of it: the primitive and its parameters."""


def through(x: Value, views: tuple[View, ...]) -> Value:
    """Take a view of a view of … `x`."""
    for primitive, params in views:
        x = primitive(x, **params)
    return x


def _write(xp: Any, x: Any, value: Any, views: tuple[View, ...]) -> Any:
    out = xp.copy(x) if x.__class__ is DeviceArray else np.array(x, order="C")
    target = through(out, views)
    if np.may_share_memory(target, out):
        target[...] = value
    else:  # the steps show `x` in its own memory order, but not in this one: ask where each element comes from
        out.reshape(-1)[through(np.arange(out.size).reshape(out.shape), views)] = value
    return out


write_view_: Linear = Linear(
    "write_view",
    Notation("[ ] =", "{0} with a view = {1}", 1, (1, 1)),
    forward=_write,
    transpose=lambda g, x, value, views: (
        write_view_(g, np.zeros(shape_of(value), g.dtype), views=views),
        through(g, views),
    ),
    samples=[
        sample((3, 4), (4,), views=((getitem_, {"index": 1}),)),
        sample((3, 4), (2, 3), views=((permute_, {"dims": (1, 0)}), (getitem_, {"index": slice(1, 3)}))),
    ],
)
"""A copy of x in which what a chain of views shows is replaced by `value`: the gradient of what was replaced is 0."""
