"""The backend's functions that can be bound to memory (see `ready`), by name."""

from __future__ import annotations

from . import prepared_images, prepared_rows
from .ready import PREPARE, Prepare, Run

__all__ = ["PREPARE", "Prepare", "Run", "prepared_images", "prepared_rows"]
