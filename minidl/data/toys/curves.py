"""Curves to fit, and the sawtooth that only depth draws cheaply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from .points import source


def sawtooth(x: NDArray[Any], iterates: int = 1) -> NDArray[Any]:
    """Return m applied `iterates` times, with the mirror map m(x) = relu(2 relu(x) − 4 relu(x − ½)).

    m rises from 0 to 1 on [0, ½], falls back to 0 on [½, 1], and is 0 elsewhere: the outer relu sees to that beyond 1. Its
    k-th iterate has 2ᵏ straight pieces and 2ᵏ⁻¹ peaks on [0, 1], from 3k + 1 units one after the other; a network with one
    hidden layer needs a unit a piece.

    Args:
        x: numbers of any shape.
        iterates: k, from 1.

    Returns:
        As `x`, of its dtype if that is a floating one.

    Raises:
        UsageError: k is less than 1.

    Source: M. Telgarsky, "Benefits of depth in neural networks", COLT (2016).

    >>> sawtooth(np.array([0.25, 0.5, 0.75, 1.5])).tolist()
    [0.5, 1.0, 0.5, 0.0]
    >>> sawtooth(np.array([0.125, 0.25]), iterates=2).tolist()
    [0.5, 1.0]
    """
    if iterates < 1:
        raise UsageError(f"sawtooth: m must be applied at least once; got iterates={iterates}")
    y = np.asarray(x) * 1.0
    for _ in range(iterates):
        y = np.maximum(2 * np.maximum(y, 0) - 4 * np.maximum(y - 0.5, 0), 0)
    return y


CURVES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "line": lambda x: 0.5 * x + 0.25,
    "abs": np.abs,
    "step": lambda x: np.where(x > 0, 1.0, -1.0),
    "cubic": lambda x: x**3 - 0.5 * x,
    "sine": lambda x: np.sin(np.pi * x),
    "waves": lambda x: np.sin(2 * np.pi * x) + 0.3 * np.sin(7 * np.pi * x),
    "sinc": lambda x: np.sinc(4 * x),
    "runge": lambda x: 1 / (1 + 25 * x**2),
    "sawtooth": lambda x: sawtooth((x + 1) / 2, 3),
}
"""Functions on [−1, 1] by name."""


def curve(
    name: str, n: int = 100, noise: float = 0.1, seed: int = 0, *, even: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return points of a curve, moved up or down by noise.

    Args:
        name: a key of `CURVES`.
        n: the number of points.
        noise: the standard deviation of what is added to y.
        seed: the same seed gives the same points.
        even: whether x is spread evenly over [−1, 1], in order, or drawn at random.

    Returns:
        X `(n, 1)` and y `(n, 1)`, both float32, as a network with one input and one output takes them.

    Raises:
        UsageError: there is no such curve.

    >>> X, y = curve("abs", 3, noise=0, even=True)
    >>> X.ravel().tolist(), y.ravel().tolist()
    ([-1.0, 0.0, 1.0], [1.0, 0.0, 1.0])
    """
    if name not in CURVES:
        raise UsageError(f"there is no curve {name!r}; choose one of {', '.join(CURVES)}")
    rng = source(n, noise, seed)
    x = np.linspace(-1, 1, n) if even else rng.uniform(-1, 1, n)
    y = CURVES[name](x) + noise * rng.standard_normal(n)
    return x[:, np.newaxis].astype(np.float32), y[:, np.newaxis].astype(np.float32)
