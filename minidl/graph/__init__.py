"""The record of a computation: nodes, what made them, and whether recording is on."""

from .mode import enable_grad, is_grad_enabled, no_grad, scope, set_grad_enabled
from .node import Node, data_of
from .primitive import Notation, Primitive

__all__ = [
    "Node",
    "Notation",
    "Primitive",
    "data_of",
    "enable_grad",
    "is_grad_enabled",
    "no_grad",
    "scope",
    "set_grad_enabled",
]
