"""Runs a learner's file and a lesson's checks: the program of the process that `tutorials.workbench` starts.

It reads one JSON object from its input and writes one to its output: how many checks passed, and where and why the next
one did not. What the file prints is kept apart, its first letters only.
"""

from __future__ import annotations

import io
import json
import linecache
import os
import sys
import threading
import traceback
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..text import fill
from .answers import close

MOST_PRINTED = 2000
H = 1e-5
"""The referee's step: the curve of a function cancels, and double precision still has ten digits."""


class Printed(io.StringIO):
    """What a program prints, its first letters only: a loop that prints does not fill the memory."""

    def write(self, text: str) -> int:
        """Keep what there is still room for."""
        room = max(0, MOST_PRINTED - self.tell())
        super().write(text[:room])
        return len(text)


class Watch:
    """Remembers from which line the file returned last: where the value of a failed check came from."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.line = 0

    def trace(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        """What Python calls for every call and return."""
        if frame.f_code.co_filename != self.path:
            return None
        if event == "return" and frame.f_code.co_name != "<module>":
            self.line = frame.f_lineno
        return self.trace

    def during(self, code: CodeType, names: dict[str, Any]) -> Any:
        """Evaluate an expression of a check."""
        sys.settrace(self.trace)
        try:
            return eval(code, names)
        finally:
            sys.settrace(None)


def plain(value: Any) -> Any:
    """A tensor's numbers; anything else as it is."""
    return value.data if hasattr(value, "requires_grad") else value


def nudge(f: Callable[..., Any], x: Any) -> Any:
    """The gradient of f at x by moving each number of x a little to both sides: the referee.

    >>> round(nudge(lambda x: x**3, 2.0), 6)
    12.0
    """
    x = np.array(plain(x), float)
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        moved = []
        for step in (H, -H):
            there = x.copy()
            there[place] += step
            moved.append(float(np.sum(np.asarray(plain(f(there if x.ndim else float(there)))))))
        gradient[place] = (moved[0] - moved[1]) / (2 * H)
    return gradient if x.ndim else float(gradient)


def same(got: Any, want: Any) -> bool:
    """Whether a value is what was wanted: numbers to four digits, everything else exactly."""
    got, want = plain(got), plain(want)
    if isinstance(want, bool | np.bool_ | str) or want is None:
        return bool(np.all(got == want))
    try:
        return close(got, want)
    except (TypeError, ValueError):
        return bool(np.all(got == want))


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Run a file and its checks; return how far it came."""
    source, path = job["source"], job["path"]
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    watch = Watch(path)
    names: dict[str, Any] = {"__name__": "exercise", "__file__": path}
    passed = 0
    try:
        exec(compile(source, path, "exec"), names)
        import minidl

        known = names | {"np": np, "minidl": minidl, "nudge": nudge}
        exec(compile(job["given"], "<given>", "exec"), known)
        for check in job["checks"]:
            wrong = _try(check, known, watch)
            if wrong:
                return _told(passed, watch.line, wrong, source)
            passed += 1
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return _told(passed, _line(error, path), _in_words(error), source)
    return {"passed": passed, "say": "", "line": 0, "code": ""}


def _try(check: dict[str, Any], names: dict[str, Any], watch: Watch) -> str:
    """Try one check; return what is wrong, or ""."""
    watch.line = 0
    got = watch.during(compile(check["got"], f"<{check['got']}>", "eval"), names)
    line = watch.line
    want = eval(compile(check["want"], f"<{check['want']}>", "eval"), names)
    watch.line = line  # what was wanted may call the file as well
    if same(got, want):
        return ""
    tried = names | {"got": plain(got), "want": plain(want)}
    for value, say in check["mistakes"]:
        if same(got, eval(compile(value, f"<{value}>", "eval"), tried)):
            return f"{check['got']}: {fill(say, tried)}"
    return f"{check['got']}: {fill(check['say'], tried)}"


def _told(passed: int, line: int, say: str, source: str) -> dict[str, Any]:
    lines = source.splitlines()
    return {
        "passed": passed,
        "say": say,
        "line": line,
        "code": lines[line - 1].strip() if 0 < line <= len(lines) else "",
    }


def _line(error: BaseException, path: str) -> int:
    """The innermost line of the file that an error came from, or 0."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno or 0
    found = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return found[-1] if found else 0


def _in_words(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "the file ends its process; leave exit() out."
    if isinstance(error, SyntaxError):
        return f"Python cannot read this: {error.msg}."
    return f"{type(error).__name__}: {error}"


def _say_when_late(job: dict[str, Any], answer: int) -> None:
    """Once the time is over, tell in which line the file is, and end."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    line = 0
    while frame is not None and not line:
        line = frame.f_lineno if frame.f_code.co_filename == job["path"] else 0
        frame = frame.f_back
    say = f"still running after {job['seconds']} seconds: is there a loop without an end?"
    _answer(_told(0, line, say, job["source"]) | {"printed": ""}, answer)
    os._exit(0)


def _answer(told: dict[str, Any], answer: int) -> None:
    os.write(answer, json.dumps(told).encode())


def main() -> None:
    """Read the job, run it, write what came of it."""
    job = json.loads(sys.stdin.buffer.read())
    answer = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever the file writes goes nowhere, or into `printed`
    sys.stdout = printed = Printed()
    sys.stdin = io.StringIO()
    timer = threading.Timer(job["seconds"], _say_when_late, (job, answer))
    timer.daemon = True
    timer.start()
    told = run(job)
    timer.cancel()
    _answer(told | {"printed": printed.getvalue()}, answer)
    os._exit(0)  # a thread that the file has started does not keep us


if __name__ == "__main__":
    main()
