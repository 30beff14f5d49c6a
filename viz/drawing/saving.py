"""Saving what has been drawn: the suffix of a path says how, and every failure says what it was that could not be saved."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from minidl.errors import UsageError
from minidl.files import write_atomic


def save(path: str | os.PathLike[str], formats: Mapping[str, Callable[[], str | bytes]], what: str) -> Path:
    """Write to `path` what the maker of its suffix returns, and return the path.

    A file that is there is replaced, in one step; one that is write-protected is not.

    Args:
        path: where to.
        formats: what makes the content, by suffix.
        what: what is saved, for the errors: `figure`, `plot`.

    Raises:
        UsageError: the suffix is none of these, or no file can have this name.
        OSError: the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Path(folder) / "a.dot", {".dot": lambda: "digraph { a }"}, "figure").read_text(encoding="utf-8")
    'digraph { a }'
    """
    path = Path(path)
    content = formats[check_suffix(path, formats, what)]()
    try:
        return write_atomic(path, content)
    except OSError as error:
        code = error.errno or errno.EIO
        raise OSError(code, f"cannot write the {what}: {error.strerror}", str(path)) from error
    except ValueError as error:  # a NUL or half a character in the name
        raise UsageError(f"cannot save a {what} as {os.fspath(path)!r}: no file can have this name") from error


def check_suffix(path: str | os.PathLike[str], suffixes: Iterable[str], what: str) -> str:
    """Return the suffix of a path, in lower case.

    Raises:
        UsageError: it is none of `suffixes`.

    >>> check_suffix("circuit.SVG", (".svg", ".pdf"), "figure")
    '.svg'
    """
    suffix = Path(path).suffix.lower()
    if suffix not in suffixes:
        ending = f"the ending {suffix!r}" if suffix else "no ending"
        raise UsageError(f"cannot save a {what} as {os.fspath(path)!r}: {ending}; use one of {', '.join(suffixes)}")
    return suffix
