"""Freezing: parts of a network that training leaves as they are, to the bit."""

from __future__ import annotations

from ..errors import UsageError
from ..nn import Module


def freeze(module: Module, *paths: str) -> list[str]:
    """Have training leave parameters alone, whatever the optimizer: they require no gradient and keep none.

    A batch norm's running statistics are no parameters; put a frozen part into `eval()` mode to keep them too.

    Args:
        module: the network.
        paths: the parts, such as `features` or `conv1.weight`; all of it if none is given.

    Returns:
        The paths of the parameters that are frozen now.

    Raises:
        UsageError: a path names nothing here.

    >>> from minidl import nn
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    >>> freeze(model, "0")
    ['0.weight', '0.bias']
    """
    return _set(module, paths, False)


def unfreeze(module: Module, *paths: str) -> list[str]:
    """Undo `freeze`.

    Args:
        module: the network.
        paths: the parts; all of it if none is given.

    Returns:
        The paths of the parameters that are trained again.

    Raises:
        UsageError: a path names nothing here.
    """
    return _set(module, paths, True)


def _set(module: Module, paths: tuple[str, ...], wanted: bool) -> list[str]:
    known = dict(module.named_parameters(remove_duplicate=False))
    parts = paths or ("",)
    chosen = []
    for path in parts:
        below = [name for name in known if not path or name == path or name.startswith(f"{path}.")]
        if not below:
            raise UsageError(f"{'unfreeze' if wanted else 'freeze'}: there are no parameters under {path!r}")
        chosen += [name for name in below if name not in chosen]
    for name in chosen:
        known[name].requires_grad_(wanted)
        if not wanted:
            known[name].grad = None  # an optimizer would still follow an old one
    return chosen
