"""Derivatives: one reverse sweep, and everything that reads what it yields."""

from .checkpoint import checkpoint
from .fetching import on_the_cpu
from .forward import jvp
from .gradcheck import gradcheck
from .gradient import backward, grad, gradients
from .local import local_derivative
from .reach import order
from .steps import Step, backward_steps, forward_steps
from .sweep import BackwardEvent, Contribution, ForwardEvent, backward_events, forward_events
from .symbols import Symbol, expression, formula, local_derivatives, pullbacks

__all__ = [
    "BackwardEvent",
    "Contribution",
    "ForwardEvent",
    "Step",
    "Symbol",
    "backward",
    "backward_events",
    "backward_steps",
    "checkpoint",
    "expression",
    "formula",
    "forward_events",
    "forward_steps",
    "grad",
    "gradcheck",
    "gradients",
    "jvp",
    "local_derivative",
    "local_derivatives",
    "on_the_cpu",
    "order",
    "pullbacks",
]
