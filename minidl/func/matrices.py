"""Jacobians and Hessians, and the product of a Hessian with a vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ..autodiff.trees import rebuild
from ..errors import UsageError
from ..graph import Node
from ..kernels.device import brought_to, where_is
from ..primitives.shapes.shape import reshape, stack
from .derivatives import grad, jvp
from .run import Argnums, Function, Run, as_asked, run_in

Mode = Literal["auto", "forward", "reverse"]


def jacobian(func: Function, argnums: Argnums = 0, mode: Mode = "auto", *, has_aux: bool = False) -> Function:
    """Return a function that computes the Jacobian of `func`: ∂output/∂input, of the output's shape and then the input's.

    Args:
        func: any function of tensors.
        argnums: which positional arguments to differentiate with respect to; a tuple gives a tuple.
        mode: `forward` takes a pass for each element of the inputs, `reverse` one for each of the outputs; `auto` takes
            the fewer.
        has_aux: whether `func` returns `(output, aux)`, and the result is `(jacobian, aux)`.

    Raises:
        UsageError: an unknown mode.

    >>> import minidl
    >>> jacobian(minidl.square)(minidl.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if mode not in ("auto", "forward", "reverse"):
        raise UsageError(f"jacobian: there is no mode {mode!r}; choose auto, forward or reverse")

    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        run = run_in("jacobian", func, argnums, has_aux, args, kwargs)
        ahead = mode == "forward" or (mode == "auto" and _size(run.inputs) < _size(run.outputs))
        blocks = (_columns if ahead else _rows)(run)  # one for each output and input
        parts = [as_asked(rebuild(run.given, row), argnums) for row in blocks]
        result = rebuild(run.output, parts)
        return (result, run.released(run.aux)) if has_aux else result

    return jacobian_of


def jacfwd(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that computes the Jacobian by forward mode; see `jacobian`."""
    return jacobian(func, argnums, "forward", has_aux=has_aux)


def jacrev(func: Function, argnums: Argnums = 0, *, has_aux: bool = False) -> Function:
    """Return a function that computes the Jacobian by reverse mode; see `jacobian`."""
    return jacobian(func, argnums, "reverse", has_aux=has_aux)


def _size(nodes: Sequence[Node]) -> int:
    return sum(node._data.size for node in nodes)


def _basis(nodes: Sequence[Node], k: int, n: int) -> list[Any]:
    """Zeros of the shapes of the nodes, but for a 1 at element n of node k."""
    units = [np.zeros(node.shape, node.dtype) for node in nodes]
    units[k].reshape(-1)[n] = 1
    return [node.result_class(brought_to(unit, where_is(node._data))) for node, unit in zip(nodes, units, strict=True)]


def _columns(run: Run) -> list[list[Node]]:
    blocks: list[list[Node]] = [[] for _ in run.outputs]
    for k, x in enumerate(run.inputs):
        moved = [run.push(_basis(run.inputs, k, n)) for n in range(x._data.size)]
        for j, y in enumerate(run.outputs):
            blocks[j].append(_block([column[j] for column in moved], -1, (*y.shape, *x.shape), y))
    return blocks


def _rows(run: Run) -> list[list[Node]]:
    blocks = []
    for j, y in enumerate(run.outputs):
        sent = [run.pull(_basis(run.outputs, j, n)) for n in range(y._data.size)]
        blocks.append([_block([row[k] for row in sent], 0, (*y.shape, *x.shape), x) for k, x in enumerate(run.inputs)])
    return blocks


def _block(parts: Sequence[Node], dim: int, shape: tuple[int, ...], like: Node) -> Node:
    if not parts:
        return like.result_class(brought_to(np.zeros(shape, like.dtype), where_is(like._data)))
    return reshape(stack(list(parts), dim), shape)


def hessian(func: Function, argnums: Argnums = 0) -> Function:
    """Return a function that computes the Hessian of `func`, ∂²output/∂input∂input: forward mode over reverse mode.

    >>> import minidl
    >>> hessian(lambda x: (x**3).sum())(minidl.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def hvp(func: Function, primals: Any, tangents: Any) -> Any:
    """Return the Hessian of `func` at `primals` times `tangents`, without the Hessian: forward mode over reverse mode.

    Args:
        func: returns a single number.
        primals: the argument, or a tuple of them.
        tangents: of the same form.

    Source: Pearlmutter, 1994, "Fast exact multiplication by the Hessian".

    >>> import minidl
    >>> hvp(lambda x: (x**3).sum(), minidl.tensor([1.0, 2.0]), minidl.tensor([1.0, 1.0]))
    tensor([ 6., 12.])
    """
    if not isinstance(primals, tuple):
        return hvp(func, (primals,), (tangents,))[0]
    return jvp(grad(func, tuple(range(len(primals)))), primals, tangents)[1]
