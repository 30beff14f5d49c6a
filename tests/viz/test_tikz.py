"""A figure as TikZ: everything that Graphviz draws is there, and LaTeX can read all of it."""

from __future__ import annotations

import json
import re
import shutil
import string
import subprocess
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
import viz
from minidl.errors import RenderError
from viz.drawing import engine, letters
from viz.drawing.figure import Figure
from viz.drawing.geometry import Box, Geometry, guarded
from viz.drawing.tikz import document
from viz.passes.draw import draw_passes

needs_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")

HOSTILE = 'a\\b\\\\"q"<&>{$}%#_~^\nc'


def circuit(theme="light"):
    w = minidl.tensor([[1.0, -2.0], [3.0, 0.5]], requires_grad=True, name="W")
    x = minidl.tensor([2.0, -1e-9], requires_grad=True, name="x_1")
    return viz.draw(((w @ x).tanh().named("a") ** 2).sum().named("loss"), theme=theme)


def scalars(*names):
    values = [minidl.scalar(1.5 + i, name=name) for i, name in enumerate(names)]
    return viz.draw(minidl.exp(values[0] * values[-1]).named("f"))


def thermometer():
    x = minidl.scalar(0.5, name="x")
    for _ in range(3):
        x = minidl.sigmoid(x)
    return viz.thermometer(x)


def passes():
    model = minidl.nn.Sequential(minidl.nn.Linear(2, 3), minidl.nn.Tanh(), minidl.nn.Linear(3, 2))
    scores = model(minidl.tensor(np.ones((1, 2), "f")))
    return draw_passes(minidl.cross_entropy(scores, minidl.tensor([0])), model, caption="start · 50 %")


FIGURES = {
    "circuit": circuit,
    "dark": lambda: circuit("dark"),
    "hostile": lambda: scalars(HOSTILE, "日本🙂 שלום"),
    "thermometer": thermometer,
    "passes": passes,
    "styles": lambda: Figure(
        'digraph { graph [pad=0.2, bgcolor="#ffffff"]; subgraph cluster_a { label=outer; style="rounded,filled"; '
        'fillcolor="#eeeeff80"; a [label=<<B><I>v</I></B><SUB>1</SUB><SUP>2</SUP>>, style=dashed]; } '
        'b [shape=box, style="filled,dotted", penwidth=2.5, fontname="DejaVu Sans Mono"]; c [shape=point]; '
        'd [style=invis]; a -> b [label="5 %", style=dashed, dir=both, arrowtail=odot]; b -> c; c -> d [style=invis] }'
    ),
}


def operations(figure):
    content = json.loads(engine.render(guarded(figure.dot), "json", layout=figure.layout), strict=False)
    entries = [content, *content.get("objects", []), *content.get("edges", [])]
    return [op for entry in entries for key in entry if key.endswith("draw_") for op in entry[key]]


def body(tex):
    """What follows the colours: the picture, without its comments."""
    picture = tex[tex.index(r"\useasboundingbox") : tex.index(r"\end{tikzpicture}")]
    return re.sub(r"^%.*\n", "", picture, flags=re.MULTILINE)


@pytest.mark.parametrize("name", FIGURES)
def test_everything_drawn_is_there(kind, name):
    figure = FIGURES[name]()
    tex = body(figure.tex())
    strokes = [op for op in operations(figure) if op["op"] in "PpLBbEe"]
    assert len(re.findall(r"^\\(?:draw|fill|filldraw)\[", tex, re.MULTILINE)) == len(strokes)
    shown = sum(bool(run.text.strip()) for line in figure.geometry().lines for run in line.runs)
    assert shown == sum(bool(op["text"].strip()) for op in operations(figure) if op["op"] == "T")
    assert len(re.findall(r"^\\node", tex, re.MULTILINE)) == len(figure.geometry().lines)


