"""Plots with axes, set by matplotlib in the house's style; matplotlib itself loads when the first one is made."""

from __future__ import annotations

from .filters import kernels
from .history import best_epoch, curves, describe_history, percent
from .mistakes import guesses

__all__ = ["best_epoch", "curves", "describe_history", "guesses", "kernels", "percent"]
