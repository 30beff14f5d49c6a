"""Taking a lesson on the full screen: keys, hints, jumps, leaving and coming back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from minidl.errors import DataError, UsageError
from minidl.files import write_atomic
from tutorials import command
from tutorials.command import Terminal, run
from tutorials.learning import answers
from tutorials.learning.progress import Progress
from tutorials.learning.session import Session
from tutorials.lesson import Exercise, Lesson, Step
from tutorials.lessons.circuits import CIRCUITS
from tutorials.terminal import runner
from tutorials.terminal.views import code_rows

MakeTerminal = Callable[..., Terminal]
Learner = Callable[..., Session]


def drawn(terminal: Terminal) -> str:
    """Everything that the full screen showed, without the codes for colour and movement."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.console.file.getvalue())  # type: ignore[attr-defined]


def said(terminal: Terminal) -> str:
    return terminal.out.getvalue()  # type: ignore[attr-defined,no-any-return]


def take(terminal: Terminal, lesson: str = "circuits", **options: Any) -> str:
    assert run(lesson, terminal=terminal, **options) == 0
    return drawn(terminal)


def place(lesson: Lesson = CIRCUITS) -> Any:
    return Progress().places[lesson.key]


def all_right(lesson: Lesson, learner: Learner) -> list[str]:
    """The keys that take one through a lesson with every answer right."""
    keys: list[str] = []
    for index in range(len(lesson.steps)):
        session = learner(lesson, index)
        correct = session.snapshot.correct
        if session.file:
            write_atomic(session.file, correct)
            keys.append("enter")
        elif correct:
            keys += [*correct, "enter"]
        keys.append("right")
    return keys


def test_space_enter_and_arrows_step_on_and_back(terminal: MakeTerminal) -> None:
    take(terminal([" ", "left", "enter", "left", "right"]))
    assert place().step == 1


def test_back_at_the_first_step_stays(terminal: MakeTerminal) -> None:
    take(terminal(["left", "left"]))
    assert place().step == 0


def test_a_question_shows_a_mark_until_it_is_answered(terminal: MakeTerminal) -> None:
    before = take(terminal(["right"]))
    assert "│   ?" in before
    after = take(terminal([*"-12", "enter"]))
    assert "│   −12" in after
    assert "-12: right." in after.replace("−", "-")


def test_a_wrong_answer_is_diagnosed_and_asked_again(terminal: MakeTerminal) -> None:
    shown = take(terminal(["right", "1", "2", "enter"]))
    assert "Right size." in shown
    assert not place().answers["the-value"].settled
    assert place().answers["the-value"].given == ["12"]


def test_the_hints_grow_stronger(terminal: MakeTerminal) -> None:
    first, _ = CIRCUITS.steps[1].question.hints  # type: ignore[union-attr]
    shown = take(terminal(["right", "?"]))
    assert first in shown
    assert "with q = 3 and z = −4" not in shown
    assert "with q = 3 and z = −4" in take(terminal(["?"]))
    assert place().answers["the-value"].hints == 2


@pytest.mark.parametrize("key", ["enter", "right", " "])
def test_going_on_without_an_answer_hints_then_shows_then_goes_on(key: str, terminal: MakeTerminal) -> None:
    shown = take(terminal(["right", key]))
    assert "(Enter again shows the answer)" in shown
    shown = take(terminal([key]))
    assert "The answer is −12." in shown
    answer = place().answers["the-value"]
    assert (answer.settled, answer.right) == (True, False)
    take(terminal([key]))
    assert place().step == 2


def test_a_choice_waits_for_enter_and_the_reveal_is_not_skipped(terminal: MakeTerminal) -> None:
    t = terminal(["g", "3", "enter", "a"])
    take(t)
    assert "turn-x-up" not in place().answers
    assert " › a_" in drawn(t)
    take(terminal(["c", "B", "enter"]))
    assert place().step == 2
    assert place().answers["turn-x-up"].given == ["b"]


