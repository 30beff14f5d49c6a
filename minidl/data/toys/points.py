"""Points in the plane, in classes that a straight line can or cannot tell apart."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError

Points = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Points `(N, D)` and their classes `(N,)`."""


def source(n: int, noise: float, seed: int) -> np.random.Generator:
    """Return the source of chance of a toy set, after a look at what was asked for.

    Raises:
        UsageError: no points, or a negative noise.
    """
    if n < 1 or noise < 0:
        raise UsageError(f"a toy set needs at least one point and a noise from 0; got n={n} and noise={noise}")
    return np.random.Generator(np.random.PCG64(seed))


def shuffled(X: NDArray[np.floating], y: NDArray[np.integer], rng: np.random.Generator) -> Points:
    """Return the points in random order, in the dtypes of data."""
    order = rng.permutation(len(X))
    return X[order].astype(np.float32), y[order].astype(np.int64)


def _halves(n: int) -> NDArray[np.int64]:
    """The classes 0 and 1, equally often; an odd one out is of class 0."""
    return (np.arange(n) >= (n + 1) // 2).astype(np.int64)


def moons(n: int = 200, noise: float = 0.1, seed: int = 0) -> Points:
    """Two half circles that reach into each other.

    Class 0 lies on (cos t, sin t) and class 1 on (1 − cos t, ½ − sin t), with t spread evenly from 0 to π.

    Args:
        n: the number of points.
        noise: the standard deviation of what is added to both coordinates.
        seed: the same seed gives the same points.

    Returns:
        `(n, 2)` float32 and the classes `(n,)` int64, 0 or 1.

    >>> X, y = moons(4, noise=0)
    >>> X.shape, sorted(y.tolist())
    ((4, 2), [0, 0, 1, 1])
    """
    rng = source(n, noise, seed)
    y = _halves(n)
    t = np.concatenate([np.linspace(0, np.pi, int((y == label).sum())) for label in (0, 1)])
    upper = np.stack([np.cos(t), np.sin(t)], 1)
    lower = np.stack([1 - np.cos(t), 0.5 - np.sin(t)], 1)
    X = np.where(y[:, np.newaxis] == 0, upper, lower)
    return shuffled(X + noise * rng.standard_normal(X.shape), y, rng)


def circles(n: int = 200, noise: float = 0.05, seed: int = 0, *, factor: float = 0.5) -> Points:
    """A circle of radius 1 (class 0) around one of radius `factor` (class 1).

    Args:
        n: the number of points.
        noise: the standard deviation of what is added to both coordinates.
        seed: the same seed gives the same points.
        factor: the inner radius, from 0 to 1.

    Raises:
        UsageError: the inner circle is not inside.

    >>> X, y = circles(6, noise=0)
    >>> np.hypot(*X.T)[y.argsort()].round(3).tolist()
    [1.0, 1.0, 1.0, 0.5, 0.5, 0.5]
    """
    if not 0 <= factor < 1:
        raise UsageError(f"circles: the inner radius, factor, must be from 0 to below 1; got {factor}")
    rng = source(n, noise, seed)
    y = _halves(n)
    t = np.concatenate([np.linspace(0, 2 * np.pi, int((y == label).sum()), endpoint=False) for label in (0, 1)])
    X = np.stack([np.cos(t), np.sin(t)], 1) * np.where(y == 0, 1, factor)[:, np.newaxis]
    return shuffled(X + noise * rng.standard_normal(X.shape), y, rng)


def spirals(n: int = 300, noise: float = 0.02, seed: int = 0, *, arms: int = 3, turns: float = 0.75) -> Points:
    """Arms that wind around each other, each a class: (r sin φ, r cos φ) with φ = 2π (turns · r + arm / arms).

    Args:
        n: the number of points.
        noise: the standard deviation of what is added to both coordinates.
        seed: the same seed gives the same points.
        arms: how many.
        turns: how far each winds on its way out to radius 1.

    Raises:
        UsageError: no arms.

    >>> X, y = spirals(9)
    >>> X.shape, np.bincount(y).tolist()
    ((9, 2), [3, 3, 3])
    """
    if arms < 1:
        raise UsageError(f"spirals: there must be at least one arm; got {arms}")
    rng = source(n, noise, seed)
    y = np.arange(n) % arms
    r = (np.arange(n) // arms + 1) / -(-n // arms)
    angle = 2 * np.pi * (turns * r + y / arms)
    X = np.stack([r * np.sin(angle), r * np.cos(angle)], 1)
    return shuffled(X + noise * rng.standard_normal(X.shape), y, rng)


def xor(n: int = 200, noise: float = 0.0, seed: int = 0) -> Points:
    """Points of the square [−1, 1]², of class 1 where exactly one coordinate is above 0: no line tells them apart.

    Args:
        n: the number of points.
        noise: the standard deviation of what is added to the coordinates after the class is decided.
        seed: the same seed gives the same points.

    >>> X, y = xor(100)
    >>> bool(((X[:, 0] > 0) ^ (X[:, 1] > 0) == y).all())
    True
    """
    return _squares(n, noise, seed, 2)


def checkerboard(n: int = 400, noise: float = 0.0, seed: int = 0, *, cells: int = 4) -> Points:
    """Points of the square [−1, 1]² on a board of `cells` × `cells` squares, light ones class 0 and dark ones class 1.

    Args:
        n: the number of points.
        noise: the standard deviation of what is added to the coordinates after the class is decided.
        seed: the same seed gives the same points.
        cells: squares a side.

    Raises:
        UsageError: no squares.

    >>> X, y = checkerboard(5)
    >>> X.shape, set(y.tolist()) <= {0, 1}
    ((5, 2), True)
    """
    if cells < 1:
        raise UsageError(f"checkerboard: there must be at least one square a side; got {cells}")
    return _squares(n, noise, seed, cells)


def _squares(n: int, noise: float, seed: int, cells: int) -> Points:
    rng = source(n, noise, seed)
    X = rng.uniform(-1, 1, (n, 2)).astype(np.float32)
    y = np.floor((X + 1) * cells / 2).clip(0, cells - 1).astype(np.int64).sum(1) % 2
    return (X + noise * rng.standard_normal(X.shape)).astype(np.float32), y


def blobs(
    n: int = 200,
    noise: float = 0.5,
    seed: int = 0,
    *,
    centres: int | Sequence[Sequence[float]] = 3,
    radius: float = 2.0,
) -> Points:
    """Round clouds, each a class.

    Args:
        n: the number of points, shared out evenly.
        noise: the clouds' standard deviation in every direction.
        seed: the same seed gives the same points.
        centres: their centres, `(K, D)`; a number puts as many evenly on a circle about the origin.
        radius: of that circle.

    Raises:
        UsageError: no centres.

    >>> X, y = blobs(6, noise=0, centres=[[0, 0], [1, 1]])
    >>> X[y == 1].tolist()
    [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """
    rng = source(n, noise, seed)
    if isinstance(centres, int):
        angle = 2 * np.pi * np.arange(centres) / max(centres, 1)
        places = radius * np.stack([np.cos(angle), np.sin(angle)], 1)
    else:
        places = np.asarray(centres, np.float64)
    if places.ndim != 2 or len(places) == 0:
        raise UsageError(f"blobs: centres must be a number from 1 or points (K, D); got the shape {places.shape}")
    y = np.arange(n) % len(places)
    return shuffled(places[y] + noise * rng.standard_normal((n, places.shape[1])), y, rng)


def linearly_separable(n: int = 200, noise: float = 0.0, seed: int = 0, *, margin: float = 0.2, dim: int = 2) -> Points:
    """Points of the cube [−1, 1]ᴰ on either side of a random plane through the origin, none nearer to it than `margin`.

    Args:
        n: the number of points.
        noise: the standard deviation of what is added to the coordinates after the class is decided; with enough of it no
            plane is right any more.
        seed: the same seed gives the same points.
        margin: the least distance from the plane, before noise.
        dim: D.

    Raises:
        UsageError: no dimensions, or a margin that leaves hardly any room.

    >>> X, y = linearly_separable(50)
    >>> X.shape, sorted(set(y.tolist()))
    ((50, 2), [0, 1])
    """
    if not (0 <= margin <= 0.9 and dim >= 1):
        raise UsageError(f"linearly_separable: margin must be from 0 to 0.9 and dim from 1; got {margin} and {dim}")
    rng = source(n, noise, seed)
    normal = rng.standard_normal(dim)
    normal /= np.linalg.norm(normal)
    X = np.empty((0, dim))
    while len(X) < n:
        drawn = rng.uniform(-1, 1, (2 * n, dim))
        X = np.concatenate([X, drawn[np.abs(drawn @ normal) >= margin]])[:n]
    y = (X @ normal > 0).astype(np.int64)
    return (X + noise * rng.standard_normal(X.shape)).astype(np.float32), y


GATES: dict[str, Callable[[NDArray[np.int64]], Any]] = {
    "and": lambda bits: bits.all(1),
    "or": lambda bits: bits.any(1),
    "nand": lambda bits: ~bits.all(1),
    "nor": lambda bits: ~bits.any(1),
    "xor": lambda bits: bits.sum(1) % 2 == 1,
}
"""Boolean functions of any number of inputs, by name; `xor` tells whether the number of ones is odd."""


def truth_table(gate: str, inputs: int = 2) -> Points:
    """Return all inputs of a Boolean function and its value for each.

    Args:
        gate: a name in `GATES`.
        inputs: how many it has.

    Returns:
        `(2ⁿ, n)` of zeros and ones, in the order in which one counts, and the values `(2ⁿ,)`.

    Raises:
        UsageError: there is no such function, or no inputs.

    >>> X, y = truth_table("and")
    >>> X.tolist(), y.tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 0, 0, 1])
    """
    if gate not in GATES or inputs < 1:
        raise UsageError(
            f"truth_table: choose one of {', '.join(GATES)}, of at least one input; got {gate!r}, {inputs}"
        )
    bits = np.array(list(itertools.product((0, 1), repeat=inputs)), np.int64)
    return bits.astype(np.float32), GATES[gate](bits).astype(np.int64)
