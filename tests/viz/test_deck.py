"""The deck: what it is, and each form in which it is saved, read back."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import minidl
import viz
from minidl.errors import RenderError, UsageError
from viz.deck.animation import LAST_SECONDS
from viz.deck.beamer import beamer, latex_text
from viz.deck.deck import Deck, Frame
from viz.deck.pages import render_frames, svg_pages
from viz.drawing.figure import Figure
from viz.drawing.theme import DARK, LIGHT, Theme

SVG = "{http://www.w3.org/2000/svg}"


def frame(index: int, theme: Theme = LIGHT, **more: Any) -> Frame:
    x, y = minidl.scalar(10.0**index, name="x"), minidl.scalar(-4.0, name="y")
    figure = viz.draw((x * y).named("f"), grads=index % 2 == 0, theme=theme)
    part = "forward" if index < 2 else "backward"
    return Frame(figure, f"step {index}", f"Here × sends {index} back.", part, **more)


@pytest.fixture
def deck() -> Deck:
    """Four frames of unlike sizes."""
    asking = frame(1, question="What is ∂f/∂x?", answer="−4")
    return Deck([frame(0), asking, frame(2), frame(3)], title="A product", text="x times y")


def test_it_is_a_sequence(deck: Deck) -> None:
    assert len(deck) == 4
    assert [each.step for each in deck] == ["step 0", "step 1", "step 2", "step 3"]
    assert deck[-1] is deck.frames[3]
    part = deck[1:3]
    assert isinstance(part, Deck)
    assert [each.step for each in part] == ["step 1", "step 2"]
    assert (part.title, part.theme) == (deck.title, deck.theme)
    with pytest.raises(IndexError):
        deck[4]
    with pytest.raises(UsageError, match="at least one frame"):
        Deck([])


def test_sections_follow_the_parts(deck: Deck) -> None:
    assert deck.parts() == [("forward", 0, 2), ("backward", 2, 4)]
    again = Deck([*deck, frame(0)])
    assert [name for name, _, _ in again.parts()] == ["forward", "backward", "forward"]


def test_the_narration_tells_everything_in_order(deck: Deck) -> None:
    told = deck.narration()
    wanted = ["# A product", "x times y", "## forward", "**1. step 0**", "Here × sends 0 back.", "**2. step 1**"]
    wanted += ["Question: What is ∂f/∂x?", "## backward", "**3. step 2**", "Answer: −4", "Here × sends 2 back."]
    places = [told.index(words) for words in wanted]
    assert places == sorted(places)


def test_a_frame_stays_as_long_as_it_takes_to_read() -> None:
    silent, talkative = (replace(frame(0), narration="word " * count) for count in (0, 20))
    assert 1 < silent.seconds < talkative.seconds < replace(talkative, question="Why?").seconds
    assert replace(silent, narration="word " * 10_000).seconds < 15


# The folder -----------------------------------------------------------------------------------------------------------


def view_box(content: str) -> tuple[float, ...]:
    root = ElementTree.fromstring(content)
    return float(root.get("width", "")[:-2]), float(root.get("height", "")[:-2])


def test_a_folder_of_svg(deck: Deck, tmp_path: Path, kind: str) -> None:
    folder = deck.save(f"{tmp_path / 'frames'}{os.sep}")
    files = sorted(path.name for path in folder.iterdir())
    assert files == ["frame-01.svg", "frame-02.svg", "frame-03.svg", "frame-04.svg", "narration.md"]
    contents = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.svg"))]
    assert len(set(map(view_box, contents))) == 1
    for each, content in zip(deck, contents, strict=True):
        root = ElementTree.fromstring(content)
        assert "".join(root.find(f"{SVG}desc").itertext()) == each.figure.text
        assert content.count("@font-face") == 2
    assert (folder / "narration.md").read_text(encoding="utf-8").startswith("# A product")
    own = [view_box(each.figure.svg()) for each in deck]
    assert view_box(contents[0]) == pytest.approx([max(sizes) for sizes in zip(*own, strict=True)], abs=1)


def test_a_smaller_frame_is_widened_to_both_sides_in_the_paper_s_colour() -> None:
    wide, narrow = (
        Figure(f'digraph {{ bgcolor="{DARK.paper}"; a [width={width}, fixedsize=true] }}') for width in (4, 1)
    )
    pages = svg_pages(Deck([Frame(wide, "wide"), Frame(narrow, "narrow")], theme=DARK))
    sheet = ElementTree.fromstring(pages[1].content)
    left, top, width, height = map(float, sheet.get("viewBox").split())
    assert (width, height) == (pages[0].width, pages[0].height)
    background = sheet.find(f"{SVG}rect")
    assert [float(background.get(name)) for name in ("x", "y", "width", "height")] == [left, top, width, height]
    assert background.get("fill") == DARK.paper
    assert left == pytest.approx(-(4 - 1) * 72 / 2, abs=1)
    assert "<rect" not in pages[0].content


def test_frames_of_one_size_are_left_as_they_are() -> None:
    x = minidl.scalar(2.0, name="x")
    figure = viz.draw((x * x).named("f"))
    pages = svg_pages(Deck([Frame(figure, "a"), Frame(figure, "b")]))
    assert pages[0].content == pages[1].content == figure.svg()


@pytest.mark.parametrize("format", ["png", "pdf", ".PNG"])
def test_a_folder_of_pictures_of_one_size(deck: Deck, tmp_path: Path, format: str) -> None:
    from PIL import Image
    from pypdf import PdfReader

    suffix = format.lower().removeprefix(".")
    deck.save(tmp_path, format=format)
    paths = sorted(tmp_path.glob(f"*.{suffix}"))
    assert len(paths) == 4
    if suffix == "pdf":
        pages = [PdfReader(path).pages[0] for path in paths]
        sizes = {(float(page.mediabox.width), float(page.mediabox.height)) for page in pages}
    else:
        sizes = set()
        for path in paths:
            with Image.open(path) as image:
                sizes.add(image.size)
    assert len(sizes) == 1


def test_a_folder_in_any_format_that_a_figure_has(deck: Deck, tmp_path: Path) -> None:
    deck.save(tmp_path, format="dot")
    assert (tmp_path / "frame-03.dot").read_text(encoding="utf-8") == deck[2].figure.dot
    with pytest.raises(UsageError, match="bmp"):
        deck.save(tmp_path, format="bmp")


def test_a_shorter_deck_leaves_no_frames_of_a_longer_one(deck: Deck, tmp_path: Path) -> None:
    mine = tmp_path / "frame-mine.svg"
    mine.write_text("mine")
    deck.save(tmp_path)
    deck[:2].save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "frame-01.svg",
        "frame-02.svg",
        "frame-mine.svg",
        "narration.md",
    ]


# PDF and Beamer -------------------------------------------------------------------------------------------------------


def test_a_pdf_with_a_page_a_frame(deck: Deck, tmp_path: Path, kind: str) -> None:
    from pypdf import PdfReader

    reader = PdfReader(deck.save(tmp_path / "deck.pdf"))
    assert len(reader.pages) == 4
    assert len({(page.mediabox.width, page.mediabox.height) for page in reader.pages}) == 1
    for value, page in zip(("1", "10", "100", "1000"), reader.pages, strict=True):
        assert re.search(rf"\b{value}\b", page.extract_text())
    assert reader.metadata.title == "A product"
    assert reader.metadata.subject == "x times y"
    assert reader.page_labels == ["forward 1", "forward 2", "backward 1", "backward 2"]
    outline = reader.outline
    assert [entry.title for entry in outline if not isinstance(entry, list)] == ["forward", "backward"]
    steps = [entry for group in outline if isinstance(group, list) for entry in group]
    assert [step.title for step in steps] == ["1. step 0", "2. step 1", "3. step 2", "4. step 3"]
    assert [reader.get_destination_page_number(step) for step in steps] == [0, 1, 2, 3]


def test_the_same_deck_gives_the_same_pdf(deck: Deck, tmp_path: Path) -> None:
    first, second = (deck.save(tmp_path / name).read_bytes() for name in ("a.pdf", "b.pdf"))
    assert first == second


def test_in_a_pdf_a_smaller_frame_lies_on_the_paper_s_colour(tmp_path: Path) -> None:
    from pypdf import PdfReader

    wide, narrow = (Figure(f"digraph {{ a [width={width}, fixedsize=true] }}") for width in (4, 1))
    path = Deck([Frame(wide, "a"), Frame(narrow, "b")], theme=DARK).save(tmp_path / "deck.pdf")
    page = PdfReader(path).pages[1]
    red = int(DARK.paper[1:3], 16) / 255
    assert page.get_contents().get_data().startswith(f"q {red:.4f} ".encode())
    assert float(page.mediabox.left) == pytest.approx(-(4 - 1) * 36, abs=1)


def test_beamer_plays_every_page_and_notes_what_is_said(deck: Deck, tmp_path: Path) -> None:
    deck.save(tmp_path / "my_deck.pdf")
    snippet = (tmp_path / "my_deck-beamer.tex").read_text(encoding="utf-8")
    for number in range(1, 5):
        assert rf"\only<{number}>{{\includegraphics[page={number}," in snippet
        assert rf"\note<{number}>{{" in snippet
    assert r"\detokenize{my_deck.pdf}" in snippet
    assert r"\note<2>{What is $\partial$f/$\partial$x?\par Here $\times$ sends 1 back.}" in snippet
    assert r"\note<3>{Answer: $-$4\par Here" in snippet
    played = [line for line in snippet.splitlines() if line.startswith("  \\") and "centering" not in line]
    assert len(played) == 8
    assert all("}%" in line for line in played), "a space between the pictures would push them aside"


@pytest.mark.parametrize(
    ("plain", "latex"),
    [
        (
            r"50% of $x_1$ & #2 {~^}\input",
            r"50\% of \$x\_1\$ \& \#2 \{\textasciitilde{}\textasciicircum{}\}\textbackslash{}input",
        ),
        ("x₁² = 10⁻³", "x$_{1}$$^{2}$ $=$ 10$^{-}$$^{3}$"),
        ("σ′(𝐖xᵀ) ≤ ‖v‖", r"$\sigma$$'$($\mathbf{W}$x$^{T}$) $\leq$ $\Vert$v$\Vert$"),
        ("café\nצ 😀", "café [U+05E6] [U+1F600]"),
    ],
)
def test_latex_of_plain_text(plain: str, latex: str) -> None:
    assert latex_text(plain) == latex


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles_the_snippet_whatever_is_said(deck: Deck, tmp_path: Path) -> None:
    from pypdf import PdfReader

    if subprocess.run(["kpsewhich", "beamer.cls"], capture_output=True, check=False).returncode:
        pytest.skip("needs beamer")
    letters = "".join(
        map(chr, [*range(1, 0x250), *range(0x370, 0x400), *range(0x2000, 0x2300), *range(0x1D400, 0x1D500)])
    )
    said = [letters[start : start + 500] for start in range(0, len(letters), 500)]
    wild = Deck(
        [replace(deck[0], narration=words, step="%\\}{") for words in said], title="50 % of $x_1$ \\end{document}"
    )
    wild.save(tmp_path / "a deck_1.pdf")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a deck_1-beamer.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode("latin-1")[-2000:]
    (document,) = [path for path in tmp_path.glob("*.pdf") if path.stem.strip('"').endswith("-beamer")]
    assert len(PdfReader(document).pages) == len(said)
    assert "show notes" in beamer(wild, "x.pdf")


# GIF ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_an_animation_that_repeats_in_the_theme_s_colours(tmp_path: Path, theme: Theme) -> None:
    from PIL import Image

    deck = Deck([frame(index, theme) for index in range(4)], theme=theme)
    with Image.open(deck.save(tmp_path / "deck.gif")) as image:
        assert image.n_frames == 4
        assert image.info["loop"] == 0
        durations = []
        for index, each in enumerate(deck):
            image.seek(index)
            durations.append(image.info["duration"] / 1000)
            shown = image.convert("RGB")
            assert shown.getpixel((1, 1)) == tuple(bytes.fromhex(theme.paper[1:]))
            colors = {color for _, color in shown.getcolors(1 << 20)}
            assert tuple(bytes.fromhex(theme.value[1:])) in colors
            assert durations[-1] == pytest.approx(each.seconds + (LAST_SECONDS if index == 3 else 0), abs=0.01)


def test_an_animation_is_no_wider_than_a_slide(tmp_path: Path) -> None:
    from PIL import Image

    figure = Figure("digraph { a [width=30, fixedsize=true] }")
    with Image.open(Deck([Frame(figure, "a")]).save(tmp_path / "deck.gif")) as image:
        assert image.width <= 1900


# What can go wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["deck.svg", "deck.png", "deck.mp4", "deck.v2"])
def test_an_unknown_ending_says_what_there_is(deck: Deck, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"\.pdf, \.html or \.gif.*folder"):
        deck.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_a_dot_in_its_name_is_a_folder(deck: Deck, tmp_path: Path) -> None:
    assert (deck[:1].save(f"{tmp_path}/deck.v2/") / "frame-01.svg").is_file()
    assert (deck[:1].save(tmp_path / "deck.v2") / "frame-01.svg").is_file()


@pytest.mark.parametrize("name", ["deck.pdf", "deck.html", "deck.gif", "frames/"])
def test_a_place_that_cannot_be_written_is_named(deck: Deck, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="cannot write the deck") as caught:
        deck[:1].save(f"{tmp_path}/file/{name}")
    assert "file" in str(caught.value.filename)


def test_a_folder_that_is_a_file_is_refused(deck: Deck, tmp_path: Path) -> None:
    (tmp_path / "frames").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        deck.save(tmp_path / "frames")


@pytest.mark.parametrize("name", ["deck.pdf", "deck.html", "deck.gif", "frames"])
def test_a_frame_that_cannot_be_drawn_is_named_and_nothing_is_written(deck: Deck, tmp_path: Path, name: str) -> None:
    bad = Deck([deck[0], Frame(Figure("digraph { a [label=<<b>] }"), "the bad one")])
    with pytest.raises(RenderError, match=r"frame 2 of the deck \(the bad one\)"):
        bad.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_who_waits_at_a_terminal_is_told(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("viz.deck.pages.PATIENCE", 1e9)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    render_frames(deck, lambda each: each.step)
    assert "drawing" not in terminal.getvalue(), "quick work is silent"
    monkeypatch.setattr("viz.deck.pages.PATIENCE", -1)
    assert render_frames(deck, lambda each: each.step) == ["step 0", "step 1", "step 2", "step 3"]
    assert "drawing the frames" in terminal.getvalue()


def test_without_an_engine_a_notebook_has_the_words(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "none")
    shown = deck._repr_mimebundle_()
    assert set(shown) == {"text/plain"}
    assert "Here × sends 0 back." in shown["text/plain"]
    assert "pygraphviz" in shown["text/plain"]
