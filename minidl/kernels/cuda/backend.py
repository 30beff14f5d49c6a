"""The CUDA backend: what a GPU computes, under the names that every backend has.

An operation that is not here raises `NotOnDeviceError` by its name; nothing is computed on the CPU in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

from ...errors import NotOnDeviceError
from ..backend import Backend
from . import copies
from .array import DeviceArray


class CUDA:
    """Arrays on a GPU."""

    name = "cuda"

    # copies (copies.py)
    copy = staticmethod(copies.copy)

    @staticmethod
    def errstate(*, all: str) -> AbstractContextManager[Any]:
        """A GPU never warns."""
        return nullcontext()

    @staticmethod
    def wrap(result: Any, inputs: Sequence[Any]) -> Any:
        """Results are arrays already."""
        return result

    def __getattr__(self, name: str) -> Any:
        raise NotOnDeviceError(f"{name} is not computed on a GPU here; x.cpu() brings the numbers to where it is")


backend = cast(Backend, CUDA())
"""The one CUDA backend."""
__all__ = ["CUDA", "DeviceArray", "backend"]
