"""Looking along a line for a step that is long enough and lowers the loss enough: the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph.mode import state

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the line.

    Attributes:
        t: how far from its start, in units of the direction.
        loss: the loss there.
        gradient: the gradient there, flat.
        slope: the loss's derivative along the line.
    """

    t: float
    loss: float
    gradient: Array
    slope: float


ENOUGH, FLAT = 1e-4, 0.9
"""c₁, the share of the promised decrease that a step must bring, and c₂, the share of the slope that may be left."""


def strong_wolfe(
    evaluate: Callable[[float], tuple[float, Array]],
    start: Point,
    t: float,
    direction: Array,
    most: int,
    *,
    shortest: float = 1e-9,
) -> tuple[Point, int]:
    """Find a step t with φ(t) ≤ φ(0) + c₁·t·φ′(0) and |φ′(t)| ≤ c₂·|φ′(0)|, φ being the loss along the direction.

    Args:
        evaluate: from t to the loss and the flat gradient there.
        start: the point t = 0; its slope is below 0.
        t: the first step to try.
        direction: the flat direction.
        most: how many points to look at after the first.
        shortest: the bracket, as the largest change of a parameter, below which there is nothing left to find.

    Returns:
        The point, the best so far if none fulfils both, and how often the loss was evaluated.

    Source: Nocedal and Wright, 2006, "Numerical optimization", algorithms 3.5 and 3.6.
    """

    def look(t: float) -> Point:
        loss, gradient = evaluate(t)
        return Point(t, loss, gradient, float(gradient @ direction))

    def falls_short(point: Point) -> bool:
        return point.loss > start.loss + ENOUGH * point.t * start.slope

    def is_flat(point: Point) -> bool:
        return abs(point.slope) <= -FLAT * start.slope

    before, point, looks = start, look(t), 0
    while looks < most:
        if falls_short(point) or (looks > 1 and point.loss >= before.loss) or (point.slope >= 0 and not is_flat(point)):
            break
        if is_flat(point):
            return point, looks + 1
        nearest, farthest = point.t + 0.01 * (point.t - before.t), point.t * 10
        before, point = point, look(cubic_minimum(before, point, nearest, farthest))
        looks += 1
    else:
        before = start
    bracket, stuck = [before, point], False
    width = float(np.abs(direction).max())
    low = int(bracket[1].loss < bracket[0].loss)
    while looks < most and abs(bracket[1].t - bracket[0].t) * width >= shortest:
        left, right = sorted(end.t for end in bracket)
        t, stuck = _away_from_the_ends(cubic_minimum(bracket[0], bracket[1], left, right), left, right, stuck)
        point = look(t)
        looks += 1
        if falls_short(point) or point.loss >= bracket[low].loss:
            bracket[1 - low] = point
            low = int(bracket[1].loss < bracket[0].loss)
            continue
        if is_flat(point):
            return point, looks + 1
        if point.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = point
    return bracket[low], looks + 1


def cubic_minimum(a: Point, b: Point, least: float, most: float) -> float:
    """Return where the cubic with the losses and slopes of two points is lowest, between limits; their middle if nowhere."""
    if a.t == b.t:  # after an infinite gradient, whose first step is 0
        return (least + most) / 2
    if a.t > b.t:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if square < 0:
        return (least + most) / 2
    d2 = math.sqrt(square)
    bend = b.slope - a.slope + 2 * d2
    if bend == 0:
        return (least + most) / 2
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / bend)
    return min(max(t, least), most)


def _away_from_the_ends(t: float, left: float, right: float, stuck: bool) -> tuple[float, bool]:
    """Move a trial that lies near an end of the bracket twice in a row, or on it, a tenth of the bracket inwards."""
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if not stuck and left < t < right:
        return t, True
    return (right - margin if abs(t - right) < abs(t - left) else left + margin), False


def keep_off_tape(optimizer: object) -> None:
    """Tell a tape that records (`minidl.compile`) that a step searches, and so does something else at each call."""
    if state.tape is not None:
        state.tape.breaks(
            f"{type(optimizer).__name__}.step calls its closure as often as the numbers demand; "
            "compile the closure instead, and call step outside"
        )
