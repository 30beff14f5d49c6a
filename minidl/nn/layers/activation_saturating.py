"""Activations that saturate or shrink: the sigmoid, the hyperbolic tangent, and their straight-lined relatives."""

from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from .. import functional as F
from ..module import Module
from .layer import InPlace, Layer


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ)."""

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.sigmoid(input)


class LogSigmoid(Module):
    """ln(1 / (1 + e⁻ˣ)), without overflow."""

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.logsigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.tanh(input)


class Tanhshrink(Module):
    """x − tanh x."""

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.tanhshrink(input)


class Softsign(Module):
    """x / (1 + |x|)."""

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.softsign(input)


class Hardsigmoid(InPlace):
    """A sigmoid of straight lines: 0 below −3, 1 above 3, x/6 + ½ between."""

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.hardsigmoid(input)

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


class Hardswish(Hardsigmoid):
    """x times `Hardsigmoid`."""

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.hardswish(input)


class Hardtanh(InPlace):
    """x, but at least `min_val` and at most `max_val`.

    Args:
        min_val: the least value.
        max_val: the largest value.
        inplace: makes no difference.

    >>> import minidl
    >>> Hardtanh()(minidl.tensor([-3.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """

    shown = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.hardtanh(input, self.min_val, self.max_val)


class Hardshrink(Layer):
    """x, but 0 from −λ to λ.

    Args:
        lambd: λ.

    >>> import minidl
    >>> Hardshrink(1.0)(minidl.tensor([-3.0, 0.5]))
    tensor([-3.,  0.])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """λ."""
        return f"{self.lambd}"


class Softshrink(Hardshrink):
    """x nearer to 0 by λ, and 0 from −λ to λ.

    Args:
        lambd: λ.

    >>> import minidl
    >>> Softshrink(1.0)(minidl.tensor([-3.0, 0.5]))
    tensor([-2.,  0.])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.softshrink(input, self.lambd)
