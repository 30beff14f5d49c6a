"""Rendering DOT with whichever Graphviz is here: the one that pygraphviz brings, else `dot` on the path.

The environment variable `MINIDL_GRAPHVIZ` forces one: `bundled`, `dot` or `none`.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from minidl.errors import MissingEngineError, RenderError, UsageError

from . import fonts
from ._worker import read_fields, write_fields

FORMATS: Final = ("svg", "pdf", "png", "json")
LAYOUTS: Final = ("dot", "neato")
OLDEST_DOT: Final = (2, 43)
RENDERS_A_WORKER: Final = 1000
TIME_LIMIT: Final = 60.0

HOW_TO_GET_ONE: Final = (
    "no Graphviz engine works here. `pip install 'pygraphviz>=2.0.4'` adds one that needs nothing else, or install "
    "Graphviz itself: `apt-get install graphviz` (Debian, Ubuntu), `brew install graphviz` (macOS), `winget install "
    "Graphviz.Graphviz` (Windows)"
)

_HARMLESS = re.compile(
    r"""^Fontconfig\ warning:.*(unknown\ element|reset-dirs)   # newer system fonts.conf than the engine's fontconfig
      |^Fontconfig\ error:\ No\ writable\ cache             # it then reads the fonts again each time
      |^Warning:\ .*\ size\ too\ small\ for\ (content|label)   # the system's font is wider than the one we measured
      |^Warning:\ graph\ has\ \d+\ nodes   # where all places are given, many nodes take no time
      |^in\ label\ of\ node\ """,
    re.VERBOSE,
)
_SERIOUS = re.compile(r"^(Error|Warning|Fontconfig error)\b|syntax error")
_TOO_LARGE = re.compile(r"too large for .*bitmaps\.?\s+Scaling by ([\d.]+)")


Engine = Callable[[bytes, str, str, int | None, float], tuple[bytes, str]]
"""Renders (dot, format, layout, dpi, timeout) and returns the picture and what was said on the way."""


class BitmapSizeError(RenderError):
    """A PNG would have more pixels than the engine can draw; `scale` is how much smaller it would have to be."""

    def __init__(self, scale: float) -> None:
        super().__init__("this figure is too large for a .png; save it as .svg or .pdf")
        self.scale = scale


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Which engine renders: `kind` is `bundled`, `dot` or `none`; `version` and `detail` are for people."""

    kind: str
    version: str
    detail: str


def render(dot: str, format: str, *, layout: str = "dot", dpi: int | None = None, timeout: float = TIME_LIMIT) -> bytes:
    """Return the picture that `dot` describes.

    Args:
        dot: a graph in the DOT language.
        format: `svg`, `pdf`, `png`, or `json` (the geometry).
        layout: `dot`, or `neato` for nodes that carry their positions.
        dpi: dots an inch, for `png`.
        timeout: seconds after which the engine is stopped.

    Raises:
        UsageError: an unknown format or layout.
        MissingEngineError: there is no Graphviz; the message says how to get one.
        BitmapSizeError: a PNG of that many dots an inch has more pixels than the engine can draw.
        RenderError: the graph is malformed, or takes longer than `timeout`.

    >>> render("digraph { a -> b }", "svg")[:5]
    b'<?xml'
    """
    return render_with_warnings(dot, format, layout=layout, dpi=dpi, timeout=timeout)[0]


def render_with_warnings(
    dot: str, format: str, *, layout: str = "dot", dpi: int | None = None, timeout: float = TIME_LIMIT
) -> tuple[bytes, list[str]]:
    """As `render`, and also return what the engine said that did not make the picture wrong."""
    if format not in FORMATS:
        raise UsageError(f"cannot render {format!r}; the formats are {', '.join(FORMATS)}")
    if layout not in LAYOUTS:
        raise UsageError(f"there is no layout {layout!r}; the layouts are {', '.join(LAYOUTS)}")
    if "\0" in dot:
        raise RenderError("the DOT text contains a NUL character, which no Graphviz engine can read")
    reasons = []
    for engine in _wanted():
        try:
            output, said = engine(dot.encode("utf-8", "replace"), format, layout, dpi, timeout)
        except MissingEngineError as error:
            reasons.append(str(error))
            continue
        return output, _judge(said, output)
    raise MissingEngineError(HOW_TO_GET_ONE + (f" ({'; '.join(reasons)})" if reasons else ""))


