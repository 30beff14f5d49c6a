"""What each thread is doing: recording or not, and inside which module."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ContextDecorator, contextmanager
from types import TracebackType
from typing import Any, Self


class _State(threading.local):
    recording: bool = True
    scope: str = ""
    quiet: bool = False  # whether NumPy's warnings about infinities are off already


state = _State()


def is_grad_enabled() -> bool:
    """Return whether this thread records the operations it runs.

    >>> is_grad_enabled()
    True
    """
    return state.recording


class _Recording(ContextDecorator):
    """Recording on or off for a `with` block, or for each call of a decorated function."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self._previous = state.recording

    def _recreate_cm(self) -> Self:
        """A fresh one for each call of a decorated function, so that threads do not mix."""
        fresh = object.__new__(type(self))
        _Recording.__init__(fresh, self.mode)
        return fresh

    def __enter__(self) -> Self:
        self._previous = state.recording
        state.recording = self.mode
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state.recording = self._previous


class no_grad(_Recording):  # noqa: N801  (PyTorch's names)
    """Compute without recording, in this thread: results do not require gradients.

    >>> import minidl
    >>> x = minidl.tensor(2.0, requires_grad=True)
    >>> with no_grad():
    ...     (x * x).requires_grad
    False
    """

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(_Recording):  # noqa: N801
    """Record again inside a `no_grad` block.

    >>> with no_grad(), enable_grad():
    ...     is_grad_enabled()
    True
    """

    def __init__(self) -> None:
        super().__init__(True)


class set_grad_enabled(_Recording):  # noqa: N801
    """Turn recording on or off in this thread: at once, and in a `with` block until its end.

    Args:
        mode: whether to record.

    >>> with set_grad_enabled(False):
    ...     is_grad_enabled()
    False
    >>> is_grad_enabled()
    True
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(mode)
        state.recording = mode

    def __enter__(self) -> Self:
        state.recording = self.mode
        return self

    def __call__(self, function: Any) -> Any:
        """As a decorator it acts on the function's calls alone."""
        state.recording = self._previous
        return super().__call__(function)


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Mark the nodes made inside as belonging to the module path `name`, such as `features.conv1`."""
    previous = state.scope
    state.scope = name
    try:
        yield
    finally:
        state.scope = previous
