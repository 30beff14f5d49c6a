"""Where the matrices of a batch are: its axes folded to two, an outer and an inner one, whose strides may be any, also 0.

A block learns the number of its matrix from the grid's third axis. With `inner` matrices along the inner axis it is at

    number · each + (number // inner) · carry

where `each` is the inner axis's stride, and `carry` what the outer axis's stride has over `inner` of these.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..array import DeviceArray
from ..compiler.language import device
from ..elementwise.plans import factor_and_shift
from ..places.copies import contiguous
from ..places.views import collapsed, spread

MOST = 65535
"""How many matrices one launch takes: the length of the grid's third axis."""


@device
def start_of(number: Any, shift: Any, factor: Any, each: Any, carry: Any) -> Any:
    """Where a matrix begins. It divides by a multiplication and a shift (`plans.factor_and_shift`)."""
    return number * each + (((number * factor >> 32) + number) >> shift) * carry


class Batch(NamedTuple):
    """Where the matrices of both factors are, in elements, as kernels take it.

    Attributes:
        matrices: how many there are.
        shift, factor: with which a number is divided by the length of the inner axis.
        x_each, x_carry, y_each, y_carry: see above.
    """

    matrices: int
    shift: int
    factor: int
    x_each: int
    x_carry: int
    y_each: int
    y_carry: int


def folded(x: DeviceArray, y: DeviceArray) -> tuple[DeviceArray, DeviceArray, Batch]:
    """Fold the batch axes of two arrays of matrices, which are alike; arrays that strides cannot fold are copied.

    >>> from minidl.kernels.cuda.places.views import collapsed
    >>> collapsed((5, 8), (0, 48), (384, 48))                                  # 5 × 8 matrices, of x the same for all 5
    ((5, 8), (0, 48), (384, 48))
    """
    batch = x.shape[:-2]
    lengths, in_x, in_y = collapsed(batch, x.strides[:-2], y.strides[:-2])
    if len(lengths) > 2:
        return folded(contiguous(x), contiguous(y))
    outer, inner = (1, 1, *lengths)[-2:]
    factor, shift = factor_and_shift(inner)
    (x_outer, x_inner), (y_outer, y_inner) = (
        (0, 0, *(s // a.itemsize for s in own))[-2:] for a, own in ((x, in_x), (y, in_y))
    )
    steps = x_inner, x_outer - inner * x_inner, y_inner, y_outer - inner * y_inner
    return x, y, Batch(outer * inner, shift, factor, *steps)


def broadcast(x: DeviceArray, y: DeviceArray, batch: tuple[int, ...]) -> tuple[DeviceArray, DeviceArray]:
    """Repeat the matrices of both to a batch."""
    return spread(x, (*batch, *x.shape[-2:])), spread(y, (*batch, *y.shape[-2:]))
