"""Dividing a data set so that every part has the same mixture of classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError


def stratified_split(labels: NDArray[Any], fractions: Sequence[float], seed: int) -> list[NDArray[np.intp]]:
    """Divide the positions of `labels` at random into parts that hold each class in the same proportion.

    Args:
        labels: `(N,)`, the class of each example.
        fractions: the share of each part; together 1.
        seed: the same seed gives the same parts, on every machine.

    Returns:
        For each fraction the positions of its part, ascending; every position is in exactly one part.

    Raises:
        UsageError: the fractions are not positive or do not sum to 1.
        DataError: a class has too few examples to be in every part.

    >>> labels = np.repeat([0, 1], 50)
    >>> train, validation, test = stratified_split(labels, [0.64, 0.16, 0.20], seed=0)
    >>> [np.bincount(labels[part]).tolist() for part in (train, validation, test)]
    [[32, 32], [8, 8], [10, 10]]
    """
    if not fractions or min(fractions) <= 0 or not math.isclose(sum(fractions), 1):
        raise UsageError(f"the fractions of a split must be positive and sum to 1; got {list(fractions)}")
    rng = np.random.Generator(np.random.PCG64(seed))
    parts: list[list[NDArray[np.intp]]] = [[] for _ in fractions]
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        ends = np.rint(np.cumsum(fractions) * len(members)).astype(int)
        pieces = np.split(members, ends[:-1])
        if any(len(piece) == 0 for piece in pieces):
            raise DataError(
                f"class {label} has only {len(members)} examples, too few to be in all {len(fractions)} parts"
            )
        for part, piece in zip(parts, pieces, strict=True):
            part.append(piece)
    return [np.sort(np.concatenate(part)) for part in parts]
