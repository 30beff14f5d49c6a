"""Classifiers side by side, and functions over the curve that they follow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import nn
from minidl.data.toys import truth_table
from minidl.errors import MinidlError, ShapeError, UsageError
from viz import plots
from viz.drawing.theme import DARK, LIGHT, PRINT

X, AND = truth_table("and")
Case = tuple[Callable[[Any], Any], Any, Any]


def one(bias: float) -> Case:
    return (lambda x: x.sum(1) + bias, X, AND)


def two(**options: Any) -> plots.Plot:
    return plots.boundaries({"good": one(-1.5), "bad": one(-0.5)}, **options)


def wave(x: Any) -> Any:
    return np.sin(3 * x)


def test_each_classifier_has_its_panel_and_its_count() -> None:
    told = two().text
    assert told.startswith("good: A classifier of 4 points in 2 classes: 4 of 4")
    assert "bad: A classifier of 4 points in 2 classes: 2 of 4 are on the right side (50.0 %)." in told
    for theme in (DARK, PRINT):
        assert two(theme=theme).text == told
        assert two(theme=theme).svg() != two().svg()
    assert two().svg() == two().svg()
    assert two(axes_names={"good": ("a", "b"), "bad": ("c", "d")}).svg() != two().svg()
    assert two(classes=["off", "on"]).svg() != two().svg()


def test_more_than_four_panels_stand_in_two_rows() -> None:
    with_size = [plots.boundaries({str(k): one(-1.5) for k in range(count)}).png(40) for count in (4, 5)]
    widths, heights = zip(*(_size(png) for png in with_size), strict=True)
    assert heights[1] > 1.5 * heights[0]
    assert widths[1] < widths[0]


def _size(png: bytes) -> tuple[int, int]:
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def test_a_fit_is_measured_where_it_had_to_follow() -> None:
    near = plots.fits({"line": lambda x: x}, target=lambda x: x + 0.25, bends={"line": [0.5, -0.5]})
    assert near.text == "line: at most 0.25 off, with 2 bends."
    far = plots.fits({"zero": lambda x: 0 * x}, target=lambda x: x, x_range=(-4, 4), fitted_on=(-0.5, 0.5))
    assert far.text == "zero: at most 0.5 off."
    assert LIGHT.fill in far.svg()
    assert LIGHT.fill not in plots.fits({"zero": lambda x: 0 * x}, target=lambda x: x, x_range=(-4, 4)).svg()
    points = plots.fits({"one": lambda x: 0 * x[:, 0] + 1}, points=([[0.0], [1.0]], [0.0, 2.0]), x_range=(0, 1))
    assert points.text == "one: mean squared error 1."


def test_a_fit_takes_a_network_and_names_that_are_long() -> None:
    network = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1))
    name = "a network with a name that is far too long to print"
    plot = plots.fits({name: network}, target=wave, bends={name: [0.25]})
    assert plot.text.endswith("off, with a bend.")
    assert plot.svg() == plots.fits({name: network}, target=wave, bends={name: [0.25]}).svg()
    assert plot.svg() != plots.fits({name: network}, target=wave).svg()
    assert plot.svg() != plots.fits({name: network}, target=wave, bends={name: [0.25]}, theme=DARK).svg()


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: plots.boundaries({}), UsageError, "cases is empty"),
        (lambda: plots.boundaries({str(k): one(0) for k in range(9)}), UsageError, "at most 8"),
        (
            lambda: plots.boundaries({"a": (one(0)[0], [[1, 2, 3]], [0])}),
            ShapeError,
            r"boundaries: needs points \(N, 2\)",
        ),
        (lambda: plots.boundaries({"a": (lambda x: x[:2], X, AND)}), ShapeError, "boundaries: asked about"),
        (lambda: plots.boundaries({"a": (one(0)[0], X * math.nan, AND)}), UsageError, "nan or infinite"),
        (lambda: two(axes_names={"good": ("a", "b")}), UsageError, "no pair of names for 'bad'"),
        (lambda: two(classes=["only"]), MinidlError, "classes"),
        (lambda: plots.fits({"a": wave}), UsageError, "needs a target or points"),
        (lambda: plots.fits({}, target=wave), UsageError, "models is empty"),
        (lambda: plots.fits({str(k): wave for k in range(9)}, target=wave), UsageError, "at most 8 models; got 9"),
        (lambda: plots.fits({"a": wave}, target=wave, x_range=(1, 1)), UsageError, "smaller to a larger"),
        (lambda: plots.fits({"a": wave}, target=wave, fitted_on=(0, math.nan)), UsageError, "smaller to a larger"),
        (lambda: plots.fits({"a": lambda x: x[:3]}, target=wave), ShapeError, r"a answered with shape \(3, 1\)"),
        (lambda: plots.fits({"a": wave}, points=([1, 2], [1])), ShapeError, "as many x as y; got 2 and 1"),
    ],
)
def test_what_cannot_be_drawn_is_told(make: Callable[[], plots.Plot], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make()