@pytest.mark.parametrize("keys", [["x"], ["a", "d", "enter"]])
def test_a_letter_that_is_no_option_is_refused(keys: list[str], terminal: MakeTerminal) -> None:
    assert "Answer with a, b or c." in take(terminal(["g", "3", "enter", *keys]))


def test_a_choice_is_run_not_refused(terminal: MakeTerminal) -> None:
    shown = take(terminal(["g", "3", "enter", "a", "enter"]))
    assert "You said: grows." in shown
    assert "f went from −12 to −12.4: it moved by −0.4. It shrank." in shown
    assert not place().answers["turn-x-up"].right


def test_backspace_mends_an_answer(terminal: MakeTerminal) -> None:
    take(terminal(["right", *"-13", "backspace", "2", "enter"]))
    assert place().answers["the-value"].given == ["-12"]


def test_space_is_part_of_an_answer_of_several_numbers(terminal: MakeTerminal) -> None:
    take(terminal(["right", *"-1 4", "enter"]), "tensors")
    assert json.loads((Progress().path).read_text(encoding="utf-8"))["lessons"]["tensors@2"]["answers"]["forward"][
        "right"
    ]


def test_jumping(terminal: MakeTerminal) -> None:
    shown = take(terminal(["g", "1", "2", "enter"]))
    assert "go to which step?" in shown
    assert place().step == 11
    take(terminal(["g", "9", "9", "enter"]))
    assert place().step == len(CIRCUITS.steps) - 1
    assert not place().finished
    take(terminal(["left", "g", "4", "escape"]))
    assert place().step == len(CIRCUITS.steps) - 2
    take(terminal(["g", "enter"]))
    assert place().step == len(CIRCUITS.steps) - 2


def test_the_code_is_shown_in_full_and_returns(terminal: MakeTerminal) -> None:
    shown = take(terminal(["g", "9", "enter", "r", "p", "left", "left", "right", "x"]))
    assert "The code that has run, up to step 9" in shown
    assert 'x = minidl.scalar(-2.0, name="x")' in shown
    assert "f.backward()" in shown
    assert place().step == 8


def test_the_code_page_does_not_give_an_open_answer_away(learner: Learner) -> None:
    session = learner(CIRCUITS, "turn-x-up")
    text = "\n".join(row.plain for row in code_rows(session))
    assert "and is now" not in text
    session.submit("a")
    text = "\n".join(row.plain for row in code_rows(session))
    assert "and is now" in text


def test_q_leaves_and_the_place_is_kept(terminal: MakeTerminal) -> None:
    t = terminal(["right", "q", "right", "right"])
    take(t)
    assert place().step == 1
    assert "your place is kept, step 2 of 15. To go on: minidl tutorial circuits" in said(t).replace("\n", " ")


def test_ctrl_c_leaves_and_the_place_is_kept(terminal: MakeTerminal) -> None:
    t = terminal(["right", *"-12", "enter", "ctrl-c"])
    assert run("circuits", terminal=t) == 130
    assert place().step == 1
    assert place().answers["the-value"].right
    assert t.keys.held is False  # type: ignore[attr-defined]
    assert t.console.file.getvalue().rstrip().endswith("\x1b[?1049l")  # type: ignore[attr-defined]


