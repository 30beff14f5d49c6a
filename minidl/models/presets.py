"""Functions that make one network of a family: `resnet50` is `ResNet` with its blocks chosen, and all other options open."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from .. import nn

Options = ParamSpec("Options")
Network = TypeVar("Network", bound=nn.Module)
A = TypeVar("A")
B = TypeVar("B")


@overload
def preset(
    family: Callable[Concatenate[A, Options], Network], first: A, /, *, name: str, doc: str
) -> Callable[Options, Network]: ...
@overload
def preset(
    family: Callable[Concatenate[A, B, Options], Network], first: A, second: B, /, *, name: str, doc: str
) -> Callable[Options, Network]: ...
def preset(family: Callable[..., nn.Module], /, *chosen: Any, name: str, doc: str) -> Callable[..., nn.Module]:
    """Return a function that calls `family` with its first arguments chosen, and has its other ones.

    Args:
        family: the class of the networks.
        chosen: what is chosen.
        name: what the function is called.
        doc: what it makes.

    >>> from minidl.models.vgg import COUNTS, VGG
    >>> tiny = preset(VGG, COUNTS[11], name="tiny", doc="VGG-11.")
    >>> tiny.__name__, list(inspect.signature(tiny).parameters)[:2]
    ('tiny', ['image_shape', 'classes'])
    """

    def make(*args: Any, **options: Any) -> nn.Module:
        return family(*chosen, *args, **options)

    signature = inspect.signature(family)
    left = [*signature.parameters.values()][len(chosen) :]
    make.__signature__ = signature.replace(parameters=left, return_annotation=family.__name__)  # type: ignore[attr-defined]
    make.__name__ = make.__qualname__ = name
    make.__module__, make.__doc__ = family.__module__, doc
    return make
