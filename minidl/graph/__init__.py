"""The record of a computation: nodes, what made them, and whether recording is on."""

from .history import describe
from .mode import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    scope,
    set_detect_anomaly,
    set_grad_enabled,
)
from .node import Node, array_of, beside, data_of
from .primitive import Notation, Primitive

__all__ = [
    "Node",
    "Notation",
    "Primitive",
    "array_of",
    "beside",
    "data_of",
    "describe",
    "detect_anomaly",
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "scope",
    "set_detect_anomaly",
    "set_grad_enabled",
]
