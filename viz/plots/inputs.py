"""What people hand to a plot, checked and copied: arrays, tensors and lists become arrays that nothing else can change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.errors import DtypeError, ShapeError, UsageError
from minidl.graph import data_of

from ..drawing.dot import clean

LONGEST_NAME = 28
"""A longer name is shortened in the middle."""
LONGEST_TITLE = 80
"""And so is a longer title."""


def array_of(value: Any, plot: str, what: str, *, ndim: int | tuple[int, ...] | None = None) -> NDArray[np.float64]:
    """Return a tensor, an array or a list as a new array of numbers.

    Args:
        value: what was given.
        plot: the function it was given to, for the message.
        what: what it is called there.
        ndim: how many axes it may have.

    Raises:
        DtypeError: it does not hold real numbers.
        ShapeError: it has another number of axes.
        UsageError: it holds nothing.

    >>> array_of([1, 2], "bars", "values", ndim=1)
    array([1., 2.])
    """
    try:
        raw = np.asarray(data_of(value))
        if raw.dtype.kind not in "fiub":
            raise TypeError(f"dtype {raw.dtype}")
        array = np.array(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DtypeError(f"{plot}: {what} must be an array of real numbers; got {_brief(value)} ({error})") from error
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if allowed is not None and array.ndim not in allowed:
        axes = " or ".join(map(str, allowed))
        raise ShapeError(
            f"{plot}: {what} must have {axes} {'axis' if axes == '1' else 'axes'}; got shape {array.shape}"
        )
    if not array.size:
        raise UsageError(f"{plot}: {what} is empty (shape {array.shape}); there is nothing to plot")
    return array


def labels_of(value: Any, plot: str, what: str, classes: int | None = None) -> NDArray[np.int64]:
    """Return class numbers as a new array of whole numbers from 0.

    Raises:
        ShapeError: there is more than one axis.
        UsageError: a label is no whole number, is negative, or has no class.

    >>> labels_of([0, 2], "gallery", "labels")
    array([0, 2])
    """
    array = array_of(value, plot, what, ndim=1)
    if not np.isfinite(array).all() or (array != np.round(array)).any() or array.min() < 0:
        raise UsageError(f"{plot}: {what} must be class numbers 0, 1, 2, …; got values such as {_odd(array)}")
    if classes is not None and array.max() >= classes:
        raise UsageError(f"{plot}: {what} hold the class {int(array.max())}, but there are {classes} classes from 0")
    return array.astype(np.int64)


def names_of(names: Sequence[Any] | None, count: int, plot: str) -> list[str]:
    """Return the classes' names, shortened where they are very long; their numbers if there are none.

    Raises:
        UsageError: there are fewer names than classes.

    >>> names_of(None, 3, "gallery")
    ['0', '1', '2']
    """
    if names is None:
        return [str(k) for k in range(count)]
    if isinstance(names, str) or len(names) < count:
        raise UsageError(f"{plot}: there are {count} classes, but classes={_brief(names)} names {len(names)}")
    return [short(name) for name in names]


def series_of(given: Any, plot: str, what: str) -> dict[str, Any]:
    """Return a mapping from name to data with its names fit to print, in its order.

    Raises:
        UsageError: it is no mapping, or it is empty.

    >>> series_of({"conv1": 1}, "bars", "values")
    {'conv1': 1}
    """
    if not isinstance(given, Mapping):
        raise UsageError(f"{plot}: {what} must be a mapping from names to arrays, such as {{'layer 1': …}}")
    if not given:
        raise UsageError(f"{plot}: {what} is empty; there is nothing to plot")
    found: dict[str, Any] = {}
    for name, data in given.items():
        shown, again = short(name), 1
        while shown in found:  # two long names may shorten to one
            again += 1
            shown = f"{short(name)} ({again})"
        found[shown] = data
    return found


def short(name: Any, longest: int = LONGEST_NAME) -> str:
    """Return a name on one line, with what cannot be printed replaced, shortened if need be.

    >>> short("a\\nb")
    'a b'
    """
    return clean(str(name), longest)


def span(values: NDArray[Any], margin: float = 0.05) -> tuple[float, float]:
    """Return the ends of an axis on which all finite values lie, with room at both.

    >>> span(np.array([0.0, 1.0, np.nan]), 0.1)
    (-0.1, 1.1)
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    room = margin * (high - low) or 0.5 * abs(low) or 1.0
    return low - room, high + room


def _odd(array: NDArray[Any]) -> str:
    bad = array[~np.isfinite(array) | (array != np.round(array)) | (array < 0)]
    return ", ".join(f"{x:g}" for x in bad[:3])


def _brief(value: Any) -> str:
    words = repr(value)
    return words if len(words) <= 60 else f"{words[:57]}…"