@pytest.mark.parametrize("name", FIGURES)
def test_it_is_well_formed(kind, name):
    tex = FIGURES[name]().tex()
    assert body(tex).isascii()
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", re.sub(r"^%.*\n", "", tex, flags=re.MULTILINE)):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    for line in body(tex).splitlines():
        assert len(re.findall(r"(?<!\\)\$", line)) % 2 == 0, line
        assert not re.search(r"(?<!\\)[%#&]", line), line
    used = set(re.findall(r"minidl[0-9A-F]{6}", body(tex)))
    assert used == set(re.findall(r"\\definecolor\{(minidl[0-9A-F]{6})\}", tex))


def test_every_word_of_the_svg_is_in_it(kind):
    figure = circuit()
    found = re.findall(r"<text[^>]*>([^<]+)</text>", figure.svg())
    assert len(found) > 20
    tex = body(figure.tex())
    for text in found:
        for word in re.findall(r"[A-Za-z0-9.]+", text):
            assert word in tex, word


def test_mathematics_is_set_as_mathematics(kind):
    tex = body(circuit().tex())
    for formula in (r"$\boldsymbol{W}$", r"$\boldsymbol{x}\down{15}{$1$}$", r"{$-2$}", r"10\up{12}{$-5$}"):
        assert formula in tex, formula
    assert re.search(r"\\size\{20\}\{\$\\mathit\{loss\}\$\}", tex)


def test_lines_keep_their_looks(kind):
    tex = body(FIGURES["styles"]().tex())
    assert "dash pattern=on 5bp off 2bp" in tex
    assert "dash pattern=on 1bp off 5bp" in tex
    assert "line width=2.5bp" in tex
    assert "fill opacity=0.502" in tex
    assert r"\ttfamily" in tex
    assert r"\boldsymbol{v}\down{14}{$1$}\up{14}{$2$}" in tex


def test_texts_stand_where_the_svg_has_them(kind):
    figure = thermometer()
    page = figure.geometry().page
    placed = re.findall(r'<text[^>]*text-anchor="start" x="([-\d.]+)" y="([-\d.]+)"[^>]*>σ</text>', figure.svg())
    nodes = re.findall(
        r"at \(([-\d.]+),([-\d.]+)\) \{\\fit\{([\d.]+)\}\{\\size\{\d+\}\{\$\\sigma\$\}\}\}", figure.tex()
    )
    assert len(placed) == len(nodes) == 3
    for (x, y), (u, v, width) in zip(placed, nodes, strict=True):
        assert float(x) == pytest.approx(float(u) - (float(width) - 4) / 2, abs=0.05)
        assert -float(y) == pytest.approx(float(v), abs=1.0)
    assert f"papersize={{{page.width:g}bp," in figure.tex()


def test_a_column_of_texts_stays_flush(kind):
    """LaTeX's letters are wider or narrower than Graphviz's: what is flush on the left or the right is held there."""
    rows = "".join(f'<TR><TD ALIGN="{{0}}">{word}</TD></TR>' for word in ("i", "wide", "wider"))
    label = '<<TABLE BORDER="0" CELLBORDER="0">' + rows + "</TABLE>>"
    for side, anchor in (("left", "base west"), ("right", "base east"), ("center", None)):
        figure = Figure(f"digraph {{ a [shape=plain, label={label.format(side)}] }}")
        found = re.findall(r"\\node\[text=\w+(?:, anchor=([\w ]+))?\] at \(([\d.]+)", figure.tex())
        assert {name or None for name, _ in found} == {anchor}, side
        assert len(found) == 3
        assert anchor is None or len({x for _, x in found}) == 1


def test_a_line_without_width_is_not_drawn(kind):
    tex = body(Figure('digraph { a [shape=box, penwidth=0, style=filled, fillcolor="#ff0000", label=""] }').tex())
    assert re.findall(r"\\(\w*(?:draw|fill))\[", tex) == ["fill", "fill"], "the paper and the box"


def test_the_same_figure_gives_the_same_text(kind):
    assert circuit().tex() == circuit().tex()


def test_a_page_larger_than_tex_can_have_is_refused():
    with pytest.raises(RenderError, match=r"too large for a page of TeX"):
        document(Geometry(Box(0, 0, 17_000, 10), {}, ()))


