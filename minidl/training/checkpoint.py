"""Checkpoints: numbers as safetensors, the rest as JSON, never pickle; whole or not there at all.

A checkpoint is two files. `NAME.json` holds its own SHA-256, the plain values, and the name and the SHA-256 of the file
with the arrays, `checkpoint-HASH.safetensors`, whose name says what is in it: so checkpoints side by side in a folder share
arrays that are the same, and never touch each other's. The arrays are written first, under a name that only this content
has; `NAME.json` then takes its predecessor's place in one step, and only after that go the arrays that no checkpoint of the
folder names any longer. At every moment, whatever kills the process, `NAME.json` names a complete set. One process at a
time may write in a folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckpointError, UsageError
from ..files import write_atomic
from ..graph import data_of
from ..kernels.device import fetched

FORMAT = "minidl checkpoint 2"
REMEDY = "put back a copy of the run's folder, or begin a new run"
LAST = "checkpoint"
"""The name of the checkpoint that training goes on from."""

_HEAD = f'{{\n "format": "{FORMAT}",\n "sha256": "'.encode()
_OTHER_FORMAT = re.compile(rb'\{\s*"format": "(minidl checkpoint [^"]*)"')
_ARRAYS_FILE = re.compile(r"checkpoint-[0-9a-f]{16}\.safetensors")
_BEGUN_FILE = re.compile(r"\..+\.[a-z0-9_]{8}\.part")  # write_atomic's, before it takes its place
_ARRAY, _PAIRS, _TUPLE = "$array", "$pairs", "$tuple"
_KINDS = "biuf"
"""What safetensors holds, by NumPy's letters: truth values, whole numbers, floats."""


