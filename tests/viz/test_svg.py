"""The finished SVG: fonts and words inside, the same bytes every time."""

import base64
import io
import re
import xml.etree.ElementTree as ElementTree

import pytest

import minidl
import viz
from viz.drawing import svg

SVG = "{http://www.w3.org/2000/svg}"


def figure():
    x, y = minidl.scalar(1e-7, name="x"), minidl.scalar(2.0, name="w_1")
    return viz.draw((x * y).sin().named("f") if hasattr(x, "sin") else minidl.sin(x * y).named("f"))


def test_it_carries_its_alternative_text():
    root = ElementTree.fromstring(figure().svg())
    assert root.get("role") == "img"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("aria-labelledby").split() == [title.get("id"), description.get("id")]
    assert title.text == "circuit of f"
    assert "x = 10⁻⁷" in description.text
    assert len(root.findall(f".//{SVG}title")) == 1, "Graphviz's own titles would show as tooltips"


def test_it_embeds_every_letter_of_the_faces_it_uses():
    from fontTools.ttLib import TTFont

    content = figure().svg()
    faces = re.findall(r"font-style:(\w+);font-weight:(\w+);src:url\(data:font/woff;base64,([^)]+)\)", content)
    assert {(style, weight) for style, weight, _ in faces} == {("normal", "normal"), ("italic", "normal")}
    covered = {}
    for style, weight, data in faces:
        covered[style, weight] = set(TTFont(io.BytesIO(base64.b64decode(data))).getBestCmap())
    for text in ElementTree.fromstring(content).iter(f"{SVG}text"):
        face = covered[text.get("font-style", "normal"), text.get("font-weight", "normal")]
        assert {ord(letter) for letter in text.text} - {0xA0} <= face
    assert len(content) < 60_000


def test_the_same_figure_gives_the_same_bytes():
    first = figure().svg()
    svg._subset.cache_clear()
    assert figure().svg() == first


def test_nothing_in_it_depends_on_the_engine_or_clashes_on_a_page():
    content = figure().svg()
    assert "graphviz" not in content.lower()
    assert "<!--" not in content
    assert not re.search(r'id="(node|edge|graph)\d', content)
    assert "baseline-shift" not in content


def test_exponents_are_raised_and_indices_lowered_by_their_coordinates():
    svg_text = (
        '<svg><text x="1" y="-10.00" baseline-shift="{}" font-family="STIXGeneral" font-size="10.00">2</text></svg>'
    )
    up = svg.finish(svg_text.format("super"))
    down = svg.finish(svg_text.format("sub"))
    assert 'y="-13.50"' in up
    assert 'y="-7.80"' in down


@pytest.mark.parametrize("hostile", ["</title><script>alert(1)</script>", "a & b < c", '" onload="x', "\x00\x1b"])
def test_words_are_escaped(hostile):
    content = svg.finish("<svg><g></g></svg>", hostile, hostile)
    root = ElementTree.fromstring(content)
    assert not list(root.iter("script"))
