"""Layers and losses as functions, under PyTorch's names: the caller brings the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...primitives.operation import namespace as _namespace
from . import (
    attention,
    classification,
    consistency,
    distributions,
    losses,
    normalization,
    ranking,
    regularization,
    similarity,
)

__all__ = [
    "attention",
    "classification",
    "consistency",
    "distributions",
    "losses",
    "normalization",
    "ranking",
    "regularization",
    "similarity",
]

globals().update(_namespace("functional"))  # every operation, from its one definition

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """What the catalogue adds, a type checker cannot see."""
