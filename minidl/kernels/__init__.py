"""What computes on arrays and has never heard of gradients."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from . import cpu
from .backend import Backend

Listener = TypeVar("Listener")

_listeners: dict[int, Backend] = {}


def backend_of(arrays: Sequence[Any]) -> Backend:
    """Return the backend that computes on these arrays: today always the CPU's."""
    return _listeners.get(threading.get_ident(), cpu.backend) if _listeners else cpu.backend


@contextmanager
def heard_by(listener: Callable[[Backend], Listener]) -> Iterator[Listener]:
    """Have `listener(backend)`, which must do all that a backend does, stand in for the backend in this thread's block."""
    thread = threading.get_ident()
    before = _listeners.get(thread)
    one = listener(before or cpu.backend)
    _listeners[thread] = cast(Backend, one)
    try:
        yield one
    finally:
        if before is None:
            del _listeners[thread]
        else:
            _listeners[thread] = before


__all__ = ["Backend", "backend_of", "heard_by"]
