"""Which of the backend's functions an instruction is: the recorder listens to the calls while a rule runs.

A rule such as `lambda xp, x, w, **p: xp.conv(x, w, **p)` is one call of the backend. A replay need not run the rule then: it
binds that function to memory once (`minidl.kernels.cpu.prepared`), and calls what is ready.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..kernels import heard_by
from ..kernels.backend import Backend
from .program import Call, Slot, is_array, leaves_of

Known = Mapping[int, Slot]
"""The slot of each array, by the array's identity."""


class Hearing:
    """Stands in for the backend while a rule runs, does what the backend does, and keeps note of each call.

    Attributes:
        calls: the name, the arguments, the named arguments and the result of each.
    """

    def __init__(self, backend: Backend) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any], Any]] = []
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._backend, name)
        if not callable(function):
            return function

        def call(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if name not in ("wrap", "errstate") and not any(result is a for a in args):
                self.calls.append((name, args, kwargs, result))
            return result

        return call


@contextmanager
def hearing() -> Iterator[Hearing]:
    """Listen to the backend for a block."""
    with heard_by(Hearing) as listener:
        yield listener


def known_arrays(*pairs: tuple[Any, Any]) -> dict[int, Slot]:
    """The slots of arrays: pairs of two trees alike, of arrays and of their slots."""
    known = {}
    for arrays, slots in pairs:
        for array, slot in zip(leaves_of(arrays), leaves_of(slots), strict=True):
            if isinstance(slot, Slot):
                known[id(array)] = slot
    return known


def one_call(listener: Hearing, known: Known, results: Sequence[Slot]) -> Call | None:
    """The call of the backend that makes all of an instruction's results; None if it takes more than that.

    A call whose result is only given another shape counts as one too.
    """
    calls = list(listener.calls)
    shape = None
    if len(calls) == 2 and calls[1][0] == "reshape" and calls[1][1][0] is calls[0][3]:
        (name, args, kwargs, inner), (_, _, _, result) = calls
        if not (isinstance(inner, np.ndarray) and np.may_share_memory(inner, result)):
            return None
        shape = inner.shape
    elif len(calls) == 1:
        ((name, args, kwargs, result),) = calls
    else:
        return None
    parts = result if isinstance(result, tuple | list) else (result,)
    if not all(isinstance(part, np.ndarray) for part in parts):
        return None
    outs = tuple(known.get(id(part)) or Slot(-1, "result", part.shape, part.dtype, part.strides) for part in parts)
    if not all(slot in outs for slot in results):
        return None
    try:
        return Call(name, _slotted(args, known), _slotted(kwargs, known), outs, shape)
    except KeyError:
        return None


def _slotted(tree: Any, known: Known) -> Any:
    """The same arguments with slots in the place of arrays; a KeyError for an array that came from elsewhere.

    Geometry, such as the places of windows, is no array of the program's.
    """
    if isinstance(tree, tuple | list):
        return tuple(_slotted(part, known) for part in tree)
    if isinstance(tree, dict):
        return {key: _slotted(part, known) for key, part in tree.items()}
    return known[id(tree)] if is_array(tree) else tree
