"""Fetching published data files: checked, resumed where they were broken off, from the first mirror that answers."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..errors import DataError
from .locking import locked

TIMEOUT = 30
"""Seconds to wait for a server to say something."""

_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416
_CHUNK = 4096  # what arrived of one that is cut short is lost

ROUNDS = 5
"""How often the mirrors are asked again when a download breaks off, as long as more has arrived each time."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A published file.

    Attributes:
        name: the file's name.
        sha256: its checksum.
        urls: where it is published, tried in this order.
    """

    name: str
    sha256: str
    urls: tuple[str, ...]


def data_folder(root: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder for data sets: `root` if given, else what MINIDL_DATA names, else one in the user's cache folder.

    >>> data_folder("somewhere").name
    'somewhere'
    """
    if root is not None:
        return Path(root).expanduser()
    if chosen := os.environ.get("MINIDL_DATA"):
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("minidl", appauthor=False)) / "data"


def find(folders: Sequence[Path], files: Sequence[str]) -> Path | None:
    """Return the first of the folders that holds all the files, each with or without `.gz`; None if there is none."""
    for folder in folders:
        if all((folder / name).is_file() or (folder / f"{name}.gz").is_file() for name in files):
            return folder
    return None


def missing(name: str, folders: Sequence[Path], files: Sequence[str], remotes: Sequence[Remote]) -> DataError:
    """Return the error that says which files of the data set `name` to put where, and where they come from."""
    places = ", ".join(map(str, folders))
    return DataError(
        f"{name} is not here: {', '.join(files)} must all be in one of these folders: {places}. Pass download=True to "
        "fetch it, name the folder that has it (root, or the environment variable MINIDL_DATA), or put it there by hand, "
        f"from {' and '.join(remote.urls[0] for remote in remotes)}"
    )


def fetch(remote: Remote, folder: Path) -> Path:
    """Download a file into `folder`, unless it is there with the right checksum, and return its path.

    What has arrived when a download breaks off stays in `folder` as NAME.part; the next attempt, of another mirror or in
    another run, asks for the rest only. Of several processes that want the same file one fetches it, and the others wait.

    Raises:
        DataError: no mirror gave the file (the message has what each one said, and where to put the file by hand), or the
            folder cannot be written.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)  # our own progress says the same
    said: dict[str, str] = {}
    useless: set[str] = set()
    part = folder / f"{remote.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / f"{remote.name}.lock"):
            for _ in range(ROUNDS):
                before = _size(part)
                for url in remote.urls:
                    if url in useless:
                        continue
                    try:
                        return _fetch_from(url, remote, folder, part)
                    except (requests.RequestException, ValueError) as error:
                        said[url] = str(error)
                        if isinstance(error, requests.HTTPError | ValueError):  # it has not this file
                            useless.add(url)
                if _size(part) <= before:
                    break
    except OSError as error:
        raise DataError(
            f"{remote.name} cannot be kept in {folder}: {error.strerror or error}; name another folder (root, or the "
            "environment variable MINIDL_DATA), or make room there"
        ) from error
    tried = "\n  ".join(f"{url}: {error}" for url, error in said.items())
    raise DataError(
        f"{remote.name} could not be downloaded:\n  {tried}\nWithout a network connection, fetch it on another machine and "
        f"put it here: {folder / remote.name} (SHA-256 {remote.sha256})"
    )


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _fetch_from(url: str, remote: Remote, folder: Path, part: Path) -> Path:
    """Fetch the file from one mirror; where the part that is there already does not fit the rest, from the beginning."""
    import pooch

    while True:
        resumed = part.exists()
        try:
            return Path(
                pooch.retrieve(
                    url,
                    f"sha256:{remote.sha256}",
                    fname=remote.name,
                    path=folder,
                    downloader=_resuming(part, remote.name),
                )
            )
        except ValueError:  # the checksum; of what a part of another version began with, or of all of it
            if not resumed:
                raise
        finally:
            if _size(part) == 0:
                part.unlink(missing_ok=True)


def _resuming(part: Path, name: str) -> Callable[[str, Any, Any], None]:
    """Return a downloader for pooch that writes to `part`, asking only for what is not in it yet."""
    import requests

    def ask(url: str, have: int) -> Any:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        return requests.get(url, headers=headers, timeout=TIMEOUT, stream=True)

    def download(url: str, output: Any, caller: Any) -> None:
        have = _size(part)
        answer = ask(url, have)
        if have and answer.status_code == _RANGE_NOT_SATISFIABLE:  # the part is longer than all of it
            answer.close()
            answer, have = ask(url, 0), 0
        with answer:
            answer.raise_for_status()
            if answer.status_code != _PARTIAL_CONTENT:  # the server has no ranges and sends all of it again
                have = 0
            with part.open("ab" if have else "wb") as file:
                _copy(answer, file, _Progress(name, have, int(answer.headers.get("Content-Length", 0))))
        os.replace(part, output)

    return download


def _copy(answer: Any, file: IO[bytes], progress: _Progress) -> None:
    with contextlib.closing(progress):
        for chunk in answer.iter_content(_CHUNK):
            file.write(chunk)
            progress.update(len(chunk))


class _Progress:
    """On a terminal a line that counts; elsewhere, such as in a log, one line at the beginning."""

    def __init__(self, name: str, have: int, rest: int) -> None:
        self._name = name
        self._done = have
        self._total = have + rest if rest else 0
        self._live = sys.stderr.isatty()
        self._shown = 0.0
        size = f"{self._total / 1e6:.1f} MB" if self._total else "unknown size"
        if not self._live:
            again = f", {have / 1e6:.1f} MB of it here already" if have else ""
            print(f"downloading {name} ({size}{again})", file=sys.stderr, flush=True)

    def update(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if self._live and now - self._shown > 0.1:
            self._shown = now
            self._show()

    def _show(self) -> None:
        share = (
            f"{self._done / self._total:4.0%} of {self._total / 1e6:.1f}" if self._total else f"{self._done / 1e6:.1f}"
        )
        print(f"\r{self._name}: {share} MB", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._live:
            self._show()
            print(file=sys.stderr)
