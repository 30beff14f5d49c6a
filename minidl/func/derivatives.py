"""Gradients, and products with the Jacobian and its transpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autodiff.trees import leaves, rebuild
from ..errors import GraphError, ShapeError, UsageError
from ..graph import Node
from .run import Argnums, Function, Run, as_asked, run_in

# Gradients ---------------------------------------------------------------------------------------------------------------


def value_and_grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that computes `func` and its gradient in one go.

    Args:
        func: returns a single number (with `has_aux` a pair of that and anything else).
        argnums: which positional arguments to differentiate with respect to; a tuple gives a tuple of gradients.
        has_aux: whether `func` returns `(output, aux)`; the value then is that pair.

    Returns:
        A function of the same arguments that returns `(value, gradient)`.

    >>> import minidl
    >>> value_and_grad(lambda x: x**3)(minidl.tensor(2.0))
    (tensor(8.), tensor(12.))
    """

    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        run = run_in("grad", func, argnums, has_aux, args, kwargs)
        if not isinstance(run.output, Node) or run.output.shape not in ((), (1,)) or run.output.dtype.kind not in "fc":
            what = f"a tensor of shape {run.output.shape}" if isinstance(run.output, Node) else "several tensors"
            raise GraphError(
                f"grad: the function must return one floating-point number, not {what}; use vjp or jacobian"
            )
        gradients = rebuild(run.given, run.pull([None]))
        value = run.released(run.output)
        return ((value, run.released(run.aux)) if has_aux else value), as_asked(gradients, argnums)

    return value_and_gradient


def grad_and_value(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that computes `(gradient, value)`: `value_and_grad` in PyTorch's order."""
    both = value_and_grad(func, argnums, has_aux)
    return lambda *args, **kwargs: both(*args, **kwargs)[::-1]


def grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that computes the gradient of `func`.

    Args:
        func: returns a single number (with `has_aux` a pair of that and anything else).
        argnums: which positional arguments to differentiate with respect to; a tuple gives a tuple of gradients.
        has_aux: whether to return `(gradient, aux)`.

    >>> import minidl
    >>> grad(grad(minidl.sin))(minidl.tensor(0.0))
    tensor(-0.)
    """
    both = value_and_grad(func, argnums, has_aux)

    def gradient_of(*args: Any, **kwargs: Any) -> Any:
        value, gradients = both(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return gradient_of


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Run `func`, and return its output with a function that pulls a cotangent back: reverse mode, vᵀJ.

    Returns:
        `(output, vjp_fn)`, and aux with `has_aux`. `vjp_fn` takes a cotangent of the output's form and returns a tuple, a
        gradient for each of the primals; it can be called again and again.

    >>> import minidl
    >>> output, pull = vjp(minidl.sin, minidl.tensor([0.0, 0.0]))
    >>> pull(minidl.tensor([1.0, 3.0]))
    (tensor([1., 3.]),)
    """
    run = run_in("vjp", func, tuple(range(len(primals))), has_aux, primals, {})

    def pull_back(cotangents: Any) -> Any:
        flat = leaves(cotangents)
        if len(flat) != len(run.outputs):
            raise ShapeError(f"vjp: {len(run.outputs)} outputs need as many cotangents, got {len(flat)}")
        for c, y in zip(flat, run.outputs, strict=True):
            _check_like(c, y, "vjp: the cotangent", "output")
        return rebuild(run.given, run.pull(flat))

    output = run.released(run.output)
    return (output, pull_back, run.released(run.aux)) if has_aux else (output, pull_back)


def _check_like(given: Any, node: Node, what: str, other: str) -> None:
    shape = getattr(given, "shape", ())
    if shape != node.shape:
        raise ShapeError(f"{what} has shape {shape}, but its {other} has {node.shape}")


# Forward mode ------------------------------------------------------------------------------------------------------------


def jvp(func: Function, primals: Any, tangents: Any, *, has_aux: bool = False) -> tuple[Any, ...]:
    """Run `func` and push tangents through it by the primitives' own rules: forward mode, J·t.

    Args:
        func: any function of tensors.
        primals: a tuple, the arguments.
        tangents: a tuple of the same form, how each argument moves.
        has_aux: whether `func` returns `(output, aux)`.

    Returns:
        `(output, tangent of the output)`, and aux with `has_aux`.

    >>> import minidl
    >>> jvp(minidl.sin, (minidl.tensor(0.0),), (minidl.tensor(2.0),))
    (tensor(0.), tensor(2.))
    """
    run, output, push = _linearized("jvp", func, primals, has_aux)
    moved = push(tangents)
    return (output, moved, run.released(run.aux)) if has_aux else (output, moved)


def linearize(func: Function, *primals: Any) -> tuple[Any, Function]:
    """Run `func` once, and return its output with a function that pushes tangents through that run: `jvp` many times over.

    >>> import minidl
    >>> output, push = linearize(minidl.square, minidl.tensor(3.0))
    >>> push(minidl.tensor(1.0)), push(minidl.tensor(2.0))
    (tensor(6.), tensor(12.))
    """
    _, output, push = _linearized("linearize", func, primals, False)
    return output, lambda *tangents: push(tangents)


def _linearized(name: str, func: Function, primals: Any, has_aux: bool) -> tuple[Run, Any, Callable[[Any], Any]]:
    if not isinstance(primals, tuple):
        raise UsageError(f"{name}: the primals must be a tuple, as in (x,), got {type(primals).__name__}")
    run = run_in(name, func, tuple(range(len(primals))), has_aux, primals, {})

    def push(tangents: Any) -> Any:
        if not isinstance(tangents, tuple):
            raise UsageError(f"{name}: the tangents must be a tuple, as in (t,), got {type(tangents).__name__}")
        flat = leaves(tangents)
        if len(flat) != len(run.inputs):
            raise ShapeError(f"{name}: {len(run.inputs)} primals need as many tangents, got {len(flat)}")
        for t, x in zip(flat, run.inputs, strict=True):
            _check_like(t, x, f"{name}: the tangent", "primal")
        return rebuild(run.output, run.push(flat))

    return run, run.released(run.output), push
