"""minidl: the textbook you can run.

A computational-graph engine whose every number leaves a graph behind that can be drawn, stepped through, checked against
finite differences, differentiated again, and trained. This file lists the public names; PyTorch's names mean what they
mean there. The operations enter from their own definitions: `minidl ops` lists them.
"""

from __future__ import annotations

from math import e, inf, nan, pi
from typing import Any

from . import creation as _creation
from . import cuda, func, linalg, nn, optim
from ._version import __version__
from .autodiff import backward, checkpoint, grad, gradcheck
from .creation import *  # noqa: F403  (its own __all__ lists the names)
from .errors import MinidlError
from .graph import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)
from .kernels.cuda.matmul.precision import get_float32_matmul_precision, set_float32_matmul_precision
from .kernels.device import Device as device  # noqa: N813  (PyTorch's name)
from .kernels.dtypes import (
    ALIASES,
    bool_,
    can_cast,
    complex64,
    complex128,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
)
from .primitives.layers.random import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from .primitives.operation import catalogue as _catalogue
from .primitives.operation import namespace as _namespace
from .profiler import profile
from .tape import compile
from .tensor import Tensor

_operations = _namespace("minidl")
globals().update(ALIASES)  # minidl.float, minidl.long, …
globals().update(_operations)


def __getattr__(name: str) -> Any:
    """Say where an operation is that is not here. (Type checkers take it for the operations, which they cannot see.)"""
    homes = [op.path for op in _catalogue.values() if name in (op.name, *op.aliases)]
    hint = f"; did you mean {homes[0]}?" if homes else ""
    raise AttributeError(f"module 'minidl' has no attribute {name!r}{hint}", name=name)


__all__ = [  # noqa: PLE0604  (the operations name themselves)
    "Generator",
    "MinidlError",
    "Tensor",
    "__version__",
    "backward",
    "bool_",
    "can_cast",
    "checkpoint",
    "compile",
    "cuda",
    "device",
    "complex64",
    "complex128",
    "default_generator",
    "detect_anomaly",
    "e",
    "enable_grad",
    "finfo",
    "float16",
    "float32",
    "float64",
    "func",
    "get_default_dtype",
    "get_float32_matmul_precision",
    "get_rng_state",
    "grad",
    "gradcheck",
    "iinfo",
    "inf",
    "inference_mode",
    "initial_seed",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_grad_enabled",
    "linalg",
    "manual_seed",
    "nan",
    "nn",
    "no_grad",
    "optim",
    "pi",
    "profile",
    "promote_types",
    "seed",
    "set_default_dtype",
    "set_detect_anomaly",
    "set_float32_matmul_precision",
    "set_grad_enabled",
    "set_rng_state",
    "uint8",
    *_creation.__all__,
    *_operations,
]
