"""Activations that saturate or shrink: the sigmoid, the hyperbolic tangent, and their straight-lined relatives."""

from __future__ import annotations

from typing import Any

from ...errors import UsageError
from ...tensor import Tensor
from .. import functional as F
from ..module import Module
from .layer import InPlace, Layer


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ).

    >>> import minidl
    >>> Sigmoid()(minidl.tensor([-1000.0, 0.0, 2.0]))
    tensor([0.0000, 0.5000, 0.8808])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.sigmoid(input)


class LogSigmoid(Module):
    """ln(1 / (1 + e⁻ˣ)), without overflow.

    >>> import minidl
    >>> LogSigmoid()(minidl.tensor([-1000.0, 0.0, 2.0]))
    tensor([-1.0000e+03, -6.9315e-01, -1.2693e-01])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.logsigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent.

    >>> import minidl
    >>> Tanh()(minidl.tensor([-1000.0, 0.0, 0.5]))
    tensor([-1.0000,  0.0000,  0.4621])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.tanh(input)


class Tanhshrink(Module):
    """x − tanh x.

    >>> import minidl
    >>> Tanhshrink()(minidl.tensor([-1.0, 0.5]))
    tensor([-0.2384,  0.0379])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.tanhshrink(input)


class Softsign(Module):
    """x / (1 + |x|).

    >>> import minidl
    >>> Softsign()(minidl.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.softsign(input)


class Hardsigmoid(InPlace):
    """A sigmoid of straight lines: 0 below −3, 1 above 3, x/6 + ½ between.

    >>> import minidl
    >>> Hardsigmoid()(minidl.tensor([-4.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.hardsigmoid(input)

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


class Hardswish(Hardsigmoid):
    """x times `Hardsigmoid`.

    Source: Howard et al., 2019, "Searching for MobileNetV3".

    >>> import minidl
    >>> Hardswish()(minidl.tensor([-4.0, 0.0, 1.5]))
    tensor([-0.0000,  0.0000,  1.1250])
    """

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
        if min_val > max_val:
            raise UsageError(f"Hardtanh: min_val={min_val} must not exceed max_val={max_val}")
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