def test_ctrl_c_stops_an_exercise_and_not_the_lesson(terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    number = str([step.name for step in CIRCUITS.steps].index("your-turn") + 1)
    monkeypatch.setattr("tutorials.learning.recording.Snapshot.judge", stopped)
    shown = take(terminal(["g", *number, "enter", *"2.5", "enter", "left"]))
    assert "Stopped. The answer has not been taken; nothing is lost." in shown
    assert "your-turn" not in place().answers


def test_a_value_that_does_not_run_is_told() -> None:
    exercise = Exercise(("How many?",), "n", "row = [0] * n\nlast = row[n - 1]", "n == 3", ("a", "b"), (), "No.", "3")
    verdict = answers.judge(exercise, "2.5", {})
    assert not verdict.settled
    assert "With that it does not run: TypeError" in verdict.say


def test_a_broken_terminal_loses_nothing(terminal: MakeTerminal) -> None:
    class Broken:
        def __enter__(self) -> Broken:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def read(self) -> str:
            raise OSError("the terminal is gone")

    t = terminal()
    t.keys = Broken()
    with pytest.raises(OSError, match="the terminal is gone"):
        run("3", terminal=t)
    assert "tensors@2" in Progress().places


def test_a_new_size_and_a_lone_escape_only_redraw(terminal: MakeTerminal) -> None:
    take(terminal(["right", "resized", "escape", "up", "tab", "\t", "é", "\x1bx"]))
    assert place().step == 1
    assert "the-value" not in place().answers


def test_a_window_made_too_small_asks_for_room(terminal: MakeTerminal) -> None:
    t = terminal(["right"])
    keys = t.keys.keys  # type: ignore[attr-defined]

    def shrink() -> Iterator[str]:
        yield from keys
        t.console.size = (60, 20)  # type: ignore[assignment]
        yield "resized"
        t.console.size = (80, 24)  # type: ignore[assignment]
        yield "resized"

    t.keys.keys = shrink()  # type: ignore[attr-defined]
    shown = take(t)
    assert "This window is 60×20. The lesson needs 80×24" in shown
    assert shown.count("step 2 of 15") == 2


@pytest.mark.parametrize("keys", [[*"-12", "enter"], ["enter", "enter"], ["left"], ["g", "9", "enter"]])
def test_keys_in_a_window_too_small_do_not_count(keys: list[str], terminal: MakeTerminal) -> None:
    t = terminal(["right"])

    def shrunk(first: Iterator[str]) -> Iterator[str]:
        yield from first
        t.console.size = (60, 18)  # type: ignore[assignment]
        yield from keys
        yield "q"
        yield "right"  # after q nothing is read

    t.keys.keys = shrunk(t.keys.keys)  # type: ignore[attr-defined]
    take(t)
    assert place().step == 1
    assert place().answers == {}


def test_the_answers_are_still_there_on_coming_back(terminal: MakeTerminal) -> None:
    take(terminal(["right", *"-12", "enter", "right", "b", "enter", "q"]))
    shown = take(terminal([]))
    assert "You said: shrinks." in shown
    assert "-12: right." in take(terminal(["left"])).replace("−", "-")


def test_a_finished_lesson_begins_at_its_first_step_again(terminal: MakeTerminal, learner: Learner) -> None:
    take(terminal(all_right(CIRCUITS, learner)))
    take(terminal([]))
    assert place().step == 0
    assert place().finished


def test_every_frame_is_a_whole_screen(terminal: MakeTerminal, learner: Learner) -> None:
    """No frame has more than 24 rows or 80 columns, and none ends in a line feed, which would scroll it."""
    t = terminal(["r", "x", "g", "escape", *all_right(CIRCUITS, learner)])
    take(t)
    frames = drawn(t).split(" 2 · Circuits")
    assert len(frames) > 30
    raw = t.console.file.getvalue().split("\x1b[2J")  # type: ignore[attr-defined]
    for frame in raw[1:-1]:
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame)
        assert text.count("\n") == 23
        assert max(map(len, text.split("\n"))) <= 80


