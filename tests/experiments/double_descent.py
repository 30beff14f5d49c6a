"""Lesson 24: the error that rises and falls again as a model grows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

import minidl
from minidl.data import symmetric_noise
from minidl.nn import functional as F

from .common import shares
from .harness import Measured, claim, experiment

Floats = NDArray[Any]


def _fitted(A: Floats, t: Floats, B: Floats) -> Floats:
    """What the least squares solution of least norm for A w ≈ t says on B."""
    said: Floats = B @ (minidl.linalg.pinv(minidl.tensor(A)) @ minidl.tensor(t)).data
    return said


@experiment(
    "A81 · 003; Belkin et al. 2019",
    claim("largest error ÷ error of 500 terms", above=100),
    claim("terms at the largest error", above=15, below=30),
)
def polynomial_double_descent(seed: int) -> Measured:
    """A polynomial of 500 terms through 20 points is better than one of 20.

    20 points drawn evenly from [−1, 1], t = sin(3x) + noise of deviation .1; Legendre polynomials of p terms, the
    weights of least norm among the best ones; the mean squared distance from sin(3x) on 1,000 points, for p from 1 to
    500.
    """
    rng = np.random.default_rng(seed)
    x, grid = rng.uniform(-1, 1, 20), np.linspace(-1, 1, 1000)
    t, sizes = np.sin(3 * x) + 0.1 * rng.standard_normal(20), [*range(1, 41), 60, 100, 200, 500]
    errors = {}
    for p in sizes:
        said = _fitted(legendre.legvander(x, p - 1), t, legendre.legvander(grid, p - 1))
        errors[p] = float(((said - np.sin(3 * grid)) ** 2).mean())
    worst = max(sizes, key=lambda p: errors[p])
    return {
        "least error up to 20 terms": min(errors[p] for p in range(1, 21)),
        "largest error": errors[worst],
        "terms at the largest error": worst,
        "error of 500 terms": errors[500],
        "largest error ÷ error of 500 terms": errors[worst] / errors[500],
    }


@experiment(
    "A81 · 003; Belkin et al. 2019",
    claim("largest error ÷ least error before it", above=5),
    claim("error of 3,200 features ÷ least error of up to 100", below=1),
    claim("features at the largest error", above=150, below=300),
)
def feature_double_descent(seed: int) -> Measured:
    """With as many random features as images the error is worst; with sixteen times as many it is best.

    200 digits, a tenth of the labels wrong; random features max(0, Vx) with normal V of variance 1/64, and the least
    squares weights of least norm from them to the one-hot answers, for 10 to 3,200 features; the mean squared error
    on 1,000 others.
    """
    (x, y), (z, true), _ = shares(seed, 200, 1000)
    labels = minidl.tensor(symmetric_noise(y.data, 0.1, 10, seed))
    t, right = (F.one_hot(some, 10).data.astype("d") for some in (labels, true))
    V = np.random.default_rng(seed).standard_normal((64, 3200)) / 8
    sizes = (10, 25, 50, 100, 150, 180, 200, 220, 260, 400, 800, 1600, 3200)
    errors = {}
    for p in sizes:
        A, B = (np.maximum(some.data.astype("d") @ V[:, :p], 0) for some in (x, z))
        errors[p] = float(((_fitted(A, t, B) - right) ** 2).sum(1).mean())
    worst = max(sizes, key=lambda p: errors[p])
    return {
        "least error of up to 100 features": min(errors[p] for p in sizes if p <= 100),
        "largest error": errors[worst],
        "features at the largest error": worst,
        "error of 3,200 features": errors[3200],
        "largest error ÷ least error before it": errors[worst] / min(errors[p] for p in sizes if p < worst),
        "error of 3,200 features ÷ least error of up to 100": errors[3200] / min(errors[p] for p in sizes if p <= 100),
    }
