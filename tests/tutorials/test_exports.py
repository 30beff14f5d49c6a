"""A lesson as one page, as pictures of its screens, and as slides."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.text import Text

from minidl.errors import RenderError, UsageError
from tutorials.command import Terminal, run
from tutorials.export import shots, slides, webpage
from tutorials.learning.progress import Place
from tutorials.learning.recording import record
from tutorials.learning.session import Session
from tutorials.lesson import Lesson, Picture, Step
from tutorials.lessons.circuits import CIRCUITS
from tutorials.terminal import figures, screen
from viz.drawing.theme import DARK, LIGHT, PRINT, Theme

MakeTerminal = Callable[..., Terminal]
Learner = Callable[..., Session]
SVG = "{http://www.w3.org/2000/svg}"


def test_the_page_holds_the_whole_lesson_and_needs_nothing_else(learner: Learner) -> None:
    page = webpage.page(CIRCUITS)
    assert page.count("<section") == len(CIRCUITS.steps) + 1
    assert page.count("<summary>Answer</summary>") == sum(s.question is not None for s in CIRCUITS.steps)
    assert not re.search(r"(src|href)=\"https?:|@import|url\(http|<script", page)
    for index in range(len(CIRCUITS.steps)):
        for line in learner(CIRCUITS, index).snapshot.after.text:
            if "*" not in line and "   " not in line:
                assert line in page
    assert "<svg" in page
    assert "df_dq = z" in page


def test_the_page_shows_pictures_and_sketches(pictures: Lesson) -> None:
    page = webpage.page(pictures)
    ElementTree.fromstring(page.replace("<!DOCTYPE html>", "").replace('<meta charset="utf-8">', "").replace(
        '<meta name="viewport" content="width=device-width, initial-scale=1">', ""))  # fmt: skip
    assert page.count("<svg") == 4  # the bowl, two sketches, the rising line
    assert "<figcaption>A bowl whose lowest place is 0.</figcaption>" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_picture_that_cannot_be_drawn_leaves_its_words(pictures: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(value: object, theme: object) -> None:
        raise RenderError("no engine")

    monkeypatch.setattr(figures, "figure_of", fails)
    page = webpage.page(pictures)
    assert "A bowl whose lowest place is 0." in page
    assert "(It could not be drawn: no engine)" in page


def test_a_screen_as_a_picture_says_what_the_screen_says(lesson: Lesson, learner: Learner) -> None:
    session = learner(lesson, 1)
    rows = screen.frame(session, cursor=False)
    tree = ElementTree.fromstring(shots.shot(rows, "a < b"))
    spoken = "".join(text.text or "" for text in tree.iter(f"{SVG}text"))
    assert re.sub(r"\s", "", spoken) == re.sub(r"[\s▀]", "", "".join(row.plain for row in rows))
    width = float(tree.get("viewBox", "").split()[2])
    for text in tree.iter(f"{SVG}text"):
        assert float(text.get("x", "")) + float(text.get("textLength", "")) <= width
    assert tree.find(f"{SVG}title").text == "a < b"  # type: ignore[union-attr]


def test_half_blocks_become_rectangles() -> None:
    svg = shots.shot([Text.assemble(("▀▀", "#ff0000 on #0000ff"), " bold ", ("x", "bold green"))], "")
    assert '<rect x="12" y="12" width="18" height="10" fill="#ff0000"/>' in svg
    assert '<rect x="12" y="22" width="18" height="10" fill="#0000ff"/>' in svg
    assert 'font-weight="bold" fill="#1a7f45">x</text>' in svg


def test_the_command_writes_both(terminal: MakeTerminal, tmp_path: Path) -> None:
    t = terminal()
    assert run("circuits", html=tmp_path / "a" / "c.html", svg=tmp_path / "shots", terminal=t) == 0
    names = sorted(path.name for path in (tmp_path / "shots").iterdir())
    asked = sum(s.question is not None for s in CIRCUITS.steps)
    assert len(names) == len(CIRCUITS.steps) + asked
    assert names[1:3] == ["02-the-value-answered.svg", "02-the-value.svg"]
    assert (tmp_path / "a" / "c.html").exists()
    with pytest.raises(UsageError, match="need the lesson"):
        run(html=tmp_path / "d.html", terminal=terminal())


@pytest.fixture
def taken(terminal: MakeTerminal, learner: Learner, state: Path) -> None:
    """Three steps of Circuits: a wrong number and a hint before the right one, a wrong choice, an exercise still open."""
    number = str([step.name for step in CIRCUITS.steps].index("by-hand") + 1)
    keys = [
        "right",
        *"12",
        "enter",
        "?",
        *"-12",
        "enter",
        "right",
        "a",
        "enter",
        "g",
        *number,
        "enter",
        "enter",
        "left",
    ]
    assert run("circuits", terminal=terminal(keys)) == 0


def test_a_page_of_one_s_own_holds_what_one_answered_and_was_told(
    taken: None, terminal: MakeTerminal, tmp_path: Path
) -> None:
    t = terminal()
    assert run("circuits", html=tmp_path / "mine.html", terminal=t) == 0
    assert "with your answers (--clean" in t.out.getvalue().replace("\n", " ")  # type: ignore[attr-defined]
    page = (tmp_path / "mine.html").read_text(encoding="utf-8")
    assert "<li>12: Right size. One of the two numbers that meet at × is negative.</li><li>−12: right.</li>" in page
    assert "<li>[a] grows: So it seems: x is added, after all.</li>" in page
    assert page.count("You answered:") == 2
    assert "Hint 1 (taken)" in page
    assert page.count('<details open="">') == 2  # what is open is not given away
    assert "found          1" in page
    assert run("circuits", html=tmp_path / "clean.html", clean=True, terminal=terminal()) == 0
    assert (tmp_path / "clean.html").read_text(encoding="utf-8") == webpage.page(CIRCUITS)


def test_the_screens_of_one_s_own_are_those_one_saw(taken: None, terminal: MakeTerminal, tmp_path: Path) -> None:
    folder = tmp_path / "screens"
    assert run("circuits", svg=folder, terminal=terminal()) == 0
    names = sorted(path.stem for path in folder.iterdir())
    assert len(names) == len(CIRCUITS.steps) + 3
    assert names[1:6] == [
        "02-the-value", "02-the-value-answer-1", "02-the-value-answered", "03-turn-x-up", "03-turn-x-up-answered",
    ]  # fmt: skip
    assert "Right size." in (folder / "02-the-value-answer-1.svg").read_text(encoding="utf-8")
    assert "You said: grows." in (folder / "03-turn-x-up-answered.svg").read_text(encoding="utf-8")


def test_one_s_own_file_stands_in_the_page(terminal: MakeTerminal, tmp_path: Path, state: Path) -> None:
    number = str([step.name for step in CIRCUITS.steps].index("by-hand") + 1)
    run("circuits", terminal=terminal(["g", *number, "enter"]))
    file = state / "exercises" / "circuits-by-hand.py"
    file.write_text(file.read_text(encoding="utf-8").replace("df_dz = 0.0", "df_dz = q  # <mine>"), encoding="utf-8")
    run("circuits", terminal=terminal(["enter"]))
    run("circuits", html=tmp_path / "mine.html", terminal=terminal())
    assert "df_dz = q  # &lt;mine&gt;" in (tmp_path / "mine.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", [DARK, PRINT], ids=["dark", "print"])
def test_a_lesson_in_another_theme_has_none_of_the_light_one_s_paper(
    theme: Theme, pictures: Lesson, tmp_path: Path
) -> None:
    code = "import minidl, viz\nfrom viz import plots\nnode = minidl.scalar(2.0, name='a') * 3.0\ncircuit = viz.draw(node)\n"
    code += "plot = plots.learning_rates([0.01, 0.1], [0.9, 0.2])"
    names = ("node", "circuit", "plot")
    drawn = tuple(Step(name, code=code, picture=Picture(name, "It.")) for name in names)
    lesson = replace(pictures, steps=(*drawn, *pictures.steps))
    session = Session(lesson, record(lesson, theme), Place())
    slides.write(lesson, tmp_path, theme)
    for index in range(len(lesson.steps)):
        session.go(index)
        shown = {str(span.style) for row in screen.frame(session) for span in row.spans}
        assert any(theme.paper in style for style in shown)
        assert theme is PRINT or not any(LIGHT.paper in style for style in shown)
    for path in (tmp_path / "figures").glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        assert not any(colour in text for colour in (LIGHT.ink, LIGHT.local)), path.name
        assert theme.paper in text, path.name
    assert f"{{{theme.paper[1:].upper()}}}" in (tmp_path / "slides.tex").read_text(encoding="utf-8")


def test_an_unknown_theme(terminal: MakeTerminal) -> None:
    with pytest.raises(UsageError, match="the themes are light, dark"):
        run("circuits", theme="pink", terminal=terminal())


def test_auto_all_plays_every_lesson(terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[str] = []
    monkeypatch.setattr("tutorials.command._play", lambda lesson, *_: played.append(lesson.name))
    assert run("all", auto=True, terminal=terminal()) == 0
    from tutorials.lessons import LESSONS

    assert played == [lesson.name for lesson in LESSONS]
