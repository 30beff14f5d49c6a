"""A figure's files and its geometry."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import minidl
import viz
from minidl.errors import MissingEngineError, RenderError, UsageError
from viz.drawing.figure import SUFFIXES, Figure
from viz.drawing.geometry import parse
from viz.drawing.theme import THEMES

from .geometry import clipped, meeting

BOXES = "node [shape=box, fontsize=14, width=1, height=0.5, fixedsize=true]; "
PLAIN = "digraph { graph [rankdir=LR, splines=line]; " + BOXES


def test_a_plain_figure_has_no_faults(kind, faults):
    assert faults(Figure(PLAIN + "a [label=left]; b [label=right]; a -> b }")) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('a [pos="50,50!", label=under, shape=none]; b [pos="58,52!", label=over, shape=none]', "overlap"),
        ('a [pos="50,50!", label="far too long for its box", shape=none, width=0.1]', "sticks out"),
        ('a [pos="50,50!", label=tiny, fontsize=9]', "9 pt"),
        ('a [pos="50,50!", label=struck]; b [pos="0,50!", label=""]; c [pos="300,50!", label=""]; b -> c', "touches"),
        ('a [pos="50,50!", label=hidden]; b [pos="50,50!", label="", style=filled, fillcolor="#ff0000"]', "covers"),
    ],
)  # fmt: skip
def test_an_eye_for_faults(kind, body, fault, faults):
    figure = Figure(PLAIN.replace("splines=line", "splines=line, inputscale=72") + body + " }", layout="neato")
    assert any(fault in said for said in faults(figure)), faults(figure)


def test_nodes_that_meet(kind):
    figure = Figure(PLAIN.replace("]", ", inputscale=72]", 1) + 'a [pos="50,50!"]; b [pos="90,60!"] }', layout="neato")
    assert meeting(figure.geometry()) == ["nodes a and b overlap"]


# Files -----------------------------------------------------------------------------------------------------------------


def circuit(*names: str, theme: str = "light") -> Figure:
    values = [minidl.scalar(1.5 + i, name=name) for i, name in enumerate(names)]
    return viz.draw(minidl.exp(values[0] * values[-1]), theme=theme, title=names[0] or None)


class Page(HTMLParser):
    """The elements of a page, and whether they are closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_is_saved(kind, suffix, tmp_path):
    path = circuit("x", "y").save(tmp_path / "new" / f"figure{suffix.upper()}")
    start = {".svg": b"<?xml", ".pdf": b"%PDF", ".png": b"\x89PNG", ".html": b"<!DOC", ".tex": b"% x", ".dot": b"digr"}
    assert path.read_bytes().startswith(start[suffix])
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_page_has_the_picture_the_narration_and_the_words(kind):
    figure = circuit("x", "y")
    page = Page(figure.html())
    assert page.texts["li"] == list(figure.steps)
    assert figure.text in page.texts["p"]
    assert page.texts["h1"] == [figure.title]
    tags = [tag for tag, _ in page.seen]
    assert tags.count("svg") == 1
    assert "desc" in tags
    assert not {"script", "link", "img", "iframe"} & set(tags)
    assert "url(http" not in figure.html()


@pytest.mark.parametrize("theme", ["light", "dark", "print", "colorblind"])
def test_a_page_has_the_colors_of_its_figure(kind, theme):
    html = circuit("x", "y", theme=theme).html()
    assert f"--paper: {THEMES[theme].paper};" in html
    assert f"color-scheme: {'dark' if theme == 'dark' else 'light'};" in html


# Names -----------------------------------------------------------------------------------------------------------------

ODD = [
    "", " ", '"', "'", "<", ">", "&", "]", "]]>", "\\", "\\\\", "\\N", "\n", "\r\n", "\t", "\x00", "\x1b[31m", "\ud800",
    "\ufffe", "🙂", "👩‍👩‍👧", "שלום", "مرحبا", "\u202eabc", "日本語", "x" * 10_000, "</TABLE>", "&amp;", "&#0;", "%", "$", "{",
    "}", "#", "~", "^", "_", "a_b_c", "x\u0301" * 50, "<!--", "-->", "</svg><script>", "${x}", "\\end{document}", "^^M",
    "ĳ",
]  # fmt: skip


def holds(figure: Figure) -> None:
    root = ElementTree.fromstring(figure.svg())
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    geometry = figure.geometry()
    assert set(geometry.nodes)
    assert clipped(geometry) == []
    tex = figure.tex()
    picture = re.sub(r"^%.*\n", "", tex[tex.index("%\n") :], flags=re.MULTILINE)
    assert picture.isascii()
    assert tex.count(r"\enddocument") == 1
    assert r"\end{document}" not in picture
    Page(figure.html())


