"""One recorded run of a function, from which its derivatives of either mode are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autodiff import forward, gradient
from ..autodiff.reach import order
from ..autodiff.trees import Tree, leaves, map_leaves, rebuild
from ..errors import DtypeError, UsageError
from ..graph import Node, describe, enable_grad, is_grad_enabled
from ..primitives.elementwise.arithmetic import clone
from ..tensor import Tensor

Function = Callable[..., Any]
Argnums = int | tuple[int, ...]


class Run:
    """One recorded run of a function, with nodes of its own in place of the arguments to differentiate.

    Attributes:
        given: the arguments to differentiate, as they came.
        inputs: the run's own nodes for the tensors in them.
        output: what the function returned.
        outputs: the tensors in that.
        aux: what it returned beside, with `has_aux`.
        nodes: what was recorded, inputs before outputs.
        outside: whether the derivatives are to be recorded, for something outside this run.
    """

    def __init__(self, name: str, function: Function, given: Tree, call: Callable[[Tree], Any], has_aux: bool) -> None:
        connected = is_grad_enabled()
        self.given = given
        self.inputs = [_own(x, name, connected) for x in leaves(given)]
        with enable_grad():
            result = call(rebuild(given, [_handed_out(x) for x in self.inputs]))
        self.aux = None
        if has_aux:
            if not (isinstance(result, tuple) and len(result) == 2):
                raise UsageError(f"{name}: with has_aux=True the function must return a pair (output, aux)")
            result, self.aux = result
        self.output = result
        self.outputs = leaves(result)
        for y in self.outputs:
            if not isinstance(y, Node):
                raise UsageError(f"{name}: the function must return tensors, got {type(y).__name__}")
        self.nodes = order(*[y for y in self.outputs if y.requires_grad])
        self.outside = connected and self.needed_outside(self.nodes)

    def needed_outside(self, nodes: Sequence[Node]) -> bool:
        """Whether these nodes depend on something outside this run that requires a gradient."""
        own = set(self.inputs)
        return any(
            node not in own and not any(isinstance(x, Node) and x.requires_grad for x in node.inputs) for node in nodes
        )

    def released(self, tree: Tree, connected: bool | None = None) -> Tree:
        """The same tensors, without a history that only this run needed."""
        keep = self.outside if connected is None else connected

        def release(x: Any) -> Any:
            if not isinstance(x, Node) or not x.requires_grad or (keep and self.needed_outside(order(x))):
                return x
            return x.result_class(x._data)

        return map_leaves(release, tree)

    def pull(self, cotangents: Sequence[Any]) -> list[Node]:
        """Reverse mode: the gradients of the inputs; zeros for what the outputs do not depend on."""
        pairs = [(y, c) for y, c in zip(self.outputs, cotangents, strict=True) if y.requires_grad]
        connected = self.outside or (
            is_grad_enabled() and any(isinstance(c, Node) and c.requires_grad for _, c in pairs)
        )
        found: Sequence[Any] = [None] * len(self.inputs)
        if pairs:
            ys, cs = zip(*pairs, strict=True)
            found = gradient.grad(list(ys), self.inputs, list(cs), create_graph=connected, allow_unused=True)
        filled = [_zeros(x) if g is None else g for g, x in zip(found, self.inputs, strict=True)]
        return [self.released(g, connected) for g in filled]

    def push(self, tangents: Sequence[Any]) -> list[Node]:
        """Forward mode: how the outputs move; zeros for what does not."""
        connected = self.outside or (
            is_grad_enabled() and any(isinstance(t, Node) and t.requires_grad for t in tangents)
        )
        moving = dict(zip(self.inputs, tangents, strict=True))
        moved = forward.push(self.outputs, self.nodes, moving, connected)
        filled = [
            _zeros(y) if t is None else t if isinstance(t, Node) else y.result_class(gradient.copied(t))
            for t, y in zip(moved, self.outputs, strict=True)
        ]
        return [self.released(t, connected) for t in filled]


def _own(x: Any, name: str, connected: bool) -> Node:
    """A node of the run's own with the value of `x`, through which `x` is reached where it wants a gradient itself."""
    if isinstance(x, int | float) and not isinstance(x, bool):
        x = Tensor(np.float64(x))
    if not isinstance(x, Node):
        raise DtypeError(f"{name}: expected a tensor or a number to differentiate, got {type(x).__name__}")
    if x.dtype.kind != "f":
        raise DtypeError(
            f"{name}: {describe(x)} holds {x.dtype}, and only floating-point values have derivatives; convert it with "
            "x.to(minidl.float32), or leave it out of argnums"
        )
    own: Node = x.result_class(x._data)
    own.name, own._requires_grad, own.primitive = x.name, True, clone
    own.inputs = (x if connected and x.requires_grad else x._data,)
    return own


def _handed_out(own: Node) -> Node:
    """What the function gets: a copy, which it may change in place."""
    copy: Node = clone(own)
    copy.name = own.name
    return copy


def _zeros(x: Node) -> Node:
    return x.result_class(np.zeros_like(x._data))


def run_in(name: str, function: Function, argnums: Argnums, has_aux: bool, args: tuple[Any, ...], kwargs: Any) -> Run:
    """Run `function(*args, **kwargs)`, to be differentiated in the arguments that `argnums` names."""
    if not callable(function):
        raise UsageError(f"{name}: the first argument is the function to differentiate, got {function!r:.60}")
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    for n in numbers:
        if not isinstance(n, int) or not -len(args) <= n < len(args):
            raise UsageError(f"{name}: there is no argument {n!r} among {len(args)} positional ones; check argnums")
    numbers = tuple(n % len(args) for n in numbers)
    if len(set(numbers)) < len(numbers) or not numbers:
        raise UsageError(f"{name}: argnums={argnums!r} must name each argument once")

    def call(own: tuple[Any, ...]) -> Any:
        given = list(args)
        for n, x in zip(numbers, own, strict=True):
            given[n] = x
        return function(*given, **kwargs)

    return Run(name, function, tuple(args[n] for n in numbers), call, has_aux)


def as_asked(parts: tuple[Any, ...], argnums: Argnums) -> Any:
    """One part for one argument, a tuple for several."""
    return parts if isinstance(argnums, tuple) else parts[0]
