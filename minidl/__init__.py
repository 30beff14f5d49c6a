"""minidl: the textbook you can run.

A computational-graph engine whose every number leaves a graph behind that can be drawn, stepped through, checked against
finite differences, differentiated again, and trained. This file lists the public names; PyTorch's names mean what they
mean there.
"""

from . import nn, optim
from ._version import __version__
from .autodiff import backward, grad, gradcheck
from .creation import arange, full, is_tensor, ones, rand, randn, scalar, tensor, zeros
from .errors import MinidlError
from .graph import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .kernels.dtypes import (
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    set_default_dtype,
    uint8,
)
from .primitives.activation import relu, sigmoid, tanh
from .primitives.arithmetic import abs_ as abs
from .primitives.arithmetic import add, div, maximum, minimum, mul, neg, pow, sign, square, sub
from .primitives.comparison import where
from .primitives.convolution import conv2d
from .primitives.exponential import cos, exp, log, sin, sqrt
from .primitives.linalg import matmul
from .primitives.pooling import avg_pool2d, max_pool2d
from .primitives.random import Generator, default_generator, dropout, manual_seed
from .primitives.reduction import amax, amin, argmax, argmin, max, mean, min, norm, squared_norm, sum
from .primitives.shape import (
    cat,
    expand,
    flatten,
    gather,
    getitem,
    permute,
    reshape,
    squeeze,
    stack,
    transpose,
    unsqueeze,
)
from .primitives.softmax import cross_entropy, log_softmax, softmax
from .tensor import Tensor

__all__ = [
    "Generator",
    "MinidlError",
    "Tensor",
    "__version__",
    "abs",
    "add",
    "amax",
    "amin",
    "arange",
    "argmax",
    "argmin",
    "avg_pool2d",
    "backward",
    "bool_",
    "cat",
    "complex64",
    "complex128",
    "conv2d",
    "cos",
    "cross_entropy",
    "default_generator",
    "div",
    "dropout",
    "enable_grad",
    "exp",
    "expand",
    "flatten",
    "float16",
    "float32",
    "float64",
    "full",
    "gather",
    "get_default_dtype",
    "getitem",
    "grad",
    "gradcheck",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_grad_enabled",
    "is_tensor",
    "log",
    "log_softmax",
    "manual_seed",
    "matmul",
    "max",
    "max_pool2d",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mul",
    "neg",
    "nn",
    "no_grad",
    "norm",
    "ones",
    "optim",
    "permute",
    "pow",
    "rand",
    "randn",
    "relu",
    "reshape",
    "scalar",
    "set_default_dtype",
    "set_grad_enabled",
    "sigmoid",
    "sign",
    "sin",
    "softmax",
    "sqrt",
    "square",
    "squared_norm",
    "squeeze",
    "stack",
    "sub",
    "sum",
    "tanh",
    "tensor",
    "transpose",
    "uint8",
    "unsqueeze",
    "where",
    "zeros",
]
