"""One process at a time: a lock on a file that the system takes back when its owner ends, in whatever way."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_PAUSE = 0.05


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that the file `path` stands for, after waiting for any other process that holds it.

    The file is removed afterwards; one that is left over from a process that was killed holds nobody up.

    Raises:
        OSError: the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder) / "lock"):
    ...     os.listdir(folder)
    ['lock']
    """
    handle = _take(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no file that somebody waits for; that one will
            if sys.platform == "win32":
                os.close(handle)
                path.unlink()
            else:
                path.unlink()
                os.close(handle)


def _take(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _wait(handle)
            if sys.platform == "win32" or _is_still(path, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its last owner has removed it while we waited: begin with a new one


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _wait(handle: int) -> None:
    """Wait until the file is ours alone, and stay open to Ctrl-C."""
    if sys.platform == "win32":
        import msvcrt

        while True:
            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                time.sleep(_PAUSE)
    else:
        import fcntl

        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(_PAUSE)
            except OSError:  # a file system without locks: go on without
                return
