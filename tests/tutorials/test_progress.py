"""The progress file: readable, atomic, never lost."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from minidl.errors import UsageError
from tutorials.command import Terminal, run
from tutorials.learning import progress, workbench
from tutorials.learning.progress import Answer, Place, Progress
from tutorials.lessons import LESSONS
from tutorials.lessons.circuits import CIRCUITS

MakeTerminal = Callable[..., Terminal]


def said(terminal: Terminal) -> str:
    return " ".join(terminal.out.getvalue().split())  # type: ignore[attr-defined]


def filled() -> Progress:
    kept = Progress()
    kept.places["circuits@2"] = Place(3, 5, False, {"the-value": Answer(["12", "-12"], True, True, 1)})
    kept.save("circuits@2")
    return kept


def test_what_was_saved_is_read(state: Path) -> None:
    kept = filled()
    assert Progress().places == kept.places
    assert (state / "progress.json").exists()


def test_the_file_is_readable(state: Path) -> None:
    filled()
    data = json.loads((state / "progress.json").read_text(encoding="utf-8"))
    assert data == {
        "format": 1,
        "lessons": {
            "circuits@2": {
                "step": 3,
                "furthest": 5,
                "finished": False,
                "answers": {"the-value": {"given": ["12", "-12"], "settled": True, "right": True, "hints": 1}},
            }
        },
    }


def test_two_windows_do_not_undo_each_other() -> None:
    one, two = Progress(), Progress()
    one.place("circuits@2").step = 4
    one.save("circuits@2")
    two.place("tensors@2").step = 7
    two.save("tensors@2")
    assert {key: place.step for key, place in Progress().places.items()} == {"circuits@2": 4, "tensors@2": 7}


def test_two_windows_of_one_lesson_keep_what_was_answered_in_either() -> None:
    one, two = Progress(), Progress()
    right, wrong = Answer(["-12"], True, True, 0), Answer(["4"], False, False, 0)
    one.place("circuits@2").answers = {"the-value": right, "the-rate": wrong}
    one.place("circuits@2").furthest = 9
    one.save("circuits@2")
    two.place("circuits@2").answers = {"the-value": wrong, "the-rate": right, "one-gate": right}
    two.save("circuits@2")
    place = Progress().places["circuits@2"]
    assert place.answers == {"the-value": right, "the-rate": right, "one-gate": right}
    assert place.furthest == 9


def test_another_version_of_a_lesson_is_kept_and_not_used(terminal: MakeTerminal) -> None:
    kept = Progress()
    kept.places["circuits@0"] = Place(9, 9)
    kept.save("circuits@0")
    t = terminal(shows=False)
    run(terminal=t)
    assert "new version" in said(t)
    run("circuits", plain=True, terminal=terminal(typed=[""]))
    assert Progress().places["circuits@0"].step == 9
    assert Progress().places["circuits@2"].step == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"format": 1}', b'{"format": 1, "lessons": []}', b"\xff\xfe\x00", b"[" * 100_000],
)
def test_a_damaged_file_is_moved_aside_and_the_lesson_goes_on(
    content: bytes, state: Path, terminal: MakeTerminal
) -> None:
    state.mkdir()
    (state / "progress.json").write_bytes(content)
    t = terminal(typed=["", "q"])
    assert run("circuits", plain=True, terminal=t) == 0
    assert (state / "progress.json.bad").read_bytes() == content
    assert "it was moved to progress.json.bad" in said(t)
    assert Progress().places["circuits@2"].step == 1


def test_a_second_damaged_file_does_not_overwrite_the_first(state: Path) -> None:
    state.mkdir()
    for content in ("first", "second"):
        (state / "progress.json").write_text(content, encoding="utf-8")
        Progress()
    assert (state / "progress.json.bad").read_text(encoding="utf-8") == "first"
    assert (state / "progress.json.bad2").read_text(encoding="utf-8") == "second"


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"step": "3", "furthest": 3, "finished": False, "answers": {}},
        {"step": -1, "furthest": 0, "finished": False, "answers": {}},
        {"step": True, "furthest": 1, "finished": False, "answers": {}},
        {"step": 1, "furthest": 1, "finished": False, "answers": {"a": 5}},
    ],
)
def test_one_damaged_lesson_does_not_cost_the_others(entry: object, state: Path) -> None:
    filled()
    data = json.loads((state / "progress.json").read_text(encoding="utf-8"))
    data["lessons"]["tensors@2"] = entry
    (state / "progress.json").write_text(json.dumps(data), encoding="utf-8")
    kept = Progress()
    assert list(kept.places) == ["circuits@2"]
    assert "damaged at tensors@2" in kept.notices[0]
    assert (state / "progress.json.bad").exists()
    assert Progress().places == kept.places


def test_a_place_beyond_the_lesson_is_brought_back(state: Path, terminal: MakeTerminal) -> None:
    kept = Progress()
    kept.places["circuits@2"] = Place(99, 99)
    kept.save("circuits@2")
    assert run("circuits", plain=True, terminal=terminal(typed=["q"])) == 0
    assert Progress().places["circuits@2"].step == 14


def test_answers_that_make_no_sense_do_no_harm(terminal: MakeTerminal) -> None:
    kept = Progress()
    senseless = {name: Answer([given], True, True, 7) for name, given in
                 {"the-value": "zebra", "turn-x-up": "z", "your-turn": "ä", "gone": "1"}.items()}  # fmt: skip
    for step in range(14):
        kept.places["circuits@2"] = Place(step, 13, False, senseless | {"the-rate": Answer([], True, True, 0)})
        kept.save("circuits@2")
        assert run("circuits", terminal=terminal(["q"])) == 0


def test_a_file_of_a_newer_minidl_is_left_alone(state: Path, terminal: MakeTerminal) -> None:
    state.mkdir()
    text = '{"format": 2, "lessons": "of another kind"}'
    (state / "progress.json").write_text(text, encoding="utf-8")
    t = terminal(typed=["", "q"])
    assert run("circuits", plain=True, terminal=t) == 0
    assert (state / "progress.json").read_text(encoding="utf-8") == text
    assert "newer minidl" in said(t)
    assert "the place is not kept" in said(t)


def test_a_folder_that_cannot_be_written_does_not_stop_the_lesson(state: Path, terminal: MakeTerminal) -> None:
    state.write_text("a file where the folder should be", encoding="utf-8")
    t = terminal(typed=["", "-12", "", "q"])
    assert run("circuits", plain=True, terminal=t) == 0
    assert "Step 3 of 15" in said(t)
    assert "the place is not kept" in said(t)
    assert state.read_text(encoding="utf-8") == "a file where the folder should be"


@pytest.mark.skipif(
    sys.platform == "win32" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="needs permissions"
)
def test_a_file_that_cannot_be_read_is_left_alone(state: Path, terminal: MakeTerminal) -> None:
    filled()
    (state / "progress.json").chmod(0)
    t = terminal(typed=["q"])
    assert run("circuits", plain=True, terminal=t) == 0
    assert "cannot be read" in said(t)


def test_reset_forgets_one_lesson_only(terminal: MakeTerminal) -> None:
    kept = filled()
    kept.place("tensors@2").step = 2
    kept.save("tensors@2")
    t = terminal()
    assert run("reset", "2", terminal=t) == 0
    assert "Circuits starts afresh." in said(t)
    assert list(Progress().places) == ["tensors@2"]
    t = terminal()
    assert run("reset", "circuits", terminal=t) == 0
    assert "nothing to reset" in said(t)


def test_reset_of_all_keeps_what_was_there(terminal: MakeTerminal, state: Path) -> None:
    filled()
    t = terminal()
    assert run("reset", "all", terminal=t) == 0
    assert Progress().places == {}
    assert "All lessons start afresh." in said(t)
    assert "circuits@2" in (state / "progress-before-reset.json").read_text(encoding="utf-8")
    t = terminal()
    assert run("reset", "all", terminal=t) == 0
    assert "nothing to reset" in said(t)
    assert "circuits@2" in (state / "progress-before-reset.json").read_text(encoding="utf-8")


def test_reset_of_all_that_cannot_keep_them_does_nothing(
    terminal: MakeTerminal, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled()
    (state / "progress-before-reset.json").mkdir()
    t = terminal()
    assert run("reset", "all", terminal=t) == 1
    assert "Nothing has been reset" in said(t)
    assert "circuits@2" in Progress().places


def test_reset_begins_a_file_afresh_and_keeps_the_learner_s(terminal: MakeTerminal, state: Path) -> None:
    filled()
    step = next(step for step in CIRCUITS.steps if step.name == "by-hand")
    file = workbench.prepare(CIRCUITS, step)
    assert run("reset", "circuits", terminal=terminal()) == 0
    assert not file.exists()  # it was as given
    workbench.prepare(CIRCUITS, step)
    file.write_text("x = 1\n", encoding="utf-8")
    t = terminal()
    run("reset", "circuits", terminal=t)
    assert "circuits-by-hand.old.py" in said(t)
    assert file.with_name("circuits-by-hand.old.py").read_text(encoding="utf-8") == "x = 1\n"
    assert not file.exists()


def test_reset_of_an_unknown_lesson(terminal: MakeTerminal) -> None:
    with pytest.raises(UsageError, match="Did you mean circuits"):
        run("reset", "circuit", terminal=terminal())


def test_the_usual_folder_is_the_system_s(monkeypatch: pytest.MonkeyPatch) -> None:
    platformdirs = pytest.importorskip("platformdirs")
    monkeypatch.delenv("MINIDL_STATE")
    assert progress.folder() == Path(platformdirs.user_state_dir("minidl", appauthor=False))


# The list -----------------------------------------------------------------------------------------------------------


def test_the_list_shows_each_lesson_its_promise_and_its_progress(terminal: MakeTerminal) -> None:
    filled()
    t = terminal(shows=False)
    assert run(terminal=t) == 0
    text = t.out.getvalue()  # type: ignore[attr-defined]
    rows = [" ".join(row.split()) for row in text.splitlines()]
    assert "2 Circuits step 4 of 15 14 min circuits" in rows
    assert any(row.startswith("3 Tensors not begun") for row in rows)
    assert len({row.index(" min") for row in text.splitlines() if " min " in row}) == 1  # in columns
    assert max(map(len, text.splitlines())) < 80
    assert "Find every gradient of a formula in one pass, and check it by nudging." in text


def test_the_list_offers_to_resume(terminal: MakeTerminal) -> None:
    filled()
    t = terminal(keys=["enter", "right", "q"])
    assert run(terminal=t) == 0
    assert "Circuits: your place is kept, step 4 of 15" in said(t)
    t = terminal(typed=["", "q"])
    assert run(plain=True, terminal=t) == 0
    assert "Circuits: your place is kept, step 4 of 15" in said(t)


def test_the_list_takes_a_number_and_asks_again_for_what_it_does_not_know(terminal: MakeTerminal) -> None:
    t = terminal(typed=["77", "3", "", "q"])
    assert run(plain=True, terminal=t) == 0
    assert "there is no lesson '77'" in said(t)
    assert "Tensors: your place is kept, step 2 of 16" in said(t)


@pytest.mark.parametrize("typed", [["q"], []])
def test_the_list_can_be_left(typed: list[str], terminal: MakeTerminal) -> None:
    assert run(plain=True, terminal=terminal(typed=typed)) == 0
    assert run(terminal=terminal(keys=typed)) == 0
    assert Progress().places == {}


def test_the_list_on_the_screen_is_searched_and_numbered(terminal: MakeTerminal) -> None:
    filled()
    t = terminal(["/", *"jacobian", "enter", "q"])
    assert run(terminal=t) == 0
    assert "Tensors: your place is kept, step 1 of" in said(t)
    shown = t.console.file.getvalue()  # type: ignore[attr-defined]
    assert "step 4 of 15" in shown
    assert "Find every gradient of a formula in one pass" in shown
    t = terminal(["/", *"zebra", "enter", "backspace", "escape"])
    assert run(terminal=t) == 0
    assert "Nothing here speaks of “zebra”." in t.console.file.getvalue()  # type: ignore[attr-defined]
    t = terminal(["3", "enter", "q"])
    assert run(terminal=t) == 0
    assert "Tensors" in said(t)


def test_a_number_without_a_lesson_leads_nowhere(terminal: MakeTerminal) -> None:
    t = terminal(["1", "3", "enter", "escape"])
    assert run(terminal=t) == 0
    assert "there is no 13 here" in t.console.file.getvalue()  # type: ignore[attr-defined]
    assert Progress().places == {}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_list_has_room_for_every_lesson(size: tuple[int, int], terminal: MakeTerminal) -> None:
    filled()
    t = terminal(["down", "escape"], width=size[0], height=size[1])
    assert run(terminal=t) == 0
    frame = t.console.file.getvalue().split("\x1b[2J")[1]  # type: ignore[attr-defined]
    rows = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame).split("\n")
    for lesson in LESSONS:
        assert (
            sum(f"{lesson.number:>3}  {lesson.title} " in row and f"{lesson.minutes} min" in row for row in rows) == 1
        )
    assert f"0 of {len(LESSONS)} done" in rows[0]
    assert len(rows) == size[1]


def test_answers_survive_a_new_version_of_a_lesson(terminal: MakeTerminal) -> None:
    kept = Progress()
    right = Answer(["-12"], True, True, 0)
    kept.places["circuits@1"] = Place(5, 9, False, {"the-value": right, "a-step-that-is-gone": right})
    kept.save("circuits@1")
    assert run("circuits", plain=True, terminal=terminal(typed=["q"])) == 0
    place = Progress().places["circuits@2"]
    assert place.answers == {"the-value": right}
    assert place.furthest == 1
    assert run("reset", "circuits", terminal=terminal()) == 0
    assert Progress().places == {}


def test_what_this_minidl_does_not_know_stays_in_the_file(state: Path) -> None:
    filled()
    path = state / "progress.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    entry = {"step": 1, "furthest": 2, "finished": False, "answers": {}, "stars": 5}
    data |= {"theme": "dark", "lessons": data["lessons"] | {"of-another-course@7": entry}}
    path.write_text(json.dumps(data), encoding="utf-8")
    progress_ = Progress()
    progress_.place("tensors@2").step = 2
    progress_.save("tensors@2")
    after = json.loads(path.read_text(encoding="utf-8"))
    assert after["theme"] == "dark"
    assert after["lessons"]["of-another-course@7"] == entry
    assert after["lessons"]["tensors@2"]["step"] == 2