def engine_info() -> EngineInfo:
    """Return which engine `render` would use; `kind` is `none`, with the remedy as detail, where there is none.

    >>> engine_info().kind in {"bundled", "dot", "none"}
    True
    """
    reasons = []
    for engine in _wanted():
        try:
            if engine is _render_bundled:
                with _lock:
                    return EngineInfo("bundled", _the_worker().version, "Graphviz inside the pygraphviz package")
            program, version = _dot_program()
            return EngineInfo("dot", version, program)
        except (MissingEngineError, RenderError) as error:
            reasons.append(str(error))
    return EngineInfo("none", "", HOW_TO_GET_ONE + (f" ({'; '.join(reasons)})" if reasons else ""))


def close() -> None:
    """Stop the engine's process; the next drawing starts another. Called by itself when Python ends."""
    with _lock:
        _drop_worker()


def _wanted() -> list[Engine]:
    forced = os.environ.get("MINIDL_GRAPHVIZ", "")
    engines: dict[str, list[Engine]] = {
        "": [_render_bundled, _render_dot],
        "bundled": [_render_bundled],
        "dot": [_render_dot],
        "none": [],
    }
    if forced not in engines:
        raise UsageError(f"MINIDL_GRAPHVIZ is {forced!r}; it may be bundled, dot or none")
    return engines[forced]


def _judge(said: str, output: bytes) -> list[str]:
    """Return the harmless remarks; raise for the ones that mean a wrong picture."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("Fontconfig ") or not _HARMLESS.search(line)]
    if large := _TOO_LARGE.search(said):
        raise BitmapSizeError(float(large[1]))
    if any(_SERIOUS.search(line) and not _HARMLESS.search(line) for line in lines):
        raise RenderError("Graphviz could not draw this graph as written: " + "; ".join(lines)[:500])
    if not output:
        raise RenderError("Graphviz drew nothing" + (f": {'; '.join(lines)[:500]}" if lines else ""))
    return lines


# The engine inside pygraphviz, in a process of its own -----------------------------------------------------------------


class _Worker:
    """One running `_worker.py`."""

    def __init__(self) -> None:
        # -P: a pygraphviz.py or viz.py in the working folder must not be taken for the real one.
        command = [sys.executable, "-P", "-X", "utf8", str(Path(__file__).with_name("_worker.py"))]
        self.owner = os.getpid()
        self.renders = 0
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise MissingEngineError(f"the drawing process does not start: {error}") from error
        hello = self._receive(2, timeout=TIME_LIMIT)
        if hello is None or hello[0] != b"ok":
            self.stop()
            raise MissingEngineError(_why_missing(hello[1].decode("utf-8", "replace") if hello else "it ended at once"))
        self.version = hello[1].decode()

    def ask(self, timeout: float, *fields: bytes) -> list[bytes] | None:
        """Send a request and return the reply's three fields; None if the process died."""
        assert self.process.stdin is not None
        self.renders += 1
        try:
            write_fields(self.process.stdin, *fields)
        except OSError:
            return None
        return self._receive(3, timeout)

    def _receive(self, count: int, timeout: float) -> list[bytes] | None:
        assert self.process.stdout is not None
        expired = threading.Event()

        def stop_it() -> None:
            expired.set()
            self.process.kill()

        timer = threading.Timer(timeout, stop_it)
        timer.daemon = True
        timer.start()
        try:
            reply = read_fields(self.process.stdout, count)
        finally:
            timer.cancel()
            timer.join()
        if reply is None and expired.is_set():
            raise RenderError(_too_slow(timeout))
        return reply

    def stop(self) -> None:
        """End the process and close its pipes."""
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
        else:
            self.process.returncode = 0  # a fork's copy: the process is the parent's to end
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was still to be written has no reader any more
                    pipe.close()


_lock = threading.RLock()
_worker: _Worker | None = None
_failure: MissingEngineError | None = None


