"""The operations. Each is complete in one place: forward rule, derivatives, textbook notation, sample inputs for its tests.

Adding an operation is adding one definition to a family's file. Its rules enter `registry`, its public name `catalogue`; the
names in `minidl`, the methods of `Tensor`, the tests, figures, narration and the reference all come from there.
"""

from .elementwise import (  # noqa: F401  (here and below: each enters its definitions)
    activation,
    activation_smooth,
    activation_units,
    arithmetic,
    comparison,
    exponential,
    rounding,
    trigonometric,
)
from .kinds import Constant, Elementwise, General, Linear, Multilinear, Primitive, Sample, registry
from .layers import all_reduce, loss, normalization, random  # noqa: F401
from .matrices import affine, decomposition, determinant, einsum, inverse, linalg, matrix_norm, svd  # noqa: F401
from .operation import Operation, catalogue, operation
from .reductions import axes, cumulative, extrema, norms, quantiles, reduction, softmax, sorting, statistics  # noqa: F401
from .shapes import (  # noqa: F401
    broadcasting,
    elements,
    encoding,
    flipping,
    folding,
    gathering,
    indexing,
    joining,
    masking,
    padding,
    scatter_reduce,
    scattering,
    shape,
    word_bags,
    write_view,
)
from .windows import (  # noqa: F401
    adaptive_pooling,
    average_pooling,
    convolution,
    fractional_pooling,
    pooling,
    resampling,
    transposed_convolution,
    unpooling,
)

__all__ = [
    "Constant", "Elementwise", "General", "Linear", "Multilinear", "Operation", "Primitive", "Sample", "catalogue",
    "operation", "registry",
]  # fmt: skip
