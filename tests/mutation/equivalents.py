"""Mutants that compute the same as the original, or differ only where no result is affected; each with the reason.

The run fails on a survivor that is not here, and on an entry that is no survivor any more.
"""

from __future__ import annotations

EQUIVALENTS: dict[str, str] = {}
