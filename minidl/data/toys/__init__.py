"""Data sets of points, made on the spot: each function returns `(X, y)` as arrays, the same for the same seed."""

from .curves import CURVES, curve, sawtooth
from .playground import PLAYGROUND, PLAYGROUND_FEATURES, playground, playground_features
from .points import blobs, checkerboard, circles, linearly_separable, moons, spirals, truth_table, xor

__all__ = [
    "CURVES",
    "PLAYGROUND",
    "PLAYGROUND_FEATURES",
    "blobs",
    "checkerboard",
    "circles",
    "curve",
    "linearly_separable",
    "moons",
    "playground",
    "playground_features",
    "sawtooth",
    "spirals",
    "truth_table",
    "xor",
]
