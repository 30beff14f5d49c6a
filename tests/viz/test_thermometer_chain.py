"""The thermometer of a chain: its numbers are the engine's, its wires grow with the gradient, it fits a slide."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

import minidl
import viz
from minidl.autodiff import gradients, order
from minidl.errors import GraphError
from viz.drawing import engine
from viz.drawing.notation import number
from viz.drawing.theme import LIGHT, THEMES
from viz.gradients.thermometer import sigmoid_chain


def cells(dot, color):
    """What a figure prints in one colour."""
    found = re.findall(rf'<FONT COLOR="{color}"[^>]*>((?:(?!</FONT>).)*)</FONT>', dot)
    return [re.sub(r"<[^>]+>", "", text).rstrip("\u00a0") for text in found]


def digits(size):
    """One digit, as a figure prints it."""
    mantissa, exponent = f"{size:.0e}".split("e")
    return mantissa if int(exponent) == 0 else f"{mantissa}×10−{-int(exponent)}"


def test_it_prints_what_the_engine_computed(kind):
    root = sigmoid_chain(20)
    figure = viz.thermometer(root)
    chain, found = order(root), gradients(root)
    local = [float(node.data) * (1 - float(node.data)) for node in chain[1:]]
    assert float(found[chain[0]]) == pytest.approx(math.prod(local), rel=1e-12)
    blue = cells(figure.dot, LIGHT.local)
    assert blue == [*(number(value, 3) for value in local), "σ′", "below each function: its derivative σ′"]
    assert digits(float(found[chain[0]])) == "1×10−13"
    red = cells(figure.dot, LIGHT.gradient)[:21]
    assert sorted(red) == sorted(digits(float(found[node])) for node in chain)
    green = cells(figure.dot, LIGHT.value)
    assert sorted(green) == sorted(number(float(node.data), 3) for node in chain)
    assert engine.render_with_warnings(figure.dot, "svg", layout=figure.layout)[1] == []


def test_it_fits_a_slide_and_is_aligned(kind):
    figure = viz.thermometer(sigmoid_chain(20))
    page = figure.geometry().page
    assert page.width <= 960
    assert page.height <= 540
    drawing = json.loads(engine.render(figure.dot, "json", layout=figure.layout))
    places = {o["name"]: tuple(map(float, o["pos"].split(","))) for o in drawing["objects"]}
    rows = [[places[f"o{k}"] for k in range(first, first + 10)] for first in (1, 11)]
    for row in rows:
        assert len({round(y, 2) for _, y in row}) == 1
        assert np.allclose(np.diff([x for x, _ in row]), 82, atol=0.02)
    assert [x for x, _ in rows[0]] == [x for x, _ in rows[1]]


def test_wires_grow_with_the_gradient():
    dot = viz.thermometer(sigmoid_chain(20)).dot
    widths = [float(width) for width in re.findall(r"end\d+ -> end\d+ \[[^\]]*?penwidth=([\d.]+)", dot)][:21]
    found = gradients(root := sigmoid_chain(20))
    assert widths == [LIGHT.stroke(float(found[node])).width for node in order(root)]
    assert widths == sorted(widths)


def test_heads_show_which_way_the_chain_runs():
    """One at the end, and two where a row turns: to the left on the way back, to the right into the next row."""
    dot = viz.thermometer(sigmoid_chain(20)).dot
    heads = re.findall(r'shape=triangle.*?orientation=(\d+).*?pos="([-\d.]+),([-\d.]+)"', dot)
    assert [angle for angle, *_ in heads] == ["90", "270", "270"]
    assert float(heads[2][1]) == max(float(x) for _, x, _ in heads)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("length", [1, 3, 11, 60])
def test_nothing_overlaps_however_long_it_is(length, theme, faults):
    assert faults(viz.thermometer(sigmoid_chain(length, start=-3.0), theme=theme)) == []


def test_names_may_be_long(kind, faults):
    value = minidl.scalar(-1e-12, name="a_very_long_name_of_an_input")
    figure = viz.thermometer(minidl.exp(minidl.tanh(value)).named("<the> & loss"))
    assert faults(figure) == []
    assert engine.render_with_warnings(figure.dot, "svg", layout=figure.layout)[1] == []


def test_what_is_no_chain_has_no_thermometer():
    x, y = minidl.scalar(-2.0, name="x"), minidl.scalar(5.0, name="y")
    with pytest.raises(GraphError, match="chain"):
        viz.thermometer(x + y)
    with pytest.raises(GraphError, match="at most"):
        viz.thermometer(sigmoid_chain(61))
    with pytest.raises(GraphError, match="computed"):
        viz.thermometer(minidl.scalar(1.0))
