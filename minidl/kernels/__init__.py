"""What computes on arrays and has never heard of gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import cpu
from .backend import Backend


def backend_of(arrays: Sequence[Any]) -> Backend:
    """Return the backend that computes on these arrays: today always the CPU's."""
    return cpu.backend


__all__ = ["Backend", "backend_of"]