def _the_worker() -> _Worker:
    """Return the running process, starting one where there is none, it is worn out, or belongs to a parent of ours."""
    global _worker, _failure
    if _worker is not None and (_worker.owner != os.getpid() or _worker.renders >= RENDERS_A_WORKER):
        _drop_worker()
    if _worker is None:
        if _failure is not None:
            raise _failure
        try:
            _worker = _Worker()
        except MissingEngineError as error:
            _failure = error
            raise
    return _worker


def _drop_worker() -> None:
    global _worker
    if _worker is not None:
        _worker.stop()
        _worker = None


atexit.register(close)
if hasattr(os, "register_at_fork"):
    # A fork must not happen while another thread draws: the child would wait for that thread, which it does not have.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def _render_bundled(dot: bytes, format: str, layout: str, dpi: int | None, timeout: float) -> tuple[bytes, str]:
    fields = (layout.encode(), format.encode(), str(dpi or "").encode(), dot)
    with _lock:
        try:
            # A process that dies may have been damaged by an earlier drawing: a fresh one gets a second try.
            reply = _the_worker().ask(timeout, *fields)
            if reply is None:
                _drop_worker()
                reply = _the_worker().ask(timeout, *fields)
            if reply is None:
                raise RenderError("the Graphviz engine crashed on this graph")
            status, result, said = reply[0], reply[1], reply[2].decode("utf-8", "replace")
            if status != b"ok":
                raise RenderError(
                    f"Graphviz could not draw this graph: {result.decode('utf-8', 'replace')} {said}".strip()
                )
            if "Error:" in said:
                _drop_worker()  # after an error the engine's state is not to be trusted
        except BaseException:
            _drop_worker()
            raise
    return result, said


def _environment() -> dict[str, str]:
    return {**os.environ, "FONTCONFIG_FILE": str(fonts.fontconfig_file())}


def _why_missing(reason: str) -> str:
    if "No module named" in reason and "pygraphviz" in reason:
        return "pygraphviz is not installed"
    if library := re.search(r"(lib[\w.+-]+\.so[\w.]*)", reason):
        return (
            f"pygraphviz needs {library[1]}, which this system lacks; `apt-get install libx11-6 libxext6 libxrender1 "
            "libglib2.0-0 libexpat1` adds it"
        )
    return f"pygraphviz does not load: {reason}"


def _too_slow(timeout: float) -> str:
    return f"Graphviz needed more than {timeout:g} s for this graph and was stopped; draw a smaller part of it"


# Graphviz's own program ------------------------------------------------------------------------------------------------


def _dot_program() -> tuple[str, str]:
    """Return where `dot` is and its version."""
    import graphviz

    program = shutil.which("dot")
    if program is None:
        raise MissingEngineError("there is no `dot` on the path")
    try:
        version = graphviz.version()
    except (graphviz.ExecutableNotFound, subprocess.SubprocessError, RuntimeError, OSError) as error:
        raise MissingEngineError(f"{program} does not run: {error}") from error
    if version < OLDEST_DOT:
        raise MissingEngineError(f"{program} is version {'.'.join(map(str, version))}, older than 2.43")
    return program, ".".join(map(str, version))


def _render_dot(dot: bytes, format: str, layout: str, dpi: int | None, timeout: float) -> tuple[bytes, str]:
    program, _ = _known_dot()
    command = [program, f"-K{layout}", f"-T{format}", *([f"-Gdpi={dpi}"] if dpi else [])]
    try:
        # Not graphviz.pipe(): it has no time limit and hides what the program says.
        done = subprocess.run(
            command,
            input=dot,
            capture_output=True,
            check=False,
            timeout=timeout,
            env=_environment(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired as error:
        raise RenderError(_too_slow(timeout)) from error
    except OSError as error:
        raise RenderError(f"{program} does not run: {error}") from error
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0:
        raise RenderError(f"Graphviz could not draw this graph (exit status {done.returncode}): {said.strip()[:500]}")
    return done.stdout, said


_programs: dict[str, tuple[str, str]] = {}


def _known_dot() -> tuple[str, str]:
    """As `_dot_program`, asking each program for its version only once."""
    path = os.environ.get("PATH", "")
    if path not in _programs:
        _programs[path] = _dot_program()
    return _programs[path]
