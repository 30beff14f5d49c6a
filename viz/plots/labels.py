"""Names written at what they name, and moved apart where they would touch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..drawing.metrics import text_width
from ..drawing.theme import Theme
from .style import SIZE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEADING: Final = 1.22
"""The height of a line of type, in type sizes."""


def spread(centers: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Move intervals along a line so that none overlap and all lie between `low` and `high`, as little as possible.

    Args:
        centers: where the middles would like to be.
        sizes: how long the intervals are.
        low: the line's beginning.
        high: the line's end; where there is not room for all, they run over it.

    Returns:
        The middles, in the order given; the intervals keep their order along the line.

    >>> spread([5.0, 5.0], [2.0, 2.0], 0.0, 10.0)
    [4.0, 6.0]
    >>> spread([0.0], [2.0], 0.0, 10.0)
    [1.0]
    """
    order = sorted(range(len(centers)), key=lambda i: (centers[i], i))
    # Neighbours that would overlap join in a group that stands where its members on average want it to.
    groups: list[tuple[list[int], float]] = []
    for i in order:
        members, start = [i], _inside(centers[i] - sizes[i] / 2, sizes[i], low, high)
        while groups and groups[-1][1] + sum(sizes[j] for j in groups[-1][0]) > start:
            members = groups.pop()[0] + members
            offset, wanted = 0.0, 0.0
            for j in members:
                wanted += centers[j] - sizes[j] / 2 - offset
                offset += sizes[j]
            start = _inside(wanted / len(members), offset, low, high)
        groups.append((members, start))
    placed = [0.0] * len(centers)
    for members, start in groups:
        reached = start
        for j in members:
            placed[j] = reached + sizes[j] / 2
            reached += sizes[j]
    return placed


def _inside(start: float, length: float, low: float, high: float) -> float:
    return max(low, min(start, high - length))


@dataclass(frozen=True, slots=True)
class Name:
    """A name to be written at a point of the data.

    Attributes:
        text: the name.
        x: the point's first coordinate.
        y: its second.
        color: of the text.
    """

    text: str
    x: float
    y: float
    color: str


