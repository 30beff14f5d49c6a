"""Linear algebra under PyTorch's names: `minidl.linalg.solve`, `minidl.linalg.svd`, …"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import LinAlgError as LinAlgError
from .primitives.operation import namespace as _namespace

globals().update(_namespace("linalg"))  # every operation, from its one definition

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """What the catalogue adds, a type checker cannot see."""
