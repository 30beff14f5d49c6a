"""A sweep's folder: what was asked for, and each result from the moment it is there.

`sweep.json` says which sweep it is. `results.jsonl` gets one line a run, in the order of completion, forced to disk before
the sweep goes on, with a SHA-256 of its own. Whatever kills the process, at any moment, every complete line stays; half a line
at the end is what a kill leaves, and is dropped. Damage anywhere else is found and named.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, UsageError
from ..files import write_atomic
from .configurations import Configuration
from .outcome import Failure, Run

FORMAT = "minidl sweep 1"
HEADER, RESULTS = "sweep.json", "results.jsonl"
REMEDY = "delete that line, and its configuration is run again"


class Store:
    """A sweep's folder, open for writing and locked until `close`.

    Args:
        folder: where; created if missing.
        function: the name of what is run.
        configurations: all that it is run on.

    Attributes:
        kept: the runs that were there already.

    Raises:
        UsageError: the folder belongs to another sweep or to something else, or another process is using it.
        CheckpointError: a file is damaged.
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: str | os.PathLike[str], function: str, configurations: Sequence[Configuration]) -> None:
        self.folder = Path(folder)
        header = {"format": FORMAT, "function": function, "configurations": list(configurations)}
        known = (self.folder / HEADER).exists()
        if known:
            _refuse_another(self.folder, _read_header(self.folder), header)
        elif self.folder.exists():
            _refuse_strangers(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / RESULTS
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
        try:
            _lock(self._file, self.folder)
            if not known:
                write_atomic(self.folder / HEADER, _serialize(_signed(header)) + "\n")
            self.kept, self._end = _read_results(self.folder, configurations)
            os.ftruncate(self._file, self._end)
        except BaseException:
            os.close(self._file)
            raise

    def append(self, run: Run) -> None:
        """Write a run's line and force it to disk.

        Raises:
            OSError: it cannot be written; the lines before it are untouched.
        """
        line = _serialize(_signed(asdict(run))).encode() + b"\n"
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._end)
            raise
        self._end += len(line)

    def close(self) -> None:
        """Give the folder free."""
        os.close(self._file)


def read_folder(folder: str | os.PathLike[str]) -> tuple[list[Configuration], list[Run]]:
    """Return a sweep's configurations and the runs that are done.

    Raises:
        CheckpointError: there is no sweep in this folder, or a file is damaged.
    """
    folder = Path(folder)
    configurations = _read_header(folder)["configurations"]
    return configurations, _read_results(folder, configurations)[0]


def _refuse_another(folder: Path, there: dict[str, Any], asked: dict[str, Any]) -> None:
    """Raise an error that says what differs, if anything does."""
    begin = f"{folder} holds another sweep: "
    end = "; give this one a folder of its own"
    if there["function"] != asked["function"]:
        raise UsageError(f"{begin}it ran {there['function']}, and this one is to run {asked['function']}{end}")
    theirs, ours = there["configurations"], asked["configurations"]
    for i, (one, other) in enumerate(zip(theirs, ours, strict=False)):
        if _serialize(one) != _serialize(other):
            names = [name for name in {**one, **other} if one.get(name, ...) != other.get(name, ...)]
            changes = ", ".join(f"{_shown(one, name)} there, {_shown(other, name)} here" for name in names)
            raise UsageError(f"{begin}configuration {i} has {changes or 'its settings in another order'}{end}")
    if len(theirs) != len(ours):
        raise UsageError(f"{begin}it has {len(theirs):,} configurations, and this one {len(ours):,}{end}")


def _shown(configuration: Configuration, name: str) -> str:
    return f"{name}={configuration[name]!r}" if name in configuration else f"no {name}"


def _refuse_strangers(folder: Path) -> None:
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder for the sweep")
    for entry in folder.iterdir():
        # Hidden files are the system's, or what a kill left of the header; so is an empty list of results.
        if not entry.name.startswith(".") and not (entry.name == RESULTS and entry.stat().st_size == 0):
            raise UsageError(
                f"{folder} holds {entry.name}, and no sweep; give the sweep a folder of its own, which may be new or empty"
            )


def _lock(file: int, folder: Path) -> None:
    """Keep other processes from writing, until the file is closed or this process ends in whatever way.

    A file system that knows no locks goes without.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(
                file, 2**31 - 2, os.SEEK_SET
            )  # far beyond what others may want to read, and no further can be locked
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise UsageError(f"another process is running the sweep in {folder}; wait for its end, or stop it") from None
    except OSError:
        pass


def _read_header(folder: Path) -> dict[str, Any]:
    path = folder / HEADER
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"there is no sweep in {folder}: {path} does not exist") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}; {_begin_anew(folder)}") from error
    if isinstance(header, dict) and header.get("format", FORMAT) != FORMAT:
        raise CheckpointError(f"{path} is written as {header['format']!r}; this version of minidl reads {FORMAT!r}")
    if not isinstance(header, dict) or header != _signed(header):
        raise CheckpointError(f"{path} is damaged: its content is not what its SHA-256 says; {_begin_anew(folder)}")
    return header


def _begin_anew(folder: Path) -> str:
    return (
        f"put back a copy of it, or begin the sweep anew in another folder ({folder / RESULTS} can be read by itself)"
    )


def _read_results(folder: Path, configurations: Sequence[Configuration]) -> tuple[list[Run], int]:
    """Return the last run of each configuration, and how many bytes of complete lines there are."""
    path = folder / RESULTS
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    end = content.rfind(b"\n") + 1
    runs: dict[int, Run] = {}
    for number, line in enumerate(content[:end].splitlines(), 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict) or record != _signed(record):
            raise CheckpointError(f"{path} is damaged in line {number}; {REMEDY}")
        run = _run(record)
        if run.index >= len(configurations) or _serialize(configurations[run.index]) != _serialize(run.configuration):
            raise CheckpointError(f"{path} has a run of another sweep in line {number}; {REMEDY}")
        runs[run.index] = run
    return [runs[index] for index in sorted(runs)], end


def _run(record: dict[str, Any]) -> Run:
    failure = None if record["failure"] is None else Failure(**record["failure"])
    return Run(record["index"], record["configuration"], record["values"], failure, record["seconds"])


def _signed(record: dict[str, Any]) -> dict[str, Any]:
    """Add the SHA-256 of a record's text, in place of the one it may have."""
    unsigned = {key: value for key, value in record.items() if key != "sha256"}
    return {**unsigned, "sha256": hashlib.sha256(_serialize(unsigned).encode()).hexdigest()[:32]}


def _serialize(value: Any) -> str:
    return json.dumps(value)
