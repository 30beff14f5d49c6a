"""Tensor: the node that people hold. Operators and methods under PyTorch's names; each calls a primitive's function."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np

from .autodiff import gradient as _gradient
from .errors import DtypeError, GraphError, ShapeError, UsageError
from .graph import Node, data_of
from .kernels import dtypes
from .primitives import activation, arithmetic, comparison, exponential, linalg, reduction, shape, softmax
from .printing import format_array

Dim = int | tuple[int, ...] | list[int] | None


class Tensor(Node):
    """A value in a computational graph: an array, how it was computed, and perhaps a gradient.

    Make one with `minidl.tensor(...)` or `minidl.scalar(...)`.

    >>> import minidl
    >>> x = minidl.tensor([1.0, -2.0], requires_grad=True)
    >>> y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([ 2., -4.])
    """

    __slots__ = ()
    __hash__ = object.__hash__

    def __init__(self, data: Any, requires_grad: bool = False, name: str | None = None) -> None:
        if requires_grad and data.dtype.kind not in "fc":
            raise DtypeError(f"only floating-point tensors can require gradients, not {data.dtype}; write 2.0 for 2")
        super().__init__(data, requires_grad, name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        """NumPy's side of `array * tensor`, which is ours, and of `array -= tensor`, which changes the array."""
        if method == "__call__" and out is not None and not any(isinstance(o, Node) for o in out):
            return ufunc(*(data_of(x) for x in inputs), out=out, **options)
        ours = _UFUNCS.get(ufunc.__name__) if method == "__call__" and out is None and not options else None
        return NotImplemented if ours is None else ours(*inputs)

    def __repr__(self) -> str:
        return f"tensor({format_array(self._data, indent=7)}{self._suffix()})"

    def _suffix(self) -> str:
        parts = []
        if self.dtype not in (dtypes.get_default_dtype(), dtypes.int64, dtypes.bool_):
            parts.append(f"dtype=minidl.{self.dtype}")
        if self.name:
            parts.append(f"name={self.name!r}")
        if self.primitive is not None:
            parts.append(f"from={self.primitive.name}")
        elif self.requires_grad:
            parts.append("requires_grad=True")
        return "".join(f", {part}" for part in parts)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self._data.size == 1 else format(repr(self), spec)

    def __len__(self) -> int:
        if not self.shape:
            raise UsageError("len() of a tensor that is a single number")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape:
            raise UsageError("cannot iterate over a tensor that is a single number")
        return (self[i] for i in range(self.shape[0]))

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise UsageError(
                f"a tensor of shape {self.shape} is neither true nor false; use .all() or .any() of its .data"
            )
        return bool(self._data)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise DtypeError(f"only integer tensors can be used as an index, not {self.dtype}")
        return int(self.item())

    # What it holds ------------------------------------------------------------------------------------------------------

    def item(self) -> Any:
        """Return the single number it holds, as a Python number."""
        if self._data.size != 1:
            raise UsageError(f"item() needs a tensor of one element, not of shape {self.shape}")
        return self._data.item()

    def tolist(self) -> Any:
        """Return the values as nested lists."""
        return self._data.tolist()

    def numpy(self) -> Any:
        """Return the NumPy array itself (not a copy); a tensor that requires a gradient must be detached first."""
        if self.requires_grad:
            raise GraphError("numpy() would step out of the graph; use x.detach().numpy(), or x.data to look")
        return np.asarray(self._data)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the length of one axis."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """Return the number of axes."""
        return self.ndim

    def numel(self) -> int:
        """Return the number of elements."""
        return int(self._data.size)

    def named(self, name: str) -> Self:
        """Give it the name that figures and narration use, and return it."""
        self.name = name
        return self

    # Gradients ----------------------------------------------------------------------------------------------------------

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool = True,
        create_graph: bool = False,
        inputs: Sequence[Tensor] | None = None,
    ) -> None:
        """Add the gradient of this value to `.grad` of every leaf below it; see `minidl.autodiff.backward`."""
        _gradient.backward(self, gradient, retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """Return the same data (not a copy) as a leaf without history."""
        out = Tensor(self._data)
        out.shares_memory_with(self)
        return out

    def clone(self) -> Tensor:
        """Return a copy that gradients flow through."""
        return arithmetic.clone(self)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say whether this leaf wants a gradient."""
        if requires_grad and self.dtype.kind not in "fc":
            raise DtypeError(f"only floating-point tensors can require gradients, not {self.dtype}")
        if not self.is_leaf:
            raise GraphError("only leaves can be told whether to require gradients; use detach() to cut the graph here")
        self.requires_grad = requires_grad
        return self

    def retain_grad(self) -> None:
        """Have backward() keep the gradient of this intermediate value too."""
        if not self.requires_grad:
            raise GraphError("retain_grad() on a value that does not require a gradient")
        self.retains_grad = True

    # Conversion ---------------------------------------------------------------------------------------------------------

    def to(self, dtype: Any) -> Tensor:
        """Convert to another dtype, such as `minidl.float64`."""
        if dtype is None or dtype == "cpu":
            return self
        try:
            wanted = np.dtype(dtype)
        except TypeError as error:
            raise DtypeError(f"to: {dtype!r} is no dtype; use one such as minidl.float64") from error
        return self if wanted == self.dtype else shape.to_(self, dtype=wanted)

    def float(self) -> Tensor:
        """Convert to float32."""
        return self.to(dtypes.float32)

    def double(self) -> Tensor:
        """Convert to float64."""
        return self.to(dtypes.float64)

    def long(self) -> Tensor:
        """Convert to int64."""
        return self.to(dtypes.int64)

    # Shapes with PyTorch's loose arguments: x.reshape(2, 3) or x.reshape((2, 3)) -----------------------------------------

    def reshape(self, *size: Any) -> Tensor:
        """Arrange the elements in another shape; see `minidl.reshape`."""
        return shape.reshape(self, sizes(size))

    view = reshape

    def permute(self, *dims: Any) -> Tensor:
        """Reorder the axes; see `minidl.permute`."""
        return shape.permute(self, sizes(dims))

    def expand(self, *size: Any) -> Tensor:
        """Repeat along axes of length 1; see `minidl.expand`."""
        return shape.expand(self, sizes(size))

    def t(self) -> Tensor:
        """The transpose of a matrix."""
        return self.T

    def contiguous(self) -> Tensor:
        """Return itself: memory order is the kernels' own business here."""
        return self

    @property
    def T(self) -> Tensor:  # noqa: N802
        """The transpose of a matrix."""
        if self.ndim > 2:
            raise UsageError(f"x.T is for matrices; for shape {self.shape} use x.mT or x.transpose(dim0, dim1)")
        return shape.transpose(self, 0, 1) if self.ndim == 2 else self

    @property
    def mT(self) -> Tensor:  # noqa: N802
        """The transpose of the last two axes."""
        if self.ndim < 2:
            raise UsageError(f"x.mT needs at least two axes, got shape {self.shape}")
        return shape.transpose(self, -2, -1)

    def __getitem__(self, index: Any) -> Tensor:
        return shape.getitem(self, index)

    # Operators ----------------------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Tensor:
        return arithmetic.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return arithmetic.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return arithmetic.sub(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return arithmetic.sub(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return arithmetic.mul(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return arithmetic.mul(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return arithmetic.div(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return arithmetic.div(other, self)

    def __pow__(self, exponent: Any) -> Tensor:
        return arithmetic.pow(self, exponent)

    def __rpow__(self, base: Any) -> Tensor:
        return arithmetic.pow_(base, self)

    def __matmul__(self, other: Any) -> Tensor:
        return linalg.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return linalg.matmul(other, self)

    def __iadd__(self, other: Any) -> Tensor:
        return self._in_place(arithmetic.add(self, other), "+=")

    def __isub__(self, other: Any) -> Tensor:
        return self._in_place(arithmetic.sub(self, other), "-=")

    def __imul__(self, other: Any) -> Tensor:
        return self._in_place(arithmetic.mul(self, other), "*=")

    def __itruediv__(self, other: Any) -> Tensor:
        return self._in_place(arithmetic.div(self, other), "/=")

    def _in_place(self, result: Tensor, symbol: str) -> Tensor:
        """Take over `result`'s data; a result with history cannot be written into a leaf and stands for itself."""
        if self.is_leaf and self.requires_grad and result.requires_grad:
            raise GraphError(f"x {symbol} … on a leaf that requires a gradient: do it inside `with minidl.no_grad():`")
        if result.requires_grad:
            return result
        if result.shape != self.shape:
            raise ShapeError(f"x {symbol} …: the result has shape {result.shape}, which does not fit into {self.shape}")
        if not np.can_cast(result.dtype, self.dtype, "same_kind"):
            raise DtypeError(f"x {symbol} …: the result is {result.dtype}, which does not fit into {self.dtype}")
        self.data = result.data.astype(self.dtype)
        return self

    def __neg__(self) -> Tensor:
        return arithmetic.neg(self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return arithmetic.abs_(self)

    def __eq__(self, other: object) -> Any:
        return False if other is None else comparison.equal(self, other)

    def __ne__(self, other: object) -> Any:
        return True if other is None else comparison.not_equal(self, other)

    def __lt__(self, other: Any) -> Any:
        return comparison.less(self, other)

    def __le__(self, other: Any) -> Any:
        return comparison.less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return comparison.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return comparison.greater_equal(self, other)


def _method(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A function whose first argument is the tensor, as a method of that name."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    method.__doc__ = f"See `minidl.{name}`."
    return method


_METHODS: dict[str, Callable[..., Any]] = {
    "abs": arithmetic.abs_,
    "add": arithmetic.add,
    "amax": reduction.amax,
    "amin": reduction.amin,
    "argmax": reduction.argmax,
    "argmin": reduction.argmin,
    "cos": exponential.cos,
    "div": arithmetic.div,
    "exp": exponential.exp,
    "flatten": shape.flatten,
    "gather": shape.gather,
    "log": exponential.log,
    "log_softmax": softmax.log_softmax,
    "matmul": linalg.matmul,
    "max": reduction.max,
    "maximum": arithmetic.maximum,
    "mean": reduction.mean,
    "min": reduction.min,
    "minimum": arithmetic.minimum,
    "mul": arithmetic.mul,
    "neg": arithmetic.neg,
    "norm": reduction.norm,
    "pow": arithmetic.pow,
    "relu": activation.relu,
    "sigmoid": activation.sigmoid,
    "sign": arithmetic.sign,
    "sin": exponential.sin,
    "softmax": softmax.softmax,
    "sqrt": exponential.sqrt,
    "square": arithmetic.square,
    "squeeze": shape.squeeze,
    "sub": arithmetic.sub,
    "sum": reduction.sum,
    "tanh": activation.tanh,
    "transpose": shape.transpose,
    "unsqueeze": shape.unsqueeze,
}
for _name, _function in _METHODS.items():
    setattr(Tensor, _name, _method(_function, _name))

Tensor.result_class = Tensor

_UFUNCS: dict[str, Callable[..., Any]] = {
    "absolute": arithmetic.abs_,
    "add": arithmetic.add,
    "cos": exponential.cos,
    "divide": arithmetic.div,
    "equal": comparison.equal,
    "exp": exponential.exp,
    "greater": comparison.greater,
    "greater_equal": comparison.greater_equal,
    "less": comparison.less,
    "less_equal": comparison.less_equal,
    "log": exponential.log,
    "matmul": linalg.matmul,
    "maximum": arithmetic.maximum,
    "minimum": arithmetic.minimum,
    "multiply": arithmetic.mul,
    "negative": arithmetic.neg,
    "not_equal": comparison.not_equal,
    "power": arithmetic.pow_,
    "sin": exponential.sin,
    "sqrt": exponential.sqrt,
    "subtract": arithmetic.sub,
    "tanh": activation.tanh,
}
"""What NumPy's functions mean for tensors; the others are refused rather than computed without a record."""


def sizes(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Lengths given one by one or as one sequence, as a tuple."""
    lengths = given[0] if len(given) == 1 and isinstance(given[0], tuple | list) else given
    try:
        return tuple(operator.index(n) for n in lengths)
    except TypeError as error:
        raise UsageError(f"lengths and axes must be whole numbers, got {given!r}") from error
