"""The node: a plain record of one computed value and of how it was computed."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from .primitive import Primitive

clock = itertools.count(1)
"""Ticks once for every node made and every value changed in place, so either can be compared with the other."""


class Node:
    """One computed value and the recipe that made it.

    There is nothing hidden: no closure, no reference to a later node. A graph therefore goes away with its last output.

    Attributes:
        data: the array (a NumPy array, or a `numpy.float64` for a scalar of `minidl.scalar`).
        grad: the accumulated gradient of a leaf, or None.
        requires_grad: whether gradients flow to this value.
        primitive: the operation that made it; None for a leaf.
        inputs: what the operation was given, in order, duplicates kept; a constant stands here as the plain number or array.
        params: the operation's other arguments, such as `dim`.
        saved: what the operation kept for its derivative, such as the positions of the maxima.
        name: the name a person gave it, or None.
        scope: the path of the module that it was made in, or "".
        order: the tick of the clock at which it was made; inputs always precede outputs.
    """

    __slots__ = (
        "__weakref__",
        "_changes",
        "_data",
        "freed",
        "grad",
        "inputs",
        "name",
        "order",
        "params",
        "primitive",
        "requires_grad",
        "retains_grad",
        "saved",
        "scope",
    )

    _data: Any
    grad: Any
    requires_grad: bool
    retains_grad: bool
    freed: bool
    primitive: Primitive | None
    inputs: tuple[Any, ...]
    params: dict[str, Any]
    saved: Any
    name: str | None
    scope: str
    order: int
    _changes: list[int] | None

    result_class: ClassVar[type[Node]]
    """The class of an operation's result when this class is among its inputs."""

    def __init__(self, data: Any, requires_grad: bool = False, name: str | None = None) -> None:
        self._data = data
        self.grad = None
        self.requires_grad = requires_grad
        self.retains_grad = False
        self.freed = False
        self.primitive = None
        self.inputs = ()
        self.params = NO_PARAMS
        self.saved = None
        self.name = name
        self.scope = ""
        self.order = next(clock)
        self._changes = None

    @property
    def data(self) -> Any:
        """The array itself. Assigning to it, or `x.data -= …`, is noticed; writing into it (`x.data[i] = …`) is not."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        self._data = (
            value if isinstance(value, np.ndarray | np.generic) else np.asarray(data_of(value), self._data.dtype)
        )
        if self._changes is None:
            self._changes = [0]
        self._changes[0] = next(clock)

    @property
    def changed(self) -> int:
        """The tick at which its data, or data it shares memory with, were last replaced or changed in place; 0 for never."""
        return 0 if self._changes is None else self._changes[0]

    def shares_memory_with(self, other: Node) -> None:
        """Note that a change of either is a change of both."""
        if other._changes is None:
            other._changes = [0]
        self._changes = other._changes

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes; `()` for a scalar."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._data.ndim

    @property
    def dtype(self) -> Any:
        """The NumPy dtype of the data, such as `minidl.float32`."""
        return self._data.dtype

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by a person rather than by a recorded operation."""
        return self.primitive is None


Node.result_class = Node
NO_PARAMS: dict[str, Any] = {}


def data_of(x: Any) -> Any:
    """Return a node's array, or `x` itself when it is no node."""
    return x._data if isinstance(x, Node) else x
