"""Checking gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import DtypeError, GraphError
from ..graph import Node, no_grad
from ..kernels.device import brought_to, fetched, where_is
from .gradient import grad


class GradcheckError(GraphError, AssertionError):
    """A gradient that disagrees with finite differences. The message names the input, the element and both numbers."""


def gradcheck(
    f: Callable[..., Node],
    inputs: Node | Sequence[Node],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    seed: int = 0,
) -> bool:
    """Compare the gradient of `f` with central differences, for every element of every input that requires one.

    The output is multiplied by a random cotangent, which unlike a plain sum cannot hide errors that cancel.

    Args:
        f: takes the inputs, returns a tensor of any shape; it must compute the same each time it is called.
        inputs: tensors in float64, at least one of which requires a gradient.
        eps: the step of the central difference.
        atol: the absolute part of the tolerance.
        rtol: the part relative to the finite difference.
        raise_exception: whether to raise on a mismatch, or return False.
        seed: for the cotangent.

    Returns:
        True if all agree.

    Raises:
        GradcheckError: naming the input, the element, both numbers and their ratio.
        DtypeError: an input is not float64, in which differences say nothing.

    >>> import minidl
    >>> gradcheck(minidl.tanh, minidl.tensor([0.3, -2.0], dtype=minidl.float64, requires_grad=True))
    True
    """
    given = [inputs] if isinstance(inputs, Node) else list(inputs)
    checked = [x for x in given if isinstance(x, Node) and x.requires_grad]
    if not checked:
        raise GraphError("gradcheck: none of the inputs requires a gradient; create one with requires_grad=True")
    for i, x in enumerate(given):
        if isinstance(x, Node) and x.requires_grad and x.dtype != np.float64:
            raise DtypeError(
                f"gradcheck: {_name(given, i)} is {x.dtype}; finite differences need float64: create it with "
                "dtype=minidl.float64"
            )
    out = f(*given)
    if not isinstance(out, Node):
        raise GraphError(f"gradcheck: f must return a tensor, got {type(out).__name__}")
    cotangent = np.random.default_rng(seed).standard_normal(out.shape)
    found = (
        grad(out, checked, grad_outputs=_where(np.asarray(cotangent), out), allow_unused=True)
        if out.requires_grad
        else [None] * len(checked)
    )
    analytic = dict(zip(checked, found, strict=True))
    failures = []
    for i, x in enumerate(given):
        if x not in analytic:
            continue
        a = np.zeros(x.shape) if analytic[x] is None else np.asarray(fetched(analytic[x].data))
        if a.shape != x.shape or a.dtype != x.dtype:
            failures.append(f"{_name(given, i)}: the gradient is {a.dtype} {a.shape}, the input {x.dtype} {x.shape}")
            continue
        n = _differences(f, given, i, cotangent, eps)
        failures += _mismatches(_name(given, i), a, n, atol, rtol)
    if failures and raise_exception:
        raise GradcheckError("the gradient disagrees with finite differences\n  " + "\n  ".join(failures))
    return not failures


def _name(inputs: Sequence[Any], i: int) -> str:
    return f"input {i} ({inputs[i].name})" if inputs[i].name else f"input {i}"


def _differences(f: Callable[..., Node], inputs: Sequence[Any], i: int, cotangent: Any, eps: float) -> Any:
    """∂Σ(cotangent · f)/∂inputs[i], each element moved by ±eps, on copies."""
    x = inputs[i]
    base = np.array(fetched(x.data))
    numeric = np.zeros(base.shape)
    with no_grad():
        for at in np.ndindex(base.shape):
            ends = []
            for step in (eps, -eps):
                moved = base.copy()
                moved[at] += step
                there = _where(moved, x)
                copies = [there if y is x else y for y in inputs]
                ends.append(np.sum(cotangent * np.asarray(fetched(f(*copies).data))))
            numeric[at] = (ends[0] - ends[1]) / (2 * eps)
    return numeric


def _where(array: Any, like: Node) -> Node:
    """A node of an array, on the device of another."""
    return like.result_class(brought_to(array, where_is(like._data)))


def _mismatches(name: str, a: Any, n: Any, atol: float, rtol: float) -> list[str]:
    bad = ~np.isclose(a, n, atol=atol, rtol=rtol)
    if not bad.any():
        return []
    places = np.argwhere(bad)
    worst = max(map(tuple, places), key=lambda at: abs(a[at] - n[at]) if np.isfinite(a[at]) else np.inf)
    ratio = a[worst] / n[worst] if n[worst] else float("nan")
    where = f"[{', '.join(map(str, worst))}]" if worst else ""
    hint = {-1.0: " (a sign?)", 2.0: " (counted twice?)", 0.5: " (counted half?)"}.get(round(float(ratio), 3), "")
    return [
        f"{name}, element {where or '()'}: backward says {a[worst]:.8g}, finite differences say {n[worst]:.8g}, "
        f"ratio {ratio:.4g}{hint}; {len(places)} of {a.size} elements differ"
    ]
