"""What a GPU's tape is told by the engine while a function runs: all that is no launch."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import Node, Primitive, data_of
from ..graph.mode import state
from ..graph.node import clock
from ..kernels import DeviceArray
from ..kernels.cuda.runtime import memory
from ..kernels.cuda.runtime.graphs import Graph
from ..kernels.cuda.runtime.streams import each_time
from ..tensor import Tensor
from .effects import assign


class Listener:
    """What `state.tape` holds while a function runs whose launches are looked at: it notes what is no launch.

    Attributes:
        tensors: for each tensor from outside that takes part the array that it holds, and whether it requires a gradient.
        gradients: for each tensor whose gradient from before the call is looked at, the array of that; None if it had none.
        assigned: the tensors from outside whose gradient is set.
        modules: the modules that ran, with their mode.
        written: the tensors from outside that were written to.
        broken: why it cannot be replayed, or None.
    """

    def __init__(self, graph: Graph | None = None) -> None:
        self.graph = graph
        self.tensors: dict[Node, tuple[Any, bool]] = {}
        self.gradients: dict[Node, Any] = {}
        self.assigned: set[Node] = set()
        self.modules: dict[Any, bool] = {}
        self.written: dict[Node, None] = {}
        self.broken: str | None = None
        self._start = next(clock)

    def _plainly(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function that is not looked at."""
        state.tape = None
        try:
            return function(*args, **kwargs)
        finally:
            state.tape = self

    def breaks(self, why: str) -> None:
        """Note that this run cannot be replayed; the first reason counts."""
        self.broken = self.broken or why

    def touch(self, node: Any) -> None:
        """Note a tensor from outside."""
        if (
            isinstance(node, Node)
            and node.order <= self._start
            and node.primitive is None
            and not any(node._data is data for data in self.gradients.values())
        ):
            self.tensors.setdefault(node, (node._data, node._requires_grad))

    @property
    def conditions(self) -> tuple[Any, ...]:
        """What decides, beside the arguments, what the function does."""
        without = {node: data is None for node, data in self.gradients.items()}
        return dict(self.modules), {node: wanted for node, (_, wanted) in self.tensors.items()}, without

    # What the engine tells ----------------------------------------------------------------------------------------------

    def compute(
        self, primitive: Primitive, arrays: Sequence[Any], params: dict[str, Any], inputs: Sequence[Any]
    ) -> tuple[Any, Any]:
        """Run a primitive."""
        for node in inputs:
            self.touch(node)
        found: tuple[Any, Any] = self._plainly(primitive.compute, arrays, params, inputs)
        return found

    def derivative(
        self, primitive: Any, g: Any, out: Any, inputs: Any, saved: Any, params: Any, needs: Sequence[bool]
    ) -> list[Any]:
        """Run a derivative rule on arrays, for which the device has kernels, and give tensors back."""
        sent = self._plainly(primitive.vjp, *map(data_of, (g, out)), [data_of(x) for x in inputs], saved, params, needs)
        return [None if c is None else out.result_class(c) for c in sent]

    def scalars(self, root: Node) -> bool:
        """A graph of scalars is nothing special here."""
        return False

    def watch(self, x: Any) -> Any:
        """The array of a tensor, for code that works beside the graph."""
        self.touch(x)
        array = data_of(x)
        return array if array.__class__ is DeviceArray else np.asarray(array)

    def numpy_call(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Call a function that works beside the graph."""
        return self._plainly(function, *args, **kwargs)

    def write(self, target: Any, index: Any, value: Any, chosen: Any = ()) -> None:
        """Write into memory."""
        self.touch(target)
        if isinstance(target, Node):
            self.written[target] = None
            if target._data.__class__ is not DeviceArray:
                self.breaks("it writes into a tensor on the CPU")
        self._plainly(assign, data_of(target), index, chosen, data_of(value))

    def replaced(self, node: Node, value: Any) -> Any:
        """A tensor is given another array: its numbers go into the one that it has, where a graph finds them."""
        self.touch(node)
        self.written[node] = None
        old = node._data
        fits = old.__class__ is value.__class__ is DeviceArray and (old.shape, old.dtype) == (value.shape, value.dtype)
        if not fits:
            self.breaks("a tensor is given an array of another kind")
            return value
        if value is not old:
            self._plainly(copy_into, old, value)
        return old

    def gradient_read(self, node: Node) -> None:
        """A gradient is looked at: one from before the call is an input, or its absence is a condition."""
        if node.order <= self._start and node not in self.assigned and node not in self.gradients:
            self.gradients[node] = None if node._grad is None else node._grad._data

    def gradient_set(self, node: Node, value: Node | None) -> None:
        """A gradient is assigned."""
        if node.order <= self._start:
            self.assigned.add(node)
            if self.graph is not None:
                self.graph.note(Assignment(node, value))

    def effect(self, name: str, function: Callable[..., Any], *args: Any, owner: Any = None) -> Any:
        """Do something that is done again in the ordinary way, such as an optimizer's step."""
        for group in getattr(owner, "param_groups", ()):
            for p in group["params"]:
                self.touch(p)
                self.written[p] = None
        found: Any = None

        def do() -> None:
            nonlocal found
            found = function(*args)

        self._plainly(each_time, do)
        return found

    def draws(self, generator: Any, source: Any) -> Any:
        """Random numbers: a GPU's generator draws anew at each replay, the CPU's would send the same ones."""
        if isinstance(source, np.random.Generator):
            self.breaks("random numbers are drawn on the CPU")
        return source

    def visit(self, module: Any) -> None:
        """A module runs."""
        self.modules.setdefault(module, module.training)


class Assignment:
    """A gradient that is assigned at each replay: the memory is the same, the tensor a new one."""

    def __init__(self, node: Node, value: Node | None) -> None:
        self.node = node
        self.array = None if value is None else value._data
        self.latest = None if value is None else weakref.ref(value)

    def __call__(self) -> None:
        """Assign it."""
        if self.array is None:
            self.node._grad = None
            return
        gradient = Tensor(self.array)
        self.node._grad, self.latest = gradient, weakref.ref(gradient)

    def let_go(self) -> None:
        """Where somebody else holds the last gradient, it goes on with a copy."""
        held = None if self.latest is None else self.latest()
        if held is not None and sys.getrefcount(held) > 2 + (self.node._grad is held):
            held._data = data_of(self.array).copy()


def copy_into(target: DeviceArray, source: DeviceArray) -> None:
    """Copy numbers to where a graph reads them."""
    if target.is_contiguous:
        memory.copy_bytes(target, source if source.is_contiguous else source.copy())
    else:
        target[...] = source
