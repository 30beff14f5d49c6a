"""Layers of dot products: linear and bilinear."""

from __future__ import annotations

import math
from typing import Any

from ...errors import UsageError
from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter, new_parameter


class Identity(Module):
    """The input, unchanged; whatever arguments it is made with are ignored.

    >>> import minidl
    >>> Identity(54, whatever=True)(minidl.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """Any shape; the same tensor."""
        return input


class Linear(Module):
    """y = x Wᵀ + b.

    Args:
        in_features: numbers in.
        out_features: numbers out.
        bias: whether to add b.
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of the parameters; the default one if None.

    Attributes:
        weight: `(out_features, in_features)`, drawn evenly between ±1/√in_features.
        bias: `(out_features,)`, drawn likewise, or None.

    >>> import minidl
    >>> Linear(3, 2)(minidl.ones(5, 3)).shape
    (5, 2)
    """

    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        if in_features < 1 or out_features < 1:
            raise UsageError(f"Linear: needs at least one feature in and out, got {in_features} and {out_features}")
        self.in_features = in_features
        self.out_features = out_features
        self.weight = new_parameter("Linear", (out_features, in_features), dtype, device)
        self.register_parameter("bias", new_parameter("Linear", (out_features,), dtype, device) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.in_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Any:
        """`(…, in_features)` → `(…, out_features)`."""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """y[k] = x₁ᵀ W[k] x₂ + b[k].

    Args:
        in1_features: numbers in the first input.
        in2_features: numbers in the second input.
        out_features: numbers out.
        bias: whether to add b.
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of the parameters; the default one if None.

    Attributes:
        weight: `(out_features, in1_features, in2_features)`.
        bias: `(out_features,)` or None.

    >>> import minidl
    >>> Bilinear(3, 4, 2)(minidl.ones(5, 3), minidl.ones(5, 4)).shape
    (5, 2)
    """

    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if min(in1_features, in2_features, out_features) < 1:
            raise UsageError(
                f"Bilinear: needs at least one feature each, got {in1_features}, {in2_features} and {out_features}"
            )
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = new_parameter("Bilinear", (out_features, in1_features, in2_features), dtype, device)
        self.register_parameter("bias", new_parameter("Bilinear", (out_features,), dtype, device) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, evenly between ±1/√in1_features."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Any:
        """`(…, in1_features)` and `(…, in2_features)` → `(…, out_features)`."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
