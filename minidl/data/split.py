"""Dividing a data set: by class, in folds, and without tearing groups apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError
from .dataset import Indices


def _source(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def _check_fractions(fractions: Sequence[float]) -> None:
    if not fractions or min(fractions) <= 0 or not math.isclose(sum(fractions), 1):
        raise UsageError(f"the fractions of a split must be positive and sum to 1; got {list(fractions)}")


def stratified_split(labels: Sequence[Any] | NDArray[Any], fractions: Sequence[float], seed: int) -> list[Indices]:
    """Divide the positions of `labels` at random into parts that hold each class in the same proportion.

    Of each class a part gets its exact share, rounded up or down; which of the two is chosen such that the parts as wholes
    come as near to their shares as they can, however small the classes are.

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
    _check_fractions(fractions)
    labels = np.asarray(labels)
    rng = _source(seed)
    shares = np.asarray(fractions, np.float64)
    part_of = np.empty(len(labels), np.intp)
    lacks = np.zeros(len(shares))  # how many examples each part has got too few so far
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        exact = shares * len(members)
        counts = np.floor(exact + 1e-9).astype(np.intp)
        lacks += exact - counts
        left = len(members) - counts.sum()
        claim = np.where(counts == 0, np.inf, np.where(exact > counts, lacks, -np.inf))  # no part without the class
        more = np.argsort(-claim, kind="stable")[:left]
        counts[more] += 1
        lacks[more] -= 1
        if not counts.all():
            raise DataError(f"class {label} has only {len(members)} examples, too few to be in all {len(shares)} parts")
        part_of[members] = np.repeat(np.arange(len(shares)), counts)
    return [np.flatnonzero(part_of == part) for part in range(len(shares))]


def group_split(groups: Sequence[Any] | NDArray[Any], fractions: Sequence[float], seed: int) -> list[Indices]:
    """Divide positions into parts such that no group is in two of them.

    Pictures of one patient, frames of one film, digits of one writer: what belongs together must be on one side, or the
    test measures how well a model remembers them.

    Args:
        groups: `(N,)`, what each example belongs to.
        fractions: the share of each part; together 1. Groups are given out whole, in random order, each to the part that
            still lacks most, so large groups make the shares inexact.
        seed: the same seed gives the same parts, on every machine.

    Returns:
        For each fraction the positions of its part, ascending.

    Raises:
        UsageError: the fractions are not positive or do not sum to 1.
        DataError: there are fewer groups than parts.

    >>> groups = np.repeat(["ann", "bob", "eve", "joe"], 5)
    >>> train, test = group_split(groups, [0.75, 0.25], seed=0)
    >>> len(train), len(test), set(groups[train]) & set(groups[test])
    (15, 5, set())
    """
    _check_fractions(fractions)
    _, member_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return _deal_groups(member_of, sizes, np.asarray(fractions) * len(member_of), seed)


def _deal_groups(member_of: Indices, sizes: Indices, room: NDArray[np.float64], seed: int) -> list[Indices]:
    """Give each group, in random order but large ones first, to the part with the most room left."""
    if len(sizes) < len(room):
        raise DataError(f"{len(sizes)} groups cannot be divided into {len(room)} parts")
    order = _source(seed).permutation(len(sizes))
    part_of = np.empty(len(sizes), np.intp)
    left = room.astype(np.float64)
    empty = np.ones(len(room), bool)
    for rank, group in enumerate(order[np.argsort(-sizes[order], kind="stable")]):
        must = empty if len(sizes) - rank <= empty.sum() else np.ones_like(empty)  # no part may stay without a group
        part = int(np.argmax(np.where(must, left, -np.inf)))
        part_of[group] = part
        left[part] -= sizes[group]
        empty[part] = False
    return [np.flatnonzero(part_of[member_of] == part) for part in range(len(room))]


def _check_folds(count: int, folds: int, what: str) -> None:
    if not 2 <= folds <= count:
        raise UsageError(f"the number of folds must be from 2 to {count}, the number of {what}; got {folds}")


def k_fold(count: int, folds: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Give, for each of `folds` parts of 0 … count − 1 at random, all the others to train on and the part to judge by.

    Args:
        count: the number of examples.
        folds: the number of parts; their sizes differ by one at most.
        seed: the same seed gives the same parts.

    Returns:
        Pairs of positions, both ascending.

    Raises:
        UsageError: fewer than 2 folds, or more than examples.

    >>> [(len(train), len(held_out)) for train, held_out in k_fold(10, 3, seed=0)]
    [(6, 4), (7, 3), (7, 3)]
    """
    _check_folds(count, folds, "examples")
    fold_of = np.empty(count, np.intp)
    fold_of[_source(seed).permutation(count)] = np.arange(count) % folds
    return _pairs(fold_of, folds)


def stratified_k_fold(labels: Sequence[Any] | NDArray[Any], folds: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Give folds as `k_fold` does, each with the same mixture of classes.

    Args:
        labels: `(N,)`, the class of each example.
        folds: the number of parts.
        seed: the same seed gives the same parts.

    Raises:
        UsageError: fewer than 2 folds, or more than examples.
        DataError: a class has fewer examples than there are folds.

    >>> labels = np.array([0] * 6 + [1] * 3)
    >>> [np.bincount(labels[held_out]).tolist() for _, held_out in stratified_k_fold(labels, 3, seed=0)]
    [[2, 1], [2, 1], [2, 1]]
    """
    labels = np.asarray(labels)
    _check_folds(len(labels), folds, "examples")
    rng = _source(seed)
    fold_of = np.empty(len(labels), np.intp)
    dealt = 0
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        if len(members) < folds:
            raise DataError(f"class {label} has only {len(members)} examples, too few to be in all {folds} folds")
        fold_of[members] = (dealt + np.arange(len(members))) % folds  # on from where the last class ended: equal sizes
        dealt += len(members)
    return _pairs(fold_of, folds)


def group_k_fold(groups: Sequence[Any] | NDArray[Any], folds: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Give folds as `k_fold` does, no group in two of them, their sizes as even as the groups allow.

    Args:
        groups: `(N,)`, what each example belongs to.
        folds: the number of parts.
        seed: the same seed gives the same parts.

    Raises:
        UsageError: fewer than 2 folds, or more than groups.

    >>> groups = np.repeat([7, 8, 9], [2, 1, 1])
    >>> [groups[held_out].tolist() for _, held_out in group_k_fold(groups, 2, seed=0)]
    [[7, 7], [8, 9]]
    """
    _, member_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    _check_folds(len(sizes), folds, "groups")
    parts = _deal_groups(member_of, sizes, np.full(folds, len(member_of) / folds), seed)
    fold_of = np.empty(len(member_of), np.intp)
    for fold, part in enumerate(parts):
        fold_of[part] = fold
    return _pairs(fold_of, folds)


def _pairs(fold_of: Indices, folds: int) -> Iterator[tuple[Indices, Indices]]:
    return ((np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(folds))
