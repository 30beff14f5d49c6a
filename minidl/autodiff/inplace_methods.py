"""The methods and operators that change a tensor in place."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Self

from ..errors import GraphError, ShapeError
from ..graph import Node, describe
from . import inplace

IN_PLACE = """
abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin
asinh atan atan2 atanh baddbmm bitwise_and bitwise_not bitwise_or bitwise_xor ceil clamp clamp_max clamp_min clip copysign
cos cosh cumprod cumsum div divide eq erf erfc exp exp2 expm1 fix float_power floor floor_divide fmod frac ge gt heaviside
hypot index_add index_copy index_fill index_put le lerp log log10 log1p log2 logical_and logical_not logical_or logical_xor
logit lt masked_fill masked_scatter mul multiply nan_to_num ne neg negative pow reciprocal relu remainder round rsqrt scatter
scatter_add scatter_reduce sgn sigmoid sign sin sinc sinh sqrt square sub subtract tan tanh tril triu true_divide trunc xlogy
"""
"""The methods that PyTorch has with a final underscore too: `x.exp_()` is `x.exp()` in place."""


def in_place_method(name: str) -> Callable[..., Any]:
    """The method `name` with its result written into the tensor itself."""

    def method(self: Node, *args: Any, **kwargs: Any) -> Any:
        def compute(x: Any, *tensors: Any) -> Any:
            given = iter(tensors)
            own_args = [next(given) if isinstance(a, Node) else a for a in args]
            return getattr(x, name)(
                *own_args, **{k: next(given) if isinstance(a, Node) else a for k, a in kwargs.items()}
            )

        inplace.change(self, compute, [a for a in (*args, *kwargs.values()) if isinstance(a, Node)], f".{name}_")
        return self

    method.__name__ = f"{name}_"
    method.__qualname__ = f"Tensor.{name}_"
    method.__doc__ = f"`x.{name}(…)`, written into `x` itself, which it returns."
    return method


def _augmented(function: Callable[[Any, Any], Any], symbol: str) -> Callable[[Any, Any], Any]:
    def operate(self: Node, other: Any) -> Any:
        inplace.change(self, function, [other], symbol)
        return self

    return operate


class InPlace(Node):
    """A node with the operations that change it in place; `minidl.autodiff.inplace` says what that means."""

    __slots__ = ()

    __iadd__ = _augmented(operator.add, "+=")
    __isub__ = _augmented(operator.sub, "-=")
    __imul__ = _augmented(operator.mul, "*=")
    __itruediv__ = _augmented(operator.truediv, "/=")
    __ifloordiv__ = _augmented(operator.floordiv, "//=")
    __imod__ = _augmented(operator.mod, "%=")
    __ipow__ = _augmented(operator.pow, "**=")
    __iand__ = _augmented(operator.and_, "&=")
    __ior__ = _augmented(operator.or_, "|=")
    __ixor__ = _augmented(operator.xor, "^=")

    def __setitem__(self, index: Any, value: Any) -> None:
        inplace.assign(self, index, value)

    def copy_(self, src: Any, non_blocking: bool = False) -> Self:
        """Take over the numbers of `src`, converted to this dtype, broadcast to this shape, from any device.

        >>> import minidl
        >>> minidl.zeros(2).copy_(minidl.tensor([3, 4]))
        tensor([3., 4.])
        """
        inplace.assign(self, ..., src, "copy_")
        return self

    def fill_(self, value: Any) -> Self:
        """Set every element to one number.

        Raises:
            ShapeError: a tensor with axes.

        >>> import minidl
        >>> minidl.zeros(2).fill_(7)
        tensor([7., 7.])
        """
        if isinstance(value, list | tuple) or (hasattr(value, "shape") and value.shape):
            told = f"a tensor of shape {value.shape}" if hasattr(value, "shape") else f"{value!r:.60}"
            raise ShapeError(f"fill_: one number, not {told}; copy_ takes a whole tensor")
        inplace.assign(self, ..., value, "fill_")
        return self

    def zero_(self) -> Self:
        """Set every element to 0."""
        return self.fill_(0)

    def detach_(self) -> Self:
        """Forget the history: from here on it is a leaf that wants no gradient. What was computed from it keeps the history.

        Raises:
            GraphError: a view, whose history is that of its base.

        >>> import minidl
        >>> x = minidl.scalar(2.0)
        >>> y = x * 3
        >>> z = y * y
        >>> y.detach_().requires_grad
        False
        >>> z.backward()
        >>> x.grad
        tensor(36., dtype=minidl.float64)
        """
        if self.primitive is not None and self.primitive.views:
            raise GraphError(f"detach_: {describe(self)} is a view, which cannot leave its base; use detach()")
        inplace.forget(self)
        return self
