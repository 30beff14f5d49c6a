"""For those who teach: slides, grading, a lesson of one's own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from minidl.app.main import app
from minidl.errors import DataError, UsageError
from tutorials.export import slides
from tutorials.learning import workbench
from tutorials.lesson import Lesson, Step
from tutorials.lessons.circuits import CIRCUITS
from tutorials.loading import find, from_file, program_of, write_new

BY_HAND = next(step for step in CIRCUITS.steps if step.name == "by-hand")


def call(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout


# A lesson of one's own ----------------------------------------------------------------------------------------------


def test_a_new_lesson_plays_as_it_stands(tmp_path: Path) -> None:
    code, said = call("lesson", "new", "batch-size", "-o", str(tmp_path))
    path = tmp_path / "batch_size.py"
    assert (code, said.splitlines()[0]) == (0, f"wrote {path}")
    lesson = find(str(path))
    assert (lesson.name, lesson.title) == ("batch-size", "Batch size")
    assert "TEMPLATE" not in path.read_text(encoding="utf-8")
    code, said = call("tutorial", str(path), "--auto", "--plain")
    assert code == 0
    assert "Batch size. Step 3 of 3." in said
    assert said.count("right.") == 1
    assert "You said: a bump. Yes" in said
    assert "Your file does what was asked." in said


def test_the_template_s_mistakes_are_told_apart(tmp_path: Path) -> None:
    from tutorials.learning.answers import evaluate, fill
    from tutorials.learning.recording import record

    snapshot = record(from_file(write_new("momentum", tmp_path)))[0]
    question = snapshot.step.question
    for mistake in question.mistakes:  # type: ignore[union-attr]
        said = snapshot.judge(repr(float(evaluate(mistake.value, snapshot.names)))).say
        assert said == fill(mistake.say, snapshot.names)
    assert "It climbs by about" in snapshot.judge("77").say


@pytest.mark.parametrize("name", ["Two Words", "7", "größe", "UPPER", "../up", ""])
def test_a_name_that_is_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a word in small letters"):
        write_new(name, tmp_path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    write_new("mine", tmp_path)
    with pytest.raises(UsageError, match="is there already"):
        write_new("mine", tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n", "should make one Lesson; it makes 0"),
        ("x = 1\ny = 1 / 0\n", "line 2: ZeroDivisionError"),
        ("x = (\n", "line 1: SyntaxError"),
    ],
)
def test_a_file_that_is_no_lesson(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(words)):
        from_file(path)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step("a", code="x = 1 / 0"), "step 1 (a) does not run: ZeroDivisionError"),
        (Step("b", say=("{nothing} is there",)), "step 1 (b) does not run: KeyError: 'nothing'"),
    ],
)
def test_a_step_that_does_not_run_is_named(step: Step, words: str) -> None:
    from tutorials.learning.recording import record

    with pytest.raises(DataError, match=re.escape(f"broken, {words}")):
        record(Lesson(9, "broken", "Broken", "See.", 1, 1, (step,)))[0]


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="there is no file"):
        find("nowhere.py")


# Grading ------------------------------------------------------------------------------------------------------------


def hand_in(folder: Path, body: str) -> Path:
    path = folder / "handed-in.py"
    path.write_text(workbench.source_of(CIRCUITS, BY_HAND, body), encoding="utf-8")
    return path


def test_a_right_file_is_graded(tmp_path: Path) -> None:
    code, said = call("check", str(hand_in(tmp_path, BY_HAND.question.solution)), "--json")  # type: ignore[union-attr]
    found = json.loads(said)
    assert code == 0
    assert (found["exercise"], found["right"], found["passed"], found["checks"]) == ("circuits/by-hand", True, 3, 3)


def test_a_wrong_file_is_told_its_first_failing_line(tmp_path: Path) -> None:
    path = hand_in(tmp_path, "def gradients(x, y, z):\n    return z, z, z\n")
    code, said = call("check", str(path))
    assert code == 1
    assert "Line 6:  return z, z, z" in said
    found = json.loads(call("check", str(path), "--json")[1])
    assert (found["passed"], found["line"], found["code"]) == (1, 6, "return z, z, z")


def test_a_file_of_no_exercise(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="does not say which exercise"):
        call("check", str(tmp_path / "a.py"))
    with pytest.raises(UsageError, match="has no exercise 'x'; it has by-hand"):
        program_of(("circuits", "x"))


# Slides -------------------------------------------------------------------------------------------------------------


def test_a_lesson_becomes_slides(pictures: Lesson, tmp_path: Path) -> None:
    told = slides.write(pictures, tmp_path)
    assert "4 figures, 0 decks, 3 screens" in told[0]
    tex = (tmp_path / "slides.tex").read_text(encoding="utf-8")
    assert tex.count(r"\begin{frame}[shrink]") == tex.count(r"\end{frame}") == len(pictures.steps)
    assert "[b] falling" in tex
    page = (tmp_path / "slides.html").read_text(encoding="utf-8")
    assert page.count("<section>") == len(pictures.steps) + 1
    assert not re.search(r"https?://(?!www\.w3)", page)
    for name in re.findall(r'src="([^"]+)"', page):
        ElementTree.parse(tmp_path / name)
    for name in re.findall(r"{(figures/[^}]+)}", tex):
        assert (tmp_path / name).read_bytes().startswith(b"%PDF")


def test_a_circuit_on_a_slide_does_not_give_the_answer_away() -> None:
    from tutorials.learning.recording import record

    recording = record(CIRCUITS)
    names = [step.name for step in CIRCUITS.steps]
    asked, known = (slides._shown(recording[names.index(name)])[0] for name in ("the-value", "turn-x-up"))
    assert "−12" not in asked.svg()
    assert "−12" in known.svg()


def test_a_deck_that_a_step_makes_comes_along(tmp_path: Path) -> None:
    code = "import minidl, viz\nx = minidl.scalar(2.0, name='x')\ndeck = viz.frames((x * x).named('f'))"
    lesson = Lesson(9, "square", "A square", "See.", 1, 1, (Step("moving", say=("Look.",), code=code, figure="deck"),))
    slides.write(lesson, tmp_path)
    assert (tmp_path / "decks" / "01-deck.pdf").exists()
    assert (tmp_path / "decks" / "01-deck-beamer.tex").exists()
    assert "decks/01-deck.html" in (tmp_path / "slides.html").read_text(encoding="utf-8")


def test_code_with_braces_and_greek_stands_on_a_slide() -> None:
    step = Step("a_b", say=("50 % of σ",), code="x = {'a': 1}\nif x:\n    y = 2")
    from tutorials.learning.recording import record

    lesson = Lesson(9, "braces", "Braces", "See.", 1, 1, (step,))
    tex = slides.beamer(lesson, [slides.Slide(snapshot, 1) for snapshot in record(lesson)])
    assert r"50 \% of $\sigma$" in tex
    assert r"\{'a': 1\}" in tex
    assert "~~~~y $=$ 2" in tex


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, Path, str]] = []
    monkeypatch.setattr(slides, "write", lambda *given: [written.append((given[0].name, *given[1:])) or "done"])
    assert call("slides", "2", "-o", str(tmp_path)) == (0, "done\n")
    assert written == [("circuits", tmp_path, "light")]
