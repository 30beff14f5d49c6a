"""Exercises in one's own editor: run in a process of their own, checked from the top, the failing line pointed at."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from minidl.errors import DataError, UsageError
from tutorials.command import Terminal, run
from tutorials.learning import workbench
from tutorials.learning.checking import Printed, nudge, same
from tutorials.learning.checking import run as run_here
from tutorials.learning.progress import Progress
from tutorials.learning.session import Session
from tutorials.lesson import Check, Lesson, Mistake, Program
from tutorials.lessons import LESSONS
from tutorials.lessons.circuits import CIRCUITS
from tutorials.terminal.screen import styled

Learner = Callable[..., Session]
MakeTerminal = Callable[..., Terminal]

SIGMOID = Program(
    ask=("The slope of the sigmoid?",),
    file="def slope(x):\n    return 0.0\n",
    checks=(
        Check("slope(0.0)", "0.25", mistakes=(Mistake("0.5", "that is the value."),)),
        Check("slope(6.0)", "nudge(lambda x: 1 / (1 + np.exp(-x)), 6.0)", "far out {got}; the referee has {want}."),
    ),
    hints=("weak", "strong"),
    solution="import math\ndef slope(x):\n    s = 1 / (1 + math.exp(-x))\n    return s * (1 - s)\n",
)


def report(source: str, seconds: float = 10) -> workbench.Report:
    return workbench.check(SIGMOID, source, "mine.py", seconds)


def told(source: str) -> dict[str, object]:
    """The same run, in this process: quicker."""
    checks = [{"got": c.got, "want": c.want, "say": c.say, "mistakes": []} for c in SIGMOID.checks]
    checks[0]["mistakes"] = [["0.5", "that is the value."]]
    return run_here({"given": "", "source": source, "path": "mine.py", "checks": checks})


def test_a_solution_passes_in_a_process_of_its_own() -> None:
    came = report("print('hello')\n" + SIGMOID.solution)
    assert came.right
    assert (came.passed, came.checks, came.printed) == (2, 2, "hello\n")


@pytest.mark.parametrize(
    ("source", "passed", "line", "words"),
    [
        ("def slope(x):\n    return 0.5\n", 0, 2, "slope(0.0): that is the value."),
        ("def slope(x):\n    if x:\n        return 9.0\n    return 0.25\n", 1, 3, "far out 9; the referee has 0.00246"),
        ("def slope(x):\n    y = 1\n    return y / 0\n", 0, 3, "ZeroDivisionError: division by zero"),
        ("def slope(x:\n    return 1\n", 0, 1, "Python cannot read this"),
        ("x = 1\n", 0, 0, "NameError: name 'slope' is not defined"),
        ("import sys\nsys.exit()\n", 0, 2, "leave exit() out"),
        ("def slope(x):\n    return 'red'\n", 0, 2, "red came out where 0.25 was wanted."),
        ("def slope(x):\n    return input()\n", 0, 2, "EOFError"),
    ],
)
def test_the_first_failing_line_is_pointed_at(source: str, passed: int, line: int, words: str) -> None:
    came = report(source) if "input" in source else told(source)
    found = vars(came) if isinstance(came, workbench.Report) else came
    assert (found["passed"], found["line"]) == (passed, line)
    assert words in str(found["say"])


def test_a_loop_without_an_end_is_stopped_and_its_line_named() -> None:
    came = report("def slope(x):\n    while True:\n        pass\n", seconds=1.5)
    assert not came.right
    assert came.line in (2, 3)
    assert "a loop without an end?" in came.say


def test_a_process_that_vanishes_is_no_dead_end() -> None:
    came = report("import os\nos._exit(3)\n")
    assert "ended its process" in came.say
    assert "0 of 2 checks" in came.in_words()


def test_a_thread_that_goes_on_does_not_keep_the_learner_waiting() -> None:
    start = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
    assert report(start + SIGMOID.solution).right


def test_what_is_printed_is_cut_and_never_mistaken_for_the_answer() -> None:
    out = Printed()
    for _ in range(5000):
        out.write("spam")
    assert len(out.getvalue()) == 2000
    came = report("import os\nos.write(1, b'{\"passed\": 2}')\n" + SIGMOID.file)
    assert (came.passed, came.right) == (0, False)


def test_the_referee() -> None:
    assert math.isclose(nudge(lambda x: x**3, 2.0), 12, rel_tol=1e-8)
    assert same(nudge(lambda v: v[0] * v[1], [2.0, 5.0]), [5.0, 2.0])
    assert same(True, True)
    assert not same(0.5, True)
    assert not same("red", 3.0)


PROGRAMS = [(lesson, step) for lesson in LESSONS for step in lesson.steps if isinstance(step.question, Program)]


@pytest.mark.parametrize(("lesson", "step"), PROGRAMS, ids=[f"{lesson.name}-{s.name}" for lesson, s in PROGRAMS])
def test_the_file_as_given_fails_and_the_solution_passes(lesson: Lesson, step: object) -> None:
    program = step.question  # type: ignore[attr-defined]
    given, solved = (workbench.check(program, source) for source in (program.file, program.solution))
    assert not given.right
    assert given.say
    assert solved.right, solved.say


def test_the_file_is_written_once_and_checked_by_enter(terminal: MakeTerminal, state: Path) -> None:
    number = str([s.name for s in CIRCUITS.steps].index("by-hand") + 1)
    goes = ["g", *number, "enter"]
    t = terminal([*goes, "enter", "e"])
    assert run("circuits", terminal=t) == 0
    path = state / "exercises" / "circuits-by-hand.py"
    assert "The file is still as it was given." in t.console.file.getvalue()  # type: ignore[attr-defined]
    assert Progress().places[CIRCUITS.key].answers == {}
    path.write_text(path.read_text(encoding="utf-8").replace("df_dz = 0.0", "df_dz = q"), encoding="utf-8")
    t = terminal(["enter"])
    assert run("circuits", terminal=t) == 0
    assert "return df_dx, df_dy, df_dz" in t.console.file.getvalue()  # type: ignore[attr-defined]
    path.write_text(path.read_text(encoding="utf-8").replace("df_dq = 0.0", "df_dq = z"), encoding="utf-8")
    assert run("circuits", terminal=terminal(["enter"])) == 0
    answer = Progress().places[CIRCUITS.key].answers["by-hand"]
    assert (answer.given, answer.right) == (["a file", "a file"], True)


def test_the_answer_can_be_seen_without_a_file(learner: Learner) -> None:
    session = learner(CIRCUITS, "by-hand")
    session.next()
    assert "→ shows the answer" in session.message
    session.next()
    assert not session.open
    assert "    df_dq = z" in session.page.code


def test_a_file_says_which_exercise_it_is(tmp_path: Path) -> None:
    step = next(s for s in CIRCUITS.steps if s.name == "by-hand")
    assert workbench.exercise_of(workbench.source_of(CIRCUITS, step, "")) == ("circuits", "by-hand")
    with pytest.raises(UsageError, match="does not say which exercise"):
        workbench.exercise_of("x = 1\n")
    (tmp_path / "a.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        workbench.read(tmp_path / "a.py")


@pytest.mark.parametrize(
    ("line", "plain", "bold"),
    [
        ("dx = np.dot(W.T, g*z * (1 - z))", "dx = np.dot(W.T, g*z * (1 - z))", []),
        ("a*b*c and 2 *x * y**2 * z", "a*b*c and 2 *x * y**2 * z", []),
        ("(*leaky* ReLU), *is* σ: *All of it.*", "(leaky ReLU), is σ: All of it.", ["leaky", "is", "All of it."]),
    ],
)
def test_the_products_of_ones_own_code_are_no_marks_of_emphasis(line: str, plain: str, bold: list[str]) -> None:
    text = styled(line)
    assert text.plain.strip() == plain
    assert [text.plain[span.start : span.end] for span in text.spans if span.style == "bold"] == bold