def test_special_letters_are_escaped():
    assert letters.latex(string.punctuation) == (
        "!{}''\\#$\\$$\\%\\&'()*+,{}-./:;$<$=$>$?@[\\textbackslash{}]\\^{}\\_\\`{}$\\{|\\}$\\~{}"
    )


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("−2×10⁻⁷", r"$-2{\times}10^{-7}$"),
        ("‖·‖²", r"$\|{\cdot}\|^{2}$"),
        ("σ′", r"$\sigma'$"),
        ("x²′", "x$^{2}{}'$"),
        ("Wᵀ", r"W$^{\mathrm{T}}$"),
        ("h₁₂", "h$_{12}$"),
        ("ℝ → ∞", r"$\mathbb{R}$ $\rightarrow$ $\infty$"),
        ("Größe é ł", r"Gr\"{o}\ss{}e \'{e} \l{}"),
        ("a -- b ''", "a -{}- b '{}'"),
        (" two  spaces ", r"\ two \ spaces\ "),
        ("21 664 %", r"$21$ $664$ \%"),
        ("ﬁ Ａ", "fi A"),
        ("日🙂ש", r"$\square\square\square$"),
        ("\u202e\u200dx", "x"),
    ],
)
def test_text_as_latex(text, source):
    assert letters.latex(text) == source


def test_greek_letters_have_names():
    for letter in "αβγδεζηθικλμνξπρςστυφχψωΓΔΘΛΞΠΣΥΦΨΩϵϕϑ":
        name = letters.latex(letter)
        assert re.fullmatch(r"\$\\[a-zA-Z]+\$", name), letter
        spoken = unicodedata.name(letter).split()[-1].lower().replace("lamda", "lambda")
        assert spoken in name.lower() or letter in "ςϑϕϵ", name


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.booleans(), st.booleans())
def test_any_text_becomes_balanced_ascii(text, italic, bold):
    source = letters.latex(text.replace("\n", " "), italic=italic, bold=bold)
    assert source.isascii()
    assert source.isprintable()
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", source.replace(r"\\", "")):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert len(re.findall(r"(?<!\\)\$", source)) % 2 == 0


def compiled(folder, source):
    (folder / "test.tex").write_text(source, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "test.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace", check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    return (folder / "test.pdf").read_bytes()


@needs_latex
@pytest.mark.parametrize("name", FIGURES)
def test_latex_sets_it_on_a_page_of_its_size(name, tmp_path):
    import io

    from pypdf import PdfReader

    figure = FIGURES[name]()
    pages = PdfReader(io.BytesIO(compiled(tmp_path, figure.tex()))).pages
    page = figure.geometry().page
    assert len(pages) == 1
    assert [float(x) for x in pages[0].mediabox[2:]] == pytest.approx([page.width, page.height], abs=0.1)


@needs_latex
def test_latex_sets_every_letter_that_has_a_name(tmp_path):
    tables = (letters._TEXT, letters._ORDINARY, letters._SPACED, letters._RAISED, letters._LOWERED)
    known = [letter for table in tables for letter in table]
    known += [unicodedata.normalize("NFC", base + accent) for accent in letters._ACCENTS for base in "aix"]
    texts = [
        letters.latex(letter, italic=it, bold=b) for letter in known for it in (False, True) for b in (False, True)
    ]
    texts += [letters.latex(a + b) for a in ("x", "²", "′", "₁", "-", "'", "−", "1") for b in known]
    head = r"\documentclass{article}\usepackage{amsmath,amssymb}\begin{document}\raggedright "
    compiled(tmp_path, head + "\n\n".join(texts) + r"\end{document}")


@needs_latex
def test_another_document_takes_it_in(tmp_path):
    circuit().save(tmp_path / "circuit.tex")
    source = (
        r"\documentclass{article}\usepackage{amsmath,amssymb,tikz}\begin{document}"
        r"\resizebox{.45\textwidth}{!}{\input{circuit}} and \resizebox{.4\textwidth}{!}{\input{circuit.tex}}\end{document}"
    )
    compiled(tmp_path, source)
