"""Hooks of a module: functions that are called around its `forward`, and with the gradients that pass through it."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..autodiff.hooks import Handle
from ..errors import UsageError
from ..graph import is_grad_enabled
from ..primitives.elementwise.arithmetic import clone
from ..primitives.shapes.joining import cat
from ..tensor import Tensor

if TYPE_CHECKING:
    from .module import Module

Hooks = OrderedDict[int, Callable[..., Any]]


def register(hooks: Hooks, hook: Callable[..., Any], prepend: bool) -> Handle:
    """Enter a hook as the last one, or with `prepend` as the first."""
    handle = Handle(hooks, hook)
    if prepend:
        hooks.move_to_end(next(reversed(hooks)), last=False)
    return handle


def as_pre_hook(hook: Callable[..., Any], with_kwargs: bool) -> Callable[..., Any]:
    """A hook as a function of module, arguments and named arguments, which returns both kinds of arguments."""
    return partial(_run_pre_hook, hook, with_kwargs)


def as_hook(hook: Callable[..., Any], with_kwargs: bool) -> Callable[..., Any]:
    """A hook as a function of module, arguments, named arguments and output."""
    return partial(_run_hook, hook, with_kwargs)


def _run_pre_hook(hook: Callable[..., Any], with_kwargs: bool, module: Module, args: Any, kwargs: Any) -> Any:
    if with_kwargs:
        replaced = hook(module, args, kwargs)
        if replaced is None:
            return args, kwargs
        if not (isinstance(replaced, tuple) and len(replaced) == 2):
            raise UsageError(
                f"a forward pre-hook of {type(module).__name__} that sees the named arguments must return None or both "
                f"kinds, (args, kwargs); it returned {replaced!r:.60}"
            )
        return replaced
    replaced = hook(module, args)
    return (args if replaced is None else _as_tuple(replaced)), kwargs


def _run_hook(hook: Callable[..., Any], with_kwargs: bool, module: Module, args: Any, kwargs: Any, output: Any) -> Any:
    return hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)


def _as_tuple(values: Any) -> tuple[Any, ...]:
    return values if isinstance(values, tuple) else (values,)


class Watch:
    """One call of a module, whose gradients its backward hooks see.

    Where the values enter the module and where they leave it they pass through a node that changes nothing. A hook on that
    node sees what a backward pass sends there, through this call alone, even where the values are used elsewhere too.

    Args:
        module: what is called.
        pre_hooks: called as `hook(module, grad_output)`; what they return replaces the gradients of the output.
        hooks: called as `hook(module, grad_input, grad_output)`; what they return replaces the gradients of the input.
    """

    def __init__(self, module: Module, pre_hooks: Iterable[Callable[..., Any]], hooks: Iterable[Callable[..., Any]]):
        self.module = module
        self.pre_hooks = tuple(pre_hooks)
        self.hooks = tuple(hooks)
        self.grad_output: tuple[Any, ...] | None = None
        self.inputs = 0
        self.wanted: list[int] = []

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, of which those that require gradients are watched."""
        self.inputs = len(args)
        self.wanted = _differentiable(args)
        return _watched(args, self.wanted, self._entered)

    def leave(self, output: Any) -> Any:
        """The output, of which all that requires gradients is watched.

        Raises:
            UsageError: it is neither a tensor nor a tuple.
        """
        if not is_grad_enabled():
            return output
        if not isinstance(output, Tensor | tuple):
            raise UsageError(
                f"{type(self.module).__name__} has a backward hook, which needs a tensor or a tuple of tensors as the "
                f"output, not a {type(output).__name__}"
            )
        results = _as_tuple(output)
        watched = _watched(results, _differentiable(results), self._left)
        return watched if isinstance(output, tuple) else watched[0]

    def _left(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """What goes on from the output into the module."""
        for hook in self.pre_hooks:
            gradients = self._replaced("pre-hook", "grad_output", hook(self.module, gradients), gradients)
        self.grad_output = gradients
        if not self.wanted:  # nothing will arrive at the input, so it is now or never
            self._entered((None,) * self.inputs)
        return gradients

    def _entered(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """What goes on from the input to where it came from."""
        if self.grad_output is not None:
            for hook in self.hooks:
                answer = hook(self.module, gradients, self.grad_output)
                gradients = self._replaced("hook", "grad_input", answer, gradients)
            self.grad_output = None
        return gradients

    def _replaced(self, kind: str, what: str, answer: Any, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        if answer is None:
            return gradients
        given = _as_tuple(answer)
        missing = [a is None for a in given] != [g is None for g in gradients]
        if missing:
            raise UsageError(
                f"a backward {kind} of {type(self.module).__name__} must return None or a {what} like the given one, "
                f"({', '.join(_kind(g) for g in gradients)}); it returned ({', '.join(_kind(a) for a in given)})"
            )
        return given


def _kind(gradient: Any) -> str:
    return (
        "None" if gradient is None else f"a tensor {gradient.shape}" if hasattr(gradient, "shape") else repr(gradient)
    )


def _differentiable(values: tuple[Any, ...]) -> list[int]:
    """Where there are tensors that require gradients."""
    return [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]


def _watched(
    values: tuple[Any, ...], at: list[int], seen: Callable[[tuple[Any, ...]], tuple[Any, ...]]
) -> tuple[Any, ...]:
    """The values, those at some places through one node whose gradients `seen` is shown, all together, and may replace."""
    if not at or not is_grad_enabled():
        return values
    tensors = [values[i] for i in at]
    alone = len(at) == 1
    node = clone(tensors[0]) if alone else cat([x.reshape(-1) for x in tensors])

    def hook(gradient: Any) -> Any:
        shown: list[Any] = [None] * len(values)
        for i, part in zip(at, [gradient] if alone else _apart(gradient, tensors), strict=True):
            shown[i] = part
        gradients = seen(tuple(shown))
        if alone:
            return gradients[at[0]]
        return cat([gradients[i].reshape(-1).to(gradient.dtype) for i in at])

    node.register_hook(hook)
    result = list(values)
    for i, part in zip(at, [node] if alone else _apart(node, tensors), strict=True):
        result[i] = part
    return tuple(result)


def _apart(line: Any, like: list[Tensor]) -> list[Any]:
    """Numbers in one line as tensors again, of the shapes and dtypes of others."""
    parts, start = [], 0
    for x in like:
        stop = start + math.prod(x.shape)
        parts.append(line[start:stop].reshape(x.shape).to(x.dtype))
        start = stop
    return parts
