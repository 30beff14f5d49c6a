"""The simulated device's streams, events and graphs: all is carried out at once and in order, or noted while it is captured."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any

OK, INVALID, OUT_OF_MEMORY, FORBIDDEN = 0, 1, 2, 900
NAMES = {OK: b"CUDA_SUCCESS", INVALID: b"CUDA_ERROR_INVALID_VALUE", OUT_OF_MEMORY: b"CUDA_ERROR_OUT_OF_MEMORY"}
NAMES[FORBIDDEN] = b"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"
MEANINGS = {OK: b"no error", INVALID: b"invalid argument", OUT_OF_MEMORY: b"out of memory"}
MEANINGS[FORBIDDEN] = b"operation not permitted when stream is capturing"


class CUstreamCaptureMode(IntEnum):
    CU_STREAM_CAPTURE_MODE_GLOBAL = 0
    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1
    CU_STREAM_CAPTURE_MODE_RELAXED = 2


handles = itertools.count(16)  # smaller numbers mean special streams
_events: dict[int, float] = {}
captures: dict[int, list[Callable[[], None]]] = {}
_graphs: dict[int, list[Callable[[], None]]] = {}


def carry_out(work: Callable[[], None], stream: Any) -> Any:
    """Do it, or note it where the stream is being captured."""
    capture = captures.get(int(stream))
    if capture is None:
        work()
    else:
        capture.append(work)
    return (OK,)


def cuStreamCreate(flags: int) -> Any:
    return OK, next(handles)


def cuStreamDestroy(stream: int) -> Any:
    return (OK,)


def cuStreamSynchronize(stream: int) -> Any:
    return (FORBIDDEN if int(stream) in captures or forbidden() else OK,)


def cuStreamWaitEvent(stream: int, event: int, flags: int) -> Any:
    return (OK if int(event) in _events else INVALID,)


def cuEventCreate(flags: int) -> Any:
    handle = next(handles)
    _events[handle] = 0.0
    return OK, handle


def cuEventDestroy(event: int) -> Any:
    _events.pop(int(event), None)
    return (OK,)


def cuEventRecord(event: int, stream: int) -> Any:
    _events[int(event)] = time.perf_counter()
    return (OK,)


def cuEventQuery(event: int) -> Any:
    return (OK,)


def cuEventSynchronize(event: int) -> Any:
    return (OK,)


def cuEventElapsedTime(start: int, end: int) -> Any:
    return OK, 1e3 * (_events[int(end)] - _events[int(start)])


_mode = threading.local()


def cuThreadExchangeStreamCaptureMode(mode: int) -> Any:
    before, _mode.now = getattr(_mode, "now", CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_GLOBAL), mode
    return OK, before


def forbidden() -> bool:
    """Whether a capture by this thread forbids it to ask for memory."""
    relaxed = CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED
    return bool(captures) and getattr(_mode, "now", None) != relaxed


def cuStreamBeginCapture(stream: int, mode: int) -> Any:
    if not int(stream) or int(stream) in captures:  # the default stream cannot be captured
        return (INVALID,)
    captures[int(stream)] = []
    return (OK,)


def cuStreamEndCapture(stream: int) -> Any:
    handle = next(handles)
    _graphs[handle] = captures.pop(int(stream))
    return OK, handle


def cuGraphInstantiate(graph: int, flags: int) -> Any:
    handle = next(handles)
    _graphs[handle] = list(_graphs[int(graph)])
    return OK, handle


def cuGraphLaunch(graph: int, stream: int) -> Any:
    for work in _graphs[int(graph)]:
        work()
    return (OK,)


def cuGraphDestroy(graph: int) -> Any:
    return (OK if _graphs.pop(int(graph), None) is not None else INVALID,)


cuGraphExecDestroy = cuGraphDestroy
