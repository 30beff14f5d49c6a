"""One example of every kind of figure, for people to look at and for tests to check."""

from __future__ import annotations

from importlib import import_module

from .exhibit import Exhibit

_ROOMS = ("circuits", "backward", "networks", "gradients", "plots", "augmentation", "kernels")


def exhibits() -> list[Exhibit]:
    """Return every exhibit, room by room.

    >>> exhibits()[0].name
    'circuit'
    """
    return [exhibit for room in _ROOMS for exhibit in import_module(f".{room}", __name__).EXHIBITS]


__all__ = ["Exhibit", "exhibits"]
