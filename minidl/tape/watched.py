"""An array that tells the tape what is done with it.

Most of what a program does, it does with primitives. The rest (a target turned into rows of weights, running statistics, a
mask) is NumPy's own work on arrays. While a tape records, such code is handed this kind of array instead of a plain one:
NumPy's functions on it become instructions, and to look at a number in it becomes a guard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .program import Slot
    from .recorder import Recorder

_KNOWN_BY_SHAPE = {
    np.shape, np.ndim, np.size, np.may_share_memory, np.shares_memory, np.result_type, np.can_cast, np.iscomplexobj,
    np.isrealobj, np.min_scalar_type,
}  # fmt: skip
"""NumPy's functions whose answer does not depend on the numbers."""


class Watched(np.ndarray[Any, Any]):
    """A view of an array in a slot of a tape that is being recorded; afterwards it is an array like any other."""

    slot: Slot | None
    recorder: Recorder | None

    def __array_finalize__(self, other: Any) -> None:
        self.slot = None
        self.recorder = getattr(other, "recorder", None)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        return self._do(name, function, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in _KNOWN_BY_SHAPE:
            return function(*unwatched(args), **unwatched(kwargs))
        return self._do(function.__name__, function, args, kwargs)

    def _do(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self.recorder is None or not self.recorder.is_open:
            return function(*unwatched(args), **unwatched(kwargs))
        return self.recorder.numpy_call(name, function, args, kwargs)

    def __getitem__(self, index: Any) -> Any:
        return self._do("getitem", _getitem, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        if self.recorder is None or not self.recorder.is_open:
            self.view(np.ndarray)[unwatched(index)] = unwatched(value)
        else:
            self.recorder.write(self, index, value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def _read(self, how: Callable[[Any], Any]) -> Any:
        plain = unwatched(self)
        value = how(plain)
        if self.recorder is not None and self.recorder.is_open:
            self.recorder.guard(self, how, value)
        return value

    def item(self, *args: Any) -> Any:
        """A number of it, which becomes a guard."""
        return self._read(lambda array: array.item(*args))

    def tolist(self) -> Any:
        """All its numbers, which become a guard."""
        return self._read(_tolist)

    def __bool__(self) -> bool:
        return bool(self._read(bool))

    def __float__(self) -> float:
        return float(self._read(float))

    def __int__(self) -> int:
        return int(self._read(int))

    def __complex__(self) -> complex:
        return complex(self._read(complex))

    def __index__(self) -> int:
        return int(self._read(int))

    def __repr__(self) -> str:
        return repr(unwatched(self))

    def __reduce__(self) -> Any:
        return unwatched(self).__reduce__()

    def __deepcopy__(self, memo: Any) -> Any:
        return unwatched(self).copy()

    def __contains__(self, element: Any) -> bool:
        return bool((self == element).any())

    @property
    def T(self) -> Any:  # noqa: N802
        """Its transpose."""
        return self._do("transpose", np.transpose, (self,), {})

    @property  # type: ignore[misc]
    def real(self) -> Any:
        """Its real part."""
        return self._do("real", np.real, (self,), {})

    @property  # type: ignore[misc]
    def imag(self) -> Any:
        """Its imaginary part."""
        return self._do("imag", np.imag, (self,), {})

    @property
    def flat(self) -> Any:
        """All its elements in a row."""
        return self._do("reshape", np.reshape, (self, -1), {})


def _getitem(array: Any, index: Any) -> Any:
    return array[index]


def _tolist(array: Any) -> Any:
    return array.tolist()


def _method(name: str) -> Callable[..., Any]:
    method = getattr(np.ndarray, name)

    def plain(array: Any, *args: Any, **kwargs: Any) -> Any:
        return method(np.asarray(array), *args, **kwargs)

    def call(self: Watched, *args: Any, **kwargs: Any) -> Any:
        return self._do(name, plain, (self, *args), kwargs)

    call.__name__ = name
    return call


_METHODS = """
all any argmax argmin argpartition argsort astype choose clip compress conj conjugate copy cumprod cumsum diagonal dot flatten
max mean min nonzero prod ravel repeat reshape round searchsorted squeeze std sum swapaxes take trace transpose var
"""
for _name in _METHODS.split():
    setattr(Watched, _name, _method(_name))


def unwatched(tree: Any) -> Any:
    """The same arguments with plain arrays."""
    if isinstance(tree, Watched):
        return tree.view(np.ndarray)
    if type(tree) in (tuple, list):
        return type(tree)(map(unwatched, tree))
    if type(tree) is dict:
        return {key: unwatched(value) for key, value in tree.items()}
    return tree
