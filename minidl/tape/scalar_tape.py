"""A scalar graph as flat arrays: recorded once from its nodes, replayed by one compiled loop, forward and backward."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..autodiff import order
from ..errors import GraphError, ShapeError, UsageError
from ..graph import Node, describe
from ..graph.history import check_kept

CODES = {
    "add": 1, "mul": 2, "sub": 3, "relu": 4, "tanh": 5, "neg": 6, "square": 7, "div": 8, "exp": 9, "log": 10, "sigmoid": 11,
    "sqrt": 12, "abs": 13, "pow_by_number": 14, "maximum": 15, "minimum": 16, "sin": 17, "cos": 18, "reciprocal": 19,
}  # fmt: skip
"""The operations of a scalar tape, by the name of the primitive; what each code does stands in `scalar_loop`."""


class ScalarTape:
    """A program of scalar operations that computes one number and all its derivatives.

    Attributes:
        codes: what each instruction does, `(n,)`; 0 for a leaf. The leaves come first, then inputs before outputs.
        first: the position of its first operand, `(n,)`.
        second: the position of its second operand, `(n,)`; the first again where there is none.
        values: all values as they were last computed, `(n,)` doubles.
        gradients: of the last value with respect to every other, as they were last computed, `(n,)` doubles.
        leaves: how many leaves there are: the inputs, the parameters, and what is constant.
        inputs: how many of the leaves are inputs.
        params: the nodes whose values are read at each replay; their positions follow the inputs'.
    """

    def __init__(
        self, codes: Any, operands: Any, values: Any, leaves: int, inputs: int, params: Sequence[Node]
    ) -> None:
        self.codes = np.asarray(codes, np.uint8)
        self.first, self.second = np.ascontiguousarray(np.asarray(operands, np.int32).reshape(-1, 2).T)
        self.values = np.asarray(values, np.float64)
        self.gradients = np.zeros_like(self.values)
        self.leaves, self.inputs, self.params = leaves, inputs, tuple(params)

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        return f"<scalar tape: {self.leaves} leaves, {len(self) - self.leaves} operations>"

    @cached_property
    def _run(self) -> Any:
        return importlib.import_module("minidl.tape.scalar_loop").run  # which needs Numba

    def replay(self, values: Any = ()) -> tuple[float, np.ndarray[Any, Any]]:
        """Compute the result for other inputs, and its gradient; the parameters have the values that they hold now.

        Args:
            values: the inputs' values, in order.

        Returns:
            The result, and its derivatives with respect to the inputs and then the parameters.

        Raises:
            ShapeError: not as many values as there are inputs.
        """
        given = np.asarray(values, np.float64)
        if given.shape != (self.inputs,):
            raise ShapeError(f"replay: the tape has {self.inputs} inputs, got values of shape {given.shape}")
        known = self.inputs + len(self.params)
        self.values[: self.inputs] = given
        self.values[self.inputs : known] = [p._data for p in self.params]
        self._run(self.codes, self.first, self.second, self.values, self.gradients, self.leaves)
        return float(self.values[-1]), self.gradients[:known].copy()


def record_scalars(root: Node, inputs: Sequence[Node] = (), params: Sequence[Node] = ()) -> ScalarTape:
    """Turn the record of a scalar into a tape.

    Args:
        root: a scalar computed from scalars, as those of `minidl.scalar` are.
        inputs: leaves that each replay is given other values for.
        params: leaves whose own values each replay reads.

    Raises:
        GraphError: an input that is no leaf or wants no gradient, so that what was computed from it is not all recorded; a
            root that was not computed; a leaf given twice; a record that was freed.
        UsageError: something in the graph is not a scalar, or an operation that the tape does not have.

    >>> import minidl
    >>> x, w = minidl.scalar(2.0), minidl.scalar(3.0)
    >>> tape = record_scalars((w * x).tanh(), [x], [w])
    >>> tape
    <scalar tape: 2 leaves, 2 operations>
    """
    for leaf in (*inputs, *params):
        if not (leaf.is_leaf and leaf.requires_grad):
            raise GraphError(
                f"record_scalars: {describe(leaf)} is no leaf that requires a gradient, so what depends on it may not be "
                "recorded; make it with minidl.scalar"
            )
    if root.is_leaf:
        raise GraphError(f"record_scalars: {describe(root)} is a leaf: nothing was computed, or it was not recorded")
    nodes = order(root)
    position: dict[Node, int] = {}
    values: list[float] = []
    for leaf in (*inputs, *params):
        if leaf in position:
            raise GraphError(f"record_scalars: {describe(leaf)} is given twice")
        position[leaf] = len(values)
        values.append(_number(leaf))
    inner = []
    for node in nodes:
        if node.primitive is not None:
            check_kept(node)
            inner.append(node)
        elif node not in position:
            position[node] = len(values)
            values.append(_number(node))
    constants: dict[str, int] = {}

    def place(x: Any) -> int:
        """Where a value stands; what is no node of the graph is a constant."""
        if isinstance(x, Node) and x in position:
            return position[x]
        number = _number(x)
        key = number.hex()  # which tells −0 from 0 and NaN by one name
        if key not in constants:
            constants[key] = len(values)
            values.append(number)
        return constants[key]

    for node in inner:  # the constants, which stand before the operations
        for x in (*node.inputs, *node.params.values()):
            if not (isinstance(x, Node) and x._requires_grad):
                place(x)
    leaves = len(values)
    codes, operands = [0] * leaves, [(0, 0)] * leaves
    for node in inner:
        assert node.primitive is not None
        name = node.primitive.name
        if name not in CODES:
            raise UsageError(f"record_scalars: a scalar tape has no {name}; it has {', '.join(CODES)}")
        given = [place(x) for x in (*node.inputs, *node.params.values())]
        codes.append(CODES[name])
        operands.append((given[0], given[-1]))
        position[node] = len(values)
        values.append(_number(node))
    return ScalarTape(codes, operands, values, leaves, len(inputs), params)


def _number(x: Any) -> float:
    """The double that a scalar, or a plain number, is.

    Raises:
        UsageError: something else.
    """
    value = x._data if isinstance(x, Node) else x
    if isinstance(value, float | int) and not isinstance(value, bool):
        return float(value)
    what = describe(x) if isinstance(x, Node) else f"{x!r:.60}"
    raise UsageError(f"record_scalars: {what} is no scalar as minidl.scalar makes them")
