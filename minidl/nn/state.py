"""The state of a module as a file that PyTorch reads too: its arrays by name, in the safetensors format, never pickle."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckpointError, DtypeError, StateError
from ..graph import Node
from ..kernels import ARRAYS
from ..kernels.device import copied_to, fetched
from ..tensor import Tensor

if TYPE_CHECKING:
    from .module import Module

Arrays = dict[str, NDArray[Any]]


class Mismatch(NamedTuple):
    """What did not find its counterpart when a state was loaded, as PyTorch calls it.

    Attributes:
        missing_keys: names that the module has and the state lacks.
        unexpected_keys: names that the state has and the module does not know.
    """

    missing_keys: list[str]
    unexpected_keys: list[str]


def load_into(
    own: Mapping[str, Tensor],
    state: Mapping[str, Any],
    strict: bool,
    assign: bool = False,
    optional: Collection[str] = (),
) -> Mismatch:
    """Copy the arrays of a state into tensors of the same names; nothing changes unless all of them fit.

    Args:
        own: the tensors by name.
        state: arrays or tensors by name.
        strict: whether missing and unknown names are errors.
        assign: whether the tensors take the arrays over as they are, rather than copies in their own dtypes.
        optional: names that may be missing, whose tensors stay as they are.

    Raises:
        StateError: names are missing or unknown, or arrays have other shapes than the tensors.
        DtypeError: the state is no mapping, or holds something else than numbers.
    """
    if not isinstance(state, Mapping):
        raise DtypeError(f"load_state_dict: wants a dictionary of arrays by name, got {type(state).__name__}")
    mismatch = Mismatch([n for n in own if n not in state and n not in optional], [n for n in state if n not in own])
    found = {name: _array(name, state[name]) for name in own if name in state}
    wrong = [
        f"{name} is {own[name].shape} here and {array.shape} in the state"
        for name, array in found.items()
        if array.shape != own[name].shape
    ]
    problems = []
    if strict and mismatch.missing_keys:
        problems.append(f"missing {', '.join(mismatch.missing_keys)}")
    if strict and mismatch.unexpected_keys:
        problems.append(f"unknown {', '.join(mismatch.unexpected_keys)}")
    if wrong or problems:
        raise StateError(f"load_state_dict: {'; '.join(problems + wrong)}")
    with np.errstate(over="ignore"):  # what is too large for the dtype becomes an infinity, as in any operation
        for name, array in found.items():
            own[name].data = array if assign else copied_to(own[name].device, array, own[name].dtype)
    return mismatch


def _array(name: str, value: Any) -> Any:
    """The numbers of an entry, whatever holds them.

    Raises:
        DtypeError: there are none.
    """
    if hasattr(value, "detach") and not isinstance(value, Node):  # a tensor of PyTorch's
        value = value.detach().cpu()
        if "bfloat16" in str(value.dtype):  # which NumPy lacks, and which float32 holds exactly
            value = value.float()
    array = value.data if isinstance(value, Node) else value
    array = array if isinstance(array, ARRAYS) else np.asarray(array)
    if array.dtype.kind not in "biuf":
        raise DtypeError(f"load_state_dict: {name} must hold real numbers, got {array.dtype}")
    return array


def save_state(model: Module, path: str | os.PathLike[str]) -> Path:
    """Write the state dict of `model` to a safetensors file, whole or not at all, and return its path.

    PyTorch reads it with `safetensors.torch.load_file`. The file's metadata hold a SHA-256 of names, shapes and numbers.

    Args:
        model: the module.
        path: the file, usually `….safetensors`.

    Raises:
        OSError: the file cannot be written; what was there is untouched.

    >>> import tempfile
    >>> from minidl import nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_state(nn.Linear(2, 1), Path(folder) / "line.safetensors")
    ...     load_state(nn.Linear(2, 1), path)
    Mismatch(missing_keys=[], unexpected_keys=[])
    """
    from safetensors.numpy import save  # as in all of this file, what `import minidl` need not load

    from ..files import write_atomic

    # safetensors writes the memory as it lies, so it must lie in order
    arrays = {name: np.array(fetched(tensor.data), order="C") for name, tensor in model.state_dict().items()}
    # "pt" tells readers that names and layouts are PyTorch's
    return write_atomic(Path(path), save(arrays, metadata={"format": "pt", "sha256": _digest(arrays)}))


def load_state(model: Module, path: str | os.PathLike[str], strict: bool = True) -> Mismatch:
    """Fill `model` from a safetensors file that `save_state` or PyTorch wrote; nothing changes unless everything fits.

    A tensor that the model has under several names may stand in the file under one of them, as `safetensors.torch.save_model`
    writes it; `save_state` itself writes it under each.

    Args:
        model: the module.
        path: the file.
        strict: whether every name must match.

    Returns:
        The names that are missing from the file and those that are unknown to the model.

    Raises:
        CheckpointError: there is no such file, or it is damaged.
        StateError: names are missing or unknown, or arrays have other shapes than what they are to fill.
    """
    arrays, metadata = read_arrays(Path(path))
    if metadata.get("sha256", _digest(arrays)) != _digest(arrays):
        raise CheckpointError(f"{path} is damaged: its numbers are not those that its SHA-256 was taken of")
    own = dict(model._state())
    known = {id(own[name]): array for name, array in arrays.items() if name in own}
    shared = {name: known[id(tensor)] for name, tensor in own.items() if name not in arrays and id(tensor) in known}
    return model.load_state_dict({**arrays, **shared}, strict)


def read_arrays(path: Path) -> tuple[Arrays, dict[str, str]]:
    """Return the arrays and the metadata of a safetensors file.

    Raises:
        CheckpointError: there is no such file, or it is none of safetensors'.
    """
    import json

    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content = path.read_bytes()
        arrays: Arrays = dict(sorted(load(content).items()))
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from error
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} is no safetensors file, or is damaged: {error}") from error
    except KeyError as error:
        raise CheckpointError(f"{path} holds numbers of the kind {error}, which NumPy lacks; save it as F32") from error
    return arrays, header.get("__metadata__", {})


def _digest(arrays: Arrays) -> str:
    import hashlib

    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}\n".encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()
