"""What each thread is doing: recording or not, and inside which module."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ContextDecorator, contextmanager
from types import TracebackType
from typing import Self


class _State(threading.local):
    recording: bool = True
    scope: str = ""


state = _State()


def is_grad_enabled() -> bool:
    """Return whether this thread records the operations it runs.

    >>> is_grad_enabled()
    True
    """
    return state.recording


class set_grad_enabled(ContextDecorator):  # noqa: N801  (PyTorch's name)
    """Turn recording on or off in this thread, for a `with` block or a decorated function.

    Args:
        mode: whether to record.

    >>> with set_grad_enabled(False):
    ...     is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self._previous: list[bool] = []

    def __enter__(self) -> Self:
        self._previous.append(state.recording)
        state.recording = self.mode
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state.recording = self._previous.pop()


class no_grad(set_grad_enabled):  # noqa: N801
    """Compute without recording, in this thread: results do not require gradients.

    >>> import minidl
    >>> x = minidl.tensor(2.0, requires_grad=True)
    >>> with no_grad():
    ...     (x * x).requires_grad
    False
    """

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(set_grad_enabled):  # noqa: N801
    """Record again inside a `no_grad` block.

    >>> with no_grad(), enable_grad():
    ...     is_grad_enabled()
    True
    """

    def __init__(self) -> None:
        super().__init__(True)


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Mark the nodes made inside as belonging to the module path `name`, such as `features.conv1`."""
    previous = state.scope
    state.scope = name
    try:
        yield
    finally:
        state.scope = previous
