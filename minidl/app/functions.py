"""The functions that an expression on the command line may call, most of them straight from the catalogue."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

import minidl

from ..graph import Primitive
from ..primitives import Operation, catalogue


def transpose(x: Any) -> Any:
    """Turn a matrix over; a vector or a number stays as it is."""
    return x.T if x.ndim == 2 else minidl.permute(x, (0,)) if x.ndim == 1 else x


def _along_last(function: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda x: function(x, dim=-1)


_ELEMENTWISE: Final = ("activation", "activation_smooth", "arithmetic", "exponential", "rounding", "trigonometric")
"""Families of the catalogue whose operations of one tensor, or two, an expression may call."""

_TOGETHER: Final = (
    "sum", "mean", "prod", "var", "std", "norm", "squared_norm", "amax", "amin", "median", "outer", "dot", "det", "trace",
    "mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "cross_entropy", "binary_cross_entropy_with_logits",
    "kl_div", "cosine_similarity",
)  # fmt: skip
"""Operations on whole arrays that it may call."""

_NEVER: Final = ("rrelu", "clone", "positive", "prelu")
"""Random, without a meaning in a formula, or for channels only."""


def _counts(op: Operation) -> tuple[int, ...]:
    """How many plain arguments an operation takes, its options left at their defaults."""
    if isinstance(op.function, Primitive):
        return (len(op.function.arguments),)
    told = inspect.signature(op.function).parameters.values()
    return (sum(p.default is p.empty for p in told),)


def _from_catalogue() -> dict[str, tuple[tuple[int, ...], Callable[..., Any]]]:
    found: dict[str, tuple[tuple[int, ...], Callable[..., Any]]] = {}
    for op in catalogue.values():
        wanted = op.family in _ELEMENTWISE or op.name in _TOGETHER
        if wanted and op.name not in _NEVER and op.homes[0] in ("minidl", "functional"):
            found |= dict.fromkeys((op.name, *op.aliases), (_counts(op), op.function))
    return found


FUNCTIONS: Final[dict[str, tuple[tuple[int, ...], Callable[..., Any]]]] = {
    **_from_catalogue(),
    "ln": ((1,), minidl.log),
    "sigma": ((1,), minidl.sigmoid),
    "σ": ((1,), minidl.sigmoid),
    **dict.fromkeys(("clamp", "clip"), ((3,), minidl.clamp)),
    "softmax": ((1,), _along_last(minidl.softmax)),
    "log_softmax": ((1,), _along_last(minidl.log_softmax)),
    "logsumexp": ((1,), _along_last(minidl.logsumexp)),
    "cumsum": ((1,), _along_last(minidl.cumsum)),
    "transpose": ((1,), transpose),
    "cosine_similarity": ((2,), lambda x, y: minidl.nn.functional.cosine_similarity(x, y, dim=-1)),
    "max": ((1, 2), lambda *x: minidl.maximum(*x) if len(x) == 2 else minidl.amax(*x)),
    "min": ((1, 2), lambda *x: minidl.minimum(*x) if len(x) == 2 else minidl.amin(*x)),
}
"""The functions an expression may call: how many plain arguments each takes, and what it is."""
