"""Spoiling a data set on purpose: wrong labels, and samples that do not look like the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError
from .dataset import Indices

Labels = NDArray[np.int64]


def _source(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def _wrong(labels: Labels, rate: float, classes: int, rng: np.random.Generator) -> Indices:
    """Draw which labels to change: exactly a share `rate` of them, to the nearest whole number."""
    if not 0 <= rate <= 1 or classes < 2:
        raise UsageError(f"label noise needs a rate from 0 to 1 and at least 2 classes; got {rate} and {classes}")
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise UsageError(
            f"labels run from {labels.min()} to {labels.max()}, but classes={classes} allows 0 to {classes - 1}"
        )
    return rng.permutation(len(labels))[: round(rate * len(labels))]


def symmetric_noise(labels: Sequence[int] | NDArray[Any], rate: float, classes: int, seed: int = 0) -> Labels:
    """Replace a share of the labels by others, each of the other classes being equally likely.

    Args:
        labels: `(N,)`.
        rate: the share that becomes wrong, exactly (to the nearest whole number of labels).
        classes: how many classes there are.
        seed: the same seed gives the same labels.

    Returns:
        `(N,)` int64; `labels` itself is left as it is.

    Raises:
        UsageError: no such share, only one class, or a label that is none of them.

    Source: C. Zhang et al., "Understanding deep learning requires rethinking generalization", ICLR (2017).

    >>> labels = np.zeros(10, np.int64)
    >>> int((symmetric_noise(labels, 0.3, classes=4) != labels).sum())
    3
    """
    rng = _source(seed)
    noisy = np.array(labels, np.int64)
    chosen = _wrong(noisy, rate, classes, rng)
    noisy[chosen] = (noisy[chosen] + rng.integers(1, classes, len(chosen))) % classes
    return noisy


def pair_noise(labels: Sequence[int] | NDArray[Any], rate: float, classes: int, seed: int = 0) -> Labels:
    """Replace a share of the labels by the next class, the last by the first: a confusion that has a system.

    Args:
        labels: `(N,)`.
        rate: the share that becomes wrong.
        classes: how many classes there are.
        seed: the same seed gives the same labels.

    Raises:
        UsageError: no such share, only one class, or a label that is none of them.

    Source: B. Han et al., "Co-teaching", NeurIPS (2018).

    >>> pair_noise(np.array([0, 1, 2]), 1.0, classes=3).tolist()
    [1, 2, 0]
    """
    noisy = np.array(labels, np.int64)
    chosen = _wrong(noisy, rate, classes, _source(seed))
    noisy[chosen] = (noisy[chosen] + 1) % classes
    return noisy


def random_labels(labels: Sequence[int] | NDArray[Any], seed: int = 0) -> Labels:
    """Deal the labels out anew, so that they have nothing to do with the examples and each class stays as frequent.

    >>> sorted(random_labels(np.array([0, 0, 1, 2])).tolist())
    [0, 0, 1, 2]
    """
    return _source(seed).permutation(np.asarray(labels, np.int64))


def biased_sample(weights: Sequence[float] | NDArray[Any], count: int, seed: int = 0) -> Indices:
    """Draw a sample in which some examples are likelier than others: training data that does not look like the world.

    Args:
        weights: `(N,)`, from 0: how likely each example is; a function of the class, of the brightness, of anything.
        count: how many to draw, without replacement.
        seed: the same seed gives the same sample.

    Returns:
        `(count,)` positions, ascending.

    Raises:
        UsageError: weights that are no weights.
        DataError: too few examples have a weight above 0.

    >>> biased_sample([1, 0, 1, 0, 1], 3).tolist()
    [0, 2, 4]
    """
    shares = np.asarray(weights, np.float64)
    if shares.ndim != 1 or not (np.isfinite(shares).all() and (shares >= 0).all()):
        raise UsageError("biased_sample: weights must be a row of finite numbers from 0")
    if not 0 <= count <= np.count_nonzero(shares):
        raise DataError(f"{count} examples cannot be drawn from {np.count_nonzero(shares)} that have a weight above 0")
    if count == 0:
        return np.arange(0)
    return np.sort(_source(seed).choice(len(shares), count, replace=False, p=shares / shares.sum()))


def class_sample(labels: Sequence[int] | NDArray[Any], shares: Sequence[float], count: int, seed: int = 0) -> Indices:
    """Draw a sample whose classes have given shares.

    Args:
        labels: `(N,)`, whole numbers from 0.
        shares: for each class its share of the sample; together 1.
        count: how many to draw, without replacement.
        seed: the same seed gives the same sample.

    Returns:
        `(count,)` positions, ascending; each class has its share, to the nearest whole number.

    Raises:
        UsageError: the shares do not sum to 1, or a class has none, or nothing sensible is to be drawn.
        DataError: a class has too few examples.

    >>> labels = np.repeat([0, 1], 50)
    >>> np.bincount(labels[class_sample(labels, [0.9, 0.1], 20)]).tolist()
    [18, 2]
    """
    if min(shares, default=-1) < 0 or not np.isclose(sum(shares), 1):
        raise UsageError(f"the shares of the classes must be from 0 and sum to 1; got {list(shares)}")
    labels = np.asarray(labels)
    if count < 0 or (labels.size and not 0 <= labels.min() <= labels.max() < len(shares)):
        raise UsageError(
            f"class_sample needs a count from 0 and a share for each class from 0 to {labels.max(initial=0)}; got "
            f"count={count} and {len(shares)} shares"
        )
    rng = _source(seed)
    ends = np.rint(np.cumsum(shares) * count).astype(int)
    chosen = []
    for label, wanted in enumerate(np.diff(ends, prepend=0).tolist()):
        members = np.flatnonzero(labels == label)
        if wanted > len(members):
            raise DataError(f"class {label} has {len(members)} examples; {wanted} were to be drawn")
        chosen.append(rng.choice(members, wanted, replace=False) if wanted else members[:0])
    return np.sort(np.concatenate(chosen))
