"""The profiler: where the time and the memory of a computation go, by operation, by module and by phase."""

from __future__ import annotations

from .profile import Profile, Row, profile
from .table import Table

__all__ = ["Profile", "Row", "Table", "profile"]
