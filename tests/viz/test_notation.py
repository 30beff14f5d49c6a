"""Numbers, names and markup."""

import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viz.drawing import dot, notation
from viz.drawing.engine import render_with_warnings
from viz.drawing.metrics import text_width
from viz.drawing.theme import COLORBLIND, LIGHT, HeatScale


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-12, "−12"), (0.0, "0"), (-0.0, "0"), (4.25, "4.25"), (0.5, "0.5"), (1 / 3, "0.3333"), (16.333333, "16.33"),
        (9.094947e-13, "9.095×10⁻¹³"), (1e-7, "10⁻⁷"), (-1e-7, "−10⁻⁷"), (0.00097, "0.00097"), (61706, "61706"),
        (1.5e9, "1.5×10⁹"), (12345.678, "1.235×10⁴"), (-314159, "−3.142×10⁵"),
        (math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "nan"),
        (np.float32(0.1), "0.1"), (True, "1"), (0.99999, "1"), (99999.5, "10⁵"),
    ],
)  # fmt: skip
def test_numbers_are_printed_as_a_textbook_prints_them(value, shown):
    assert notation.number(value) == shown


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e300, 1e300))
def test_a_printed_number_is_near_the_number(value):
    shown = notation.number_html(value).markup
    plain = shown.replace("<SUP>", "e").replace("</SUP>", "").replace("×10e", "e").replace("−", "-")
    plain = "1" + plain[2:] if plain.startswith("10e") else "-1" + plain[3:] if plain.startswith("-10e") else plain
    assert float(plain) == pytest.approx(value, rel=0.006, abs=1e-300)
    assert "-" not in notation.number(value)


@pytest.mark.parametrize(
    ("name", "ndim", "markup"),
    [
        ("x", 0, "<I>x</I>"),
        ("W", 2, "<B><I>W</I></B>"),
        ("x_1", 0, "<I>x</I><SUB>1</SUB>"),
        ("x12", 0, "<I>x</I><SUB>12</SUB>"),
        ("theta", 0, "<I>θ</I>"),
        ("alpha_0", 1, "<B><I>α</I></B><SUB>0</SUB>"),
        ("loss", 0, "<I>loss</I>"),
        ("a<b", 0, "<I>a&lt;b</I>"),
        ("conv1", 0, "<I>conv1</I>"),
    ],
)
def test_names_are_set_as_a_textbook_sets_them(name, ndim, markup):
    assert notation.name_html(name, ndim).markup == markup


def test_formulas_keep_functions_upright_and_set_names_in_italics():
    html = notation.formula_html("∂h₁/∂x = cos(x)·h₁", {"h₁": 0, "x": 1}).markup
    assert html == "∂<I>h</I><SUB>1</SUB>/∂<B><I>x</I></B> = cos(<B><I>x</I></B>)·<I>h</I><SUB>1</SUB>"


@given(
    st.text("xyWKs in∂/=·()ᵀ²₁₂^_+−", max_size=24),
    st.sets(st.text("xyWsin₁ᵀ", min_size=1, max_size=3), max_size=5),
)
def test_formulas_are_cut_at_the_longest_name_that_is_whole(formula, names):
    longest_first = sorted(names, key=len, reverse=True)
    whole = [re.escape(name) + r"(?![^\W\d_²³¹⁰⁴-⁹ᵀ])" for name in longest_first]
    pattern = re.compile("|".join([*whole, notation._WORD.pattern]), re.DOTALL)
    assert list(notation._pieces(formula, longest_first)) == pattern.findall(formula)


def test_raised_digits_are_all_set_in_the_figures_font():
    html = notation.formula_html("∂y/∂x = −0.5·x⁻¹·⁵ + W₁ᵀ·sin(s)²", {"x": 0, "y": 0, "W₁ᵀ": 2, "s": 0}).markup
    assert html == (
        "∂<I>y</I>/∂<I>x</I> = −0.5·<I>x</I><SUP>−1.5</SUP> + <B><I>W</I></B><SUB>1</SUB><SUP>T</SUP>"
        "·sin(<I>s</I>)<SUP>2</SUP>"
    )
    assert notation.symbol_html("(·)ᵀ", 17).markup == '(·)<SUP><FONT POINT-SIZE="13">T</FONT></SUP>'


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_text_becomes_well_formed_markup(text):
    html = dot.bold(dot.italic(dot.text(text))).markup.replace("&#160;", " ")
    ElementTree.fromstring(f"<r>{html}</r>")
    ElementTree.fromstring(f"<r>{notation.name_html(text).markup.replace('&#160;', ' ')}</r>")


@pytest.mark.parametrize(
    "name",
    ["<b>&\"'", "a\nb\tc", "\x00\x07\x1b[31m", "🙂", "x" * 10_000, "\\N\\", "\ud800", "&lt;", "", "]]>", "日本語"],
)
def test_any_name_is_drawn(name):
    graph = dot.Digraph()
    graph.node("n1", label=notation.name_html(name))
    graph.node("n2", label=name)
    graph.edge("n1", "n2")
    assert render_with_warnings(graph.source(), "svg")[1] == []


def test_long_names_are_shortened():
    assert len(notation.tidy_name("x" * 10_000)) == notation.LONGEST_NAME
    assert len(dot.clean("y" * 10_000)) == dot.LONGEST_TEXT


def test_the_same_calls_give_the_same_dot():
    def build():
        graph = dot.Digraph(rankdir="LR", splines=True)
        graph.begin("cluster_a", label="a group")
        graph.node("node", width=0.123456789)
        graph.end()
        graph.same_rank(["node", "b c"])
        return graph.source()

    assert build() == build()
    assert '"node" [width=0.123457]' in build()


def test_widths_are_those_of_the_font():
    from fontTools.ttLib import TTFont

    from viz.drawing.fonts import FACES, font_folder

    for bold in (False, True):
        for style in ("normal", "italic"):
            with TTFont(font_folder() / FACES[style, "bold" if bold else "normal"]) as font:
                letters, advances = font.getBestCmap(), font["hmtx"]
                for letter in map(chr, range(32, 127)):
                    assert text_width(letter, 1000, bold) >= advances[letters[ord(letter)]][0] - 1, (
                        letter,
                        style,
                        bold,
                    )


def test_heat_is_one_fixed_scale():
    scale = HeatScale(low=-12, high=0)
    widths = [LIGHT.stroke(10.0**-n, scale).width for n in range(14)]
    assert widths[0] == scale.thick
    assert widths[12] == widths[13] == scale.thin
    steps = np.diff(widths[:13])
    assert np.allclose(steps, steps[0], atol=0.011)
    assert LIGHT.stroke(0.0).style == "dashed"
    assert LIGHT.stroke(math.nan).style == LIGHT.stroke(math.inf).style == "dotted"


def test_themes_differ_in_colour_only_where_they_must():
    assert COLORBLIND.value != LIGHT.value
    assert COLORBLIND.number_size == LIGHT.number_size
    sizes = [
        LIGHT.name_size,
        LIGHT.number_size,
        LIGHT.symbol_size,
        LIGHT.note_size,
        LIGHT.small_size,
        notation.SMALLEST,
    ]
    assert min(sizes) >= 12
