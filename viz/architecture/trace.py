"""Running a network once to see its architecture, on a copy, so that nothing of the network itself changes."""

from __future__ import annotations

import bisect
import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import minidl
from minidl import nn
from minidl.autodiff import order
from minidl.errors import GraphError, UsageError
from minidl.graph import Node
from minidl.graph.node import clock
from minidl.kernels.device import fetched


@dataclass(slots=True, eq=False)
class Call:
    """One call of a module while the network ran.

    Attributes:
        path: the module's path, such as `features.0`; "" for the network itself.
        module: the module.
        outer: the call that it was made in.
        first: the clock's time when it began.
        last: the clock's time when it ended.
    """

    path: str
    module: Any
    outer: Call | None
    first: int
    last: int

    @property
    def is_layer(self) -> bool:
        """Whether it is drawn as one: it contains no other module, and is not a whole network written with functions."""
        is_whole = self.outer is None and not type(self.module).__module__.startswith("minidl.nn")
        return not self.module._modules and not is_whole


@dataclass(frozen=True, slots=True)
class Trace:
    """What one run of a network left behind.

    Attributes:
        source: the input.
        output: the output.
        nodes: every computed value that the output depends on, in the order of computation.
        calls: the calls of modules, in the order in which they began.
        parameters: the path of every parameter, by its id in this run.
        sizes: the number of elements of every parameter, by its path.
        batch: the number of examples, or None where the input has no such axis.
    """

    source: Node
    output: Node
    nodes: tuple[Node, ...]
    calls: tuple[Call, ...]
    parameters: Mapping[int, str]
    sizes: Mapping[str, int]
    batch: int | None

    def call_of(self, node: Node) -> Call | None:
        """The innermost call that was running when `node` was computed."""
        i = bisect.bisect([call.first for call in self.calls], node.order)
        call = self.calls[i - 1] if i else None
        while call is not None and call.last < node.order:
            call = call.outer
        return call


def trace(model: Any, input: Any) -> Trace:
    """Run `model` once, in evaluation mode, on a copy that shares its parameters' values.

    Args:
        model: a module.
        input: a tensor, an array, or a shape such as `(1, 3, 224, 224)`, which stands for zeros; the first axis counts
            the examples.

    Raises:
        UsageError: `model` is no module, or `input` no tensor, array or shape.
        GraphError: the model returns no tensor, or one that does not depend on its input.
    """
    if not isinstance(model, nn.Module):
        raise UsageError(f"an architecture is that of a minidl.nn.Module; this is a {type(model).__name__}")
    source = _source(input, next((parameter.device for parameter in model.parameters()), None))
    ours = {id(parameter): _parameter(parameter) for parameter in model.parameters()}
    paths = {id(ours[id(parameter)]): path for path, parameter in model.named_parameters()}
    try:
        copied = copy.deepcopy(model, dict(ours)).eval()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"{type(model).__name__} cannot be copied, and so not be run unchanged: {error}") from error
    calls: list[Call] = []
    watch = _Watch(calls)
    for path, module in copied.named_modules():
        watch.attach(path, module)
    state = minidl.get_rng_state()
    try:
        with minidl.enable_grad():
            output = copied(source)
    finally:
        minidl.set_rng_state(state)
    if not isinstance(output, Node):
        raise GraphError(
            f"{type(model).__name__} returns a {type(output).__name__}, not a tensor; draw a module that returns one tensor"
        )
    nodes = sorted((node for node in order(output) if not node.is_leaf), key=lambda node: node.order)
    if not nodes or (source.requires_grad and not any(x is source for node in nodes for x in node.inputs)):
        raise GraphError(f"what {type(model).__name__} returns does not depend on its input")
    has_batch = source.ndim > 1 and output.ndim > 0 and output.shape[0] == source.shape[0]
    sizes = {path: math.prod(parameter.shape) for path, parameter in model.named_parameters()}
    calls.sort(key=lambda call: call.first)
    return Trace(source, output, tuple(nodes), tuple(calls), paths, sizes, source.shape[0] if has_batch else None)


def _source(input: Any, device: str | None) -> Node:
    """An input of its own, on the device of the model's parameters."""
    if isinstance(input, Node):
        data = fetched(input.data)
    elif isinstance(input, Sequence) and input and all(type(n) is int for n in input):
        if min(input) < 1:
            raise UsageError(f"an input's shape needs at least one of everything, got {tuple(input)}")
        data = np.zeros(tuple(input), minidl.get_default_dtype())
    elif isinstance(input, np.ndarray):
        data = input if input.dtype.kind in "iub" else input.astype(minidl.get_default_dtype())
    else:
        raise UsageError(f"the input must be a tensor, an array or a shape, not {input!r:.60}")
    return minidl.tensor(data, requires_grad=data.dtype.kind == "f", device=device)


def _parameter(parameter: Node) -> Any:
    """A parameter with the same values, in the same memory, which is recorded even where the original is frozen."""
    return nn.Parameter(parameter.data, requires_grad=parameter.data.dtype.kind == "f", name=parameter.name)


class _Watch:
    """Notes when each module's `forward` begins and ends."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls
        self.running: list[Call] = []

    def attach(self, path: str, module: Any) -> None:
        forward = module.forward
        is_invisible = isinstance(module, nn.Identity | nn.Sequential)

        def watched(*args: Any, **kwargs: Any) -> Any:
            call = Call(path, module, self.running[-1] if self.running else None, next(clock), 0)
            self.running.append(call)
            try:
                output = forward(*args, **kwargs)
            finally:
                self.running.pop()
            if call.is_layer and not is_invisible and isinstance(output, Node) and any(output is x for x in args):
                output = output.clone()  # dropout at rest: passes its input on, but is there
            call.last = next(clock)
            self.calls.append(call)
            return output

        object.__setattr__(module, "forward", watched)
