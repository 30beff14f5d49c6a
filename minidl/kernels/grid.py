"""The index that picks along one axis, as `gather` and `scatter` do."""

from __future__ import annotations

from typing import Any

import numpy as np


class Grid(tuple[Any, ...]):
    """An index with an array an axis: `index` on one, each element's own place on the others.

    NumPy takes it as it takes any tuple; a kernel that knows it need not look at the places.

    Attributes:
        dim: the axis, counted from 0; −1 in a tuple that was put together anew.
    """

    dim: int = -1

    @property
    def index(self) -> Any:
        """The positions along the axis."""
        return self[self.dim]


def grid(index: Any, dim: int) -> Grid:
    """The index that picks `index` along `dim` and each element's own place along the other axes.

    >>> x, index = np.array([[1, 2], [3, 4]]), np.array([[1], [0]])
    >>> x[grid(index, 1)].tolist()
    [[2], [3]]
    """
    axes = np.ogrid[tuple(slice(n) for n in index.shape)]
    made = Grid((*axes[:dim], index, *axes[dim + 1 :]))
    made.dim = dim
    return made