def name_ends(axes: Axes, names: Sequence[Name], theme: Theme, *, italic: bool = False) -> None:
    """Write names at the right edge of the axes, each as near to its line's end as the others allow.

    A name that had to move is tied to its line's end by a thin rule.
    """
    if not names:
        return
    box = axes.get_window_extent()
    scale = 72 / axes.figure.dpi
    tops = [float(axes.transData.transform((name.x, name.y))[1] - box.y0) * scale for name in names]
    height = box.height * scale
    wanted = [min(max(top, 0.0), height) for top in tops]
    lines = [len(name.text.split("\n")) for name in names]
    places = spread(wanted, [LEADING * SIZE * n for n in lines], -0.3 * SIZE, height + 0.3 * SIZE)
    width = box.width * scale
    ends = [float(axes.transData.transform((name.x, name.y))[0] - box.x0) * scale + 6 for name in names]
    tied = any(abs(place - want) > 0.35 * SIZE for place, want in zip(places, wanted, strict=True))
    tied = tied or min(ends) < width - 0.12 * width
    gap = 20 if tied else 7
    for name, place, want, end in zip(names, places, wanted, ends, strict=True):
        if tied:
            axes.annotate(
                "", (end if end < width - 0.12 * width else width + 3, want), xytext=(width + gap - 3, place),
                xycoords="axes points", textcoords="axes points", annotation_clip=False,
                arrowprops={"arrowstyle": "-", "color": theme.line, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0},
            )  # fmt: skip
        axes.annotate(
            name.text, (1, 0), xytext=(gap, place), xycoords="axes fraction", textcoords="offset points",
            ha="left", va="center", color=name.color, fontsize=SIZE, annotation_clip=False,
            fontstyle="italic" if italic else "normal",
        )  # fmt: skip


Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in points from the lower left corner of the axes."""


def name_points(
    axes: Axes,
    names: Sequence[Name],
    theme: Theme,
    *,
    avoid: Sequence[tuple[float, float]] = (),
    size: float = SIZE,
    gap: float = 8,
) -> list[Box]:
    """Write each name beside its point, on the side where it meets neither another name nor a point.

    Args:
        axes: where; its limits and scales must be final.
        names: what to write; those with the fewest free sides are placed first.
        theme: the palette.
        avoid: points, in data coordinates, that should stay visible.
        size: the type size in points.
        gap: how far from its point a name stands, in points; one that must stand farther off is tied to it by a rule.

    Returns:
        The boxes that the names take, in the order given.
    """
    box = axes.get_window_extent()
    scale = 72 / axes.figure.dpi
    width, height = box.width * scale, box.height * scale

    def place(x: float, y: float) -> tuple[float, float]:
        at = (axes.transData.transform((x, y)) - (box.x0, box.y0)) * scale
        return float(at[0]), float(at[1])

    own = [place(name.x, name.y) for name in names]
    points = np.array([*own, *(place(x, y) for x, y in avoid)])
    choices = [
        [
            (cost + 40 * _outside(candidate, width, height) + 2 * _covered(candidate, points), candidate)
            for cost, candidate in _around(x, y, text_width(name.text, size), LEADING * size, gap)
        ]
        for name, (x, y) in zip(names, own, strict=True)
    ]
    hardest = sorted(range(len(names)), key=lambda i: (-min(cost for cost, _ in choices[i]), i))
    taken: dict[int, Box] = {}
    rules: list[np.ndarray] = []
    for i in hardest:

        def total(choice: tuple[float, Box], point: tuple[float, float] = own[i]) -> float:
            cost, candidate = choice
            tie = _tie(point, candidate, gap)
            crossed = sum(_covered(candidate, rule) for rule in rules) + sum(_covered(b, tie) for b in taken.values())
            return cost + 30 * sum(_overlap(candidate, other) for other in taken.values()) + 3 * crossed

        taken[i] = min(choices[i], key=total)[1]
        rules.append(_tie(own[i], taken[i], gap))
    for i, name in enumerate(names):
        left, bottom, right, top = taken[i]
        tie = _tie(own[i], taken[i], gap)
        if len(tie):
            rule: dict[str, Any] = {
                "arrowstyle": "-",
                "color": theme.line,
                "linewidth": 0.8,
                "shrinkA": 0,
                "shrinkB": 5,
            }
            axes.annotate(
                "",
                tuple(tie[0]),
                xytext=tuple(tie[-1]),
                xycoords="axes points",
                textcoords="axes points",
                arrowprops=rule,
                zorder=3,
            )
        axes.annotate(
            name.text, ((left + right) / 2, (bottom + top) / 2), xycoords="axes points", ha="center", va="center",
            color=name.color, fontsize=size, annotation_clip=False, zorder=6,
            bbox={"facecolor": theme.paper, "edgecolor": "none", "pad": 0.5},  # no grid through the letters
        )  # fmt: skip
    return [taken[i] for i in range(len(names))]


_DIAGONAL: Final = 0.7
_SIDES: Final = [
    (1, 0), (_DIAGONAL, -_DIAGONAL), (_DIAGONAL, _DIAGONAL), (0, -1), (0, 1), (-1, 0), (-_DIAGONAL, -_DIAGONAL),
    (-_DIAGONAL, _DIAGONAL),
]  # fmt: skip


def _around(x: float, y: float, width: float, height: float, gap: float) -> list[tuple[float, Box]]:
    """Places for a name around a point, near ones first, each with what it costs to stand there."""
    found = []
    for ring, times in enumerate((1.0, 2.6, 5.0, 8.0)):
        for rank, (dx, dy) in enumerate(_SIDES):
            left = x + dx * gap * times - (width if dx < 0 else width / 2 if dx == 0 else 0)
            bottom = y + dy * gap * times - (height if dy < 0 else height / 2 if dy == 0 else 0)
            found.append((1.1 * ring + 0.03 * rank, (left, bottom, left + width, bottom + height)))
    return found


def _tie(point: tuple[float, float], box: Box, gap: float) -> np.ndarray:
    """Points along the rule from a point to its name; none where the name stands close enough."""
    foot = min(max(point[0], box[0]), box[2]), min(max(point[1], box[1] + 3), box[3] - 3)
    if np.hypot(foot[0] - point[0], foot[1] - point[1]) <= 2 * gap:
        return np.zeros((0, 2))
    return np.linspace(point, foot, 8)


def _overlap(a: Box, b: Box) -> float:
    across, up = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return 1.0 + across * up / 100 if across > 0 and up > 0 else 0.0


def _outside(box: Box, width: float, height: float) -> float:
    over = max(0.0, -box[0]) + max(0.0, -box[1]) + max(0.0, box[2] - width) + max(0.0, box[3] - height)
    return 1.0 + over / 10 if over else 0.0


def _covered(box: Box, points: np.ndarray) -> float:
    inside = (points[:, 0] > box[0] - 3) & (points[:, 0] < box[2] + 3)
    inside &= (points[:, 1] > box[1] - 3) & (points[:, 1] < box[3] + 3)
    return math.sqrt(float(inside.sum()))