def test_no_color_says_the_same_without_colour(terminal: MakeTerminal) -> None:
    keys = ["right", "1", "2", "enter", "q"]
    plain, coloured = terminal(keys, no_color=True), terminal(keys)
    assert take(plain) == (run("reset", "circuits", terminal=terminal()), take(coloured))[1]
    assert "\x1b[32m" in coloured.console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[32m" not in plain.console.file.getvalue()  # type: ignore[attr-defined]


def test_the_figure_is_saved_and_its_path_shown(
    terminal: MakeTerminal, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viz = pytest.importorskip("viz")

    class Figure:
        def png(self, dpi: int) -> bytes:
            raise command.UsageError("not drawn")

        def save(self, path: Path) -> None:
            path.parent.mkdir()
            path.write_text("<svg/>", encoding="utf-8")

    monkeypatch.setattr(viz, "draw", lambda root, theme: Figure(), raising=False)
    shown = take(terminal(["g", "9", "enter", "f"]))
    path = state / "figures" / "circuits-one-pass.svg"
    assert path.exists()
    assert str(path) in shown.replace("\n   ", "")


def test_a_figure_that_cannot_be_made_is_no_dead_end(terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    viz = pytest.importorskip("viz")

    def fails(root: object, theme: object) -> None:
        raise command.UsageError("no Graphviz engine")

    monkeypatch.setattr(viz, "draw", fails, raising=False)
    shown = take(terminal(["g", "9", "enter", "f", "x", "right"]))
    assert "The figure could not be made: no Graphviz engine" in shown
    assert place().step == 9


# Which way a lesson is shown ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(79, 24), (80, 23), (40, 10)])
def test_a_small_terminal_says_so_and_goes_line_by_line(width: int, height: int, terminal: MakeTerminal) -> None:
    t = terminal(typed=["", "q"], width=width, height=height)
    assert run("circuits", terminal=t) == 0
    assert f"This terminal is {width}×{height}; the full screen needs 80×24" in said(t).replace("\n", " ")
    assert "Circuits. Step 2 of 15." in said(t)
    assert drawn(t) == ""


def test_a_dumb_terminal_goes_line_by_line(terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    t = terminal(typed=["q"])
    assert run("circuits", terminal=t) == 0
    assert "TERM=dumb" in said(t)
    assert drawn(t) == ""


def test_output_that_is_no_terminal_goes_line_by_line(terminal: MakeTerminal) -> None:
    t = terminal(typed=["", "-12", "q"], shows=False)
    assert run("circuits", terminal=t) == 0
    assert "−12: right." in said(t)
    assert place().answers["the-value"].right


def test_input_that_is_no_terminal_plays_by_itself(terminal: MakeTerminal) -> None:
    t = terminal(shows=True, types=False)
    assert run("circuits", terminal=t) == 0
    assert "playing with the right answers" in " ".join(said(t).split())
    assert "Step 15 of 15" in said(t)
    assert Progress().places == {}


def test_the_film(terminal: MakeTerminal, lesson: Lesson, learner: Learner) -> None:
    slept: list[float] = []
    t = terminal()
    runner.film(learner(lesson), t.console, slept.append)
    assert f"step {len(lesson.steps)} of {len(lesson.steps)}" in drawn(t)
    questions = sum(s.question is not None for s in lesson.steps)
    assert len(slept) == len(lesson.steps) + 2 * questions
    assert all(1 <= seconds < 60 for seconds in slept)


# Wrong requests -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "words"), [("circuit", "Did you mean circuits?"), ("tensor", "tensors?"), ("17", "circuits (2)")]
)
def test_an_unknown_lesson(wanted: str, words: str, terminal: MakeTerminal) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        run(wanted, terminal=terminal())


def test_two_lessons(terminal: MakeTerminal) -> None:
    with pytest.raises(UsageError, match="takes one lesson"):
        run("circuits", "tensors", terminal=terminal())


def test_reset_needs_a_name(terminal: MakeTerminal) -> None:
    with pytest.raises(UsageError, match="reset NAME"):
        run("reset", terminal=terminal())


def test_answers_need_a_lesson(terminal: MakeTerminal, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--answers needs the lesson"):
        run(answers=tmp_path / "a", terminal=terminal())


def test_a_missing_file_of_answers(terminal: MakeTerminal, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run("circuits", answers=tmp_path / "none", terminal=terminal())


def test_a_file_of_answers_that_is_no_text(terminal: MakeTerminal, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(DataError, match="UTF-8"):
        run("circuits", answers=tmp_path / "a", terminal=terminal())


def test_a_step_that_takes_its_time_says_so(
    terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch, pictures: Lesson
) -> None:
    from tutorials.learning.progress import Place
    from tutorials.learning.recording import record

    monkeypatch.setattr(runner, "PATIENCE", 0.0)
    slow = replace(pictures, steps=(pictures.steps[0], Step("slow", code="import time\ntime.sleep(0.05)\nprint(7)")))
    t = terminal(["right", "q"])
    session = Session(slow, record(slow), Place())
    runner.Runner(session, t.console, t.keys, lambda: None).run()
    assert "Running the code of step 2." in drawn(t)
    assert session.page.output == ("7",)


def test_the_card_at_the_end_and_the_next_lesson(terminal: MakeTerminal, learner: Learner) -> None:
    t = terminal([*all_right(CIRCUITS, learner), "n", "right", "q"])
    assert run("circuits", terminal=t) == 0
    shown = drawn(t)
    assert "2 · Circuits: some questions are still open" not in shown
    assert "right at once  10" in shown
    assert "Rumelhart" in shown
    assert "3 · Tensors" in shown
    assert "Tensors: your place is kept, step 2 of 16" in said(t)


def test_the_card_says_where_it_was_hard(terminal: MakeTerminal) -> None:
    t = terminal(["right", *"12", "enter", "?", *"-12", "enter", "g", "9", "9", "enter", "right", "left", "q"])
    shown = take(t)
    assert "step  2  the value: 2 tries, 1 hint" in shown
    assert "still open     step 3, 4" in shown
    assert "step 15 of 15" in said(t)


def test_search_within_a_lesson(terminal: MakeTerminal) -> None:
    take(terminal(["/", *"lenet", "enter"]))
    assert CIRCUITS.steps[place().step].name == "the-count"


def test_e_opens_the_learner_s_editor(terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    called: list[list[str]] = []
    monkeypatch.setenv("EDITOR", "ed -s")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setattr("subprocess.run", lambda words, check: called.append(words))
    t = terminal(["g", "1", "4", "enter", "e"])
    assert "Enter runs and checks it." in take(t)
    assert called == [["ed", "-s", str(state / "exercises" / "circuits-by-hand.py")]]
    monkeypatch.setenv("EDITOR", "'")
    assert "could not be started" in take(terminal(["e"]))


@pytest.mark.parametrize(("there", "opened"), [({"vi", "nano"}, "nano"), ({"vi"}, ""), ({"notepad"}, "notepad")])
def test_without_a_named_editor_one_is_taken_that_a_beginner_can_leave(
    there: set[str], opened: str, terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    called: list[list[str]] = []
    for name in ("EDITOR", "VISUAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("shutil.which", lambda name: name if name in there else None)
    monkeypatch.setattr("subprocess.run", lambda words, check: called.append(words))
    text = take(terminal(["g", "1", "4", "enter", "e"]))
    assert [words[0] for words in called] == [opened] * bool(opened)
    assert ("Enter runs and checks it." if opened else "Open it in your editor") in text


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_whole_lesson_in_a_window_of_any_size(
    size: tuple[int, int], terminal: MakeTerminal, learner: Learner
) -> None:
    t = terminal(["r", "x", "e", "escape", "x", *all_right(CIRCUITS, learner), "x"], width=size[0], height=size[1])
    take(t)
    for frame in t.console.file.getvalue().split("\x1b[2J")[1:-1]:  # type: ignore[attr-defined]
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame)
        assert text.count("\n") == size[1] - 1
        assert max(map(len, text.split("\n"))) <= size[0]
    assert place().finished
