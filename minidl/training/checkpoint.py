"""Checkpoints: numbers as safetensors, the rest as JSON, never pickle; whole or not there at all.

A checkpoint is two files. `checkpoint.json` holds the plain values, the name of the file with the arrays, that file's
SHA-256 and its own. The arrays are in `checkpoint-STEP-HASH.safetensors`, written first, under a name that only this
content has; `checkpoint.json` then takes its predecessor's place in one step, and only after that the predecessor's
arrays go. At every moment, whatever kills the process, `checkpoint.json` names a complete set.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckpointError
from ..files import write_atomic

FORMAT = "minidl checkpoint 1"
REMEDY = "put back a copy of the run's folder, or begin a new run"
INDEX = "checkpoint.json"
_ARRAY, _PAIRS = "$array", "$pairs"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> Path:
    """Write `state` into `folder` in place of the checkpoint that is there, and return the path of its index.

    Args:
        folder: where; created if missing.
        state: nested dictionaries and lists of plain values and NumPy arrays; `step` is a number.

    Raises:
        OSError: the folder cannot be written; the previous checkpoint is untouched.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     path = save_checkpoint(Path(name), {"step": 3, "weights": np.ones(2)})
    ...     load_checkpoint(path)["weights"]
    array([1., 1.])
    """
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {}
    packed = _pack(state, "", arrays)
    content = save(arrays)
    digest = hashlib.sha256(content).hexdigest()
    arrays_file = f"checkpoint-{int(state['step']):06d}-{digest[:12]}.safetensors"
    index = {"format": FORMAT, "arrays": arrays_file, "arrays_sha256": digest, "state": packed}
    write_atomic(folder / arrays_file, content)
    path = write_atomic(folder / INDEX, _serialize(index | {"sha256": _digest(index)}))
    for old in folder.glob("checkpoint-*.safetensors"):
        if old.name != arrays_file:
            old.unlink(missing_ok=True)
    return path


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return the state that was saved.

    Args:
        path: a folder that holds `checkpoint.json`, or that file itself.

    Raises:
        CheckpointError: there is none, or it is damaged: a single flipped bit in either file is found and named.
    """
    path = path / INDEX if path.is_dir() else path
    index = _read_index(path)
    if index["arrays"] != Path(index["arrays"]).name:
        raise CheckpointError(f"{path} names a file outside its folder: {index['arrays']}")
    content = _read(path.parent / index["arrays"])
    if hashlib.sha256(content).hexdigest() != index["arrays_sha256"]:
        raise CheckpointError(
            f"{path.parent / index['arrays']} is damaged: its SHA-256 is not the one that {path.name} gives; {REMEDY}"
        )
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        state = _unpack(index["state"], load(content))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is not a checkpoint that this version of minidl can read: {error}") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} holds no training state")
    return state


def _read_index(path: Path) -> dict[str, Any]:
    text = _read(path)
    try:
        index = json.loads(text.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}; {REMEDY}") from error
    if not isinstance(index, dict) or not str(index.get("format", "")).startswith("minidl checkpoint"):
        raise CheckpointError(f"{path} is not a minidl checkpoint, or is damaged; {REMEDY}")
    if index["format"] != FORMAT:
        raise CheckpointError(f"{path} is written as {index['format']!r}; this version of minidl reads {FORMAT!r}")
    unsigned = {key: value for key, value in index.items() if key != "sha256"}
    # The second comparison also finds a change that leaves every value the same, such as another space.
    if index.get("sha256") != _digest(unsigned) or _serialize(index).encode() != text:
        raise CheckpointError(f"{path} is damaged: its content is not what its SHA-256 says; {REMEDY}")
    return index


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"there is no checkpoint here: {path} does not exist") from None
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from error


def _serialize(index: dict[str, Any]) -> str:
    return json.dumps(index, indent=1) + "\n"


def _digest(index: dict[str, Any]) -> str:
    return hashlib.sha256(_serialize(index).encode()).hexdigest()


def _pack(value: Any, path: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Replace each array by its name, and move it to `arrays`."""
    if isinstance(value, np.ndarray):
        arrays[path] = value.copy(order="C")  # safetensors writes the memory as it lies
        return {_ARRAY: path}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: _pack(item, f"{path}/{key}" if path else key, arrays) for key, item in value.items()}
        return {_PAIRS: [[key, _pack(item, f"{path}/{key}", arrays)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_pack(item, f"{path}/{i}", arrays) for i, item in enumerate(value)]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__} (at {path})")


def _unpack(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    if isinstance(value, dict):
        if _ARRAY in value:
            return arrays[value[_ARRAY]].copy()  # safetensors' own may be read-only
        if _PAIRS in value:
            return {key: _unpack(item, arrays) for key, item in value[_PAIRS]}
        return {key: _unpack(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_unpack(item, arrays) for item in value]
    return value
