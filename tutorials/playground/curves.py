"""Losses as bars in one row of characters or several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

BARS: Final = " ▁▂▃▄▅▆▇█"


def bars(values: Sequence[float], width: int, height: int, top: float) -> list[str]:
    """Draw numbers from 0 to `top` as bars from the left; the least is still seen.

    Args:
        values: what to draw; where there are more than fit, each bar is the mean of its share.
        width: the greatest number of bars.
        height: rows of characters.
        top: what a full bar stands for; so does what is not a number.

    >>> bars([0.0, 1.0, 2.0, 4.0], 8, 1, 4.0), bars([1.0, 2.0], 8, 2, 2.0)
    (['▁▂▄█'], [' █', '██'])
    """
    known = [value if math.isfinite(value) else top for value in values]
    if len(known) > width:
        ends = [round(k * len(known) / width) for k in range(width + 1)]
        known = [sum(known[a:b]) / (b - a) for a, b in pairwise(ends)]
    full = len(BARS) - 1
    eighths = [min(1.0, value / top) * full * height if top > 0 else 0.0 for value in known]
    return [
        "".join(BARS[min(full, max(above == 0, round(length - full * above)))] for length in eighths)
        for above in reversed(range(height))
    ]
