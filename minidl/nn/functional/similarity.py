"""How alike two vectors are: distance, angle, and vectors brought to length 1."""

from __future__ import annotations

from ...errors import UsageError
from ...primitives.elementwise.rounding import clamp_min
from ...primitives.kinds import Value, expand_to, refuses, sample, shape_of
from ...primitives.layers.loss import at_least
from ...primitives.operation import operation
from ...primitives.reductions.reduction import Dim, norm, sum
from ...primitives.shapes.shape import axis_of, cast
from .checks import check_broadcast, check_float


@operation(
    "functional",
    formula="z = Σ xᵢ·yᵢ/(‖x‖·‖y‖)",
    derivative="∂z/∂x = (y/‖y‖ − z·x/‖x‖)/‖x‖; ∂z/∂y = (x/‖x‖ − z·y/‖y‖)/‖y‖",
    subgradient="a length of 0 counts as eps; its own gradient is 0",
    samples=[
        sample((3, 4), (3, 4)),
        sample((2, 3, 4), (3, 1), dim=-2),
        sample((4,), (4,), dim=0, eps=0.1),
        sample((), (), dim=0, domain="nonzero"),
        sample((0, 3), (0, 3)),
    ],
    errors=[
        refuses((2, 3), (2, 4), match="do not broadcast"),
        refuses((3,), (3,), error=UsageError, match="out of range"),
    ],
)
def cosine_similarity(x1: Value, x2: Value, dim: int = 1, eps: float = 1e-8) -> Value:
    """Compute the cosine of the angle between vectors that lie along `dim`.

    Args:
        x1: vectors.
        x2: vectors, of a shape that broadcasts with the other's.
        dim: the axis of the broadcast shape that the vectors lie along; the result has not got it.
        eps: the least length that is divided by.

    >>> import minidl
    >>> cosine_similarity(minidl.tensor([[1.0, 0.0]]), minidl.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    check_broadcast("cosine_similarity", x1=x1, x2=x2)
    product = x1 * x2
    check_float("cosine_similarity", x1=product)
    shape = shape_of(product)
    axis = axis_of(dim, len(shape), "cosine_similarity")
    first, second = (expand_to(cast(x, product.dtype), shape) for x in (x1, x2))
    return sum(_unit(first, axis, eps) * _unit(second, axis, eps), axis)


def _unit(x: Value, dim: int, eps: float) -> Value:
    return x / at_least(norm(x, 2, dim, keepdim=True), minimum=eps)


@operation(
    "functional",
    formula="z = ‖d‖ₚ, d = x − y + ε",
    derivative="∂z/∂xᵢ = sign(dᵢ)·(|dᵢ|/z)ᵖ⁻¹; ∂z/∂y = −∂z/∂x",
    subgradient="0 at x − y + ε = 0",
    samples=[
        sample((3, 4), (3, 4)),
        sample((2, 3, 4), (4,), p=1.0, keepdim=True),
        sample((4,), (4,), p=3.0, eps=0.1),
        sample((3, 4), (3, 4), p=float("inf")),
        sample((), ()),
        sample((0, 3), (0, 3)),
    ],
    errors=[refuses((2, 3), (2, 4), match="do not broadcast")],
)
def pairwise_distance(x1: Value, x2: Value, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Value:
    """Measure the distances between vectors that lie along the last axis.

    Args:
        x1: vectors `(…, D)`.
        x2: vectors `(…, D)`, of a shape that broadcasts with the other's.
        p: the order of the norm.
        eps: is added to each difference, so that equal vectors have a gradient.
        keepdim: whether the last axis stays, with length 1.

    >>> import minidl
    >>> pairwise_distance(minidl.tensor([[3.0, 4.0]]), minidl.tensor([[0.0, 0.0]]))
    tensor([5.0000])
    """
    check_broadcast("pairwise_distance", x1=x1, x2=x2)
    return norm(x1 - x2 + eps, p, -1, keepdim=keepdim)


@operation(
    "functional",
    formula="y = x/max(‖x‖ₚ, ε)",
    derivative="∂L/∂x = (g − y·Σ g·y)/‖x‖ for p = 2",
    subgradient="0 of a norm at x = 0",
    samples=[
        sample((3, 4)),
        sample((2, 3, 4), p=1.0, dim=(0, -1), domain="nonzero"),
        sample((3, 4), dim=0, eps=10.0),
        sample((2, 3, 2), p=3.0, dim=2, domain="nonzero"),
        sample((), dim=0, domain="nonzero"),
        sample((2, 0)),
    ],
    errors=[refuses((3,), error=UsageError, match="out of range")],
)
def normalize(input: Value, p: float = 2.0, dim: Dim = 1, eps: float = 1e-12) -> Value:
    """Bring vectors to length 1.

    Args:
        input: any shape.
        p: the order of the norm that measures the length.
        dim: the axis, or axes, that the vectors lie along.
        eps: the least length that is divided by; shorter vectors stay short.

    >>> import minidl
    >>> normalize(minidl.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    return input / clamp_min(norm(input, p, dim, keepdim=True), eps)
