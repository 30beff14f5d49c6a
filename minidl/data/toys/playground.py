"""The four classification data sets of the TensorFlow Playground, and its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from .points import Points, shuffled, source

RADIUS = 5.0
"""Half the side of the Playground's plane, or nearly: the inputs run from −6 to 6."""


def _circle(n: int, noise: float, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[Any]]:
    inner = np.arange(n) < n // 2
    r = np.where(inner, rng.uniform(0, 0.5 * RADIUS, n), rng.uniform(0.7 * RADIUS, RADIUS, n))
    angle = rng.uniform(0, 2 * np.pi, n)
    X = np.stack([r * np.sin(angle), r * np.cos(angle)], 1)
    moved = X + noise * rng.uniform(-RADIUS, RADIUS, (n, 2))  # the label is that of the moved point
    return X, np.hypot(*moved.T) < 0.5 * RADIUS


def _xor(n: int, noise: float, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[Any]]:
    X = rng.uniform(-RADIUS, RADIUS, (n, 2))
    X += np.where(X > 0, 0.3, -0.3)
    moved = X + noise * rng.uniform(-RADIUS, RADIUS, (n, 2))
    return X, moved.prod(1) >= 0


def _gauss(n: int, noise: float, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[Any]]:
    y = np.arange(n) < n // 2
    spread = 0.5 + 7 * noise  # noise 0 to 0.5 is a standard deviation of 0.5 to 4
    return np.where(y, 2, -2)[:, np.newaxis] + spread * rng.standard_normal((n, 2)), y


def _spiral(n: int, noise: float, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[Any]]:
    y = np.arange(n) < n // 2
    place = np.where(y, np.arange(n), np.arange(n) - n // 2) / np.where(y, max(n // 2, 1), n - n // 2)
    angle = 1.75 * 2 * np.pi * place + np.where(y, 0, np.pi)
    X = RADIUS * place[:, np.newaxis] * np.stack([np.sin(angle), np.cos(angle)], 1)
    return X + noise * rng.uniform(-1, 1, (n, 2)), y


PLAYGROUND: dict[str, Callable[..., tuple[NDArray[np.float64], NDArray[Any]]]] = {
    "circle": _circle,
    "xor": _xor,
    "gauss": _gauss,
    "spiral": _spiral,
}
"""The Playground's data sets by name."""

PLAYGROUND_FEATURES: dict[str, Callable[[Any, Any], Any]] = {
    "x1": lambda x1, x2: x1,
    "x2": lambda x1, x2: x2,
    "x1²": lambda x1, x2: x1**2,
    "x2²": lambda x1, x2: x2**2,
    "x1x2": lambda x1, x2: x1 * x2,
    "sin x1": lambda x1, x2: np.sin(x1),
    "sin x2": lambda x1, x2: np.sin(x2),
}
"""The Playground's inputs by name."""


def playground(name: str, n: int = 500, noise: float = 0.0, seed: int = 0) -> Points:
    """Return one of the Playground's four data sets, on the square from −6 to 6.

    Args:
        name: `circle`, `xor`, `gauss` or `spiral`.
        n: the number of points.
        noise: from 0 to 0.5, the Playground's 0 to 50.
        seed: the same seed gives the same points.

    Returns:
        `(n, 2)` float32 and the classes `(n,)`; 1 is the Playground's positive class, drawn in blue.

    Raises:
        UsageError: there is no such data set, or too much noise.

    Source: D. Smilkov et al., "Direct-manipulation visualization of deep networks", arXiv:1708.03788 (2017);
    playground.tensorflow.org.

    >>> X, y = playground("xor", 100)
    >>> bool((X.prod(1) > 0).astype(int).tolist() == y.tolist())
    True
    """
    if name not in PLAYGROUND or noise > 0.5:
        raise UsageError(
            f"the Playground's data sets are {', '.join(PLAYGROUND)}, with a noise from 0 to 0.5; got {name!r} and {noise}"
        )
    rng = source(n, noise, seed)
    X, y = PLAYGROUND[name](n, noise, rng)
    return shuffled(X, y, rng)


def playground_features(X: NDArray[Any], names: Sequence[str] = ("x1", "x2")) -> NDArray[np.float32]:
    """Return the chosen inputs of points, one a column.

    Args:
        X: `(N, 2)`.
        names: keys of `PLAYGROUND_FEATURES`.

    Returns:
        `(N, len(names))`, float32.

    Raises:
        UsageError: there is no such input.

    >>> playground_features(np.array([[2.0, 3.0]]), ["x1", "x1²", "x1x2"]).tolist()
    [[2.0, 4.0, 6.0]]
    """
    if unknown := [name for name in names if name not in PLAYGROUND_FEATURES]:
        raise UsageError(f"the Playground has no input {unknown[0]!r}; choose from {', '.join(PLAYGROUND_FEATURES)}")
    return np.stack([PLAYGROUND_FEATURES[name](X[:, 0], X[:, 1]) for name in names], 1).astype(np.float32)