def save_checkpoint(folder: str | os.PathLike[str], state: Mapping[str, Any], name: str = LAST) -> Path:
    """Write `state` into `folder` in place of the checkpoint of this name, and return the path of its index, `NAME.json`.

    Args:
        folder: where; created if missing. Checkpoints of other names in it stay as they are.
        state: nested dictionaries, lists and tuples of plain values and NumPy arrays; all come back as they are, but for
            NumPy's scalars, which become plain numbers.
        name: what to call it: "checkpoint" is the one that training goes on from, "best" the one to keep.

    Raises:
        UsageError: no file can have this name.
        TypeError: the state holds something else.
        OSError: the folder cannot be written; the previous checkpoint is untouched.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_checkpoint(folder, {"step": 3, "weights": np.ones(2)}, name="best")
    ...     load_checkpoint(path)
    {'step': 3, 'weights': array([1., 1.])}
    """
    from safetensors.numpy import save

    if not re.fullmatch(r"[^\W_][\w .+=-]*", name):
        raise UsageError(f"a checkpoint cannot be called {name!r}; use letters, digits, '-' and '_'")
    folder = Path(folder)
    arrays: dict[str, NDArray[Any]] = {}
    packed = _pack(state, "", arrays)
    content = save(arrays)
    digest = hashlib.sha256(content).hexdigest()
    file = folder / f"checkpoint-{digest[:16]}.safetensors"
    if not (file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == digest):
        write_atomic(file, content)
    index = _sealed({"arrays": file.name, "arrays_sha256": digest, "state": packed})
    try:
        return write_atomic(folder / f"{name}.json", index)
    finally:  # whether this checkpoint or its predecessor stands now: it is complete, and the rest can go
        with contextlib.suppress(OSError):  # what cannot be cleared away now can be next time
            _settle(folder)
            _clear(folder)


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the state that was saved.

    Args:
        path: a checkpoint's index, such as `run/best.json`, or a folder that holds `checkpoint.json`.

    Raises:
        CheckpointError: there is none, or it is damaged: a single flipped bit in either file is found, and the file named.
    """
    path = Path(path)
    path = path / f"{LAST}.json" if path.is_dir() else path
    index = _read_index(path)
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        name, digest = index["arrays"], index["arrays_sha256"]
        if not _ARRAYS_FILE.fullmatch(name):
            raise CheckpointError(f"{path} names a file outside its folder, or none of a checkpoint's: {name!r}")
        content = _read(path.parent / name)
        if hashlib.sha256(content).hexdigest() != digest:
            raise CheckpointError(
                f"{path.parent / name} is damaged: its SHA-256 is not the one that {path.name} gives; {REMEDY}"
            )
        state = _unpack(index["state"], load(content))
    except CheckpointError:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a checkpoint that this version of minidl can read: {error}") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} holds no training state")
    return state


def _sealed(index: dict[str, Any]) -> bytes:
    """The text of an index. It begins with the SHA-256 of all else in it, so that damage shows before a word is believed."""
    body = b'",\n' + json.dumps(index, indent=1).encode()[2:] + b"\n"
    return _HEAD + hashlib.sha256(_HEAD + body).hexdigest().encode() + body


def _read_index(path: Path) -> dict[str, Any]:
    content = _read(path)
    digest, body = content[len(_HEAD) : len(_HEAD) + 64], content[len(_HEAD) + 64 :]
    if not content.startswith(_HEAD):
        other = _OTHER_FORMAT.match(content)
        if other and other[1] != FORMAT.encode():
            raise CheckpointError(
                f"{path} is written as {other[1].decode(errors='replace')!r}, or is damaged; this version of minidl reads "
                f"{FORMAT!r}"
            )
        raise CheckpointError(f"{path} is not a minidl checkpoint, or is damaged; {REMEDY}")
    if hashlib.sha256(_HEAD + body).hexdigest().encode() != digest:
        raise CheckpointError(f"{path} is damaged: its content is not what its SHA-256 says; {REMEDY}")
    try:
        index: dict[str, Any] = json.loads(content)
    except (ValueError, RecursionError) as error:  # not written by `save_checkpoint`, although its SHA-256 is right
        raise CheckpointError(f"{path} is not a checkpoint that this version of minidl can read: {error}") from error
    return index


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"there is no checkpoint here: {path} does not exist") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _settle(folder: Path) -> None:
    """Have the folder's new entries reach the disk before old files go, so that a power failure spares one or the other."""
    if os.name == "posix":  # elsewhere a folder cannot be opened, and the file system sees to it
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _clear(folder: Path) -> None:
    """Delete what checkpoints left behind: arrays that none names any longer, and files that a killed process began."""
    indices = [path.read_text(encoding="utf-8", errors="replace") for path in folder.glob("*.json")]
    named = {name for text in indices for name in _ARRAYS_FILE.findall(text)}
    for path in folder.iterdir():
        unnamed = _ARRAYS_FILE.fullmatch(path.name) and path.name not in named
        if unnamed or _BEGUN_FILE.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _pack(value: Any, path: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Replace each array by its name, and move it to `arrays`; a marker's `$` tells what JSON has no word for."""
    value = fetched(data_of(value))  # a tensor's array
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in _KINDS or value.dtype.itemsize > 8:
            raise TypeError(f"a checkpoint cannot hold an array of {value.dtype} (at {path})")
        name = path.encode(errors="replace").decode()
        while name in arrays or name == "__metadata__":  # "a/b" is both the name of one array and the path of another
            name += "'"
        arrays[name] = np.asarray(value, order="C")  # safetensors writes the memory as it lies
        return {_ARRAY: name}
    if isinstance(value, np.generic) and value.dtype.kind in _KINDS + "U":
        value = value.item()
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: _pack(item, f"{path}/{key}" if path else key, arrays) for key, item in value.items()}
        pairs = ((key, item, f"{path}/{key}") for key, item in value.items())
        return {_PAIRS: [[_pack(key, at, {}), _pack(item, at, arrays)] for key, item, at in pairs]}
    if isinstance(value, list | tuple):
        items = [_pack(item, f"{path}/{i}", arrays) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {_TUPLE: items}
    return value if value is None or isinstance(value, str | bool | int | float) else _refuse(value, path)


def _refuse(value: Any, path: str) -> Any:
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__} (at {path})")


def _unpack(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    if isinstance(value, dict):
        if _ARRAY in value:
            return arrays[value[_ARRAY]].copy()  # safetensors' own may be read-only
        if _PAIRS in value:
            return {_unpack(key, arrays): _unpack(item, arrays) for key, item in value[_PAIRS]}
        if _TUPLE in value:
            return tuple(_unpack(item, arrays) for item in value[_TUPLE])
        return {key: _unpack(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_unpack(item, arrays) for item in value]
    return value
