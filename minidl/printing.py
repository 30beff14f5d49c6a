"""How a tensor prints itself: as PyTorch does, four decimals, columns aligned."""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernels.device import fetched


def format_array(array: Any, indent: int = 0) -> str:
    """Write an array's numbers in brackets; long ones are shortened with an ellipsis.

    >>> format_array(np.array([0.5, -1.0]))
    '[ 0.5000, -1.0000]'
    """
    array = np.asarray(fetched(array))
    if array.size == 0:
        return "[]" if array.ndim == 1 else f"[], size={array.shape}"
    kind = array.dtype.kind
    formatter: Any
    if kind == "f":
        formatter = {"float_kind": _float_format(array)}
    elif kind == "b":
        width = 5 if array.ndim and not array.all() else 4
        formatter = {"bool": lambda v: str(bool(v)).rjust(width if array.ndim else 0)}
    else:
        formatter = None
    if array.ndim == 0:
        return formatter[next(iter(formatter))](array[()]).strip() if formatter else str(array[()])
    return np.array2string(
        array, separator=", ", formatter=formatter, threshold=1000, edgeitems=3, prefix=" " * indent, max_line_width=100
    )


def _float_format(array: Any) -> Any:
    finite = array[np.isfinite(array)] if array.ndim else array[np.isfinite(array)].ravel()
    size = np.abs(finite[finite != 0])
    whole = bool((finite == np.round(finite)).all())
    extreme = size.size > 0 and (
        size.max() >= 1e8 or (not whole and (size.max() / size.min() > 1e3 or size.min() < 1e-4))
    )

    def write(v: Any) -> str:
        if not np.isfinite(v):
            return str(v)
        if extreme:
            return f"{v:.4e}"
        return f"{v:.0f}." if whole else f"{v:.4f}"

    width = max((len(write(v)) for v in array.reshape(-1)[:2000]), default=0) if array.ndim else 0
    return lambda v: write(v).rjust(width)
