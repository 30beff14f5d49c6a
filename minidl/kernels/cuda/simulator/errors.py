"""What a kernel did wrong."""

from __future__ import annotations

from ....errors import DeviceError


class SimulationError(DeviceError):
    """What a kernel did wrong: which kernel, block and thread, at which line."""
