"""How a module is printed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .module import Module


def described(module: Module) -> str:
    """A module as PyTorch prints it, with the shapes of its parameters and how many numbers they hold.

    >>> from minidl import nn
    >>> print(described(nn.Sequential(nn.Linear(3, 2), nn.ReLU())))
    Sequential(  # 8 parameters
      (0): Linear(in_features=3, out_features=2, bias=True)  # weight (2, 3), bias (2,): 8 parameters
      (1): ReLU()
    )
    """
    extra = module.extra_repr()
    if not module._modules and "\n" not in extra:
        return f"{type(module).__name__}({extra}){_note(module)}"
    return framed(module, extra.splitlines() + [f"({name}): {child!r}" for name, child in module._modules.items()])


def framed(module: Module, texts: Iterable[str]) -> str:
    """Texts, indented, between the name of a module that holds what they describe and its closing parenthesis."""
    lines = [f"  {line}" for text in texts for line in text.splitlines()]
    return "\n".join([f"{type(module).__name__}({_note(module)}", *lines, ")"])


def _note(module: Module) -> str:
    """The comment behind a printed module: its own parameters' shapes, and the count of all below it."""
    count = sum(parameter.numel() for parameter in module.parameters())
    if not count:
        return ""
    own = ", ".join(f"{name} {p.shape}" for name, p in module.named_parameters(recurse=False))
    frozen = sum(parameter.numel() for parameter in module.parameters() if not parameter.requires_grad)
    told = f"{count:,} parameter{'s' * (count > 1)}" + (f", {frozen:,} of them frozen" if frozen else "")
    return f"  # {own}: {told}" if own else f"  # {told}"
