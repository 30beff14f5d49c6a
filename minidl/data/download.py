"""Fetching published data files: checked, resumed where they were broken off, from the first mirror that answers."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError

TIMEOUT = 30
"""Seconds to wait for a server to say something."""

_RANGE_NOT_SATISFIABLE = 416


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

    What has arrived when a download breaks off stays in `folder` as NAME.part; the next one, be it from another mirror,
    asks for the rest only.

    Raises:
        DataError: no mirror gave the file; the message has what each one said, and where to put the file by hand.
    """
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)  # our own progress says the same
    said = []
    for url in remote.urls:
        try:
            return _fetch_from(url, remote, folder)
        except (OSError, ValueError) as error:
            said.append(f"{url}: {error}")
    tried = "\n  ".join(said)
    raise DataError(
        f"{remote.name} could not be downloaded:\n  {tried}\nWithout a network connection, fetch it on another machine and "
        f"put it here: {folder / remote.name} (SHA-256 {remote.sha256})"
    )


def _fetch_from(url: str, remote: Remote, folder: Path) -> Path:
    import pooch

    part = folder / f"{remote.name}.part"
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
        except (OSError, ValueError) as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            useless = status == _RANGE_NOT_SATISFIABLE or isinstance(error, ValueError)
            part_is_to_blame = resumed and useless  # of another version of the file, or the server sent all of it again
            if useless or (part.exists() and part.stat().st_size == 0):
                part.unlink(missing_ok=True)
            if not part_is_to_blame:
                raise


def _resuming(part: Path, name: str) -> Callable[[str, Any, Any], None]:
    """Return a downloader for pooch that writes to `part`, asking only for what is not in it yet."""
    import pooch

    def download(url: str, output: Any, caller: Any) -> None:
        have = part.stat().st_size if part.exists() else 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        progress = _Progress(name) if sys.stderr.isatty() else False
        with part.open("ab") as file:
            pooch.HTTPDownloader(headers=headers, timeout=TIMEOUT, progressbar=progress)(url, file, caller)
        os.replace(part, output)

    return download


class _Progress:
    """A line on the terminal, in the form that pooch asks of a progress bar."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.total = 0
        self._done = 0

    def update(self, count: int) -> None:
        self._done += count
        share = (
            f"{min(self._done / self.total, 1):4.0%} of {self.total / 1e6:.1f}"
            if self.total
            else f"{self._done / 1e6:.1f}"
        )
        print(f"\r{self.name}: {share} MB", end="", file=sys.stderr, flush=True)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        print(file=sys.stderr)
