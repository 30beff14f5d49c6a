"""Thumbnails: what a heat map shows of an array, how large it is, and that both engines draw it without a word."""

from __future__ import annotations

import re

import numpy as np
import pytest

import minidl
from minidl.errors import ShapeError, UsageError
from viz.drawing import engine
from viz.drawing.dot import Digraph
from viz.drawing.figure import Figure
from viz.drawing.theme import DARK, LIGHT, PRINT, THEMES, blend
from viz.drawing.thumbnail import ColorScale, is_grey, pooled, scale_of, thumbnail, thumbnail_caption


def figure_of(block, theme=LIGHT):
    graph = Digraph(bgcolor=theme.paper)
    size = {"width": (block.width + 0.01) / 72, "height": (block.height + 0.01) / 72, "fixedsize": True}
    graph.node("n", label=block.html, shape="plaintext", margin=0, **size)
    return Figure(graph.source())


def colors(block):
    """The colours of the cells, in order; a cell without one shows the table's, which is zero's."""
    return re.findall(r'BGCOLOR="(#[0-9a-f]{6})"', block.html.markup)


ARRAYS = {
    "kernel": np.linspace(-1, 1, 9).reshape(3, 3),
    "scalar": np.float64(-2.0),
    "vector": np.arange(7.0) - 3,
    "long vector": np.linspace(-1, 1, 100),
    "column": np.arange(5.0)[:, None],
    "image": np.linspace(0, 1, 784).reshape(1, 28, 28),
    "channels": np.linspace(-1, 1, 6 * 25).reshape(6, 5, 5),
    "many channels": np.ones((100, 3, 3)),
    "batch": np.ones((4, 2, 3, 3)),
    "prime": np.linspace(-1, 1, 17 * 31).reshape(17, 31),
    "wide": np.ones((2, 300)),
    "empty": np.zeros((0, 3)),
    "zeros": np.zeros((4, 4)),
    "not finite": np.array([[np.nan, np.inf], [-np.inf, 1.0]]),
    "booleans": np.eye(3, dtype=bool),
    "tiny": np.full((2, 2), 1e-300),
    "huge": np.full((2, 2), 1e308),
}


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_every_array_is_drawn_in_silence_and_as_large_as_it_says(kind, theme):
    for name, array in ARRAYS.items():
        for width in (0, 8, 64, 200):
            block = thumbnail(array, theme, width=width)
            _, said = engine.render_with_warnings(figure_of(block, theme).dot, "svg")
            assert said == [], (name, width)
    block = thumbnail(ARRAYS["kernel"], theme, width=64)
    svg = figure_of(block, theme).svg()
    width, height = (float(size) for size in re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg).groups())
    assert (width, height) == (block.width + 8, block.height + 8)  # Graphviz's own margin


@pytest.mark.parametrize("name", ARRAYS)
def test_it_keeps_to_the_room_it_is_given(name):
    block = thumbnail(ARRAYS[name], LIGHT, width=90, height=60)
    assert 0 < block.width <= 90
    assert 0 < block.height <= 60


def test_a_cell_has_the_colour_of_its_number():
    scale = ColorScale(2.0)
    block = thumbnail([[2.0, -2.0], [1.0, 0.0]], LIGHT, scale=scale, width=6)
    assert colors(block) == ["#ffffff", LIGHT.positive[1], LIGHT.negative[1], LIGHT.positive[0]]
    assert scale.color(0.5, LIGHT) == blend(LIGHT.paper, LIGHT.positive[0], 0.5)
    assert scale.color(99.0, LIGHT) == scale.color(2.0, LIGHT)  # beyond the end of the scale
    assert ColorScale(1.0).color(0.0, DARK) == DARK.paper


def test_arrays_compare_on_one_scale():
    scale = scale_of([1.0, -4.0], [np.nan, 2.0, np.inf])
    assert scale.limit == 4.0
    weak, strong = (colors(thumbnail([[x]], LIGHT, scale=scale))[-1] for x in (1.0, 4.0))
    assert weak == blend(LIGHT.paper, LIGHT.positive[0], 0.5)
    assert strong == LIGHT.positive[1]


def test_the_scale_is_of_the_numbers_that_are_seen():
    noise = np.zeros((32, 32))
    noise[0, 0] = 4.0  # its average over four cells is 1
    assert LIGHT.positive[1] in colors(thumbnail(noise, LIGHT))


def test_large_arrays_are_averaged_and_the_caption_says_so():
    image = np.arange(28 * 28.0).reshape(28, 28)
    small = pooled(image)
    assert small.shape == (14, 14)
    assert small[0, 0] == image[:2, :2].mean()
    assert small[-1, -1] == image[-2:, -2:].mean()
    uneven = pooled(np.arange(17.0)[None])
    assert uneven.shape == (1, 16)
    assert uneven[0, -1] == 15.5
    assert np.isclose(pooled(np.full((37, 41), 3.0)), 3.0).all()
    assert thumbnail_caption(image) == "28×28, averaged to 14×14"
    assert thumbnail_caption(np.zeros((3, 3))) == "3×3"
    assert thumbnail_caption(np.zeros((8, 64, 5, 5))) == "8×64×5×5, the first, 16 channels"


def test_the_sign_needs_no_colour():
    assert is_grey(PRINT)
    assert not is_grey(LIGHT)
    plus, minus = (thumbnail([[x]], PRINT, width=12).html.markup for x in (1.0, -1.0))
    assert minus.count("<TABLE") == plus.count("<TABLE") + 1  # the minus sign
    plus, minus = (thumbnail([[x]], LIGHT, width=40).html.markup for x in (1.0, -1.0))
    assert minus.count("<TABLE") == plus.count("<TABLE") + 1


def test_what_is_not_finite_is_framed():
    markup = thumbnail(np.array([[np.nan, 1.0]]), LIGHT, width=40).html.markup
    assert markup.count(f'COLOR="{LIGHT.accent}"') >= 2  # the frame and the mark
    assert LIGHT.accent not in thumbnail([[0.0, 1.0]], LIGHT, width=40).html.markup
    up, down = (colors(thumbnail([[x]], LIGHT, scale=ColorScale(1.0)))[1] for x in (np.inf, -np.inf))
    assert (up, down) == (LIGHT.positive[1], LIGHT.negative[1])


def test_an_image_keeps_its_brightness_and_its_colours():
    scale = ColorScale(1.0, is_image=True)
    for theme in (LIGHT, DARK):
        shades = colors(thumbnail([[0.0, 0.5, 1.0]], theme, scale=scale, width=60))
        assert shades == ["#000000", "#000000", "#808080", "#ffffff"]  # the ground, then every cell
    red = np.zeros((3, 1, 1))
    red[0] = 1.0
    assert colors(thumbnail(red, LIGHT, scale=scale))[-1] == "#ff0000"


def test_tensors_and_wrong_things():
    assert thumbnail(minidl.ones(2, 2), LIGHT) == thumbnail(np.ones((2, 2)), LIGHT)
    with pytest.raises(ShapeError, match="real numbers"):
        thumbnail(np.array(["a"]), LIGHT)
    for limit in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(UsageError, match="positive"):
            ColorScale(limit)
