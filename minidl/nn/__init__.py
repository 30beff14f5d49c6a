"""Layers, under PyTorch's names."""

from . import functional, init, layers, utils
from .containers import ModuleDict, ModuleList, Sequential
from .layers import *  # noqa: F403  (its own __all__ lists the names)
from .module import Module
from .parameter import Parameter
from .parameter_containers import ParameterDict, ParameterList
from .state import load_state, save_state

__all__ = [  # noqa: PLE0604  (the layers' names are strings)
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "Sequential",
    "functional",
    "init",
    "load_state",
    "save_state",
    "utils",
    *layers.__all__,
]
