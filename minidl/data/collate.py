"""From a list of examples to one batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..creation import tensor
from ..errors import DtypeError, ShapeError, UsageError
from ..kernels.dtypes import float64
from ..primitives.shapes.joining import stack
from ..tensor import Tensor

Collate = Callable[[list[Any]], Any]
"""What turns a list of examples into one batch."""


def default_collate(batch: Sequence[Any]) -> Any:
    """Put examples of equal form together into one batch, as PyTorch's `default_collate` does.

    Args:
        batch: the examples: tensors, arrays, numbers, strings, or tuples, lists and dictionaries of these.

    Returns:
        Tensors and arrays are stacked along a new first axis, numbers become one tensor (of float64 or int64), strings
        stay as they are; tuples and lists become a list with one entry a field, dictionaries a dictionary.

    Raises:
        UsageError: there are no examples, or they have different numbers of fields.
        ShapeError: tensors of different shapes.
        DtypeError: something that cannot be put in a tensor.

    >>> images, labels = default_collate([(np.zeros((1, 2, 2), np.float32), 3), (np.ones((1, 2, 2), np.float32), 5)])
    >>> images.shape, labels
    ((2, 1, 2, 2), tensor([3, 5]))
    """
    if len(batch) == 0:
        raise UsageError("default_collate: there are no examples to put together")
    first = batch[0]
    if isinstance(first, Tensor):
        return _stacked(list(batch))
    if isinstance(first, np.ndarray | np.generic):
        if first.dtype.kind not in "biufc":
            raise DtypeError(f"default_collate: a batch cannot be made of arrays of {first.dtype}; numbers are needed")
        return _stacked([tensor(item) for item in batch])
    if isinstance(first, float):
        return tensor(batch, dtype=float64)
    if isinstance(first, int):
        return tensor(list(batch))
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return {key: default_collate([item[key] for item in batch]) for key in first}
    if isinstance(first, Sequence):
        if any(len(item) != len(first) for item in batch):
            raise UsageError(
                f"default_collate: examples with {sorted({len(item) for item in batch})} fields in one batch"
            )
        fields = [default_collate(field) for field in zip(*batch, strict=True)]
        return type(first)(*fields) if hasattr(first, "_fields") else fields
    raise DtypeError(
        f"default_collate: a batch cannot be made of {type(first).__name__}; give tensors, arrays, numbers, strings, or "
        "tuples and dictionaries of these, or pass the loader a collate_fn"
    )


def page_locked(batch: Any) -> Any:
    """The same batch with copies of its tensors in page-locked memory, from which they are copied to a GPU beside its work."""
    if isinstance(batch, Tensor):
        return batch.pin_memory()
    if isinstance(batch, Mapping):
        return {key: page_locked(part) for key, part in batch.items()}
    if isinstance(batch, tuple | list):
        parts = [page_locked(part) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch


def _stacked(tensors: list[Tensor]) -> Tensor:
    shapes = list(dict.fromkeys(tuple(item.shape) for item in tensors))
    if len(shapes) > 1:
        raise ShapeError(
            f"default_collate: examples of different shapes, {' and '.join(map(str, shapes[:2]))}, cannot be stacked into "
            "one batch; give all of them one size (`size` of ImageFolder, or Resize or a crop as the transform of the data "
            "set), or pass the loader a collate_fn"
        )
    return stack(tensors)
