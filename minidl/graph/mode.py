"""What each thread is doing: recording or not, and inside which module."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ContextDecorator, contextmanager, nullcontext
from types import TracebackType
from typing import Any, Self

import numpy as np


class _State(threading.local):
    recording: bool = True
    scope: str = ""
    quiet: bool = False  # whether NumPy's warnings about infinities are off already
    check_nan: bool = True  # whether, under anomaly detection, a NaN or an infinity in a gradient is an error
    plain: bool = True  # whether nobody looks on, so that an operation has nothing to do but its work
    _anomaly: bool = False
    _tape: Any = None
    _profiler: Any = None

    @property
    def anomaly(self) -> bool:
        """Whether operations remember where they were computed."""
        return self._anomaly

    @anomaly.setter
    def anomaly(self, wanted: bool) -> None:
        self._anomaly = wanted
        self._look()

    @property
    def tape(self) -> Any:
        """What writes down all that is done, while `minidl.compile` records."""
        return self._tape

    @tape.setter
    def tape(self, tape: Any) -> None:
        self._tape = tape
        self._look()

    @property
    def profiler(self) -> Any:
        """What measures all that is done, inside `minidl.profile`."""
        return self._profiler

    @profiler.setter
    def profiler(self, profiler: Any) -> None:
        self._profiler = profiler
        self._look()

    def _look(self) -> None:
        self.plain = not self._anomaly and self._tape is None and self._profiler is None


state = _State()

silence = contextvars.Context()
"""Where NumPy's infinities and NaN are results like any other. `silence.copy().run(function, …)` costs a tenth of what
`np.errstate` does; each call has a copy, since a context cannot be entered twice at a time."""
silence.run(np.seterr, all="ignore")


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

    def __new__(cls, function: Any = None) -> Any:  # noqa: D102  (`@no_grad`, without parentheses)
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self) -> None:
        super().__init__(False)


class inference_mode(_Recording):  # noqa: N801
    """The same as `no_grad`: its results may still be used in later computations.

    Args:
        mode: whether to switch recording off (or on).

    >>> with inference_mode():
    ...     is_grad_enabled()
    False
    """

    def __new__(cls, mode: Any = True) -> Any:  # noqa: D102
        return cls()(mode) if callable(mode) else super().__new__(cls)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(not mode)


class enable_grad(_Recording):  # noqa: N801
    """Record again inside a `no_grad` block.

    >>> with no_grad(), enable_grad():
    ...     is_grad_enabled()
    True
    """

    def __new__(cls, function: Any = None) -> Any:  # noqa: D102
        return super().__new__(cls) if function is None else cls()(function)

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


class detect_anomaly(ContextDecorator):  # noqa: N801
    """Find the line that spoils a gradient: for a `with` block, in this thread.

    Run the forward and the backward pass inside. Each operation then remembers the line that called it and a checksum of
    what it read. The first NaN or infinity that is sent back is an error that names that line, and so is a value that was
    written to behind the engine's back (`x.data[i] = …`, `x.numpy()[i] = …`). Everything runs slower meanwhile.

    Args:
        check_nan: whether NaN and infinities are errors; the line and the checksums are remembered in any case.

    >>> import minidl
    >>> x = minidl.tensor(0.0, requires_grad=True)
    >>> with detect_anomaly():  # doctest: +ELLIPSIS
    ...     minidl.sqrt(x).backward()
    Traceback (most recent call last):
    minidl.errors.GraphError: the backward of sqrt sends an infinity to a tensor; ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.mode = True, check_nan
        self._previous = state.anomaly, state.check_nan

    def _recreate_cm(self) -> Self:
        return type(self)(self.mode[1])

    def __enter__(self) -> Self:
        self._previous = state.anomaly, state.check_nan
        state.anomaly, state.check_nan = self.mode
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state.anomaly, state.check_nan = self._previous


class set_detect_anomaly(ContextDecorator):  # noqa: N801
    """Turn `detect_anomaly` on or off in this thread: at once, and in a `with` block until its end.

    Args:
        mode: whether to detect.
        check_nan: as in `detect_anomaly`.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._previous = state.anomaly, state.check_nan
        state.anomaly, state.check_nan = mode, check_nan

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state.anomaly, state.check_nan = self._previous


def phase(name: str) -> AbstractContextManager[None]:
    """Put the time that a `with` block takes down to a phase, such as "optimizer", if it is being profiled."""
    return nullcontext() if state.profiler is None else state.profiler.phase(name)


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Mark the nodes made inside as belonging to the module path `name`, such as `features.conv1`."""
    previous = state.scope
    state.scope = name
    try:
        yield
    finally:
        state.scope = previous
