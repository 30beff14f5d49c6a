"""What most layers share: how they are printed."""

from __future__ import annotations

from typing import ClassVar

from ..module import Module


class Layer(Module):
    """A module that is printed with its arguments.

    Attributes:
        shown: the attributes that stand in the parentheses, by name.
    """

    shown: ClassVar[tuple[str, ...]] = ()

    def extra_repr(self) -> str:
        """The arguments, with their names."""
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)


class InPlace(Layer):
    """Base of the activations that PyTorch can compute in place; here `inplace` is accepted and makes no difference."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The arguments, and `inplace` where it was asked for."""
        return ", ".join([text for text in (super().extra_repr(), "inplace=True" * self.inplace) if text])
