"""What an eye would object to in a figure, found in its geometry: text that overlaps, is clipped, struck through or small.

In a test, `faults(figure) == []` says it all; the functions below say one thing each. `conftest.py` offers `faults` as a
fixture of that name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import cos, pi, sin

import numpy as np

from viz.drawing.figure import Figure
from viz.drawing.geometry import Box, Geometry, Line, Path, Point, Run
from viz.drawing.notation import SMALLEST

DESCENDING = set("gjpqyQ()[]{}|,;β‖∑√ζημξρφχψςϱ")
SMALL_LETTERS = set("acegmnopqrsuvwxyz,;.·αεγηικμνοπρστυφχψω…•")
MIDDLE_ONLY = set("−=·→-–")
RAISED, LOWERED = 0.35, 0.22  # as viz.drawing.svg sets exponents and indices


@dataclass(frozen=True)
class Ink:
    """A piece of text and the box that its letters fill."""

    text: str
    box: Box
    size: float
    part: str
    line: Line


def ink_of(run: Run) -> Box:
    """Return the box around the letters of a run of STIX, which is less than the line they stand in."""
    letters = run.text.replace("\u00a0", " ")
    space = run.width / max(1, len(letters))
    left = run.left + (len(letters) - len(letters.lstrip(" "))) * min(space, 0.25 * run.size)
    right = run.right - (len(letters) - len(letters.rstrip(" "))) * min(space, 0.25 * run.size)
    base = run.baseline + run.size * (RAISED * run.raised - LOWERED * run.lowered)
    inside = set(letters) - {" "}
    bottom = -0.22 if inside & DESCENDING else 0.2 if inside <= MIDDLE_ONLY else 0.0
    top = 0.4 if inside <= MIDDLE_ONLY else 0.46 if inside <= SMALL_LETTERS else 0.68
    return Box(left, base + bottom * run.size, right, base + top * run.size)


def inks(geometry: Geometry) -> list[Ink]:
    """Return every piece of text that can be seen."""
    return [
        Ink(run.text.strip(), ink_of(run), run.size, f"{part.kind} {part.name}", line)
        for part in geometry.parts
        for line in part.lines
        for run in line.runs
        if run.text.strip("\u00a0 ")
    ]


def overlapping(geometry: Geometry, allowed: float = 0.3) -> list[str]:
    """Say which texts lie on each other; pieces of one line may touch."""
    found = inks(geometry)
    left, bottom, right, top = edges([ink.box.grown(-allowed / 2) for ink in found])
    meet = (np.maximum.outer(left, left) < np.minimum.outer(right, right)) & (
        np.maximum.outer(bottom, bottom) < np.minimum.outer(top, top)
    )
    return [
        f"{a.text!r} ({a.part}) and {b.text!r} ({b.part}) overlap"
        for a, b in ((found[i], found[j]) for i, j in np.argwhere(np.triu(meet, 1)))
        if a.line is not b.line
    ]


def clipped(geometry: Geometry) -> list[str]:
    """Say which texts stick out of the picture."""
    return [
        f"{ink.text!r} ({ink.part}) sticks out of the picture"
        for ink in inks(geometry)
        if not geometry.page.grown(0.01).holds(ink.box)
    ]


def small(geometry: Geometry) -> list[str]:
    """Say which texts cannot be read at the back of a lecture hall."""
    return [f"{ink.text!r} ({ink.part}) has {ink.size:g} pt" for ink in inks(geometry) if ink.size < SMALLEST]


def struck(geometry: Geometry, space: float = 0.3) -> list[str]:
    """Say which texts a line runs through, or comes closer to than `space` points.

    A line does not count that is hidden below the text by a filled shape drawn after it.
    """
    paths = [
        (f"{part.kind} {part.name}", mark) for part in geometry.parts for mark in part.marks if isinstance(mark, Path)
    ]
    strokes = [
        (i, space + mark.pen.width / 2, *start, *end)
        for i, (_, mark) in enumerate(paths)
        if mark.pen
        for start, end in pairwise(outline(mark))
    ]
    path, near, *ends = np.array(strokes, float).reshape(-1, 6).T
    fills = [(i, bounds(mark.points)) for i, (_, mark) in enumerate(paths) if mark.fill and len(mark.fill) == 7]
    found = []
    for ink in inks(geometry):
        below = max((i for i, area in fills if area.holds(ink.box.grown(1))), default=-1)
        touching = path[(path >= below) & crossing(ends, ink.box, near)]
        through = sorted({paths[int(i)][0] for i in touching})
        found += [f"a line of {name} touches {ink.text!r} ({ink.part})" for name in through]
    return found


def covered(geometry: Geometry, allowed: float = 0.5) -> list[str]:
    """Say which texts a filled shape that is drawn later hides."""
    found, before = [], list[Ink]()
    for part in geometry.parts:
        for mark in part.marks:
            if isinstance(mark, Path) and mark.fill and len(mark.fill) == 7:
                area = bounds(mark.points)
                found += [
                    f"a shape of {part.kind} {part.name} covers {ink.text!r} ({ink.part})"
                    for ink in before
                    if ink.box.grown(-allowed).overlap(area)
                ]
            elif isinstance(mark, Line):
                before += inks(Geometry(geometry.page, {}, (type(part)(part.kind, part.name, (mark,)),)))
    return found


def meeting(geometry: Geometry, allowed: float = 0.5) -> list[str]:
    """Say which nodes lie on each other."""
    return [
        f"nodes {a} and {b} overlap"
        for (a, first), (b, second) in combinations(geometry.nodes.items(), 2)
        if first.grown(-allowed / 2).overlap(second.grown(-allowed / 2))
    ]


def faults(figure: Figure) -> list[str]:
    """Return everything of the above but `meeting` (nodes may well stand in front of each other)."""
    geometry = figure.geometry()
    return [fault for check in (overlapping, clipped, small, struck, covered) for fault in check(geometry)]


def bounds(points: Sequence[Point]) -> Box:
    """Return the box around points."""
    xs, ys = zip(*points, strict=True)
    return Box(min(xs), min(ys), max(xs), max(ys))


def outline(path: Path) -> list[Point]:
    """Return the points along a stroke, close enough to follow it."""
    if path.kind == "curve":
        starts = range(0, len(path.points) - 1, 3)
        pieces = [list(bezier(path.points[i : i + 4])) for i in starts]
        return [path.points[0], *(point for piece in pieces for point in piece)]
    if path.kind == "ellipse":
        return list(ring(bounds(path.points)))
    return [*path.points, path.points[0]] if path.kind == "polygon" else list(path.points)


def bezier(points: Sequence[Point], steps: int = 12) -> Iterator[Point]:
    """Yield points along one Bézier piece, without its start."""
    for i in range(1, steps + 1):
        t = i / steps
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        yield tuple(sum(w * p[axis] for w, p in zip(weights, points, strict=True)) for axis in (0, 1))  # type: ignore[misc]


def ring(box: Box, steps: int = 48) -> Iterator[Point]:
    """Yield points along the ellipse in a box."""
    x, y = box.center
    for i in range(steps + 1):
        yield x + box.width / 2 * cos(2 * pi * i / steps), y + box.height / 2 * sin(2 * pi * i / steps)


def edges(boxes: Sequence[Box]) -> np.ndarray:
    """Return the left, bottom, right and top edges of the boxes, a row each."""
    return np.array([(box.left, box.bottom, box.right, box.top) for box in boxes]).reshape(-1, 4).T


def crossing(ends: Sequence[np.ndarray], box: Box, near: np.ndarray | float = 0.0) -> np.ndarray:
    """Return which straight lines, from x0, y0 to x1, y1, come as near to a box (Liang and Barsky's clipping)."""
    x0, y0, x1, y1 = ends
    start, end = np.zeros_like(x0), np.ones_like(x0)
    beside = np.zeros(x0.shape, bool)
    for p, q in (
        (x0 - x1, x0 - box.left + near),
        (x1 - x0, box.right + near - x0),
        (y0 - y1, y0 - box.bottom + near),
        (y1 - y0, box.top + near - y0),
    ):
        beside |= (p == 0) & (q < 0)
        at = np.divide(q, p, out=np.zeros_like(q), where=p != 0)
        start = np.where(p < 0, np.maximum(start, at), start)
        end = np.where(p > 0, np.minimum(end, at), end)
    return (start <= end) & ~beside
