"""Tensor: the node that people hold. Operators and methods under PyTorch's names; each calls a primitive's function."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .autodiff import gradient as _gradient
from .autodiff import hooks
from .autodiff.inplace_methods import IN_PLACE, in_place_method
from .errors import DeviceError, DtypeError, GraphError, RangeError, UsageError
from .graph import Node, array_of, data_of
from .graph.mode import state
from .kernels import ARRAYS, dtypes
from .placement import Placed
from .primitives.operation import namespace
from .primitives.reductions import reduction
from .primitives.shapes import broadcasting, flipping, shape
from .printing import format_array

Dim = int | tuple[int, ...] | list[int] | None


class Tensor(Placed):
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
        parts = [f"device={str(self.device)!r}"] if self.is_cuda else []
        shown = (dtypes.int64, dtypes.bool_) if self._data.size else ()  # dtypes that the numbers themselves show
        if self.dtype not in (dtypes.get_default_dtype(), *shown):
            parts.append(f"dtype=minidl.{self.dtype}")
        if self.name:
            parts.append(f"name={self.name!r}")
        if self.primitive is not None:
            parts.append(f"from={self.primitive.name}")
        elif self.requires_grad:
            parts.append("requires_grad=True")
        return "".join(f", {part}" for part in parts)

    def __format__(self, spec: str) -> str:
        if not spec:
            return repr(self)
        if self._data.size != 1:
            raise UsageError(f"the format {spec!r} is for one number, not for a tensor of shape {self.shape}")
        return format(self.item(), spec)

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
        return bool(self.data)

    def __reversed__(self) -> Tensor:
        return flipping.flip(self, (0,)) if self.shape else self

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise DtypeError(f"only integer tensors can be used as an index, not {self.dtype}")
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __contains__(self, element: Any) -> bool:
        return bool((self == element).data.any())

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The operations, which no type checker can see coming."""

    # What it holds ------------------------------------------------------------------------------------------------------

    def item(self) -> Any:
        """Return the single number it holds, as a Python number."""
        if self._data.size != 1:
            raise UsageError(f"item() needs a tensor of one element, not of shape {self.shape}")
        return self.data.item()

    def tolist(self) -> Any:
        """Return the values as nested lists."""
        return self.data.tolist()

    def numpy(self) -> Any:
        """Return the NumPy array itself (not a copy); a tensor that requires a gradient must be detached first.

        Raises:
            GraphError: it requires a gradient.
            DeviceError: it is on a GPU.
        """
        if self.requires_grad:
            raise GraphError("numpy() would step out of the graph; use x.detach().numpy(), or x.data to look")
        if self.is_cuda:
            raise DeviceError(f"numpy(): the tensor is on {self.device}; x.cpu().numpy() fetches it")
        return array_of(self)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the length of one axis."""
        if dim is None:
            return self.shape
        if not self.shape:
            raise RangeError(f"size: dim={dim} is out of range for a single number, which has no axes")
        return self.shape[shape.axis_of(dim, self.ndim, "size")]

    def dim(self) -> int:
        """Return the number of axes."""
        return self.ndim

    def numel(self) -> int:
        """Return the number of elements."""
        return int(self._data.size)

    nelement = numel
    ndimension = dim

    def element_size(self) -> int:
        """Return the number of bytes of one element."""
        return int(self._data.itemsize)

    def is_contiguous(self) -> bool:
        """Whether the elements lie in memory in row-major order."""
        return not isinstance(self._data, ARRAYS) or bool(self._data.flags.c_contiguous)

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
        if state.tape is not None:
            state.tape.touch(self)
        out = Tensor(self._data)
        out.shares_memory_with(self)
        return out

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say whether this leaf wants a gradient."""
        if self.is_leaf or not requires_grad:
            self.requires_grad = requires_grad
        return self

    def retain_grad(self) -> None:
        """Have backward() keep the gradient of this intermediate value too."""
        if not self.requires_grad:
            raise GraphError("retain_grad() on a value that does not require a gradient")
        if not self.is_leaf:
            self.own_extras().retains_grad = True

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> hooks.Handle:
        """Have every backward pass call `hook` with this tensor's complete gradient; what it returns replaces it.

        >>> import minidl
        >>> x = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> handle = x.register_hook(lambda g: g.clamp(max=1.0))
        >>> (3 * x).sum().backward()
        >>> x.grad
        tensor([1., 1.])
        """
        return hooks.register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> hooks.Handle:
        """Have every `backward()` call `hook` with this leaf once its `.grad` is up to date."""
        return hooks.register_post_accumulate_grad_hook(self, hook)

    # Shapes with PyTorch's loose arguments: x.reshape(2, 3) or x.reshape((2, 3)) -----------------------------------------

    def reshape(self, *lengths: Any, **named: Any) -> Tensor:
        """Arrange the elements in another shape; see `minidl.reshape`."""
        return shape.reshape(self, sizes(lengths, named, "shape"))

    def permute(self, *dims: Any, **named: Any) -> Tensor:
        """Reorder the axes; see `minidl.permute`."""
        return shape.permute(self, sizes(dims, named, "dims"))

    def expand(self, *lengths: Any, **named: Any) -> Tensor:
        """Repeat along axes of length 1; see `minidl.expand`."""
        return shape.expand(self, sizes(lengths, named, "size"))

    def flip(self, *dims: Any, **named: Any) -> Tensor:
        """Reverse the order along axes; see `minidl.flip`."""
        return flipping.flip(self, sizes(dims, named, "dims"))

    def broadcast_to(self, *lengths: Any, **named: Any) -> Tensor:
        """Repeat along axes of length 1 and new leading axes; see `minidl.broadcast_to`."""
        return broadcasting.broadcast_to(self, sizes(lengths, named, "size"))

    def squeeze(self, *dims: Any, **named: Any) -> Tensor:
        """Drop axes of length 1; see `minidl.squeeze`."""
        return shape.squeeze(self, **named) if not dims else shape.squeeze(self, one_or_all(dims), **named)

    def count_nonzero(self, *dims: Any, **named: Any) -> Tensor:
        """Count the elements that are not 0; see `minidl.count_nonzero`."""
        given = {"dim": one_or_all(dims), **named} if dims else named
        return reduction.count_nonzero(self, **given)

    def tile(self, *dims: Any, **named: Any) -> Tensor:
        """Lay copies side by side; see `minidl.tile`."""
        return broadcasting.tile(self, sizes(dims, named, "dims"))

    # Others of the same dtype on the same device, unless another is named ---------------------------------------------------

    def _alike(self, dtype: Any, options: dict[str, Any]) -> dict[str, Any]:
        return {"device": self.device, **options, "dtype": self.dtype if dtype is None else dtype}

    def new_zeros(self, *lengths: Any, dtype: Any = None, **options: Any) -> Tensor:
        """Make zeros of this tensor's dtype; see `minidl.zeros`."""
        from . import creation

        return creation.zeros(*lengths, **self._alike(dtype, options))

    def new_ones(self, *lengths: Any, dtype: Any = None, **options: Any) -> Tensor:
        """Make ones of this tensor's dtype; see `minidl.ones`."""
        from . import creation

        return creation.ones(*lengths, **self._alike(dtype, options))

    def new_empty(self, *lengths: Any, dtype: Any = None, **options: Any) -> Tensor:
        """Make a tensor of this tensor's dtype whose numbers do not matter yet; see `minidl.empty`."""
        from . import creation

        return creation.empty(*lengths, **self._alike(dtype, options))

    def new_full(self, size: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Tensor:
        """Make a tensor of this tensor's dtype filled with one number; see `minidl.full`."""
        from . import creation

        return creation.full(size, fill_value, **self._alike(dtype, options))

    def new_tensor(self, data: Any, dtype: Any = None, **options: Any) -> Tensor:
        """Make a tensor of values, of this tensor's dtype; see `minidl.tensor`."""
        from . import creation

        return creation.tensor(data, **self._alike(dtype, options))

    def is_floating_point(self) -> bool:
        """Whether it holds real floating-point numbers."""
        return bool(self.dtype.kind == "f")

    def is_complex(self) -> bool:
        """Whether it holds complex numbers."""
        return bool(self.dtype.kind == "c")

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


def _conversion(name: str, dtype: Any) -> Callable[[Tensor], Tensor]:
    def convert(self: Tensor) -> Tensor:
        return self.to(dtype)

    convert.__name__ = name
    convert.__doc__ = f"Convert to {dtype}."
    return convert


_operations = namespace("Tensor")
for _name, _function in _operations.items():
    setattr(Tensor, _name, _function)
for _name, _dtype in dtypes.ALIASES.items():
    setattr(Tensor, _name, _conversion(_name, _dtype))

for _name in IN_PLACE.split():
    if hasattr(Tensor, _name):
        setattr(Tensor, f"{_name}_", in_place_method(_name))

Tensor.result_class = Tensor

_UFUNCS: dict[str, Callable[..., Any]] = {
    **{name: operation for name, operation in _operations.items() if isinstance(getattr(np, name, None), np.ufunc)},
    "equal": _operations["eq"],
    "power": _operations["pow"],
}
"""What NumPy's functions mean for tensors; the others are refused rather than computed without a record."""


def one_or_all(given: tuple[Any, ...]) -> Any:
    """Axes given one by one as a tuple; a single argument, which may be None or a sequence, as it is."""
    return given[0] if len(given) == 1 else given


def sizes(given: tuple[Any, ...], named: dict[str, Any] | None = None, keyword: str = "") -> tuple[int, ...]:
    """Lengths given one by one, as one sequence, or by the name `keyword`, as a tuple."""
    if named:
        if given or set(named) != {keyword}:
            raise UsageError(f"give lengths or axes one by one, or as {keyword}=(…); got {given} and {named}")
        given = (named[keyword],)
    lengths = given[0] if len(given) == 1 and isinstance(given[0], tuple | list) else given
    try:
        return tuple(operator.index(n) for n in lengths)
    except TypeError as error:
        raise UsageError(f"lengths and axes must be whole numbers, got {given!r}") from error
