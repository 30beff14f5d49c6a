"""The operations. Each is complete in one place: forward rule, derivatives, textbook notation, sample inputs for its tests.

Adding an operation is adding one definition to the family's file; the gradient checks, figures and narration find it in
`registry`.
"""

from . import (
    activation,
    arithmetic,
    comparison,
    convolution,
    exponential,
    linalg,
    pooling,
    random,
    reduction,
    shape,
    softmax,
)
from .kinds import Constant, Elementwise, General, Linear, Multilinear, Sample, registry

__all__ = [
    "Constant",
    "Elementwise",
    "General",
    "Linear",
    "Multilinear",
    "Sample",
    "activation",
    "arithmetic",
    "comparison",
    "convolution",
    "exponential",
    "linalg",
    "pooling",
    "random",
    "reduction",
    "registry",
    "shape",
    "softmax",
]
