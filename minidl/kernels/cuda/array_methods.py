"""A device array's operators and methods, under NumPy's names: each calls the backend."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ...errors import DeviceError, NotOnDeviceError

if TYPE_CHECKING:
    from .array import DeviceArray

Shape = tuple[int, ...]
_PLAIN = {int, float, bool}


@functools.cache
def _backend() -> Any:
    from .backend import backend

    return backend


def is_operand(x: Any) -> bool:
    """Whether an operator takes it; of anything else, such as a tensor, the other side's operator is asked.

    Raises:
        DeviceError: it is an array on the CPU; one without axes counts as a number.
    """
    if x.__class__ in _PLAIN:
        return True
    if isinstance(x, np.ndarray) and x.ndim:
        raise DeviceError(
            f"an array on a GPU meets one of shape {x.shape} on the CPU: bring that to the GPU, x.to('cuda') of a tensor, "
            "or both to the CPU, x.cpu()"
        )
    return isinstance(x, _OPERANDS)


def _binary(name: str, swapped: bool = False) -> Callable[..., Any]:
    def operate(self: Any, other: Any) -> Any:
        if not is_operand(other):
            return NotImplemented
        function = getattr(_backend(), name)
        return function(other, self) if swapped else function(self, other)

    return operate


def _unary(name: str) -> Callable[..., Any]:
    def operate(self: Any) -> Any:
        return getattr(_backend(), name)(self)

    return operate


def _in_place(name: str) -> Callable[..., Any]:
    def operate(self: Any, other: Any) -> Any:
        from .elementwise.operations import apply_to

        return apply_to(name, (self, other), self) if is_operand(other) else NotImplemented

    return operate


def _reduction(name: str) -> Callable[..., Any]:
    def reduce(self: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        found = getattr(_backend(), name)(
            self if dtype is None else self.astype(dtype, copy=False), axis=axis, keepdims=keepdims
        )
        return found if out is None else _written(out, found)

    return reduce


def _extremum(name: str) -> Callable[..., Any]:
    def reduce(self: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        found = getattr(_backend(), name)(self, axis=axis, keepdims=keepdims)
        return found if out is None else _written(out, found)

    return reduce


def _written(out: Any, values: Any) -> Any:
    """An array that was given for the result, with the result in it."""
    out[...] = values
    return out


def _power(self: Any, other: Any) -> Any:
    """`self ** other`; of the usual exponents, what is quicker, as NumPy does."""
    backend = _backend()
    if isinstance(other, int | float) and self.dtype.kind == "f":
        if other == 2:
            return backend.square(self)
        if other == 0.5:
            return backend.sqrt(self)
        if other == -1:
            return backend.divide(1, self)
    return backend.pow(self, other) if is_operand(other) else NotImplemented


class Manners:
    """What a device array does as a NumPy array does it."""

    __slots__ = ()

    if TYPE_CHECKING:
        shape: Shape
        strides: Shape
        dtype: np.dtype[Any]
        ndim: int
        size: int

        @property
        def itemsize(self) -> int:
            """The bytes of one element."""

        def view_as(self, shape: Shape, strides: Shape, offset: int = 0, dtype: Any = None) -> DeviceArray:
            """Another shape over the same memory."""

    # Operators ----------------------------------------------------------------------------------------------------------

    __add__, __radd__, __iadd__ = _binary("add"), _binary("add", True), _in_place("add")
    __sub__, __rsub__, __isub__ = _binary("subtract"), _binary("subtract", True), _in_place("subtract")
    __mul__, __rmul__, __imul__ = _binary("multiply"), _binary("multiply", True), _in_place("multiply")
    __truediv__, __rtruediv__, __itruediv__ = _binary("divide"), _binary("divide", True), _in_place("divide")
    __floordiv__, __rfloordiv__ = _binary("floor_divide"), _binary("floor_divide", True)
    __mod__, __rmod__ = _binary("remainder"), _binary("remainder", True)
    __ifloordiv__, __imod__, __ipow__ = _in_place("floor_divide"), _in_place("remainder"), _in_place("pow")
    __pow__, __rpow__ = _power, _binary("pow", True)
    __matmul__, __rmatmul__ = _binary("matmul"), _binary("matmul", True)
    __and__, __rand__, __iand__ = _binary("bitwise_and"), _binary("bitwise_and", True), _in_place("bitwise_and")
    __or__, __ror__, __ior__ = _binary("bitwise_or"), _binary("bitwise_or", True), _in_place("bitwise_or")
    __xor__, __rxor__, __ixor__ = _binary("bitwise_xor"), _binary("bitwise_xor", True), _in_place("bitwise_xor")
    __neg__, __pos__, __abs__, __invert__ = (
        _unary("negative"),
        _unary("positive"),
        _unary("abs"),
        _unary("bitwise_invert"),
    )
    __lt__, __le__, __gt__, __ge__ = (_binary(n) for n in ("less", "less_equal", "greater", "greater_equal"))
    __eq__, __ne__ = _binary("equal"), _binary("not_equal")
    __hash__ = object.__hash__

    # Elements -----------------------------------------------------------------------------------------------------------

    def __getitem__(self: Any, index: Any) -> DeviceArray:
        from .places.moves import flip
        from .places.shapes import basic_view

        found = basic_view(self, index)
        if found is None:
            return _backend().getitem(self, index)
        view, backwards = found
        return flip(view, backwards) if backwards else view

    def __setitem__(self: Any, index: Any, value: Any) -> None:
        from .places.shapes import assign

        assign(self, index, value)

    def fill(self, value: Any) -> None:
        """Write one number everywhere."""
        self[...] = value

    # Shapes -------------------------------------------------------------------------------------------------------------

    def reshape(self, *shape: Any, order: str = "C") -> DeviceArray:
        """The same elements in another shape."""
        _require_row_major(order)
        return _backend().reshape(self, shape[0] if len(shape) == 1 else shape)

    def ravel(self, order: str = "C") -> DeviceArray:
        """All elements along one axis: a view if it can be."""
        _require_row_major(order)
        return _backend().reshape(self, (-1,))

    def flatten(self, order: str = "C") -> DeviceArray:
        """A copy of all elements along one axis."""
        _require_row_major(order)
        return _backend().reshape(self.copy(), (-1,))

    def transpose(self, *axes: Any) -> DeviceArray:
        """A view with the axes in another order."""
        given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return _backend().permute_dims(self, given)

    @property
    def T(self) -> DeviceArray:  # noqa: N802
        """A view with the axes in the opposite order."""
        return self.transpose()

    @property
    def mT(self) -> DeviceArray:  # noqa: N802
        """A view with the last two axes swapped."""
        return self.swapaxes(-1, -2)

    def swapaxes(self, axis1: int, axis2: int) -> DeviceArray:
        """A view with two axes swapped."""
        axes = list(range(self.ndim))
        axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
        return self.transpose(axes)

    def squeeze(self: Any, axis: Any = None) -> DeviceArray:
        """A view without axes of length 1."""
        from .places.shapes import squeeze

        return squeeze(self, axis)

    # Copies -------------------------------------------------------------------------------------------------------------

    def astype(self, dtype: Any, *, copy: bool = True) -> DeviceArray:
        """The elements in another dtype; without `copy` what has it already is returned as it is."""
        found = _backend().astype(self, dtype)
        return self.copy() if copy and found is self else found

    def copy(self, order: str = "C") -> DeviceArray:
        """A row-major copy."""
        return _backend().copy(self)

    def view(self, dtype: Any = None) -> DeviceArray:
        """The same memory, perhaps read as another dtype of the same size.

        Raises:
            ValueError: it has another size.
        """
        wanted = self.dtype if dtype is None else np.dtype(dtype)
        if wanted.itemsize != self.itemsize:
            raise ValueError(f"elements of {self.dtype} are not viewed as {wanted}, which has another size")
        return self.view_as(self.shape, self.strides, dtype=wanted)

    @property
    def real(self) -> Self:
        """The array: a GPU has no complex numbers here."""
        return self

    def conj(self) -> Self:
        """The array: a GPU has no complex numbers here."""
        return self

    # Reductions and others ----------------------------------------------------------------------------------------------

    sum, mean, prod = _reduction("sum"), _reduction("mean"), _reduction("prod")
    max, min, any, all = _extremum("max"), _extremum("min"), _extremum("any"), _extremum("all")
    argmax, argmin = _extremum("argmax"), _extremum("argmin")

    def var(self, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        """The mean squared distance from the mean, n − ddof in the place of n."""
        backend = _backend()
        apart = self - backend.mean(self, axis=axis, keepdims=True)
        total = backend.sum(apart * apart, axis=axis, keepdims=keepdims)
        return total / (self.size / max(total.size, 1) - ddof)

    def std(self, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        """The root of `var`."""
        return _backend().sqrt(self.var(axis, ddof, keepdims))

    def cumsum(self, axis: int | None = None) -> DeviceArray:
        """The sums up to each element."""
        return _backend().cumulative_sum(*_along(self, axis))

    def cumprod(self, axis: int | None = None) -> DeviceArray:
        """The products up to each element."""
        return _backend().cumulative_prod(*_along(self, axis))

    def argsort(self, axis: int = -1, *, kind: str | None = None, stable: bool | None = None) -> DeviceArray:
        """The positions in sorted order; equal elements stay in theirs."""
        return _backend().argsort(self, axis)

    def clip(self, min: Any = None, max: Any = None) -> Any:
        """Each element, or the bound that it is beyond."""
        backend = _backend()
        if min is None:
            return self.copy() if max is None else backend.minimum(self, max)
        return backend.maximum(self, min) if max is None else backend.clip(self, min, max)

    def round(self, decimals: int = 0) -> Any:
        """The nearest number with so many digits behind the point; of two the even one."""
        backend = _backend()
        return backend.round(self) if not decimals else backend.round(self * 10**decimals) / 10**decimals

    def dot(self, other: Any) -> Any:
        """The product of matrices or vectors."""
        return _backend().matmul(self, other)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> DeviceArray:
        """A view of a diagonal, as the last axis."""
        return _backend().diagonal(self, offset, axis1, axis2)

    def repeat(self, repeats: int, axis: int | None = None) -> DeviceArray:
        """Each element so many times in a row."""
        x, at = _along(self, axis)
        count = operator.index(repeats)
        at %= x.ndim
        backend = _backend()
        wide = backend.broadcast_to(
            backend.reshape(x, (*x.shape[: at + 1], 1, *x.shape[at + 1 :])),
            (*x.shape[: at + 1], count, *x.shape[at + 1 :]),
        )
        return backend.reshape(wide, (*x.shape[:at], x.shape[at] * count, *x.shape[at + 1 :]))


def _along(x: Any, axis: int | None) -> tuple[Any, int]:
    """An array and an axis of it; without one, all elements along one."""
    return (x.reshape(-1), 0) if axis is None else (x, axis)


def _require_row_major(order: str) -> None:
    if order not in ("C", "A", "K"):
        raise NotOnDeviceError(
            f"order={order!r}: on a GPU elements are counted in row-major order; transpose the array first"
        )


_OPERANDS = (Manners, np.ndarray, np.generic, int, float)
