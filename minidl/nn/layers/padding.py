"""Padding: what stands around an image."""

from __future__ import annotations

from typing import Any, ClassVar

from ...errors import UsageError
from ...tensor import Tensor
from .. import functional as F
from .layer import Layer

Size = int | tuple[int, ...]


class _Pad(Layer):
    """Base of all paddings.

    Args:
        padding: how many elements on every side, or one number a side: left, right, top, bottom, front, back.
    """

    axes: ClassVar[int]
    mode: ClassVar[str] = "constant"
    value: float | None = None

    def __init__(self, padding: Size) -> None:
        super().__init__()
        self.padding = (padding,) * (2 * self.axes) if isinstance(padding, int) else tuple(padding)
        if len(self.padding) != 2 * self.axes:
            raise UsageError(f"{type(self).__name__}: padding is one number or {2 * self.axes}, got {padding!r}")

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)`, or without N → the same with larger images."""
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        """How many elements on each side."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Size, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        """How many elements on each side, and what they are."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """One number on both ends of signals; `padding` is one count or (left, right).

    >>> import minidl
    >>> ConstantPad1d((0, 2), 7.0)(minidl.zeros(1, 2))
    tensor([[0., 0., 7., 7.]])
    """

    axes = 1


class ConstantPad2d(_ConstantPad):
    """One number around images; `padding` is one count or (left, right, top, bottom).

    >>> import minidl
    >>> ConstantPad2d((1, 0, 0, 0), 7.0)(minidl.zeros(1, 1, 2))
    tensor([[[7., 0., 0.]]])
    """

    axes = 2


class ConstantPad3d(_ConstantPad):
    """One number around volumes; `padding` is one count or (left, right, top, bottom, front, back).

    >>> import minidl
    >>> ConstantPad3d(1, 7.0)(minidl.zeros(1, 2, 3, 4)).shape
    (1, 4, 5, 6)
    """

    axes = 3


class _ZeroPad(_Pad):
    value = 0.0


class ZeroPad1d(_ZeroPad):
    """Zeros on both ends of signals; `padding` is one count or (left, right).

    >>> import minidl
    >>> ZeroPad1d(1)(minidl.ones(1, 2))
    tensor([[0., 1., 1., 0.]])
    """

    axes = 1


class ZeroPad2d(_ZeroPad):
    """Zeros around images; `padding` is one count or (left, right, top, bottom).

    >>> import minidl
    >>> ZeroPad2d(1)(minidl.ones(1, 3, 4, 4)).shape
    (1, 3, 6, 6)
    """

    axes = 2


class ZeroPad3d(_ZeroPad):
    """Zeros around volumes; `padding` is one count or (left, right, top, bottom, front, back).

    >>> import minidl
    >>> ZeroPad3d(1)(minidl.zeros(1, 2, 3, 4)).shape
    (1, 4, 5, 6)
    """

    axes = 3


class _ReflectionPad(_Pad):
    mode = "reflect"


class ReflectionPad1d(_ReflectionPad):
    """Signals mirrored at their ends; `padding` is one count or (left, right).

    >>> import minidl
    >>> ReflectionPad1d(2)(minidl.tensor([[1.0, 2.0, 3.0]]))
    tensor([[3., 2., 1., 2., 3., 2., 1.]])
    """

    axes = 1


class ReflectionPad2d(_ReflectionPad):
    """Images mirrored at their edges; `padding` is one count or (left, right, top, bottom).

    >>> import minidl
    >>> ReflectionPad2d((1, 0, 1, 0))(minidl.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[4., 3., 4.],
             [2., 1., 2.],
             [4., 3., 4.]]])
    """

    axes = 2


class ReflectionPad3d(_ReflectionPad):
    """Volumes mirrored at their faces; `padding` is one count or (left, right, top, bottom, front, back).

    >>> import minidl
    >>> ReflectionPad3d(1)(minidl.zeros(1, 2, 3, 4)).shape
    (1, 4, 5, 6)
    """

    axes = 3


class _ReplicationPad(_Pad):
    mode = "replicate"


class ReplicationPad1d(_ReplicationPad):
    """Signals whose ends go on; `padding` is one count or (left, right).

    >>> import minidl
    >>> ReplicationPad1d(1)(minidl.tensor([[1.0, 2.0, 3.0]]))
    tensor([[1., 1., 2., 3., 3.]])
    """

    axes = 1


class ReplicationPad2d(_ReplicationPad):
    """Images whose edges go on; `padding` is one count or (left, right, top, bottom).

    >>> import minidl
    >>> ReplicationPad2d((1, 0, 1, 0))(minidl.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[1., 1., 2.],
             [1., 1., 2.],
             [3., 3., 4.]]])
    """

    axes = 2


class ReplicationPad3d(_ReplicationPad):
    """Volumes whose faces go on; `padding` is one count or (left, right, top, bottom, front, back).

    >>> import minidl
    >>> ReplicationPad3d(1)(minidl.zeros(1, 2, 3, 4)).shape
    (1, 4, 5, 6)
    """

    axes = 3


class _CircularPad(_Pad):
    mode = "circular"


class CircularPad1d(_CircularPad):
    """Signals that begin anew at their ends; `padding` is one count or (left, right).

    >>> import minidl
    >>> CircularPad1d(1)(minidl.tensor([[1.0, 2.0, 3.0]]))
    tensor([[3., 1., 2., 3., 1.]])
    """

    axes = 1


class CircularPad2d(_CircularPad):
    """Images that begin anew at their edges; `padding` is one count or (left, right, top, bottom).

    >>> import minidl
    >>> CircularPad2d((1, 0, 1, 0))(minidl.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[4., 3., 4.],
             [2., 1., 2.],
             [4., 3., 4.]]])
    """

    axes = 2


class CircularPad3d(_CircularPad):
    """Volumes that begin anew at their faces; `padding` is one count or (left, right, top, bottom, front, back).

    >>> import minidl
    >>> CircularPad3d(1)(minidl.zeros(1, 2, 3, 4)).shape
    (1, 4, 5, 6)
    """

    axes = 3
