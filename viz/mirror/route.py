"""Dotted lines around what stands in their way: along a grid, with few bends and few crossings.

Source: C. Y. Lee, 1961, "An algorithm for path connections and its applications"; here with costs, and looking ahead
(Hart, Nilsson and Raphael, 1968, "A formal basis for the heuristic determination of minimum cost paths").
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from ..drawing.geometry import Box
from .layout import GRID, Point

Cell = tuple[int, int]

_STEP: Final = 1.0
_BEND: Final = 6.0
_CROSSING: Final = 3.0
_ALONG: Final = 14.0
_FORBIDDEN: Final = 400.0
_NEAR: Final = 0.6
_EAGER: Final = 1.8
"""On a large sheet, how much a step towards the end is preferred to a detour that might be cheaper: it is found sooner."""

_LARGE: Final = 25_000
_MARGIN: Final = 5
_DIRECTIONS: Final = ((1, 0), (0, 1), (-1, 0), (0, -1))


class Router:
    """Finds ways on a sheet.

    Args:
        sheet: where lines may run.
        obstacles: what they must not touch.
        lines: the straight pieces of other lines: to be crossed at right angles if at all.
    """

    def __init__(self, sheet: Box, obstacles: Iterable[Box], lines: Iterable[tuple[Point, Point]]) -> None:
        self.columns = (int(sheet.left // GRID) - 1, int(sheet.right // GRID) + 2)
        self.rows = (int(sheet.bottom // GRID) - 1, int(sheet.top // GRID) + 2)
        self.blocked: set[Cell] = set()
        self.near: set[Cell] = set()
        for box in obstacles:
            self.blocked.update(_cells(box.grown(_MARGIN)))
            self.near.update(_cells(box.grown(_MARGIN + GRID)))
        self.lines: dict[Cell, set[int]] = {}
        self.taken: dict[Cell, tuple[int, set[int]]] = {}
        self.starts: dict[Cell, int] = {}
        for a, b in lines:
            self._mark_line(a, b)

    def reserve(self, net: int, start: Point) -> None:
        """Keep other nets away from where a net begins."""
        self.starts[_cell(start)] = net

    def route(self, net: int, start: Point, ends: Sequence[Point]) -> list[Point] | None:
        """Return the corners of a way from `start`, or from where its net passes already, to the nearest of `ends`.

        Args:
            net: what lines belong together: they may share their way.
            start: where the net begins.
            ends: points of the grid.
        """
        goals = {_cell(point) for point in ends}
        own = [cell for cell, (owner, _) in self.taken.items() if owner == net] or [_cell(start)]
        best: dict[tuple[Cell, int], float] = {}
        came: dict[tuple[Cell, int], tuple[Cell, int] | None] = {}
        queue: list[tuple[float, float, Cell, int]] = []

        area = (self.columns[1] - self.columns[0]) * (self.rows[1] - self.rows[0])
        eager = 1.0 if area < _LARGE else _EAGER

        def ahead(cell: Cell) -> float:
            return eager * min(abs(cell[0] - goal[0]) + abs(cell[1] - goal[1]) for goal in goals)

        for cell in own:
            for direction in range(4):
                best[cell, direction] = 0.0
                came[cell, direction] = None
                queue.append((ahead(cell), 0.0, cell, direction))
        heapq.heapify(queue)
        while queue:
            _, cost, cell, direction = heapq.heappop(queue)
            if cost > best[cell, direction]:
                continue
            if cell in goals:
                return self._take(net, (cell, direction), came)
            for turn in (0, 1, 3):
                towards = (direction + turn) % 4
                dx, dy = _DIRECTIONS[towards]
                after = (cell[0] + dx, cell[1] + dy)
                if not self._inside(after) or (after in self.blocked and after not in goals):
                    continue
                price = cost + _STEP + self._price(net, after, towards)
                if turn:
                    price += _BEND + self._price_of_bend(net, cell, came[cell, direction] is None)
                if price < best.get((after, towards), float("inf")):
                    best[after, towards] = price
                    came[after, towards] = (cell, direction)
                    heapq.heappush(queue, (price + ahead(after), price, after, towards))
        return None

    def _inside(self, cell: Cell) -> bool:
        return self.columns[0] <= cell[0] <= self.columns[1] and self.rows[0] <= cell[1] <= self.rows[1]

    def _price(self, net: int, cell: Cell, direction: int) -> float:
        price = _NEAR if cell in self.near else 0.0
        if cell in self.lines:
            price += _ALONG if direction % 2 in self.lines[cell] else _CROSSING
        owner, along = self.taken.get(cell, (net, set()))
        if self.starts.get(cell, net) != net:
            price += _FORBIDDEN
        if owner != net:
            price += _FORBIDDEN if direction % 2 in along else _CROSSING
        return price

    def _price_of_bend(self, net: int, cell: Cell, at_start: bool) -> float:
        if at_start:
            return -_BEND
        owner, _ = self.taken.get(cell, (net, set()))
        return _FORBIDDEN if owner != net else _CROSSING if cell in self.lines else 0.0

    def _take(
        self, net: int, last: tuple[Cell, int], came: dict[tuple[Cell, int], tuple[Cell, int] | None]
    ) -> list[Point]:
        cells = [last[0]]
        state: tuple[Cell, int] | None = last
        while state is not None and (before := came[state]) is not None:
            if before[0] != state[0]:
                cells.append(before[0])
            state = before
        cells.reverse()
        for a, b in pairwise(cells):
            axis = 0 if a[1] == b[1] else 1
            for cell in (a, b):
                self.taken.setdefault(cell, (net, set()))[1].add(axis)
        points = [(cell[0] * GRID, cell[1] * GRID) for cell in cells]
        return [points[0], *(b for a, b, c in zip(points, points[1:], points[2:], strict=False) if _bends(a, b, c)),
                points[-1]]  # fmt: skip

    def _mark_line(self, a: Point, b: Point) -> None:
        steps = max(1, int(max(abs(a[0] - b[0]), abs(a[1] - b[1])) // (GRID / 2)))
        axes = {0} if a[1] == b[1] else {1} if a[0] == b[0] else {0, 1}
        for k in range(steps + 1):
            t = k / steps
            cell = _cell((a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t))
            self.lines.setdefault(cell, set()).update(axes)


def _cell(point: Point) -> Cell:
    return round(point[0] / GRID), round(point[1] / GRID)


def _cells(box: Box) -> Iterable[Cell]:
    for column in range(-int(-box.left // GRID), int(box.right // GRID) + 1):
        for row in range(-int(-box.bottom // GRID), int(box.top // GRID) + 1):
            yield column, row


def _bends(a: Point, b: Point, c: Point) -> bool:
    return (a[0] == b[0]) != (b[0] == c[0])
