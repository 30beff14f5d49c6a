"""Writing files so that a reader sees the old one or the new one, never half of either."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

from .errors import UsageError


def write_atomic(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write `content` (text as UTF-8) to `path`, creating its folder, and return the path.

    The content goes to a temporary file beside `path`, which then takes its place in one step: an interrupted write
    leaves the previous file as it was. A file that is write-protected is not replaced, though its folder would allow it.

    Raises:
        UsageError: no file can have this name, as it holds a NUL or half a character.
        PermissionError: the file is write-protected.
        OSError: the folder cannot be created or written; `path` is untouched.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomic(Path(folder) / "a" / "note.txt", "σ").read_text(encoding="utf-8")
    'σ'
    """
    path = Path(path)
    try:
        impossible = b"\0" in os.fsencode(path)
    except UnicodeEncodeError:
        impossible = True
    if impossible:
        raise UsageError(f"cannot write {str(path)!r}: no file can have this name")
    if path.is_file() and not (path.stat().st_mode & stat.S_IWUSR and os.access(path, os.W_OK)):
        raise PermissionError(errno.EACCES, "the file is write-protected", str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, "part of the path is a file, not a folder", str(path)) from error
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
    except OSError as error:  # the temporary file's name would say nothing to anyone
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _default_mode())
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):  # a full disk, say, names no file
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    return path


def _default_mode() -> int:
    """The permissions that `open` would give a new file (mkstemp's are the owner's alone)."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
