"""The devices there are, by name."""

from __future__ import annotations

from typing import Any

from ..errors import UsageError


def is_device(value: Any) -> bool:
    """Whether a value names a device, such as "cpu" or "cuda:0", rather than a dtype.

    >>> is_device("cuda:0"), is_device("float32")
    (True, False)
    """
    return isinstance(value, str) and value.partition(":")[0] in ("cpu", "cuda", "mps", "meta", "xpu")


def require_cpu(device: Any, name: str) -> None:
    """Accept only the CPU as a device.

    Raises:
        UsageError: another device, or none at all.
    """
    if device is not None and str(device) not in ("cpu", "cpu:0"):
        raise UsageError(f"{name}: device={str(device)!r} is not here; only 'cpu' is")
