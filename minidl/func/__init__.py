"""Functions made from functions: derivatives of every kind and order, under the names of `torch.func`.

Each transform takes a function of tensors and returns one that computes a derivative of it. They nest in any order, since
each run differentiates with respect to nodes of its own: nothing can be confused with another run's. The caller's tensors
never get a `.grad`; a result requires a gradient only where something outside the function does: an argument, or a tensor
that the function closes over.

An argument, and what the function returns, may be a tensor or tensors in nested tuples, lists and dictionaries; a plain
number stands for `minidl.scalar`.
"""

from .derivatives import grad, grad_and_value, jvp, linearize, value_and_grad, vjp
from .matrices import hessian, hvp, jacfwd, jacobian, jacrev

__all__ = [
    "grad",
    "grad_and_value",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "value_and_grad",
    "vjp",
]