@pytest.mark.parametrize(("first", "second"), [*zip(ODD[::2], ODD[1::2], strict=True)])
def test_odd_names_are_drawn(kind, first, second):
    holds(circuit(first, second))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=30), st.text(st.characters(codec=None, exclude_categories=())))
def test_any_names_are_drawn(kind, first, second):
    holds(circuit(first, second))


def test_the_letters_of_a_name_are_all_there(kind):
    """Two backslashes are two, and what follows them is not lost."""
    name = 'a\\\\b\\"c'
    figure = circuit(name, "y")
    assert name in {line.text for line in figure.geometry().lines}
    assert r"\textbackslash{}\textbackslash{}" in figure.tex()
    assert name in {text.text for text in ElementTree.fromstring(figure.svg()).iter("{http://www.w3.org/2000/svg}text")}


# Failures --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["figure", "figure.jpg", "figure.", ".svg", "figure.svg.gz", "x\0.svg", "x\ud800.svg"])
def test_a_name_that_no_figure_can_have_is_refused(name, tmp_path):
    with pytest.raises(UsageError, match="cannot save a figure as"):
        circuit("x", "y").save(f"{tmp_path}/{name}")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "a.svg").mkdir()
    with pytest.raises(OSError, match=r"cannot write the figure: .*a\.svg"):
        circuit("x", "y").save(tmp_path / "a.svg")
    assert [file.name for file in tmp_path.iterdir()] == ["a.svg"]


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "a").write_text("", encoding="utf-8")
    with pytest.raises(OSError, match=r"cannot write the figure: .*b\.svg"):
        circuit("x", "y").save(tmp_path / "a" / "b.svg")


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(OSError, match="cannot write the figure: "):
        circuit("x", "y").save(tmp_path / ("x" * 300 + ".dot"))


def test_a_write_protected_file_is_kept(tmp_path):
    path = tmp_path / "a.dot"
    path.write_text("mine", encoding="utf-8")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match=r"cannot write the figure: the file is write-protected: .*a\.dot"):
        circuit("x", "y").save(path)
    assert path.read_text(encoding="utf-8") == "mine"
    path.chmod(0o644)
    assert circuit("x", "y").save(path).read_text(encoding="utf-8").startswith("digraph")
    assert [file.name for file in tmp_path.iterdir()] == ["a.dot"]


@pytest.mark.parametrize("dpi", [0, -1, 1e9, float("nan")])
def test_dots_that_cannot_be(dpi, tmp_path):
    with pytest.raises(UsageError, match="dots an inch"):
        circuit("x", "y").save(tmp_path / "a.png", dpi=dpi)


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png", ".html", ".tex"])
def test_without_an_engine_the_remedy_is_named_and_nothing_written(suffix, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "none")
    figure = circuit("x", "y")
    with pytest.raises(MissingEngineError, match="pip install"):
        figure.save(tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []
    assert figure.save(tmp_path / "a.dot").is_file()


@pytest.mark.parametrize("method", ["svg", "pdf", "png", "html", "tex", "geometry"])
@pytest.mark.parametrize("dot", ["digraph { a -> ", "digraph { a [label=<<TABLE>>] }", "\0", "\ud800", "[" * 10_000])
def test_dot_that_is_none(kind, method, dot):
    with pytest.raises(RenderError):
        getattr(Figure(dot), method)()


def test_cycles_loops_and_many_edges_are_drawn(kind):
    figure = Figure("digraph { a -> b -> c -> a; a -> a; a -> b; a -> b; b -> a }")
    assert set(figure.geometry().nodes) == {"a", "b", "c"}
    assert figure.tex().count("% a->b") == 3


def test_a_huge_graph_is_given_up_in_time(kind):
    edges = "; ".join(f"n{i} -> n{(i * 7919 + j) % 3000}" for i in range(3000) for j in range(4))
    start = time.monotonic()
    with pytest.raises(RenderError, match="needed more than 1 s"):
        Figure(f"digraph {{ {edges} }}", time_limit=1).svg()
    assert time.monotonic() - start < 20


def test_an_answer_that_cannot_be_read():
    for content in ("", "[]", "{", '{"bb": "0,0"}', '{"bb": "0,0,1,1", "objects": [{"pos": "x"}]}', b"\xff"):
        with pytest.raises(RenderError, match="cannot be read"):
            parse(content)
